//! Traffic moves only onto a path that serves: the switch waits, and if that is in vain the old path stays.

use terrace_core::apply::{End, Outcome};
use terrace_core::plan::{Action, Gate, Plan};
use terrace_core::planner::Options;

use super::site::{Site, block, stack, words};
use super::toy::{DOOMED, Weather};

const OLD: &str = r#"
[base.box]
size  = 1
shape = "s"

[mid.disk]
size  = 1
shape = "s"
friends = ["base.box"]

[top.name]
size  = 1
shape = "s"
to    = ["base.box"]
"#;

const NEW: &str = r#"
[base.front]
size  = 1
shape = "s"

[mid.server]
for_each = ["a", "b"]
size     = 1
shape    = "sleepy"
on       = ["base.front"]

[top.name]
size  = 1
shape = "s"
to    = ["base.front"]

[base.aside]
size  = 1
shape = "s"
"#;

/// How the step of this word and address ended.
fn end<'a>(plan: &Plan, outcome: &'a Outcome, word: &str, address: &str) -> &'a End {
    let is = |step: &terrace_core::plan::Step| {
        step.action.word() == word && step.address.to_string() == address
    };
    let place = plan.steps.iter().position(is);
    &outcome.ends[place.unwrap_or_else(|| panic!("no {word} {address} in {:?}", words(plan)))]
}

/// Whether this is there, marked with its address.
fn there(site: &Site, address: &str) -> bool {
    let name = format!("{address} ");
    site.cloud.world().keys().any(|key| key.starts_with(&name))
}

/// Where the name leads.
fn led(site: &Site) -> Vec<String> {
    let world = site.cloud.world();
    let name = world.iter().find(|(key, _)| key.starts_with("top.name "));
    name.unwrap().1.to.clone()
}

#[test]
fn a_switch_waits_until_its_new_path_serves() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let plan = site.plan(&stack(NEW)).await;
        let switch = plan.steps.iter().find(|step| !step.gates.is_empty());
        let awaited: Vec<String> = switch
            .unwrap()
            .gates
            .iter()
            .filter_map(Gate::words)
            .collect();
        assert_eq!(
            awaited,
            ["the waking of mid.server.a", "the waking of mid.server.b"]
        );
        site.cloud.sleep(3);
        let told = site.watch(&stack(NEW)).await;
        let told: Vec<&String> = told.iter().filter(|text| text.contains("asleep")).collect();
        assert_eq!(
            told,
            [
                "top.name: mid.server.a: asleep; and for 1 more",
                "top.name: mid.server.a: asleep"
            ]
        );
        assert_eq!(led(&site), ["base.front"]);
        assert!(!there(&site, "base.box"));
    });
}

#[test]
fn a_path_that_never_serves_gets_no_traffic_and_the_old_one_stays() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        site.cloud.sleep(usize::MAX);
        let (plan, outcome) = site.run(&stack(NEW), &Options::default()).await;
        let End::Failed(error) = end(&plan, &outcome, "update", "top.name") else {
            panic!("{:?}", outcome.ends);
        };
        let error = error.to_string();
        assert!(
            error.contains("mid.server.a: asleep; and for 1 more"),
            "{error}"
        );
        assert!(
            error.contains("requests stay where they are led"),
            "{error}"
        );
        assert!(!outcome.is_complete());
        // Nothing of the old path has gone, nor what hangs on it, and the rest is done.
        for address in ["base.box", "mid.disk"] {
            let gone = end(&plan, &outcome, "delete", address);
            assert!(matches!(gone, End::Skipped(_)), "{address}: {gone:?}");
            assert!(there(&site, address), "{address}");
        }
        assert_eq!(led(&site), ["base.box"]);
        assert!(there(&site, "base.aside"));

        site.cloud.sleep(0);
        let plan = site.plan(&stack(NEW)).await;
        let left = ["delete base.box", "delete mid.disk", "update top.name"];
        let works = |step: &&terrace_core::plan::Step| !matches!(step.action, Action::Leave(_));
        let mut words: Vec<String> = plan
            .steps
            .iter()
            .filter(works)
            .map(|step| format!("{} {}", step.action.word(), step.address))
            .collect();
        words.sort();
        assert_eq!(words, left);
        site.apply(&stack(NEW)).await;
        assert!(site.plan(&stack(NEW)).await.is_empty());
    });
}

#[test]
fn a_gate_is_kept_though_a_crash_has_left_nothing_to_build() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let plan = site.plan(&stack(NEW)).await;
        let before = |action: &Action| {
            matches!(
                action,
                Action::Create { .. } | Action::Late | Action::Leave(_)
            )
        };
        let built = plan
            .steps
            .iter()
            .filter(|step| before(&step.action))
            .count();
        site.cloud.weather(Weather {
            dies_before: Some(built),
            ..Weather::default()
        });
        site.run(&stack(NEW), &Options::default()).await;
        site.cloud.weather(Weather::default());

        site.cloud.sleep(usize::MAX);
        let (plan, outcome) = site.run(&stack(NEW), &Options::default()).await;
        let builds = |action: &Action| matches!(action, Action::Create { .. } | Action::Wait(_));
        assert!(
            plan.steps.iter().all(|step| !builds(&step.action)),
            "{:?}",
            words(&plan)
        );
        let switch = end(&plan, &outcome, "update", "top.name");
        assert!(matches!(switch, End::Failed(_)), "{switch:?}");
        assert_eq!(led(&site), ["base.box"]);
        assert!(there(&site, "base.box"));
        site.cloud.sleep(2);
        site.apply(&stack(NEW)).await;
        assert_eq!(led(&site), ["base.front"]);
        assert!(!there(&site, "base.box"));
    });
}

#[test]
fn what_will_never_serve_is_not_waited_for() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        site.cloud.sleep(usize::MAX);
        let doomed = NEW.replace("\"sleepy\"", &format!("\"sleepy\"\nkey = \"{DOOMED}\""));
        let (plan, outcome) = site.run(&stack(&doomed), &Options::default()).await;
        let End::Failed(error) = end(&plan, &outcome, "update", "top.name") else {
            panic!("{:?}", outcome.ends);
        };
        assert!(
            error.to_string().contains("mid.server.a: it is doomed"),
            "{error}"
        );
        // One look was enough.
        assert_eq!(site.cloud.sleeping(), usize::MAX - 2);
        assert_eq!(led(&site), ["base.box"]);
    });
}

#[test]
fn what_moves_no_traffic_waits_for_nobody() {
    block(async {
        let site = Site::new();
        // Nobody is led there yet, as long as the name is being made.
        site.cloud.sleep(usize::MAX);
        let plan = site.apply(&stack(NEW)).await;
        assert!(plan.steps.iter().all(|step| step.gates.is_empty()));
        // Nor is anybody led elsewhere by another change of it.
        let bigger = NEW.replace("[top.name]\nsize  = 1", "[top.name]\nsize  = 2");
        let plan = site.apply(&stack(&bigger)).await;
        assert_eq!(words(&plan), ["update top.name"]);
        assert!(plan.steps[0].gates.is_empty());
    });
}
