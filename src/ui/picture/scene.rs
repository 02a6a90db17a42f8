//! What a picture of an architecture shows: who stands where, who leads to whom, and what is only counted.
//!
//! No kind is known by name: each says its part ([`terrace_core::sketch`]), references say what stands where, and
//! the rows of the path say where requests go on.

use std::collections::{BTreeMap, BTreeSet};

use terrace_core::address::Address;
use terrace_core::kind::Class;
use terrace_core::sketch::{Icon, Role};
use terrace_core::source::Stack;

use super::cast::{Cast, Item};
use super::ground::Networks;
use super::ways;

/// A picture, before anything has a place on the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    pub(crate) title: String,
    pub(crate) about: String,
    /// The regions, the home region first.
    pub(crate) regions: Vec<String>,
    pub(crate) networks: Vec<Network>,
    pub(crate) stations: Vec<Station>,
    pub(crate) signs: Vec<Sign>,
    pub(crate) arrows: Vec<Arrow>,
    pub(crate) aside: Vec<Heap>,
}

/// A network: zones across, kinds of ground down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) title: String,
    pub(crate) notes: Vec<String>,
    pub(crate) region: usize,
    pub(crate) zones: Vec<String>,
    /// For each row the ground in each zone.
    pub(crate) rows: Vec<Vec<Option<Ground>>>,
    pub(crate) members: Vec<Address>,
}

/// Ground in one zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ground {
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) open: bool,
    pub(crate) member: Option<Address>,
}

/// A box.
#[derive(Clone, Debug)]
pub(crate) struct Station {
    pub(crate) noun: String,
    pub(crate) lines: Vec<String>,
    pub(crate) class: Option<Class>,
    pub(crate) icon: Icon,
    pub(crate) spot: Spot,
    /// Nothing but another one's copy.
    pub(crate) copy: bool,
    pub(crate) members: Vec<Address>,
}

/// Where a box stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spot {
    /// In no region: near the readers.
    Edge,
    /// In a region, in no network.
    Beside(usize),
    /// In a network, in a row, in these zones.
    In {
        network: usize,
        row: usize,
        zones: Vec<usize>,
    },
}

/// A name that people ask for.
#[derive(Clone, Debug)]
pub(crate) struct Sign {
    pub(crate) title: String,
    pub(crate) members: Vec<Address>,
}

/// One end of an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// Whoever asks.
    People,
    Sign(usize),
    Station(usize),
}

/// An arrow.
#[derive(Clone, Debug)]
pub(crate) struct Arrow {
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) way: Way,
    pub(crate) labels: Vec<String>,
    /// What it stands for.
    pub(crate) members: Vec<Address>,
}

/// What an arrow means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// A request goes this way.
    Request,
    /// One that only reads.
    Read,
    /// May reach it, or is told of it.
    Knows,
    /// A copy is kept.
    Copy,
}

/// What is counted and not drawn.
#[derive(Clone, Debug)]
pub(crate) struct Heap {
    /// What is common to it, where that is not plain.
    pub(crate) heading: Option<String>,
    pub(crate) lines: Vec<Tally>,
}

/// So many of a noun.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) text: String,
    pub(crate) members: Vec<Address>,
}

impl Scene {
    /// The scene of a stack.
    pub(crate) fn of(stack: &Stack) -> Self {
        let cast = Cast::of(stack);
        let mut networks = Networks::of(&cast);
        let (mut stations, of_item) = stations(&cast, &networks);
        let hosts = hosts(&cast);
        annotate(&cast, &hosts, &of_item, &mut stations);
        for (network, is) in networks.list.iter_mut().enumerate() {
            let here = |item: &&Item| {
                let stands = hosts.get(&item.index);
                stands.is_some_and(|host| networks.of_item.get(host) == Some(&network))
            };
            let here: Vec<&Item> = cast.items.iter().filter(here).collect();
            is.notes.extend(lines(&here));
            is.members
                .extend(here.iter().map(|item| item.address.clone()));
        }
        let mut scene = Self {
            title: title(stack),
            about: about(stack),
            regions: cast.regions.clone(),
            networks: networks.list,
            stations,
            ..Self::default()
        };
        ways::draw(&cast, &hosts, &of_item, &mut scene);
        let drawn = scene.drawn();
        scene.aside = aside(&cast, stack, &drawn);
        scene
    }

    /// Everything that is drawn.
    fn drawn(&self) -> BTreeSet<Address> {
        let grounds = self.networks.iter().flat_map(|network| &network.rows);
        let grounds = grounds
            .flatten()
            .flatten()
            .filter_map(|is| is.member.clone());
        let mut all: BTreeSet<Address> = grounds.collect();
        all.extend(self.networks.iter().flat_map(|is| is.members.clone()));
        all.extend(self.stations.iter().flat_map(|is| is.members.clone()));
        all.extend(self.signs.iter().flat_map(|is| is.members.clone()));
        all.extend(self.arrows.iter().flat_map(|is| is.members.clone()));
        all
    }

    /// The most zones that a network has.
    pub(crate) fn zones(&self) -> usize {
        self.networks
            .iter()
            .map(|is| is.zones.len())
            .max()
            .unwrap_or(0)
    }

    /// A name for one end of an arrow, for people who hear the picture.
    pub(crate) fn name(&self, end: End) -> String {
        match end {
            End::People => "people".to_owned(),
            End::Sign(sign) => self.signs[sign].title.clone(),
            End::Station(station) => {
                let station = &self.stations[station];
                let name = station.members.first().map(|is| format!(" {}", is.name));
                format!("{}{}", station.noun, name.unwrap_or_default())
            }
        }
    }
}

fn title(stack: &Stack) -> String {
    let stage = stack.stage.as_ref().map(|stage| format!(" at {stage}"));
    format!(
        "{}/{}{}",
        stack.name,
        stack.environment,
        stage.unwrap_or_default()
    )
}

/// What the stage is for, or else the stack.
fn about(stack: &Stack) -> String {
    let stage = stack
        .stages
        .iter()
        .position(|name| Some(name) == stack.stage.as_ref());
    let stage = stage.and_then(|stage| stack.abouts.get(stage).cloned().flatten());
    stage.or_else(|| stack.about.clone()).unwrap_or_default()
}

/// The boxes, and which one each resource is. Several of one `for_each` in one place are one box.
fn stations(cast: &Cast, networks: &Networks) -> (Vec<Station>, BTreeMap<usize, usize>) {
    let mut stations: Vec<Station> = Vec::new();
    let mut of_item = BTreeMap::new();
    let mut same: BTreeMap<(Address, Spot, Vec<String>), usize> = BTreeMap::new();
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    for item in &cast.items {
        let Role::Station(icon, _) = item.sketch.role else {
            continue;
        };
        let (spot, standby) = networks.spot(cast, item);
        let key = (
            item.address.whole(),
            spot.clone(),
            item.sketch.notes.clone(),
        );
        let number = stations.len();
        let place = *same.entry(key).or_insert_with(|| {
            let name = item.sketch.title.clone();
            stations.push(Station {
                noun: item.noun.clone(),
                lines: [name.unwrap_or_else(|| item.address.name.clone())]
                    .into_iter()
                    .chain(item.sketch.notes.clone())
                    .collect(),
                class: Some(item.class),
                icon,
                spot,
                copy: item.sketch.copy_of.is_some(),
                members: Vec::new(),
            });
            stations.len() - 1
        });
        stations[place].members.push(item.address.clone());
        *numbers.entry(place).or_default() += 1;
        of_item.insert(item.index, place);
        // Right behind the first one, whose standby it is.
        if let Some(spot) = standby.filter(|_| place == number) {
            let first = &stations[place];
            let second = Station {
                noun: "standby".to_owned(),
                lines: vec![format!("of {}", item.address.name)],
                spot,
                copy: true,
                members: Vec::new(),
                ..first.clone()
            };
            stations.push(second);
        }
    }
    for (place, number) in numbers.into_iter().filter(|(_, number)| *number > 1) {
        let noun = super::text::count(number, &stations[place].noun);
        stations[place].noun = noun;
    }
    (stations, of_item)
}

/// In whose box or frame each note stands.
fn hosts(cast: &Cast) -> BTreeMap<usize, usize> {
    let notes = cast
        .items
        .iter()
        .filter(|item| item.sketch.role == Role::Note);
    notes
        .filter_map(|item| Some((item.index, host(cast, item, 4)?)))
        .collect()
}

/// What it names comes before what names it; a note may stand in another's.
fn host(cast: &Cast, item: &Item, depth: usize) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    let named = item.refs.iter().map(|index| &cast.items[*index]);
    let naming = cast
        .items
        .iter()
        .filter(|other| other.refs.contains(&item.index));
    let mut near: Vec<&Item> = named.chain(naming).collect();
    let rank = |item: &&Item| match item.sketch.role {
        Role::Station(..) => 0,
        Role::Network => 1,
        _ => 2,
    };
    near.sort_by_key(rank);
    near.into_iter().find_map(|other| match other.sketch.role {
        Role::Station(..) | Role::Network => Some(other.index),
        Role::Note => host(cast, other, depth),
        _ => None,
    })
}

/// Puts notes into boxes.
fn annotate(
    cast: &Cast,
    hosts: &BTreeMap<usize, usize>,
    of_item: &BTreeMap<usize, usize>,
    stations: &mut [Station],
) {
    for (place, station) in stations.iter_mut().enumerate() {
        let here = |item: &&Item| {
            let host = hosts.get(&item.index).and_then(|host| of_item.get(host));
            host == Some(&place)
        };
        let here: Vec<&Item> = cast.items.iter().filter(here).collect();
        station.lines.extend(lines(&here));
        station
            .members
            .extend(here.iter().map(|item| item.address.clone()));
    }
}

/// Notes in words: equal ones of one `for_each` together.
fn lines(notes: &[&Item]) -> Vec<String> {
    let mut groups: Vec<(&Item, usize)> = Vec::new();
    for item in notes {
        let same = |other: &&mut (&Item, usize)| {
            other.0.address.whole() == item.address.whole() && other.0.sketch == item.sketch
        };
        match groups.iter_mut().find(same) {
            Some((_, number)) => *number += 1,
            None => groups.push((item, 1)),
        }
    }
    let line = |(item, number): &(&Item, usize)| {
        let head = match (&item.sketch.title, *number) {
            (Some(title), 1) => title.clone(),
            (Some(title), number) => format!("{number} × {title}"),
            (None, 1) => item.noun.clone(),
            (None, number) => super::text::count(number, &item.noun),
        };
        let all = [head].into_iter().chain(item.sketch.notes.clone());
        all.collect::<Vec<_>>().join(", ")
    };
    groups.iter().map(line).collect()
}

/// What is counted: by noun, in the order of the kinds; what is in another region and what is looked up comes last.
fn aside(cast: &Cast, stack: &Stack, drawn: &BTreeSet<Address>) -> Vec<Heap> {
    type Nouns = BTreeMap<(usize, String), Vec<Address>>;
    let mut regions: BTreeMap<Option<String>, Nouns> = BTreeMap::new();
    for item in cast
        .items
        .iter()
        .filter(|item| !drawn.contains(&item.address))
    {
        let heading = item.away.as_ref().map(|region| format!("in {region}"));
        let nouns = regions.entry(heading).or_default();
        let noun = (item.order, item.noun.clone());
        nouns.entry(noun).or_default().push(item.address.clone());
    }
    let mut theirs = Nouns::new();
    for existing in stack.existing.values() {
        let noun = (0, existing.kind.replace('_', " "));
        theirs
            .entry(noun)
            .or_default()
            .push(existing.address.clone());
    }
    let tally = |((_, noun), members): ((usize, String), Vec<Address>)| Tally {
        text: super::text::count(members.len(), &noun),
        members,
    };
    let heap = |(heading, nouns): (Option<String>, Nouns)| Heap {
        heading,
        lines: nouns.into_iter().map(tally).collect(),
    };
    let theirs = (Some("looked up, not ours".to_owned()), theirs);
    let all = regions.into_iter().chain([theirs]);
    all.filter(|(_, nouns)| !nouns.is_empty())
        .map(heap)
        .collect()
}
