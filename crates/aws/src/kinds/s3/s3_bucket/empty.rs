//! Emptying a bucket, for good: every version of every object, the marks of deletions, and the parts of
//! uploads that were never ended.

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use terrace_core::error::{CloudError, Result};

use super::super::shared::{of, there};
use crate::client::Aws;
use crate::door::Op;
use crate::error;
use crate::names::invalid;

/// Deletes all that is in it; tells how far it is.
pub(super) async fn empty(cx: &Aws, bucket: &str, tell: impl Fn(String)) -> Result<()> {
    abort_uploads(cx, bucket).await?;
    let mut deleted = 0;
    let mut page = list(cx, bucket, None).await?;
    loop {
        let doomed = doomed(&page)?;
        let next = page.is_truncated.unwrap_or_default().then(|| {
            let key = page.next_key_marker.clone().unwrap_or_default();
            (key, page.next_version_id_marker.clone())
        });
        // The next page comes while this one goes.
        let following = async {
            match next {
                Some(from) => list(cx, bucket, Some(from)).await.map(Some),
                None => Ok(None),
            }
        };
        let count = doomed.len();
        let (following, ()) = tokio::try_join!(following, delete(cx, bucket, doomed))?;
        deleted += count;
        if count > 0 {
            tell(format!("being emptied, {deleted} objects deleted so far"));
        }
        match following {
            Some(following) => page = following,
            None => return Ok(()),
        }
    }
}

/// AWS's refusal to delete what was emptied and is not empty: with how much is in it again.
pub(super) async fn refilled(cx: &Aws, bucket: &str, mut error: CloudError) -> CloudError {
    if let Ok(page) = list(cx, bucket, None).await {
        let count = page.versions().len() + page.delete_markers().len();
        let least = if page.is_truncated == Some(true) {
            "at least "
        } else {
            ""
        };
        let newest = page.versions().first().and_then(|one| one.key());
        let such_as = newest.map_or_else(String::new, |key| format!(", such as `{key}`"));
        let words = error.message.trim_end_matches('.');
        error.message = format!("{words}; held by {least}{count} objects{such_as}");
    }
    error.hinted("something goes on writing to it: stop that first")
}

/// A page of versions and marks of deletions, a thousand together.
async fn list(
    cx: &Aws,
    bucket: &str,
    from: Option<(String, Option<String>)>,
) -> Result<ListObjectVersionsOutput> {
    let (key, version) = from.map_or((None, None), |(key, version)| (Some(key), version));
    cx.read("s3:ListBucketVersions", || {
        of!(cx, bucket, list_object_versions)
            .set_key_marker(key.clone())
            .set_version_id_marker(version.clone())
            .send()
    })
    .await
}

fn doomed(page: &ListObjectVersionsOutput) -> Result<Vec<ObjectIdentifier>> {
    let versions = page
        .versions()
        .iter()
        .map(|one| (&one.key, &one.version_id));
    let marks = page.delete_markers().iter();
    let marks = marks.map(|one| (&one.key, &one.version_id));
    let named = versions.chain(marks).map(|(key, version)| {
        let one = ObjectIdentifier::builder().set_key(key.clone());
        one.set_version_id(version.clone()).build()
    });
    named
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| invalid("s3:ListBucketVersions", error))
}

/// Deletes up to a thousand in one call, whose answer is good even if some of them stay.
async fn delete(cx: &Aws, bucket: &str, doomed: Vec<ObjectIdentifier>) -> Result<()> {
    const ACTION: &str = "s3:DeleteObjectVersion";
    if doomed.is_empty() {
        return Ok(());
    }
    let batch = Delete::builder().set_objects(Some(doomed)).quiet(true);
    let batch = batch.build().map_err(|error| invalid(ACTION, error))?;
    let answer = cx
        .mutate(Op::again(ACTION), || {
            of!(cx, bucket, delete_objects).delete(batch.clone()).send()
        })
        .await?;
    let Some(kept) = answer.errors().first() else {
        return Ok(());
    };
    let code = kept.code.as_deref().unwrap_or_default();
    let message = format!(
        "{} of the objects stay, such as `{}`: {}",
        answer.errors().len(),
        kept.key.as_deref().unwrap_or_default(),
        kept.message.as_deref().unwrap_or(code),
    );
    let error = error::inside(ACTION, code, &message);
    Err(error.hinted("a lock on them, or the bucket's own policy, may forbid it"))
}

/// The parts of uploads that were never ended are in no list of objects, and hold the bucket all the same.
async fn abort_uploads(cx: &Aws, bucket: &str) -> Result<()> {
    let uploads = cx
        .read("s3:ListBucketMultipartUploads", || async move {
            let mut uploads = Vec::new();
            let (mut key, mut id) = (None, None);
            loop {
                let page = of!(cx, bucket, list_multipart_uploads)
                    .set_key_marker(key.take())
                    .set_upload_id_marker(id.take())
                    .send()
                    .await?;
                uploads.extend(page.uploads.unwrap_or_default());
                if !page.is_truncated.unwrap_or_default() {
                    return Ok::<_, crate::client::SdkError<_>>(uploads);
                }
                (key, id) = (page.next_key_marker, page.next_upload_id_marker);
            }
        })
        .await?;
    for upload in uploads {
        let answer = cx
            .mutate(Op::again("s3:AbortMultipartUpload"), || {
                of!(cx, bucket, abort_multipart_upload)
                    .set_key(upload.key.clone())
                    .set_upload_id(upload.upload_id.clone())
                    .send()
            })
            .await;
        there(answer, &["NoSuchUpload"])?;
    }
    Ok(())
}

/// Whether nothing is in it.
pub(super) async fn is_empty(cx: &Aws, bucket: &str) -> Result<bool> {
    Ok(doomed(&list(cx, bucket, None).await?)?.is_empty())
}
