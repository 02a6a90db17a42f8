//! Equality as AWS means it: values that are read once and written one way.

mod cidr;
mod dns;
mod duration;
mod flow;
mod peer;
pub mod policy;
mod ports;
mod printed;
mod range;
mod text;
mod zone;

pub use cidr::Cidr4;
pub use dns::DnsName;
pub use duration::Duration;
pub(crate) use duration::SPAN;
pub use flow::Flow;
pub use peer::{Peer, Peers};
pub use policy::Policy;
pub use ports::Ports;
pub use printed::{acts, code, printed, printed_line};
pub use range::Cidr;
pub use text::Text;
pub use zone::Zone;

use std::borrow::Cow;

use schemars::{Schema, json_schema};

/// The schema of a value that is text in TOML.
fn text_schema(description: &str, examples: &[&str]) -> Schema {
    json_schema!({ "type": "string", "description": description, "examples": examples })
}

/// The name of a canonical type in schemas.
fn schema_name(name: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(name)
}
