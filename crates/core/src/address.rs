//! An address: the name of a resource in TOML, in its mark and in every line that is printed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A module on the way to a resource: `web`, or `web.eu` of a module with `for_each`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// The module's name.
    pub name: String,
    /// Its key, if it has `for_each`.
    pub key: Option<String>,
}

/// The name of a resource: `kind.name`, `kind.name.key`, `module/kind.name`, `existing.kind.name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The modules that hold it, outermost first.
    pub modules: Vec<Segment>,
    /// Looked up, not ours.
    pub existing: bool,
    /// Its kind.
    pub kind: String,
    /// Its name in the file.
    pub name: String,
    /// Its key, if it has `for_each`.
    pub key: Option<String>,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address: write `kind.name`, `kind.name.key` or `module/kind.name`")]
pub struct NotAnAddress(String);

impl Address {
    /// `kind.name`, outside of all modules.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            modules: Vec::new(),
            existing: false,
            kind: kind.into(),
            name: name.into(),
            key: None,
        }
    }

    /// The same with a key of its `for_each`.
    #[must_use]
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same inside these modules.
    #[must_use]
    pub fn within(mut self, modules: &[Segment]) -> Self {
        self.modules = modules.to_vec();
        self
    }

    /// The same without its key: what stands in the file's header.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self {
            key: None,
            ..self.clone()
        }
    }

    /// Whether another is this one or a part of it: `volume.data` covers `volume.data.sdf`, and
    /// `module.network` all that stands in it.
    pub fn covers(&self, other: &Self) -> bool {
        if self.kind == "module" {
            let first: Option<&Segment> = other.modules.get(self.modules.len());
            return other.modules.starts_with(&self.modules)
                && first.is_some_and(|first| {
                    first.name == self.name && (self.key.is_none() || self.key == first.key)
                });
        }
        other == self || (self.key.is_none() && other.whole() == *self)
    }

    /// How a resolved reference is written in a rendered table: `/kind.name`. The slash tells it from AWS's own ids.
    pub fn reference(&self) -> String {
        format!("/{self}")
    }

    /// Reads what [`Address::reference`] wrote; `None` for a literal id, ARN or range.
    pub fn from_reference(text: &str) -> Option<Self> {
        text.strip_prefix('/').and_then(|rest| rest.parse().ok())
    }
}

/// Whether a text may name a resource, a module, a variable: `[a-z][a-z0-9_]*`.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a text may be a key of `for_each`: `[A-Za-z0-9_-]+`.
pub fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.key.iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.modules
            .iter()
            .try_for_each(|segment| write!(f, "{segment}/"))?;
        if self.existing {
            f.write_str("existing.")?;
        }
        write!(f, "{}.{}", self.kind, self.name)?;
        self.key.iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

impl FromStr for Segment {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (name, key) = match text.split_once('.') {
            Some((name, key)) => (name, Some(key)),
            None => (text, None),
        };
        if is_name(name) && key.is_none_or(is_key) {
            return Ok(Self {
                name: name.to_owned(),
                key: key.map(str::to_owned),
            });
        }
        Err(NotAnAddress(text.to_owned()))
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let wrong = || NotAnAddress(text.to_owned());
        let (path, last) = text
            .rsplit_once('/')
            .map_or((None, text), |(path, last)| (Some(path), last));
        let modules = path.map_or(Ok(Vec::new()), |path| {
            path.split('/').map(str::parse).collect()
        });
        let (existing, last) = last
            .strip_prefix("existing.")
            .map_or((false, last), |rest| (true, rest));
        let mut parts = last.splitn(3, '.');
        let (kind, name, key) = (parts.next(), parts.next(), parts.next());
        let kind = kind.filter(|kind| is_name(kind)).ok_or_else(wrong)?;
        let name = name.filter(|name| is_name(name)).ok_or_else(wrong)?;
        if !key.is_none_or(is_key) {
            return Err(wrong());
        }
        Ok(Self {
            modules: modules.map_err(|_: NotAnAddress| wrong())?,
            existing,
            kind: kind.to_owned(),
            name: name.to_owned(),
            key: key.map(str::to_owned),
        })
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
