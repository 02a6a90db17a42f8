//! Names of the DNS.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// A DNS name, such as `www.example.com`: lower case, without the dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

impl DnsName {
    /// A name as AWS writes it: with its dot, `*` and others as octal escapes (`\052`).
    pub fn from_aws(text: &str) -> Self {
        Self(unescaped(text).trim_end_matches('.').to_ascii_lowercase())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as AWS's calls want it: with its dot.
    pub fn dotted(&self) -> String {
        format!("{}.", self.0)
    }
}

/// `\052` is `*`: three octal digits after a backslash are a character.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        if let Some(code) = code {
            plain.push(char::from(code));
            rest = &after[3..];
        } else {
            plain.push('\\');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DnsName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = Self::from_aws(text);
        let label = |label: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_*".contains(c);
            (1..=63).contains(&label.len()) && label.chars().all(fits)
        };
        if name.0.len() <= 253 && name.0.split('.').all(label) {
            return Ok(name);
        }
        Err(format!(
            "`{text}` is no DNS name; one reads like \"www.example.com\""
        ))
    }
}

impl Serialize for DnsName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DnsName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl JsonSchema for DnsName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        super::schema_name("DnsName")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        super::text_schema("A DNS name.", &["www.example.com"])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_written_one_way() {
        for text in ["*.Example.com", "*.example.com.", "\\052.example.com."] {
            let name: DnsName = text.parse().unwrap();
            assert_eq!(name.as_str(), "*.example.com", "{text}");
            assert_eq!(name.dotted(), "*.example.com.");
        }
        assert_eq!(DnsName::from_aws("a\\b.c.").as_str(), "a\\b.c");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "a b.c", "a..b", &"a".repeat(64)] {
            assert!(text.parse::<DnsName>().is_err(), "{text}");
        }
    }
}
