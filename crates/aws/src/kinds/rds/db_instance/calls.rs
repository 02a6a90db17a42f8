//! The calls that make, change and delete a database.

use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, DbInstance as Db};
use serde_json::Value;
use terrace_core::canon::Zone;
use terrace_core::error::Result;
use terrace_core::inventory::{Look, Seen};
use terrace_core::kind::{Kind, Leave};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::reference::Ref;
use terrace_core::said::Said;

use super::super::shared::tag_list;
use super::facts::{PASSWORD, fingerprint, major, read, with_fingerprint};
use super::{
    Apply, Aws, DbInstance, DbInstanceLive, DbInstanceSpec, Op, Secret, invalid, is_managed,
    missing, retention,
};

/// What must end, or appear, before a database can be made or changed.
const BUSY: &[&str] = &[
    "InvalidDBInstanceState",
    "DBSubnetGroupNotFoundFault",
    "DBParameterGroupNotFound",
    "Verify that you have permission to create service linked role",
];

/// Changes that interrupt it, and wait for the window unless they are wanted at once.
const INTERRUPT: &[&str] = &["class", "engine_version", "port"];

pub(super) fn name(want: &DbInstanceSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(63))
}

/// A password at the moment of the call, and which version it is.
struct Password {
    text: Option<String>,
    managed: bool,
    fingerprint: Option<String>,
}

async fn password(cx: &Aws, secret: Option<&Ref<Secret>>, known: &Known) -> Result<Password> {
    const ACTION: &str = "secretsmanager:GetSecretValue";
    let Some(secret) = secret else {
        return Ok(Password {
            text: None,
            managed: false,
            fingerprint: None,
        });
    };
    if is_managed(secret) {
        return Ok(Password {
            text: None,
            managed: true,
            fingerprint: None,
        });
    }
    let arn = known.need_output(secret, "arn")?;
    let answer = cx
        .read(ACTION, || {
            cx.secrets.get_secret_value().secret_id(&arn).send()
        })
        .await?;
    let text = answer
        .secret_string
        .ok_or_else(|| missing(ACTION, "text"))?;
    // AWS's usual form holds the user too.
    let text = match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(object)) => match object.get("password").and_then(Value::as_str) {
            Some(password) => password.to_owned(),
            None => {
                return Err(invalid(
                    ACTION,
                    format!("{arn} is an object without `password`"),
                ));
            }
        },
        _ => text,
    };
    let arn = answer.arn.unwrap_or(arn);
    let version = answer.version_id.unwrap_or_default();
    Ok(Password {
        text: Some(text),
        managed: false,
        fingerprint: Some(fingerprint(&arn, &version)),
    })
}

/// What the three creating calls have in common.
macro_rules! common {
    ($call:expr, $cx:expr, $want:expr, $made:expr) => {
        $call
            .db_instance_identifier(&$made.name)
            .db_instance_class(&$want.class)
            .set_storage_type(
                Said::of($want.storage_type)
                    .value()
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            )
            .set_iops($want.iops)
            .set_storage_throughput($want.throughput)
            .set_allocated_storage($want.storage)
            .set_db_parameter_group_name($made.parameter_group.clone())
            .set_vpc_security_group_ids($made.security_groups.clone())
            .set_availability_zone(zone($cx, $want))
            .set_port($want.port.map(i32::from))
            .multi_az($want.multi_az)
            .publicly_accessible($want.public)
            .auto_minor_version_upgrade($want.auto_minor_upgrade)
            .enable_iam_database_authentication($want.iam_auth)
            .set_enable_cloudwatch_logs_exports(some($want.logs.clone()))
            .copy_tags_to_snapshot(false)
            .deletion_protection($made.protect)
            .set_tags(Some(tag_list(&$made.tags)))
    };
}

/// What a creation needs of others.
struct Made {
    name: String,
    subnet_group: Option<String>,
    parameter_group: Option<String>,
    security_groups: Option<Vec<String>>,
    kms_key: Option<String>,
    tags: Tags,
    protect: bool,
}

fn some(list: Vec<String>) -> Option<Vec<String>> {
    Some(list).filter(|list| !list.is_empty())
}

fn zone(cx: &Aws, want: &DbInstanceSpec) -> Option<String> {
    let zone = |zone: &Zone| zone.in_region(&cx.region);
    want.zone.as_ref().filter(|_| !want.multi_az).map(zone)
}

fn need<T: ?Sized>(known: &Known, reference: Option<&Ref<T>>) -> Result<Option<String>> {
    reference
        .map(|reference| known.need(reference).map(String::from))
        .transpose()
}

fn days(want: &DbInstanceSpec) -> i32 {
    i32::try_from(retention(want)).unwrap_or_default()
}

/// Makes it, as whatever it begins as.
pub(super) async fn create(
    cx: &Aws,
    want: &DbInstanceSpec,
    known: &Known,
    mark: &Mark,
) -> Result<DbInstanceLive> {
    let password = password(cx, want.password.as_ref(), known).await?;
    // A restored database has its snapshot's password, which is changed afterwards.
    let sent = password
        .fingerprint
        .clone()
        .filter(|_| want.engine.is_some());
    let made = Made {
        name: name(want, mark),
        subnet_group: need(known, want.subnet_group.as_ref())?,
        parameter_group: need(known, want.parameter_group.as_ref())?,
        security_groups: some(known.need_all(&want.security_groups)?),
        kms_key: want
            .kms_key
            .as_ref()
            .map(|key| known.need_output(key, "arn"))
            .transpose()?,
        tags: with_fingerprint(mark.all_tags(), sent),
        protect: mark.protect,
    };
    let (action, db) = match (&want.replica_of, &want.snapshot) {
        (Some(source), _) => {
            let source = String::from(known.need(source)?);
            (
                "rds:CreateDBInstanceReadReplica",
                replicate(cx, want, &made, &source).await?,
            )
        }
        (_, Some(snapshot)) => (
            "rds:RestoreDBInstanceFromDBSnapshot",
            restore(cx, want, &made, snapshot, &password).await?,
        ),
        _ => (
            "rds:CreateDBInstance",
            begin(cx, want, &made, &password).await?,
        ),
    };
    let db = db.ok_or_else(|| missing(action, "instance"))?;
    let mut live = read(&db, cx)?.live;
    // The answer's list of tags may be empty.
    live.fingerprint = made.tags.get(PASSWORD).cloned();
    Ok(live)
}

async fn begin(
    cx: &Aws,
    want: &DbInstanceSpec,
    made: &Made,
    password: &Password,
) -> Result<Option<Db>> {
    let engine = Said::of(want.engine).text();
    let op = Op::again("rds:CreateDBInstance").while_busy(BUSY, 3.0);
    let answer = cx
        .mutate(op, || {
            common!(cx.rds.create_db_instance(), cx, want, made)
                .engine(&engine)
                .set_engine_version(want.engine_version.clone())
                .set_db_name(want.database.clone())
                .set_master_username(want.username.clone())
                .set_master_user_password(password.text.clone())
                .set_manage_master_user_password(password.managed.then_some(true))
                .set_db_subnet_group_name(made.subnet_group.clone())
                .set_max_allocated_storage(want.max_storage)
                .storage_encrypted(want.encrypted)
                .set_kms_key_id(made.kms_key.clone())
                .backup_retention_period(days(want))
                .set_preferred_backup_window(want.backup_window.clone())
                .set_preferred_maintenance_window(want.maintenance_window.clone())
                .enable_performance_insights(want.performance_insights)
                .send()
        })
        .await?;
    Ok(answer.db_instance)
}

async fn replicate(
    cx: &Aws,
    want: &DbInstanceSpec,
    made: &Made,
    source: &str,
) -> Result<Option<Db>> {
    // The source must be there, and may be busy with another replica.
    let op = Op::again("rds:CreateDBInstanceReadReplica").while_busy(BUSY, 60.0);
    let answer = cx
        .mutate(op, || {
            common!(cx.rds.create_db_instance_read_replica(), cx, want, made)
                .source_db_instance_identifier(source)
                .set_max_allocated_storage(want.max_storage)
                .enable_performance_insights(want.performance_insights)
                .send()
        })
        .await?;
    Ok(answer.db_instance)
}

async fn restore(
    cx: &Aws,
    want: &DbInstanceSpec,
    made: &Made,
    snapshot: &str,
    password: &Password,
) -> Result<Option<Db>> {
    let op = Op::again("rds:RestoreDBInstanceFromDBSnapshot").while_busy(BUSY, 3.0);
    let answer = cx
        .mutate(op, || {
            common!(
                cx.rds.restore_db_instance_from_db_snapshot(),
                cx,
                want,
                made
            )
            .db_snapshot_identifier(snapshot)
            .set_db_subnet_group_name(made.subnet_group.clone())
            .set_manage_master_user_password(password.managed.then_some(true))
            .send()
        })
        .await?;
    Ok(answer.db_instance)
}

/// Changes these properties, in one call.
pub(super) async fn modify(
    cx: &Aws,
    want: &DbInstanceSpec,
    have: &DbInstanceLive,
    known: &Known,
    fields: &[&str],
) -> Result<()> {
    let has = |field: &str| fields.contains(&field);
    let interrupts = fields.iter().any(|field| INTERRUPT.contains(field));
    // A change at once would take along whatever waits for the window.
    let now = want.apply == Apply::Now || !interrupts && !have.pending;
    let password = password(
        cx,
        want.password.as_ref().filter(|_| has("password")),
        known,
    )
    .await?;
    let parameter_group = need(known, want.parameter_group.as_ref())?;
    let security_groups = known.need_all(&want.security_groups)?;
    let version = want.engine_version.clone();
    let upgrade = version.as_deref().is_some_and(|version| {
        major(&have.engine, version) != major(&have.engine, &have.engine_version)
    });
    // AWS wants all three where one changes.
    let pace = ["storage_type", "iops", "throughput"]
        .iter()
        .any(|field| has(field));
    let size = want.storage.unwrap_or_default().max(have.storage);
    let op = Op::again("rds:ModifyDBInstance").while_busy(BUSY, 60.0);
    cx.mutate(op, || {
        let mut call = cx
            .rds
            .modify_db_instance()
            .db_instance_identifier(&have.id)
            .apply_immediately(now);
        call = call.set_master_user_password(password.text.clone());
        if has("password") && (password.managed || have.managed.is_some()) {
            call = call.manage_master_user_password(password.managed);
        }
        if has("parameter_group") {
            call = call.set_db_parameter_group_name(parameter_group.clone());
        }
        if has("engine_version") {
            call = call.set_engine_version(version.clone());
            call = call.set_allow_major_version_upgrade(upgrade.then_some(true));
        }
        if has("class") {
            call = call.db_instance_class(&want.class);
        }
        if has("storage") || pace {
            call = call.allocated_storage(size);
        }
        if pace {
            let kind = Said::of(want.storage_type).text();
            call = call
                .storage_type(kind)
                .set_iops(want.iops)
                .set_storage_throughput(want.throughput);
        }
        if has("max_storage") {
            call = call.set_max_allocated_storage(want.max_storage);
        }
        if has("security_groups") {
            call = call.set_vpc_security_group_ids(Some(security_groups.clone()));
        }
        if has("backup_retention") {
            call = call.backup_retention_period(days(want));
        }
        if has("backup_window") {
            call = call.set_preferred_backup_window(want.backup_window.clone());
        }
        if has("maintenance_window") {
            call = call.set_preferred_maintenance_window(want.maintenance_window.clone());
        }
        if has("multi_az") {
            call = call.multi_az(want.multi_az);
        }
        if has("public") {
            call = call.publicly_accessible(want.public);
        }
        if has("port") {
            call = call.set_db_port_number(want.port.map(i32::from));
        }
        if has("performance_insights") {
            call = call.enable_performance_insights(want.performance_insights);
        }
        if has("logs") {
            call = call.cloudwatch_logs_export_configuration(logs(want, have));
        }
        if has("iam_auth") {
            call = call.enable_iam_database_authentication(want.iam_auth);
        }
        if has("auto_minor_upgrade") {
            call = call.auto_minor_version_upgrade(want.auto_minor_upgrade);
        }
        call.send()
    })
    .await?;
    // Only now is it true. Should this call never happen, the password is sent once more.
    match password.fingerprint {
        Some(fingerprint) => {
            let tags = Tags::from([(PASSWORD.to_owned(), fingerprint)]);
            cx.rds_tag(&have.arn, &tags, &[]).await
        }
        None => Ok(()),
    }
}

fn logs(want: &DbInstanceSpec, have: &DbInstanceLive) -> CloudwatchLogsExportConfiguration {
    let but = |these: &[String], those: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|log| !those.contains(log))
            .cloned()
            .collect()
    };
    CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(Some(but(&want.logs, &have.logs)))
        .set_disable_log_types(Some(but(&have.logs, &want.logs)))
        .build()
}

/// Makes a replica a database of its own.
pub(super) async fn promote(cx: &Aws, want: &DbInstanceSpec, have: &DbInstanceLive) -> Result<()> {
    let op = Op::again("rds:PromoteReadReplica").while_busy(
        &[
            "is not in available state",
            "currently in the available state",
        ],
        60.0,
    );
    let answer = cx
        .mutate(op, || {
            let call = cx
                .rds
                .promote_read_replica()
                .db_instance_identifier(&have.id);
            call.backup_retention_period(days(want)).send()
        })
        .await;
    match answer {
        // Carried out before, the answer having been lost.
        Err(error) if error.message.contains("not a read replica") => Ok(()),
        answer => answer.map(drop),
    }
}

pub(super) async fn restart(cx: &Aws, have: &DbInstanceLive) -> Result<()> {
    let op = Op::again("rds:RebootDBInstance").while_busy(BUSY, 60.0);
    let call = || {
        cx.rds
            .reboot_db_instance()
            .db_instance_identifier(&have.id)
            .send()
    };
    cx.mutate(op, call).await.map(drop)
}

pub(super) async fn protect(cx: &Aws, have: &DbInstanceLive, on: bool) -> Result<()> {
    let op = Op::again("rds:ModifyDBInstance").while_busy(BUSY, 60.0);
    cx.mutate(op, || {
        let call = cx.rds.modify_db_instance().db_instance_identifier(&have.id);
        // Protection is never put off; whatever waits for the window goes on waiting.
        call.deletion_protection(on).apply_immediately(false).send()
    })
    .await
    .map(drop)
}

/// What is live once a change has begun. For up to a minute AWS goes on saying `available`, though it
/// has not begun (rule R15); what waits for the window does not count.
pub(super) async fn begun(
    cx: &Aws,
    want: &DbInstanceSpec,
    have: &DbInstanceLive,
) -> Result<DbInstanceLive> {
    let look = Look::Id(have.id.clone());
    let mut looks = 0;
    loop {
        let found = DbInstance::discover(cx, &look, &Seen::default()).await?;
        let live = found.into_iter().next().map(|found| found.live);
        let live =
            live.ok_or_else(|| missing("rds:DescribeDBInstances", "instance just changed"))?;
        let waits = live.pending && want.apply == Apply::Window;
        let quiet = !live.pending && looks > 0;
        if live.status != "available" || waits || quiet || looks == 12 {
            return Ok(live);
        }
        tokio::time::sleep(cx.timing.scaled(5.0)).await;
        looks += 1;
    }
}

/// Deletes it. Of what is data, a snapshot and the backups stay.
pub(super) async fn delete(cx: &Aws, have: &DbInstanceLive, leave: &Leave) -> Result<()> {
    if have.status == "deleting" {
        return Ok(());
    }
    // A snapshot can be taken of what is available only, which a protection lifted just now delays.
    let op = Op::again("rds:DeleteDBInstance")
        .while_busy(&["in the available state", "in available state"], 60.0);
    let replica = have.replica_of.is_some();
    let keep = !leave.ephemeral && !replica && have.born;
    let snapshot = keep.then(|| format!("{}-final-{}", have.id, leave.stamp));
    let answer = cx
        .mutate(op, || {
            let call = cx.rds.delete_db_instance().db_instance_identifier(&have.id);
            let call = call
                .skip_final_snapshot(!keep)
                .set_final_db_snapshot_identifier(snapshot.clone());
            call.set_delete_automated_backups((!replica).then_some(leave.ephemeral))
                .send()
        })
        .await;
    match answer {
        // Carried out before, the answer having been lost.
        Err(error) if error.message.contains("already being deleted") => Ok(()),
        answer => cx.gone(answer),
    }
}
