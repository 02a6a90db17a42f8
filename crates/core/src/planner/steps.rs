//! What is wanted: what each difference asks for, and what must not change without consent.

use std::collections::BTreeSet;

use super::decide::mark;
use super::deletions::{allowed, lost, noted_rest};
use super::{Draft, Fate, Input, Trouble, spec};
use crate::address::Address;
use crate::erased::{AnyKind, AnyLive, AnySpec};
use crate::fields::{Effect, FieldChange};
use crate::inventory::FoundAny;
use crate::kind::{Class, Create, Impact, Loss, Ready};
use crate::mark::{self, Generation, Tags};
use crate::minutes::Minutes;
use crate::plan::{Action, Refusal, Step};
use crate::said::Said;
use crate::source::Resource;

/// Where a resource is: a property of every kind, and of none.
pub(super) const REGION: &str = "region";

/// The steps of everything wanted.
pub(super) fn resources(input: &Input<'_>, draft: &mut Draft) -> Result<(), Trouble> {
    let addresses: Vec<Address> = draft.wanted.keys().cloned().collect();
    for address in addresses {
        let Some(resource) = input.stack.resources.get(&address) else {
            continue;
        };
        let Some(kind) = input.kinds.get(&resource.kind) else {
            continue;
        };
        // Now everything is decided: what late properties name is known as it will be.
        let want = spec(kind, resource, &draft.known)?;
        let (fate, generation) = {
            let decision = &draft.wanted[&address];
            let fate = match &decision.fate {
                Fate::Create => None,
                Fate::Replace(live, fields) => Some((live.clone(), Some(fields.clone()), None)),
                Fate::Keep(live, index) => Some((live.clone(), None, Some(*index))),
            };
            (fate, decision.generation)
        };
        let mut maker = Maker {
            input,
            draft: &mut *draft,
            kind,
            resource,
            want,
        };
        match fate {
            None => maker.create(generation, None, &[]),
            Some((live, Some(fields), _)) => maker.create(generation, Some(&live), &fields),
            Some((live, None, Some(index))) => maker.keep(&live, &input.inventory.ours[index]),
            Some(_) => {}
        }
    }
    Ok(())
}

struct Maker<'a, 'd> {
    input: &'a Input<'a>,
    draft: &'d mut Draft,
    kind: &'static dyn AnyKind,
    resource: &'a Resource,
    want: AnySpec,
}

impl Maker<'_, '_> {
    fn push(&mut self, action: Action, changes: Vec<FieldChange>, live: Option<&AnyLive>) {
        let minutes = match (&action, live) {
            (Action::Create { .. }, _) => self.kind.minutes().creation(&changes),
            (Action::Wait(_), Some(live)) => self.kind.patience(live),
            (Action::WaitGone, _) => self.kind.minutes().delete,
            // Tags are set by one call, whatever they are on.
            (Action::Tag { .. }, _) => Minutes::QUICK,
            _ => {
                let lasts = |change: &FieldChange| self.kind.lasts(live, change.field);
                let longest = changes.iter().map(lasts).reduce(f64::max);
                longest.unwrap_or(self.kind.minutes().update)
            }
        };
        let impact = changes
            .iter()
            .map(|change| change.impact)
            .max()
            .unwrap_or_default();
        let impact = match action {
            // Nobody uses yet what is being made.
            Action::Create { .. } | Action::Late => Impact::None,
            _ => impact,
        };
        let why = self.why(&action, &changes);
        self.draft.plan.steps.push(Step {
            address: self.resource.address.clone(),
            kind: self.kind.name(),
            region: self.resource.common.region.clone(),
            action,
            changes,
            why,
            impact,
            leaves: None,
            minutes,
            rest: 0,
            gates: Vec::new(),
            needs: Vec::new(),
            held: None,
            live: live.cloned(),
            spec: Some(self.want.clone()),
        });
    }

    /// Which stage wants it: the one that brought the resource, or the last that said something of what changes.
    fn why(&self, action: &Action, changes: &[FieldChange]) -> String {
        let resource = self.resource;
        if let (
            Action::Create {
                replaces: false, ..
            },
            Some(since),
        ) = (action, &resource.since)
        {
            return since.clone();
        }
        let said = changes
            .iter()
            .filter_map(|change| resource.said.get(change.field)?.0.as_ref());
        let stages = &self.input.stack.stages;
        let last = said.max_by_key(|said| stages.iter().position(|stage| stage == *said));
        last.or(resource.stage.as_ref())
            .cloned()
            .unwrap_or_default()
    }

    fn create(&mut self, generation: Generation, old: Option<&AnyLive>, fields: &[&'static str]) {
        let input = self.input;
        let mark = mark(input, &self.draft.known, self.resource, generation);
        if self.kind.about().create == Create::Name {
            self.wait_for_namesakes();
        }
        let mut changes = match old {
            None => self.kind.creation(&self.want, &self.draft.known),
            Some(old) => {
                let changes = self.kind.diff(&self.want, old, &self.draft.known);
                changes
                    .into_iter()
                    .filter(|change| fields.contains(&change.field))
                    .collect()
            }
        };
        let created = self.kind.creation(&self.want, &self.draft.known);
        let late: Vec<FieldChange> = created.into_iter().filter(|change| change.late).collect();
        changes.retain(|change| !change.late);
        if let Some(old) = old {
            if fields.contains(&REGION) {
                changes.push(self.move_of(old));
            }
            self.consent_to_replacement(old, fields);
        }
        let action = Action::Create {
            mark: Box::new(mark),
            replaces: old.is_some(),
        };
        self.push(action, changes, old);
        if !late.is_empty() {
            self.push(Action::Late, late, None);
        }
    }

    /// From one region to another.
    fn move_of(&self, old: &AnyLive) -> FieldChange {
        let home = &self.input.identity.region;
        let mut ours = self.input.inventory.ours.iter();
        let found = ours.find(|found| found.live.id() == old.id());
        let before = found.and_then(|found| found.region.as_ref());
        let (have, want) = (
            before.unwrap_or(home),
            self.resource.common.region.as_ref().unwrap_or(home),
        );
        FieldChange::new(REGION, Effect::Replace, Said::of(have), Said::of(want))
    }

    fn wait_for_namesakes(&mut self) {
        let ours = &self.input.inventory.ours;
        let places = self.draft.places.get(&self.resource.address);
        let dying: Vec<AnyLive> = places
            .into_iter()
            .flatten()
            .map(|place| &ours[*place])
            .filter(|found| matches!(found.ready, Ready::Dying(_)))
            .map(|found| found.live.clone())
            .collect();
        for live in dying {
            self.push(Action::WaitGone, Vec::new(), Some(&live));
        }
    }

    fn consent_to_replacement(&mut self, old: &AnyLive, fields: &[&'static str]) {
        let class = self.kind.class(None, old);
        let Some(loss) = class.loss() else { return };
        let because = match fields {
            [] => "raising its generation replaces it".to_owned(),
            fields => format!("changing {} replaces it", list(fields)),
        };
        self.consent(
            loss,
            format!("{because}, and {} with it", lost(loss, class)),
        );
    }

    /// A change in place at a loss.
    fn consent_to_loss(&mut self, field: &str, loss: Loss) {
        let lost = lost(loss, Class::Stateless);
        self.consent(loss, format!("changing {field}: {lost}"));
    }

    /// Without consent to its loss, what is done here is refused.
    fn consent(&mut self, loss: Loss, what: String) {
        let address = &self.resource.address;
        let said = self.resource.common.allow.contains(&loss);
        if said || allowed(self.input, address, loss) {
            return;
        }
        self.draft.plan.refusals.push(Refusal {
            address: address.clone(),
            what,
            loss: Some(loss),
            ways: vec![
                format!("allow = \"{loss}\" on it, in the TOML that is reviewed"),
                format!("--allow {loss}={address} for this run"),
            ],
        });
    }

    fn keep(&mut self, live: &AnyLive, found: &FoundAny) {
        let mut changes = self.kind.diff(&self.want, live, &self.draft.known);
        changes.retain(|change| {
            !self
                .resource
                .common
                .ignore
                .iter()
                .any(|name| name == change.field)
        });
        if let Ready::Coming(state) = &found.ready
            // What it waits for is still to be set; that step waits then.
            && !changes.iter().any(FieldChange::is_early)
        {
            self.push(Action::Wait(state.clone()), Vec::new(), Some(live));
        }
        if let Ready::Stuck(why) = &found.ready {
            self.draft.note(&self.resource.address, why.clone());
        }
        for change in &changes {
            if let Some(loss) = change.loses {
                self.consent_to_loss(change.field, loss);
            }
            match &change.effect {
                Effect::Next(note) => {
                    let text = format!("{} differs: {note}", change.field);
                    self.draft.note(&self.resource.address, text);
                }
                Effect::Refuse(why) => self.draft.plan.refusals.push(Refusal {
                    address: self.resource.address.clone(),
                    what: format!("{} cannot be changed: {why}", change.field),
                    loss: None,
                    ways: Vec::new(),
                }),
                _ => {}
            }
        }
        for (action, effect) in [
            (Action::Grow, Effect::Grow),
            (Action::Update, Effect::Update),
            (Action::Shrink, Effect::Shrink),
        ] {
            let of: Vec<_> = changes
                .iter()
                .filter(|c| c.effect == effect)
                .cloned()
                .collect();
            if !of.is_empty() {
                self.push(action, of, Some(live));
                if effect == Effect::Shrink
                    && let Some(step) = self.draft.plan.steps.last_mut()
                {
                    step.rest = noted_rest(found);
                }
            }
        }
        self.retag(live, found);
    }

    fn retag(&mut self, live: &AnyLive, found: &FoundAny) {
        if !self.kind.about().taggable {
            return;
        }
        let generation = found
            .mark
            .as_ref()
            .map_or(Generation::first(1), |(_, g)| *g);
        let known = &self.draft.known;
        let mut wanted = mark(self.input, known, self.resource, generation).all_tags();
        if self.kind.about().marks_only {
            wanted.retain(|key, _| key.starts_with(mark::OURS));
        }
        let ignored = |key: &str| {
            let path = format!("tags.{key}");
            self.resource
                .common
                .ignore
                .iter()
                .any(|name| *name == path || name == "tags")
        };
        let differs = |(key, value): &(&String, &String)| {
            // A name is computed at creation only; when a sweep is due is written then too.
            let fixed = [mark::EXPIRES, "Name"].contains(&key.as_str());
            found.tags.get(*key) != Some(value)
                && !ignored(key)
                && !(fixed && found.tags.contains_key(*key) && !self.says_name(key))
        };
        let set: Tags = wanted
            .iter()
            .filter(differs)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let extra = |key: &&String| {
            let bookkeeping = key.starts_with(mark::FINGERPRINT)
                || key.starts_with("aws:")
                || KIND_TAGS.contains(&key.as_str());
            !wanted.contains_key(*key) && !bookkeeping && !ignored(key)
        };
        let unset: Vec<String> = found.tags.keys().filter(extra).cloned().collect();
        if set.is_empty() && unset.is_empty() {
            return;
        }
        self.push(Action::Tag { set, unset }, Vec::new(), Some(live));
    }

    fn says_name(&self, key: &str) -> bool {
        key == "Name"
            && (self.resource.common.tags.contains_key(key)
                || self.input.stack.tags.contains_key(key))
    }
}

/// Tags that a kind sets for itself by way of a property.
const KIND_TAGS: [&str; 1] = ["terrace:stateless"];

fn list(fields: &[&str]) -> String {
    let fields: BTreeSet<&&str> = fields.iter().collect();
    fields.into_iter().copied().collect::<Vec<_>>().join(", ")
}
