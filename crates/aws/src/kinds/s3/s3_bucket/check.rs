//! What no bucket can be.

use terrace_core::canon::policy::Written;
use terrace_core::kind::Objection;

use super::{S3BucketSpec, events, lifecycle, site};

/// What is wrong with a spec that reads well.
pub(super) fn check(want: &S3BucketSpec) -> Vec<Objection> {
    let mut wrong = lifecycle::check(&want.lifecycle);
    wrong.extend(site::check(want.website.as_ref(), &want.cors));
    wrong.extend(events::check(&want.notifications));
    if let Some(why) = want.name.as_deref().and_then(misnamed) {
        wrong.push(Objection::new("name", why));
    }
    if want.acceleration && want.name.as_deref().is_some_and(|name| name.contains('.')) {
        let message = "a bucket with a dot in its name cannot be accelerated";
        wrong.push(Objection::new("acceleration", message));
    }
    wrong.extend(want.object_lock.as_ref().and_then(|lock| {
        let days = lock
            .retention
            .map(|span| span.as_days().is_some_and(|days| days > 0));
        let message = match (lock.mode, days) {
            _ if !want.versioning => "S3 locks versions: write versioning = true beside it",
            (Some(_), None) => "`mode` without `retention`: for how long?",
            (None, Some(_)) => "`retention` without `mode`: who may lift it?",
            (_, Some(false)) => "objects are locked for whole days: \"30d\"",
            _ => return None,
        };
        Some(Objection::new("object_lock", message))
    }));
    if let Some(policy) = &want.policy {
        let statements = match policy {
            Written::Table(table) => table.statements.as_slice(),
            _ => &[],
        };
        if let Some(why) = policy.wrong() {
            wrong.push(Objection::new("policy", why));
        }
        if statements
            .iter()
            .any(|statement| statement.principals.is_none())
        {
            let help = "write principals = { service = \"cloudfront.amazonaws.com\" }, or \"*\" for everybody";
            let message = "a bucket's policy says whom it concerns: a statement lacks `principals`";
            wrong.push(Objection::new("policy", message).help(help));
        }
        if statements
            .iter()
            .any(|statement| statement.resources.is_empty())
        {
            let help = "write resources = [\"{{ self.arn }}/*\"] for what is in it";
            let message = "a bucket's policy says to what: a statement lacks `resources`";
            wrong.push(Objection::new("policy", message).help(help));
        }
    }
    wrong
}

/// Why S3 takes no bucket of this name (Amazon S3 User Guide, general purpose bucket naming rules).
fn misnamed(name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ours = ["xn--", "sthree-", "amzn-s3-demo-"];
    let theirs = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    if !(3..=63).contains(&name.len()) {
        Some("a bucket's name has 3 to 63 letters")
    } else if !name.chars().all(|c| plain(c) || c == '-' || c == '.') {
        Some("a bucket's name is of lower-case letters, digits, dashes and dots")
    } else if !(name.starts_with(plain) && name.ends_with(plain)) || name.contains("..") {
        Some(
            "a bucket's name begins and ends with a letter or a digit, and has no two dots in a row",
        )
    } else if name.parse::<std::net::Ipv4Addr>().is_ok() {
        Some("a bucket's name does not read like an address")
    } else if ours.iter().any(|begins| name.starts_with(begins))
        || theirs.iter().any(|ends| name.ends_with(ends))
    {
        Some("AWS keeps names that begin or end like this for itself")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn names_that_s3_refuses_are_told() {
        for good in ["abc", "www.example.com", "a-1"] {
            assert_eq!(misnamed(good), None, "{good}");
        }
        for bad in [
            "ab",
            "Assets",
            "a_b",
            "-ab",
            "ab.",
            "a..b",
            "192.0.2.1",
            "xn--a",
            "a-s3alias",
        ] {
            assert!(misnamed(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn what_no_bucket_can_be_is_told() {
        let wrong = |table: Value| -> Vec<String> {
            let spec: S3BucketSpec = serde_json::from_value(table).unwrap();
            check(&spec)
                .into_iter()
                .map(|objection| objection.field)
                .collect()
        };
        assert!(wrong(json!({})).is_empty());
        assert_eq!(wrong(json!({ "object_lock": {} })), ["object_lock"]);
        let lock = json!({ "mode": "compliance" });
        assert_eq!(
            wrong(json!({ "object_lock": lock, "versioning": true })),
            ["object_lock"]
        );
        assert!(wrong(json!({ "object_lock": {}, "versioning": true })).is_empty());
        let policy = json!({ "statements": [{ "actions": "s3:*" }] });
        assert_eq!(wrong(json!({ "policy": policy })), ["policy", "policy"]);
        let site = json!({ "index": "a", "redirect": { "host": "b" } });
        assert_eq!(wrong(json!({ "website": site })), ["website"]);
        let cors = json!([{ "origins": ["*"], "methods": ["get"] }]);
        assert_eq!(wrong(json!({ "cors": cors })), ["cors.0.methods"]);
        assert_eq!(
            wrong(json!({ "acceleration": true, "name": "a.b" })),
            ["acceleration"]
        );
    }
}
