//! A zone is one of the region that its resource stands in.

use super::diagnostic::Diagnostic;
use super::node::{Is, Node};
use super::shape::Shape;
use super::stack::Stack;
use super::world::World;
use crate::canon::Zone;

/// Tells of zones that are another region's.
pub(crate) fn zones(world: &mut World<'_>, stack: &Stack) {
    let mut told = Vec::new();
    for resource in stack.resources.values() {
        let region = resource.common.region.as_ref().unwrap_or(&stack.region);
        look(
            &resource.table,
            &world.shape(&resource.kind),
            region,
            &mut told,
        );
    }
    for diagnostic in told {
        world.tell(diagnostic);
    }
}

fn look(node: &Node, shape: &Shape, region: &str, told: &mut Vec<Diagnostic>) {
    match &node.is {
        Is::String(text) if shape.is_zone() => told.extend(judge(node, text, region)),
        Is::Array(items) => items
            .iter()
            .for_each(|item| look(item, &shape.items(), region, told)),
        Is::Table(table) => table
            .iter()
            .for_each(|(key, (_, value))| look(value, &shape.entry(key), region, told)),
        _ => {}
    }
}

fn judge(node: &Node, text: &str, region: &str) -> Option<Diagnostic> {
    // What is no zone at all was told before.
    let zone: Zone = text.parse().ok()?;
    if zone.is_of(region) {
        return None;
    }
    let letter = text
        .chars()
        .next_back()
        .filter(|last| zone.id().is_none() && last.is_ascii_lowercase());
    let help = format!("write its letter: \"{}\"", letter.unwrap_or('a'));
    let told = Diagnostic::error(node.at, format!("`{text}` is no zone of {region}"));
    Some(told.help(help))
}
