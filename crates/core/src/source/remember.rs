//! A vocabulary that remembers its last answers. Environments and stages differ in little: what is the same text with
//! the same values was judged at the stage before.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::Value;

use super::fault::Fault;
use super::node::Node;
use super::span::Span;
use super::vocabulary::{Identity, Vocabulary};
use crate::address::Address;
use crate::hashed::{HashMap, IndexMap};
use crate::mutex::lock;

/// How many answers are kept of one declaration: its keys, and what is open in it and what is not.
const KEPT: usize = 16;

/// Another vocabulary, asked only what it was not asked lately.
pub(crate) struct Remembering<'v> {
    inner: &'v dyn Vocabulary,
    faults: Answers<Vec<Fault>>,
    names: Answers<Vec<String>>,
    outputs: Answers<(Identity, Address, IndexMap<String, minijinja::Value>)>,
}

/// Answers by kind and declaration.
struct Answers<T>(Mutex<HashMap<(String, Span), Latest<T>>>);

/// The last answers to one declaration, each with the table that it is about.
type Latest<T> = VecDeque<(Node, T)>;

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Answers<T> {
    fn find(
        &self,
        kind: &str,
        table: &Node,
        fits: impl Fn(&T) -> bool,
        ask: impl FnOnce() -> T,
    ) -> T {
        let key = (kind.to_owned(), table.at);
        let all = || lock(&self.0);
        if let Some(known) = all().get(&key) {
            let same = |(of, answer): &&(Node, T)| fits(answer) && of == table;
            if let Some((_, answer)) = known.iter().find(same) {
                return answer.clone();
            }
        }
        // Nobody waits while it is found out: at worst another finds out the same.
        let answer = ask();
        let mut all = all();
        let known = all.entry(key).or_default();
        known.truncate(KEPT - 1);
        known.push_front((table.clone(), answer.clone()));
        answer
    }
}

impl<'v> Remembering<'v> {
    pub(crate) fn of(inner: &'v dyn Vocabulary) -> Self {
        Self {
            inner,
            faults: Answers::default(),
            names: Answers::default(),
            outputs: Answers::default(),
        }
    }
}

impl Vocabulary for Remembering<'_> {
    fn kinds(&self) -> Vec<&str> {
        self.inner.kinds()
    }

    fn is_kind(&self, name: &str) -> bool {
        self.inner.is_kind(name)
    }

    fn lookups(&self) -> Vec<&str> {
        self.inner.lookups()
    }

    fn schema(&self, kind: &str) -> Option<&Value> {
        self.inner.schema(kind)
    }

    fn outputs(&self, kind: &str) -> &[&str] {
        self.inner.outputs(kind)
    }

    fn is_global(&self, kind: &str) -> bool {
        self.inner.is_global(kind)
    }

    fn check(&self, kind: &str, table: &Node) -> Vec<Fault> {
        let ask = || self.inner.check(kind, table);
        self.faults.find(kind, table, |_| true, ask)
    }

    fn foretell(
        &self,
        stack: &Identity,
        address: &Address,
        kind: &str,
        table: &Node,
    ) -> IndexMap<String, minijinja::Value> {
        let fits = |(of, whose, _): &(Identity, Address, _)| of == stack && whose == address;
        let ask = || {
            let outputs = self.inner.foretell(stack, address, kind, table);
            (stack.clone(), address.clone(), outputs)
        };
        self.outputs.find(kind, table, fits, ask).2
    }

    fn physical(&self, kind: &str, table: &Node) -> Vec<String> {
        let ask = || self.inner.physical(kind, table);
        self.names.find(kind, table, |_| true, ask)
    }
}
