//! One lock per stack and environment: a lease in S3 by conditional writes (aws-semantics 5.4).
//!
//! Only a run whose every change was answered takes its lock away; any other end leaves it *unsettled*, and the next
//! holder waits until nothing that was begun can still come to light (rule R6). A run that died leaves a lock whose
//! lease ends by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mark::digest;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::bucket::{Bucket, If};
use crate::client::Aws;
use crate::lease::{Lease, Moment};

/// How long a lease lasts without a heartbeat, in seconds of AWS's time.
pub const LEASE: f64 = 90.0;
/// How long before its end no change may begin any more: longer than the longest call.
const SLACK: f64 = 30.0;
/// For how long what a run has begun may still be invisible after its last sign of life (rule R6).
const SETTLE: f64 = 120.0;

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// This run, and no other.
    pub run: String,
    /// The machine.
    pub host: String,
    /// The process on that machine.
    pub pid: u32,
    /// The user, or the CI run's address.
    pub who: String,
    /// When it took the lock, in RFC 3339.
    pub since: String,
    /// How long its lease lasts, in seconds.
    pub lease: f64,
    /// Counts the heartbeats: every write differs, so that no two versions are alike.
    pub beat: u64,
    /// Whether the run is over and something that it began was never answered.
    #[serde(default)]
    pub unsettled: bool,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What this machine calls itself.
fn host() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.map(|host| host.trim().to_owned());
    host.or_else(|| variable("HOSTNAME"))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Sixteen hex digits that no other run gets, and this one gets once: of machine, process and time.
pub(crate) fn unique() -> String {
    let (pid, now) = (std::process::id(), Timestamp::now().as_nanosecond());
    digest(&[&host(), &pid.to_string(), &now.to_string()])[..16].to_owned()
}

impl Holder {
    fn here(cx: &Aws) -> Self {
        let github = variable("GITHUB_RUN_ID")
            .zip(variable("GITHUB_REPOSITORY"))
            .map(|(run, repository)| format!("https://github.com/{repository}/actions/runs/{run}"));
        Self {
            run: unique(),
            host: host(),
            pid: std::process::id(),
            who: github
                .or_else(|| variable("CI_JOB_URL"))
                .or_else(|| variable("USER"))
                .unwrap_or_else(|| "somebody".to_owned()),
            since: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            lease: cx.timing.scaled(LEASE).as_secs_f64(),
            beat: 0,
            unsettled: false,
        }
    }

    /// Reads what lies in the bucket.
    pub fn parse(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }

    fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// `ada since 2026-01-05T10:00:00Z (process 4711 on build-3)`.
    pub fn words(&self) -> String {
        let Self {
            who,
            since,
            pid,
            host,
            ..
        } = self;
        format!("{who} since {since} (process {pid} on {host})")
    }
}

/// A lock as it lies in the bucket.
#[derive(Clone, Debug)]
pub struct Lying {
    /// Who wrote it last.
    pub holder: Holder,
    /// Seconds since the last sign of life, by S3's clock.
    pub age: f64,
    bucket: Bucket,
    key: String,
    etag: String,
}

impl Lying {
    /// The lock of the stack at hand as it lies there; none if nobody holds it. Makes no bucket.
    pub async fn find(cx: &Aws) -> Result<Option<Self>> {
        match Bucket::find(cx).await? {
            Some(bucket) => Self::read(cx, &bucket).await,
            None => Ok(None),
        }
    }

    async fn read(cx: &Aws, bucket: &Bucket) -> Result<Option<Self>> {
        let key = key(cx);
        let Some(object) = bucket.get(cx, &key).await? else {
            return Ok(None);
        };
        let holder = Holder::parse(&object.body).map_err(|error| {
            let message = format!("{}/{key} is no lock of ours: {error}", bucket.name());
            CloudError::new("terrace:lock", ErrorClass::Invalid, message)
        })?;
        Ok(Some(Self {
            holder,
            age: object.age,
            bucket: bucket.clone(),
            key,
            etag: object.etag,
        }))
    }

    /// Whether its run may still be at work.
    pub fn is_held(&self) -> bool {
        !self.holder.unsettled && self.age <= self.holder.lease
    }

    /// Frees it, and leaves it unsettled; false if it has changed meanwhile. The run that held it, should it live,
    /// makes no further change.
    pub async fn free(&self, cx: &Aws) -> Result<bool> {
        let free = Holder {
            unsettled: true,
            beat: self.holder.beat + 1,
            ..self.holder.clone()
        };
        let still = If::Still(self.etag.clone());
        let written = self.bucket.put(cx, &self.key, &free.body(), &still).await?;
        Ok(written.is_some())
    }
}

fn key(cx: &Aws) -> String {
    format!("locks/{}/{}", cx.identity.region, cx.identity.owner())
}

/// How long to wait for a lock that another holds, and who is told of waits.
pub struct Patience<'a> {
    /// Seconds of AWS's time.
    pub seconds: f64,
    /// Is told what is waited for.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// A lock that is held. Its lease is renewed until [`Lock::release`].
#[derive(Debug)]
pub struct Lock {
    bucket: Bucket,
    key: String,
    holder: Holder,
    version: Arc<Mutex<Version>>,
    lease: Arc<Lease>,
    heart: JoinHandle<()>,
}

/// What the last heartbeat left in the bucket.
#[derive(Debug)]
struct Version {
    etag: String,
    beat: u64,
}

impl Lock {
    /// Takes the lock of the stack at hand. If another holds it for longer than one is patient, the error says who
    /// and since when. `stop` is set if the lease is lost meanwhile: then no step may start any more.
    pub async fn acquire(
        cx: &Arc<Aws>,
        stop: &Arc<AtomicBool>,
        patience: &Patience<'_>,
    ) -> Result<Self> {
        let bucket = Bucket::open(cx).await?.for_locks();
        let holder = Holder::here(cx);
        let (key, body) = (key(cx), holder.body());
        let begun = Moment::now();
        let mut told = false;
        loop {
            let asked = Moment::now();
            if let Some(etag) = bucket.put(cx, &key, &body, &If::Absent).await? {
                return Ok(Self::held(cx, bucket, holder, etag, asked, stop));
            }
            let Some(other) = Lying::read(cx, &bucket).await? else {
                continue;
            };
            if other.holder.run == holder.run {
                // Our own write, whose answer was lost.
                return Ok(Self::held(cx, bucket, holder, other.etag, asked, stop));
            }
            if !other.is_held() {
                let asked = Moment::now();
                let still = If::Still(other.etag.clone());
                if let Some(etag) = bucket.put(cx, &key, &body, &still).await? {
                    let lock = Self::held(cx, bucket, holder, etag, asked, stop);
                    lock.settle(cx, &other, patience).await;
                    return Ok(lock);
                }
                continue;
            }
            if begun.age() >= cx.timing.scaled(patience.seconds) || stop.load(Ordering::Relaxed) {
                return Err(taken(&other.holder));
            }
            if !told {
                (patience.say)(&format!(
                    "the lock is held by {}: waiting",
                    other.holder.words()
                ));
                told = true;
            }
            tokio::time::sleep(cx.timing.scaled(5.0)).await;
        }
    }

    /// Waits until all that the one before has begun must have come to light.
    async fn settle(&self, cx: &Aws, before: &Lying, patience: &Patience<'_>) {
        let rest = (cx.timing.scaled(SETTLE).as_secs_f64() - before.age).max(0.0);
        let seconds = cx.timing.seconds(Duration::from_secs_f64(rest)).ceil();
        let wait = if rest > 0.0 {
            format!(", and what it began may come to light for another {seconds} s")
        } else {
            String::new()
        };
        let holder = before.holder.words();
        let text = format!("took over the lock of {holder}: its run did not end well{wait}");
        (patience.say)(&text);
        tokio::time::sleep(Duration::from_secs_f64(rest)).await;
    }

    fn held(
        cx: &Arc<Aws>,
        bucket: Bucket,
        holder: Holder,
        etag: String,
        since: Moment,
        stop: &Arc<AtomicBool>,
    ) -> Self {
        let lease = Arc::new(Lease::new(since, cx.timing.scaled(LEASE - SLACK)));
        cx.door().keep(Arc::clone(&lease));
        let version = Arc::new(Mutex::new(Version { etag, beat: 0 }));
        let heart = Heart {
            cx: Arc::clone(cx),
            bucket: bucket.clone(),
            key: key(cx),
            holder: holder.clone(),
            version: Arc::clone(&version),
            lease: Arc::clone(&lease),
            stop: Arc::clone(stop),
        };
        Self {
            bucket,
            key: key(cx),
            holder,
            version,
            lease,
            heart: tokio::spawn(heart.beat()),
        }
    }

    /// Whether another has taken it over: no change may follow.
    pub fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    /// Gives it back: takes it away if all that was asked for has been answered, else leaves it unsettled.
    pub async fn release(self, cx: &Aws) -> Result<()> {
        // A heartbeat under way ends first: its version would not be ours.
        let version = self.version.lock().await;
        self.heart.abort();
        cx.door().let_go(&self.lease);
        let settled = cx.timing.scaled(SETTLE);
        let ours = if self.is_lost() {
            false
        } else if self.lease.doubt().is_none_or(|doubt| doubt >= settled) {
            self.bucket.delete(cx, &self.key, &version.etag).await?
        } else {
            let left = Holder {
                unsettled: true,
                beat: version.beat + 1,
                ..self.holder.clone()
            };
            let (body, still) = (left.body(), If::Still(version.etag.clone()));
            let put = self.bucket.put(cx, &self.key, &body, &still);
            put.await?.is_some()
        };
        if ours {
            return Ok(());
        }
        let message =
            "the lock was taken over by another run meanwhile: nothing was changed after that";
        let error = CloudError::new("terrace:lock", ErrorClass::Conflict, message);
        Err(error.hinted("what was done before stands; `terrace lock` shows who holds the lock"))
    }
}

/// Renews a lease.
struct Heart {
    cx: Arc<Aws>,
    bucket: Bucket,
    key: String,
    holder: Holder,
    version: Arc<Mutex<Version>>,
    lease: Arc<Lease>,
    stop: Arc<AtomicBool>,
}

impl Heart {
    async fn beat(mut self) {
        loop {
            tokio::time::sleep(self.cx.timing.scaled(LEASE / 3.0)).await;
            let mut version = self.version.lock().await;
            self.holder.beat = version.beat + 1;
            let since = Moment::now();
            let (body, still) = (self.holder.body(), If::Still(version.etag.clone()));
            let put = self.bucket.put(&self.cx, &self.key, &body, &still);
            match put.await {
                Ok(Some(etag)) => {
                    *version = Version {
                        etag,
                        beat: self.holder.beat,
                    };
                    self.lease.renewed(since);
                }
                Ok(None) => {
                    self.lease.lose();
                    self.stop.store(true, Ordering::Relaxed);
                    return;
                }
                // The next beat tries again; the lease is three beats long, and changes wait meanwhile.
                Err(_) => {}
            }
        }
    }
}

fn taken(holder: &Holder) -> CloudError {
    let Holder {
        who,
        since,
        pid,
        host,
        ..
    } = holder;
    let message = format!("{who} holds the lock since {since} (process {pid} on {host})");
    let error = CloudError::new("terrace:lock", ErrorClass::Conflict, message);
    error
        .hinted("wait until it is done, or let terrace wait: wait = \"10m\" under [lock] in stack.toml")
        .hinted("the lock of a run that died is free after 90 seconds; `terrace lock --release` frees it at once")
}
