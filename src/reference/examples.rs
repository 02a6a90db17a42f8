//! The smallest TOML for each kind, from `examples/`.

static EXAMPLES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// A kind's example; `None` where there is none yet.
pub(crate) fn example(kind: &str) -> Option<&'static str> {
    EXAMPLES
        .iter()
        .find(|(name, _)| *name == kind)
        .map(|(_, text)| *text)
}
