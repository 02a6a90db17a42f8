//! The judgement of terrace: from TOML to a stack, from what is live to a plan, from a plan to its end.
//!
//! Pure: no SDK, no terminal, no clock, no environment; Cargo keeps it so. Read in this order:
//! [`address`], [`kind`] (the contract), [`fields`] (the table of a kind), [`source`] (the language),
//! [`inventory`] (what is live), [`plan`] and [`planner`], [`apply`].

pub mod address;
pub mod apply;
pub mod bridge;
pub mod canon;
pub mod erased;
pub mod error;
pub mod fields;
pub mod hashed;
pub mod inventory;
pub mod kind;
pub mod known;
pub mod late;
pub mod mark;
pub mod minutes;
pub mod mutex;
pub mod plan;
pub mod planner;
mod reads;
pub mod reference;
pub mod remaining;
pub mod said;
pub mod sketch;
pub mod source;
pub mod words;
