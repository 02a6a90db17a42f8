//! Serde's door into the tree: a [`Node`] becomes a kind's spec, and every error knows its place.
//!
//! Two newtype structs are known by name:
//! - [`LATE`]: a visitor for it gets `visit_newtype_struct` where the value is known, and `visit_str` with the words of the
//!   plan, `(known after db_instance.main)`, where it is not. So `Known(T)` comes by one door and `Later(String)` by the other.
//! - [`REF`]: a reference, as text; a leading slash tells an address from a literal id (`Address::from_reference`).

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::fault::Fault;
use super::node::{Is, Node, Table};
use super::span::Span;

/// The newtype struct that may hold a later value.
pub const LATE: &str = "terrace::Late";

/// The newtype struct of a reference.
pub const REF: &str = "terrace::Ref";

fn at<T>(span: Span, result: Result<T, Fault>) -> Result<T, Fault> {
    result.map_err(|fault| fault.at(span))
}

impl Node {
    fn open(&self) -> Fault {
        match &self.is {
            Is::Later(later) => Fault::later(later.to_string()),
            _ => Fault::told(),
        }
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        at(
            self.at,
            match &self.is {
                Is::String(text) => visitor.visit_borrowed_str(text),
                Is::Integer(number) => visitor.visit_i64(*number),
                Is::Float(number) => visitor.visit_f64(*number),
                Is::Boolean(flag) => visitor.visit_bool(*flag),
                Is::Array(items) => visitor.visit_seq(Items(items.iter())),
                Is::Table(table) => visitor.visit_map(Entries {
                    rest: table.iter(),
                    value: None,
                }),
                Is::Later(_) | Is::Bad => Err(self.open()),
            },
        )
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        at(self.at, visitor.visit_some(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        at(
            self.at,
            match &self.is {
                Is::Later(later) if name == LATE => visitor.visit_string(later.to_string()),
                _ => visitor.visit_newtype_struct(self),
            },
        )
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let _ = name;
        at(
            self.at,
            match &self.is {
                Is::String(text) => visitor.visit_enum(Word(text)),
                Is::Table(table) => visitor.visit_enum(Choice::of(table, variants)?),
                Is::Later(_) | Is::Bad => Err(self.open()),
                _ => self.deserialize_any(visitor),
            },
        )
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Fault> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<'de>(std::slice::Iter<'de, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        // The place once more: a `try_from` fails after its inner deserializer is done.
        self.0
            .next()
            .map(|item| at(item.at, seed.deserialize(item)))
            .transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'de> {
    rest: indexmap::map::Iter<'de, String, (Span, Node)>,
    value: Option<&'de Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some((key, (place, value))) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        at(*place, seed.deserialize(BorrowedStrDeserializer::new(key))).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let value = self.value.take().ok_or_else(Fault::told)?;
        at(value.at, seed.deserialize(value))
    }
}

/// A word is a choice that needs nothing more.
struct Word<'de>(&'de str);

impl<'de> EnumAccess<'de> for Word<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name = seed.deserialize(BorrowedStrDeserializer::<Fault>::new(self.0))?;
        Ok((name, self))
    }
}

impl Word<'_> {
    fn needs_more(&self) -> Fault {
        Fault::says(format!("`{}` needs a value", self.0))
            .help(format!("write {{ {} = .. }}", self.0))
    }
}

impl<'de> VariantAccess<'de> for Word<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Fault> {
        Err(self.needs_more())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(self.needs_more())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        Err(self.needs_more())
    }
}

/// A table with one entry is a choice: `{ forward = "target_group.web" }`.
struct Choice<'de> {
    name: &'de str,
    place: Span,
    value: &'de Node,
}

impl<'de> Choice<'de> {
    fn of(table: &'de Table, variants: &[&str]) -> Result<Self, Fault> {
        let names: Vec<_> = variants.iter().map(|name| format!("`{name}`")).collect();
        let mut entries = table.iter();
        match (entries.next(), entries.next()) {
            (Some((name, (place, value))), None) => Ok(Self {
                name,
                place: *place,
                value,
            }),
            (_, second) => {
                let fault = Fault::says(format!(
                    "exactly one of {} must stand here",
                    names.join(", ")
                ));
                Err(match second {
                    Some((_, (place, _))) => fault.at(*place),
                    None => fault,
                })
            }
        }
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        let name = at(
            self.place,
            seed.deserialize(BorrowedStrDeserializer::new(self.name)),
        )?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Err(Fault::says(format!("`{0}` stands alone: write \"{0}\"", self.name)).at(self.place))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        at(self.value.at, seed.deserialize(self.value))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        at(self.value.at, self.value.deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        at(self.value.at, self.value.deserialize_any(visitor))
    }
}
