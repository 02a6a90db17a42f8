//! A zone of the DNS (aws-semantics 3.27).

use std::collections::HashMap;

use aws_sdk_route53::types::{HostedZone as Zone, HostedZoneConfig, Vpc as ZoneVpc, VpcRegion};
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::DnsName;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::shared::{Records, plain};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::kinds::ec2::vpc::Vpc;

/// A zone of the DNS: all names beneath one, answered by Route 53.
pub struct HostedZone;

/// A zone of the DNS: all names beneath one, answered by Route 53. Its own four servers are named by
/// the domain's registrar, so another zone of the same name is never a replacement for it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostedZoneSpec {
    /// The name that all its records end in: `example.com`.
    #[schemars(extend("examples" = ["shop.internal", "store.internal"]))]
    pub name: DnsName,
    /// The networks that see it, which makes it private: nobody else does. None: the whole internet.
    #[serde(default)]
    pub vpcs: Vec<Ref<Vpc>>,
    /// A word to those who find it in the console.
    #[serde(default)]
    #[schemars(extend("examples" = ["names of the shop", "names inside the shop"]))]
    pub comment: String,
}

/// A zone as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct HostedZoneLive {
    id: String,
    name: DnsName,
    private: bool,
    vpcs: Vec<String>,
    comment: String,
    name_servers: Vec<String>,
}

impl Live for HostedZoneLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! {
            "name" => json!(self.name),
            "private" => json!(self.private),
            "name_servers" => json!(self.name_servers),
        }
    }
}

impl Kind for HostedZone {
    const NAME: &'static str = "hosted_zone";
    // Its records are data that others may have written, its servers an address at the registrar.
    const ABOUT: About = About::new(Class::Data, Create::Token, Swap::CreateFirst)
        .gone_at_once()
        .global()
        .protect()
        .outputs(&["name", "private", "name_servers"])
        .actions(&[
            "route53:ListHostedZones",
            "route53:ListTagsForResources",
            "route53:GetHostedZone",
            "route53:GetChange",
            "route53:ListResourceRecordSets",
            "route53:CreateHostedZone",
            "route53:ChangeTagsForResource",
            "route53:UpdateHostedZoneComment",
            "route53:AssociateVPCWithHostedZone",
            "route53:DisassociateVPCFromHostedZone",
            "route53:DeleteHostedZone",
            "ec2:DescribeVpcs",
        ]);
    type Cx = Aws;
    type Spec = HostedZoneSpec;
    type Live = HostedZoneLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.name),
            )
            .decide(
                "vpcs",
                |want, known| known.ids(&want.vpcs),
                |have| Said::set(have.vpcs.clone()),
                // A zone is private from the beginning or never.
                |want, have| {
                    if want.vpcs.is_empty() == have.private {
                        Verdict::Replace
                    } else {
                        Verdict::Update(Impact::None)
                    }
                },
            )
            .update(
                "comment",
                |want, _| Said::of(&want.comment),
                |have| Said::of(&have.comment),
            )
    }

    fn sketch(want: &HostedZoneSpec) -> Sketch {
        Sketch::aside(if want.vpcs.is_empty() {
            "DNS zone"
        } else {
            "private DNS zone"
        })
    }

    fn uses(have: &HostedZoneLive) -> Vec<LiveRef> {
        have.vpcs
            .iter()
            .map(|vpc| LiveRef::new("vpcs", vpc))
            .collect()
    }

    fn ready(_have: &HostedZoneLive) -> Ready {
        Ready::Ready
    }

    fn claims(want: &HostedZoneSpec) -> Vec<String> {
        // Two private zones of one name live side by side in two networks; two public ones do not.
        if want.vpcs.is_empty() {
            vec![format!("the zone {}", want.name)]
        } else {
            Vec::new()
        }
    }

    fn foretell(want: &HostedZoneSpec, _mark: &Mark) -> Outputs {
        outputs! { "name" => json!(want.name), "private" => json!(!want.vpcs.is_empty()) }
    }

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<HostedZoneLive>>> {
        let all = cx.route53_zones_in(seen).await?;
        let mut zones = all.to_vec();
        match look {
            Look::Id(id) => zones.retain(|zone| plain(&zone.id) == plain(id)),
            Look::Like(like) => zones.retain(|zone| {
                like.iter()
                    .all(|(property, value)| match property.as_str() {
                        "id" => plain(&zone.id) == plain(value),
                        "name" => DnsName::from_aws(&zone.name) == DnsName::from_aws(value),
                        "private" => is_private(zone).to_string() == *value,
                        "comment" => comment(zone) == *value,
                        property => property.starts_with("tags."),
                    })
            }),
            Look::Ours => {}
        }
        // One by its id is looked at alone; else whoever asks in this discovery asks for the same.
        let asked = if matches!(look, Look::Id(_)) {
            &zones
        } else {
            &*all
        };
        let ids: Vec<String> = asked
            .iter()
            .map(|zone| plain(&zone.id).to_owned())
            .collect();
        let tags = seen
            .once("tags of zones", Box::pin(cx.route53_tags(&ids)))
            .await?;
        let tags: HashMap<String, Tags> = ids.into_iter().zip(tags.iter().cloned()).collect();
        let owner = cx.owner();
        let marked = zones.into_iter().map(|zone| {
            let tags = tags.get(plain(&zone.id)).cloned().unwrap_or_default();
            // What the zone was made with is its mark; a tag set since then overrules it.
            let birth = mark_of(&zone.caller_reference).unwrap_or_default();
            (zone, tags, birth)
        });
        let wanted = marked.filter(|(_, tags, birth)| match look {
            Look::Ours => tags.get(mark::STACK).or_else(|| birth.get(mark::STACK)) == Some(&owner),
            Look::Like(like) => like.iter().all(|(property, value)| {
                property
                    .strip_prefix("tags.")
                    .is_none_or(|key| tags.get(key) == Some(value))
            }),
            Look::Id(_) => true,
        });
        let found = try_join_all(wanted.map(|(zone, tags, birth)| async move {
            Ok(read(cx, plain(&zone.id))
                .await?
                .map(|live| Found::new(live, tags).born(birth)))
        }))
        .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(
        cx: &Aws,
        want: &HostedZoneSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<HostedZoneLive> {
        let vpcs = known.need_all(&want.vpcs)?;
        let id = made(cx, want, vpcs.first().map(String::as_str), mark).await?;
        // CreateHostedZone takes no tags. The CallerReference is the mark; should this call never
        // happen, the missing tags are an ordinary difference.
        cx.route53_tag(&id, &mark.all_tags(), &[]).await?;
        read(cx, &id)
            .await?
            .ok_or_else(|| missing("route53:GetHostedZone", "zone"))
    }

    async fn update(
        cx: &Aws,
        want: &HostedZoneSpec,
        have: &HostedZoneLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<HostedZoneLive> {
        let mut live = have.clone();
        if part.has("comment") {
            cx.mutate(Op::again("route53:UpdateHostedZoneComment"), || {
                let call = cx.route53.update_hosted_zone_comment().id(&have.id);
                call.set_comment(said(&want.comment)).send()
            })
            .await?;
            live.comment.clone_from(&want.comment);
        }
        if part.has("vpcs") {
            let vpcs = known.need_all(&want.vpcs)?;
            // One must remain, so the new ones come first.
            for vpc in vpcs.iter().filter(|vpc| !have.vpcs.contains(vpc)) {
                associate(cx, &have.id, vpc).await?;
            }
            for vpc in have.vpcs.iter().filter(|vpc| !vpcs.contains(vpc)) {
                dissociate(cx, &have.id, vpc).await?;
            }
            live.vpcs = vpcs;
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &HostedZoneLive, _leave: &Leave) -> Result<()> {
        let op = Op::again("route53:DeleteHostedZone");
        let answer = cx
            .mutate(op, || cx.route53.delete_hosted_zone().id(&have.id).send())
            .await;
        match answer {
            Err(error) if error.is(&["HostedZoneNotEmpty"]) => {
                Err(with_records(cx, have, error).await)
            }
            answer => cx.gone(answer),
        }
    }

    async fn tag(cx: &Aws, have: &HostedZoneLive, set: &Tags, unset: &[String]) -> Result<()> {
        let mut set = set.clone();
        let (mark, rest): (Vec<_>, Vec<_>) = unset
            .iter()
            .cloned()
            .partition(|key| key == mark::STACK || key == mark::ID);
        // A CallerReference stays for ever; an empty tag takes back what it says.
        set.extend(mark.into_iter().map(|key| (key, String::new())));
        cx.route53_tag(&have.id, &set, &rest).await
    }
}

/// The references that a zone of this mark may have been made with. Route 53 keeps those of deleted
/// zones for ever, so there is always a next one.
fn reference(mark: &Mark, attempt: u32) -> Result<String> {
    let (owner, address) = (mark.identity.owner(), &mark.address);
    let base = format!("terrace:{owner}:{address}:{}", mark.generation);
    let reference = match attempt {
        0 => base,
        attempt => format!("{base}:{attempt}"),
    };
    if reference.len() <= 128 {
        return Ok(reference);
    }
    let message = format!("`{reference}` is longer than the 128 characters that mark a zone");
    let error = CloudError::new("route53:CreateHostedZone", ErrorClass::Invalid, message);
    Err(error.hinted("give the stack, the module or the zone a shorter name"))
}

/// The tags that a CallerReference of ours stands for.
fn mark_of(reference: &str) -> Option<Tags> {
    let mut parts = reference.strip_prefix("terrace:")?.split(':');
    let tags = [mark::STACK, mark::ID, mark::GENERATION].into_iter();
    tags.map(|key| Some((key.to_owned(), parts.next()?.to_owned())))
        .collect()
}

/// Creates the zone, or finds the one that a repeated call made before; its id.
async fn made(cx: &Aws, want: &HostedZoneSpec, vpc: Option<&str>, mark: &Mark) -> Result<String> {
    const ACTION: &str = "route53:CreateHostedZone";
    for attempt in 0..100 {
        let reference = reference(mark, attempt)?;
        let config = HostedZoneConfig::builder()
            .set_comment(said(&want.comment))
            .private_zone(vpc.is_some())
            .build();
        let answer = cx
            .mutate(Op::again(ACTION), || {
                let call = cx.route53.create_hosted_zone().name(want.name.dotted());
                let call = call
                    .caller_reference(&reference)
                    .hosted_zone_config(config.clone());
                call.set_vpc(vpc.map(|vpc| zone_vpc(cx, vpc))).send()
            })
            .await;
        match answer {
            Ok(answer) => {
                let zone = answer.hosted_zone.ok_or_else(|| missing(ACTION, "zone"))?;
                cx.route53_in_sync(answer.change_info).await?;
                return Ok(plain(&zone.id).to_owned());
            }
            Err(error) if error.is(&["HostedZoneAlreadyExists"]) => {
                let zones = cx.route53_zones().await?;
                let alive = zones.iter().find(|zone| zone.caller_reference == reference);
                if let Some(zone) = alive {
                    return Ok(plain(&zone.id).to_owned());
                }
            }
            Err(error) => return Err(error),
        }
    }
    let message = format!("{} was created and deleted a hundred times", mark.address);
    Err(CloudError::new(ACTION, ErrorClass::Quota, message).hinted("raise its `generation`"))
}

async fn read(cx: &Aws, id: &str) -> Result<Option<HostedZoneLive>> {
    const ACTION: &str = "route53:GetHostedZone";
    let answer = cx
        .read(ACTION, || cx.route53.get_hosted_zone().id(id).send())
        .await;
    let answer = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?,
    };
    let mut vpcs: Vec<String> = answer
        .vpcs()
        .iter()
        .filter_map(|vpc| vpc.vpc_id.clone())
        .collect();
    vpcs.sort();
    let servers = answer
        .delegation_set
        .map(|set| set.name_servers)
        .unwrap_or_default();
    let zone = answer.hosted_zone.ok_or_else(|| missing(ACTION, "zone"))?;
    Ok(Some(HostedZoneLive {
        id: id.to_owned(),
        name: DnsName::from_aws(&zone.name),
        private: is_private(&zone),
        vpcs,
        comment: comment(&zone).to_owned(),
        name_servers: servers,
    }))
}

fn is_private(zone: &Zone) -> bool {
    zone.config
        .as_ref()
        .is_some_and(|config| config.private_zone)
}

fn comment(zone: &Zone) -> &str {
    zone.config
        .as_ref()
        .and_then(|config| config.comment.as_deref())
        .unwrap_or_default()
}

/// Silence takes a comment away.
fn said(comment: &str) -> Option<String> {
    (!comment.is_empty()).then(|| comment.to_owned())
}

fn zone_vpc(cx: &Aws, vpc: &str) -> ZoneVpc {
    ZoneVpc::builder()
        .vpc_id(vpc)
        .vpc_region(VpcRegion::from(cx.region.as_str()))
        .build()
}

async fn associate(cx: &Aws, id: &str, vpc: &str) -> Result<()> {
    let answer = cx
        .mutate(Op::again("route53:AssociateVPCWithHostedZone"), || {
            let call = cx
                .route53
                .associate_vpc_with_hosted_zone()
                .hosted_zone_id(id);
            call.vpc(zone_vpc(cx, vpc)).send()
        })
        .await?;
    cx.route53_in_sync(answer.change_info).await
}

async fn dissociate(cx: &Aws, id: &str, vpc: &str) -> Result<()> {
    let answer = cx
        .mutate(Op::again("route53:DisassociateVPCFromHostedZone"), || {
            let call = cx
                .route53
                .disassociate_vpc_from_hosted_zone()
                .hosted_zone_id(id);
            call.vpc(zone_vpc(cx, vpc)).send()
        })
        .await;
    match answer {
        // Carried out before, the answer having been lost.
        Err(error) if error.is(&["VPCAssociationNotFound"]) => Ok(()),
        answer => cx.route53_in_sync(answer?.change_info).await,
    }
}

/// Says which records are in the way: they are not ours, so nobody but a person may delete them.
async fn with_records(cx: &Aws, have: &HostedZoneLive, error: CloudError) -> CloudError {
    let Ok(records) = cx.route53_records(&have.id, Records::All).await else {
        return error;
    };
    let foreign = records.iter().filter_map(|record| {
        let name = DnsName::from_aws(&record.name);
        let own = name == have.name && ["NS", "SOA"].contains(&record.r#type.as_str());
        (!own).then(|| format!("{name} ({})", record.r#type))
    });
    let foreign: Vec<String> = foreign.take(5).collect();
    error
        .hinted(format!("not made by this stack: {}", foreign.join(", ")))
        .hinted("delete them, or keep the zone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_mark() {
        let tags = mark_of("terrace:shop/prod:network/hosted_zone.internal:1.2:3");
        let tags = tags.unwrap_or_default();
        assert_eq!(tags.get(mark::STACK).map(String::as_str), Some("shop/prod"));
        assert_eq!(
            tags.get(mark::ID).map(String::as_str),
            Some("network/hosted_zone.internal")
        );
        assert_eq!(tags.get(mark::GENERATION).map(String::as_str), Some("1.2"));
        assert_eq!(mark_of("Terraform-2026"), None);
        assert_eq!(mark_of("terrace:shop/prod"), None);
    }
}
