//! `rehearse`: the whole ladder in a world of its own; and the certificate of a teardown.

#![allow(clippy::unwrap_used)]

use serde_json::Value;

use crate::program::Folder;
use crate::world::Account;

const HEADER: &str = r#"
name   = "ladder"
region = "eu-west-3"
stages = ["ground", "first", "second"]
stage  = "ground"
"#;

const GROUND: &str = r#"
[vpc.main]
cidr = "10.0.0.0/16"

[volume.data]
zone = "a"
size = 10

[ssm_parameter.url]
name  = "/ladder/url"
value = "one"
"#;

const FIRST: &str = r#"
[subnet.a]
vpc     = "vpc.main"
cidr    = "10.0.0.0/24"
zone    = "a"
protect = true

[ssm_parameter.url]
value   = "two"
confirm = "Tell the team."
"#;

const SECOND: &str = r#"
[security_group.web]
vpc = "vpc.main"

[ssm_parameter.far]
region = "us-east-1"
name   = "/ladder/far"
value  = "far"
"#;

fn ladder() -> Folder {
    Folder::new()
        .file("stack.toml", HEADER)
        .file("ground.toml", GROUND)
        .file("first.toml", FIRST)
        .file("second.toml", SECOND)
}

#[test]
fn a_ladder_goes_up_and_down() {
    let told = ladder().run(&["rehearse", "--format", "json"]);
    assert_eq!(told.exit, Some(0), "{told}");
    let answer: Value = serde_json::from_str(&told.stdout).unwrap();
    let moves = answer["moves"].as_array().unwrap();
    let titles: Vec<&str> = moves
        .iter()
        .map(|one| one["title"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "up to ground",
            "up to first",
            "up to second",
            "protect = false",
            "down to first",
            "down to ground",
            "destroy"
        ]
    );
    assert!(moves.iter().all(|one| one["second_plan_empty"] == true));
    assert!(moves.iter().all(|one| one["runs"] == 1));
    assert_eq!(answer["weather"], Value::Null);
    assert_eq!(moves[1]["after"][0]["text"], "Tell the team.");
    assert_eq!(moves[1]["verdict"]["create"], 1);
    assert_eq!(moves[1]["verdict"]["change"], 1);
    let certificate = &answer["certificate"];
    assert_eq!(certificate["clean"], true);
    assert_eq!(certificate["remains"].as_array().unwrap().len(), 0);
    assert_eq!(
        certificate["regions"],
        serde_json::json!(["eu-west-3", "us-east-1"])
    );
    let kept = certificate["kept"].as_array().unwrap();
    assert!(
        kept.iter()
            .any(|one| one["why"] == "the final snapshot of volume.data"),
        "{certificate:#}"
    );
}

#[test]
fn a_ladder_stands_a_storm() {
    for seed in ["1", "2"] {
        let words = ["rehearse", "--weather", "storm", "--seed", seed];
        let told = ladder().run(&[&words[..], &["--format", "json"]].concat());
        assert_eq!(told.exit, Some(0), "{told}");
        let answer: Value = serde_json::from_str(&told.stdout).unwrap();
        let weather = answer["weather"].as_str().unwrap();
        assert!(
            weather.starts_with(&format!("storm, seed {seed}: ")),
            "{weather}"
        );
        // It has really been there.
        assert!(
            weather.contains("throttled") && weather.contains("answers lost"),
            "{weather}"
        );
        let moves = answer["moves"].as_array().unwrap();
        assert!(moves.iter().all(|one| one["second_plan_empty"] == true));
        assert_eq!(answer["certificate"]["clean"], true, "{answer:#}");
    }
}

#[test]
fn a_table_says_what_each_move_costs() {
    let told = ladder().run(&["rehearse", "--format", "markdown"]);
    assert_eq!(told.exit, Some(0), "{told}");
    for line in [
        "| up to first | 1 create, 1 change | no impact |",
        "- up to first, after: Tell the team. (ssm_parameter.url; confirmed here)",
    ] {
        assert!(told.stdout.contains(line), "{line}: {told}");
    }
}

#[test]
fn the_shop_is_rehearsed_as_its_first_environment() {
    let told = Folder::new().run_in_repository("rehearse stacks/shop");
    assert_eq!(told.exit, Some(0), "{told}");
    assert!(told.stderr.contains("as environment prod"), "{told}");
    for line in [
        "after: Copy the data first: run migrate.sh on the box. (record.db; confirmed here)",
        "the final snapshot of volume.data",
        "Nothing of shop/prod is left but what is kept.",
    ] {
        assert!(told.stdout.contains(line), "{line}: {told}");
    }
}

#[test]
fn what_does_not_go_ends_the_rehearsal() {
    let folder = ladder();
    folder.write(
        "second.toml",
        "[subnet.clash]\nvpc = \"vpc.main\"\ncidr = \"10.9.0.0/24\"\nzone = \"a\"\n",
    );
    let told = folder.run(&["rehearse", "--format", "json"]);
    assert_eq!(told.exit, Some(1), "{told}");
}

const STACK: &str = r#"
name   = "left"
region = "eu-west-3"

[vpc.main]
cidr = "10.0.0.0/16"

[volume.data]
zone = "a"
size = 10
"#;

#[test]
fn a_clean_destroy_is_certified_and_names_what_is_kept() {
    let account = Account::with_stack("rehearsal", STACK);
    account.ends(0, &["apply", "--yes"]);
    let told = account.ends(0, &["destroy", "--yes", "--allow", "data"]);
    for line in [
        "Teardown certificate",
        "looked in  eu-west-3",
        "the final snapshot of volume.data",
        "aws ec2 delete-snapshot --snapshot-id snap-",
        "aws s3 rb s3://terrace-",
        "Nothing of left/main is left but what is kept.",
    ] {
        assert!(told.stdout.contains(line), "{line}: {told}");
    }
    assert!(!told.stdout.contains("Remains"), "{told}");
}

#[test]
fn a_volume_left_behind_is_named_and_fails_the_teardown() {
    let account = Account::with_stack("rehearsal", STACK);
    account.ends(0, &["apply", "--yes"]);
    // Half a mark: discovery cannot say which address it is, so no plan would ever name it.
    let volume = account.boto3(
        r#"
tags = [{"Key": "terrace:stack", "Value": "left/main"}]
spec = [{"ResourceType": "volume", "Tags": tags}]
print(client("ec2").create_volume(AvailabilityZone="eu-west-3a", Size=1, TagSpecifications=spec)["VolumeId"])
"#,
    );
    let told = account.ends(1, &["destroy", "--yes", "--allow", "data"]);
    for line in [
        format!("volume {volume} in eu-west-3: it has our mark"),
        format!("aws ec2 delete-volume --volume-id {volume} --region eu-west-3"),
    ] {
        assert!(told.stdout.contains(&line), "{line}: {told}");
    }
    account.boto3(&format!("client('ec2').delete_volume(VolumeId='{volume}')"));
    account.ends(0, &["destroy", "--yes"]);
}

#[test]
fn programs_get_the_certificate_as_an_event() {
    let account = Account::with_stack("rehearsal", STACK);
    account.ends(0, &["apply", "--yes"]);
    let told = account.ends(
        0,
        &["destroy", "--yes", "--allow", "data", "--format", "json"],
    );
    let lines = told.stdout.lines();
    let events: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let certificate = events.iter().find(|event| event["event"] == "certificate");
    assert_eq!(certificate.unwrap()["certificate"]["clean"], true, "{told}");
}
