//! `terrace forget`: something of ours lives on without us.

use clap::Args as ClapArgs;
use terrace_aws::world::ADDRESS;
use terrace_core::address::Address;
use terrace_core::inventory::{FoundAny, Inventory};
use terrace_core::mark::{OURS, Tags};
use terrace_core::source::close;

use super::import::{hand, taggable};
use crate::cli::StackArgs;
use crate::failure::{Exit, Failure};
use crate::session::{KINDS, Session};
use crate::ui::Ui;
use crate::ui::paint::{Label, paint};

/// Let go of a live resource: take the stack's mark off it. It lives on.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// Its address.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// AWS's id of it, where several have the address.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    stack: StackArgs,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// Forgets.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let session = Session::open(&args.stack, ui).await?;
    Box::pin(session.locked(ui, forget(&session, &args, ui))).await
}

async fn forget(session: &Session, args: &Args, ui: Ui) -> Result<Exit, Failure> {
    let address = &args.address;
    let inventory = session.discover().await?;
    let found = which(&inventory, address, args.id.as_deref())?;
    let kind = KINDS.get(&address.kind);
    let kind = kind.ok_or_else(|| Failure::new(format!("there is no kind `{}`", address.kind)))?;
    taggable(kind)?;
    let id = found.live.id();
    if session.stack().resources.contains_key(address) {
        ui.warn(&format!(
            "the TOML still names {address}: the next apply makes another one"
        ));
    }
    if !args.yes {
        if !Ui::can_ask() {
            return Err(Failure::new("nobody is there to agree").hint("--yes agrees in advance"));
        }
        if !ui.ask(&format!("Take the mark of {address} off {id}?")) {
            ui.say("nothing was done");
            return Ok(Exit::Done);
        }
    }
    let ours: Vec<String> = found
        .tags
        .keys()
        .filter(|key| key.starts_with(OURS))
        .cloned()
        .collect();
    let hand = hand(session, kind, found.region.as_deref())?;
    ADDRESS
        .scope(address.clone(), hand.tag(&found.live, &Tags::new(), &ours))
        .await?;
    let forgot = paint(Label::Good, "forgot");
    ui.say(&format!(
        "{forgot} {address}: {id} lives on, and is nobody's"
    ));
    Ok(Exit::Done)
}

/// The one that is meant.
fn which<'a>(
    inventory: &'a Inventory,
    address: &'a Address,
    id: Option<&str>,
) -> Result<&'a FoundAny, Failure> {
    let all: Vec<&FoundAny> = inventory.at(address).collect();
    let ids: Vec<&str> = all.iter().map(|found| found.live.id()).collect();
    let listed = ids.join(", ");
    match (all.as_slice(), id) {
        ([], _) => {
            let failure = Failure::new(format!("nothing live carries the mark of {address}"));
            let marks = inventory
                .ours
                .iter()
                .filter_map(|found| found.mark.as_ref());
            let names: Vec<String> = marks.map(|(address, _)| address.to_string()).collect();
            Err(
                match close(&address.to_string(), names.iter().map(String::as_str)) {
                    Some(close) => failure.hint(format!("did you mean `{close}`?")),
                    None => {
                        failure.hint("only what carries this environment's mark can be forgotten")
                    }
                },
            )
        }
        (all, Some(id)) => all
            .iter()
            .copied()
            .find(|found| found.live.id() == id)
            .ok_or_else(|| {
                Failure::new(format!("{id} is not {address}")).hint(format!("it is {listed}"))
            }),
        ([one], None) => Ok(one),
        (_, None) => Err(
            Failure::new(format!("several live ones are {address}: {listed}"))
                .hint("say which one is meant: --id"),
        ),
    }
}
