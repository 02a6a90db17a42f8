//! `stack.toml`: who the stack is, its ladder, its variables and environments.

use std::time::Duration;

use super::bounds;
use super::declare::{Listing, declare, text};
use super::diagnostic::Diagnostic;
use super::guess;
use super::node::{Is, Node, Table};
use super::span::Span;
use super::stack::Moved;
use super::vocabulary::Vocabulary;
use crate::address::{Address, is_key, is_name};
use crate::hashed::IndexMap;

/// What stands on the top level of `stack.toml`.
pub(crate) const WORDS: [&str; 13] = [
    "name",
    "about",
    "account",
    "region",
    "stages",
    "stage",
    "variables",
    "tags",
    "environments",
    "moved",
    "lock",
    "soak",
    "outputs",
];

/// What stands in `stack.toml`.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) about: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    /// Whether it says one, if only one that does not read.
    pub(crate) says_region: bool,
    pub(crate) stages: Vec<(String, Span)>,
    pub(crate) stage: Option<(String, Span)>,
    pub(crate) variables: Table,
    pub(crate) tags: Table,
    pub(crate) environments: IndexMap<String, Environment>,
    pub(crate) moved: Vec<Moved>,
    pub(crate) formerly: Option<String>,
    /// How long a run waits for a lock that another holds.
    pub(crate) lock_wait: Duration,
    /// How long what a move takes away lives on after traffic has left it.
    pub(crate) soak: Option<Duration>,
    /// Its outputs; all its resources, if it is a stack of one file.
    pub(crate) listing: Listing,
}

/// One `[environments.x]`.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) stage: Option<(String, Span)>,
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    /// Whether it says one, if only one that does not read.
    pub(crate) says_region: bool,
    pub(crate) ttl: Option<(Duration, String)>,
    pub(crate) ephemeral: Option<bool>,
    pub(crate) variables: Table,
}

/// Reads `stack.toml`.
pub(crate) fn header(
    tree: &Node,
    vocabulary: &dyn Vocabulary,
    told: &mut Vec<Diagnostic>,
) -> Header {
    let words: Vec<&str> = WORDS
        .iter()
        .copied()
        .filter(|word| *word != "outputs")
        .collect();
    let declared = declare(tree, &words, vocabulary, 0, told);
    let rest = declared.rest;
    let listing = declared.listing;
    let name = text(&rest, "name", told);
    if let Some((name, at)) = &name
        && !is_stack_name(name)
    {
        let help = "small letters, digits and `-`, a letter first";
        told.push(Diagnostic::error(*at, format!("a stack cannot be called `{name}`")).help(help));
    }
    if !rest.contains_key("name") {
        told.push(
            Diagnostic::error(tree.at, "the stack has no name")
                .help("write name = \"shop\" at the top"),
        );
    }
    let stages = stages(&rest, told);
    if !stages.is_empty() {
        let first = listing
            .resources
            .values()
            .chain(listing.existing.values())
            .chain(listing.modules.values());
        for decl in first {
            let text = "a stack with `stages` holds its resources in the stages' files";
            let help = format!("move this table to {}.toml", stages[0].0);
            told.push(Diagnostic::error(decl.at, text).help(help));
        }
    }
    let (moved, formerly) = moved(&rest, told);
    Header {
        name: name.map(|(name, _)| name).unwrap_or_default(),
        about: text(&rest, "about", told).map(|(about, _)| about),
        account: account(&rest, told),
        region: region(&rest, told),
        says_region: rest.contains_key("region"),
        stages,
        stage: text(&rest, "stage", told),
        variables: names(&rest, "variables", told),
        tags: entries(&rest, "tags", told),
        environments: environments(&rest, told),
        moved,
        formerly,
        lock_wait: lock_wait(&rest, told),
        soak: soak(&rest, told),
        listing,
    }
}

/// `[lock] wait`: no time, where nothing is said.
fn lock_wait(table: &Table, told: &mut Vec<Diagnostic>) -> Duration {
    let mut wait = Duration::ZERO;
    for (name, (at, value)) in entries(table, "lock", told) {
        if name == "wait" {
            wait = lifetime("wait", &value, told).map_or(wait, |(wait, _)| wait);
        } else {
            let text = format!("[lock] knows no `{name}`");
            let help = "write wait = \"10m\": how long a run waits while another holds the lock";
            told.push(Diagnostic::error(at, text).help(help));
        }
    }
    wait
}

/// The `soak` of a file, or of an item of `remove`.
pub(crate) fn soak(table: &Table, told: &mut Vec<Diagnostic>) -> Option<Duration> {
    let (_, value) = table.get("soak")?;
    lifetime("soak", value, told).map(|(soak, _)| soak)
}

/// Whether a text may name a stack or an environment: it goes into tags and physical names.
pub(crate) fn is_stack_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.len() <= 40
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn account(table: &Table, told: &mut Vec<Diagnostic>) -> Option<String> {
    let (_, value) = table.get("account")?;
    match &value.is {
        Is::String(text) if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(text.clone())
        }
        Is::Integer(number) => {
            let diagnostic =
                Diagnostic::error(value.at, "an account is a string: it may begin with a zero");
            told.push(diagnostic.help(format!("write \"{number:012}\"")));
            None
        }
        _ => {
            told.push(
                Diagnostic::error(value.at, "an account has 12 digits")
                    .help("write \"123456789012\""),
            );
            None
        }
    }
}

/// Whether a text has the form of a region's name: `eu-west-3`.
pub(crate) fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let word =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let number = parts.last().is_some_and(|last| last.parse::<u8>().is_ok());
    parts.len() >= 3 && number && parts.iter().all(word)
}

fn region(table: &Table, told: &mut Vec<Diagnostic>) -> Option<String> {
    let (region, at) = text(table, "region", told)?;
    if !is_region(&region) {
        told.push(
            Diagnostic::error(at, format!("`{region}` is no region"))
                .help("write a name such as \"eu-west-3\""),
        );
        return None;
    }
    Some(region)
}

fn stages(table: &Table, told: &mut Vec<Diagnostic>) -> Vec<(String, Span)> {
    let Some((_, value)) = table.get("stages") else {
        return Vec::new();
    };
    let Some(items) = value.as_array() else {
        told.push(Diagnostic::error(
            value.at,
            format!("`stages` is a list of names, not {}", value.noun()),
        ));
        return Vec::new();
    };
    if items.len() > bounds::STAGES {
        let text = format!("a ladder has {} stages at most", bounds::STAGES);
        told.push(Diagnostic::error(value.at, text));
        return Vec::new();
    }
    let mut stages: Vec<(String, Span)> = Vec::new();
    for item in items {
        match item.as_str() {
            Some(name) if stages.iter().any(|(known, _)| known == name) => {
                told.push(Diagnostic::error(
                    item.at,
                    format!("the stage `{name}` is listed twice"),
                ));
            }
            Some(name) if is_stack_name(name) && name != "stack" => {
                stages.push((name.to_owned(), item.at));
            }
            Some(name) => {
                let help = "small letters, digits and `-`: it is the name of a file beside this one, without `.toml`";
                told.push(
                    Diagnostic::error(item.at, format!("a stage cannot be called `{name}`"))
                        .help(help),
                );
            }
            None => told.push(Diagnostic::error(
                item.at,
                format!("a stage's name is a string, not {}", item.noun()),
            )),
        }
    }
    stages
}

fn entries(table: &Table, word: &str, told: &mut Vec<Diagnostic>) -> Table {
    let Some((_, value)) = table.get(word) else {
        return Table::default();
    };
    let found = value.as_table().cloned();
    if found.is_none() {
        told.push(Diagnostic::error(
            value.at,
            format!("`{word}` is a table, not {}", value.noun()),
        ));
    }
    found.unwrap_or_default()
}

fn names(table: &Table, word: &str, told: &mut Vec<Diagnostic>) -> Table {
    let found = entries(table, word, told);
    for (name, (at, _)) in found.iter().filter(|(name, _)| !is_name(name)) {
        let diagnostic = Diagnostic::error(*at, format!("`{name}` cannot be a name"));
        told.push(diagnostic.help("names are small letters, digits and `_`, a letter first"));
    }
    found
}

fn environments(table: &Table, told: &mut Vec<Diagnostic>) -> IndexMap<String, Environment> {
    let mut found = IndexMap::default();
    for (name, (at, value)) in entries(table, "environments", told) {
        let stars = name.matches('*').count();
        if stars > 1 || !is_stack_name(&name.replace('*', "x")) {
            let diagnostic =
                Diagnostic::error(at, format!("an environment cannot be called `{name}`"));
            told.push(diagnostic.help(
                "small letters, digits and `-`; one `*` makes it a pattern such as \"pr-*\"",
            ));
            continue;
        }
        let Some(table) = value.as_table() else {
            told.push(Diagnostic::error(
                at,
                format!("an environment is a table, not {}", value.noun()),
            ));
            continue;
        };
        found.insert(name, environment(table, told));
    }
    found
}

fn environment(table: &Table, told: &mut Vec<Diagnostic>) -> Environment {
    const WORDS: [&str; 6] = [
        "stage",
        "account",
        "region",
        "ttl",
        "ephemeral",
        "variables",
    ];
    for (word, (at, _)) in table
        .iter()
        .filter(|(word, _)| !WORDS.contains(&word.as_str()))
    {
        let text = format!("`{word}` cannot be set by an environment");
        let help = guess::close(word, WORDS).map_or_else(
            || {
                format!(
                    "an environment sets {}; everything else follows from its variables",
                    guess::list(&WORDS)
                )
            },
            |close| format!("did you mean `{close}`?"),
        );
        told.push(Diagnostic::error(*at, text).help(help));
    }
    let ttl = table
        .get("ttl")
        .and_then(|(_, value)| lifetime("ttl", value, told));
    let ephemeral = table.get("ephemeral").and_then(|(_, value)| {
        if let Is::Boolean(flag) = value.is {
            Some(flag)
        } else {
            told.push(Diagnostic::error(
                value.at,
                format!("`ephemeral` is true or false, not {}", value.noun()),
            ));
            None
        }
    });
    Environment {
        stage: text(table, "stage", told),
        account: account(table, told),
        region: region(table, told),
        says_region: table.contains_key("region"),
        ttl,
        ephemeral,
        variables: entries(table, "variables", told),
    }
}

fn lifetime(word: &str, value: &Node, told: &mut Vec<Diagnostic>) -> Option<(Duration, String)> {
    let text = value.as_str();
    if let Some((lifetime, text)) = text.and_then(|text| Some((duration(text)?, text))) {
        return Some((lifetime, text.to_owned()));
    }
    let wrong = text.map_or_else(
        || format!("`{word}` is a string, not {}", value.noun()),
        |text| format!("`{text}` is no duration"),
    );
    told.push(Diagnostic::error(value.at, wrong).help("write a number and a unit: \"8h\""));
    None
}

fn moved(table: &Table, told: &mut Vec<Diagnostic>) -> (Vec<Moved>, Option<String>) {
    let (mut moved, mut formerly) = (Vec::new(), None);
    for (from, (at, value)) in entries(table, "moved", told) {
        let Some(to) = value.as_str() else {
            told.push(Diagnostic::error(
                value.at,
                "what something is called now is a string",
            ));
            continue;
        };
        if from == "stack" {
            if is_stack_name(to) {
                formerly = Some(to.to_owned());
            } else {
                let text = format!("no stack was ever called `{to}`");
                let help = "small letters, digits and `-`, a letter first, without an environment";
                told.push(Diagnostic::error(value.at, text).help(help));
            }
            continue;
        }
        match (from.parse::<Address>(), to.parse::<Address>()) {
            (Ok(from), Ok(to)) if from.kind == to.kind && is_move(&from) => {
                moved.push(Moved { from, to });
            }
            _ => {
                let text = format!("`{from}` cannot have moved to `{to}`");
                let help =
                    "write \"module.old\" = \"module.new\", or stack = \"the stack's old name\"";
                told.push(Diagnostic::error(at, text).help(help));
            }
        }
    }
    (moved, formerly)
}

fn is_move(address: &Address) -> bool {
    address.key.as_deref().is_none_or(is_key) && !address.existing
}

/// A number and a unit: `60s`, `5m`, `8h`, `7d`.
pub fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number
        .parse::<u64>()
        .ok()?
        .checked_mul(seconds)
        .map(Duration::from_secs)
}
