//! Traffic: it moves onto what is ready, and rests before what it left goes.

use std::collections::BTreeSet;

use super::Edges;
use crate::kind::Impact;
use crate::mark::{self, Tags};
use crate::plan::{Action, Step};
use crate::planner::paths::{self, Leaving};

impl Edges<'_> {
    /// Traffic moves once its new path is ready, and its old path goes once traffic has left it.
    pub(super) fn paths(&mut self) {
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
    pub(super) fn rest_once(&mut self) {
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
}
