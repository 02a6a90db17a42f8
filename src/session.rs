//! A stack that is open: loaded, connected, discovered, planned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use terrace_aws::VOCABULARY;
use terrace_aws::bucket::Bucket;
use terrace_aws::client::{Aws, Connection, account, configure};
use terrace_aws::discovery::{LookUp, Places, confirm, discover};
use terrace_aws::footprint::{self, Footprint};
use terrace_aws::kinds;
use terrace_aws::lock::{Lock, Patience};
use terrace_aws::timing::Timing;
use terrace_aws::world::AwsWorld;
use terrace_core::address::Address;
use terrace_core::bridge::report;
use terrace_core::error::{CloudError, ErrorClass};
use terrace_core::inventory::{Inventory, concerned};
use terrace_core::kind::Loss;
use terrace_core::mark::Identity;
use terrace_core::plan::{Movement, Plan};
use terrace_core::planner::{self, Input, Kinds, Options, Trouble};
use terrace_core::source::{self, Loaded, Report, Request, Stack};
use terrace_sandbox::{Home, Proxy, Sandbox};

use crate::cli::{ConsentArgs, Deny, MaxImpact, StackArgs, Until};
use crate::ended::AGAIN;
use crate::failure::{Exit, Failure};
use crate::guards;
use crate::signals::Signals;
use crate::ui::Ui;
use crate::watch::watched;

/// The kinds, as judgement sees them.
pub(crate) const KINDS: Kinds = Kinds::new(kinds::KINDS);

/// The name of the sandbox that commands share; `TERRACE_SANDBOX_NAME` gives a test a world of its own.
pub(crate) fn sandbox_name() -> String {
    let named = std::env::var("TERRACE_SANDBOX_NAME").ok();
    named
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned())
}

/// The account the sandbox plays when a stack pins none.
const SANDBOX_ACCOUNT: &str = "123456789012";

/// A stack that is loaded and connected.
pub(crate) struct Session {
    pub(crate) loaded: Loaded,
    pub(crate) identity: Identity,
    pub(crate) cx: Arc<Aws>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Whether the footprint says that something of the stack stood.
    stood: AtomicBool,
    /// The words of the command line that name the stack, for hints.
    pub(crate) words: String,
    /// The proxy before the sandbox lives as long as the session.
    _proxy: Option<Proxy>,
}

/// Loads a stack, with all its mistakes at once.
pub(crate) fn load(args: &StackArgs) -> Result<Loaded, Failure> {
    load_request(&Request {
        folder: args.stack.clone(),
        environment: args.env.clone(),
        stage: args.stage.clone(),
        variables: args.var.clone(),
        sandbox: args.sandbox,
    })
}

/// The same for a command with arguments of its own.
pub(crate) fn load_request(request: &Request) -> Result<Loaded, Failure> {
    watched(|| source::load(request, &VOCABULARY)).map_err(|report| mistakes(&report))
}

/// Says what is worth saying of a stack that loads.
pub(crate) fn notes(loaded: &Loaded, ui: Ui) {
    for note in &loaded.stack.notes {
        let report = Report::new(loaded.sources.clone(), vec![note.clone()]);
        ui.say(report.styled().trim_end());
    }
}

/// A report of mistakes as a failure.
pub(crate) fn mistakes(report: &Report) -> Failure {
    Failure::report(report.styled())
}

impl Session {
    /// Loads and connects.
    pub(crate) async fn open(args: &StackArgs, ui: Ui) -> Result<Self, Failure> {
        let loaded = load(args)?;
        notes(&loaded, ui);
        Box::pin(Self::connect(loaded, args, ui)).await
    }

    async fn connect(loaded: Loaded, args: &StackArgs, ui: Ui) -> Result<Self, Failure> {
        if !args.sandbox {
            return Box::pin(Self::at(loaded, None, args.words())).await;
        }
        let home = Home::from_env()?;
        // It outlives the command; the proxy before it does not.
        let sandbox = Sandbox::ensure(&home, &sandbox_name(), &|text| ui.say(text)).await?;
        furnish(&sandbox, &loaded.stack).await?;
        let proxy = Proxy::start(&sandbox.endpoint()).await?;
        let session = Box::pin(Self::at(loaded, Some(proxy.endpoint()), args.words())).await?;
        Ok(Self {
            _proxy: Some(proxy),
            ..session
        })
    }

    /// Connects to AWS, or to the sandbox at an endpoint. `words` name the stack on the command line.
    pub(crate) async fn at(
        loaded: Loaded,
        sandbox: Option<String>,
        words: String,
    ) -> Result<Self, Failure> {
        let stack = &loaded.stack;
        let timing = match sandbox {
            Some(_) => Timing::sandbox(),
            None => Timing::default(),
        };
        let connection = Connection {
            region: stack.region.clone(),
            sandbox_account: sandbox.is_some().then(|| account_of(stack).to_owned()),
            endpoint: sandbox,
        };
        let config = configure(&connection).await;
        let account = account(&config, timing).await?;
        if let Some(pinned) = stack.account.as_ref().filter(|pinned| **pinned != account) {
            let message = format!(
                "the credentials are of account {account}, but the stack is pinned to {pinned}"
            );
            return Err(Failure::new(message).hint(
                "choose other credentials (AWS_PROFILE), or correct `account` in stack.toml",
            ));
        }
        let identity = Identity {
            stack: stack.name.clone(),
            environment: stack.environment.clone(),
            account,
            region: stack.region.clone(),
        };
        let former = stack.formerly.iter().filter(|old| **old != stack.name);
        let former = former.map(|old| (old.clone(), None)).collect();
        let cx = Aws::new(&config, identity.clone(), timing).formerly(former);
        let cx = Arc::new(cx);
        Ok(Self {
            loaded,
            identity,
            cx,
            stop: Arc::new(AtomicBool::new(false)),
            stood: AtomicBool::new(false),
            words,
            _proxy: None,
        })
    }

    /// Whether something of the stack stood, as far as was read in its footprint.
    pub(crate) fn stood(&self) -> bool {
        self.stood.load(Ordering::Relaxed)
    }

    /// Takes note of what the footprint says.
    pub(crate) fn note(&self, footprint: Option<&Footprint>) {
        let stood = footprint.is_some_and(|footprint| footprint.stood);
        self.stood.store(stood, Ordering::Relaxed);
    }

    /// The stack.
    pub(crate) fn stack(&self) -> &Stack {
        &self.loaded.stack
    }

    /// The world for an apply.
    pub(crate) fn world(&self) -> AwsWorld {
        AwsWorld::new(&self.cx, Arc::clone(&self.stop))
    }

    /// Finds all that is live, for a command that has no lock.
    pub(crate) async fn discover(&self) -> Result<Inventory, Failure> {
        let footprint = async {
            let footprint = match Bucket::find(&self.cx).await? {
                Some(bucket) => footprint::read(&self.cx, &bucket).await?,
                None => None,
            };
            footprint::check(&self.cx, footprint.as_ref())?;
            Ok::<_, Failure>(footprint)
        };
        // At once, since the footprint rarely names a place that the TOML does not. Where it refuses, that counts
        // more than what is not found in a region that is not the stack's.
        let inventory = async { Ok(self.discover_with(None).await) };
        let (footprint, inventory) = tokio::try_join!(footprint, inventory)?;
        let inventory = inventory?;
        self.note(footprint.as_ref());
        let used = footprint.as_ref().map(Footprint::places);
        let places = used.is_none_or(|used| within(&used, &self.stack().places));
        if places && self.known_as(footprint.as_ref()).is_none() {
            return Ok(inventory);
        }
        self.discover_with(footprint.as_ref()).await
    }

    /// How AWS is reached where the footprint knows a former name under which something is still to be looked
    /// for, and the TOML does not.
    fn known_as(&self, footprint: Option<&Footprint>) -> Option<Arc<Aws>> {
        let mut formers = footprint?.formers();
        formers.retain(|name, kinds| {
            !self.cx.formers.contains_key(name) && kinds.as_ref().is_none_or(|k| !k.is_empty())
        });
        if formers.is_empty() {
            return None;
        }
        formers.extend(self.cx.formers.clone());
        Some(Arc::new(self.cx.formerly(formers)))
    }

    /// Finds all that is live, in every region that the TOML or the footprint names.
    pub(crate) async fn discover_with(
        &self,
        footprint: Option<&Footprint>,
    ) -> Result<Inventory, Failure> {
        let known = self.known_as(footprint);
        self.discover_by(known.as_ref().unwrap_or(&self.cx), footprint)
            .await
    }

    /// The same for a run that is to tear all of it down: every service is asked itself whether it is ours.
    pub(crate) async fn discover_for_teardown(
        &self,
        footprint: Option<&Footprint>,
    ) -> Result<Inventory, Failure> {
        let known = self.known_as(footprint);
        let sure = Arc::new(known.as_ref().unwrap_or(&self.cx).without_index());
        self.discover_by(&sure, footprint).await
    }

    async fn discover_by(
        &self,
        cx: &Arc<Aws>,
        footprint: Option<&Footprint>,
    ) -> Result<Inventory, Failure> {
        let places = self.places(footprint);
        let lookups = lookups(self.stack());
        Ok(discover(cx, &places, &lookups).await?)
    }

    /// Every region that the TOML or the footprint names, beside the home region.
    pub(crate) fn places(&self, footprint: Option<&Footprint>) -> Places {
        let mut places = self.stack().places.clone();
        for (region, kinds) in footprint.map(Footprint::places).unwrap_or_default() {
            places.entry(region).or_default().extend(kinds);
        }
        places
    }

    /// Does something while no other run can, under this name of the stack or the one it had. Ctrl-C and its kin
    /// are heard meanwhile: the first sets [`Session::stop`], the second drops the work where it stands.
    pub(crate) async fn locked<T>(
        &self,
        ui: Ui,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut signals = Signals::listen()?;
        let (locks, taken) = self.locks(ui).await;
        let end = match taken {
            Ok(()) => tokio::select! {
                end = work => end,
                () = signals.heard_twice(&self.stop, ui) => Err(Failure::new("stopped at once")
                    .hint(AGAIN)),
            },
            Err(error) => Err(error.into()),
        };
        // Whatever happened, the locks are put down; what a call has not answered leaves them unsettled.
        let mut released = Ok(());
        for lock in locks {
            released = released.and(lock.release(&self.cx).await);
        }
        match (end, released) {
            (Ok(value), released) => released.map(|()| value).map_err(Failure::from),
            (Err(failure), Ok(())) => Err(failure),
            // That the lock was lost is why the work did not end well.
            (Err(failure), Err(lost)) if lost.class == ErrorClass::Conflict => {
                let hints = failure.hints;
                let lost = Failure::from(lost).hint(failure.message);
                Err(hints.into_iter().fold(lost, Failure::hint))
            }
            // Else both have the same cause, and the work knows it best.
            (Err(failure), Err(_)) => {
                Err(failure.hint("the lock could not be put down: it is free 90 seconds after the run's last sign of life"))
            }
        }
    }

    /// The locks of all names that the TOML gives the stack, as far as they can be had.
    async fn locks(&self, ui: Ui) -> (Vec<Lock>, Result<(), CloudError>) {
        let mut locks = Vec::new();
        let patience = Patience {
            seconds: self.stack().lock_wait.as_secs_f64(),
            say: &|text| ui.say(text),
        };
        let former = self.cx.formers.keys();
        let former = former.map(|name| Arc::new(self.cx.called(name)));
        for cx in std::iter::once(Arc::clone(&self.cx)).chain(former) {
            match Lock::acquire(&cx, &self.stop, &patience).await {
                Ok(lock) => locks.push(lock),
                Err(error) => return (locks, Err(error)),
            }
        }
        (locks, Ok(()))
    }

    /// Makes a plan of what was found. What it would do something to is looked at again where only an index said
    /// that it is ours; what was found then is what comes back with the plan.
    pub(crate) async fn plan(
        &self,
        mut inventory: Inventory,
        options: &Options,
    ) -> Result<(Inventory, Plan), Failure> {
        loop {
            let plan = self.plan_of(&inventory, options)?;
            match confirm(&self.cx, &inventory, concerned(&plan)).await? {
                Some(surer) => inventory = surer,
                None => return Ok((inventory, plan)),
            }
        }
    }

    /// The plan of what was found, as it was found.
    pub(crate) fn plan_of(
        &self,
        inventory: &Inventory,
        options: &Options,
    ) -> Result<Plan, Failure> {
        let input = Input {
            kinds: KINDS,
            stack: self.stack(),
            identity: &self.identity,
            inventory,
            options,
        };
        planner::plan(&input).map_err(|trouble| self.trouble(trouble))
    }

    fn trouble(&self, trouble: Trouble) -> Failure {
        match trouble {
            Trouble::Faults(address, faults) => {
                mistakes(&report(&self.loaded.sources, &address.to_string(), &faults))
            }
            Trouble::Cycle(names) => {
                let message = format!("these wait for each other: {}", names.join(" -> "));
                Failure::new(message).hint("leave one of the references out, or apply in two steps")
            }
        }
    }

    /// What a person said, read.
    pub(crate) fn options(&self, consent: &ConsentArgs, destroy: bool) -> Result<Options, Failure> {
        let address = |text: &String| {
            text.parse::<Address>()
                .map_err(|error| Failure::new(error.to_string()))
        };
        let allow = consent
            .allow
            .iter()
            .filter(|text| !guards::is_word(text))
            .map(|text| allow(text))
            .collect::<Result<_, _>>()?;
        let ttl = self
            .stack()
            .ttl
            .and_then(|ttl| SignedDuration::try_from(ttl).ok());
        Ok(Options {
            allow,
            confirm: consent
                .confirm
                .iter()
                .map(address)
                .collect::<Result<_, _>>()?,
            until: consent.until.map(|until| match until {
                Until::Build => Movement::Build,
                Until::Switch => Movement::Switch,
            }),
            target: consent
                .target
                .iter()
                .map(address)
                .collect::<Result<_, _>>()?,
            destroy,
            now: Some(Timestamp::now()),
            expires: ttl.map(|ttl| {
                (Timestamp::now() + ttl)
                    .strftime("%Y-%m-%dT%H:%M:%SZ")
                    .to_string()
            }),
        })
    }
}

/// The account that a sandbox plays.
fn account_of(stack: &Stack) -> &str {
    stack.account.as_deref().unwrap_or(SANDBOX_ACCOUNT)
}

/// Puts into a sandbox what the stack looks up there.
pub(crate) async fn furnish(sandbox: &Sandbox, stack: &Stack) -> Result<(), Failure> {
    for lookup in lookups(stack) {
        let region = lookup.region.as_ref().unwrap_or(&stack.region);
        sandbox
            .stand_in(account_of(stack), region, &lookup.kind, &lookup.like)
            .await?;
    }
    Ok(())
}

/// Whether all of `some` is in `all`.
fn within(some: &Places, all: &Places) -> bool {
    let known = |(region, kinds): (&String, &BTreeSet<String>)| {
        all.get(region).is_some_and(|all| kinds.is_subset(all))
    };
    some.iter().all(known)
}

/// The look-ups of a stack.
fn lookups(stack: &Stack) -> Vec<LookUp> {
    let like = |existing: &source::Existing| -> BTreeMap<String, String> {
        let filters = existing.filters.as_table().into_iter().flatten();
        filters
            .filter_map(|(name, (_, node))| Some((name.clone(), node.to_text()?)))
            .collect()
    };
    let lookup = |existing: &source::Existing| LookUp {
        address: existing.address.clone(),
        kind: existing.kind.clone(),
        like: like(existing),
        region: existing.region.clone(),
    };
    stack.existing.values().map(lookup).collect()
}

fn allow(text: &str) -> Result<(Loss, Option<Address>), Failure> {
    let (word, address) = match text.split_once('=') {
        Some((word, address)) => (word, Some(address)),
        None => (text, None),
    };
    let loss = [Loss::Data, Loss::Address, Loss::Network, Loss::Promotion]
        .into_iter()
        .find(|loss| loss.to_string() == word);
    let Some(loss) = loss else {
        return Err(Failure::new(format!("`{word}` is no loss"))
            .hint("losses are data, address, network and promotion: --allow data=volume.data"));
    };
    let address = address.map(str::parse).transpose();
    let address = address
        .map_err(|error: terrace_core::address::NotAnAddress| Failure::new(error.to_string()))?;
    Ok((loss, address))
}

/// What a guard of the command line refuses in a plan.
pub(crate) fn guard(plan: &Plan, consent: &ConsentArgs) -> Result<(), Failure> {
    use terrace_core::kind::Impact;
    let verdict = plan.verdict();
    let most = consent.max_impact.map(|most| match most {
        MaxImpact::None => Impact::None,
        MaxImpact::Blip => Impact::Blip,
        MaxImpact::Outage => Impact::Outage,
    });
    if let Some(most) = most.filter(|most| verdict.impact > *most) {
        let message = format!(
            "the plan's impact is {}, and --max-impact allows {most}",
            verdict.impact
        );
        return Err(Failure::refused(message));
    }
    for deny in &consent.deny {
        let (count, word) = match deny {
            Deny::Replace => (verdict.replace, "replaces"),
            Deny::Delete => (verdict.delete, "deletes"),
        };
        if count > 0 {
            return Err(Failure::refused(format!(
                "the plan {word} {count}, and --deny forbids it"
            )));
        }
    }
    Ok(())
}

/// Refusals of a plan as a failure, its view having said what they are.
pub(crate) fn refused(plan: &Plan) -> Result<(), Failure> {
    match plan.refusals.len() {
        0 => Ok(()),
        1 => Err(Failure::refused(
            "the plan is refused: see above what settles it",
        )),
        many => Err(Failure::refused(format!(
            "the plan is refused {many} times: see above what settles each"
        ))),
    }
}

/// Prints the calls made, by action.
pub(crate) fn show_calls(calls: &BTreeMap<String, u64>, ui: Ui) {
    let total: u64 = calls.values().sum();
    for (action, count) in calls {
        ui.say(&format!("{count:>6}  {action}"));
    }
    ui.say(&format!("{total:>6}  calls"));
}

/// The exit code of a plan.
pub(crate) fn exit(changes: bool, detailed: bool) -> Exit {
    if changes && detailed {
        Exit::Changes
    } else {
        Exit::Done
    }
}
