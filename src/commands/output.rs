//! `terrace output`: the stack's outputs as they are live.

use clap::Args as ClapArgs;
use serde_json::{Map, Value};
use terrace_core::inventory::Inventory;
use terrace_core::source::Node;

use crate::cli::{Format, StackArgs};
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::ui::Ui;

/// Show the stack's outputs as they are live.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// Only this output, bare, for scripts.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    stack: StackArgs,
}

/// Shows them.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let session = Session::open(&args.stack, ui).await?;
    let inventory = session.discover().await?;
    let outputs = values(&session, &inventory)?;
    if let Some(name) = &args.name {
        let value = outputs.get(name).ok_or_else(|| {
            let known: Vec<&str> = outputs.keys().map(String::as_str).collect();
            Failure::new(format!("the stack has no output `{name}`"))
                .hint(format!("it has: {}", known.join(", ")))
        })?;
        ui.answer(&format!("{}\n", bare(value)));
        return Ok(Exit::Done);
    }
    if args.stack.format == Format::Json {
        ui.answer(&format!("{:#}\n", Value::Object(outputs)));
    } else {
        let width = outputs.keys().map(String::len).max().unwrap_or(0);
        let line = |(name, value): (&String, &Value)| format!("{name:<width$} = {}\n", bare(value));
        ui.answer(&outputs.iter().map(line).collect::<String>());
    }
    Ok(Exit::Done)
}

fn bare(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "(not known yet)".to_owned(),
        other => other.to_string(),
    }
}

fn values(session: &Session, inventory: &Inventory) -> Result<Map<String, Value>, Failure> {
    let standing = inventory.standing(|_| false);
    let known = |address: &terrace_core::address::Address, output: &str| {
        let existing = inventory.existing.get(address);
        let found = existing.or_else(|| standing.get(address).copied())?;
        terrace_core::bridge::value(found.live.outputs().get(output)?)
    };
    let value = |node: &Node| match node.settle(&known) {
        Ok(Some(node)) => Ok(node.to_json()),
        Ok(None) => Ok(Value::Null),
        Err(fault) => Err(Failure::new(fault.to_string())),
    };
    let outputs = &session.stack().outputs;
    outputs
        .iter()
        .map(|(name, node)| Ok((name.clone(), value(node)?)))
        .collect()
}
