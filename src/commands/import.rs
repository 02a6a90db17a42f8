//! `terrace import`: something that lives already becomes ours, by having our mark put on it.

use std::fmt::Write as _;
use std::sync::Arc;

use clap::Args as ClapArgs;
use serde_json::{Value, json};
use terrace_aws::world::ADDRESS;
use terrace_core::address::Address;
use terrace_core::apply::World as _;
use terrace_core::erased::{AnyHand, AnyKind};
use terrace_core::inventory::{FoundAny, Inventory, Look, Seen};
use terrace_core::kind::Ready;
use terrace_core::mark::Tags;
use terrace_core::plan::{Action, Plan, Step};
use terrace_core::source::close;

use crate::cli::{ConsentArgs, Format, StackArgs};
use crate::failure::{Exit, Failure};
use crate::session::{KINDS, Session};
use crate::ui::Ui;
use crate::ui::paint::{Label, paint};
use crate::ui::plan::PlanView;

/// Make a live resource ours: put the stack's mark on it.
///
/// The TOML must name the address first. Shows how what is live differs from it, and changes nothing but
/// tags; the next apply does the rest.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The address it is to have.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// AWS's id of it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    stack: StackArgs,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// Imports.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let session = Session::open(&args.stack, ui).await?;
    let kind = wanted(&session, &args.address)?;
    Box::pin(session.locked(ui, import(&session, kind, &args, ui))).await
}

/// The kind of an address that the TOML names and that can be marked.
fn wanted(session: &Session, address: &Address) -> Result<&'static dyn AnyKind, Failure> {
    let resources = &session.stack().resources;
    if !resources.contains_key(address) {
        let failure = Failure::new(format!("the TOML of this stage does not name {address}"));
        let names: Vec<String> = resources.keys().map(ToString::to_string).collect();
        return Err(
            match close(&address.to_string(), names.iter().map(String::as_str)) {
                Some(close) => failure.hint(format!("did you mean `{close}`?")),
                None => failure.hint("write the resource as it is to be, then import what is live"),
            },
        );
    }
    let kind = KINDS.get(&address.kind);
    let kind = kind.ok_or_else(|| Failure::new(format!("there is no kind `{}`", address.kind)))?;
    taggable(kind)?;
    Ok(kind)
}

/// A kind without tags cannot carry a mark.
pub(crate) fn taggable(kind: &dyn AnyKind) -> Result<(), Failure> {
    if kind.about().taggable {
        return Ok(());
    }
    let message = format!(
        "a `{}` carries no tags, so there is nothing to put a mark on",
        kind.name()
    );
    Err(Failure::new(message)
        .hint("terrace knows one by its name, and by the mark of what it belongs to"))
}

async fn import(
    session: &Session,
    kind: &'static dyn AnyKind,
    args: &Args,
    ui: Ui,
) -> Result<Exit, Failure> {
    let (address, id) = (&args.address, &args.id);
    let inventory = session.discover().await?;
    if let Some(found) = inventory.at(address).next() {
        if found.live.id() == id {
            ui.say(&format!("{address} is {id} already"));
            return Ok(Exit::Done);
        }
        let message = format!("{address} is alive: it is {}", found.live.id());
        return Err(Failure::refused(message).hint(format!(
            "`terrace forget {address}` lets go of that one first"
        )));
    }
    let wanted = session.stack().resources.get(address);
    let region = wanted.and_then(|resource| resource.common.region.as_deref());
    let hand = hand(session, kind, region)?;
    let found = find(&hand, id).await?.in_region(region);
    free(session, address, &found)?;

    let options = session.options(&ConsentArgs::default(), false)?;
    let tags = mark(&session.plan_of(&inventory, &options)?, address)?;
    let inventory = with(inventory, &found, &tags);
    let plan = session.plan_of(&inventory, &options)?;
    let json = args.stack.format == Format::Json;
    if !json {
        ui.answer(&view(session, address, &found, &plan, &inventory));
    }
    if !args.yes {
        if !Ui::can_ask() {
            return Err(Failure::new("nobody is there to agree").hint("--yes agrees in advance"));
        }
        if !ui.ask(&format!("Put the mark of {address} on {id}?")) {
            ui.say("nothing was done");
            return Ok(Exit::Done);
        }
    }
    let nothing: [String; 0] = [];
    ADDRESS
        .scope(address.clone(), hand.tag(&found.live, &tags, &nothing))
        .await?;
    if json {
        let steps = plan.steps.iter().filter(|step| step.address == *address);
        let steps: Vec<Value> = steps.map(Step::to_json).collect();
        let facts = found.live.facts();
        let answer = json!({ "address": address, "id": id, "facts": facts, "steps": steps });
        ui.answer(&format!("{answer:#}\n"));
    }
    ui.say(&format!(
        "{} {address} is {id}",
        paint(Label::Good, "imported")
    ));
    Ok(Exit::Done)
}

/// The hand of a kind in a region, `None` being the home region.
pub(crate) fn hand(
    session: &Session,
    kind: &dyn AnyKind,
    region: Option<&str>,
) -> Result<Arc<dyn AnyHand>, Failure> {
    let hand = session.world().hand(kind.name(), region);
    hand.ok_or_else(|| Failure::new(format!("`{}` has no hand; this is a bug", kind.name())))
}

async fn find(hand: &Arc<dyn AnyHand>, id: &str) -> Result<FoundAny, Failure> {
    let look = Look::Id(id.to_owned());
    let mut found = Arc::clone(hand).discover(look, Seen::default()).await?;
    found.retain(|found| found.live.id() == id);
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(
            Failure::new(format!("there is no {} {id} here", hand.name()))
                .hint("the id, the region and the account must be those of the stack"),
        ),
        many => Err(Failure::new(format!("{many} live ones answer to {id}"))),
    }
}

/// Whether nothing speaks against taking it.
fn free(session: &Session, address: &Address, found: &FoundAny) -> Result<(), Failure> {
    let id = found.live.id();
    if let (Some(owner), Some((theirs, _))) = (&found.owner, &found.mark) {
        let failure = Failure::refused(format!("{id} is {theirs} of {owner}"));
        let same = *owner == session.identity.owner();
        return Err(if same && theirs.kind == address.kind {
            failure.hint(format!(
                "to rename it, write was = \"{theirs}\" at {address}"
            ))
        } else {
            failure.hint(format!(
                "`terrace forget {theirs}` in {owner} lets go of it"
            ))
        });
    }
    if let Ready::Dying(state) | Ready::Broken(state) = &found.ready {
        return Err(Failure::refused(format!(
            "{id} cannot be imported: it is {state}"
        )));
    }
    Ok(())
}

/// The tags that a creation would give it.
fn mark(plan: &Plan, address: &Address) -> Result<Tags, Failure> {
    let marks = plan.steps.iter().filter(|step| step.address == *address);
    let mut mark = marks.filter_map(|step| match &step.action {
        Action::Create { mark, .. } => Some(mark.all_tags()),
        _ => None,
    });
    mark.next()
        .ok_or_else(|| Failure::new(format!("{address} is not to be made: nothing to import")))
}

/// The inventory as it will be.
fn with(mut inventory: Inventory, found: &FoundAny, tags: &Tags) -> Inventory {
    let mut all = found.tags.clone();
    all.extend(tags.clone());
    let found = FoundAny::new(found.live.clone(), all, Tags::new(), found.ready.clone());
    inventory.ours.push(found);
    inventory
}

fn view(
    session: &Session,
    address: &Address,
    found: &FoundAny,
    plan: &Plan,
    inventory: &Inventory,
) -> String {
    let id = found.live.id();
    let mut text = format!("{} {id}\n", paint(Label::Heading, &address.kind));
    let facts = found.live.facts().as_object();
    let facts: Vec<(&String, &Value)> = facts
        .into_iter()
        .flatten()
        .filter(|(name, value)| *name != "id" && !value.is_null())
        .collect();
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in facts {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(text, "  {name:<width$}  {value}");
    }
    let _ = writeln!(
        text,
        "\nIt becomes {address} of {}.",
        session.identity.owner()
    );
    let steps = PlanView::new(plan, inventory).some(|step| step.address == *address);
    let refusals = plan
        .refusals
        .iter()
        .filter(|refusal| refusal.address == *address);
    let mut differs = steps;
    for refusal in refusals {
        let _ = writeln!(differs, "  ! {}", refusal.what);
    }
    if differs.is_empty() {
        text.push_str("It is as the TOML says.\n");
    } else {
        let _ = write!(
            text,
            "It differs from the TOML. The next apply would:\n{differs}"
        );
    }
    text
}
