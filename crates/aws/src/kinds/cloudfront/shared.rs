//! What the kinds of CloudFront share: tags, marks that stand in a text, changes that quote a version.

use aws_sdk_cloudfront::types::{DistributionSummary, Tag, TagKeys, Tags as TagList};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mark::{self, Tags};

use crate::client::Aws;
use crate::door::Op;
use crate::names::invalid;

/// A change quotes the ETag of what it changes; these say that somebody changed it meanwhile.
pub(crate) const STALE: &[&str] = &["PreconditionFailed", "InvalidIfMatchVersion"];

/// How often a change is put together anew for that reason.
pub(crate) const TRIES: u32 = 5;

/// Whether a call is worth putting together anew.
pub(crate) fn is_stale(error: &CloudError, attempt: u32) -> bool {
    error.is(STALE) && attempt < TRIES
}

/// The length of a list, which CloudFront wants beside it.
pub(crate) fn count<T>(list: &[T]) -> i32 {
    i32::try_from(list.len()).unwrap_or(i32::MAX)
}

/// Tags for a call.
pub(crate) fn tag_list(action: &'static str, tags: &Tags) -> Result<TagList> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: std::result::Result<Vec<_>, _> = tags.iter().map(tag).collect();
    let tags = tags.map_err(|error| invalid(action, error))?;
    Ok(TagList::builder().set_items(Some(tags)).build())
}

/// The mark as a text, for what has no tags: `terrace:gen=1 terrace:id=..`.
pub(crate) fn written(tags: &Tags) -> String {
    let ours = tags.iter().filter(|(key, _)| key.starts_with(mark::OURS));
    let words: Vec<String> = ours.map(|(key, value)| format!("{key}={value}")).collect();
    words.join(" ")
}

/// The mark that a text holds.
pub(crate) fn read(text: &str) -> Tags {
    let words = text.split(' ').filter(|word| word.starts_with(mark::OURS));
    let pairs = words.filter_map(|word| word.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

impl Aws {
    /// Every distribution of the account, ours or not.
    pub(crate) async fn distributions(&self) -> Result<Vec<DistributionSummary>> {
        self.read("cloudfront:ListDistributions", || {
            let pages = self.cloudfront.list_distributions();
            let pages = pages.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await
    }

    /// The tags of anything of CloudFront; `None` if it is gone.
    pub(crate) async fn cloudfront_tags(&self, arn: &str) -> Result<Option<Tags>> {
        let answer = self
            .read("cloudfront:ListTagsForResource", || {
                let call = self.cloudfront.list_tags_for_resource();
                call.resource(arn).send()
            })
            .await;
        let pair = |tag: &Tag| (tag.key.clone(), tag.value.clone().unwrap_or_default());
        match answer {
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            answer => {
                let tags = answer?.tags;
                let tags = tags.iter().flat_map(TagList::items);
                Ok(Some(tags.map(pair).collect()))
            }
        }
    }

    /// Sets and removes tags of anything of CloudFront.
    pub(crate) async fn cloudfront_tag(
        &self,
        arn: &str,
        set: &Tags,
        unset: &[String],
    ) -> Result<()> {
        const SET: &str = "cloudfront:TagResource";
        if !set.is_empty() {
            let tags = tag_list(SET, set)?;
            self.mutate(Op::again(SET), || {
                let call = self.cloudfront.tag_resource().resource(arn);
                call.tags(tags.clone()).send()
            })
            .await?;
        }
        if !unset.is_empty() {
            let keys = TagKeys::builder().set_items(Some(unset.to_vec())).build();
            self.mutate(Op::again("cloudfront:UntagResource"), || {
                let call = self.cloudfront.untag_resource().resource(arn);
                call.tag_keys(keys.clone()).send()
            })
            .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_from_its_text() {
        let tags = [
            ("terrace:stack", "shop/prod"),
            ("terrace:id", "origin_access_control.assets"),
            ("terrace:expires", "2026-01-01T00:00:00Z"),
        ];
        let mut tags: Tags = tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let mark = tags.clone();
        tags.insert("owner".to_owned(), "somebody else".to_owned());
        assert_eq!(read(&written(&tags)), mark);
        assert_eq!(read("for the static files"), Tags::new());
    }
}
