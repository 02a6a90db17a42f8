//! What proves to browsers whose a name is (aws-semantics 3.29).
//!
//! ACM issues a certificate once certain records stand in the DNS, and renews it as long as they do. With
//! `validation` they are a part of it: written before the certificate can be ready, and taken out with
//! the last certificate of the account that needs them. Which zone they are kept in is a tag of the
//! certificate, since ACM knows nothing of zones.

mod answer;
pub(crate) mod far;
mod validation;

use aws_sdk_acm::types::{
    CertificateStatus, CertificateType, KeyAlgorithm as Algorithm, ValidationMethod,
};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terrace_core::canon::DnsName;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags, digest};
use terrace_core::outputs;
use terrace_core::reference::{Ref, Reference};
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use self::answer::{is_like, read, zone_tag};
use self::validation::{Proof, absent, all_stand, is_over, proven, release, write};
use super::shared::tag_list;
use crate::blockers::{Blocker, traffic};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::index::Labels;
use crate::kinds::route53::hosted_zone::HostedZone;
use crate::kinds::route53::shared::plain;
use crate::names::invalid;

/// What proves to browsers whose a name is.
pub struct Certificate;

/// What proves to browsers whose a name is: load balancers and distributions need one for HTTPS. AWS
/// issues it for nothing and renews it by itself, as long as a record in the DNS says that the name is
/// yours. A distribution takes only those of `region = "us-east-1"`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateSpec {
    /// The name it is for, of 64 characters at most. `*.example.com` is for all names directly beneath
    /// `example.com`, but not for that one.
    #[schemars(extend("examples" = ["www.shop.example", "new.shop.example"]))]
    pub domain: DnsName,
    /// More names it is for.
    #[serde(default)]
    #[schemars(extend("examples" = [["origin.shop.example"], ["*.shop.example"]]))]
    pub also: Vec<DnsName>,
    /// The zone to keep its validation records in: a public one that all its names end in. They are
    /// shared with other certificates of those names, and go with the last of them. Absent: you write
    /// them yourself wherever your DNS is; terrace says which, and waits. Those it has written stay.
    pub validation: Option<Ref<HostedZone>>,
    /// The kind of its key. Old clients know `RSA_2048` only; the others make a connection faster.
    #[serde(default)]
    pub key_algorithm: KeyAlgorithm,
}

/// The kind of a certificate's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// RSA, 2048 bits.
    #[default]
    #[serde(rename = "RSA_2048")]
    Rsa2048,
    /// ECDSA on the curve P-256.
    #[serde(rename = "EC_prime256v1")]
    EcPrime256v1,
    /// ECDSA on the curve P-384.
    #[serde(rename = "EC_secp384r1")]
    EcSecp384r1,
}

impl KeyAlgorithm {
    fn wire(self) -> Algorithm {
        match self {
            Self::Rsa2048 => Algorithm::Rsa2048,
            Self::EcPrime256v1 => Algorithm::EcPrime256v1,
            Self::EcSecp384r1 => Algorithm::EcSecp384r1,
        }
    }
}

/// A certificate as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateLive {
    id: String,
    domain: DnsName,
    also: Vec<DnsName>,
    key_algorithm: String,
    status: String,
    failure: Option<String>,
    /// What proves its names; `None` until ACM has said all of it.
    records: Option<Vec<Proof>>,
    /// The zone that we keep its records in, by its tag.
    zone: Option<String>,
    /// Whether all of them stand there.
    proven: bool,
}

impl CertificateLive {
    fn status(&self) -> CertificateStatus {
        CertificateStatus::from(self.status.as_str())
    }

    fn proofs(&self) -> &[Proof] {
        self.records.as_deref().unwrap_or_default()
    }
}

impl Live for CertificateLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {
            "arn" => json!(self.id),
            "name" => json!(self.domain),
            "records" => json!(self.records),
        }
    }
}

impl Kind for Certificate {
    const NAME: &'static str = "certificate";
    const ABOUT: About = About::new(Class::Stateless, Create::Token, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["arn", "name", "records"])
        .actions(&[
            "acm:ListCertificates",
            "acm:ListTagsForCertificate",
            "tag:GetResources",
            "acm:DescribeCertificate",
            "acm:RequestCertificate",
            "acm:AddTagsToCertificate",
            "acm:RemoveTagsFromCertificate",
            "acm:DeleteCertificate",
            "elasticloadbalancing:DescribeListeners",
            "elasticloadbalancing:DescribeTags",
            "route53:ListResourceRecordSets",
            "route53:ChangeResourceRecordSets",
            "route53:GetChange",
            "ec2:DescribeRegions",
        ]);
    type Cx = Aws;
    type Spec = CertificateSpec;
    type Live = CertificateLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "domain",
                |want, _| Said::of(&want.domain),
                |have| Said::of(&have.domain),
            )
            .replace(
                "also",
                |want, _| Said::set(others(want)),
                |have| Said::set(have.also.iter().map(DnsName::as_str)),
            )
            .replace(
                "key_algorithm",
                |want, _| Said::of(want.key_algorithm),
                |have| Said::of(&have.key_algorithm),
            )
            .update("validation", wanted_zone, |have| {
                Said::or_none(have.zone.as_ref().filter(|_| have.proven).map(Said::of))
            })
            .early()
    }

    fn sketch(_want: &CertificateSpec) -> Sketch {
        Sketch::aside("certificate")
    }

    fn uses(have: &CertificateLive) -> Vec<LiveRef> {
        let zone = have.zone.iter();
        zone.map(|zone| LiveRef::new("validation", zone)).collect()
    }

    fn ready(have: &CertificateLive) -> Ready {
        match have.status() {
            CertificateStatus::Issued | CertificateStatus::Inactive => Ready::Ready,
            CertificateStatus::PendingValidation => Ready::Coming(waits_for(have)),
            status if is_over(&status) => Ready::Broken(match &have.failure {
                Some(reason) => format!("{} ({reason})", have.status),
                None => have.status.clone(),
            }),
            _ => Ready::Coming(have.status.clone()),
        }
    }

    fn patience(_have: &CertificateLive, usual: f64) -> f64 {
        // Half an hour at most as a rule, but an hour and more now and then (aws-semantics 7.3).
        usual.max(12.5)
    }

    fn check(want: &CertificateSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if want.domain.as_str().len() > 64 {
            let message = "the first name of a certificate has 64 characters at most";
            let help = "write a shorter one, and this one in `also`";
            wrong.push(Objection::new("domain", message).help(help));
        }
        let also = want
            .also
            .iter()
            .enumerate()
            .map(|(index, name)| (format!("also.{index}"), name));
        for (field, name) in [("domain".to_owned(), &want.domain)]
            .into_iter()
            .chain(also)
        {
            let rest = proven(name);
            let message = if rest.as_str().contains('*') {
                "a star stands for the whole of a name's first part and nothing else"
            } else if rest.as_str().contains('_') {
                "no certificate is issued for a name with an underscore"
            } else if !rest.as_str().contains('.') {
                "a certificate is for a whole name, such as `www.example.com`"
            } else {
                continue;
            };
            wrong.push(Objection::new(field, message));
        }
        wrong
    }

    fn foretell(want: &CertificateSpec, _mark: &Mark) -> Outputs {
        outputs! { "name" => json!(want.domain) }
    }

    /// A listing has no tags, and names may be anything: the tags of each that ACM issued itself come from the
    /// index of tags where that is believed, else by a call each; and the whole of those that are ours by one more.
    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<CertificateLive>>> {
        if let Look::Id(arn) = look {
            return one(cx, arn, None, None).await.map(Vec::from_iter);
        }
        let owner = cx.owner();
        let mut listed = cx.acm_list(&cx.acm).await?;
        listed.retain(|summary| match look {
            Look::Like(like) => like.iter().all(|property| is_like(summary, property)),
            _ => summary.r#type == Some(CertificateType::AmazonIssued),
        });
        let arns = listed
            .into_iter()
            .filter_map(|summary| summary.certificate_arn);
        let found = try_join_all(arns.map(async |arn| {
            let own = cx.acm_tags(&cx.acm, &arn);
            let Some(labels) = cx.labels(look, seen, &arn, own).await? else {
                return Ok(None);
            };
            let tags = &labels.tags;
            let fits = match look {
                Look::Like(like) => like.iter().all(|(property, value)| {
                    property
                        .strip_prefix("tags.")
                        .is_none_or(|key| tags.get(key) == Some(value))
                }),
                _ => tags.get(mark::STACK) == Some(&owner),
            };
            if fits {
                one(cx, &arn, Some(labels), Some(seen)).await
            } else {
                Ok(None)
            }
        }))
        .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(
        cx: &Aws,
        want: &CertificateSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<CertificateLive> {
        const ACTION: &str = "acm:RequestCertificate";
        let mut tags = mark.all_tags();
        if let Some(zone) = zone(want, known)? {
            tags.insert(zone_tag(), zone);
        }
        let names = others(want);
        let request = |token: String| {
            let tags = tag_list(ACTION, &tags);
            // Nobody says what a token means that was used with other names, so it speaks of them.
            let mut salt: Vec<&str> = vec![&token, want.domain.as_str()];
            salt.extend(names.iter().map(String::as_str));
            let token = digest(&salt)[..32].to_owned();
            let call = cx.acm.request_certificate();
            let call = call
                .domain_name(want.domain.as_str())
                .set_subject_alternative_names((!names.is_empty()).then(|| names.clone()))
                .validation_method(ValidationMethod::Dns)
                .key_algorithm(want.key_algorithm.wire())
                .idempotency_token(token);
            async move {
                let call = call.set_tags(Some(tags?));
                let answer = cx.mutate(Op::again(ACTION), || call.clone().send()).await?;
                answer.certificate_arn.ok_or_else(|| missing(ACTION, "ARN"))
            }
        };
        let alive = |arn: &String| {
            let arn = arn.clone();
            async move {
                let found = one(cx, &arn, Some(Labels::own(Tags::new())), None).await?;
                Ok(found.is_some_and(|found| !is_over(&found.live.status())))
            }
        };
        let arn = cx.ec2_tokened(mark, request, alive).await?;
        let found = one(cx, &arn, Some(Labels::own(tags)), None).await?;
        let found = found.ok_or_else(|| missing("acm:DescribeCertificate", "certificate"))?;
        Ok(found.live)
    }

    async fn update(
        cx: &Aws,
        want: &CertificateSpec,
        have: &CertificateLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<CertificateLive> {
        let mut live = have.clone();
        if !part.has("validation") {
            return Ok(live);
        }
        let Some(zone) = zone(want, known)? else {
            // Whoever keeps them from now on keeps those that are there.
            cx.acm_tag(&have.id, &Tags::new(), &[zone_tag()]).await?;
            (live.zone, live.proven) = (None, false);
            return Ok(live);
        };
        // A certificate learns its records some seconds after it was made.
        let records = cx
            .until(1.0, "what proves the names of a certificate", async || {
                // Without its tags nobody looks whether they stand, which is to be seen only now.
                let found = one(cx, &have.id, Some(Labels::own(Tags::new())), None).await?;
                let found = found.ok_or_else(|| missing("acm:DescribeCertificate", "certificate"));
                found.map(|found| found.live.records)
            })
            .await?;
        if have.zone.as_ref() != Some(&zone) {
            let tag = Tags::from([(zone_tag(), zone.clone())]);
            cx.acm_tag(&have.id, &tag, &[]).await?;
        }
        write(cx, &zone, &records).await?;
        if let Some(before) = have.zone.as_ref().filter(|before| **before != zone) {
            let all: Vec<&Proof> = records.iter().collect();
            release(cx, &have.id, before, &all).await?;
        }
        live.records = Some(records);
        (live.zone, live.proven) = (Some(zone), true);
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &CertificateLive, leave: &Leave) -> Result<()> {
        // The records first, so that they are found again should this break off; and once more, for two
        // certificates of one name that go at the same time leave them to each other.
        let all: Vec<&Proof> = have.proofs().iter().collect();
        let stay = match &have.zone {
            Some(zone) => release(cx, &have.id, zone, &all).await?,
            None => Vec::new(),
        };
        // What had it lets go of it only minutes after it is gone itself.
        let op = Op::again("acm:DeleteCertificate")
            .while_busy(&["ResourceInUseException", "ConflictException"], 20.0);
        let call = || {
            let call = cx.acm.delete_certificate();
            call.certificate_arn(&have.id).send()
        };
        cx.remove(op, leave, || used_by(cx, have), call).await?;
        if let Some(zone) = have.zone.as_ref().filter(|_| !stay.is_empty()) {
            release(cx, &have.id, zone, &stay).await?;
        }
        Ok(())
    }

    async fn tag(cx: &Aws, have: &CertificateLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.acm_tag(&have.id, set, unset).await
    }
}

/// The names beside the first, each once.
fn others(want: &CertificateSpec) -> Vec<String> {
    let mut names: Vec<String> = want
        .also
        .iter()
        .filter(|name| **name != want.domain)
        .map(DnsName::to_string)
        .collect();
    names.sort();
    names.dedup();
    names
}

fn wanted_zone(want: &CertificateSpec, known: &Known) -> Said {
    Said::or_none(want.validation.as_ref().map(|zone| match known.id(zone) {
        Said::Value(Value::String(id)) => Said::of(plain(&id)),
        said => said,
    }))
}

/// The zone to keep the records in, if it can hold them and the world can see them there.
fn zone(want: &CertificateSpec, known: &Known) -> Result<Option<String>> {
    const ACTION: &str = "acm:RequestCertificate";
    let Some(reference) = &want.validation else {
        return Ok(None);
    };
    let id = known.need(reference)?;
    if let Reference::Address(address) = reference.names() {
        let apex = DnsName::from_aws(&known.need_output(reference, "name")?);
        let beneath = |name: &&DnsName| {
            let name = proven(name);
            name == apex || name.as_str().ends_with(&format!(".{apex}"))
        };
        let mut names = [&want.domain].into_iter().chain(&want.also);
        if let Some(outside) = names.find(|name| !beneath(name)) {
            let message = format!(
                "`{outside}` does not end in {apex}, the name of {address}: its record cannot be there"
            );
            return Err(invalid(ACTION, message)
                .hinted("give names of another zone a certificate of their own"));
        }
        if known.output(reference, "private") == Said::Value(Value::Bool(true)) {
            let message =
                format!("{address} is private, and ACM looks for records in public zones");
            return Err(invalid(ACTION, message));
        }
    }
    Ok(Some(plain(id.as_str()).to_owned()))
}

/// What a certificate waits for that is not issued yet.
fn waits_for(have: &CertificateLive) -> String {
    match &have.records {
        None => "pending validation; ACM has not said yet by which records".to_owned(),
        Some(_) if have.zone.is_some() => "pending validation by its records".to_owned(),
        Some(records) => {
            let words: Vec<String> = records.iter().map(Proof::words).collect();
            format!("pending validation until your DNS has {}", words.join(", "))
        }
    }
}

/// A certificate by its ARN, with its tags if they are known. In a discovery the records of its zone are
/// listed anyway: whether its own stand there is seen in that listing.
async fn one(
    cx: &Aws,
    arn: &str,
    labels: Option<Labels>,
    seen: Option<&Seen>,
) -> Result<Option<Found<CertificateLive>>> {
    const ACTION: &str = "acm:DescribeCertificate";
    let answer = cx
        .read(ACTION, || {
            cx.acm.describe_certificate().certificate_arn(arn).send()
        })
        .await;
    let detail = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?.certificate,
    };
    let labels = match labels {
        Some(labels) => Some(labels),
        None => cx.acm_tags(&cx.acm, arn).await?.map(Labels::own),
    };
    let Some(labels) = labels else {
        return Ok(None);
    };
    let detail = detail.ok_or_else(|| missing(ACTION, "certificate"))?;
    let mut live = read(detail, &labels.tags).ok_or_else(|| missing(ACTION, "ARN or domain"))?;
    if let (Some(zone), Some(records)) = (&live.zone, &live.records) {
        live.proven = match seen {
            Some(seen) => all_stand(cx, zone, records, seen).await?,
            // Who waits for it looks often, and ACM issues it once it has seen them itself.
            None if live.status() == CertificateStatus::PendingValidation => false,
            None => absent(cx, zone, records).await?.is_empty(),
        };
    }
    Ok(Some(labels.on(live)))
}

/// What still has a certificate that is to go.
async fn used_by(cx: &Aws, have: &CertificateLive) -> Result<Vec<Blocker>> {
    let answer = cx
        .read("acm:DescribeCertificate", || {
            let call = cx.acm.describe_certificate();
            call.certificate_arn(&have.id).send()
        })
        .await?;
    let detail = answer.certificate;
    let users = detail
        .and_then(|detail| detail.in_use_by)
        .unwrap_or_default();
    traffic::proven_by(cx, &users, &have.id).await
}
