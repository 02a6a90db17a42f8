//! The functions of expressions: `cidrsubnet`, `json`, `all`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};

/// Adds them.
pub(crate) fn add(environment: &mut Environment<'_>) {
    environment.add_function("cidrsubnet", cidrsubnet);
    environment.add_function("json", json);
    environment.add_function("all", all);
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    // It prints what a template sees, whole.
    environment.remove_global("debug");
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

/// The `number`th part of a range whose prefix grows by `bits`.
fn cidrsubnet(range: &str, bits: u32, number: u64) -> Result<String, Error> {
    let parsed = range.split_once('/').and_then(|(address, prefix)| {
        Some((address.parse::<IpAddr>().ok()?, prefix.parse::<u32>().ok()?))
    });
    let Some((address, prefix)) = parsed else {
        return Err(wrong(format!(
            "cidrsubnet: `{range}` is no range such as 10.0.0.0/16"
        )));
    };
    let (width, start) = match address {
        IpAddr::V4(address) => (32, u128::from(u32::from(address))),
        IpAddr::V6(address) => (128, u128::from(address)),
    };
    let longer = prefix
        .checked_add(bits)
        .filter(|longer| prefix <= width && *longer <= width && bits < 64);
    let Some(longer) = longer else {
        return Err(wrong(format!(
            "cidrsubnet: {range} cannot be divided by {bits} more bits"
        )));
    };
    if number >> bits != 0 {
        let last = (1_u64 << bits) - 1;
        return Err(wrong(format!(
            "cidrsubnet: {range} has parts 0 to {last} of /{longer}, and not {number}"
        )));
    }
    // A shift by the whole width has no value: the range of everything starts at zero.
    let start = start
        .checked_shr(width - prefix)
        .unwrap_or(0)
        .checked_shl(width - prefix)
        .unwrap_or(0);
    let start = start | u128::from(number).checked_shl(width - longer).unwrap_or(0);
    let address = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(start).unwrap_or(0))),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(start)),
    };
    Ok(format!("{address}/{longer}"))
}

/// A value, or another where it is `none`: an optional input that was not given. A name without a value never gets here.
fn default(value: Value, other: Value) -> Value {
    if value.is_none() || value.is_undefined() {
        other
    } else {
        value
    }
}

/// A value as JSON text.
fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| wrong(format!("json: {error}")))
}

/// Every instance of a `for_each` resource, as a list.
fn all(value: &Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Map {
        return Err(wrong(
            "all: expects a resource with `for_each`, such as all(db_instance.replica)",
        ));
    }
    value.try_iter()?.map(|key| value.get_item(&key)).collect()
}
