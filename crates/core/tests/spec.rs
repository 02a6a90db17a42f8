//! A table becomes a spec: later values, references, choices, and every fault at its place.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use terrace_core::source::{Fault, Is, LATE, Loaded, Node, REF, Wrong, spec};

use crate::stacks::{one, resource};

/// Known or later: the two doors of the newtype struct.
#[derive(Debug, PartialEq)]
enum Late<T> {
    Known(T),
    Later(String),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Late<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Doors<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Doors<T> {
            type Value = Late<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Late<T>, D::Error> {
                T::deserialize(deserializer).map(Late::Known)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Late<T>, E> {
                Ok(Late::Later(text.to_owned()))
            }
        }
        deserializer.deserialize_newtype_struct(LATE, Doors(PhantomData))
    }
}

#[derive(Debug, PartialEq)]
struct Ref(String);

impl<'de> Deserialize<'de> for Ref {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Door;
        impl<'de> Visitor<'de> for Door {
            type Value = Ref;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Ref, D::Error> {
                String::deserialize(deserializer).map(Ref)
            }
        }
        deserializer.deserialize_newtype_struct(REF, Door)
    }
}

/// Text, or a table: the visitor that every kind of such a field writes.
#[derive(Debug, PartialEq)]
enum Policy {
    Text(String),
    Table(Statements),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statements {
    statements: Vec<String>,
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Policy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a table")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Policy, E> {
                Ok(Policy::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Policy, A::Error> {
                Statements::deserialize(MapAccessDeserializer::new(map)).map(Policy::Table)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    Mysql,
    Mariadb,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Forward(String),
    Respond { status: u16 },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Cidr(String);

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.contains('/') {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is no range\nhelp: write {text}/32"))
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    vpc: Ref,
    value: Late<String>,
    #[serde(default)]
    port: Option<Late<u16>>,
    #[serde(default)]
    engine: Option<Engine>,
    #[serde(default)]
    actions: Vec<Action>,
    #[serde(default)]
    ranges: BTreeMap<String, Cidr>,
    #[serde(default)]
    policy: Option<Policy>,
}

/// A table from a file, with later values in it.
fn table(text: &str) -> (Loaded, Node) {
    let loaded = one(&format!("[secret.s]\n[thing.x]\n{text}")).loaded();
    let node = resource(&loaded, "thing.x").table.clone();
    (loaded, node)
}

fn said(loaded: &Loaded, faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .map(|fault| {
            let place = fault.at.and_then(|at| loaded.sources.place(at));
            let place = place.map_or_else(
                || "-".to_owned(),
                |place| format!("{}:{}", place.line, place.column),
            );
            let help = fault
                .help
                .as_ref()
                .map(|help| format!(" [{help}]"))
                .unwrap_or_default();
            format!("{place} {fault}{help}")
        })
        .collect()
}

#[test]
fn a_good_table() {
    let (_, node) = table(
        "vpc = \"vpc-0abc\"\nvalue = \"{{ secret.s.id }}\"\nport = \"{{ 40 * 2 }}\"\nengine = \"mysql\"\nactions = [{ forward = \"x\" }, { respond = { status = 404 } }]\nranges = { a = \"10.0.0.0/8\" }\npolicy = { statements = [\"a\"] }\n",
    );
    let read: Spec = spec(&node).unwrap();
    assert_eq!(
        read,
        Spec {
            vpc: Ref("vpc-0abc".to_owned()),
            value: Late::Later("(known after secret.s)".to_owned()),
            port: Some(Late::Known(80)),
            engine: Some(Engine::Mysql),
            actions: vec![
                Action::Forward("x".to_owned()),
                Action::Respond { status: 404 }
            ],
            ranges: BTreeMap::from([("a".to_owned(), Cidr("10.0.0.0/8".to_owned()))]),
            policy: Some(Policy::Table(Statements {
                statements: vec!["a".to_owned()]
            })),
        }
    );
}

#[test]
fn every_fault_at_its_place() {
    let (loaded, node) = table(
        "vpc = \"{{ secret.s.id }}\"\nvalue = 3\nport = \"x\"\nengine = \"mysqul\"\nactions = [{ forward = 1, respond = 2 }, { frward = 1 }, { respond = { status = 70000 } }, \"forward\"]\nranges = { a = \"10.0.0.0\", b = \"10.0.0.0/8\" }\npolicy = { statements = [1], more = 2 }\nother = 1\n",
    );
    let faults = spec::<Spec>(&node).unwrap_err();
    insta::assert_snapshot!(said(&loaded, &faults).join("\n"));
    assert!(
        faults
            .iter()
            .any(|fault| matches!(&fault.what, Wrong::Unknown { name, .. } if name == "other"))
    );
}

#[test]
fn what_failed_before_is_not_told_again() {
    let (_, mut node) = table("vpc = \"vpc-0abc\"\nvalue = \"x\"\nport = 1\n");
    node.as_table_mut().unwrap()["port"].1.is = Is::Bad;
    assert_eq!(spec::<Spec>(&node), Err(Vec::new()));
    // Nor is a list one that is merely shorter.
    let (_, mut node) =
        table("vpc = \"vpc-0abc\"\nvalue = \"x\"\nactions = [{ forward = \"x\" }]\n");
    if let Is::Array(items) = &mut node.as_table_mut().unwrap()["actions"].1.is {
        items[0].is = Is::Bad;
    }
    assert_eq!(spec::<Spec>(&node), Err(Vec::new()));
}

#[test]
fn that_more_is_wrong_is_told_if_it_is() {
    let wrong = |many: usize| {
        let ranges: Vec<String> = (0..many).map(|n| format!("k{n} = \"x\"")).collect();
        let ranges = ranges.join(", ");
        let (_, node) = table(&format!(
            "vpc = \"vpc-0abc\"\nvalue = \"x\"\nranges = {{ {ranges} }}\n"
        ));
        let faults = spec::<Spec>(&node).unwrap_err();
        let last = faults.last().unwrap().to_string();
        (faults.len(), last.starts_with("more than this is wrong"))
    };
    assert_eq!(wrong(200), (200, false));
    assert_eq!(wrong(201), (201, true));
}

#[test]
fn a_path_leads_as_far_as_there_is_something() {
    let (_, node) = table("actions = [{ forward = \"x\" }, { respond = { status = 404 } }]\n");
    let at = |path: &str| node.nearest(path.split('.')).at;
    let actions = node.get("actions").unwrap().as_array().unwrap();
    let respond = actions[1].get("respond").unwrap();
    assert_eq!(
        at("actions.1.respond.status"),
        respond.get("status").unwrap().at
    );
    assert_eq!(at("actions.1.respond.page"), respond.at);
    assert_eq!(at("actions.0"), actions[0].at);
    assert_eq!(at("actions.7.forward"), node.get("actions").unwrap().at);
    assert_eq!(at(""), node.at);
}
