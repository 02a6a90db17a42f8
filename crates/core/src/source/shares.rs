//! Ranges that are shares of another's: inside it, and apart from each other.
//!
//! A kind says so in its schema: `"x-share-of": "vpc.cidr"` on a property means a share of the property
//! `cidr` of what the property `vpc` names.

use super::diagnostic::Diagnostic;
use super::node::Node;
use super::span::Span;
use super::stack::{Resource, Stack};
use super::world::World;
use crate::address::Address;
use crate::canon::Cidr4;
use crate::hashed::HashMap;

/// A range, where it stands, and whose it is.
struct Share {
    whose: Address,
    range: Cidr4,
    at: Span,
}

/// Tells of shares that lie outside, or on each other.
pub(crate) fn shares(world: &mut World<'_>, stack: &Stack) {
    let mut taken: HashMap<Address, Vec<Share>> = HashMap::default();
    let mut told = Vec::new();
    for resource in stack.resources.values() {
        for (property, of) in rules(world, resource) {
            let Some((whole, share)) = share(stack, resource, &property, &of) else {
                continue;
            };
            let taken = taken.entry(whole.whose.clone()).or_default();
            told.extend(judge(&whole, &share, taken));
            taken.push(share);
        }
    }
    for diagnostic in told {
        world.tell(diagnostic);
    }
}

/// The properties of a resource that are shares, and of what.
fn rules(world: &World<'_>, resource: &Resource) -> Vec<(String, String)> {
    let schema = world.vocabulary.schema(&resource.kind);
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    let rule = |(name, schema): (&String, &serde_json::Value)| {
        Some((name.clone(), schema.get("x-share-of")?.as_str()?.to_owned()))
    };
    properties.into_iter().flatten().filter_map(rule).collect()
}

fn range(whose: &Address, node: &Node) -> Option<Share> {
    let range = node.as_str()?.parse().ok()?;
    Some(Share {
        whose: whose.clone(),
        range,
        at: node.at,
    })
}

/// The whole and the share, where both are known.
fn share(stack: &Stack, resource: &Resource, property: &str, of: &str) -> Option<(Share, Share)> {
    let (reference, ranged) = of.split_once('.')?;
    let named = resource.table.get(reference)?.as_str()?;
    let whole = Address::from_reference(named)?;
    let parent = stack.resources.get(&whole)?;
    let whole = range(&whole, parent.table.get(ranged)?)?;
    Some((
        whole,
        range(&resource.address, resource.table.get(property)?)?,
    ))
}

fn judge(whole: &Share, share: &Share, taken: &[Share]) -> Option<Diagnostic> {
    if !whole.range.holds(&share.range) {
        let text = format!(
            "`{}` is not a part of `{}`, the range of `{}`",
            share.range, whole.range, whole.whose
        );
        let told = Diagnostic::error(share.at, text);
        return Some(told.help(format!("write a range inside `{}`", whole.range)));
    }
    let other = taken
        .iter()
        .find(|other| other.range.overlaps(&share.range))?;
    let text = format!(
        "`{}` overlaps with `{}`, the range of `{}`",
        share.range, other.range, other.whose
    );
    let told = Diagnostic::error(share.at, text).and(other.at, "it is taken here");
    Some(told.help(format!(
        "write a part of `{}` that nothing else has",
        whole.range
    )))
}
