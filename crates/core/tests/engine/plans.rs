//! Plans that a person would check by eye.

use terrace_core::apply::End;
use terrace_core::plan::{Action, Reason};
use terrace_core::planner::{Options, Trouble};

use super::site::{Site, block, ladder, stack, staged, words};
use super::toy::{UNLUCKY, Weather};

const TWO: &str = r#"
[base.a]
size = 1
shape = "round"

[mid.b]
size = 1
shape = "round"
on = ["base.a"]
"#;

#[test]
fn a_change_in_place_is_that_change_alone() {
    block(async {
        let site = Site::new();
        site.apply(&stack(TWO)).await;
        let bigger = stack(&TWO.replacen("size = 1", "size = 2", 1));
        assert_eq!(words(&site.plan(&bigger).await), ["update base.a"]);
    });
}

#[test]
fn what_stands_on_a_thing_that_must_go_first_goes_before_it() {
    block(async {
        let site = Site::new();
        site.apply(&stack(TWO)).await;
        // `base` cannot stand beside its successor, so `mid`, which could, cannot either.
        let plan = site.plan(&stack(&TWO.replacen("round", "square", 1))).await;
        assert_eq!(
            words(&plan),
            [
                "delete base.a",
                "delete mid.b",
                "replace base.a",
                "replace mid.b"
            ]
        );
        let place = |word: &str, name: &str| {
            let step = plan
                .steps
                .iter()
                .position(|step| step.action.word() == word && step.address.name == name);
            step.unwrap()
        };
        assert!(
            plan.steps[place("delete", "a")]
                .needs
                .contains(&place("delete", "b"))
        );
        assert!(
            plan.steps[place("replace", "a")]
                .needs
                .contains(&place("delete", "a"))
        );
        assert!(
            plan.steps[place("replace", "b")]
                .needs
                .contains(&place("replace", "a"))
        );
    });
}

#[test]
fn the_order_of_a_replacement_may_depend_on_what_changes() {
    block(async {
        let site = Site::new();
        let bases = "[base.a]\nsize = 1\nshape = \"s\"\n[base.b]\nsize = 1\nshape = \"s\"\n";
        let mid = |shape: &str, on: &str, to: &str| {
            let points = format!("on = [\"{on}\"]\nto = [\"{to}\"]\n");
            let mid = format!("[mid.m]\nsize = 1\nshape = \"{shape}\"\n{points}");
            stack(&format!("{bases}{mid}"))
        };
        site.apply(&mid("narrow", "base.a", "base.a")).await;
        // What alone would be changed in place counts too.
        for (on, to, first) in [
            ("base.a", "base.a", "delete"),
            ("base.b", "base.a", "replace"),
            ("base.a", "base.b", "replace"),
        ] {
            let plan = site.plan(&mid("wide", on, to)).await;
            let last = plan.steps.iter().find(|step| !step.needs.is_empty());
            let needs = &last.unwrap().needs;
            assert_eq!(plan.steps[needs[0]].action.word(), first, "{on} {to}");
        }
    });
}

#[test]
fn friends_that_know_each_other_are_made_and_deleted() {
    block(async {
        let site = Site::new();
        let friends = stack(
            "[mid.a]\nsize = 1\nshape = \"s\"\nfriends = [\"mid.b\"]\n\
             [mid.b]\nsize = 1\nshape = \"s\"\nfriends = [\"mid.a\"]\n",
        );
        site.apply(&friends).await;
        assert!(site.plan(&friends).await.is_empty());
        let plan = site.plan(&stack("")).await;
        assert!(
            plan.steps
                .iter()
                .any(|step| matches!(step.action, Action::Clear("friends")))
        );
        site.apply(&stack("")).await;
        assert_eq!(site.cloud.len(), 0);
    });
}

#[test]
fn a_deletion_tells_how_far_it_is() {
    block(async {
        let site = Site::new();
        site.apply(&stack(TWO)).await;
        assert_eq!(
            site.watch(&stack("")).await,
            [
                "mid.b: 1 things taken out",
                "base.a: 1 things taken out",
                "base.a: being deleted",
            ]
        );
    });
}

#[test]
fn a_circle_is_an_error_that_names_it() {
    block(async {
        let folder = tempfile::TempDir::new().unwrap();
        let text = "[mid.a]\nsize = 1\nshape = \"s\"\non = [\"mid.b\"]\n\
                    [mid.b]\nsize = 1\nshape = \"s\"\non = [\"mid.a\"]\n";
        std::fs::write(
            folder.path().join("stack.toml"),
            format!("{}{text}", super::site::HEADER),
        )
        .unwrap();
        let request = terrace_core::source::Request {
            folder: folder.path().to_owned(),
            ..Default::default()
        };
        let report = terrace_core::source::load(&request, &super::toy::WORDS)
            .unwrap_err()
            .plain();
        assert!(
            report.contains("mid.a") && report.contains("mid.b"),
            "{report}"
        );
    });
}

/// One that is locked until it has a key, and one that stands on it.
const LOCKED: &str = r#"
[mid.safe]
size = 1
shape = "locked"
key = "brass"

[top.lamp]
size = 1
shape = "round"
on = ["mid.safe"]
"#;

#[test]
fn what_being_ready_waits_for_is_set_before() {
    block(async {
        let site = Site::new();
        site.apply(&stack(LOCKED)).await;
        assert!(site.plan(&stack(LOCKED)).await.is_empty());
    });
}

#[test]
fn what_being_ready_waits_for_is_set_after_a_crash_too() {
    block(async {
        let site = Site::new();
        site.cloud.weather(Weather {
            dies_after: Some(0),
            ..Weather::default()
        });
        site.run(&stack(LOCKED), &Options::default()).await;
        site.cloud.weather(Weather::default());
        // No wait for what nothing else would end, and nobody stands on it before.
        let plan = site.plan(&stack(LOCKED)).await;
        assert_eq!(words(&plan), ["create top.lamp", "update mid.safe"]);
        site.apply(&stack(LOCKED)).await;
        assert!(site.plan(&stack(LOCKED)).await.is_empty());
    });
}

#[test]
fn a_failure_stops_what_needs_it_and_nothing_else() {
    block(async {
        let site = Site::new();
        let three = stack(&format!("{TWO}[mid.c]\nsize = 1\nshape = \"s\"\n"));
        site.cloud.weather(Weather::default());
        let (plan, outcome) = site.run(&three, &Options::default()).await;
        assert!(
            outcome.is_complete(),
            "{:?} {:?}",
            words(&plan),
            outcome.ends
        );
        let stranger = site.cloud.stranger("mid");
        assert_eq!(site.cloud.len(), 4, "{stranger} is nobody's business");
    });
}

#[test]
fn what_is_stuck_is_told_and_never_replaced() {
    block(async {
        let site = Site::new();
        let of = |size: i64| {
            stack(&format!(
                "[base.b]\nsize = {size}\nshape = \"round\"\n[mid.m]\nsize = {size}\nshape = \"round\"\nafter = [\"base.b\"]\n"
            ))
        };
        site.apply(&of(1)).await;
        let (_, outcome) = site.run(&of(UNLUCKY), &Options::default()).await;
        assert!(
            matches!(&outcome.ends[0], End::Failed(error) if error.message.contains("came to nothing"))
        );
        assert!(matches!(outcome.ends[1], End::Skipped(0)));
        let again = site.plan(&of(UNLUCKY)).await;
        assert_eq!(words(&again), ["update mid.m"]);
        assert_eq!(again.notes[0].text, "its size came to nothing");
        // What mends it is done in place, and waits for nothing.
        assert_eq!(
            words(&site.plan(&of(2)).await),
            ["update base.b", "update mid.m"]
        );
        site.apply(&of(2)).await;
        assert!(site.plan(&of(2)).await.is_empty());
    });
}

#[test]
fn a_change_to_confirm_is_held_with_what_waits_for_it() {
    block(async {
        let site = Site::new();
        let text = "[mid.a]\nsize = 1\nshape = \"s\"\nconfirm = \"look first\"\n";
        site.apply(&stack(text)).await;
        let changed = format!(
            "{}[mid.b]\nsize = 1\nshape = \"s\"\nafter = [\"mid.a\"]\n[mid.c]\nsize = 1\nshape = \"s\"\n",
            text.replace("size = 1", "size = 2"),
        );
        let (plan, outcome) = site.run(&stack(&changed), &Options::default()).await;
        let held: Vec<String> = plan
            .steps
            .iter()
            .zip(&outcome.ends)
            .filter(|(_, end)| matches!(end, End::Held))
            .map(|(step, _)| step.address.to_string())
            .collect();
        assert_eq!(held.len(), 2, "{held:?}");
        assert!(outcome.is_complete() && outcome.is_held());
        let confirm = ["mid.a".parse().unwrap()].into();
        let options = Options {
            confirm,
            ..Options::default()
        };
        let (_, outcome) = site.run(&stack(&changed), &options).await;
        assert!(!outcome.is_held());
    });
}

#[test]
fn the_way_back_is_held_as_the_way_up_was() {
    block(async {
        let site = Site::new();
        let low = "[mid.a]\nsize = 1\nshape = \"s\"\n";
        let folder = ladder(&[
            ("one", low),
            ("two", "[mid.a]\nsize = 2\nconfirm = \"look first\"\n"),
            ("three", "[base.b]\nsize = 1\nshape = \"s\"\n"),
        ]);
        site.apply(&staged(&folder, Some("one"))).await;
        let held = |plan: &terrace_core::plan::Plan| -> Vec<String> {
            let held = plan.steps.iter().filter_map(|step| step.held.clone());
            held.collect()
        };
        // On the lower stage it is changed as ever: that is no way back.
        std::fs::write(
            folder.path().join("one.toml"),
            low.replace("\"s\"", "\"t\""),
        )
        .unwrap();
        let plan = site.apply(&staged(&folder, Some("one"))).await;
        assert!(!plan.is_empty() && held(&plan).is_empty());
        let plan = site.plan(&staged(&folder, Some("three"))).await;
        assert_eq!(held(&plan), ["look first"]);
        let confirm = Options {
            confirm: ["mid.a".parse().unwrap()].into(),
            ..Options::default()
        };
        site.run(&staged(&folder, Some("three")), &confirm).await;
        let down = staged(&folder, Some("one"));
        let plan = site.plan(&down).await;
        assert_eq!(held(&plan), ["back from two, where it says: look first"]);
        let (_, outcome) = site.run(&down, &confirm).await;
        assert!(!outcome.is_held());
        assert!(site.plan(&down).await.is_empty());
    });
}

#[test]
fn a_lower_stage_retires_what_it_does_not_name() {
    block(async {
        let site = Site::new();
        let folder = ladder(&[
            ("one", "[base.a]\nsize = 1\nshape = \"s\"\n"),
            (
                "two",
                "[mid.b]\nsize = 1\nshape = \"s\"\non = [\"base.a\"]\n",
            ),
        ]);
        site.apply(&staged(&folder, None)).await;
        assert_eq!(
            words(&site.plan(&staged(&folder, Some("one"))).await),
            ["delete mid.b"]
        );
    });
}

#[test]
fn a_raised_generation_replaces() {
    block(async {
        let site = Site::new();
        let text = "[mid.a]\nsize = 1\nshape = \"s\"\n";
        site.apply(&stack(text)).await;
        let raised = stack(&format!("{text}generation = 2\n"));
        assert_eq!(
            words(&site.apply(&raised).await),
            ["delete mid.a", "replace mid.a"]
        );
        assert!(site.plan(&raised).await.is_empty());
        // Lowered again it stays: only raising replaces.
        assert!(site.plan(&stack(text)).await.is_empty());
    });
}

#[test]
fn a_new_name_touches_nothing_but_the_mark() {
    block(async {
        let site = Site::new();
        site.apply(&stack("[mid.a]\nsize = 1\nshape = \"s\"\n"))
            .await;
        let renamed = stack("[mid.b]\nsize = 1\nshape = \"s\"\nwas = \"mid.a\"\n");
        assert_eq!(words(&site.apply(&renamed).await), ["tag mid.b"]);
        assert!(site.plan(&renamed).await.is_empty());
    });
}

#[test]
fn a_whole_kind_of_moves_is_said_in_one_table() {
    block(async {
        let site = Site::new();
        site.apply(&stack("[mid.a]\nsize = 1\nshape = \"s\"\n"))
            .await;
        let moved = stack("[moved]\n\"mid.a\" = \"mid.b\"\n[mid.b]\nsize = 1\nshape = \"s\"\n");
        assert_eq!(words(&site.apply(&moved).await), ["tag mid.b"]);
        assert!(site.plan(&moved).await.is_empty());
    });
}

#[test]
fn what_stands_in_another_region_than_wanted_is_replaced_there() {
    block(async {
        let site = Site::new();
        let text = "[mid.a]\nsize = 1\nshape = \"s\"\n";
        site.apply(&stack(text)).await;
        let plan = site
            .plan(&stack(&format!("{text}region = \"us-east-1\"\n")))
            .await;
        let places: Vec<(&str, Option<&str>)> = plan
            .steps
            .iter()
            .map(|step| (step.action.word(), step.region.as_deref()))
            .collect();
        assert_eq!(places, [("replace", Some("us-east-1")), ("delete", None)]);
        let change = &plan.steps[0].changes[0];
        assert_eq!(
            (change.field, change.have.text()),
            ("region", "eu-west-3".into())
        );
    });
}

#[test]
fn a_step_names_the_stage_that_brought_or_changed_it() {
    block(async {
        let site = Site::new();
        let folder = ladder(&[
            (
                "one",
                "[base.a]\nsize = 1\nshape = \"s\"\n[mid.b]\nfor_each = { x = 1 }\nsize = \"{{ each.value }}\"\nshape = \"s\"\n",
            ),
            (
                "two",
                "[base.a]\nsize = 2\n[mid.b.for_each]\nx = 2\ny = 2\n",
            ),
            ("three", "[base.a]\ntags = { owner = \"me\" }\n"),
        ]);
        let whys = |plan: &terrace_core::plan::Plan| -> Vec<String> {
            let why = plan.steps.iter().map(|step| {
                let (word, address) = (step.action.word(), &step.address);
                format!("{word} {address} for {}", step.why)
            });
            let mut why: Vec<String> = why.collect();
            why.sort();
            why
        };
        let plan = site.apply(&staged(&folder, Some("one"))).await;
        assert_eq!(
            whys(&plan),
            ["create base.a for one", "create mid.b.x for one"]
        );
        let plan = site.plan(&staged(&folder, Some("three"))).await;
        assert_eq!(
            whys(&plan),
            [
                "create mid.b.y for two",
                "tag base.a for three",
                "update base.a for two",
                "update mid.b.x for two",
            ]
        );
        // From nothing, too, a resource is of the stage that brought it.
        let plan = Site::new().plan(&staged(&folder, Some("three"))).await;
        assert_eq!(
            whys(&plan),
            [
                "create base.a for one",
                "create mid.b.x for one",
                "create mid.b.y for two",
            ]
        );
    });
}

#[test]
fn a_saved_plan_covers_itself_and_no_more() {
    block(async {
        let site = Site::new();
        let plan = site.plan(&stack(TWO)).await;
        let saved = plan.to_json();
        assert!(plan.beyond(&saved).is_empty());
        let more = site
            .plan(&stack(&format!("{TWO}[mid.c]\nsize = 1\nshape = \"s\"\n")))
            .await;
        assert_eq!(more.beyond(&saved), ["create mid.c"]);
        let other = site
            .plan(&stack(&TWO.replacen("size = 1", "size = 7", 1)))
            .await;
        assert_eq!(other.beyond(&saved), ["create base.a"]);
    });
}

#[test]
fn a_knot_without_a_late_end_is_trouble() {
    // Live edges cannot knot unless by late fields; the planner says so rather than delete half.
    let trouble = Trouble::Cycle(vec!["delete mid.a".into(), "delete mid.b".into()]);
    assert!(format!("{trouble:?}").contains("mid.a"));
}

/// What the TOML still declares is no orphan: its `when` took it out.
#[test]
fn what_is_switched_off_is_taken_out_and_no_orphan() {
    block(async {
        let site = Site::new();
        let toml = |on: bool| {
            format!(
                "[variables]\non = {on}\n[base.a]\nwhen = \"{{{{ var.on }}}}\"\nfor_each = [\"x\"]\nsize = 1\nshape = \"round\"\n"
            )
        };
        site.apply(&stack(&toml(true))).await;
        let plan = site.plan(&stack(&toml(false))).await;
        let [step] = plan.steps.as_slice() else {
            panic!("{:?}", words(&plan));
        };
        let deleted = matches!(step.action, Action::Delete(Reason::Removed));
        assert!(deleted, "{:?}", step.action);
        assert_eq!(step.why, "its `when` is false");
    });
}
