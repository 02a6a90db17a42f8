//! A kind's JSON schema as a guide through its table: what may be a reference, a text, a choice.

use std::rc::Rc;

use serde_json::Value;

/// The schemas that may hold for one value: more than one below `anyOf`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape<'v> {
    root: Option<&'v Value>,
    all: Vec<&'v Value>,
    /// Of a module's input: what it declares instead of a schema.
    input: Option<Rc<Input>>,
}

/// What a module says of an input.
#[derive(Debug)]
struct Input {
    kinds: Vec<String>,
    many: bool,
    text: bool,
}

impl<'v> Shape<'v> {
    /// Nothing is known.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The shape of a whole spec.
    pub(crate) fn of(schema: &'v Value) -> Self {
        Self::gather(schema, [schema])
    }

    /// The shape of a module's input: references to these kinds, or text.
    pub(crate) fn input(kinds: &[String], many: bool, text: bool) -> Self {
        Self {
            root: None,
            all: Vec::new(),
            input: Some(Rc::new(Input {
                kinds: kinds.to_vec(),
                many,
                text,
            })),
        }
    }

    fn gather(root: &'v Value, schemas: impl IntoIterator<Item = &'v Value>) -> Self {
        let mut shape = Self {
            root: Some(root),
            all: Vec::new(),
            input: None,
        };
        schemas.into_iter().for_each(|schema| shape.add(schema));
        shape
    }

    /// Adds a schema and all that it stands for. One that stands here already ends a circle of `$ref`s.
    fn add(&mut self, schema: &'v Value) {
        if self.all.iter().any(|known| std::ptr::eq(*known, schema)) {
            return;
        }
        self.all.push(schema);
        let target = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.strip_prefix('#'));
        if let Some(target) = target.and_then(|path| self.root?.pointer(path)) {
            self.add(target);
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            schema
                .get(word)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .for_each(|one| self.add(one));
        }
    }

    fn step(&self, next: impl Fn(&'v Value) -> Vec<&'v Value>) -> Self {
        match self.root {
            Some(root) => Self::gather(root, self.all.iter().flat_map(|schema| next(schema))),
            None => Self::none(),
        }
    }

    /// The shape of a table's entry.
    pub(crate) fn entry(&self, key: &str) -> Self {
        self.step(|schema| {
            let named = schema
                .get("properties")
                .and_then(|properties| properties.get(key));
            let patterns = schema.get("patternProperties").and_then(Value::as_object);
            let pattern = patterns.and_then(|patterns| patterns.values().next());
            let other = schema
                .get("additionalProperties")
                .filter(|other| other.is_object());
            named.or(pattern).or(other).into_iter().collect()
        })
    }

    /// The shape of a list's items.
    pub(crate) fn items(&self) -> Self {
        if self.input.is_some() {
            return self.clone();
        }
        self.step(|schema| {
            schema
                .get("items")
                .filter(|items| items.is_object())
                .into_iter()
                .collect()
        })
    }

    /// Whether a list may stand here.
    pub(crate) fn is_list(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input.many)
            || self.all.iter().any(|schema| schema.get("items").is_some())
    }

    /// The kinds that a reference here may name; empty where none may stand.
    pub(crate) fn refs(&self) -> Vec<String> {
        if let Some(input) = &self.input {
            return input.kinds.clone();
        }
        let lists = self
            .all
            .iter()
            .filter_map(|schema| schema.get("x-ref")?.as_array());
        lists
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    fn says(&self, flag: &str) -> bool {
        self.all
            .iter()
            .any(|schema| schema.get(flag) == Some(&Value::Bool(true)))
    }

    /// Whether it is replaced whole when stages merge.
    pub(crate) fn is_choice(&self) -> bool {
        self.says("x-choice")
    }

    /// Whether a file or a template may stand for text here.
    pub(crate) fn is_text(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input.text) || self.says("x-text")
    }

    /// Whether its entries are children with names of their own: tables, which addresses and `unset` find by dots. A map of
    /// plain values is none: a database's parameter may be called `rds.force_ssl`.
    pub(crate) fn is_keyed(&self) -> bool {
        let children = |schema: &&Value| {
            schema
                .get("additionalProperties")
                .is_some_and(Value::is_object)
        };
        self.all.iter().any(children) && !self.entry("").properties().is_empty()
    }

    /// Whether it is set after what it names exists.
    pub(crate) fn is_late(&self) -> bool {
        self.says("x-late")
    }

    /// Whether it is a zone of the region.
    pub(crate) fn is_zone(&self) -> bool {
        self.says("x-zone")
    }

    /// Whether a property of this name is declared, or any may be.
    pub(crate) fn has(&self, key: &str) -> bool {
        !self.entry(key).all.is_empty()
    }

    /// The names of the declared properties.
    pub(crate) fn properties(&self) -> Vec<&'v str> {
        let tables = self
            .all
            .iter()
            .filter_map(|schema| schema.get("properties")?.as_object());
        tables
            .flat_map(|table| table.keys().map(String::as_str))
            .collect()
    }

    /// The names of the properties that must be there.
    pub(crate) fn required(&self) -> Vec<&'v str> {
        // Only of the spec itself: below `anyOf` a property may belong to a choice that was not made.
        let list = self
            .all
            .first()
            .and_then(|schema| schema.get("required")?.as_array());
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}
