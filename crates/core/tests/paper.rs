//! The whole ladder of the paper stacks, at every stage and in every environment.

use std::fmt::Write;
use std::path::PathBuf;

use terrace_core::source::{Loaded, Request, load, validate_all};

use crate::kinds::Kinds;

fn paper(stack: &str, environment: &str, stage: &str) -> Loaded {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/paper/stacks")
        .join(stack);
    let request = Request {
        folder,
        environment: Some(environment.to_owned()),
        stage: Some(stage.to_owned()),
        ..Request::default()
    };
    match load(&request, &Kinds::new()) {
        Ok(loaded) => loaded,
        Err(report) => panic!("{}", report.plain()),
    }
}

#[test]
fn every_stage_in_every_environment() {
    for environment in ["prod", "test", "pr-42"] {
        for stage in [
            "single-instance",
            "split-database",
            "multi-az",
            "cdn-offload",
            "read-replicas",
        ] {
            paper("shop", environment, stage);
        }
    }
    for environment in ["prod", "pr-42"] {
        for stage in ["site", "cdn"] {
            paper("wordpress", environment, stage);
        }
    }
}

/// A resource as one line each: what it is, what it needs.
fn dump(loaded: &Loaded) -> String {
    let mut out = String::new();
    for (address, resource) in &loaded.stack.resources {
        let _ = writeln!(
            out,
            "{address}  <{}>",
            resource.stage.as_deref().unwrap_or("-")
        );
        for (property, (_, value)) in resource.table.as_table().into_iter().flatten() {
            let text = serde_json::to_string(value).unwrap_or_default();
            let text = if text.len() > 150 {
                format!("{}..", &text[..150])
            } else {
                text
            };
            let _ = writeln!(out, "  {property} = {text}");
        }
        let needs: Vec<String> = resource
            .needs
            .iter()
            .map(|edge| {
                format!(
                    "{}{} by {}",
                    edge.to,
                    if edge.late { " (late)" } else { "" },
                    edge.field
                )
            })
            .collect();
        if !needs.is_empty() {
            let _ = writeln!(out, "  needs: {}", needs.join(", "));
        }
    }
    for (name, value) in &loaded.stack.outputs {
        let _ = writeln!(
            out,
            "output {name} = {}",
            serde_json::to_string(value).unwrap_or_default()
        );
    }
    for removal in &loaded.stack.removals {
        let _ = writeln!(
            out,
            "removed at {}: {} {:?}",
            removal.stage, removal.address, removal.allow
        );
    }
    for (address, stage) in &loaded.stack.above {
        let _ = writeln!(out, "only from {stage}: {address}");
    }
    for note in &loaded.stack.notes {
        let _ = writeln!(out, "note: {}", note.text);
    }
    out
}

#[test]
fn the_shop_at_its_first_stage() {
    insta::assert_snapshot!(dump(&paper("shop", "pr-42", "single-instance")));
}

#[test]
fn the_shop_at_its_third_stage() {
    insta::assert_snapshot!(dump(&paper("shop", "prod", "multi-az")));
}

#[test]
fn the_shop_at_its_last_stage() {
    insta::assert_snapshot!(dump(&paper("shop", "prod", "read-replicas")));
}

#[test]
fn wordpress_with_its_cdn() {
    insta::assert_snapshot!(dump(&paper("wordpress", "prod", "cdn")));
}

#[test]
fn the_paper_is_valid_everywhere() {
    for stack in ["shop", "wordpress"] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("tests/paper/stacks")
            .join(stack);
        match validate_all(
            &Request {
                folder,
                ..Request::default()
            },
            &Kinds::new(),
        ) {
            Ok(report) => assert_eq!(report.plain(), ""),
            Err(report) => panic!("{}", report.plain()),
        }
    }
}
