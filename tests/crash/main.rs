//! The crash matrix: the shop's whole ladder, up and down; the program is killed at every call of
//! every move, before AWS acts and after it, and run again. It must end in the world of an undisturbed run.
//!
//! `cargo test --test crash` draws a sample of the points, the same for the same `TERRACE_CRASH_SEED`.
//! `TERRACE_CRASH=full` takes them all, `acts` those at calls that do more than look; `moves` only says how many there are.
//! `TERRACE_CRASH_MOVE` is how the move begins that alone is tried: `up to multi-az`.

#![allow(missing_docs, reason = "a test says what it is by its name")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may fail"
)]

#[path = "../front.rs"]
mod front;
mod killer;
mod ladder;
mod points;
mod table;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use terrace_sandbox::Home;
use tokio::runtime::Runtime;

use ladder::Ladder;
use points::{Point, choose};
use table::Row;

/// How many points a sample has.
const SAMPLE: usize = 16;

fn main() -> ExitCode {
    // What libtest takes, such as `--list`, is not for this one.
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let wish = std::env::var("TERRACE_CRASH").unwrap_or_default();
    let seed = number("TERRACE_CRASH_SEED").unwrap_or(1);
    let begun = Instant::now();
    let runtime = Runtime::new().unwrap();
    let home = Home::from_env().unwrap();
    let ladder = runtime.block_on(Ladder::climb(&home));
    eprintln!("climbed in {:.0?}", begun.elapsed());
    let mut all = points::all(&ladder);
    if let Ok(only) = std::env::var("TERRACE_CRASH_MOVE") {
        all.retain(|point| point.to_string().starts_with(&only));
    }
    let chosen = match wish.as_str() {
        "moves" => Vec::new(),
        "full" => all,
        "acts" => all.into_iter().filter(|point| point.acts).collect(),
        _ => choose(all, number("TERRACE_CRASH_POINTS").unwrap_or(SAMPLE), seed),
    };
    let jobs = number("TERRACE_CRASH_JOBS").unwrap_or(4);
    let rows = Mutex::new(ladder.moves.iter().map(Row::of).collect::<Vec<_>>());
    carry_out(&runtime, &ladder, &chosen, &rows, jobs);
    let rows = rows.into_inner().unwrap();
    println!("{}", table::table(&rows, begun.elapsed()));
    let failed: usize = rows.iter().map(|row| row.failures.len()).sum();
    if failed == 0 {
        return ExitCode::SUCCESS;
    }
    for row in &rows {
        for failure in &row.failures {
            println!("{}: {failure}\n", row.title);
        }
    }
    ExitCode::FAILURE
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// Tries all points, several at once: most of the time is waiting for the lease of the killed run.
fn carry_out(
    runtime: &Runtime,
    ladder: &Ladder,
    chosen: &[Point],
    rows: &Mutex<Vec<Row>>,
    jobs: usize,
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(point) = chosen.get(index) else {
                        return;
                    };
                    let end = ladder.survive(runtime, point, index);
                    let mut rows = rows.lock().unwrap();
                    let before = rows[point.step].failures.len();
                    rows[point.step].take(point, end);
                    let done: usize = rows.iter().map(|row| row.tried).sum();
                    let bad: usize = rows.iter().map(|row| row.failures.len()).sum();
                    eprintln!("{done} of {}, {bad} failed: {point}", chosen.len());
                    if rows[point.step].failures.len() > before {
                        eprintln!("{}", rows[point.step].failures[before]);
                    }
                }
            });
        }
    });
}
