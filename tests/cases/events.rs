//! What `apply` tells programs: a line of JSON an event.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Answer, Folder};
use crate::world::Account;

const JSON: [&str; 4] = ["apply", "--yes", "--format", "json"];

fn lines(answer: &Answer) -> Vec<Value> {
    let lines = answer.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The addresses and parts that an event was told of.
fn parts<'a>(lines: &'a [Value], event: &str) -> BTreeSet<(&'a str, &'a str)> {
    let told = lines.iter().filter(|line| line["event"] == event);
    let part = |line: &'a Value| {
        (
            line["address"].as_str().unwrap(),
            line["part"].as_str().unwrap(),
        )
    };
    told.map(part).collect()
}

#[test]
fn every_part_is_told_and_the_end_is_last() {
    let account = Account::with_shop("events", "prod");
    let stage = ["--stage", "single-instance"];
    let answer = account.ends(0, &[JSON.as_slice(), &stage].concat());
    let all = lines(&answer);
    let (first, last) = (&all[0], &all[all.len() - 1]);
    assert_eq!(
        (&first["event"], &last["event"]),
        (&"plan".into(), &"end".into())
    );
    let steps = first["plan"]["steps"].as_array().unwrap();
    assert_eq!(parts(&all, "done"), parts(&all, "started"));
    assert!(parts(&all, "done").contains(&("network/vpc.main", "create")));
    let waits = parts(&all, "waiting");
    assert!(waits.contains(&("volume.data.sdf", "set")), "{answer}");
    assert_eq!((&last["exit"], &last["failed"]), (&0.into(), &0.into()));
    assert_eq!(last["done"], steps.len());
    for line in &all[1..all.len() - 1] {
        assert!(line["seconds"].is_f64() && line["at"].is_f64(), "{line}");
        let step = &steps[usize::try_from(line["step"].as_u64().unwrap()).unwrap()];
        assert_eq!(
            (&step["address"], &step["action"]),
            (&line["address"], &line["part"])
        );
    }
    // What a person must confirm first is told as well.
    let answer = account.ends(
        3,
        &[JSON.as_slice(), &["--stage", "split-database"]].concat(),
    );
    let all = lines(&answer);
    let held = all
        .iter()
        .find(|line| line["event"] == "held" && line["address"] == "record.db");
    let why = held.unwrap()["for"].as_str().unwrap();
    assert!(why.starts_with("Copy the data first"), "{why}");
    let last = &all[all.len() - 1];
    assert_eq!((&last["event"], &last["exit"]), (&"end".into(), &3.into()));
    assert_eq!(last["held"], 3);
    assert!(
        last["hints"][0]
            .as_str()
            .unwrap()
            .contains("--confirm record.db")
    );
}

#[test]
fn what_fails_is_told_and_so_is_what_needed_it() {
    let account = Account::with_stack(
        "events",
        r#"
name   = "shop"
region = "eu-west-3"

[vpc.main]
cidr = "10.0.0.0/16"

[ssm_parameter.first]
name  = "/taken"
value = "1"

[ssm_parameter.second]
value = "2"
after = ["ssm_parameter.first"]
"#,
    );
    account.boto3(r#"client("ssm").put_parameter(Name="/taken", Value="0", Type="String")"#);
    let all = lines(&account.ends(1, &JSON));
    assert!(parts(&all, "done").contains(&("vpc.main", "create")));
    let failed = all.iter().find(|line| line["event"] == "failed").unwrap();
    assert_eq!(failed["address"], "ssm_parameter.first");
    assert!(
        failed["error"]
            .as_str()
            .unwrap()
            .contains("ssm:PutParameter"),
        "{failed}"
    );
    let skipped = all.iter().find(|line| line["event"] == "skipped").unwrap();
    assert_eq!(
        (&skipped["address"], &skipped["for"]),
        (
            &"ssm_parameter.second".into(),
            &"ssm_parameter.first".into()
        )
    );
    let last = &all[all.len() - 1];
    assert_eq!(
        (&last["exit"], &last["failed"], &last["skipped"]),
        (&1.into(), &1.into(), &1.into())
    );
}

#[test]
fn events_come_while_it_runs() {
    let account = Account::with_shop("events", "prod");
    let mut command = account.command(&[JSON.as_slice(), &["--stage", "single-instance"]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let begun = stdout
        .lines()
        .find(|line| line.as_ref().unwrap().contains("\"started\""));
    assert!(begun.is_some());
    child.kill().unwrap();
    assert_eq!(
        child.wait().unwrap().code(),
        None,
        "it was over before it was told of"
    );
}

#[test]
fn a_run_that_never_begins_has_an_end_all_the_same() {
    let answer = Folder::new().run(&JSON);
    let all = lines(&answer);
    assert_eq!(all.len(), 1, "{answer}");
    assert_eq!(
        (&all[0]["event"], &all[0]["exit"]),
        (&"end".into(), &1.into())
    );
    assert!(
        all[0]["error"]
            .as_str()
            .unwrap()
            .contains("there is no stack"),
        "{answer}"
    );
}
