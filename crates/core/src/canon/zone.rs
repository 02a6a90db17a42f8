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

    /// Whether it can be a zone of a region. A name begins with the region's, and an id with its short form
    /// (AWS: "AZ IDs": `euw3-az1`, and of local zones `usw2-lax1-az1`).
    pub fn is_of(&self, region: &str) -> bool {
        match (self.0.len(), self.id()) {
            (1, _) => true,
            (_, None) => self.0.starts_with(region),
            (_, Some(id)) => short(region).is_none_or(|short| id.starts_with(&format!("{short}-"))),
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

/// A region as the ids of its zones have it: `eu-west-3` is `euw3`, `ap-southeast-1` is `apse1`. Of names made
/// otherwise nothing is known.
fn short(region: &str) -> Option<String> {
    let mut parts = region.split('-');
    let mut short = parts.next()?.to_owned();
    for part in parts {
        short += match part {
            "gov" => "g",
            "north" => "n",
            "south" => "s",
            "east" => "e",
            "west" => "w",
            "central" => "c",
            "northeast" => "ne",
            "northwest" => "nw",
            "southeast" => "se",
            "southwest" => "sw",
            number if number.parse::<u8>().is_ok() => number,
            _ => return None,
        };
    }
    Some(short)
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
        let mut schema = super::text_schema("A zone of the region, by its letter.", &["a"]);
        schema.insert("x-zone".to_owned(), true.into());
        schema
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

    #[test]
    fn a_zone_is_of_one_region() {
        for (region, ours) in [
            ("eu-west-3", ["a", "eu-west-3c", "euw3-az1"]),
            ("us-west-2", ["a", "us-west-2-lax-1a", "usw2-lax1-az1"]),
            ("ap-southeast-1", ["b", "ap-southeast-1b", "apse1-az2"]),
            ("us-gov-east-1", ["a", "us-gov-east-1a", "usge1-az3"]),
        ] {
            for zone in ours {
                let zone: Zone = zone.parse().unwrap();
                assert!(zone.is_of(region), "{zone} in {region}");
                let elsewhere = zone.0.len() > 1 && zone.is_of("us-east-1");
                assert!(!elsewhere, "{zone} in us-east-1");
            }
        }
        let zone: Zone = "euw3-az1".parse().unwrap();
        assert!(zone.is_of("us-iso-east-1"), "nothing is known of its ids");
    }
}
