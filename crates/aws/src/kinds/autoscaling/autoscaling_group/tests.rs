//! What is judged of groups, without AWS.

#![allow(clippy::unwrap_used)]

use terrace_core::fields::Effect;

use super::health::Health;
use super::launch::Launch;
use super::members::{Failure, Member};
use super::*;

fn spec(more: &serde_json::Value) -> AutoscalingGroupSpec {
    let mut table = json!({
        "launch_template": "/launch_template.web", "subnets": ["subnet-1"], "min": 2, "max": 4,
    });
    table
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(table).unwrap()
}

fn known(version: &str) -> Known {
    let mut known = Known::default();
    let address = "launch_template.web".parse().unwrap();
    known.put(
        address,
        outputs! { "id" => json!("lt-1"), "version" => json!(version) },
    );
    known
}

fn member(number: u8, version: &str) -> Member {
    Member {
        id: format!("i-{number}"),
        state: "InService".to_owned(),
        well: true,
        template: Some(("lt-1".to_owned(), version.to_owned())),
        r#type: "t3.micro".to_owned(),
        subnet: Some("subnet-1".to_owned()),
        volumes: Vec::new(),
    }
}

fn live() -> AutoscalingGroupLive {
    AutoscalingGroupLive {
        id: "web".to_owned(),
        arn: String::new(),
        status: None,
        launch: Launch {
            template: "lt-1".to_owned(),
            version: "3".to_owned(),
            instances: None,
        },
        subnets: ["subnet-1".to_owned()].into(),
        target_groups: [].into(),
        min: 2,
        max: 4,
        desired: 2,
        health_check: Health {
            r#type: HealthType::Instance,
            grace: Duration::seconds(300),
        },
        warmup: None,
        termination_policies: usual_policies(),
        capacity_rebalance: false,
        protected: false,
        policies: [].into(),
        schedules: [].into(),
        hooks: [].into(),
        members: vec![member(1, "3"), member(2, "3")],
        passing: Vec::new(),
        refresh: None,
        failure: None,
        machines_use: Vec::new(),
        seen: jiff::Timestamp::now(),
    }
}

fn changes(
    want: &AutoscalingGroupSpec,
    have: &AutoscalingGroupLive,
    version: &str,
) -> Vec<(&'static str, Effect)> {
    let changes = AutoscalingGroup::fields().diff(want, have, &known(version));
    let changes = changes.into_iter();
    changes
        .map(|change| (change.field, change.effect))
        .collect()
}

#[test]
fn a_new_version_is_a_difference_and_so_is_an_old_machine() {
    let (want, mut have) = (spec(&json!({})), live());
    assert_eq!(changes(&want, &have, "3"), []);
    let update = [("launch_template", Effect::Update)];
    assert_eq!(changes(&want, &have, "4"), update);
    have.members[1] = member(2, "2");
    assert_eq!(changes(&want, &have, "3"), update);
    // One on its way out is none of it any more.
    have.members[1].state = "Terminating".to_owned();
    assert_eq!(changes(&want, &have, "3"), []);
}

#[test]
fn machines_left_in_a_subnet_keep_the_group_there() {
    let (want, mut have) = (spec(&json!({})), live());
    have.members[1].subnet = Some("subnet-2".to_owned());
    assert_eq!(changes(&want, &have, "3"), [("subnets", Effect::Shrink)]);
    let uses = AutoscalingGroup::uses(&have);
    assert!(uses.iter().any(|used| used.to == "subnet-2"), "{uses:?}");
}

#[test]
fn what_moves_by_itself_is_only_begun_with() {
    let have = live();
    let fixed = spec(&json!({ "desired": 3 }));
    assert_eq!(changes(&fixed, &have, "3"), [("desired", Effect::Update)]);
    let cpu = json!({ "cpu": { "type": "target_tracking", "metric": "cpu", "target": 50 } });
    let tracked = spec(&json!({ "desired": 3, "policies": cpu }));
    assert_eq!(changes(&tracked, &have, "3"), [("policies", Effect::Grow)]);
    let night = json!({ "night": { "cron": "0 22 * * *", "min": 0 } });
    let scheduled = spec(&json!({ "min": 1, "max": 5, "schedules": night }));
    assert_eq!(
        changes(&scheduled, &have, "3"),
        [("max", Effect::Update), ("schedules", Effect::Update)]
    );
}

#[test]
fn enough_is_what_is_desired_or_the_least_where_it_moves() {
    let mut have = live();
    have.desired = 3;
    assert_eq!(
        have.ready(),
        Ready::Coming("at 2 of 3 machines in service".to_owned())
    );
    have.schedules = super::schedules::wanted(
        &spec(&json!({ "schedules": { "night": { "cron": "0 22 * * *", "min": 0 } } })).schedules,
    );
    assert_eq!(have.ready(), Ready::Ready);
    have.members[0].well = false;
    assert!(matches!(have.ready(), Ready::Coming(_)));
}

#[test]
fn why_machines_do_not_start_is_told_and_ends_the_wait_if_it_stays_so() {
    let mut have = live();
    have.members.clear();
    let failure = |message: &str| {
        Some(Failure {
            message: message.to_owned(),
            activity: String::new(),
            at: 0,
        })
    };
    have.failure = failure("We currently do not have sufficient t3.micro capacity");
    assert!(matches!(have.ready(), Ready::Coming(why) if why.contains("sufficient")));
    have.failure = failure("The image id '[ami-1]' does not exist");
    assert!(matches!(have.ready(), Ready::Stuck(why) if why.contains("ami-1")));
}

#[test]
fn a_policy_says_what_belongs_to_its_type() {
    let wrong = |policy: &serde_json::Value| -> Vec<String> {
        let want = spec(&json!({ "policies": { "p": policy } }));
        let wrong = want.check().into_iter();
        wrong.map(|objection| objection.field).collect()
    };
    assert_eq!(
        wrong(&json!({ "type": "step", "steps": [{ "from": 0, "by": 1 }] })),
        [""; 0]
    );
    assert_eq!(
        wrong(&json!({ "type": "step", "metric": "cpu" })),
        ["policies.p.metric", "policies.p.type"]
    );
    assert_eq!(
        wrong(&json!({ "type": "target_tracking", "metric": "CPU", "target": 1 })),
        ["policies.p.metric"]
    );
    // Nobody forwards requests to this group.
    assert_eq!(
        wrong(&json!({ "type": "target_tracking", "metric": "requests_per_target", "target": 1 })),
        ["policies.p.metric"]
    );
}

#[test]
fn sizes_fit_each_other() {
    let wrong = |more: &serde_json::Value| spec(more).check().len();
    assert_eq!(wrong(&json!({})), 0);
    assert_eq!(wrong(&json!({ "min": 5 })), 1);
    assert_eq!(wrong(&json!({ "desired": 5 })), 1);
    assert_eq!(wrong(&json!({ "subnets": [] })), 1);
    let refresh = json!({ "min_healthy": 50, "max_healthy": 200 });
    assert_eq!(wrong(&json!({ "instance_refresh": refresh })), 1);
}
