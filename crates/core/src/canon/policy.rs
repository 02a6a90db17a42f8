//! Policies: who may do what to what. Written as a table or as AWS's JSON, compared as AWS means them
//! (rule R11).

mod meaning;
mod words;

use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::late::Late;
use crate::said::Said;

pub use self::meaning::{canonical, names, read};
pub use self::words::{Named, Principals, Words};
use self::words::{Open, later};

/// The version of the policy language whose variables (`${aws:username}`) work.
const VERSION: &str = "2012-10-17";

/// A table that stands for a policy document.
pub trait Table: Serialize + DeserializeOwned + JsonSchema + Clone + fmt::Debug {
    /// The document, each word of it by way of the pen.
    fn document(&self, pen: &mut Pen) -> Value;
}

/// Writes words, and notes which are still open.
#[derive(Debug, Default)]
pub struct Pen {
    open: Option<String>,
}

impl Pen {
    /// A word; one that is open as what the plan says of it.
    fn word(&mut self, word: &Late<String>) -> Value {
        match word {
            Late::Known(text) => json!(text),
            Late::Later(expression) => {
                self.open.get_or_insert_with(|| expression.clone());
                json!(expression)
            }
        }
    }

    /// One word alone, several as a list.
    pub fn words(&mut self, words: &Words) -> Value {
        match words.0.as_slice() {
            [one] => self.word(one),
            several => several.iter().map(|word| self.word(word)).collect(),
        }
    }

    /// Conditions: operator, key, value.
    pub fn conditions(&mut self, conditions: &Conditions) -> Value {
        let keys = |pen: &mut Self, keys: &IndexMap<String, Words>| -> Value {
            keys.iter()
                .map(|(key, words)| (key.clone(), pen.words(words)))
                .collect::<Map<_, _>>()
                .into()
        };
        conditions
            .iter()
            .map(|(operator, of)| (operator.clone(), keys(self, of)))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// Conditions by operator and key, as in AWS's JSON: `{ StringEquals = { "aws:SourceArn" = "..." } }`.
pub type Conditions = IndexMap<String, IndexMap<String, Words>>;

/// A policy: `{ statements = [..] }`, or AWS's JSON as text.
pub type Policy = Written<Statements>;

/// A policy document: as a table, or as AWS's own JSON in a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Written<T> {
    /// A table.
    Table(T),
    /// AWS's JSON.
    Text(String),
    /// AWS's JSON, known only later; the expression that will give it.
    Later(String),
}

impl<T: Table> Written<T> {
    /// The document in canonical form. Where something is known only later, there stand the words that
    /// the plan has for it.
    pub fn sketch(&self) -> Value {
        canonical(&self.write().0)
    }

    /// Its side of a comparison.
    pub fn said(&self) -> Said {
        match self.write() {
            (_, Some(open)) => Said::Later(open),
            (document, None) => Said::Value(canonical(&document)),
        }
    }

    /// The document to send to AWS, as it was written. Hands call it: by then all that it names exists.
    pub fn send(&self) -> Result<String, String> {
        match (self, self.write()) {
            (_, (_, Some(open))) => Err(format!("`{open}` is not known yet")),
            (Self::Text(text), _) => Ok(text.clone()),
            (_, (document, None)) => Ok(document.to_string()),
        }
    }

    /// What is wrong with it, if it is AWS's JSON.
    pub fn wrong(&self) -> Option<String> {
        let Self::Text(text) = self else { return None };
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(map)) if map.contains_key("Statement") => None,
            Ok(_) => Some("this JSON is no policy: it has no `Statement`".to_owned()),
            Err(error) => Some(format!("this is no JSON: {error}")),
        }
    }

    fn write(&self) -> (Value, Option<String>) {
        match self {
            Self::Table(table) => {
                let mut pen = Pen::default();
                let document = table.document(&mut pen);
                (document, pen.open)
            }
            Self::Text(text) => (
                serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
                None,
            ),
            Self::Later(expression) => (json!(expression), Some(expression.clone())),
        }
    }
}

impl<T: Serialize> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Table(table) => table.serialize(serializer),
            Self::Text(text) | Self::Later(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Either<T> {
            type Value = Written<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, or AWS's JSON as text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Written<T>, E> {
                Ok(Written::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Written::Table)
            }
        }
        Ok(match later(deserializer, Either(PhantomData))? {
            Open::Known(written) => written,
            Open::Later(expression) => Self::Later(expression),
        })
    }
}

impl<T: JsonSchema> JsonSchema for Written<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Written<{}>", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<T>();
        let text = json!({ "type": "string", "x-text": true, "x-later": true });
        // A table replaces a text of an earlier stage, and the other way round.
        json_schema!({ "anyOf": [table, text], "x-choice": true })
    }
}

/// What a policy table says.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statements {
    /// The statements, in order.
    pub statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// A name for it: letters and digits, once in the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Whether it allows or denies.
    #[serde(default)]
    pub effect: Allowance,
    /// Whom it concerns: `{ service = "ec2.amazonaws.com" }`, `{ aws = [..] }`, `"*"` for everybody. Only
    /// in the policy of a resource; one of a role concerns that role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principals: Option<Principals>,
    /// What may be done: `"s3:GetObject"`, `"s3:*"`.
    pub actions: Words,
    /// To what: ARNs, `*` in them standing for anything.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub resources: Words,
    /// Only if: operator, key and value as in AWS's JSON.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub conditions: Conditions,
}

/// Whether a statement allows or denies.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema,
)]
pub enum Allowance {
    /// It allows.
    #[default]
    Allow,
    /// It denies, whatever others allow.
    Deny,
}

impl Table for Statements {
    fn document(&self, pen: &mut Pen) -> Value {
        let statements = self.statements.iter().map(|one| one.document(pen));
        document(statements.collect())
    }
}

impl Statement {
    fn document(&self, pen: &mut Pen) -> Value {
        let mut statement = Map::new();
        if let Some(sid) = &self.sid {
            statement.insert("Sid".to_owned(), json!(sid));
        }
        statement.insert("Effect".to_owned(), json!(self.effect));
        if let Some(principals) = &self.principals {
            statement.insert("Principal".to_owned(), principals.document(pen));
        }
        statement.insert("Action".to_owned(), pen.words(&self.actions));
        if !self.resources.is_empty() {
            statement.insert("Resource".to_owned(), pen.words(&self.resources));
        }
        if !self.conditions.is_empty() {
            statement.insert("Condition".to_owned(), pen.conditions(&self.conditions));
        }
        statement.into()
    }
}

/// A document of these statements.
pub fn document(statements: Vec<Value>) -> Value {
    let mut document = Map::new();
    document.insert("Version".to_owned(), VERSION.into());
    document.insert("Statement".to_owned(), Value::Array(statements));
    document.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn policy(table: Value) -> Policy {
        serde_json::from_value(table).unwrap()
    }

    #[test]
    fn a_table_is_what_aws_writes() {
        let policy = policy(json!({ "statements": [{
            "sid": "Read",
            "principals": { "service": "cloudfront.amazonaws.com" },
            "actions": ["s3:GetObject"],
            "resources": ["arn:aws:s3:::b/*"],
            "conditions": { "StringEquals": { "AWS:SourceArn": "arn:aws:cloudfront::1:distribution/E1" } },
        }] }));
        let sent: Value = serde_json::from_str(&policy.send().unwrap()).unwrap();
        assert_eq!(
            sent,
            json!({ "Version": "2012-10-17", "Statement": [{
                "Sid": "Read",
                "Effect": "Allow",
                "Principal": { "Service": "cloudfront.amazonaws.com" },
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::b/*",
                "Condition": { "StringEquals": { "AWS:SourceArn": "arn:aws:cloudfront::1:distribution/E1" } },
            }] })
        );
        assert_eq!(policy.said(), Said::Value(canonical(&sent)));
    }

    #[test]
    fn text_is_sent_as_it_is_and_compared_as_it_is_meant() {
        let text = r#"{ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } }"#;
        let written = policy(json!(text));
        assert_eq!(written.send().unwrap(), text);
        let table = policy(json!({ "statements": [{ "actions": "*", "resources": "*" }] }));
        assert_eq!(written.said(), table.said());
        assert_eq!(written.wrong(), None);
        assert!(
            policy(json!("{"))
                .wrong()
                .unwrap()
                .starts_with("this is no JSON")
        );
        assert!(
            policy(json!("{}"))
                .wrong()
                .unwrap()
                .contains("no `Statement`")
        );
    }

    #[test]
    fn what_is_open_is_later_and_is_not_sent() {
        let statement = Statement {
            sid: None,
            effect: Allowance::Allow,
            principals: None,
            actions: Words(vec![Late::Known("s3:*".to_owned())]),
            resources: Words(vec![Late::Later("(known after s3_bucket.a)".to_owned())]),
            conditions: Conditions::new(),
        };
        let policy = Policy::Table(Statements {
            statements: vec![statement],
        });
        assert_eq!(
            policy.said(),
            Said::Later("(known after s3_bucket.a)".to_owned())
        );
        assert_eq!(
            policy.sketch()["Statement"][0]["Resource"][0],
            "(known after s3_bucket.a)"
        );
        assert!(policy.send().is_err());
    }

    #[test]
    fn what_is_misspelt_is_refused() {
        let refused = |table: Value| {
            serde_json::from_value::<Policy>(table)
                .unwrap_err()
                .to_string()
        };
        assert!(
            refused(json!({ "statements": [{ "action": "*" }] }))
                .contains("unknown field `action`")
        );
        let bare = json!({ "statements": [{ "actions": "*", "principals": "123456789012" }] });
        assert!(refused(bare).contains("{ aws = \"123456789012\" }"));
        assert!(refused(json!({ "statements": [{ "actions": [["*"]] }] })).contains("a string"));
    }

    #[test]
    fn a_spec_reads_back_as_it_was_written() {
        let table = json!({ "statements": [{
            "effect": "Deny", "principals": "*", "actions": ["*"], "conditions": { "Bool": { "k": ["true"] } },
        }] });
        assert_eq!(serde_json::to_value(policy(table.clone())).unwrap(), table);
    }
}
