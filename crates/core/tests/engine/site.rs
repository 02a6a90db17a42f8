//! A stack of toys and the cloud it stands in.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use terrace_core::apply::{Apply, End, Event, Outcome};
use terrace_core::inventory::{Inventory, Look, Seen};
use terrace_core::mark::Identity;
use terrace_core::plan::Plan;
use terrace_core::planner::{self, Input, Kinds, Options, Trouble};
use terrace_core::source::{Request, Stack, load};

use super::toy::{Cloud, KINDS, ToyWorld, WORDS, hands};

pub(crate) const HEADER: &str =
    "name = \"toys\"\naccount = \"123456789012\"\nregion = \"eu-west-3\"\n";

/// A one-file stack of this content.
pub(crate) fn stack(content: &str) -> Stack {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("stack.toml"),
        format!("{HEADER}{content}"),
    )
    .unwrap();
    staged(&folder, None)
}

/// A stack in a folder, at a stage.
pub(crate) fn staged(folder: &TempDir, stage: Option<&str>) -> Stack {
    let request = Request {
        folder: folder.path().to_owned(),
        stage: stage.map(str::to_owned),
        ..Request::default()
    };
    load(&request, &WORDS)
        .unwrap_or_else(|report| panic!("{}", report.plain()))
        .stack
}

/// A stack with stages, in their order.
pub(crate) fn ladder(stages: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let names: Vec<String> = stages
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let last = stages.last().unwrap().0;
    let header = format!(
        "{HEADER}stages = [{}]\nstage = \"{last}\"\n",
        names.join(", ")
    );
    fs::write(folder.path().join("stack.toml"), header).unwrap();
    for (name, content) in stages {
        fs::write(folder.path().join(format!("{name}.toml")), content).unwrap();
    }
    folder
}

pub(crate) struct Site {
    pub(crate) cloud: Arc<Cloud>,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            cloud: Arc::new(Cloud::default()),
        }
    }

    pub(crate) fn identity() -> Identity {
        Identity {
            stack: "toys".into(),
            environment: "main".into(),
            account: "123456789012".into(),
            region: "eu-west-3".into(),
        }
    }

    pub(crate) async fn discover(&self) -> Result<Inventory, String> {
        let mut ours = Vec::new();
        for hand in hands(&self.cloud) {
            let found = hand.discover(Look::Ours, Seen::default()).await;
            ours.extend(found.map_err(|error| error.to_string())?);
        }
        Ok(Inventory {
            ours,
            existing: BTreeMap::new(),
        })
    }

    pub(crate) async fn plan_with(
        &self,
        stack: &Stack,
        options: &Options,
    ) -> Result<(Plan, Inventory), Trouble> {
        let inventory = self.discover().await.unwrap_or_default();
        let identity = Self::identity();
        let input = Input {
            kinds: Kinds::new(KINDS),
            stack,
            identity: &identity,
            inventory: &inventory,
            options,
        };
        Ok((planner::plan(&input)?, inventory))
    }

    pub(crate) async fn plan(&self, stack: &Stack) -> Plan {
        self.plan_with(stack, &Options::default()).await.unwrap().0
    }

    pub(crate) async fn run(&self, stack: &Stack, options: &Options) -> (Plan, Outcome) {
        let (plan, inventory) = self.plan_with(stack, options).await.unwrap();
        let world = ToyWorld {
            hands: hands(&self.cloud),
        };
        let apply = Apply {
            plan: &plan,
            stack,
            inventory: &inventory,
            kinds: Kinds::new(KINDS),
            world: &world,
            life: "",
            observe: &|_| {},
        };
        let outcome = apply.run().await;
        (plan, outcome)
    }

    /// Applies; answers what was waited for, and what was told meanwhile.
    pub(crate) async fn watch(&self, stack: &Stack) -> Vec<String> {
        let (plan, inventory) = self.plan_with(stack, &Options::default()).await.unwrap();
        let told = Mutex::new(Vec::new());
        let apply = Apply {
            plan: &plan,
            stack,
            inventory: &inventory,
            kinds: Kinds::new(KINDS),
            world: &ToyWorld {
                hands: hands(&self.cloud),
            },
            life: "",
            observe: &|event| {
                if let Event::Waiting(_, step, why) = event {
                    let text = format!("{}: {why}", step.address);
                    told.lock().unwrap().push(text);
                }
            },
        };
        assert!(apply.run().await.is_complete());
        told.into_inner().unwrap()
    }

    /// Applies; all must be done.
    pub(crate) async fn apply(&self, stack: &Stack) -> Plan {
        let (plan, outcome) = self.run(stack, &Options::default()).await;
        for (step, end) in plan.steps.iter().zip(&outcome.ends) {
            if let End::Failed(error) = end {
                panic!("{} {}: {error}", step.action.word(), step.address);
            }
        }
        plan
    }

    pub(crate) async fn destroy(&self, stack: &Stack) {
        let options = Options {
            destroy: true,
            ..Options::default()
        };
        let (plan, outcome) = self.run(stack, &options).await;
        for (step, end) in plan.steps.iter().zip(&outcome.ends) {
            if let End::Failed(error) = end {
                panic!("{} {}: {error}", step.action.word(), step.address);
            }
        }
    }
}

/// Runs to the end.
pub(crate) fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

/// A plan's steps in words, in the order of their numbers.
pub(crate) fn words(plan: &Plan) -> Vec<String> {
    let mut words: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("{} {}", step.action.word(), step.address))
        .collect();
    words.sort();
    words
}
