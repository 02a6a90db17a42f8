//! The judgement of terrace: what a stack says, and what follows from it. No SDK, terminal, clock or environment.

pub mod address;
pub mod source;
