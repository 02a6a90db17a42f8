//! The far end of traffic: a range of addresses, or something that stands for one.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::Cidr;
use crate::known::Known;
use crate::reference::{Ref, Target};
use crate::said::Said;
use crate::source::LATE;

/// A range of addresses, a reference to one of the kinds `T`, or a value that is known later.
pub enum Peer<T: ?Sized> {
    /// A range written out.
    Range(Cidr),
    /// A resource, or its id.
    Named(Ref<T>),
    /// An expression that will give a range.
    Later(String),
}

impl<T: ?Sized> Peer<T> {
    /// Its side of a comparison: the range, or the id of what is named.
    pub fn said(&self, known: &Known) -> Said {
        match self {
            Self::Range(range) => Said::of(range),
            Self::Named(reference) => known.id(reference),
            Self::Later(expression) => Said::Later(expression.clone()),
        }
    }
}

impl<T: ?Sized> FromStr for Peer<T> {
    type Err = String;

    /// Reads the loader's canonical form: `/vpc.main` is an address of the stack.
    fn from_str(text: &str) -> Result<Self, String> {
        let id = text.split_once('-').is_some_and(|(kind, rest)| {
            kind.chars().all(|c| c.is_ascii_lowercase()) && rest.chars().all(char::is_alphanumeric)
        });
        if text.starts_with('/') || id {
            let text: StringDeserializer<de::value::Error> =
                de::IntoDeserializer::into_deserializer(text.to_owned());
            return Ref::deserialize(text)
                .map(Self::Named)
                .map_err(|error| error.to_string());
        }
        text.parse().map(Self::Range)
    }
}

impl<T: ?Sized> fmt::Debug for Peer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => write!(f, "{range}"),
            Self::Named(reference) => write!(f, "{reference:?}"),
            Self::Later(expression) => f.write_str(expression),
        }
    }
}

impl<T: ?Sized> Serialize for Peer<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Range(range) => range.serialize(serializer),
            Self::Named(reference) => reference.serialize(serializer),
            Self::Later(expression) => serializer.serialize_str(expression),
        }
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Peer<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T: ?Sized>(PhantomData<fn() -> T>);
        impl<'de, T: ?Sized> Visitor<'de> for Either<T> {
            type Value = Peer<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a range of addresses or the address of a resource")
            }

            // A later value comes as its expression: the loader calls this for nothing else.
            fn visit_str<E: de::Error>(self, expression: &str) -> Result<Peer<T>, E> {
                Ok(Peer::Later(expression.to_owned()))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Peer<T>, D::Error> {
                String::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_newtype_struct(LATE, Either(PhantomData))
    }
}

impl<T: Target + ?Sized> JsonSchema for Peer<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Peer<{}>", T::KINDS.join("|")).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-ref": T::KINDS, "x-later": true })
    }
}

/// One [`Peer`], or a list of them.
pub struct Peers<T: ?Sized>(Vec<Peer<T>>);

impl<T: ?Sized> Peers<T> {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Peer<T>> {
        self.0.iter()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T: ?Sized> IntoIterator for &'a Peers<T> {
    type Item = &'a Peer<T>;
    type IntoIter = std::slice::Iter<'a, Peer<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: ?Sized> fmt::Debug for Peers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ?Sized> Serialize for Peers<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            all => serializer.collect_seq(all),
        }
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Peers<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T: ?Sized>(PhantomData<fn() -> T>);
        impl<'de, T: ?Sized> Visitor<'de> for Either<T> {
            type Value = Peers<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a range of addresses, the address of a resource, or a list of them")
            }

            fn visit_str<E: de::Error>(self, expression: &str) -> Result<Peers<T>, E> {
                Peer::deserialize(StrDeserializer::new(expression)).map(|one| Peers(vec![one]))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                d: D,
            ) -> Result<Peers<T>, D::Error> {
                d.deserialize_any(Known(PhantomData))
            }
        }

        struct Known<T: ?Sized>(PhantomData<fn() -> T>);
        impl<'de, T: ?Sized> Visitor<'de> for Known<T> {
            type Value = Peers<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a range of addresses, the address of a resource, or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Peers<T>, E> {
                text.parse().map(|one| Peers(vec![one])).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Peers<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = items.next_element()? {
                    all.push(one);
                }
                Ok(Peers(all))
            }
        }
        deserializer.deserialize_newtype_struct(LATE, Either(PhantomData))
    }
}

impl<T: Target + ?Sized> JsonSchema for Peers<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Peers<{}>", T::KINDS.join("|")).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = Peer::<T>::json_schema(generator);
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{from_value, json, to_value};

    use super::*;

    type Any = Peers<()>;

    #[test]
    fn one_or_many_of_three_forms() {
        let one: Any = from_value(json!("0.0.0.0/0")).unwrap();
        assert!(matches!(one.0[..], [Peer::Range(_)]));
        let many: Any = from_value(json!(["/security_group.web", "pl-0abc", "::/0"])).unwrap();
        assert!(matches!(
            many.0[..],
            [Peer::Named(_), Peer::Named(_), Peer::Range(_)]
        ));
        assert_eq!(
            to_value(&many).unwrap(),
            json!(["/security_group.web", "pl-0abc", "::/0"])
        );
    }

    #[test]
    fn what_is_neither_is_told() {
        for text in ["web", "10.0.0.1", "10.0.0.9/8"] {
            assert!(from_value::<Any>(json!(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_later_value_comes_by_its_own_door() {
        let later = StrDeserializer::<de::value::Error>::new("(known after eip.web)");
        let later = Any::deserialize(later).unwrap();
        assert!(matches!(&later.0[..], [Peer::Later(text)] if text == "(known after eip.web)"));
    }
}
