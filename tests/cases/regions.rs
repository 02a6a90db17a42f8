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

/// The account's bucket, with footprints and locks, stands where its first stack does; all others find it there.
#[test]
fn stacks_of_two_regions_share_an_account() {
    let account = applied();
    let other = "name = \"blog\"\nregion = \"us-east-1\"\n\n[vpc.main]\ncidr = \"10.2.0.0/16\"\n";
    account.write("stack.toml", other);
    account.ends(2, &["plan", "--detailed-exitcode"]);
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    let told = account.ends(0, &["destroy", "--yes", "--allow", "network"]);
    assert!(
        told.stdout.contains("Nothing of blog/main is left"),
        "{told}"
    );
    account.write("stack.toml", STACK);
    account.ends(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_stack_does_not_move_to_another_region_by_a_word() {
    let account = applied();
    let moved = STACK.replace("region = \"eu-west-3\"", "region = \"eu-west-1\"");
    account.write("stack.toml", &moved);
    for command in [
        &["plan"][..],
        &["apply", "--yes"],
        &["drift"],
        &["destroy", "--yes"],
    ] {
        let told = account.ends(1, command);
        for words in [
            "shop/main stands in eu-west-3, and not in eu-west-1",
            "to go on with it: write region = \"eu-west-3\"",
            "to move it: destroy it there first",
        ] {
            assert!(told.stderr.contains(words), "{words}: {told}");
        }
        assert_eq!(told.stderr.matches("error: ").count(), 1, "{told}");
        assert_eq!(told.stdout, "", "{told}");
    }
    assert_eq!(standing(&account, "eu-west-1"), "0 []");
    account.write("stack.toml", STACK);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    account.ends(
        0,
        &["destroy", "--yes", "--allow", "data", "--allow", "network"],
    );
    // Nothing keeps it where it was any more.
    account.write("stack.toml", &moved);
    account.ends(0, &["apply", "--yes"]);
    account.ends(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(standing(&account, "eu-west-1"), "1 []");
}
