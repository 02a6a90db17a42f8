//! What is known of an emulator that was started before, and what proves it.

use std::time::{Duration, Instant, SystemTime};

use crate::home::Note;
use crate::process;

/// How long an emulator that runs may take to say who it is: it may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of a named emulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs and has proven to be ours.
    Running {
        /// Its process.
        pid: u32,
        /// Where it listens on 127.0.0.1.
        port: u16,
        /// When it was started.
        since: SystemTime,
        /// Whether it is the one that this binary would start, and not another version's.
        current: bool,
    },
    /// There is a note on one, but what it speaks of is not it, or does not answer.
    Stale {
        /// The process in the note.
        pid: u32,
        /// The port in the note.
        port: u16,
        /// What is there in its place.
        why: String,
    },
    /// None runs.
    Stopped,
}

/// What shows that the process in a note is the one that was noted.
pub(crate) enum Proof {
    /// Its server repeats the word.
    Answers,
    /// It was started with the word, but its server is silent.
    Silent,
    /// Nothing does.
    None(&'static str),
}

impl Proof {
    pub(crate) async fn of(note: &Note) -> Self {
        let since = Instant::now();
        loop {
            let started = process::was_started_with(note.pid, &note.identity).await;
            if started != Some(false) && process::answers(note.port, &note.identity, PATIENCE).await
            {
                return Self::Answers;
            }
            match started {
                Some(false) if process::is_alive(note.pid) => {
                    return Self::None("its process number is another program's now");
                }
                Some(false) => return Self::None("its process has ended"),
                None => return Self::None("another program answers on its port, or none"),
                // It may be starting still: whoever started it was killed.
                Some(true) if since.elapsed() < PATIENCE => {}
                Some(true) => return Self::Silent,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
