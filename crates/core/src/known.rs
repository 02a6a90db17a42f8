//! What is known of other resources while one is compared, made or changed.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::address::Address;
use crate::error::{CloudError, ErrorClass, Result};
use crate::kind::Outputs;
use crate::reference::{Id, Ref, Reference};
use crate::said::Said;

/// The outputs of all resources, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Known {
    outputs: HashMap<Address, Arc<Outputs>>,
}

impl Known {
    /// Puts in all that is known of a resource. What it held of it before is forgotten.
    pub fn put(&mut self, address: Address, outputs: Outputs) {
        self.outputs.insert(address, Arc::new(outputs));
    }

    /// Forgets a resource: its outputs are later.
    pub fn forget(&mut self, address: &Address) {
        self.outputs.remove(address);
    }

    /// The same of these resources alone.
    #[must_use]
    pub fn only<'a>(&self, addresses: impl IntoIterator<Item = &'a Address>) -> Self {
        let mut some = Self::default();
        for address in addresses {
            if let Some(outputs) = self.outputs.get(address) {
                some.outputs.insert(address.clone(), Arc::clone(outputs));
            }
        }
        some
    }

    /// An output, if it is known.
    pub fn get(&self, address: &Address, output: &str) -> Option<&Value> {
        self.outputs.get(address)?.get(output)
    }

    /// All that is known of a resource.
    pub fn all(&self, address: &Address) -> Option<&Outputs> {
        self.outputs.get(address).map(AsRef::as_ref)
    }

    /// The id of what a reference names, as one side of a comparison.
    pub fn id<T: ?Sized>(&self, reference: &Ref<T>) -> Said {
        self.output(reference, "id")
    }

    /// The ids of several, without order.
    pub fn ids<'a, T: ?Sized + 'a>(
        &self,
        references: impl IntoIterator<Item = &'a Ref<T>>,
    ) -> Said {
        Said::all(references.into_iter().map(|reference| self.id(reference)))
    }

    /// An output of what a reference names. A literal is its own id, ARN and name.
    pub fn output<T: ?Sized>(&self, reference: &Ref<T>, output: &str) -> Said {
        match reference.names() {
            Reference::Literal(text) => Said::of(text),
            Reference::Address(address) => match self.get(address, output) {
                Some(value) => Said::Value(value.clone()),
                None => Said::Later(format!("known after {address}")),
            },
        }
    }

    /// The id of what a reference names. Hands call it: by then it exists.
    pub fn need<T: ?Sized>(&self, reference: &Ref<T>) -> Result<Id<T>> {
        self.need_output(reference, "id").map(Id::new)
    }

    /// The ids of several, in their order.
    pub fn need_all<T: ?Sized>(&self, references: &[Ref<T>]) -> Result<Vec<String>> {
        references
            .iter()
            .map(|r| self.need(r).map(String::from))
            .collect()
    }

    /// A textual output of what a reference names. Hands call it: by then it exists.
    pub fn need_output<T: ?Sized>(&self, reference: &Ref<T>, output: &str) -> Result<String> {
        match self.output(reference, output) {
            Said::Value(Value::String(text)) => Ok(text),
            Said::Value(other) => Ok(other.to_string()),
            Said::Nothing | Said::Later(_) => Err(CloudError::new(
                "terrace:resolve",
                ErrorClass::Invalid,
                format!("`{}` has no `{output}` yet", reference.names()),
            )),
        }
    }
}
