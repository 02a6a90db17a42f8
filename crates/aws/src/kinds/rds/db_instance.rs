//! A relational database (aws-semantics 3.16 and 3.17).

mod calls;
mod facts;
mod rows;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use terrace_core::canon::{Duration, Zone};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, LiveRef, Objection, Outputs, Ready, Serving, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{self, Mark, Tags};
use terrace_core::outputs;
use terrace_core::reference::{Ref, Reference};
use terrace_core::said::Said;
use terrace_core::sketch::{Icon, Sketch, Stance};

use super::db_parameter_group::DbParameterGroup;
use super::db_subnet_group::DbSubnetGroup;
use super::shared::{arn, check_name, or_none, taken};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::kinds::ec2::security_group::SecurityGroup;
use crate::kinds::secretsmanager::secret::Secret;
use crate::lookups::kms_key::KmsKey;

pub use facts::DbInstanceLive;
use rows::{is_managed, optional, retention};

/// A relational database.
pub struct DbInstance;

/// A relational database: MySQL, MariaDB or PostgreSQL, which terrace is tested with; Oracle and SQL
/// Server, which it accepts. Exactly one of `engine`, `replica_of` and `snapshot` says what it begins as.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DbInstanceSpec {
    /// Its name, unique in the account and region, and part of its address. Absent: made from the
    /// stack's and its own.
    #[schemars(extend("examples" = ["shop-main", "shop-data"]))]
    pub name: Option<String>,
    /// What it runs.
    #[schemars(extend("x-no-law" = "a version and a parameter group go with it"))]
    pub engine: Option<Engine>,
    /// The version, as far as it matters: `"8.4"` is any 8.4. Absent: AWS chooses the newest. A higher
    /// major version is an upgrade with minutes to hours of outage, which needs a parameter group of the
    /// new family; there is no way back. Try it on a copy first.
    #[schemars(extend("examples" = ["10.6", "10.11"]))]
    pub engine_version: Option<String>,
    /// The size of its machine.
    #[schemars(extend("examples" = ["db.t3.small", "db.t3.medium"]))]
    pub class: String,
    /// Its storage in GiB. It grows, and never shrinks.
    #[schemars(extend("examples" = [20, 30]))]
    pub storage: Option<i32>,
    /// How far AWS may let the storage grow by itself when it runs full, in GiB.
    #[schemars(extend("examples" = [100, 200]))]
    pub max_storage: Option<i32>,
    /// What the storage is made of.
    #[serde(default)]
    pub storage_type: StorageType,
    /// Operations a second. `gp3` has 3,000, and more only from 400 GiB on (Oracle: 200).
    #[schemars(extend("x-no-law" = "small storage has a fixed pace"))]
    pub iops: Option<i32>,
    /// MiB a second. `gp3` has 125, and more only from 400 GiB on.
    #[schemars(extend("x-no-law" = "small storage has a fixed pace"))]
    pub throughput: Option<i32>,
    /// The name of the first database in it. Absent: there is none.
    #[schemars(extend("examples" = ["shop", "store"]))]
    pub database: Option<String>,
    /// The first user, who may do nearly everything.
    #[schemars(extend("examples" = ["shop", "owner"]))]
    pub username: Option<String>,
    /// That user's password: a `secret`, whose value is sent and never shown, and sent again when it
    /// changes; or `"managed"`, by AWS itself, which changes it every week and makes no replicas of
    /// such a database.
    pub password: Option<Ref<Secret>>,
    /// The subnets that it may stand in. Absent: the account's default network.
    pub subnet_group: Option<Ref<DbSubnetGroup>>,
    /// The engine's settings. Absent: AWS's defaults.
    pub parameter_group: Option<Ref<DbParameterGroup>>,
    /// Who may talk to it. Absent: what the network's default group says.
    #[serde(default)]
    pub security_groups: Vec<Ref<SecurityGroup>>,
    /// How many days back it can be brought to any moment of, up to `"35d"`; `"0d"` is none. Absent:
    /// `"7d"`, and none for a replica.
    #[schemars(extend("examples" = ["14d", "7d"]))]
    pub backup_retention: Option<Duration>,
    /// When the daily backup is taken, in UTC.
    #[schemars(extend("examples" = ["02:00-03:00", "03:00-04:00"]))]
    pub backup_window: Option<String>,
    /// When AWS may interrupt it, in UTC.
    #[schemars(extend("examples" = ["sun:05:00-sun:06:00", "mon:05:00-mon:06:00"]))]
    pub maintenance_window: Option<String>,
    /// The zone it is in. It means nothing to one in two zones, of which either may be in charge.
    #[schemars(extend("examples" = ["a", "b"]))]
    pub zone: Option<Zone>,
    /// Whether a second one in another zone takes over when this one fails. Turning it on interrupts
    /// nothing; writing is slower until the second one has caught up.
    #[serde(default)]
    pub multi_az: bool,
    /// Whether it has a public address.
    #[serde(default)]
    pub public: bool,
    /// Whether its storage is encrypted. A replica is as its source, a restored one as its snapshot.
    #[serde(default = "yes")]
    pub encrypted: bool,
    /// The key that encrypts it. Absent: the account's own for databases.
    #[schemars(extend("x-no-law" = "the key is looked up, not made"))]
    pub kms_key: Option<Ref<KmsKey>>,
    /// The port it listens on. Absent: the engine's usual one.
    #[schemars(extend("examples" = [3307, 3308]))]
    pub port: Option<u16>,
    /// When changes that interrupt it are made: a new class, version, port or settings that need a
    /// restart. What is said together with such a change waits with it.
    #[serde(default)]
    pub apply: Apply,
    /// Whether AWS records what it is busy with.
    #[serde(default)]
    pub performance_insights: bool,
    /// Logs that go to CloudWatch: `error`, `slowquery`, `general`, `audit`; of PostgreSQL `postgresql`,
    /// `upgrade`.
    #[serde(default)]
    #[schemars(extend("examples" = [["error"], ["error", "slowquery"]]))]
    pub logs: Vec<String>,
    /// Whether users may log in by their permissions in AWS.
    #[serde(default)]
    pub iam_auth: bool,
    /// Whether AWS installs minor versions by itself, in the maintenance window.
    #[serde(default = "yes")]
    pub auto_minor_upgrade: bool,
    /// The snapshot that it begins with. It matters at creation only.
    pub snapshot: Option<String>,
    /// The database that it follows: it can be read from, and not written to. Its source needs backups
    /// and a password that AWS does not manage. Without this line it becomes a database of its own for
    /// good, which `allow = "promotion"` consents to.
    #[schemars(extend("x-no-law" = "one of several"))]
    pub replica_of: Option<Ref<DbInstance>>,
}

fn yes() -> bool {
    true
}

/// What a database runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// MariaDB.
    Mariadb,
    /// MySQL.
    Mysql,
    /// PostgreSQL.
    Postgres,
    /// Oracle Enterprise.
    OracleEe,
    /// Oracle Enterprise, container database.
    OracleEeCdb,
    /// Oracle Standard 2.
    OracleSe2,
    /// Oracle Standard 2, container database.
    OracleSe2Cdb,
    /// SQL Server Enterprise.
    SqlserverEe,
    /// SQL Server Express.
    SqlserverEx,
    /// SQL Server Standard.
    SqlserverSe,
    /// SQL Server Web.
    SqlserverWeb,
}

/// What storage is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StorageType {
    /// Solid-state, its pace apart from its size.
    #[default]
    Gp3,
    /// Solid-state, faster the larger it is.
    Gp2,
    /// Solid-state of a promised pace.
    Io1,
    /// The same, more durable.
    Io2,
    /// Magnetic.
    Standard,
}

/// When changes that interrupt are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Apply {
    /// In the next maintenance window.
    #[default]
    Window,
    /// At once.
    Now,
}

impl Kind for DbInstance {
    const NAME: &'static str = "db_instance";
    const ABOUT: About = About::new(Class::Data, Create::Name, Swap::CreateFirst)
        .protect()
        .leaves("a final snapshot")
        .outputs(&["address", "arn", "name", "port", "secret"])
        .actions(&[
            "rds:DescribeDBInstances",
            "rds:CreateDBInstance",
            "rds:CreateDBInstanceReadReplica",
            "rds:RestoreDBInstanceFromDBSnapshot",
            "rds:ModifyDBInstance",
            "rds:PromoteReadReplica",
            "rds:RebootDBInstance",
            "rds:DeleteDBInstance",
            "rds:CreateDBSnapshot",
            "rds:AddTagsToResource",
            "rds:RemoveTagsFromResource",
            "secretsmanager:GetSecretValue",
            "iam:CreateServiceLinkedRole",
        ]);
    type Cx = Aws;
    type Spec = DbInstanceSpec;
    type Live = DbInstanceLive;

    fn fields() -> Fields<Self> {
        rows::all()
    }

    fn class(_want: Option<&DbInstanceSpec>, have: &DbInstanceLive) -> Class {
        // What a replica holds its source holds too, as long as it really follows one.
        if have.replica_of.is_some() {
            Class::Stateless
        } else {
            Class::Data
        }
    }

    fn sketch(want: &DbInstanceSpec) -> Sketch {
        let source = want.replica_of.as_ref().map(Ref::names);
        let copy_of = source.and_then(|source| match source {
            Reference::Address(source) => Some(source.clone()),
            Reference::Literal(_) => None,
        });
        let noun = if source.is_some() {
            "read replica"
        } else {
            "database"
        };
        let stance = if want.multi_az {
            Stance::Standby
        } else {
            Stance::One
        };
        let engine = want.engine.map(|engine| match Said::of(engine) {
            Said::Value(Value::String(engine)) => engine,
            _ => String::new(),
        });
        let version = want.engine_version.iter().cloned();
        let runs: Vec<String> = engine.into_iter().chain(version).collect();
        let runs = (!runs.is_empty()).then(|| runs.join(" "));
        Sketch {
            copy_of,
            zone: want.zone.as_ref().map(ToString::to_string),
            notes: runs.into_iter().chain([want.class.clone()]).collect(),
            ..Sketch::station(noun, Icon::Database).stands(stance)
        }
    }

    fn uses(have: &DbInstanceLive) -> Vec<LiveRef> {
        have.uses()
    }

    fn ready(have: &DbInstanceLive) -> Ready {
        have.ready()
    }

    fn serving(have: &DbInstanceLive) -> Serving {
        have.serving()
    }

    fn awaited(want: &DbInstanceSpec) -> Option<&'static str> {
        want.replica_of.as_ref().map(|_| "replication of")
    }

    fn protected(have: &DbInstanceLive) -> bool {
        have.protected
    }

    fn check(want: &DbInstanceSpec) -> Vec<Objection> {
        let mut wrong: Vec<Objection> = check_name(want.name.as_ref(), 63).into_iter().collect();
        if let Some(Reference::Literal(text)) = want.password.as_ref().map(Ref::names)
            && text != "managed"
            && !text.starts_with("arn:")
        {
            // Told at the table's head: the line itself would show the password once more.
            let told = Objection::new("", "its `password` is written out, for all to read");
            wrong.push(
                told.help("name a secret: password = \"secret.db\", with [secret.db] beside it"),
            );
        }
        let mut say = |field: &str, message: &str| wrong.push(Objection::new(field, message));
        let origins = [
            want.engine.is_some(),
            want.replica_of.is_some(),
            want.snapshot.is_some(),
        ];
        match origins {
            [true, false, false] => {
                let needed = [
                    ("storage", want.storage.is_none()),
                    ("username", want.username.is_none()),
                    ("password", want.password.is_none()),
                ];
                for (field, _) in needed.into_iter().filter(|(_, absent)| *absent) {
                    say(field, &format!("a new database needs a `{field}`"));
                }
            }
            [false, true, false] => {
                let inherited = [
                    ("database", want.database.is_some()),
                    ("username", want.username.is_some()),
                    ("password", want.password.is_some()),
                    ("kms_key", want.kms_key.is_some()),
                ];
                for (field, _) in inherited.into_iter().filter(|(_, said)| *said) {
                    say(field, "a replica has its source's");
                }
            }
            [false, false, true] => {}
            _ => say(
                "",
                "exactly one of `engine`, `replica_of` and `snapshot` says what a database begins as",
            ),
        }
        if want
            .backup_retention
            .is_some_and(|span| span.as_days().is_none_or(|days| days > 35))
        {
            say(
                "backup_retention",
                "backups are kept for whole days, 35 at most: \"7d\"",
            );
        }
        if let (Some(most), Some(first)) = (want.max_storage, want.storage)
            && most <= first
        {
            say(
                "max_storage",
                "storage grows to more than it begins with, or not at all",
            );
        }
        wrong
    }

    fn claims(want: &DbInstanceSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("the DB instance {name}"))
            .collect()
    }

    fn foretell(want: &DbInstanceSpec, mark: &Mark) -> Outputs {
        let name = calls::name(want, mark);
        outputs! { "arn" => json!(arn(&mark.identity, "db", &name)), "name" => json!(name) }
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<DbInstanceLive>>> {
        let name = match look {
            Look::Id(name) => Some(name),
            Look::Like(like) => like.get("name").or_else(|| like.get("id")),
            Look::Ours => None,
        };
        let listed = cx
            .read("rds:DescribeDBInstances", || {
                let pages = cx
                    .rds
                    .describe_db_instances()
                    .set_db_instance_identifier(name.cloned());
                pages
                    .into_paginator()
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await;
        // The same call lists Neptune's, DocumentDB's and Aurora's.
        let plain = or_none(listed)?
            .into_iter()
            .filter(|db| db.db_cluster_identifier.is_none());
        let found = plain
            .map(|db| facts::read(&db, cx))
            .collect::<Result<Vec<_>>>()?;
        let owner = cx.owner();
        let fits = |found: &Found<DbInstanceLive>| match look {
            Look::Ours => found.tags.get(mark::STACK) == Some(&owner),
            Look::Like(like) => like
                .iter()
                .all(|(property, value)| match property.as_str() {
                    "name" | "id" => found.live.id == *value,
                    "engine" => found.live.engine == *value,
                    property => property
                        .strip_prefix("tags.")
                        .is_some_and(|key| found.tags.get(key) == Some(value)),
                }),
            Look::Id(_) => true,
        };
        Ok(found.into_iter().filter(fits).collect())
    }

    async fn create(
        cx: &Aws,
        want: &DbInstanceSpec,
        known: &Known,
        mark: &Mark,
    ) -> Result<DbInstanceLive> {
        match calls::create(cx, want, known, mark).await {
            Err(error) if error.is(&["DBInstanceAlreadyExists"]) => {
                let look = Look::Id(calls::name(want, mark));
                taken(
                    error,
                    Self::discover(cx, &look, &Seen::default()).await?,
                    mark,
                )
            }
            answer => answer,
        }
    }

    async fn update(
        cx: &Aws,
        want: &DbInstanceSpec,
        have: &DbInstanceLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<DbInstanceLive> {
        if part.has("replica_of") {
            calls::promote(cx, want, have).await?;
        }
        // A group whose settings wait for a restart is the group that is wanted.
        let restart = part.has("parameter_group") && have.pending_reboot && {
            optional(want.parameter_group.as_ref(), known) == Said::of(&have.parameter_group)
        };
        let rest: Vec<&str> = part
            .fields()
            .into_iter()
            .filter(|field| *field != "replica_of" && !(restart && *field == "parameter_group"))
            .collect();
        if !rest.is_empty() {
            calls::modify(cx, want, have, known, &rest).await?;
        }
        if restart {
            calls::restart(cx, have).await?;
        }
        calls::begun(cx, want, have).await
    }

    async fn delete(cx: &Aws, have: &DbInstanceLive, leave: &Leave) -> Result<()> {
        calls::delete(cx, have, leave).await
    }

    async fn tag(cx: &Aws, have: &DbInstanceLive, set: &Tags, unset: &[String]) -> Result<()> {
        // The tag and AWS's own protection are one thing. The tag comes last: by it the next run sees that one which
        // was cut off in between was not done.
        let on = set.get(mark::PROTECT).is_some_and(|value| value == "true");
        let off = unset.iter().any(|key| key == mark::PROTECT);
        if on != off && on != have.protected {
            calls::protect(cx, have, on).await?;
        }
        cx.rds_tag(&have.arn, set, unset).await
    }

    async fn unprotect(cx: &Aws, have: &DbInstanceLive) -> Result<()> {
        calls::protect(cx, have, false).await
    }
}

/// An error of a spec that cannot be carried out.
fn invalid(action: &'static str, message: impl Into<String>) -> CloudError {
    CloudError::new(action, ErrorClass::Invalid, message)
}
