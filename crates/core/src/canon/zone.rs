//! Availability zones.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::fields::Verdict;

/// A zone of the region: its letter (`a`), its name (`eu-west-3a`) or its id (`euw3-az1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Zone(String);

impl Zone {
    /// Its id, if it was given by id: the same place in every account.
    pub fn id(&self) -> Option<&str> {
        self.0.contains("-az").then_some(self.0.as_str())
    }

    /// Its name in a region.
    pub fn in_region(&self, region: &str) -> String {
        match self.0.len() {
            1 => format!("{region}{}", self.0),
            _ => self.0.clone(),
        }
    }

    /// Whether the live zone, given by name and id, is this one; another one replaces.
    pub fn verdict(&self, name: &str, id: &str) -> Verdict {
        let same = match self.0.len() {
            1 => name.ends_with(&self.0),
            _ => self.0 == name || self.0 == id,
        };
        if same {
            Verdict::Same
        } else {
            Verdict::Replace
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let letter = text.len() == 1 && text.chars().all(|c| c.is_ascii_lowercase());
        let named = text.contains('-') && !text.contains(' ');
        if letter || named {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{text}` is no zone; write its letter: \"a\""))
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Zone {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        super::schema_name("Zone")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        super::text_schema("A zone of the region, by its letter.", &["a"])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_zone_has_three_spellings() {
        for text in ["a", "eu-west-3a", "euw3-az1"] {
            let zone: Zone = text.parse().unwrap();
            assert_eq!(
                zone.verdict("eu-west-3a", "euw3-az1"),
                Verdict::Same,
                "{text}"
            );
            assert_eq!(
                zone.verdict("eu-west-3b", "euw3-az2"),
                Verdict::Replace,
                "{text}"
            );
        }
        assert!("zone one".parse::<Zone>().is_err());
    }
}
