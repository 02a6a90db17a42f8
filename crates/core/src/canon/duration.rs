//! Spans of time.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A span of time with its unit: `60s`, `5m`, `8h`, `7d`. Kept in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u64);

const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

impl Duration {
    /// A span of so many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// A span of so many days.
    pub const fn days(days: u64) -> Self {
        Self(days * 86_400)
    }

    /// Its length in seconds.
    pub const fn as_seconds(self) -> u64 {
        self.0
    }

    /// Its length in whole days, if it is that.
    pub const fn as_days(self) -> Option<u64> {
        if self.0.is_multiple_of(86_400) {
            Some(self.0 / 86_400)
        } else {
            None
        }
    }

    /// Its length in seconds as AWS's calls take it.
    pub fn as_i32(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Seconds and minutes as people write them: "90s", but "5m" and "7d".
        let fits = UNITS
            .iter()
            .find(|(_, size)| self.0 != 0 && self.0.is_multiple_of(*size));
        let (unit, size) = fits.unwrap_or(&("s", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no span of time; one reads like \"60s\", \"5m\", \"8h\", \"7d\"")
        };
        for (unit, size) in UNITS {
            if let Some(number) = text.strip_suffix(unit) {
                let number: u64 = number.parse().map_err(|_| wrong())?;
                return number.checked_mul(size).map(Self).ok_or_else(wrong);
            }
        }
        Err(wrong())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What stands where a span should, in words.
pub(crate) const SPAN: &str = "a span of time";

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Span;

        impl Visitor<'_> for Span {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SPAN)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Span)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        super::schema_name("Duration")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]+[smhd]$" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_span_reads_back_in_its_largest_unit() {
        for (text, seconds, back) in [
            ("60s", 60, "1m"),
            ("90s", 90, "90s"),
            ("7d", 604_800, "7d"),
            ("0s", 0, "0s"),
        ] {
            let span: Duration = text.parse().unwrap();
            assert_eq!(
                (span.as_seconds(), span.to_string().as_str()),
                (seconds, back)
            );
        }
        assert!("60".parse::<Duration>().is_err());
        assert!("1w".parse::<Duration>().is_err());
    }
}
