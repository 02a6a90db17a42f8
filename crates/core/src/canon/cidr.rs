//! Ranges of IPv4 addresses.

use std::fmt;
use std::str::FromStr;

use ipnet::Ipv4Net;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A range of IPv4 addresses, such as `10.0.0.0/16`. Written with its first address: AWS masks the
/// rest away, so anything else would differ from what is live for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr4(Ipv4Net);

impl Cidr4 {
    /// The length of its prefix: 16 in `10.0.0.0/16`.
    pub fn bits(&self) -> u8 {
        self.0.prefix_len()
    }

    /// Whether it shares an address with another.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.contains(&other.0) || other.0.contains(&self.0)
    }

    /// Whether all of another lies in it.
    pub fn holds(&self, other: &Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl fmt::Display for Cidr4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Cidr4 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net: Ipv4Net = text.parse().map_err(|_| {
            format!("`{text}` is no range of IPv4 addresses; one reads like \"10.0.0.0/16\"")
        })?;
        if net.trunc() != net {
            return Err(format!(
                "`{text}` is not the first address of its range: write \"{}\"",
                net.trunc()
            ));
        }
        Ok(Self(net))
    }
}

impl Serialize for Cidr4 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr4 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Cidr4 {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        super::schema_name("Cidr4")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        super::text_schema("A range of IPv4 addresses.", &["10.0.0.0/16"])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_range_is_written_one_way() {
        let error = "10.0.0.7/24".parse::<Cidr4>().unwrap_err();
        assert!(error.ends_with("write \"10.0.0.0/24\""), "{error}");
        assert!("10.0.0.0".parse::<Cidr4>().is_err());
        assert!("fd00::/8".parse::<Cidr4>().is_err());
    }

    #[test]
    fn ranges_overlap_when_one_holds_the_other() {
        let cidr = |text: &str| text.parse::<Cidr4>().unwrap();
        assert!(cidr("10.0.0.0/16").overlaps(&cidr("10.0.4.0/24")));
        assert!(cidr("10.0.0.0/16").holds(&cidr("10.0.4.0/24")));
        assert!(!cidr("10.0.4.0/24").holds(&cidr("10.0.0.0/16")));
        assert!(!cidr("10.0.0.0/24").overlaps(&cidr("10.0.1.0/24")));
    }
}
