//! What the parts of Auto Scaling share: tags, and what its refusals mean.

use aws_sdk_autoscaling::types::{Tag, TagDescription};
use terrace_core::error::{CloudError, Result};
use terrace_core::mark::{OURS, Tags};

use crate::door::Op;

/// Auto Scaling's list of tags as a map.
pub(crate) fn tags(list: &[TagDescription]) -> Tags {
    let pair =
        |tag: &TagDescription| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    list.iter().filter_map(pair).collect()
}

/// A map of tags as its calls take it. Machines get those that are no mark (rule R16).
pub(crate) fn tag_list(group: &str, tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| {
        Tag::builder()
            .resource_type("auto-scaling-group")
            .resource_id(group)
            .key(key)
            .value(value)
            .propagate_at_launch(!key.starts_with(OURS))
            .build()
    };
    tags.iter().map(tag).collect()
}

/// A change of a group, which waits until a scaling activity under way lets it.
pub(crate) fn change(action: &'static str) -> Op {
    Op::again(action).while_busy(&["ScalingActivityInProgress"], 10.0)
}

/// Whether the group, or what hangs on it, is not there: Auto Scaling has no code of its own for that.
pub(crate) fn is_gone(error: &CloudError) -> bool {
    error.is(&["ValidationError"]) && error.message.contains("not found")
}

/// A number as its calls take it.
pub(crate) fn number(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Nothing, if it is not there.
pub(crate) fn if_there<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if is_gone(&error) => Ok(None),
        answer => answer.map(Some),
    }
}
