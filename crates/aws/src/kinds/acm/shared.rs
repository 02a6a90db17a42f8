//! What the kinds of Certificate Manager share: listings, tags, other regions.

use aws_sdk_acm::Client;
use aws_sdk_acm::config::Region;
use aws_sdk_acm::types::{CertificateSummary, Filters, KeyAlgorithm, Tag};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::mark::Tags;

use crate::client::Aws;
use crate::door::Op;
use crate::names::invalid;

/// Tags for a call.
pub(crate) fn tag_list(action: &'static str, tags: &Tags) -> Result<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: std::result::Result<_, _> = tags.iter().map(tag).collect();
    tags.map_err(|error| invalid(action, error))
}

impl Aws {
    /// Certificate Manager in another region.
    pub(crate) fn acm_in(&self, region: &str) -> Client {
        let config = self.acm.config().to_builder();
        Client::from_conf(config.region(Region::new(region.to_owned())).build())
    }

    /// Every certificate of the account where `acm` leads to, ours or not.
    pub(crate) async fn acm_list(&self, acm: &Client) -> Result<Vec<CertificateSummary>> {
        // Without a word on it, only those with the oldest keys are listed (aws-semantics 3.29 a).
        let every = KeyAlgorithm::values()
            .iter()
            .map(|name| KeyAlgorithm::from(*name));
        let filters = Filters::builder().set_key_types(Some(every.collect()));
        let filters = filters.build();
        self.read("acm:ListCertificates", || {
            let pages = acm.list_certificates().includes(filters.clone());
            let pages = pages.into_paginator().page_size(1000).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await
    }

    /// The tags of a certificate; `None` if it is gone.
    pub(crate) async fn acm_tags(&self, acm: &Client, arn: &str) -> Result<Option<Tags>> {
        let answer = self
            .read("acm:ListTagsForCertificate", || {
                let call = acm.list_tags_for_certificate();
                call.certificate_arn(arn).send()
            })
            .await;
        let pair = |tag: &Tag| (tag.key.clone(), tag.value.clone().unwrap_or_default());
        match answer {
            Err(error) if error.class == ErrorClass::NotFound => Ok(None),
            answer => Ok(Some(answer?.tags().iter().map(pair).collect())),
        }
    }

    /// Sets and removes tags of a certificate.
    pub(crate) async fn acm_tag(&self, arn: &str, set: &Tags, unset: &[String]) -> Result<()> {
        const SET: &str = "acm:AddTagsToCertificate";
        const UNSET: &str = "acm:RemoveTagsFromCertificate";
        if !set.is_empty() {
            let tags = tag_list(SET, set)?;
            self.mutate(Op::again(SET), || {
                let call = self.acm.add_tags_to_certificate().certificate_arn(arn);
                call.set_tags(Some(tags.clone())).send()
            })
            .await?;
        }
        if !unset.is_empty() {
            // A key alone takes the tag off, whatever its value.
            let tags: std::result::Result<Vec<Tag>, _> = unset
                .iter()
                .map(|key| Tag::builder().key(key).build())
                .collect();
            let tags = tags.map_err(|error| invalid(UNSET, error))?;
            self.mutate(Op::again(UNSET), || {
                let call = self.acm.remove_tags_from_certificate().certificate_arn(arn);
                call.set_tags(Some(tags.clone())).send()
            })
            .await?;
        }
        Ok(())
    }
}
