//! `terrace validate`: every environment at every stage, offline.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use terrace_aws::VOCABULARY;
use terrace_core::source::{Request, validate_all};

use crate::failure::{Exit, Failure};
use crate::session;
use crate::ui::Ui;
use crate::watch::watched;

/// Check a stack: every environment at every stage, without credentials and without network.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The folder with stack.toml.
    #[arg(default_value = ".", value_name = "STACK")]
    stack: PathBuf,
    /// Only this environment.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Only this stage.
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// A variable in place of the one in the files; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::cli::pair)]
    var: Vec<(String, String)>,
}

/// Validates.
pub(crate) fn run(args: &Args, ui: Ui) -> Result<Exit, Failure> {
    let request = Request {
        folder: args.stack.clone(),
        environment: args.env.clone(),
        stage: args.stage.clone(),
        variables: args.var.clone(),
        sandbox: false,
    };
    let report = watched(|| validate_all(&request, &VOCABULARY))
        .map_err(|report| session::mistakes(&report))?;
    if !report.diagnostics.is_empty() {
        ui.say(report.styled().trim_end());
    }
    ui.answer(&match args.stack.to_str() {
        Some(".") => "this stack is valid\n".to_owned(),
        _ => format!("{} is valid\n", args.stack.display()),
    });
    Ok(Exit::Done)
}
