//! Data is not lost by an edit: what holds it is kept, or goes with consent and leaves a snapshot.

#![allow(clippy::unwrap_used)]

use crate::world::Account;

const UPPER: &str = "split-database";
const LOWER: &str = "single-instance";

/// The shop's production, built on its second stage at once.
fn with_database() -> Account {
    let account = Account::with_shop("removal", "prod");
    account.ends(0, &["apply", "--yes", "--stage", UPPER]);
    account
}

/// How many databases there are, and snapshots of databases beside the daily ones.
fn databases(account: &Account) -> String {
    account.boto3(
        r#"
rds = client("rds")
snapshots = rds.describe_db_snapshots(SnapshotType="manual")
print(len(rds.describe_db_instances()["DBInstances"]), len(snapshots["DBSnapshots"]))
"#,
    )
}

/// Of what type `record.db` is: A leads to the box, CNAME to RDS.
fn record(account: &Account) -> String {
    account.boto3(
        r#"
route53 = client("route53")
zones = route53.list_hosted_zones()["HostedZones"]
zone = next(zone["Id"] for zone in zones if zone["Name"] == "prod.shop.internal.")
records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
print(next(record["Type"] for record in records if record["Name"] == "db.prod.shop.internal."))
"#,
    )
}

/// A stage file without some of its tables.
fn without(toml: &str, tables: &[&str]) -> String {
    let mut keep = true;
    let mut rest = String::new();
    for line in toml.lines() {
        if let Some((header, _)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            keep = !tables.contains(&header);
        }
        if keep {
            rest.push_str(line);
            rest.push('\n');
        }
    }
    rest
}

#[test]
fn the_move_of_the_database_is_held_until_a_person_confirms_it() {
    let account = Account::with_shop("removal", "prod");
    account.ends(0, &["apply", "--yes", "--stage", LOWER]);
    let held = account.ends(3, &["apply", "--yes", "--stage", UPPER]);
    let why = "Copy the data first: run migrate.sh on the box.";
    assert!(held.stderr.contains(why), "{held}");
    let then = "--confirm record.db";
    assert!(held.stderr.contains(then), "{held}");
    assert_eq!(record(&account), "A");
    assert_eq!(databases(&account), "1 0");
    account.ends(3, &["apply", "--yes", "--stage", UPPER]);
    assert_eq!(record(&account), "A");
    let confirmed = ["apply", "--yes", "--stage", UPPER, "--confirm", "record.db"];
    account.ends(0, &confirmed);
    assert_eq!(record(&account), "CNAME");
    account.ends(0, &["plan", "--detailed-exitcode", "--stage", UPPER]);
}

#[test]
fn a_database_that_leaves_the_toml_is_deleted_with_consent_only_and_leaves_a_snapshot() {
    let account = with_database();
    let file = format!("{UPPER}.toml");
    let tables = [
        "db_instance.main",
        "record.db",
        "record.db_read",
        "record.db_read.weighted",
        "ssm_parameter.app.for_each",
        "outputs",
        "alarm.db_cpu",
        "alarm.db_space",
    ];
    account.write(&file, &without(&account.read(&file), &tables));
    // The stages above build on the database.
    let ladder = account.read("stack.toml");
    let above = r#", "multi-az", "cdn-offload", "read-replicas""#;
    assert!(ladder.contains(above), "{ladder}");
    account.write("stack.toml", &ladder.replace(above, ""));

    for command in [&["plan"][..], &["apply", "--yes"]] {
        let refused = account.ends(3, &[command, &["--stage", UPPER]].concat());
        for said in [
            "db_instance.main: it is no longer in the TOML, and what users stored in it would be lost",
            r#"remove = [{ address = "db_instance.main", allow = "data" }]"#,
            "--allow data=db_instance.main",
        ] {
            assert!(refused.stdout.contains(said), "{said}: {refused}");
        }
    }
    // Consent to another loss is none.
    for allow in ["network", "data=volume.data", "data=db_instance.other"] {
        account.ends(3, &["apply", "--yes", "--stage", UPPER, "--allow", allow]);
    }
    assert_eq!(databases(&account), "1 0", "refused, and nothing was done");
    assert_eq!(record(&account), "CNAME", "not even to the record");

    let allow = "data=db_instance.main";
    account.ends(0, &["apply", "--yes", "--stage", UPPER, "--allow", allow]);
    assert_eq!(databases(&account), "0 1", "a final snapshot is left");
    assert_eq!(record(&account), "A");
    account.ends(0, &["plan", "--detailed-exitcode", "--stage", UPPER]);
}

#[test]
fn a_lower_stage_keeps_the_database_and_says_so() {
    let account = with_database();
    // The way back loses what was written meanwhile just as the way up would have.
    let held = account.ends(3, &["apply", "--yes", "--stage", LOWER]);
    let why = "held: back from split-database, where it says: Copy the data first";
    assert!(held.stdout.contains(why), "{held}");
    assert_eq!(record(&account), "CNAME");
    let lowered = ["apply", "--yes", "--stage", LOWER, "--confirm", "record.db"];
    let lowered = account.ends(0, &lowered).stdout;
    let kept = "db_instance.main                     stage split-database has it; it holds what users stored in it";
    assert!(lowered.contains(kept), "{lowered}");
    assert_eq!(databases(&account), "1 0");
    assert_eq!(record(&account), "A");
    let again = account.ends(0, &["plan", "--detailed-exitcode", "--stage", LOWER]);
    assert!(again.stdout.contains(kept), "{again}");
}
