//! What is wrong with a value, found while it becomes a kind's spec; and how all faults of a table are found at once.

use std::fmt;

use serde::de::{self, DeserializeOwned, Expected, Unexpected};

use super::bounds;
use super::node::{Is, Node};
use super::span::Span;

/// Something wrong, at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Where; `None` until somebody on the way out knows.
    pub at: Option<Span>,
    /// What.
    pub what: Wrong,
    /// What to write instead.
    pub help: Option<String>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Wrong {
    /// In words.
    Says(String),
    /// Another type is expected.
    Type {
        /// What stands there.
        found: Found,
        /// What is expected, in serde's words.
        expected: String,
    },
    /// A property or a choice that does not exist.
    Unknown {
        /// What was written.
        name: String,
        /// What could be written.
        known: Vec<String>,
    },
    /// A property that must be there.
    Missing(String),
    /// A later value where the plan must know.
    Later(String),
    /// Told already.
    Told,
}

/// What stands where another type is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number with a fraction.
    Float,
    /// True or false.
    Boolean,
    /// A list.
    Array,
    /// A table.
    Table,
    /// Something else.
    Other,
}

impl Fault {
    fn new(what: Wrong) -> Self {
        Self {
            at: None,
            what,
            help: None,
        }
    }

    /// A fault in words.
    pub fn says(text: impl Into<String>) -> Self {
        Self::new(Wrong::Says(text.into()))
    }

    /// A later value where the plan must know.
    pub fn later(text: impl Into<String>) -> Self {
        Self::new(Wrong::Later(text.into()))
    }

    /// A property or a choice that does not exist.
    pub fn unknown(name: &str, known: &[&str]) -> Self {
        let known = known.iter().map(|&word| word.to_owned()).collect();
        Self::new(Wrong::Unknown {
            name: name.to_owned(),
            known,
        })
    }

    /// A property that must be there.
    pub fn missing(name: &str) -> Self {
        Self::new(Wrong::Missing(name.to_owned()))
    }

    /// Nothing to add: it was told already.
    pub fn told() -> Self {
        Self::new(Wrong::Told)
    }

    /// The same with what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The same at a place, unless it has one.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.at = self.at.or(Some(span));
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Wrong::Says(text) => f.write_str(text),
            Wrong::Type { found, expected } => {
                write!(f, "expected {}, found {}", plain(expected), found.noun())
            }
            Wrong::Unknown { name, .. } => write!(f, "`{name}` is not known here"),
            Wrong::Missing(name) => write!(f, "`{name}` is missing"),
            Wrong::Later(text) => write!(
                f,
                "this must be known in the plan, and is {}",
                text.trim_matches(['(', ')'])
            ),
            Wrong::Told => f.write_str("its expression failed"),
        }
    }
}

impl std::error::Error for Fault {}

impl Found {
    fn of(unexpected: &Unexpected<'_>) -> Self {
        match unexpected {
            Unexpected::Str(_) | Unexpected::Char(_) => Self::String,
            Unexpected::Signed(_) | Unexpected::Unsigned(_) => Self::Integer,
            Unexpected::Float(_) => Self::Float,
            Unexpected::Bool(_) => Self::Boolean,
            Unexpected::Seq => Self::Array,
            Unexpected::Map => Self::Table,
            _ => Self::Other,
        }
    }

    /// In words for people.
    pub fn noun(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "a whole number",
            Self::Float => "a number with a fraction",
            Self::Boolean => "true or false",
            Self::Array => "a list",
            Self::Table => "a table",
            Self::Other => "something else",
        }
    }
}

/// Serde's name of a type, in words for people.
pub(crate) fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") || other.starts_with("internally tagged") => {
            "a table"
        }
        other => other,
    }
}

/// A custom error carries its remedy after this mark, since serde lets nothing but text pass.
const HELP: &str = "\nhelp: ";

impl de::Error for Fault {
    fn custom<T: fmt::Display>(text: T) -> Self {
        let text = text.to_string();
        match text.split_once(HELP) {
            Some((text, help)) => Self::says(text).help(help),
            None => Self::says(text),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Wrong::Type {
            found: Found::of(&unexpected),
            expected: expected.to_string(),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        if let Some((least, most)) = bounds(&expected) {
            let number = said(unexpected);
            return Self::says(format!("{number} is not between {least} and {most}"));
        }
        Self::says(format!(
            "expected {}, found {}",
            plain(&expected),
            said(unexpected)
        ))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::unknown(field, known)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::unknown(variant, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::missing(field)
    }
}

/// The least and the greatest number of a type that people may meet the bounds of.
fn bounds(expected: &str) -> Option<(i64, i64)> {
    match expected {
        "u8" => Some((0, u8::MAX.into())),
        "u16" => Some((0, u16::MAX.into())),
        "u32" => Some((0, u32::MAX.into())),
        "i32" => Some((i32::MIN.into(), i32::MAX.into())),
        "u64" => Some((0, i64::MAX)),
        _ => None,
    }
}

fn said(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Str(text) => format!("`{text}`"),
        Unexpected::Signed(number) => format!("`{number}`"),
        Unexpected::Unsigned(number) => format!("`{number}`"),
        Unexpected::Float(number) => format!("`{number}`"),
        Unexpected::Bool(flag) => format!("`{flag}`"),
        other => Found::of(&other).noun().to_owned(),
    }
}

/// A table as a kind's spec, or every fault in it: what is wrong is told, taken out, and the rest is tried again.
pub fn spec<T: DeserializeOwned>(table: &Node) -> Result<T, Vec<Fault>> {
    let mut table = table.clone();
    let mut faults = Vec::new();
    let mut taken: Vec<(Span, String)> = Vec::new();
    for tries in 0.. {
        let fault = match T::deserialize(&table) {
            Ok(value) if faults.is_empty() && taken.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(_) if tries == bounds::FAULTS => {
                let more = "more than this is wrong in this table: the rest is looked for once this is mended";
                faults.push(Fault::says(more).at(table.at));
                break;
            }
            Err(fault) => fault.at(table.at),
        };
        let place = fault.at.unwrap_or(table.at);
        let ours = match &fault.what {
            // Missing because it was taken out just now.
            Wrong::Missing(name) => taken.contains(&(place, name.clone())),
            Wrong::Told => true,
            // A table or list that was good enough before something was taken out of it.
            Wrong::Says(_) => taken.iter().any(|(around, _)| *around == place),
            _ => false,
        };
        if !ours {
            faults.push(fault);
        }
        if !take(&mut table, place, &mut taken) {
            break;
        }
    }
    Err(faults)
}

/// Takes out the innermost entry or item at a place; `taken` is told around what it stood, and what it was.
fn take(node: &mut Node, place: Span, taken: &mut Vec<(Span, String)>) -> bool {
    let at = node.at;
    match &mut node.is {
        Is::Table(table) => {
            if table
                .values_mut()
                .any(|(_, value)| take(value, place, taken))
            {
                return true;
            }
            let found = table
                .iter()
                .find(|(_, (key, value))| *key == place || value.at == place);
            let Some(name) = found.map(|(name, _)| name.clone()) else {
                return false;
            };
            table.shift_remove(&name);
            taken.push((at, name));
            true
        }
        Is::Array(items) => {
            if items.iter_mut().any(|item| take(item, place, taken)) {
                return true;
            }
            let Some(index) = items.iter().position(|item| item.at == place) else {
                return false;
            };
            items.remove(index);
            taken.push((at, index.to_string()));
            true
        }
        _ => false,
    }
}
