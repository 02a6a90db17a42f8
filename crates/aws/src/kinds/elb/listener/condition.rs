//! Which requests a rule is for: as the TOML says it, and as AWS takes and shows it.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig,
    PathPatternConditionConfig, QueryStringConditionConfig, QueryStringKeyValuePair, RuleCondition,
    SourceIpConditionConfig,
};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Cidr;
use terrace_core::canon::policy::Words;
use terrace_core::kind::Objection;
use terrace_core::late::Late;

/// Which requests a rule is for: those that fit in every respect that is said here, in each of them by
/// one of the values. `*` stands for any text, `?` for one character.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// The path, or several: `"/api/*"`.
    #[serde(skip_serializing_if = "Words::is_empty")]
    #[schemars(schema_with = "texts")]
    pub path: Words,
    /// The host, or several: `"*.example.com"`.
    #[serde(skip_serializing_if = "Words::is_empty")]
    #[schemars(schema_with = "texts")]
    pub host: Words,
    /// The method, or several: `["GET", "HEAD"]`.
    #[serde(skip_serializing_if = "Words::is_empty")]
    #[schemars(schema_with = "texts")]
    pub methods: Words,
    /// Headers, each with its value or several: `{ user-agent = "*bot*" }`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(schema_with = "named_texts")]
    pub headers: IndexMap<String, Words>,
    /// Parts of the query, each with its value or several: `{ version = "2" }`.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(schema_with = "named_texts")]
    pub query: IndexMap<String, Words>,
    /// The range of addresses that it comes from, or several. Behind a proxy it is the proxy's.
    #[serde(skip_serializing_if = "Words::is_empty")]
    #[schemars(schema_with = "texts")]
    pub source: Words,
}

/// The schema of one text, or several.
fn texts(_: &mut SchemaGenerator) -> Schema {
    let text = json!({ "type": "string", "x-later": true });
    json_schema!({ "anyOf": [text, { "type": "array", "items": text }], "x-later": true })
}

/// The schema of texts by name.
fn named_texts(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": texts(generator) })
}

/// Values by what they are compared with: `path`, `header user-agent`.
pub(super) type Conditions = BTreeMap<String, Vec<String>>;

const HEADER: &str = "header ";
const QUERY: &str = "query ";

impl Match {
    /// Each respect by its name in [`Conditions`].
    fn parts(&self) -> Vec<(String, &Words)> {
        let plain = [
            ("path", &self.path),
            ("host", &self.host),
            ("methods", &self.methods),
            ("source", &self.source),
        ];
        let plain = plain.into_iter().filter(|(_, words)| !words.is_empty());
        let plain = plain.map(|(name, words)| (name.to_owned(), words));
        // The names of headers know no capitals (API reference, HttpHeaderConditionConfig).
        let headers = self.headers.iter();
        let headers =
            headers.map(|(name, words)| (format!("{HEADER}{}", name.to_lowercase()), words));
        let query = self.query.iter();
        let query = query.map(|(name, words)| (format!("{QUERY}{name}"), words));
        plain.chain(headers).chain(query).collect()
    }

    /// What is wanted, or the words for what is not known yet.
    pub(super) fn wanted(&self) -> Result<Conditions, String> {
        let mut wanted = Conditions::new();
        for (name, words) in self.parts() {
            let values: Result<Vec<&String>, String> = words.iter().map(Late::need).collect();
            let values = values?.into_iter().map(|value| canonical(&name, value));
            wanted.insert(name.clone(), sorted(values));
        }
        Ok(wanted)
    }

    /// What is wrong with it, at `path`.
    pub(super) fn check(&self, path: &str, wrong: &mut Vec<Objection>) {
        let parts = self.parts();
        if parts.is_empty() {
            let message = "it fits everything: that is the listener's own `action`";
            wrong.push(Objection::new(path, message));
        }
        let count: usize = parts.iter().map(|(_, words)| words.iter().count()).sum();
        if count > 5 {
            let message = "a rule compares with five values at most (a quota of AWS's)";
            wrong.push(Objection::new(path, message).help("make it two rules"));
        }
        let ranges = self.source.iter().filter_map(Late::known);
        for fault in ranges.filter_map(|range| range.parse::<Cidr>().err()) {
            wrong.push(Objection::new(format!("{path}.source"), fault));
        }
        for (name, words) in parts {
            if words.is_empty() {
                let field = name.trim_start_matches(HEADER).trim_start_matches(QUERY);
                let message = format!("`{field}` is compared with nothing");
                wrong.push(Objection::new(path, message));
            }
        }
    }
}

/// A value written one way: hosts know no capitals.
fn canonical(name: &str, value: &str) -> String {
    match name {
        "host" => value.to_lowercase(),
        _ => value.to_owned(),
    }
}

fn sorted(values: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.into_iter().collect();
    values.sort();
    values.dedup();
    values
}

/// Reads what AWS shows.
pub(super) fn read(raw: &[RuleCondition]) -> Conditions {
    let mut all = Conditions::new();
    for condition in raw {
        for (mut name, values) in read_one(condition) {
            let values = values.into_iter().map(|value| canonical(&name, &value));
            let values = sorted(values);
            // Two conditions of one name must both hold, which a table cannot say.
            while all.contains_key(&name) {
                name.push_str(" and");
            }
            all.insert(name, values);
        }
    }
    all
}

fn read_one(raw: &RuleCondition) -> Vec<(String, Vec<String>)> {
    let field = raw.field.clone().unwrap_or_default();
    let plain = || raw.values().to_vec();
    if !raw.regex_values().is_empty() {
        return vec![(
            format!("{field} by expression"),
            raw.regex_values().to_vec(),
        )];
    }
    let (name, values) = match field.as_str() {
        "path-pattern" => {
            let config = raw.path_pattern_config();
            (
                "path".to_owned(),
                config.map_or_else(plain, |config| config.values().to_vec()),
            )
        }
        "host-header" => {
            let config = raw.host_header_config();
            (
                "host".to_owned(),
                config.map_or_else(plain, |config| config.values().to_vec()),
            )
        }
        "http-request-method" => {
            let config = raw.http_request_method_config();
            (
                "methods".to_owned(),
                config.map_or_else(plain, |config| config.values().to_vec()),
            )
        }
        "source-ip" => {
            let config = raw.source_ip_config();
            (
                "source".to_owned(),
                config.map_or_else(plain, |config| config.values().to_vec()),
            )
        }
        "http-header" => {
            let config = raw.http_header_config();
            let name = config
                .and_then(|config| config.http_header_name())
                .unwrap_or_default();
            let values = config.map_or_else(plain, |config| config.values().to_vec());
            (format!("{HEADER}{}", name.to_lowercase()), values)
        }
        "query-string" => return read_query(raw),
        _ => (field, plain()),
    };
    vec![(name, values)]
}

/// One condition of AWS's holds if one of its pairs does; ours has one key each.
fn read_query(raw: &RuleCondition) -> Vec<(String, Vec<String>)> {
    let pairs = raw
        .query_string_config()
        .map(QueryStringConditionConfig::values);
    let pairs = pairs.unwrap_or_default();
    let key = |pair: &QueryStringKeyValuePair| pair.key.clone().unwrap_or_default();
    let mut keys: Vec<String> = pairs.iter().map(key).collect();
    keys.dedup();
    let values = pairs
        .iter()
        .map(|pair| pair.value.clone().unwrap_or_default());
    vec![(format!("{QUERY}{}", keys.join(" or ")), values.collect())]
}

/// Writes it as AWS takes it.
pub(super) fn write(conditions: &Conditions) -> Vec<RuleCondition> {
    conditions
        .iter()
        .map(|(name, values)| write_one(name, values))
        .collect()
}

fn write_one(name: &str, values: &[String]) -> RuleCondition {
    let (raw, values) = (RuleCondition::builder(), Some(values.to_vec()));
    if let Some(header) = name.strip_prefix(HEADER) {
        let config = HttpHeaderConditionConfig::builder().http_header_name(header);
        let raw = raw.field("http-header");
        return raw
            .http_header_config(config.set_values(values).build())
            .build();
    }
    if let Some(key) = name.strip_prefix(QUERY) {
        let pair = |value: String| {
            QueryStringKeyValuePair::builder()
                .key(key)
                .value(value)
                .build()
        };
        let pairs = values.map(|values| values.into_iter().map(pair).collect());
        let config = QueryStringConditionConfig::builder().set_values(pairs);
        return raw
            .field("query-string")
            .query_string_config(config.build())
            .build();
    }
    let raw = match name {
        "host" => {
            let config = HostHeaderConditionConfig::builder().set_values(values);
            raw.field("host-header").host_header_config(config.build())
        }
        "methods" => {
            let config = HttpRequestMethodConditionConfig::builder().set_values(values);
            raw.field("http-request-method")
                .http_request_method_config(config.build())
        }
        "source" => {
            let config = SourceIpConditionConfig::builder().set_values(values);
            raw.field("source-ip").source_ip_config(config.build())
        }
        _ => {
            let config = PathPatternConditionConfig::builder().set_values(values);
            raw.field("path-pattern")
                .path_pattern_config(config.build())
        }
    };
    raw.build()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    use super::*;

    fn said(table: Value) -> Match {
        serde_json::from_value(table).unwrap()
    }

    #[test]
    fn conditions_come_back() {
        let all = said(json!({
            "path": "/api/*", "host": ["B.example.com", "a.example.com"], "methods": ["GET"],
            "headers": { "User-Agent": "*bot*" }, "query": { "v": ["2", "1"] }, "source": "10.0.0.0/8",
        }));
        let wanted = all.wanted().unwrap();
        assert_eq!(wanted["host"], ["a.example.com", "b.example.com"]);
        assert_eq!(read(&write(&wanted)), wanted);
        let shown = RuleCondition::builder()
            .field("path-pattern")
            .values("/a")
            .build();
        assert_eq!(
            read(&[shown]),
            said(json!({ "path": "/a" })).wanted().unwrap()
        );
    }

    #[test]
    fn what_a_table_cannot_say_differs() {
        let twice = said(json!({ "headers": { "x": "1" } })).wanted().unwrap();
        let raw = write(&twice);
        assert_ne!(read(&[raw[0].clone(), raw[0].clone()]), twice);
    }

    #[test]
    fn a_match_that_aws_refuses() {
        let wrong = |table: Value| {
            let mut wrong = Vec::new();
            said(table).check("match", &mut wrong);
            wrong.len()
        };
        assert_eq!(wrong(json!({ "path": "/a" })), 0);
        assert_eq!(wrong(json!({})), 1);
        assert_eq!(wrong(json!({ "path": ["1", "2", "3", "4", "5", "6"] })), 1);
        assert_eq!(wrong(json!({ "source": "10.0.0.1" })), 1);
        assert_eq!(wrong(json!({ "headers": { "x": [] } })), 1);
    }
}
