//! A stack as a picture: what is in it, and what needs what.

pub(crate) mod layout;
pub(crate) mod svg;
pub(crate) mod words;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::{Value, json};
use terrace_core::address::{Address, Segment};
use terrace_core::kind::Class;
use terrace_core::planner::Kinds;
use terrace_core::source::Stack;

/// The resources of a stack and what they need. One of a `for_each` stands for all its keys, unless
/// each is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    /// The stack, its environment and stage.
    pub(crate) title: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
}

/// One resource, or all keys of one.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its address, without a key where it stands for several.
    pub(crate) address: Address,
    /// The keys it stands for.
    pub(crate) keys: Vec<String>,
    /// What is lost with it; `None` for what is only looked up.
    pub(crate) class: Option<Class>,
}

/// `to` needs `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    /// What is needed, by its place in [`Graph::nodes`].
    pub(crate) from: usize,
    /// What needs it.
    pub(crate) to: usize,
    /// The property is set once both are there.
    pub(crate) late: bool,
}

impl Node {
    /// Its name below its kind: `public`, `public.a`, `public (a, b)`.
    pub(crate) fn name(&self) -> String {
        let mut name = self.address.name.clone();
        if let Some(key) = &self.address.key {
            name = format!("{name}.{key}");
        }
        match self.keys.as_slice() {
            [] => name,
            keys => match keys.join(", ") {
                list if list.len() > 20 => format!("{name} ({} keys)", keys.len()),
                list => format!("{name} ({list})"),
            },
        }
    }

    /// Its kind, with a word for what is only looked up.
    pub(crate) fn kind(&self) -> String {
        if self.address.existing {
            return format!("existing.{}", self.address.kind);
        }
        self.address.kind.clone()
    }

    /// The whole of it in one line: address and keys.
    pub(crate) fn line(&self) -> String {
        let modules = self.address.modules.iter().map(ToString::to_string);
        let own = format!("{}.{}", self.kind(), self.name());
        modules.chain([own]).collect::<Vec<_>>().join("/")
    }

    /// Its class in a word.
    pub(crate) fn class(&self) -> &'static str {
        match self.class {
            Some(Class::Stateless) => "stateless",
            Some(Class::Identity) => "identity",
            Some(Class::Foundation) => "foundation",
            Some(Class::Data) => "data",
            None => "existing",
        }
    }
}

impl Graph {
    /// The graph of a stack; `each`: a node for every key of a `for_each`.
    pub(crate) fn of(stack: &Stack, kinds: Kinds, each: bool) -> Self {
        let whole = |address: &Address| {
            if each {
                address.clone()
            } else {
                address.whole()
            }
        };
        let mut places: IndexMap<Address, Node> = IndexMap::new();
        let all = stack.resources.keys().chain(stack.existing.keys());
        for address in all {
            let class = kinds.get(&address.kind).map(|kind| kind.about().class);
            let class = class.filter(|_| !address.existing);
            let node = places
                .entry(whole(address))
                .or_insert_with_key(|address| Node {
                    address: address.clone(),
                    keys: Vec::new(),
                    class,
                });
            if !each {
                node.keys.extend(address.key.clone());
            }
        }
        let mut edges: BTreeSet<Edge> = BTreeSet::new();
        for resource in stack.resources.values() {
            let Some(to) = places.get_index_of(&whole(&resource.address)) else {
                continue;
            };
            for need in &resource.needs {
                let Some(from) = places.get_index_of(&whole(&need.to)) else {
                    continue;
                };
                if from != to {
                    edges.insert(Edge {
                        from,
                        to,
                        late: need.late,
                    });
                }
            }
        }
        // Where one property is late and another is not, the stricter edge is the one that orders.
        let strict: BTreeSet<(usize, usize)> = edges
            .iter()
            .filter(|edge| !edge.late)
            .map(|edge| (edge.from, edge.to))
            .collect();
        edges.retain(|edge| !edge.late || !strict.contains(&(edge.from, edge.to)));
        let stage = stack
            .stage
            .as_ref()
            .map(|stage| format!(" at {stage}"))
            .unwrap_or_default();
        Self {
            title: format!("{}/{}{stage}", stack.name, stack.environment),
            nodes: places.into_values().collect(),
            edges: edges.into_iter().collect(),
        }
    }

    /// What a node needs.
    pub(crate) fn needs(&self, node: usize) -> impl Iterator<Item = Edge> + '_ {
        self.edges
            .iter()
            .copied()
            .filter(move |edge| edge.to == node)
    }

    /// The modules, outermost first, each once.
    pub(crate) fn modules(&self) -> Vec<Vec<Segment>> {
        let mut all: Vec<Vec<Segment>> = Vec::new();
        for node in &self.nodes {
            let path = &node.address.modules;
            for length in 1..=path.len() {
                let path = path[..length].to_vec();
                if !all.contains(&path) {
                    all.push(path);
                }
            }
        }
        all.sort();
        all
    }

    /// The graph as data.
    pub(crate) fn to_json(&self) -> Value {
        let nodes = self.nodes.iter().map(|node| {
            json!({
                "address": node.address,
                "kind": node.address.kind,
                "keys": node.keys,
                "class": node.class(),
                "module": node.address.modules.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        let edge = |edge: &Edge| {
            json!({
                "from": self.nodes[edge.to].address,
                "needs": self.nodes[edge.from].address,
                "late": edge.late,
            })
        };
        json!({
            "title": self.title,
            "nodes": nodes.collect::<Vec<_>>(),
            "edges": self.edges.iter().map(edge).collect::<Vec<_>>(),
        })
    }
}
