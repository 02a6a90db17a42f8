//! The files of a stack, joined stage by stage.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::declare::{Listing, declare};
use super::diagnostic::Diagnostic;
use super::files::{Files, Unreadable};
use super::guess;
use super::header::{Header, header, soak};
use super::merge::{Merger, nothing_before};
use super::node::Node;
use super::span::Span;
use super::stack::Removal;
use super::vocabulary::Vocabulary;

/// A stack's files.
pub(crate) struct Ladder {
    pub(crate) header: Header,
    /// What is declared at each stage; one for a stack of one file.
    pub(crate) listings: Vec<Arc<Listing>>,
    /// What each stage takes out.
    pub(crate) removals: Vec<Vec<Removal>>,
    /// What each stage is for.
    pub(crate) abouts: Vec<Option<String>>,
    /// The `soak` of each stage's file.
    pub(crate) soaks: Vec<Option<Duration>>,
}

/// Reads them all.
pub(crate) fn read(
    folder: &Path,
    vocabulary: &dyn Vocabulary,
    files: &mut Files,
    told: &mut Vec<Diagnostic>,
) -> Option<Ladder> {
    let path = folder.join("stack.toml");
    let tree = match files.tree(&path) {
        Ok((_, tree)) => tree,
        Err(Unreadable::Missing(error)) => {
            let text = match error.kind() {
                std::io::ErrorKind::NotFound => {
                    format!("there is no stack in {}", folder.display())
                }
                _ => format!("the stack in {} cannot be read: {error}", folder.display()),
            };
            let help = "name the folder that holds stack.toml, or start one with `terrace init`";
            told.push(Diagnostic::error(Span::NOWHERE, text).help(help));
            return None;
        }
        Err(Unreadable::Broken(errors)) => {
            told.extend(errors);
            return None;
        }
    };
    let header = header(&tree, vocabulary, told);
    let trees = stage_trees(folder, &header, files, told)?;
    unlisted(folder, &header, files, told);
    if header.stages.is_empty() {
        let mut listing = header.listing.clone();
        nothing_before(&mut listing, told);
        let listing = Arc::new(listing);
        return Some(Ladder {
            abouts: vec![header.about.clone()],
            header,
            listings: vec![listing],
            removals: vec![Vec::new()],
            soaks: vec![None],
        });
    }
    let mut sofar = Listing {
        outputs: header.listing.outputs.clone(),
        ..Listing::default()
    };
    let (mut listings, mut removals) = (Vec::new(), Vec::new());
    let (mut abouts, mut soaks) = (Vec::new(), Vec::new());
    for (index, (tree, (name, _))) in trees.iter().zip(&header.stages).enumerate() {
        let declared = declare(tree, &["about", "remove", "soak"], vocabulary, index, told);
        let remove = declared.rest.get("remove").map(|(_, remove)| remove);
        let gone: Vec<(String, String)> = removals
            .iter()
            .flatten()
            .map(|one: &Removal| (one.address.to_string(), one.stage.clone()))
            .collect();
        let mut merger = Merger {
            vocabulary,
            files,
            told,
            stage: index,
            stage_name: name,
            gone: &gone,
        };
        removals.push(merger.join(&mut sofar, declared.listing, remove));
        abouts.push(super::declare::text(&declared.rest, "about", told).map(|(about, _)| about));
        soaks.push(soak(&declared.rest, told));
        listings.push(Arc::new(sofar.clone()));
    }
    Some(Ladder {
        header,
        listings,
        removals,
        abouts,
        soaks,
    })
}

fn stage_trees(
    folder: &Path,
    header: &Header,
    files: &mut Files,
    told: &mut Vec<Diagnostic>,
) -> Option<Vec<Arc<Node>>> {
    let mut trees = Vec::new();
    for (name, at) in &header.stages {
        match files.tree(&folder.join(format!("{name}.toml"))) {
            Ok((_, tree)) => trees.push(tree),
            Err(Unreadable::Missing(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                let text = format!("the file of the stage `{name}` cannot be read: {error}");
                told.push(Diagnostic::error(*at, text));
            }
            Err(Unreadable::Missing(_)) => {
                let text = format!("the stage `{name}` has no file");
                let others = toml_files(folder);
                let close = guess::close(name, others.iter().map(String::as_str));
                let help = close.map_or_else(
                    || format!("write {name}.toml beside stack.toml"),
                    |close| format!("did you mean `{close}`?"),
                );
                told.push(Diagnostic::error(*at, text).help(help));
            }
            Err(Unreadable::Broken(errors)) => told.extend(errors),
        }
    }
    (trees.len() == header.stages.len()).then_some(trees)
}

/// The names of the TOML files in a folder, but for `stack.toml`.
fn toml_files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|path| {
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        })
        .filter(|name| name != "stack" && name != "module")
        .collect();
    names.sort();
    names
}

/// A file beside the stages' that no stage names.
fn unlisted(folder: &Path, header: &Header, files: &Files, told: &mut Vec<Diagnostic>) {
    let whole = files
        .sources
        .file(0)
        .map_or(Span::NOWHERE, |file| file.span(0..0));
    for name in toml_files(folder) {
        if !header.stages.iter().any(|(stage, _)| *stage == name) {
            let text = format!("{name}.toml is beside this file, and not in `stages`");
            told.push(
                Diagnostic::hint(whole, text)
                    .help(format!("add \"{name}\" to `stages`, or take the file away")),
            );
        }
    }
}
