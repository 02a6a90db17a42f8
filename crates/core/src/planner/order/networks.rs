//! Networks (VPCs): what stands in the same one, and what comes first there without being named.

use std::collections::{HashMap, HashSet};

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Dfs;

use super::Edges;
use crate::address::Address;
use crate::kind::Class;
use crate::plan::Action;
use crate::planner::Input;
use crate::source::Resource;

impl Edges<'_> {
    /// Kinds of the same network that come first without being named, such as the way out before
    /// what boots through it (aws-semantics 7.7).
    pub(super) fn network(&mut self) {
        let mut first: HashMap<(&str, NodeIndex), Vec<&Address>> = HashMap::new();
        for (address, resource) in &self.input.stack.resources {
            if self.input.kinds.comes_first(&resource.kind) {
                for network in self.networks.of(address) {
                    let key = (resource.kind.as_str(), network);
                    first.entry(key).or_default().push(address);
                }
            }
        }
        for (address, resource) in &self.input.stack.resources {
            let Some(kind) = self.input.kinds.get(&resource.kind) else {
                continue;
            };
            let created = self.steps_at(address, |a| matches!(a, Action::Create { .. }));
            if created.is_empty() || kind.about().after.is_empty() {
                continue;
            }
            let mine = self.networks.of(address);
            let keys = kind.about().after.iter().flat_map(|kind| {
                let key = |network: &NodeIndex| (*kind, *network);
                mine.iter().map(key).collect::<Vec<_>>()
            });
            let others: Vec<&Address> = keys
                .filter_map(|key| first.get(&key))
                .flatten()
                .copied()
                .collect();
            for other in others {
                if !self.networks.leads(other, address) {
                    let before = self.steps_at(other, |action| {
                        matches!(action, Action::Create { .. } | Action::Late | Action::Grow)
                    });
                    self.edges(&before, &created);
                }
            }
        }
    }
}

/// Which networks (VPCs) each wanted resource stands in.
pub(super) struct Networks<'a> {
    graph: DiGraph<&'a Address, ()>,
    nodes: HashMap<&'a Address, NodeIndex>,
    roots: HashSet<NodeIndex>,
}

impl<'a> Networks<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
        let mut graph = DiGraph::new();
        let resources = &input.stack.resources;
        let nodes: HashMap<&Address, NodeIndex> = resources
            .keys()
            .map(|address| (address, graph.add_node(address)))
            .collect();
        for (address, resource) in resources {
            for need in &resource.needs {
                if let Some(to) = nodes.get(&need.to) {
                    graph.add_edge(nodes[address], *to, ());
                }
            }
        }
        let is_root = |resource: &Resource| {
            let kind = input.kinds.get(&resource.kind);
            kind.is_some_and(|kind| kind.about().class == Class::Foundation)
                && resource
                    .needs
                    .iter()
                    .all(|need| !nodes.contains_key(&need.to))
        };
        let roots = resources
            .iter()
            .filter(|(_, r)| is_root(r))
            .map(|(a, _)| nodes[a])
            .collect();
        Self {
            graph,
            nodes,
            roots,
        }
    }

    pub(super) fn of(&self, address: &Address) -> Vec<NodeIndex> {
        let mut found = Vec::new();
        let Some(start) = self.nodes.get(address) else {
            return found;
        };
        let mut walk = Dfs::new(&self.graph, *start);
        while let Some(node) = walk.next(&self.graph) {
            if self.roots.contains(&node) {
                found.push(node);
            }
        }
        found
    }

    /// Whether `from` names `to`, directly or by way of others.
    pub(super) fn leads(&self, from: &Address, to: &Address) -> bool {
        let (Some(from), Some(to)) = (self.nodes.get(from), self.nodes.get(to)) else {
            return false;
        };
        petgraph::algo::has_path_connecting(&self.graph, *from, *to, None)
    }
}
