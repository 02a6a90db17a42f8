//! Typed references: what one resource says of another.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::address::Address;
use crate::kind::Kind;
use crate::source::REF;

/// The kinds that a reference may name: one kind, or a tuple of them.
pub trait Target: 'static {
    /// The kinds' names as they stand in TOML.
    const KINDS: &'static [&'static str];
}

impl<K: Kind> Target for K {
    const KINDS: &'static [&'static str] = &[K::NAME];
}

macro_rules! tuple_targets {
    ($(($($kind:ident),+))+) => {$(
        impl<$($kind: Kind),+> Target for ($($kind,)+) {
            const KINDS: &'static [&'static str] = &[$($kind::NAME),+];
        }
    )+};
}
tuple_targets! { (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) }

/// The address of another resource, or an id that AWS gave (`vpc-0abc`).
///
/// In a [`Kind::Spec`] it makes an edge by its type alone: the loader finds it by the `x-ref` of its
/// schema, so that no kind can forget one.
pub struct Ref<T: ?Sized> {
    is: Reference,
    of: PhantomData<fn() -> T>,
}

/// What a [`Ref`] holds, without its type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A resource of the stack (or one of its `existing` look-ups).
    Address(Address),
    /// An id or ARN written out.
    Literal(String),
}

impl Reference {
    /// Reads the loader's canonical form: `/vpc.main` is an address, all else is literal.
    pub fn read(text: &str) -> Result<Self, String> {
        match text.strip_prefix('/') {
            Some(address) => address
                .parse()
                .map(Self::Address)
                .map_err(|e| format!("{e}")),
            None => Ok(Self::Literal(text.to_owned())),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Literal(id) => f.write_str(id),
        }
    }
}

impl<T: ?Sized> Ref<T> {
    /// A reference to a resource of the stack.
    pub fn to(address: Address) -> Self {
        Self {
            is: Reference::Address(address),
            of: PhantomData,
        }
    }

    /// What it names.
    pub fn names(&self) -> &Reference {
        &self.is
    }
}

// By hand: a derive would demand of T what only the text needs.
impl<T: ?Sized> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Self {
            is: self.is.clone(),
            of: PhantomData,
        }
    }
}

impl<T: ?Sized> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({})", self.is)
    }
}

impl<T: ?Sized> PartialEq for Ref<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is == other.is
    }
}

impl<T: ?Sized> Serialize for Ref<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match &self.is {
            Reference::Address(address) => format!("/{address}"),
            Reference::Literal(id) => id.clone(),
        };
        serializer.serialize_newtype_struct(REF, &text)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Ref<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the address of a resource")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<String, D::Error> {
                String::deserialize(d)
            }
        }
        let text = deserializer.deserialize_newtype_struct(REF, Text)?;
        let is = Reference::read(&text).map_err(de::Error::custom)?;
        Ok(Self {
            is,
            of: PhantomData,
        })
    }
}

impl<T: Target + ?Sized> JsonSchema for Ref<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Ref<{}>", T::KINDS.join("|")).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-ref": T::KINDS })
    }
}

/// The id of a live resource of kind `T`: a subnet's id cannot land in a VPC's place.
pub struct Id<T: ?Sized> {
    text: String,
    of: PhantomData<fn() -> T>,
}

impl<T: ?Sized> Id<T> {
    /// Wraps an id that AWS gave.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            of: PhantomData,
        }
    }

    /// The id as AWS writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T: ?Sized> Clone for Id<T> {
    fn clone(&self) -> Self {
        Self::new(self.text.clone())
    }
}

impl<T: ?Sized> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T: ?Sized> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T: ?Sized> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T: ?Sized> Eq for Id<T> {}

impl<T: ?Sized> From<Id<T>> for String {
    fn from(id: Id<T>) -> Self {
        id.text
    }
}

impl<T: ?Sized> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}
