//! What the language must be told of kinds: it knows none by name.

use serde_json::Value;

use super::fault::Fault;
use super::node::Node;
use crate::address::Address;
use crate::hashed::IndexMap;

/// Who a stack is, as far as names and ARNs depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The stack's name.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// The account, if it is pinned.
    pub account: Option<String>,
    /// The region: the resource's own where it has one.
    pub region: String,
    /// The resource's generation.
    pub generation: u32,
}

/// The kinds, as the language sees them.
///
/// A schema is a kind's JSON schema, `$ref` and `anyOf` included. A table with `additionalProperties` that are tables is a
/// table of keyed children. Beside the usual words a schema may say: `x-ref: [kind, ..]` (a reference, `*` for any kind),
/// `x-choice: true` (a one-of table, replaced whole when stages merge), `x-text: true` (`{ file }` or `{ template, with }` may
/// stand for text), `x-late: true` (set after what it names exists: its edges make no cycle).
pub trait Vocabulary: Send + Sync {
    /// The kinds that resources may have.
    fn kinds(&self) -> Vec<&str>;

    /// Whether there is a kind of this name.
    fn is_kind(&self, name: &str) -> bool {
        self.kinds().contains(&name)
    }

    /// Further kinds that `existing` may have.
    fn lookups(&self) -> Vec<&str>;

    /// The JSON schema of a kind's spec.
    fn schema(&self, kind: &str) -> Option<&Value>;

    /// The names of a kind's outputs.
    fn outputs(&self, kind: &str) -> &[&str];

    /// Whether resources of a kind are the same in every region.
    fn is_global(&self, kind: &str) -> bool {
        let _ = kind;
        false
    }

    /// Judges a rendered table, in which what is later is still open.
    fn check(&self, kind: &str, table: &Node) -> Vec<Fault>;

    /// The outputs that follow from the spec alone: names, ARNs. What depends on an open value is left out; that of a keyed
    /// child is called `policies.burst.arn`. It is asked again whenever more of the table is known.
    fn foretell(
        &self,
        stack: &Identity,
        address: &Address,
        kind: &str,
        table: &Node,
    ) -> IndexMap<String, minijinja::Value>;

    /// The physical names that the TOML itself gives, so that two environments may be seen to share one.
    fn physical(&self, kind: &str, table: &Node) -> Vec<String> {
        let _ = (kind, table);
        Vec::new()
    }
}
