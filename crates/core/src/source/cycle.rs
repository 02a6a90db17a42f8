//! Resources that wait for each other: no order can make them.

use std::fmt::Write;

use super::diagnostic::Diagnostic;
use super::stack::{Edge, Stack};
use super::world::World;
use crate::address::Address;
use crate::hashed::HashMap;

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    OnPath,
    Done,
}

/// Tells every loop of edges that are not late.
pub(crate) fn find(world: &mut World<'_>, stack: &Stack) {
    let mut marks: HashMap<&Address, Mark> = HashMap::default();
    for start in stack.resources.keys() {
        if marks.contains_key(start) {
            continue;
        }
        // Each entry: a resource, the edge that led to it, and its next edge to try.
        let mut path: Vec<(&Address, Option<&Edge>, usize)> = vec![(start, None, 0)];
        marks.insert(start, Mark::OnPath);
        while let Some((address, _, next)) = path.last_mut() {
            let address = *address;
            let edge = stack
                .resources
                .get(address)
                .and_then(|resource| resource.needs.get(*next));
            *next += 1;
            let Some(edge) = edge else {
                marks.insert(address, Mark::Done);
                path.pop();
                continue;
            };
            if edge.late || !stack.resources.contains_key(&edge.to) {
                continue;
            }
            match marks.get(&edge.to) {
                None => {
                    marks.insert(&edge.to, Mark::OnPath);
                    path.push((&edge.to, Some(edge), 0));
                }
                Some(Mark::OnPath) => tell(world, &path, edge),
                Some(Mark::Done) => {}
            }
        }
    }
}

fn tell(world: &mut World<'_>, path: &[(&Address, Option<&Edge>, usize)], last: &Edge) {
    let Some(start) = path.iter().position(|(address, ..)| **address == last.to) else {
        return;
    };
    if start + 1 == path.len() {
        let text = format!("`{}` waits for itself, by `{}`", last.to, last.field);
        let help = "what AWS says of it is known only once it is there: leave this out";
        world.tell(Diagnostic::error(last.at, text).help(help));
        return;
    }
    let mut text = format!("these wait for each other: {}", last.to);
    let edges: Vec<&Edge> = path[start + 1..]
        .iter()
        .filter_map(|(_, edge, _)| *edge)
        .chain([last])
        .collect();
    for edge in &edges {
        let _ = write!(text, " -> {} (by `{}`)", edge.to, edge.field);
    }
    let mut diagnostic = Diagnostic::error(last.at, text);
    for edge in edges.iter().rev().skip(1) {
        diagnostic = diagnostic.and(edge.at, format!("which needs {}", edge.to));
    }
    world.tell(
        diagnostic
            .help("one of them must be made without the other: leave one of these references out"),
    );
}
