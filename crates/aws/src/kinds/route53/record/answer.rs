//! What a record answers: canonical values, and the sets that one name and type is made of.

use std::net::Ipv6Addr;

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{
    AliasTarget, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover,
    ResourceRecordSetRegion, RrType,
};
use serde::Serialize;
use serde_json::{Value, json};
use terrace_core::canon::DnsName;

/// One set of the record: all of it if it is simple, else one way among several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Set {
    /// The key in TOML, AWS's `SetIdentifier`; none if it is simple.
    pub key: Option<String>,
    /// What it answers.
    pub to: To,
    /// When it answers.
    pub route: Route,
    /// For how many seconds others may remember it; an alias has none.
    pub ttl: Option<u64>,
    /// What tells whether it works.
    pub health_check: Option<String>,
}

/// What a set answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum To {
    /// These values, in order of the alphabet.
    Values(Vec<String>),
    /// Whatever another name of AWS's answers at that time.
    Alias {
        name: String,
        zone: String,
        health: bool,
    },
}

/// When a set is the one that answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Route {
    Simple,
    Weighted(i64),
    Latency(String),
    Failover(String),
    /// A way that terrace has no word for, by its own words.
    Other(String),
}

impl Route {
    /// The property it stands in.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::Weighted(_) => "weighted",
            Self::Latency(_) => "latency",
            Self::Failover(_) => "failover",
            Self::Simple | Self::Other(_) => "target",
        }
    }
}

impl To {
    /// Every address or name in it.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Values(values) => values.iter().map(String::as_str).collect(),
            Self::Alias { name, .. } => vec![name],
        }
    }

    /// As one side of a comparison: one value is a text, several are a list.
    pub(super) fn said(&self) -> Value {
        match self.names().as_slice() {
            [one] => json!(one),
            names => json!(names),
        }
    }
}

impl Set {
    /// Reads a set as AWS writes it.
    pub(super) fn read(raw: &ResourceRecordSet) -> Self {
        let to = if let Some(alias) = &raw.alias_target {
            // The console writes load balancers with `dualstack.`; both names mean the same.
            let name = DnsName::from_aws(&alias.dns_name);
            To::Alias {
                name: name.as_str().trim_start_matches("dualstack.").to_owned(),
                zone: alias.hosted_zone_id.clone(),
                health: alias.evaluate_target_health,
            }
        } else {
            let records = raw.resource_records.iter().flatten();
            To::Values(sorted(
                records.map(|record| canonical(&raw.r#type, &record.value)),
            ))
        };
        let route = match (raw.weight, &raw.region, &raw.failover) {
            (Some(weight), ..) => Route::Weighted(weight),
            (_, Some(region), _) => Route::Latency(region.as_str().to_owned()),
            (_, _, Some(role)) => Route::Failover(role.as_str().to_ascii_lowercase()),
            _ if raw.set_identifier.is_none() => Route::Simple,
            _ => Route::Other(format!(
                "{:?} {:?}",
                raw.geo_location, raw.multi_value_answer
            )),
        };
        Self {
            key: raw.set_identifier.clone(),
            to,
            route,
            ttl: raw.ttl.map(i64::cast_unsigned),
            health_check: raw.health_check_id.clone(),
        }
    }

    /// Writes it as AWS wants it.
    pub(super) fn write(
        &self,
        name: &DnsName,
        kind: &RrType,
    ) -> Result<ResourceRecordSet, BuildError> {
        let mut set = ResourceRecordSet::builder()
            .name(name.dotted())
            .r#type(kind.clone())
            .set_set_identifier(self.key.clone())
            .set_ttl(self.ttl.map(u64::cast_signed))
            .set_health_check_id(self.health_check.clone());
        set = match &self.to {
            To::Values(values) => set.set_resource_records(Some(resource_records(kind, values)?)),
            To::Alias { name, zone, health } => set.alias_target(
                AliasTarget::builder()
                    .dns_name(name)
                    .hosted_zone_id(zone)
                    .evaluate_target_health(*health)
                    .build()?,
            ),
        };
        set = match &self.route {
            Route::Weighted(weight) => set.weight(*weight),
            Route::Latency(region) => set.region(ResourceRecordSetRegion::from(region.as_str())),
            Route::Failover(role) => {
                let role = role.to_ascii_uppercase();
                set.failover(ResourceRecordSetFailover::from(role.as_str()))
            }
            Route::Simple | Route::Other(_) => set,
        };
        set.build()
    }
}

/// Values as a call takes them.
pub(crate) fn resource_records(
    kind: &RrType,
    values: &[String],
) -> Result<Vec<ResourceRecord>, BuildError> {
    let record = |value: &String| {
        let value = if is_text(kind) {
            quoted(value)
        } else {
            value.clone()
        };
        ResourceRecord::builder().value(value).build()
    };
    values.iter().map(record).collect()
}

/// Values in canonical form and order.
pub(crate) fn sorted(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.into_iter().collect();
    values.sort();
    values.dedup();
    values
}

fn is_text(kind: &RrType) -> bool {
    matches!(kind, RrType::Txt | RrType::Spf)
}

/// A value written one way: addresses short, names in lower case without their dot, text without
/// quotes.
pub(crate) fn canonical(kind: &RrType, value: &str) -> String {
    let value = value.trim();
    match kind {
        RrType::Aaaa => {
            let address: Option<Ipv6Addr> = value.parse().ok();
            address.map_or_else(|| value.to_owned(), |address| address.to_string())
        }
        RrType::Cname | RrType::Ns | RrType::Ptr => DnsName::from_aws(value).to_string(),
        // Numbers, then a name.
        RrType::Mx | RrType::Srv => {
            let mut words: Vec<&str> = value.split_whitespace().collect();
            let name = DnsName::from_aws(words.pop().unwrap_or_default());
            words.push(name.as_str());
            words.join(" ")
        }
        kind if is_text(kind) => plain(value),
        _ => value.to_owned(),
    }
}

/// Text as Route 53 takes it: in quotes, 255 bytes at most in each pair of them.
fn quoted(text: &str) -> String {
    let mut chunks = vec![String::new()];
    let mut room = 255;
    for c in text.chars() {
        if c.len_utf8() > room {
            chunks.push(String::new());
            room = 255;
        }
        room -= c.len_utf8();
        if let Some(chunk) = chunks.last_mut() {
            if c == '"' || c == '\\' {
                chunk.push('\\');
            }
            chunk.push(c);
        }
    }
    let chunks: Vec<String> = chunks
        .into_iter()
        .map(|chunk| format!("\"{chunk}\""))
        .collect();
    chunks.join(" ")
}

/// The text in quotes, pieces joined; what is not in quotes is text already.
fn plain(value: &str) -> String {
    if value.len() < 2 || !value.starts_with('"') || !value.ends_with('"') {
        return value.to_owned();
    }
    let (mut text, mut inside) = (String::new(), false);
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => inside = !inside,
            '\\' => match rest.clone().take(3).collect::<String>() {
                octal if octal.len() == 3 && u8::from_str_radix(&octal, 8).is_ok() => {
                    rest.nth(2);
                    text.extend(u8::from_str_radix(&octal, 8).map(char::from));
                }
                _ => text.extend(rest.next()),
            },
            c if inside => text.push(c),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_are_written_one_way() {
        for (kind, said, is) in [
            (RrType::A, " 192.0.2.1", "192.0.2.1"),
            (RrType::Aaaa, "2001:DB8:0::1", "2001:db8::1"),
            (RrType::Cname, "Db.Example.com.", "db.example.com"),
            (RrType::Mx, "10  Mail.example.com.", "10 mail.example.com"),
            (RrType::Txt, "\"v=spf1 \" \"-all\"", "v=spf1 -all"),
            (RrType::Txt, "v=spf1 -all", "v=spf1 -all"),
            (RrType::Txt, r#""say \"hi\" \052""#, "say \"hi\" *"),
        ] {
            assert_eq!(canonical(&kind, said), is);
        }
    }

    #[test]
    fn text_comes_back() {
        for text in ["", "a \"b\" \\ c", &"é".repeat(300), &"x".repeat(600)] {
            let wire = quoted(text);
            assert_eq!(plain(&wire), text, "{wire}");
        }
        assert_eq!(quoted(&"x".repeat(300)).matches('"').count(), 4);
    }

    #[test]
    fn a_set_comes_back() {
        let name = DnsName::from_aws("*.example.com");
        let set = Set {
            key: Some("main".into()),
            to: To::Values(vec!["db.example.com".into()]),
            route: Route::Weighted(100),
            ttl: Some(5),
            health_check: None,
        };
        let raw = set.write(&name, &RrType::Cname).unwrap();
        assert_eq!(Set::read(&raw), set);
    }
}
