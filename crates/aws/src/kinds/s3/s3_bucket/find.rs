//! Finding buckets: by their mark, or by their name.

use aws_sdk_s3::types::Tagging;
use futures_util::future::try_join_all;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::mark::{self, Tags};

use super::super::shared::{of, tag_list, tags, there};
use super::live::arn;
use super::{S3BucketLive, events, guard, lifecycle, site};
use crate::bucket::Bucket;
use crate::client::Aws;
use crate::door::Op;
use crate::index::Labels;
use crate::names::invalid;

/// Whether there is a bucket of this name that is the account's.
pub(super) async fn is_there(cx: &Aws, name: &str) -> Result<bool> {
    let call = || of!(cx, name, head_bucket).send();
    match cx.read("s3:ListBucket", call).await {
        Ok(_) => Ok(true),
        // Nobody's, or somebody else's: the creating call tells which.
        Err(error) if matches!(error.class, ErrorClass::NotFound | ErrorClass::Denied) => Ok(false),
        Err(error) => Err(error),
    }
}

/// All with our mark. A listing has no tags, and names may be anything: those of each bucket in the region come from
/// the index of tags where that is believed, else by a call each; the rest is asked only of ours.
pub(super) async fn ours(cx: &Aws, seen: &Seen) -> Result<Vec<Found<S3BucketLive>>> {
    let buckets = cx
        .read("s3:ListAllMyBuckets", || {
            let pages = cx
                .s3
                .list_buckets()
                .bucket_region(&cx.region)
                .into_paginator();
            let pages = pages.page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let (owner, prefix) = (cx.owner(), cx.identity.prefix());
    let (owner, prefix) = (&owner, prefix.as_str());
    // The one with the locks is the account's, and no stack's.
    let locks = Bucket::name_in(&cx.identity.account);
    let names = buckets.into_iter().filter_map(|bucket| bucket.name);
    let names = names.filter(|name| *name != locks);
    let found = try_join_all(names.map(|name| async move {
        let own = async {
            match tags_of(cx, &name).await {
                // A bucket may be closed even to its account. One that is named unlike ours is taken for
                // somebody else's: were it ours after all, its name is taken, and no second one is made.
                Err(error) if error.class == ErrorClass::Denied && !name.starts_with(prefix) => {
                    Ok(None)
                }
                tags => tags,
            }
        };
        let labels = cx
            .labels(&Look::Ours, seen, &arn(&name, &cx.region), own)
            .await?;
        match labels.filter(|labels| labels.tags.get(mark::STACK) == Some(owner)) {
            Some(labels) => with_labels(cx, name, labels).await,
            None => Ok(None),
        }
    }));
    Ok(found.await?.into_iter().flatten().collect())
}

/// One bucket, whoever's mark it has.
pub(super) async fn one(cx: &Aws, name: &str) -> Result<Option<Found<S3BucketLive>>> {
    match tags_of(cx, name).await? {
        Some(tags) => with_labels(cx, name.to_owned(), Labels::own(tags)).await,
        None => Ok(None),
    }
}

/// The rest of a bucket, all at once.
async fn with_labels(
    cx: &Aws,
    name: String,
    labels: Labels,
) -> Result<Option<Found<S3BucketLive>>> {
    let id = name.as_str();
    let read = Box::pin(async {
        tokio::try_join!(
            guard::read(cx, id),
            lifecycle::read(cx, id),
            site::read_cors(cx, id),
            site::read_website(cx, id),
            events::read_logging(cx, id),
            events::read_notified(cx, id),
        )
    });
    // It may have gone while it was read.
    let Some((guard, lifecycle, cors, website, logging, notified)) = there(read.await, GONE)?
    else {
        return Ok(None);
    };
    let live = S3BucketLive {
        id: name,
        region: cx.region.clone(),
        guard,
        lifecycle,
        cors,
        website,
        logging,
        notified,
    };
    Ok(Some(labels.on(live)))
}

const GONE: &[&str] = &["NoSuchBucket"];

/// The tags of a bucket; `None` if there is no such bucket.
pub(super) async fn tags_of(cx: &Aws, name: &str) -> Result<Option<Tags>> {
    let call = || of!(cx, name, get_bucket_tagging).send();
    let answer = cx.read("s3:GetBucketTagging", call).await;
    match answer {
        Err(error) if error.is(GONE) => Ok(None),
        Err(error) if error.is(&["NoSuchTagSet"]) => Ok(Some(Tags::new())),
        answer => answer.map(|answer| Some(tags(answer.tag_set))),
    }
}

pub(super) async fn put_tags(cx: &Aws, name: &str, all: &Tags) -> Result<()> {
    const ACTION: &str = "s3:PutBucketTagging";
    let tagging = Tagging::builder().set_tag_set(Some(tag_list(ACTION, all)?));
    let tagging = tagging.build().map_err(|error| invalid(ACTION, error))?;
    let op = Op::again(ACTION).while_busy(&["OperationAborted"], 2.0);
    let call = || {
        of!(cx, name, put_bucket_tagging)
            .tagging(tagging.clone())
            .send()
    };
    cx.mutate(op, call).await.map(drop)
}
