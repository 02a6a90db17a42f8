//! What a stack was called before. Nearly everything is found by its mark, which says the old name until an
//! apply has rewritten it; some kinds are found by a path or a prefix that was made of the old name, and
//! keep it for life (names are computed at creation only).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use terrace_core::erased::AnyHand;
use terrace_core::mark::{self, Tags};

use crate::all_hands;
use crate::client::Aws;

/// Former names of a stack, and the kinds to look for under each: `None` for every kind.
pub type Formers = BTreeMap<String, Option<BTreeSet<String>>>;

/// A hand that looks under a former name, beside that name.
pub(crate) type FormerHand = (String, Arc<dyn AnyHand>);

impl Aws {
    /// The values of the mark's tag that are ours: the one of today, and those of former names.
    pub fn owners(&self) -> Vec<String> {
        let environment = &self.identity.environment;
        let former = self.formers.keys();
        let mut owners = vec![self.owner()];
        owners.extend(former.map(|stack| format!("{stack}/{environment}")));
        owners
    }

    /// Whether these tags are ours, under whichever name.
    pub fn owns(&self, tags: &Tags) -> bool {
        tags.get(mark::STACK)
            .is_some_and(|owner| self.owners().contains(owner))
    }
}

/// The hands that look under former names, by kind.
pub(crate) fn hands(cx: &Arc<Aws>) -> BTreeMap<&'static str, Vec<FormerHand>> {
    let mut hands: BTreeMap<&'static str, Vec<FormerHand>> = BTreeMap::new();
    for (name, kinds) in &cx.formers {
        if kinds.as_ref().is_some_and(BTreeSet::is_empty) {
            continue;
        }
        for hand in all_hands(&Arc::new(cx.called(name))) {
            let concerned = |kinds: &BTreeSet<String>| kinds.contains(hand.name());
            if kinds.as_ref().is_none_or(concerned) {
                let of = hands.entry(hand.name()).or_default();
                of.push((name.clone(), hand));
            }
        }
    }
    hands
}
