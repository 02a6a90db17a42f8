//! What AWS says of certificates.

use aws_sdk_acm::types::{
    CertificateDetail, CertificateStatus, CertificateSummary, KeyAlgorithm as Algorithm,
};
use terrace_core::canon::DnsName;
use terrace_core::mark::{self, Tags};

use super::CertificateLive;
use super::validation::{is_over, proofs};

/// The tag that says which zone its records are kept in.
pub(super) fn zone_tag() -> String {
    format!("{}validation", mark::FINGERPRINT)
}

/// Whether a listed certificate has a property of a look-up, as far as a listing tells.
pub(super) fn is_like(summary: &CertificateSummary, (property, value): (&String, &String)) -> bool {
    let is = |text: Option<&str>| text == Some(value.as_str());
    match property.as_str() {
        "id" | "arn" => is(summary.certificate_arn()),
        "domain" | "name" => {
            let is_over = summary.status().is_some_and(is_over);
            let domain = summary.domain_name().map(DnsName::from_aws);
            !is_over && domain == Some(DnsName::from_aws(value))
        }
        "key_algorithm" => summary
            .key_algorithm()
            .is_some_and(|kind| word(kind) == *value),
        "status" => is(summary.status().map(CertificateStatus::as_str)),
        property => property.starts_with("tags."),
    }
}

/// Calls write `RSA_2048`, answers `RSA-2048`.
fn word(algorithm: &Algorithm) -> String {
    algorithm.as_str().replace('-', "_")
}

/// A certificate in full; whether its records stand is still to be seen.
pub(super) fn read(detail: CertificateDetail, tags: &Tags) -> Option<CertificateLive> {
    let domain = DnsName::from_aws(&detail.domain_name?);
    let names = detail.subject_alternative_names.unwrap_or_default();
    let mut also: Vec<DnsName> = names.iter().map(|name| DnsName::from_aws(name)).collect();
    also.retain(|name| *name != domain);
    Some(CertificateLive {
        id: detail.certificate_arn?,
        domain,
        also,
        key_algorithm: detail.key_algorithm.as_ref().map(word).unwrap_or_default(),
        status: detail
            .status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        failure: detail
            .failure_reason
            .map(|reason| reason.as_str().to_owned()),
        records: proofs(&detail.domain_validation_options.unwrap_or_default()),
        zone: tags.get(&zone_tag()).cloned(),
        proven: false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_sdk_acm::types::{DomainValidation, FailureReason, RecordType, ResourceRecord};
    use terrace_core::kind::{Kind, Ready};

    use super::super::Certificate;
    use super::*;

    fn detail(status: &str) -> CertificateDetail {
        let record = ResourceRecord::builder()
            .name("_a.example.com.")
            .value("_b.acm-validations.aws.")
            .r#type(RecordType::Cname);
        let option = DomainValidation::builder()
            .domain_name("example.com")
            .resource_record(record.build().unwrap());
        CertificateDetail::builder()
            .certificate_arn("arn:aws:acm:eu-west-3:123456789012:certificate/a")
            .domain_name("example.com")
            .subject_alternative_names("example.com")
            .subject_alternative_names("*.Example.com")
            .key_algorithm(Algorithm::from("RSA-2048"))
            .status(CertificateStatus::from(status))
            .domain_validation_options(option.build().unwrap())
            .build()
    }

    fn live(status: &str, tags: &[(&str, &str)]) -> CertificateLive {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        read(detail(status), &tags).unwrap()
    }

    #[test]
    fn it_is_read_one_way() {
        let live = live("ISSUED", &[("terrace:fp.validation", "Z1")]);
        assert_eq!(live.also, [DnsName::from_aws("*.example.com")]);
        assert_eq!(live.key_algorithm, "RSA_2048");
        assert_eq!(live.zone.as_deref(), Some("Z1"));
        assert_eq!(Certificate::ready(&live), Ready::Ready);
    }

    #[test]
    fn what_waits_says_for_what() {
        let says = |live: &CertificateLive| match Certificate::ready(live) {
            Ready::Coming(why) => why,
            other => format!("{other:?}"),
        };
        let by_hand = says(&live("PENDING_VALIDATION", &[]));
        assert!(
            by_hand.ends_with("_a.example.com CNAME _b.acm-validations.aws"),
            "{by_hand}"
        );
        let ours = says(&live(
            "PENDING_VALIDATION",
            &[("terrace:fp.validation", "Z1")],
        ));
        assert_eq!(ours, "pending validation by its records");
    }

    #[test]
    fn what_failed_says_why() {
        let mut failed = detail("FAILED");
        failed.failure_reason = Some(FailureReason::CaaError);
        let live = read(failed, &Tags::new()).unwrap();
        let broken = Ready::Broken("FAILED (CAA_ERROR)".to_owned());
        assert_eq!(Certificate::ready(&live), broken);
    }
}
