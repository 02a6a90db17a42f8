//! A stack that was called otherwise: what no step touches gets the new mark too, and what can be found by the
//! old name alone is said.

use std::collections::BTreeMap;

use super::{Draft, Input};
use crate::kind::{Impact, Ready};
use crate::mark::{STACK, Tags};
use crate::plan::{Action, Note, Step};

/// What is kept though this stage does not name it must not be lost by a new name. What is wanted has its
/// steps, and what goes needs none.
pub(super) fn rename(input: &Input<'_>, draft: &mut Draft) {
    let owner = input.identity.owner();
    let taken = draft.kept();
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (index, found) in input.inventory.ours.iter().enumerate() {
        let (Some((address, _)), Some(kind)) = (&found.mark, input.kinds.get(found.live.kind()))
        else {
            continue;
        };
        if matches!(found.ready, Ready::Dying(_)) || draft.leaving.contains_key(&index) {
            continue;
        }
        let marked = found.owner.as_deref() == Some(&owner);
        if let Some(name) = found.former.as_deref().filter(|_| marked) {
            by_name.entry(name).or_default().push(address.to_string());
        }
        if marked || taken.contains(&index) || input.options.destroy {
            continue;
        }
        draft.plan.steps.push(Step {
            address: address.clone(),
            kind: kind.name(),
            region: found.region.clone(),
            action: Action::Tag {
                set: Tags::from([(STACK.to_owned(), owner.clone())]),
                unset: Vec::new(),
            },
            changes: Vec::new(),
            why: "the stack's new name".to_owned(),
            impact: Impact::None,
            leaves: None,
            minutes: 0.1,
            rest: 0,
            needs: Vec::new(),
            gates: Vec::new(),
            held: None,
            live: Some(found.live.clone()),
            spec: None,
        });
    }
    for (name, mut addresses) in by_name {
        addresses.sort();
        let text = format!(
            "found by the stack's former name alone: {}; keep stack = \"{name}\" under [moved] as long as they live",
            addresses.join(", ")
        );
        draft.plan.notes.push(Note {
            address: None,
            text,
        });
    }
}
