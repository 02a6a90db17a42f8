//! Values that may be known only once another resource exists.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::said::Said;
use crate::source::LATE;

/// A value that is known now, or will be when what its expression names exists.
///
/// Only a property of this type may hold another resource's output, such as an endpoint; anywhere
/// else the loader says so at that place.
#[derive(Clone, Debug, PartialEq)]
pub enum Late<T> {
    /// The value.
    Known(T),
    /// The expression that will give it, for people.
    Later(String),
}

impl<T> Late<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Later(_) => None,
        }
    }

    /// The value; an error names the expression that is still open. Hands call it: by the time a
    /// resource is made, all that it names exists.
    pub fn need(&self) -> Result<&T, String> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Later(expression) => Err(format!("`{expression}` is not known yet")),
        }
    }
}

impl<T: Serialize> Late<T> {
    /// Its side of a comparison.
    pub fn said(&self) -> Said {
        match self {
            Self::Known(value) => Said::of(value),
            Self::Later(expression) => Said::Later(expression.clone()),
        }
    }
}

impl<T: Default> Default for Late<T> {
    fn default() -> Self {
        Self::Known(T::default())
    }
}

impl<T: Serialize> Serialize for Late<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Later(expression) => serializer.serialize_str(expression),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Late<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Either<T> {
            type Value = Late<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            // A later value comes as its expression: the loader calls this for nothing else.
            fn visit_str<E: de::Error>(self, expression: &str) -> Result<Late<T>, E> {
                Ok(Late::Later(expression.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Late<T>, D::Error> {
                T::deserialize(d).map(Late::Known)
            }
        }
        deserializer.deserialize_newtype_struct(LATE, Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Late<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Late<{}>", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert("x-later".to_owned(), true.into());
        schema
    }
}
