//! What the kinds share whose creation is told apart by a name (create class NAME, rule R4).

use std::collections::BTreeMap;
use std::fmt::Display;

use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::Found;
use terrace_core::mark::{self, Mark};

/// What a creation means that was refused because its name is taken: an earlier call of ours whose
/// answer was lost made it, and its tags prove that; else the name is somebody else's.
pub(crate) fn taken<L>(refused: CloudError, found: Option<Found<L>>, mark: &Mark) -> Result<L> {
    let wanted = mark.all_tags();
    let says = |found: &Found<L>, keys: &[&str]| {
        keys.iter()
            .all(|key| found.tags.get(*key) == wanted.get(*key))
    };
    match found {
        Some(found) if says(&found, &[mark::STACK, mark::ID, mark::GENERATION]) => Ok(found.live),
        // Both are there for a while, and have names of their own.
        Some(found) if says(&found, &[mark::STACK, mark::ID]) => {
            Err(refused.hinted("what it replaces has this name: change `name` too, or say none"))
        }
        Some(_) => Err(refused
            .hinted("what has this name carries another mark, or none: choose another `name`")),
        // AWS says that it exists and does not show it yet.
        None => Err(CloudError {
            class: ErrorClass::Unknown,
            ..refused.hinted("it was made or deleted a moment ago: apply again")
        }),
    }
}

/// The name that an `existing` look-up gives, for kinds that AWS cannot search.
pub(crate) fn only<'a>(
    like: &'a BTreeMap<String, String>,
    kind: &str,
    keys: &[&str],
) -> Result<&'a str> {
    let wrong = |message: String| CloudError::new("terrace:look-up", ErrorClass::Invalid, message);
    match like.iter().next() {
        Some((key, value)) if like.len() == 1 && keys.contains(&key.as_str()) => Ok(value),
        _ => Err(wrong(format!(
            "an existing `{kind}` is looked up by its `{}` alone",
            keys.join("` or `")
        ))),
    }
}

/// An error of our own: a value that is not known when it must be, a request that cannot be put together.
pub(crate) fn invalid(action: &'static str, why: impl Display) -> CloudError {
    CloudError::new(action, ErrorClass::Invalid, why.to_string())
}

/// The first part of ARNs in a region.
pub(crate) fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
