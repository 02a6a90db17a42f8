//! The language: TOML to stack, with every mistake at its place.
//!
//! [`load`] reads a folder, joins its stages, chooses an environment, enters modules, answers expressions, makes references
//! absolute, and lets the kinds judge what came out. What is known only once other resources are there stays open in the tree
//! ([`Is::Later`]) and is put in by [`Resource::table`] when it is known.
//!
//! In the order in which a file passes through: `parse` ([`Node`], [`Span`]), `declare`, `merge`, `ladder`; `header`,
//! `environment`; `world` with `lookup`, `refer`, `module`, `build`; `common`, `instance`; `load`.

mod bounds;
mod build;
mod common;
mod cycle;
mod de;
mod declare;
mod diagnostic;
mod disk;
mod environment;
mod expression;
mod fault;
mod files;
mod functions;
mod guess;
mod header;
mod hints;
mod input;
mod instance;
mod ladder;
mod later;
mod load;
mod lookup;
mod merge;
mod module;
mod node;
mod parse;
mod refer;
mod regions;
mod remember;
mod shape;
mod shares;
mod span;
mod stack;
mod syntax;
mod text;
mod validate;
mod vocabulary;
mod world;
mod zones;

pub use common::NAMES as COMMON;
pub use de::{LATE, REF};
pub use diagnostic::{Diagnostic, Report, Severity};
pub use fault::{Fault, Found, Wrong, spec};
pub use guess::{close, near};
pub use header::duration;
pub use later::{Known, Later};
pub use load::{Loaded, Request, load};
pub use node::{Is, Node, Table};
pub use span::{Place, Source, Sources, Span};
pub use stack::{Common, Edge, Existing, Loss, Moved, Removal, Resource, Stack};
pub use validate::{environment_names, validate_all};
pub use vocabulary::{Identity, Vocabulary};
