//! Ctrl-C and its kin while something is being changed: the first asks to stop, the second stops.
//!
//! CI systems send SIGINT, some seconds later SIGTERM, and then kill: so the second signal, whichever it is, must
//! leave time to put the lock down.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ui::Ui;

/// What asks us to stop.
#[cfg(unix)]
pub(crate) struct Signals {
    all: Vec<tokio::signal::unix::Signal>,
}

/// What asks us to stop.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(unix)]
impl Signals {
    /// From now on they are heard, and no longer end the process by themselves. What whoever started us has us
    /// ignore, as `nohup` does with SIGHUP, stays ignored.
    pub(crate) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let heard = kinds.into_iter().filter(|kind| !is_ignored(*kind));
        Ok(Self {
            all: heard.map(signal).collect::<std::io::Result<_>>()?,
        })
    }

    async fn next(&mut self) {
        if self.all.is_empty() {
            return std::future::pending().await;
        }
        let each = self.all.iter_mut().map(|signal| Box::pin(signal.recv()));
        futures_util::future::select_all(each).await;
    }
}

/// Whether a signal is ignored: Linux says so, elsewhere it is taken not to be.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
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
