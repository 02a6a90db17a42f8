//! Stacks written in a test: files in, stack or report out.

use std::path::Path;

use terrace_core::address::Address;
use terrace_core::source::{Loaded, Node, Report, Request, Resource, Stack, load, validate_all};

use crate::kinds::Kinds;

/// A folder of files that lasts as long as the test.
pub(crate) struct Folder {
    folder: tempfile::TempDir,
    request: Request,
}

/// `(path, text)` each; the first is `stack.toml` without its header, which is the same in every test.
pub(crate) fn files(files: &[(&str, &str)]) -> Folder {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.trim_start_matches('\n')).unwrap();
    }
    let request = Request {
        folder: folder.path().join("shop"),
        ..Request::default()
    };
    Folder { folder, request }
}

/// The lines with which every one-file stack of the tests begins.
pub(crate) const HEAD: &str =
    "name = \"shop\"\nregion = \"eu-west-3\"\naccount = \"123456789012\"\n";

/// A stack of one file.
pub(crate) fn one(text: &str) -> Folder {
    files(&[("shop/stack.toml", &format!("{HEAD}{text}"))])
}

/// A stack of several stages, called `one`, `two`, `three`; it stands on the last.
pub(crate) fn ladder(stages: &[&str]) -> Folder {
    let names = &["one", "two", "three"][..stages.len()];
    let last = names[names.len() - 1];
    let stack = format!("{HEAD}stages = {names:?}\nstage = \"{last}\"\n");
    let paths: Vec<String> = names
        .iter()
        .map(|name| format!("shop/{name}.toml"))
        .collect();
    let mut all = vec![("shop/stack.toml", stack.as_str())];
    all.extend(paths.iter().map(String::as_str).zip(stages.iter().copied()));
    files(&all)
}

impl Folder {
    /// The folder around it.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn environment(mut self, name: &str) -> Self {
        self.request.environment = Some(name.to_owned());
        self
    }

    pub(crate) fn stage(mut self, name: &str) -> Self {
        self.request.stage = Some(name.to_owned());
        self
    }

    pub(crate) fn variable(mut self, name: &str, text: &str) -> Self {
        self.request
            .variables
            .push((name.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn sandbox(mut self) -> Self {
        self.request.sandbox = true;
        self
    }

    pub(crate) fn load(&self) -> Result<Loaded, Report> {
        load(&self.request, &Kinds::new())
    }

    pub(crate) fn loaded(&self) -> Loaded {
        self.load()
            .unwrap_or_else(|report| panic!("{}", self.readable(&report)))
    }

    /// The report of a stack that must not load.
    pub(crate) fn report(&self) -> String {
        match self.load() {
            Ok(_) => panic!("the stack loads"),
            Err(report) => self.readable(&report),
        }
    }

    /// The hints of a stack that loads.
    pub(crate) fn notes(&self) -> String {
        let loaded = self.loaded();
        let report = Report {
            sources: loaded.sources,
            diagnostics: loaded.stack.notes,
        };
        self.readable(&report)
    }

    pub(crate) fn validated(&self) -> String {
        match validate_all(&self.request, &Kinds::new()) {
            Ok(report) | Err(report) => self.readable(&report),
        }
    }

    fn readable(&self, report: &Report) -> String {
        readable(&report.plain(), self.folder.path())
    }
}

fn readable(text: &str, folder: &Path) -> String {
    text.replace(&format!("{}/", folder.display()), "")
}

/// A resource by its address.
pub(crate) fn resource<'a>(loaded: &'a Loaded, address: &str) -> &'a Resource {
    let address: Address = address.parse().unwrap();
    let names: Vec<String> = loaded
        .stack
        .resources
        .keys()
        .map(ToString::to_string)
        .collect();
    loaded
        .stack
        .resources
        .get(&address)
        .unwrap_or_else(|| panic!("no {address} in {names:?}"))
}

/// A node as JSON.
pub(crate) fn json(node: &Node) -> String {
    serde_json::to_string(node).unwrap()
}

/// A property of a resource as JSON; `-` if it is not there.
pub(crate) fn property(loaded: &Loaded, address: &str, property: &str) -> String {
    resource(loaded, address)
        .table
        .get(property)
        .map_or_else(|| "-".to_owned(), json)
}

/// The addresses of all resources, as text.
pub(crate) fn addresses(stack: &Stack) -> Vec<String> {
    stack.resources.keys().map(ToString::to_string).collect()
}
