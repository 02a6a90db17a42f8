//! A kind's JSON schema as a guide through its table: what may be a reference, a text, a choice.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::vocabulary::Vocabulary;
use crate::hashed::HashMap;
use crate::mutex::lock;

/// What may stand in one place. Cheap to copy: all places of a kind share one [`Outline`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    place: Option<(Arc<Outline>, usize)>,
    /// Of a module's input: what it declares instead of a schema.
    input: Option<Arc<Input>>,
}

/// What a module says of an input.
#[derive(Debug)]
struct Input {
    kinds: Vec<String>,
    many: bool,
    text: bool,
}

/// All places of a kind's schema, read once: the same kind is met in every resource at every stage.
type Outline = Vec<Point>;

/// One place: the schemas that may hold for its value (more than one below `anyOf`), taken together.
#[derive(Debug, Default)]
struct Point {
    refs: Vec<String>,
    list: bool,
    choice: bool,
    text: bool,
    late: bool,
    zone: bool,
    /// Whether any schema holds here.
    known: bool,
    /// Whether its entries are a table of children.
    children: bool,
    required: Vec<String>,
    /// In the order of the schema.
    properties: Vec<String>,
    entries: HashMap<String, usize>,
    /// The place of an entry that is not named.
    other: usize,
    items: usize,
}

/// The shapes of kinds that were asked for; a copy shares them.
#[derive(Clone, Default)]
pub(crate) struct Shapes {
    all: Arc<Mutex<HashMap<String, Shape>>>,
}

impl Shapes {
    /// The shape of a whole spec of a kind.
    pub(crate) fn of(&self, kind: &str, vocabulary: &dyn Vocabulary) -> Shape {
        let mut all = lock(&self.all);
        if let Some(shape) = all.get(kind) {
            return shape.clone();
        }
        let shape = vocabulary.schema(kind).map_or_else(Shape::none, Shape::of);
        all.insert(kind.to_owned(), shape.clone());
        shape
    }
}

/// Walks a schema and notes its places.
struct Survey<'v> {
    root: &'v Value,
    outline: Outline,
    /// Places by the schemas that hold there: a schema may lead back to itself.
    numbers: HashMap<Vec<*const Value>, usize>,
}

impl<'v> Survey<'v> {
    /// The number of the place where these schemas hold.
    fn place(&mut self, schemas: impl IntoIterator<Item = &'v Value>) -> usize {
        let mut all = Vec::new();
        for schema in schemas {
            self.gather(schema, &mut all);
        }
        let key: Vec<*const Value> = all
            .iter()
            .map(|schema| std::ptr::from_ref(*schema))
            .collect();
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.outline.len();
        self.numbers.insert(key, number);
        self.outline.push(Point::default());
        let place = self.read(&all);
        if let Some(slot) = self.outline.get_mut(number) {
            *slot = place;
        }
        number
    }

    /// Adds a schema and all that it stands for. One that stands here already ends a circle of `$ref`s.
    fn gather(&self, schema: &'v Value, all: &mut Vec<&'v Value>) {
        if all.iter().any(|known| std::ptr::eq(*known, schema)) {
            return;
        }
        all.push(schema);
        let target = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.strip_prefix('#'));
        if let Some(target) = target.and_then(|path| self.root.pointer(path)) {
            self.gather(target, all);
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            for one in schema
                .get(word)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                self.gather(one, all);
            }
        }
    }

    fn read(&mut self, all: &[&'v Value]) -> Point {
        let says = |flag: &str| {
            all.iter()
                .any(|schema| schema.get(flag) == Some(&Value::Bool(true)))
        };
        let texts = |list: Option<&Value>| -> Vec<String> {
            let list = list.and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let tables = all
            .iter()
            .filter_map(|schema| schema.get("properties")?.as_object());
        let properties: Vec<String> = tables.flat_map(|table| table.keys().cloned()).collect();
        let mut entries = HashMap::default();
        for name in &properties {
            if !entries.contains_key(name) {
                let place = self.place(all.iter().filter_map(|schema| entry(schema, name)));
                entries.insert(name.clone(), place);
            }
        }
        Point {
            refs: all
                .iter()
                .flat_map(|schema| texts(schema.get("x-ref")))
                .collect(),
            list: all.iter().any(|schema| schema.get("items").is_some()),
            choice: says("x-choice"),
            text: says("x-text"),
            late: says("x-late"),
            zone: says("x-zone"),
            known: !all.is_empty(),
            children: all.iter().any(|schema| {
                schema
                    .get("additionalProperties")
                    .is_some_and(Value::is_object)
            }),
            // Only of the spec itself: below `anyOf` a property may belong to a choice that was not made.
            required: texts(all.first().and_then(|schema| schema.get("required"))),
            other: self.place(all.iter().filter_map(|schema| other(schema))),
            items: self.place(
                all.iter()
                    .filter_map(|schema| schema.get("items").filter(|items| items.is_object())),
            ),
            properties,
            entries,
        }
    }
}

/// The schema of a table's entry.
fn entry<'v>(schema: &'v Value, name: &str) -> Option<&'v Value> {
    let named = schema
        .get("properties")
        .and_then(|properties| properties.get(name));
    named.or_else(|| other(schema))
}

/// The schema of a table's entries that are not named.
fn other(schema: &Value) -> Option<&Value> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let pattern = patterns.and_then(|patterns| patterns.values().next());
    pattern.or_else(|| {
        schema
            .get("additionalProperties")
            .filter(|other| other.is_object())
    })
}

impl Shape {
    /// Nothing is known.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// The shape of a whole spec.
    fn of(schema: &Value) -> Self {
        let mut survey = Survey {
            root: schema,
            outline: Outline::new(),
            numbers: HashMap::default(),
        };
        let number = survey.place([schema]);
        Self {
            place: Some((Arc::new(survey.outline), number)),
            input: None,
        }
    }

    /// The shape of a module's input: references to these kinds, or text.
    pub(crate) fn input(kinds: &[String], many: bool, text: bool) -> Self {
        Self {
            place: None,
            input: Some(Arc::new(Input {
                kinds: kinds.to_vec(),
                many,
                text,
            })),
        }
    }

    fn here(&self) -> Option<&Point> {
        self.place
            .as_ref()
            .and_then(|(outline, number)| outline.get(*number))
    }

    fn step(&self, next: impl Fn(&Point) -> usize) -> Self {
        let place = self.place.as_ref().and_then(|(outline, number)| {
            let number = next(outline.get(*number)?);
            Some((Arc::clone(outline), number))
        });
        Self { place, input: None }
    }

    /// The shape of a table's entry.
    pub(crate) fn entry(&self, key: &str) -> Self {
        self.step(|place| place.entries.get(key).copied().unwrap_or(place.other))
    }

    /// The shape of a list's items.
    pub(crate) fn items(&self) -> Self {
        if self.input.is_some() {
            return self.clone();
        }
        self.step(|place| place.items)
    }

    /// Whether a list may stand here.
    pub(crate) fn is_list(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input.many) || self.is(|place| place.list)
    }

    /// The kinds that a reference here may name; empty where none may stand.
    pub(crate) fn refs(&self) -> &[String] {
        match &self.input {
            Some(input) => &input.kinds,
            None => self.here().map_or(&[], |place| &place.refs),
        }
    }

    fn is(&self, what: impl Fn(&Point) -> bool) -> bool {
        self.here().is_some_and(what)
    }

    /// Whether it is replaced whole when stages merge.
    pub(crate) fn is_choice(&self) -> bool {
        self.is(|place| place.choice)
    }

    /// Whether a file or a template may stand for text here.
    pub(crate) fn is_text(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input.text) || self.is(|place| place.text)
    }

    /// Whether its entries are children with names of their own: tables, which addresses and `unset` find by dots. A map of
    /// plain values is none: a database's parameter may be called `rds.force_ssl`.
    pub(crate) fn is_keyed(&self) -> bool {
        self.is(|place| place.children) && !self.entry("").properties().is_empty()
    }

    /// Whether it is set after what it names exists.
    pub(crate) fn is_late(&self) -> bool {
        self.is(|place| place.late)
    }

    /// Whether it is a zone of the region.
    pub(crate) fn is_zone(&self) -> bool {
        self.is(|place| place.zone)
    }

    /// Whether a property of this name is declared, or any may be.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is(|place| place.known)
    }

    /// The names of the declared properties.
    pub(crate) fn properties(&self) -> &[String] {
        self.here().map_or(&[], |place| &place.properties)
    }

    /// The names of the properties that must be there.
    pub(crate) fn required(&self) -> &[String] {
        self.here().map_or(&[], |place| &place.required)
    }
}
