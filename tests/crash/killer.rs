//! A weather that kills the program at one call, and counts all of them.

use std::collections::BTreeMap;
use std::process::{Child, ExitStatus};
use std::sync::Mutex;
use std::time::Duration;

use terrace_sandbox::{Asked, Fate, Turn, Weather};

/// Before the emulator acts, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    Before,
    After,
}

/// One call of a run: the nth of its action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nth {
    pub(crate) action: String,
    pub(crate) nth: u64,
}

/// Kills a child at a call. Without one it only counts.
#[derive(Default)]
pub(crate) struct Killer {
    aim: Option<(Nth, When)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: BTreeMap<String, u64>,
    reads: BTreeMap<String, bool>,
    child: Option<Child>,
    killed: bool,
}

impl Killer {
    pub(crate) fn at(call: Nth, when: When) -> Self {
        Self {
            aim: Some((call, when)),
            state: Mutex::default(),
        }
    }

    /// Every call so far, by action, and whether the action only looks.
    pub(crate) fn calls(&self) -> Vec<(Nth, bool)> {
        let state = self.state.lock().unwrap();
        let each = state.calls.iter().flat_map(|(action, count)| {
            let reads = state.reads[action];
            (1..=*count).map(move |nth| {
                let action = action.clone();
                (Nth { action, nth }, reads)
            })
        });
        each.collect()
    }

    /// Runs a child to its end, whichever that is; and whether it was killed here.
    pub(crate) fn run(&self, start: impl FnOnce() -> Child) -> (ExitStatus, bool) {
        // Held while it starts: its first call may be the one.
        let mut state = self.state.lock().unwrap();
        state.child = Some(start());
        drop(state);
        loop {
            std::thread::sleep(Duration::from_millis(5));
            let mut state = self.state.lock().unwrap();
            let child = state.child.as_mut().unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                return (status, state.killed);
            }
        }
    }
}

impl Weather for Killer {
    fn before(&self, call: &Asked) -> Fate {
        let mut state = self.state.lock().unwrap();
        let action = call.name();
        let count = state.calls.entry(action.clone()).or_default();
        *count += 1;
        let here = Nth {
            nth: *count,
            action,
        };
        state.reads.insert(here.action.clone(), call.reads);
        let Some((aim, when)) = &self.aim else {
            return Fate::default();
        };
        if state.killed || *aim != here {
            return Fate::default();
        }
        if *when == When::After {
            return Turn::LoseAfter.into();
        }
        state.kill();
        Turn::LoseBefore.into()
    }

    fn after(&self, call: &Asked, _: u16) {
        let mut state = self.state.lock().unwrap();
        let Some((aim, When::After)) = &self.aim else {
            return;
        };
        // Of several at once the last that came in may not be this one: then it dies a moment early.
        if !state.killed && aim.action == call.name() && state.calls[&aim.action] >= aim.nth {
            state.kill();
        }
    }
}

impl State {
    fn kill(&mut self) {
        self.killed = true;
        if let Some(child) = &mut self.child {
            let _ = child.kill();
        }
    }
}
