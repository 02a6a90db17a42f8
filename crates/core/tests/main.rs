//! The language, tested through its front door: TOML in, stack or report out.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so"
)]

mod errors;
mod kinds;
mod paper;
mod rules;
mod stacks;
