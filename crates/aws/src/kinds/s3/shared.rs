//! What the kinds of S3 share: calls about one bucket, answers that say "none", tags.

use aws_sdk_s3::types::Tag;
use terrace_core::error::Result;
use terrace_core::mark::Tags;

use crate::names::invalid;

/// A call about a bucket that must be this account's: names of buckets are the whole world's, so whose it
/// is goes with every call (aws-semantics 5.4).
macro_rules! of {
    ($cx:expr, $bucket:expr, $call:ident) => {
        $cx.s3
            .$call()
            .bucket($bucket)
            .expected_bucket_owner(&$cx.identity.account)
    };
}
pub(crate) use of;

/// What S3 answers with an error that says "there is none". That the caller may not look is no such
/// answer (rule R17).
pub(crate) fn there<T>(answer: Result<T>, none: &[&str]) -> Result<Option<T>> {
    match answer {
        Err(error) if error.is(none) => Ok(None),
        answer => answer.map(Some),
    }
}

/// S3's list of tags as a map.
pub(crate) fn tags(list: Vec<Tag>) -> Tags {
    list.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Tags for a call.
pub(crate) fn tag_list(action: &'static str, tags: &Tags) -> Result<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter()
        .map(tag)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| invalid(action, error))
}
