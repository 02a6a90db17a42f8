//! Plans that take away most of a stack.

use terrace_core::planner::{Many, Options, many};
use terrace_core::source::Stack;

use super::site::{Site, block, ladder, stack, staged};

fn bases(count: usize) -> String {
    let base = |number| format!("[base.b{number}]\nsize = 1\nshape = \"round\"\n");
    (0..count).map(base).collect()
}

/// What is said of going from so many to so many.
async fn from_to(from: usize, to: usize, ephemeral: bool) -> Option<Many> {
    let site = Site::new();
    let stack = |count| Stack {
        ephemeral,
        ..stack(&bases(count))
    };
    site.apply(&stack(from)).await;
    let wanted = stack(to);
    let (plan, inventory) = site.plan_with(&wanted, &Options::default()).await.unwrap();
    many(&plan, &inventory)
}

#[test]
fn more_than_half_is_many() {
    block(async {
        assert_eq!(from_to(10, 5, false).await, None);
        let six = Many {
            deleted: 6,
            live: 10,
        };
        assert_eq!(from_to(10, 4, false).await, Some(six));
        assert_eq!(from_to(5, 5, false).await, None);
    });
}

#[test]
fn a_handful_is_not() {
    block(async {
        assert_eq!(from_to(4, 0, false).await, None);
        let all = Many {
            deleted: 5,
            live: 5,
        };
        assert_eq!(from_to(5, 0, false).await, Some(all));
    });
}

#[test]
fn neither_is_what_ends_by_itself() {
    block(async {
        assert_eq!(from_to(10, 0, true).await, None);
    });
}

#[test]
fn neither_is_a_replacement_nor_a_teardown() {
    block(async {
        let site = Site::new();
        site.apply(&stack(&bases(10))).await;
        let square = stack(&bases(10).replace("round", "square"));
        let (plan, inventory) = site.plan_with(&square, &Options::default()).await.unwrap();
        assert!(plan.verdict().replace == 10);
        assert_eq!(many(&plan, &inventory), None);
        let destroy = Options {
            destroy: true,
            ..Options::default()
        };
        let (plan, inventory) = site.plan_with(&square, &destroy).await.unwrap();
        assert!(plan.verdict().delete == 10);
        assert_eq!(many(&plan, &inventory), None);
    });
}

#[test]
fn a_lower_stage_that_wants_less_than_half_is_many() {
    block(async {
        let site = Site::new();
        let folder = ladder(&[("first", &bases(2)), ("second", &bases(8))]);
        site.apply(&staged(&folder, Some("second"))).await;
        let lower = staged(&folder, Some("first"));
        let (plan, inventory) = site.plan_with(&lower, &Options::default()).await.unwrap();
        let six = Many {
            deleted: 6,
            live: 8,
        };
        assert_eq!(many(&plan, &inventory), Some(six));
    });
}
