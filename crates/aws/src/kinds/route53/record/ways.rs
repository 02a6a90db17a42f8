//! What a record is to answer, as the TOML says it.

use aws_sdk_route53::types::RrType;
use serde_json::{Map, Value, json};
use terrace_core::canon::{DnsName, Duration};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::reference::Reference;
use terrace_core::said::Said;

use super::answer::{Route, Set, To, canonical, sorted};
use super::{Goal, RecordLive, RecordSpec, RecordType};

/// One way to answer, as the TOML says it.
pub(super) struct Way<'a> {
    pub(super) key: Option<&'a String>,
    pub(super) target: Option<&'a Goal>,
    pub(super) values: Option<&'a Vec<Late<String>>>,
    pub(super) route: Route,
    pub(super) health_check: Option<&'a String>,
}

pub(super) fn ways(want: &RecordSpec) -> Vec<Way<'_>> {
    let mut ways = Vec::new();
    if want.target.is_some() || want.values.is_some() {
        ways.push(Way {
            key: None,
            target: want.target.as_ref(),
            values: want.values.as_ref(),
            route: Route::Simple,
            health_check: None,
        });
    }
    ways.extend(want.weighted.iter().map(|(key, way)| Way {
        key: Some(key),
        target: way.target.as_ref(),
        values: way.values.as_ref(),
        route: Route::Weighted(way.weight.into()),
        health_check: way.health_check.as_ref(),
    }));
    ways.extend(want.latency.iter().map(|(key, way)| Way {
        key: Some(key),
        target: way.target.as_ref(),
        values: way.values.as_ref(),
        route: Route::Latency(way.region.clone()),
        health_check: way.health_check.as_ref(),
    }));
    ways.extend(want.failover.iter().map(|(key, way)| Way {
        key: Some(key),
        target: way.target.as_ref(),
        values: way.values.as_ref(),
        route: Route::Failover(key.clone()),
        health_check: way.health_check.as_ref(),
    }));
    ways
}

/// The kind of what a reference names.
pub(super) fn goal(target: Option<&Goal>) -> Option<&str> {
    match target?.names() {
        Reference::Address(address) => Some(&address.kind),
        Reference::Literal(_) => None,
    }
}

/// The type: said, or that of what it leads to.
pub(super) fn kind_of(want: &RecordSpec) -> String {
    let to_database = ways(want)
        .iter()
        .any(|way| goal(way.target) == Some("db_instance"));
    let kind = match want.kind {
        Some(kind) => kind,
        None if to_database => RecordType::Cname,
        None => RecordType::A,
    };
    Said::of(kind).text()
}

/// All sets of the record, or the words for what is not known yet.
pub(super) fn wanted(want: &RecordSpec, known: &Known) -> std::result::Result<Vec<Set>, String> {
    let kind = RrType::from(kind_of(want).as_str());
    let set = |way: &Way<'_>| {
        let to = match (way.target, way.values) {
            (Some(target), _) => leads(want, known, target, &kind)?,
            (None, Some(values)) => {
                let values: std::result::Result<Vec<&String>, String> =
                    values.iter().map(Late::need).collect();
                To::Values(sorted(
                    values?.into_iter().map(|value| canonical(&kind, value)),
                ))
            }
            (None, None) => To::Values(Vec::new()),
        };
        Ok(Set {
            key: way.key.cloned(),
            ttl: matches!(to, To::Values(_)).then(|| want.ttl.as_seconds()),
            to,
            route: way.route.clone(),
            health_check: way.health_check.cloned(),
        })
    };
    ways(want).iter().map(set).collect()
}

/// The zone that Amazon keeps all distributions in.
pub(super) const DISTRIBUTIONS: &str = "Z2FDTNDATAQYW2";

/// What a resource is to the DNS.
pub(super) fn leads(
    want: &RecordSpec,
    known: &Known,
    target: &Goal,
    kind: &RrType,
) -> std::result::Result<To, String> {
    let output = |name: &str| match known.output(target, name) {
        Said::Value(Value::String(text)) => Ok(text),
        Said::Later(what) => Err(what),
        Said::Nothing | Said::Value(_) => Err(format!("{} has no `{name}`", target.names())),
    };
    let value = |name: &str| Ok(To::Values(vec![canonical(kind, &output(name)?)]));
    let alias = |zone: String, health: bool| {
        let name = DnsName::from_aws(&output("dns_name")?).to_string();
        Ok(To::Alias { name, zone, health })
    };
    let private = known.output(&want.zone, "private") == Said::Value(Value::Bool(true));
    match goal(Some(target)) {
        Some("instance") if private => value("private_ip"),
        Some("instance") => value("public_ip"),
        Some("load_balancer") => alias(output("zone_id")?, true),
        Some("distribution") => alias(DISTRIBUTIONS.to_owned(), false),
        _ => value("address"),
    }
}

/// What is wanted of a simple record, if that is what is `said`.
pub(super) fn simple(want: &RecordSpec, known: &Known, said: bool) -> Said {
    if !said {
        return Said::Nothing;
    }
    match wanted(want, known) {
        Ok(sets) => sets
            .first()
            .map_or(Said::Nothing, |set| Said::of(set.to.said())),
        Err(what) => Said::Later(what),
    }
}

/// What is wanted of a record of several ways, if that is what is `said`.
pub(super) fn several(want: &RecordSpec, known: &Known, said: bool) -> Said {
    match wanted(want, known) {
        _ if !said => Said::Nothing,
        Ok(sets) => Said::Value(table(&sets)),
        Err(what) => Said::Later(what),
    }
}

/// The one set of a simple record.
pub(super) fn one(have: &RecordLive) -> Option<&Set> {
    have.sets
        .first()
        .filter(|set| have.sets.len() == 1 && set.route == Route::Simple)
}

/// The live sets of one way of routing.
pub(super) fn routed(sets: &[Set], field: &str) -> Said {
    match sets.first() {
        Some(set) if set.route.field() == field && set.route != Route::Simple => {
            Said::Value(table(sets))
        }
        _ => Said::Nothing,
    }
}

pub(super) fn table(sets: &[Set]) -> Value {
    let row = |set: &Set| {
        let mut row = json!({ "to": set.to.said() });
        match &set.route {
            Route::Weighted(weight) => row["weight"] = json!(weight),
            Route::Latency(region) => row["region"] = json!(region),
            _ => {}
        }
        if let Some(check) = &set.health_check {
            row["health_check"] = json!(check);
        }
        (set.key.clone().unwrap_or_default(), row)
    };
    Value::Object(sets.iter().map(row).collect::<Map<_, _>>())
}

pub(super) fn wanted_ttl(want: &RecordSpec, _: &Known) -> Said {
    let is_alias =
        |way: &Way<'_>| matches!(goal(way.target), Some("load_balancer" | "distribution"));
    if ways(want).iter().all(is_alias) {
        Said::Nothing
    } else {
        Said::of(want.ttl)
    }
}

pub(super) fn live_ttl(sets: &[Set]) -> Said {
    let ttls = sorted(
        sets.iter()
            .filter_map(|set| set.ttl)
            .map(|ttl| Duration::seconds(ttl).to_string()),
    );
    match ttls.as_slice() {
        [] => Said::Nothing,
        [one] => Said::of(one),
        several => Said::of(several),
    }
}
