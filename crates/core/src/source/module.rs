//! Modules: their file, their scopes, their outputs as the caller sees them.

use std::path::PathBuf;
use std::sync::Arc;

use super::declare::{Decl, Listing, declare};
use super::diagnostic::Diagnostic;
use super::files::{Unreadable, tidy};
use super::guess;
use super::input::Declared;
use super::merge::nothing_before;
use super::node::Node;
use super::shape::Shape;
use super::span::Span;
use super::world::{Caller, Children, Cx, Each, Extent, Memo, Scope, ScopeId, World};
use crate::address::Segment;
use crate::hashed::IndexMap;

/// The words of a module's table that are not inputs.
pub(crate) const WORDS: [&str; 5] = ["source", "for_each", "when", "tags", "region"];

/// What stands in a `module.toml`.
pub(crate) struct ModuleFile {
    pub(crate) path: PathBuf,
    pub(crate) listing: Arc<Listing>,
    pub(crate) inputs: IndexMap<String, Declared>,
}

impl World<'_> {
    /// The scopes of a module; `None`: there is no such module, and that is told.
    pub(crate) fn children(
        &mut self,
        scope: ScopeId,
        name: &str,
        at: Span,
    ) -> Option<Arc<Children>> {
        let listing = self.listing(scope);
        let Some(decl) = listing.modules.get(name) else {
            let text = format!("there is no module `{name}`");
            let help = guess::help(name, listing.modules.keys().map(String::as_str));
            self.tell(Diagnostic::error(at, text).maybe(help));
            return None;
        };
        match self.scopes[scope].children.get(name) {
            Some(Memo::Done(children)) => return Some(Arc::clone(children)),
            Some(Memo::Busy) => {
                let text = format!("`module.{name}` depends on itself");
                self.tell(Diagnostic::error(decl.at, text));
                return Some(Arc::new(Children::Bad));
            }
            None => {}
        }
        self.scopes[scope]
            .children
            .insert(name.to_owned(), Memo::Busy);
        let children = Arc::new(self.enter(scope, decl).unwrap_or(Children::Bad));
        if matches!(*children, Children::Bad) {
            self.failed.push(decl.at);
        }
        self.scopes[scope]
            .children
            .insert(name.to_owned(), Memo::Done(Arc::clone(&children)));
        Some(children)
    }

    fn enter(&mut self, scope: ScopeId, decl: &Decl) -> Option<Children> {
        self.is_shallow(scope, decl.at)?;
        let extent = self.extent(scope, decl);
        if let Extent::Off(when) = &*extent {
            return Some(Children::Off(*when));
        }
        let file = self.source(scope, decl)?;
        self.unknown_inputs(decl, &file);
        let decl = Arc::new(decl.clone());
        match &*extent {
            Extent::One => Some(Children::One(self.scope_of(scope, &decl, &file, None))),
            Extent::Many(all) => {
                let children = all.iter().map(|(key, each)| {
                    (key.clone(), self.scope_of(scope, &decl, &file, Some(each)))
                });
                Some(Children::Many(children.collect()))
            }
            _ => None,
        }
    }

    fn scope_of(
        &mut self,
        scope: ScopeId,
        decl: &Arc<Decl>,
        file: &Arc<ModuleFile>,
        each: Option<&Arc<Each>>,
    ) -> ScopeId {
        let mut path = self.scopes[scope].path.clone();
        path.push(Segment {
            name: decl.name.clone(),
            key: each.map(|each| each.key.clone()),
        });
        let caller = Caller {
            scope,
            decl: Arc::clone(decl),
            each: each.cloned(),
            file: Arc::clone(file),
        };
        let mut child = Scope::new(path, Arc::clone(&file.listing), Some(caller));
        let cx = Cx::of(scope).with(each);
        child.region = match decl.table.get("region") {
            Some(region) => self.common_text(&cx, region, "region"),
            None => self.scopes[scope].region.clone(),
        };
        child.tags.clone_from(&self.scopes[scope].tags);
        if let Some(tags) = decl.table.get("tags") {
            child.tags.extend(self.common_tags(&cx, tags));
        }
        self.scopes.push(child);
        self.scopes.len() - 1
    }

    /// The module's file.
    fn source(&mut self, scope: ScopeId, decl: &Decl) -> Option<Arc<ModuleFile>> {
        let Some(source) = decl.table.get("source") else {
            let text = format!("`module.{}` has no source", decl.name);
            let listing = self.listing(scope);
            let others = listing.modules.keys().map(String::as_str);
            let help = guess::meant(&decl.name, others).map_or_else(
                || {
                    "write source = \"../../modules/network\": the folder of its module.toml"
                        .to_owned()
                },
                |close| format!("did you mean to change `module.{close}`?"),
            );
            self.tell(Diagnostic::error(decl.at, text).help(help));
            return None;
        };
        let Some(folder) = source
            .as_str()
            .filter(|text| !super::expression::is_expression(text))
        else {
            let text = "a module's source is a plain path: it must be known before anything else";
            self.tell(Diagnostic::error(source.at, text));
            return None;
        };
        let path = tidy(
            &self
                .files
                .folder(source.at)
                .join(folder)
                .join("module.toml"),
        );
        let mut above = Some(scope);
        while let Some(caller) = above.and_then(|scope| self.scopes[scope].caller.clone()) {
            if caller.file.path == path {
                let text = format!("the module `{folder}` contains itself");
                self.tell(
                    Diagnostic::error(source.at, text)
                        .help("take one of its sources out of the circle"),
                );
                return None;
            }
            above = Some(caller.scope);
        }
        if let Some(known) = self.modules.get(&path) {
            return known.clone();
        }
        let file = self.module_file(&path, folder, source.at);
        self.modules.insert(path, file.clone());
        file
    }

    fn module_file(
        &mut self,
        path: &std::path::Path,
        folder: &str,
        at: Span,
    ) -> Option<Arc<ModuleFile>> {
        let tree = match self.files.tree(path) {
            Ok((_, tree)) => tree,
            Err(Unreadable::Missing(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                let text = format!("the module in `{folder}` cannot be read: {error}");
                self.tell(Diagnostic::error(at, text));
                return None;
            }
            Err(Unreadable::Missing(_)) => {
                let text = format!("there is no module in `{folder}`");
                let help = format!(
                    "the file {} is not there; the path starts in this file's folder",
                    path.display()
                );
                self.tell(Diagnostic::error(at, text).help(help));
                return None;
            }
            Err(Unreadable::Broken(told)) => {
                self.told.extend(told);
                return None;
            }
        };
        let mut declared = declare(
            &tree,
            &["about", "inputs", "remove"],
            self.vocabulary,
            0,
            &mut self.told,
        );
        if let Some((at, _)) = declared.rest.get("remove") {
            let diagnostic =
                Diagnostic::error(*at, "a module has no stages, and so nothing to remove");
            self.tell(diagnostic.help("give the resource a `when` that depends on an input"));
        }
        nothing_before(&mut declared.listing, &mut self.told);
        let inputs = declared
            .rest
            .get("inputs")
            .map(|(_, inputs)| self.declared_inputs(inputs))
            .unwrap_or_default();
        Some(Arc::new(ModuleFile {
            path: path.to_owned(),
            listing: Arc::new(declared.listing),
            inputs,
        }))
    }

    /// An output's value; `None`: there is no such output, and that is told.
    pub(crate) fn module_output(&mut self, child: ScopeId, name: &str, at: Span) -> Option<Node> {
        match self.scopes[child].outputs.get(name) {
            Some(Memo::Done(output)) => return output.clone(),
            Some(Memo::Busy) => {
                let text = format!("the output `{name}` depends on itself");
                self.tell(Diagnostic::error(at, text));
                return None;
            }
            None => {}
        }
        let listing = self.listing(child);
        let Some((_, raw)) = listing.outputs.get(name) else {
            let module = self.scopes[child]
                .path
                .last()
                .map(ToString::to_string)
                .unwrap_or_default();
            let text = format!("`module.{module}` has no output `{name}`");
            self.tell(Diagnostic::error(at, text).maybe(guess::help(
                name,
                listing.outputs.keys().map(String::as_str),
            )));
            return None;
        };
        self.scopes[child]
            .outputs
            .insert(name.to_owned(), Memo::Busy);
        let built = self
            .build(&Cx::of(child), raw, &Shape::none())
            .one()
            .filter(|node| !node.is_bad());
        self.scopes[child]
            .outputs
            .insert(name.to_owned(), Memo::Done(built.clone()));
        built
    }

    /// Every scope below one, itself first; what was not yet entered is entered.
    pub(crate) fn scopes_below(&mut self, scope: ScopeId) -> Vec<ScopeId> {
        let mut all = vec![scope];
        for (name, decl) in &self.listing(scope).modules {
            let children = self.children(scope, name, decl.at);
            let below: Vec<ScopeId> = match children.as_deref() {
                Some(Children::One(child)) => vec![*child],
                Some(Children::Many(children)) => children.values().copied().collect(),
                _ => Vec::new(),
            };
            for child in below {
                all.extend(self.scopes_below(child));
            }
        }
        all
    }

    /// Reads every input and output of a module, so that each mistake in them is told.
    pub(crate) fn read_module(&mut self, scope: ScopeId) {
        let Some(caller) = self.scopes[scope].caller.clone() else {
            return;
        };
        for name in caller.file.inputs.keys() {
            self.input(scope, name, caller.decl.at);
        }
        for (name, (at, _)) in &self.listing(scope).outputs {
            let Some(node) = self.module_output(scope, name, *at) else {
                continue;
            };
            let text = node.as_str().unwrap_or_default();
            // What is switched off or has no keys now may still be an output: only its use is a mistake.
            if self.looks_like_address(text)
                && !text.starts_with("module.")
                && self.alias(scope, text).is_none()
            {
                self.named(scope, text, node.at, &["*".to_owned()]);
            }
        }
    }
}
