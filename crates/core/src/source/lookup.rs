//! Names in expressions: where each leads.

use indexmap::IndexMap;
use minijinja::Value;

use super::diagnostic::Diagnostic;
use super::environment::unknown_of_stack;
use super::guess;
use super::later::{Filling, Whole, no_output};
use super::node::{Is, Node};
use super::span::Span;
use super::world::{Children, Cx, Extent, ScopeId, World};
use crate::address::Address;

/// Where a name leads: a place in the expression's context, and what stands there.
pub(crate) enum Seen {
    /// A value.
    Known(Vec<String>, Value),
    /// A value that was read before, and the scope in which it was written.
    Node(Vec<String>, Node, ScopeId),
    /// Nothing: an optional input that was not given.
    None(Vec<String>),
    /// What a resource will say.
    Hole(Vec<String>, Filling),
}

/// A resource that a name leads to.
pub(crate) struct Led<'a> {
    pub(crate) scope: ScopeId,
    pub(crate) existing: bool,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    /// A key that the path does not show, since another name stands for the address.
    pub(crate) key: Option<&'a str>,
    /// What is left of the path.
    pub(crate) rest: &'a [String],
}

impl World<'_> {
    pub(crate) fn stack_value(&self) -> Value {
        let known = self.stack.iter().filter(|(_, value)| !value.is_undefined());
        Value::from_pairs(known.map(|(name, value)| (name.as_str(), value.clone())))
    }

    pub(crate) fn variables_value(&self) -> Value {
        Value::from_pairs(self.variables.clone())
    }

    /// Where a name leads; `None`: nowhere, and told.
    pub(crate) fn look(&mut self, cx: &Cx, name: &[String], at: Span) -> Option<Seen> {
        let place = self.files.sources.narrow(at, &name.join("."));
        let root = self.scopes[cx.scope].caller.is_none();
        let head = vec![name[0].clone()];
        match (name[0].as_str(), name.get(1)) {
            ("stack", _) => {
                if let Some(diagnostic) = unknown_of_stack(name, &self.stack, at, self.files) {
                    self.tell(diagnostic);
                    return None;
                }
                Some(Seen::Known(head, self.stack_value()))
            }
            ("var", variable) if root => self.look_variable(variable, name, place),
            ("stage", None) if root && self.stage.is_some() => {
                Some(Seen::Known(head, Value::from(self.stage.clone())))
            }
            ("each", part) => self.look_each(cx, part.map(String::as_str), name, place),
            ("input", Some(input)) if !root => {
                let path = vec![name[0].clone(), input.clone()];
                let found = self.input(cx.scope, input, place)?;
                match &found.node {
                    Some(node) => self.walk(node.clone(), found.home, path, &name[2..], place),
                    None => Some(Seen::None(path)),
                }
            }
            ("self", _) => self.look_self(cx, name, place),
            ("module", Some(module)) => self.look_module(cx.scope, module, name, place),
            ("existing", Some(kind)) => {
                let Some(existing) = name.get(2) else {
                    return self.too_short(name, place);
                };
                let led = Led {
                    scope: cx.scope,
                    existing: true,
                    kind,
                    name: existing,
                    key: None,
                    rest: &name[3..],
                };
                self.look_resource(&led, name[..3].to_vec(), place)
            }
            (kind, Some(resource)) if self.vocabulary.kinds().contains(&kind) => {
                let led = Led {
                    scope: cx.scope,
                    existing: false,
                    kind,
                    name: resource,
                    key: None,
                    rest: &name[2..],
                };
                self.look_resource(&led, name[..2].to_vec(), place)
            }
            (kind, None) if self.vocabulary.kinds().contains(&kind) => self.too_short(name, place),
            _ => self.unknown(cx, name, place),
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

    fn look_variable(
        &mut self,
        variable: Option<&String>,
        name: &[String],
        place: Span,
    ) -> Option<Seen> {
        if let Some(variable) = variable {
            match self.variables.get(variable) {
                // Its own expression failed.
                Some(value) if value.is_undefined() => return None,
                Some(_) => {}
                None => {
                    let help = guess::close(variable, self.variables.keys().map(String::as_str))
                        .map_or_else(
                            || format!("give it a default in [variables]: {variable} = .."),
                            |close| format!("did you mean `var.{close}`?"),
                        );
                    let text = format!("there is no variable `{variable}`");
                    self.tell(Diagnostic::error(place, text).help(help));
                    return None;
                }
            }
        }
        Some(Seen::Known(vec![name[0].clone()], self.variables_value()))
    }

    fn look_each(
        &mut self,
        cx: &Cx,
        part: Option<&str>,
        name: &[String],
        place: Span,
    ) -> Option<Seen> {
        let Some(each) = cx.each.clone() else {
            let diagnostic = Diagnostic::error(
                place,
                "`each` is known only inside something with `for_each`",
            );
            self.tell(diagnostic.help("add `for_each` to this table, or write the value out"));
            return None;
        };
        match part {
            Some("key") => Some(Seen::Known(
                name[..2].to_vec(),
                Value::from(each.key.as_str()),
            )),
            Some("value") => self.walk(
                each.value.clone(),
                each.home,
                name[..2].to_vec(),
                &name[2..],
                place,
            ),
            _ => {
                let text = format!("there is no `{}`", name.join("."));
                self.tell(
                    Diagnostic::error(place, text).help("`each` has `each.key` and `each.value`"),
                );
                None
            }
        }
    }

    fn look_self(&mut self, cx: &Cx, name: &[String], place: Span) -> Option<Seen> {
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
            Some(output) if outputs.contains(output) => Some(Seen::Hole(
                name[..2].to_vec(),
                Filling::Output(own, output.clone()),
            )),
            Some(output) => {
                self.fault(no_output(&own, output, &outputs), place);
                None
            }
            None => Some(Seen::Hole(
                name.to_vec(),
                Filling::Resource(Whole {
                    address: own,
                    outputs,
                }),
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
    fn walk(
        &mut self,
        node: Node,
        home: ScopeId,
        mut path: Vec<String>,
        rest: &[String],
        place: Span,
    ) -> Option<Seen> {
        match (&node.is, rest) {
            (Is::Bad, _) => None,
            (Is::Table(table), [next, after @ ..]) if table.contains_key(next) => {
                let (_, inner) = table.get(next)?;
                path.push(next.clone());
                self.walk(inner.clone(), home, path, after, place)
            }
            (Is::String(text), [_, ..]) if Address::from_reference(text).is_some() => {
                let address = Address::from_reference(text)?;
                self.look_address(&address, rest, path, place)
            }
            _ if node.is_bad() => None,
            _ => Some(Seen::Node(path, node, home)),
        }
    }

    /// The output of a resource whose address is known.
    fn look_address(
        &mut self,
        address: &Address,
        rest: &[String],
        path: Vec<String>,
        place: Span,
    ) -> Option<Seen> {
        let scope = self.scope_at(&address.modules)?;
        let (kind, name) = (address.kind.as_str(), address.name.as_str());
        let led = Led {
            scope,
            existing: address.existing,
            kind,
            name,
            key: address.key.as_deref(),
            rest,
        };
        self.look_resource(&led, path, place)
    }

    pub(crate) fn look_resource(
        &mut self,
        led: &Led<'_>,
        path: Vec<String>,
        place: Span,
    ) -> Option<Seen> {
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
            Extent::One => self.look_output(address, led, led.rest, path, place),
            Extent::Many(all) => match (led.key, led.rest.split_first()) {
                (Some(key), _) if all.contains_key(key) => {
                    self.look_output(address.keyed(key), led, led.rest, path, place)
                }
                (Some(key), _) => {
                    self.no_key(&address, key, all, place);
                    None
                }
                (None, None) => {
                    let outputs = self.outputs_of(led.kind);
                    let wholes = all.keys().map(|key| {
                        (
                            key.clone(),
                            Whole {
                                address: address.clone().keyed(key),
                                outputs: outputs.clone(),
                            },
                        )
                    });
                    Some(Seen::Hole(path, Filling::Resources(wholes.collect())))
                }
                (None, Some((key, rest))) if all.contains_key(key) => {
                    let path = path.into_iter().chain([key.clone()]).collect();
                    self.look_output(address.keyed(key), led, rest, path, place)
                }
                (None, Some((key, _))) => {
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
        mut path: Vec<String>,
        place: Span,
    ) -> Option<Seen> {
        let outputs = self.outputs_of(led.kind);
        match rest {
            [] => Some(Seen::Hole(
                path,
                Filling::Resource(Whole { address, outputs }),
            )),
            [output, ..] if outputs.contains(output) => {
                path.push(output.clone());
                Some(Seen::Hole(path, Filling::Output(address, output.clone())))
            }
            [property, child, output, ..] if self.shape(led.kind).entry(property).is_keyed() => {
                let listing = self.listing(led.scope);
                let decl = listing.decl(led.existing, led.kind, led.name)?;
                let children = decl.table.get(property).and_then(Node::as_table);
                if children.is_some_and(|children| !children.contains_key(child)) {
                    let names = children
                        .map(|children| children.keys().map(String::as_str).collect::<Vec<_>>());
                    let text = format!("`{address}` has no `{child}` in `{property}`");
                    let help = names.and_then(|names| guess::help(child, names.iter().copied()));
                    self.tell(Diagnostic::error(place, text).maybe(help));
                    return None;
                }
                path.extend(rest[..3].iter().cloned());
                Some(Seen::Hole(
                    path,
                    Filling::Output(address, format!("{property}.{child}.{output}")),
                ))
            }
            [output, ..] => {
                let mut fault = no_output(&address, output, &outputs);
                if self.shape(led.kind).properties().contains(&output.as_str()) {
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

    fn look_module(
        &mut self,
        scope: ScopeId,
        module: &str,
        name: &[String],
        place: Span,
    ) -> Option<Seen> {
        let children = self.children(scope, module, place)?;
        let (child, used) = match (&*children, name.get(2)) {
            (Children::Bad, _) => return None,
            (Children::Off(when), _) => {
                self.switched_off(&Address::new("module", module), *when, place);
                return None;
            }
            (Children::One(child), _) => (*child, 2),
            (Children::Many(all), Some(key)) if all.contains_key(key) => (*all.get(key)?, 3),
            (Children::Many(all), key) => {
                let keys: IndexMap<String, ()> = all.keys().map(|key| (key.clone(), ())).collect();
                self.no_key(
                    &Address::new("module", module),
                    key.map_or("", String::as_str),
                    &keys,
                    place,
                );
                return None;
            }
        };
        let Some(output) = name.get(used) else {
            return self.too_short(name, place);
        };
        let node = self.module_output(child, output, place)?;
        let (path, rest) = (name[..=used].to_vec(), &name[used + 1..]);
        let named = node.as_str().and_then(|text| self.alias(child, text));
        match named {
            Some(parts) => {
                let existing = parts[0] == "existing";
                let parts = &parts[usize::from(existing)..];
                let key = parts.get(2).map(String::as_str);
                let led = Led {
                    scope: child,
                    existing,
                    kind: &parts[0],
                    name: &parts[1],
                    key,
                    rest,
                };
                self.look_resource(&led, path, place)
            }
            None => self.walk(node, child, path, rest, place),
        }
    }

    /// An output that is another name for an address of its module.
    pub(crate) fn alias(&self, scope: ScopeId, text: &str) -> Option<Vec<String>> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        let existing = usize::from(parts[0] == "existing");
        let (kind, name) = (parts.get(existing)?, parts.get(existing + 1)?);
        self.listing(scope)
            .decl(existing == 1, kind, name)
            .map(|_| parts)
    }
}
