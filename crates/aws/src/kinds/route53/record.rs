//! What one name answers for one type (aws-semantics 3.28).
//!
//! Records carry no tags. Beside each of ours stands a TXT record, `_terrace-a.www.example.com` for the
//! A record of `www.example.com`, whose values are the tags of its mark. The two come and go in one
//! change batch, which AWS carries out as a whole or not at all, so neither is ever there alone.
//! What has no such record is not ours, in our own zones too.

mod answer;
mod place;
mod ways;

use futures_util::future::try_join_all;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::{DnsName, Duration};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Id, Ref, Reference};
use terrace_core::said::Said;
use terrace_core::sketch::{Role, Sketch};

use self::answer::Set;
use self::place::{Place, Standing, by_id, id, in_zone, kept, unmarked};
use self::ways::{kind_of, live_ttl, one, routed, several, simple, wanted, wanted_ttl, ways};
use super::hosted_zone::HostedZone;
use super::shared::{plain, unknown};
use crate::client::Aws;
use crate::kinds::cloudfront::distribution::Distribution;
use crate::kinds::ec2::eip::Eip;
use crate::kinds::ec2::instance::Instance;
use crate::kinds::elb::load_balancer::LoadBalancer;
use crate::kinds::rds::db_instance::DbInstance;

/// How often a batch is put together anew because the zone had changed meanwhile.
const TRIES: u32 = 3;

/// What one name answers for one type.
pub struct Record;

/// What a record may lead to.
pub type Goal = Ref<(Eip, Instance, LoadBalancer, Distribution, DbInstance)>;

/// What one name answers for one type: a name of the DNS. Exactly one of `target`, `values`,
/// `weighted`, `latency` and `failover` says what. However much of it changes, it changes at once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSpec {
    /// The zone it stands in.
    pub zone: Ref<HostedZone>,
    /// The whole name: the zone's, or one that ends in it. `*.example.com` stands for all names that
    /// have no record of their own.
    #[schemars(extend("examples" = ["www.shop.internal", "web.shop.internal"]))]
    pub name: Late<DnsName>,
    /// What is asked for. Where it says nothing: `A`, and `CNAME` if it leads to a database.
    #[serde(rename = "type")]
    #[schemars(extend("x-no-law" = "what it answers must be of the type"))]
    pub kind: Option<RecordType>,
    /// The resource that the name leads to. An instance is its private address in a private zone, its
    /// public one elsewhere; an instance that may be replaced deserves an elastic IP.
    #[schemars(extend("x-no-law" = "one of several"))]
    pub target: Option<Goal>,
    /// What it answers, where that is no resource: addresses, names, texts. Texts without quotes.
    #[schemars(extend("examples" = [["192.0.2.1"], ["192.0.2.1", "192.0.2.2"]]))]
    pub values: Option<Vec<Late<String>>>,
    /// Several answers, each given in proportion to its weight: by a name of yours.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "one of several"))]
    pub weighted: IndexMap<String, Weighted>,
    /// Several answers, of which each client gets that of the region nearest to it: by a name of yours.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "one of several"))]
    pub latency: IndexMap<String, Latency>,
    /// Two answers: `primary` while it is healthy, else `secondary`.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "one of several"))]
    pub failover: IndexMap<String, Failover>,
    /// How long others may remember the answer. It means nothing to an alias, which is what leads to a
    /// load balancer or a distribution.
    #[serde(default = "five_minutes")]
    #[schemars(extend("examples" = ["5m", "60s"]))]
    pub ttl: Duration,
}

fn five_minutes() -> Duration {
    Duration::seconds(300)
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Who may issue certificates.
    Caa,
    /// Another name. Nothing else may stand at this one, and it cannot be the zone's own.
    Cname,
    /// The key of a signed zone beneath.
    Ds,
    /// How to reach a web service.
    Https,
    /// Mail servers.
    Mx,
    /// Rules that rewrite names.
    Naptr,
    /// The servers of a zone beneath.
    Ns,
    /// The name of an address.
    Ptr,
    /// Where a service runs.
    Srv,
    /// How to reach a service.
    Svcb,
    /// Text.
    Txt,
}

/// One of several answers, by weight.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// The resource that it leads to.
    pub target: Option<Goal>,
    /// What it answers, where that is no resource.
    pub values: Option<Vec<Late<String>>>,
    /// Its share, from 0 to 255, in proportion to the sum of all.
    pub weight: u8,
    /// The id of a health check; while that fails, the others answer.
    pub health_check: Option<String>,
}

/// One of several answers, by region.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// The resource that it leads to.
    pub target: Option<Goal>,
    /// What it answers, where that is no resource.
    pub values: Option<Vec<Late<String>>>,
    /// The region it is in.
    pub region: String,
    /// The id of a health check; while that fails, the others answer.
    pub health_check: Option<String>,
}

/// One of two answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failover {
    /// The resource that it leads to.
    pub target: Option<Goal>,
    /// What it answers, where that is no resource.
    pub values: Option<Vec<Late<String>>>,
    /// The id of a health check: the primary one needs it, an alias aside.
    pub health_check: Option<String>,
}

/// A record as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct RecordLive {
    id: String,
    zone: Id<HostedZone>,
    name: DnsName,
    kind: String,
    sets: Vec<Set>,
    /// As a listing had it, with its mark; nothing where it was not read but written.
    #[serde(skip)]
    seen: Option<Standing>,
}

impl Live for RecordLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "name" => json!(self.name) }
    }
}

impl Kind for Record {
    const NAME: &'static str = "record";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .global()
        .marks_only()
        .outputs(&["name"])
        .actions(&[
            "route53:ListHostedZones",
            "route53:ListResourceRecordSets",
            "route53:ChangeResourceRecordSets",
            "route53:GetChange",
        ]);
    type Cx = Aws;
    type Spec = RecordSpec;
    type Live = RecordLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "zone",
                |want, known| known.id(&want.zone),
                |have| Said::of(&have.zone),
            )
            .replace(
                "name",
                |want, _| want.name.said(),
                |have| Said::of(&have.name),
            )
            .update(
                "type",
                |want, _| Said::of(kind_of(want)),
                |have| Said::of(&have.kind),
            )
            .impact(Impact::Blip)
            .update(
                "target",
                |want, known| simple(want, known, want.target.is_some()),
                |have| one(have).map_or(Said::Nothing, |set| Said::of(set.to.said())),
            )
            .impact(Impact::Blip)
            .leads()
            .update(
                "values",
                |want, known| simple(want, known, want.values.is_some()),
                |have| one(have).map_or(Said::Nothing, |set| Said::of(set.to.said())),
            )
            .impact(Impact::Blip)
            .leads()
            .update(
                "weighted",
                |want, known| several(want, known, !want.weighted.is_empty()),
                |have| routed(&have.sets, "weighted"),
            )
            .impact(Impact::Blip)
            .leads()
            .update(
                "latency",
                |want, known| several(want, known, !want.latency.is_empty()),
                |have| routed(&have.sets, "latency"),
            )
            .impact(Impact::Blip)
            .leads()
            .update(
                "failover",
                |want, known| several(want, known, !want.failover.is_empty()),
                |have| routed(&have.sets, "failover"),
            )
            .impact(Impact::Blip)
            .leads()
            .update("ttl", wanted_ttl, |have| live_ttl(&have.sets))
    }

    fn sketch(want: &RecordSpec) -> Sketch {
        Sketch {
            title: want.name.known().map(ToString::to_string),
            ..Sketch::new(Role::Sign, "record")
        }
    }

    fn uses(have: &RecordLive) -> Vec<LiveRef> {
        let mut uses = vec![LiveRef::new("zone", have.zone.as_str())];
        for set in &have.sets {
            let names = set.to.names().into_iter();
            uses.extend(names.map(|name| LiveRef::new(set.route.field(), name)));
        }
        uses
    }

    fn ready(_have: &RecordLive) -> Ready {
        Ready::Ready
    }

    fn linger(have: &RecordLive) -> u32 {
        // Route 53 answers for an alias with the target's own, which for its services is a minute.
        let ttl = |set: &Set| {
            set.ttl
                .map_or(60, |ttl| u32::try_from(ttl).unwrap_or(u32::MAX))
        };
        have.sets.iter().map(ttl).max().unwrap_or(0)
    }

    fn check(want: &RecordSpec) -> Vec<Objection> {
        let mut wrong = Vec::new();
        let said = [
            want.target.is_some(),
            want.values.is_some(),
            !want.weighted.is_empty(),
            !want.latency.is_empty(),
            !want.failover.is_empty(),
        ];
        if said.into_iter().filter(|said| *said).count() != 1 {
            let message = "exactly one of `target`, `values`, `weighted`, `latency` and `failover` says what a record answers";
            wrong.push(Objection::new("", message));
        }
        for role in want
            .failover
            .keys()
            .filter(|key| *key != "primary" && *key != "secondary")
        {
            let message =
                format!("`{role}` is no part of a failover: `primary` and `secondary` are");
            wrong.push(Objection::new(format!("failover.{role}"), message));
        }
        for way in ways(want) {
            let at = |field: &str| match &way.key {
                Some(key) => format!("{}.{key}.{field}", way.route.field()),
                None => field.to_owned(),
            };
            if way.key.is_some() && way.target.is_some() == way.values.is_some() {
                wrong.push(Objection::new(
                    at("target"),
                    "either `target` or `values` says what is answered",
                ));
            }
            if let Some(Reference::Literal(id)) = way.target.map(Ref::names) {
                let message =
                    format!("`{id}` is no resource of the stack, so nobody knows its address");
                let help = "look it up as `existing`, or write values = [\"192.0.2.1\"]";
                wrong.push(Objection::new(at("target"), message).help(help));
            }
            let is_address = |value: &Late<String>| {
                value
                    .known()
                    .is_some_and(|value| value.parse::<std::net::Ipv4Addr>().is_ok())
            };
            if want.kind.is_none()
                && !way
                    .values
                    .is_none_or(|values| values.iter().all(is_address))
            {
                let message = "these are no IPv4 addresses, so the record's `type` must be said";
                wrong.push(
                    Objection::new(at("values"), message)
                        .help("write type = \"CNAME\", or what it is"),
                );
            }
        }
        wrong
    }

    fn claims(want: &RecordSpec) -> Vec<String> {
        // In a zone of the stack's own, an environment meets nobody.
        let shared = match want.zone.names() {
            Reference::Address(address) => address.existing,
            Reference::Literal(_) => true,
        };
        match want.name.known().filter(|_| shared) {
            Some(name) => vec![format!("the {} record of {name}", kind_of(want))],
            None => Vec::new(),
        }
    }

    fn foretell(want: &RecordSpec, _mark: &Mark) -> Outputs {
        match want.name.known() {
            Some(name) => outputs! { "name" => json!(name) },
            None => Outputs::new(),
        }
    }

    /// Ours may stand in any zone of the account, and a teardown has no TOML that names them: one page
    /// chain for each zone, which for nearly all of them is one call.
    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<RecordLive>>> {
        if let Look::Id(id) = look {
            return by_id(cx, id).await;
        }
        let zones = cx.route53_zones_in(seen).await?;
        let zones = zones.iter().map(|zone| in_zone(cx, plain(&zone.id), seen));
        let zones = try_join_all(zones).await?;
        let owner = cx.owner();
        let fits = |found: &Found<RecordLive>| match look {
            Look::Ours => found.tags.get(mark::STACK) == Some(&owner),
            Look::Like(like) => like
                .iter()
                .all(|(property, value)| match property.as_str() {
                    "zone" => found.live.zone.as_str() == plain(value),
                    "name" => found.live.name == DnsName::from_aws(value),
                    "type" => found.live.kind == *value,
                    "id" => found.live.id == *value,
                    _ => false,
                }),
            Look::Id(_) => false,
        };
        Ok(zones.into_iter().flatten().filter(fits).collect())
    }

    async fn create(cx: &Aws, want: &RecordSpec, known: &Known, mark: &Mark) -> Result<RecordLive> {
        let place = Place::wanted(want, known)?;
        let sets = wanted(want, known).map_err(unknown)?;
        let tags = kept(&mark.all_tags());
        // Those of a group join what is there, so that has to be looked at before.
        let there = if sets.iter().any(|set| set.key.is_some()) {
            place.read(cx).await?
        } else {
            Standing::default()
        };
        if there.is_free() {
            match place.put(cx, &there, &sets, &tags).await {
                Err(error) if error.is(&["InvalidChangeBatch"]) => {
                    let there = place.read(cx).await?;
                    if there.is_free() {
                        return Err(error);
                    }
                    place.take(cx, there, &sets, &tags).await?;
                }
                answer => answer?,
            }
        } else {
            place.take(cx, there, &sets, &tags).await?;
        }
        Ok(place.live(sets, &tags))
    }

    async fn update(
        cx: &Aws,
        want: &RecordSpec,
        have: &RecordLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<RecordLive> {
        let (old, new) = (Place::of(have), Place::wanted(want, known)?);
        let mut sets = wanted(want, known).map_err(unknown)?;
        if !part.has("ttl") {
            let ttl = have.sets.iter().find_map(|set| set.ttl);
            for set in sets.iter_mut().filter(|set| set.ttl.is_some()) {
                set.ttl = ttl.or(set.ttl);
            }
        }
        for attempt in 1.. {
            let there = old.read(cx).await?;
            let tags = there.tags();
            let answer = if old.kind != new.kind && there.is_free() {
                // Carried out before, the answer having been lost.
                let there = new.read(cx).await?;
                return Ok(new.live(sets, &there.tags()));
            } else if there.marker.is_none() {
                // Somebody took it over since it was found.
                return Err(unmarked(&old));
            } else if old.kind == new.kind {
                old.put(cx, &there, &sets, &tags).await
            } else {
                let changes = [
                    there.removal()?,
                    new.changes(&Standing::default(), &sets, &tags)?,
                ];
                cx.route53_change(&new.zone, changes.concat()).await
            };
            match answer {
                // Somebody changed it between the two calls, or an earlier try went through.
                Err(error) if error.is(&["InvalidChangeBatch"]) && attempt < TRIES => {}
                answer => {
                    answer?;
                    return Ok(new.live(sets, &tags));
                }
            }
        }
        Ok(have.clone())
    }

    async fn delete(cx: &Aws, have: &RecordLive, _leave: &Leave) -> Result<()> {
        let place = Place::of(have);
        // As it was seen: AWS takes all of it away or, if anything is otherwise by now, nothing.
        if let Some(seen) = have.seen.as_ref().filter(|seen| seen.marker.is_some()) {
            match cx.route53_change(&place.zone, seen.removal()?).await {
                Err(error) if error.class == ErrorClass::NotFound => return Ok(()),
                Err(error) if error.is(&["InvalidChangeBatch"]) => {}
                answer => return answer,
            }
        }
        for attempt in 1.. {
            let there = match place.read(cx).await {
                Err(error) if error.class == ErrorClass::NotFound => return Ok(()),
                there => there?,
            };
            // Its mark is gone, or its successor's: what stands there is no longer this one.
            if there.marker.is_none() || id(&place, &there.tags()) != have.id {
                return Ok(());
            }
            match cx.route53_change(&place.zone, there.removal()?).await {
                Err(error) if error.is(&["InvalidChangeBatch"]) && attempt < TRIES => {}
                answer => return answer,
            }
        }
        Ok(())
    }

    async fn tag(cx: &Aws, have: &RecordLive, set: &Tags, unset: &[String]) -> Result<()> {
        let place = Place::of(have);
        let there = place.read(cx).await?;
        let mut tags = there.tags();
        tags.retain(|key, _| !unset.contains(key));
        tags.extend(kept(set));
        cx.route53_change(&place.zone, place.marking(&there, &tags)?)
            .await
    }
}
