//! What is to go: replaced, removed, orphaned, or all of it; and what must not without consent.

use std::collections::{BTreeMap, VecDeque};

use super::{Draft, Input};
use crate::address::Address;
use crate::inventory::FoundAny;
use crate::kind::{Class, Impact, Loss, Ready};
use crate::mark;
use crate::minutes::Minutes;
use crate::plan::{Action, Kept, Reason, Refusal, Step};

/// The steps of everything that is to go: replaced, removed, orphaned, or all of it.
pub(super) fn all(input: &Input<'_>, draft: &mut Draft) {
    let ours = &input.inventory.ours;
    let kept = draft.kept();
    for (index, found) in ours.iter().enumerate() {
        let Some((address, _)) = &found.mark else {
            continue;
        };
        let taken = kept.contains(&index);
        let gone = matches!(found.ready, Ready::Dying(_));
        if taken || gone || draft.leaving.contains_key(&index) {
            continue;
        }
        if draft.wanted.contains_key(address) {
            continue; // A twin that a person must judge.
        }
        let reason = if input.options.destroy {
            Reason::Destroyed
        } else if input.stack.above.contains_key(address) {
            Reason::Lowered
        } else if taken_out(input, address).is_some() {
            Reason::Removed
        } else {
            Reason::Orphan
        };
        draft.leaving.insert(index, reason);
    }
    keep_what_lowering_would_lose(input, draft);
    let leaving: Vec<(usize, Reason)> = draft.leaving.iter().map(|(i, r)| (*i, *r)).collect();
    for (index, reason) in leaving {
        delete(input, draft, &ours[index], reason);
    }
}

/// Lowering the stage deletes no data and no address, nor what those need.
fn keep_what_lowering_would_lose(input: &Input<'_>, draft: &mut Draft) {
    let ours = &input.inventory.ours;
    let names = input.inventory.names();
    let mut keep: BTreeMap<usize, String> = BTreeMap::new();
    // First what is kept for its own sake, then what that needs.
    let mut queue: VecDeque<(usize, String)> = VecDeque::new();
    for (index, reason) in &draft.leaving {
        let Some(kind) = input.kinds.get(ours[*index].live.kind()) else {
            continue;
        };
        let class = kind.class(None, &ours[*index].live);
        if *reason == Reason::Lowered && class != Class::Stateless {
            let stage = ours[*index]
                .mark
                .as_ref()
                .and_then(|(a, _)| input.stack.above.get(a));
            let stage = stage.map_or("a higher stage", String::as_str);
            queue.push_back((
                *index,
                format!("stage {stage} has it; it holds {}", holds(class)),
            ));
        }
    }
    while let Some((index, why)) = queue.pop_front() {
        if !draft.leaving.contains_key(&index) || keep.contains_key(&index) {
            continue;
        }
        let by = ours[index]
            .mark
            .as_ref()
            .map(|(a, _)| a.to_string())
            .unwrap_or_default();
        let kind = input.kinds.get(ours[index].live.kind());
        for used in kind
            .map(|kind| kind.uses(&ours[index].live))
            .unwrap_or_default()
        {
            if let Some(below) = names.get(used.to.as_str()) {
                queue.push_back((*below, format!("{by} needs it")));
            }
        }
        keep.insert(index, why);
    }
    for (index, why) in keep {
        draft.leaving.remove(&index);
        if let Some((address, _)) = &ours[index].mark {
            draft.plan.kept.push(Kept {
                address: address.clone(),
                why,
            });
        }
    }
}

fn delete(input: &Input<'_>, draft: &mut Draft, found: &FoundAny, reason: Reason) {
    let (Some((address, _)), Some(kind)) = (&found.mark, input.kinds.get(found.live.kind())) else {
        return;
    };
    let class = kind.class(None, &found.live);
    let replaced = matches!(reason, Reason::Superseded | Reason::Twin | Reason::Broken);
    let ephemeral = found.says(mark::EPHEMERAL);
    // Whoever destroys an environment has agreed to lose its names and networks; data is asked for.
    let asked = |loss: &Loss| reason != Reason::Destroyed || *loss == Loss::Data;
    let lost = class
        .loss()
        .filter(|_| !replaced && !ephemeral)
        .filter(asked);
    if let Some(loss) = lost
        && !allowed(input, address, loss)
    {
        draft
            .plan
            .refusals
            .push(refusal(address, reason, loss, class));
    }
    let protected = found.says(mark::PROTECT) || kind.protected(&found.live);
    if protected && class.loss().is_none() && !ephemeral && !replaced {
        draft.plan.refusals.push(Refusal {
            address: address.clone(),
            what: "it is protected".to_owned(),
            loss: None,
            ways: vec!["write protect = false on it, apply, then take it out".to_owned()],
        });
    }
    let step = |action: Action, impact: Impact, minutes: f64| Step {
        address: address.clone(),
        kind: kind.name(),
        region: found.region.clone(),
        action,
        changes: Vec::new(),
        why: why(input, address, reason),
        impact,
        leaves: None,
        minutes,
        rest: 0,
        gates: Vec::new(),
        needs: Vec::new(),
        held: None,
        live: Some(found.live.clone()),
        spec: None,
    };
    if kind.protected(&found.live) {
        draft
            .plan
            .steps
            .push(step(Action::Unprotect, Impact::None, Minutes::QUICK));
    }
    let impact = match class {
        Class::Data if !replaced => Impact::DataLoss,
        Class::Identity | Class::Foundation if !replaced => Impact::Outage,
        _ => Impact::None,
    };
    let mut delete = step(Action::Delete(reason), impact, kind.minutes().delete);
    if impact == Impact::DataLoss && !ephemeral {
        delete.leaves = kind.about().leaves;
    }
    if reason != Reason::Destroyed {
        delete.rest = noted_rest(found);
    }
    draft.plan.steps.push(delete);
}

/// What an earlier run noted that led the requests away, and was cut off before it could wait for the last.
pub(super) fn noted_rest(found: &FoundAny) -> u32 {
    let noted = found.tags.get(mark::LEAVING);
    noted.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn why(input: &Input<'_>, address: &Address, reason: Reason) -> String {
    match reason {
        Reason::Removed => taken_out(input, address).unwrap_or_default(),
        Reason::Orphan => "no longer in the TOML".to_owned(),
        Reason::Superseded => "replaced".to_owned(),
        Reason::Twin => "a spare: the same creation went through twice".to_owned(),
        Reason::Broken => "its creation failed".to_owned(),
        Reason::Lowered => {
            format!(
                "not on stage {}",
                input.stack.stage.as_deref().unwrap_or_default()
            )
        }
        Reason::Destroyed => "destroy".to_owned(),
    }
}

fn refusal(address: &Address, reason: Reason, loss: Loss, class: Class) -> Refusal {
    let what = match reason {
        Reason::Orphan => "it is no longer in the TOML",
        Reason::Destroyed => "everything is to be destroyed",
        _ => "it is taken out",
    };
    let in_toml = match reason {
        Reason::Destroyed => "protect it from nothing: see `terrace destroy --help`".to_owned(),
        _ => format!(
            "keep it in its stage file, and above the first table of a later one write\n\
             remove = [{{ address = \"{address}\", allow = \"{loss}\" }}]"
        ),
    };
    let for_one_run = match reason {
        Reason::Destroyed => format!("--allow {loss}={address} or --allow {loss} for all"),
        _ => format!("--allow {loss}={address} for this run"),
    };
    let mut ways = vec![in_toml, for_one_run];
    if reason == Reason::Destroyed {
        ways.remove(0);
    }
    Refusal {
        address: address.clone(),
        what: format!("{what}, and {}", lost(loss, class)),
        loss: Some(loss),
        ways,
    }
}

pub(super) fn lost(loss: Loss, class: Class) -> String {
    match loss {
        Loss::Data | Loss::Address | Loss::Network => format!("{} would be lost", holds(class)),
        Loss::Promotion => "its link to its source would be lost".to_owned(),
    }
}

fn holds(class: Class) -> &'static str {
    match class {
        Class::Data => "what users stored in it",
        Class::Identity => "a name or address that others may hold",
        Class::Foundation => "a network that others stand in",
        Class::Stateless => "nothing",
    }
}

/// Whether a loss was consented to: on an ephemeral environment, for this run, or in TOML.
pub(super) fn allowed(input: &Input<'_>, address: &Address, loss: Loss) -> bool {
    let run =
        input.options.allow.iter().any(|(allowed, of)| {
            *allowed == loss && of.as_ref().is_none_or(|of| of.covers(address))
        });
    let toml = input
        .stack
        .removals
        .iter()
        .any(|removal| removal.covers(address) && removal.allow.contains(&loss));
    input.stack.ephemeral || run || toml
}

/// What takes an address out: a stage's `remove`, or a `when`.
fn taken_out(input: &Input<'_>, address: &Address) -> Option<String> {
    let mut removals = input.stack.removals.iter();
    if let Some(removal) = removals.find(|removal| removal.covers(address)) {
        return Some(removal.stage.clone());
    }
    let off = input.stack.off.iter().any(|off| off.covers(address));
    off.then(|| "its `when` is false".to_owned())
}
