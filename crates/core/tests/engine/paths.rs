//! Traffic moves onto a path that is ready, and what it left goes after it.

use terrace_core::plan::{Action, Plan};
use terrace_core::planner::Options;

use super::site::{Site, block, stack};
use super::toy::Weather;

/// A name leads to one box, and then to a front with two servers that it does not name.
const OLD: &str = r#"
[base.box]
size  = 1
shape = "s"

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
shape    = "s"
on       = ["base.front"]

[top.name]
size  = 1
shape = "s"
to    = ["base.front"]
"#;

fn step(plan: &Plan, word: &str, address: &str) -> usize {
    let is = |step: &terrace_core::plan::Step| {
        step.action.word() == word && step.address.to_string() == address
    };
    let found = plan.steps.iter().position(is);
    found.unwrap_or_else(|| panic!("no {word} {address}"))
}

/// Whether `first` is done before `then`, however far apart.
fn before(plan: &Plan, first: usize, then: usize) -> bool {
    let needs = &plan.steps[then].needs;
    needs.contains(&first) || needs.iter().any(|need| before(plan, first, *need))
}

#[test]
fn a_switch_waits_for_what_it_does_not_name() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let plan = site.plan(&stack(NEW)).await;
        let switch = step(&plan, "update", "top.name");
        for server in ["mid.server.a", "mid.server.b"] {
            assert!(before(&plan, step(&plan, "create", server), switch));
        }
        let gone = step(&plan, "delete", "base.box");
        assert!(before(&plan, switch, gone));
        assert_eq!(plan.steps[gone].rest, 60);
        assert!(before(&plan, step(&plan, "leave", "base.box"), switch));
        site.apply(&stack(NEW)).await;
        assert!(site.plan(&stack(NEW)).await.is_empty());
    });
}

#[test]
fn all_of_the_old_path_goes_after_the_switch() {
    block(async {
        let site = Site::new();
        site.apply(&stack(NEW)).await;
        let plan = site.plan(&stack(OLD)).await;
        let switch = step(&plan, "update", "top.name");
        for (word, address) in [("delete", "mid.server.a"), ("delete", "base.front")] {
            let gone = step(&plan, word, address);
            assert!(before(&plan, switch, gone), "{address}");
            assert_eq!(plan.steps[gone].rest, 60, "{address}");
        }
        site.apply(&stack(OLD)).await;
        assert!(site.plan(&stack(OLD)).await.is_empty());
    });
}

#[test]
fn what_is_left_is_remembered_when_the_run_is_cut_off_after_the_switch() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let plan = site.plan(&stack(NEW)).await;
        let changes = plan
            .steps
            .iter()
            .filter(|step| !matches!(step.action, Action::Delete(_)));
        site.cloud.weather(Weather {
            dies_after: Some(changes.count() - 1),
            ..Weather::default()
        });
        site.run(&stack(NEW), &Options::default()).await;
        site.cloud.weather(Weather::default());
        let plan = site.plan(&stack(NEW)).await;
        assert_eq!(plan.steps.len(), 1, "{:?}", plan.steps);
        assert_eq!(plan.steps[step(&plan, "delete", "base.box")].rest, 60);
        // Wanted again, it is as it was.
        site.apply(&stack(&format!(
            "{OLD}[base.front]\nsize = 1\nshape = \"s\"\n"
        )))
        .await;
        let plan = site
            .plan(&stack(&format!(
                "{OLD}[base.front]\nsize = 1\nshape = \"s\"\n"
            )))
            .await;
        assert!(plan.is_empty(), "{:?}", plan.steps);
    });
}

#[test]
fn what_is_destroyed_waits_for_nobody() {
    block(async {
        let site = Site::new();
        site.apply(&stack(NEW)).await;
        let options = Options {
            destroy: true,
            ..Options::default()
        };
        let (plan, _) = site.run(&stack(NEW), &options).await;
        assert!(plan.steps.iter().all(|step| step.rest == 0));
        assert_eq!(site.cloud.len(), 0);
    });
}
