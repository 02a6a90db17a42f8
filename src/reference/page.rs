//! Pages: the index of kinds, a kind, a property.

use std::fmt::Write as _;

use terrace_aws::kinds::{SERVICES, Service};
use terrace_aws::lookups::LOOKUPS;
use terrace_core::erased::AnyKind;
use terrace_core::kind::{About, Class, Create, Swap};
use terrace_core::minutes::Minutes;

use crate::reference::block::{Block, Entry};
use crate::reference::common::common;
use crate::reference::examples::example;
use crate::reference::property::{self, ANY, Property, properties};
use crate::session::KINDS;

/// The first sentence of a text, on one line.
pub(crate) fn first_sentence(text: &str) -> String {
    let line = text
        .split("\n\n")
        .next()
        .unwrap_or_default()
        .replace('\n', " ");
    match line.find(". ") {
        Some(end) => line[..=end].to_owned(),
        None => line,
    }
}

/// All kinds, by service.
pub(crate) fn index() -> Vec<Block> {
    let mut blocks = vec![
        Block::Title("Kinds".to_owned()),
        Block::Text(
            "A resource is a table `[kind.name]` in a stage file. `terrace explain KIND` shows a \
             kind, `terrace explain KIND.PROPERTY` one of its properties."
                .to_owned(),
        ),
    ];
    for service in SERVICES {
        blocks.push(Block::Heading(service_title(service)));
        let kinds = service.kinds.iter().filter_map(|name| KINDS.get(name));
        let name = |kind: &'static dyn AnyKind| Entry {
            name: kind.name().to_owned(),
            about: first_sentence(property::about(kind.schema())),
            page: Some(format!("{}.md", kind.name())),
        };
        blocks.push(Block::Names(kinds.map(name).collect()));
    }
    if !LOOKUPS.is_empty() {
        blocks.push(Block::Heading("Only looked up".to_owned()));
        blocks.push(Block::Text(
            "What terrace names and never changes: `[existing.kind.name]`. The kinds above can be \
             looked up in the same way."
                .to_owned(),
        ));
        let name = |(name, outputs): &(&str, &[&str])| Entry {
            name: (*name).to_owned(),
            about: format!("outputs {}", [&["id"], *outputs].concat().join(", ")),
            page: None,
        };
        blocks.push(Block::Names(LOOKUPS.iter().map(name).collect()));
    }
    blocks.push(Block::Heading("On every kind".to_owned()));
    let name = |property: Property| Entry {
        about: first_sentence(&property.about),
        name: property.name,
        page: Some("common.md".to_owned()),
    };
    blocks.push(Block::Names(common().into_iter().map(name).collect()));
    blocks
}

fn service_title(service: &Service) -> String {
    service.about.trim().trim_end_matches('.').to_owned()
}

/// What stands on every kind.
pub(crate) fn common_page() -> Vec<Block> {
    vec![
        Block::Title("Properties of every kind".to_owned()),
        Block::Text("These may stand in the table of any resource, beside its own.".to_owned()),
        Block::Properties(common()),
    ]
}

/// A kind.
pub(crate) fn kind(kind: &dyn AnyKind) -> Vec<Block> {
    let about = kind.about();
    let mut blocks = vec![Block::Title(kind.name().to_owned())];
    let text = property::about(kind.schema());
    if !text.is_empty() {
        blocks.push(Block::Text(text.to_owned()));
    }
    if let Some(example) = example(kind.name()) {
        blocks.push(Block::Code("toml", example.to_owned()));
    }
    let own = properties(kind.schema());
    if !own.is_empty() {
        blocks.push(Block::Heading("Properties".to_owned()));
        blocks.push(Block::Properties(own));
    }
    blocks.push(Block::Heading("Properties of every kind".to_owned()));
    let names: Vec<String> = common()
        .iter()
        .map(|property| format!("`{}`", property.name))
        .collect();
    blocks.push(Block::Text(format!("{}.", names.join(", "))));
    blocks.push(Block::Heading("Outputs".to_owned()));
    blocks.push(Block::Text(outputs(kind)));
    blocks.push(Block::Heading("Life".to_owned()));
    blocks.extend(life(about, kind.minutes()).into_iter().map(Block::Text));
    blocks.push(Block::Heading("IAM actions".to_owned()));
    blocks.push(match about.actions {
        [] => Block::Text("None.".to_owned()),
        actions => Block::Code("text", actions.join("\n")),
    });
    blocks
}

fn outputs(kind: &dyn AnyKind) -> String {
    let all = [&["id"], kind.about().outputs].concat();
    let names: Vec<String> = all.iter().map(|name| format!("`{name}`")).collect();
    let last = all.last().unwrap_or(&"id");
    format!(
        "{}: `{{{{ {}.main.{last} }}}}` in an expression.",
        names.join(", "),
        kind.name()
    )
}

fn life(about: &About, typical: &Minutes) -> Vec<String> {
    let mut lines = Vec::new();
    lines.push(
        match about.class {
            Class::Stateless => "Nothing is lost with one: it can be made again.",
            Class::Identity => {
                "Others may hold its name or address: taking one away needs `allow = \"address\"`."
            }
            Class::Foundation => "Others stand in it: taking one away needs `allow = \"network\"`.",
            Class::Data => "It holds what users stored: losing that needs `allow = \"data\"`.",
        }
        .to_owned(),
    );
    if about.protect {
        lines.push("Protected unless the TOML says `protect = false`.".to_owned());
    }
    lines.push(typically(typical));
    let mut replaced = match about.swap {
        Swap::CreateFirst => {
            "Replaced by making the new one first; the old one goes once nothing uses it."
        }
        Swap::DeleteFirst => {
            "Replaced by deleting the old one first: the two cannot exist side by side."
        }
    }
    .to_owned();
    let _ = write!(
        replaced,
        " {}",
        match about.create {
            Create::Token => "A creation that is sent twice makes one, by its client token.",
            Create::Name => "A creation that is sent twice makes one, as its name is taken.",
            Create::Blind => "A creation that is sent twice makes two; the next plan retires one.",
        }
    );
    lines.push(replaced);
    if !about.after.is_empty() {
        let kinds: Vec<String> = about.after.iter().map(|kind| format!("`{kind}`")).collect();
        lines.push(format!(
            "Made after each {} of its network.",
            kinds.join(" and ")
        ));
    }
    if !about.taggable {
        lines.push("Carries no tags of its own, so `import` cannot put a mark on one.".to_owned());
    }
    lines
}

fn typically(typical: &Minutes) -> String {
    let [create, update, delete] = [typical.create, typical.update, typical.delete].map(minutes);
    if create == update && update == delete {
        return format!("Typically {create} to create, to change and to delete one.");
    }
    format!("Typically {create} to create, {update} to change, {delete} to delete one.")
}

fn minutes(minutes: f64) -> String {
    if minutes < 1.0 {
        return "seconds".to_owned();
    }
    format!("{minutes:.0} min")
}

/// One property of a kind, with all that stands below it.
pub(crate) fn one(kind: &str, path: &[&str], property: &Property) -> Vec<Block> {
    let mut shown = property.clone();
    if shown.name == ANY {
        shown.name = path
            .last()
            .map_or_else(|| ANY.to_owned(), ToString::to_string);
    }
    vec![
        Block::Title(format!("{kind}.{}", path.join("."))),
        Block::Properties(vec![shown]),
    ]
}
