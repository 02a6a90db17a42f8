//! What is said to remain while a plan is carried out, with minutes given by hand.

use terrace_core::apply::{End, Event};
use terrace_core::error::{CloudError, ErrorClass};
use terrace_core::plan::Plan;
use terrace_core::remaining::{Left, Remaining};

use super::site::{Site, block, stack};

/// `a` takes 10 minutes and `b` on it 2; `c` takes 3 by itself.
const THREE: &str = r#"
[base.a]
size = 1
shape = "round"

[mid.b]
size = 1
shape = "round"
on = ["base.a"]

[top.c]
size = 1
shape = "round"
"#;

fn plan() -> Plan {
    let mut plan = block(async { Site::new().plan(&stack(THREE)).await });
    for step in &mut plan.steps {
        step.minutes = match step.address.name.as_str() {
            "a" => 10.0,
            "b" => 2.0,
            _ => 3.0,
        };
    }
    plan
}

fn place(plan: &Plan, name: &str) -> usize {
    let found = plan.steps.iter().position(|step| step.address.name == name);
    found.unwrap()
}

fn start(remaining: &mut Remaining, plan: &Plan, name: &str, now: f64) {
    let index = place(plan, name);
    remaining.see(&Event::Started(index, &plan.steps[index]), now);
}

fn end(remaining: &mut Remaining, plan: &Plan, name: &str, end: &End, now: f64) {
    let index = place(plan, name);
    remaining.see(&Event::Ended(index, &plan.steps[index], end), now);
}

fn is(left: &Left, minutes: f64, longest: &str) {
    assert!((left.minutes - minutes).abs() < 1e-9, "{left:?}");
    let named = left
        .longest
        .as_ref()
        .map(|longest| longest.address.as_str());
    assert_eq!(named, Some(longest), "{left:?}");
}

#[test]
fn what_has_passed_is_taken_off_the_longest_way() {
    let plan = plan();
    let mut remaining = Remaining::new(&plan);
    is(&remaining.left(0.0), 12.0, "base.a");
    assert!((plan.verdict().minutes - 12.0).abs() < 1e-9);
    start(&mut remaining, &plan, "a", 0.0);
    start(&mut remaining, &plan, "c", 0.0);
    let left = remaining.left(4.0);
    is(&left, 8.0, "base.a");
    assert!(left.longest.is_some_and(|longest| longest.followed));
    // Faster than usual: what it would have taken is not waited for.
    end(&mut remaining, &plan, "a", &End::Done, 4.0);
    let left = remaining.left(4.0);
    assert_eq!((left.done, left.all), (1, 3));
    is(&left, 2.0, "mid.b");
    end(&mut remaining, &plan, "c", &End::Done, 4.0);
    start(&mut remaining, &plan, "b", 4.0);
    end(&mut remaining, &plan, "b", &End::Done, 5.0);
    let left = remaining.left(5.0);
    assert_eq!((left.done, left.longest), (3, None));
}

#[test]
fn what_takes_longer_than_usual_is_told() {
    let plan = plan();
    let mut remaining = Remaining::new(&plan);
    start(&mut remaining, &plan, "a", 1.0);
    assert_eq!(remaining.left(10.9).longest.unwrap().overdue, None);
    let left = remaining.left(16.0);
    is(&left, 3.0, "base.a");
    let overdue = left.longest.unwrap().overdue.unwrap();
    assert!((overdue - 15.0).abs() < 1e-9, "{overdue}");
}

#[test]
fn what_is_not_tried_is_not_waited_for() {
    let plan = plan();
    let mut remaining = Remaining::new(&plan);
    let error = CloudError::new("toy:Create", ErrorClass::Invalid, "no");
    end(&mut remaining, &plan, "a", &End::Failed(error), 1.0);
    let left = remaining.left(1.0);
    assert_eq!((left.done, left.given), (0, 2), "with `b`, which needs it");
    is(&left, 3.0, "top.c");

    // What is held waits for a person, who takes the time that a person takes.
    let mut held = plan;
    let a = place(&held, "a");
    held.steps[a].held = Some("look first".to_owned());
    is(&Remaining::new(&held).left(0.0), 3.0, "top.c");
}
