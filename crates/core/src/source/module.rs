//! Modules: their file, their inputs as the caller gives them, their outputs as the caller sees them.

use std::path::PathBuf;
use std::rc::Rc;

use indexmap::IndexMap;

use super::build::Built;
use super::declare::{Decl, Listing, declare};
use super::diagnostic::Diagnostic;
use super::files::{Unreadable, tidy};
use super::guess;
use super::node::{Is, Node, Table};
use super::shape::Shape;
use super::span::Span;
use super::world::{Caller, Children, Cx, Each, Extent, Memo, Scope, ScopeId, World};
use crate::address::{Segment, is_name};

/// The words of a module's table that are not inputs.
pub(crate) const WORDS: [&str; 5] = ["source", "for_each", "when", "tags", "region"];

/// The types an input may have.
const TYPES: [&str; 7] = ["string", "int", "float", "bool", "list", "table", "text"];

/// What stands in a `module.toml`.
pub(crate) struct ModuleFile {
    pub(crate) path: PathBuf,
    pub(crate) listing: Rc<Listing>,
    pub(crate) inputs: IndexMap<String, Declared>,
}

/// One declared input.
pub(crate) struct Declared {
    kinds: Vec<String>,
    of: Option<String>,
    many: bool,
    optional: bool,
    default: Option<Node>,
    about: Option<String>,
}

/// An input as a module gets it.
pub(crate) struct Input {
    /// `None`: optional, and not given.
    pub(crate) node: Option<Node>,
    /// Where what it holds was written.
    pub(crate) home: ScopeId,
}

impl World<'_> {
    /// The scopes of a module; `None`: there is no such module, and that is told.
    pub(crate) fn children(
        &mut self,
        scope: ScopeId,
        name: &str,
        at: Span,
    ) -> Option<Rc<Children>> {
        let listing = self.listing(scope);
        let Some(decl) = listing.modules.get(name) else {
            let text = format!("there is no module `{name}`");
            let help = guess::help(name, listing.modules.keys().map(String::as_str));
            self.tell(Diagnostic::error(at, text).maybe(help));
            return None;
        };
        match self.scopes[scope].children.get(name) {
            Some(Memo::Done(children)) => return Some(Rc::clone(children)),
            Some(Memo::Busy) => {
                let text = format!("`module.{name}` depends on itself");
                self.tell(Diagnostic::error(decl.at, text));
                return Some(Rc::new(Children::Bad));
            }
            None => {}
        }
        self.scopes[scope]
            .children
            .insert(name.to_owned(), Memo::Busy);
        let children = Rc::new(self.enter(scope, decl).unwrap_or(Children::Bad));
        self.scopes[scope]
            .children
            .insert(name.to_owned(), Memo::Done(Rc::clone(&children)));
        Some(children)
    }

    fn enter(&mut self, scope: ScopeId, decl: &Decl) -> Option<Children> {
        let extent = self.extent(scope, decl);
        if let Extent::Off(when) = &*extent {
            return Some(Children::Off(*when));
        }
        let file = self.source(scope, decl)?;
        self.unknown_inputs(decl, &file);
        let decl = Rc::new(decl.clone());
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
        decl: &Rc<Decl>,
        file: &Rc<ModuleFile>,
        each: Option<&Rc<Each>>,
    ) -> ScopeId {
        let mut path = self.scopes[scope].path.clone();
        path.push(Segment {
            name: decl.name.clone(),
            key: each.map(|each| each.key.clone()),
        });
        let caller = Caller {
            scope,
            decl: Rc::clone(decl),
            each: each.cloned(),
            file: Rc::clone(file),
        };
        let mut child = Scope::new(path, Rc::clone(&file.listing), Some(caller));
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
    fn source(&mut self, scope: ScopeId, decl: &Decl) -> Option<Rc<ModuleFile>> {
        let Some(source) = decl.table.get("source") else {
            let text = format!("`module.{}` has no source", decl.name);
            let help = "write source = \"../../modules/network\": the folder of its module.toml";
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
    ) -> Option<Rc<ModuleFile>> {
        let tree = match self.files.tree(path) {
            Ok((_, tree)) => tree,
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
        let declared = declare(
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
        let inputs = declared
            .rest
            .get("inputs")
            .map(|(_, inputs)| self.declared_inputs(inputs))
            .unwrap_or_default();
        Some(Rc::new(ModuleFile {
            path: path.to_owned(),
            listing: Rc::new(declared.listing),
            inputs,
        }))
    }

    fn declared_inputs(&mut self, inputs: &Node) -> IndexMap<String, Declared> {
        let mut all = IndexMap::new();
        for (name, (at, value)) in inputs.as_table().into_iter().flatten() {
            if !is_name(name) || WORDS.contains(&name.as_str()) || name == "unset" {
                let text = format!("an input cannot be called `{name}`");
                let diagnostic = Diagnostic::error(*at, text);
                self.tell(diagnostic.help(
                    "names are small letters, digits and `_`, and none of a module's own words",
                ));
            } else if let Some(table) = value.as_table() {
                all.insert(name.clone(), self.declared_input(name, *at, table));
            } else {
                let diagnostic = Diagnostic::error(
                    value.at,
                    format!("an input is a table, not {}", value.noun()),
                );
                self.tell(diagnostic.help(format!("write {name} = {{ type = \"string\" }}")));
            }
        }
        all
    }

    fn declared_input(&mut self, name: &str, at: Span, table: &Table) -> Declared {
        const KNOWN: [&str; 6] = ["type", "kind", "many", "default", "optional", "about"];
        for (word, (at, _)) in table
            .iter()
            .filter(|(word, _)| !KNOWN.contains(&word.as_str()))
        {
            let text = format!("`{word}` is not known in an input");
            self.tell(Diagnostic::error(*at, text).maybe(guess::help(word, KNOWN)));
        }
        let get = |word: &str| table.get(word).map(|(_, value)| value);
        let flag = |word: &str| matches!(get(word).map(|value| &value.is), Some(Is::Boolean(true)));
        let kinds: Vec<(String, Span)> = match get("kind") {
            Some(Node {
                is: Is::Array(items),
                ..
            }) => items
                .iter()
                .filter_map(|item| Some((item.as_str()?.to_owned(), item.at)))
                .collect(),
            Some(one) => one
                .as_str()
                .map(|text| (text.to_owned(), one.at))
                .into_iter()
                .collect(),
            None => Vec::new(),
        };
        for (kind, at) in &kinds {
            let known: Vec<&str> = self
                .vocabulary
                .kinds()
                .into_iter()
                .chain(self.vocabulary.lookups())
                .chain(["cidr"])
                .collect();
            if !known.contains(&kind.as_str()) {
                let close = guess::close(kind, known.iter().copied())
                    .map(|close| format!("did you mean `{close}`?"));
                self.tell(
                    Diagnostic::error(*at, format!("there is no kind `{kind}`")).maybe(close),
                );
            }
        }
        let of = get("type").and_then(|of| Some((of.as_str()?.to_owned(), of.at)));
        match &of {
            Some((of, at)) if !TYPES.contains(&of.as_str()) => {
                let help = format!("a type is {}", guess::either(&TYPES));
                self.tell(Diagnostic::error(*at, format!("there is no type `{of}`")).help(help));
            }
            None if kinds.is_empty() => {
                let text = format!("the input `{name}` has neither a `type` nor a `kind`");
                let help =
                    "write { type = \"string\" } for a value, { kind = \"vpc\" } for a resource";
                self.tell(Diagnostic::error(at, text).help(help));
            }
            _ => {}
        }
        Declared {
            kinds: kinds.into_iter().map(|(kind, _)| kind).collect(),
            of: of.map(|(of, _)| of),
            many: flag("many"),
            optional: flag("optional"),
            default: get("default").cloned(),
            about: get("about").and_then(Node::as_str).map(str::to_owned),
        }
    }

    fn unknown_inputs(&mut self, decl: &Decl, file: &ModuleFile) {
        let known = || file.inputs.keys().map(String::as_str).chain(WORDS);
        for (word, (at, _)) in decl.table.as_table().into_iter().flatten() {
            if !known().any(|one| one == word) {
                let text = format!("`module.{}` has no input `{word}`", decl.name);
                let names: Vec<&str> = known().collect();
                self.tell(
                    Diagnostic::error(*at, text).maybe(guess::help(word, names.iter().copied())),
                );
            }
        }
    }

    /// An input's value; `None`: it has none, and that is told.
    pub(crate) fn input(&mut self, scope: ScopeId, name: &str, at: Span) -> Option<Rc<Input>> {
        let caller = self.scopes[scope].caller.clone()?;
        match self.scopes[scope].inputs.get(name) {
            Some(Memo::Done(input)) => return input.clone(),
            Some(Memo::Busy) => {
                let text = format!(
                    "the input `{name}` of `module.{}` depends on itself",
                    caller.decl.name
                );
                let place = caller
                    .decl
                    .table
                    .get(name)
                    .map_or(caller.decl.at, |value| value.at);
                self.tell(
                    Diagnostic::error(place, text)
                        .help("two modules cannot both wait for the other's outputs"),
                );
                return None;
            }
            None => {}
        }
        let Some(declared) = caller.file.inputs.get(name) else {
            let text = format!("this module has no input `{name}`");
            let help = guess::close(name, caller.file.inputs.keys().map(String::as_str))
                .map_or_else(
                    || format!("declare it in [inputs]: {name} = {{ type = \"string\" }}"),
                    |close| format!("did you mean `input.{close}`?"),
                );
            self.tell(Diagnostic::error(at, text).help(help));
            return None;
        };
        self.scopes[scope]
            .inputs
            .insert(name.to_owned(), Memo::Busy);
        let input = self.give(scope, &caller, name, declared).map(Rc::new);
        self.scopes[scope]
            .inputs
            .insert(name.to_owned(), Memo::Done(input.clone()));
        input
    }

    fn give(
        &mut self,
        scope: ScopeId,
        caller: &Caller,
        name: &str,
        declared: &Declared,
    ) -> Option<Input> {
        let shape = Shape::input(
            &declared.kinds,
            declared.many,
            declared.of.as_deref() == Some("text"),
        );
        let given = caller.decl.table.get(name);
        let (built, home) = match (given, &declared.default) {
            (Some(given), _) => self.build_from(
                &Cx::of(caller.scope).with(caller.each.as_ref()),
                given,
                &shape,
            ),
            (None, Some(default)) => self.build_from(&Cx::of(scope), default, &shape),
            (None, None) => (Built::None, scope),
        };
        let built = match built {
            Built::Many(_) => self.single(built, &shape, name),
            built => built.one(),
        };
        let Some(node) = built else {
            if declared.optional {
                return Some(Input { node: None, home });
            }
            let text = format!("`module.{}` needs the input `{name}`", caller.decl.name);
            let about = declared
                .about
                .as_ref()
                .map(|about| format!("{name}: {about}"));
            self.tell(Diagnostic::error(caller.decl.at, text).maybe(about));
            return None;
        };
        if node.is_bad() || !self.fits(&node, name, declared) {
            return None;
        }
        Some(Input {
            node: Some(node),
            home,
        })
    }

    /// Whether a value is of its input's type.
    fn fits(&mut self, node: &Node, name: &str, declared: &Declared) -> bool {
        if matches!(node.is, Is::Later(_)) {
            return true;
        }
        let wanted = match (
            declared.of.as_deref(),
            declared.kinds.is_empty(),
            declared.many,
        ) {
            (Some("string" | "text"), ..) => "a string",
            (Some("int" | "float"), ..) => "a number",
            (Some("bool"), ..) => "true or false",
            (Some("list"), ..) | (None, false, true) => "a list",
            (Some("table"), ..) => "a table",
            (None, false, false) => "a string",
            _ => return true,
        };
        let whole = declared.of.as_deref() != Some("int") || matches!(node.is, Is::Integer(_));
        if node.noun() == wanted && whole {
            return true;
        }
        let written = self.files.sources.text(node.at);
        let help = match (&node.is, wanted) {
            (Is::String(_), "a list") if written.starts_with(['"', '\'']) => {
                Some(format!("write [{written}]"))
            }
            (Is::Integer(_) | Is::Float(_) | Is::Boolean(_), "a string") if !written.is_empty() => {
                Some(format!("write \"{written}\""))
            }
            (Is::String(text), "a number") if text.parse::<f64>().is_ok() => {
                Some(format!("write {text}"))
            }
            (Is::String(text), "true or false") if text.parse::<bool>().is_ok() => {
                Some(format!("write {text}"))
            }
            _ => None,
        };
        let wanted = if whole { wanted } else { "a whole number" };
        let noun = if matches!(node.is, Is::Float(_)) {
            "a number with a fraction"
        } else {
            node.noun()
        };
        let text = format!("the input `{name}` is {wanted}, and this is {noun}");
        self.tell(Diagnostic::error(node.at, text).maybe(help));
        false
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
