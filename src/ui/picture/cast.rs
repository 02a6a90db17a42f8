//! The resources of a stack with the parts that they play in its picture.

use std::collections::HashMap;

use terrace_core::address::Address;
use terrace_core::fields::Path;
use terrace_core::kind::Class;
use terrace_core::sketch::Sketch;
use terrace_core::source::{Resource, Stack};

use crate::session::KINDS;

/// All resources.
pub(crate) struct Cast {
    pub(crate) items: Vec<Item>,
    /// The regions, the home region first.
    pub(crate) regions: Vec<String>,
    index: HashMap<Address, usize>,
}

/// One resource.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) index: usize,
    pub(crate) address: Address,
    pub(crate) sketch: Sketch,
    /// What it is.
    pub(crate) noun: String,
    pub(crate) class: Class,
    /// One in the account, not one in each region.
    pub(crate) global: bool,
    /// Its region among [`Cast::regions`].
    pub(crate) region: usize,
    /// The region, where that is not the stack's.
    pub(crate) away: Option<String>,
    /// Its kind's place in the list.
    pub(crate) order: usize,
    /// The resources that it names.
    pub(crate) refs: Vec<usize>,
    /// What it names that is not of the stack.
    pub(crate) strange: Vec<Address>,
    /// The resources that it takes an output of.
    pub(crate) told: Vec<usize>,
    /// Where requests go on from it.
    pub(crate) leads: Vec<usize>,
}

impl Cast {
    /// The resources of a stack, in its order.
    pub(crate) fn of(stack: &Stack) -> Self {
        let index: HashMap<Address, usize> = stack
            .resources
            .keys()
            .cloned()
            .enumerate()
            .map(|(at, is)| (is, at))
            .collect();
        let mut regions = vec![stack.region.clone()];
        let mut items: Vec<Item> = Vec::new();
        for (at, resource) in stack.resources.values().enumerate() {
            let away = resource.common.region.clone();
            let region = away.clone().unwrap_or_else(|| stack.region.clone());
            let place = regions.iter().position(|is| *is == region);
            let place = place.unwrap_or_else(|| {
                regions.push(region);
                regions.len() - 1
            });
            items.push(Item {
                region: place,
                away,
                ..item(at, resource)
            });
        }
        for (at, resource) in stack.resources.values().enumerate() {
            connect(at, resource, &index, &mut items);
        }
        Self {
            items,
            regions,
            index,
        }
    }

    /// The resource of an address.
    pub(crate) fn at(&self, address: &Address) -> Option<&Item> {
        self.index.get(address).map(|index| &self.items[*index])
    }

    /// All that an address means: with its key, or all keys of it.
    pub(crate) fn all<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = &'a Item> {
        self.items
            .iter()
            .filter(|item| address.covers(&item.address))
    }

    /// What an item names.
    pub(crate) fn named<'a>(&'a self, item: &'a Item) -> impl Iterator<Item = &'a Item> {
        item.refs.iter().map(|index| &self.items[*index])
    }
}

/// A resource by itself. One whose table cannot be read yet is counted by its kind.
fn item(index: usize, resource: &Resource) -> Item {
    let kind = KINDS.get(&resource.kind);
    let sketch = kind.and_then(|kind| {
        let spec = kind.parse(&resource.table).ok()?;
        Some(kind.sketch(&spec))
    });
    let sketch = sketch.unwrap_or_default();
    let order = KINDS.iter().position(|kind| kind.name() == resource.kind);
    Item {
        index,
        address: resource.address.clone(),
        noun: sketch.what(&resource.kind),
        sketch,
        class: kind.map_or(Class::Stateless, |kind| kind.about().class),
        global: kind.is_some_and(|kind| kind.about().global),
        region: 0,
        away: None,
        order: order.unwrap_or(usize::MAX),
        refs: Vec::new(),
        strange: Vec::new(),
        told: Vec::new(),
        leads: Vec::new(),
    }
}

/// What a resource names, and where requests go on.
fn connect(at: usize, resource: &Resource, index: &HashMap<Address, usize>, items: &mut [Item]) {
    let rows = KINDS
        .get(&resource.kind)
        .map_or(&[][..], |kind| kind.rows());
    let push = |list: &mut Vec<usize>, is: usize| {
        if !list.contains(&is) {
            list.push(is);
        }
    };
    for need in &resource.needs {
        let Some(&to) = index.get(&need.to) else {
            items[at].strange.push(need.to.clone());
            continue;
        };
        if need.reference {
            push(&mut items[at].refs, to);
        } else {
            push(&mut items[at].told, to);
        }
        let row = rows.iter().find(|row| row.name == need.field);
        match row.and_then(|row| row.path) {
            Some(Path::Leads) => push(&mut items[at].leads, to),
            Some(Path::Serves) => push(&mut items[to].leads, at),
            None => {}
        }
    }
}
