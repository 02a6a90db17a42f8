//! Traffic moves, and what it has left stays for a while: `soak`, and `--until`.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use crate::world::Account;

const HEADER: &str = r#"
name   = "move"
region = "eu-west-3"
stages = ["one", "two"]
stage  = "one"
"#;

const ONE: &str = r#"
[vpc.main]
cidr = "10.0.0.0/16"

[subnet.a]
vpc  = "vpc.main"
cidr = "10.0.0.0/24"
zone = "a"

[instance.old]
subnet    = "subnet.a"
image     = "al2023"
type      = "t3.micro"
stateless = true

[hosted_zone.main]
name    = "shop.internal"
vpcs    = ["vpc.main"]
protect = false

[record.app]
zone   = "hosted_zone.main"
name   = "app.shop.internal"
target = "instance.old"
ttl    = "60s"
"#;

const TWO: &str = r#"
remove = ["instance.old"]

[instance.new]
subnet    = "subnet.a"
image     = "al2023"
type      = "t3.micro"
stateless = true

[record.app]
target = "instance.new"
"#;

fn built(second: &str) -> Account {
    let account = Account::with_stack("soak", HEADER);
    account.write("one.toml", ONE);
    account.write("two.toml", second);
    account.ends(0, &["apply", "--yes"]);
    account
}

/// Which machines run, and which of them the name leads to.
fn stand(account: &Account) -> String {
    account.boto3(
        r#"
named = {}
for reservation in client("ec2").describe_instances()["Reservations"]:
    for one in reservation["Instances"]:
        if one["State"]["Name"] == "running":
            tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
            named[one["PrivateIpAddress"]] = tags["terrace:id"].split(".")[1]
route53 = client("route53")
zone = route53.list_hosted_zones()["HostedZones"][0]["Id"]
records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
address = next(record for record in records if record["Type"] == "A")["ResourceRecords"][0]["Value"]
print(" ".join(sorted(named.values())), "->", named[address])
"#,
    )
}

const APPLY: [&str; 4] = ["apply", "--yes", "--stage", "two"];
const PLAN: [&str; 4] = ["plan", "--detailed-exitcode", "--stage", "two"];

#[test]
fn a_move_stops_where_it_is_told_to() {
    let account = built(TWO);
    assert_eq!(stand(&account), "old -> old");
    let until = |movement: &str| {
        let stop = [&APPLY[..], &["--until", movement]].concat();
        account.ends(0, &stop)
    };
    until("build");
    assert_eq!(stand(&account), "new old -> old");
    let told = until("switch");
    assert!(told.stdout.contains("--until switch leaves out"), "{told}");
    assert_eq!(stand(&account), "new old -> new");
    until("switch");
    let left = account.ends(2, &PLAN);
    assert!(left.stdout.contains("instance.old"), "{left}");
    assert!(left.stdout.contains("1 to delete"), "{left}");
    account.ends(0, &APPLY);
    assert_eq!(stand(&account), "new -> new");
    account.ends(0, &PLAN);
}

#[test]
fn the_old_machine_soaks_and_the_way_back_finds_it() {
    let soaks = |time: &str| format!("soak = \"{time}\"\n{TWO}");
    let account = built(&soaks("36h"));
    let told = account.ends(2, &PLAN);
    let said = "let it soak, to be deleted 36h after this: two";
    assert!(told.stdout.contains(said), "{told}");
    account.ends(0, &APPLY);
    assert_eq!(stand(&account), "new old -> new");
    // Nothing is to be done yet, and everybody is told what is to come.
    let told = account.ends(0, &PLAN);
    assert!(
        told.stdout.contains("Soaking traffic has left it"),
        "{told}"
    );
    assert!(
        told.stdout
            .contains("instance.old                         until 2"),
        "{told}"
    );
    assert!(told.stdout.contains("Nothing to do"), "{told}");
    let done = account.ends(0, &APPLY);
    assert!(done.stdout.contains("Soaking"), "{done}");
    assert_eq!(stand(&account), "new old -> new");

    // Back on the first stage it serves again, and the new one, which only the second names, goes at once:
    // the first says nothing of a soak.
    account.ends(0, &["apply", "--yes"]);
    assert_eq!(stand(&account), "old -> old");
    account.ends(0, &["plan", "--detailed-exitcode"]);

    account.ends(0, &APPLY);
    account.write("two.toml", &soaks("1s"));
    std::thread::sleep(Duration::from_secs(2));
    let told = account.ends(2, &PLAN);
    assert!(told.stdout.contains("1 to delete"), "{told}");
    account.ends(0, &APPLY);
    assert_eq!(stand(&account), "new -> new");
    account.ends(0, &PLAN);
}

#[test]
fn a_destroy_waits_for_no_soak() {
    let account = built(&format!("soak = \"36h\"\n{TWO}"));
    account.ends(0, &APPLY);
    account.ends(
        0,
        &["destroy", "--yes", "--stage", "two", "--allow", "data"],
    );
    assert_eq!(account.census().get("instance").copied().unwrap_or(0), 0);
}
