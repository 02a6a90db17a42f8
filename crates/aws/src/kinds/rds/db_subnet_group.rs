//! The subnets that databases may stand in (aws-semantics 3.14).

use aws_sdk_rds::types::DbSubnetGroup as Group;
use futures_util::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::shared::{arn, check_name, or_none, tag_list, taken};
use crate::blockers::databases::databases;
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::kinds::ec2::subnet::Subnet;

/// The subnets that databases may stand in.
pub struct DbSubnetGroup;

/// The subnets that databases may stand in: of one network, in two zones at least, so that a database
/// can move from one to the other.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbSubnetGroupSpec {
    /// Its name, unique in the account and region. Absent: made from the stack's and its own.
    #[schemars(extend("examples" = ["shop-data", "shop-databases"]))]
    pub name: Option<String>,
    /// The subnets, in two zones at least.
    #[schemars(extend("examples" = [["subnet.a", "subnet.b"], ["subnet.b", "subnet.c"]]))]
    pub subnets: Vec<Ref<Subnet>>,
}

/// A subnet group as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct DbSubnetGroupLive {
    id: String,
    arn: String,
    vpc: String,
    subnets: Vec<String>,
}

impl Live for DbSubnetGroupLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.arn), "name" => json!(self.id) }
    }
}

/// What AWS wants said of a group, and nobody reads.
const ABOUT: &str = "Made by terrace";

impl Kind for DbSubnetGroup {
    const NAME: &'static str = "db_subnet_group";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["arn", "name"])
        .actions(&[
            "rds:DescribeDBSubnetGroups",
            "rds:ListTagsForResource",
            "tag:GetResources",
            "rds:CreateDBSubnetGroup",
            "rds:ModifyDBSubnetGroup",
            "rds:DeleteDBSubnetGroup",
            "rds:DescribeDBInstances",
            "rds:AddTagsToResource",
            "rds:RemoveTagsFromResource",
        ]);
    type Cx = Aws;
    type Spec = DbSubnetGroupSpec;
    type Live = DbSubnetGroupLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.id),
            )
            .update(
                "subnets",
                |want, known| known.ids(&want.subnets),
                |have| Said::set(have.subnets.clone()),
            )
    }

    fn sketch(_want: &DbSubnetGroupSpec) -> Sketch {
        Sketch::aside("DB subnet group")
    }

    fn uses(have: &DbSubnetGroupLive) -> Vec<LiveRef> {
        let subnets = have
            .subnets
            .iter()
            .map(|subnet| LiveRef::new("subnets", subnet));
        subnets
            .chain([LiveRef::new("subnets", &have.vpc)])
            .collect()
    }

    fn ready(_have: &DbSubnetGroupLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &DbSubnetGroupSpec) -> Vec<Objection> {
        check_name(want.name.as_ref(), 255).into_iter().collect()
    }

    fn claims(want: &DbSubnetGroupSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("the DB subnet group {name}"))
            .collect()
    }

    fn foretell(want: &DbSubnetGroupSpec, mark: &Mark) -> Outputs {
        let name = name(want, mark);
        outputs! { "arn" => json!(arn(&mark.identity, "subgrp", &name)), "name" => json!(name) }
    }

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<DbSubnetGroupLive>>> {
        const ACTION: &str = "rds:DescribeDBSubnetGroups";
        let name = match look {
            Look::Id(name) => Some(name),
            Look::Like(like) => like.get("name").or_else(|| like.get("id")),
            Look::Ours => None,
        };
        let groups = cx
            .read(ACTION, || {
                let pages = cx
                    .rds
                    .describe_db_subnet_groups()
                    .set_db_subnet_group_name(name.cloned());
                pages
                    .into_paginator()
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await;
        // A listing has no tags, and names may be anything: the index of tags is asked, or each group that is
        // not the account's default one.
        let ours = or_none(groups)?.into_iter().filter(|group| {
            name.is_some() || group.db_subnet_group_name.as_deref() != Some("default")
        });
        let found = try_join_all(ours.map(|group| async move {
            let live = read(cx, group, ACTION)?;
            let own = cx.rds_tags(&live.arn);
            let labels = cx.labels(look, seen, &live.arn, own).await?;
            Ok(labels.map(|labels| labels.on(live)))
        }))
        .await?;
        let owner = cx.owner();
        let fits = |found: &Found<DbSubnetGroupLive>| match look {
            Look::Ours => found.tags.get(mark::STACK) == Some(&owner),
            Look::Like(like) => like
                .iter()
                .all(|(property, value)| match property.as_str() {
                    "name" | "id" => found.live.id == *value,
                    "vpc" => found.live.vpc == *value,
                    property => property
                        .strip_prefix("tags.")
                        .is_some_and(|key| found.tags.get(key) == Some(value)),
                }),
            Look::Id(_) => true,
        };
        Ok(found.into_iter().flatten().filter(fits).collect())
    }

    async fn create(
        cx: &Aws,
        want: &DbSubnetGroupSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<DbSubnetGroupLive> {
        const ACTION: &str = "rds:CreateDBSubnetGroup";
        let (name, subnets) = (name(want, mark), known.need_all(&want.subnets)?);
        let op = Op::again(ACTION).while_busy(&["InvalidSubnet"], 2.0);
        let answer = cx
            .mutate(op, || {
                let call = cx.rds.create_db_subnet_group().db_subnet_group_name(&name);
                let call = call.db_subnet_group_description(ABOUT);
                let call = call.set_subnet_ids(Some(subnets.clone()));
                call.set_tags(Some(tag_list(&mark.all_tags()))).send()
            })
            .await;
        match answer {
            Ok(answer) => {
                let group = answer
                    .db_subnet_group
                    .ok_or_else(|| missing(ACTION, "group"))?;
                read(cx, group, ACTION)
            }
            Err(error) if error.is(&["DBSubnetGroupAlreadyExists"]) => {
                let found = Self::discover(cx, &Look::Id(name), &Seen::default()).await?;
                taken(error, found, mark)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        cx: &Aws,
        want: &DbSubnetGroupSpec,
        have: &DbSubnetGroupLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<DbSubnetGroupLive> {
        let mut live = have.clone();
        if part.has("subnets") {
            let subnets = known.need_all(&want.subnets)?;
            // A subnet that a database stands in cannot be taken out while one moves.
            let op = Op::again("rds:ModifyDBSubnetGroup").while_busy(&["SubnetAlreadyInUse"], 10.0);
            cx.mutate(op, || {
                let call = cx
                    .rds
                    .modify_db_subnet_group()
                    .db_subnet_group_name(&have.id);
                call.set_subnet_ids(Some(subnets.clone())).send()
            })
            .await?;
            live.subnets = subnets;
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &DbSubnetGroupLive, leave: &Leave) -> Result<()> {
        // A database that is going uses it until it is gone.
        let op = Op::again("rds:DeleteDBSubnetGroup")
            .while_busy(&["InvalidDBSubnetGroupStateFault"], 10.0);
        let call = || {
            cx.rds
                .delete_db_subnet_group()
                .db_subnet_group_name(&have.id)
                .send()
        };
        let blockers = || {
            databases(cx, |database| {
                let group = database.db_subnet_group();
                group.and_then(|group| group.db_subnet_group_name()) == Some(&have.id)
            })
        };
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(cx: &Aws, have: &DbSubnetGroupLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.rds_tag(&have.arn, set, unset).await
    }
}

fn name(want: &DbSubnetGroupSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(255))
}

fn read(cx: &Aws, group: Group, action: &str) -> Result<DbSubnetGroupLive> {
    let id = group
        .db_subnet_group_name
        .ok_or_else(|| missing(action, "name"))?;
    let subnets = group.subnets.unwrap_or_default().into_iter();
    let mut subnets: Vec<String> = subnets
        .filter_map(|subnet| subnet.subnet_identifier)
        .collect();
    subnets.sort();
    Ok(DbSubnetGroupLive {
        arn: group
            .db_subnet_group_arn
            .unwrap_or_else(|| arn(&cx.identity, "subgrp", &id)),
        id,
        vpc: group.vpc_id.unwrap_or_default(),
        subnets,
    })
}
