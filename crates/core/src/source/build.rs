//! Reading a value: expressions are answered, switched-off tables left out, texts read, references made absolute.

use std::sync::Arc;

use foldhash::fast::RandomState;
use minijinja::Value;

use super::diagnostic::Diagnostic;
use super::expression;
use super::guess;
use super::later::{Filling, Hole, How, Later, Recipe, Settled};
use super::lookup::Seen;
use super::node::{Is, Node, Table};
use super::shape::Shape;
use super::span::Span;
use super::text::Library;
use super::world::{Cx, ScopeId, World};

/// What a value becomes.
pub(crate) enum Built {
    /// It is not there.
    None,
    /// Itself.
    One(Node),
    /// Several, in place of one: `subnet.public.*`.
    Many(Vec<Node>),
}

/// What an expression answers.
enum Answer {
    None,
    Node(Node),
    /// A value as it came in, with the scope in which it was written.
    Passed(Node, ScopeId),
}

impl Built {
    pub(crate) fn bad(at: Span) -> Self {
        Self::One(Node::new(at, Is::Bad))
    }

    /// For a place where one value stands.
    pub(crate) fn one(self) -> Option<Node> {
        match self {
            Self::None => None,
            Self::One(node) => Some(node),
            Self::Many(nodes) => {
                let at = nodes.first().map_or(Span::NOWHERE, |node| node.at);
                Some(Node::new(at, Is::Array(nodes)))
            }
        }
    }
}

impl World<'_> {
    /// Reads a value where it is written.
    pub(crate) fn build(&mut self, cx: &Cx, raw: &Node, shape: &Shape) -> Built {
        self.build_from(cx, raw, shape).0
    }

    /// Reads a value, and says in which scope what it holds was written.
    pub(crate) fn build_from(&mut self, cx: &Cx, raw: &Node, shape: &Shape) -> (Built, ScopeId) {
        let built = match &raw.is {
            Is::String(text) => match self.express(cx, text, raw.at) {
                Answer::None => Built::None,
                Answer::Node(node) => self.finish(node, cx.scope, shape),
                Answer::Passed(node, home) => return (self.finish(node, home, shape), home),
            },
            Is::Array(items) => {
                let shape = shape.items();
                let built = items
                    .iter()
                    .map(|item| self.build(cx, item, &shape))
                    .collect();
                splice(raw.at, built)
            }
            Is::Table(table) => self.build_table(cx, raw.at, table, shape),
            _ => Built::One(raw.clone()),
        };
        (built, cx.scope)
    }

    fn build_table(&mut self, cx: &Cx, at: Span, table: &Table, shape: &Shape) -> Built {
        let when = table
            .get("when")
            .map(|(_, when)| when)
            .filter(|when| is_switch(when));
        if let Some(when) = when {
            match self.switch(cx, when) {
                Some(true) => {}
                Some(false) => return Built::None,
                None => return Built::bad(at),
            }
        }
        let text = is_text(table, shape);
        let mut built = Table::with_capacity_and_hasher(table.len(), RandomState::default());
        for (key, (place, value)) in table {
            if key == "when" && when.is_some() {
                continue;
            }
            if shape.is_keyed() && key.contains('.') {
                let diagnostic =
                    Diagnostic::error(*place, format!("the key `{key}` has a dot in it"));
                self.tell(
                    diagnostic
                        .help("`unset` and addresses find it by dots: call it something else"),
                );
                continue;
            }
            let inner = if text {
                Shape::none()
            } else {
                shape.entry(key)
            };
            let value = self.build(cx, value, &inner);
            if let Some(value) = self.single(value, &inner, key) {
                built.insert(key.clone(), (*place, value));
            }
        }
        let node = Node::new(at, Is::Table(built));
        if text {
            self.text(&node, cx.scope)
        } else {
            Built::One(node)
        }
    }

    /// Several values where one stands are a list, or a mistake.
    pub(crate) fn single(&mut self, built: Built, shape: &Shape, key: &str) -> Option<Node> {
        if let Built::Many(nodes) = &built
            && !shape.is_list()
            && let Some(first) = nodes.first()
        {
            let text = format!("`{key}` names one thing, and this names {}", nodes.len());
            self.tell(Diagnostic::error(first.at, text).help("write a key instead of `*`"));
            return Some(Node::new(first.at, Is::Bad));
        }
        built.one()
    }

    /// A value that is read already: only references and texts are left to do, in the scope in which they were written.
    fn finish(&mut self, node: Node, home: ScopeId, shape: &Shape) -> Built {
        match node.is {
            Is::String(text) => self.refer(home, text, node.at, shape),
            Is::Array(items) => {
                let shape = shape.items();
                let built = items
                    .into_iter()
                    .map(|item| self.finish(item, home, &shape))
                    .collect();
                splice(node.at, built)
            }
            Is::Table(table) if is_text(&table, shape) => {
                self.text(&Node::new(node.at, Is::Table(table)), home)
            }
            Is::Table(table) => {
                let mut built =
                    Table::with_capacity_and_hasher(table.len(), RandomState::default());
                for (key, (place, value)) in table {
                    let inner = shape.entry(&key);
                    let value = self.finish(value, home, &inner);
                    if let Some(value) = self.single(value, &inner, &key) {
                        built.insert(key, (place, value));
                    }
                }
                Built::One(Node::new(node.at, Is::Table(built)))
            }
            _ => Built::One(node),
        }
    }

    fn express(&mut self, cx: &Cx, text: &str, at: Span) -> Answer {
        let bad = || Answer::Node(Node::new(at, Is::Bad));
        let study = match self.study(text, at) {
            Ok(Some(study)) => study,
            Ok(None) => return Answer::Node(Node::string(at, text)),
            Err(()) => return bad(),
        };
        let (mut known, mut holes, mut failed) = (Vec::new(), Vec::new(), false);
        for name in &study.names {
            match self.look(cx, name, at) {
                Some((path, Seen::Node(node, home))) => {
                    if study.is_path && path == *name {
                        return Answer::Passed(node, home);
                    }
                    match node.to_value() {
                        Some(value) => known.push((path, value)),
                        None => holes.push(Hole {
                            path,
                            filling: Filling::Node(Box::new(node)),
                        }),
                    }
                }
                Some((path, Seen::None)) => {
                    if study.is_path && path == *name {
                        return Answer::None;
                    }
                    known.push((path, Value::from(())));
                }
                Some((path, Seen::Known(value))) => known.push((path, value)),
                Some((path, Seen::Hole(filling))) => holes.push(Hole { path, filling }),
                None => failed = true,
            }
        }
        if failed {
            return bad();
        }
        let how = study.alone.clone().map_or(How::Text, How::Alone);
        self.settle(
            cx,
            Recipe {
                text: text.into(),
                how,
                known,
                holes,
            },
            at,
        )
    }

    /// The value, if it is known now.
    fn settle(&mut self, cx: &Cx, recipe: Recipe, at: Span) -> Answer {
        match Later::new(recipe).settle(at, &|_, _| None) {
            Ok(Settled::Value(Some(node))) => Answer::Node(node),
            Ok(Settled::Value(None)) => Answer::None,
            Ok(Settled::Open(later)) => {
                if cx.loading {
                    let names: Vec<String> =
                        later.waits_for().iter().map(ToString::to_string).collect();
                    let text = format!(
                        "this must be known before anything is made, and needs {}",
                        guess::list(&names)
                    );
                    self.tell(Diagnostic::error(at, text).help(
                        "what exists, and under which key, may depend on `var`, `stack`, `stage`, `each` and `input` only",
                    ));
                    return Answer::Node(Node::new(at, Is::Bad));
                }
                Answer::Node(Node::new(at, Is::Later(Arc::new(later))))
            }
            Err(fault) => {
                self.fault(fault, at);
                Answer::Node(Node::new(at, Is::Bad))
            }
        }
    }

    /// `{ file }` and `{ template, with }`.
    fn text(&mut self, table: &Node, home: ScopeId) -> Built {
        let at = table.at;
        let Some((name, place)) = self.text_name(table) else {
            return Built::bad(at);
        };
        let path = self.files.folder(place).join(&name);
        if table.get("file").is_some() {
            return match self.files.read(&path) {
                Ok(number) => Built::One(Node::string(at, &*self.files.text(number))),
                Err(error) => self.no_file(&name, place, &error),
            };
        }
        let library = match self.files.library(&path) {
            Ok(library) => library,
            Err(error) => return self.no_file(&name, place, &error),
        };
        let with = table
            .get("with")
            .and_then(Node::as_table)
            .cloned()
            .unwrap_or_default();
        let faults = library.check();
        let reads = faults.is_empty();
        for fault in faults {
            self.fault(fault, place);
        }
        if !self.template_names(&library, &with, home) || !reads {
            return Built::bad(at);
        }
        let (mut known, mut holes) = (
            vec![(vec!["stack".to_owned()], self.stack_value.clone())],
            Vec::new(),
        );
        if self.scopes[home].caller.is_none() {
            known.push((vec!["var".to_owned()], self.variables_value.clone()));
        }
        for (key, (_, value)) in with {
            match value.to_value() {
                Some(value) => known.push((vec![key], value)),
                None => holes.push(Hole {
                    path: vec![key],
                    filling: Filling::Node(Box::new(value)),
                }),
            }
        }
        let recipe = Recipe {
            text: name.into(),
            how: How::File(library),
            known,
            holes,
        };
        match self.settle(&Cx::of(home), recipe, at) {
            Answer::Node(node) | Answer::Passed(node, _) => Built::One(node),
            Answer::None => Built::None,
        }
    }

    /// The file's name, if the table says nothing else that it should not.
    fn text_name(&mut self, table: &Node) -> Option<(String, Span)> {
        let entries = table.as_table()?;
        let allowed: &[&str] = if entries.contains_key("template") {
            &["template", "with"]
        } else {
            &["file"]
        };
        if let Some((key, (at, _))) = entries
            .iter()
            .find(|(key, _)| !allowed.contains(&key.as_str()))
        {
            let text = format!("`{key}` does not go with `{}`", allowed[0]);
            let help = "text is a string, { file = \"x\" } as it stands, or { template = \"x\", with = { .. } } rendered";
            self.tell(Diagnostic::error(*at, text).help(help));
            return None;
        }
        if let Some(with) = table.get("with").filter(|with| with.as_table().is_none()) {
            self.tell(Diagnostic::error(
                with.at,
                format!("`with` is a table, not {}", with.noun()),
            ));
            return None;
        }
        let (_, value) = entries.get(allowed[0])?;
        match &value.is {
            Is::String(name) => Some((name.clone(), value.at)),
            Is::Bad => None,
            _ => {
                self.tell(Diagnostic::error(
                    value.at,
                    format!("a file's name is a string, not {}", value.noun()),
                ));
                None
            }
        }
    }

    fn no_file(&mut self, name: &str, at: Span, error: &std::io::Error) -> Built {
        let text = match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file `{name}`"),
            _ => format!("`{name}` cannot be read: {error}"),
        };
        let help = "a path starts in the folder of the file that says it";
        self.tell(Diagnostic::error(at, text).help(help));
        Built::bad(at)
    }

    /// Every name in a template must come from somewhere.
    fn template_names(&mut self, library: &Library, with: &Table, home: ScopeId) -> bool {
        let root = self.scopes[home].caller.is_none();
        let mut good = true;
        for (name, at) in library.names() {
            let head = name[0].as_str();
            if with.contains_key(head)
                || expression::is_function(head)
                || library.sets_names() && head != "var"
            {
                continue;
            }
            good &= match head {
                "stack" | "var" if head == "stack" || root => {
                    self.look(&Cx::of(home), name, *at).is_some()
                }
                _ => {
                    let text = format!("the template does not know `{}`", name.join("."));
                    let help = if root {
                        format!(
                            "it knows `var`, `stack` and what it is given: with = {{ {head} = .. }}"
                        )
                    } else {
                        format!("it knows `stack` and what it is given: with = {{ {head} = .. }}")
                    };
                    self.tell(Diagnostic::error(*at, text).help(help));
                    false
                }
            };
        }
        good
    }
}

/// Lists within a list come in its place only where they stand for one reference.
fn splice(at: Span, built: Vec<Built>) -> Built {
    let mut items = Vec::with_capacity(built.len());
    for one in built {
        match one {
            Built::None => {}
            Built::One(node) => items.push(node),
            Built::Many(nodes) => items.extend(nodes),
        }
    }
    Built::One(Node::new(at, Is::Array(items)))
}

/// Whether `when` switches a table: elsewhere it may be an ordinary key.
fn is_switch(when: &Node) -> bool {
    match &when.is {
        Is::Boolean(_) => true,
        Is::String(text) => expression::is_expression(text),
        _ => false,
    }
}

fn is_text(table: &Table, shape: &Shape) -> bool {
    shape.is_text() && (table.contains_key("file") || table.contains_key("template"))
}
