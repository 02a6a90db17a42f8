//! Traffic: it moves onto what is ready, and rests before what it left goes.

use std::collections::BTreeSet;

use super::Edges;
use crate::address::Address;
use crate::kind::Impact;
use crate::mark::{self, Tags};
use crate::plan::{Action, Gate, Step};
use crate::planner::Fate;
use crate::planner::paths::{self, Leaving};

impl Edges<'_> {
    /// Traffic moves once its new path is ready, and its old path goes once traffic has left it.
    pub(super) fn paths(&mut self) {
        self.arrivals = paths::arrivals(self.input, self.steps);
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

    /// Lets traffic move once the steps that build its new path are done, where that closes no circle.
    pub(super) fn arrive(&mut self) {
        for arrival in std::mem::take(&mut self.arrivals) {
            for built in &arrival.built {
                if !self.comes_before(arrival.switch, *built) {
                    self.edge(*built, arrival.switch);
                }
            }
            self.gates.push(arrival);
        }
    }

    /// What must serve before traffic moves: all that is on its new path by then.
    pub(super) fn gates(&mut self) -> Vec<(usize, Vec<Gate>)> {
        let gates = std::mem::take(&mut self.gates);
        let all = gates.into_iter().map(|arrival| {
            let later = |step: &&usize| !self.comes_before(**step, arrival.switch);
            let later = arrival.built.iter().filter(later);
            let later: BTreeSet<&Address> = later.map(|step| &self.steps[*step].address).collect();
            let way = arrival
                .way
                .iter()
                .filter(|address| !later.contains(*address));
            (
                arrival.switch,
                way.filter_map(|address| self.gate(address)).collect(),
            )
        });
        all.collect()
    }

    fn gate(&self, address: &Address) -> Option<Gate> {
        if let Some(found) = self.input.inventory.existing.get(address) {
            let kind = self.input.kinds.get(found.live.kind())?;
            return Some(Gate {
                address: address.clone(),
                kind: kind.name(),
                region: found.region.clone(),
                live: Some(found.live.clone()),
                awaited: None,
            });
        }
        let resource = self.input.stack.resources.get(address)?;
        let kind = self.input.kinds.get(&resource.kind)?;
        let decision = self.wanted.get(address)?;
        let live = match &decision.fate {
            Fate::Keep(live, _) => Some(live.as_ref().clone()),
            Fate::Create | Fate::Replace(..) => None,
        };
        Some(Gate {
            address: address.clone(),
            kind: kind.name(),
            region: resource.common.region.clone(),
            live,
            awaited: kind.awaited(&decision.spec),
        })
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
