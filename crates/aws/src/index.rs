//! The index of tags: what Resource Groups Tagging says of all that is ours in a region, a hundred a call.
//!
//! Some services list things without their tags, and have no call for the tags of several: one call for each then.
//! The index knows them, and may be minutes behind; it may lack what is there, and tell of what is gone (aws-semantics
//! 5.3). So it is believed in one thing only: that what a service has just listed is ours. What it does not say that
//! of is asked of the service, and so is what a plan would do something to ([`crate::discovery::confirm`]).

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_resourcegroupstagging::types::{Tag, TagFilter};
use terrace_core::error::Result;
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::mark::{self, Tags};

use crate::client::Aws;

/// The services whose kinds are looked up in it.
const SERVICES: &[&str] = &["acm", "cloudfront", "cloudwatch", "rds", "s3", "ssm"];

/// Where the index of what belongs to no region is (aws-semantics 2).
const GLOBAL: &str = "us-east-1";

/// The tags of one thing.
pub(crate) struct Labels {
    pub(crate) tags: Tags,
    /// Whether the index says so, and not the service.
    pub(crate) indexed: bool,
}

impl Labels {
    /// Those that the service says itself.
    pub(crate) fn own(tags: Tags) -> Self {
        Self {
            tags,
            indexed: false,
        }
    }

    /// A live thing with these.
    pub(crate) fn on<L>(self, live: L) -> Found<L> {
        Found::new(live, self.tags).indexed(self.indexed)
    }
}

impl Aws {
    /// The tags of something that was just listed in search of `look`; `None` if it is gone. `own` asks the service,
    /// where the index does not say that it is ours.
    pub(crate) async fn labels(
        &self,
        look: &Look,
        seen: &Seen,
        arn: &str,
        own: impl Future<Output = Result<Option<Tags>>> + Send,
    ) -> Result<Option<Labels>> {
        if self.indexed && matches!(look, Look::Ours) {
            let index = self.index(self.indexed_in(arn), seen).await?;
            if let Some(tags) = index.get(arn) {
                return Ok(Some(Labels {
                    tags: tags.clone(),
                    indexed: true,
                }));
            }
        }
        Ok(own.await?.map(Labels::own))
    }

    /// The region whose index has this ARN. The ARN of a bucket says no region, and it is in one all the same.
    fn indexed_in(&self, arn: &str) -> &str {
        let global = arn.starts_with("arn:aws:cloudfront:");
        if global { GLOBAL } else { &self.region }
    }

    /// All that is ours by the index of a region, by ARN, once a discovery.
    async fn index(&self, region: &str, seen: &Seen) -> Result<Arc<HashMap<String, Tags>>> {
        let owner = self.owner();
        let question = format!("tags of {owner} in {region}");
        let read = Box::pin(async {
            let ours = TagFilter::builder().key(mark::STACK).values(&owner).build();
            let types = SERVICES.iter().map(ToString::to_string).collect::<Vec<_>>();
            let client = self.tagging_in(region);
            let listed = self
                .read("tag:GetResources", || {
                    let call = client.get_resources().tag_filters(ours.clone());
                    let call = call.set_resource_type_filters(Some(types.clone()));
                    let pages = call.resources_per_page(100).into_paginator();
                    let pages = pages.items().send();
                    pages.collect::<std::result::Result<Vec<_>, _>>()
                })
                .await?;
            let told = listed.into_iter().filter_map(|one| {
                let tags: Tags = one.tags.iter().flatten().map(pair).collect();
                Some((one.resource_arn?, tags))
            });
            // What was ours once may be told without its tags.
            let ours = |(_, tags): &(String, Tags)| tags.get(mark::STACK) == Some(&owner);
            Ok(told.filter(ours).collect())
        });
        seen.once(question, read).await
    }
}

fn pair(tag: &Tag) -> (String, String) {
    (tag.key.clone(), tag.value.clone())
}
