//! What terrace knows of its kinds, for people: read off their schemas, never written twice.
//!
//! [`property`] reads a schema, [`page`] arranges what it says into [`block`]s, and those are written
//! for a terminal or as Markdown. `explain` shows them, `docs` writes them to files.

pub(crate) mod block;
pub(crate) mod common;
pub(crate) mod editor;
pub(crate) mod examples;
pub(crate) mod page;
pub(crate) mod property;
