//! The hands of terrace: everything that knows AWS.
//!
//! Read [`client`] (how AWS is reached), [`door`] (how every call goes out), [`kinds`] (the list) and
//! `kinds/ec2/vpc.rs`, the kind to copy; then [`discovery`] and [`world`].

mod blockers;
pub mod bucket;
mod caller;
pub mod client;
pub mod discovery;
pub mod door;
pub mod error;
pub mod footprint;
pub mod former;
pub mod images;
mod index;
pub mod kinds;
pub mod lease;
mod limits;
pub mod lock;
pub mod lookups;
mod minutes;
mod names;
pub mod probe;
mod served;
pub mod teardown;
pub mod timing;
mod whole;
pub mod world;

pub use client::{Aws, Connection};
pub use kinds::{KINDS, hands};

use std::sync::Arc;

use terrace_core::erased::AnyHand;
use terrace_core::words::Words;

/// The words of the language that name kinds.
pub static VOCABULARY: Words = Words::new(KINDS, lookups::LOOKUPS);

/// The hands of all kinds, those that are only looked up included.
pub fn all_hands(cx: &Arc<Aws>) -> Vec<Arc<dyn AnyHand>> {
    let mut all = hands(cx);
    all.extend(lookups::lookup_hands(cx));
    all
}
