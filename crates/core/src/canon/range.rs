//! Ranges of addresses of either family.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A range of IPv4 or IPv6 addresses, such as `0.0.0.0/0` or `::/0`. Written with its first address:
/// AWS masks the rest away, so anything else would differ from what is live for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr(IpNet);

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(one) = text.parse::<IpAddr>() {
            let bits = if one.is_ipv4() { 32 } else { 128 };
            return Err(format!("`{text}` is one address: write \"{one}/{bits}\""));
        }
        let net: IpNet = text.parse().map_err(|_| {
            format!("`{text}` is no range of addresses; one reads like \"10.0.0.0/16\"")
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

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for Cidr {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        super::schema_name("Cidr")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        super::text_schema("A range of addresses.", &["0.0.0.0/0", "::/0"])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_families_are_written_one_way() {
        for (text, back) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8:0::/32", "2001:db8::/32"),
        ] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), back);
        }
        let one = "10.0.0.7".parse::<Cidr>().unwrap_err();
        assert!(one.ends_with("write \"10.0.0.7/32\""), "{one}");
        let inside = "10.0.0.7/24".parse::<Cidr>().unwrap_err();
        assert!(inside.ends_with("write \"10.0.0.0/24\""), "{inside}");
    }
}
