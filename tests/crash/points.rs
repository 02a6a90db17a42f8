//! Where the program is killed.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::killer::{Nth, When};
use super::ladder::Ladder;

/// A call of a move, and when about it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// Which move, by its number.
    pub(crate) step: usize,
    pub(crate) call: Nth,
    pub(crate) when: When,
    /// Whether the call does more than look.
    pub(crate) acts: bool,
    title: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = match self.when {
            When::Before => "before",
            When::After => "after",
        };
        let Nth { action, nth } = &self.call;
        write!(f, "{}, {when} {action} #{nth}", self.title)
    }
}

/// Every call that acts, before it and after it; and every call that looks, before it: what is live
/// after it is what was live before.
pub(crate) fn all(ladder: &Ladder) -> Vec<Point> {
    let mut points = Vec::new();
    for (step, one) in ladder.moves.iter().enumerate() {
        for (call, reads) in &one.calls {
            let whens: &[When] = match reads {
                true => &[When::Before],
                false => &[When::Before, When::After],
            };
            points.extend(whens.iter().map(|when| Point {
                step,
                call: call.clone(),
                when: *when,
                acts: !reads,
                title: one.title.clone(),
            }));
        }
    }
    points
}

/// So many of them, by the seed: three of four are at calls that act, of which there are fewer.
pub(crate) fn choose(mut points: Vec<Point>, count: usize, seed: usize) -> Vec<Point> {
    points.sort_by_cached_key(|point| {
        let mut hasher = DefaultHasher::new();
        (seed, point.to_string()).hash(&mut hasher);
        hasher.finish()
    });
    let (mut acts, mut looks): (Vec<Point>, Vec<Point>) =
        points.into_iter().partition(|point| point.acts);
    looks.truncate(count / 4);
    acts.truncate(count - looks.len());
    acts.extend(looks);
    acts
}
