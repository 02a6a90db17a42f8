//! The sandbox's tests, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod fates;
mod lifecycle;
mod proxy;
mod python;
mod real;
mod stage;
