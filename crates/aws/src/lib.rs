//! The hands of terrace: everything that knows AWS.
//!
//! Read [`client`] (how AWS is reached), [`door`] (how every call goes out), [`kinds`] (the list) and
//! `kinds/ec2/vpc.rs`, the kind to copy; then [`discovery`] and [`world`].

pub mod client;
pub mod discovery;
pub mod door;
pub mod error;
pub mod kinds;
pub mod lookups;
mod names;
pub mod timing;
pub mod world;

pub use client::{Aws, Connection};
pub use kinds::{KINDS, hands};
