//! Distributions that hold an origin access control.

use aws_sdk_cloudfront::types::{DistributionSummary, Origins};
use futures_util::future::try_join_all;
use terrace_core::error::Result;

use super::{Blocker, Fate};
use crate::client::Aws;

/// The distributions that sign with an origin access control. Needs `cloudfront:ListDistributions` and
/// `cloudfront:ListTagsForResource`.
pub(crate) async fn signed_by(cx: &Aws, control: &str) -> Result<Vec<Blocker>> {
    let signs = |one: &&DistributionSummary| {
        let mut origins = one.origins.iter().flat_map(Origins::items);
        origins.any(|origin| origin.origin_access_control_id() == Some(control))
    };
    let all = cx.distributions().await?;
    try_join_all(all.iter().filter(signs).map(|one| named(cx, one))).await
}

async fn named(cx: &Aws, one: &DistributionSummary) -> Result<Blocker> {
    let DistributionSummary {
        id, domain_name, ..
    } = one;
    // CloudFront is in no region.
    let remedy = format!(
        "give its origins another access control, or none: `aws cloudfront update-distribution --id {id}`"
    );
    // What has no tags here went between the two calls.
    let tags = cx.cloudfront_tags(&one.arn).await?;
    let fate = tags.map_or(Fate::Going, |tags| cx.fate(&tags, remedy));
    Ok(Blocker::new(
        format!("distribution {id} ({domain_name})"),
        fate,
    ))
}
