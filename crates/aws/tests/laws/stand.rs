//! A stand: one account in the emulator, and a stack in it that may be changed and applied.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;
use terrace_aws::KINDS;
use terrace_aws::VOCABULARY;
use terrace_aws::client::{Aws, Connection, configure};
use terrace_aws::discovery::{Places, discover};
use terrace_aws::timing::Timing;
use terrace_aws::world::AwsWorld;
use terrace_core::apply::{Apply, End, Event};
use terrace_core::inventory::Inventory;
use terrace_core::kind::Loss;
use terrace_core::mark::Identity;
use terrace_core::plan::{Action, Plan, Refusal};
use terrace_core::planner::{self, Input, Kinds, Options};
use terrace_core::source::{Loaded, Request, Resource, Vocabulary, load};
use terrace_sandbox::{Proxy, Weather};
use tokio::runtime::Handle;
use toml::Table;

pub(crate) type Verdict = Result<(), String>;

pub(crate) struct Stand {
    endpoint: String,
    account: String,
    runtime: Handle,
    timing: Timing,
}

/// One stack of a stand.
pub(crate) struct Site {
    pub(crate) loaded: Loaded,
    pub(crate) identity: Identity,
    pub(crate) cx: Arc<Aws>,
    _folder: TempDir,
}

impl Stand {
    pub(crate) fn new(endpoint: String, account: String, runtime: Handle) -> Self {
        Self {
            endpoint,
            account,
            runtime,
            timing: Timing { scale: 0.01 },
        }
    }

    /// The same at another pace.
    #[allow(dead_code, reason = "only the moves ask")]
    pub(crate) fn paced(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// The same emulator, another account.
    pub(crate) fn of(&self, account: String) -> Self {
        Self::new(self.endpoint.clone(), account, self.runtime.clone())
    }

    /// Another account, behind a proxy of its own with this weather.
    pub(crate) async fn elsewhere(
        &self,
        account: String,
        weather: Arc<dyn Weather>,
    ) -> Result<(Self, Proxy), String> {
        let proxy = Proxy::in_weather(&self.endpoint, weather).await;
        let proxy = proxy.map_err(|error| error.to_string())?;
        let stand = Self::new(proxy.endpoint(), account, self.runtime.clone());
        Ok((stand, proxy))
    }

    pub(crate) fn block<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// A stack of this content.
    pub(crate) async fn site(&self, name: &str, content: &Table) -> Result<Site, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let mut stack = Table::new();
        stack.insert("name".into(), name.into());
        stack.insert("account".into(), self.account.clone().into());
        stack.insert("region".into(), "eu-west-3".into());
        stack.extend(content.clone());
        let text = toml::to_string(&stack).map_err(|error| error.to_string())?;
        fs::write(folder.path().join("stack.toml"), text).map_err(|error| error.to_string())?;
        for entry in fs::read_dir(super::example::folder())
            .map_err(|e| e.to_string())?
            .flatten()
        {
            if entry
                .path()
                .extension()
                .is_some_and(|extension| extension != "toml")
            {
                fs::copy(entry.path(), folder.path().join(entry.file_name()))
                    .map_err(|error| error.to_string())?;
            }
        }
        let request = Request {
            folder: folder.path().to_owned(),
            ..Request::default()
        };
        let loaded = load(&request, &VOCABULARY).map_err(|report| report.plain())?;
        let connection = Connection {
            region: loaded.stack.region.clone(),
            endpoint: Some(self.endpoint.clone()),
            sandbox_account: Some(self.account.clone()),
        };
        let config = configure(&connection).await;
        let identity = Identity {
            stack: name.to_owned(),
            environment: loaded.stack.environment.clone(),
            account: self.account.clone(),
            region: loaded.stack.region.clone(),
        };
        let cx = Arc::new(Aws::new(&config, identity.clone(), self.timing));
        Ok(Site {
            loaded,
            identity,
            cx,
            _folder: folder,
        })
    }

    /// What boto3 counts in the account, by kind of thing.
    pub(crate) async fn census(&self) -> Result<BTreeMap<String, u64>, String> {
        let count = terrace_sandbox::census(&self.endpoint, &self.account, "eu-west-3").await;
        count.map_err(|error| error.to_string())
    }
}

impl Site {
    pub(crate) async fn discover(&self) -> Result<Inventory, String> {
        let found = discover(&self.cx, &Places::new(), &[]).await;
        found.map_err(|error| error.to_string())
    }

    /// Whether the TOML itself gives names that only one in the account can have.
    pub(crate) fn claims_names(&self) -> bool {
        let claims = |resource: &Resource| {
            !VOCABULARY
                .physical(&resource.kind, &resource.table)
                .is_empty()
        };
        self.loaded.stack.resources.values().any(claims)
    }

    /// The plan, every loss being consented to.
    pub(crate) async fn plan(&self, destroy: bool) -> Result<(Plan, Inventory), String> {
        let inventory = self.discover().await?;
        let losses = [Loss::Data, Loss::Address, Loss::Network, Loss::Promotion];
        let options = Options {
            allow: losses.into_iter().map(|loss| (loss, None)).collect(),
            destroy,
            ..Options::default()
        };
        let input = Input {
            kinds: Kinds::new(KINDS),
            stack: &self.loaded.stack,
            identity: &self.identity,
            inventory: &inventory,
            options: &options,
        };
        let plan = planner::plan(&input).map_err(|trouble| format!("{trouble:?}"))?;
        if let Some(refusal) = plan.refusals.first() {
            return Err(format!("refused: {} {}", refusal.address, refusal.what));
        }
        Ok((plan, inventory))
    }

    /// Were the TOML empty, each loss would be refused, each by its own word; and what AWS protects would be lifted in
    /// a step before.
    pub(crate) async fn losses_are_asked_for(&self) -> Verdict {
        let mut stack = self.loaded.stack.clone();
        stack.resources.clear();
        let inventory = self.discover().await?;
        let input = Input {
            kinds: Kinds::new(KINDS),
            stack: &stack,
            identity: &self.identity,
            inventory: &inventory,
            options: &Options::default(),
        };
        let plan = planner::plan(&input).map_err(|trouble| format!("{trouble:?}"))?;
        for found in &inventory.ours {
            let (Some((address, _)), Some(kind)) =
                (&found.mark, Kinds::new(KINDS).get(found.live.kind()))
            else {
                continue;
            };
            let of = |one: &&Refusal| one.address == *address && one.loss.is_some();
            let asked: Vec<Option<Loss>> = plan
                .refusals
                .iter()
                .filter(of)
                .map(|one| one.loss)
                .collect();
            let loss = kind.class(None, &found.live).loss();
            if asked != loss.map(Some).into_iter().collect::<Vec<_>>() {
                return Err(format!(
                    "{address} goes with the loss of {loss:?}, and {asked:?} is asked for"
                ));
            }
            let place = |is: fn(&Action) -> bool| {
                plan.steps
                    .iter()
                    .position(|step| step.address == *address && is(&step.action))
            };
            let lift = place(|action| matches!(action, Action::Unprotect));
            let delete = place(|action| matches!(action, Action::Delete(_)));
            let before = lift
                .zip(delete)
                .is_some_and(|(lift, delete)| plan.steps[delete].needs.contains(&lift));
            if kind.protected(&found.live) && !before {
                return Err(format!(
                    "{address} is protected, and that is not lifted before"
                ));
            }
        }
        Ok(())
    }

    /// Plans, carries it out, and answers the plan.
    pub(crate) async fn apply(&self) -> Result<Plan, String> {
        self.carry_out(false).await
    }

    /// Tears it down.
    pub(crate) async fn destroy(&self) -> Result<Plan, String> {
        self.carry_out(true).await
    }

    async fn carry_out(&self, destroy: bool) -> Result<Plan, String> {
        let (plan, ends) = self.run(destroy, &|_| {}).await?;
        for (step, end) in plan.steps.iter().zip(&ends) {
            if let End::Failed(error) = end {
                return Err(format!("{} {}: {error}", step.action.word(), step.address));
            }
        }
        Ok(plan)
    }

    /// Plans, carries it out, and answers how every step ended, by address. `waits` is told who waits for what.
    #[allow(dead_code, reason = "only the moves ask")]
    pub(crate) async fn ends(
        &self,
        destroy: bool,
        waits: &(dyn Fn(&str, &str) + Sync),
    ) -> Result<Vec<(String, End)>, String> {
        let observe = |event: Event<'_>| {
            if let Event::Waiting(_, step, why) = event {
                waits(&step.address.to_string(), why);
            }
        };
        let (plan, ends) = self.run(destroy, &observe).await?;
        let addresses = plan.steps.iter().map(|step| step.address.to_string());
        Ok(addresses.zip(ends).collect())
    }

    async fn run(
        &self,
        destroy: bool,
        observe: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<(Plan, Vec<End>), String> {
        let (plan, inventory) = self.plan(destroy).await?;
        let world = AwsWorld::new(&self.cx, Arc::new(AtomicBool::new(false)));
        let apply = Apply {
            plan: &plan,
            stack: &self.loaded.stack,
            inventory: &inventory,
            kinds: Kinds::new(KINDS),
            world: &world,
            life: "",
            observe,
        };
        let ends = apply.run().await.ends;
        Ok((plan, ends))
    }

    /// Nothing is left to do.
    pub(crate) async fn settled(&self) -> Verdict {
        let (plan, _) = self.plan(false).await?;
        if plan.is_empty() {
            return Ok(());
        }
        Err(format!("a second plan is not empty: {}", describe(&plan)))
    }
}

/// A plan's steps in one line each.
pub(crate) fn describe(plan: &Plan) -> String {
    let step = |step: &terrace_core::plan::Step| {
        let changes: Vec<String> = step
            .changes
            .iter()
            .map(|change| format!("{} {:?} -> {:?}", change.field, change.have, change.want))
            .collect();
        let tags = match &step.action {
            terrace_core::plan::Action::Tag { set, unset } => format!("{set:?} {unset:?}"),
            _ => String::new(),
        };
        format!(
            "{} {} {} {tags}",
            step.action.word(),
            step.address,
            changes.join("; ")
        )
    };
    plan.steps.iter().map(step).collect::<Vec<_>>().join(" | ")
}
