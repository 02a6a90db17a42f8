//! The graph in words: for a terminal, for Graphviz, for Mermaid.

use std::fmt::Write as _;

use terrace_core::address::Segment;

use super::layout::layers;
use super::{Graph, Node};
use crate::ui::paint::{Label, paint};
use crate::ui::picture::text::count;

/// Layers from what is built first, each resource with what it needs.
pub(crate) fn text(graph: &Graph) -> String {
    let layers = layers(graph);
    let last = layers.iter().max().copied().unwrap_or(0);
    let width = graph
        .nodes
        .iter()
        .map(|node| node.line().chars().count())
        .max()
        .unwrap_or(0);
    let mut text = format!("{}\n", paint(Label::Heading, &graph.title));
    for layer in 0..=last {
        let mut here: Vec<usize> = (0..graph.nodes.len())
            .filter(|node| layers[*node] == layer)
            .collect();
        here.sort_by_key(|node| graph.nodes[*node].line());
        if here.is_empty() {
            continue;
        }
        text.push('\n');
        for (index, node) in here.into_iter().enumerate() {
            let number = if index == 0 {
                (layer + 1).to_string()
            } else {
                String::new()
            };
            let needs = needs(graph, node);
            let line = format!("{number:>2}  {:<width$}  {needs}", graph.nodes[node].line());
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    let nodes = count(graph.nodes.len(), "node");
    let edges = count(graph.edges.len(), "edge");
    let _ = writeln!(
        text,
        "\n{nodes}, {edges}; what has a lower number is built first"
    );
    text
}

fn needs(graph: &Graph, node: usize) -> String {
    let name = |late: bool| {
        let mut names: Vec<String> = graph
            .needs(node)
            .filter(|edge| edge.late == late)
            .map(|edge| {
                let needed = &graph.nodes[edge.from];
                let mut address = needed.address.clone();
                // What stands in the same module need not say so.
                if address.modules == graph.nodes[node].address.modules {
                    address.modules.clear();
                }
                address.to_string()
            })
            .collect();
        names.sort();
        names
    };
    let (now, late) = (name(false), name(true));
    let mut said = Vec::new();
    if !now.is_empty() {
        said.push(format!("needs {}", now.join(", ")));
    }
    if !late.is_empty() {
        said.push(format!("later names {}", late.join(", ")));
    }
    if said.is_empty() {
        return String::new();
    }
    paint(Label::Quiet, &said.join("; "))
}

/// Graphviz: `terrace graph --format dot | dot -Tpng`.
pub(crate) fn dot(graph: &Graph) -> String {
    let mut text = String::from(
        "digraph terrace {\n  rankdir = LR;\n  node [shape = box, style = \"rounded,filled\", fontname = \"sans-serif\"];\n",
    );
    let _ = writeln!(text, "  label = \"{}\";", graph.title);
    let mut write = |group: &Group, depth: usize| {
        let pad = "  ".repeat(depth + 1);
        match group {
            Group::Open(index, name) => {
                let _ = writeln!(
                    text,
                    "{pad}subgraph cluster_{index} {{\n{pad}  label = \"{name}\";"
                );
            }
            Group::Close => {
                let _ = writeln!(text, "{pad}}}");
            }
            Group::Node(index, node) => {
                let (fill, line) = super::svg::colours(node);
                let dashed = if node.address.existing {
                    ", style = \"rounded,filled,dashed\""
                } else {
                    ""
                };
                let _ = writeln!(
                    text,
                    "{pad}n{index} [label = \"{}\\n{}\", fillcolor = \"{fill}\", color = \"{line}\"{dashed}];",
                    node.kind(),
                    node.name(),
                );
            }
        }
    };
    walk(graph, &[], 0, &mut write);
    for edge in &graph.edges {
        let late = if edge.late {
            " [style = dashed, constraint = false]"
        } else {
            ""
        };
        let _ = writeln!(text, "  n{} -> n{}{late};", edge.from, edge.to);
    }
    text.push_str("}\n");
    text
}

/// Mermaid, which GitHub draws.
pub(crate) fn mermaid(graph: &Graph) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart LR\n", graph.title);
    let mut write = |group: &Group, depth: usize| {
        let pad = "  ".repeat(depth + 1);
        let _ = match group {
            Group::Open(index, name) => writeln!(text, "{pad}subgraph g{index} [\"{name}\"]"),
            Group::Close => writeln!(text, "{pad}end"),
            Group::Node(index, node) => writeln!(
                text,
                "{pad}n{index}[\"{}<br/><b>{}</b>\"]:::{}",
                node.kind(),
                node.name(),
                node.class(),
            ),
        };
    };
    walk(graph, &[], 0, &mut write);
    for edge in &graph.edges {
        let arrow = if edge.late { "-.->" } else { "-->" };
        let _ = writeln!(text, "  n{} {arrow} n{}", edge.from, edge.to);
    }
    let mut classes: Vec<&Node> = graph.nodes.iter().collect();
    classes.sort_by_key(|node| node.class());
    classes.dedup_by_key(|node| node.class());
    for node in classes {
        let (fill, line) = super::svg::colours(node);
        let dashed = if node.address.existing {
            ",stroke-dasharray:4 3"
        } else {
            ""
        };
        let class = node.class();
        let _ = writeln!(
            text,
            "  classDef {class} fill:{fill},stroke:{line},color:#1f2933{dashed}"
        );
    }
    text
}

/// What a writer of nested groups meets, in order.
enum Group<'a> {
    Open(usize, String),
    Close,
    Node(usize, &'a Node),
}

fn walk<'g>(
    graph: &'g Graph,
    path: &[Segment],
    depth: usize,
    write: &mut impl FnMut(&Group<'g>, usize),
) {
    for (index, node) in graph.nodes.iter().enumerate() {
        if node.address.modules == path {
            write(&Group::Node(index, node), depth);
        }
    }
    for (index, module) in graph.modules().iter().enumerate() {
        if let [above @ .., last] = module.as_slice()
            && above == path
        {
            write(&Group::Open(index, format!("module {last}")), depth);
            walk(graph, module, depth + 1, write);
            write(&Group::Close, depth);
        }
    }
}
