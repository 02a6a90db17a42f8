//! The edges: what must be done before what. Only they order; movements are labels.
//!
//! Creation follows the TOML's references; deletion follows what live resources use, because what
//! goes has no TOML.

mod narrow;
mod networks;
mod retire;
mod traffic;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use indexmap::IndexMap;
use petgraph::algo::tarjan_scc;
use petgraph::graph::NodeIndex;

use super::decide::is_late;
use super::paths::Arrival;
use super::{Decision, Draft, Input, Trouble};
use crate::address::Address;
use crate::kind::Impact;
use crate::known::Known;
use crate::plan::{Action, Plan, Step};
use networks::Networks;

pub(super) use narrow::narrow;

/// Puts all edges in.
pub(super) fn order(input: &Input<'_>, draft: &mut Draft) -> Result<(), Trouble> {
    let mut edges = Edges::new(input, draft);
    edges.within();
    edges.references();
    edges.network();
    edges.replacements();
    edges.deletions();
    edges.paths();
    edges.grant_wishes();
    edges.rest_once();
    let gates = edges.gates();
    let Edges {
        needs,
        clears,
        gaps,
        rests,
        ..
    } = edges;
    let plan = &mut draft.plan;
    for clear in clears {
        plan.steps.push(clear);
    }
    for (step, needs) in plan.steps.iter_mut().zip(&needs) {
        step.needs = needs.iter().copied().collect();
    }
    for (step, gates) in gates {
        plan.steps[step].gates = gates;
    }
    for (step, rest) in rests {
        let step = &mut plan.steps[step];
        step.rest = step.rest.max(rest);
    }
    for step in &mut plan.steps {
        step.minutes += f64::from(step.rest) / 60.0;
    }
    for step in gaps {
        plan.steps[step].impact = plan.steps[step].impact.max(Impact::Outage);
    }
    acyclic(plan)
}

fn acyclic(plan: &Plan) -> Result<(), Trouble> {
    let graph = plan.graph();
    let Some(knot) = tarjan_scc(&graph).into_iter().find(|knot| knot.len() > 1) else {
        return Ok(());
    };
    let say = |node: &NodeIndex| {
        let step = &plan.steps[node.index()];
        format!("{} {}", step.action.word(), step.address)
    };
    Err(Trouble::Cycle(knot.iter().map(say).collect()))
}

struct Edges<'a> {
    input: &'a Input<'a>,
    known: &'a Known,
    wanted: &'a IndexMap<Address, Decision>,
    steps: &'a [Step],
    /// Steps by address.
    at: HashMap<&'a Address, Vec<usize>>,
    /// The deletion of each live resource that is to go, by its place in the inventory.
    deletion: BTreeMap<usize, usize>,
    /// Live edges: who uses whom, and by which property.
    uses: Vec<(usize, usize, &'static str)>,
    needs: Vec<BTreeSet<usize>>,
    clears: Vec<Step>,
    /// Which step clears which property of which live resource.
    cleared: HashMap<(usize, &'static str), usize>,
    /// Steps that leave a gap: creations that cannot stand beside what they replace, deletions that
    /// something still points at.
    gaps: Vec<usize>,
    /// Seconds to rest before a deletion.
    rests: BTreeMap<usize, u32>,
    networks: Networks<'a>,
    /// The moves of traffic onto other paths; then those whose paths are built first.
    arrivals: Vec<Arrival<'a>>,
    gates: Vec<Arrival<'a>>,
    /// Pointers that move away before what they pointed at goes, where that closes no circle; else they
    /// dangle for a while, which is an outage.
    releases: Vec<(usize, usize)>,
    /// Replacements whose new one comes first, where that closes no circle: create, delete.
    swaps: Vec<(usize, usize)>,
    /// Edges worth having where they close no circle.
    wishes: Vec<(usize, usize)>,
}

impl<'a> Edges<'a> {
    fn new(input: &'a Input<'a>, draft: &'a Draft) -> Self {
        let steps = &draft.plan.steps;
        let mut at: HashMap<&Address, Vec<usize>> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            at.entry(&step.address).or_default().push(index);
        }
        let ours = &input.inventory.ours;
        let leaving = draft.leaving.keys().copied();
        let places: HashMap<(&str, &str), usize> = leaving
            .map(|place| ((ours[place].live.kind(), ours[place].live.id()), place))
            .collect();
        let mut deletion = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            if let (Action::Delete(_), Some(live)) = (&step.action, &step.live)
                && let Some(place) = places.get(&(live.kind(), live.id()))
            {
                deletion.insert(*place, index);
            }
        }
        let names = input.inventory.names();
        let mut uses = Vec::new();
        for (user, found) in ours.iter().enumerate() {
            let Some(kind) = input.kinds.get(found.live.kind()) else {
                continue;
            };
            for used in kind.uses(&found.live) {
                if let Some(target) = names.get(used.to.as_str()).filter(|t| **t != user) {
                    uses.push((user, *target, used.field));
                }
            }
        }
        let needs = vec![BTreeSet::new(); steps.len()];
        let (clears, gaps) = (Vec::new(), Vec::new());
        Self {
            input,
            known: &draft.known,
            wanted: &draft.wanted,
            steps,
            at,
            deletion,
            uses,
            needs,
            clears,
            cleared: HashMap::new(),
            gaps,
            rests: BTreeMap::new(),
            networks: Networks::new(input),
            arrivals: Vec::new(),
            gates: Vec::new(),
            releases: Vec::new(),
            swaps: Vec::new(),
            wishes: Vec::new(),
        }
    }

    fn edge(&mut self, before: usize, after: usize) {
        if before != after {
            self.needs[after].insert(before);
        }
    }

    fn edges(&mut self, before: &[usize], after: &[usize]) {
        for b in before {
            for a in after {
                self.edge(*b, *a);
            }
        }
    }

    fn steps_at(&self, address: &Address, which: impl Fn(&Action) -> bool) -> Vec<usize> {
        let at = self.at.get(address).into_iter().flatten().copied();
        at.filter(|step| which(&self.steps[*step].action)).collect()
    }

    /// Within one address: wait, create, set; add before change before drop.
    fn within(&mut self) {
        let addresses: Vec<&Address> = self.at.keys().copied().collect();
        for address in addresses {
            let first = |a: &Action| matches!(a, Action::Wait(_) | Action::WaitGone);
            let created = |a: &Action| matches!(a, Action::Create { .. });
            let rank = |action: &Action| match action {
                Action::Late | Action::Grow => 1,
                Action::Update => 2,
                Action::Shrink => 3,
                Action::Tag { .. } => 4,
                _ => 0,
            };
            let (waits, creates) = (
                self.steps_at(address, first),
                self.steps_at(address, created),
            );
            let changes = self.steps_at(address, |action| rank(action) > 0);
            self.edges(&waits, &creates);
            self.edges(&waits, &changes);
            self.edges(&creates, &changes);
            // Added before changed before dropped, so that there is no gap, where nothing forbids it.
            for earlier in &changes {
                for later in &changes {
                    if rank(&self.steps[*earlier].action) < rank(&self.steps[*later].action) {
                        self.wishes.push((*earlier, *later));
                    }
                }
            }
            // A protection is lifted before the deletion of the same live resource.
            for unprotect in self.steps_at(address, |a| matches!(a, Action::Unprotect)) {
                let id = self.steps[unprotect]
                    .live
                    .as_ref()
                    .map(|live| live.id().to_owned());
                for delete in self.steps_at(address, |a| matches!(a, Action::Delete(_))) {
                    if self.steps[delete]
                        .live
                        .as_ref()
                        .map(crate::erased::AnyLive::id)
                        == id.as_deref()
                    {
                        self.edge(unprotect, delete);
                    }
                }
            }
        }
    }

    /// What a step says of another resource must be there first.
    fn references(&mut self) {
        for after in 0..self.steps.len() {
            let step = &self.steps[after];
            let Some(resource) = self.input.stack.resources.get(&step.address) else {
                continue;
            };
            for need in &resource.needs {
                let late = is_late(self.input, resource, &need.field);
                let concerns = match &step.action {
                    Action::Create { .. } => !late,
                    Action::Late | Action::Grow | Action::Update => {
                        need.field == "after"
                            || step.changes.iter().any(|change| change.field == need.field)
                    }
                    _ => false,
                };
                if concerns && need.to != step.address {
                    let named = need.field == "after";
                    let before = self.made_by(&need.to, late, &step.address);
                    let late_parts = self.late_parts(&need.to, late, named);
                    self.edges(&before, &[after]);
                    self.wishes
                        .extend(late_parts.into_iter().map(|before| (before, after)));
                }
            }
        }
    }

    /// The steps after which others may name `address`. Late properties may name each other, so they
    /// wait for its existence only.
    fn made_by(&self, address: &Address, late: bool, by: &Address) -> Vec<usize> {
        // What it names late may be the very one that waits, directly or by way of others.
        let whole = !late && !self.networks.leads(address, by);
        self.steps_at(address, |action| match action {
            Action::Create { .. } | Action::Wait(_) => true,
            Action::Grow | Action::Update => whole,
            _ => false,
        })
    }

    /// The late parts of `address` that others better wait for: a role is of no use without its
    /// policies.
    fn late_parts(&self, address: &Address, late: bool, after: bool) -> Vec<usize> {
        let kind = self
            .input
            .stack
            .resources
            .get(address)
            .map(|r| r.kind.as_str());
        let about = kind
            .and_then(|kind| self.input.kinds.get(kind))
            .map(crate::erased::AnyKind::about);
        if late || !(after || about.is_some_and(|about| about.late_first)) {
            return Vec::new();
        }
        self.steps_at(address, |action| matches!(action, Action::Late))
    }

    fn grant_wishes(&mut self) {
        self.arrive();
        for (moved, deletion) in std::mem::take(&mut self.releases) {
            if self.comes_before(deletion, moved) {
                self.gaps.push(deletion);
            } else {
                self.edge(moved, deletion);
            }
        }
        for (create, deletion) in std::mem::take(&mut self.swaps) {
            if self.comes_before(deletion, create) {
                self.edge(deletion, create);
                self.gaps.push(create);
            } else {
                self.edge(create, deletion);
                let late =
                    self.steps_at(&self.steps[create].address, |a| matches!(a, Action::Late));
                self.wishes
                    .extend(late.into_iter().map(|late| (late, deletion)));
            }
        }
        for (before, after) in std::mem::take(&mut self.wishes) {
            if !self.comes_before(after, before) {
                self.edge(before, after);
            }
        }
    }

    /// Whether `first` must be done before `then`, directly or by way of others.
    fn comes_before(&self, first: usize, then: usize) -> bool {
        let mut seen = HashSet::new();
        let mut queue = vec![then];
        while let Some(step) = queue.pop() {
            if step == first {
                return true;
            }
            if seen.insert(step) {
                queue.extend(&self.needs[step]);
            }
        }
        false
    }

    fn steps_where(&self, address: &Address, which: impl Fn(&Step) -> bool) -> Vec<usize> {
        let at = self.at.get(address).into_iter().flatten().copied();
        at.filter(|step| which(&self.steps[*step])).collect()
    }
}
