//! The edges: what must be done before what. Only they order; movements are labels.
//!
//! Creation follows the TOML's references; deletion follows what live resources use, because what
//! goes has no TOML.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};

use super::decide::is_late;
use super::paths::{self, Leaving};
use super::{Draft, Input, Trouble};
use crate::address::Address;
use crate::kind::{Class, Impact, Swap};
use crate::known::Known;
use crate::mark::{self, Tags};
use crate::plan::{Action, Movement, Note, Plan, Reason, Step};
use crate::source::Resource;

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
    /// What must be ready before traffic moves to it.
    gates: Vec<(usize, usize)>,
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
                        .map(super::super::erased::AnyLive::id)
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
            .map(super::super::erased::AnyKind::about);
        if late || !(after || about.is_some_and(|about| about.late_first)) {
            return Vec::new();
        }
        self.steps_at(address, |action| matches!(action, Action::Late))
    }

    /// Kinds of the same network that come first without being named, such as the way out before
    /// what boots through it (aws-semantics 7.7).
    fn network(&mut self) {
        let mut first: HashMap<(&str, NodeIndex), Vec<&Address>> = HashMap::new();
        for (address, resource) in &self.input.stack.resources {
            if self.input.kinds.comes_first(&resource.kind) {
                for network in self.networks.of(address) {
                    let key = (resource.kind.as_str(), network);
                    first.entry(key).or_default().push(address);
                }
            }
        }
        for (address, resource) in &self.input.stack.resources {
            let Some(kind) = self.input.kinds.get(&resource.kind) else {
                continue;
            };
            let created = self.steps_at(address, |a| matches!(a, Action::Create { .. }));
            if created.is_empty() || kind.about().after.is_empty() {
                continue;
            }
            let mine = self.networks.of(address);
            let keys = kind.about().after.iter().flat_map(|kind| {
                let key = |network: &NodeIndex| (*kind, *network);
                mine.iter().map(key).collect::<Vec<_>>()
            });
            let others: Vec<&Address> = keys
                .filter_map(|key| first.get(&key))
                .flatten()
                .copied()
                .collect();
            for other in others {
                if !self.networks.leads(other, address) {
                    let before = self.steps_at(other, |action| {
                        matches!(action, Action::Create { .. } | Action::Late | Action::Grow)
                    });
                    self.edges(&before, &created);
                }
            }
        }
    }

    /// New before old where both can stand side by side, old before new where they cannot; if
    /// anything beneath must go first, so must all that stands on it.
    fn replacements(&mut self) {
        let ours = &self.input.inventory.ours;
        let mut first: HashSet<usize> = HashSet::new();
        let mut replaced: Vec<(usize, usize)> = Vec::new();
        for (index, deletion) in &self.deletion {
            let reason = &self.steps[*deletion].action;
            let Some((address, _)) = &ours[*index].mark else {
                continue;
            };
            let creates = self.steps_at(address, |a| matches!(a, Action::Create { .. }));
            if !matches!(reason, Action::Delete(Reason::Superseded | Reason::Broken)) {
                continue;
            }
            let Some(create) = creates.first() else {
                continue;
            };
            replaced.push((*index, *create));
            let live = &ours[*index].live;
            let swap = self.input.kinds.get(live.kind()).map(|kind| {
                let spec = self.steps[*create].spec.as_ref();
                let changes = spec.map(|spec| kind.diff(spec, live, self.known));
                kind.swap(live, &changes.unwrap_or_default())
            });
            let broken = matches!(reason, Action::Delete(Reason::Broken));
            if swap == Some(Swap::DeleteFirst) || broken {
                first.insert(*index);
            }
        }
        let mut on: HashMap<usize, Vec<usize>> = HashMap::new();
        for (user, used, _) in &self.uses {
            on.entry(*user).or_default().push(*used);
        }
        loop {
            let stands = |index: &usize| {
                let mut used = on.get(index).into_iter().flatten();
                used.any(|used| first.contains(used))
            };
            let more: Vec<usize> = replaced
                .iter()
                .map(|(index, _)| *index)
                .filter(|index| !first.contains(index) && stands(index))
                .collect();
            if more.is_empty() {
                break;
            }
            first.extend(more);
        }
        for (index, create) in replaced {
            let deletion = self.deletion[&index];
            if first.contains(&index) {
                self.edge(deletion, create);
                self.gaps.push(create);
            } else {
                self.swaps.push((create, deletion));
            }
        }
    }

    /// Nothing goes while something live still uses it.
    fn deletions(&mut self) {
        let ours = &self.input.inventory.ours;
        let knots = self.knots();
        for (user, used, field) in self.uses.clone() {
            let users = self.deletion.get(&user).copied();
            if let Some(deletion) = self.deletion.get(&used).copied() {
                match users {
                    Some(_) if knots.contains(&(user, used, field)) => {
                        let clear = self.clear(user, field);
                        self.edge(clear, deletion);
                    }
                    Some(users) => self.edge(users, deletion),
                    None => {
                        if let Some((address, _)) = &ours[user].mark {
                            self.let_go(address, used, field, deletion);
                        }
                    }
                }
            } else if let (Some(users), Some((address, _))) = (users, &ours[used].mark) {
                // What it still needs of one that stays is dropped only after it: a rule closes once
                // the last that was reached through it is gone.
                for drop in self.steps_at(address, |action| matches!(action, Action::Shrink)) {
                    self.wishes.push((users, drop));
                }
            }
        }
    }

    /// Traffic moves once its new path is ready, and its old path goes once traffic has left it.
    fn paths(&mut self) {
        self.gates = paths::gates(self.input, self.steps);
        for leaving in paths::leavings(self.input, self.steps, &self.deletion, &self.uses) {
            if matches!(self.steps[leaving.end].action, Action::Shrink) {
                self.wishes.push((leaving.switch, leaving.end));
            } else {
                self.releases.push((leaving.switch, leaving.end));
            }
            if leaving.rest > 0 {
                self.note_leaving(&leaving);
            }
        }
    }

    /// The rest before an end is written on what it befalls, before traffic leaves it.
    fn note_leaving(&mut self, leaving: &Leaving) {
        let step = &self.steps[leaving.end];
        let rest = self.rests.entry(leaving.end).or_default();
        *rest = leaving.rest.max(*rest);
        let taggable = self
            .input
            .kinds
            .get(step.kind)
            .is_some_and(|kind| kind.about().taggable);
        if !taggable || step.rest == leaving.rest {
            return;
        }
        let note = self.note(leaving.end, Action::Leave(leaving.rest));
        self.edge(note, leaving.switch);
        self.edge(note, leaving.end);
        if matches!(self.steps[leaving.end].action, Action::Shrink) {
            // It stays, and the note on it must not.
            let (set, unset) = (Tags::new(), vec![mark::LEAVING.to_owned()]);
            let wiped = self.note(leaving.end, Action::Tag { set, unset });
            self.edge(leaving.end, wiped);
        }
    }

    /// A further step at the address of another, that changes nothing but a tag.
    fn note(&mut self, of: usize, action: Action) -> usize {
        self.clears.push(Step {
            action,
            impact: Impact::None,
            minutes: 0.0,
            changes: Vec::new(),
            ..self.steps[of].clone()
        });
        self.needs.push(BTreeSet::new());
        self.needs.len() - 1
    }

    /// Who waits for one that has rested long enough need not rest again.
    fn rest_once(&mut self) {
        let all: Vec<(usize, u32)> = self
            .rests
            .iter()
            .map(|(step, rest)| (*step, *rest))
            .collect();
        for (step, rest) in &all {
            let rested = |(other, longer): &(usize, u32)| {
                other != step && longer >= rest && self.comes_before(*other, *step)
            };
            if all.iter().any(rested) {
                self.rests.remove(step);
            }
        }
    }

    fn grant_wishes(&mut self) {
        for (ready, switch) in std::mem::take(&mut self.gates) {
            if !self.comes_before(switch, ready) {
                self.edge(ready, switch);
            }
        }
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

    /// What stays lets go of what goes before that is deleted: by its changes. Where the same address
    /// comes back only after the deletion, elements are dropped before others are added; a pointer that
    /// cannot be empty is moved afterwards.
    fn let_go(&mut self, address: &Address, used: usize, field: &str, deletion: usize) {
        let changes = |step: &Step| step.changes.iter().any(|change| change.field == field);
        let drops = self.steps_where(address, |step| {
            matches!(step.action, Action::Shrink) && changes(step)
        });
        let moves = self.steps_where(address, |step| {
            matches!(step.action, Action::Late | Action::Update) && changes(step)
        });
        let again = &self.steps[deletion].address;
        let resource = self.input.stack.resources.get(address);
        let still_wanted = resource.is_some_and(|r| r.needs.iter().any(|need| need.to == *again));
        self.edges(&drops, &[deletion]);
        if !(self.goes_first(used) && still_wanted) {
            self.releases
                .extend(moves.into_iter().map(|step| (step, deletion)));
        }
    }

    fn steps_where(&self, address: &Address, which: impl Fn(&Step) -> bool) -> Vec<usize> {
        let at = self.at.get(address).into_iter().flatten().copied();
        at.filter(|step| which(&self.steps[*step])).collect()
    }

    /// Whether a live resource goes before its successor comes.
    fn goes_first(&self, index: usize) -> bool {
        let Some(deletion) = self.deletion.get(&index) else {
            return false;
        };
        let address = &self.steps[*deletion].address;
        let creates = self.steps_at(address, |a| matches!(a, Action::Create { .. }));
        creates
            .iter()
            .any(|create| self.needs[*create].contains(deletion))
    }

    /// Live edges by which resources that all go hold each other, and that can be cleared before.
    fn knots(&self) -> HashSet<(usize, usize, &'static str)> {
        let mut graph = DiGraph::<usize, ()>::new();
        let nodes: BTreeMap<usize, NodeIndex> = self
            .deletion
            .keys()
            .map(|index| (*index, graph.add_node(*index)))
            .collect();
        for (user, used, _) in &self.uses {
            if let (Some(user), Some(used)) = (nodes.get(user), nodes.get(used)) {
                graph.add_edge(*user, *used, ());
            }
        }
        let mut knots = HashSet::new();
        for knot in tarjan_scc(&graph).into_iter().filter(|knot| knot.len() > 1) {
            let knot: HashSet<usize> = knot.into_iter().map(|node| graph[node]).collect();
            for (user, used, field) in &self.uses {
                let kind = self
                    .input
                    .kinds
                    .get(self.input.inventory.ours[*user].live.kind());
                let late = kind.is_some_and(|kind| {
                    kind.rows().iter().any(|row| row.late && row.name == *field)
                });
                if late && knot.contains(user) && knot.contains(used) {
                    knots.insert((*user, *used, *field));
                }
            }
        }
        knots
    }

    /// The step that empties a late property of a resource that goes.
    fn clear(&mut self, user: usize, field: &'static str) -> usize {
        let deletion = self.deletion[&user];
        if let Some(clear) = self.cleared.get(&(user, field)) {
            return *clear;
        }
        let action = Action::Clear(field);
        let step = Step {
            action,
            impact: Impact::None,
            ..self.steps[deletion].clone()
        };
        self.clears.push(step);
        self.needs.push(BTreeSet::new());
        let clear = self.needs.len() - 1;
        self.cleared.insert((user, field), clear);
        self.needs[deletion].insert(clear);
        clear
    }
}

/// Which networks (VPCs) each wanted resource stands in.
struct Networks<'a> {
    graph: DiGraph<&'a Address, ()>,
    nodes: HashMap<&'a Address, NodeIndex>,
    roots: HashSet<NodeIndex>,
}

impl<'a> Networks<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        let mut graph = DiGraph::new();
        let resources = &input.stack.resources;
        let nodes: HashMap<&Address, NodeIndex> = resources
            .keys()
            .map(|address| (address, graph.add_node(address)))
            .collect();
        for (address, resource) in resources {
            for need in &resource.needs {
                if let Some(to) = nodes.get(&need.to) {
                    graph.add_edge(nodes[address], *to, ());
                }
            }
        }
        let is_root = |resource: &Resource| {
            let kind = input.kinds.get(&resource.kind);
            kind.is_some_and(|kind| kind.about().class == Class::Foundation)
                && resource
                    .needs
                    .iter()
                    .all(|need| !nodes.contains_key(&need.to))
        };
        let roots = resources
            .iter()
            .filter(|(_, r)| is_root(r))
            .map(|(a, _)| nodes[a])
            .collect();
        Self {
            graph,
            nodes,
            roots,
        }
    }

    fn of(&self, address: &Address) -> Vec<NodeIndex> {
        let mut found = Vec::new();
        let Some(start) = self.nodes.get(address) else {
            return found;
        };
        let mut walk = Dfs::new(&self.graph, *start);
        while let Some(node) = walk.next(&self.graph) {
            if self.roots.contains(&node) {
                found.push(node);
            }
        }
        found
    }

    /// Whether `from` names `to`, directly or by way of others.
    fn leads(&self, from: &Address, to: &Address) -> bool {
        let (Some(from), Some(to)) = (self.nodes.get(from), self.nodes.get(to)) else {
            return false;
        };
        petgraph::algo::has_path_connecting(&self.graph, *from, *to, None)
    }
}

/// Leaves out what `--until` and `--target` leave out.
pub(super) fn narrow(input: &Input<'_>, draft: &mut Draft) {
    let options = input.options;
    if let Some(until) = options.until {
        let keep = until_movement(&draft.plan, until);
        cut(&mut draft.plan, &keep, &format!("--until {}", until.word()));
    }
    if !options.target.is_empty() {
        let keep = only_targets(&draft.plan, &options.target);
        cut(&mut draft.plan, &keep, "--target");
    }
}

impl Movement {
    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Switch => "switch",
            Self::Retire => "retire",
        }
    }
}

fn until_movement(plan: &Plan, until: Movement) -> Vec<bool> {
    let graph = plan.graph();
    let reversed = Reversed(&graph);
    let within = |start: NodeIndex| {
        let mut walk = Dfs::new(reversed, start);
        while let Some(node) = walk.next(reversed) {
            if plan.steps[node.index()].action.movement() > until {
                return false;
            }
        }
        true
    };
    graph.node_indices().map(within).collect()
}

fn only_targets(plan: &Plan, targets: &[Address]) -> Vec<bool> {
    let graph = plan.graph();
    let reversed = Reversed(&graph);
    let mut keep = vec![false; plan.steps.len()];
    for node in graph.node_indices() {
        let address = &plan.steps[node.index()].address;
        let hit = targets.iter().any(|target| target.covers(address));
        if hit {
            let mut walk = Dfs::new(reversed, node);
            while let Some(needed) = walk.next(reversed) {
                keep[needed.index()] = true;
            }
        }
    }
    keep
}

fn cut(plan: &mut Plan, keep: &[bool], by: &str) {
    let left_out = keep.iter().filter(|keep| !**keep).count();
    if left_out == 0 {
        return;
    }
    let mut place = vec![usize::MAX; keep.len()];
    let mut next = 0;
    for (index, keep) in keep.iter().enumerate() {
        if *keep {
            place[index] = next;
            next += 1;
        }
    }
    let steps = std::mem::take(&mut plan.steps);
    for (mut step, keep) in steps.into_iter().zip(keep) {
        if *keep {
            step.needs = step.needs.iter().map(|need| place[*need]).collect();
            plan.steps.push(step);
        }
    }
    let text = format!("{by} leaves out {left_out} steps; the stack will not be as its TOML says");
    plan.notes.push(Note {
        address: None,
        text,
    });
}
