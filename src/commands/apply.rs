//! `terrace apply`: what is live becomes what the TOML says.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args as ClapArgs;
use serde_json::Value;
use terrace_aws::bucket::Bucket;
use terrace_aws::footprint;
use terrace_aws::teardown::{self, Certificate, Scope};
use terrace_aws::timing::Timing;
use terrace_core::apply::{Apply, End, Outcome};
use terrace_core::inventory::Inventory;
use terrace_core::plan::{Action, Plan, Step};
use terrace_core::planner::Options;

use crate::cli::{ConsentArgs, StackArgs};
use crate::ended::{self, AGAIN};
use crate::failure::{Exit, Failure};
use crate::guards;
use crate::saved;
use crate::session::{self, KINDS, Session};
use crate::ui::Ui;
use crate::ui::events::Events;
use crate::ui::picture::text;
use crate::ui::progress::{Pace, Progress};

/// Make what is live what the TOML says.
///
/// With `--format json` stdout is a line of JSON an event, as it happens: `plan` first, then for each part of it
/// `started`, `waiting`, and how it ended; `end` last.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Go on only if all there is to do is in this saved plan.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Print the API calls made, by action.
    #[arg(long)]
    calls: bool,
}

/// Applies.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let events = Events::new(ui, args.stack.format);
    let end = Box::pin(apply(args, ui, &events)).await;
    events.end(&end);
    end
}

async fn apply(args: Args, ui: Ui, events: &Events) -> Result<Exit, Failure> {
    let toml_alone = args.stack.stage.is_none() && args.stack.var.is_empty();
    if !args.stack.sandbox && !toml_alone {
        return Err(
            Failure::new("an apply reads stage and variables from the TOML alone")
                .hint("--stage and --var are for plans and for --sandbox; write them in the TOML"),
        );
    }
    let approved = args.plan.as_deref().map(saved::read).transpose()?;
    let session = Session::open(&args.stack, ui).await?;
    if !args.stack.sandbox && session.stack().account.is_none() && !Ui::can_ask() {
        return Err(
            Failure::new("off a terminal an apply needs the stack's account pin").hint(format!(
                "write account = \"{}\" in stack.toml",
                session.identity.account
            )),
        );
    }
    let options = session.options(&args.consent, false)?;
    let end = carry_out(&session, &options, ui, events, |plan, inventory| {
        events.plan(plan, inventory);
        session::refused(plan)?;
        session::guard(plan, &args.consent)?;
        guards::refuse_empty(&session, plan, inventory, &args.consent)?;
        guards::refuse_many(plan, inventory, &args.consent)?;
        let agreed = match &approved {
            Some(approved) => contained(plan, approved)?,
            None => consent(plan, args.yes, "Apply this plan?", ui)?,
        };
        Ok(agreed && guards::ask_many(plan, inventory, &args.consent, ui))
    })
    .await?;
    if args.calls {
        session::show_calls(&session.cx.door().calls(), ui);
    }
    Ok(end.exit)
}

fn contained(plan: &Plan, approved: &Value) -> Result<bool, Failure> {
    let beyond = plan.beyond(approved);
    if beyond.is_empty() {
        return Ok(true);
    }
    let mut failure = Failure::refused("there is more to do than the saved plan says");
    for step in beyond.iter().take(10) {
        failure = failure.hint(format!("not in it: {step}"));
    }
    Err(failure.hint("plan again, and have the new plan approved"))
}

/// Whether a person agrees.
pub(crate) fn consent(plan: &Plan, yes: bool, question: &str, ui: Ui) -> Result<bool, Failure> {
    if yes || plan.is_empty() {
        return Ok(true);
    }
    if !Ui::can_ask() {
        return Err(Failure::new("nobody is there to agree").hint("--yes agrees in advance"));
    }
    Ok(ui.ask(question))
}

/// How carrying a plan out ended.
pub(crate) struct Carried {
    /// The exit code so far.
    pub(crate) exit: Exit,
    /// After a teardown: where was looked, and what is left.
    pub(crate) certificate: Option<Certificate>,
}

/// Takes the lock, plans under it, asks, and carries the plan out.
pub(crate) async fn carry_out(
    session: &Session,
    options: &Options,
    ui: Ui,
    events: &Events,
    agree: impl FnOnce(&Plan, &Inventory) -> Result<bool, Failure>,
) -> Result<Carried, Failure> {
    Box::pin(session.locked(ui, locked(session, options, ui, events, agree))).await
}

async fn locked(
    session: &Session,
    options: &Options,
    ui: Ui,
    events: &Events,
    agree: impl FnOnce(&Plan, &Inventory) -> Result<bool, Failure>,
) -> Result<Carried, Failure> {
    let bucket = Bucket::open(&session.cx).await?;
    let footprint = footprint::read(&session.cx, &bucket).await?;
    footprint::check(&session.cx, footprint.as_ref())?;
    session.note(footprint.as_ref());
    let inventory = match options.destroy {
        true => session.discover_for_teardown(footprint.as_ref()).await?,
        false => session.discover_with(footprint.as_ref()).await?,
    };
    let (inventory, plan) = session.plan(inventory, options).await?;
    if !agree(&plan, &inventory)? {
        ui.say("nothing was done");
        return Ok(Carried {
            exit: Exit::Done,
            certificate: None,
        });
    }
    if session.stop.load(Ordering::Relaxed) {
        return Err(Failure::new("stopped by hand: nothing was done"));
    }
    let creates = |step: &&Step| matches!(step.action, Action::Create { .. });
    let used = plan
        .steps
        .iter()
        .filter(creates)
        .map(|step| (step.region.clone(), step.kind.to_owned()));
    let places = session.places(footprint.as_ref());
    let noted = footprint.clone();
    let life = if options.destroy {
        String::new()
    } else {
        let ours = &inventory.ours;
        footprint::widen(&session.cx, &bucket, footprint, used, ours).await?
    };
    let outcome = execute(session, &plan, &inventory, &life, ui, events).await;
    let stands = left(&plan, &outcome, inventory.ours.len()) > 0;
    if let Err(error) = footprint::stands(&session.cx, &bucket, noted.as_ref(), stands).await
        && !ended::is_told(&outcome, &error)
    {
        ui.warn(&format!(
            "the footprint was not brought up to date: {error}"
        ));
    }
    let exit = ending(&plan, &outcome, &session.words, events.talker(ui))?;
    // What `--target` or `--until` has left is no secret.
    let all = options.target.is_empty() && options.until.is_none();
    if !options.destroy || !outcome.is_complete() || !all {
        return Ok(Carried {
            exit,
            certificate: None,
        });
    }
    let scope = Scope {
        places: &places,
        before: &inventory.ours,
    };
    let certificate = teardown::certify(&session.cx, &scope)
        .await
        .map_err(|error| {
            let message =
                format!("everything in the plan is gone, and what is left is not known: {error}");
            Failure::new(message).hint("destroy again, to look again")
        })?;
    // Where something is left, the next run must look again.
    if certificate.is_clean() {
        footprint::erase(&session.cx, &bucket, noted.as_ref()).await?;
    }
    Ok(Carried {
        exit,
        certificate: Some(certificate),
    })
}

/// How many live resources are left of what was found, after a plan was carried out as far as it was.
fn left(plan: &Plan, outcome: &Outcome, found: usize) -> usize {
    let ends = plan.steps.iter().zip(&outcome.ends);
    let done = ends.filter(|(_, end)| matches!(end, End::Done));
    let (mut made, mut gone) = (0, 0);
    for (step, _) in done {
        match step.action {
            Action::Create { .. } => made += 1,
            Action::Delete(_) => gone += 1,
            _ => {}
        }
    }
    (found + made).saturating_sub(gone)
}

/// Carries a plan out, with progress.
pub(crate) async fn execute(
    session: &Session,
    plan: &Plan,
    inventory: &Inventory,
    life: &str,
    ui: Ui,
    events: &Events,
) -> Outcome {
    // What is typical of AWS says nothing of a world with another pace.
    let pace = match session.cx.timing == Timing::default() {
        true => Pace::Typical,
        false => Pace::Unknown,
    };
    let progress = Progress::new(ui, plan, pace);
    let world = session.world();
    let apply = Apply {
        plan,
        stack: session.stack(),
        inventory,
        kinds: KINDS,
        world: &world,
        life,
        observe: &|event| {
            if !events.is_quiet() {
                progress.see(event);
            }
            events.see(plan, event);
        },
    };
    apply.run().await
}

/// What came of it, in one line and as an exit code.
pub(crate) fn ending(
    plan: &Plan,
    outcome: &Outcome,
    words: &str,
    ui: Option<Ui>,
) -> Result<Exit, Failure> {
    let count = |which: fn(&End) -> bool| outcome.ends.iter().filter(|end| which(end)).count();
    let done = count(|end| matches!(end, End::Done));
    let stopped = count(|end| matches!(end, End::Stopped));
    let held = count(|end| matches!(end, End::Held));
    if let Some(failure) = ended::failure(plan, outcome) {
        return Err(failure);
    }
    if stopped > 0 {
        let message = format!("stopped by hand: {done} done, {stopped} not started or not awaited");
        return Err(Failure::new(message).hint(AGAIN));
    }
    if held > 0 {
        let mut confirm: Vec<String> = plan
            .steps
            .iter()
            .filter(|step| {
                step.held
                    .as_ref()
                    .is_some_and(|why| !why.starts_with("waits for"))
            })
            .map(|step| format!("--confirm {}", step.address))
            .collect();
        confirm.sort();
        confirm.dedup();
        let message = format!("{done} done, {held} held for a person");
        return Err(Failure::refused(message)
            .hint(format!("then: terrace apply {words} {}", confirm.join(" "))));
    }
    if let Some(ui) = ui.filter(|_| !plan.is_empty()) {
        ui.say(&format!("done: {}", text::count(done, "step")));
    }
    Ok(Exit::Done)
}
