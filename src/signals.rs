//! Ctrl-C and its kin while something is being changed: the first asks to stop, the second stops.
//!
//! CI systems send SIGINT, some seconds later SIGTERM, and then kill: so the second signal, whichever it is, must
//! leave time to put the lock down.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ui::Ui;

/// What asks us to stop.
#[cfg(unix)]
pub(crate) struct Signals {
    all: [tokio::signal::unix::Signal; 3],
}

/// What asks us to stop.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(unix)]
impl Signals {
    /// From now on they are heard, and no longer end the process by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            all: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
        })
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.all;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// From now on they are heard, and no longer end the process by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

impl Signals {
    /// Sets `stop` at the first, and ends with the second.
    pub(crate) async fn heard_twice(&mut self, stop: &AtomicBool, ui: Ui) {
        self.next().await;
        stop.store(true, Ordering::Relaxed);
        ui.say(
            "stopping: no step starts any more, calls under way are awaited; again to stop at once",
        );
        self.next().await;
        ui.say("stopping at once");
    }
}
