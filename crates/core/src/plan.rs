//! The plan: every step between what the TOML wants and what is live, in an order that only edges
//! decide. A value: printed, saved, and carried out as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use serde::Serialize;
use serde_json::{Value, json};

use crate::address::Address;
use crate::erased::{AnyLive, AnySpec};
use crate::fields::{Effect, FieldChange};
use crate::kind::{Impact, Loss};
use crate::mark::{Identity, Mark, Tags};
use crate::said::Said;

/// All steps, and all that is to be said beside them.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The stack and where it stands.
    pub identity: Identity,
    /// The stage it is to stand on; empty for a one-file stack and for a teardown.
    pub stage: String,
    /// The steps. A step's number is its place here.
    pub steps: Vec<Step>,
    /// What is not allowed; with any, nothing is carried out.
    pub refusals: Vec<Refusal>,
    /// What the TOML of this stage does not name and is kept all the same.
    pub kept: Vec<Kept>,
    /// What is to go and lives on for a while: traffic has left it, and may have to come back.
    pub soaking: Vec<Soaking>,
    /// What is worth saying and changes nothing.
    pub notes: Vec<Note>,
    /// How many resources are as they should be.
    pub unchanged: usize,
}

/// One step: an address and a part of what is to happen to it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which resource.
    pub address: Address,
    /// Its kind.
    pub kind: &'static str,
    /// The region it is in, if that is not the home region.
    pub region: Option<String>,
    /// What happens.
    pub action: Action,
    /// The properties concerned.
    pub changes: Vec<FieldChange>,
    /// Which stage, variable or fact wants it.
    pub why: String,
    /// What it does to people.
    pub impact: Impact,
    /// What stays of what it deletes: `a final snapshot`.
    pub leaves: Option<&'static str>,
    /// Typical minutes.
    pub minutes: f64,
    /// Seconds to rest before it: requests may still come to what it deletes.
    pub rest: u32,
    /// What must serve before it, where it leads traffic onto another path: all that is on that.
    pub gates: Vec<Gate>,
    /// The steps that must be done before.
    pub needs: Vec<usize>,
    /// Why a person must allow it first; then it and what needs it wait.
    pub held: Option<String>,
    /// What is live of it, where something is.
    pub live: Option<AnyLive>,
    /// What is wanted of it, as far as it is known.
    pub spec: Option<AnySpec>,
}

/// One thing on the path that a step leads traffic onto.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Which resource.
    pub address: Address,
    /// Its kind.
    pub kind: &'static str,
    /// The region it is in, if that is not the home region.
    pub region: Option<String>,
    /// What is live of it; nothing if it is yet to be made.
    pub live: Option<AnyLive>,
    /// What is awaited of it beyond its being ready: `healthy targets of`.
    pub awaited: Option<&'static str>,
}

impl Gate {
    /// What is awaited, for people: `healthy targets of target_group.web`. Nothing if that is only that it is
    /// there.
    pub fn words(&self) -> Option<String> {
        let awaited = self.awaited?;
        Some(format!("{awaited} {}", self.address))
    }
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Makes it, and sets all that can be set at once.
    Create {
        /// The mark it is created with.
        mark: Box<Mark>,
        /// Whether an older one gives way to it.
        replaces: bool,
    },
    /// Waits until what exists already is ready.
    Wait(String),
    /// Waits until a namesake that is being deleted is gone.
    WaitGone,
    /// Sets, after a creation, what names others.
    Late,
    /// Adds elements.
    Grow,
    /// Changes properties.
    Update,
    /// Drops elements.
    Shrink,
    /// Sets and removes tags.
    Tag {
        /// Tags to set.
        set: Tags,
        /// Keys to remove.
        unset: Vec<String>,
    },
    /// Empties a late property before a deletion.
    Clear(&'static str),
    /// Lifts AWS's protection before a deletion.
    Unprotect,
    /// Notes on what is to go for how many seconds requests may still come, before they are led elsewhere:
    /// a run that is cut off would else forget it.
    Leave(u32),
    /// Notes on what is to go since when it is left: a later run deletes it, so long after that.
    Soak(Duration),
    /// Deletes it.
    Delete(Reason),
}

/// Why something is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The TOML takes it out.
    Removed,
    /// The TOML no longer says a word of it.
    Orphan,
    /// Another generation has taken its place.
    Superseded,
    /// The same creation was carried out twice.
    Twin,
    /// Its creation failed.
    Broken,
    /// Only higher stages want it.
    Lowered,
    /// Everything goes.
    Destroyed,
}

/// A label on steps, never a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Movement {
    /// Adds.
    Build,
    /// Alters.
    Switch,
    /// Takes away.
    Retire,
}

impl Action {
    /// Its movement.
    pub fn movement(&self) -> Movement {
        match self {
            Self::Create { .. }
            | Self::Wait(_)
            | Self::WaitGone
            | Self::Late
            | Self::Grow
            | Self::Leave(_) => Movement::Build,
            Self::Update | Self::Tag { .. } | Self::Soak(_) => Movement::Switch,
            Self::Shrink | Self::Clear(_) | Self::Unprotect | Self::Delete(_) => Movement::Retire,
        }
    }

    /// Its word in plans and saved files.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create {
                replaces: false, ..
            } => "create",
            Self::Create { replaces: true, .. } => "replace",
            Self::Wait(_) | Self::WaitGone => "wait",
            Self::Late => "set",
            Self::Grow => "add",
            Self::Update => "update",
            Self::Shrink => "drop",
            Self::Tag { .. } => "tag",
            Self::Clear(_) => "clear",
            Self::Unprotect => "unprotect",
            Self::Leave(_) => "leave",
            Self::Soak(_) => "soak",
            Self::Delete(_) => "delete",
        }
    }
}

/// Something the plan must not do without consent.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Of which resource.
    pub address: Address,
    /// What would be lost, or what cannot be done.
    pub what: String,
    /// The loss to consent to, where consent helps.
    pub loss: Option<Loss>,
    /// What to do, one way a line.
    pub ways: Vec<String>,
}

/// Something kept though this stage does not name it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Which resource.
    pub address: Address,
    /// Why.
    pub why: String,
}

/// Something that a later apply deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soaking {
    /// Which resource.
    pub address: Address,
    /// Until when, in RFC 3339, where that is its own; else it waits for another that soaks.
    pub until: Option<String>,
    /// What takes it away.
    pub why: String,
}

/// Something worth saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Of which resource, if of one.
    pub address: Option<Address>,
    /// The text.
    pub text: String,
}

/// The plan in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// How many resources are created, changed, replaced, deleted.
    pub create: usize,
    /// Changed in place.
    pub change: usize,
    /// Replaced.
    pub replace: usize,
    /// Deleted for good.
    pub delete: usize,
    /// As they should be.
    pub unchanged: usize,
    /// The worst impact of any step.
    pub impact: Impact,
    /// Minutes of the longest path.
    pub minutes: f64,
    /// The addresses along the longest path.
    pub path: Vec<Address>,
}

impl Plan {
    /// Whether there is nothing to do. What only soaks is nothing to do yet.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refusals.is_empty()
    }

    /// The steps as a graph: an edge leads from what comes first to what needs it.
    pub fn graph(&self) -> DiGraph<usize, ()> {
        let mut graph = DiGraph::with_capacity(self.steps.len(), self.steps.len() * 2);
        let nodes: Vec<NodeIndex> = (0..self.steps.len())
            .map(|step| graph.add_node(step))
            .collect();
        for (step, node) in self.steps.iter().zip(&nodes) {
            for need in &step.needs {
                graph.add_edge(nodes[*need], *node, ());
            }
        }
        graph
    }

    /// For each step the minutes from its start to the end of all that waits for it.
    pub fn remaining(&self) -> Vec<f64> {
        let graph = self.graph();
        let mut remaining = vec![0.0; self.steps.len()];
        let Ok(order) = toposort(&graph, None) else {
            return remaining;
        };
        for node in order.into_iter().rev() {
            let after = graph.neighbors(node).map(|next| remaining[next.index()]);
            let longest = after.fold(0.0_f64, f64::max);
            remaining[node.index()] = self.steps[node.index()].minutes + longest;
        }
        remaining
    }

    /// For each step how many others must be done before it, one after the other.
    pub fn depths(&self) -> Vec<usize> {
        let graph = self.graph();
        let mut depths = vec![0; self.steps.len()];
        for node in toposort(&graph, None).unwrap_or_default() {
            let before = self.steps[node.index()]
                .needs
                .iter()
                .map(|need| depths[*need] + 1);
            depths[node.index()] = before.max().unwrap_or(0);
        }
        depths
    }

    /// The plan in one line: counts, worst impact, longest path.
    pub fn verdict(&self) -> Verdict {
        let mut what: BTreeMap<&Address, &str> = BTreeMap::new();
        for step in &self.steps {
            let word = match &step.action {
                Action::Create { replaces: true, .. } => "replace",
                Action::Create { .. } => "create",
                Action::Delete(_) => "delete",
                Action::Wait(_) | Action::WaitGone => "wait",
                _ => "change",
            };
            let entry = what.entry(&step.address).or_insert(word);
            if rank(word) > rank(entry) {
                *entry = word;
            }
        }
        let count = |word: &str| what.values().filter(|found| **found == word).count();
        let remaining = self.remaining();
        Verdict {
            create: count("create"),
            change: count("change"),
            replace: count("replace"),
            delete: count("delete"),
            unchanged: self.unchanged,
            impact: self
                .steps
                .iter()
                .map(|step| step.impact)
                .max()
                .unwrap_or_default(),
            minutes: remaining.iter().copied().fold(0.0, f64::max),
            path: self.longest_path(&remaining),
        }
    }

    fn longest_path(&self, remaining: &[f64]) -> Vec<Address> {
        let longest = |steps: &mut dyn Iterator<Item = usize>| {
            steps.max_by(|a, b| remaining[*a].total_cmp(&remaining[*b]))
        };
        let graph = self.graph();
        let mut path: Vec<Address> = Vec::new();
        let mut at = longest(&mut (0..self.steps.len()));
        while let Some(step) = at {
            if path.last() != Some(&self.steps[step].address) {
                path.push(self.steps[step].address.clone());
            }
            at = longest(&mut graph.neighbors(NodeIndex::new(step)).map(NodeIndex::index));
        }
        path
    }

    /// The plan as data: for `--format json`, and to be saved and compared with a later one.
    pub fn to_json(&self) -> Value {
        json!({
            "format": 1,
            "stack": self.identity.stack,
            "environment": self.identity.environment,
            "account": self.identity.account,
            "region": self.identity.region,
            "stage": self.stage,
            "steps": self.steps.iter().map(Step::to_json).collect::<Vec<_>>(),
            "refused": self.refusals.iter().map(Refusal::to_json).collect::<Vec<_>>(),
            "kept": self.kept.iter()
                .map(|kept| json!({ "address": kept.address, "why": kept.why }))
                .collect::<Vec<_>>(),
            "soaking": self.soaking.iter()
                .map(|one| json!({ "address": one.address, "until": one.until, "why": one.why }))
                .collect::<Vec<_>>(),
            "notes": self.notes.iter()
                .map(|note| json!({ "address": note.address, "text": note.text }))
                .collect::<Vec<_>>(),
            "verdict": self.verdict(),
        })
    }

    /// What this plan holds that `approved` does not: empty if it may go on under that approval. A
    /// step is the same if address, part, fields and values are, and its impact is no worse.
    pub fn beyond(&self, approved: &Value) -> Vec<String> {
        let steps = approved["steps"].as_array().cloned().unwrap_or_default();
        let covered = |step: &Step| {
            let new = step.to_json();
            steps.iter().any(|old| {
                let same = |key: &str| old[key] == new[key];
                let impact = serde_json::from_value::<Impact>(old["impact"].clone());
                ["address", "region", "action", "fields", "tags", "reason"]
                    .iter()
                    .all(|key| same(key))
                    && impact.is_ok_and(|impact| step.impact <= impact)
            })
        };
        let beyond = self.steps.iter().filter(|step| !covered(step));
        beyond
            .map(|step| format!("{} {}", step.action.word(), step.address))
            .collect()
    }
}

fn rank(word: &str) -> u8 {
    match word {
        "replace" => 4,
        "create" => 3,
        "delete" => 2,
        "change" => 1,
        _ => 0,
    }
}

impl Step {
    /// The step as data.
    pub fn to_json(&self) -> Value {
        let fields: Vec<Value> = self.changes.iter().map(change_json).collect();
        let mut step = json!({
            "address": self.address,
            "action": self.action.word(),
            "movement": self.action.movement(),
            "fields": fields,
            "why": self.why,
            "impact": self.impact,
            "leaves": self.leaves,
            "minutes": self.minutes,
            "needs": self.needs,
        });
        if let Some(region) = &self.region {
            step["region"] = region.as_str().into();
        }
        match &self.action {
            Action::Tag { set, unset } => step["tags"] = json!({ "set": set, "unset": unset }),
            Action::Delete(reason) => step["reason"] = json!(reason),
            Action::Soak(time) => step["soak_seconds"] = time.as_secs().into(),
            _ => {}
        }
        if self.rest > 0 {
            step["rest_seconds"] = self.rest.into();
        }
        let awaited: Vec<String> = self.gates.iter().filter_map(Gate::words).collect();
        if !awaited.is_empty() {
            step["awaits"] = json!(awaited);
        }
        if let Some(held) = &self.held {
            step["held"] = held.as_str().into();
        }
        if let Some(live) = &self.live {
            step["id"] = live.id().into();
        }
        step
    }
}

fn change_json(change: &FieldChange) -> Value {
    let said = |said: &Said| match said {
        Said::Nothing => Value::Null,
        Said::Value(value) => value.clone(),
        Said::Later(_) => json!({ "later": true }),
    };
    let effect = match &change.effect {
        Effect::Update => "update",
        Effect::Replace => "replace",
        Effect::Grow => "add",
        Effect::Shrink => "drop",
        Effect::Next(_) => "next",
        Effect::Refuse(_) => "refuse",
    };
    json!({
        "field": change.field,
        "effect": effect,
        "have": said(&change.have),
        "want": said(&change.want),
    })
}

impl Refusal {
    fn to_json(&self) -> Value {
        json!({
            "address": self.address,
            "what": self.what,
            "loss": self.loss,
            "ways": self.ways,
        })
    }
}
