//! A schema as a judge of tables, for the toy vocabulary.

use serde::de::{Error, Unexpected};
use serde_json::Value;
use terrace_core::source::{Fault, Is, Node};

/// What a kind's own `Deserialize` would say, from the schema alone.
pub(crate) fn judge(node: &Node, schema: &Value, root: &Value, faults: &mut Vec<Fault>) {
    if schema.get("x-any").is_some() {
        return;
    }
    if let Some(target) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| root.pointer(&path[1..]))
    {
        return judge(node, target, root, faults);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let mut best: Option<Vec<Fault>> = None;
        for choice in choices {
            let mut found = Vec::new();
            judge(node, choice, root, &mut found);
            let shallow = found.len() == 1 && found[0].at == Some(node.at);
            if found.is_empty() {
                return;
            }
            if best.is_none() || !shallow {
                best = Some(found);
            }
        }
        faults.extend(best.unwrap_or_default());
        return;
    }
    let mut wrong = |unexpected: Unexpected<'_>, expected: &str| {
        faults.push(Fault::invalid_type(unexpected, &expected).at(node.at));
    };
    let expected = match schema["type"].as_str().unwrap_or_default() {
        "integer" => "u32",
        "boolean" => "a boolean",
        "array" => "a sequence",
        "object" => "a map",
        _ => "a string",
    };
    match (&node.is, expected) {
        (Is::Bad, _)
        | (Is::String(_), "a string")
        | (Is::Integer(_), "u32")
        | (Is::Boolean(_), "a boolean") => {}
        (Is::Later(later), _) => {
            if schema.get("x-later").is_none() {
                faults.push(Fault::later(later.to_string()).at(node.at));
            }
        }
        (Is::Array(items), "a sequence") => {
            for item in items {
                judge(item, &schema["items"], root, faults);
            }
        }
        (Is::Table(table), "a map") => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, (at, value)) in table {
                match properties
                    .and_then(|all| all.get(key))
                    .or(schema.get("additionalProperties"))
                {
                    Some(inner) if inner.is_object() => judge(value, inner, root, faults),
                    _ => {
                        let known: Vec<&str> = properties
                            .into_iter()
                            .flatten()
                            .map(|(key, _)| key.as_str())
                            .collect();
                        faults.push(Fault::unknown(key, &known).at(*at));
                    }
                }
            }
            let required = schema
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            for name in required
                .filter_map(Value::as_str)
                .filter(|name| !table.contains_key(*name))
            {
                faults.push(Fault::missing(name).at(node.at));
            }
        }
        (Is::String(text), _) => wrong(Unexpected::Str(text), expected),
        (Is::Integer(number), _) => wrong(Unexpected::Signed(*number), expected),
        (Is::Float(number), _) => wrong(Unexpected::Float(*number), expected),
        (Is::Boolean(value), _) => wrong(Unexpected::Bool(*value), expected),
        (Is::Array(_), _) => wrong(Unexpected::Seq, expected),
        (Is::Table(_), _) => wrong(Unexpected::Map, expected),
    }
}
