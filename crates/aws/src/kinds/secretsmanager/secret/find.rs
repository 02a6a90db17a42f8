//! Secrets as AWS tells of them.

use std::collections::HashMap;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::inventory::Found;
use terrace_core::mark::{self, Tags};

use super::super::shared::tags;
use super::{CURRENT, SecretLive};
use crate::client::{Aws, missing};

/// A secret, and whether it is deleted and can still be brought back.
pub(super) struct Described {
    pub(super) found: Found<SecretLive>,
    deleted: bool,
}

pub(super) fn alive(described: Described) -> Option<Found<SecretLive>> {
    Some(described.found).filter(|_| !described.deleted)
}

/// All with our mark. Deleted ones are left out by AWS: bringing one back is a creation.
pub(super) async fn ours(cx: &Aws) -> Result<Vec<Found<SecretLive>>> {
    const ACTION: &str = "secretsmanager:ListSecrets";
    let owner = cx.owner();
    let filter =
        |key: FilterNameStringType, value: &str| Filter::builder().key(key).values(value).build();
    let filters = vec![
        filter(FilterNameStringType::TagKey, mark::STACK),
        filter(FilterNameStringType::TagValue, &owner),
    ];
    let pages = cx
        .read(ACTION, || {
            let pages = cx
                .secrets
                .list_secrets()
                .set_filters(Some(filters.clone()))
                .into_paginator();
            pages
                .page_size(100)
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let mut found = Vec::new();
    for secret in pages
        .into_iter()
        .flat_map(|page| page.secret_list.unwrap_or_default())
    {
        let tags = tags(secret.tags.as_deref().unwrap_or_default());
        // AWS matches the beginnings of values, and a key and a value of different tags.
        if tags.get(mark::STACK) != Some(&owner) || secret.deleted_date.is_some() {
            continue;
        }
        let arn = secret.arn.ok_or_else(|| missing(ACTION, "arn"))?;
        let versions = secret.secret_versions_to_stages.as_ref();
        found.push(Found::new(
            read(arn, secret.name, secret.description, versions, &tags),
            tags,
        ));
    }
    Ok(found)
}

pub(super) async fn one(cx: &Aws, id: &str) -> Result<Option<Described>> {
    const ACTION: &str = "secretsmanager:DescribeSecret";
    let answer = cx
        .read(ACTION, || cx.secrets.describe_secret().secret_id(id).send())
        .await;
    let secret = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?,
    };
    let tags = tags(secret.tags.as_deref().unwrap_or_default());
    let arn = secret.arn.ok_or_else(|| missing(ACTION, "arn"))?;
    let versions = secret.version_ids_to_stages.as_ref();
    let live = read(arn, secret.name, secret.description, versions, &tags);
    Ok(Some(Described {
        found: Found::new(live, tags),
        deleted: secret.deleted_date.is_some(),
    }))
}

pub(super) fn read(
    arn: String,
    name: Option<String>,
    description: Option<String>,
    versions: Option<&HashMap<String, Vec<String>>>,
    tags: &Tags,
) -> SecretLive {
    let current = |stages: &Vec<String>| stages.iter().any(|stage| stage == CURRENT);
    let version = versions
        .into_iter()
        .flatten()
        .find(|(_, stages)| current(stages));
    let said = |field: &str| tags.get(&format!("{}{field}", mark::FINGERPRINT)).cloned();
    SecretLive {
        id: arn,
        name: name.unwrap_or_default(),
        description: description.unwrap_or_default(),
        version: version.map(|(id, _)| id.clone()),
        username: said("username"),
        rotate: said("rotate"),
        recovery: said("recovery"),
    }
}
