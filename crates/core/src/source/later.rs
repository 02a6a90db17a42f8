//! A value that is known once other resources are there: its template, what it already knows, and what it waits for.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use foldhash::fast::RandomState;
use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::expression;
use super::fault::Fault;
use super::node::{Is, Node, Table};
use super::span::Span;
use super::text::Library;
use crate::address::Address;
use crate::hashed::IndexMap;
use crate::mutex::lock;

/// The outputs that are known: address and output name to value.
pub type Known<'a> = dyn Fn(&Address, &str) -> Option<Value> + 'a;

/// A value that is known later.
#[derive(Clone, Debug)]
pub struct Later {
    recipe: Arc<Recipe>,
    /// Whose outputs are still unknown.
    open: Vec<Address>,
}

/// All it takes to make the value.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) text: Arc<str>,
    pub(crate) how: How,
    /// What was known when it was read: path in the context to value.
    pub(crate) known: Vec<(Vec<String>, Value)>,
    pub(crate) holes: Vec<Hole>,
}

/// How the text is to be read.
#[derive(Clone, Debug)]
pub(crate) enum How {
    /// A string that is one expression and keeps its type.
    Alone(String),
    /// A string with expressions in it.
    Text,
    /// A template file.
    File(Arc<Library>),
}

/// A place in the context that is to be filled.
#[derive(Clone, Debug)]
pub(crate) struct Hole {
    pub(crate) path: Vec<String>,
    pub(crate) filling: Filling,
}

/// What fills a hole.
#[derive(Clone, Debug)]
pub(crate) enum Filling {
    /// One output.
    Output(Address, String),
    /// A resource whose output is chosen while evaluating.
    Resource(Whole),
    /// A `for_each` resource whose key is chosen while evaluating.
    Resources(Vec<(String, Whole)>),
    /// A value with later parts.
    Node(Box<Node>),
}

/// A resource with the names of all its outputs.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    pub(crate) address: Address,
    pub(crate) outputs: Vec<String>,
}

/// What becomes of a later value when it is asked again.
pub(crate) enum Settled {
    /// It has a value, or is `none`.
    Value(Option<Node>),
    /// It still waits.
    Open(Later),
}

impl Later {
    pub(crate) fn new(recipe: Recipe) -> Self {
        let mut later = Self {
            recipe: Arc::new(recipe),
            open: Vec::new(),
        };
        later.open = later.needs();
        later
    }

    /// Every resource it takes a value from, known by now or not.
    pub fn needs(&self) -> Vec<Address> {
        let mut found = BTreeSet::new();
        for hole in &self.recipe.holes {
            match &hole.filling {
                Filling::Output(address, _) => drop(found.insert(address.clone())),
                Filling::Resource(whole) => drop(found.insert(whole.address.clone())),
                Filling::Resources(all) => {
                    found.extend(all.iter().map(|(_, whole)| whole.address.clone()));
                }
                Filling::Node(node) => node.each_later(&mut |later, _| found.extend(later.needs())),
            }
        }
        found.into_iter().collect()
    }

    /// The resources whose outputs are not known yet.
    pub fn waits_for(&self) -> &[Address] {
        &self.open
    }

    /// The template, as it stands in the file.
    pub fn text(&self) -> &str {
        &self.recipe.text
    }

    pub(crate) fn settle(&self, at: Span, known: &Known<'_>) -> Result<Settled, Fault> {
        let missed = Arc::new(Missed::default());
        let mut context = Branch::default();
        for (path, value) in &self.recipe.known {
            context.insert(path, value.clone());
        }
        for hole in &self.recipe.holes {
            if let Some(value) = fill(&hole.filling, known, &missed)? {
                context.insert(&hole.path, value);
            }
        }
        if missed.is_empty() {
            let result = self.evaluate(context.into_value());
            let wrong = missed.wrong();
            if let Some(fault) = wrong {
                return Err(fault.at(at));
            }
            // An output that was asked for and is not known yet makes any answer worthless.
            if missed.is_empty() {
                return Node::from_value(at, &result?).map(Settled::Value);
            }
        }
        Ok(Settled::Open(Self {
            recipe: Arc::clone(&self.recipe),
            open: missed.addresses(),
        }))
    }

    fn evaluate(&self, context: Value) -> Result<Value, Fault> {
        match &self.recipe.how {
            How::Alone(expression) => {
                expression::answer(&self.recipe.text, Some(expression), &context)
            }
            How::Text => expression::answer(&self.recipe.text, None, &context),
            How::File(library) => library.render(context).map(Value::from),
        }
    }
}

/// The value of a hole. What is not known is noted, and then any value will do.
fn fill(
    filling: &Filling,
    known: &Known<'_>,
    missed: &Arc<Missed>,
) -> Result<Option<Value>, Fault> {
    let outputs = |whole: &Whole| {
        let values = whole
            .outputs
            .iter()
            .filter_map(|name| Some((name.clone(), known(&whole.address, name)?)));
        Value::from_object(Outputs {
            whole: whole.clone(),
            values: values.collect(),
            missed: Arc::clone(missed),
        })
    };
    Ok(match filling {
        Filling::Output(address, output) => {
            let value = known(address, output);
            if value.is_none() {
                missed.add(address);
            }
            value
        }
        Filling::Resource(whole) => Some(outputs(whole)),
        Filling::Resources(all) => Some(Value::from_pairs(
            all.iter()
                .map(|(key, whole)| (key.as_str(), outputs(whole))),
        )),
        Filling::Node(node) => match node.settle(known)? {
            Some(node) => {
                let value = node.to_value();
                node.each_later(&mut |later, _| {
                    later.open.iter().for_each(|address| missed.add(address));
                });
                if value.is_none() && missed.is_empty() {
                    return Err(Fault::told());
                }
                value
            }
            None => Some(Value::from(())),
        },
    })
}

impl fmt::Display for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.open.iter().map(Address::to_string).collect();
        match names.as_slice() {
            [] => f.write_str("(known later)"),
            [one] => write!(f, "(known after {one})"),
            [one, two] => write!(f, "(known after {one} and {two})"),
            [one, rest @ ..] => write!(f, "(known after {one} and {} more)", rest.len()),
        }
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.recipe, &other.recipe)
            || (self.recipe.text == other.recipe.text
                && self.needs() == other.needs()
                && self.open == other.open)
    }
}

impl Node {
    /// The same with every later value put in whose outputs are known; the rest stays later. `None`: it has no value.
    pub fn settle(&self, known: &Known<'_>) -> Result<Option<Self>, Fault> {
        let mut faults = Vec::new();
        let settled = self.settle_all(known, &mut faults);
        faults.into_iter().next().map_or(Ok(settled), Err)
    }

    /// The same; what fails is bad, and all of it is told.
    pub(crate) fn settle_all(&self, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let is = match &self.is {
            Is::Later(later) => match later.settle(self.at, known) {
                Ok(Settled::Value(node)) => return node,
                Ok(Settled::Open(later)) => Is::Later(Arc::new(later)),
                Err(fault) => {
                    faults.push(fault.at(self.at));
                    Is::Bad
                }
            },
            Is::Array(items) => Is::Array(
                items
                    .iter()
                    .filter_map(|item| item.settle_all(known, faults))
                    .collect(),
            ),
            Is::Table(table) => {
                let mut settled =
                    Table::with_capacity_and_hasher(table.len(), RandomState::default());
                for (key, (place, value)) in table {
                    if let Some(value) = value.settle_all(known, faults) {
                        settled.insert(key.clone(), (*place, value));
                    }
                }
                Is::Table(settled)
            }
            other => other.clone(),
        };
        Some(Self { at: self.at, is })
    }
}

/// A context in the making: names to values, along paths.
#[derive(Default)]
pub(crate) struct Branch(IndexMap<String, Tree>);

enum Tree {
    Leaf(Value),
    Branch(Branch),
}

impl Branch {
    /// Puts a value at a path; a value that already covers the path stays.
    pub(crate) fn insert(&mut self, path: &[String], value: Value) {
        match path {
            [] => {}
            [last] => {
                self.0.entry(last.clone()).or_insert(Tree::Leaf(value));
            }
            [head, rest @ ..] => {
                let tree = self
                    .0
                    .entry(head.clone())
                    .or_insert_with(|| Tree::Branch(Branch::default()));
                if let Tree::Branch(branch) = tree {
                    branch.insert(rest, value);
                }
            }
        }
    }

    pub(crate) fn into_value(self) -> Value {
        Value::from_pairs(self.0.into_iter().map(|(name, tree)| match tree {
            Tree::Leaf(value) => (name, value),
            Tree::Branch(branch) => (name, branch.into_value()),
        }))
    }
}

/// What was asked for and is not known.
#[derive(Debug, Default)]
struct Missed(Mutex<MissedNames>);

#[derive(Debug, Default)]
struct MissedNames {
    addresses: BTreeSet<Address>,
    wrong: Option<Fault>,
}

impl Missed {
    fn with<T>(&self, act: impl FnOnce(&mut MissedNames) -> T) -> T {
        act(&mut lock(&self.0))
    }

    fn add(&self, address: &Address) {
        self.with(|names| {
            names.addresses.insert(address.clone());
        });
    }

    fn is_empty(&self) -> bool {
        self.with(|names| names.addresses.is_empty())
    }

    fn addresses(&self) -> Vec<Address> {
        self.with(|names| names.addresses.iter().cloned().collect())
    }

    fn wrong(&self) -> Option<Fault> {
        self.with(|names| names.wrong.clone())
    }
}

/// The outputs of a resource, as an expression sees them: it notes which unknown one it was asked for.
#[derive(Debug)]
struct Outputs {
    whole: Whole,
    values: IndexMap<String, Value>,
    missed: Arc<Missed>,
}

impl Object for Outputs {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        if self.whole.outputs.iter().any(|output| output == name) {
            self.missed.add(&self.whole.address);
        } else {
            let fault = no_output(&self.whole.address, name, &self.whole.outputs);
            self.missed.with(|names| {
                names.wrong.get_or_insert(fault);
            });
        }
        None
    }
}

/// An output that a kind does not have.
pub(crate) fn no_output(address: &Address, name: &str, outputs: &[String]) -> Fault {
    let fault = Fault::says(format!("`{address}` has no output `{name}`"));
    match super::guess::help(name, outputs.iter().map(String::as_str)) {
        Some(help) => fault.help(help),
        None => fault,
    }
}
