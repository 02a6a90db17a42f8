//! The arrows: the path of a request, who may reach whom, what is copied.

use std::collections::{BTreeMap, BTreeSet};

use terrace_core::address::Address;
use terrace_core::sketch::{Role, Who};

use super::cast::{Cast, Item};
use super::scene::{Arrow, End, Scene, Sign, Spot, Way};

/// Where resources are in the scene.
struct Places<'a> {
    cast: &'a Cast,
    hosts: &'a BTreeMap<usize, usize>,
    of_item: &'a BTreeMap<usize, usize>,
}

/// Draws all arrows and the names they begin at.
pub(crate) fn draw(
    cast: &Cast,
    hosts: &BTreeMap<usize, usize>,
    of_item: &BTreeMap<usize, usize>,
    scene: &mut Scene,
) {
    let places = Places {
        cast,
        hosts,
        of_item,
    };
    places.names(scene);
    places.paths(scene);
    places.guards(scene);
    places.people(scene);
    places.copies(scene);
    places.told(scene);
    colour(scene);
}

impl Places<'_> {
    fn station(&self, item: &Item) -> Option<End> {
        self.of_item.get(&item.index).map(|is| End::Station(*is))
    }

    /// Names that people ask for, and those that only the network knows: a line in the box that they lead to.
    fn names(&self, scene: &mut Scene) {
        let led: BTreeSet<usize> = self
            .cast
            .items
            .iter()
            .flat_map(|item| item.leads.iter().copied())
            .collect();
        let signs = self
            .cast
            .items
            .iter()
            .filter(|item| item.sketch.role == Role::Sign);
        for item in signs {
            let mut ends = Vec::new();
            self.walk(item, &mut Vec::new(), &mut ends);
            if ends.is_empty() || led.contains(&item.index) {
                continue;
            }
            let title = item.sketch.title.clone();
            let title = title.unwrap_or_else(|| item.address.name.clone());
            if self.is_private(item) {
                for end in ends {
                    let station = &mut scene.stations[end.station];
                    if !station.lines.contains(&title) {
                        station.lines.push(title.clone());
                    }
                    station.members.push(item.address.clone());
                }
                continue;
            }
            match scene.signs.iter_mut().find(|sign| sign.title == title) {
                Some(sign) => sign.members.push(item.address.clone()),
                None => scene.signs.push(Sign {
                    title,
                    members: vec![item.address.clone()],
                }),
            }
        }
    }

    /// Known in a network only: what it stands in names one.
    fn is_private(&self, item: &Item) -> bool {
        let asides = self
            .cast
            .named(item)
            .filter(|is| is.sketch.role == Role::Aside);
        let mut named = asides.flat_map(|is| self.cast.named(is));
        named.any(|is| is.sketch.role == Role::Network)
    }

    /// The boxes that requests come to next, and what they pass on the way.
    fn walk(&self, item: &Item, passed: &mut Vec<usize>, ends: &mut Vec<Next>) {
        for next in &item.leads {
            let next = &self.cast.items[*next];
            if passed.contains(&next.index) || passed.len() > 8 {
                continue;
            }
            if let Some(station) = self.of_item.get(&next.index) {
                ends.push(Next {
                    station: *station,
                    item: next.index,
                    passed: passed.clone(),
                });
            } else {
                passed.push(next.index);
                self.walk(next, passed, ends);
                passed.pop();
            }
        }
    }

    /// The path of a request, from box to box.
    fn paths(&self, scene: &mut Scene) {
        for item in &self.cast.items {
            let sign = scene
                .signs
                .iter()
                .position(|is| is.members.contains(&item.address));
            let from = self.station(item).or(sign.map(End::Sign));
            let Some(from) = from else { continue };
            let mut ends = Vec::new();
            self.walk(item, &mut Vec::new(), &mut ends);
            for end in ends {
                let passed: Vec<&Item> = end
                    .passed
                    .iter()
                    .map(|index| &self.cast.items[*index])
                    .collect();
                let told = passed
                    .iter()
                    .filter(|is| matches!(is.sketch.role, Role::Link | Role::Sign));
                let told = told.filter_map(|is| is.sketch.title.clone());
                let next = [end.item].into_iter().chain(end.passed.iter().copied());
                let next: Vec<&Address> = next.map(|at| &self.cast.items[at].address).collect();
                let ways = item.sketch.ways.iter().filter(|(to, _)| next.contains(&to));
                let labels = told.chain(ways.map(|(_, word)| word.clone())).collect();
                let members = passed
                    .iter()
                    .filter(|is| matches!(is.sketch.role, Role::Link | Role::Sign))
                    .map(|is| is.address.clone());
                let arrow = Arrow {
                    from,
                    to: End::Station(end.station),
                    way: Way::Request,
                    labels,
                    members: members.collect(),
                };
                add(scene, arrow);
            }
        }
    }

    /// What wears a guard, itself or by a note in its box.
    fn wearers(&self, guard: usize) -> BTreeSet<usize> {
        let wears = self
            .cast
            .items
            .iter()
            .filter(|item| item.refs.contains(&guard));
        wears
            .filter_map(|item| {
                let host = self.hosts.get(&item.index).copied().unwrap_or(item.index);
                self.of_item.get(&host).copied()
            })
            .collect()
    }

    /// Who lets whom in.
    fn guards(&self, scene: &mut Scene) {
        for guard in &self.cast.items {
            for admits in &guard.sketch.admits {
                let Who::Guard(from) = &admits.from else {
                    continue;
                };
                let from = self.cast.all(from).flat_map(|is| self.wearers(is.index));
                for from in from.collect::<BTreeSet<_>>() {
                    for to in self.wearers(guard.index) {
                        let (from, to) = (End::Station(from), End::Station(to));
                        let there = scene.arrows.iter().any(|is| is.from == from && is.to == to);
                        if from != to && !(there && is_request(scene, from, to)) {
                            let labels = vec![admits.by.clone()];
                            add(scene, arrow(from, to, Way::Knows, labels));
                        }
                    }
                }
            }
        }
    }

    /// Where people come in: at names; and without one where nothing else leads, near them or by an open door.
    fn people(&self, scene: &mut Scene) {
        for sign in 0..scene.signs.len() {
            add(
                scene,
                arrow(End::People, End::Sign(sign), Way::Request, Vec::new()),
            );
        }
        for station in 0..scene.stations.len() {
            let end = End::Station(station);
            if scene
                .arrows
                .iter()
                .any(|is| is.to == end && is.way == Way::Request)
            {
                continue;
            }
            let leads = scene.arrows.iter().any(|is| is.from == end);
            match &scene.stations[station].spot {
                Spot::Edge if leads => {
                    add(scene, arrow(End::People, end, Way::Request, Vec::new()));
                }
                Spot::In {
                    network,
                    row,
                    zones,
                } => {
                    let cell = zones
                        .first()
                        .and_then(|zone| scene.networks[*network].rows[*row].get(*zone)?.as_ref());
                    let labels = self.open(station);
                    if cell.is_some_and(|ground| ground.open) && !labels.is_empty() {
                        add(scene, arrow(End::People, end, Way::Request, labels));
                    }
                }
                Spot::Edge | Spot::Beside(_) => {}
            }
        }
    }

    /// By what everybody may reach a box.
    fn open(&self, station: usize) -> Vec<String> {
        let mut by = BTreeSet::new();
        for guard in &self.cast.items {
            let admits = guard.sketch.admits.iter();
            let open: Vec<_> = admits.filter(|is| is.from == Who::Anyone).collect();
            if !open.is_empty() && self.wearers(guard.index).contains(&station) {
                by.extend(open.iter().map(|is| is.by.clone()));
            }
        }
        by.into_iter().collect()
    }

    fn copies(&self, scene: &mut Scene) {
        for item in &self.cast.items {
            let source = item.sketch.copy_of.as_ref().and_then(|is| self.cast.at(is));
            let ends = source
                .and_then(|is| self.station(is))
                .zip(self.station(item));
            if let Some((from, to)) = ends {
                add(scene, arrow(from, to, Way::Copy, Vec::new()));
            }
        }
        for station in 1..scene.stations.len() {
            if scene.stations[station].members.is_empty() {
                let (from, to) = (End::Station(station - 1), End::Station(station));
                add(scene, arrow(from, to, Way::Copy, Vec::new()));
            }
        }
    }

    /// A box that is told of another knows it.
    fn told(&self, scene: &mut Scene) {
        for item in &self.cast.items {
            let host = self.hosts.get(&item.index).copied().unwrap_or(item.index);
            let Some(from) = self.of_item.get(&host).map(|is| End::Station(*is)) else {
                continue;
            };
            for to in &item.told {
                let Some(to) = self.station(&self.cast.items[*to]) else {
                    continue;
                };
                let pair =
                    |is: &Arrow| (is.from, is.to) == (from, to) || (is.from, is.to) == (to, from);
                if from != to && !scene.arrows.iter().any(pair) {
                    add(scene, arrow(from, to, Way::Knows, Vec::new()));
                }
            }
        }
    }
}

/// A box on the way of a request.
struct Next {
    station: usize,
    item: usize,
    /// The resources in between.
    passed: Vec<usize>,
}

fn arrow(from: End, to: End, way: Way, labels: Vec<String>) -> Arrow {
    Arrow {
        from,
        to,
        way,
        labels,
        members: Vec::new(),
    }
}

fn is_request(scene: &Scene, from: End, to: End) -> bool {
    let mut arrows = scene.arrows.iter();
    arrows.any(|is| is.from == from && is.to == to && is.way == Way::Request)
}

/// Two arrows of one meaning between the same two are one.
fn add(scene: &mut Scene, arrow: Arrow) {
    let same = |is: &&mut Arrow| is.from == arrow.from && is.to == arrow.to && is.way == arrow.way;
    let Some(there) = scene.arrows.iter_mut().find(same) else {
        scene.arrows.push(arrow);
        return;
    };
    for label in arrow.labels {
        if !there.labels.contains(&label) {
            there.labels.push(label);
        }
    }
    there.members.extend(arrow.members);
}

/// What may be reached by those that a request comes to is on its path; a copy is only read.
fn colour(scene: &mut Scene) {
    let mut reached = BTreeSet::from([End::People]);
    loop {
        let next = scene.arrows.iter().filter(|is| {
            let goes_on = is.way == Way::Request || (is.way == Way::Knows && !is.labels.is_empty());
            goes_on && reached.contains(&is.from) && !reached.contains(&is.to)
        });
        let next: Vec<End> = next.map(|is| is.to).collect();
        if next.is_empty() {
            break;
        }
        reached.extend(next);
    }
    for arrow in &mut scene.arrows {
        let copy = |end: End| matches!(end, End::Station(is) if scene.stations[is].copy);
        if arrow.way == Way::Knows && !arrow.labels.is_empty() && reached.contains(&arrow.from) {
            arrow.way = if copy(arrow.to) {
                Way::Read
            } else {
                Way::Request
            };
        }
    }
}
