//! The records that prove to ACM who a name belongs to.
//!
//! ACM asks for one CNAME a name, the same for every certificate of the account that has the name, and
//! for `*.example.com` that of `example.com`. It is asked for at every renewal, so it stays as long as
//! any certificate of the name does, in whichever region (aws-semantics 3.29 e).

use std::collections::BTreeSet;

use aws_sdk_acm::Client;
use aws_sdk_acm::types::{CertificateStatus, CertificateSummary, DomainValidation};
use aws_sdk_route53::types::{ChangeAction, ResourceRecord, ResourceRecordSet, RrType};
use futures_util::future::try_join_all;
use serde::Serialize;
use terrace_core::canon::DnsName;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::inventory::Seen;

use super::answer::zone_tag;
use crate::client::Aws;
use crate::kinds::route53::shared::{Records, change, unknown};

/// How often a batch is put together anew because the zone had changed meanwhile.
const TRIES: u32 = 3;

/// A CNAME by which ACM knows whom a name belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Proof {
    /// The name that it proves; of a wildcard, the one beneath the star.
    #[serde(skip)]
    of: DnsName,
    /// The record's name.
    name: DnsName,
    /// What it answers.
    value: DnsName,
}

impl Proof {
    /// In words, for those who add it by hand.
    pub(super) fn words(&self) -> String {
        format!("{} CNAME {}", self.name, self.value)
    }

    fn record(&self) -> Result<ResourceRecordSet> {
        let value = ResourceRecord::builder().value(self.value.dotted());
        let set = ResourceRecordSet::builder()
            .name(self.name.dotted())
            .r#type(RrType::Cname)
            .ttl(300)
            .resource_records(value.build().map_err(unknown)?);
        set.build().map_err(unknown)
    }

    fn is(&self, set: &ResourceRecordSet) -> bool {
        let records = set.resource_records.iter().flatten();
        let values: Vec<DnsName> = records
            .map(|record| DnsName::from_aws(&record.value))
            .collect();
        values == [self.value.clone()]
    }
}

/// The name that is proven for `name`: a wildcard's is the one beneath the star.
pub(super) fn proven(name: &DnsName) -> DnsName {
    let name = name.as_str();
    DnsName::from_aws(name.strip_prefix("*.").unwrap_or(name))
}

/// The records of all names, each once; `None` until ACM has said all of them.
pub(super) fn proofs(options: &[DomainValidation]) -> Option<Vec<Proof>> {
    let proof = |option: &DomainValidation| {
        let record = option.resource_record.as_ref()?;
        Some(Proof {
            of: proven(&DnsName::from_aws(&option.domain_name)),
            name: DnsName::from_aws(&record.name),
            value: DnsName::from_aws(&record.value),
        })
    };
    let proofs: Option<BTreeSet<Proof>> = options.iter().map(proof).collect();
    proofs
        .filter(|proofs| !proofs.is_empty())
        .map(|proofs| proofs.into_iter().collect())
}

/// The names of a listed certificate that are to stay proven. What is over needs no proof.
fn needs(other: &CertificateSummary, except: &str) -> BTreeSet<DnsName> {
    let over = other.status.as_ref().is_some_and(is_over);
    if over || other.certificate_arn.as_deref() == Some(except) {
        return BTreeSet::new();
    }
    let names = other.domain_name.iter();
    names
        .chain(other.subject_alternative_name_summaries())
        .map(|name| proven(&DnsName::from_aws(name)))
        .collect()
}

/// Whether a certificate of this status will never be of use (again).
pub(super) fn is_over(status: &CertificateStatus) -> bool {
    matches!(
        status,
        CertificateStatus::Expired
            | CertificateStatus::Failed
            | CertificateStatus::Revoked
            | CertificateStatus::ValidationTimedOut
    )
}

/// Those that do not stand in `zone`.
pub(super) async fn absent<'p>(
    cx: &Aws,
    zone: &str,
    proofs: &'p [Proof],
) -> Result<Vec<&'p Proof>> {
    let look = async |proof: &'p Proof| {
        let there = standing(cx, zone, proof).await?;
        Ok((!there.iter().any(|set| proof.is(set))).then_some(proof))
    };
    let absent = try_join_all(proofs.iter().map(look)).await?;
    Ok(absent.into_iter().flatten().collect())
}

/// Whether all of them stand in `zone`, by the listing of its records in a discovery.
pub(super) async fn all_stand(cx: &Aws, zone: &str, proofs: &[Proof], seen: &Seen) -> Result<bool> {
    let records = match cx.route53_all_records(zone, seen).await {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(false),
        records => records?,
    };
    let stands = |proof: &Proof| {
        let mut there = records.iter().filter(|set| {
            set.r#type == RrType::Cname && DnsName::from_aws(&set.name) == proof.name
        });
        there.any(|set| proof.is(set))
    };
    Ok(proofs.iter().all(stands))
}

async fn standing(cx: &Aws, zone: &str, proof: &Proof) -> Result<Vec<ResourceRecordSet>> {
    let at = Records::At(&proof.name, &RrType::Cname);
    match cx.route53_records(zone, at).await {
        Err(error) if error.class == ErrorClass::NotFound => Ok(Vec::new()),
        there => there,
    }
}

/// Writes those that do not stand in `zone`.
pub(super) async fn write(cx: &Aws, zone: &str, proofs: &[Proof]) -> Result<()> {
    let absent = absent(cx, zone, proofs).await?;
    let changes: Result<Vec<_>> = absent
        .into_iter()
        .map(|proof| change(ChangeAction::Upsert, proof.record()?))
        .collect();
    cx.route53_change(zone, changes?).await
}

/// Takes those out of `zone` that no other certificate needs there; answers those that had to stay.
pub(super) async fn release<'p>(
    cx: &Aws,
    arn: &str,
    zone: &str,
    proofs: &[&'p Proof],
) -> Result<Vec<&'p Proof>> {
    let names: BTreeSet<&DnsName> = proofs.iter().map(|proof| &proof.of).collect();
    let Some(needed) = needed_elsewhere(cx, arn, zone, &names).await? else {
        return Ok(proofs.to_vec());
    };
    let (stay, leave): (Vec<&Proof>, Vec<&Proof>) =
        proofs.iter().partition(|proof| needed.contains(&proof.of));
    for attempt in 1.. {
        let there = try_join_all(leave.iter().map(async |proof| {
            let mut there = standing(cx, zone, proof).await?;
            there.retain(|set| proof.is(set));
            Ok(there)
        }));
        let changes: Result<Vec<_>> = there
            .await?
            .into_iter()
            .flatten()
            .map(|set| change(ChangeAction::Delete, set))
            .collect();
        match cx.route53_change(zone, changes?).await {
            // Somebody took one out between the two calls.
            Err(error) if error.is(&["InvalidChangeBatch"]) && attempt < TRIES => {}
            answer => {
                answer?;
                break;
            }
        }
    }
    Ok(stay)
}

/// Those of `names` that other certificates of the account have and that are proven in this zone as far as
/// anybody knows. `None` if a region may not be looked at: then nobody knows who else needs a record.
///
/// That a name is not needed takes every region to say; that it is, one. So those come first in which
/// certificates mostly are: the stack's own, the certificate's, and CloudFront's.
async fn needed_elsewhere(
    cx: &Aws,
    arn: &str,
    zone: &str,
    names: &BTreeSet<&DnsName>,
) -> Result<Option<BTreeSet<DnsName>>> {
    let near = [cx.region.as_str(), &cx.identity.region, "us-east-1"];
    let near: BTreeSet<String> = near.map(str::to_owned).into();
    let of = (arn, zone);
    let Some(mut needed) = needed_in(cx, near.iter(), of, names).await? else {
        return Ok(None);
    };
    let open = names.iter().filter(|name| !needed.contains(**name));
    let open: BTreeSet<&DnsName> = open.copied().collect();
    if open.is_empty() {
        return Ok(Some(needed));
    }
    for (region, listed) in cx.certificates_far_from(&near).await?.iter() {
        let Some(listed) = listed else {
            return Ok(None);
        };
        needed.extend(needed_by(cx, (region, listed), of, &open).await?);
    }
    Ok(Some(needed))
}

/// The same in these regions, as they are now; of the certificate and its zone.
async fn needed_in(
    cx: &Aws,
    regions: impl Iterator<Item = &String>,
    of: (&str, &str),
    names: &BTreeSet<&DnsName>,
) -> Result<Option<BTreeSet<DnsName>>> {
    let needed = try_join_all(regions.map(
        async |region| match cx.acm_list(&cx.acm_in(region)).await {
            Err(error) if error.class == ErrorClass::Denied => Ok(None),
            listed => needed_by(cx, (region, &listed?), of, names).await.map(Some),
        },
    ))
    .await?;
    let needed: Option<Vec<BTreeSet<DnsName>>> = needed.into_iter().collect();
    Ok(needed.map(|needed| needed.into_iter().flatten().collect()))
}

/// The same by the listed certificates of a region.
async fn needed_by(
    cx: &Aws,
    (region, listed): (&str, &[CertificateSummary]),
    (arn, zone): (&str, &str),
    names: &BTreeSet<&DnsName>,
) -> Result<BTreeSet<DnsName>> {
    let acm = cx.acm_in(region);
    let mut needed = BTreeSet::new();
    for other in listed {
        let mut needs = needs(other, arn);
        needs.retain(|name| names.contains(name));
        // One of ours that is proven in another zone of the same name does without.
        if needs.is_empty() || is_elsewhere(cx, &acm, other, zone).await? {
            continue;
        }
        needed.extend(needs);
    }
    Ok(needed)
}

/// Whether a certificate says by its tag that its records are in another zone.
async fn is_elsewhere(
    cx: &Aws,
    acm: &Client,
    other: &CertificateSummary,
    zone: &str,
) -> Result<bool> {
    let arn = other.certificate_arn.as_deref().unwrap_or_default();
    let tags = cx.acm_tags(acm, arn).await?.unwrap_or_default();
    Ok(tags.get(&zone_tag()).is_some_and(|theirs| theirs != zone))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_sdk_acm::types::{RecordType, ResourceRecord as Cname};

    use super::*;

    fn option(domain: &str, record: Option<(&str, &str)>) -> DomainValidation {
        let cname = |(name, value): (&str, &str)| {
            Cname::builder()
                .name(name)
                .value(value)
                .r#type(RecordType::Cname)
                .build()
                .unwrap()
        };
        DomainValidation::builder()
            .domain_name(domain)
            .set_resource_record(record.map(cname))
            .build()
            .unwrap()
    }

    fn certificate(arn: &str, names: &[&str], status: CertificateStatus) -> CertificateSummary {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        CertificateSummary::builder()
            .certificate_arn(arn)
            .domain_name(&names[0])
            .set_subject_alternative_name_summaries(Some(names))
            .status(status)
            .build()
    }

    #[test]
    fn a_wildcard_and_its_apex_share_a_record() {
        let record = Some(("_a.Example.com.", "_b.acm-validations.aws."));
        let both = [
            option("example.com", record),
            option("*.example.com", record),
        ];
        let proofs = proofs(&both).unwrap();
        let words: Vec<String> = proofs.iter().map(Proof::words).collect();
        assert_eq!(words, ["_a.example.com CNAME _b.acm-validations.aws"]);
    }

    #[test]
    fn records_are_known_all_or_not_at_all() {
        let record = Some(("_a.a.example.com.", "_b.acm-validations.aws."));
        assert_eq!(
            proofs(&[
                option("a.example.com", record),
                option("b.example.com", None)
            ]),
            None
        );
        assert_eq!(proofs(&[]), None);
    }

    #[test]
    fn a_record_is_needed_by_every_other_living_certificate_of_its_name() {
        let all = [
            certificate("one", &["a.test", "b.test"], CertificateStatus::Issued),
            certificate("two", &["*.c.test"], CertificateStatus::PendingValidation),
            certificate("three", &["d.test"], CertificateStatus::Expired),
            certificate("four", &["e.test"], CertificateStatus::Issued),
        ];
        let needed: BTreeSet<DnsName> = all.iter().flat_map(|one| needs(one, "four")).collect();
        let needed: Vec<&str> = needed.iter().map(DnsName::as_str).collect();
        assert_eq!(needed, ["a.test", "b.test", "c.test"]);
    }

    #[test]
    fn a_record_is_known_by_its_value() {
        let record = Some(("_a.example.com.", "_b.acm-validations.aws."));
        let proof = proofs(&[option("example.com", record)]).unwrap().remove(0);
        let mut set = proof.record().unwrap();
        assert!(proof.is(&set));
        let other = ResourceRecord::builder().value("_c.acm-validations.aws.");
        set.resource_records = Some(vec![other.build().unwrap()]);
        assert!(!proof.is(&set));
    }
}
