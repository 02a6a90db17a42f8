//! What is deleted is looked after until it is gone, unless AWS says so when it answers.

use terrace_core::planner::Options;

use super::site::{Site, stack};

const ALL: &str = r#"
[base.box]
size  = 1
shape = "s"

[mid.disk]
size  = 1
shape = "s"
on    = ["base.box"]
"#;

#[tokio::test]
async fn what_is_gone_at_once_is_not_looked_after() {
    let site = Site::new();
    site.run(&stack(ALL), &Options::default()).await;
    site.cloud.looks();
    let (_, outcome) = site.run(&stack(""), &Options::default()).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(site.cloud.world().is_empty());
    assert_eq!(site.cloud.looks(), ["base"]);
}
