//! Names in expressions: where each leads.

use minijinja::Value;

use super::diagnostic::Diagnostic;
use super::environment::unknown_of_stack;
use super::guess;
use super::later::{Filling, Whole, no_output};
use super::node::{Is, Node};
use super::span::Span;
use super::world::{Children, Cx, Extent, ScopeId, World};
use crate::address::Address;

/// What a name leads to.
pub(crate) enum Seen {
    /// A value.
    Known(Value),
    /// A value that was read before, and the scope in which it was written.
    Node(Node, ScopeId),
    /// Nothing: an optional input that was not given.
    None,
    /// What a resource will say.
    Hole(Filling),
}

/// What a name leads to, and how many of its last parts are left: an expression looks for them in the value.
type Found = Option<(Seen, usize)>;

/// A resource that a name leads to, and what is left of the name.
struct Led<'a> {
    scope: ScopeId,
    existing: bool,
    kind: &'a str,
    name: &'a str,
    rest: &'a [String],
}

impl World<'_> {
    /// What a name leads to, and where an expression looks for it; `None`: nowhere, and told.
    pub(crate) fn look(
        &mut self,
        cx: &Cx,
        name: &[String],
        at: Span,
    ) -> Option<(Vec<String>, Seen)> {
        let place = self.files.sources.narrow(at, &name.join("."));
        let (seen, left) = self.find(cx, name, at, place)?;
        Some((name[..name.len() - left].to_vec(), seen))
    }

    fn find(&mut self, cx: &Cx, name: &[String], at: Span, place: Span) -> Found {
        let root = self.scopes[cx.scope].caller.is_none();
        let behind_head = name.len() - 1;
        match (name[0].as_str(), name.get(1)) {
            ("stack", _) => {
                if let Some(diagnostic) = unknown_of_stack(name, &self.stack, at, self.files) {
                    self.tell(diagnostic);
                    return None;
                }
                Some((Seen::Known(self.stack_value.clone()), behind_head))
            }
            ("var", variable) if root => {
                self.variable_is_known(variable, place)?;
                Some((Seen::Known(self.variables_value.clone()), behind_head))
            }
            ("stage", None) if root && self.stage.is_some() => {
                Some((Seen::Known(Value::from(self.stage.clone())), 0))
            }
            ("each", _) => self.look_each(cx, name, place),
            ("input", Some(input)) if !root => {
                let found = self.input(cx.scope, input, place)?;
                match &found.node {
                    Some(node) => self.walk(node.clone(), found.home, &name[2..], place),
                    None => Some((Seen::None, name.len() - 2)),
                }
            }
            ("self", _) => self.look_self(cx, name, place),
            ("module" | "existing", Some(_)) => self.look_from(cx.scope, name, place),
            (kind, _) if self.vocabulary.is_kind(kind) => self.look_from(cx.scope, name, place),
            _ => self.unknown(cx, name, place),
        }
    }

    /// A name of a file's own: a resource, a look-up, a module's output.
    fn look_from(&mut self, scope: ScopeId, name: &[String], place: Span) -> Found {
        match name {
            [word, module, rest @ ..] if word == "module" => {
                self.look_module(scope, module, rest, place)
            }
            [word, kind, name, rest @ ..] if word == "existing" => self.look_resource(
                &Led {
                    scope,
                    existing: true,
                    kind,
                    name,
                    rest,
                },
                place,
            ),
            [kind, name, rest @ ..] if kind != "existing" => self.look_resource(
                &Led {
                    scope,
                    existing: false,
                    kind,
                    name,
                    rest,
                },
                place,
            ),
            _ => self.too_short(name, place),
        }
    }

    fn too_short<T>(&mut self, name: &[String], place: Span) -> Option<T> {
        let text = format!("`{}` is only the beginning of a name", name.join("."));
        self.tell(
            Diagnostic::error(place, text)
                .help("write kind.name.output, or a key in brackets: subnet.public[\"1-a\"].id"),
        );
        None
    }

    fn unknown<T>(&mut self, cx: &Cx, name: &[String], place: Span) -> Option<T> {
        let root = self.scopes[cx.scope].caller.is_none();
        if self.files.sources.after(place).starts_with('(') {
            let text = format!("there is no function `{}`", name[0]);
            self.tell(
                Diagnostic::error(place, text)
                    .help("the functions are `cidrsubnet`, `json` and `all`"),
            );
            return None;
        }
        let text = format!("there is nothing called `{}` here", name[0]);
        let help = match name[0].as_str() {
            "var" | "stage" if !root => Some(
                "a module sees `input` and `stack` only: declare an input, and pass the value in"
                    .to_owned(),
            ),
            "input" if root => Some("`input` belongs to modules; a stack has `var`".to_owned()),
            "stage" => Some("this stack has no stages".to_owned()),
            word => {
                let kinds = self.vocabulary.kinds();
                let words = ["stack", "each", "self", "module", "existing"].into_iter();
                let own = if root {
                    ["var", "stage"]
                } else {
                    ["input", "stack"]
                };
                guess::close(word, words.chain(own).chain(kinds))
                    .map(|close| format!("did you mean `{close}`?"))
            }
        };
        let help = help.unwrap_or_else(|| {
            let own = if root {
                "`var`, `stack`"
            } else {
                "`input`, `stack`"
            };
            format!("an expression knows {own}, and the outputs of resources: `kind.name.output`")
        });
        self.tell(Diagnostic::error(place, text).help(help));
        None
    }

    fn variable_is_known(&mut self, variable: Option<&String>, place: Span) -> Option<()> {
        let Some(variable) = variable else {
            return Some(());
        };
        if let Some(value) = self.variables.get(variable) {
            // Without a value its own expression failed, and that is told.
            return (!value.is_undefined()).then_some(());
        }
        let help = guess::close(variable, self.variables.keys().map(String::as_str)).map_or_else(
            || format!("give it a default in [variables]: {variable} = .."),
            |close| format!("did you mean `var.{close}`?"),
        );
        let text = format!("there is no variable `{variable}`");
        self.tell(Diagnostic::error(place, text).help(help));
        None
    }

    fn look_each(&mut self, cx: &Cx, name: &[String], place: Span) -> Found {
        let Some(each) = cx.each.clone() else {
            let text = "`each` is known only inside something with `for_each`";
            let help = "add `for_each` to this table, or write the value out";
            self.tell(Diagnostic::error(place, text).help(help));
            return None;
        };
        match name.get(1).map(String::as_str) {
            Some("key") => Some((Seen::Known(Value::from(each.key.as_str())), name.len() - 2)),
            Some("value") => self.walk(each.value.clone(), each.home, &name[2..], place),
            _ => {
                let text = format!("there is no `{}`", name.join("."));
                self.tell(
                    Diagnostic::error(place, text).help("`each` has `each.key` and `each.value`"),
                );
                None
            }
        }
    }

    fn look_self(&mut self, cx: &Cx, name: &[String], place: Span) -> Found {
        let Some(own) = cx.own.clone() else {
            let text = "`self` is known only in a property of a resource";
            self.tell(
                Diagnostic::error(place, text)
                    .help("write the resource's name: `kind.name.output`"),
            );
            return None;
        };
        let outputs = self.outputs_of(&own.kind);
        match name.get(1) {
            Some(output) if outputs.contains(output) => Some((
                Seen::Hole(Filling::Output(own, output.clone())),
                name.len() - 2,
            )),
            Some(output) => {
                self.fault(no_output(&own, output, &outputs), place);
                None
            }
            None => Some((
                Seen::Hole(Filling::Resource(Whole {
                    address: own,
                    outputs,
                })),
                0,
            )),
        }
    }

    pub(crate) fn outputs_of(&self, kind: &str) -> Vec<String> {
        self.vocabulary
            .outputs(kind)
            .iter()
            .map(|&name| name.to_owned())
            .collect()
    }

    /// Into a value, as far as the path leads.
    fn walk(&mut self, node: Node, home: ScopeId, rest: &[String], place: Span) -> Found {
        match (&node.is, rest) {
            (Is::Table(table), [next, after @ ..]) if table.contains_key(next) => {
                let (_, inner) = table.get(next)?;
                self.walk(inner.clone(), home, after, place)
            }
            (Is::String(text), [_, ..]) if Address::from_reference(text).is_some() => {
                let address = Address::from_reference(text)?;
                let scope = self.scope_at(&address.modules)?;
                let rest: Vec<String> = address.key.iter().chain(rest).cloned().collect();
                let (kind, name) = (address.kind.as_str(), address.name.as_str());
                let led = Led {
                    scope,
                    existing: address.existing,
                    kind,
                    name,
                    rest: &rest,
                };
                self.look_resource(&led, place)
            }
            _ if node.is_bad() => None,
            _ => Some((Seen::Node(node, home), rest.len())),
        }
    }

    fn look_resource(&mut self, led: &Led<'_>, place: Span) -> Found {
        let listing = self.listing(led.scope);
        let Some(decl) = listing.decl(led.existing, led.kind, led.name) else {
            self.no_such(led.scope, led.existing, led.kind, led.name, place);
            return None;
        };
        let mut address = Address::new(led.kind, led.name).within(&self.scopes[led.scope].path);
        address.existing = led.existing;
        match &*self.extent(led.scope, decl) {
            Extent::Bad => None,
            Extent::Off(when) => {
                self.switched_off(&address, *when, place);
                None
            }
            Extent::One => self.look_output(address, led, led.rest, place),
            Extent::Many(all) => match led.rest.split_first() {
                None => {
                    let outputs = self.outputs_of(led.kind);
                    let whole = |key: &String| Whole {
                        address: address.clone().keyed(key),
                        outputs: outputs.clone(),
                    };
                    let all = all.keys().map(|key| (key.clone(), whole(key))).collect();
                    Some((Seen::Hole(Filling::Resources(all)), 0))
                }
                Some((key, rest)) if all.contains_key(key) => {
                    self.look_output(address.keyed(key), led, rest, place)
                }
                Some((key, _)) => {
                    self.no_key(&address, key, all, place);
                    None
                }
            },
        }
    }

    fn look_output(
        &mut self,
        address: Address,
        led: &Led<'_>,
        rest: &[String],
        place: Span,
    ) -> Found {
        let outputs = self.outputs_of(led.kind);
        match rest {
            [] => Some((Seen::Hole(Filling::Resource(Whole { address, outputs })), 0)),
            [output, after @ ..] if outputs.contains(output) => Some((
                Seen::Hole(Filling::Output(address, output.clone())),
                after.len(),
            )),
            [property, child, output, after @ ..]
                if self.shape(led.kind).entry(property).is_keyed() =>
            {
                self.child_is_known(led, &address, property, child, place)?;
                let output = format!("{property}.{child}.{output}");
                Some((Seen::Hole(Filling::Output(address, output)), after.len()))
            }
            [output, ..] => {
                let mut fault = no_output(&address, output, &outputs);
                if self.shape(led.kind).properties().contains(output) {
                    fault = fault.help(format!(
                        "`{output}` is written in TOML: share it through a variable; outputs are {}",
                        guess::list(&outputs)
                    ));
                }
                self.fault(fault, place);
                None
            }
        }
    }

    /// Whether a resource says anything of a child with this name.
    fn child_is_known(
        &mut self,
        led: &Led<'_>,
        address: &Address,
        property: &str,
        child: &str,
        place: Span,
    ) -> Option<()> {
        let listing = self.listing(led.scope);
        let decl = listing.decl(led.existing, led.kind, led.name)?;
        // Where an expression makes the children, their names are not written anywhere.
        let children = decl
            .table
            .get(property)
            .map(|children| (children.as_table(), children));
        let names: Vec<&str> = match children {
            Some((None, _)) => return Some(()),
            Some((Some(table), _)) if table.contains_key(child) => return Some(()),
            Some((Some(table), _)) => table.keys().map(String::as_str).collect(),
            None => Vec::new(),
        };
        let text = format!("`{address}` has no `{child}` in `{property}`");
        self.tell(Diagnostic::error(place, text).maybe(guess::help(child, names)));
        None
    }

    fn look_module(&mut self, scope: ScopeId, module: &str, rest: &[String], place: Span) -> Found {
        let children = self.children(scope, module, place)?;
        let (child, rest) = match (&*children, rest) {
            (Children::Bad, _) => return None,
            (Children::Off(when), _) => {
                self.switched_off(&Address::new("module", module), *when, place);
                return None;
            }
            (Children::One(child), rest) => (*child, rest),
            (Children::Many(all), [key, rest @ ..]) if all.contains_key(key) => (all[key], rest),
            (Children::Many(all), rest) => {
                self.no_module_key(module, rest.first().map_or("", String::as_str), all, place);
                return None;
            }
        };
        let Some((output, rest)) = rest.split_first() else {
            return self.too_short(&["module".to_owned(), module.to_owned()], place);
        };
        let node = self.module_output(child, output, place)?;
        let named = node.as_str().and_then(|text| self.alias(child, text));
        match named {
            Some(parts) => {
                let name: Vec<String> = parts.iter().chain(rest).cloned().collect();
                self.look_from(child, &name, place)
            }
            None => self.walk(node, child, rest, place),
        }
    }

    /// An output that is another name for an address of its module.
    pub(crate) fn alias(&self, scope: ScopeId, text: &str) -> Option<Vec<String>> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let listing = self.listing(scope);
        let is_alias = match parts.as_slice() {
            [word, module, ..] if word == "module" => listing.modules.contains_key(module),
            [word, kind, name, ..] if word == "existing" => {
                listing.decl(true, kind, name).is_some()
            }
            [kind, name, ..] => listing.decl(false, kind, name).is_some(),
            _ => false,
        };
        is_alias.then_some(parts)
    }
}
