//! What a stage adds to the one below it, changes in it and takes out of it, in words.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use terrace_core::address::Address;
use terrace_core::sketch::{Role, Stance};
use terrace_core::source::Stack;

use super::cast::{Cast, Item};
use super::text::{count, plural};

/// What a stage does to the one below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Climb {
    /// What comes, the most telling first.
    pub(crate) adds: Vec<String>,
    /// What becomes different.
    pub(crate) changes: Vec<String>,
    /// What goes.
    pub(crate) removes: Vec<String>,
}

impl Climb {
    /// From one stage to the next; the lowest has none below it.
    pub(crate) fn of(below: Option<&Stack>, stage: &Stack) -> Self {
        let above = Cast::of(stage);
        let Some(below) = below else {
            return Self {
                adds: counted(&above.items.iter().collect::<Vec<_>>()),
                ..Self::default()
            };
        };
        let old = Cast::of(below);
        let only = |these: &'_ Cast, those: &'_ Cast| -> Vec<usize> {
            let new = these
                .items
                .iter()
                .filter(|item| those.at(&item.address).is_none());
            new.map(|item| item.index).collect()
        };
        let pick = |cast: &Cast, list: Vec<usize>| {
            let items: Vec<&Item> = list.iter().map(|index| &cast.items[*index]).collect();
            counted(&items)
        };
        Self {
            adds: pick(&above, only(&above, &old)),
            changes: changes(below, stage, &old, &above),
            removes: pick(&old, only(&old, &above)),
        }
    }
}

/// Resources by their nouns: boxes before names, names before what stands beside; one box with what is
/// written beside it.
fn counted(items: &[&Item]) -> Vec<String> {
    let mut nouns: IndexMap<&str, Vec<&Item>> = IndexMap::new();
    for item in items {
        nouns.entry(&item.noun).or_default().push(item);
    }
    let mut nouns: Vec<(&str, Vec<&Item>)> = nouns.into_iter().collect();
    nouns.sort_by_key(|(_, items)| rank(items[0].sketch.role));
    let say = |(noun, items): (&str, Vec<&Item>)| {
        let is_box = matches!(items[0].sketch.role, Role::Station(..));
        match items.as_slice() {
            [one] if is_box => match one.sketch.notes.as_slice() {
                [] => noun.to_owned(),
                [first, ..] => format!("{noun} ({first})"),
            },
            [_] => noun.to_owned(),
            several => count(several.len(), noun),
        }
    };
    nouns.into_iter().map(say).collect()
}

fn rank(role: Role) -> u8 {
    match role {
        Role::Station(..) => 0,
        Role::Network => 1,
        Role::Ground { .. } => 2,
        Role::Sign => 3,
        Role::Note | Role::Link => 4,
        Role::Aside | Role::Guard => 5,
    }
}

/// What is in both and not the same. What a picture would show is told, the rest is counted.
fn changes(below: &Stack, stage: &Stack, old: &Cast, new: &Cast) -> Vec<String> {
    let mut told = Vec::new();
    let mut quiet: IndexMap<String, BTreeSet<Address>> = IndexMap::new();
    for item in &new.items {
        let Some(was) = old.at(&item.address) else {
            continue;
        };
        let words = differs(old, was, new, item);
        let tables = [below, stage].map(|stack| {
            let resource = stack.resources.get(&item.address);
            resource.map(|is| serde_json::to_value(&is.table).unwrap_or_default())
        });
        if words.is_empty() && tables[0] != tables[1] {
            let whole = item.address.whole();
            quiet.entry(item.noun.clone()).or_default().insert(whole);
        }
        for word in words {
            if !told.contains(&word) {
                told.push(word);
            }
        }
    }
    let quiet: Vec<String> = quiet
        .iter()
        .map(|(noun, all)| match all.first() {
            Some(one) if all.len() == 1 => format!("{noun} {}", one.name),
            _ => count(all.len(), noun),
        })
        .collect();
    if !quiet.is_empty() {
        told.push(format!("settings of {}", quiet.join(", ")));
    }
    told
}

/// A difference that a picture would show.
fn differs(old: &Cast, was: &Item, new: &Cast, is: &Item) -> Vec<String> {
    let name = is.sketch.title.clone();
    let name = name.unwrap_or_else(|| format!("{} {}", is.noun, is.address.name));
    let mut words = Vec::new();
    match (stance(was), stance(is)) {
        (Some(Stance::One), Some(Stance::Standby)) => words.push(format!("{name} gets a standby")),
        (Some(Stance::Standby), Some(Stance::One)) => {
            words.push(format!("{name} loses its standby"));
        }
        _ => {}
    }
    let (before, after) = (&was.sketch.notes, &is.sketch.notes);
    let differs = before
        .iter()
        .zip(after)
        .filter(|(before, after)| before != after);
    words.extend(differs.map(|(before, after)| format!("{name}: {before} becomes {after}")));
    let (before, after) = (led(old, was), led(new, is));
    if before != after && !after.is_empty() && is.sketch.role == Role::Sign {
        let goals: Vec<String> = after.into_iter().collect();
        words.push(format!("{name} leads to {}", goals.join(" and ")));
    }
    words
}

fn stance(item: &Item) -> Option<Stance> {
    match item.sketch.role {
        Role::Station(_, stance) => Some(stance),
        _ => None,
    }
}

/// Where requests go on from an item, in words: several of a noun together.
fn led(cast: &Cast, item: &Item) -> BTreeSet<String> {
    let mut nouns: IndexMap<&str, usize> = IndexMap::new();
    for next in &item.leads {
        *nouns.entry(&cast.items[*next].noun).or_default() += 1;
    }
    let words = nouns.into_iter().map(|(noun, number)| match number {
        1 => format!("the {noun}"),
        _ => format!("the {}", plural(noun)),
    });
    words.collect()
}
