//! What another AWS client changed meanwhile: terrace keeps no file, so it must see it.

use crate::world::Account;

const STACK: &str = r#"
name   = "shop"
region = "eu-west-3"

[vpc.main]
cidr = "10.0.0.0/16"

[security_group.web]
vpc = "vpc.main"

[security_group.web.ingress]
https = { port = 443, from = "0.0.0.0/0" }

[ssm_parameter.url]
name  = "/shop/url"
value = "https://shop.example.com"
"#;

fn applied() -> Account {
    let account = Account::with_stack("drifted", STACK);
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    account
}

/// The next apply puts it right.
fn is_put_right(account: &Account) {
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn what_another_client_deleted_is_created_again() {
    let account = applied();
    account.boto3(
        r#"
group = marked("ec2", "describe_security_groups", "SecurityGroups", "security_group.web")
client("ec2").delete_security_group(GroupId=group["GroupId"])
client("ssm").delete_parameter(Name="/shop/url")
"#,
    );
    let drift = account.ends(2, &["drift", "--detailed-exitcode"]).stdout;
    assert!(drift.contains("Missing"), "{drift}");
    assert!(drift.contains("+ security_group.web"), "{drift}");
    assert!(drift.contains("+ ssm_parameter.url"), "{drift}");
    let plan = account.ends(2, &["plan", "--detailed-exitcode"]).stdout;
    assert!(plan.contains("2 to create, 1 unchanged"), "{plan}");
    is_put_right(&account);
    let value = account
        .boto3(r#"print(client("ssm").get_parameter(Name="/shop/url")["Parameter"]["Value"])"#);
    assert_eq!(value, "https://shop.example.com");
}

#[test]
fn what_another_client_changed_is_changed_back() {
    let account = applied();
    account.boto3(
        r#"
client("ssm").put_parameter(Name="/shop/url", Value="http://elsewhere.example.com", Overwrite=True)
group = marked("ec2", "describe_security_groups", "SecurityGroups", "security_group.web")
client("ec2").authorize_security_group_ingress(
    GroupId=group["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
)
"#,
    );
    let plan = account.ends(2, &["plan", "--detailed-exitcode"]).stdout;
    let back = "http://elsewhere.example.com -> https://shop.example.com";
    assert!(plan.contains(back), "{plan}");
    assert!(plan.contains("- security_group.web"), "{plan}");
    assert!(plan.contains("22"), "{plan}");
    assert!(plan.contains("2 to change, 1 unchanged"), "{plan}");
    let drift = account.ends(2, &["drift", "--detailed-exitcode"]).stdout;
    assert!(drift.contains("2 changed, 1 as the TOML says"), "{drift}");
    is_put_right(&account);
    let ports = account.boto3(
        r#"
group = marked("ec2", "describe_security_groups", "SecurityGroups", "security_group.web")
print([rule["FromPort"] for rule in group["IpPermissions"]])
"#,
    );
    assert_eq!(ports, "[443]");
}

#[test]
fn what_has_our_mark_and_no_toml_is_an_orphan_and_its_unmarked_twin_is_not() {
    let account = applied();
    account.boto3(
        r#"
group = marked("ec2", "describe_security_groups", "SecurityGroups", "security_group.web")
marks = {"terrace:stack": "shop/main", "terrace:id": "security_group.old", "terrace:gen": "1"}
for name, tags in [("ours", marks), ("theirs", {"Name": "security_group.old"})]:
    tags = [{"Key": key, "Value": value} for key, value in tags.items()]
    client("ec2").create_security_group(
        GroupName=name, Description=name, VpcId=group["VpcId"],
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
    )
"#,
    );
    let drift = account.ends(2, &["drift", "--detailed-exitcode"]).stdout;
    assert!(drift.contains("? security_group.old"), "{drift}");
    assert!(drift.contains("1 orphan, 3 as the TOML says"), "{drift}");
    let plan = account.ends(2, &["plan", "--detailed-exitcode"]).stdout;
    assert!(
        plan.contains("delete orphan: no longer in the TOML"),
        "{plan}"
    );
    assert!(plan.contains("1 to delete, 3 unchanged"), "{plan}");
    is_put_right(&account);
    let names = account.boto3(
        r#"
groups = client("ec2").describe_security_groups()["SecurityGroups"]
print(sorted(group["GroupName"] for group in groups if group["GroupName"] in ("ours", "theirs")))
"#,
    );
    assert_eq!(names, "['theirs']");
}
