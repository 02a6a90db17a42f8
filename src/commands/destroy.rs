//! `terrace destroy`: an environment is torn down.

use clap::Args as ClapArgs;

use crate::cli::{ConsentArgs, StackArgs};
use crate::failure::{Exit, Failure};
use crate::session::{self, Session};
use crate::ui::Ui;
use crate::ui::events::Events;

/// Tear an environment down. What holds data, addresses or a network needs consent: `--allow data`.
///
/// With `--format json` stdout is a line of JSON an event, as with `apply`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Print the API calls made, by action.
    #[arg(long)]
    calls: bool,
}

/// Destroys.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let events = Events::new(ui, args.stack.format);
    let end = Box::pin(destroy(args, ui, &events)).await;
    events.end(&end);
    end
}

async fn destroy(args: Args, ui: Ui, events: &Events) -> Result<Exit, Failure> {
    let session = Session::open(&args.stack, ui).await?;
    let options = session.options(&args.consent, true)?;
    let question = format!("Destroy all of {}?", session.identity.owner());
    let exit = super::apply::carry_out(&session, &options, ui, events, |plan, inventory| {
        events.plan(plan, inventory);
        session::refused(plan)?;
        session::guard(plan, &args.consent)?;
        super::apply::consent(plan, args.yes, &question, ui)
    })
    .await?;
    if args.calls {
        session::show_calls(&session.cx.door().calls(), ui);
    }
    Ok(exit)
}
