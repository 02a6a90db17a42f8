//! What the kinds of Secrets Manager share: tags.

use aws_sdk_secretsmanager::types::Tag;
use terrace_core::mark::Tags;

/// Secrets Manager's list of tags as a map.
pub(crate) fn tags(list: &[Tag]) -> Tags {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    list.iter().filter_map(pair).collect()
}

/// Tags for a call.
pub(crate) fn tag_list(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
