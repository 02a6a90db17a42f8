//! The laws themselves.

use std::collections::BTreeSet;

use terrace_aws::{KINDS, hands};
use terrace_core::address::Address;
use terrace_core::erased::AnyKind;
use terrace_core::fields::Effect;
use terrace_core::inventory::{Look, Seen};
use terrace_core::kind::Swap;
use terrace_core::mark::{Generation, Mark, OURS};
use terrace_core::plan::{Action, Plan};
use toml::Table;

use super::example::{another, read};
use super::stand::{Stand, Verdict, describe};

/// Law 1: from nothing, apply; then there is nothing to do.
pub(crate) async fn settled(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    let site = stand.site("law", &read(kind.name())?).await?;
    site.apply().await?;
    site.settled().await
}

/// Law 2: every property that can be changed in place is changed in place, it alone; then there is
/// nothing to do.
pub(crate) async fn updates(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    changes(kind, stand, false).await
}

/// Law 3: every property that AWS fixes at creation replaces, in the declared order.
pub(crate) async fn replacements(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    changes(kind, stand, true).await
}

async fn changes(kind: &dyn AnyKind, stand: &Stand, replacing: bool) -> Verdict {
    let example = read(kind.name())?;
    stand.site("law", &example).await?.apply().await?;
    let mut current = example.clone();
    for row in kind.rows() {
        if row.on_change == "seed"
            || (row.on_change == "replace") != replacing && row.on_change != "depends"
        {
            continue;
        }
        if kind.schema()["properties"][row.name]["x-no-law"].is_string() {
            continue;
        }
        let Some(value) = another(kind, &current, row.name) else {
            continue;
        };
        let mut changed = current.clone();
        set(&mut changed, kind.name(), row.name, value)?;
        let site = match stand.site("law", &changed).await {
            Ok(site) => site,
            // One property's other value may need another's: the example says which by its order.
            Err(report) => return Err(format!("{}: {report}", row.name)),
        };
        let (plan, inventory) = site.plan(false).await?;
        drop(inventory);
        let replaces = plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Create { replaces: true, .. }));
        if row.on_change == "depends" && replaces != replacing {
            continue;
        }
        let problem = |what: &str| Err(format!("{}: {what}: {}", row.name, describe(&plan)));
        if plan.is_empty() && plan.notes.is_empty() {
            return problem("the change is not seen");
        }
        if replacing {
            if !replaces {
                return problem("it does not replace");
            }
            order(kind, &plan)?;
        } else if !only(&plan, row.name) {
            return problem("more than the change is planned");
        }
        site.apply()
            .await
            .map_err(|error| format!("{}: {error}", row.name))?;
        site.settled()
            .await
            .map_err(|error| format!("{}: {error}", row.name))?;
        current = changed;
    }
    Ok(())
}

fn set(stack: &mut Table, kind: &str, field: &str, value: toml::Value) -> Verdict {
    let example = stack
        .get_mut(kind)
        .and_then(|named| named.get_mut("example"));
    let table = example
        .and_then(toml::Value::as_table_mut)
        .ok_or("no resource named `example`")?;
    table.insert(field.to_owned(), value);
    Ok(())
}

/// Whether a plan changes this property of the example, in place, and nothing else.
fn only(plan: &Plan, field: &str) -> bool {
    plan.steps.iter().all(|step| {
        step.address.name == "example"
            && !matches!(step.action, Action::Create { .. } | Action::Delete(_))
            && step
                .changes
                .iter()
                .all(|change| change.field == field || change.effect == Effect::Update)
    })
}

/// New before old, or old before new, as the kind declares.
fn order(kind: &dyn AnyKind, plan: &Plan) -> Verdict {
    let place = |wanted: fn(&Action) -> bool| {
        plan.steps
            .iter()
            .position(|step| step.address.name == "example" && wanted(&step.action))
    };
    let create = place(|action| matches!(action, Action::Create { .. }));
    let delete = place(|action| matches!(action, Action::Delete(_)));
    let (Some(create), Some(delete)) = (create, delete) else {
        return Err(format!(
            "a replacement creates and deletes: {}",
            describe(plan)
        ));
    };
    let old = plan.steps[delete]
        .live
        .as_ref()
        .ok_or("nothing live goes")?;
    let swap = kind.swap(old, &plan.steps[create].changes);
    let (first, second) = match swap {
        Swap::CreateFirst => (create, delete),
        Swap::DeleteFirst => (delete, create),
    };
    if plan.steps[second].needs.contains(&first) {
        return Ok(());
    }
    Err(format!("not {swap:?}: {}", describe(plan)))
}

/// Law 6: destroyed, the account is as empty as before, and a neighbour of another stack that looks
/// alike is untouched.
pub(crate) async fn destroyed(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    let example = read(kind.name())?;
    // A neighbour with the same names in one account is impossible; then there is none.
    let neighbour = stand.site("neighbour", &example).await?;
    let has_neighbour = !neighbour.claims_names();
    if has_neighbour {
        neighbour
            .apply()
            .await
            .map_err(|error| format!("the neighbour: {error}"))?;
    }
    let before = stand.census().await?;
    let site = stand.site("law", &example).await?;
    site.apply().await?;
    site.losses_are_asked_for().await?;
    site.destroy().await?;
    let after = stand.census().await?;
    if before != after {
        return Err(format!("before {before:?}, after {after:?}"));
    }
    if has_neighbour {
        neighbour
            .settled()
            .await
            .map_err(|error| format!("the neighbour: {error}"))?;
    }
    Ok(())
}

/// Law 7: what lost its mark is found again by its id, and marked it is as it should be.
pub(crate) async fn imported(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    if !kind.about().taggable {
        return Ok(()); // Its mark is not a tag: `import` says that it cannot.
    }
    let site = stand.site("law", &read(kind.name())?).await?;
    site.apply().await?;
    let address = Address::new(kind.name(), "example");
    let inventory = site.discover().await?;
    let found = inventory
        .at(&address)
        .next()
        .ok_or("not found after apply")?
        .clone();
    let hand = hands(&site.cx)
        .into_iter()
        .find(|hand| hand.name() == kind.name());
    let hand = hand.ok_or("no hand")?;
    let ours: Vec<String> = found
        .tags
        .keys()
        .filter(|key| key.starts_with(OURS))
        .cloned()
        .collect();
    let failed = |error: terrace_core::error::CloudError| error.to_string();
    hand.tag(&found.live, &terrace_core::mark::Tags::new(), &ours)
        .await
        .map_err(failed)?;
    if site.discover().await?.at(&address).next().is_some() {
        return Err("found without its mark".into());
    }
    let look = Look::Id(found.live.id().to_owned());
    let again = hand
        .clone()
        .discover(look, Seen::default())
        .await
        .map_err(failed)?;
    let [again] = again.as_slice() else {
        return Err(format!(
            "{} found by its id {}",
            again.len(),
            found.live.id()
        ));
    };
    let mark = Mark {
        identity: site.identity.clone(),
        address: address.clone(),
        generation: Generation::first(1),
        tags: terrace_core::mark::Tags::new(),
        protect: kind.about().protect,
        ephemeral: None,
        salt: String::new(),
    };
    let mut tags = mark.all_tags();
    // What the kind itself keeps in tags came with the resource.
    tags.extend(
        found
            .tags
            .iter()
            .filter(|(key, _)| key.starts_with(OURS))
            .map(|(k, v)| (k.clone(), v.clone())),
    );
    hand.tag(&again.live, &tags, &[]).await.map_err(failed)?;
    site.settled().await
}

/// Law 8: no call without its action being declared by a kind of the example.
pub(crate) async fn actions(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    let example = read(kind.name())?;
    let site = stand.site("law", &example).await?;
    site.apply().await?;
    site.settled().await?;
    site.destroy().await?;
    let declared: BTreeSet<&str> = KINDS
        .iter()
        .flat_map(|kind| kind.about().actions.iter().copied())
        .collect();
    let own: BTreeSet<&str> = KINDS
        .iter()
        .filter(|other| example.contains_key(other.name()))
        .flat_map(|kind| kind.about().actions.iter().copied())
        .collect();
    let calls = site.cx.door().calls();
    let undeclared: Vec<&String> = calls
        .keys()
        .filter(|action| !declared.contains(action.as_str()))
        .collect();
    if !undeclared.is_empty() {
        return Err(format!("no kind declares {undeclared:?}"));
    }
    let foreign: Vec<&String> = calls
        .keys()
        .filter(|action| !own.contains(action.as_str()) && !is_read(action))
        .collect();
    if foreign.is_empty() {
        Ok(())
    } else {
        Err(format!("not its own: {foreign:?}"))
    }
}

/// Discovery lists every kind, so reads of others occur.
fn is_read(action: &str) -> bool {
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    ["Describe", "List", "Get"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

/// Every property of every spec has exactly one row.
pub(crate) fn rows() -> Verdict {
    let mut wrong = Vec::new();
    for kind in KINDS {
        let properties = kind.schema()["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let rows = kind.rows();
        for property in properties.keys() {
            let count = rows.iter().filter(|row| row.name == property).count();
            if count != 1 {
                wrong.push(format!("{}.{property}: {count} rows", kind.name()));
            }
        }
        for row in rows.iter().filter(|row| !properties.contains_key(row.name)) {
            wrong.push(format!(
                "{}: a row `{}` without property",
                kind.name(),
                row.name
            ));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("; "))
    }
}
