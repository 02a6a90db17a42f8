//! The commands, a file each.

pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod destroy;
pub(crate) mod docs;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod forget;
pub(crate) mod graph;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod lock;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod rehearse;
pub(crate) mod sandbox;
pub(crate) mod schema;
pub(crate) mod stages;
pub(crate) mod validate;

use std::future::Future;

use crate::cli::{Cli, Command};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// Runs a command to its exit code.
pub(crate) fn run(cli: Cli, ui: Ui) -> Result<Exit, Failure> {
    match cli.command {
        Command::Init(args) => block(init::run(args, ui)),
        Command::Validate(args) => validate::run(&args, ui),
        Command::Plan(args) => block(plan::run(args, ui)),
        Command::Apply(args) => block(apply::run(args, ui)),
        Command::Destroy(args) => block(destroy::run(args, ui)),
        Command::Stages(args) => stages::run(&args, ui),
        Command::Drift(args) => block(drift::run(args, ui)),
        Command::Output(args) => block(output::run(args, ui)),
        Command::Graph(args) => graph::run(&args, ui),
        Command::Explain(args) => explain::run(&args, ui),
        Command::Import(args) => block(import::run(args, ui)),
        Command::Forget(args) => block(forget::run(args, ui)),
        Command::Lock(args) => block(lock::run(args, ui)),
        Command::Rehearse(args) => block(rehearse::run(args, ui)),
        Command::Sandbox(args) => block(sandbox::run(args, ui)),
        Command::Schema(args) => Ok(schema::run(&args, ui)),
        Command::Completions(args) => Ok(completions::run(&args, ui)),
        Command::Docs(args) => docs::run(&args, ui),
    }
}

/// Runs what reaches out of this process. Commands that do not never pay for a runtime.
fn block(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
