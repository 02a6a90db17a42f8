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
                title: one.title.clone(),
            }));
        }
    }
    points
}

/// So many of them, by the seed.
pub(crate) fn choose(mut points: Vec<Point>, count: usize, seed: usize) -> Vec<Point> {
    let lot = |point: &Point| {
        let mut hasher = DefaultHasher::new();
        (seed, point.to_string()).hash(&mut hasher);
        // Calls that act are drawn more often: of those that look there are many more.
        let looks = point.when == When::Before && point.call.action.contains("Describe");
        hasher.finish() | if looks { 1 << 63 } else { 0 }
    };
    points.sort_by_cached_key(lot);
    points.truncate(count);
    points
}
