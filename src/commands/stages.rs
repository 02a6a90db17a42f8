//! `terrace stages`: the ladder.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;
use terrace_core::source::{Request, Stack};

use super::graph;
use crate::failure::{Exit, Failure};
use crate::session;
use crate::ui::Ui;
use crate::ui::paint::{Label, paint};
use crate::ui::picture::climb::Climb;
use crate::ui::picture::ladder::{self, Rung};

/// Show the ladder, and where the environment stands on it.
///
/// As `svg` each stage says what it adds to the one below, what it changes in it and what it takes out.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The folder with stack.toml.
    #[arg(default_value = ".", value_name = "STACK")]
    stack: PathBuf,
    /// The environment; required where the stack declares some.
    #[arg(long, env = "TERRACE_ENV", value_name = "NAME")]
    env: Option<String>,
    /// Look at this stage instead of the one the stack stands on.
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// A variable in place of the one in the files; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::cli::pair)]
    var: Vec<(String, String)>,
    /// As for the emulator on this machine.
    #[arg(long)]
    sandbox: bool,
    /// How to answer.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Write to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How to answer.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For a comment on a pull request.
    Markdown,
    /// As a picture.
    Svg,
}

/// Shows them.
pub(crate) fn run(args: &Args, ui: Ui) -> Result<Exit, Failure> {
    let stack = load(args, args.stage.clone())?;
    let text = match args.format {
        Format::Human => human(&stack),
        Format::Json => json(&stack),
        Format::Markdown => markdown(&stack),
        Format::Svg => svg(args, &stack)?,
    };
    graph::write(&text, args.out.as_deref(), ui)
}

fn load(args: &Args, stage: Option<String>) -> Result<Stack, Failure> {
    let loaded = session::load_request(&Request {
        folder: args.stack.clone(),
        environment: args.env.clone(),
        stage,
        variables: args.var.clone(),
        sandbox: args.sandbox,
    })?;
    Ok(loaded.stack)
}

/// The stages with what each is for, and whether the environment stands there.
fn stages(stack: &Stack) -> impl Iterator<Item = (&String, &str, bool)> {
    stack.stages.iter().enumerate().map(|(index, name)| {
        let about = stack.abouts.get(index).and_then(Option::as_deref);
        let here = stack.stage.as_ref() == Some(name);
        (name, about.unwrap_or_default(), here)
    })
}

fn human(stack: &Stack) -> String {
    let mut text = String::new();
    for (index, (name, about, here)) in stages(stack).enumerate() {
        let (sign, label) = if here {
            (">", Label::Good)
        } else {
            (" ", Label::Quiet)
        };
        let line = format!("{sign} {} {name:<20}", index + 1);
        let _ = writeln!(text, "{} {about}", paint(label, &line));
    }
    if stack.stages.is_empty() {
        text.push_str("one file, no stages\n");
    }
    text
}

fn json(stack: &Stack) -> String {
    let stages: Vec<_> = stages(stack)
        .map(|(name, about, here)| json!({ "name": name, "about": about, "here": here }))
        .collect();
    format!("{:#}\n", json!({ "stack": stack.name, "stages": stages }))
}

fn markdown(stack: &Stack) -> String {
    if stack.stages.is_empty() {
        return "one file, no stages\n".to_owned();
    }
    let mut text = String::new();
    for (name, about, here) in stages(stack) {
        let here = if here { " (here)" } else { "" };
        let _ = writeln!(text, "1. **{name}**{here}: {about}");
    }
    text
}

/// Every stage is loaded, and compared with the one below.
fn svg(args: &Args, stack: &Stack) -> Result<String, Failure> {
    let mut rungs = Vec::new();
    let mut below: Option<Stack> = None;
    for (name, about, here) in stages(stack) {
        let stage = load(args, Some(name.clone()))?;
        rungs.push(Rung {
            name: name.clone(),
            about: about.to_owned(),
            here,
            climb: Climb::of(below.as_ref(), &stage),
        });
        below = Some(stage);
    }
    if rungs.is_empty() {
        rungs.push(Rung {
            name: stack.name.clone(),
            about: "One file, no stages.".to_owned(),
            here: true,
            climb: Climb::of(None, stack),
        });
    }
    let title = format!("{}/{}: the ladder", stack.name, stack.environment);
    let about = stack.about.as_deref().unwrap_or_default();
    Ok(ladder::svg(&title, about, &stack.environment, &rungs))
}
