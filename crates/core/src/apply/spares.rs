//! Spares: what a creating call without token or name has made twice, its request delivered twice or
//! repeated by somebody on the way (rules R3, R4).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::{Apply, End, Event, State, lock};
use crate::erased::AnyLive;
use crate::error::Result;
use crate::inventory::{FoundAny, Look, Seen};
use crate::kind::{Create, Leave, Progress, Ready};
use crate::plan::Action;

impl Apply<'_> {
    /// Deletes the spares of what this run has made. One that anything uses is left for a person, as
    /// the next plan will say.
    pub(super) async fn retire_spares(&self, state: &State, ends: &mut [End]) {
        let mut listings: HashMap<(&str, Option<&str>), Vec<FoundAny>> = HashMap::new();
        for (index, end) in ends.iter_mut().enumerate() {
            if let Some(live) = self.blindly_made(state, index)
                && let Err(error) = self.retire(state, index, &live, &mut listings).await
            {
                *end = End::Failed(error.hinted("the creation may have gone through twice"));
            }
        }
    }

    /// What a step has made by a call of which every repetition makes another.
    fn blindly_made(&self, state: &State, index: usize) -> Option<AnyLive> {
        let step = &self.plan.steps[index];
        let blind = self.kinds.get(step.kind)?.about().create == Create::Blind;
        let creates = matches!(step.action, Action::Create { .. });
        let made = lock(&state.live).get(&step.address).cloned();
        made.filter(|_| blind && creates && !self.is_over(state))
    }

    async fn retire<'a>(
        &'a self,
        state: &State,
        index: usize,
        live: &AnyLive,
        listings: &mut HashMap<(&'a str, Option<&'a str>), Vec<FoundAny>>,
    ) -> Result<()> {
        let step = &self.plan.steps[index];
        let Action::Create { mark, .. } = &step.action else {
            return Ok(());
        };
        let place = (step.kind, step.region.as_deref());
        let Some(hand) = self.world.hand(place.0, place.1) else {
            return Ok(());
        };
        let all = match listings.entry(place) {
            Entry::Occupied(seen) => seen.into_mut(),
            Entry::Vacant(unseen) => {
                let found = hand.clone().discover(Look::Ours, Seen::default()).await?;
                unseen.insert(found)
            }
        };
        let own = (mark.address.clone(), mark.generation);
        let spares = all.iter().filter(|found| {
            found.mark.as_ref() == Some(&own)
                && found.live.id() != live.id()
                && !matches!(found.ready, Ready::Dying(_))
                && !self.is_taken(state, &found.live, live)
        });
        for spare in spares {
            let why = format!("{} is a spare and goes", spare.live.id());
            (self.observe)(Event::Waiting(index, step, &why));
            let leave = Leave {
                ephemeral: true,
                stamp: self.world.stamp(),
                identity: self.plan.identity.clone(),
                progress: Progress::default(),
            };
            hand.delete(&spare.live, &leave).await?;
        }
        Ok(())
    }

    /// Whether it uses anything that ours does not, or anything of ours uses it: then it is no spare.
    fn is_taken(&self, state: &State, spare: &AnyLive, ours: &AnyLive) -> bool {
        let used = |live: &AnyLive| -> HashSet<String> {
            let kind = self.kinds.get(live.kind());
            let uses = kind.map(|kind| kind.uses(live)).unwrap_or_default();
            uses.into_iter().map(|used| used.to).collect()
        };
        if !used(spare).is_subset(&used(ours)) {
            return true;
        }
        // What both have, such as a range, names neither.
        let texts = |live: &AnyLive| -> HashSet<String> {
            let outputs = live.outputs().values();
            let texts = outputs.filter_map(serde_json::Value::as_str);
            texts.map(str::to_owned).collect()
        };
        let (mine, shared) = (texts(spare), texts(ours));
        let handles: HashSet<&String> = mine.difference(&shared).collect();
        let holds = |live: &AnyLive| {
            live.id() != spare.id() && used(live).iter().any(|to| handles.contains(to))
        };
        let before = self.inventory.ours.iter().any(|found| holds(&found.live));
        before || lock(&state.live).values().any(holds)
    }
}
