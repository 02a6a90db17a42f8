//! A database as AWS has it.

use aws_sdk_rds::types::{DbInstance as Db, PendingModifiedValues};
use serde::Serialize;
use serde_json::json;
use terrace_core::error::Result;
use terrace_core::inventory::Found;
use terrace_core::kind::{Live, LiveRef, Outputs, Ready, Serving};
use terrace_core::mark::{self, Tags};
use terrace_core::said::Said;

use super::super::shared::{arn, tags};
use super::{Aws, missing};

/// The tag that says which version of its secret the password is.
pub(super) const PASSWORD: &str = "terrace:fp.password";

/// A database as AWS has it, or will have it once what waits for its maintenance window is done.
#[derive(Clone, Debug, Serialize)]
pub struct DbInstanceLive {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) status: String,
    /// Whether it has ever been there.
    pub(super) born: bool,
    pub(super) engine: String,
    pub(super) engine_version: String,
    pub(super) class: String,
    pub(super) storage: i32,
    pub(super) max_storage: Option<i32>,
    pub(super) storage_type: String,
    pub(super) iops: Option<i32>,
    pub(super) throughput: Option<i32>,
    pub(super) database: Option<String>,
    pub(super) username: Option<String>,
    /// AWS's own secret, where it manages the password.
    pub(super) managed: Option<String>,
    /// Which version of its secret the password is.
    pub(super) fingerprint: Option<String>,
    pub(super) subnet_group: Option<String>,
    pub(super) parameter_group: String,
    pub(super) pending_reboot: bool,
    pub(super) security_groups: Vec<String>,
    pub(super) backup_retention: u64,
    pub(super) backup_window: Option<String>,
    pub(super) maintenance_window: Option<String>,
    pub(super) zone: String,
    pub(super) multi_az: bool,
    pub(super) public: bool,
    pub(super) encrypted: bool,
    pub(super) kms_key: Option<String>,
    pub(super) port: Option<i32>,
    pub(super) performance_insights: bool,
    pub(super) logs: Vec<String>,
    pub(super) iam_auth: bool,
    pub(super) auto_minor_upgrade: bool,
    pub(super) replica_of: Option<String>,
    /// How its copying goes, of a replica, where that does not go well.
    pub(super) lapse: Option<String>,
    pub(super) address: Option<String>,
    pub(super) protected: bool,
    /// Whether something waits for the maintenance window.
    pub(super) pending: bool,
    used: Vec<(&'static str, String)>,
}

impl Live for DbInstanceLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        let mut outputs = Outputs::new();
        outputs.insert("arn".to_owned(), json!(self.arn));
        outputs.insert("name".to_owned(), json!(self.id));
        // Until it is there for the first time, it has no address.
        if let (Some(address), Some(port)) = (&self.address, self.port) {
            outputs.insert("address".to_owned(), json!(address));
            outputs.insert("port".to_owned(), json!(port));
        }
        if let Some(secret) = &self.managed {
            outputs.insert("secret".to_owned(), json!(secret));
        }
        outputs
    }
}

/// States that something which was never there does not come out of. What was there is data, and never
/// counted out: a person must look at it.
const FAILED: [&str; 9] = [
    "failed",
    "incompatible-create",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "inaccessible-encryption-credentials",
];

/// States in which it works, or will not work by being waited for.
const SETTLED: [&str; 8] = [
    "available",
    "stopped",
    "stopping",
    "storage-full",
    "storage-optimization",
    "storage-initialization",
    "incompatible-credentials",
    "inaccessible-encryption-credentials-recoverable",
];

/// States in which it is there and answers nobody.
const IDLE: [&str; 6] = [
    "stopped",
    "stopping",
    "storage-full",
    "failed",
    "incompatible-credentials",
    "inaccessible-encryption-credentials-recoverable",
];

impl DbInstanceLive {
    pub(super) fn ready(&self) -> Ready {
        let status = self.status.as_str();
        match status {
            "deleting" => Ready::Dying(status.to_owned()),
            status if FAILED.contains(&status) && !self.born => Ready::Broken(status.to_owned()),
            status if FAILED.contains(&status) || SETTLED.contains(&status) => Ready::Ready,
            status => Ready::Coming(status.to_owned()),
        }
    }

    /// Whether it answers; a replica, whether it goes on to copy its source.
    pub(super) fn serving(&self) -> Serving {
        if IDLE.contains(&self.status.as_str()) {
            return Serving::NotYet(self.status.clone());
        }
        match (Serving::of(self.ready()), &self.lapse) {
            (Serving::Yes, Some(lapse)) => Serving::NotYet(format!("its replication is {lapse}")),
            (serving, _) => serving,
        }
    }

    pub(super) fn uses(&self) -> Vec<LiveRef> {
        self.used
            .iter()
            .map(|(field, to)| LiveRef::new(field, to))
            .collect()
    }

    pub(super) fn password(&self) -> Said {
        match &self.managed {
            Some(_) => Said::of("managed"),
            None => Said::of(&self.fingerprint),
        }
    }
}

/// The version of a secret, so that neither its value nor its hash is written down anywhere.
pub(super) fn fingerprint(secret: &str, version: &str) -> String {
    mark::digest(&[secret, version])[..16].to_owned()
}

/// The part of a version that AWS counts as the major one.
pub(super) fn major<'a>(engine: &str, version: &'a str) -> &'a str {
    let dots = usize::from(engine != "postgres");
    let end = version
        .match_indices('.')
        .nth(dots)
        .map_or(version.len(), |(at, _)| at);
    &version[..end]
}

/// How the copying of a replica goes, if not well: `stopped`, `error: ...` (API reference, DBInstanceStatusInfo).
fn lapse(db: &Db) -> Option<String> {
    let mut infos = db.status_infos().iter();
    let info = infos.find(|info| info.status_type() == Some("read replication"))?;
    let status = info.status.clone().unwrap_or_default();
    if info.normal == Some(true) && status == "replicating" {
        return None;
    }
    Some(match info.message() {
        Some(message) if !message.is_empty() => format!("{status}: {message}"),
        _ => status,
    })
}

/// Reads what AWS says of a database, with what waits put over what is.
pub(super) fn read(db: &Db, cx: &Aws) -> Result<Found<DbInstanceLive>> {
    const ACTION: &str = "rds:DescribeDBInstances";
    let tags = tags(db.tag_list());
    let pending = db.pending_modified_values.clone().unwrap_or_else(nothing);
    let id = db
        .db_instance_identifier
        .clone()
        .ok_or_else(|| missing(ACTION, "name"))?;
    let arn = db
        .db_instance_arn
        .clone()
        .unwrap_or_else(|| arn(&cx.identity, "db", &id));
    let groups = db
        .vpc_security_groups()
        .iter()
        .filter_map(|group| group.vpc_security_group_id.clone());
    let mut security_groups: Vec<String> = groups.collect();
    security_groups.sort();
    let parameter_group = db.db_parameter_groups().first();
    let pending_reboot = parameter_group
        .is_some_and(|group| group.parameter_apply_status.as_deref() == Some("pending-reboot"));
    let endpoint = db.endpoint.as_ref();
    let live = DbInstanceLive {
        used: used(db, &arn, cx),
        status: db.db_instance_status.clone().unwrap_or_default(),
        born: db.instance_create_time.is_some(),
        engine: db.engine.clone().unwrap_or_default(),
        engine_version: pending
            .engine_version
            .clone()
            .or(db.engine_version.clone())
            .unwrap_or_default(),
        class: pending
            .db_instance_class
            .clone()
            .or(db.db_instance_class.clone())
            .unwrap_or_default(),
        storage: pending
            .allocated_storage
            .or(db.allocated_storage)
            .unwrap_or_default(),
        max_storage: db.max_allocated_storage,
        storage_type: pending
            .storage_type
            .clone()
            .or(db.storage_type.clone())
            .unwrap_or_default(),
        iops: pending.iops.or(db.iops),
        throughput: pending.storage_throughput.or(db.storage_throughput),
        database: db.db_name.clone(),
        username: db.master_username.clone(),
        managed: db
            .master_user_secret
            .as_ref()
            .and_then(|secret| secret.secret_arn.clone()),
        fingerprint: tags.get(PASSWORD).cloned(),
        subnet_group: db
            .db_subnet_group
            .as_ref()
            .and_then(|group| group.db_subnet_group_name.clone()),
        parameter_group: parameter_group
            .and_then(|group| group.db_parameter_group_name.clone())
            .unwrap_or_default(),
        pending_reboot,
        security_groups,
        backup_retention: retention(db, &pending),
        backup_window: db.preferred_backup_window.clone(),
        maintenance_window: db
            .preferred_maintenance_window
            .as_ref()
            .map(|window| window.to_lowercase()),
        zone: db.availability_zone.clone().unwrap_or_default(),
        multi_az: pending.multi_az.or(db.multi_az).unwrap_or_default(),
        public: db.publicly_accessible.unwrap_or_default(),
        encrypted: db.storage_encrypted.unwrap_or_default(),
        kms_key: db.kms_key_id.clone(),
        port: pending
            .port
            .or(endpoint.and_then(|endpoint| endpoint.port))
            .or(db.db_instance_port),
        performance_insights: db.performance_insights_enabled.unwrap_or_default(),
        logs: logs(db, &pending),
        iam_auth: pending
            .iam_database_authentication_enabled
            .or(db.iam_database_authentication_enabled)
            .unwrap_or_default(),
        auto_minor_upgrade: db.auto_minor_version_upgrade.unwrap_or_default(),
        replica_of: source(db),
        lapse: lapse(db),
        address: endpoint
            .and_then(|endpoint| endpoint.address.as_ref())
            .map(|name| name.to_lowercase()),
        protected: db.deletion_protection.unwrap_or_default(),
        pending: pending != nothing(),
        id,
        arn,
    };
    Ok(Found::new(live, tags))
}

fn nothing() -> PendingModifiedValues {
    PendingModifiedValues::builder().build()
}

fn retention(db: &Db, pending: &PendingModifiedValues) -> u64 {
    let days = pending
        .backup_retention_period
        .or(db.backup_retention_period);
    days.and_then(|days| u64::try_from(days).ok())
        .unwrap_or_default()
}

/// The logs that go to CloudWatch, or are about to.
fn logs(db: &Db, pending: &PendingModifiedValues) -> Vec<String> {
    let mut logs = db.enabled_cloudwatch_logs_exports().to_vec();
    if let Some(pending) = &pending.pending_cloudwatch_logs_exports {
        logs.extend(pending.log_types_to_enable().iter().cloned());
        logs.retain(|log| !pending.log_types_to_disable().contains(log));
    }
    logs
}

/// The name of the source: an ARN where that is in another region.
fn source(db: &Db) -> Option<String> {
    db.read_replica_source_db_instance_identifier
        .clone()
        .filter(|source| !source.is_empty())
}

/// Whatever it cannot be without, by ARN: names may be the same for things of different kinds.
fn used(db: &Db, own: &str, cx: &Aws) -> Vec<(&'static str, String)> {
    let base = own
        .rsplit_once(":db:")
        .map_or_else(|| arn(&cx.identity, "", ""), |(base, _)| base.to_owned());
    let base = base.trim_end_matches(':');
    let mut used = Vec::new();
    if let Some(group) = db
        .db_subnet_group
        .as_ref()
        .and_then(|group| group.db_subnet_group_name.as_ref())
    {
        used.push(("subnet_group", format!("{base}:subgrp:{group}")));
    }
    for group in db
        .db_parameter_groups()
        .iter()
        .filter_map(|group| group.db_parameter_group_name.as_ref())
    {
        used.push(("parameter_group", format!("{base}:pg:{group}")));
    }
    for group in db
        .vpc_security_groups()
        .iter()
        .filter_map(|group| group.vpc_security_group_id.as_ref())
    {
        used.push(("security_groups", group.clone()));
    }
    if let Some(source) = source(db) {
        let arn = if source.starts_with("arn:") {
            source
        } else {
            format!("{base}:db:{source}")
        };
        used.push(("replica_of", arn));
    }
    used.extend(db.kms_key_id.iter().map(|key| ("kms_key", key.clone())));
    used
}

/// The tags that a database is made with: the mark, and which version its password is.
pub(super) fn with_fingerprint(mut tags: Tags, fingerprint: Option<String>) -> Tags {
    tags.extend(fingerprint.map(|fingerprint| (PASSWORD.to_owned(), fingerprint)));
    tags
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::DbInstanceStatusInfo as Info;

    use super::*;

    fn replica(status: &str, normal: bool, message: &str) -> Option<String> {
        let info = Info::builder()
            .status_type("read replication")
            .status(status)
            .normal(normal)
            .message(message);
        lapse(&Db::builder().status_infos(info.build()).build())
    }

    #[test]
    fn a_replica_that_does_not_copy_says_why() {
        assert_eq!(replica("replicating", true, ""), None);
        assert_eq!(lapse(&Db::builder().build()), None);
        assert_eq!(replica("stopped", false, "").as_deref(), Some("stopped"));
        let broken = replica("error", false, "duplicate key");
        assert_eq!(broken.as_deref(), Some("error: duplicate key"));
    }
}
