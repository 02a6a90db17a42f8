//! What the kinds of RDS share: tags, ARNs, creations whose answer was lost.

use aws_sdk_rds::types::Tag;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::Found;
use terrace_core::kind::Objection;
use terrace_core::mark::{self, Identity, Mark, Tags};

use crate::client::Aws;
use crate::door::Op;

/// RDS's list of tags as a map.
pub(crate) fn tags(list: &[Tag]) -> Tags {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    list.iter().filter_map(pair).collect()
}

/// A map of tags as RDS's calls take it.
pub(crate) fn tag_list(tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect()
}

/// The ARN that something of RDS has or will have: `db`, `subgrp`, `pg` and a name.
pub(crate) fn arn(identity: &Identity, kind: &str, name: &str) -> String {
    let Identity {
        account, region, ..
    } = identity;
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:rds:{region}:{account}:{kind}:{name}")
}

/// What is wrong with a name of RDS's. Capitals would come back small and differ for ever.
pub(crate) fn check_name(name: Option<&String>, limit: usize) -> Option<Objection> {
    let name = name?;
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = name.len() <= limit
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(letter)
        && !name.contains("--")
        && !name.ends_with('-');
    if fits {
        return None;
    }
    let message = format!(
        "a name here has small letters, digits and single dashes, begins with a letter, and is at most {limit} long"
    );
    Some(Objection::new("name", message))
}

/// A creating call was refused because its name is taken. What has the name may be what an earlier try
/// made, its answer having been lost; its mark tells (rule R4).
pub(crate) fn taken<L>(refused: CloudError, found: Vec<Found<L>>, mark: &Mark) -> Result<L> {
    let wanted = mark.all_tags();
    let same = |found: &Found<L>, keys: &[&str]| {
        keys.iter()
            .all(|key| found.tags.get(*key) == wanted.get(*key))
    };
    match found.into_iter().next() {
        Some(found) if same(&found, &[mark::STACK, mark::ID, mark::GENERATION]) => Ok(found.live),
        // Both are there for a while, and have names of their own.
        Some(found) if same(&found, &[mark::STACK, mark::ID]) => {
            Err(refused.hinted("what it replaces has this name: change `name` too, or say none"))
        }
        _ => Err(refused.hinted("what has this name is not of this stack: choose another `name`")),
    }
}

/// Takes "there is no such thing" for an empty answer.
pub(crate) fn or_none<T: Default>(answer: Result<T>) -> Result<T> {
    match answer {
        Err(error) if error.class == ErrorClass::NotFound => Ok(T::default()),
        answer => answer,
    }
}

impl Aws {
    /// The tags of something whose listing leaves them out; `None` if it is gone meanwhile.
    pub(crate) async fn rds_tags(&self, arn: &str) -> Result<Option<Tags>> {
        let answer = self
            .read("rds:ListTagsForResource", || {
                self.rds.list_tags_for_resource().resource_name(arn).send()
            })
            .await;
        or_none(answer.map(|answer| Some(tags(answer.tag_list()))))
    }

    /// Sets and removes tags of anything of RDS.
    pub(crate) async fn rds_tag(&self, arn: &str, set: &Tags, unset: &[String]) -> Result<()> {
        if !set.is_empty() {
            self.mutate(Op::again("rds:AddTagsToResource"), || {
                let call = self.rds.add_tags_to_resource().resource_name(arn);
                call.set_tags(Some(tag_list(set))).send()
            })
            .await?;
        }
        if !unset.is_empty() {
            self.mutate(Op::again("rds:RemoveTagsFromResource"), || {
                let call = self.rds.remove_tags_from_resource().resource_name(arn);
                call.set_tag_keys(Some(unset.to_vec())).send()
            })
            .await?;
        }
        Ok(())
    }
}
