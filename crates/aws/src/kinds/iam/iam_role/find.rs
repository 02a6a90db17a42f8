//! Roles as AWS tells of them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_iam::types::{EntityType, Role, RoleDetail};
use futures_util::future::try_join_all;
use serde_json::Value;
use terrace_core::error::{ErrorClass, Result};
use terrace_core::inventory::Found;
use terrace_core::mark;

use super::super::shared::{ROOT, document, tags};
use super::IamRoleLive;
use crate::client::{Aws, missing};

/// All with our mark. Their path begins as that of every stack does, and goes on with the name the stack had
/// when they were made. ListRoles leaves tags, policies and boundaries out; reading them role by role would be
/// four calls and more each. GetAccountAuthorizationDetails has them for the whole account, some hundred
/// roles a call, but neither description nor session length: the two together are a page chain each,
/// however many roles there are, and a stack without roles costs one call.
pub(super) async fn ours(cx: &Aws) -> Result<Vec<Found<IamRoleLive>>> {
    const ACTION: &str = "iam:ListRoles";
    let roles = cx
        .read(ACTION, || {
            let pages = cx.iam.list_roles().path_prefix(ROOT).into_paginator();
            pages
                .page_size(1000)
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    if roles.is_empty() {
        return Ok(Vec::new());
    }
    let details = &details(cx).await?;
    let found = try_join_all(roles.into_iter().map(|role| async move {
        match details.get(&role.role_name) {
            Some(detail) => with_details(role, detail).map(Some),
            // Made between the two listings.
            None => one(cx, &role.role_name).await,
        }
    }));
    let ours = |found: &Found<IamRoleLive>| found.tags.get(mark::STACK) == Some(&cx.owner());
    Ok(found.await?.into_iter().flatten().filter(ours).collect())
}

async fn details(cx: &Aws) -> Result<HashMap<String, RoleDetail>> {
    let pages = cx
        .read("iam:GetAccountAuthorizationDetails", || {
            let call = cx
                .iam
                .get_account_authorization_details()
                .filter(EntityType::Role);
            call.into_paginator()
                .page_size(1000)
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let roles = pages
        .into_iter()
        .flat_map(|page| page.role_detail_list.unwrap_or_default());
    Ok(roles
        .filter_map(|role| Some((role.role_name.clone()?, role)))
        .collect())
}

fn with_details(mut role: Role, detail: &RoleDetail) -> Result<Found<IamRoleLive>> {
    const ACTION: &str = "iam:GetAccountAuthorizationDetails";
    let attached = detail.attached_managed_policies.iter().flatten();
    let managed = attached
        .filter_map(|policy| policy.policy_arn.clone())
        .collect();
    let mut policies = BTreeMap::new();
    for policy in detail.role_policy_list.iter().flatten() {
        let name = policy
            .policy_name
            .clone()
            .ok_or_else(|| missing(ACTION, "policy name"))?;
        let text = policy
            .policy_document
            .as_deref()
            .ok_or_else(|| missing(ACTION, "policy document"))?;
        policies.insert(name, document(ACTION, text)?);
    }
    role.permissions_boundary
        .clone_from(&detail.permissions_boundary);
    Ok(Found::new(
        read(role, ACTION, managed, policies)?,
        tags(detail.tags.clone()),
    ))
}

/// One role and all that hangs on it, whoever owns it.
pub(super) async fn one(cx: &Aws, name: &str) -> Result<Option<Found<IamRoleLive>>> {
    const ACTION: &str = "iam:GetRole";
    let answer = cx
        .read(ACTION, || cx.iam.get_role().role_name(name).send())
        .await;
    let role = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?.role.ok_or_else(|| missing(ACTION, "role"))?,
    };
    let hanging = async { tokio::try_join!(attached(cx, name), written(cx, name)) };
    let (managed, policies) = match hanging.await {
        // It went while it was read.
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        hanging => hanging?,
    };
    let tags = tags(role.tags.clone());
    Ok(Some(Found::new(
        read(role, ACTION, managed, policies)?,
        tags,
    )))
}

pub(super) async fn attached(cx: &Aws, name: &str) -> Result<Vec<String>> {
    let policies = cx
        .read("iam:ListAttachedRolePolicies", || {
            let pages = cx
                .iam
                .list_attached_role_policies()
                .role_name(name)
                .into_paginator();
            pages
                .page_size(1000)
                .items()
                .send()
                .collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    Ok(policies
        .into_iter()
        .filter_map(|policy| policy.policy_arn)
        .collect())
}

/// The names of its inline policies.
pub(super) async fn names(cx: &Aws, role: &str) -> Result<Vec<String>> {
    cx.read("iam:ListRolePolicies", || {
        let pages = cx.iam.list_role_policies().role_name(role).into_paginator();
        pages
            .page_size(1000)
            .items()
            .send()
            .collect::<std::result::Result<Vec<_>, _>>()
    })
    .await
}

async fn written(cx: &Aws, role: &str) -> Result<BTreeMap<String, Value>> {
    const ACTION: &str = "iam:GetRolePolicy";
    let names = names(cx, role).await?;
    let policies = try_join_all(names.into_iter().map(|name| async move {
        let answer = cx
            .read(ACTION, || {
                cx.iam
                    .get_role_policy()
                    .role_name(role)
                    .policy_name(&name)
                    .send()
            })
            .await?;
        let policy = document(ACTION, &answer.policy_document)?;
        Ok((name, policy))
    }));
    Ok(policies.await?.into_iter().collect())
}

pub(super) fn read(
    role: Role,
    action: &str,
    managed_policies: Vec<String>,
    policies: BTreeMap<String, Value>,
) -> Result<IamRoleLive> {
    let trust = role.assume_role_policy_document.as_deref().unwrap_or("{}");
    Ok(IamRoleLive {
        trust: document(action, trust)?,
        id: role.role_name,
        arn: role.arn,
        description: role.description.unwrap_or_default(),
        max_session_duration: role.max_session_duration.unwrap_or(3600),
        permissions_boundary: role
            .permissions_boundary
            .and_then(|boundary| boundary.permissions_boundary_arn),
        managed_policies,
        policies,
    })
}
