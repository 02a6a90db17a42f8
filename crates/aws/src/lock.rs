//! One lock per stack and environment: a lease in S3 by conditional writes (aws-semantics 5.4).

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

/// How long a lease lasts without a heartbeat, in seconds of AWS's time.
const LEASE: f64 = 90.0;
/// How long after a dead holder's last heartbeat its last call may still be invisible (rule R6).
const SETTLE: f64 = 120.0;

/// Who holds a lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
}

impl Holder {
    fn here(cx: &Aws) -> Self {
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let host = host
            .map(|host| host.trim().to_owned())
            .or_else(|| environment("HOSTNAME"));
        let github = environment("GITHUB_RUN_ID")
            .zip(environment("GITHUB_REPOSITORY"))
            .map(|(run, repository)| format!("https://github.com/{repository}/actions/runs/{run}"));
        let now = Timestamp::now();
        let pid = std::process::id();
        let host = host.unwrap_or_else(|| "unknown".to_owned());
        let run = digest(&[&host, &pid.to_string(), &now.as_nanosecond().to_string()]);
        Self {
            run: run[..16].to_owned(),
            host,
            pid,
            who: github
                .or_else(|| environment("CI_JOB_URL"))
                .or_else(|| environment("USER"))
                .unwrap_or_else(|| "somebody".to_owned()),
            since: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            lease: cx.timing.scaled(LEASE).as_secs_f64(),
            beat: 0,
        }
    }

    fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A lock that is held. Its lease is renewed until [`Lock::release`].
#[derive(Debug)]
pub struct Lock {
    bucket: Bucket,
    key: String,
    etag: Arc<Mutex<String>>,
    lost: Arc<AtomicBool>,
    heart: JoinHandle<()>,
}

impl Lock {
    /// Takes the lock of the stack at hand. If another holds it, the error says who and since when.
    /// `stop` is set if the lease is lost meanwhile: then no step may start any more.
    pub async fn acquire(cx: &Arc<Aws>, stop: &Arc<AtomicBool>) -> Result<Self> {
        let bucket = Bucket::open(cx).await?;
        let identity = &cx.identity;
        let key = format!("locks/{}/{}", identity.region, identity.owner());
        let holder = Holder::here(cx);
        for _ in 0..5 {
            if let Some(etag) = bucket.put(cx, &key, &holder.body(), &If::Absent).await? {
                return Ok(Self::held(cx, bucket, key, holder, etag, stop));
            }
            let Some(object) = bucket.get(cx, &key).await? else {
                continue;
            };
            let other: Holder = serde_json::from_slice(&object.body).map_err(|error| {
                CloudError::new(
                    "terrace:lock",
                    ErrorClass::Invalid,
                    format!("{key}: {error}"),
                )
            })?;
            if other.run == holder.run {
                // Our own write, whose answer was lost.
                return Ok(Self::held(cx, bucket, key, holder, object.etag, stop));
            }
            if object.age <= other.lease {
                return Err(taken(&other));
            }
            let mine = bucket
                .put(cx, &key, &holder.body(), &If::Still(object.etag))
                .await?;
            if let Some(etag) = mine {
                let lock = Self::held(cx, bucket, key, holder, etag, stop);
                let settle = cx.timing.scaled(SETTLE).as_secs_f64() - object.age;
                tokio::time::sleep(Duration::from_secs_f64(settle.max(0.0))).await;
                return Ok(lock);
            }
        }
        let message = "the lock changes hands all the time";
        Err(CloudError::new(
            "terrace:lock",
            ErrorClass::Conflict,
            message,
        ))
    }

    fn held(
        cx: &Arc<Aws>,
        bucket: Bucket,
        key: String,
        holder: Holder,
        etag: String,
        stop: &Arc<AtomicBool>,
    ) -> Self {
        let etag = Arc::new(Mutex::new(etag));
        let lost = Arc::new(AtomicBool::new(false));
        let heart = tokio::spawn(beat(
            Arc::clone(cx),
            bucket.clone(),
            key.clone(),
            holder,
            Arc::clone(&etag),
            (Arc::clone(&lost), Arc::clone(stop)),
        ));
        Self {
            bucket,
            key,
            etag,
            lost,
            heart,
        }
    }

    /// Whether another has taken it over: no mutation may follow.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Gives it back.
    pub async fn release(self, cx: &Aws) -> Result<()> {
        // A heartbeat under way ends first: its version would not be ours to delete.
        let etag = self.etag.lock().await;
        self.heart.abort();
        if self.is_lost() || !self.bucket.delete(cx, &self.key, &etag).await? {
            let message = "the lock was taken over by another run meanwhile";
            return Err(CloudError::new(
                "terrace:lock",
                ErrorClass::Conflict,
                message,
            ));
        }
        Ok(())
    }
}

async fn beat(
    cx: Arc<Aws>,
    bucket: Bucket,
    key: String,
    mut holder: Holder,
    etag: Arc<Mutex<String>>,
    (lost, stop): (Arc<AtomicBool>, Arc<AtomicBool>),
) {
    loop {
        tokio::time::sleep(cx.timing.scaled(LEASE / 3.0)).await;
        let mut etag = etag.lock().await;
        holder.beat += 1;
        match bucket
            .put(&cx, &key, &holder.body(), &If::Still(etag.clone()))
            .await
        {
            Ok(Some(new)) => *etag = new,
            Ok(None) => {
                lost.store(true, Ordering::Relaxed);
                stop.store(true, Ordering::Relaxed);
                return;
            }
            // The next beat tries again; the lease is three beats long.
            Err(_) => {}
        }
    }
}

fn taken(holder: &Holder) -> CloudError {
    let Holder {
        who,
        host,
        pid,
        since,
        ..
    } = holder;
    let message = format!("{who} holds the lock since {since} (process {pid} on {host})");
    CloudError::new("terrace:lock", ErrorClass::Conflict, message)
        .hinted("wait until it is done; the lock of a run that died is free after 90 seconds")
}
