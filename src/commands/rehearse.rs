//! `terrace rehearse`: the whole ladder, up and down, in a world made for it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};
use terrace_aws::VOCABULARY;
use terrace_aws::teardown::Certificate;
use terrace_aws::timing::Timing;
use terrace_core::inventory::Inventory;
use terrace_core::plan::Plan;
use terrace_core::planner::Options;
use terrace_core::source::{self, Loaded, Request};
use terrace_sandbox::{Forecast, Home, Proxy, Sandbox, Sky};

use super::apply::carry_out;
use crate::cli::{ConsentArgs, Format, pair};
use crate::failure::{Exit, Failure};
use crate::session::{self, Session};
use crate::ui::Ui;
use crate::ui::events::Events;
use crate::ui::rehearsal::{Act, Move, Rehearsal};

/// Climb the whole ladder in a sandbox of its own, come down again, and say what each move costs.
///
/// Applies every stage from the first to the last, then goes back stage by stage, then destroys everything and
/// looks for what is left. After each move a second plan must be empty. Changes that wait for a person
/// (`confirm`) are confirmed, and all losses consented to: the world is made for it and gone afterwards. Other
/// runs and other sandboxes are not touched.
///
/// In bad weather AWS throttles, fails, loses answers before and after it acted, cuts them short, and shows late what
/// was just made. A move that fails then is made again, as a person would. The same seed gives the same weather.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The folder with stack.toml.
    #[arg(default_value = ".", value_name = "STACK")]
    stack: PathBuf,
    /// The environment; the first that the stack declares if none is named.
    #[arg(long, env = "TERRACE_ENV", value_name = "NAME")]
    env: Option<String>,
    /// A variable in place of the one in the files; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    var: Vec<(String, String)>,
    /// What AWS is like meanwhile.
    #[arg(long, value_enum, default_value_t, value_name = "WEATHER")]
    weather: Weather,
    /// Which of all weathers of that sort.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// How to answer.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// What AWS is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Weather {
    /// Every call is answered.
    #[default]
    Calm,
    /// One call in twenty goes wrong.
    Rain,
    /// One call in seven goes wrong.
    Storm,
}

impl Weather {
    fn sky(self) -> Sky {
        match self {
            Self::Calm => Sky::Calm,
            Self::Rain => Sky::Rain,
            Self::Storm => Sky::Storm,
        }
    }
}

/// How often a move is made in bad weather before it counts as failed.
const RUNS: u32 = 5;

/// How many seconds of AWS's time pass before it is made again.
const AGAIN: f64 = 150.0;

/// Rehearses.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let mut request = Request {
        folder: args.stack.clone(),
        environment: args.env.clone(),
        stage: None,
        variables: args.var.clone(),
        sandbox: true,
    };
    if request.environment.is_none() {
        let names = source::environment_names(&request, &VOCABULARY);
        request.environment = names.into_iter().next();
        if let Some(first) = &request.environment {
            ui.say(&format!(
                "as environment {first}, the first of the stack's (--env names another)"
            ));
        }
    }
    let loaded = session::load_request(&request)?;
    session::notes(&loaded, ui);
    let mut rehearsal = Rehearsal::new(&loaded.stack);
    let weather = Forecast::new(args.weather.sky(), args.seed, Timing::sandbox().scale);
    let weather = Arc::new(weather);
    // The world is gone with this future, whether it ends, fails or is dropped here.
    let end = tokio::select! {
        end = Box::pin(climb(&request, &loaded, &mut rehearsal, &weather, ui)) => end,
        _ = tokio::signal::ctrl_c() => {
            return Err(Failure::new("stopped by hand").hint("the world it was rehearsed in is gone"));
        }
    };
    let end = end.and_then(
        |()| match rehearsal.certificate.as_ref().map(Certificate::is_clean) {
            Some(true) => Ok(Exit::Done),
            _ => Err(Failure::new(
                "the teardown leaves something that costs money",
            )),
        },
    );
    // Whatever it was, a rehearsal that does not come to its end has failed.
    let end = end.map_err(|failure| Failure {
        exit: Exit::Failed,
        ..failure
    });
    if args.weather != Weather::Calm {
        let word = args.weather.sky().word();
        rehearsal.weather = Some(format!("{word}, seed {}: {}", args.seed, weather.told()));
    }
    rehearsal.error = end.as_ref().err().map(|failure| failure.message.clone());
    match args.format {
        Format::Human => ui.answer(&rehearsal.human()),
        Format::Markdown => ui.answer(&rehearsal.markdown()),
        Format::Json => ui.answer(&format!("{:#}\n", rehearsal.to_json())),
    }
    end
}

async fn climb(
    request: &Request,
    first: &Loaded,
    rehearsal: &mut Rehearsal,
    weather: &Arc<Forecast>,
    ui: Ui,
) -> Result<(), Failure> {
    let home = Home::from_env()?;
    let sandbox = Sandbox::private(&home, &|text| ui.say(text)).await?;
    let scale = Timing::sandbox().scale;
    sandbox.set_weather(weather.sky(), scale).await?;
    let proxy = Proxy::in_weather(&sandbox.endpoint(), Arc::clone(weather) as _).await?;
    let stage = Stage {
        request,
        sandbox: &sandbox,
        endpoint: proxy.endpoint(),
        runs: if weather.sky() == Sky::Calm { 1 } else { RUNS },
        ui,
    };
    let stages: Vec<Option<String>> = match first.stack.stages.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    };
    for name in &stages {
        stage
            .go(Act::Up, name.as_ref(), Lift::Nothing, rehearsal)
            .await?;
    }
    let top = stages.last().and_then(Option::as_ref);
    // What is protected is taken out in two steps, by hand as here.
    if stage.protects(top)? {
        stage
            .go(Act::Lift, top, Lift::Protection, rehearsal)
            .await?;
    }
    for name in stages.iter().rev().skip(1) {
        stage
            .go(Act::Down, name.as_ref(), Lift::Protection, rehearsal)
            .await?;
    }
    let bottom = stages.first().and_then(Option::as_ref);
    stage
        .go(Act::Destroy, bottom, Lift::Protection, rehearsal)
        .await?;
    sandbox.stop().await?;
    Ok(())
}

/// Where a rehearsal is played.
struct Stage<'a> {
    request: &'a Request,
    sandbox: &'a Sandbox,
    endpoint: String,
    /// How often a move is made before it counts as failed.
    runs: u32,
    ui: Ui,
}

/// What of the TOML is lifted on the way down.
#[derive(Clone, Copy, PartialEq)]
enum Lift {
    Nothing,
    Protection,
}

impl Stage<'_> {
    fn load(&self, name: Option<&String>, lift: Lift) -> Result<Loaded, Failure> {
        let request = Request {
            stage: name.cloned(),
            ..self.request.clone()
        };
        let mut loaded = session::load_request(&request)?;
        if lift == Lift::Protection {
            for resource in loaded.stack.resources.values_mut() {
                resource.common.protect = resource.common.protect.map(|_| false);
            }
        }
        Ok(loaded)
    }

    /// Whether the TOML protects anything at this stage.
    fn protects(&self, name: Option<&String>) -> Result<bool, Failure> {
        let loaded = self.load(name, Lift::Nothing)?;
        let mut resources = loaded.stack.resources.values();
        Ok(!loaded.stack.ephemeral && resources.any(|one| one.common.protect == Some(true)))
    }

    /// One move, made again where the weather let it fail.
    async fn go(
        &self,
        act: Act,
        name: Option<&String>,
        lift: Lift,
        rehearsal: &mut Rehearsal,
    ) -> Result<(), Failure> {
        let title = act.title(name.map(String::as_str));
        self.ui.say(&format!("{title} ..."));
        let mut done = Move::unseen(act, &title);
        let end = loop {
            done.runs += 1;
            match Box::pin(self.run(name, lift, &mut done, &mut rehearsal.certificate)).await {
                Err(failure) if done.runs < self.runs => {
                    self.ui.say(&format!("{title} again: {}", failure.message));
                    for hint in &failure.hints {
                        self.ui.say(&format!("  {hint}"));
                    }
                    // Until a lock that could not be given back is free.
                    tokio::time::sleep(Timing::sandbox().scaled(AGAIN)).await;
                }
                end => break end,
            }
        };
        rehearsal.moves.push(done);
        end.map_err(|failure| Failure {
            message: format!("{title}: {}", failure.message),
            ..failure
        })
    }

    /// One run of a move: planned, carried out, and planned again.
    async fn run(
        &self,
        name: Option<&String>,
        lift: Lift,
        done: &mut Move,
        certificate: &mut Option<Certificate>,
    ) -> Result<(), Failure> {
        let destroy = done.act == Act::Destroy;
        let loaded = self.load(name, lift)?;
        session::furnish(self.sandbox, &loaded.stack).await?;
        let words = self.request.folder.display().to_string();
        let session = Box::pin(Session::at(loaded, Some(self.endpoint.clone()), words)).await?;
        let options = options(&session, destroy)?;
        let events = Events::quiet(self.ui);
        let carried = Box::pin(carry_out(
            &session,
            &options,
            self.ui,
            &events,
            |plan, inventory| {
                // What a run after the first one finds is only the rest.
                if done.verdict.is_none() {
                    priced(done, &session, plan, inventory, &options)?;
                }
                settled(plan)?;
                Ok(true)
            },
        ))
        .await?;
        *certificate = carried.certificate;
        let differs = differing(&session, &options).await?;
        done.empty = Some(differs.is_empty());
        if differs.is_empty() {
            return Ok(());
        }
        let failure = Failure::new("a second plan is not empty");
        Err(differs.into_iter().fold(failure, Failure::hint))
    }
}

/// All losses are consented to, and all that waits for a person is confirmed.
fn options(session: &Session, destroy: bool) -> Result<Options, Failure> {
    // On the way back a change may be held by what only a higher stage says: all of them are confirmed.
    let resources = session.stack().resources.keys();
    let consent = ConsentArgs {
        allow: ["data", "address", "network", "promotion"]
            .map(str::to_owned)
            .to_vec(),
        confirm: resources.map(ToString::to_string).collect(),
        ..ConsentArgs::default()
    };
    session.options(&consent, destroy)
}

/// What a plan costs, and what a person would have had to confirm.
fn priced(
    done: &mut Move,
    session: &Session,
    plan: &Plan,
    inventory: &Inventory,
    options: &Options,
) -> Result<(), Failure> {
    let unconfirmed = Options {
        confirm: std::collections::BTreeSet::new(),
        ..options.clone()
    };
    let held = session.plan_of(inventory, &unconfirmed)?;
    let held = held.steps.iter().filter_map(|step| {
        let why = step.held.as_ref()?;
        let own = !why.starts_with("waits for ");
        own.then(|| (step.address.to_string(), why.clone()))
    });
    let mut after: Vec<(String, String)> = held.collect();
    after.sort();
    after.dedup();
    let kept = plan
        .kept
        .iter()
        .map(|kept| (kept.address.to_string(), kept.why.clone()));
    done.verdict = Some(plan.verdict());
    done.after = after;
    done.kept = kept.collect();
    Ok(())
}

/// What consent does not settle is a failure, with all that is refused.
fn settled(plan: &Plan) -> Result<(), Failure> {
    if plan.refusals.is_empty() {
        return Ok(());
    }
    let failure = Failure::new("the plan is refused");
    Err(plan.refusals.iter().fold(failure, |failure, refusal| {
        failure.hint(format!("{}: {}", refusal.address, refusal.what))
    }))
}

/// What a second plan would still do, one a line.
async fn differing(session: &Session, options: &Options) -> Result<Vec<String>, Failure> {
    let inventory = session.discover().await?;
    let (_, plan) = session.plan(inventory, options).await?;
    settled(&plan)?;
    let line = |step: &terrace_core::plan::Step| {
        let fields: Vec<&str> = step.changes.iter().map(|change| change.field).collect();
        let fields = if fields.is_empty() {
            String::new()
        } else {
            format!(": {}", fields.join(", "))
        };
        format!("it would {} {}{fields}", step.action.word(), step.address)
    };
    Ok(plan.steps.iter().map(line).collect())
}
