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

/// The sum at the end of what `--calls` prints.
fn total(told: &crate::program::Answer) -> u64 {
    let line = told.stderr.lines().rfind(|line| line.ends_with("  calls"));
    let count = line.and_then(|line| line.split_whitespace().next());
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or(u64::MAX)
}

/// What the whole shop costs: where a plan's calls go, and why it makes no fewer, says
/// `docs/decisions/0013-what-a-plan-reads.md`.
#[test]
fn the_shop_costs_so_many_calls() {
    const PLAN: u64 = 78;
    const RESOURCES: u64 = 54;
    // How often is looked whether something is ready depends on the machine.
    const APPLY: u64 = RESOURCES * 5 / 2 + 113;
    let account = Account::with_shop("calls", "prod");
    let stage = ["--stage", "read-replicas", "--calls"];
    let run = |command: &[&str]| account.ends(0, &[command, &stage].concat());
    let apply = total(&run(&["apply", "--yes"]));
    let told = run(&["plan", "--detailed-exitcode"]);
    let said = format!("Nothing to do: {RESOURCES} resources are as the TOML says.");
    assert!(told.stdout.contains(&said), "{told}");
    let plan = total(&told);
    assert!(plan <= PLAN, "{told}");
    assert!(apply <= APPLY, "{apply} calls");
    let destroy = total(&run(&["destroy", "--yes", "--allow", "data"]));
    assert!(destroy <= 300, "{destroy} calls");
    // AWS knows the tokens of what is gone for a day: nothing is waited for that another life of the stack made.
    let again = total(&run(&["apply", "--yes"]));
    assert!(again <= APPLY, "{again} calls");
}
