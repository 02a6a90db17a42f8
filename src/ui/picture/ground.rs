//! Networks and the ground in them: what stands in which network, row and zone.

use std::collections::BTreeMap;

use terrace_core::address::Address;
use terrace_core::sketch::{Role, Stance};

use super::cast::{Cast, Item};
use super::scene::{Ground, Network, Spot};

/// The networks of a stack.
pub(crate) struct Networks {
    pub(crate) list: Vec<Network>,
    /// Which network a resource is.
    pub(crate) of_item: BTreeMap<usize, usize>,
    /// Where each piece of ground is: network, row, zone.
    places: BTreeMap<usize, (usize, usize, usize)>,
}

impl Networks {
    pub(crate) fn of(cast: &Cast) -> Self {
        let mut is = Self {
            list: Vec::new(),
            of_item: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        for item in cast
            .items
            .iter()
            .filter(|item| item.sketch.role == Role::Network)
        {
            is.of_item.insert(item.index, is.list.len());
            is.list.push(Network {
                title: format!("{} {}", item.noun, item.address.name),
                notes: item.sketch.notes.clone(),
                region: item.region,
                members: vec![item.address.clone()],
                ..Network::default()
            });
        }
        is.lay(cast);
        is
    }

    /// Lays the ground: zones in their order, rows as they are told apart by name.
    fn lay(&mut self, cast: &Cast) {
        let mut strangers: BTreeMap<(usize, Option<Address>), usize> = BTreeMap::new();
        let mut all: Vec<Vec<&Item>> = vec![Vec::new(); self.list.len()];
        let grounds = cast.items.iter().filter(|item| is_ground(item));
        for item in grounds {
            let network = cast.named(item).find_map(|is| self.of_item.get(&is.index));
            let network = network.copied().unwrap_or_else(|| {
                let key = (item.region, item.strange.first().cloned());
                *strangers.entry(key).or_insert_with_key(|(region, name)| {
                    let name = name.as_ref().map(|is| format!(" {}", is.name));
                    self.list.push(Network {
                        title: format!("network{}, not ours", name.unwrap_or_default()),
                        region: *region,
                        ..Network::default()
                    });
                    all.push(Vec::new());
                    self.list.len() - 1
                })
            });
            all[network].push(item);
        }
        for (network, grounds) in all.into_iter().enumerate() {
            self.rows(network, &grounds);
        }
    }

    fn rows(&mut self, network: usize, grounds: &[&Item]) {
        let mut zones: Vec<String> = grounds.iter().map(|item| zone(item)).collect();
        zones.sort();
        zones.dedup();
        let mut rows: Vec<(String, bool, Vec<Option<&Item>>)> = Vec::new();
        for item in grounds {
            let column = zones.iter().position(|is| *is == zone(item)).unwrap_or(0);
            let (stem, open) = (stem(item), is_open(item));
            let fits = |row: &(String, bool, Vec<Option<&Item>>), exact: bool| {
                row.2[column].is_none() && row.1 == open && (row.0 == stem || !exact)
            };
            // Of several with keys all are of one row; what has no key joins where its zone is free.
            let loose = item.address.key.is_none();
            let row = rows.iter().position(|row| fits(row, true)).or_else(|| {
                let row = rows.iter().position(|row| fits(row, false))?;
                let alone = |other: &&Item| other.address.key.is_none();
                let free = rows[row].2.iter().flatten().all(alone);
                (loose && free).then_some(row)
            });
            let row = row.unwrap_or_else(|| {
                rows.push((stem, open, vec![None; zones.len()]));
                rows.len() - 1
            });
            rows[row].2[column] = Some(item);
        }
        // What is reached from outside stands on top.
        rows.sort_by_key(|row| !row.1);
        for (row, (_, _, cells)) in rows.iter().enumerate() {
            for (column, item) in cells.iter().enumerate() {
                if let Some(item) = item {
                    self.places.insert(item.index, (network, row, column));
                }
            }
        }
        let ground = |item: &Item| Ground {
            title: item.address.name.clone(),
            note: item.sketch.notes.first().cloned().unwrap_or_default(),
            open: is_open(item),
            member: Some(item.address.clone()),
        };
        let network = &mut self.list[network];
        network.zones = zones;
        network.rows = rows
            .into_iter()
            .map(|(_, _, cells)| cells.into_iter().map(|is| is.map(ground)).collect())
            .collect();
    }

    /// Where a box stands, and its standby.
    pub(crate) fn spot(&self, cast: &Cast, item: &Item) -> (Spot, Option<Spot>) {
        let places = self.grounds(cast, item);
        let Some(&(network, row, _)) = places.first() else {
            let beside = Spot::Beside(item.region);
            return (if item.global { Spot::Edge } else { beside }, None);
        };
        let mut zones: Vec<usize> = places
            .iter()
            .filter(|place| (place.0, place.1) == (network, row))
            .map(|place| place.2)
            .collect();
        zones.sort_unstable();
        zones.dedup();
        let at = |zones: Vec<usize>| Spot::In {
            network,
            row,
            zones,
        };
        match item.sketch.role {
            Role::Station(_, Stance::Across) => (at(zones), None),
            Role::Station(_, Stance::Standby) => {
                let second = zones.get(1).map(|zone| at(vec![*zone]));
                (at(vec![zones[0]]), second)
            }
            _ => (at(vec![zones[0]]), None),
        }
    }

    /// The ground that it may stand on: what it names itself, or what it names names, or the ground of what it
    /// is a copy of; in its zone, if it says one.
    fn grounds(&self, cast: &Cast, item: &Item) -> Vec<(usize, usize, usize)> {
        let of = |item: &Item| -> Vec<(usize, usize, usize)> {
            let named = cast.named(item).filter(|is| is_ground(is));
            named
                .filter_map(|is| self.places.get(&is.index).copied())
                .collect()
        };
        let mut found = of(item);
        if found.is_empty() {
            let between = cast.named(item).filter(|is| is.sketch.role == Role::Aside);
            found = between.flat_map(of).collect();
        }
        if let Some(source) = item.sketch.copy_of.as_ref().filter(|_| found.is_empty()) {
            let source = cast.at(source).filter(|is| is.region == item.region);
            found = source.map(|is| self.grounds(cast, is)).unwrap_or_default();
        }
        let zone = item.sketch.zone.as_ref();
        let here = |place: &&(usize, usize, usize)| {
            zone.is_some_and(|zone| self.list[place.0].zones.get(place.2) == Some(zone))
        };
        let exact: Vec<_> = found.iter().filter(here).copied().collect();
        if exact.is_empty() { found } else { exact }
    }
}

fn is_ground(item: &Item) -> bool {
    matches!(item.sketch.role, Role::Ground { .. })
}

fn is_open(item: &Item) -> bool {
    item.sketch.role == Role::Ground { open: true }
}

fn zone(item: &Item) -> String {
    item.sketch.zone.clone().unwrap_or_default()
}

/// What a row is told by: the modules and the name, without a zone at its end.
fn stem(item: &Item) -> String {
    let whole = item.address.whole().to_string();
    let zone = format!("_{}", zone(item));
    whole.strip_suffix(&zone).unwrap_or(&whole).to_owned()
}
