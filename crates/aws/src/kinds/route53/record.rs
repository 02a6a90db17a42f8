//! What one name answers for one type (aws-semantics 3.28).
//!
//! Records carry no tags. Beside each of ours stands a TXT record, `_terrace-a.www.example.com` for the
//! A record of `www.example.com`, whose values are the tags of its mark. The two come and go in one
//! change batch, which AWS carries out as a whole or not at all, so neither is ever there alone.
//! What has no such record is not ours, in our own zones too.

mod answer;

use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecordSet, RrType};
use futures_util::future::try_join_all;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use terrace_core::canon::{DnsName, Duration};
use terrace_core::error::{CloudError, ErrorClass, Result};
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

use self::answer::{Route, Set, To, canonical, resource_records, sorted};
use super::hosted_zone::HostedZone;
use super::shared::{Records, plain};
use crate::client::Aws;
use crate::door::Op;
use crate::kinds::ec2::eip::Eip;
use crate::kinds::ec2::instance::Instance;
use crate::kinds::rds::db_instance::DbInstance;

const CHANGE: &str = "route53:ChangeResourceRecordSets";
/// How often a batch is put together anew because the zone had changed meanwhile.
const TRIES: u32 = 3;

/// What one name answers for one type.
pub struct Record;

/// What a record may lead to.
pub type Goal = Ref<(Eip, Instance, DbInstance)>;

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
        .minutes(1.0, 1.0, 1.0)
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
            .replace("zone", |want, known| known.id(&want.zone), |have| Said::of(&have.zone))
            .replace("name", |want, _| want.name.said(), |have| Said::of(&have.name))
            .update("type", |want, _| Said::of(kind_of(want)), |have| Said::of(&have.kind))
            .impact(Impact::Blip)
            .update(
                "target",
                |want, known| simple(want, known, want.target.is_some()),
                |have| one(have).map_or(Said::Nothing, |set| Said::of(set.to.said())),
            )
            .impact(Impact::Blip)
            .update(
                "values",
                |want, known| simple(want, known, want.values.is_some()),
                |have| one(have).map_or(Said::Nothing, |set| Said::of(set.to.said())),
            )
            .impact(Impact::Blip)
            .update(
                "weighted",
                |want, known| several(want, known, !want.weighted.is_empty()),
                |have| routed(&have.sets, "weighted"),
            )
            .impact(Impact::Blip)
            .update(
                "latency",
                |want, known| several(want, known, !want.latency.is_empty()),
                |have| routed(&have.sets, "latency"),
            )
            .impact(Impact::Blip)
            .update(
                "failover",
                |want, known| several(want, known, !want.failover.is_empty()),
                |have| routed(&have.sets, "failover"),
            )
            .impact(Impact::Blip)
            .update("ttl", wanted_ttl, |have| live_ttl(&have.sets))
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
        for role in want.failover.keys().filter(|key| *key != "primary" && *key != "secondary") {
            let message = format!("`{role}` is no part of a failover: `primary` and `secondary` are");
            wrong.push(Objection::new(format!("failover.{role}"), message));
        }
        for way in ways(want) {
            let at = |field: &str| match &way.key {
                Some(key) => format!("{}.{key}.{field}", way.route.field()),
                None => field.to_owned(),
            };
            if way.key.is_some() && way.target.is_some() == way.values.is_some() {
                wrong.push(Objection::new(at("target"), "either `target` or `values` says what is answered"));
            }
            if let Some(Reference::Literal(id)) = way.target.map(Ref::names) {
                let message = format!("`{id}` is no resource of the stack, so nobody knows its address");
                let help = "look it up as `existing`, or write values = [\"192.0.2.1\"]";
                wrong.push(Objection::new(at("target"), message).help(help));
            }
            let is_address = |value: &Late<String>| {
                value.known().is_some_and(|value| value.parse::<std::net::Ipv4Addr>().is_ok())
            };
            if want.kind.is_none() && !way.values.is_none_or(|values| values.iter().all(is_address)) {
                let message = "these are no IPv4 addresses, so the record's `type` must be said";
                wrong.push(Objection::new(at("values"), message).help("write type = \"CNAME\", or what it is"));
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
    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<RecordLive>>> {
        if let Look::Id(id) = look {
            return by_id(cx, id).await;
        }
        let zones = cx.route53_zones().await?;
        let zones = try_join_all(zones.iter().map(|zone| in_zone(cx, plain(&zone.id)))).await?;
        let owner = cx.owner();
        let fits = |found: &Found<RecordLive>| match look {
            Look::Ours => found.tags.get(mark::STACK) == Some(&owner),
            Look::Like(like) => like.iter().all(|(property, value)| match property.as_str() {
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
        let there = match sets.iter().any(|set| set.key.is_some()) {
            true => place.read(cx).await?,
            false => Standing::default(),
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
            let answer = if old.kind == new.kind {
                old.put(cx, &there, &sets, &tags).await
            } else if there.is_free() {
                // Carried out before, the answer having been lost.
                let there = new.read(cx).await?;
                return Ok(new.live(sets, &there.tags()));
            } else {
                let changes = [old.removal(&there)?, new.changes(&Standing::default(), &sets, &tags)?];
                submit(cx, &new.zone, changes.concat()).await
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
        for attempt in 1.. {
            let there = match place.read(cx).await {
                Err(error) if error.class == ErrorClass::NotFound => return Ok(()),
                there => there?,
            };
            // Its mark is gone, or its successor's: what stands there is no longer this one.
            if there.marker.is_none() || id(&place, &there.tags()) != have.id {
                return Ok(());
            }
            match submit(cx, &place.zone, place.removal(&there)?).await {
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
        submit(cx, &place.zone, place.marking(&there, &tags)?).await
    }
}

/// Where records stand: a zone, a name, a type.
struct Place {
    zone: String,
    name: DnsName,
    kind: RrType,
}

/// What AWS has there, and the record that marks it.
#[derive(Default)]
struct Standing {
    sets: Vec<ResourceRecordSet>,
    marker: Option<ResourceRecordSet>,
}

impl Standing {
    fn is_free(&self) -> bool {
        self.sets.is_empty() && self.marker.is_none()
    }

    fn tags(&self) -> Tags {
        self.marker.as_ref().map(read_tags).unwrap_or_default()
    }
}

/// The tags that a marking record holds, one in each value.
fn read_tags(marker: &ResourceRecordSet) -> Tags {
    let values = marker.resource_records.iter().flatten();
    let texts = values.map(|record| canonical(&RrType::Txt, &record.value));
    texts
        .filter_map(|text| text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
        .collect()
}

/// The tags that are written down: the mark. Anybody can read them, so no others are.
fn kept(tags: &Tags) -> Tags {
    let ours = tags.iter().filter(|(key, _)| key.starts_with(mark::OURS));
    ours.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The name of what marks the records of a name and type.
fn marker(name: &DnsName, kind: &RrType) -> DnsName {
    let name = name.as_str().replace('*', "_wild");
    DnsName::from_aws(&format!("_terrace-{}.{name}", kind.as_str()))
}

/// The name and type that something of this name marks.
fn marked(name: &DnsName) -> Option<(DnsName, RrType)> {
    let (kind, rest) = name.as_str().strip_prefix("_terrace-")?.split_once('.')?;
    let kind = RrType::from(kind.to_ascii_uppercase().as_str());
    Some((DnsName::from_aws(&rest.replace("_wild", "*")), kind))
}

/// The generation is part of the id: a new one takes the place of the old one in a single batch, and
/// deleting the old one afterwards must not find the new one.
fn id(place: &Place, tags: &Tags) -> String {
    let generation = tags.get(mark::GENERATION).map(|generation| format!("/{generation}"));
    let Place { zone, name, kind } = place;
    format!("{zone}/{name}/{}{}", kind.as_str(), generation.unwrap_or_default())
}

impl Place {
    fn wanted(want: &RecordSpec, known: &Known) -> Result<Self> {
        let name = want.name.need().map_err(unknown)?.clone();
        let kind = RrType::from(kind_of(want).as_str());
        Ok(Self { zone: String::from(known.need(&want.zone)?), name, kind })
    }

    fn of(have: &RecordLive) -> Self {
        let kind = RrType::from(have.kind.as_str());
        Self { zone: have.zone.to_string(), name: have.name.clone(), kind }
    }

    fn live(&self, sets: Vec<Set>, tags: &Tags) -> RecordLive {
        RecordLive {
            id: id(self, tags),
            zone: Id::new(&self.zone),
            name: self.name.clone(),
            kind: self.kind.as_str().to_owned(),
            sets,
        }
    }

    async fn read(&self, cx: &Aws) -> Result<Standing> {
        let name = marker(&self.name, &self.kind);
        let (sets, marks) = tokio::try_join!(
            cx.route53_records(&self.zone, Records::At(&self.name, &self.kind)),
            cx.route53_records(&self.zone, Records::At(&name, &RrType::Txt)),
        )?;
        Ok(Standing { sets, marker: marks.into_iter().next() })
    }

    /// Puts these in place of what stands there, if that is ours.
    async fn take(&self, cx: &Aws, there: Standing, sets: &[Set], tags: &Tags) -> Result<()> {
        let found = there.tags();
        if [mark::STACK, mark::ID].iter().all(|key| found.get(*key) == tags.get(*key)) {
            return self.put(cx, &there, sets, tags).await;
        }
        let (name, kind) = (&self.name, self.kind.as_str());
        let whose = match (found.get(mark::STACK), found.get(mark::ID)) {
            (Some(stack), Some(id)) => format!("{id} of {stack} made it"),
            _ => "terrace did not make it".to_owned(),
        };
        let message = format!("{name} has a record of type {kind} already, and {whose}");
        let error = CloudError::new(CHANGE, ErrorClass::Conflict, message);
        Err(error
            .hinted(format!("to take it over: terrace import <ADDRESS> {}", id(self, &Tags::new())))
            .hinted("or delete it, or choose another `name`"))
    }

    async fn put(&self, cx: &Aws, there: &Standing, sets: &[Set], tags: &Tags) -> Result<()> {
        submit(cx, &self.zone, self.changes(there, sets, tags)?).await
    }

    /// All it takes from what stands there to these. Nothing is overwritten unseen: what is not there
    /// is created, which fails if it is after all.
    fn changes(&self, there: &Standing, sets: &[Set], tags: &Tags) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        // A set that answers in another way is another set.
        let same = |old: &Set, new: &Set| old.key == new.key && old.route.field() == new.route.field();
        let old: Vec<Set> = there.sets.iter().map(Set::read).collect();
        for (old, raw) in old.iter().zip(&there.sets) {
            if !sets.iter().any(|set| same(old, set)) {
                changes.push(change(ChangeAction::Delete, raw.clone())?);
            }
        }
        for set in sets.iter().filter(|set| !old.contains(set)) {
            let known = old.iter().any(|old| same(old, set));
            let action = if known { ChangeAction::Upsert } else { ChangeAction::Create };
            changes.push(change(action, set.write(&self.name, &self.kind).map_err(unknown)?)?);
        }
        changes.extend(self.marking(there, tags)?);
        Ok(changes)
    }

    /// What makes the marking record say these tags.
    fn marking(&self, there: &Standing, tags: &Tags) -> Result<Vec<Change>> {
        let action = match &there.marker {
            Some(_) if there.tags() == *tags => return Ok(Vec::new()),
            Some(marker) if tags.is_empty() => {
                return Ok(vec![change(ChangeAction::Delete, marker.clone())?]);
            }
            None if tags.is_empty() => return Ok(Vec::new()),
            Some(_) => ChangeAction::Upsert,
            None => ChangeAction::Create,
        };
        let texts: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let values = resource_records(&RrType::Txt, &texts).map_err(unknown)?;
        let set = ResourceRecordSet::builder()
            .name(marker(&self.name, &self.kind).dotted())
            .r#type(RrType::Txt)
            .ttl(300)
            .set_resource_records(Some(values));
        Ok(vec![change(action, set.build().map_err(unknown)?)?])
    }

    /// What takes all of it away: AWS wants the exact values.
    fn removal(&self, there: &Standing) -> Result<Vec<Change>> {
        let all = there.sets.iter().chain(&there.marker);
        all.map(|set| change(ChangeAction::Delete, set.clone())).collect()
    }
}

fn change(action: ChangeAction, set: ResourceRecordSet) -> Result<Change> {
    Change::builder().action(action).resource_record_set(set).build().map_err(unknown)
}

/// What cannot be put into a call.
fn unknown(why: impl std::fmt::Display) -> CloudError {
    CloudError::new(CHANGE, ErrorClass::Invalid, why.to_string())
}

/// Carries changes out, all or none, and waits until everybody knows.
async fn submit(cx: &Aws, zone: &str, changes: Vec<Change>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let batch = ChangeBatch::builder().set_changes(Some(changes)).build().map_err(unknown)?;
    let answer = cx
        .mutate(Op::again(CHANGE), || {
            let call = cx.route53.change_resource_record_sets().hosted_zone_id(zone);
            call.change_batch(batch.clone()).send()
        })
        .await?;
    cx.route53_in_sync(answer.change_info).await
}

/// All records of a zone, each with its mark if it has one.
async fn in_zone(cx: &Aws, zone: &str) -> Result<Vec<Found<RecordLive>>> {
    let records = match cx.route53_records(zone, Records::All).await {
        // Deleted since the zones were listed.
        Err(error) if error.class == ErrorClass::NotFound => return Ok(Vec::new()),
        records => records?,
    };
    let mut places: IndexMap<(DnsName, RrType), Standing> = IndexMap::new();
    for record in records {
        let name = DnsName::from_aws(&record.name);
        if let (Some(place), RrType::Txt) = (marked(&name), &record.r#type) {
            places.entry(place).or_default().marker = Some(record);
        } else {
            places.entry((name, record.r#type.clone())).or_default().sets.push(record);
        }
    }
    let found = places.into_iter().map(|((name, kind), there)| {
        Place { zone: zone.to_owned(), name, kind }.found(&there)
    });
    Ok(found.collect())
}

/// The one with this id: `Z0123/www.example.com/A`, with its generation at the end or without.
async fn by_id(cx: &Aws, text: &str) -> Result<Vec<Found<RecordLive>>> {
    let mut words = text.split('/');
    let (Some(zone), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) else {
        let message = format!("`{text}` is no record; one reads like \"Z0123/www.example.com/A\"");
        return Err(CloudError::new("terrace:look-up", ErrorClass::Invalid, message));
    };
    let kind = RrType::from(kind.to_ascii_uppercase().as_str());
    let place = Place { zone: zone.to_owned(), name: DnsName::from_aws(name), kind };
    match place.read(cx).await {
        Err(error) if error.class == ErrorClass::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(there) if there.is_free() => Ok(Vec::new()),
        Ok(there) => Ok(vec![place.found(&there)]),
    }
}

impl Place {
    fn found(&self, there: &Standing) -> Found<RecordLive> {
        let tags = there.tags();
        Found::new(self.live(there.sets.iter().map(Set::read).collect(), &tags), tags)
    }
}

/// One way to answer, as the TOML says it.
struct Way<'a> {
    key: Option<&'a String>,
    target: Option<&'a Goal>,
    values: Option<&'a Vec<Late<String>>>,
    route: Route,
    health_check: Option<&'a String>,
}

fn ways(want: &RecordSpec) -> Vec<Way<'_>> {
    let mut ways = Vec::new();
    if want.target.is_some() || want.values.is_some() {
        ways.push(Way {
            key: None,
            target: want.target.as_ref(),
            values: want.values.as_ref(),
            route: Route::Simple,
            health_check: None,
        });
    }
    ways.extend(want.weighted.iter().map(|(key, way)| Way {
        key: Some(key),
        target: way.target.as_ref(),
        values: way.values.as_ref(),
        route: Route::Weighted(way.weight.into()),
        health_check: way.health_check.as_ref(),
    }));
    ways.extend(want.latency.iter().map(|(key, way)| Way {
        key: Some(key),
        target: way.target.as_ref(),
        values: way.values.as_ref(),
        route: Route::Latency(way.region.clone()),
        health_check: way.health_check.as_ref(),
    }));
    ways.extend(want.failover.iter().map(|(key, way)| Way {
        key: Some(key),
        target: way.target.as_ref(),
        values: way.values.as_ref(),
        route: Route::Failover(key.clone()),
        health_check: way.health_check.as_ref(),
    }));
    ways
}

/// The kind of what a reference names.
fn goal(target: Option<&Goal>) -> Option<&str> {
    match target?.names() {
        Reference::Address(address) => Some(&address.kind),
        Reference::Literal(_) => None,
    }
}

/// The type: said, or that of what it leads to.
fn kind_of(want: &RecordSpec) -> String {
    let to_database = ways(want).iter().any(|way| goal(way.target) == Some("db_instance"));
    let kind = match want.kind {
        Some(kind) => kind,
        None if to_database => RecordType::Cname,
        None => RecordType::A,
    };
    Said::of(kind).text()
}

/// All sets of the record, or the words for what is not known yet.
fn wanted(want: &RecordSpec, known: &Known) -> std::result::Result<Vec<Set>, String> {
    let kind = RrType::from(kind_of(want).as_str());
    let set = |way: &Way<'_>| {
        let to = match (way.target, way.values) {
            (Some(target), _) => leads(want, known, target, &kind)?,
            (None, Some(values)) => {
                let values: std::result::Result<Vec<&String>, String> =
                    values.iter().map(Late::need).collect();
                To::Values(sorted(values?.into_iter().map(|value| canonical(&kind, value))))
            }
            (None, None) => To::Values(Vec::new()),
        };
        Ok(Set {
            key: way.key.cloned(),
            ttl: matches!(to, To::Values(_)).then(|| want.ttl.as_seconds()),
            to,
            route: way.route.clone(),
            health_check: way.health_check.cloned(),
        })
    };
    ways(want).iter().map(set).collect()
}

/// The zone that Amazon keeps all distributions in.
const DISTRIBUTIONS: &str = "Z2FDTNDATAQYW2";

/// What a resource is to the DNS.
fn leads(
    want: &RecordSpec,
    known: &Known,
    target: &Goal,
    kind: &RrType,
) -> std::result::Result<To, String> {
    let output = |name: &str| match known.output(target, name) {
        Said::Value(Value::String(text)) => Ok(text),
        Said::Later(what) => Err(what),
        Said::Nothing | Said::Value(_) => Err(format!("{} has no `{name}`", target.names())),
    };
    let value = |name: &str| Ok(To::Values(vec![canonical(kind, &output(name)?)]));
    let alias = |zone: String, health: bool| {
        let name = DnsName::from_aws(&output("dns_name")?).to_string();
        Ok(To::Alias { name, zone, health })
    };
    let private = known.output(&want.zone, "private") == Said::Value(Value::Bool(true));
    match goal(Some(target)) {
        Some("instance") if private => value("private_ip"),
        Some("instance") => value("public_ip"),
        Some("load_balancer") => alias(output("zone_id")?, true),
        Some("distribution") => alias(DISTRIBUTIONS.to_owned(), false),
        _ => value("address"),
    }
}

/// What is wanted of a simple record, if that is what is `said`.
fn simple(want: &RecordSpec, known: &Known, said: bool) -> Said {
    if !said {
        return Said::Nothing;
    }
    match wanted(want, known) {
        Ok(sets) => sets.first().map_or(Said::Nothing, |set| Said::of(set.to.said())),
        Err(what) => Said::Later(what),
    }
}

/// What is wanted of a record of several ways, if that is what is `said`.
fn several(want: &RecordSpec, known: &Known, said: bool) -> Said {
    match wanted(want, known) {
        _ if !said => Said::Nothing,
        Ok(sets) => Said::Value(table(&sets)),
        Err(what) => Said::Later(what),
    }
}

/// The one set of a simple record.
fn one(have: &RecordLive) -> Option<&Set> {
    have.sets.first().filter(|set| have.sets.len() == 1 && set.route == Route::Simple)
}

/// The live sets of one way of routing.
fn routed(sets: &[Set], field: &str) -> Said {
    match sets.first() {
        Some(set) if set.route.field() == field && set.route != Route::Simple => {
            Said::Value(table(sets))
        }
        _ => Said::Nothing,
    }
}

fn table(sets: &[Set]) -> Value {
    let row = |set: &Set| {
        let mut row = json!({ "to": set.to.said() });
        match &set.route {
            Route::Weighted(weight) => row["weight"] = json!(weight),
            Route::Latency(region) => row["region"] = json!(region),
            _ => {}
        }
        if let Some(check) = &set.health_check {
            row["health_check"] = json!(check);
        }
        (set.key.clone().unwrap_or_default(), row)
    };
    Value::Object(sets.iter().map(row).collect::<Map<_, _>>())
}

fn wanted_ttl(want: &RecordSpec, _: &Known) -> Said {
    let is_alias = |way: &Way<'_>| matches!(goal(way.target), Some("load_balancer" | "distribution"));
    match ways(want).iter().all(is_alias) {
        true => Said::Nothing,
        false => Said::of(want.ttl),
    }
}

fn live_ttl(sets: &[Set]) -> Said {
    let ttls = sorted(sets.iter().filter_map(|set| set.ttl).map(|ttl| Duration::seconds(ttl).to_string()));
    match ttls.as_slice() {
        [] => Said::Nothing,
        [one] => Said::of(one),
        several => Said::of(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_names_what_it_marks() {
        for (name, kind) in [("*.example.com", RrType::A), ("example.com", RrType::Cname)] {
            let name = DnsName::from_aws(name);
            assert_eq!(marked(&marker(&name, &kind)), Some((name, kind)));
        }
        assert_eq!(marker(&DnsName::from_aws("*.a.b"), &RrType::Aaaa).as_str(), "_terrace-aaaa._wild.a.b");
        assert_eq!(marked(&DnsName::from_aws("www.example.com")), None);
    }

    #[test]
    fn only_the_mark_is_published() {
        let tags = [("Name", "x"), ("owner", "ann"), ("terrace:id", "record.site")];
        let tags: Tags = tags.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
        assert_eq!(kept(&tags).len(), 1);
    }
}
