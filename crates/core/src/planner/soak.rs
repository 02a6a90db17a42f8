//! What a move takes away soaks first: it is noted since when it is left, and a later apply deletes it. Going
//! back within that time finds it as it was.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use petgraph::graph::NodeIndex;
use petgraph::visit::Dfs;

use super::paths::{is_entrance, path};
use super::{Draft, Input};
use crate::fields::Path;
use crate::inventory::FoundAny;
use crate::kind::Impact;
use crate::mark::{self, STACK, Tags};
use crate::plan::{Action, Movement, Plan, Reason, Soaking, Step};

/// Puts off the deletions that are to soak, and all that waits for them.
pub(super) fn soak(input: &Input<'_>, draft: &mut Draft) {
    if input.stack.ephemeral || input.options.destroy {
        return;
    }
    rested(input, &mut draft.plan);
    let places = places(input);
    let soaks = soaks(input, &draft.plan, &places);
    if soaks.is_empty() {
        return;
    }
    let late = put_off(&draft.plan, &soaks);
    let fates: Vec<Fate> = (0..draft.plan.steps.len())
        .map(|index| match soaks.get(&index) {
            Some(soak) if soak.since.is_none() => Fate::Note(soak.time),
            Some(_) => Fate::PutOff,
            None if late.contains(&index) => Fate::PutOff,
            None => Fate::Done,
        })
        .collect();
    tell(input, draft, &soaks, &fates, &places);
    let renamed = renamed(input, &draft.plan, &fates, &places);
    carry(&mut draft.plan, &fates);
    draft.plan.steps.extend(renamed);
}

/// What becomes of a step for now.
#[derive(Clone, Copy)]
enum Fate {
    /// It is done.
    Done,
    /// It is noted that it is left, and for how long it soaks.
    Note(Duration),
    /// A later run does it.
    PutOff,
}

/// A deletion that is to soak.
struct Soak {
    time: Duration,
    /// Since when, if that is noted already.
    since: Option<Timestamp>,
}

type Places<'a> = HashMap<(&'a str, &'a str), usize>;

fn places<'a>(input: &Input<'a>) -> Places<'a> {
    let ours = input.inventory.ours.iter().enumerate();
    ours.map(|(place, found)| ((found.live.kind(), found.live.id()), place))
        .collect()
}

fn found<'a>(input: &Input<'a>, step: &Step, places: &Places<'a>) -> Option<(usize, &'a FoundAny)> {
    let live = step.live.as_ref()?;
    let place = *places.get(&(live.kind(), live.id()))?;
    Some((place, &input.inventory.ours[place]))
}

/// Since when something is left.
fn since(found: &FoundAny) -> Option<Timestamp> {
    found.tags.get(mark::LEFT)?.parse().ok()
}

fn over(input: &Input<'_>, since: Timestamp, time: Duration) -> bool {
    let end = until(since, time);
    input.options.now.is_some_and(|now| now >= end)
}

fn until(since: Timestamp, time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    since.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// The last requests have come while it soaked: nobody need wait for them any more.
fn rested(input: &Input<'_>, plan: &mut Plan) {
    let places = places(input);
    for step in &mut plan.steps {
        let noted = found(input, step, &places).and_then(|(_, found)| since(found));
        let rest = Duration::from_secs(step.rest.into());
        if matches!(step.action, Action::Delete(_))
            && noted.is_some_and(|since| over(input, since, rest))
        {
            step.minutes -= f64::from(step.rest) / 60.0;
            step.rest = 0;
        }
    }
}

/// The deletions that are to soak. One that something else must wait for, as a successor that cannot stand
/// beside it, is not among them: the move itself would stand still.
fn soaks(input: &Input<'_>, plan: &Plan, places: &Places<'_>) -> BTreeMap<usize, Soak> {
    let steps = plan.steps.iter().enumerate();
    let mut soaks: BTreeMap<usize, Soak> = steps
        .filter_map(|(index, step)| Some((index, one(input, step, places)?)))
        .collect();
    let graph = plan.graph();
    let moves = |step: &Step| {
        let takes = step.action.movement() == Movement::Retire;
        !takes && !matches!(step.action, Action::Tag { .. })
    };
    let stops = |index: &usize| {
        let mut walk = Dfs::new(&graph, NodeIndex::new(*index));
        std::iter::from_fn(|| walk.next(&graph)).any(|node| moves(&plan.steps[node.index()]))
    };
    soaks.retain(|index, _| !stops(index));
    soaks
}

fn one(input: &Input<'_>, step: &Step, places: &Places<'_>) -> Option<Soak> {
    let Action::Delete(reason) = step.action else {
        return None;
    };
    let goes = matches!(
        reason,
        Reason::Removed | Reason::Lowered | Reason::Superseded | Reason::Orphan
    );
    let (place, found) = found(input, step, places)?;
    let time = time(input, step);
    let taggable = input.kinds.get(step.kind)?.about().taggable;
    if !goes || time.is_zero() || !taggable || found.says(mark::EPHEMERAL) {
        return None;
    }
    let since = since(found);
    if since.is_some_and(|since| over(input, since, time)) {
        return None;
    }
    // Where people come in, the deletion itself is what leads them away.
    if since.is_none() && is_entrance(input, step) && is_in_use(input, place) {
        return None;
    }
    Some(Soak { time, since })
}

/// For how long it soaks: as the stage says that takes it out, else as the stack says.
fn time(input: &Input<'_>, step: &Step) -> Duration {
    let mut removals = input.stack.removals.iter();
    let own = removals.find(|removal| removal.covers(&step.address));
    let time = own.and_then(|removal| removal.soak).or(input.stack.soak);
    time.unwrap_or_default()
}

/// Whether requests begin here: it leads them to something of ours, and nothing of ours leads them to it.
fn is_in_use(input: &Input<'_>, place: usize) -> bool {
    let names = input.inventory.names();
    let leads = |user: &FoundAny| -> Vec<usize> {
        let kind = input.kinds.get(user.live.kind());
        let uses = kind.map(|kind| kind.uses(&user.live)).unwrap_or_default();
        let roads = uses
            .iter()
            .filter(|used| path(input, user.live.kind(), used.field) == Some(Path::Leads));
        roads
            .filter_map(|used| names.get(used.to.as_str()).copied())
            .collect()
    };
    let ours = &input.inventory.ours;
    !leads(&ours[place]).is_empty() && !ours.iter().any(|user| leads(user).contains(&place))
}

/// All that waits for what soaks, and what would only prepare it.
fn put_off(plan: &Plan, soaks: &BTreeMap<usize, Soak>) -> BTreeSet<usize> {
    let graph = plan.graph();
    let mut late = BTreeSet::new();
    for index in soaks.keys() {
        let mut walk = Dfs::new(&graph, NodeIndex::new(*index));
        while let Some(node) = walk.next(&graph) {
            late.insert(node.index());
        }
    }
    for (index, step) in plan.steps.iter().enumerate() {
        let prepares = matches!(step.action, Action::Unprotect | Action::Clear(_));
        let mut after = graph.neighbors(NodeIndex::new(index));
        if prepares && after.all(|node| late.contains(&node.index())) {
            late.insert(index);
        }
    }
    late
}

/// Lists what soaks already. Consent to its loss is asked for again when it goes.
fn tell(
    input: &Input<'_>,
    draft: &mut Draft,
    soaks: &BTreeMap<usize, Soak>,
    fates: &[Fate],
    places: &Places<'_>,
) {
    for (index, fate) in fates.iter().enumerate() {
        let step = &draft.plan.steps[index];
        if !matches!(fate, Fate::PutOff) || !matches!(step.action, Action::Delete(_)) {
            continue;
        }
        let end = soaks.get(&index).and_then(|soak| {
            let end = until(soak.since?, soak.time);
            Some(end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        });
        let (address, why) = (step.address.clone(), step.why.clone());
        let noted = found(input, step, places).is_some_and(|(_, found)| since(found).is_some());
        if noted && !draft.wanted.contains_key(&address) {
            let refusals = &mut draft.plan.refusals;
            refusals.retain(|refusal| refusal.address != address);
        }
        draft.plan.soaking.push(Soaking {
            address,
            until: end,
            why,
        });
    }
    draft
        .plan
        .soaking
        .sort_by(|one, other| one.address.cmp(&other.address));
}

/// What soaks gets a new name of the stack at once: nothing else would give it.
fn renamed(input: &Input<'_>, plan: &Plan, fates: &[Fate], places: &Places<'_>) -> Vec<Step> {
    let owner = input.identity.owner();
    let steps = plan.steps.iter().zip(fates);
    let stale = steps.filter(|(step, fate)| {
        let found = found(input, step, places);
        let old = found.is_some_and(|(_, found)| found.owner.as_ref() != Some(&owner));
        old && !matches!(fate, Fate::Done) && matches!(step.action, Action::Delete(_))
    });
    stale
        .map(|(step, _)| Step {
            action: Action::Tag {
                set: Tags::from([(STACK.to_owned(), owner.clone())]),
                unset: Vec::new(),
            },
            why: "the stack's new name".to_owned(),
            impact: Impact::None,
            minutes: 0.1,
            rest: 0,
            needs: Vec::new(),
            ..step.clone()
        })
        .collect()
}

/// Takes what is put off out of the plan. Whoever waits for it waits for what it waits for.
fn carry(plan: &mut Plan, fates: &[Fate]) {
    let old: Vec<Vec<usize>> = plan.steps.iter().map(|step| step.needs.clone()).collect();
    let mut place = vec![None; fates.len()];
    let mut next = 0;
    for (index, fate) in fates.iter().enumerate() {
        if !matches!(fate, Fate::PutOff) {
            place[index] = Some(next);
            next += 1;
        }
    }
    let steps = std::mem::take(&mut plan.steps);
    for (index, (mut step, fate)) in steps.into_iter().zip(fates).enumerate() {
        match fate {
            Fate::PutOff => continue,
            Fate::Done => {}
            Fate::Note(time) => {
                step.action = Action::Soak(*time);
                step.impact = Impact::None;
                step.minutes = 0.1;
                step.rest = 0;
            }
        }
        let (mut needs, mut seen) = (BTreeSet::new(), BTreeSet::new());
        let mut queue = old[index].clone();
        while let Some(need) = queue.pop() {
            match place[need] {
                _ if !seen.insert(need) => {}
                Some(place) => {
                    needs.insert(place);
                }
                None => queue.extend(&old[need]),
            }
        }
        step.needs = needs.into_iter().collect();
        plan.steps.push(step);
    }
}
