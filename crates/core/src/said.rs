//! One side of a comparison: what the TOML says of a property, or what AWS says.

use serde::Serialize;
use serde_json::Value;

/// What one side says of a property, in canonical form: equal values mean the same to AWS.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Nothing. From the TOML: AWS chooses, and it is never compared. From AWS: it is not set.
    Nothing,
    /// A value.
    Value(Value),
    /// Known only after something else was made; the text says after what.
    Later(String),
}

impl Said {
    /// A value of Rust, `None` being [`Said::Nothing`].
    pub fn of(value: impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(Value::Null) | Err(_) => Self::Nothing,
            Ok(value) => Self::Value(value),
        }
    }

    /// What a property says whose absence is enforced: `None` is a value too, null, and differs from any
    /// other.
    pub fn or_none(side: Option<Said>) -> Self {
        side.filter(|side| *side != Self::Nothing)
            .unwrap_or(Self::Value(Value::Null))
    }

    /// A set of names without order.
    pub fn set<S: Into<String>>(values: impl IntoIterator<Item = S>) -> Self {
        let mut values: Vec<String> = values.into_iter().map(Into::into).collect();
        values.sort();
        values.dedup();
        Self::of(values)
    }

    /// Several sides as one list without order. One that is later stands in it by its words, so that
    /// what is known of the others can still be compared.
    pub fn all(sides: impl IntoIterator<Item = Said>) -> Self {
        let value = |side: Said| match side {
            Self::Nothing => None,
            Self::Value(value) => Some(value),
            later @ Self::Later(_) => Some(later.text().into()),
        };
        let mut values: Vec<Value> = sides.into_iter().filter_map(value).collect();
        values.sort_by_key(ToString::to_string);
        values.dedup();
        Self::Value(values.into())
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Its text: for keys of sets that hold another resource's id.
    pub fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Value(Value::String(text)) => text.clone(),
            Self::Value(value) => value.to_string(),
            Self::Later(what) => format!("({})", what.trim_matches(['(', ')'])),
        }
    }
}
