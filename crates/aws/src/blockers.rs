//! Blockers: what holds something that AWS refuses to delete.
//!
//! AWS says that something is in use and not by what. So what may hold it is looked for, not at the first refusal,
//! since most end by themselves, but after some seconds, then every few, and when patience is at an end. It is named
//! with whose it is: what goes by itself is waited for, and what is not ours a person must take away.

pub(crate) mod databases;
pub(crate) mod edge;
pub(crate) mod network;
pub(crate) mod roles;
pub(crate) mod traffic;

use std::error::Error;
use std::future::Future;
use std::sync::Mutex;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use terrace_core::error::{CloudError, Result};
use terrace_core::kind::Leave;
use terrace_core::mark::{self, Tags};
use terrace_core::mutex::lock;

use crate::client::Aws;
use crate::door::{Op, Watch};

/// How many seconds it is refused before anybody is asked what holds it.
const FIRST: f64 = 10.0;
/// How many seconds pass until that is asked again.
const AGAIN: f64 = 45.0;
/// For how many seconds what only a person can take away is waited for, once it is all that is left.
const PERSON: f64 = 300.0;
/// How many are named.
const NAMED: usize = 5;

/// Something that holds what is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocker {
    what: String,
    fate: Fate,
}

/// What becomes of a blocker, and so whether to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is being deleted.
    Going,
    /// It is of this stack, at this address.
    Ours(String),
    /// AWS made it for something else, and takes it away some minutes after that. Or what to do.
    Lingers(String),
    /// It is not ours. What a person must do.
    Foreign(String),
}

impl Blocker {
    /// `what` holds it.
    pub(crate) fn new(what: impl Into<String>, fate: Fate) -> Self {
        Self {
            what: what.into(),
            fate,
        }
    }

    fn clause(&self) -> String {
        let what = &self.what;
        match &self.fate {
            Fate::Going => format!("{what} (it is being deleted)"),
            Fate::Ours(address) => format!("{what} (ours: {address})"),
            Fate::Lingers(_) => format!("{what} (AWS removes it minutes after what it serves)"),
            Fate::Foreign(_) => format!("{what} (not ours)"),
        }
    }

    /// What a person must do, or may have to.
    fn remedy(&self) -> Option<&str> {
        match &self.fate {
            Fate::Lingers(remedy) | Fate::Foreign(remedy) => Some(remedy),
            Fate::Going | Fate::Ours(_) => None,
        }
    }
}

/// All that hold it, in words.
fn held_by(blockers: &[Blocker]) -> String {
    let mut clauses: Vec<String> = blockers.iter().take(NAMED).map(Blocker::clause).collect();
    if let more @ 1.. = blockers.len().saturating_sub(NAMED) {
        clauses.push(format!("{more} more"));
    }
    format!("held by {}", clauses.join(", "))
}

/// What is said while it is waited.
fn waiting(blockers: &[Blocker]) -> String {
    let held = held_by(blockers);
    let foreign = |blocker: &&Blocker| matches!(blocker.fate, Fate::Foreign(_));
    let first = blockers.iter().find(foreign).and_then(Blocker::remedy);
    first.map_or(held.clone(), |remedy| format!("{held}; {remedy}"))
}

/// AWS's refusal, with what holds it and what to do.
fn explained(mut error: CloudError, blockers: &[Blocker]) -> CloudError {
    if blockers.is_empty() {
        return error;
    }
    let words = error.message.trim_end_matches('.');
    error.message = format!("{words}; {}", held_by(blockers));
    let mut remedies: Vec<String> = Vec::new();
    for blocker in blockers.iter().take(NAMED) {
        let remedy = match &blocker.fate {
            Fate::Foreign(remedy) => format!("{} is not ours: {remedy}", blocker.what),
            Fate::Lingers(remedy) => format!("{}: {remedy}", blocker.what),
            Fate::Going => format!("{}: run it again once it is gone", blocker.what),
            Fate::Ours(address) => {
                format!("{} is ours, {address}: it must go first", blocker.what)
            }
        };
        remedies.push(remedy);
    }
    error.hints.extend(remedies);
    error
}

impl Aws {
    /// Deletes what AWS may refuse to delete while something holds it: `blockers` looks for what that is. That
    /// it is gone already is success.
    pub(crate) async fn remove<T, E, F, Fut, L, LFut>(
        &self,
        op: Op,
        leave: &Leave,
        blockers: L,
        call: F,
    ) -> Result<()>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
        L: Fn() -> LFut + Sync,
        LFut: Future<Output = Result<Vec<Blocker>>> + Send,
    {
        let watcher = Watcher {
            leave,
            blockers: &blockers,
            looked: Mutex::new(Looked {
                next: FIRST,
                foreign_since: None,
            }),
        };
        let answer = self.door().mutate_watched(op, &watcher, call).await;
        match self.gone(answer) {
            Err(error) if op.waits_out(&error) => match blockers().await {
                Ok(blockers) => Err(explained(error, &blockers)),
                Err(unknown) => {
                    Err(error.hinted(format!("what holds it could not be found out: {unknown}")))
                }
            },
            answer => answer,
        }
    }

    /// What becomes of something alive with these tags; `remedy` is what to do about what is not ours.
    pub(crate) fn fate(&self, tags: &Tags, remedy: impl Into<String>) -> Fate {
        match tags.get(mark::STACK) {
            Some(owner) if *owner == self.owner() => {
                Fate::Ours(tags.get(mark::ID).cloned().unwrap_or_default())
            }
            Some(other) => {
                Fate::Foreign(format!("take it out of the stack {other}, which made it"))
            }
            None => Fate::Foreign(remedy.into()),
        }
    }

    /// The words of a remedy that is a command of the AWS CLI, in this region.
    pub(crate) fn cli(&self, does: &str, command: &str) -> String {
        format!("{does}: `aws {command} --region {}`", self.region)
    }
}

struct Looked {
    /// When to look again, in seconds since the first call.
    next: f64,
    /// Since when nothing but what a person must take away is in the way.
    foreign_since: Option<f64>,
}

struct Watcher<'a, L> {
    leave: &'a Leave,
    blockers: &'a L,
    looked: Mutex<Looked>,
}

impl<L, LFut> Watch for Watcher<'_, L>
where
    L: Fn() -> LFut + Sync,
    LFut: Future<Output = Result<Vec<Blocker>>> + Send,
{
    fn refused(&self, seconds: f64) -> BoxFuture<'_, bool> {
        async move {
            if seconds < self.looked().next {
                return true;
            }
            match (self.blockers)().await {
                Ok(blockers) => self.seen(seconds, &blockers),
                // Whoever may delete need not be allowed to look. It is said once, and not tried again.
                Err(error) => {
                    let words = format!("held by something that cannot be looked for: {error}");
                    self.leave.progress.say(words);
                    self.looked().next = f64::INFINITY;
                    true
                }
            }
        }
        .boxed()
    }
}

impl<L> Watcher<'_, L> {
    fn looked(&self) -> std::sync::MutexGuard<'_, Looked> {
        lock(&self.looked)
    }

    /// Says what was seen; false if waiting on is of no use.
    fn seen(&self, seconds: f64, blockers: &[Blocker]) -> bool {
        if !blockers.is_empty() {
            self.leave.progress.say(waiting(blockers));
        }
        let foreign = |blocker: &Blocker| matches!(blocker.fate, Fate::Foreign(_));
        let mut looked = self.looked();
        looked.next = seconds + AGAIN;
        if blockers.is_empty() || !blockers.iter().all(foreign) {
            looked.foreign_since = None;
            return true;
        }
        let since = *looked.foreign_since.get_or_insert(seconds);
        seconds - since < PERSON
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use terrace_core::error::ErrorClass;
    use terrace_core::kind::Progress;
    use terrace_core::mark::Identity;

    use super::*;

    fn leave() -> Leave {
        Leave {
            ephemeral: false,
            stamp: "202601010000".to_owned(),
            identity: Identity {
                stack: "shop".to_owned(),
                environment: "prod".to_owned(),
                account: "123456789012".to_owned(),
                region: "eu-west-3".to_owned(),
            },
            progress: Progress::default(),
        }
    }

    fn foreign(id: &str) -> Blocker {
        let remedy = format!("delete it: `aws delete {id}`");
        Blocker::new(id, Fate::Foreign(remedy))
    }

    #[test]
    fn what_holds_it_is_told_with_what_to_do() {
        let ours = Blocker::new("i-1", Fate::Ours("instance.web".to_owned()));
        let going = Blocker::new("web", Fate::Going);
        assert_eq!(
            waiting(&[going.clone(), ours.clone(), foreign("eni-1")]),
            "held by web (it is being deleted), i-1 (ours: instance.web), eni-1 (not ours); \
             delete it: `aws delete eni-1`"
        );
        let refused = CloudError::new(
            "ec2:DeleteSubnet",
            ErrorClass::InUse,
            "it has dependencies.",
        );
        let error = explained(refused.clone(), &[foreign("eni-1")]);
        assert_eq!(
            error.message,
            "it has dependencies; held by eni-1 (not ours)"
        );
        assert_eq!(
            error.hints,
            ["eni-1 is not ours: delete it: `aws delete eni-1`"]
        );
        // Where nothing was found AWS's words stand alone.
        assert_eq!(explained(refused, &[]).message, "it has dependencies.");
    }

    #[test]
    fn many_are_counted() {
        let many: Vec<Blocker> = (0..8).map(|i| foreign(&format!("eni-{i}"))).collect();
        assert!(held_by(&many).ends_with("eni-4 (not ours), 3 more"));
    }

    #[tokio::test]
    async fn it_is_looked_for_now_and_then_and_a_person_is_not_awaited_for_ever() {
        let looks = AtomicUsize::new(0);
        let blockers = || {
            looks.fetch_add(1, Ordering::Relaxed);
            async { Ok(vec![foreign("eni-1")]) }
        };
        let leave = leave();
        let watcher = Watcher {
            leave: &leave,
            blockers: &blockers,
            looked: Mutex::new(Looked {
                next: FIRST,
                foreign_since: None,
            }),
        };
        let mut waits = 0;
        let mut seconds = 0.0;
        while watcher.refused(seconds).await {
            waits += 1;
            seconds += 5.0;
            assert!(waits < 1000, "it waits for ever");
        }
        // At 10 s, then every 45 s, until 300 s have passed since.
        assert_eq!(looks.load(Ordering::Relaxed), 8);
        assert!((seconds - (FIRST + 7.0 * AGAIN)).abs() < 1.0, "{seconds}");
        assert!(leave.progress.take().unwrap().starts_with("held by eni-1"));
    }

    #[tokio::test]
    async fn who_may_not_look_waits_all_the_same() {
        let looks = AtomicUsize::new(0);
        let blockers = || {
            looks.fetch_add(1, Ordering::Relaxed);
            async {
                Err(CloudError::new(
                    "ec2:DescribeNetworkInterfaces",
                    ErrorClass::Denied,
                    "no",
                ))
            }
        };
        let leave = leave();
        let watcher = Watcher {
            leave: &leave,
            blockers: &blockers,
            looked: Mutex::new(Looked {
                next: FIRST,
                foreign_since: None,
            }),
        };
        for seconds in [0.0, 20.0, 100.0, 1000.0] {
            assert!(watcher.refused(seconds).await);
        }
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        let said = leave.progress.take().unwrap();
        assert!(said.contains("ec2:DescribeNetworkInterfaces"), "{said}");
    }
}
