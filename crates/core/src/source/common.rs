//! What may stand on resources of every kind.

use super::declare::Decl;
use super::diagnostic::Diagnostic;
use super::guess;
use super::header::is_region;
use super::node::{Is, Node};
use super::refer::Named;
use super::shape::Shape;
use super::span::Span;
use super::stack::{Common, Edge, Loss};
use super::world::{Cx, World};
use crate::address::Address;
use crate::hashed::IndexMap;

/// The words that may stand on resources of every kind.
pub const NAMES: [&str; 12] = [
    "for_each",
    "when",
    "region",
    "after",
    "protect",
    "tags",
    "ignore",
    "unset",
    "allow",
    "confirm",
    "generation",
    "was",
];

/// The losses that may be consented to.
const LOSSES: [(&str, Loss); 4] = [
    ("data", Loss::Data),
    ("address", Loss::Address),
    ("network", Loss::Network),
    ("promotion", Loss::Promotion),
];

/// `"data"`, or a list of such words.
pub(crate) fn losses(node: &Node, told: &mut Vec<Diagnostic>) -> Vec<Loss> {
    let items = match &node.is {
        Is::Array(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut all = Vec::new();
    for item in items {
        let found = item
            .as_str()
            .and_then(|text| LOSSES.iter().find(|(word, _)| *word == text));
        if let Some((_, loss)) = found {
            all.push(*loss);
        } else if !matches!(item.is, Is::Bad) {
            let words: Vec<&str> = LOSSES.iter().map(|(word, _)| *word).collect();
            let said = item
                .as_str()
                .map_or_else(|| item.noun().to_owned(), |text| format!("`{text}`"));
            let help = format!("what can be lost is {}", guess::either(&words));
            told.push(
                Diagnostic::error(item.at, format!("{said} is no loss that one consents to"))
                    .help(help),
            );
        }
    }
    all
}

impl World<'_> {
    /// The common part of one resource, and the edges that `after` makes.
    pub(crate) fn common(
        &mut self,
        cx: &Cx,
        decl: &Decl,
        address: &Address,
    ) -> (Common, Vec<Edge>) {
        let scope = &self.scopes[cx.scope];
        let mut common = Common {
            generation: 1,
            tags: scope.tags.clone(),
            ..Common::default()
        };
        let get = |word: &str| decl.table.get(word);
        let mut edges = Vec::new();
        if let Some(after) = get("after") {
            edges = self.after(cx, after, address);
            common.after = edges.iter().map(|edge| edge.to.clone()).collect();
        }
        common.region = self.region_of(cx, decl);
        if let Some(confirm) = get("confirm") {
            common.confirm = self.common_text(cx, confirm, "confirm");
        }
        if let Some(tags) = get("tags") {
            common.tags.extend(self.common_tags(cx, tags));
        }
        if let Some(protect) = get("protect") {
            common.protect = self.protect(cx, protect);
        }
        if let Some(generation) = get("generation") {
            common.generation = self.generation(cx, generation);
        }
        if let Some(allow) = get("allow") {
            let value = self.build(&cx.loading(), allow, &Shape::none()).one();
            common.allow = value
                .map(|value| losses(&value, &mut self.told))
                .unwrap_or_default();
        }
        if let Some(ignore) = get("ignore") {
            common.ignore = self.ignore(ignore, decl);
        }
        if let Some(was) = get("was") {
            common.was = self.was(was, address);
        }
        (common, edges)
    }

    /// The region of a resource or a look-up, where that is not the stack's: its own, else its module's.
    pub(crate) fn region_of(&mut self, cx: &Cx, decl: &Decl) -> Option<String> {
        let home = self.stack.get("region").map(ToString::to_string);
        let global = self.vocabulary.is_global(&decl.kind);
        let region = match decl.table.get("region") {
            Some(raw) if global => {
                let text = format!("`{}` is the same in every region", decl.kind);
                self.tell(Diagnostic::error(raw.at, text).help("leave `region` out"));
                None
            }
            Some(raw) => {
                let region = self.common_text(cx, raw, "region");
                if let Some(text) = region.as_ref().filter(|text| !is_region(text)) {
                    let text = format!("`{text}` is no region");
                    let help = "write a name such as \"eu-west-3\"";
                    self.tell(Diagnostic::error(raw.at, text).help(help));
                }
                region
            }
            None => self.scopes[cx.scope].region.clone(),
        };
        region.filter(|region| !global && home.as_ref() != Some(region))
    }

    fn wrong(&mut self, at: Span, word: &str, wanted: &str, node: &Node) {
        if !matches!(node.is, Is::Bad) {
            let text = format!("`{word}` is {wanted}, not {}", node.noun());
            let written = self.files.sources.text(node.at);
            let help = match (&node.is, word) {
                (Is::String(_), _) if wanted.starts_with("a list") => {
                    Some(format!("write [{written}]"))
                }
                (_, "protect") => Some("write true or false, without quotes".to_owned()),
                (_, "region") => Some("write a name such as \"eu-west-3\"".to_owned()),
                (_, "confirm") => Some("write what a person must do first, in quotes".to_owned()),
                _ => None,
            };
            self.tell(Diagnostic::error(at, text).maybe(help));
        }
    }

    pub(crate) fn common_text(&mut self, cx: &Cx, raw: &Node, word: &str) -> Option<String> {
        let node = self.build(&cx.loading(), raw, &Shape::none()).one()?;
        if node.as_str().is_none() {
            self.wrong(raw.at, word, "a string", &node);
        }
        node.as_str().map(str::to_owned)
    }

    fn protect(&mut self, cx: &Cx, raw: &Node) -> Option<bool> {
        let node = self.build(&cx.loading(), raw, &Shape::none()).one()?;
        if let Is::Boolean(flag) = node.is {
            Some(flag)
        } else {
            self.wrong(raw.at, "protect", "true or false", &node);
            None
        }
    }

    fn generation(&mut self, cx: &Cx, raw: &Node) -> u32 {
        let node = self.build(&cx.loading(), raw, &Shape::none()).one();
        match node.as_ref().map(|node| &node.is) {
            Some(Is::Integer(number)) if *number >= 1 => u32::try_from(*number).unwrap_or(u32::MAX),
            None | Some(Is::Bad) => 1,
            _ => {
                let diagnostic = Diagnostic::error(raw.at, "`generation` is a whole number from 1");
                self.tell(
                    diagnostic.help("raise it by one to replace the resource: generation = 2"),
                );
                1
            }
        }
    }

    pub(crate) fn common_tags(&mut self, cx: &Cx, raw: &Node) -> IndexMap<String, Node> {
        let Some(node) = self.build(cx, raw, &Shape::none()).one() else {
            return IndexMap::default();
        };
        let Some(table) = node.as_table() else {
            self.wrong(raw.at, "tags", "a table", &node);
            return IndexMap::default();
        };
        let mut tags = IndexMap::default();
        for (key, (at, value)) in table {
            if key.starts_with("aws:") || key.starts_with("terrace:") {
                let diagnostic =
                    Diagnostic::error(*at, format!("the tag `{key}` is not yours to set"));
                self.tell(diagnostic.help("`aws:` belongs to AWS and `terrace:` to the marks"));
                continue;
            }
            match value.is {
                Is::String(_) | Is::Later(_) => drop(tags.insert(key.clone(), value.clone())),
                Is::Bad => {}
                _ => {
                    let written = self.files.sources.text(value.at).to_owned();
                    let diagnostic = Diagnostic::error(
                        value.at,
                        format!("a tag's value is a string, not {}", value.noun()),
                    );
                    self.tell(diagnostic.help(format!("write \"{written}\"")));
                }
            }
        }
        tags
    }

    fn after(&mut self, cx: &Cx, raw: &Node, own: &Address) -> Vec<Edge> {
        let Some(node) = self.build(&cx.loading(), raw, &Shape::none()).one() else {
            return Vec::new();
        };
        let Some(items) = node.as_array() else {
            self.wrong(raw.at, "after", "a list of addresses", &node);
            return Vec::new();
        };
        let mut edges = Vec::new();
        for item in items {
            let Some(text) = item.as_str() else {
                self.wrong(item.at, "after", "a list of addresses", item);
                continue;
            };
            let all = match self.named(cx.scope, text, item.at, &["*".to_owned()]) {
                Named::One(address) => vec![address],
                Named::All(all) => all,
                Named::Bad => Vec::new(),
                Named::Literal => {
                    let diagnostic =
                        Diagnostic::error(item.at, format!("`{text}` is no address to wait for"));
                    self.tell(diagnostic.help("write one such as \"record.db\" or \"module.web\""));
                    Vec::new()
                }
            };
            for to in all {
                if to == *own {
                    self.tell(Diagnostic::error(
                        item.at,
                        "a resource cannot wait for itself",
                    ));
                } else {
                    edges.push(Edge {
                        to,
                        field: "after".to_owned(),
                        at: item.at,
                        late: false,
                        reference: false,
                    });
                }
            }
        }
        edges
    }

    fn ignore(&mut self, raw: &Node, decl: &Decl) -> Vec<String> {
        let Some(items) = raw.as_array() else {
            self.wrong(raw.at, "ignore", "a list of properties", raw);
            return Vec::new();
        };
        let mut all = Vec::new();
        for item in items {
            let Some(path) = item.as_str() else {
                self.wrong(item.at, "ignore", "a list of properties", item);
                continue;
            };
            let head = path.split('.').next().unwrap_or(path);
            let shape = self.shape(&decl.kind);
            if head == "tags" || shape.has(head) {
                all.push(path.to_owned());
            } else {
                let text = format!("`{}` has no property `{head}` to ignore", decl.kind);
                let names = shape.properties();
                self.tell(
                    Diagnostic::error(item.at, text)
                        .maybe(guess::help(head, names.iter().map(String::as_str))),
                );
            }
        }
        all
    }

    /// The address it had before: one for all keys, or one a key.
    fn was(&mut self, raw: &Node, own: &Address) -> Option<Address> {
        let node = match &raw.is {
            Is::Table(table) => {
                if let Some(key) = own.key.as_ref() {
                    &table.get(key)?.1
                } else {
                    let diagnostic = Diagnostic::error(
                        raw.at,
                        "a table of former addresses belongs to `for_each`",
                    );
                    self.tell(diagnostic.help("write was = \"instance.web\""));
                    return None;
                }
            }
            _ => raw,
        };
        let parsed = node.as_str().and_then(|text| text.parse::<Address>().ok());
        let Some(mut was) = parsed.filter(|was| was.kind == own.kind && !was.existing) else {
            let text = format!("this is no former address of a `{}`", own.kind);
            let help = format!("write one such as \"{}.old_name\"", own.kind);
            self.tell(Diagnostic::error(node.at, text).help(help));
            return None;
        };
        if was.modules.is_empty() {
            was.modules.clone_from(&own.modules);
        }
        if !matches!(raw.is, Is::Table(_)) && was.key.is_none() {
            was.key.clone_from(&own.key);
        }
        if was == *own {
            self.tell(
                Diagnostic::error(node.at, "this is its name now")
                    .help("`was` is the name it had before"),
            );
            return None;
        }
        Some(was)
    }
}
