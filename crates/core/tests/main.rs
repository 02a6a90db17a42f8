//! The language, tested through its front door: TOML in, stack or report out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so"
)]

mod address;
mod engine;
mod environments;
mod errors;
mod hostile;
mod judge;
mod kinds;
mod modules;
mod paper;
mod resources;
mod spec;
mod stacks;
mod stages;
mod values;
