//! The two doors to AWS: one for reads, one for mutations. Nothing else calls the SDK.
//!
//! The SDK's own retries are off: seen, one lost answer made three VPCs. The doors repeat what may
//! be repeated, count every call by its IAM action, and keep within a number of calls at once.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use terrace_core::error::{CloudError, ErrorClass, Result};
use tokio::sync::Semaphore;

use crate::error;
use crate::timing::Timing;

/// A mutation: its IAM action, and how often it may be repeated.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    action: &'static str,
    repeats: bool,
    busy: &'static [&'static str],
    minutes: f64,
    pace: Option<Pace>,
}

/// How often AWS lets an action be called: so many times at once, then once every so many seconds.
#[derive(Clone, Copy, Debug)]
struct Pace {
    at_once: u32,
    seconds: f64,
}

impl Op {
    /// A call that must not be repeated when its answer is lost: every one makes another (BLIND).
    pub const fn once(action: &'static str) -> Self {
        Self {
            action,
            repeats: false,
            busy: &[],
            minutes: 0.0,
            pace: None,
        }
    }

    /// A call that may be repeated: it has a client token or a unique name, or sets what it sets.
    pub const fn again(action: &'static str) -> Self {
        Self {
            action,
            repeats: true,
            busy: &[],
            minutes: 0.0,
            pace: None,
        }
    }

    /// Repeated while AWS answers with one of these codes, or with a message that holds one of them,
    /// for this many minutes: something else must end first, or what was just made is not visible yet.
    #[must_use]
    pub const fn while_busy(mut self, codes: &'static [&'static str], minutes: f64) -> Self {
        self.busy = codes;
        self.minutes = minutes;
        self
    }

    /// Of an action that AWS lets be called so many times at once and then once every so many seconds:
    /// calls wait for their turn, where they would else be refused again and again (aws-semantics 5.1).
    #[must_use]
    pub const fn paced(mut self, at_once: u32, seconds: f64) -> Self {
        self.pace = Some(Pace { at_once, seconds });
        self
    }
}

/// How many calls are out at once.
const AT_ONCE: usize = 16;
/// How often a throttled or unanswered call is repeated.
const ATTEMPTS: u32 = 10;
/// For how many seconds what was made may be unknown to some of AWS.
const VISIBLE: f64 = 300.0;
/// Verbs of calls that are content if what they name is not there.
const TAKES_AWAY: &[&str] = &[
    "Delete",
    "Deregister",
    "Detach",
    "Disassociate",
    "Release",
    "Remove",
    "Revoke",
    "Schedule",
    "Terminate",
];

/// Both doors.
#[derive(Debug)]
pub struct Door {
    timing: Timing,
    slots: Semaphore,
    calls: Mutex<BTreeMap<String, u64>>,
    /// When the allowance of each paced action is whole again.
    whole: Mutex<BTreeMap<&'static str, Instant>>,
    /// What this run has made, and when.
    made: Mutex<BTreeMap<String, Instant>>,
}

impl Door {
    /// Doors that keep this timing.
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            slots: Semaphore::new(AT_ONCE),
            calls: Mutex::default(),
            whole: Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// Notes what this run has made: that AWS does not know it yet is no error of ours.
    pub fn made(&self, id: &str) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(id.to_owned(), Instant::now());
    }

    /// Whether a call failed for naming what was made so recently that AWS may not show it everywhere
    /// (aws-semantics 5.2, 7.2). What takes away is content if it is not there.
    fn is_early(&self, op: &Op, error: &CloudError) -> bool {
        let name = op.action.split_once(':').map_or("", |(_, name)| name);
        if error.class != ErrorClass::NotFound
            || TAKES_AWAY.iter().any(|verb| name.starts_with(verb))
        {
            return false;
        }
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let late = self.timing.scaled(VISIBLE);
        let mut recent = made.iter().filter(|(_, since)| since.elapsed() < late);
        recent.any(|(id, _)| error.message.contains(id.as_str()))
    }

    /// The calls made so far, by IAM action; repeated ones count again.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A read. Repeated on anything that a second try may better.
    pub async fn read<T, E, F, Fut>(&self, action: &'static str, call: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.repeat(Op::again(action), |_| false, call).await
    }

    /// A mutation.
    pub async fn mutate<T, E, F, Fut>(&self, op: Op, call: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.repeat(op, |error| self.is_early(&op, error), call)
            .await
    }

    async fn repeat<T, E, F, Fut>(
        &self,
        op: Op,
        early: impl Fn(&CloudError) -> bool,
        call: F,
    ) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let begun = Instant::now();
        let patience = self.timing.scaled(op.minutes * 60.0);
        let mut tries = Tries::default();
        loop {
            if let Some(pace) = op.pace {
                tokio::time::sleep(self.turn(op.action, pace)).await;
            }
            let error = match self.once(op.action, &call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = self.timing.back_off(tries.all);
            let waits = early(&error) || is_busy(&op, &error) && begun.elapsed() < patience;
            if !tries.again(&op, &error, waits) {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// How long a paced call waits for its turn.
    fn turn(&self, action: &'static str, pace: Pace) -> Duration {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let each = self.timing.scaled(pace.seconds);
        let (wait, after) = turn(whole.get(action).copied(), now, each, pace.at_once);
        whole.insert(action, after);
        wait
    }

    async fn once<T, E, F, Fut>(&self, action: &str, call: &F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let slot = self.slots.acquire().await;
        *self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(action.to_owned())
            .or_default() += 1;
        let answer = call().await;
        drop(slot);
        answer.map_err(|error| error::read(action, &error))
    }
}

/// How long to wait where an allowance of so many calls is whole again at `whole`, and when it will be
/// after this call.
fn turn(whole: Option<Instant>, now: Instant, each: Duration, at_once: u32) -> (Duration, Instant) {
    let whole = whole.map_or(now, |whole| whole.max(now));
    let free = each * at_once.saturating_sub(1);
    (whole.duration_since(now).saturating_sub(free), whole + each)
}

fn is_busy(op: &Op, error: &CloudError) -> bool {
    error.is(op.busy) || op.busy.iter().any(|words| error.message.contains(words))
}

/// How often a call was made, and how often in a row it went wrong.
#[derive(Default)]
struct Tries {
    all: u32,
    faults: u32,
}

impl Tries {
    /// Whether to make it once more. A call that only waits for something, as AWS says itself, may go
    /// wrong as often as any other.
    fn again(&mut self, op: &Op, error: &CloudError, waits: bool) -> bool {
        let faults = self.faults;
        self.all += 1;
        self.faults = if waits { 0 } else { faults + 1 };
        match error.class {
            _ if waits => true,
            ErrorClass::Throttled => faults < ATTEMPTS,
            ErrorClass::Unknown => op.repeats && faults < ATTEMPTS / 2,
            // Never sent, so a second try cannot do harm; but a wrong host stays wrong.
            ErrorClass::Unsent => faults < 2 && !error.is(&[error::NO_CREDENTIALS]),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(class: ErrorClass) -> CloudError {
        CloudError::new("ec2:CreateVpc", class, "")
    }

    fn repeats(op: &Op, class: ErrorClass) -> bool {
        Tries::default().again(op, &error(class), false)
    }

    #[test]
    fn a_blind_creation_whose_answer_is_lost_is_not_repeated() {
        assert!(!repeats(&Op::once("ec2:CreateVpc"), ErrorClass::Unknown));
        assert!(repeats(&Op::once("ec2:CreateVpc"), ErrorClass::Throttled));
        assert!(repeats(
            &Op::again("ec2:CreateRouteTable"),
            ErrorClass::Unknown
        ));
    }

    #[test]
    fn what_is_wrong_is_not_repeated() {
        assert!(!repeats(&Op::again("ec2:CreateVpc"), ErrorClass::Invalid));
        assert!(!repeats(&Op::again("ec2:CreateVpc"), ErrorClass::Denied));
    }

    #[test]
    fn without_credentials_nothing_is_asked_again() {
        let op = Op::again("sts:GetCallerIdentity");
        let mut nobody = error(ErrorClass::Unsent);
        assert!(Tries::default().again(&op, &nobody, false));
        nobody.code = Some(error::NO_CREDENTIALS.to_owned());
        assert!(!Tries::default().again(&op, &nobody, false));
    }

    #[test]
    fn what_was_just_made_may_be_unknown() {
        let door = Door::new(Timing { scale: 0.001 });
        door.made("subnet-1");
        let unknown = |id: &str| {
            let mut error = error(ErrorClass::NotFound);
            error.message = format!("The subnet ID '{id}' does not exist");
            error
        };
        let modify = Op::again("ec2:ModifySubnetAttribute");
        assert!(door.is_early(&modify, &unknown("subnet-1")));
        assert!(!door.is_early(&modify, &unknown("subnet-2")));
        assert!(!door.is_early(&Op::again("ec2:DeleteSubnet"), &unknown("subnet-1")));
        std::thread::sleep(Duration::from_millis(310));
        assert!(!door.is_early(&modify, &unknown("subnet-1")));
    }

    #[test]
    fn paced_calls_take_turns() {
        let (now, each) = (Instant::now(), Duration::from_secs(3));
        let mut whole = None;
        let waits: Vec<u64> = (0..7)
            .map(|_| {
                let (wait, after) = turn(whole, now, each, 4);
                whole = Some(after);
                wait.as_secs()
            })
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 3, 6, 9]);
        // All is forgotten once it is whole again.
        let later = now + Duration::from_mins(1);
        assert_eq!(turn(whole, later, each, 4).0, Duration::ZERO);
    }

    #[test]
    fn busy_is_waited_out_and_does_not_count_as_going_wrong() {
        let op = Op::again("ec2:DeleteVpc").while_busy(&["DependencyViolation"], 5.0);
        let mut busy = error(ErrorClass::InUse);
        busy.code = Some("DependencyViolation".to_owned());
        assert!(is_busy(&op, &busy));
        let lost = error(ErrorClass::Unknown);
        assert!(!is_busy(&op, &lost));
        let mut tries = Tries::default();
        for _ in 0..50 {
            assert!(tries.again(&op, &busy, true));
        }
        for _ in 0..ATTEMPTS / 2 {
            assert!(tries.again(&op, &lost, false));
        }
        assert!(!tries.again(&op, &lost, false));
        // Its time is over.
        assert!(!Tries::default().again(&op, &busy, false));
    }
}
