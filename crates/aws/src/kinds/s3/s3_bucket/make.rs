//! Making a bucket, once.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mark::Mark;

use super::super::shared::tag_list;
use super::guard::ObjectLock;
use super::{S3BucketLive, S3BucketSpec, empty, find, name};
use crate::client::Aws;
use crate::door::Op;
use crate::names::taken;

/// Makes it, or finds that an earlier call did.
pub(super) async fn make(cx: &Aws, want: &S3BucketSpec, mark: &Mark) -> Result<S3BucketLive> {
    const ACTION: &str = "s3:CreateBucket";
    let name = name(want, mark);
    let home = cx.region == "us-east-1";
    // There alone a second creation of one's own bucket is good news, and resets whom it lets in.
    if home && find::is_there(cx, &name).await? {
        let refused = format!("there is a bucket `{name}`");
        let refused = CloudError::new(ACTION, ErrorClass::Conflict, refused);
        return again(cx, want, mark, &name, refused).await;
    }
    let place = (!home).then(|| BucketLocationConstraint::from(cx.region.as_str()));
    let configuration = CreateBucketConfiguration::builder()
        .set_location_constraint(place)
        .set_tags(Some(tag_list(ACTION, &mark.all_tags())?))
        .build();
    // A bucket of this name that was deleted just now holds it for a while.
    let op = Op::again(ACTION).while_busy(&["OperationAborted"], 2.0);
    let answer = cx
        .mutate(op, || {
            let call = cx.s3.create_bucket().bucket(&name);
            call.create_bucket_configuration(configuration.clone())
                .set_object_lock_enabled_for_bucket(want.object_lock.as_ref().map(|_| true))
                .send()
        })
        .await;
    match answer {
        Ok(_) => {
            let unlocked = ObjectLock {
                mode: None,
                retention: None,
            };
            let lock = want.object_lock.as_ref().map(|_| unlocked);
            Ok(S3BucketLive::fresh(name, cx.region.clone(), lock))
        }
        Err(error) if error.is(&["BucketAlreadyOwnedByYou"]) => {
            again(cx, want, mark, &name, error).await
        }
        Err(error) if error.is(&["BucketAlreadyExists"]) => Err(error.hinted(
            "names of buckets are the whole world's, and somebody else has this one: choose another `name`",
        )),
        Err(error) => Err(error),
    }
}

/// What a creation means whose bucket is the account's already.
async fn again(
    cx: &Aws,
    want: &S3BucketSpec,
    mark: &Mark,
    name: &str,
    refused: CloudError,
) -> Result<S3BucketLive> {
    let found = find::one(cx, name).await?;
    // A derived name is proof enough for a bucket without tags and objects: an endpoint that keeps no
    // tags at creation (aws-semantics 3.24).
    if let Some(bare) = found.as_ref().filter(|found| found.tags.is_empty())
        && want.name.is_none()
        && empty::is_empty(cx, name).await?
    {
        find::put_tags(cx, name, &mark.all_tags()).await?;
        return Ok(bare.live.clone());
    }
    taken(refused, found, mark)
}
