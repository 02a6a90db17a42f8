//! What the language is told of kinds: read off a list of them.

use std::sync::OnceLock;

use serde_json::Value;

use crate::address::Address;
use crate::erased::AnyKind;
use crate::hashed::{HashMap, IndexMap};
use crate::kind::{Objection, Outputs};
use crate::mark::{Generation, Identity, Mark, Tags};
use crate::planner::Kinds;
use crate::source::{self, Fault, Node, Vocabulary};

/// The vocabulary of a list of kinds, and of those that are only looked up.
pub struct Words {
    kinds: Kinds,
    lookups: &'static [(&'static str, &'static [&'static str])],
    /// By name.
    entries: OnceLock<HashMap<&'static str, Entry>>,
}

/// What is known of a word.
struct Entry {
    /// None of one that is only looked up.
    kind: Option<&'static dyn AnyKind>,
    /// `id` is everybody's.
    outputs: Vec<&'static str>,
}

impl Words {
    /// The words of these kinds; of a look-up its name and its outputs beside `id`.
    pub const fn new(
        kinds: &'static [&'static dyn AnyKind],
        lookups: &'static [(&'static str, &'static [&'static str])],
    ) -> Self {
        Self {
            kinds: Kinds::new(kinds),
            lookups,
            entries: OnceLock::new(),
        }
    }

    fn entry(&self, name: &str) -> Option<&Entry> {
        let all = self.entries.get_or_init(|| {
            let entry = |kind, outputs: &[&'static str]| Entry {
                kind,
                outputs: [&["id"], outputs].concat(),
            };
            let kinds = self.kinds.iter();
            let kinds = kinds.map(|kind| (kind.name(), entry(Some(kind), kind.about().outputs)));
            let lookups = self.lookups.iter();
            let lookups = lookups.map(|(name, outputs)| (*name, entry(None, outputs)));
            lookups.chain(kinds).collect()
        });
        all.get(name)
    }

    fn kind(&self, name: &str) -> Option<&'static dyn AnyKind> {
        self.entry(name)?.kind
    }

    /// The kinds.
    pub fn list(&self) -> Kinds {
        self.kinds
    }
}

impl Vocabulary for Words {
    fn kinds(&self) -> Vec<&str> {
        self.kinds.iter().map(AnyKind::name).collect()
    }

    fn is_kind(&self, name: &str) -> bool {
        self.kind(name).is_some()
    }

    fn lookups(&self) -> Vec<&str> {
        self.lookups.iter().map(|(name, _)| *name).collect()
    }

    fn schema(&self, name: &str) -> Option<&Value> {
        self.kind(name).map(AnyKind::schema)
    }

    fn outputs(&self, name: &str) -> &[&str] {
        self.entry(name).map_or(&[], |entry| &entry.outputs)
    }

    fn is_global(&self, name: &str) -> bool {
        self.kind(name).is_some_and(|kind| kind.about().global)
    }

    fn check(&self, name: &str, table: &Node) -> Vec<Fault> {
        let Some(kind) = self.kind(name) else {
            return Vec::new();
        };
        let spec = match kind.parse(table) {
            Ok(spec) => spec,
            Err(faults) => return faults,
        };
        let fault = |objection: Objection| {
            let node = table.nearest(objection.field.split('.'));
            let fault = Fault::says(objection.message).at(node.at);
            match objection.help {
                Some(help) => fault.help(help),
                None => fault,
            }
        };
        kind.check(&spec).into_iter().map(fault).collect()
    }

    fn foretell(
        &self,
        stack: &source::Identity,
        address: &Address,
        name: &str,
        table: &Node,
    ) -> IndexMap<String, minijinja::Value> {
        let Some(kind) = self.kind(name) else {
            return IndexMap::default();
        };
        let Ok(spec) = kind.parse(table) else {
            return IndexMap::default();
        };
        // Which account and which generation is known only when what is live is: here counts what
        // would be the same in any.
        let told = |account: &str, generation: u32| {
            let mark = Mark {
                identity: Identity {
                    stack: stack.stack.clone(),
                    environment: stack.environment.clone(),
                    account: account.to_owned(),
                    region: stack.region.clone(),
                },
                address: address.clone(),
                generation: Generation::first(generation),
                tags: Tags::new(),
                protect: false,
                ephemeral: None,
                salt: String::new(),
            };
            kind.foretell(&spec, &mark)
        };
        let (one, other): (Outputs, Outputs) = (told("000000000000", 1), told("111111111111", 2));
        one.into_iter()
            .filter(|(output, value)| other.get(output) == Some(value))
            .map(|(output, value)| (output, minijinja::value::Serde(value).into()))
            .collect()
    }

    fn physical(&self, name: &str, table: &Node) -> Vec<String> {
        let Some(kind) = self.kind(name) else {
            return Vec::new();
        };
        kind.parse(table)
            .map(|spec| kind.claims(&spec))
            .unwrap_or_default()
    }
}
