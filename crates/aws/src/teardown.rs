//! The teardown certificate: what is left once a plan says that nothing is. It does not trust the plan:
//! every kind is listed again in every region ever used, and beside the kinds all that costs money and
//! may carry our mark or name, stand in networks of ours, or be kept on purpose.

mod databases;
mod machines;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::try_join_all;
use serde::Serialize;
use terrace_core::error::Result;
use terrace_core::inventory::FoundAny;
use terrace_core::kind::{About, Ready};
use terrace_core::mark::{self, Tags};

use crate::KINDS;
use crate::bucket::Bucket;
use crate::client::Aws;
use crate::discovery::{Places, discover};

/// Where a certificate looks.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Regions other than the home region that the TOML or the footprint names.
    pub places: &'a Places,
    /// What was ours before the teardown: inside those networks and of those disks something may be left.
    pub before: &'a [FoundAny],
}

/// Where was looked after a teardown, and what was found.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// `shop/prod`.
    pub owner: String,
    /// The regions looked at, the home region first.
    pub regions: Vec<String>,
    /// The kinds listed in each of them, by their marks.
    pub kinds: Vec<&'static str>,
    /// What else was listed in each of them, by marks, names and places.
    pub beyond: Vec<&'static str>,
    /// The networks that were ours, and were looked into.
    pub networks: Vec<String>,
    /// What is ours and should not be there.
    pub remains: Vec<Rest>,
    /// What is there on purpose, or was made by others from what was ours.
    pub kept: Vec<Rest>,
}

/// Something that is still there.
#[derive(Clone, Debug, Serialize)]
pub struct Rest {
    /// A kind, or AWS's word for it.
    pub what: String,
    /// Its id or name.
    pub id: String,
    /// The region it is in.
    pub region: String,
    /// Why it is on the list.
    pub why: String,
    /// Whether AWS takes money for it.
    pub billable: bool,
    /// The command that removes it.
    pub remove: String,
}

impl Certificate {
    /// Whether nothing of ours that costs money is left, except what is kept on purpose.
    pub fn is_clean(&self) -> bool {
        !self.remains.iter().any(|rest| rest.billable)
    }
}

/// The kinds that cost nothing by themselves: the pricing pages of VPC, EC2, IAM, RDS, Elastic Load
/// Balancing, CloudFront and Certificate Manager name no price for them. A kind that is not here counts as
/// billable, also one that is only so by use.
const FREE: &[&str] = &[
    "vpc",
    "subnet",
    "internet_gateway",
    "route_table",
    "security_group",
    "key_pair",
    "launch_template",
    "listener",
    "target_group",
    "iam_role",
    "instance_profile",
    "certificate",
    "db_subnet_group",
    "db_parameter_group",
    "origin_access_control",
];

/// Looks, once a teardown is done.
pub async fn certify(cx: &Arc<Aws>, scope: &Scope<'_>) -> Result<Certificate> {
    let home = cx.region.clone();
    let elsewhere: BTreeSet<&String> = scope.places.keys().filter(|name| **name != home).collect();
    let kinds: Vec<&'static str> = KINDS.iter().map(|kind| kind.name()).collect();
    // Not only those kinds that the footprint knows to have been there.
    let all: BTreeSet<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let places = try_join_all(elsewhere.iter().map(async |name| {
        let mut all = all.clone();
        if machines::tagged(&cx.in_region(name), mark::STACK, &cx.owner())
            .await?
            .is_empty()
        {
            // One list of tags says that there is nothing of EC2; what was there once is looked for all the same.
            let once = scope.places.get(*name);
            let known = |kind: &str| once.is_some_and(|kinds| kinds.contains(kind));
            let ec2 = KINDS.iter().filter(|kind| is_of_ec2(kind.about()));
            for kind in ec2.map(|kind| kind.name()).filter(|kind| !known(kind)) {
                all.remove(kind);
            }
        }
        Ok(((*name).clone(), all))
    }));
    let places: Places = places.await?.into_iter().collect();
    let regions: Vec<String> = std::iter::once(home.clone())
        .chain(elsewhere.into_iter().cloned())
        .collect();
    let ours: Vec<Ours> = regions
        .iter()
        .map(|region| Ours::of(cx, region, scope.before))
        .collect();
    let beyond = try_join_all(ours.iter().map(|ours| async move {
        let cx = cx.in_region(&ours.region);
        let (mut rest, more) =
            tokio::try_join!(machines::look(&cx, ours), databases::look(&cx, ours))?;
        rest.extend(more);
        Ok(rest)
    }));
    let sure = Arc::new(cx.without_index());
    let found = discover(&sure, &places, &[]);
    let (inventory, beyond, bucket) = tokio::try_join!(found, beyond, Bucket::find(cx))?;
    let mut remains: BTreeMap<(String, String), Rest> = BTreeMap::new();
    let mut kept: Vec<Rest> = Vec::new();
    for found in &inventory.ours {
        if !matches!(found.ready, Ready::Dying(_)) {
            let rest = marked(found, &home);
            remains.insert((rest.region.clone(), rest.id.clone()), rest);
        }
    }
    for fate in beyond.into_iter().flatten() {
        match fate {
            Fate::Remains(rest) => {
                let key = (rest.region.clone(), rest.id.clone());
                remains.entry(key).or_insert(rest);
            }
            Fate::Kept(rest) => kept.push(rest),
        }
    }
    if let Some(bucket) = bucket {
        kept.push(Rest {
            what: "bucket".to_owned(),
            id: bucket.name().to_owned(),
            region: bucket.region().to_owned(),
            why: "the account's own: the locks and footprints of all its stacks".to_owned(),
            billable: true,
            remove: format!("aws s3 rb s3://{} --force", bucket.name()),
        });
    }
    Ok(Certificate {
        owner: cx.owner(),
        kinds,
        beyond: [machines::LISTED, databases::LISTED].concat(),
        networks: ours.into_iter().flat_map(|ours| ours.networks).collect(),
        regions,
        remains: remains.into_values().collect(),
        kept,
    })
}

/// Whether a kind's resources are EC2's: what it reads first of all is.
fn is_of_ec2(about: &About) -> bool {
    about
        .actions
        .first()
        .is_some_and(|first| first.starts_with("ec2:"))
}

fn marked(found: &FoundAny, home: &str) -> Rest {
    let kind = found.live.kind();
    let address = found.mark.as_ref().map(|(address, _)| address.to_string());
    Rest {
        what: kind.to_owned(),
        id: found.live.id().to_owned(),
        region: found.region.clone().unwrap_or_else(|| home.to_owned()),
        why: format!("it has our mark, of {}", address.unwrap_or_default()),
        billable: !FREE.contains(&kind),
        remove: "terrace destroy".to_owned(),
    }
}

/// What is to be done about something that was found.
enum Fate {
    Remains(Rest),
    Kept(Rest),
}

/// By what things of ours are known in one region.
struct Ours {
    region: String,
    owner: String,
    prefix: String,
    networks: Vec<String>,
    instances: Vec<String>,
    volumes: Vec<String>,
    databases: Vec<String>,
}

impl Ours {
    fn of(cx: &Aws, region: &str, before: &[FoundAny]) -> Self {
        let ids = |kind: &str| {
            let there = |found: &&FoundAny| {
                found.live.kind() == kind && found.region.as_deref().unwrap_or(&cx.region) == region
            };
            let all = before.iter().filter(there);
            all.map(|found| found.live.id().to_owned()).collect()
        };
        Self {
            region: region.to_owned(),
            owner: cx.owner(),
            prefix: cx.identity.prefix(),
            networks: ids("vpc"),
            instances: ids("instance"),
            volumes: ids("volume"),
            databases: ids("db_instance"),
        }
    }

    /// Whether a name is one that terrace gives: our prefix before it, six hex digits behind.
    fn named(&self, name: &str) -> bool {
        let suffix = name.strip_prefix(&self.prefix).and_then(|rest| {
            let rest = rest.rsplit('-').next()?;
            (rest.len() == 6 && rest.chars().all(|c| c.is_ascii_hexdigit())).then_some(())
        });
        suffix.is_some()
    }

    /// Why something with these tags and this name is ours, if it is. Another environment's name may begin
    /// as ours do; its mark says so.
    fn why(&self, tags: &Tags, name: Option<&str>) -> Option<String> {
        match tags.get(mark::STACK) {
            Some(owner) if *owner == self.owner => Some(match tags.get(mark::ID) {
                Some(address) => format!("it has our mark, of {address}"),
                None => "it has our mark".to_owned(),
            }),
            Some(_) => None,
            None => name
                .filter(|name| self.named(name))
                .map(|name| format!("it has no mark, and the name of one of ours: {name}")),
        }
    }

    fn rest(&self, what: &str, id: &str, why: String, remove: &str) -> Rest {
        Rest {
            what: what.to_owned(),
            id: id.to_owned(),
            region: self.region.clone(),
            why,
            billable: true,
            remove: format!("{remove} {id} --region {}", self.region),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_making_are_taken_for_ours() {
        let ours = Ours {
            region: "eu-west-3".into(),
            owner: "shop/prod".into(),
            prefix: "shop-prod-".into(),
            networks: vec![],
            instances: vec![],
            volumes: vec![],
            databases: vec![],
        };
        assert!(ours.named("shop-prod-volume-data-0a1b2c"));
        assert!(!ours.named("shop-prod-bastion"));
        assert!(!ours.named("shop-product-volume-0a1b2c"));
        let theirs: Tags = [(mark::STACK.to_owned(), "shop/prod-eu".to_owned())].into();
        let name = Some("shop-prod-eu-volume-data-0a1b2c");
        assert!(ours.why(&theirs, name).is_none());
        assert!(ours.why(&Tags::new(), name).is_some());
    }
}
