//! What goes: after what uses it, and before or after what comes in its place.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::Edges;
use crate::address::Address;
use crate::kind::{Impact, Swap};
use crate::plan::{Action, Reason, Step};

impl Edges<'_> {
    /// New before old where both can stand side by side, old before new where they cannot; if
    /// anything beneath must go first, so must all that stands on it.
    pub(super) fn replacements(&mut self) {
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
    pub(super) fn deletions(&mut self) {
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

    /// What stays lets go of what goes before that is deleted: by its changes. Where the same address
    /// comes back only after the deletion, elements are dropped before others are added; a pointer that
    /// cannot be empty is moved afterwards.
    pub(super) fn let_go(&mut self, address: &Address, used: usize, field: &str, deletion: usize) {
        let changes = |step: &Step| step.changes.iter().any(|change| change.field == field);
        let drops = self.steps_where(address, |step| {
            matches!(step.action, Action::Shrink) && changes(step)
        });
        // One that is on its way, such as to the end of what its targets have begun, lets go at its end.
        let waits = self.steps_where(address, |step| matches!(step.action, Action::Wait(_)));
        self.edges(&waits, &[deletion]);
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
