//! What a move takes away soaks before it goes.

use terrace_core::plan::Plan;
use terrace_core::planner::Options;

use super::site::{Site, block, ladder, stack, staged, words};
use super::toy::Weather;

const OLD: &str = r#"
[base.box]
size  = 1
shape = "s"

[mid.disk]
size  = 1
shape = "s"
on    = ["base.box"]

[top.name]
size  = 1
shape = "s"
to    = ["base.box"]
"#;

const NEW: &str = r#"
soak = "24h"

[base.front]
size  = 1
shape = "s"

[top.name]
size  = 1
shape = "s"
to    = ["base.front"]
"#;

/// The world without time says that it is the beginning of 2026.
fn at(now: &str) -> Options {
    Options {
        now: Some(now.parse().unwrap()),
        ..Options::default()
    }
}

fn soaking(plan: &Plan) -> Vec<(String, Option<&str>)> {
    plan.soaking
        .iter()
        .map(|one| (one.address.to_string(), one.until.as_deref()))
        .collect()
}

async fn plan(site: &Site, content: &str, now: &str) -> Plan {
    site.plan_with(&stack(content), &at(now)).await.unwrap().0
}

const SOON: &str = "2026-01-01T23:59:59Z";
const LATER: &str = "2026-01-02T00:00:00Z";

#[test]
fn what_traffic_has_left_goes_a_day_later() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let first = plan(&site, NEW, SOON).await;
        assert_eq!(
            words(&first),
            [
                "create base.front",
                "leave base.box",
                "leave mid.disk",
                "soak base.box",
                "soak mid.disk",
                "update top.name"
            ]
        );
        let step = |word: &str, kind: &str| {
            let is = |step: &terrace_core::plan::Step| {
                step.action.word() == word && step.address.kind == kind
            };
            first.steps.iter().position(is).unwrap()
        };
        // It is left only once traffic has moved.
        assert!(
            first.steps[step("soak", "base")]
                .needs
                .contains(&step("update", "top"))
        );
        assert!(soaking(&first).is_empty());

        site.run(&stack(NEW), &at(SOON)).await;
        assert_eq!(site.cloud.len(), 4);
        let then = plan(&site, NEW, SOON).await;
        assert!(then.is_empty(), "{:?}", words(&then));
        let until = Some("2026-01-02T00:00:00Z");
        let all = [
            ("base.box".to_owned(), until),
            ("mid.disk".to_owned(), until),
        ];
        assert_eq!(soaking(&then), all);
        assert_eq!(
            then.to_json()["soaking"][0]["until"],
            "2026-01-02T00:00:00Z"
        );

        let last = plan(&site, NEW, LATER).await;
        assert_eq!(words(&last), ["delete base.box", "delete mid.disk"]);
        assert!(
            last.steps.iter().all(|step| step.rest == 0),
            "they have rested"
        );
        site.run(&stack(NEW), &at(LATER)).await;
        assert_eq!(site.cloud.len(), 2);
    });
}

#[test]
fn back_within_that_time_it_is_as_it_was() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let before = site.cloud.world();
        site.run(&stack(NEW), &at(SOON)).await;
        site.run(&stack(OLD), &at(SOON)).await;
        assert!(plan(&site, OLD, LATER).await.is_empty());
        assert_eq!(site.cloud.world(), before);
        // And its next soak is a whole one.
        let again = plan(&site, NEW, LATER).await;
        assert!(words(&again).contains(&"soak base.box".to_owned()));
    });
}

#[test]
fn a_run_that_is_cut_off_forgets_no_soak() {
    block(async {
        for kill in 0..8 {
            let site = Site::new();
            site.apply(&stack(OLD)).await;
            site.cloud.weather(Weather {
                dies_after: Some(kill),
                ..Weather::default()
            });
            site.run(&stack(NEW), &at(SOON)).await;
            site.cloud.weather(Weather::default());
            site.run(&stack(NEW), &at(SOON)).await;
            assert_eq!(site.cloud.len(), 4, "{kill}");
            assert_eq!(soaking(&plan(&site, NEW, SOON).await).len(), 2, "{kill}");
        }
    });
}

#[test]
fn what_a_successor_cannot_stand_beside_does_not_soak() {
    block(async {
        let site = Site::new();
        let round = "soak = \"24h\"\n[base.a]\nsize = 1\nshape = \"round\"\n[mid.b]\nsize = 1\nshape = \"round\"\n";
        site.apply(&stack(round)).await;
        let square = round.replace("round", "square");
        let first = plan(&site, &square, SOON).await;
        assert_eq!(
            words(&first),
            [
                "delete base.a",
                "replace base.a",
                "replace mid.b",
                "soak mid.b"
            ]
        );
        site.run(&stack(&square), &at(SOON)).await;
        assert!(plan(&site, &square, SOON).await.is_empty());
        assert_eq!(words(&plan(&site, &square, LATER).await), ["delete mid.b"]);
    });
}

#[test]
fn where_people_come_in_the_deletion_leads_them_away() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let first = plan(&site, "soak = \"24h\"\n", SOON).await;
        assert_eq!(
            words(&first),
            [
                "delete top.name",
                "leave base.box",
                "leave mid.disk",
                "soak base.box",
                "soak mid.disk"
            ]
        );
    });
}

#[test]
fn a_stage_and_an_item_say_otherwise() {
    block(async {
        let three = "[base.a]\nsize = 1\nshape = \"s\"\n[base.b]\nsize = 1\nshape = \"s\"\n[base.c]\nsize = 1\nshape = \"s\"\n";
        let less = "soak = \"2h\"\nremove = [\"base.a\", { address = \"base.b\", soak = \"0s\" }, { address = \"base.c\", soak = \"1h\" }]\n";
        let folder = ladder(&[("one", three), ("two", less)]);
        let site = Site::new();
        site.apply(&staged(&folder, Some("one"))).await;
        let two = staged(&folder, Some("two"));
        let (first, _) = site.run(&two, &at(SOON)).await;
        assert_eq!(
            words(&first),
            ["delete base.b", "soak base.a", "soak base.c"]
        );
        assert_eq!(site.cloud.len(), 2);
        let at_noon = at("2026-01-01T01:00:00Z");
        let (then, _) = site.plan_with(&two, &at_noon).await.unwrap();
        assert_eq!(words(&then), ["delete base.c"]);
        let all = [("base.a".to_owned(), Some("2026-01-01T02:00:00Z"))];
        assert_eq!(soaking(&then), all);
    });
}

#[test]
fn what_is_destroyed_soaks_for_nobody() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        site.run(&stack(NEW), &at(SOON)).await;
        site.destroy(&stack(NEW)).await;
        assert_eq!(site.cloud.len(), 0);
    });
}

#[test]
fn an_ephemeral_environment_does_not_soak() {
    block(async {
        let site = Site::new();
        site.apply(&stack(OLD)).await;
        let mut new = stack(NEW);
        new.ephemeral = true;
        site.run(&new, &at(SOON)).await;
        assert_eq!(site.cloud.len(), 2);
    });
}
