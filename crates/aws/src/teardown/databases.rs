//! What a teardown may leave behind of databases and their passwords, and what it keeps on purpose.

use aws_sdk_rds::types::{DbInstance, DbInstanceAutomatedBackup, DbSnapshot, Tag};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use terrace_core::error::Result;
use terrace_core::mark::{self, Tags};

use super::{Fate, Ours, Rest};
use crate::client::Aws;

/// What is listed here.
pub(super) const LISTED: &[&str] = &[
    "databases",
    "database snapshots",
    "retained database backups",
    "deleted secrets",
];

/// Finds them.
pub(super) async fn look(cx: &Aws, ours: &Ours) -> Result<Vec<Fate>> {
    let (databases, snapshots, backups, secrets) = tokio::try_join!(
        databases(cx, ours),
        snapshots(cx, ours),
        backups(cx, ours),
        secrets(cx, ours),
    )?;
    let all = [databases, snapshots, backups, secrets].into_iter();
    Ok(all.flatten().collect())
}

fn tags(list: &[Tag]) -> Tags {
    let pair = |tag: &Tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    list.iter().filter_map(pair).collect()
}

impl Ours {
    /// Whether a database of this name was ours; a name that the TOML gives is known from before only.
    fn database(&self, name: &str) -> bool {
        self.named(name) || self.databases.iter().any(|id| id == name)
    }
}

async fn databases(cx: &Aws, ours: &Ours) -> Result<Vec<Fate>> {
    let found = cx
        .read("rds:DescribeDBInstances", || {
            let pages = cx.rds.describe_db_instances().into_paginator();
            pages
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let fate = |one: &DbInstance| {
        if one.db_instance_status() == Some("deleting") {
            return None;
        }
        let name = one.db_instance_identifier()?;
        let why = ours.why(&tags(one.tag_list()), Some(name))?;
        let remove = "aws rds delete-db-instance --skip-final-snapshot --db-instance-identifier";
        Some(Fate::Remains(ours.rest("database", name, why, remove)))
    };
    Ok(found.iter().filter_map(fate).collect())
}

async fn snapshots(cx: &Aws, ours: &Ours) -> Result<Vec<Fate>> {
    let found = cx
        .read("rds:DescribeDBSnapshots", || {
            let call = cx.rds.describe_db_snapshots().snapshot_type("manual");
            call.into_paginator()
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let fate = |one: &DbSnapshot| {
        let of = one.db_instance_identifier()?;
        let tags = tags(one.tag_list());
        // The name of an environment may begin as ours does.
        let other = tags
            .get(mark::STACK)
            .is_some_and(|owner| *owner != ours.owner);
        if other || !ours.database(of) {
            return None;
        }
        let id = one.db_snapshot_identifier()?;
        let why = if id.starts_with(&format!("{of}-final-")) {
            format!("the final snapshot of {of}")
        } else {
            format!("made from {of}, which was ours, and not by terrace")
        };
        let remove = "aws rds delete-db-snapshot --db-snapshot-identifier";
        Some(Fate::Kept(ours.rest("database snapshot", id, why, remove)))
    };
    Ok(found.iter().filter_map(fate).collect())
}

async fn backups(cx: &Aws, ours: &Ours) -> Result<Vec<Fate>> {
    let found = cx
        .read("rds:DescribeDBInstanceAutomatedBackups", || {
            let call = cx.rds.describe_db_instance_automated_backups();
            call.into_paginator()
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let fate = |one: &DbInstanceAutomatedBackup| {
        let of = one.db_instance_identifier()?;
        // Those of a living database go with it (RDS User Guide, "Retaining automated backups").
        if one.status() != Some("retained") || !ours.database(of) {
            return None;
        }
        let why = format!("the backups of {of}, until their retention ends");
        let remove = "aws rds delete-db-instance-automated-backup --dbi-resource-id";
        let id = one.dbi_resource_id()?;
        Some(Fate::Kept(ours.rest("database backups", id, why, remove)))
    };
    Ok(found.iter().filter_map(fate).collect())
}

async fn secrets(cx: &Aws, ours: &Ours) -> Result<Vec<Fate>> {
    let filter =
        |key: FilterNameStringType, value: &str| Filter::builder().key(key).values(value).build();
    let filters = vec![
        filter(FilterNameStringType::TagKey, mark::STACK),
        filter(FilterNameStringType::TagValue, &ours.owner),
    ];
    let pages = cx
        .read("secretsmanager:ListSecrets", || {
            let call = cx.secrets.list_secrets().set_filters(Some(filters.clone()));
            call.include_planned_deletion(true)
                .into_paginator()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let mut fates = Vec::new();
    for secret in pages
        .into_iter()
        .flat_map(|page| page.secret_list.unwrap_or_default())
    {
        // AWS matches the beginnings of values. One that lives is its kind's to list.
        let mut tags = secret.tags().iter();
        let marked =
            tags.any(|tag| tag.key() == Some(mark::STACK) && tag.value() == Some(&ours.owner));
        let (Some(name), Some(_), true) = (secret.name(), secret.deleted_date, marked) else {
            continue;
        };
        let why = "deleted, and can be brought back until AWS forgets it".to_owned();
        let remove = "aws secretsmanager delete-secret --force-delete-without-recovery --secret-id";
        // Nothing is charged for a secret that is marked for deletion (Secrets Manager pricing).
        fates.push(Fate::Kept(Rest {
            billable: false,
            ..ours.rest("secret", name, why, remove)
        }));
    }
    Ok(fates)
}
