#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::Value;

use crate::program::{Folder, repository};

#[test]
fn the_reference_is_what_terrace_says() {
    let docs = repository().join("docs");
    let told = Folder::new().run(&["docs", "--check", docs.to_str().unwrap()]);
    assert_eq!(
        told.exit,
        Some(0),
        "run `cargo run -- docs --write docs`\n{told}"
    );
}

fn schema(file: &str) -> Value {
    let told = Folder::new().run(&["schema", file]);
    assert_eq!(told.exit, Some(0));
    serde_json::from_str(&told.stdout).unwrap()
}

fn references<'a>(value: &'a Value, all: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                if key == "$ref" {
                    all.extend(value.as_str());
                }
                references(value, all);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, all)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    for file in ["all", "stack", "stage", "module"] {
        let schema = schema(file);
        let mut all = BTreeSet::new();
        references(&schema, &mut all);
        assert!(!all.is_empty());
        for reference in all {
            let path = reference.strip_prefix('#').unwrap();
            assert!(schema.pointer(path).is_some(), "{file}: {reference}");
        }
    }
}

#[test]
fn every_kind_is_in_the_schema_with_the_common_properties() {
    let kinds = Folder::new().run(&["explain", "--format", "json"]);
    let kinds: Value = serde_json::from_str(&kinds.stdout).unwrap();
    let schema = schema("stage");
    for name in kinds.as_object().unwrap().keys() {
        let properties = &schema["$defs"][name]["properties"];
        for common in ["for_each", "when", "generation", "was"] {
            assert!(properties[common].is_object(), "{name}.{common}");
        }
        assert!(schema["properties"][name].is_object(), "{name}");
    }
}
