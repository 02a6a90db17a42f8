//! The engine's own laws, on toy kinds in memory: any graph, any two stages, any crash point.

mod gates;
mod laws;
mod leaving;
mod many;
mod paths;
mod plans;
mod remaining;
mod rename;
mod site;
mod soak;
mod toy;
