//! The command line. Its doc comments are the help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Grows a startup's AWS architecture stage by stage, without a state file.
///
/// A stack is a folder of TOML in git. `plan` compares the stage it should stand on with what is live
/// in AWS, `apply` carries out the difference in dependency order. With `--sandbox` any command runs
/// against an emulator on this machine instead of AWS.
#[derive(Debug, Parser)]
#[command(
    name = "terrace",
    version,
    max_term_width = 100,
    propagate_version = true
)]
pub(crate) struct Cli {
    /// When to colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// The same for the streams.
    pub(crate) fn choice(self) -> anstream::ColorChoice {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
    }
}

/// How to answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a stack to begin with.
    Init(crate::commands::init::Args),
    /// Check a stack, offline.
    Validate(crate::commands::validate::Args),
    /// Show what apply would do.
    Plan(crate::commands::plan::Args),
    /// Make what is live what the TOML says.
    Apply(crate::commands::apply::Args),
    /// Tear an environment down.
    Destroy(crate::commands::destroy::Args),
    /// Show the ladder.
    Stages(crate::commands::stages::Args),
    /// Show where what is live differs from the TOML.
    Drift(crate::commands::drift::Args),
    /// Show the stack's outputs as they are live.
    Output(crate::commands::output::Args),
    /// Draw what is in a stack and what needs what.
    Graph(crate::commands::graph::Args),
    /// Explain the kinds and their properties.
    Explain(crate::commands::explain::Args),
    /// Make a live resource ours.
    Import(crate::commands::import::Args),
    /// Let go of a live resource.
    Forget(crate::commands::forget::Args),
    /// Show who is changing an environment, and free a lock that was left behind.
    Lock(crate::commands::lock::Args),
    /// Climb the whole ladder and come down again, in a sandbox of its own.
    Rehearse(crate::commands::rehearse::Args),
    /// Start, stop, empty or look at the emulator on this machine.
    Sandbox(crate::commands::sandbox::Args),
    /// Print the JSON schema of stack files.
    Schema(crate::commands::schema::Args),
    /// Print a script that completes commands in a shell.
    Completions(crate::commands::completions::Args),
    /// Write or check the generated documentation.
    #[command(hide = true)]
    Docs(crate::commands::docs::Args),
}

/// Which stack, and how to look at it.
#[derive(Args, Clone, Debug)]
pub(crate) struct StackArgs {
    /// The folder with stack.toml.
    #[arg(default_value = ".", value_name = "STACK")]
    pub(crate) stack: PathBuf,
    /// The environment; required where the stack declares some.
    #[arg(long, env = "TERRACE_ENV", value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Look at this stage instead of the one the stack stands on.
    #[arg(long, value_name = "NAME")]
    pub(crate) stage: Option<String>,
    /// A variable in place of the one in the files; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) var: Vec<(String, String)>,
    /// Work against the emulator on this machine, never AWS.
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

impl StackArgs {
    /// The same words again, for hints that can be copied.
    pub(crate) fn words(&self) -> String {
        let mut words = vec![self.stack.display().to_string()];
        for (flag, value) in [("--env", &self.env), ("--stage", &self.stage)] {
            words.extend(value.iter().map(|value| format!("{flag} {value}")));
        }
        words.extend(
            self.var
                .iter()
                .map(|(name, value)| format!("--var {name}={value}")),
        );
        words.extend(self.sandbox.then(|| "--sandbox".to_owned()));
        words.join(" ")
    }
}

/// What a person says of the losses and holds of a plan.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConsentArgs {
    /// Consent to a loss for this run: `data=volume.data`, or `data` alone for all of them. `many`: to deleting most of a
    /// stack; `empty`: to building one that stood and is not found.
    #[arg(long, value_name = "LOSS[=ADDRESS]")]
    pub(crate) allow: Vec<String>,
    /// Confirm a change that is held; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) confirm: Vec<String>,
    /// Go no further than this movement.
    #[arg(long, value_enum, value_name = "MOVEMENT")]
    pub(crate) until: Option<Until>,
    /// Only this and what it needs; leaves the rest behind. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) target: Vec<String>,
    /// Refuse a plan with a worse impact.
    #[arg(long, value_enum, value_name = "IMPACT")]
    pub(crate) max_impact: Option<MaxImpact>,
    /// Refuse a plan that does these: `replace,delete`.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ACTIONS")]
    pub(crate) deny: Vec<Deny>,
}

/// A movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// Only what adds.
    Build,
    /// What adds and what alters; nothing is taken away.
    Switch,
}

/// The worst impact to accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MaxImpact {
    /// Nobody notices.
    None,
    /// Seconds.
    Blip,
    /// Minutes.
    Outage,
}

/// An action to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Replacing a resource.
    Replace,
    /// Deleting a resource.
    Delete,
}

pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}
