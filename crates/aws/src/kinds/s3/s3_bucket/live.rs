//! A bucket as AWS has it, and what others may take from it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use terrace_core::kind::{Live, Outputs};
use terrace_core::outputs;

use super::events::{Logged, Notified};
use super::guard::{Guard, ObjectLock};
use super::site::Cors;
use crate::names::partition;

/// A bucket as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct S3BucketLive {
    pub(super) id: String,
    pub(super) region: String,
    #[serde(flatten)]
    pub(super) guard: Guard,
    pub(super) lifecycle: BTreeMap<String, Value>,
    pub(super) cors: Vec<Cors>,
    pub(super) website: Value,
    pub(super) logging: Option<Logged>,
    #[serde(flatten)]
    pub(super) notified: Notified,
}

impl S3BucketLive {
    /// A bucket as it is made: closed, encrypted, its owner's, and nothing else (aws-semantics 3.24).
    pub(super) fn fresh(name: String, region: String, object_lock: Option<ObjectLock>) -> Self {
        Self {
            id: name,
            region,
            guard: Guard {
                // S3 keeps versions of what it locks.
                versioning: object_lock.is_some(),
                object_lock,
                ..Guard::default()
            },
            lifecycle: BTreeMap::new(),
            cors: Vec::new(),
            website: Value::Null,
            logging: None,
            notified: Notified::default(),
        }
    }
}

impl Live for S3BucketLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        told(&self.id, &self.region)
    }
}

/// The ARN of a bucket in a region, which it does not say.
pub(super) fn arn(name: &str, region: &str) -> String {
    format!("arn:{}:s3:::{name}", partition(region))
}

/// All that follows from a bucket's name and region.
pub(super) fn told(name: &str, region: &str) -> Outputs {
    let domain = match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    // The oldest regions have a dash there (AWS General Reference, Amazon S3 website endpoints).
    let dot = match region {
        "us-east-1" | "us-west-1" | "us-west-2" | "eu-west-1" | "ap-northeast-1"
        | "ap-southeast-1" | "ap-southeast-2" | "sa-east-1" | "us-gov-west-1" => '-',
        _ => '.',
    };
    outputs! {
        "arn" => json!(arn(name, region)),
        "name" => json!(name),
        "dns_name" => json!(format!("{name}.s3.{region}.{domain}")),
        "website_dns_name" => json!(format!("{name}.s3-website{dot}{region}.{domain}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_bucket_answers() {
        let told = |region: &str| told("b", region)["website_dns_name"].clone();
        assert_eq!(told("eu-west-1"), "b.s3-website-eu-west-1.amazonaws.com");
        assert_eq!(told("eu-west-3"), "b.s3-website.eu-west-3.amazonaws.com");
        assert_eq!(
            told("cn-north-1"),
            "b.s3-website.cn-north-1.amazonaws.com.cn"
        );
    }
}
