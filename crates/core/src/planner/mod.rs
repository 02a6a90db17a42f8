//! From what is wanted and what is live to a [`Plan`].
//!
//! Three passes: [`decide`] says for each resource which live one is it and whether it is replaced;
//! [`steps`] turns the differences into steps and asks for consent; [`order`] puts the edges in. Then [`hold`]
//! holds what a person must confirm.

mod decide;
mod deletions;
mod hold;
mod many;
mod order;
mod paths;
mod rename;
mod soak;
mod steps;

pub use many::{Many, many};

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::address::Address;
use crate::erased::{AnyKind, AnyLive, AnySpec};
use crate::inventory::Inventory;
use crate::kind::Loss;
use crate::known::Known;
use crate::mark::{Generation, Identity};
use crate::plan::{Kept, Movement, Note, Plan, Reason, Refusal};
use crate::source::{Fault, Resource, Stack};

/// The kinds by name.
#[derive(Clone, Copy)]
pub struct Kinds {
    list: &'static [&'static dyn AnyKind],
}

impl Kinds {
    /// Wraps the list.
    pub const fn new(list: &'static [&'static dyn AnyKind]) -> Self {
        Self { list }
    }

    /// The kind of this name.
    pub fn get(&self, name: &str) -> Option<&'static dyn AnyKind> {
        self.iter().find(|kind| kind.name() == name)
    }

    /// Whether some kind of the same network comes after this one without naming it.
    pub fn comes_first(&self, name: &str) -> bool {
        self.iter().any(|kind| kind.about().after.contains(&name))
    }

    /// All, in the order of the list, which is the order of the documentation.
    pub fn iter(&self) -> impl Iterator<Item = &'static dyn AnyKind> + use<> {
        self.list.iter().copied()
    }
}

/// What a person said for this one run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Losses consented to: `--allow data=volume.data`; without an address for all.
    pub allow: Vec<(Loss, Option<Address>)>,
    /// Held changes confirmed: `--confirm record.db`.
    pub confirm: BTreeSet<Address>,
    /// Go no further than this movement: `--until build`.
    pub until: Option<Movement>,
    /// Only these and what they need: `--target`.
    pub target: Vec<Address>,
    /// Tear everything down: nothing is wanted.
    pub destroy: bool,
    /// When an ephemeral environment expires, in RFC 3339; for marks.
    pub expires: Option<String>,
    /// The time; without it no soak is ever over.
    pub now: Option<Timestamp>,
}

/// What a plan is made of.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The kinds.
    pub kinds: Kinds,
    /// What is wanted.
    pub stack: &'a Stack,
    /// The stack and where it stands.
    pub identity: &'a Identity,
    /// What is live.
    pub inventory: &'a Inventory,
    /// What a person said.
    pub options: &'a Options,
}

/// Why no plan can be made.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Values that another resource's output turned wrong.
    Faults(Address, Vec<Fault>),
    /// Resources that need each other.
    Cycle(Vec<String>),
}

/// Makes the plan.
pub fn plan(input: &Input<'_>) -> Result<Plan, Trouble> {
    let mut draft = decide::decide(input)?;
    steps::resources(input, &mut draft)?;
    deletions::all(input, &mut draft);
    rename::rename(input, &mut draft);
    order::order(input, &mut draft)?;
    soak::soak(input, &mut draft);
    hold::hold(input, &mut draft);
    order::narrow(input, &mut draft);
    let busy: BTreeSet<&Address> = draft.plan.steps.iter().map(|step| &step.address).collect();
    let idle = draft
        .wanted
        .keys()
        .filter(|address| !busy.contains(address))
        .count();
    draft.plan.unchanged = idle;
    Ok(draft.plan)
}

/// A plan in the making.
struct Draft {
    plan: Plan,
    /// What is known of every resource once the plan is carried out as far as can be said now.
    known: Known,
    /// Every wanted resource, in an order in which what is named comes first.
    wanted: IndexMap<Address, Decision>,
    /// Where in the inventory an address is.
    places: HashMap<Address, Vec<usize>>,
    /// What is to go, by its place in the inventory.
    leaving: BTreeMap<usize, Reason>,
}

/// What is to become of one wanted resource.
struct Decision {
    fate: Fate,
    spec: AnySpec,
    /// The generation it has or gets.
    generation: Generation,
}

enum Fate {
    /// Nothing live is it.
    Create,
    /// This live one is it.
    Keep(Box<AnyLive>, usize),
    /// These live ones give way to a new one.
    Replace(Box<AnyLive>, Vec<&'static str>),
}

impl Draft {
    /// What stays as what is wanted, by its place in the inventory.
    fn kept(&self) -> BTreeSet<usize> {
        let fates = self.wanted.values().map(|decision| &decision.fate);
        let kept = fates.filter_map(|fate| match fate {
            Fate::Keep(_, index) => Some(*index),
            _ => None,
        });
        kept.collect()
    }

    fn new(input: &Input<'_>) -> Self {
        let mut known = Known::default();
        for (address, found) in &input.inventory.existing {
            known.put(address.clone(), found.live.outputs().clone());
        }
        let plan = Plan {
            identity: input.identity.clone(),
            stage: input.stack.stage.clone().unwrap_or_default(),
            steps: Vec::new(),
            refusals: Vec::<Refusal>::new(),
            kept: Vec::<Kept>::new(),
            soaking: Vec::new(),
            notes: Vec::<Note>::new(),
            unchanged: 0,
        };
        let mut places: HashMap<Address, Vec<usize>> = HashMap::new();
        for (place, found) in input.inventory.ours.iter().enumerate() {
            if let Some((address, _)) = &found.mark {
                places.entry(address.clone()).or_default().push(place);
            }
        }
        Self {
            plan,
            known,
            wanted: IndexMap::new(),
            places,
            leaving: BTreeMap::new(),
        }
    }

    fn note(&mut self, address: &Address, text: impl Into<String>) {
        self.plan.notes.push(Note {
            address: Some(address.clone()),
            text: text.into(),
        });
    }
}

/// Reads a resource's spec with all that is known: while planning, and again when it is carried out.
pub fn spec(kind: &dyn AnyKind, resource: &Resource, known: &Known) -> Result<AnySpec, Trouble> {
    let output = |address: &Address, output: &str| {
        known
            .get(address, output)
            .map(|value| minijinja::value::Serde(value).into())
    };
    let faults = |faults| Trouble::Faults(resource.address.clone(), faults);
    let table = resource.table(&output).map_err(faults)?;
    kind.parse(&table).map_err(faults)
}
