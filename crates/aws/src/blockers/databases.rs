//! Databases that hold what they are in or made with.

use aws_sdk_rds::types::DbInstance;
use terrace_core::error::Result;

use super::{Blocker, Fate};
use crate::client::Aws;
use crate::kinds::rds::shared::tags;

/// The databases that fit. Needs `rds:DescribeDBInstances`.
pub(crate) async fn databases(
    cx: &Aws,
    fits: impl Fn(&DbInstance) -> bool,
) -> Result<Vec<Blocker>> {
    let all = cx
        .read("rds:DescribeDBInstances", || {
            let pages = cx.rds.describe_db_instances().into_paginator();
            pages
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let fitting = all.iter().filter(|one| fits(one));
    Ok(fitting.map(|one| blocker(cx, one)).collect())
}

fn blocker(cx: &Aws, database: &DbInstance) -> Blocker {
    let name = database.db_instance_identifier().unwrap_or_default();
    let what = format!("database {name}");
    if database.db_instance_status() == Some("deleting") {
        return Blocker::new(what, Fate::Going);
    }
    let command = format!("rds delete-db-instance --db-instance-identifier {name}");
    let remedy = cx.cli("take it out of there, or delete it", &command);
    Blocker::new(what, cx.fate(&tags(database.tag_list()), remedy))
}
