//! The index of tags is minutes behind, and nothing is done by what it says.

use crate::world::Account;

const STACK: &str = r#"
name   = "shop"
region = "eu-west-3"

[alarm.kept]
namespace = "AWS/RDS"
metric    = "CPUUtilization"
statistic = "Average"
above     = 80
period    = "5m"
"#;

const FORGOTTEN: &str = r#"
[alarm.forgotten]
namespace = "AWS/RDS"
metric    = "FreeStorageSpace"
statistic = "Average"
below     = 1000
period    = "5m"
"#;

/// Lets the emulator's index say for ten minutes what it says now.
fn freeze_index(account: &Account) {
    let endpoint = account.endpoint();
    account.boto3(&format!(
        r#"
import urllib.request
call = urllib.request.Request("{endpoint}/terrace/lateness?seconds=600", method="POST")
urllib.request.urlopen(call).read()
"#
    ));
    let calls = account.ends(0, &["plan", "--detailed-exitcode", "--calls"]);
    assert!(calls.stderr.contains("1  tag:GetResources"), "{calls}");
    let one_by_one = calls.stderr.contains("cloudwatch:ListTagsForResource");
    assert!(!one_by_one, "{calls}");
}

#[test]
fn what_only_the_index_says_is_asked_of_the_service_before_anything_is_done() {
    let account = Account::with_stack("indexed", &format!("{STACK}{FORGOTTEN}"));
    account.ends(0, &["apply", "--yes"]);
    freeze_index(&account);
    account.boto3(
        r#"
for alarm in client("cloudwatch").describe_alarms()["MetricAlarms"]:
    if "forgotten" in alarm["AlarmName"]:
        arn = alarm["AlarmArn"]
        keys = [tag["Key"] for tag in client("cloudwatch").list_tags_for_resource(ResourceARN=arn)["Tags"]]
        client("cloudwatch").untag_resource(ResourceARN=arn, TagKeys=keys)
"#,
    );

    // Ours by the index, and no more in truth: it stays.
    account.write("stack.toml", STACK);
    let plan = account.ends(0, &["plan", "--detailed-exitcode"]).stdout;
    assert!(plan.contains("1 resource is as the TOML says"), "{plan}");

    // Tagged a moment ago, which the index does not know: nothing is left to do.
    let tagged = format!("{STACK}\n[tags]\nteam = \"shop\"\n");
    account.write("stack.toml", &tagged);
    account.ends(2, &["plan", "--detailed-exitcode"]);
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);

    account.ends(0, &["destroy", "--yes"]);
    let left = account.boto3(
        r#"print([one["AlarmName"] for one in client("cloudwatch").describe_alarms()["MetricAlarms"]])"#,
    );
    assert!(
        left.contains("forgotten") && !left.contains("kept"),
        "{left}"
    );
}
