//! The certificates of all regions that a stack has nothing to do with: who of them needs a validation record.
//!
//! Every certificate that leaves asks, and those of one stack leave one after the other: one listing of a dozen
//! and more regions does for all of them, as long as it is fresh. Somebody may request a certificate of the same
//! name there meanwhile. It is not issued yet then, so it still tells by which record it would be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_acm::types::CertificateSummary;
use futures_util::future::try_join_all;
use terrace_core::error::{ErrorClass, Result};
use tokio::sync::Mutex;

use crate::client::Aws;
use crate::lease::Moment;

/// For how many seconds a listing is fresh.
const FRESH: f64 = 600.0;

/// What is listed in each region; nothing where that is denied.
type Listed = Arc<BTreeMap<String, Option<Vec<CertificateSummary>>>>;

/// The last listing, and when it was begun.
#[derive(Debug, Default)]
pub(crate) struct Far(Mutex<Option<(Moment, BTreeSet<String>, Listed)>>);

impl Aws {
    /// The certificates in every region that the account may use, those of `near` aside.
    pub(super) async fn certificates_far_from(&self, near: &BTreeSet<String>) -> Result<Listed> {
        let mut last = self.far.0.lock().await;
        if let Some((since, apart, listed)) = &*last
            && apart == near
            && since.age() < self.timing.scaled(FRESH)
        {
            return Ok(Arc::clone(listed));
        }
        let since = Moment::now();
        let answer = self
            .read("ec2:DescribeRegions", || self.ec2.describe_regions().send())
            .await?;
        let regions = answer.regions.unwrap_or_default().into_iter();
        let regions = regions.filter_map(|region| region.region_name);
        let regions = regions.filter(|region| !near.contains(region));
        let listed = try_join_all(regions.map(async |region| {
            let listed = match self.acm_list(&self.acm_in(&region)).await {
                Err(error) if error.class == ErrorClass::Denied => None,
                listed => Some(listed?),
            };
            Ok((region, listed))
        }));
        let listed = Arc::new(listed.await?.into_iter().collect());
        *last = Some((since, near.clone(), Arc::clone(&listed)));
        Ok(listed)
    }
}
