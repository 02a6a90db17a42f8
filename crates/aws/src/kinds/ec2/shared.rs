//! What the kinds of EC2 share: tags, filters and client tokens.

use std::future::Future;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::Look;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::reference::Target;

use crate::client::Aws;
use crate::door::Op;
use crate::lookups::LookUpKind;
use crate::lookups::prefix_list::PrefixList;

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
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tag_list(tags)))
        .build()
}

/// A map of tags as EC2's calls take it.
pub(crate) fn tag_list(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}

/// A filter of one value.
pub(crate) fn filter(name: impl Into<String>, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// How many dead answers to one token are put aside before giving up.
const SALTS: u32 = 8;

impl Aws {
    /// What [`Look`] means to a list of EC2: always a filter, so that the larger of AWS's two rate
    /// limits applies, and one id that is not there is an empty list and no error.
    pub(crate) fn ec2_filters(&self, look: &Look, id: &str) -> Vec<Filter> {
        self.ec2_filters_by(look, id, &[])
    }

    /// The same for a kind with words of its own: pairs of a property and the filter it is.
    pub(crate) fn ec2_filters_by(
        &self,
        look: &Look,
        id: &str,
        words: &[(&str, &str)],
    ) -> Vec<Filter> {
        let like = |(name, value): (&String, &String)| {
            let value = match name.as_str() {
                "zone" if value.len() == 1 => format!("{}{value}", self.region),
                _ => value.clone(),
            };
            if let Some(key) = name.strip_prefix("tags.") {
                return filter(format!("tag:{key}"), value);
            }
            let own = words.iter().find(|(word, _)| word == name);
            match (own, name.as_str()) {
                (Some((_, theirs)), _) => filter(*theirs, value),
                (None, "id") => filter(id, value),
                (None, "name") => filter("tag:Name", value),
                (None, "vpc" | "subnet" | "instance") => filter(format!("{name}-id"), value),
                (None, "zone") => filter("availability-zone", value),
                (None, other) => filter(other.replace('_', "-"), value),
            }
        };
        match look {
            Look::Ours => vec![filter(format!("tag:{}", mark::STACK), self.owner())],
            Look::Id(value) => vec![filter(id, value)],
            Look::Like(properties) => properties.iter().map(like).collect(),
        }
    }

    /// A creating call with a client token, which AWS answers with what the same token made before
    /// (rule R4). That may be dead: AWS keeps tokens for a day or more after what they made is gone.
    /// So `alive` is asked of every answer, and a dead one sets the next token apart.
    pub(crate) async fn ec2_tokened<T, C, A>(
        &self,
        mark: &Mark,
        call: impl Fn(String) -> C,
        alive: impl Fn(&T) -> A,
    ) -> Result<T>
    where
        C: Future<Output = Result<T>>,
        A: Future<Output = Result<bool>>,
    {
        for turn in 0.. {
            let salt = if turn == 0 {
                String::new()
            } else {
                format!("t{turn}")
            };
            match call(mark.token(&salt)).await {
                // A token that was used for something else is the engine's to settle.
                Err(error) if error.is(&["IdempotentInstanceTerminated"]) && turn < SALTS => {}
                Ok(made) if turn < SALTS && !self.ec2_appears(&made, &alive).await? => {}
                answer => return answer,
            }
        }
        Err(CloudError::new(
            "terrace:token",
            ErrorClass::Invalid,
            "no token is left",
        ))
    }

    /// What was just made may be invisible for a while; a minute without it is proof enough that a
    /// token brought back something dead.
    async fn ec2_appears<T, A>(&self, made: &T, alive: &impl Fn(&T) -> A) -> Result<bool>
    where
        A: Future<Output = Result<bool>>,
    {
        let until = std::time::Instant::now() + self.timing.scaled(60.0);
        for attempt in 0.. {
            if alive(made).await? {
                return Ok(true);
            }
            if std::time::Instant::now() >= until {
                break;
            }
            tokio::time::sleep(self.timing.back_off(attempt)).await;
        }
        Ok(false)
    }

    /// Sets and removes tags of anything in EC2.
    pub(crate) async fn ec2_tag(&self, id: &str, set: &Tags, unset: &[String]) -> Result<()> {
        self.ec2_tag_all(&[id.to_owned()], set, unset).await
    }

    /// The same of several at once, at most 500.
    pub(crate) async fn ec2_tag_all(
        &self,
        ids: &[String],
        set: &Tags,
        unset: &[String],
    ) -> Result<()> {
        if !set.is_empty() {
            let tags = tag_list(set);
            self.mutate(Op::again("ec2:CreateTags"), || {
                self.ec2
                    .create_tags()
                    .set_resources(Some(ids.to_vec()))
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        }
        if !unset.is_empty() {
            let tags: Vec<Tag> = unset
                .iter()
                .map(|key| Tag::builder().key(key).build())
                .collect();
            self.mutate(Op::again("ec2:DeleteTags"), || {
                self.ec2
                    .delete_tags()
                    .set_resources(Some(ids.to_vec()))
                    .set_tags(Some(tags.clone()))
                    .send()
            })
            .await?;
        }
        Ok(())
    }
}

/// What may stand for a range of addresses in a route.
pub struct PrefixLists;

impl Target for PrefixLists {
    const KINDS: &'static [&'static str] = &[PrefixList::NAME];
}
