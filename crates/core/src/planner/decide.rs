//! Which live resource is which wanted one, and what must be replaced.

use std::cmp::Reverse;

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::DiGraph;

use super::steps::REGION;
use super::{Decision, Draft, Fate, Input, Trouble, spec};
use crate::address::Address;
use crate::erased::{AnyKind, AnySpec};
use crate::fields::{Effect, FieldChange};
use crate::inventory::FoundAny;
use crate::kind::{Class, Ready};
use crate::known::Known;
use crate::mark::{Generation, Mark, Tags};
use crate::plan::{Reason, Refusal};
use crate::source::{Moved, Resource};

/// Decides for every wanted resource, what is named before what names it.
pub(super) fn decide(input: &Input<'_>) -> Result<Draft, Trouble> {
    let mut draft = Draft::new(input);
    if input.options.destroy {
        return Ok(draft);
    }
    seed(input, &mut draft);
    for resource in in_order(input)? {
        let Some(kind) = input.kinds.get(&resource.kind) else {
            continue;
        };
        let spec = spec(kind, resource, &draft.known)?;
        let decision = one(input, &mut draft, kind, resource, spec);
        publish(input, &mut draft, kind, resource, &decision);
        draft.wanted.insert(resource.address.clone(), decision);
    }
    Ok(draft)
}

/// Late properties name resources that are decided later: what is live is known of them at first.
fn seed(input: &Input<'_>, draft: &mut Draft) {
    for (address, found) in input.inventory.standing(|_| false) {
        if !matches!(found.ready, Ready::Coming(_)) {
            draft
                .known
                .put(address.clone(), found.live.outputs().clone());
        }
    }
}

/// The resources, each after all that it names other than by late properties.
fn in_order<'a>(input: &Input<'a>) -> Result<Vec<&'a Resource>, Trouble> {
    let resources = &input.stack.resources;
    let mut graph = DiGraph::<usize, ()>::new();
    let nodes: Vec<_> = (0..resources.len())
        .map(|index| graph.add_node(index))
        .collect();
    for (index, resource) in resources.values().enumerate() {
        for need in &resource.needs {
            let Some(to) = resources.get_index_of(&need.to) else {
                continue;
            };
            if !is_late(input, resource, &need.field) {
                graph.add_edge(nodes[to], nodes[index], ());
            }
        }
    }
    if let Ok(order) = toposort(&graph, None) {
        Ok(order
            .into_iter()
            .map(|node| &resources[graph[node]])
            .collect())
    } else {
        let knot = tarjan_scc(&graph).into_iter().find(|knot| knot.len() > 1);
        let names = knot.unwrap_or_default().into_iter();
        let names = names.map(|node| resources[graph[node]].address.to_string());
        Err(Trouble::Cycle(names.collect()))
    }
}

/// Whether `field` of a resource is set only after what it names exists.
pub(super) fn is_late(input: &Input<'_>, resource: &Resource, field: &str) -> bool {
    let kind = input.kinds.get(&resource.kind);
    kind.is_some_and(|kind| kind.rows().iter().any(|row| row.late && row.name == field))
}

/// The mark a resource gets.
pub(super) fn mark(
    input: &Input<'_>,
    known: &Known,
    resource: &Resource,
    generation: Generation,
) -> Mark {
    let about = input.kinds.get(&resource.kind).map(AnyKind::about);
    let stack = input.stack;
    let expires = input.options.expires.clone().unwrap_or_default();
    let output = |address: &Address, output: &str| {
        known
            .get(address, output)
            .map(|value| minijinja::value::Serde(value).into())
    };
    // A tag whose value is not known yet is set once it is, as any other difference.
    let tags: Tags = resource
        .common
        .tags
        .iter()
        .filter_map(|(key, value)| {
            let value = value.settle(&output).ok()??;
            Some((key.clone(), value.as_str()?.to_owned()))
        })
        .collect();
    let protect = resource
        .common
        .protect
        .unwrap_or(about.is_some_and(|about| about.protect));
    let mut identity = input.identity.clone();
    if let Some(region) = &resource.common.region {
        identity.region.clone_from(region);
    }
    Mark {
        identity,
        address: resource.address.clone(),
        generation,
        tags,
        protect: protect && !stack.ephemeral,
        ephemeral: stack.ephemeral.then_some(expires),
        salt: String::new(),
    }
}

fn one(
    input: &Input<'_>,
    draft: &mut Draft,
    kind: &dyn AnyKind,
    resource: &Resource,
    spec: AnySpec,
) -> Decision {
    let wanted = resource.common.generation;
    let mut candidates = candidates(input, draft, resource);
    // The newest that fits is it; the others were replaced.
    let fits = |found: &FoundAny, generation: &Generation| {
        generation.wanted >= wanted
            && !matches!(found.ready, Ready::Broken(_))
            && found.region == resource.common.region
            && replaced_for(kind, resource, &spec, found, draft).is_empty()
    };
    let current = candidates
        .iter()
        .position(|(index, generation)| fits(&input.inventory.ours[*index], generation));
    if let Some(at) = current {
        let (index, generation) = candidates.remove(at);
        retire(draft, input, &candidates, Reason::Superseded);
        let live = Box::new(input.inventory.ours[index].live.clone());
        return Decision {
            fate: Fate::Keep(live, index),
            spec,
            generation,
        };
    }
    let Some((newest, generation)) = candidates.first().copied() else {
        let generation = Generation::first(wanted);
        return Decision {
            fate: Fate::Create,
            spec,
            generation,
        };
    };
    let found = &input.inventory.ours[newest];
    retire(draft, input, &candidates, Reason::Superseded);
    let mut fields = replaced_for(kind, resource, &spec, found, draft);
    if found.region != resource.common.region {
        fields.push(REGION);
    }
    let fate = Fate::Replace(Box::new(found.live.clone()), fields);
    Decision {
        fate,
        spec,
        generation: generation.next(wanted),
    }
}

/// Live resources at this address or the one it was at, newest generation first; twins taken out.
fn candidates(
    input: &Input<'_>,
    draft: &mut Draft,
    resource: &Resource,
) -> Vec<(usize, Generation)> {
    let ours = &input.inventory.ours;
    let marked = |address: &Address| -> Vec<(usize, Generation)> {
        let places = draft.places.get(address).into_iter().flatten().copied();
        let alive = places.filter(|place| !matches!(ours[*place].ready, Ready::Dying(_)));
        let generation = |place: usize| ours[place].mark.as_ref().map(|(_, g)| (place, *g));
        alive.filter_map(generation).collect()
    };
    let mut candidates = marked(&resource.address);
    if candidates.is_empty() {
        // It may live under the address it had before: said on it, or for its whole module.
        let moved = |old: &&Address| {
            let moves = |moved: &Moved| moved.apply(old).as_ref() == Some(&resource.address);
            resource.common.was.as_ref() == Some(*old) || input.stack.moved.iter().any(moves)
        };
        candidates = draft
            .places
            .keys()
            .find(moved)
            .map(marked)
            .unwrap_or_default();
    }
    candidates.sort_by_key(|(index, generation)| {
        let ready = matches!(ours[*index].ready, Ready::Broken(_));
        (
            ready,
            Reverse(*generation),
            ours[*index].live.id().to_owned(),
        )
    });
    settle_twins(input, draft, resource, &mut candidates);
    candidates
}

/// Two of one generation are one creation carried out twice. Where one is plainly the spare, it is
/// retired; else nobody but a person can tell (rule R3).
fn settle_twins(
    input: &Input<'_>,
    draft: &mut Draft,
    resource: &Resource,
    candidates: &mut Vec<(usize, Generation)>,
) {
    let ours = &input.inventory.ours;
    let broken = |index: usize| matches!(ours[index].ready, Ready::Broken(_));
    let mut at = 0;
    while at + 1 < candidates.len() {
        let ((one, generation), (other, next)) = (candidates[at], candidates[at + 1]);
        if generation != next || broken(one) || broken(other) {
            at += 1;
            continue;
        }
        let class = input
            .kinds
            .get(&resource.kind)
            .map(|kind| kind.class(None, &ours[one].live));
        let used = |index: usize, twin: usize| is_used(input, index, twin);
        let spare = match (class, used(one, other), used(other, one)) {
            (Some(Class::Data), ..) | (_, true, true) => None,
            (_, true | false, false) => Some(at + 1),
            (_, false, true) => Some(at),
        };
        if let Some(spare) = spare {
            let (index, _) = candidates.remove(spare);
            draft.leaving.insert(index, Reason::Twin);
        } else {
            let ids = [ours[one].live.id(), ours[other].live.id()];
            draft.plan.refusals.push(Refusal {
                address: resource.address.clone(),
                what: format!(
                    "two live resources carry its mark: {} and {}",
                    ids[0], ids[1]
                ),
                loss: None,
                ways: vec![
                    "look at both, and take the mark off the one that is not it:".to_owned(),
                    format!("terrace forget {} --id <ID>", resource.address),
                ],
            });
            at += 1;
        }
    }
}

/// Whether anything else of ours that is live uses it, by what its twin has not: a range names neither.
fn is_used(input: &Input<'_>, index: usize, twin: usize) -> bool {
    let texts = |index: usize| {
        let outputs = input.inventory.ours[index].live.outputs().values();
        outputs.filter_map(serde_json::Value::as_str)
    };
    let shared: Vec<&str> = texts(twin).collect();
    let handles: Vec<&str> = texts(index).filter(|text| !shared.contains(text)).collect();
    let others = input
        .inventory
        .ours
        .iter()
        .enumerate()
        .filter(|(other, _)| *other != index);
    others.into_iter().any(|(_, other)| {
        let kind = input.kinds.get(other.live.kind());
        let uses = kind.map(|kind| kind.uses(&other.live)).unwrap_or_default();
        uses.iter().any(|used| handles.contains(&used.to.as_str()))
    })
}

fn retire(
    draft: &mut Draft,
    input: &Input<'_>,
    candidates: &[(usize, Generation)],
    reason: Reason,
) {
    for (index, _) in candidates {
        let broken = matches!(input.inventory.ours[*index].ready, Ready::Broken(_));
        draft
            .leaving
            .insert(*index, if broken { Reason::Broken } else { reason });
    }
}

/// The properties for which a live resource must be replaced.
fn replaced_for(
    kind: &dyn AnyKind,
    resource: &Resource,
    spec: &AnySpec,
    found: &FoundAny,
    draft: &Draft,
) -> Vec<&'static str> {
    let changes = kind.diff(spec, &found.live, &draft.known);
    let ignored = |field: &str| resource.common.ignore.iter().any(|name| name == field);
    let replaced = changes
        .into_iter()
        .filter(|change| change.effect == Effect::Replace);
    replaced
        .map(|change| change.field)
        .filter(|field| !ignored(field))
        .collect()
}

/// Says what others may know of a resource from now on.
fn publish(
    input: &Input<'_>,
    draft: &mut Draft,
    kind: &dyn AnyKind,
    resource: &Resource,
    decision: &Decision,
) {
    let address = resource.address.clone();
    let mark = mark(input, &draft.known, resource, decision.generation);
    match &decision.fate {
        Fate::Create | Fate::Replace(..) => {
            draft
                .known
                .put(address, kind.foretell(&decision.spec, &mark));
        }
        Fate::Keep(live, _) => {
            let mut outputs = live.outputs().clone();
            let changes = kind.diff(&decision.spec, live, &draft.known).into_iter();
            // What is only noted moves nothing.
            let done = |change: &FieldChange| {
                !matches!(change.effect, Effect::Next(_) | Effect::Refuse(_))
            };
            for change in changes.filter(done) {
                for disturbed in change.disturbs {
                    outputs.shift_remove(*disturbed);
                }
            }
            for (name, value) in kind.foretell(&decision.spec, &mark) {
                outputs.entry(name).or_insert(value);
            }
            draft.known.put(address, outputs);
        }
    }
}
