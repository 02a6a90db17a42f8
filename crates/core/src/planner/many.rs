//! Whether a plan takes away most of a stack: what nobody wants by mistake, and what a slip in the TOML looks like.

use std::collections::BTreeSet;

use crate::address::Address;
use crate::inventory::Inventory;
use crate::mark;
use crate::plan::{Action, Plan, Reason};

/// So many resources are a stack that is taken apart and put together again without much thought.
const FEW: usize = 4;

/// How much of a stack a plan deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Many {
    /// Resources it deletes for good.
    pub deleted: usize,
    /// Resources that are live.
    pub live: usize,
}

/// More than half of a stack, if the plan deletes that. What is ephemeral does not count, nor what is replaced: its
/// address lives on. A teardown is asked for by its own name.
pub fn many(plan: &Plan, inventory: &Inventory) -> Option<Many> {
    let lasting = inventory
        .ours
        .iter()
        .filter(|found| !found.says(mark::EPHEMERAL));
    let live: BTreeSet<&Address> = lasting
        .filter_map(|found| found.mark.as_ref().map(|(address, _)| address))
        .collect();
    let goes =
        |reason: Reason| matches!(reason, Reason::Removed | Reason::Orphan | Reason::Lowered);
    let deleted: BTreeSet<&Address> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Delete(reason) if goes(reason)))
        .map(|step| &step.address)
        .filter(|address| live.contains(address))
        .collect();
    let many = Many {
        deleted: deleted.len(),
        live: live.len(),
    };
    (many.live > FEW && many.deleted * 2 > many.live).then_some(many)
}
