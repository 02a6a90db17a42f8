//! Policies: who may do what to what. Written as a table or as AWS's JSON, compared as AWS means them
//! (rule R11).

use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::late::Late;
use crate::said::Said;
use crate::source::LATE;

/// The version of the policy language whose variables (`${aws:username}`) work.
const VERSION: &str = "2012-10-17";
/// What AWS takes a document for that does not say its version.
const UNSAID: &str = "2008-10-17";

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

/// Whom a statement concerns.
#[derive(Clone, Debug, PartialEq)]
pub enum Principals {
    /// Everybody: `"*"`.
    Everybody,
    /// These.
    These(Named),
}

/// Principals by what they are.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Services of AWS: `"cloudfront.amazonaws.com"`.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub service: Words,
    /// Accounts (12 digits), roles and users (ARNs).
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub aws: Words,
    /// Identity providers: ARNs.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub federated: Words,
    /// Canonical ids of accounts, as S3 has them.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub canonical_user: Words,
}

impl Principals {
    /// As it stands in a document.
    pub fn document(&self, pen: &mut Pen) -> Value {
        let these = match self {
            Self::Everybody => return json!("*"),
            Self::These(these) => these,
        };
        let mut principals = Map::new();
        for (key, words) in [
            ("AWS", &these.aws),
            ("Service", &these.service),
            ("Federated", &these.federated),
            ("CanonicalUser", &these.canonical_user),
        ] {
            if !words.is_empty() {
                principals.insert(key.to_owned(), pen.words(words));
            }
        }
        principals.into()
    }
}

impl Serialize for Principals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Everybody => serializer.serialize_str("*"),
            Self::These(these) => these.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Principals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Principals;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table such as { service = \"..\" }, or \"*\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Principals, E> {
                match text {
                    "*" => Ok(Principals::Everybody),
                    other => Err(E::custom(format!(
                        "say what it is: {{ aws = \"{other}\" }} or {{ service = \"{other}\" }}"
                    ))),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Principals, A::Error> {
                Named::deserialize(MapAccessDeserializer::new(map)).map(Principals::These)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Principals {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        super::schema_name("Principals")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Named>();
        json_schema!({ "anyOf": [table, { "type": "string", "const": "*" }], "x-choice": true })
    }
}

/// One word or several, each of which may be known only later. Numbers and booleans are words, as AWS
/// takes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words(Vec<Late<String>>);

impl Words {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words.
    pub fn iter(&self) -> impl Iterator<Item = &Late<String>> {
        self.0.iter()
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match later(deserializer, Scalars { list: true })? {
            Open::Known(words) => Self(words),
            Open::Later(expression) => Self(vec![Late::Later(expression)]),
        })
    }
}

impl JsonSchema for Words {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        super::schema_name("Words")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let word = json!({ "type": ["string", "number", "boolean"], "x-later": true });
        json_schema!({ "anyOf": [word, { "type": "array", "items": word }], "x-later": true })
    }
}

/// A word in a list.
struct Word(Late<String>);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match later(deserializer, Scalars { list: false })? {
            Open::Known(mut words) => Self(words.pop().unwrap_or_default()),
            Open::Later(expression) => Self(Late::Later(expression)),
        })
    }
}

/// Takes scalars as words, and where it may, a list of them.
struct Scalars {
    list: bool,
}

impl Scalars {
    fn one(word: &impl ToString) -> Vec<Late<String>> {
        vec![Late::Known(word.to_string())]
    }
}

impl<'de> Visitor<'de> for Scalars {
    type Value = Vec<Late<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.list {
            "a string or a list of strings"
        } else {
            "a string"
        })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Self::one(&text))
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Self::one(&flag))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Self::one(&number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Self::one(&number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Self::one(&number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        if !self.list {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut words = Vec::new();
        while let Some(Word(word)) = seq.next_element()? {
            words.push(word);
        }
        Ok(words)
    }
}

enum Open<T> {
    Known(T),
    Later(String),
}

/// Reads by `visitor` what is known, and as its expression what is not: the loader's agreement about
/// [`LATE`].
fn later<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    deserializer: D,
    visitor: V,
) -> Result<Open<V::Value>, D::Error> {
    struct Door<V>(V);
    impl<'de, V: Visitor<'de>> Visitor<'de> for Door<V> {
        type Value = Open<V::Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }

        fn visit_str<E: de::Error>(self, expression: &str) -> Result<Self::Value, E> {
            Ok(Open::Later(expression.to_owned()))
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
            d.deserialize_any(self.0).map(Open::Known)
        }
    }
    deserializer.deserialize_newtype_struct(LATE, Door(visitor))
}

/// A document as AWS means it: two that mean the same are equal. Statements keep their order unless all
/// of them have names.
pub fn canonical(document: &Value) -> Value {
    let Value::Object(members) = document else {
        return document.clone();
    };
    let mut canonical = Map::new();
    let version = members.get("Version").cloned();
    canonical.insert(
        "Version".to_owned(),
        version.unwrap_or_else(|| json!(UNSAID)),
    );
    if let Some(id) = members.get("Id").filter(|id| !is_blank(id)) {
        canonical.insert("Id".to_owned(), id.clone());
    }
    let statements = members.get("Statement").map(listed).unwrap_or_default();
    let mut statements: Vec<Value> = statements.iter().map(statement).collect();
    if statements.iter().all(|one| one.get("Sid").is_some()) {
        statements.sort_by_key(|one| one["Sid"].to_string());
    }
    canonical.insert("Statement".to_owned(), statements.into());
    canonical.into()
}

/// Reads a document that AWS gave, in canonical form.
pub fn read(text: &str) -> Result<Value, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(canonical(&document))
}

fn statement(statement: &Value) -> Value {
    let Value::Object(members) = statement else {
        return statement.clone();
    };
    let mut canonical = Map::new();
    for (name, value) in members {
        let value = match name.as_str() {
            "Sid" if is_blank(value) => continue,
            "Principal" | "NotPrincipal" => principals(value),
            "Action" | "NotAction" | "Resource" | "NotResource" => set(value),
            "Condition" => conditions(value),
            _ => value.clone(),
        };
        canonical.insert(name.clone(), value);
    }
    canonical.into()
}

fn principals(value: &Value) -> Value {
    let Value::Object(kinds) = value else {
        return value.clone();
    };
    let mut canonical = Map::new();
    for (kind, who) in kinds {
        let mut who = listed(who);
        if kind == "AWS" {
            who.iter_mut().for_each(account);
        }
        canonical.insert(kind.clone(), set(&who.into()));
    }
    // AWS means the same by both.
    if Value::from(canonical.clone()) == json!({ "AWS": ["*"] }) {
        return json!("*");
    }
    canonical.into()
}

/// An account's root user stands for the account: AWS writes the one where it was given the other.
fn account(who: &mut Value) {
    let Some(text) = who.as_str() else { return };
    let parts: Vec<&str> = text.split(':').collect();
    if let ["arn", _, "iam", "", id, "root"] = parts.as_slice() {
        *who = json!(id);
    }
}

fn conditions(value: &Value) -> Value {
    let Value::Object(operators) = value else {
        return value.clone();
    };
    let keys = |keys: &Value| match keys {
        Value::Object(keys) => {
            let keys = keys.iter().map(|(key, value)| (key.clone(), set(value)));
            keys.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    };
    let operators = operators.iter().map(|(name, of)| (name.clone(), keys(of)));
    operators.collect::<Map<_, _>>().into()
}

/// A list of words without order or doubles.
fn set(value: &Value) -> Value {
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut words: Vec<String> = listed(value).iter().map(word).collect();
    words.sort();
    words.dedup();
    words.into()
}

fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_none_or(str::is_empty)
}

/// What a canonical document names that may be a resource: principals, resources and the values of
/// conditions, without the wildcards at their ends. For live edges.
pub fn names(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let statements = document.get("Statement").map(listed).unwrap_or_default();
    for statement in &statements {
        for member in [
            "Principal",
            "NotPrincipal",
            "Resource",
            "NotResource",
            "Condition",
        ] {
            statement
                .get(member)
                .into_iter()
                .for_each(|value| arns(value, &mut found));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn arns(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| arns(value, into)),
        Value::Array(items) => items.iter().for_each(|value| arns(value, into)),
        Value::String(text) if text.starts_with("arn:") => {
            let whole = text.trim_end_matches('*').trim_end_matches(['/', ':']);
            // Of an object in a bucket the bucket is meant.
            let bucket = whole
                .split_once('/')
                .filter(|(arn, _)| arn.contains(":s3:::"));
            let name = bucket.map_or(whole, |(bucket, _)| bucket);
            if !name.contains(['*', '?']) {
                into.push(name.to_owned());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn policy(table: Value) -> Policy {
        serde_json::from_value(table).unwrap()
    }

    fn same(one: &Value, other: &Value) {
        assert_eq!(canonical(one), canonical(other));
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
    fn one_or_a_list_in_any_order_mean_the_same() {
        let one = json!({ "Version": VERSION, "Statement": { "Effect": "Allow", "Action": ["b", "a", "a"] } });
        let other = json!({ "Version": VERSION, "Statement": [{ "Sid": "", "Action": ["a", "b"], "Effect": "Allow" }] });
        same(&one, &other);
        let truth =
            |value: Value| json!({ "Statement": [{ "Condition": { "Bool": { "k": value } } }] });
        same(&truth(json!(true)), &truth(json!(["true"])));
        same(&truth(json!(3600)), &truth(json!("3600")));
    }

    #[test]
    fn an_account_is_its_root_and_everybody_is_a_star() {
        let trust = |who: Value| json!({ "Statement": [{ "Principal": who }] });
        same(
            &trust(json!({ "AWS": "arn:aws:iam::123456789012:root" })),
            &trust(json!({ "AWS": ["123456789012"] })),
        );
        same(&trust(json!("*")), &trust(json!({ "AWS": "*" })));
        let role = trust(json!({ "AWS": "arn:aws:iam::123456789012:role/root" }));
        assert_ne!(
            canonical(&role),
            canonical(&trust(json!({ "AWS": "123456789012" })))
        );
    }

    #[test]
    fn statements_keep_their_order_unless_they_have_names() {
        let document = |sids: [&str; 2], actions: [&str; 2]| {
            json!({ "Statement": [
                { "Sid": sids[0], "Action": actions[0] },
                { "Sid": sids[1], "Action": actions[1] },
            ] })
        };
        same(
            &document(["A", "B"], ["a", "b"]),
            &document(["B", "A"], ["b", "a"]),
        );
        let (one, other) = (
            document(["", ""], ["a", "b"]),
            document(["", ""], ["b", "a"]),
        );
        assert_ne!(canonical(&one), canonical(&other));
    }

    #[test]
    fn an_unsaid_version_is_the_old_one() {
        let unsaid = json!({ "Statement": [] });
        same(
            &unsaid,
            &json!({ "Version": "2008-10-17", "Statement": [] }),
        );
        assert_ne!(
            canonical(&unsaid),
            canonical(&json!({ "Version": VERSION, "Statement": [] }))
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
    fn names_are_told_without_their_wildcards() {
        let document = canonical(&json!({ "Statement": [
            { "Principal": { "AWS": "arn:aws:iam::1:role/a" }, "Resource": ["arn:aws:s3:::b/static/*", "*"] },
            { "Resource": ["arn:aws:logs:eu-west-3:1:log-group:x:*", "arn:aws:iam::*:role/x"] },
        ] }));
        let expected = [
            "arn:aws:iam::1:role/a",
            "arn:aws:logs:eu-west-3:1:log-group:x",
            "arn:aws:s3:::b",
        ];
        assert_eq!(names(&document), expected);
    }

    #[test]
    fn a_spec_reads_back_as_it_was_written() {
        let table = json!({ "statements": [{
            "effect": "Deny", "principals": "*", "actions": ["*"], "conditions": { "Bool": { "k": ["true"] } },
        }] });
        assert_eq!(serde_json::to_value(policy(table.clone())).unwrap(), table);
    }
}
