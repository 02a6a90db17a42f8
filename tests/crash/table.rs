//! What came of it, as a table.

use std::fmt::Write as _;
use std::time::Duration;

use super::ladder::{End, Move};
use super::points::Point;

/// One move's points.
pub(crate) struct Row {
    pub(crate) title: String,
    calls: usize,
    acts: usize,
    pub(crate) tried: usize,
    same: usize,
    missed: usize,
    pub(crate) failures: Vec<String>,
}

impl Row {
    pub(crate) fn of(one: &Move) -> Self {
        Self {
            title: one.title.clone(),
            calls: one.calls.len(),
            acts: one.calls.iter().filter(|(_, reads)| !reads).count(),
            tried: 0,
            same: 0,
            missed: 0,
            failures: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, point: &Point, end: End) {
        self.tried += 1;
        match end {
            End::Same => self.same += 1,
            End::Missed => self.missed += 1,
            End::Failed(why) => self.failures.push(format!("{point}: {why}")),
        }
    }
}

/// In Markdown, as the documentation shows it.
pub(crate) fn table(rows: &[Row], took: Duration) -> String {
    let mut text = String::from(
        "| move | calls | of them act | tried | same world | not reached | failed |\n|---|---|---|---|---|---|---|\n",
    );
    let mut sums = [0; 6];
    for row in rows {
        let counts = [
            row.calls,
            row.acts,
            row.tried,
            row.same,
            row.missed,
            row.failures.len(),
        ];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        let _ = writeln!(text, "| {} | {} |", row.title, cells(counts));
    }
    let _ = writeln!(text, "| **all** | {} |", cells(sums));
    let _ = write!(text, "\n{} minutes", took.as_secs().div_ceil(60));
    text
}

fn cells(counts: [usize; 6]) -> String {
    counts.map(|count| count.to_string()).join(" | ")
}
