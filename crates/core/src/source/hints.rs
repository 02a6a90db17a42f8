//! What is not wrong, and perhaps not meant.

use super::diagnostic::Diagnostic;
use super::node::{Is, Node};
use super::shape::Shape;
use super::stack::Stack;
use super::world::World;
use crate::hashed::HashMap;

/// Looks for text that names a resource and makes no edge.
pub(crate) fn hints(world: &mut World<'_>, stack: &Stack) {
    let mut addresses: HashMap<String, String> = HashMap::default();
    let mut names: HashMap<String, String> = HashMap::default();
    for (address, resource) in &stack.resources {
        if address.modules.is_empty() {
            addresses.insert(address.to_string(), format!("{{{{ {address}.id }}}}"));
        }
        let name = resource.table.get("name");
        // A domain name is shared on purpose: records, certificates and aliases say it in turn.
        if let Some(text) = name
            .and_then(Node::as_str)
            .filter(|text| text.len() > 3 && !text.contains('.'))
        {
            names.insert(text.to_owned(), address.to_string());
        }
    }
    for (address, resource) in &stack.resources {
        let shape = world.shape(&resource.kind);
        let mut look = Look {
            addresses: &addresses,
            names: &names,
            own: address.to_string(),
            found: Vec::new(),
        };
        for (property, (_, value)) in resource.table.as_table().into_iter().flatten() {
            if property != "name" {
                look.at(value, &shape.entry(property));
            }
        }
        let found = look.found;
        let literal = |one: &Diagnostic| {
            one.at
                .is_some_and(|at| !world.files.sources.text(at).contains("{{"))
        };
        let found: Vec<Diagnostic> = found.into_iter().filter(literal).collect();
        world.told.extend(found);
    }
}

struct Look<'a> {
    addresses: &'a HashMap<String, String>,
    names: &'a HashMap<String, String>,
    own: String,
    found: Vec<Diagnostic>,
}

impl Look<'_> {
    fn at(&mut self, node: &Node, shape: &Shape) {
        match &node.is {
            Is::String(text) if shape.refs().is_empty() => self.text(node, text),
            Is::Array(items) => items.iter().for_each(|item| self.at(item, &shape.items())),
            Is::Table(table) => table
                .iter()
                .for_each(|(key, (_, value))| self.at(value, &shape.entry(key))),
            _ => {}
        }
    }

    fn text(&mut self, node: &Node, text: &str) {
        if let Some(output) = self.addresses.get(text) {
            let diagnostic = Diagnostic::hint(
                node.at,
                format!("`{text}` is only text here: nothing waits for it"),
            );
            self.found
                .push(diagnostic.help(format!("write an output of it, such as \"{output}\"")));
        } else if let Some(address) = self.names.get(text).filter(|address| **address != self.own) {
            let diagnostic = Diagnostic::hint(
                node.at,
                format!("this is the name of `{address}`, and nothing waits for it"),
            );
            self.found
                .push(diagnostic.help(format!("write \"{{{{ {address}.name }}}}\"")));
        }
    }
}
