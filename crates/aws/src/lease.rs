//! How long a lock still stands, by our own clocks: no change may begin that could outlive it.
//!
//! AWS takes no fencing token. So before every attempt of a change the door asks the lease, and between the
//! last heartbeat and the end of the lease there is room for the longest call (aws-semantics 5.4).

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mutex::lock;
use tokio::sync::watch;

/// A moment by both clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    steady: Instant,
    wall: SystemTime,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// How long ago it was. The steady clock stands still while the machine sleeps, and the wall clock may be
    /// set back: the longer of both is believed.
    pub fn age(&self) -> Duration {
        let wall = self.wall.elapsed().unwrap_or_default();
        self.steady.elapsed().max(wall)
    }
}

/// Whether a lease stands.
#[derive(Clone, Copy, Debug)]
enum State {
    /// It was renewed then, at the latest.
    Renewed(Moment),
    /// Another has it.
    Lost,
}

/// The lease behind a lock that is held.
#[derive(Debug)]
pub struct Lease {
    state: watch::Sender<State>,
    /// For how long after a renewal a change may begin.
    fresh: Duration,
    /// When a change of this run last went without an answer.
    doubt: Mutex<Option<Moment>>,
}

impl Lease {
    /// A lease renewed at `since`, after which changes may begin for a time of `fresh`.
    pub fn new(since: Moment, fresh: Duration) -> Self {
        Self {
            state: watch::Sender::new(State::Renewed(since)),
            fresh,
            doubt: Mutex::default(),
        }
    }

    /// A heartbeat was written; its call began at `since`.
    pub fn renewed(&self, since: Moment) {
        self.state.send_if_modified(|state| match state {
            State::Renewed(_) => {
                *state = State::Renewed(since);
                true
            }
            State::Lost => false,
        });
    }

    /// Another run has it now.
    pub fn lose(&self) {
        self.state.send_replace(State::Lost);
    }

    /// Whether another run has it.
    pub fn is_lost(&self) -> bool {
        matches!(*self.state.borrow(), State::Lost)
    }

    /// Whether a change may begin now.
    pub fn is_fresh(&self) -> bool {
        match *self.state.borrow() {
            State::Renewed(since) => since.age() < self.fresh,
            State::Lost => false,
        }
    }

    /// Waits until a change may begin: a machine that slept must first hear that the lock is still its own. An
    /// error if it is not, or if that cannot be had in the time of two leases.
    pub async fn stands(&self) -> Result<()> {
        let mut state = self.state.subscribe();
        let may_begin = state.wait_for(|state| match state {
            State::Renewed(since) => since.age() < self.fresh,
            State::Lost => true,
        });
        let heard = tokio::time::timeout(self.fresh * 3, may_begin).await;
        match heard {
            Ok(Ok(state)) if matches!(*state, State::Renewed(_)) => Ok(()),
            Ok(_) => Err(lost(
                "the lock was taken over by another run: nothing more is changed",
            )),
            Err(_) => Err(lost(
                "the lock could not be renewed: nothing more is changed",
            )),
        }
    }

    /// A change is about to be asked for.
    pub fn ask(&self) -> Asked<'_> {
        Asked {
            lease: self,
            answered: false,
        }
    }

    /// How long ago a change went without an answer: what it did may not be visible yet.
    pub fn doubt(&self) -> Option<Duration> {
        let doubt = lock(&self.doubt);
        doubt.as_ref().map(Moment::age)
    }
}

/// A change that was asked for. Dropped without [`Asked::answered`], nobody knows what became of it.
#[derive(Debug)]
pub struct Asked<'a> {
    lease: &'a Lease,
    answered: bool,
}

impl Asked<'_> {
    /// AWS has answered: it was done, or it was not.
    pub fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.answered {
            let mut doubt = lock(&self.lease.doubt);
            *doubt = Some(Moment::now());
        }
    }
}

/// Our code for a change that was not begun because the lock is no longer ours.
pub const LEASE_LOST: &str = "LeaseLost";

fn lost(message: &str) -> CloudError {
    let mut error = CloudError::new("terrace:lock", ErrorClass::Unsent, message);
    error.code = Some(LEASE_LOST.to_owned());
    error.hinted("what was done so far stands; run it again to go on from what is live")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Duration = Duration::from_millis(300);

    /// The same moment as a machine remembers it that slept since: only the wall clock went on.
    fn before_a_sleep_of(span: Duration) -> Moment {
        let now = Moment::now();
        Moment {
            wall: now.wall - span,
            ..now
        }
    }

    #[test]
    fn a_lid_closed_for_ten_minutes_counts() {
        let lease = Lease::new(
            before_a_sleep_of(Duration::from_mins(10)),
            Duration::from_mins(1),
        );
        assert!(!lease.is_fresh());
        lease.renewed(Moment::now());
        assert!(lease.is_fresh());
    }

    #[test]
    fn a_clock_set_back_makes_no_lease_longer() {
        let now = Moment::now();
        let ahead = Moment {
            wall: now.wall + Duration::from_hours(1),
            ..now
        };
        std::thread::sleep(Duration::from_millis(20));
        assert!(ahead.age() >= Duration::from_millis(20));
    }

    #[tokio::test]
    async fn a_change_waits_for_the_heartbeat() {
        let lease = Lease::new(before_a_sleep_of(Duration::from_mins(10)), FRESH);
        let renewed = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            assert!(!lease.is_fresh());
            lease.renewed(Moment::now());
        };
        let (stands, ()) = tokio::join!(lease.stands(), renewed);
        assert!(stands.is_ok());
    }

    #[tokio::test]
    async fn a_change_does_not_begin_once_the_lock_is_lost() {
        let lease = Lease::new(before_a_sleep_of(Duration::from_mins(10)), FRESH);
        lease.lose();
        lease.renewed(Moment::now());
        let error = lease.stands().await.err();
        assert!(error.is_some_and(|error| error.is(&[LEASE_LOST])));
        assert!(lease.is_lost() && !lease.is_fresh());
    }

    #[tokio::test]
    async fn a_lock_that_cannot_be_renewed_ends_the_wait() {
        let lease = Lease::new(before_a_sleep_of(Duration::from_mins(10)), FRESH / 10);
        let error = lease.stands().await.err();
        assert!(error.is_some_and(|error| error.message.contains("could not be renewed")));
    }

    #[test]
    fn what_is_not_answered_leaves_a_doubt() {
        let lease = Lease::new(Moment::now(), FRESH);
        lease.ask().answered();
        assert_eq!(lease.doubt(), None);
        drop(lease.ask());
        assert!(lease.doubt().is_some());
    }
}
