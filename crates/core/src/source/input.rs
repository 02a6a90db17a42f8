//! A module's inputs: as the module declares them, and as the caller gives them.

use std::sync::Arc;

use super::build::Built;
use super::declare::Decl;
use super::diagnostic::Diagnostic;
use super::guess;
use super::module::{ModuleFile, WORDS};
use super::node::{Is, Node, Table};
use super::shape::Shape;
use super::span::Span;
use super::world::{Caller, Cx, Memo, ScopeId, World};
use crate::address::is_name;
use crate::hashed::IndexMap;

/// The types an input may have.
const TYPES: [&str; 7] = ["string", "int", "float", "bool", "list", "table", "text"];

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
    pub(crate) fn declared_inputs(&mut self, inputs: &Node) -> IndexMap<String, Declared> {
        let mut all = IndexMap::default();
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
                let near = guess::near(kind, known.iter().copied())
                    .map(|near| format!("did you mean `{near}`?"));
                self.tell(Diagnostic::error(*at, format!("there is no kind `{kind}`")).maybe(near));
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

    pub(crate) fn unknown_inputs(&mut self, decl: &Decl, file: &ModuleFile) {
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
    pub(crate) fn input(&mut self, scope: ScopeId, name: &str, at: Span) -> Option<Arc<Input>> {
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
        let input = self.give(scope, &caller, name, declared).map(Arc::new);
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
            (Some("string" | "text"), ..) | (None, false, false) => "a string",
            (Some("int" | "float"), ..) => "a number",
            (Some("bool"), ..) => "true or false",
            (Some("list"), ..) | (None, false, true) => "a list",
            (Some("table"), ..) => "a table",
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
}
