//! The tree that TOML becomes: each value with its place, and with what only AWS can say still open.

use std::sync::Arc;

use minijinja::value::ValueKind;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::bounds;
use super::fault::Fault;
use super::later::Later;
use super::span::Span;
use crate::hashed::IndexMap;

/// The entries of a table: key, the key's place, value.
pub type Table = IndexMap<String, (Span, Node)>;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it is written.
    pub at: Span,
    /// What it is.
    pub is: Is,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Is {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A list.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
    /// Known once other resources are there.
    Later(Arc<Later>),
    /// Its expression failed: told already, so nobody complains twice.
    Bad,
}

impl Node {
    /// A value at a place.
    pub fn new(at: Span, is: Is) -> Self {
        Self { at, is }
    }

    /// A text at a place.
    pub fn string(at: Span, text: impl Into<String>) -> Self {
        Self::new(at, Is::String(text.into()))
    }

    /// A table without entries.
    pub fn empty(at: Span) -> Self {
        Self::new(at, Is::Table(Table::default()))
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.is {
            Is::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a table.
    pub fn as_table(&self) -> Option<&Table> {
        match &self.is {
            Is::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The entries to be changed, if it is a table.
    pub fn as_table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.is {
            Is::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn as_array(&self) -> Option<&[Node]> {
        match &self.is {
            Is::Array(items) => Some(items),
            _ => None,
        }
    }

    /// An entry of a table.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_table()?.get(key).map(|(_, value)| value)
    }

    /// The value at a path of keys and numbers of items; where the path leads on to what is not there, the
    /// last that is.
    pub fn nearest<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> &Node {
        let mut node = self;
        for key in path {
            let next = match node.as_array() {
                Some(items) => key.parse().ok().and_then(|at: usize| items.get(at)),
                None => node.get(key),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// What it is, in words for people.
    pub fn noun(&self) -> &'static str {
        match &self.is {
            Is::String(_) => "a string",
            Is::Integer(_) | Is::Float(_) => "a number",
            Is::Boolean(_) => "true or false",
            Is::Array(_) => "a list",
            Is::Table(_) => "a table",
            Is::Later(_) => "a later value",
            Is::Bad => "a value",
        }
    }

    /// Visits every value that is known later, at any depth.
    pub fn each_later(&self, visit: &mut dyn FnMut(&Arc<Later>, Span)) {
        match &self.is {
            Is::Later(later) => visit(later, self.at),
            Is::Array(items) => items.iter().for_each(|item| item.each_later(visit)),
            Is::Table(table) => table
                .values()
                .for_each(|(_, value)| value.each_later(visit)),
            _ => {}
        }
    }

    /// Whether a later or a failed value is in it.
    pub fn is_open(&self) -> bool {
        match &self.is {
            Is::Later(_) | Is::Bad => true,
            Is::Array(items) => items.iter().any(Node::is_open),
            Is::Table(table) => table.values().any(|(_, value)| value.is_open()),
            _ => false,
        }
    }

    /// Whether a value failed somewhere in it.
    pub fn is_bad(&self) -> bool {
        match &self.is {
            Is::Bad => true,
            Is::Array(items) => items.iter().any(Node::is_bad),
            Is::Table(table) => table.values().any(|(_, value)| value.is_bad()),
            _ => false,
        }
    }

    /// As a value of an expression; `None` while something in it is open.
    pub fn to_value(&self) -> Option<minijinja::Value> {
        use minijinja::Value;
        Some(match &self.is {
            Is::String(text) => Value::from(text.as_str()),
            Is::Integer(number) => Value::from(*number),
            Is::Float(number) => Value::from(*number),
            Is::Boolean(flag) => Value::from(*flag),
            Is::Array(items) => items
                .iter()
                .map(Node::to_value)
                .collect::<Option<Vec<_>>>()?
                .into(),
            Is::Table(table) => {
                let entries = table
                    .iter()
                    .map(|(key, (_, value))| Some((key.as_str(), value.to_value()?)));
                Value::from_pairs(entries.collect::<Option<Vec<_>>>()?)
            }
            Is::Later(_) | Is::Bad => return None,
        })
    }

    /// From what an expression answered. `none` is no value: in a list or a table the element is left out.
    pub fn from_value(at: Span, value: &minijinja::Value) -> Result<Option<Self>, Fault> {
        if value.len().is_some_and(|length| length > bounds::ITEMS) {
            return Err(Fault::says(bounds::too_many()).at(at));
        }
        let odd = || Fault::says(format!("an expression must not answer {}", value.kind())).at(at);
        let is = match value.kind() {
            ValueKind::None => return Ok(None),
            ValueKind::Undefined => return Err(super::expression::without_else().at(at)),
            ValueKind::Bool => Is::Boolean(value.is_true()),
            ValueKind::Number => match value.as_i64() {
                Some(number) if value.is_integer() => Is::Integer(number),
                _ => Is::Float(f64::try_from(value.clone()).map_err(|_| odd())?),
            },
            ValueKind::String => Is::String(value.as_str().ok_or_else(odd)?.to_owned()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter().map_err(|_| odd())?;
                let items = items
                    .take(bounds::ITEMS)
                    .map(|item| Self::from_value(at, &item))
                    .collect::<Result<Vec<_>, _>>()?;
                Is::Array(items.into_iter().flatten().collect())
            }
            ValueKind::Map => {
                let mut table = Table::default();
                for key in value.try_iter().map_err(|_| odd())? {
                    let item = value.get_item(&key).map_err(|_| odd())?;
                    if let Some(item) = Self::from_value(at, &item)? {
                        table.insert(key.to_string(), (at, item));
                    }
                }
                Is::Table(table)
            }
            ValueKind::Plain => {
                let fault = Fault::says("a resource is no value")
                    .help("write one of its outputs, such as `.id` or `.arn`");
                return Err(fault.at(at));
            }
            _ => return Err(odd()),
        };
        Ok(Some(Self { at, is }))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.is {
            Is::String(text) => serializer.serialize_str(text),
            Is::Integer(number) => serializer.serialize_i64(*number),
            Is::Float(number) => serializer.serialize_f64(*number),
            Is::Boolean(flag) => serializer.serialize_bool(*flag),
            Is::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items
                    .iter()
                    .try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Is::Table(table) => {
                let mut map = serializer.serialize_map(Some(table.len()))?;
                table
                    .iter()
                    .try_for_each(|(key, (_, value))| map.serialize_entry(key, value))?;
                map.end()
            }
            Is::Later(later) => serializer.collect_str(later),
            Is::Bad => serializer.serialize_unit(),
        }
    }
}
