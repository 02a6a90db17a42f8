//! What the kinds of EC2 share: tags and filters.

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use terrace_core::error::Result;
use terrace_core::inventory::Look;
use terrace_core::mark::{self, Mark, Tags};

use crate::client::Aws;
use crate::door::Op;

/// EC2's list of tags as a map.
pub(crate) fn tags(list: &[Tag]) -> Tags {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    list.iter().filter_map(pair).collect()
}

/// The tags to create something with, all of them in the creating call (rule R4).
pub(crate) fn marked(kind: ResourceType, mark: &Mark) -> TagSpecification {
    with_tags(kind, &mark.all_tags())
}

/// Any tags for the creating call.
pub(crate) fn with_tags(kind: ResourceType, tags: &Tags) -> TagSpecification {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags.iter().map(tag).collect()))
        .build()
}

/// A filter of one value.
pub(crate) fn filter(name: impl Into<String>, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

impl Aws {
    /// What [`Look`] means to a list of EC2: always a filter, so that the larger of AWS's two rate
    /// limits applies, and one id that is not there is an empty list and no error.
    pub(crate) fn ec2_filters(&self, look: &Look, id: &str) -> Vec<Filter> {
        match look {
            Look::Ours => vec![filter(format!("tag:{}", mark::STACK), self.owner())],
            Look::Id(value) => vec![filter(id, value)],
            Look::Like(properties) => properties
                .iter()
                .map(|(name, value)| match name.strip_prefix("tags.") {
                    Some(key) => filter(format!("tag:{key}"), value),
                    None if name == "name" => filter("tag:Name", value),
                    None if name == "id" => filter(id, value),
                    None => filter(name.replace('_', "-"), value),
                })
                .collect(),
        }
    }

    /// Sets and removes tags of anything in EC2.
    pub(crate) async fn ec2_tag(&self, id: &str, set: &Tags, unset: &[String]) -> Result<()> {
        if !set.is_empty() {
            let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
            let tags: Vec<Tag> = set.iter().map(tag).collect();
            self.mutate(Op::again("ec2:CreateTags"), || {
                self.ec2.create_tags().resources(id).set_tags(Some(tags.clone())).send()
            })
            .await?;
        }
        if !unset.is_empty() {
            let tags: Vec<Tag> = unset.iter().map(|key| Tag::builder().key(key).build()).collect();
            self.mutate(Op::again("ec2:DeleteTags"), || {
                self.ec2.delete_tags().resources(id).set_tags(Some(tags.clone())).send()
            })
            .await?;
        }
        Ok(())
    }
}
