//! A stage joins the stages before it: tables by key, everything else replaced; then what it removes and unsets.

use std::time::Duration;

use super::bounds;
use super::declare::{Decl, Listing};
use super::diagnostic::Diagnostic;
use super::files::Files;
use super::guess;
use super::node::{Is, Node, Table};
use super::shape::Shape;
use super::span::Span;
use super::stack::{Loss, Removal};
use super::vocabulary::Vocabulary;
use crate::address::{Address, is_key, is_name};
use crate::hashed::{HashMap, HashSet};

/// What an item of `remove` says beside its address: the losses it consents to, and for how long it soaks.
type Terms = (Vec<Loss>, Option<Duration>);

/// Joins stage after stage.
pub(crate) struct Merger<'a> {
    pub(crate) vocabulary: &'a dyn Vocabulary,
    pub(crate) files: &'a mut Files,
    pub(crate) told: &'a mut Vec<Diagnostic>,
    pub(crate) stage: usize,
    pub(crate) stage_name: &'a str,
    /// What the stages before took out: address and stage.
    pub(crate) gone: &'a [(String, String)],
}

/// In a file that nothing comes before there is nothing to unset.
pub(crate) fn nothing_before(listing: &mut Listing, told: &mut Vec<Diagnostic>) {
    let decls = listing
        .resources
        .values_mut()
        .chain(listing.existing.values_mut());
    for decl in decls.chain(listing.modules.values_mut()) {
        take_unset(decl, told);
    }
}

/// Takes `unset` out of a declaration that is new.
fn take_unset(decl: &mut Decl, told: &mut Vec<Diagnostic>) {
    decl.said.shift_remove("unset");
    let unset = decl
        .table
        .as_table_mut()
        .and_then(|table| table.shift_remove("unset"));
    if let Some((at, _)) = unset {
        let text = format!(
            "there is nothing to unset: `{}.{}` is new here",
            decl.kind, decl.name
        );
        told.push(Diagnostic::error(at, text).help("leave the property out"));
    }
}

impl Merger<'_> {
    /// What a stage takes out, and then what it says.
    pub(crate) fn join(
        &mut self,
        sofar: &mut Listing,
        stage: Listing,
        remove: Option<&Node>,
    ) -> Vec<Removal> {
        let removals = remove
            .map(|remove| self.remove(sofar, remove))
            .unwrap_or_default();
        let mut before: HashMap<String, Vec<String>> = HashMap::default();
        for (kind, name) in sofar.resources.keys() {
            before.entry(kind.clone()).or_default().push(name.clone());
        }
        for (key, decl) in stage.resources {
            if let Some(old) = sofar.resources.get_mut(&key) {
                self.change(old, decl);
            } else {
                let before = before.entry(key.0.clone()).or_default();
                self.resembles(&decl, before);
                before.push(key.1.clone());
                sofar.resources.insert(key, self.first(decl));
            }
        }
        for (key, decl) in stage.existing {
            match sofar.existing.get_mut(&key) {
                Some(old) => self.change(old, decl),
                None => drop(sofar.existing.insert(key, self.first(decl))),
            }
        }
        for (name, decl) in stage.modules {
            match sofar.modules.get_mut(&name) {
                Some(old) => self.change(old, decl),
                None => drop(sofar.modules.insert(name, self.first(decl))),
            }
        }
        sofar.outputs.extend(stage.outputs);
        removals
    }

    /// A name not seen before that is close to one that was.
    fn resembles(&mut self, decl: &Decl, before: &[String]) {
        let Some(close) = guess::meant(&decl.name, before.iter().map(String::as_str)) else {
            return;
        };
        // `a` beside `b`, `web_a` beside `web_b`: such names come in rows.
        let row = close.len() == decl.name.len()
            && close[..close.len() - 1] == decl.name[..decl.name.len() - 1];
        if !row && strsim::damerau_levenshtein(close, &decl.name) <= 2 {
            let text = format!(
                "`{}.{}` is new at stage {}",
                decl.kind, decl.name, self.stage_name
            );
            let help = format!("did you mean to change `{}.{close}`?", decl.kind);
            self.told.push(Diagnostic::hint(decl.at, text).help(help));
        }
    }

    /// A declaration that is new: there is nothing to unset.
    fn first(&mut self, mut decl: Decl) -> Decl {
        take_unset(&mut decl, self.told);
        decl
    }

    fn change(&mut self, old: &mut Decl, mut new: Decl) {
        new.said.shift_remove("unset");
        let unset = new
            .table
            .as_table_mut()
            .and_then(|table| table.shift_remove("unset"));
        if let Some((_, paths)) = unset {
            self.unset(old, &paths);
        }
        if old.kind == "module" {
            self.merge_inputs(&mut old.table, new.table);
        } else {
            let shape = if old.existing {
                Shape::none()
            } else {
                self.files.shapes.of(&old.kind, self.vocabulary)
            };
            merge(&mut old.table, new.table, &shape, true);
        }
        old.last = self.stage;
        old.said.extend(new.said);
    }

    /// A module's inputs merge as the properties do that they are passed on to.
    fn merge_inputs(&mut self, old: &mut Node, new: Node) {
        let source = new.get("source").or(old.get("source"));
        let module = source.and_then(|source| {
            let folder = self.files.folder(source.at).join(source.as_str()?);
            // Without a module, or with a broken one, there is more to be told than how its inputs merge.
            self.files.tree(&folder.join("module.toml")).ok()
        });
        let (Some(old), Is::Table(new)) = (old.as_table_mut(), new.is) else {
            return;
        };
        for (input, (at, value)) in new {
            let shape = module.as_ref().map_or_else(Shape::none, |(_, tree)| {
                passed_to(tree, &input, &|kind| {
                    self.files.shapes.of(kind, self.vocabulary)
                })
            });
            match old.get_mut(&input) {
                Some((place, known)) => {
                    *place = at;
                    merge(known, value, &shape, false);
                }
                None => drop(old.insert(input, (at, value))),
            }
        }
    }

    fn unset(&mut self, old: &mut Decl, paths: &Node) {
        let Some(items) = paths.as_array() else {
            let diagnostic =
                Diagnostic::error(paths.at, format!("`unset` is a list, not {}", paths.noun()));
            self.told
                .push(diagnostic.help("write unset = [\"ttl\", \"ingress.http\"]"));
            return;
        };
        for item in items {
            let Some(path) = item.as_str() else {
                self.told.push(Diagnostic::error(
                    item.at,
                    "what to unset is a string such as \"ingress.http\"",
                ));
                continue;
            };
            if !take_path(&mut old.table, path) {
                self.unset_nothing(old, path, item.at);
                continue;
            }
            if !path.starts_with("for_each.") {
                let property = path.split('.').next().unwrap_or(path);
                old.said.insert(property.to_owned(), (self.stage, item.at));
            }
        }
    }

    fn unset_nothing(&mut self, old: &Decl, path: &str, at: Span) {
        let text = format!(
            "there is no `{path}` in `{}.{}` to unset",
            old.kind, old.name
        );
        let mut known = Vec::new();
        if bounds::is_read(self.told) {
            paths(&old.table, "", 3, &mut known);
        }
        let help = guess::help(path, known.iter().map(String::as_str));
        self.told.push(Diagnostic::error(at, text).maybe(help));
    }

    fn remove(&mut self, sofar: &mut Listing, remove: &Node) -> Vec<Removal> {
        let Some(items) = remove.as_array() else {
            let diagnostic = Diagnostic::error(
                remove.at,
                format!("`remove` is a list, not {}", remove.noun()),
            );
            self.told
                .push(diagnostic.help("write remove = [\"instance.web\"]"));
            return Vec::new();
        };
        let mut removals: Vec<Removal> = Vec::new();
        let mut removed: HashSet<String> = HashSet::default();
        for item in items {
            let Some((text, at, (allow, soak))) = self.removal(item) else {
                continue;
            };
            if removed.contains(&text) {
                self.told.push(
                    Diagnostic::error(at, format!("`{text}` is removed twice"))
                        .help("once is enough"),
                );
            } else if let Some(address) = self.take_out(sofar, &text, at) {
                removed.insert(address.to_string());
                removals.push(Removal {
                    address,
                    allow,
                    soak,
                    stage: self.stage_name.to_owned(),
                    at,
                });
            }
        }
        removals
    }

    /// One item of `remove`: an address, or an address with consent and a time to live on.
    fn removal(&mut self, item: &Node) -> Option<(String, Span, Terms)> {
        match &item.is {
            Is::String(text) => Some((text.clone(), item.at, (Vec::new(), None))),
            Is::Table(table) => {
                for (key, (at, _)) in table
                    .iter()
                    .filter(|(key, _)| !["address", "allow", "soak"].contains(&key.as_str()))
                {
                    let text = format!("`{key}` is not known in an item of `remove`");
                    self.told.push(
                        Diagnostic::error(*at, text)
                            .help("it may be `address`, `allow` and `soak`"),
                    );
                }
                let soak = super::header::soak(table, self.told);
                let allow = table
                    .get("allow")
                    .map(|(_, allow)| super::common::losses(allow, self.told));
                let Some(address) = item.get("address") else {
                    self.told.push(Diagnostic::error(
                        item.at,
                        "`address` is missing in this item of `remove`",
                    ));
                    return None;
                };
                let text = address.as_str()?;
                Some((
                    text.to_owned(),
                    address.at,
                    (allow.unwrap_or_default(), soak),
                ))
            }
            _ => {
                let text = format!("what to remove is an address, not {}", item.noun());
                self.told
                    .push(Diagnostic::error(item.at, text).help("write \"instance.web\""));
                None
            }
        }
    }

    fn take_out(&mut self, sofar: &mut Listing, text: &str, at: Span) -> Option<Address> {
        if let Some(name) = text.strip_prefix("module.").filter(|name| is_name(name)) {
            if sofar.modules.shift_remove(name).is_some() {
                return Some(Address::new("module", name));
            }
            let names = sofar.modules.keys();
            self.nothing_to_remove(text, at, || {
                names.map(|name| format!("module.{name}")).collect()
            });
            return None;
        }
        let address: Option<Address> = text.parse().ok();
        let Some(address) = address.filter(|address| address.modules.is_empty()) else {
            let diagnostic = Diagnostic::error(at, format!("`{text}` cannot be removed here"));
            self.told.push(
                diagnostic.help("write the address of a resource of this stack, or a whole module"),
            );
            return None;
        };
        let key = (address.kind.clone(), address.name.clone());
        let all = if address.existing {
            &mut sofar.existing
        } else {
            &mut sofar.resources
        };
        let Some(decl) = all.get_mut(&key) else {
            let prefix = if address.existing { "existing." } else { "" };
            let names = all.keys();
            self.nothing_to_remove(text, at, || {
                names
                    .map(|(kind, name)| format!("{prefix}{kind}.{name}"))
                    .collect()
            });
            return None;
        };
        let Some(instance) = &address.key else {
            all.shift_remove(&key);
            return Some(address);
        };
        let keys = decl
            .table
            .as_table_mut()
            .and_then(|table| table.get_mut("for_each"));
        let keys = keys.map(|(_, keys)| keys);
        if let Some(Node {
            is: Is::String(_), ..
        }) = keys
        {
            let text = format!("`{}` gets its keys from an expression", address.whole());
            self.told.push(
                Diagnostic::error(at, text)
                    .help("leave the key out of what the expression answers"),
            );
            return None;
        }
        if keys.is_some_and(|keys| take(keys, instance)) {
            return Some(address);
        }
        self.nothing_to_remove(text, at, || vec![address.whole().to_string()]);
        None
    }

    fn nothing_to_remove(&mut self, text: &str, at: Span, known: impl FnOnce() -> Vec<String>) {
        let said = format!(
            "there is no `{text}` to remove: no stage before {} names it",
            self.stage_name
        );
        if !bounds::is_read(self.told) {
            return self.told.push(Diagnostic::error(at, said));
        }
        let gone = self.gone.iter().find(|(address, _)| address == text);
        if let Some((_, stage)) = gone {
            let said = format!("`{text}` is gone already: the stage {stage} removes it");
            self.told
                .push(Diagnostic::error(at, said).help("leave it out here"));
            return;
        }
        let known = known();
        let help = guess::help(text, known.iter().map(String::as_str));
        self.told.push(Diagnostic::error(at, said).maybe(help));
    }
}

/// The shape of the first property of a module that is an input and nothing else.
fn passed_to(module: &Node, input: &str, shape: &dyn Fn(&str) -> Shape) -> Shape {
    let whole = format!("{{{{ input.{input} }}}}");
    for (kind, (_, names)) in module.as_table().into_iter().flatten() {
        for (_, (_, resource)) in names.as_table().into_iter().flatten() {
            let properties = resource.as_table().into_iter().flatten();
            let property = properties
                .into_iter()
                .find(|(_, (_, value))| value.as_str() == Some(&whole));
            if let Some((property, _)) = property {
                return shape(kind).entry(property);
            }
        }
    }
    Shape::none()
}

/// Takes a key out of a table, or an item out of a list of strings.
fn take(node: &mut Node, key: &str) -> bool {
    match &mut node.is {
        Is::Table(table) => table.shift_remove(key).is_some(),
        Is::Array(items) => {
            let before = items.len();
            items.retain(|item| item.as_str() != Some(key));
            items.len() < before
        }
        _ => false,
    }
}

/// Takes out what a path of keys leads to. A key may have dots in it where its table holds plain values.
fn take_path(node: &mut Node, path: &str) -> bool {
    if take(node, path) {
        return true;
    }
    let Some(table) = node.as_table_mut() else {
        return false;
    };
    path.match_indices('.').any(|(dot, _)| {
        table
            .get_mut(&path[..dot])
            .is_some_and(|(_, inner)| take_path(inner, &path[dot + 1..]))
    })
}

/// Every path in a table, to find the one that was meant.
fn paths(node: &Node, prefix: &str, depth: usize, found: &mut Vec<String>) {
    for (key, (_, value)) in node.as_table().into_iter().flatten() {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        if depth > 1 && is_key(key) {
            paths(value, &path, depth - 1, found);
        }
        found.push(path);
    }
}

/// Tables by key, everything else replaced. A choice is a value: two answers to one question make no sense together.
fn merge(old: &mut Node, new: Node, shape: &Shape, root: bool) {
    let choice = !root && (shape.is_choice() || is_text(old) || is_text(&new));
    match (&mut old.is, new.is) {
        (Is::Table(old), Is::Table(new)) if !choice => merge_tables(old, new, shape),
        (is, new_is) => {
            *is = new_is;
            old.at = new.at;
        }
    }
}

fn merge_tables(old: &mut Table, new: Table, shape: &Shape) {
    for (key, (at, value)) in new {
        match old.get_mut(&key) {
            Some((place, known)) => {
                *place = at;
                merge(known, value, &shape.entry(&key), false);
            }
            None => drop(old.insert(key, (at, value))),
        }
    }
}

/// A text from a file: one choice in any table, also where no schema leads, such as a module's inputs.
fn is_text(node: &Node) -> bool {
    let is = |key: &str| node.get(key).is_some_and(|value| value.as_str().is_some());
    (is("file") || is("template"))
        && node.as_table().is_some_and(|table| {
            table
                .keys()
                .all(|key| ["file", "template", "with"].contains(&key.as_str()))
        })
}
