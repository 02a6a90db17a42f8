//! What the forms of a distribution are made with: a form is one part of it, written one way, from the
//! TOML as from AWS. Whatever is as AWS has it anyway is left out of a form.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mark::digest;
use terrace_core::said::Said;

/// Writes forms from the TOML, where some words may be known later.
#[derive(Debug, Default)]
pub(super) struct Pen {
    later: Option<String>,
}

impl Pen {
    /// The text of one side, or the words for what is still open.
    pub(super) fn text(&mut self, said: &Said) -> String {
        match said {
            Said::Value(Value::String(text)) => text.clone(),
            Said::Later(what) => {
                self.later.get_or_insert_with(|| what.clone());
                said.text()
            }
            Said::Nothing | Said::Value(_) => said.text(),
        }
    }

    /// The same of what may be left out.
    pub(super) fn maybe(&mut self, said: Option<Said>) -> Option<String> {
        said.map(|said| self.text(&said))
    }

    /// An error if something was open: hands write only when all is known.
    pub(super) fn settled(self, action: &str) -> Result<()> {
        match self.later {
            None => Ok(()),
            Some(what) => {
                let message = format!("not known yet: {what}");
                Err(CloudError::new(action, ErrorClass::Invalid, message))
            }
        }
    }
}

/// A text that may be a password: compared by a fingerprint, shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hidden(pub(super) String);

impl Hidden {
    fn fingerprint(&self) -> String {
        format!("#{}", &digest(&[&self.0])[..8])
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.fingerprint())
    }
}

/// Texts by key that are not shown.
pub(super) type HiddenTexts = BTreeMap<String, Hidden>;

/// A text that is not empty: CloudFront writes "" for what is not set.
pub(super) fn some(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
