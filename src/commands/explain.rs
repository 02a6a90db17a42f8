//! `terrace explain`: what the kinds are and what their properties mean.

use clap::Args as ClapArgs;
use terrace_core::erased::AnyKind;
use terrace_core::source::{COMMON, near};

use crate::cli::Format;
use crate::failure::{Exit, Failure};
use crate::reference::block::{Block, markdown, terminal};
use crate::reference::common::{self, common};
use crate::reference::page;
use crate::reference::property::{ANY, Missing, Property, properties};
use crate::session::KINDS;
use crate::ui::Ui;

/// Explain the kinds, one kind, or one of its properties.
///
/// Without a topic, the kinds. `terrace explain subnet` shows a kind with its properties, outputs and
/// IAM actions; `terrace explain subnet.cidr` one property, `terrace explain common` what stands on every
/// kind. Names that you choose yourself are passed by any name: `rules.anything.port`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// A kind, a property of one, or `common`.
    #[arg(value_name = "KIND[.PROPERTY]")]
    topic: Option<String>,
    /// How to answer; JSON is the schema.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Explains.
pub(crate) fn run(args: &Args, ui: Ui) -> Result<Exit, Failure> {
    let topic = args.topic.as_deref().unwrap_or_default();
    if args.format == Format::Json {
        ui.answer(&format!("{:#}\n", schema(topic)?));
        return Ok(Exit::Done);
    }
    let blocks = blocks(topic)?;
    ui.answer(&match args.format {
        Format::Markdown => markdown(&blocks),
        _ => terminal(&blocks),
    });
    Ok(Exit::Done)
}

/// What `common` is called on the command line.
const EVERY: &str = "common";

fn schema(topic: &str) -> Result<serde_json::Value, Failure> {
    match topic {
        "" => Ok(KINDS
            .iter()
            .map(|kind| (kind.name().to_owned(), kind.schema().clone()))
            .collect()),
        EVERY => Ok(common::schema()),
        name => Ok(kind(name.split('.').next().unwrap_or(name))?
            .schema()
            .clone()),
    }
}

fn blocks(topic: &str) -> Result<Vec<Block>, Failure> {
    let mut path = topic.split('.').filter(|part| !part.is_empty());
    let Some(first) = path.next() else {
        return Ok(page::index());
    };
    let path: Vec<&str> = path.collect();
    if first == EVERY {
        if path.is_empty() {
            return Ok(page::common_page());
        }
        return property(EVERY, &common(), &path);
    }
    let kind = kind(first)?;
    let Some(name) = path.first() else {
        return Ok(page::kind(kind));
    };
    let own = properties(kind.schema());
    if !own.iter().any(|property| property.name == *name) && COMMON.contains(name) {
        return property(first, &common(), &path);
    }
    property(first, &own, &path)
}

fn kind(name: &str) -> Result<&'static dyn AnyKind, Failure> {
    KINDS.get(name).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(AnyKind::name).collect();
        let failure = Failure::new(format!("there is no kind `{name}`"));
        match near(name, names) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`terrace explain` lists the kinds"),
        }
    })
}

fn property(kind: &str, all: &[Property], path: &[&str]) -> Result<Vec<Block>, Failure> {
    Property::find(all, path)
        .map(|property| page::one(kind, path, property))
        .map_err(|missing| unknown(kind, path, missing))
}

fn unknown(kind: &str, path: &[&str], Missing { at, among }: Missing<'_>) -> Failure {
    let whose = std::iter::once(kind)
        .chain(path[..at].iter().copied())
        .collect::<Vec<_>>()
        .join(".");
    let name = path.get(at).copied().unwrap_or_default();
    let failure = Failure::new(format!("`{whose}` has no property `{name}`"));
    let common = if at == 0 { COMMON.as_slice() } else { &[] };
    let own = || {
        among
            .iter()
            .map(|property| property.name.as_str())
            .filter(|name| *name != ANY)
    };
    if let Some(near) = near(name, own().chain(common.iter().copied())) {
        return failure.hint(format!("did you mean `{whose}.{near}`?"));
    }
    let names: Vec<String> = own().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return failure.hint(format!("`{whose}` is a plain value"));
    }
    failure.hint(format!("it has {}", names.join(", ")))
}
