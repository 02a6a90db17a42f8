//! Live truth: one complete listing a kind, all kinds at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use terrace_core::address::Address;
use terrace_core::erased::AnyHand;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::{FoundAny, Inventory, Listing, Look, Seen};

use crate::client::Aws;
use crate::former::{self, FormerHand};
use crate::{KINDS, all_hands};

/// Regions other than the home region, and the kinds to look for there.
pub type Places = BTreeMap<String, BTreeSet<String>>;

/// An `existing` look-up: exactly one live resource of `kind` with these properties.
#[derive(Clone, Debug)]
pub struct LookUp {
    /// Where the stack names it.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// What tells it from others.
    pub like: BTreeMap<String, String>,
    /// The region to look in, if not the home region.
    pub region: Option<String>,
}

/// The hands of one region, and what they find.
struct Region {
    hands: Vec<Arc<dyn AnyHand>>,
    listings: HashMap<&'static str, Listing>,
    seen: Seen,
}

impl Drop for Region {
    fn drop(&mut self) {
        self.seen.over();
    }
}

impl Region {
    /// `whole` is what all regions share: the listings of global kinds.
    fn new(
        cx: &Arc<Aws>,
        name: Option<&str>,
        seen: &Seen,
        whole: &HashMap<&'static str, Listing>,
    ) -> Self {
        let cx = &match name {
            None => Arc::clone(cx),
            Some(name) => Arc::new(cx.in_region(name)),
        };
        let (hands, mut former) = (all_hands(cx), former::hands(cx));
        let seen = seen.beside();
        let mut listings: HashMap<&'static str, Listing> = hands
            .iter()
            .map(|hand| {
                let former = former.remove(hand.name()).unwrap_or_default();
                let region = name.map(str::to_owned);
                let listing = list(Arc::clone(hand), former, seen.clone(), region);
                (hand.name(), listing.shared())
            })
            .collect();
        listings.extend(whole.clone());
        seen.listings(listings.clone());
        Self {
            hands,
            listings,
            seen,
        }
    }
}

/// Finds all that is ours, and what each look-up matches: every kind in the home region, elsewhere
/// those of `places`. An error anywhere is an error: what could not be listed is not known to be
/// absent (rule R17).
pub async fn discover(cx: &Arc<Aws>, places: &Places, lookups: &[LookUp]) -> Result<Inventory> {
    let seen = Seen::default();
    let home = Region::new(cx, None, &seen, &HashMap::new());
    let mut whole = home.listings.clone();
    whole.retain(|kind, _| is_global(kind));
    let elsewhere = lookups.iter().filter_map(|lookup| lookup.region.clone());
    let names: BTreeSet<String> = places.keys().cloned().chain(elsewhere).collect();
    let others: BTreeMap<String, Region> = names
        .into_iter()
        .map(|name| {
            let region = Region::new(cx, Some(&name), &seen, &whole);
            (name, region)
        })
        .collect();
    // A listing runs only if it is asked for, here or by a kind that is listed under another.
    let asked = places.iter().flat_map(|(name, kinds)| {
        let regional = kinds.iter().filter(|kind| !is_global(kind));
        regional.filter_map(|kind| others.get(name)?.listings.get(kind.as_str()).cloned())
    });
    let listings: Vec<Listing> = home.listings.values().cloned().chain(asked).collect();
    let existing = try_join_all(lookups.iter().map(|lookup| {
        let other = lookup.region.as_ref().and_then(|name| others.get(name));
        look_up(&other.unwrap_or(&home).hands, lookup, seen.beside())
    }));
    let (found, existing) = tokio::try_join!(try_join_all(listings), existing)?;
    let owners = cx.owners();
    let is_ours = |found: &&FoundAny| found.owner.as_ref().is_some_and(|o| owners.contains(o));
    let ours = found.iter().flat_map(|found| found.iter()).filter(is_ours);
    Ok(Inventory {
        ours: in_order(ours.cloned().collect()),
        existing: existing.into_iter().collect(),
    })
}

/// The same world is always told in the same order, whichever listing came first.
fn in_order(mut ours: Vec<FoundAny>) -> Vec<FoundAny> {
    ours.sort_by(|one, other| {
        let id = |found: &FoundAny| found.live.id().to_owned();
        one.mark
            .cmp(&other.mark)
            .then_with(|| id(one).cmp(&id(other)))
    });
    ours
}

/// Asks the services themselves about those of which only the index says that they are ours, and which `matters`: it
/// may be minutes behind. `None` if there is nothing to ask.
pub async fn confirm(
    cx: &Arc<Aws>,
    inventory: &Inventory,
    matters: impl Fn(&FoundAny) -> bool,
) -> Result<Option<Inventory>> {
    let (doubtful, sure): (Vec<&FoundAny>, Vec<&FoundAny>) = inventory
        .ours
        .iter()
        .partition(|found| found.indexed && matters(found));
    if doubtful.is_empty() {
        return Ok(None);
    }
    let again = try_join_all(doubtful.into_iter().map(|found| once_more(cx, found))).await?;
    let sure = sure.into_iter().cloned();
    Ok(Some(Inventory {
        ours: in_order(sure.chain(again.into_iter().flatten()).collect()),
        existing: inventory.existing.clone(),
    }))
}

/// One live resource as its service tells of it; `None` if it is gone, or not ours any more.
async fn once_more(cx: &Arc<Aws>, found: &FoundAny) -> Result<Option<FoundAny>> {
    let cx = match &found.region {
        None => Arc::clone(cx),
        Some(region) => Arc::new(cx.in_region(region)),
    };
    // As the hand that found it does: some read of it what was made of the stack's name.
    let named = match &found.former {
        None => Arc::clone(&cx),
        Some(name) => Arc::new(cx.called(name)),
    };
    let kind = found.live.kind();
    let mut hands = all_hands(&named).into_iter();
    let hand = hands.find(|hand| hand.name() == kind);
    let Some(hand) = hand else {
        return Ok(Some(found.clone().indexed(false)));
    };
    let id = found.live.id();
    let again = hand.discover(Look::Id(id.to_owned()), Seen::default());
    let owners = cx.owners();
    // The index may also be behind with the name of the stack.
    let is_ours = |one: &FoundAny| {
        let owner = one.owner.as_ref();
        owner == found.owner.as_ref() || owner.is_some_and(|owner| owners.contains(owner))
    };
    let same = |one: &FoundAny| one.live.id() == id && is_ours(one);
    Ok(again.await?.into_iter().find(same).map(|one| FoundAny {
        region: found.region.clone(),
        former: found.former.clone(),
        ..one
    }))
}

fn is_global(kind: &str) -> bool {
    let mut kinds = KINDS.iter();
    kinds.any(|one| one.name() == kind && one.about().global)
}

/// What one kind finds, under the name of today first: what both names find is found by that one.
fn list(
    hand: Arc<dyn AnyHand>,
    former: Vec<FormerHand>,
    seen: Seen,
    region: Option<String>,
) -> BoxFuture<'static, Result<Arc<Vec<FoundAny>>>> {
    async move {
        let mut all = hand.discover(Look::Ours, seen.clone()).await?;
        for (name, hand) in former {
            let more = hand.discover(Look::Ours, seen.clone()).await?.into_iter();
            let new = |found: &FoundAny| all.iter().all(|one| one.live.id() != found.live.id());
            let new: Vec<FoundAny> = more.filter(new).collect();
            all.extend(new.into_iter().map(|found| found.by_former_name(&name)));
        }
        let all = all.into_iter();
        Ok(Arc::new(
            all.map(|found| found.in_region(region.as_deref()))
                .collect(),
        ))
    }
    .boxed()
}

async fn look_up(
    hands: &[Arc<dyn AnyHand>],
    lookup: &LookUp,
    seen: Seen,
) -> Result<(Address, FoundAny)> {
    const ACTION: &str = "terrace:look-up";
    let wrong = |message: String| CloudError::new(ACTION, ErrorClass::NotFound, message);
    let hand = hands.iter().find(|hand| hand.name() == lookup.kind);
    let hand = hand.ok_or_else(|| wrong(format!("`{}` cannot be looked up", lookup.kind)))?;
    let look = Look::Like(lookup.like.clone());
    let mut found = Arc::clone(hand).discover(look, seen).await?;
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
