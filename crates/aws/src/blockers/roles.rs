//! What holds a role: profiles with it, and policies that came to it meanwhile.

use terrace_core::error::Result;

use super::{Blocker, Fate};
use crate::client::Aws;
use crate::kinds::iam::shared::path;

/// What hangs on a role. Needs `iam:ListInstanceProfilesForRole`, `iam:ListAttachedRolePolicies` and
/// `iam:ListRolePolicies`.
pub(crate) async fn hanging_on(cx: &Aws, role: &str) -> Result<Vec<Blocker>> {
    let (mut found, attached, written) =
        tokio::try_join!(profiles(cx, role), attached(cx, role), written(cx, role))?;
    found.extend(attached);
    found.extend(written);
    Ok(found)
}

async fn profiles(cx: &Aws, role: &str) -> Result<Vec<Blocker>> {
    let profiles = cx
        .read("iam:ListInstanceProfilesForRole", || {
            let call = cx.iam.list_instance_profiles_for_role().role_name(role);
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let blocker = |profile: &aws_sdk_iam::types::InstanceProfile| {
        let name = profile.instance_profile_name();
        let what = format!("instance profile {name}");
        // A listing has no tags, but our path says whose it is.
        if profile.path() == path(&cx.identity) {
            return Blocker::new(what, Fate::Ours(format!("its path is {}", profile.path())));
        }
        let command = format!(
            "iam remove-role-from-instance-profile --instance-profile-name {name} --role-name {role}"
        );
        Blocker::new(what, foreign("take the role out of it", &command))
    };
    Ok(profiles.iter().map(blocker).collect())
}

async fn attached(cx: &Aws, role: &str) -> Result<Vec<Blocker>> {
    let policies = cx
        .read("iam:ListAttachedRolePolicies", || {
            let call = cx.iam.list_attached_role_policies().role_name(role);
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let blocker = |policy: &aws_sdk_iam::types::AttachedPolicy| {
        let arn = policy.policy_arn().unwrap_or_default();
        let command = format!("iam detach-role-policy --role-name {role} --policy-arn {arn}");
        let what = format!("policy {arn}, attached meanwhile");
        Blocker::new(
            what,
            foreign("see who attaches it, and detach it", &command),
        )
    };
    Ok(policies.iter().map(blocker).collect())
}

async fn written(cx: &Aws, role: &str) -> Result<Vec<Blocker>> {
    let names = cx
        .read("iam:ListRolePolicies", || {
            let call = cx.iam.list_role_policies().role_name(role);
            let pages = call.into_paginator().items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let blocker = |name: &String| {
        let command = format!("iam delete-role-policy --role-name {role} --policy-name {name}");
        let what = format!("its policy {name}, written meanwhile");
        Blocker::new(what, foreign("see who writes it, and delete it", &command))
    };
    Ok(names.iter().map(blocker).collect())
}

/// IAM is in no region.
fn foreign(does: &str, command: &str) -> Fate {
    Fate::Foreign(format!("{does}: `aws {command}`"))
}
