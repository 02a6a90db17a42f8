//! The path of a request: from a name that people ask for to what answers them. Traffic moves onto a path
//! only once all of it is ready, and what was on the old path goes only after traffic has left it.
//!
//! The rows of the kinds say where a path runs: a record *leads* to a balancer, a listener *serves* it and
//! leads to a target group, which a group of machines serves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Input;
use crate::address::Address;
use crate::erased::AnyKind;
use crate::fields::Path;
use crate::plan::{Action, Reason, Step};

/// Traffic that moves onto another path.
pub(super) struct Arrival<'a> {
    /// The step by which it moves.
    pub(super) switch: usize,
    /// All that is on the new path.
    pub(super) way: BTreeSet<&'a Address>,
    /// The steps that build it.
    pub(super) built: Vec<usize>,
}

/// The moves of traffic onto other paths.
pub(super) fn arrivals<'a>(input: &Input<'a>, steps: &[Step]) -> Vec<Arrival<'a>> {
    let resources = &input.stack.resources;
    let mut roads = Roads::<&Address>::default();
    for (address, resource) in resources {
        for need in &resource.needs {
            let path = path(input, &resource.kind, &need.field);
            roads.add(address, &need.to, path);
        }
    }
    let mut arrivals = Vec::new();
    for (switch, step) in steps.iter().enumerate() {
        let Some(resource) = resources.get(&step.address).filter(|_| moves(input, step)) else {
            continue;
        };
        let led = |field: &str| step.changes.iter().any(|change| change.field == field);
        let leads = |field: &str| path(input, step.kind, field) == Some(Path::Leads);
        let goals = resource.needs.iter();
        let goals = goals.filter(|need| led(&need.field) && leads(&need.field));
        let mut way = roads.from(goals.map(|need| &need.to));
        way.remove(&step.address);
        let built = steps.iter().enumerate();
        let built = built
            .filter(|(_, other)| is_built(&other.action) && way.contains(&other.address))
            .map(|(before, _)| before)
            .collect();
        arrivals.push(Arrival { switch, way, built });
    }
    arrivals
}

/// What ends on a path that traffic leaves: a deletion, or what is dropped of something that stays, such as
/// the rule of a group that let the requests in.
pub(super) struct Leaving {
    /// The step by which traffic leaves it.
    pub(super) switch: usize,
    /// The step that ends it.
    pub(super) end: usize,
    /// For how many seconds some may still come: an answer of the DNS is remembered so long.
    pub(super) rest: u32,
}

/// The deletions on old paths. `deletion` are the steps that delete, by place in the inventory; `uses`
/// are the live edges.
pub(super) fn leavings(
    input: &Input<'_>,
    steps: &[Step],
    deletion: &BTreeMap<usize, usize>,
    uses: &[(usize, usize, &'static str)],
) -> Vec<Leaving> {
    let ours = &input.inventory.ours;
    let mut roads = Roads::<usize>::default();
    for (user, used, field) in uses {
        roads.add(*user, *used, path(input, ours[*user].live.kind(), field));
    }
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for (place, found) in ours.iter().enumerate() {
        places.insert((found.live.kind(), found.live.id()), place);
    }
    let place = |step: &Step| {
        let live = step.live.as_ref()?;
        places.get(&(live.kind(), live.id())).copied()
    };
    let drops = steps.iter().enumerate();
    let drops = drops.filter(|(_, step)| matches!(step.action, Action::Shrink));
    let drops: Vec<(usize, usize)> = drops
        .filter_map(|(index, step)| Some((place(step)?, index)))
        .collect();
    let mut leavings = Vec::new();
    for (switch, step) in steps.iter().enumerate() {
        let Some(live) = step.live.as_ref().filter(|_| leaves(input, step)) else {
            continue;
        };
        let (Some(place), Some(kind)) = (place(step), input.kinds.get(live.kind())) else {
            continue;
        };
        let left = |field: &str| {
            matches!(step.action, Action::Delete(_))
                || step.changes.iter().any(|change| change.field == field)
        };
        let goals = uses.iter().filter(|(user, _, field)| {
            *user == place && left(field) && path(input, live.kind(), field) == Some(Path::Leads)
        });
        let rest = kind.linger(live);
        let way = roads.from(goals.map(|(_, used, _)| *used));
        // What it passes on its way: the security group of a balancer.
        let beside = uses.iter().filter(|(user, ..)| way.contains(user));
        let beside: BTreeSet<usize> = beside.map(|(_, used, _)| *used).collect();
        let gone = with_what_hangs_on_it(&way, deletion, uses);
        let gone = gone.iter().filter_map(|place| deletion.get(place)).copied();
        let dropped = drops
            .iter()
            .filter(|(place, _)| way.contains(place) || beside.contains(place));
        let ends = gone.chain(dropped.map(|(_, drop)| *drop));
        leavings.extend(
            ends.filter(|end| *end != switch)
                .map(|end| Leaving { switch, end, rest }),
        );
    }
    leavings
}

/// What is on a way, and what goes with it: the disk of a machine leaves no earlier than the machine.
fn with_what_hangs_on_it(
    way: &BTreeSet<usize>,
    deletion: &BTreeMap<usize, usize>,
    uses: &[(usize, usize, &'static str)],
) -> BTreeSet<usize> {
    let mut all = way.clone();
    loop {
        let hangs = |(user, used, _): &&(usize, usize, &'static str)| {
            let go = |place: &usize| deletion.contains_key(place);
            all.contains(used) && !all.contains(user) && go(used) && go(user)
        };
        let more: Vec<usize> = uses.iter().filter(hangs).map(|(user, ..)| *user).collect();
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

/// Where paths run.
struct Roads<T> {
    next: HashMap<T, Vec<T>>,
}

impl<T> Default for Roads<T> {
    fn default() -> Self {
        Self {
            next: HashMap::new(),
        }
    }
}

impl<T: Copy + Ord + std::hash::Hash> Roads<T> {
    /// `one` names `other`, by a property that is on a path or is not.
    fn add(&mut self, one: T, other: T, path: Option<Path>) {
        match path {
            Some(Path::Leads) => self.next.entry(one).or_default().push(other),
            Some(Path::Serves) => self.next.entry(other).or_default().push(one),
            None => {}
        }
    }

    /// All that is behind these, they themselves included.
    fn from(&self, starts: impl Iterator<Item = T>) -> BTreeSet<T> {
        let mut way = BTreeSet::new();
        let mut queue: Vec<T> = starts.collect();
        while let Some(place) = queue.pop() {
            if way.insert(place) {
                queue.extend(self.next.get(&place).into_iter().flatten());
            }
        }
        way
    }
}

pub(super) fn path(input: &Input<'_>, kind: &str, field: &str) -> Option<Path> {
    let rows = input.kinds.get(kind)?.rows();
    rows.iter().find(|row| row.name == field)?.path
}

/// Whether a step may move traffic onto another path. What is only being made has no traffic yet.
fn moves(input: &Input<'_>, step: &Step) -> bool {
    let moves = match &step.action {
        Action::Create { replaces, .. } => *replaces,
        Action::Grow | Action::Update => true,
        _ => false,
    };
    moves && is_entrance(input, step)
}

/// Whether a step may take traffic off a path. Of what is destroyed nobody expects an answer.
fn leaves(input: &Input<'_>, step: &Step) -> bool {
    let leaves = match &step.action {
        Action::Update | Action::Shrink => true,
        Action::Delete(reason) => *reason != Reason::Destroyed,
        _ => false,
    };
    let rows = input.kinds.get(step.kind).map(AnyKind::rows);
    let mut rows = rows.into_iter().flatten();
    leaves && rows.any(|row| row.path == Some(Path::Leads))
}

/// Whether people come in here: it leads on and serves nothing. What stands in the middle of a path is ready
/// only with what is before it, as a target group is only with its listener.
pub(super) fn is_entrance(input: &Input<'_>, step: &Step) -> bool {
    let rows = input.kinds.get(step.kind).map(AnyKind::rows);
    let says = |path: Path| {
        let mut rows = rows.into_iter().flatten();
        rows.any(|row| row.path == Some(path))
    };
    says(Path::Leads) && !says(Path::Serves)
}

/// Whether a step makes something, or makes it more than it was.
fn is_built(action: &Action) -> bool {
    matches!(
        action,
        Action::Create { .. } | Action::Wait(_) | Action::Late | Action::Grow | Action::Update
    )
}
