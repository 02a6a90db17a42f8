//! A plan lists, and never asks for one thing after the other.

use crate::world::Account;

const STAGE: &str = "split-database";

/// The shop's second stage with so many subnets and groups more.
fn grow(account: &Account, toml: &str, subnets: usize, groups: usize) {
    let keys = |count: usize| {
        format!(
            "{:?}",
            (0..count).map(|n| n.to_string()).collect::<Vec<_>>()
        )
    };
    let (subnets, groups) = (keys(subnets), keys(groups));
    let toml = format!(
        r#"{toml}
[subnet.extra]
for_each = {subnets}
vpc      = "module.network.vpc"
zone     = "c"
cidr     = "{{{{ cidrsubnet(var.cidr, 8, each.value | int + 64) }}}}"

[security_group.extra]
for_each = {groups}
vpc      = "module.network.vpc"
"#
    );
    account.write(&format!("{STAGE}.toml"), &toml);
    account.ends(0, &["apply", "--yes", "--stage", STAGE]);
}

/// The calls of a plan of what is there, by action.
fn calls(account: &Account) -> String {
    let plan = ["plan", "--calls", "--detailed-exitcode", "--stage", STAGE];
    account.ends(0, &plan).stderr
}

#[test]
fn a_plan_makes_no_more_calls_when_there_is_more() {
    let account = Account::with_shop("calls", "test");
    let toml = account.read(&format!("{STAGE}.toml"));
    grow(&account, &toml, 2, 3);
    let few = calls(&account);
    assert!(few.contains("ec2:DescribeSecurityGroups"), "{few}");
    grow(&account, &toml, 5, 40);
    assert_eq!(calls(&account), few);
}
