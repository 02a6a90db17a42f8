//! What loading answers: the stack as one environment wants it at one stage.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostic;
use super::fault::Fault;
use super::later::Known;
use super::node::Node;
use super::span::Span;
use super::vocabulary::Identity;
use crate::address::Address;
use crate::hashed::{HashMap, IndexMap};

/// A stack, in one environment, at one stage.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: Option<String>,
    /// The only account it may touch.
    pub account: Option<String>,
    /// Its home region.
    pub region: String,
    /// The environment.
    pub environment: String,
    /// The stage it stands on; `None` for a stack of one file.
    pub stage: Option<String>,
    /// All its stages, lowest first.
    pub stages: Vec<String>,
    /// What each stage is for, in the same order.
    pub abouts: Vec<Option<String>>,
    /// How long the environment lives.
    pub ttl: Option<Duration>,
    /// Nothing in it is worth keeping.
    pub ephemeral: bool,
    /// Tags of everything in it; they are in each resource's own [`Common::tags`] too.
    pub tags: IndexMap<String, String>,
    /// How long a run waits for a lock that another holds.
    pub lock_wait: Duration,
    /// How long what this stage takes away lives on after traffic has left it.
    pub soak: Option<Duration>,
    /// What is wanted.
    pub resources: IndexMap<Address, Resource>,
    /// What is looked up.
    pub existing: IndexMap<Address, Existing>,
    /// What `terrace output` shows; parts may be known later ([`Node::settle`]).
    pub outputs: IndexMap<String, Node>,
    /// What only higher stages name, and the lowest of them that does.
    pub above: IndexMap<Address, String>,
    /// What any stage names.
    pub named: BTreeSet<Address>,
    /// What is declared and switched off: its `when` is false. With a key or of a module it covers several.
    pub off: Vec<Address>,
    /// What this stage and those before it take out, in order.
    pub removals: Vec<Removal>,
    /// What had another name.
    pub moved: Vec<Moved>,
    /// The name the stack had before.
    pub formerly: Option<String>,
    /// Resources as higher stages with a `confirm` want them, each with its stage: the way back from there is
    /// held, too.
    pub guards: HashMap<Address, Vec<(String, Resource)>>,
    /// The regions other than the home region that any stage names, and the kinds there.
    pub places: BTreeMap<String, BTreeSet<String>>,
    /// Hints.
    pub notes: Vec<Diagnostic>,
}

/// One resource, rendered.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// Where it first stands.
    pub at: Span,
    /// The last stage that said something of it.
    pub stage: Option<String>,
    /// The stage that brought it; told only where the whole ladder was looked at.
    pub since: Option<String>,
    /// The kind's own properties. References are absolute (`/vpc.main`); what is known later is still open.
    pub table: Node,
    /// What it needs.
    pub needs: Vec<Edge>,
    /// What stands on resources of every kind.
    pub common: Common,
    /// Which stage last said something of a property, and where.
    pub said: IndexMap<String, (Option<String>, Span)>,
}

/// One resource needs another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The other.
    pub to: Address,
    /// The property that names it.
    pub field: String,
    /// Where.
    pub at: Span,
    /// The property is set after the other exists and cleared before it goes: no part of a cycle.
    pub late: bool,
    /// It names the other itself, not an output of it.
    pub reference: bool,
}

/// What stands on resources of every kind.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// Wait for these, though nothing of them is used.
    pub after: Vec<Address>,
    /// Its region, where that is not the stack's.
    pub region: Option<String>,
    /// Refuse to lose it.
    pub protect: Option<bool>,
    /// The stack's, its modules' and its own tags; its own win. Text, or known later.
    pub tags: IndexMap<String, Node>,
    /// Never compared: paths of properties.
    pub ignore: Vec<String>,
    /// Losses that are consented to.
    pub allow: Vec<Loss>,
    /// A change is held until a person has done this.
    pub confirm: Option<String>,
    /// Raised to replace it.
    pub generation: u32,
    /// The address it had before.
    pub was: Option<Address>,
}

/// What a change may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// What is stored.
    Data,
    /// An IP, a DNS name, an ARN that others hold.
    Address,
    /// A network.
    Network,
    /// A replica becomes a database of its own.
    Promotion,
}

/// Something that is looked up, not ours.
#[derive(Clone, Debug)]
pub struct Existing {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// What it must match.
    pub filters: Node,
    /// The region to look in, where that is not the stack's.
    pub region: Option<String>,
    /// Where it stands.
    pub at: Span,
}

/// A stage takes something out.
#[derive(Clone, Debug)]
pub struct Removal {
    /// What: a resource with all its keys, one key, or `module.name`.
    pub address: Address,
    /// Losses that are consented to.
    pub allow: Vec<Loss>,
    /// How long it lives on, if not as long as everything else that is taken away.
    pub soak: Option<Duration>,
    /// The stage.
    pub stage: String,
    /// Where.
    pub at: Span,
}

/// A former address of a resource or of a whole module (`module.name`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The old one.
    pub from: Address,
    /// The new one.
    pub to: Address,
}

impl Removal {
    /// Whether it takes this resource out.
    pub fn covers(&self, address: &Address) -> bool {
        self.address.covers(address)
    }
}

impl Moved {
    /// The new address of something that had this one.
    pub fn apply(&self, address: &Address) -> Option<Address> {
        if !self.from.covers(address) {
            return None;
        }
        let mut moved = address.clone();
        if self.from.kind == "module" {
            let segment = moved.modules.get_mut(self.from.modules.len())?;
            segment.name.clone_from(&self.to.name);
            if self.from.key.is_some() {
                segment.key.clone_from(&self.to.key);
            }
        } else {
            let key = moved.key.take();
            moved = self.to.clone();
            moved.key = moved.key.or(key);
        }
        Some(moved)
    }
}

impl Stack {
    /// Who a resource is, as far as its names depend on it.
    pub fn identity(&self, common: &Common) -> Identity {
        Identity {
            stack: self.name.clone(),
            environment: self.environment.clone(),
            account: self.account.clone(),
            region: common.region.clone().unwrap_or_else(|| self.region.clone()),
            generation: common.generation,
        }
    }
}

impl Resource {
    /// The table with every later value put in whose outputs are known; the rest stays later.
    pub fn table(&self, known: &Known<'_>) -> Result<Node, Vec<Fault>> {
        let mut faults = Vec::new();
        let table = self.table.settle_all(known, &mut faults);
        if faults.is_empty() {
            return Ok(table.unwrap_or_else(|| Node::empty(self.table.at)));
        }
        Err(faults)
    }
}
