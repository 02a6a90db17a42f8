//! Live truth: one complete listing a kind, all kinds at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use terrace_core::address::Address;
use terrace_core::erased::AnyHand;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::{FoundAny, Inventory, Listing, Look, Seen};

/// An `existing` look-up: exactly one live resource of `kind` with these properties.
#[derive(Clone, Debug)]
pub struct LookUp {
    /// Where the stack names it.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// What tells it from others.
    pub like: BTreeMap<String, String>,
}

/// Finds all that is ours, and what each look-up matches. An error anywhere is an error: what could
/// not be listed is not known to be absent (rule R17).
pub async fn discover(
    hands: &[Arc<dyn AnyHand>],
    owner: &str,
    lookups: &[LookUp],
) -> Result<Inventory> {
    let seen = Seen::default();
    let listings: HashMap<&'static str, Listing> = hands
        .iter()
        .map(|hand| {
            let listing = list(Arc::clone(hand), seen.clone()).shared();
            (hand.name(), listing)
        })
        .collect();
    seen.listings(listings.clone());
    let existing = try_join_all(lookups.iter().map(|lookup| look_up(hands, lookup)));
    let (found, existing) = tokio::try_join!(try_join_all(listings.into_values()), existing)?;
    let ours = found
        .iter()
        .flat_map(|found| found.iter())
        .filter(|found| found.owner.as_deref() == Some(owner))
        .cloned()
        .collect();
    Ok(Inventory {
        ours,
        existing: existing.into_iter().collect(),
    })
}

fn list(hand: Arc<dyn AnyHand>, seen: Seen) -> BoxFuture<'static, Result<Arc<Vec<FoundAny>>>> {
    async move { hand.discover(Look::Ours, seen).await.map(Arc::new) }.boxed()
}

async fn look_up(hands: &[Arc<dyn AnyHand>], lookup: &LookUp) -> Result<(Address, FoundAny)> {
    const ACTION: &str = "terrace:look-up";
    let wrong = |message: String| CloudError::new(ACTION, ErrorClass::NotFound, message);
    let hand = hands.iter().find(|hand| hand.name() == lookup.kind);
    let hand = hand.ok_or_else(|| wrong(format!("`{}` cannot be looked up", lookup.kind)))?;
    let look = Look::Like(lookup.like.clone());
    let mut found = Arc::clone(hand).discover(look, Seen::default()).await?;
    let like: Vec<String> = lookup
        .like
        .iter()
        .map(|(k, v)| format!("{k} = \"{v}\""))
        .collect();
    let like = like.join(", ");
    match found.len() {
        1 => Ok((lookup.address.clone(), found.remove(0))),
        0 => Err(wrong(format!(
            "{}: nothing live has {like}",
            lookup.address
        ))),
        _ => {
            let ids: Vec<&str> = found.iter().map(|found| found.live.id()).collect();
            let message = format!("{}: {} have {like}", lookup.address, ids.join(", "));
            Err(wrong(message).hinted("say more of it, or name it by its id"))
        }
    }
}
