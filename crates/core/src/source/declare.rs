//! What one file declares: resources, look-ups, modules, outputs, as written.

use super::diagnostic::Diagnostic;
use super::guess;
use super::node::{Is, Node, Table};
use super::span::Span;
use super::vocabulary::Vocabulary;
use crate::address::is_name;
use crate::hashed::IndexMap;

/// The words that are tables of their own and never a kind.
pub(crate) const RESERVED: [&str; 3] = ["existing", "module", "outputs"];

/// Kind and name.
pub(crate) type Key = (String, String);

/// One `[kind.name]`, as the stages so far leave it.
#[derive(Clone, Debug)]
pub(crate) struct Decl {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) existing: bool,
    /// Where the name first stands.
    pub(crate) at: Span,
    pub(crate) table: Node,
    /// The first and the last stage that say something of it.
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Which stage last said something of a property, and where.
    pub(crate) said: IndexMap<String, (usize, Span)>,
}

/// All that is declared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    pub(crate) resources: IndexMap<Key, Decl>,
    pub(crate) existing: IndexMap<Key, Decl>,
    pub(crate) modules: IndexMap<String, Decl>,
    pub(crate) outputs: Table,
}

/// A file's listing, and its entries that declare nothing.
pub(crate) struct Declared {
    pub(crate) listing: Listing,
    pub(crate) rest: Table,
}

impl Listing {
    /// The declaration of a kind and a name.
    pub(crate) fn decl(&self, existing: bool, kind: &str, name: &str) -> Option<&Decl> {
        let all = if existing {
            &self.existing
        } else {
            &self.resources
        };
        all.get(&(kind.to_owned(), name.to_owned()))
    }

    /// The names declared of a kind.
    pub(crate) fn names_of(&self, existing: bool, kind: &str) -> Vec<&str> {
        let all = if existing {
            &self.existing
        } else {
            &self.resources
        };
        all.keys()
            .filter(|(one, _)| one == kind)
            .map(|(_, name)| name.as_str())
            .collect()
    }
}

/// Reads a file's tables. `words` are the other words that may stand on its top level.
pub(crate) fn declare(
    tree: &Node,
    words: &[&str],
    vocabulary: &dyn Vocabulary,
    stage: usize,
    told: &mut Vec<Diagnostic>,
) -> Declared {
    let mut reader = Reader {
        vocabulary,
        stage,
        told,
        listing: Listing::default(),
    };
    let mut rest = Table::default();
    for (word, (at, value)) in tree.as_table().into_iter().flatten() {
        match word.as_str() {
            word if words.contains(&word) => {
                rest.insert(word.to_owned(), (*at, value.clone()));
            }
            "existing" => reader.existing(value),
            "module" => reader.modules(*at, value),
            "outputs" => reader.outputs(value),
            kind => reader.kind(kind, *at, value, words),
        }
    }
    Declared {
        listing: reader.listing,
        rest,
    }
}

struct Reader<'a> {
    vocabulary: &'a dyn Vocabulary,
    stage: usize,
    told: &'a mut Vec<Diagnostic>,
    listing: Listing,
}

impl Reader<'_> {
    fn kind(&mut self, kind: &str, at: Span, value: &Node, words: &[&str]) {
        if !self.vocabulary.is_kind(kind) {
            let kinds = self.vocabulary.kinds();
            let candidates = kinds.iter().chain(words).chain(RESERVED.iter()).copied();
            let text = match value.is {
                Is::Table(_) if !super::header::WORDS.contains(&kind) => {
                    format!("there is no kind `{kind}`")
                }
                _ => format!("`{kind}` is not known here"),
            };
            let help = match guess::near(kind, candidates) {
                _ if kind == "remove" => {
                    Some("a stage's file may remove what the stages before it name".to_owned())
                }
                _ if super::common::NAMES.contains(&kind) => {
                    Some("it belongs inside a resource's table, below [kind.name]".to_owned())
                }
                _ if super::header::WORDS.contains(&kind) => {
                    Some("it belongs in stack.toml".to_owned())
                }
                Some(near) => Some(format!("did you mean `{near}`?")),
                None => None,
            };
            self.told.push(Diagnostic::error(at, text).maybe(help));
            return;
        }
        let Some(table) = self.named(kind, at, value) else {
            return;
        };
        for (name, (at, value)) in table {
            if let Some(decl) = self.decl(kind, name, *at, value, false) {
                self.listing
                    .resources
                    .insert((kind.to_owned(), name.clone()), decl);
            }
        }
    }

    fn existing(&mut self, value: &Node) {
        let (kinds, lookups) = (self.vocabulary.kinds(), self.vocabulary.lookups());
        for (kind, (at, value)) in value.as_table().into_iter().flatten() {
            if !kinds.contains(&kind.as_str()) && !lookups.contains(&kind.as_str()) {
                let candidates = kinds.iter().chain(&lookups).copied();
                let close =
                    guess::close(kind, candidates).map(|close| format!("did you mean `{close}`?"));
                self.told.push(
                    Diagnostic::error(*at, format!("nothing of kind `{kind}` can be looked up"))
                        .maybe(close),
                );
                continue;
            }
            let Some(table) = self.named(&format!("existing.{kind}"), *at, value) else {
                continue;
            };
            for (name, (at, value)) in table {
                if let Some(decl) = self.decl(kind, name, *at, value, true) {
                    self.listing
                        .existing
                        .insert((kind.clone(), name.clone()), decl);
                }
            }
        }
    }

    fn modules(&mut self, at: Span, value: &Node) {
        let Some(table) = self.named("module", at, value) else {
            return;
        };
        for (name, (at, value)) in table {
            if let Some(decl) = self.decl("module", name, *at, value, false) {
                self.listing.modules.insert(name.clone(), decl);
            }
        }
    }

    fn outputs(&mut self, value: &Node) {
        let Some(table) = value.as_table() else {
            self.told.push(Diagnostic::error(
                value.at,
                "`outputs` is a table: name = value",
            ));
            return;
        };
        for (name, (at, value)) in table {
            if self.name_is_good(name, *at) {
                self.listing
                    .outputs
                    .insert(name.clone(), (*at, value.clone()));
            }
        }
    }

    /// The table of names below a kind.
    fn named<'n>(&mut self, kind: &str, at: Span, value: &'n Node) -> Option<&'n Table> {
        let table = value.as_table();
        let unnamed = table.is_none_or(|table| {
            !table.is_empty()
                && table
                    .values()
                    .all(|(_, value)| !matches!(value.is, Is::Table(_)))
        });
        if unnamed {
            let text = format!("`{kind}` stands here without a name");
            self.told.push(
                Diagnostic::error(at, text)
                    .help(format!("write [{kind}.main], or any name you like")),
            );
            return None;
        }
        table
    }

    fn name_is_good(&mut self, name: &str, at: Span) -> bool {
        let good = is_name(name);
        if !good {
            let text = format!("`{name}` cannot be a name");
            let diagnostic = Diagnostic::error(at, text)
                .help("names are small letters, digits and `_`, a letter first");
            let better: String = name
                .to_lowercase()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            let better = Some(better)
                .filter(|better| is_name(better))
                .map(|better| format!("write `{better}`"));
            self.told.push(diagnostic.maybe(better));
        }
        good
    }

    fn decl(
        &mut self,
        kind: &str,
        name: &str,
        at: Span,
        value: &Node,
        existing: bool,
    ) -> Option<Decl> {
        if !self.name_is_good(name, at) {
            return None;
        }
        let Some(table) = value.as_table() else {
            let prefix = if existing { "existing." } else { "" };
            let text = format!(
                "`{prefix}{kind}.{name}` must be a table, and is {}",
                value.noun()
            );
            let help = format!(
                "write [{prefix}{kind}.{name}] and its properties below, or `{name}` is a property and the \
                                table's name is missing"
            );
            self.told.push(Diagnostic::error(at, text).help(help));
            return None;
        };
        let said = table
            .iter()
            .map(|(property, (at, _))| (property.clone(), (self.stage, *at)));
        // What is said of one key is not said of the others.
        let keys = table
            .get("for_each")
            .and_then(|(_, keys)| keys.as_table())
            .into_iter()
            .flatten();
        let keys = keys.map(|(key, (at, _))| (format!("for_each.{key}"), (self.stage, *at)));
        let said = said.chain(keys);
        Some(Decl {
            kind: kind.to_owned(),
            name: name.to_owned(),
            existing,
            at,
            said: said.collect(),
            table: Node::new(at, value.is.clone()),
            first: self.stage,
            last: self.stage,
        })
    }
}

/// A text entry of a table; anything else is told.
pub(crate) fn text(table: &Table, key: &str, told: &mut Vec<Diagnostic>) -> Option<(String, Span)> {
    let (_, value) = table.get(key)?;
    if let Is::String(text) = &value.is {
        return Some((text.clone(), value.at));
    }
    told.push(Diagnostic::error(
        value.at,
        format!("`{key}` is a string, not {}", value.noun()),
    ));
    None
}
