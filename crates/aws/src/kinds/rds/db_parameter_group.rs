//! Settings of a database engine (aws-semantics 3.15).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup as Group, Parameter};
use futures_util::future::try_join_all;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::shared::{arn, check_name, or_none, tag_list, taken};
use crate::blockers::databases::databases;
use crate::client::{Aws, missing};
use crate::door::Op;

/// Settings of a database engine.
pub struct DbParameterGroup;

/// Settings of a database engine, for all databases that name it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbParameterGroupSpec {
    /// Its name, unique in the account and region. Absent: made from the stack's and its own.
    #[schemars(extend("examples" = ["shop-mariadb", "shop-settings"]))]
    pub name: Option<String>,
    /// The engine and its major version that it is for: `mysql8.0`, `mariadb10.11`, `postgres16`.
    #[schemars(extend("examples" = ["mariadb10.11", "mariadb11.4"]))]
    pub family: String,
    /// The settings that are not to be the engine's own, by its names for them. Values are texts. Some
    /// take effect at once, the others when a database is restarted next.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "slow_query_log": "1" }, { "long_query_time": "1", "slow_query_log": "0" }]))]
    pub parameters: IndexMap<String, String>,
}

/// A parameter group as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct DbParameterGroupLive {
    id: String,
    arn: String,
    family: String,
    parameters: BTreeMap<String, String>,
    /// Made a moment ago, so that AWS is still busy with it.
    fresh: bool,
}

impl Live for DbParameterGroupLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "arn" => json!(self.arn), "name" => json!(self.id) }
    }
}

/// What AWS wants said of a group, and nobody reads.
const ABOUT: &str = "Made by terrace";
/// How many parameters one call takes.
const AT_ONCE: usize = 20;

impl Kind for DbParameterGroup {
    const NAME: &'static str = "db_parameter_group";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["arn", "name"])
        .actions(&[
            "rds:DescribeDBParameterGroups",
            "rds:DescribeDBParameters",
            "rds:ListTagsForResource",
            "tag:GetResources",
            "rds:CreateDBParameterGroup",
            "rds:ModifyDBParameterGroup",
            "rds:ResetDBParameterGroup",
            "rds:DeleteDBParameterGroup",
            "rds:DescribeDBInstances",
            "rds:AddTagsToResource",
            "rds:RemoveTagsFromResource",
        ]);
    type Cx = Aws;
    type Spec = DbParameterGroupSpec;
    type Live = DbParameterGroupLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .replace(
                "family",
                |want, _| Said::of(&want.family),
                |have| Said::of(&have.family),
            )
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.id),
            )
            .set(
                "parameters",
                |want, _| Said::of(&want.parameters),
                |have| Said::of(&have.parameters),
            )
    }

    fn sketch(_want: &DbParameterGroupSpec) -> Sketch {
        Sketch::aside("DB parameter group")
    }

    fn uses(_have: &DbParameterGroupLive) -> Vec<LiveRef> {
        Vec::new()
    }

    fn ready(_have: &DbParameterGroupLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &DbParameterGroupSpec) -> Vec<Objection> {
        check_name(want.name.as_ref(), 255).into_iter().collect()
    }

    fn claims(want: &DbParameterGroupSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("the DB parameter group {name}"))
            .collect()
    }

    fn foretell(want: &DbParameterGroupSpec, mark: &Mark) -> Outputs {
        let name = name(want, mark);
        outputs! { "arn" => json!(arn(&mark.identity, "pg", &name)), "name" => json!(name) }
    }

    async fn discover(
        cx: &Aws,
        look: &Look,
        seen: &Seen,
    ) -> Result<Vec<Found<DbParameterGroupLive>>> {
        const ACTION: &str = "rds:DescribeDBParameterGroups";
        let name = match look {
            Look::Id(name) => Some(name),
            Look::Like(like) => like.get("name").or_else(|| like.get("id")),
            Look::Ours => None,
        };
        let groups = cx
            .read(ACTION, || {
                let pages = cx
                    .rds
                    .describe_db_parameter_groups()
                    .set_db_parameter_group_name(name.cloned());
                pages
                    .into_paginator()
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await;
        // A listing has neither tags nor settings. AWS's own groups, `default.mysql8.0`, are many;
        // of the others tags are read, and of ours settings too.
        let own = |group: &Group| {
            group
                .db_parameter_group_name
                .as_deref()
                .is_some_and(|name| name.starts_with("default."))
        };
        let others = or_none(groups)?
            .into_iter()
            .filter(|group| name.is_some() || !own(group));
        let found = try_join_all(others.map(|group| async move {
            let mut live = read(cx, group, ACTION)?;
            let own = cx.rds_tags(&live.arn);
            let Some(labels) = cx.labels(look, seen, &live.arn, own).await? else {
                return Ok(None);
            };
            let tags = &labels.tags;
            let fits = match look {
                Look::Ours => tags.get(mark::STACK) == Some(&cx.owner()),
                Look::Like(like) => like
                    .iter()
                    .all(|(property, value)| match property.as_str() {
                        "name" | "id" => live.id == *value,
                        "family" => live.family == *value,
                        property => property
                            .strip_prefix("tags.")
                            .is_some_and(|key| tags.get(key) == Some(value)),
                    }),
                Look::Id(_) => true,
            };
            if !fits {
                return Ok(None);
            }
            live.parameters = settings(cx, &live.id).await?;
            Ok(Some(labels.on(live)))
        }))
        .await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(
        cx: &Aws,
        want: &DbParameterGroupSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<DbParameterGroupLive> {
        const ACTION: &str = "rds:CreateDBParameterGroup";
        let name = name(want, mark);
        let answer = cx
            .mutate(Op::again(ACTION), || {
                let call = cx
                    .rds
                    .create_db_parameter_group()
                    .db_parameter_group_name(&name);
                let call = call
                    .db_parameter_group_family(&want.family)
                    .description(ABOUT);
                call.set_tags(Some(tag_list(&mark.all_tags()))).send()
            })
            .await;
        match answer {
            Ok(answer) => {
                let group = answer
                    .db_parameter_group
                    .ok_or_else(|| missing(ACTION, "group"))?;
                Ok(DbParameterGroupLive {
                    fresh: true,
                    ..read(cx, group, ACTION)?
                })
            }
            Err(error) if error.is(&["DBParameterGroupAlreadyExists"]) => {
                let found = Self::discover(cx, &Look::Id(name), &Seen::default()).await?;
                taken(error, found, mark)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        cx: &Aws,
        _want: &DbParameterGroupSpec,
        have: &DbParameterGroupLive,
        _known: &Known,
        part: &Part<'_>,
    ) -> Result<DbParameterGroupLive> {
        let mut live = have.clone();
        let (added, removed) = (part.added("parameters"), part.removed("parameters"));
        let at_once = dynamic(cx, &have.id).await?;
        let added = parameters(&added, &at_once);
        let removed = parameters(&removed, &at_once);
        for parameters in added.chunks(AT_ONCE) {
            cx.mutate(busy("rds:ModifyDBParameterGroup"), || {
                let call = cx
                    .rds
                    .modify_db_parameter_group()
                    .db_parameter_group_name(&have.id);
                call.set_parameters(Some(parameters.to_vec())).send()
            })
            .await?;
        }
        for parameters in removed.chunks(AT_ONCE) {
            let bare = parameters.iter().cloned().map(|mut parameter| {
                parameter.parameter_value = None;
                parameter
            });
            let bare: Vec<Parameter> = bare.collect();
            cx.mutate(busy("rds:ResetDBParameterGroup"), || {
                let call = cx
                    .rds
                    .reset_db_parameter_group()
                    .db_parameter_group_name(&have.id);
                call.reset_all_parameters(false)
                    .set_parameters(Some(bare.clone()))
                    .send()
            })
            .await?;
        }
        if have.fresh && added.iter().any(shapes_the_first_database) {
            // What AWS says to wait: a database made sooner may be made without them.
            tokio::time::sleep(cx.timing.scaled(300.0)).await;
        }
        live.fresh = false;
        for name in removed
            .into_iter()
            .filter_map(|parameter| parameter.parameter_name)
        {
            live.parameters.remove(&name);
        }
        live.parameters.extend(
            added.into_iter().filter_map(|parameter| {
                Some((parameter.parameter_name?, parameter.parameter_value?))
            }),
        );
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &DbParameterGroupLive, leave: &Leave) -> Result<()> {
        // A database that is going uses it until it is gone.
        let op = Op::again("rds:DeleteDBParameterGroup")
            .while_busy(&["InvalidDBParameterGroupState"], 10.0);
        let call = || {
            cx.rds
                .delete_db_parameter_group()
                .db_parameter_group_name(&have.id)
                .send()
        };
        let blockers = || {
            databases(cx, |database| {
                let mut groups = database.db_parameter_groups().iter();
                groups.any(|group| group.db_parameter_group_name() == Some(&have.id))
            })
        };
        cx.remove(op, leave, blockers, call).await
    }

    async fn tag(
        cx: &Aws,
        have: &DbParameterGroupLive,
        set: &Tags,
        unset: &[String],
    ) -> Result<()> {
        cx.rds_tag(&have.arn, set, unset).await
    }
}

fn name(want: &DbParameterGroupSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(255))
}

fn read(cx: &Aws, group: Group, action: &str) -> Result<DbParameterGroupLive> {
    let id = group
        .db_parameter_group_name
        .ok_or_else(|| missing(action, "name"))?;
    Ok(DbParameterGroupLive {
        arn: group
            .db_parameter_group_arn
            .unwrap_or_else(|| arn(&cx.identity, "pg", &id)),
        id,
        family: group.db_parameter_group_family.unwrap_or_default(),
        parameters: BTreeMap::new(),
        fresh: false,
    })
}

const fn busy(action: &'static str) -> Op {
    Op::again(action).while_busy(
        &["InvalidDBParameterGroupState", "DBParameterGroupNotFound"],
        5.0,
    )
}

/// The settings of a group that are not the engine's own.
async fn settings(cx: &Aws, group: &str) -> Result<BTreeMap<String, String>> {
    let answer = cx
        .read("rds:DescribeDBParameters", || {
            let pages = cx
                .rds
                .describe_db_parameters()
                .db_parameter_group_name(group)
                .source("user");
            pages
                .into_paginator()
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await;
    let pair = |parameter: Parameter| Some((parameter.parameter_name?, parameter.parameter_value?));
    Ok(or_none(answer)?.into_iter().filter_map(pair).collect())
}

/// The parameters of a group that may change while a database runs. The others need a restart, and
/// AWS refuses them if they are said to take effect at once.
async fn dynamic(cx: &Aws, group: &str) -> Result<BTreeSet<String>> {
    let all = cx
        .read("rds:DescribeDBParameters", || {
            let pages = cx
                .rds
                .describe_db_parameters()
                .db_parameter_group_name(group);
            pages
                .into_paginator()
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let dynamic = all
        .into_iter()
        .filter(|p| p.apply_type.as_deref() == Some("dynamic"));
    Ok(dynamic
        .filter_map(|parameter| parameter.parameter_name)
        .collect())
}

fn parameters(values: &Map<String, Value>, at_once: &BTreeSet<String>) -> Vec<Parameter> {
    let parameter = |(name, value): (&String, &Value)| {
        let method = if at_once.contains(name) {
            ApplyMethod::Immediate
        } else {
            ApplyMethod::PendingReboot
        };
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Parameter::builder()
            .parameter_name(name)
            .parameter_value(value)
            .apply_method(method)
            .build()
    };
    values.iter().map(parameter).collect()
}

/// Whether a database is made differently with this parameter: others may as well be set later.
fn shapes_the_first_database(parameter: &Parameter) -> bool {
    let name = parameter.parameter_name.as_deref().unwrap_or_default();
    let at_birth = ["character_set_", "collation_", "lower_case_table_names"];
    at_birth.iter().any(|begin| name.starts_with(begin))
        || parameter.apply_method == Some(ApplyMethod::PendingReboot)
}
