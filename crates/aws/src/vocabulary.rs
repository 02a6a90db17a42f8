//! What the language is told of kinds: read off the list.

use std::collections::HashMap;
use std::sync::LazyLock;

use indexmap::IndexMap;
use serde_json::Value;
use terrace_core::address::Address;
use terrace_core::erased::AnyKind;
use terrace_core::kind::Outputs;
use terrace_core::mark::{Generation, Identity, Mark, Tags};
use terrace_core::source::{self, Fault, Node, Vocabulary};

use crate::kinds::KINDS;
use crate::lookups::LOOKUPS;

/// The vocabulary of the kinds in the list.
pub static VOCABULARY: Words = Words;

/// See [`VOCABULARY`].
#[derive(Clone, Copy, Debug)]
pub struct Words;

/// The outputs of every kind; `id` is everybody's.
static OUTPUTS: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let kinds = KINDS.iter().map(|kind| (kind.name(), kind.about().outputs));
    let all = kinds.chain(LOOKUPS.iter().copied());
    all.map(|(name, outputs)| (name, [&["id"], outputs].concat()))
        .collect()
});

fn kind(name: &str) -> Option<&'static dyn AnyKind> {
    KINDS.iter().copied().find(|kind| kind.name() == name)
}

impl Vocabulary for Words {
    fn kinds(&self) -> Vec<&str> {
        KINDS.iter().map(|kind| kind.name()).collect()
    }

    fn lookups(&self) -> Vec<&str> {
        LOOKUPS.iter().map(|(name, _)| *name).collect()
    }

    fn schema(&self, name: &str) -> Option<&Value> {
        kind(name).map(AnyKind::schema)
    }

    fn outputs(&self, name: &str) -> &[&str] {
        OUTPUTS.get(name).map_or(&[], Vec::as_slice)
    }

    fn check(&self, name: &str, table: &Node) -> Vec<Fault> {
        let Some(kind) = kind(name) else {
            return Vec::new();
        };
        let spec = match kind.parse(table) {
            Ok(spec) => spec,
            Err(faults) => return faults,
        };
        let fault = |objection: terrace_core::kind::Objection| {
            let node = table.at_path(objection.field.split('.')).unwrap_or(table);
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
        let Some(kind) = kind(name) else {
            return IndexMap::new();
        };
        let Ok(spec) = kind.parse(table) else {
            return IndexMap::new();
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
        let Some(kind) = kind(name) else {
            return Vec::new();
        };
        kind.parse(table)
            .map(|spec| kind.claims(&spec))
            .unwrap_or_default()
    }
}
