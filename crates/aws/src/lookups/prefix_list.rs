//! Ranges of addresses under one name, kept by AWS or shared by others (aws-semantics 3.7).

use serde_json::json;
use terrace_core::error::Result;
use terrace_core::inventory::Look;
use terrace_core::outputs;

use super::{LookUpKind, Match};
use crate::client::{Aws, missing};
use crate::kinds::ec2::shared::tags;

/// Ranges of addresses under one name: those of CloudFront, of S3 in a region, of an office.
pub struct PrefixList;

/// The filters of DescribeManagedPrefixLists, which has names of its own.
const WORDS: &[(&str, &str)] = &[("name", "prefix-list-name"), ("owner", "owner-id")];

impl LookUpKind for PrefixList {
    const NAME: &'static str = "prefix_list";
    const OUTPUTS: &'static [&'static str] = &["arn", "name", "max_entries"];

    async fn find(cx: &Aws, look: &Look) -> Result<Vec<Match>> {
        const ACTION: &str = "ec2:DescribeManagedPrefixLists";
        let filters = cx.ec2_filters_by(look, "prefix-list-id", WORDS);
        let lists = cx
            .read(ACTION, || {
                let call = cx.ec2.describe_managed_prefix_lists();
                let pages = call.set_filters(Some(filters.clone())).into_paginator();
                pages
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        let read = |list: aws_sdk_ec2::types::ManagedPrefixList| {
            Ok(Match {
                id: list
                    .prefix_list_id
                    .ok_or_else(|| missing(ACTION, "prefix list id"))?,
                outputs: outputs! {
                    "arn" => json!(list.prefix_list_arn),
                    "name" => json!(list.prefix_list_name),
                    // That many rules of a group's sixty does a rule count that names it.
                    "max_entries" => json!(list.max_entries),
                },
                tags: tags(list.tags.as_deref().unwrap_or_default()),
            })
        };
        lists.into_iter().map(read).collect()
    }
}
