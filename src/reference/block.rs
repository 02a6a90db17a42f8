//! Pieces of a page, written for a terminal or as Markdown.

use std::fmt::Write as _;

use crate::reference::property::{Property, toml};
use crate::ui::paint::{Label, paint};

/// One piece of a page.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// The page's name.
    Title(String),
    /// A heading.
    Heading(String),
    /// A paragraph; code in backticks.
    Text(String),
    /// Lines as they stand, in a language.
    Code(&'static str, String),
    /// Names, each with what it is. Markdown leads to a page where there is one.
    Names(Vec<Entry>),
    /// Properties, each with what stands below it.
    Properties(Vec<Property>),
}

/// A name in a list.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) about: String,
    /// The file of its page.
    pub(crate) page: Option<String>,
}

/// The width of text on a terminal.
const WIDTH: usize = 96;

/// Writes a page for a terminal.
pub(crate) fn terminal(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        if !text.is_empty() {
            text.push('\n');
        }
        match block {
            Block::Title(title) => {
                let _ = writeln!(text, "{}", paint(Label::Heading, title));
            }
            Block::Heading(heading) => {
                let _ = writeln!(text, "{}", paint(Label::Heading, heading));
            }
            Block::Text(paragraph) => wrap(paragraph, 0, &mut text),
            Block::Code(_, code) => {
                for line in code.trim_end().lines() {
                    let _ = writeln!(text, "{}", format!("  {line}").trim_end());
                }
            }
            Block::Names(names) => {
                let width = names.iter().map(|name| name.name.len()).max().unwrap_or(0);
                for Entry { name, about, .. } in names {
                    let _ = write!(text, "  {name:<width$}  ");
                    let mut lines = String::new();
                    wrap(about, width + 4, &mut lines);
                    let _ = writeln!(text, "{}", lines.trim());
                }
            }
            Block::Properties(properties) => {
                for (index, property) in properties.iter().enumerate() {
                    if index > 0 && !property.about.is_empty() {
                        text.push('\n');
                    }
                    property_terminal(property, 2, &mut text);
                }
            }
        }
    }
    text
}

fn property_terminal(property: &Property, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    let facts = plain(&property.facts().join("; "));
    let _ = writeln!(
        text,
        "{pad}{}  {}",
        property.name,
        paint(Label::Quiet, &facts)
    );
    for line in details(property) {
        wrap(&line, indent + 4, text);
    }
    for below in &property.below {
        property_terminal(below, indent + 4, text);
    }
}

/// What is said of a property below its first line.
fn details(property: &Property) -> Vec<String> {
    let mut lines = Vec::new();
    if !property.about.is_empty() {
        lines.push(property.about.clone());
    }
    if !property.words.is_empty() {
        let word = |(word, about): &(String, String)| match about.as_str() {
            "" => format!("`\"{word}\"`"),
            about => format!("`\"{word}\"` ({})", lower(about)),
        };
        let words: Vec<String> = property.words.iter().map(word).collect();
        lines.push(format!("One of {}.", words.join(", ")));
    }
    if !property.examples.is_empty() {
        let examples: Vec<String> = property
            .examples
            .iter()
            .map(|example| format!("`{}`", toml(example)))
            .collect();
        lines.push(format!("Such as {}.", examples.join(", ")));
    }
    lines
}

/// A sentence as a part of another.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.').replace('\n', " ");
    let mut rest = sentence.chars();
    let second_is_capital = sentence.chars().nth(1).is_some_and(char::is_uppercase);
    match rest.next() {
        Some(first) if !second_is_capital => first.to_lowercase().chain(rest).collect(),
        _ => sentence,
    }
}

/// Writes a page as Markdown.
pub(crate) fn markdown(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        if !text.is_empty() {
            text.push('\n');
        }
        match block {
            Block::Title(title) => {
                let _ = writeln!(text, "# {title}");
            }
            Block::Heading(heading) => {
                let _ = writeln!(text, "## {heading}");
            }
            Block::Text(paragraph) => {
                let _ = writeln!(text, "{}", paragraph.trim_end());
            }
            Block::Code(language, code) => {
                let _ = writeln!(text, "```{language}\n{}\n```", code.trim_end());
            }
            Block::Names(names) => {
                for Entry { name, about, page } in names {
                    let name = match page {
                        Some(page) => format!("[`{name}`]({page})"),
                        None => format!("`{name}`"),
                    };
                    let _ = writeln!(text, "- {name}: {}", about.replace('\n', " "));
                }
            }
            Block::Properties(properties) => {
                for (index, property) in properties.iter().enumerate() {
                    if index > 0 {
                        text.push('\n');
                    }
                    property_heading(property, &mut text);
                }
            }
        }
    }
    text
}

fn property_heading(property: &Property, text: &mut String) {
    let _ = writeln!(
        text,
        "### `{}`\n\n*{}*",
        property.name,
        property.facts().join("; ")
    );
    for line in details(property) {
        let _ = writeln!(text, "\n{line}");
    }
    if !property.below.is_empty() {
        text.push('\n');
    }
    for below in &property.below {
        property_item(below, 0, text);
    }
}

fn property_item(property: &Property, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    let details = details(property).join(" ").replace('\n', " ");
    let facts = property.facts().join("; ");
    let line = format!("{pad}- `{}` (*{facts}*) {details}", property.name);
    let _ = writeln!(text, "{}", line.trim_end());
    for below in &property.below {
        property_item(below, indent + 2, text);
    }
}

/// Text without the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// Breaks a paragraph into lines; empty lines stay.
fn wrap(paragraph: &str, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    for (index, paragraph) in paragraph.split("\n\n").enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let mut line = String::new();
        for word in plain(paragraph).split_whitespace() {
            let width = indent + line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && width > WIDTH {
                let _ = writeln!(text, "{pad}{line}");
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        let _ = writeln!(text, "{pad}{line}");
    }
}
