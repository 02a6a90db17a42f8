//! The stage set: a stand-in for AWS on this machine, for `--sandbox`, tests and rehearsals.
//!
//! [`Sandbox`] is moto's server with our corrections, a Python process of its own that outlives the
//! command which started it. [`Home`] says where its private Python environment, its files and its
//! run files live. [`Proxy`] stands before it inside our own process: it counts calls and turns what
//! no AWS client could read into errors that it can.
//!
//! Nothing in here prints: progress goes through a callback, failures come as a [`SandboxError`]
//! with its remedies. Nothing in here reads AWS's settings, and the emulator is started without
//! them, so neither can be taken for the other.
//!
//! Reading order: `home`, `embed` (the emulator's files), `python` and `venv` (what runs them),
//! `process`, `proof`, `start`, `sandbox`; then `call` (what a request asks for), `translate`,
//! `fate` (what may become of it on the way), `weather`, `proxy`.

mod call;
mod client;
mod embed;
mod error;
mod fate;
mod home;
mod process;
mod proof;
mod proxy;
mod python;
mod sandbox;
mod start;
mod system;
mod translate;
mod venv;
mod weather;

pub use embed::Package;
pub use error::{Result, SandboxError};
pub use fate::{Asked, Fate, Refusal, Turn, Weather};
pub use home::Home;
pub use proof::Status;
pub use proxy::Proxy;
pub use python::Search;
pub use sandbox::{Correction, Lent, Sandbox, census};
pub use system::System;
pub use weather::{Forecast, Sky};

/// Where progress is told, a line at a time.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);
