//! One resource: its declaration read with its key, judged by its kind.

use std::sync::Arc;

use super::common::NAMES;
use super::declare::Decl;
use super::diagnostic::{Diagnostic, explain};
use super::fault::Wrong;
use super::guess;
use super::node::{Is, Node, Table};
use super::shape::Shape;
use super::span::Span;
use super::stack::{Edge, Existing, Resource};
use super::world::{Cx, Each, ScopeId, World};
use crate::address::Address;
use crate::hashed::IndexMap;

impl World<'_> {
    /// Reads one resource; every output it uses is still open.
    pub(crate) fn resource_of(
        &mut self,
        scope: ScopeId,
        decl: &Decl,
        address: &Address,
        each: Option<&Arc<Each>>,
    ) -> Resource {
        let cx = Cx {
            own: Some(address.clone()),
            ..Cx::of(scope).with(each)
        };
        let shape = self.shape(&decl.kind);
        let mut table = Table::default();
        let mut said = IndexMap::default();
        for (property, (at, raw)) in decl.table.as_table().into_iter().flatten() {
            let stage = self.said(scope, decl, property, *at, raw);
            let stage = match each {
                Some(each) if property != "for_each" => {
                    self.said_each(scope, decl, each, raw, stage)
                }
                _ => stage,
            };
            said.insert(property.clone(), stage);
            if NAMES.contains(&property.as_str())
                || self.misplaced(decl, property, *at, raw, &shape)
            {
                continue;
            }
            let inner = shape.entry(property);
            let built = self.build(&cx, raw, &inner);
            if let Some(value) = self.single(built, &inner, property) {
                table.insert(property.clone(), (*at, value));
            }
        }
        // What was unset is not in the table any more, but its stage has said something.
        for (property, stage) in decl
            .said
            .iter()
            .filter(|(property, _)| !property.contains('.'))
        {
            if !said.contains_key(property) && scope == 0 {
                said.insert(property.clone(), *stage);
            }
        }
        if let Some(each) = each
            && let Some(stage) = decl.said.get(&format!("for_each.{}", each.key))
            && scope == 0
        {
            said.insert("for_each".to_owned(), *stage);
        }
        let (common, mut needs) = self.common(&cx, decl, address);
        let table = Node::new(decl.at, Is::Table(table));
        for (property, (_, value)) in table.as_table().into_iter().flatten() {
            let inner = shape.entry(property);
            edges(value, &inner, property, inner.is_late(), &mut needs);
        }
        for value in common.tags.values() {
            edges(value, &Shape::none(), "tags", false, &mut needs);
        }
        // What is set after it exists may name itself. The rest is a loop of one, and told as such.
        needs.retain(|edge| edge.to != *address || !edge.late);
        let mut seen = crate::hashed::HashSet::default();
        needs.retain(|edge| seen.insert((edge.to.clone(), edge.field.clone(), edge.late)));
        let last = said
            .values()
            .map(|(stage, _)| *stage)
            .max()
            .unwrap_or(decl.first * usize::from(scope == 0));
        let name = |stage: usize| self.stages.get(stage).cloned();
        Resource {
            address: address.clone(),
            kind: decl.kind.clone(),
            at: decl.at,
            stage: name(last),
            since: None,
            needs,
            common,
            said: said
                .into_iter()
                .map(|(property, (stage, at))| (property, (name(stage), at)))
                .collect(),
            table,
        }
    }

    /// Every resource with a `confirm`. What is wrong with one is told at its own stage.
    pub(crate) fn guarded(&mut self) -> Vec<Resource> {
        let told = self.told.len();
        let mut all = Vec::new();
        for scope in self.scopes_below(0) {
            let listing = self.listing(scope);
            let guarded = |decl: &&Decl| decl.table.get("confirm").is_some();
            for decl in listing.resources.values().filter(guarded) {
                for (address, each) in self.instances(scope, decl) {
                    all.push(self.resource_of(scope, decl, &address, each.as_ref()));
                }
            }
        }
        self.told.truncate(told);
        all
    }

    /// Something that stands in a resource's table, and belongs elsewhere.
    fn misplaced(
        &mut self,
        decl: &Decl,
        property: &str,
        at: Span,
        raw: &Node,
        shape: &Shape,
    ) -> bool {
        if shape.has(property) {
            return false;
        }
        let whose = format!("{}.{}", decl.kind, decl.name);
        if ["remove", "about", "outputs", "stages", "stage", "soak"].contains(&property) {
            let text = format!("`{property}` stands inside `{whose}`");
            let help = format!(
                "in TOML a key belongs to the table above it: move `{property}` above the first table"
            );
            self.tell(Diagnostic::error(at, text).help(help));
            return true;
        }
        let keys = decl.table.get("for_each");
        let is_key = match keys.map(|keys| &keys.is) {
            Some(Is::Table(table)) => table.contains_key(property),
            Some(Is::Array(items)) => items.iter().any(|item| item.as_str() == Some(property)),
            Some(Is::String(_)) => matches!(raw.is, Is::Table(_)),
            _ => false,
        };
        if is_key && matches!(raw.is, Is::Table(_)) {
            let text =
                format!("`{whose}.{property}` is one of a `for_each`: it has no table of its own");
            let help = format!(
                "put per-key values into for_each: for_each = {{ {property} = {{ .. }} }}, and use them as {{{{ each.value }}}}"
            );
            self.tell(Diagnostic::error(at, text).help(help));
            return true;
        }
        if keys.is_none()
            && matches!(raw.is, Is::Table(_))
            && shape.entry(property).properties().is_empty()
        {
            let names = shape.properties();
            let inner: Vec<&str> = raw
                .as_table()
                .into_iter()
                .flatten()
                .map(|(key, _)| key.as_str())
                .collect();
            if !inner.is_empty() && inner.iter().all(|key| names.iter().any(|name| name == key)) {
                let text = format!(
                    "`{whose}.{property}` is not a resource of its own: `{whose}` has no `for_each`"
                );
                let help =
                    format!("write for_each = [\"{property}\"] and what they share in [{whose}]");
                self.tell(Diagnostic::error(at, text).help(help));
                self.odd.insert(Address::new(&decl.kind, &decl.name));
                return true;
            }
        }
        false
    }

    /// Which stage last said something of a property, and where.
    fn said(
        &mut self,
        scope: ScopeId,
        decl: &Decl,
        property: &str,
        at: Span,
        raw: &Node,
    ) -> (usize, Span) {
        let Some(caller) = self.scopes[scope].caller.clone() else {
            return decl.said.get(property).copied().unwrap_or((decl.last, at));
        };
        // In a module it is whoever last gave an input that the property uses.
        let mut names = Vec::new();
        self.names_in(raw, "input", &mut names);
        let base = caller
            .decl
            .table
            .get("source")
            .map_or(caller.decl.at, |source| source.at);
        let (first, _) = self.said(
            caller.scope,
            &caller.decl,
            "source",
            base,
            &Node::string(base, ""),
        );
        let mut latest = (first, at);
        for name in names {
            if let Some((_, given)) = caller
                .decl
                .table
                .as_table()
                .and_then(|table| table.get(&name))
            {
                let one = self.said(caller.scope, &caller.decl, &name, given.at, given);
                if one.0 >= latest.0 {
                    latest = one;
                }
            }
        }
        latest
    }

    /// The same for a property that uses `each`: whoever last gave the key counts too.
    fn said_each(
        &mut self,
        scope: ScopeId,
        decl: &Decl,
        each: &Each,
        raw: &Node,
        said: (usize, Span),
    ) -> (usize, Span) {
        let mut names = Vec::new();
        self.names_in(raw, "each", &mut names);
        let keys = decl.table.get("for_each").filter(|_| !names.is_empty());
        let Some(keys) = keys.cloned() else {
            return said;
        };
        let key = decl.said.get(&format!("for_each.{}", each.key));
        let given = match key.filter(|_| scope == 0) {
            Some(key) => *key,
            None => self.said(scope, decl, "for_each", keys.at, &keys),
        };
        if given.0 > said.0 { given } else { said }
    }

    /// The names below `head` that a value uses: of `input.cidr` it is `cidr`.
    fn names_in(&mut self, raw: &Node, head: &str, names: &mut Vec<String>) {
        match &raw.is {
            Is::String(text) => {
                if let Ok(Some(study)) = self.study(text, raw.at) {
                    let below = study.names.iter().filter(|name| name[0] == head);
                    names.extend(below.filter_map(|name| name.get(1).cloned()));
                }
            }
            Is::Array(items) => items
                .iter()
                .for_each(|item| self.names_in(item, head, names)),
            Is::Table(table) => table
                .values()
                .for_each(|(_, value)| self.names_in(value, head, names)),
            _ => {}
        }
    }

    /// Reads one look-up: its filters must be known.
    pub(crate) fn existing_of(
        &mut self,
        scope: ScopeId,
        decl: &Decl,
        address: &Address,
        each: Option<&Arc<Each>>,
    ) -> Existing {
        let cx = Cx::of(scope).with(each).loading();
        let mut filters = Table::default();
        let region = self.region_of(&cx, decl);
        for (word, (at, raw)) in decl.table.as_table().into_iter().flatten() {
            match word.as_str() {
                "for_each" | "when" | "region" => {}
                _ => {
                    if let Some(value) = self.build(&cx, raw, &Shape::none()).one() {
                        filters.insert(word.clone(), (*at, value));
                    }
                }
            }
        }
        let filters = Node::new(decl.at, Is::Table(filters));
        Existing {
            address: address.clone(),
            kind: decl.kind.clone(),
            filters,
            region,
            at: decl.at,
        }
    }

    /// What the kind says of a table.
    pub(crate) fn judge(&mut self, resource: &Resource, first: bool) {
        let whose = format!("`{}`", resource.address.whole());
        let shape = self.shape(&resource.kind);
        let required = shape.required();
        let missing: Vec<&str> = required
            .iter()
            .map(String::as_str)
            .filter(|name| resource.table.get(name).is_none())
            .collect();
        if !missing.is_empty() && !self.odd.contains(&resource.address) {
            let text = match missing.len() {
                1 => format!("{} is missing in {whose}", guess::list(&missing)),
                _ => format!("{} are missing in {whose}", guess::list(&missing)),
            };
            let help = first.then(|| self.meant(&resource.address)).flatten();
            self.tell(Diagnostic::error(resource.at, text).maybe(help));
        }
        let mut faults = self.vocabulary.check(&resource.kind, &resource.table);
        faults.retain(|fault| match &fault.what {
            Wrong::Missing(name) => {
                !(missing.contains(&name.as_str())
                    && fault.at.is_none_or(|at| at == resource.table.at))
            }
            _ => true,
        });
        for fault in faults {
            let sources = &self.files.sources;
            let told = explain(&fault, sources, &resource.kind, &whose, resource.at);
            if let Some(diagnostic) = told {
                self.tell(diagnostic);
            }
        }
    }

    /// A resource that this one may have been meant to change.
    fn meant(&self, address: &Address) -> Option<String> {
        let scope = self.scope_at(&address.modules)?;
        let listing = self.listing(scope);
        let names = listing.names_of(false, &address.kind);
        let close = guess::meant(&address.name, names)?;
        Some(format!(
            "did you mean to change `{}.{close}`?",
            address.kind
        ))
    }
}

/// The edges that a value makes.
fn edges(node: &Node, shape: &Shape, field: &str, late: bool, found: &mut Vec<Edge>) {
    let late = late || shape.is_late();
    let mut add = |to: Address, reference: bool| {
        found.push(Edge {
            to,
            field: field.to_owned(),
            at: node.at,
            late,
            reference,
        });
    };
    match &node.is {
        Is::String(text) if !shape.refs().is_empty() => {
            let named = Address::from_reference(text).into_iter();
            named.for_each(|to| add(to, true));
        }
        Is::Later(later) => later.needs().into_iter().for_each(|to| add(to, false)),
        Is::Array(items) => {
            let shape = shape.items();
            for item in items {
                edges(item, &shape, field, late, found);
            }
        }
        Is::Table(table) => {
            for (key, (_, value)) in table {
                edges(value, &shape.entry(key), field, late, found);
            }
        }
        _ => {}
    }
}
