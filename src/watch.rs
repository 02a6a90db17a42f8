//! A watch over reading a stack: what its expressions ask for has bounds one by one, but not all together. What takes
//! more memory or time than any stack needs ends the program, before it ends the machine.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::cli::Color;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// Bytes that reading may add: 10,000 resources take 150 MB.
const MEMORY: u64 = 2 << 30;

/// For how long a stack may be read: 10,000 resources take a second.
const TIME: Duration = Duration::from_mins(5);

/// How often is looked: memory is filled at some gigabytes a second.
const LOOK: Duration = Duration::from_millis(10);

/// Reads something under the watch. Where memory cannot be asked for, time alone is watched.
pub(crate) fn watched<T>(read: impl FnOnce() -> T) -> T {
    let (done, over) = mpsc::channel::<()>();
    let before = resident().unwrap_or(0);
    let begun = Instant::now();
    let watch = move || {
        while over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
            let memory = resident().is_some_and(|now| now.saturating_sub(before) > MEMORY);
            if memory || begun.elapsed() > TIME {
                stop(if memory {
                    "2 GB of memory"
                } else {
                    "five minutes"
                });
            }
        }
    };
    std::thread::spawn(watch);
    let value = read();
    drop(done);
    value
}

/// Ends the program: what goes on cannot be told to stop.
#[expect(
    clippy::exit,
    reason = "nothing was begun, and the thread that reads cannot be stopped"
)]
fn stop(what: &str) {
    let message = format!("reading this stack takes more than {what}");
    let failure = Failure::new(message)
        .hint("an expression or a template in it multiplies texts or lists: look for `*`, `~` and loops in loops");
    Ui::new(Color::Auto).failure(&failure);
    std::process::exit(Exit::Failed.code().into());
}

/// Bytes of memory that this process holds (Linux, proc(5)).
fn resident() -> Option<u64> {
    /// Bytes of a page, where no larger ones are configured: an estimate that errs on the side of patience.
    const PAGE: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}
