//! Every move between two stages of the shop, as a person reads it: 20 plans.

#![allow(clippy::unwrap_used)]

use insta::{Settings, assert_snapshot};
use serde_json::Value;

use crate::world::Account;

const STAGES: [&str; 5] = [
    "single-instance",
    "split-database",
    "multi-az",
    "cdn-offload",
    "read-replicas",
];

/// What holds what cannot be made again.
const DEAR: [&str; 3] = ["db_instance", "hosted_zone", "volume"];

/// The stage whose TOML consents to the loss of the old box's disk.
const CONSENTS: usize = 2;

/// The stage that alone has copies of the database to read from.
const REPLICAS: usize = 4;

fn filters() -> Settings {
    let mut settings = Settings::clone_current();
    settings.add_filter(r"\b1000000000\d\d\b", "[ACCOUNT]");
    settings.add_filter(r"\b([a-z]+)-[0-9a-f]{8,17}\b", "[$1]");
    settings.add_filter(r"-[0-9a-f]{6}\b", "-[HEX]");
    settings.add_filter(r"\b[0-9a-f]{16,64}\b", "[HASH]");
    settings.add_filter(r"-\d{6,10}\.([a-z0-9-]+)\.elb", "-[NUMBER].$1.elb");
    settings.add_filter(r"\bE[0-9A-Z]{12,13}\b", "[DISTRIBUTION]");
    settings.add_filter(r"\bZ[0-9A-Z]{12,32}\b", "[ZONE]");
    settings.add_filter(
        r"\b[a-z0-9]{13,14}\.cloudfront\.net",
        "[NAME].cloudfront.net",
    );
    settings.add_filter(
        r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b(/\d+)?",
        "[ADDRESS]$1",
    );
    settings
}

/// What a plan takes away of what cannot be made again.
fn lost(plan: &Value) -> Vec<String> {
    let steps = plan["steps"].as_array().unwrap().iter();
    let dear = steps.filter(|step| {
        let kind = step["address"].as_str().unwrap().rsplit('/').next();
        let kind = kind.and_then(|address| address.split('.').next());
        DEAR.contains(&kind.unwrap_or_default())
            && ["delete", "replace"].contains(&step["action"].as_str().unwrap())
    });
    let say = |step: &Value| {
        let said = |key: &str| step[key].as_str().unwrap().to_owned();
        format!("{} {}", said("action"), said("address"))
    };
    let mut lost: Vec<String> = dear.map(say).collect();
    lost.sort();
    lost
}

/// How many final snapshots of disks there are.
fn snapshots(account: &Account) -> String {
    account.boto3(
        r#"
filters = [{"Name": "tag-key", "Values": ["terrace:kept"]}]
print(len(client("ec2").describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]))
"#,
    )
}

#[test]
fn no_move_of_the_shop_loses_what_users_stored() {
    let account = Account::with_shop("ladder", "prod");
    let _bound = filters().bind_to_scope();
    for (from, stage) in STAGES.iter().enumerate() {
        let climb = ["apply", "--yes", "--stage", stage, "--confirm", "record.db"];
        account.ends(0, &climb);
        account.ends(0, &["plan", "--detailed-exitcode", "--stage", stage]);
        for (to, other) in STAGES.iter().enumerate().filter(|(to, _)| *to != from) {
            // Nobody has said yet that the box's disk holds nothing: that is said where its data moves out.
            let refused: &[&str] = if from == 0 && to >= CONSENTS {
                &["instance.web"]
            } else {
                &[]
            };
            let exit = if refused.is_empty() { 0 } else { 3 };
            let told = account.ends(exit, &["plan", "--stage", other]);
            assert_snapshot!(format!("{stage}_to_{other}"), told.stdout);
            let data = account.ends(exit, &["plan", "--stage", other, "--format", "json"]);
            let plan: Value = serde_json::from_str(&data.stdout).unwrap();
            let expected: &[&str] = match (from, to) {
                (0..CONSENTS, CONSENTS..) => &["delete volume.data.sdf", "delete volume.data.sdg"],
                // Copies of what stays, and of nothing else.
                (REPLICAS, _) => &[
                    "delete db_instance.replica.a",
                    "delete db_instance.replica.b",
                ],
                _ => &[],
            };
            assert_eq!(lost(&plan), expected, "{stage} to {other}: {told}");
            let told = plan["refused"].as_array().unwrap().iter();
            let told: Vec<&Value> = told.map(|refusal| &refusal["address"]).collect();
            assert_eq!(told, refused, "{stage} to {other}");
        }
        let kept = if from < CONSENTS { "0" } else { "2" };
        assert_eq!(snapshots(&account), kept, "{stage}");
    }
}
