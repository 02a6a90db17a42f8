//! How often AWS lets its actions be called, and how calls take turns so that it never has to say no.
//!
//! One token bucket for each region, service and class of actions, shared by everything this process does. It
//! fills at half of AWS's rate, since others work in the account too; where AWS throttles all the same it fills
//! at half of that, and recovers with every call that passes (aws-semantics 5.1).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use terrace_core::mutex::lock;

use crate::timing::Timing;

/// What shares a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    /// Every action of these has one of its own.
    Each,
    /// They have one together.
    All,
}

/// The limit of a class of actions.
#[derive(Debug)]
struct Limit {
    service: &'static str,
    /// What the actions' names begin with; empty for all that no row above names.
    verbs: &'static [&'static str],
    share: Share,
    /// The size of AWS's bucket.
    burst: f64,
    /// How many calls it takes in again every second.
    refill: f64,
}

const fn limit(
    service: &'static str,
    verbs: &'static [&'static str],
    share: Share,
    (burst, refill): (f64, f64),
) -> Limit {
    Limit {
        service,
        verbs,
        share,
        burst,
        refill,
    }
}

/// What only asks.
const READS: &[&str] = &["Describe", "List", "Get", "Search", "Head"];

/// Published rates as of aws-semantics 5.1: EC2's, Elastic Load Balancing's and Route 53's by AWS; the others are
/// AWS's silence and our caution. The first row that fits counts.
const LIMITS: &[Limit] = {
    use Share::{All, Each};
    &[
        limit("ec2", &["RunInstances", "StartInstances"], Each, (5.0, 2.0)),
        limit("ec2", &["TerminateInstances"], Each, (100.0, 5.0)),
        limit("ec2", &["CreateTags", "DeleteTags"], Each, (100.0, 10.0)),
        limit(
            "ec2",
            &["CreateNatGateway", "DeleteNatGateway"],
            Each,
            (10.0, 1.0),
        ),
        limit(
            "ec2",
            &[
                "CreateVpcEndpoint",
                "ModifyVpcEndpoint",
                "DeleteVpcEndpoint",
            ],
            Each,
            (4.0, 0.3),
        ),
        limit(
            "ec2",
            &["CreateLaunchTemplateVersion", "ModifyLaunchTemplate"],
            Each,
            (100.0, 5.0),
        ),
        limit(
            "ec2",
            &["CreateVolume", "DeleteVolume", "CreateSnapshot"],
            Each,
            (100.0, 5.0),
        ),
        limit("ec2", READS, Each, (100.0, 20.0)),
        limit("ec2", &[], Each, (50.0, 5.0)),
        limit("elasticloadbalancing", READS, All, (40.0, 10.0)),
        limit("elasticloadbalancing", &[], All, (20.0, 10.0)),
        limit("route53", &["CreateHostedZone"], Each, (40.0, 2.0)),
        limit("route53", &["CreateHealthCheck"], Each, (50.0, 0.5)),
        limit("route53", &["DeleteHealthCheck"], Each, (15.0, 3.0)),
        limit("route53", &[], All, (50.0, 10.0)),
        limit("iam", READS, All, (20.0, 10.0)),
        limit("iam", &[], All, (20.0, 6.0)),
        limit("rds", &[], All, (40.0, 10.0)),
        limit("autoscaling", &[], All, (40.0, 10.0)),
        limit("cloudfront", READS, All, (40.0, 10.0)),
        limit("cloudfront", &[], All, (10.0, 4.0)),
        limit("acm", &[], All, (20.0, 10.0)),
        limit("cloudwatch", READS, All, (40.0, 10.0)),
        limit("cloudwatch", &[], All, (20.0, 6.0)),
        limit("kms", &[], All, (40.0, 10.0)),
        limit("ssm", READS, All, (40.0, 20.0)),
        limit("ssm", &[], All, (10.0, 6.0)),
        limit("secretsmanager", &[], All, (40.0, 20.0)),
        limit("tag", &[], All, (10.0, 5.0)),
    ]
};

/// The share of AWS's buckets that is ours.
const OURS: f64 = 0.5;
/// How far a bucket slows down at most.
const SLOWEST: f64 = 1.0 / 16.0;
/// How much faster it gets with every call that passes.
const RECOVERY: f64 = 0.02;

/// Services with one set of buckets for the whole world.
const GLOBAL: &[&str] = &["iam", "route53", "cloudfront"];

/// All buckets.
#[derive(Debug)]
pub(crate) struct Limits {
    timing: Timing,
    buckets: Mutex<HashMap<Key, Bucket>>,
}

/// Region, service, and the class's place in the table with the action's name where it has its own.
type Key = (String, usize, String);

/// One bucket.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// The calls that it lets through at once; below zero, so many have their turn before the next.
    tokens: f64,
    /// When that was counted.
    at: Instant,
    /// Its pace, 1 being all that is ours.
    pace: f64,
}

impl Limits {
    /// Full buckets that fill at this timing's pace.
    pub(crate) fn new(timing: Timing) -> Self {
        Self {
            timing,
            buckets: Mutex::default(),
        }
    }

    /// How long a call waits for its turn; it has it then.
    pub(crate) fn turn(&self, region: &str, action: &str) -> Duration {
        self.with(region, action, |limit, bucket, now| {
            let rate = self.rate(limit, bucket.pace);
            let since = now.saturating_duration_since(bucket.at).as_secs_f64();
            let most = (limit.burst * OURS).max(1.0);
            bucket.tokens = (bucket.tokens + since * rate).min(most) - 1.0;
            bucket.at = now;
            Duration::from_secs_f64((-bucket.tokens).max(0.0) / rate)
        })
        .unwrap_or_default()
    }

    /// AWS has throttled a call: others of its class slow down.
    pub(crate) fn throttled(&self, region: &str, action: &str) {
        self.with(region, action, |_, bucket, _| {
            bucket.pace = (bucket.pace / 2.0).max(SLOWEST);
        });
    }

    /// A call has passed.
    pub(crate) fn passed(&self, region: &str, action: &str) {
        self.with(region, action, |_, bucket, _| {
            bucket.pace = (bucket.pace + RECOVERY).min(1.0);
        });
    }

    /// Calls a second of this machine's clock.
    fn rate(&self, limit: &Limit, pace: f64) -> f64 {
        limit.refill * OURS * pace / self.timing.scale
    }

    fn with<T>(
        &self,
        region: &str,
        action: &str,
        act: impl FnOnce(&Limit, &mut Bucket, Instant) -> T,
    ) -> Option<T> {
        let (service, name) = action.split_once(':')?;
        let (place, limit) = of(service, name)?;
        let region = if GLOBAL.contains(&service) {
            ""
        } else {
            region
        };
        let own = if limit.share == Share::Each { name } else { "" };
        let key = (region.to_owned(), place, own.to_owned());
        let now = Instant::now();
        let mut buckets = lock(&self.buckets);
        let bucket = buckets.entry(key).or_insert(Bucket {
            tokens: limit.burst,
            at: now,
            pace: 1.0,
        });
        Some(act(limit, bucket, now))
    }
}

/// The limit of an action; none for services that have no limit worth a wait.
fn of(service: &str, name: &str) -> Option<(usize, &'static Limit)> {
    let mut limits = LIMITS.iter().enumerate();
    limits.find(|(_, limit)| {
        let fits = limit.verbs.iter().any(|verb| name.starts_with(verb));
        limit.service == service && (limit.verbs.is_empty() || fits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits of so many calls, in seconds.
    fn waits(limits: &Limits, action: &str, calls: usize) -> Vec<u128> {
        let waits = (0..calls).map(|_| limits.turn("eu-west-3", action));
        waits.map(|wait| (wait.as_millis() + 500) / 1000).collect()
    }

    #[test]
    fn half_of_the_bucket_is_ours_and_then_half_of_the_rate() {
        let limits = Limits::new(Timing::default());
        // AWS: 4 at once, then one every 3.3 s. Ours: 2 at once, then one every 6.7 s.
        assert_eq!(
            waits(&limits, "ec2:CreateVpcEndpoint", 5),
            [0, 0, 7, 13, 20]
        );
    }

    #[test]
    fn actions_regions_and_services_do_not_wait_for_each_other() {
        let limits = Limits::new(Timing::default());
        waits(&limits, "ec2:CreateVpcEndpoint", 10);
        assert_eq!(
            limits.turn("eu-west-3", "ec2:DeleteVpcEndpoint"),
            Duration::ZERO
        );
        assert_eq!(
            limits.turn("us-east-1", "ec2:CreateVpcEndpoint"),
            Duration::ZERO
        );
        // Elastic Load Balancing counts all changes together, IAM all of them in the whole world.
        waits(&limits, "elasticloadbalancing:CreateRule", 40);
        assert!(limits.turn("eu-west-3", "elasticloadbalancing:DeleteRule") > Duration::ZERO);
        waits(&limits, "iam:CreateRole", 40);
        assert!(limits.turn("us-east-1", "iam:DeleteRole") > Duration::ZERO);
    }

    #[test]
    fn what_is_throttled_slows_down_and_recovers() {
        let limits = Limits::new(Timing::default());
        let action = "rds:DescribeDBInstances";
        // Between two turns, once the bucket is empty.
        let gap = || {
            let first = limits.turn("eu-west-3", action);
            limits.turn("eu-west-3", action).saturating_sub(first)
        };
        waits(&limits, action, 20);
        let usual = gap();
        for _ in 0..10 {
            limits.throttled("eu-west-3", action);
        }
        let slow = gap();
        assert!(slow > usual * 10, "{slow:?} after {usual:?}");
        for _ in 0..60 {
            limits.passed("eu-west-3", action);
        }
        let again = gap();
        assert!(again < usual * 2, "{again:?} after {usual:?}");
    }

    #[test]
    fn what_has_no_row_never_waits() {
        let limits = Limits::new(Timing::default());
        assert_eq!(waits(&limits, "s3:PutObject", 500).last(), Some(&0));
    }
}
