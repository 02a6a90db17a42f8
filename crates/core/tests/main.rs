//! The language, tested through its front door: TOML in, stack or report out.

mod kinds;
mod paper;
