//! TOML text to tree, with every syntax error of the file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::node::{Is, Node, Table};
use super::span::{Source, Span};
use super::syntax::mistakes;

/// The tree of a file. When it has a syntax error the rest of what it says is noise, so the errors come alone.
pub(crate) fn parse(source: &Source) -> Result<Node, Vec<Diagnostic>> {
    let (tree, errors) = DeTable::parse_recoverable(&source.text);
    let whole = source.span(0..0);
    let mut told = mistakes(source, &errors);
    let node = Reader {
        source,
        told: &mut told,
    }
    .table(whole, tree.get_ref());
    if told.is_empty() { Ok(node) } else { Err(told) }
}

/// A single value such as `3` or `["a"]`, as `--var` takes it.
pub(crate) fn value(source: &Source) -> Option<Node> {
    let parsed = DeValue::parse(&source.text).ok()?;
    let mut told = Vec::new();
    let node = Reader {
        source,
        told: &mut told,
    }
    .value(&parsed);
    told.is_empty().then_some(node)
}

struct Reader<'a> {
    source: &'a Source,
    told: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn table(&mut self, at: Span, table: &DeTable<'_>) -> Node {
        let entries = table.iter().map(|(key, value)| {
            let place = self.source.span(key.span());
            (key.get_ref().to_string(), (place, self.value(value)))
        });
        let entries: Table = entries.collect();
        Node::new(at, Is::Table(entries))
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> Node {
        let at = self.source.span(value.span());
        let is = match value.get_ref() {
            DeValue::String(text) => Is::String(text.to_string()),
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                match i64::from_str_radix(&digits, number.radix()) {
                    Ok(number) => Is::Integer(number),
                    Err(_) => self.refuse(at, "this number is too large"),
                }
            }
            DeValue::Float(number) => match number.as_str().replace('_', "").parse::<f64>() {
                Ok(number) if number.is_finite() => Is::Float(number),
                _ => self.refuse(at, "this is no number that AWS could use"),
            },
            DeValue::Boolean(flag) => Is::Boolean(*flag),
            DeValue::Datetime(_) => {
                self.told.push(
                    Diagnostic::error(at, "no property is a date")
                        .help("write it as a string, in quotes"),
                );
                Is::Bad
            }
            DeValue::Array(items) => Is::Array(items.iter().map(|item| self.value(item)).collect()),
            DeValue::Table(table) => return self.table(at, table),
        };
        Node::new(at, is)
    }

    fn refuse(&mut self, at: Span, text: &str) -> Is {
        self.told.push(Diagnostic::error(at, text));
        Is::Bad
    }
}
