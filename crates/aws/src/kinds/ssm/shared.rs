//! What the kinds of Systems Manager share: tags.

use aws_sdk_ssm::types::Tag;
use terrace_core::error::Result;
use terrace_core::mark::Tags;

use crate::names::invalid;

/// Systems Manager's list of tags as a map.
pub(crate) fn tags(list: Option<Vec<Tag>>) -> Tags {
    list.unwrap_or_default()
        .into_iter()
        .map(|tag| (tag.key, tag.value))
        .collect()
}

/// Tags for a call.
pub(crate) fn tag_list(action: &'static str, tags: &Tags) -> Result<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter()
        .map(tag)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| invalid(action, error))
}
