//! The two doors to AWS: one for reads, one for mutations. Nothing else calls the SDK.
//!
//! The SDK's own retries are off: seen, one lost answer made three VPCs. The doors repeat what may
//! be repeated, count every call by its IAM action, keep within AWS's rates and a number of calls at once, and let no
//! change begin unless the lock is ours.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::BoxFuture;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mutex::lock;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error;
use crate::lease::{Asked, LEASE_LOST, Lease};
use crate::limits::Limits;
use crate::timing::Timing;

/// A mutation: its IAM action, and how often it may be repeated.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    action: &'static str,
    repeats: bool,
    busy: &'static [&'static str],
    minutes: f64,
    side: Side,
}

/// What a call is to the lock.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    /// It changes nothing.
    Read,
    /// It may only be made while the lock is ours.
    Change,
    /// It keeps the lock, and waits for nothing.
    Lock,
}

impl Op {
    /// A call that must not be repeated when its answer is lost: every one makes another (BLIND).
    pub const fn once(action: &'static str) -> Self {
        Self {
            action,
            repeats: false,
            busy: &[],
            minutes: 0.0,
            side: Side::Change,
        }
    }

    /// A call that may be repeated: it has a client token or a unique name, or sets what it sets.
    pub const fn again(action: &'static str) -> Self {
        Self {
            action,
            repeats: true,
            busy: &[],
            minutes: 0.0,
            side: Side::Change,
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

    /// A call that changes nothing.
    const fn read(action: &'static str) -> Self {
        Self {
            side: Side::Read,
            ..Self::again(action)
        }
    }

    /// A call that keeps the lock: it needs no lock, and no turn.
    #[must_use]
    pub(crate) const fn of_lock(mut self) -> Self {
        self.side = Side::Lock;
        self
    }

    /// Whether this is one of the refusals that are waited out.
    pub(crate) fn waits_out(&self, error: &CloudError) -> bool {
        error.is(self.busy) || self.busy.iter().any(|words| error.message.contains(words))
    }
}

/// Is told of every refusal that is waited out.
pub(crate) trait Watch: Sync {
    /// It has been refused for this many seconds of AWS's time. False: waiting on is of no use.
    fn refused(&self, seconds: f64) -> BoxFuture<'_, bool>;
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

/// Both doors, to one region.
#[derive(Clone, Debug)]
pub struct Door {
    region: String,
    all: Arc<All>,
}

/// What the doors to all regions share.
#[derive(Debug)]
struct All {
    timing: Timing,
    slots: Semaphore,
    limits: Limits,
    calls: Mutex<BTreeMap<String, u64>>,
    /// What this run has made, and when.
    made: Mutex<BTreeMap<String, Instant>>,
    /// The leases of the locks that are held: without one nothing is fenced, as in a test of a kind.
    leases: Mutex<Vec<Arc<Lease>>>,
}

impl Door {
    /// Doors that keep this timing.
    pub fn new(timing: Timing) -> Self {
        let all = All {
            timing,
            slots: Semaphore::new(AT_ONCE),
            limits: Limits::new(timing),
            calls: Mutex::default(),
            made: Mutex::default(),
            leases: Mutex::default(),
        };
        Self {
            region: String::new(),
            all: Arc::new(all),
        }
    }

    /// The same to another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            all: Arc::clone(&self.all),
        }
    }

    /// From now on changes are made only while this lease stands.
    pub(crate) fn keep(&self, lease: Arc<Lease>) {
        lock(&self.all.leases).push(lease);
    }

    /// Its lock is given back.
    pub(crate) fn let_go(&self, lease: &Arc<Lease>) {
        lock(&self.all.leases).retain(|kept| !Arc::ptr_eq(kept, lease));
    }

    /// Notes what this run has made: that AWS does not know it yet is no error of ours.
    pub fn made(&self, id: &str) {
        lock(&self.all.made).insert(id.to_owned(), Instant::now());
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
        let made = lock(&self.all.made);
        let late = self.all.timing.scaled(VISIBLE);
        let mut recent = made.iter().filter(|(_, since)| since.elapsed() < late);
        recent.any(|(id, _)| error.message.contains(id.as_str()))
    }

    /// The calls made so far, by IAM action; repeated ones count again.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.all.calls).clone()
    }

    /// A read. Repeated on anything that a second try may better.
    pub async fn read<T, E, F, Fut>(&self, action: &'static str, call: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.repeat(Op::read(action), None, call).await
    }

    /// A mutation.
    pub async fn mutate<T, E, F, Fut>(&self, op: Op, call: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.repeat(op, None, call).await
    }

    /// A mutation that is refused while something holds what it is about, under somebody's eyes.
    pub(crate) async fn mutate_watched<T, E, F, Fut>(
        &self,
        op: Op,
        watch: &dyn Watch,
        call: F,
    ) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.repeat(op, Some(watch), call).await
    }

    async fn repeat<T, E, F, Fut>(&self, op: Op, watch: Option<&dyn Watch>, call: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let begun = Instant::now();
        let timing = self.all.timing;
        let patience = timing.scaled(op.minutes * 60.0);
        let mut tries = Tries::default();
        loop {
            let error = match self.once(&op, &call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = timing.back_off(tries.all);
            let busy = op.waits_out(&error);
            let early = op.side == Side::Change && self.is_early(&op, &error);
            let waits = early || busy && begun.elapsed() < patience;
            if !tries.again(&op, &error, waits) {
                return Err(error);
            }
            if let Some(watch) = watch.filter(|_| busy)
                && !watch.refused(timing.seconds(begun.elapsed())).await
            {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt. Before each, whatever its reason, the lock must be ours.
    async fn once<T, E, F, Fut>(&self, op: &Op, call: &F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let action = op.action;
        if op.side == Side::Lock {
            self.count(action);
            return call().await.map_err(|error| error::read(action, &error));
        }
        tokio::time::sleep(self.all.limits.turn(&self.region, action)).await;
        let leases = match op.side {
            Side::Change => lock(&self.all.leases).clone(),
            Side::Read | Side::Lock => Vec::new(),
        };
        let slot = self.slot(&leases).await?;
        self.count(action);
        let asked: Vec<Asked<'_>> = leases.iter().map(|lease| lease.ask()).collect();
        let answer = call().await.map_err(|error| error::read(action, &error));
        drop(slot);
        let class = answer.as_ref().err().map(|error| error.class);
        if class != Some(ErrorClass::Unknown) {
            asked.into_iter().for_each(Asked::answered);
        }
        match class {
            Some(ErrorClass::Throttled) => self.all.limits.throttled(&self.region, action),
            _ => self.all.limits.passed(&self.region, action),
        }
        answer
    }

    /// A slot, at a moment at which all leases stand. Waiting for a heartbeat holds none.
    async fn slot(&self, leases: &[Arc<Lease>]) -> Result<Option<SemaphorePermit<'_>>> {
        loop {
            for lease in leases {
                lease.stands().await?;
            }
            // It is never closed.
            let slot = self.all.slots.acquire().await.ok();
            if leases.iter().all(|lease| lease.is_fresh()) {
                return Ok(slot);
            }
        }
    }

    fn count(&self, action: &str) {
        *lock(&self.all.calls).entry(action.to_owned()).or_default() += 1;
    }
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
            ErrorClass::Unsent => faults < 2 && !error.is(&[LEASE_LOST]),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        assert!(repeats(&op, ErrorClass::Unsent));
        assert!(!repeats(&op, ErrorClass::Caller));
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
    fn busy_is_waited_out_and_does_not_count_as_going_wrong() {
        let op = Op::again("ec2:DeleteVpc").while_busy(&["DependencyViolation"], 5.0);
        let mut busy = error(ErrorClass::InUse);
        busy.code = Some("DependencyViolation".to_owned());
        assert!(op.waits_out(&busy));
        let lost = error(ErrorClass::Unknown);
        assert!(!op.waits_out(&lost));
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
