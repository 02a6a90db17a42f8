//! What remains of a plan that is being carried out: how much is done, and how long the longest way to the end
//! takes as a rule.
//!
//! It knows no clock: whoever looks says what time it is, in minutes since any moment.

use petgraph::algo::toposort;
use petgraph::graph::NodeIndex;

use crate::apply::{End, Event};
use crate::plan::Plan;

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stand {
    /// Not started.
    Due,
    /// Started at this minute.
    Running(f64),
    /// Done.
    Done,
    /// Not done, and not to be done in this run: it failed, or needs what did, or is held.
    Given,
}

/// Follows the events of an apply.
#[derive(Clone, Debug)]
pub struct Remaining {
    steps: Vec<Step>,
    /// What comes first comes first.
    order: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Step {
    address: String,
    minutes: f64,
    followers: Vec<usize>,
    stand: Stand,
}

/// What remains.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// Steps that are done.
    pub done: usize,
    /// Steps that failed, or are not tried for it, or are held.
    pub given: usize,
    /// All steps.
    pub all: usize,
    /// Typical minutes of the longest way to the end, what has passed taken off.
    pub minutes: f64,
    /// Where that way begins.
    pub longest: Option<Longest>,
}

/// The step that all waits for, sooner or later.
#[derive(Clone, Debug, PartialEq)]
pub struct Longest {
    /// Its address.
    pub address: String,
    /// Whether other steps follow it.
    pub followed: bool,
    /// For how many minutes it has run already, if that is longer than is typical: then nobody knows how long it
    /// still takes.
    pub overdue: Option<f64>,
}

/// Of what takes longer than is typical, this part of the typical time is taken to remain.
const OVERDUE: f64 = 0.1;

impl Remaining {
    /// Of a plan of which nothing is done yet.
    pub fn new(plan: &Plan) -> Self {
        let mut steps: Vec<Step> = plan
            .steps
            .iter()
            .map(|step| Step {
                address: step.address.to_string(),
                minutes: step.minutes,
                followers: Vec::new(),
                stand: Stand::Due,
            })
            .collect();
        for (index, step) in plan.steps.iter().enumerate() {
            for need in &step.needs {
                steps[*need].followers.push(index);
            }
        }
        let order = toposort(&plan.graph(), None).unwrap_or_default();
        let mut remaining = Self {
            steps,
            order: order.into_iter().map(NodeIndex::index).collect(),
        };
        for (index, step) in plan.steps.iter().enumerate() {
            if step.held.is_some() {
                remaining.give(index);
            }
        }
        remaining
    }

    /// Takes note of an event at this minute.
    pub fn see(&mut self, event: &Event<'_>, now: f64) {
        match event {
            Event::Started(index, _) => self.steps[*index].stand = Stand::Running(now),
            Event::Waiting(..) => {}
            Event::Ended(index, _, End::Done) => self.steps[*index].stand = Stand::Done,
            Event::Ended(index, _, _) => self.give(*index),
        }
    }

    /// A step that is not done takes all that needs it along.
    fn give(&mut self, index: usize) {
        let mut given = vec![index];
        while let Some(index) = given.pop() {
            if self.steps[index].stand != Stand::Given {
                self.steps[index].stand = Stand::Given;
                given.extend(&self.steps[index].followers);
            }
        }
    }

    /// What remains at this minute.
    pub fn left(&self, now: f64) -> Left {
        let mut left = vec![0.0_f64; self.steps.len()];
        for index in self.order.iter().rev() {
            let step = &self.steps[*index];
            let after = step.followers.iter().map(|next| left[*next]);
            left[*index] = step.own(now) + after.fold(0.0, f64::max);
        }
        let open = |index: &usize| !self.steps[*index].is_over();
        let first = self
            .order
            .iter()
            .copied()
            .filter(open)
            // Of equals the one that comes first, so that what waits is not named for what it waits for.
            .reduce(|best, next| if left[next] > left[best] { next } else { best });
        let count = |stand: Stand| self.steps.iter().filter(|step| step.stand == stand).count();
        Left {
            done: count(Stand::Done),
            given: count(Stand::Given),
            all: self.steps.len(),
            minutes: first.map_or(0.0, |first| left[first]),
            longest: first.map(|first| self.longest(first, now)),
        }
    }

    fn longest(&self, index: usize, now: f64) -> Longest {
        let step = &self.steps[index];
        let overdue = match step.stand {
            Stand::Running(since) if now - since > step.minutes => Some(now - since),
            _ => None,
        };
        Longest {
            address: step.address.clone(),
            followed: step
                .followers
                .iter()
                .any(|next| !self.steps[*next].is_over()),
            overdue,
        }
    }
}

impl Step {
    fn is_over(&self) -> bool {
        matches!(self.stand, Stand::Done | Stand::Given)
    }

    /// Its own minutes that remain.
    fn own(&self, now: f64) -> f64 {
        match self.stand {
            Stand::Due => self.minutes,
            Stand::Running(since) => (self.minutes - (now - since)).max(self.minutes * OVERDUE),
            Stand::Done | Stand::Given => 0.0,
        }
    }
}
