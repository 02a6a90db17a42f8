//! What refers to each other stands in one region: AWS knows no id of another.

use super::diagnostic::Diagnostic;
use super::stack::{Edge, Resource, Stack};
use super::world::World;
use crate::address::Address;

/// Tells of references from one region to another. An output may cross, since a name or an ARN says where it is.
pub(crate) fn regions(world: &mut World<'_>, stack: &Stack) {
    let mut told = Vec::new();
    for resource in stack.resources.values() {
        if world.vocabulary.is_global(&resource.kind) {
            continue;
        }
        let references = resource.needs.iter().filter(|need| need.reference);
        told.extend(references.filter_map(|need| apart(world, stack, resource, need)));
    }
    for diagnostic in told {
        world.tell(diagnostic);
    }
}

fn apart(world: &World<'_>, stack: &Stack, resource: &Resource, need: &Edge) -> Option<Diagnostic> {
    if world.vocabulary.is_global(&need.to.kind) {
        return None;
    }
    let here = resource.common.region.as_ref().unwrap_or(&stack.region);
    let there = region_of(stack, &need.to)?;
    if here == there {
        return None;
    }
    let text = format!(
        "`{}` is in {there}, and `{}` in {here}",
        need.to, resource.address
    );
    let help = format!(
        "give both the same `region`, or name another `{}`",
        need.field
    );
    Some(Diagnostic::error(need.at, text).help(help))
}

fn region_of<'a>(stack: &'a Stack, address: &Address) -> Option<&'a String> {
    let region = match stack.existing.get(address) {
        Some(existing) => &existing.region,
        None => &stack.resources.get(address)?.common.region,
    };
    Some(region.as_ref().unwrap_or(&stack.region))
}
