//! Whom a policy concerns and what it names: one or several, known or still open.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::Pen;
use crate::late::Late;
use crate::source::LATE;

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
        super::super::schema_name("Principals")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Named>();
        json_schema!({ "anyOf": [table, { "type": "string", "const": "*" }], "x-choice": true })
    }
}

/// One word or several, each of which may be known only later. Numbers and booleans are words, as AWS
/// takes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words(pub(super) Vec<Late<String>>);

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
        super::super::schema_name("Words")
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

/// What was read, or the expression that says it later.
pub(super) enum Open<T> {
    Known(T),
    Later(String),
}

/// Reads by `visitor` what is known, and as its expression what is not: the loader's agreement about
/// [`LATE`].
pub(super) fn later<'de, D: Deserializer<'de>, V: Visitor<'de>>(
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
