//! A stack gets another name: all that is its own goes with it, and nothing is made twice.

#![allow(clippy::unwrap_used)]

use serde_json::Value;

use crate::world::Account;

const FIRST: &str = r#"
[vpc.main]
cidr = "10.0.0.0/16"

[hosted_zone.main]
name    = "shop.internal"
vpcs    = ["vpc.main"]
protect = false

[record.app]
zone   = "hosted_zone.main"
name   = "app.shop.internal"
values = ["192.0.2.10"]
ttl    = "60s"

[secret.db]

[ssm_parameter.url]
name  = "/shop/url"
value = "one"

[iam_role.web]
trust = { service = "ec2.amazonaws.com" }

[instance_profile.web]
role = "iam_role.web"

[alarm.cpu]
namespace  = "AWS/EC2"
metric     = "CPUUtilization"
statistic  = "Average"
above      = 80
period     = "5m"
periods    = 3

[s3_bucket.files]

[origin_access_control.files]

[distribution.site]
comment = "the shop"

[distribution.site.origins.files]
bucket         = "s3_bucket.files"
access_control = "origin_access_control.files"

[distribution.site.default_behavior]
origin       = "files"
cache_policy = "CachingOptimized"
"#;

/// On the higher stage alone: on the lower one it is kept.
const SECOND: &str = "[volume.data]\nzone = \"a\"\nsize = 10\n";

fn header(name: &str, moved: &str) -> String {
    format!(
        "name = \"{name}\"\nregion = \"eu-west-3\"\nstages = [\"first\", \"second\"]\nstage = \"first\"\n{moved}"
    )
}

fn built() -> Account {
    let account = Account::with_stack("rename", &header("store", ""));
    account.write("first.toml", FIRST);
    account.write("second.toml", SECOND);
    account.ends(0, &["apply", "--yes", "--stage", "second"]);
    account.ends(0, &["apply", "--yes"]);
    account
}

fn plan(account: &Account) -> Value {
    let told = account.ends(0, &["plan", "--format", "json"]);
    serde_json::from_str(&told.stdout).unwrap()
}

/// Writes a lock as another run holds it, or takes it away.
fn lock(account: &Account, stack: &str, held: bool) {
    let script = r#"
import datetime
name = "terrace-" + os.environ["ACCOUNT"]
key = "locks/eu-west-3/STACK/main"
holder = dict(run="r", host="elsewhere", pid=1, who="somebody else", since="then", lease=90.0, beat=0)
s3 = client("s3")
if HELD:
    s3.put_object(Bucket=name, Key=key, Body=json.dumps(holder).encode())
else:
    s3.delete_object(Bucket=name, Key=key)
"#;
    let held = if held { "True" } else { "False" };
    account.boto3(&script.replace("STACK", stack).replace("HELD", held));
}

fn footprints(account: &Account) -> String {
    account.boto3(
        r#"
name = "terrace-" + os.environ["ACCOUNT"]
found = client("s3").list_objects_v2(Bucket=name, Prefix="footprints/").get("Contents", [])
print(" ".join(sorted(one["Key"] for one in found)))
"#,
    )
}

/// The stacks that the tags of anything name.
fn owners(account: &Account) -> String {
    account.boto3(
        r#"
owners = set()
def note(tags):
    owners.update(tag["Value"] for tag in tags if tag["Key"] == "terrace:stack")
ec2, iam = client("ec2"), client("iam")
for tag in ec2.describe_tags()["Tags"]:
    note([tag])
for role in iam.list_roles(PathPrefix="/terrace/")["Roles"]:
    note(iam.list_role_tags(RoleName=role["RoleName"])["Tags"])
for secret in client("secretsmanager").list_secrets()["SecretList"]:
    note(secret.get("Tags", []))
for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]:
    note(client("cloudwatch").list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
route53 = client("route53")
for zone in route53.list_hosted_zones()["HostedZones"]:
    for record in route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]:
        for value in record.get("ResourceRecords", []):
            if record["Type"] == "TXT":
                owners.update(word for word in ("store/main", "shop/main") if word in value["Value"])
print(" ".join(sorted(owners)))
"#,
    )
}

#[test]
fn everything_goes_with_the_new_name() {
    let account = built();
    let before = account.census();
    account.write(
        "stack.toml",
        &header("shop", "[moved]\nstack = \"store\"\n"),
    );

    let told = plan(&account);
    let steps = told["steps"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["action"] == "tag"), "{told:#}");
    for address in [
        "vpc.main",
        "hosted_zone.main",
        "record.app",
        "secret.db",
        "ssm_parameter.url",
        "iam_role.web",
        "instance_profile.web",
        "alarm.cpu",
        "s3_bucket.files",
        "origin_access_control.files",
        "distribution.site",
        "volume.data",
    ] {
        let of = steps.iter().filter(|step| step["address"] == address);
        let set: Vec<&Value> = of
            .map(|step| &step["tags"]["set"]["terrace:stack"])
            .collect();
        assert_eq!(set, ["shop/main"], "{address}: {told:#}");
    }
    assert_eq!(steps.len(), 12, "{told:#}");
    account.ends(2, &["plan", "--detailed-exitcode"]);

    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(owners(&account), "shop/main");
    assert_eq!(account.census(), before);

    // What a name cannot change is found by it for life, and the plan says so.
    let told = account.ends(0, &["plan"]);
    let said = "found by the stack's former name alone: alarm.cpu";
    assert!(told.stdout.contains(said), "{told}");

    // Without the entry, the footprint knows where to look.
    account.write("stack.toml", &header("shop", ""));
    account.ends(0, &["plan", "--detailed-exitcode"]);
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(account.census(), before);

    let gone = ["destroy", "--yes", "--allow", "data"];
    account.ends(0, &gone);
    assert_eq!(owners(&account), "");
    assert_eq!(footprints(&account), "");
}

#[test]
fn who_still_has_the_old_name_is_sent_away() {
    let account = built();
    let before = account.census();
    account.write(
        "stack.toml",
        &header("shop", "[moved]\nstack = \"store\"\n"),
    );
    account.ends(0, &["apply", "--yes"]);
    assert_eq!(
        footprints(&account),
        "footprints/shop/main footprints/store/main"
    );
    // A branch from before would build everything a second time.
    account.write("stack.toml", &header("store", ""));
    for command in [&["plan"][..], &["apply", "--yes"], &["destroy", "--yes"]] {
        let told = account.ends(1, command);
        assert!(
            told.stderr.contains("the stack store is called shop now"),
            "{told}"
        );
    }
    assert_eq!(account.census(), before);
    // Back again, on purpose.
    account.write(
        "stack.toml",
        &header("store", "[moved]\nstack = \"shop\"\n"),
    );
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(owners(&account), "store/main");
    assert_eq!(account.census(), before);
}

#[test]
fn the_lock_of_the_old_name_counts() {
    let account = built();
    account.write(
        "stack.toml",
        &header("shop", "[moved]\nstack = \"store\"\n"),
    );
    for stack in ["store", "shop"] {
        lock(&account, stack, true);
        let told = account.ends(1, &["apply", "--yes"]);
        assert!(
            told.stderr.contains("somebody else holds the lock"),
            "{told}"
        );
        lock(&account, stack, false);
    }
    assert_eq!(owners(&account), "store/main");
    account.ends(0, &["apply", "--yes"]);
    assert_eq!(owners(&account), "shop/main");
}
