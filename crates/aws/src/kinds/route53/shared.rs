//! What the kinds of Route 53 share: zones as they are listed, their tags, records by page, changes.

use std::sync::Arc;

use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeInfo, ChangeStatus, HostedZone, ResourceRecordSet,
    RrType, Tag, TagResourceType,
};
use futures_util::future::try_join_all;
use terrace_core::canon::DnsName;
use terrace_core::error::{CloudError, Result};
use terrace_core::inventory::Seen;
use terrace_core::mark::Tags;

use crate::client::{Aws, missing};
use crate::door::Op;
use crate::names::invalid;

/// `Z0123` of `/hostedzone/Z0123`: answers have the long form, calls take both.
pub(crate) fn plain(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// The call that changes records.
pub(crate) const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// What cannot be put into such a call.
pub(crate) fn unknown(why: impl std::fmt::Display) -> CloudError {
    invalid(CHANGE, why)
}

/// One change of a batch.
pub(crate) fn change(action: ChangeAction, set: ResourceRecordSet) -> Result<Change> {
    let change = Change::builder().action(action).resource_record_set(set);
    change.build().map_err(unknown)
}

/// Where in a zone a listing of records begins and ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Records<'a> {
    /// All of them.
    All,
    /// Those of one name and type.
    At(&'a DnsName, &'a RrType),
}

impl Aws {
    /// The same as [`Aws::route53_zones`], once a discovery.
    pub(crate) async fn route53_zones_in(&self, seen: &Seen) -> Result<Arc<Vec<HostedZone>>> {
        seen.once("zones", Box::pin(self.route53_zones())).await
    }

    /// All records of a zone, once a discovery.
    pub(crate) async fn route53_all_records(
        &self,
        zone: &str,
        seen: &Seen,
    ) -> Result<Arc<Vec<ResourceRecordSet>>> {
        let read = Box::pin(self.route53_records(zone, Records::All));
        seen.once(format!("records of {zone}"), read).await
    }

    /// Every hosted zone of the account, ours or not.
    pub(crate) async fn route53_zones(&self) -> Result<Vec<HostedZone>> {
        self.read("route53:ListHostedZones", || {
            let pages = self
                .route53
                .list_hosted_zones()
                .into_paginator()
                .items()
                .send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await
    }

    /// The tags of zones, in their order: one call for ten.
    pub(crate) async fn route53_tags(&self, ids: &[String]) -> Result<Vec<Tags>> {
        const ACTION: &str = "route53:ListTagsForResources";
        let batches = try_join_all(ids.chunks(10).map(|ids| async move {
            self.read(ACTION, || {
                let call = self.route53.list_tags_for_resources();
                let call = call.resource_type(TagResourceType::Hostedzone);
                call.set_resource_ids(Some(ids.to_vec())).send()
            })
            .await
        }))
        .await?;
        let sets: Vec<_> = batches
            .into_iter()
            .flat_map(|batch| batch.resource_tag_sets)
            .collect();
        ids.iter()
            .map(|id| {
                let of = sets
                    .iter()
                    .find(|set| set.resource_id.as_deref() == Some(id));
                let of = of.ok_or_else(|| missing(ACTION, "tags of a zone"))?;
                let pair =
                    |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
                Ok(of.tags().iter().filter_map(pair).collect())
            })
            .collect()
    }

    /// Sets and removes tags of a zone.
    pub(crate) async fn route53_tag(&self, id: &str, set: &Tags, unset: &[String]) -> Result<()> {
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let add: Vec<Tag> = set.iter().map(tag).collect();
        // One call takes at most ten of each, and neither list may be empty.
        for add in add.chunks(10) {
            self.mutate(Op::again("route53:ChangeTagsForResource"), || {
                let call = self.route53.change_tags_for_resource().resource_id(id);
                let call = call.resource_type(TagResourceType::Hostedzone);
                call.set_add_tags(Some(add.to_vec())).send()
            })
            .await?;
        }
        for unset in unset.chunks(10) {
            self.mutate(Op::again("route53:ChangeTagsForResource"), || {
                let call = self.route53.change_tags_for_resource().resource_id(id);
                let call = call.resource_type(TagResourceType::Hostedzone);
                call.set_remove_tag_keys(Some(unset.to_vec())).send()
            })
            .await?;
        }
        Ok(())
    }

    /// Records of a zone, as AWS writes them, page by page.
    pub(crate) async fn route53_records(
        &self,
        zone: &str,
        which: Records<'_>,
    ) -> Result<Vec<ResourceRecordSet>> {
        const ACTION: &str = "route53:ListResourceRecordSets";
        let wanted = |record: &ResourceRecordSet| match which {
            Records::All => true,
            Records::At(name, kind) => {
                DnsName::from_aws(&record.name) == *name && record.r#type == *kind
            }
        };
        let (mut name, mut kind, mut set) = match which {
            Records::All => (None, None, None),
            Records::At(name, kind) => (Some(name.dotted()), Some(kind.clone()), None),
        };
        let mut records = Vec::new();
        loop {
            let page = self
                .read(ACTION, || {
                    let call = self
                        .route53
                        .list_resource_record_sets()
                        .hosted_zone_id(zone);
                    let call = call.set_start_record_name(name.clone());
                    let call = call.set_start_record_type(kind.clone());
                    call.set_start_record_identifier(set.clone()).send()
                })
                .await?;
            // Those of one name and type stand together, and the listing begins at them.
            let ends = !page.is_truncated || page.resource_record_sets.iter().any(|r| !wanted(r));
            records.extend(page.resource_record_sets.into_iter().filter(|r| wanted(r)));
            if ends {
                return Ok(records);
            }
            name = Some(
                page.next_record_name
                    .ok_or_else(|| missing(ACTION, "next name"))?,
            );
            (kind, set) = (page.next_record_type, page.next_record_identifier);
        }
    }

    /// Carries changes out, all or none, and waits until everybody knows.
    pub(crate) async fn route53_change(&self, zone: &str, changes: Vec<Change>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let batch = ChangeBatch::builder().set_changes(Some(changes));
        let batch = batch.build().map_err(unknown)?;
        let answer = self
            .mutate(Op::again(CHANGE), || {
                let call = self.route53.change_resource_record_sets();
                let call = call.hosted_zone_id(zone);
                call.change_batch(batch.clone()).send()
            })
            .await?;
        self.route53_in_sync(answer.change_info).await
    }

    /// Waits until all of Route 53's servers know of a change: under a minute as a rule. A change has
    /// an id of its own, which nothing can find again, so it is waited for where it was made.
    pub(crate) async fn route53_in_sync(&self, change: Option<ChangeInfo>) -> Result<()> {
        let Some(change) = change.filter(|change| change.status != ChangeStatus::Insync) else {
            return Ok(());
        };
        let mut attempt = 0;
        while self.timing.patient(attempt, 1.0) {
            tokio::time::sleep(self.timing.poll(attempt, 1.0)).await;
            let answer = self
                .read("route53:GetChange", || {
                    self.route53.get_change().id(plain(&change.id)).send()
                })
                .await?;
            if answer
                .change_info
                .is_none_or(|change| change.status == ChangeStatus::Insync)
            {
                break;
            }
            attempt += 1;
        }
        Ok(())
    }
}
