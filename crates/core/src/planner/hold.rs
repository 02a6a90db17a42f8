//! What is held until a person confirms it, on the way up the ladder and on the way back.

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;
use petgraph::visit::Dfs;

use super::{Draft, Input, spec};
use crate::address::Address;
use crate::fields::FieldChange;
use crate::plan::{Action, Step};

/// Holds what a person must confirm, and all that needs it.
pub(super) fn hold(input: &Input<'_>, draft: &mut Draft) {
    if input.stack.ephemeral || input.options.destroy {
        return;
    }
    let graph = draft.plan.graph();
    let mut held: BTreeMap<usize, String> = BTreeMap::new();
    for (index, step) in draft.plan.steps.iter().enumerate() {
        if input.options.confirm.contains(&step.address) {
            continue;
        }
        if let Some(why) = why(input, draft, step) {
            held.insert(index, why);
        }
    }
    let origins: Vec<(usize, Address)> = held
        .keys()
        .map(|index| (*index, draft.plan.steps[*index].address.clone()))
        .collect();
    for (origin, address) in origins {
        let mut walk = Dfs::new(&graph, NodeIndex::new(origin));
        while let Some(node) = walk.next(&graph) {
            let waits = format!("waits for {address}");
            held.entry(node.index()).or_insert(waits);
        }
    }
    for (index, why) in held {
        draft.plan.steps[index].held = Some(why);
    }
}

/// What a person must confirm of a step, if anything.
fn why(input: &Input<'_>, draft: &Draft, step: &Step) -> Option<String> {
    let resource = input.stack.resources.get(&step.address)?;
    let change = match &step.action {
        Action::Create { replaces, .. } => *replaces,
        Action::Grow | Action::Update | Action::Shrink => true,
        _ => false,
    };
    if !change {
        return None;
    }
    let own = resource.common.confirm.clone();
    own.or_else(|| back(input, draft, step))
}

/// A change back to what was before a higher stage that asks to be confirmed: of what changes, something is live as
/// that stage wants it.
fn back(input: &Input<'_>, draft: &Draft, step: &Step) -> Option<String> {
    let (kind, live) = (input.kinds.get(step.kind)?, step.live.as_ref()?);
    let guards = input.stack.guards.get(&step.address)?;
    guards.iter().find_map(|(stage, guard)| {
        let want = spec(kind, guard, &draft.known).ok()?;
        let differs = kind.diff(&want, live, &draft.known);
        let as_wanted =
            |change: &FieldChange| differs.iter().all(|other| other.field != change.field);
        let text = guard.common.confirm.as_ref()?;
        let text = format!("back from {stage}, where it says: {text}");
        step.changes.iter().any(as_wanted).then_some(text)
    })
}
