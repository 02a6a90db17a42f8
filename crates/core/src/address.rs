//! stub
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
/// a
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /** a */
    pub modules: Vec<String>,
    /** a */
    pub existing: bool,
    /** a */
    pub kind: String,
    /** a */
    pub name: String,
    /** a */
    pub key: Option<String>,
}
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for m in &self.modules {
            write!(f, "{m}/")?;
        }
        if self.existing {
            f.write_str("existing.")?;
        }
        write!(f, "{}.{}", self.kind, self.name)?;
        if let Some(k) = &self.key {
            write!(f, ".{k}")?;
        }
        Ok(())
    }
}
impl FromStr for Address {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let mut modules: Vec<String> = s.split('/').map(str::to_owned).collect();
        let last = modules.pop().unwrap_or_default();
        let (existing, last) = match last.strip_prefix("existing.") {
            Some(r) => (true, r.to_owned()),
            None => (false, last),
        };
        let mut parts = last.splitn(3, '.');
        let (Some(kind), Some(name)) = (parts.next(), parts.next()) else {
            return Err(format!("`{s}` is not an address"));
        };
        Ok(Self {
            modules,
            existing,
            kind: kind.into(),
            name: name.into(),
            key: parts.next().map(Into::into),
        })
    }
}
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
