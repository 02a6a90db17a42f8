//! References: each is looked up in the file it is written in, and becomes absolute.

use std::sync::Arc;

use super::bounds;
use super::build::Built;
use super::declare::Listing;
use super::diagnostic::Diagnostic;
use super::guess;
use super::node::Node;
use super::shape::Shape;
use super::span::Span;
use super::world::{Children, Cx, Each, Extent, ScopeId, World};
use crate::address::{Address, is_name};
use crate::hashed::IndexMap;

/// What a text names.
pub(crate) enum Named {
    /// Nothing of ours: a literal id, ARN or range.
    Literal,
    /// One resource.
    One(Address),
    /// All of a `for_each`, perhaps none.
    All(Vec<Address>),
    /// Nothing, and that is told.
    Bad,
}

impl World<'_> {
    /// A text in a place where a reference may stand; elsewhere it is only text.
    pub(crate) fn refer(&mut self, home: ScopeId, text: String, at: Span, shape: &Shape) -> Built {
        let refs = shape.refs();
        if refs.is_empty() {
            return Built::One(Node::string(at, text));
        }
        match self.named(home, &text, at, refs) {
            Named::Literal => Built::One(Node::string(at, text)),
            Named::One(address) => Built::One(Node::string(at, address.reference())),
            Named::All(all) => Built::Many(
                all.iter()
                    .map(|address| Node::string(at, address.reference()))
                    .collect(),
            ),
            Named::Bad => Built::bad(at),
        }
    }

    /// Whether a text begins as an address does.
    pub(crate) fn looks_like_address(&self, text: &str) -> bool {
        match text.split_once('.') {
            Some(("module" | "existing", _)) => true,
            Some((kind, rest)) => self.vocabulary.is_kind(kind) && !rest.is_empty(),
            None => false,
        }
    }

    /// What a text names, seen from a file.
    pub(crate) fn named(&mut self, scope: ScopeId, text: &str, at: Span, refs: &[String]) -> Named {
        let known = |world: &Self, kind: &str| {
            world.vocabulary.is_kind(kind) || world.vocabulary.lookups().contains(&kind)
        };
        if let Some(address) =
            Address::from_reference(text).filter(|address| known(self, &address.kind))
        {
            let written = self.files.sources.text(at).trim_matches(['"', '\'']);
            if written == text {
                let diagnostic = Diagnostic::error(at, "an address has no slash before it");
                self.tell(diagnostic.help(format!("write `{address}`")));
                return Named::Bad;
            }
            return self.fits_kind(Named::One(address), refs, at);
        }
        if let Some(address) = text
            .parse::<Address>()
            .ok()
            .filter(|address| known(self, &address.kind))
            && let Some(module) = address.modules.first()
        {
            let text = format!(
                "`{address}` is inside a module: only its outputs can be named from outside"
            );
            let help = format!("write module.{module}.{{output}}");
            self.tell(Diagnostic::error(at, text).help(help));
            return Named::Bad;
        }
        let parts: Vec<&str> = text.split('.').collect();
        let named = match parts.as_slice() {
            ["module", name, rest @ ..] => self.through_module(scope, name, rest, at, refs),
            ["existing", kind, name, rest @ ..] => self.resource(scope, true, kind, name, rest, at),
            [kind, name, rest @ ..] if self.vocabulary.is_kind(kind) => {
                self.resource(scope, false, kind, name, rest, at)
            }
            [kind, name, ..] if self.vocabulary.lookups().contains(kind) && is_name(name) => {
                let diagnostic =
                    Diagnostic::error(at, format!("a `{kind}` is not ours: it is looked up"));
                self.tell(diagnostic.help(format!(
                    "write existing.{text}, and declare [existing.{kind}.{name}]"
                )));
                return Named::Bad;
            }
            _ => return self.literal(scope, text, at, refs),
        };
        self.fits_kind(named, refs, at)
    }

    /// A text that is no address. Some were meant as one.
    fn literal(&mut self, scope: ScopeId, text: &str, at: Span, refs: &[String]) -> Named {
        let kinds = refs.iter().filter(|kind| *kind != "*");
        let listing = self.listing(scope);
        if let Some(kind) = kinds
            .clone()
            .find(|kind| listing.decl(false, kind, text).is_some())
        {
            let diagnostic = Diagnostic::error(at, format!("`{text}` is a name without its kind"));
            self.tell(diagnostic.help(format!("write `{kind}.{text}`")));
            return Named::Bad;
        }
        let Some((head, rest)) = text.split_once('.').filter(|(head, _)| is_name(head)) else {
            return Named::Literal;
        };
        let words = kinds.map(String::as_str).chain(["module", "existing"]);
        match guess::close(head, words) {
            Some(close) => {
                let diagnostic = Diagnostic::error(at, format!("there is no kind `{head}`"));
                self.tell(diagnostic.help(format!("did you mean `{close}.{rest}`?")));
                Named::Bad
            }
            None => Named::Literal,
        }
    }

    /// Whether what is named is of a kind that may stand here.
    fn fits_kind(&mut self, named: Named, refs: &[String], at: Span) -> Named {
        let first = match &named {
            Named::One(address) => Some(address),
            Named::All(all) => all.first(),
            _ => None,
        };
        let Some(wrong) =
            first.filter(|address| !refs.iter().any(|kind| *kind == address.kind || kind == "*"))
        else {
            return named;
        };
        let text = format!(
            "`{wrong}` is of the wrong kind: {} belongs here",
            guess::either(refs)
        );
        let known: Vec<String> = self.scopes[0]
            .listing
            .resources
            .keys()
            .filter(|(kind, _)| refs.contains(kind))
            .map(|(kind, name)| format!("{kind}.{name}"))
            .collect();
        let help = (!known.is_empty() && known.len() <= 6)
            .then(|| format!("there is {}", guess::list(&known)));
        self.tell(Diagnostic::error(at, text).maybe(help));
        Named::Bad
    }

    fn resource(
        &mut self,
        scope: ScopeId,
        existing: bool,
        kind: &str,
        name: &str,
        rest: &[&str],
        at: Span,
    ) -> Named {
        let listing = self.listing(scope);
        let Some(decl) = listing.decl(existing, kind, name) else {
            self.no_such(scope, existing, kind, name, at);
            return Named::Bad;
        };
        let mut address = Address::new(kind, name).within(&self.scopes[scope].path);
        address.existing = existing;
        let extent = self.extent(scope, decl);
        match (&*extent, rest) {
            (Extent::Bad, _) => Named::Bad,
            (Extent::Off(when), _) => {
                self.switched_off(&address, *when, at);
                Named::Bad
            }
            (Extent::One, []) => Named::One(address),
            (Extent::One, [key, ..]) => {
                let is_output = self.outputs_of(kind).iter().any(|output| output == key);
                let text = if is_output {
                    format!(
                        "a reference names a resource, and `{}` is one of its outputs",
                        rest.join(".")
                    )
                } else {
                    format!("`{address}` has no keys: it has no `for_each`")
                };
                self.tell(Diagnostic::error(at, text).help(format!("write `{address}`")));
                Named::Bad
            }
            (Extent::Many(all), []) => {
                self.needs_key(&address, all, at);
                Named::Bad
            }
            (Extent::Many(all), ["*"]) => {
                Named::All(all.keys().map(|key| address.clone().keyed(key)).collect())
            }
            (Extent::Many(all), [key]) if all.contains_key(*key) => Named::One(address.keyed(*key)),
            (Extent::Many(all), rest) => {
                self.no_key(&address, &rest.join("."), all, at);
                Named::Bad
            }
        }
    }

    fn through_module(
        &mut self,
        scope: ScopeId,
        name: &str,
        rest: &[&str],
        at: Span,
        refs: &[String],
    ) -> Named {
        let Some(children) = self.children(scope, name, at) else {
            return Named::Bad;
        };
        let (child, rest) = match (&*children, rest) {
            (Children::Bad, _) => return Named::Bad,
            (Children::Off(when), _) => {
                self.switched_off(&Address::new("module", name), *when, at);
                return Named::Bad;
            }
            (Children::One(child), rest) => (*child, rest),
            (Children::Many(all), [key, rest @ ..]) if all.contains_key(*key) => (all[*key], rest),
            (Children::Many(all), []) if refs == ["*"] => {
                let all: Vec<ScopeId> = all.values().copied().collect();
                return Named::All(
                    all.into_iter()
                        .flat_map(|child| self.everything_in(child))
                        .collect(),
                );
            }
            (Children::Many(all), rest) => {
                let keys: IndexMap<String, ()> = all.keys().map(|key| (key.clone(), ())).collect();
                self.no_key(
                    &Address::new("module", name),
                    rest.first().unwrap_or(&""),
                    &keys,
                    at,
                );
                return Named::Bad;
            }
        };
        let [output, rest @ ..] = rest else {
            if refs == ["*"] {
                return Named::All(self.everything_in(child));
            }
            let outputs = self
                .listing(child)
                .outputs
                .keys()
                .cloned()
                .collect::<Vec<_>>();
            let diagnostic = Diagnostic::error(
                at,
                format!("`module.{name}` is a module: one of its outputs belongs here"),
            );
            self.tell(diagnostic.help(format!(
                "write module.{name}.{{output}}; there is {}",
                guess::list(&outputs)
            )));
            return Named::Bad;
        };
        let Some(node) = self.module_output(child, output, at) else {
            return Named::Bad;
        };
        match (node.as_str(), node.as_array()) {
            (Some(text), _) => self.through_output(child, text, rest, at, refs),
            (None, Some(items)) => {
                let mut all = Vec::new();
                for item in items {
                    match self.through_output(
                        child,
                        item.as_str().unwrap_or_default(),
                        rest,
                        at,
                        refs,
                    ) {
                        Named::One(address) => all.push(address),
                        Named::All(more) => all.extend(more),
                        Named::Literal | Named::Bad => return Named::Bad,
                    }
                }
                Named::All(all)
            }
            _ => {
                let text = format!("`module.{name}.{output}` is a value, not a resource");
                let help = format!("use it in an expression: {{{{ module.{name}.{output} }}}}");
                self.tell(Diagnostic::error(at, text).help(help));
                Named::Bad
            }
        }
    }

    /// An output is another name for an address of its own file; a key may follow it.
    fn through_output(
        &mut self,
        child: ScopeId,
        text: &str,
        rest: &[&str],
        at: Span,
        refs: &[String],
    ) -> Named {
        let whole: Vec<&str> = std::iter::once(text).chain(rest.iter().copied()).collect();
        self.named(child, &whole.join("."), at, refs)
    }

    /// The addresses of all that a module makes.
    pub(crate) fn everything_in(&mut self, scope: ScopeId) -> Vec<Address> {
        let mut all = Vec::new();
        for scope in self.scopes_below(scope) {
            for decl in self.listing(scope).resources.values() {
                all.extend(
                    self.instances(scope, decl)
                        .into_iter()
                        .map(|(address, _)| address),
                );
            }
        }
        all
    }

    /// The regions other than the home region that a module's resources are in, each with the kinds there.
    pub(crate) fn places_in(&mut self, scope: ScopeId) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for scope in self.scopes_below(scope) {
            for decl in self.listing(scope).resources.values() {
                let instances = match decl.table.get("region") {
                    None if self.scopes[scope].region.is_none() => continue,
                    _ => self.instances(scope, decl),
                };
                for (_, each) in instances {
                    let cx = Cx::of(scope).with(each.as_ref());
                    let region = self.region_of(&cx, decl);
                    all.extend(region.map(|region| (region, decl.kind.clone())));
                }
            }
        }
        all
    }

    /// The addresses of a declaration, each with its `each`.
    pub(crate) fn instances(
        &mut self,
        scope: ScopeId,
        decl: &super::declare::Decl,
    ) -> Vec<(Address, Option<Arc<Each>>)> {
        let mut address = Address::new(&decl.kind, &decl.name).within(&self.scopes[scope].path);
        address.existing = decl.existing;
        match &*self.extent(scope, decl) {
            Extent::One => vec![(address, None)],
            Extent::Many(all) => all
                .iter()
                .map(|(key, each)| (address.clone().keyed(key), Some(Arc::clone(each))))
                .collect(),
            Extent::Off(_) | Extent::Bad => Vec::new(),
        }
    }

    pub(crate) fn no_such(
        &mut self,
        scope: ScopeId,
        existing: bool,
        kind: &str,
        name: &str,
        at: Span,
    ) {
        let listing = self.listing(scope);
        let prefix = if existing { "existing." } else { "" };
        let text = format!("there is no `{prefix}{kind}.{name}` here");
        // What was meant is looked for among all names.
        if !bounds::is_read(&self.told) {
            return self.tell(Diagnostic::error(at, text));
        }
        let names: Vec<String> = listing
            .names_of(existing, kind)
            .iter()
            .map(|name| format!("{prefix}{kind}.{name}"))
            .collect();
        let within = !self.scopes[scope].path.is_empty();
        let elsewhere = if existing {
            None
        } else {
            self.where_it_is(kind, name)
        };
        let other = listing.decl(!existing, kind, name).is_some();
        let help = match elsewhere {
            _ if other && existing => Some(format!("did you mean `{kind}.{name}`?")),
            _ if other => Some(format!("did you mean `existing.{kind}.{name}`?")),
            Some(stage) => Some(stage),
            None if within
                && guess::close(
                    &format!("{prefix}{kind}.{name}"),
                    names.iter().map(String::as_str),
                )
                .is_none() =>
            {
                Some("a module sees its own file only: let it in as an input".to_owned())
            }
            None if names.is_empty() => {
                Some(format!("write [{prefix}{kind}.{name}] and its properties"))
            }
            None => guess::help(
                &format!("{prefix}{kind}.{name}"),
                names.iter().map(String::as_str),
            ),
        };
        self.tell(Diagnostic::error(at, text).maybe(help));
    }

    /// A higher stage that names what this one does not, or the stage that took it out.
    fn where_it_is(&self, kind: &str, name: &str) -> Option<String> {
        let here = self
            .stages
            .iter()
            .position(|stage| Some(stage) == self.stage.as_ref())?;
        let has = |listing: &Arc<Listing>| listing.decl(false, kind, name).is_some();
        if let Some(last) = self.ladder[..here].iter().rposition(has) {
            return Some(format!("the stage {} took it out", self.stages[last + 1]));
        }
        let next = self.ladder.iter().skip(here + 1).position(has)?;
        Some(format!(
            "the stage {} is the first to name it",
            self.stages[here + 1 + next]
        ))
    }

    pub(crate) fn switched_off(&mut self, address: &Address, when: Span, at: Span) {
        let text = format!("`{}` is switched off here", module_name(address));
        let condition = self.files.sources.text(when).to_owned();
        let help = format!("give this the same condition: when = {condition}");
        self.tell(
            Diagnostic::error(at, text)
                .help(help)
                .and(when, "switched off here"),
        );
    }

    fn needs_key<T>(&mut self, address: &Address, keys: &IndexMap<String, T>, at: Span) {
        let text = format!("`{address}` has `for_each`: say which one");
        let written = self
            .files
            .sources
            .text(at)
            .trim_matches(['"', '\''])
            .to_owned();
        let name = if written.contains("{{") || written.is_empty() {
            address.to_string()
        } else {
            written
        };
        let help = match keys.keys().next() {
            Some(first) => format!("write `{name}.{first}`, or in a list `{name}.*` for all"),
            None => format!("it is empty now; in a list, `{name}.*` is none"),
        };
        self.tell(Diagnostic::error(at, text).help(help));
    }

    /// A module with `for_each` is named without a key, or with a wrong one.
    pub(crate) fn no_module_key(
        &mut self,
        name: &str,
        key: &str,
        all: &IndexMap<String, ScopeId>,
        at: Span,
    ) {
        let is_output = all
            .values()
            .next()
            .is_some_and(|child| self.listing(*child).outputs.contains_key(key));
        if !is_output {
            return self.no_key(&Address::new("module", name), key, all, at);
        }
        let first = all.keys().next().map_or("key", String::as_str);
        let text = format!("`module.{name}` has `for_each`: say which one");
        self.tell(Diagnostic::error(at, text).help(format!("write module.{name}.{first}.{key}")));
    }

    pub(crate) fn no_key<T>(
        &mut self,
        address: &Address,
        key: &str,
        keys: &IndexMap<String, T>,
        at: Span,
    ) {
        let name = module_name(address);
        let text = if key.is_empty() {
            format!("`{name}` has `for_each`: say which one")
        } else {
            format!("`{name}` has no key `{key}`")
        };
        let cut = keys
            .keys()
            .find(|known| !key.is_empty() && known.starts_with(&format!("{key}-")));
        let help = match cut.filter(|_| self.files.sources.after(at).starts_with('-')) {
            Some(whole) => format!("a dash is a minus here: write {name}[\"{whole}\"]"),
            None => guess::help(key, keys.keys().map(String::as_str))
                .unwrap_or_else(|| "it has none now".to_owned()),
        };
        self.tell(Diagnostic::error(at, text).help(help));
    }
}

/// An address as it is written in the file.
fn module_name(address: &Address) -> String {
    address.to_string()
}
