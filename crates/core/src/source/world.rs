//! The files of one stage as a world of names: scopes, what exists in them, and with which keys. Nothing is computed before it
//! is asked for, and nothing twice; what asks for itself is told.

use std::path::PathBuf;
use std::sync::Arc;

use minijinja::Value;

use super::bounds;
use super::declare::{Decl, Listing};
use super::diagnostic::{Diagnostic, Severity};
use super::environment::Choice;
use super::expression::{self, Study};
use super::fault::{Fault, Wrong};
use super::files::Files;
use super::input::Input;
use super::module::ModuleFile;
use super::node::{Is, Node};
use super::shape::Shape;
use super::span::Span;
use super::vocabulary::Vocabulary;
use crate::address::{Address, Segment, is_key};
use crate::hashed::{HashMap, HashSet, IndexMap};

/// A scope's number.
pub(crate) type ScopeId = usize;

/// All scopes, and what they need.
pub(crate) struct World<'v> {
    pub(crate) vocabulary: &'v dyn Vocabulary,
    pub(crate) files: &'v mut Files,
    pub(crate) told: Vec<Diagnostic>,
    pub(crate) variables: IndexMap<String, Value>,
    /// The same as one value, as an expression sees it.
    pub(crate) variables_value: Value,
    pub(crate) stack: IndexMap<String, Value>,
    pub(crate) stack_value: Value,
    pub(crate) stages: Vec<String>,
    /// What each stage declares, lowest first.
    pub(crate) ladder: Vec<Arc<Listing>>,
    pub(crate) stage: Option<String>,
    pub(crate) scopes: Vec<Scope>,
    /// Resources of which it was told that they are none: what they lack need not be told.
    pub(crate) odd: HashSet<Address>,
    /// What could not be read.
    pub(crate) failed: Vec<Span>,
    pub(crate) modules: HashMap<PathBuf, Option<Arc<ModuleFile>>>,
    /// How many more resources and modules there may be.
    pub(crate) room: usize,
}

/// What a file sees: its own names, and the inputs if it is a module.
pub(crate) struct Scope {
    pub(crate) path: Vec<Segment>,
    pub(crate) listing: Arc<Listing>,
    pub(crate) caller: Option<Caller>,
    pub(crate) extents: HashMap<(bool, String, String), Memo<Arc<Extent>>>,
    pub(crate) children: HashMap<String, Memo<Arc<Children>>>,
    pub(crate) inputs: HashMap<String, Memo<Option<Arc<Input>>>>,
    pub(crate) outputs: HashMap<String, Memo<Option<Node>>>,
    pub(crate) region: Option<String>,
    pub(crate) tags: IndexMap<String, Node>,
}

/// Who brought a module in.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) scope: ScopeId,
    pub(crate) decl: Arc<Decl>,
    pub(crate) each: Option<Arc<Each>>,
    pub(crate) file: Arc<ModuleFile>,
}

/// Something that is being computed, or is done.
pub(crate) enum Memo<T> {
    Busy,
    Done(T),
}

/// `each`, inside something with `for_each`.
#[derive(Debug)]
pub(crate) struct Each {
    pub(crate) key: String,
    pub(crate) value: Node,
    pub(crate) home: ScopeId,
}

/// How often something is there.
#[derive(Debug)]
pub(crate) enum Extent {
    /// Not at all: `when` is false, here.
    Off(Span),
    /// Once.
    One,
    /// Once a key.
    Many(IndexMap<String, Arc<Each>>),
    /// Told already.
    Bad,
}

/// The scopes of a module.
pub(crate) enum Children {
    Off(Span),
    One(ScopeId),
    Many(IndexMap<String, ScopeId>),
    Bad,
}

/// From where something is read.
#[derive(Clone)]
pub(crate) struct Cx {
    pub(crate) scope: ScopeId,
    pub(crate) each: Option<Arc<Each>>,
    /// Whose property it is, for `self`.
    pub(crate) own: Option<Address>,
    /// Only what is known while loading will do.
    pub(crate) loading: bool,
}

impl Cx {
    pub(crate) fn of(scope: ScopeId) -> Self {
        Self {
            scope,
            each: None,
            own: None,
            loading: false,
        }
    }

    pub(crate) fn with(&self, each: Option<&Arc<Each>>) -> Self {
        Self {
            each: each.cloned(),
            ..self.clone()
        }
    }

    pub(crate) fn loading(&self) -> Self {
        Self {
            loading: true,
            ..self.clone()
        }
    }
}

impl Scope {
    pub(crate) fn new(path: Vec<Segment>, listing: Arc<Listing>, caller: Option<Caller>) -> Self {
        Self {
            path,
            listing,
            caller,
            extents: HashMap::default(),
            children: HashMap::default(),
            inputs: HashMap::default(),
            outputs: HashMap::default(),
            region: None,
            tags: IndexMap::default(),
        }
    }
}

impl<'v> World<'v> {
    pub(crate) fn new(
        vocabulary: &'v dyn Vocabulary,
        files: &'v mut Files,
        choice: &Choice,
        stages: &[String],
        stage: usize,
        ladder: &[Arc<Listing>],
    ) -> Self {
        // Without a pin there is no `stack.account`, rather than an account without a value.
        let known = choice
            .stack
            .clone()
            .into_iter()
            .filter(|(_, value)| !value.is_undefined());
        Self {
            vocabulary,
            files,
            told: Vec::new(),
            variables: choice.variables.clone(),
            variables_value: Value::from_pairs(choice.variables.clone()),
            stack: choice.stack.clone(),
            stack_value: Value::from_pairs(known),
            stages: stages.to_vec(),
            ladder: ladder.to_vec(),
            stage: stages.get(stage).cloned(),
            scopes: vec![Scope::new(
                Vec::new(),
                ladder.get(stage).cloned().unwrap_or_default(),
                None,
            )],
            odd: HashSet::default(),
            failed: Vec::new(),
            modules: HashMap::default(),
            room: bounds::RESOURCES,
        }
    }

    pub(crate) fn tell(&mut self, diagnostic: Diagnostic) {
        self.told.push(diagnostic);
    }

    pub(crate) fn fault(&mut self, fault: Fault, at: Span) {
        if fault.what != Wrong::Told {
            let text = fault.to_string();
            self.tell(Diagnostic::error(fault.at.unwrap_or(at), text).maybe(fault.help));
        }
    }

    /// What there was to tell. What could not be read is missing from the stack, and what is missing may be deleted: so it
    /// is never passed over in silence.
    pub(crate) fn finish_telling(&mut self) -> Vec<Diagnostic> {
        let mut told = std::mem::take(&mut self.told);
        if told.iter().all(|one| one.severity != Severity::Error) {
            told.extend(
                self.failed
                    .iter()
                    .map(|at| Diagnostic::error(*at, "this cannot be read")),
            );
        }
        told
    }

    /// The schema of a kind.
    pub(crate) fn shape(&self, kind: &str) -> Shape {
        self.files.shapes.of(kind, self.vocabulary)
    }

    /// What a string says; `Err`: told already.
    pub(crate) fn study(&mut self, text: &str, at: Span) -> Result<Option<Arc<Study>>, ()> {
        if !expression::is_expression(text) {
            return Ok(None);
        }
        if let Some(known) = self.files.studies.get(text) {
            return known.clone().map(Some).ok_or(());
        }
        let study = match expression::study(text) {
            Ok(study) => study.map(Arc::new),
            Err(fault) => {
                self.fault(fault, at);
                None
            }
        };
        self.files.studies.insert(text.to_owned(), study.clone());
        study.map(Some).ok_or(())
    }

    pub(crate) fn listing(&self, scope: ScopeId) -> Arc<Listing> {
        Arc::clone(&self.scopes[scope].listing)
    }

    /// The scope of a module, by the path that leads to it.
    pub(crate) fn scope_at(&self, path: &[Segment]) -> Option<ScopeId> {
        self.scopes.iter().position(|scope| scope.path == path)
    }

    /// How often a declaration is there.
    pub(crate) fn extent(&mut self, scope: ScopeId, decl: &Decl) -> Arc<Extent> {
        let key = (decl.existing, decl.kind.clone(), decl.name.clone());
        match self.scopes[scope].extents.get(&key) {
            Some(Memo::Done(extent)) => return Arc::clone(extent),
            Some(Memo::Busy) => {
                let text = format!(
                    "whether there is a `{}.{}` depends on itself",
                    decl.kind, decl.name
                );
                self.tell(
                    Diagnostic::error(decl.at, text)
                        .help("`when` and `for_each` cannot go round in a circle"),
                );
                return Arc::new(Extent::Bad);
            }
            None => {}
        }
        self.scopes[scope].extents.insert(key.clone(), Memo::Busy);
        let extent = self.measure(scope, decl);
        let count = match &extent {
            Some(Extent::One) => 1,
            Some(Extent::Many(all)) => all.len(),
            _ => 0,
        };
        let extent = extent.filter(|_| self.has_room(count, decl.at));
        let extent = Arc::new(extent.unwrap_or(Extent::Bad));
        if matches!(*extent, Extent::Bad) {
            self.failed.push(decl.at);
        }
        self.scopes[scope]
            .extents
            .insert(key, Memo::Done(Arc::clone(&extent)));
        extent
    }

    /// The resources and modules whose `when` is false, as far as it was asked for.
    pub(crate) fn off(&self) -> Vec<Address> {
        let off = |extent: &Memo<Arc<Extent>>| matches!(extent, Memo::Done(extent) if matches!(**extent, Extent::Off(_)));
        let mut all = Vec::new();
        for scope in &self.scopes {
            let here = scope.extents.iter().filter(|(_, extent)| off(extent));
            for ((existing, kind, name), _) in here {
                if !existing {
                    all.push(Address::new(kind, name).within(&scope.path));
                }
            }
        }
        all.sort();
        all
    }

    /// `when` and `for_each`.
    fn measure(&mut self, scope: ScopeId, decl: &Decl) -> Option<Extent> {
        let cx = Cx::of(scope).loading();
        let when = decl.table.get("when").cloned();
        let by_key = match &when {
            Some(Node {
                is: Is::String(text),
                at,
            }) => {
                let study = self.study(text, *at).ok()?;
                study.is_some_and(|study| study.names.iter().any(|name| name[0] == "each"))
            }
            _ => false,
        };
        if let Some(when) = when.as_ref().filter(|_| !by_key)
            && !self.switch(&cx, when)?
        {
            return Some(Extent::Off(when.at));
        }
        let Some(keys) = decl.table.get("for_each") else {
            if let Some(when) = when.filter(|_| by_key) {
                let diagnostic =
                    Diagnostic::error(when.at, "`each` is known only beside `for_each`");
                self.tell(diagnostic.help("add `for_each`, or leave `each` out"));
                return None;
            }
            return Some(Extent::One);
        };
        let mut all = IndexMap::default();
        for (key, each) in self.for_each(&cx, keys)? {
            if let Some(when) = when.as_ref().filter(|_| by_key)
                && !self.switch(&cx.with(Some(&each)), when)?
            {
                continue;
            }
            all.insert(key, each);
        }
        Some(Extent::Many(all))
    }

    /// A condition: true or false, known while loading.
    pub(crate) fn switch(&mut self, cx: &Cx, when: &Node) -> Option<bool> {
        let value = self.build(&cx.loading(), when, &Shape::none()).one();
        match value.as_ref().map(|value| &value.is) {
            Some(Is::Boolean(flag)) => Some(*flag),
            Some(Is::Bad) => None,
            other => {
                let noun = other.map_or("none", |_| value.as_ref().map_or("none", Node::noun));
                let diagnostic = Diagnostic::error(
                    when.at,
                    format!("`when` is true or false, and this is {noun}"),
                );
                self.tell(diagnostic.help("write a condition such as \"{{ var.bastion }}\" or \"{{ input.zones | length > 0 }}\""));
                None
            }
        }
    }

    fn for_each(&mut self, cx: &Cx, keys: &Node) -> Option<IndexMap<String, Arc<Each>>> {
        let mut all = IndexMap::default();
        match &keys.is {
            Is::Table(table) => {
                if table.len() > self.room {
                    self.has_room(table.len(), keys.at);
                    return None;
                }
                // Its keys are written out, so that its values may be known later.
                let open = Cx {
                    loading: false,
                    ..cx.clone()
                };
                for (key, (at, value)) in table {
                    self.key_is_good(key, *at)?;
                    if let Some(value) = self.build(&open, value, &Shape::none()).one() {
                        all.insert(
                            key.clone(),
                            Arc::new(Each {
                                key: key.clone(),
                                value,
                                home: cx.scope,
                            }),
                        );
                    }
                }
            }
            Is::Array(_) | Is::String(_) => {
                let (built, home) = self.build_from(cx, keys, &Shape::none());
                let built = built.one();
                match built.as_ref().map(|built| &built.is) {
                    Some(Is::Array(items)) => {
                        for item in items {
                            let key = self.key_of(item)?;
                            all.insert(
                                key.clone(),
                                Arc::new(Each {
                                    key,
                                    value: item.clone(),
                                    home,
                                }),
                            );
                        }
                    }
                    Some(Is::Table(table)) => {
                        for (key, (at, value)) in table {
                            self.key_is_good(key, *at)?;
                            all.insert(
                                key.clone(),
                                Arc::new(Each {
                                    key: key.clone(),
                                    value: value.clone(),
                                    home,
                                }),
                            );
                        }
                    }
                    None => {}
                    Some(Is::Bad) => return None,
                    Some(_) => return self.no_keys(built.as_ref().unwrap_or(keys)),
                }
            }
            _ => return self.no_keys(keys),
        }
        Some(all)
    }

    fn no_keys<T>(&mut self, keys: &Node) -> Option<T> {
        let text = format!(
            "`for_each` is a list or a table, and this is {}",
            keys.noun()
        );
        let help = "write [\"a\", \"b\"], { a = \"10.0.0.0/24\" }, or an expression that answers one of them";
        self.tell(Diagnostic::error(keys.at, text).help(help));
        None
    }

    fn key_of(&mut self, item: &Node) -> Option<String> {
        match &item.is {
            Is::String(key) => self.key_is_good(key, item.at).map(|()| key.clone()),
            Is::Bad => None,
            Is::Integer(number) => {
                let diagnostic =
                    Diagnostic::error(item.at, "a key is a string, and this is a number");
                let help = match self.files.sources.text(item.at).contains("{{") {
                    true => "end the expression in `| map('string')`".to_owned(),
                    false => format!("write \"{number}\""),
                };
                self.tell(diagnostic.help(help));
                None
            }
            _ => {
                let diagnostic = Diagnostic::error(
                    item.at,
                    format!("a key is a string, and this is {}", item.noun()),
                );
                self.tell(
                    diagnostic.help("where a key has a value, write a table: { a = .., b = .. }"),
                );
                None
            }
        }
    }

    fn key_is_good(&mut self, key: &str, at: Span) -> Option<()> {
        if is_key(key) {
            return Some(());
        }
        let diagnostic = Diagnostic::error(
            at,
            format!("`{key}` cannot be a key: it becomes a part of an address"),
        );
        self.tell(diagnostic.help("keys are letters, digits, `_` and `-`"));
        None
    }
}
