//! Resources outside the home region: a certificate for CloudFront stands in us-east-1 wherever the stack is.

use crate::world::Account;

const STACK: &str = r#"
name   = "shop"
region = "eu-west-3"

[vpc.main]
cidr = "10.0.0.0/16"

[vpc.far]
region = "us-east-1"
cidr   = "10.1.0.0/16"

[subnet.far]
region = "us-east-1"
vpc    = "vpc.far"
cidr   = "10.1.0.0/24"
zone   = "a"

[ssm_parameter.far]
region = "us-east-1"
name   = "/shop/url"
value  = "https://shop.example.com"
"#;

/// What stands in a region: networks that are not AWS's own, and parameters.
fn standing(account: &Account, region: &str) -> String {
    account.boto3(&format!(
        r#"
os.environ["REGION"] = "{region}"
own = [{{"Name": "is-default", "Values": ["false"]}}]
vpcs = client("ec2").describe_vpcs(Filters=own)["Vpcs"]
parameters = client("ssm").describe_parameters()["Parameters"]
print(len(vpcs), [one["Name"] for one in parameters])
"#
    ))
}

fn applied() -> Account {
    let account = Account::with_stack("regions", STACK);
    let plan = account.ends(2, &["plan", "--detailed-exitcode"]).stdout;
    assert!(plan.contains("in us-east-1"), "{plan}");
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(standing(&account, "us-east-1"), "1 ['/shop/url']");
    assert_eq!(standing(&account, "eu-west-3"), "1 []");
    account
}

#[test]
fn what_stands_in_another_region_is_found_there_and_goes_with_the_rest() {
    let account = applied();
    account.ends(0, &["destroy", "--yes", "--allow", "data"]);
    assert_eq!(standing(&account, "us-east-1"), "0 []");
    assert_eq!(standing(&account, "eu-west-3"), "0 []");
}

#[test]
fn a_region_that_the_toml_has_forgotten_is_searched_all_the_same() {
    let account = applied();
    let home = STACK.split("[vpc.far]").next().unwrap_or_default();
    account.write("stack.toml", home);
    let plan = account.ends(3, &["plan"]).stdout;
    assert!(
        plan.contains("vpc.far: it is no longer in the TOML"),
        "{plan}"
    );
    account.ends(
        0,
        &[
            "apply",
            "--yes",
            "--allow",
            "network=vpc.far",
            "--allow",
            "network=subnet.far",
        ],
    );
    account.ends(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(standing(&account, "us-east-1"), "0 []");
}

#[test]
fn another_region_is_a_replacement_and_the_old_one_goes() {
    let account = applied();
    account.write(
        "stack.toml",
        &STACK.replace(
            "[ssm_parameter.far]\nregion = \"us-east-1\"\n",
            "[ssm_parameter.far]\n",
        ),
    );
    let plan = account.ends(2, &["plan", "--detailed-exitcode"]).stdout;
    assert!(plan.contains("us-east-1 -> eu-west-3"), "{plan}");
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(standing(&account, "us-east-1"), "1 []");
    assert_eq!(standing(&account, "eu-west-3"), "1 ['/shop/url']");
}
