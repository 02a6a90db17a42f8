//! `terrace lock`: who is at work on an environment, and a way to free what a dead run has left.

use clap::Args as ClapArgs;
use serde_json::{Value, json};
use terrace_aws::lock::Lying;

use crate::cli::{Format, StackArgs};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::ui::Ui;
use crate::ui::paint::{Label, paint};

/// Show who holds the lock of an environment, since when and from where.
///
/// Every run that changes something holds it; plans do not. The lock of a run that died is free 90 seconds after its
/// last sign of life: the next run takes it over by itself.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
    /// Free it. A run that holds it, should it live, changes nothing any more; the next one waits until all that was
    /// begun must have come to light.
    #[arg(long)]
    release: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
}

/// Shows, or frees.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let session = Session::open(&args.stack, ui).await?;
    let lying = Lying::find(&session.cx).await?;
    let owner = session.identity.owner();
    match args.stack.format {
        Format::Json => ui.answer(&format!("{:#}\n", as_json(&owner, lying.as_ref()))),
        Format::Human | Format::Markdown => {
            ui.answer(&format!("{}\n", words(&owner, lying.as_ref())));
        }
    }
    let Some(lying) = lying.filter(|_| args.release) else {
        return Ok(Exit::Done);
    };
    if lying.holder.unsettled {
        ui.say("it is free already; the next run waits until all that was begun must have come to light");
        return Ok(Exit::Done);
    }
    if !args.yes {
        if !Ui::can_ask() {
            return Err(Failure::new("nobody is there to agree").hint("--yes agrees in advance"));
        }
        if lying.is_held() {
            ui.warn("its run gave a sign of life not long ago, and may be at work");
        }
        if !ui.ask(&format!("Free the lock of {}?", lying.holder.words())) {
            ui.say("nothing was done");
            return Ok(Exit::Done);
        }
    }
    if !lying.free(&session.cx).await? {
        return Err(
            Failure::new("the lock has changed hands meanwhile, and was left alone")
                .hint("look again: terrace lock"),
        );
    }
    let freed = paint(Label::Good, "freed");
    ui.say(&format!("{freed}: the next run may take it"));
    Ok(Exit::Done)
}

fn words(owner: &str, lying: Option<&Lying>) -> String {
    let Some(lying) = lying else {
        return format!("nobody holds the lock of {owner}");
    };
    let (holder, age) = (lying.holder.words(), lying.age);
    if lying.holder.unsettled {
        return format!(
            "the lock of {owner} is free; the last run did not hear of all that it asked for: {holder}, ended {age:.0} s ago"
        );
    }
    if lying.is_held() {
        return format!(
            "the lock of {owner} is held by {holder}; last sign of life {age:.0} s ago"
        );
    }
    format!(
        "the lock of {owner} is free to be taken over: {holder} gave its last sign of life {age:.0} s ago"
    )
}

fn as_json(owner: &str, lying: Option<&Lying>) -> Value {
    let lock = lying.map(|lying| {
        json!({
            "who": lying.holder.who,
            "host": lying.holder.host,
            "process": lying.holder.pid,
            "since": lying.holder.since,
            "last_sign_seconds": lying.age,
            "state": match (lying.holder.unsettled, lying.is_held()) {
                (true, _) => "unsettled",
                (false, true) => "held",
                (false, false) => "expired",
            },
        })
    });
    json!({ "stack": owner, "lock": lock })
}
