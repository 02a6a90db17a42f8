//! `terrace plan`: what apply would do.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::cli::{ConsentArgs, Format, StackArgs};
use crate::failure::{Exit, Failure};
use crate::guards;
use crate::session::{self, Session};
use crate::ui::Ui;
use crate::ui::plan::PlanView;

/// Show what apply would do.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Exit with 2 if there is something to do.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Print the API calls made, by action.
    #[arg(long)]
    calls: bool,
    /// Save the plan, to be applied as approved.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Plans.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let session = Session::open(&args.stack, ui).await?;
    let options = session.options(&args.consent, false)?;
    let inventory = session.discover().await?;
    let (inventory, plan) = session.plan(inventory, &options).await?;
    let view = PlanView::new(&plan, &inventory);
    match args.stack.format {
        Format::Human => ui.answer(&view.human()),
        Format::Markdown => ui.answer(&view.markdown()),
        Format::Json => ui.answer(&format!("{:#}\n", plan.to_json())),
    }
    if args.calls {
        session::show_calls(&session.cx.door().calls(), ui);
    }
    if let Some(out) = &args.out {
        std::fs::write(out, format!("{:#}\n", plan.to_json()))
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", out.display())))?;
    }
    session::refused(&plan)?;
    session::guard(&plan, &args.consent)?;
    guards::refuse_empty(&session, &plan, &inventory, &args.consent)?;
    guards::warn(&plan, &inventory, &args.consent, ui);
    Ok(session::exit(!plan.is_empty(), args.detailed_exitcode))
}
