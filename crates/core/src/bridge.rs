//! Between the language's values and everybody else's.

use serde_json::Value;

use crate::source::{Diagnostic, Fault, Is, Node, Report, Sources, Span};

/// An output as expressions see it.
pub fn value(output: &Value) -> Option<minijinja::Value> {
    (!output.is_null()).then(|| minijinja::value::Serde(output).into())
}

/// Faults of one resource, found when its values were known, as a report with places.
pub fn report(sources: &Sources, whose: &str, faults: &[Fault]) -> Report {
    let tell = |fault: &Fault| {
        let at = fault.at.unwrap_or(Span::NOWHERE);
        Diagnostic::error(at, format!("{whose}: {fault}")).maybe(fault.help.clone())
    };
    Report::new(sources.clone(), faults.iter().map(tell).collect())
}

impl Node {
    /// The value as data; what is not known yet is null.
    pub fn to_json(&self) -> Value {
        match &self.is {
            Is::String(text) => text.as_str().into(),
            Is::Integer(number) => (*number).into(),
            Is::Float(number) => (*number).into(),
            Is::Boolean(flag) => (*flag).into(),
            Is::Array(items) => items.iter().map(Self::to_json).collect(),
            Is::Table(table) => table
                .iter()
                .map(|(key, (_, node))| (key.clone(), node.to_json()))
                .collect(),
            Is::Later(_) | Is::Bad => Value::Null,
        }
    }

    /// A plain value as text: what a filter of a look-up compares.
    pub fn to_text(&self) -> Option<String> {
        match self.to_json() {
            Value::String(text) => Some(text),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
            other => Some(other.to_string()),
        }
    }
}
