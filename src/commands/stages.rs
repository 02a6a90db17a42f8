//! `terrace stages`: the ladder.

use std::fmt::Write as _;

use clap::Args as ClapArgs;
use serde_json::json;

use crate::cli::{Format, StackArgs};
use crate::failure::{Exit, Failure};
use crate::session;
use crate::ui::Ui;
use crate::ui::paint::{Label, paint};

/// Show the ladder, and where the environment stands on it.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
}

/// Shows them.
pub(crate) fn run(args: &Args, ui: Ui) -> Result<Exit, Failure> {
    let loaded = session::load(&args.stack)?;
    let stack = &loaded.stack;
    let here = |name: &String| stack.stage.as_ref() == Some(name);
    let about = |index: usize| {
        stack
            .abouts
            .get(index)
            .cloned()
            .flatten()
            .unwrap_or_default()
    };
    if args.stack.format == Format::Json {
        let stages: Vec<_> = stack
            .stages
            .iter()
            .enumerate()
            .map(|(index, name)| json!({ "name": name, "about": about(index), "here": here(name) }))
            .collect();
        ui.answer(&format!(
            "{:#}\n",
            json!({ "stack": stack.name, "stages": stages })
        ));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for (index, name) in stack.stages.iter().enumerate() {
        let (sign, label) = if here(name) {
            (">", Label::Good)
        } else {
            (" ", Label::Quiet)
        };
        let line = format!("{sign} {} {name:<20}", index + 1);
        let _ = writeln!(text, "{} {}", paint(label, &line), about(index));
    }
    if stack.stages.is_empty() {
        text.push_str("one file, no stages\n");
    }
    ui.answer(&text);
    Ok(Exit::Done)
}
