//! Guards over a whole plan, each lifted for one run by a word of `--allow`: they ask whether this is meant, where a
//! slip in the TOML or a wrong view of the account would look the same.

use terrace_core::inventory::Inventory;
use terrace_core::plan::{Action, Plan};
use terrace_core::planner::many;

use crate::cli::ConsentArgs;
use crate::failure::Failure;
use crate::session::Session;
use crate::ui::Ui;

/// The word for a plan that deletes most of a stack.
const MANY: &str = "many";

/// The word for a stack that is gone although it stood.
const EMPTY: &str = "empty";

/// Whether a word of `--allow` is for one of these guards, and no loss.
pub(crate) fn is_word(text: &str) -> bool {
    [MANY, EMPTY].contains(&text)
}

fn says(consent: &ConsentArgs, word: &str) -> bool {
    consent.allow.iter().any(|said| said == word)
}

/// What a plan deletes of a stack, if that is most of it and was not consented to.
fn most(plan: &Plan, inventory: &Inventory, consent: &ConsentArgs) -> Option<String> {
    let many = many(plan, inventory).filter(|_| !says(consent, MANY))?;
    Some(format!(
        "this deletes {} of the {} resources that are live",
        many.deleted, many.live
    ))
}

/// Says of a plan what an apply will ask.
pub(crate) fn warn(plan: &Plan, inventory: &Inventory, consent: &ConsentArgs, ui: Ui) {
    if let Some(most) = most(plan, inventory, consent) {
        ui.warn(&format!(
            "{most}: an apply asks again, or takes --allow {MANY}"
        ));
    }
}

/// Off a terminal a plan that deletes most of a stack is refused.
pub(crate) fn refuse_many(
    plan: &Plan,
    inventory: &Inventory,
    consent: &ConsentArgs,
) -> Result<(), Failure> {
    match most(plan, inventory, consent) {
        Some(most) if !Ui::can_ask() => Err(Failure::refused(format!(
            "{most}, and nobody is there to be asked again"
        ))
        .hint(format!("if that is meant: --allow {MANY}"))
        .hint("if not: look which file or `remove` in the TOML takes them out")),
        _ => Ok(()),
    }
}

/// On a terminal it is asked once more, whatever was agreed to before.
pub(crate) fn ask_many(plan: &Plan, inventory: &Inventory, consent: &ConsentArgs, ui: Ui) -> bool {
    match most(plan, inventory, consent) {
        Some(most) => {
            ui.warn(&format!("{most}."));
            ui.ask("Is that meant?")
        }
        None => true,
    }
}

/// A stack of which nothing is found although it stood is not built a second time unasked: a wrong view of the
/// account looks just like that (aws-semantics R18).
pub(crate) fn refuse_empty(
    session: &Session,
    plan: &Plan,
    inventory: &Inventory,
    consent: &ConsentArgs,
) -> Result<(), Failure> {
    if says(consent, EMPTY) {
        return Ok(());
    }
    match unseen(
        session,
        plan,
        inventory,
        ": this would build it a second time",
    ) {
        Some(refusal) => Err(refusal.hint(format!("if it is really gone: --allow {EMPTY}"))),
        None => Ok(()),
    }
}

/// What is not found although it stood has not drifted: nobody has seen it.
pub(crate) fn refuse_unseen(
    session: &Session,
    plan: &Plan,
    inventory: &Inventory,
) -> Result<(), Failure> {
    match unseen(session, plan, inventory, ", and that is no drift") {
        Some(refusal) => Err(refusal.hint(format!(
            "if it is really gone: `terrace apply --allow {EMPTY}` builds it anew"
        ))),
        None => Ok(()),
    }
}

/// Why a plan is not believed that finds nothing of a stack that stood, and what to look at.
fn unseen(session: &Session, plan: &Plan, inventory: &Inventory, so: &str) -> Option<Failure> {
    let creates = |action: &Action| matches!(action, Action::Create { .. });
    let builds = plan.steps.iter().any(|step| creates(&step.action));
    if !builds || !inventory.ours.is_empty() || !session.stood() {
        return None;
    }
    let id = &session.identity;
    let message = format!(
        "nothing of {} is found in account {}, although it stood there{so}",
        id.owner(),
        id.account
    );
    let refusal = Failure::refused(message)
        .hint(format!(
            "look in the console whether it is there, in {} above all, and still has its tags terrace:stack and terrace:id",
            id.region
        ))
        .hint("look whether these credentials may list everything: a policy can hide what is there");
    Some(refusal)
}
