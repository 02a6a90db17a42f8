//! The examples, and what may be changed in them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use terrace_aws::KINDS;
use terrace_core::erased::AnyKind;
use toml::Table;

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The example of a kind, as a table that may be changed.
pub(crate) fn read(kind: &str) -> Result<Table, String> {
    let path = folder().join(format!("{kind}.toml"));
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    text.parse()
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Every kind has an example, and every example a kind.
pub(crate) fn complete() -> Result<(), String> {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    let kinds: BTreeSet<String> = KINDS.iter().map(|kind| kind.name().to_owned()).collect();
    if files == kinds {
        return Ok(());
    }
    let missing: Vec<_> = kinds.difference(&files).collect();
    let extra: Vec<_> = files.difference(&kinds).collect();
    Err(format!(
        "kinds without example: {missing:?}; examples without kind: {extra:?}"
    ))
}

/// Another value for a property of the example: from its schema, or another resource of the kind it
/// names.
pub(crate) fn another(kind: &dyn AnyKind, example: &Table, field: &str) -> Option<toml::Value> {
    let schema = resolve(kind, &kind.schema()["properties"][field]);
    let now = example.get(kind.name())?.get("example")?.get(field);
    let now = now.and_then(|value| serde_json::to_value(value).ok());
    let default = &schema["default"];
    let now = now.unwrap_or_else(|| default.clone());
    let mut candidates: Vec<Value> = Vec::new();
    candidates.extend(schema["examples"].as_array().cloned().unwrap_or_default());
    if schema["type"] == "boolean" || schema["type"][0] == "boolean" {
        candidates.push(Value::Bool(!now.as_bool().unwrap_or_default()));
    }
    candidates.extend(words(kind, &schema));
    candidates.extend(references(&schema, example));
    let other = candidates.into_iter().find(|value| *value != now)?;
    toml::Value::try_from(other).ok()
}

/// A property's schema with what it refers to put in, and `Option` taken off.
fn resolve(kind: &dyn AnyKind, schema: &Value) -> Value {
    let mut schema = schema.clone();
    let inner = |schema: &Value| {
        if let Some(path) = schema["$ref"].as_str() {
            return kind.schema().pointer(path.trim_start_matches('#')).cloned();
        }
        let any = schema["anyOf"].as_array()?;
        any.iter().find(|one| one["type"] != "null").cloned()
    };
    while let Some(Value::Object(more)) = inner(&schema) {
        if let Value::Object(schema) = &mut schema {
            schema.remove("$ref");
            schema.remove("anyOf");
            for (key, value) in more {
                schema.entry(key).or_insert(value);
            }
        }
    }
    schema
}

/// The words of an enum.
fn words(_kind: &dyn AnyKind, schema: &Value) -> Vec<Value> {
    let mut words = schema["enum"].as_array().cloned().unwrap_or_default();
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        words.extend(one["const"].is_string().then(|| one["const"].clone()));
        words.extend(one["enum"].as_array().cloned().unwrap_or_default());
    }
    words.retain(|word| !word.is_null());
    words
}

/// Resources of the example that a reference may name instead.
fn references(schema: &Value, example: &Table) -> Vec<Value> {
    let many = schema["items"]["x-ref"].is_array();
    let kinds = if many {
        &schema["items"]["x-ref"]
    } else {
        &schema["x-ref"]
    };
    let mut found = Vec::new();
    for kind in kinds
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let named = example.get(kind).and_then(toml::Value::as_table);
        for name in named.into_iter().flat_map(Table::keys) {
            let address = Value::String(format!("{kind}.{name}"));
            found.push(if many {
                Value::Array(vec![address])
            } else {
                address
            });
        }
    }
    found
}

/// Every property that is compared can be changed by the laws, or its schema says why not
/// (`x-no-law`).
pub(crate) fn values() -> Result<(), String> {
    let mut without = Vec::new();
    for kind in KINDS {
        let Ok(example) = read(kind.name()) else {
            continue;
        };
        for row in kind.rows() {
            let schema = &kind.schema()["properties"][row.name];
            let excused = row.on_change == "seed" || schema["x-no-law"].is_string();
            if !excused && another(*kind, &example, row.name).is_none() {
                without.push(format!("{}.{}", kind.name(), row.name));
            }
        }
    }
    if without.is_empty() {
        return Ok(());
    }
    Err(format!("no other value known for: {}", without.join(", ")))
}
