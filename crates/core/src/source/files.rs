//! The files of a stack, each read once.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::disk::Disk;
use super::expression::Study;
use super::node::Node;
use super::parse::parse;
use super::shape::Shapes;
use super::span::{Sources, Span};
use super::text::Library;
use crate::hashed::HashMap;

/// Reads files and remembers them. A copy goes on from what was read so far.
#[derive(Clone, Default)]
pub(crate) struct Files {
    pub(crate) sources: Sources,
    disk: Disk,
    numbers: HashMap<PathBuf, usize>,
    paths: Vec<PathBuf>,
    libraries: HashMap<PathBuf, Arc<Library>>,
    trees: HashMap<usize, Result<Arc<Node>, Vec<Diagnostic>>>,
    /// What the strings in them say: the same strings are met at every stage.
    pub(crate) studies: HashMap<String, Option<Arc<Study>>>,
    /// What may stand in a resource of each kind that was met.
    pub(crate) shapes: Shapes,
}

/// Why there is no tree.
pub(crate) enum Unreadable {
    /// The file cannot be read.
    Missing(io::Error),
    /// It is not TOML.
    Broken(Vec<Diagnostic>),
}

impl Files {
    /// A file's number, read at the first call.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<usize> {
        let path = tidy(path);
        if let Some(number) = self.numbers.get(&path) {
            return Ok(*number);
        }
        let text = self.disk.read(&path)?;
        let number = self.add(path.clone(), text);
        self.numbers.insert(path, number);
        Ok(number)
    }

    /// Something said elsewhere, such as on the command line.
    pub(crate) fn add(&mut self, path: PathBuf, text: String) -> usize {
        let number = self.sources.add(path.display().to_string(), text);
        self.paths.push(path);
        number
    }

    /// A template and what it includes, read and compiled at the first call.
    pub(crate) fn library(&mut self, path: &Path) -> io::Result<Arc<Library>> {
        let path = tidy(path);
        if let Some(library) = self.libraries.get(&path) {
            return Ok(Arc::clone(library));
        }
        let library = Arc::new(Library::read(self, &path)?);
        self.libraries.insert(path, Arc::clone(&library));
        Ok(library)
    }

    /// A file's tree.
    pub(crate) fn tree(&mut self, path: &Path) -> Result<(usize, Arc<Node>), Unreadable> {
        let number = self.read(path).map_err(Unreadable::Missing)?;
        if !self.trees.contains_key(&number) {
            let parsed = self
                .sources
                .file(number)
                .map_or(Err(Vec::new()), parse)
                .map(Arc::new);
            self.trees.insert(number, parsed);
        }
        match self.trees.get(&number) {
            Some(Ok(tree)) => Ok((number, Arc::clone(tree))),
            // Whoever asks is told: a report says nothing twice.
            Some(Err(told)) => Err(Unreadable::Broken(told.clone())),
            None => Err(Unreadable::Broken(Vec::new())),
        }
    }

    /// The folder of the file that says something.
    pub(crate) fn folder(&self, at: Span) -> PathBuf {
        let path = self.sources.find(at).and_then(|(source, _)| {
            self.paths
                .iter()
                .find(|path| path.display().to_string() == source.path)
        });
        path.and_then(|path| path.parent())
            .map(Path::to_owned)
            .unwrap_or_default()
    }

    /// The text of a file by its number.
    pub(crate) fn text(&self, number: usize) -> std::sync::Arc<str> {
        self.sources
            .file(number)
            .map(|source| source.text.clone())
            .unwrap_or_default()
    }
}

/// A path without `.` and `..`, as far as the text tells.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}
