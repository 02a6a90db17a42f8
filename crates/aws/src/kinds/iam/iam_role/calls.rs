//! The calls that change what hangs on a role.

use serde_json::Value;
use terrace_core::canon::policy::Policy;
use terrace_core::error::Result;

use crate::client::Aws;
use crate::door::Op;
use crate::names::invalid;

pub(super) async fn set_trust(cx: &Aws, name: &str, trust: &str) -> Result<()> {
    // A role that was made just now is no principal yet.
    let op =
        Op::again("iam:UpdateAssumeRolePolicy").while_busy(&["Invalid principal in policy"], 2.0);
    cx.mutate(op, || {
        cx.iam
            .update_assume_role_policy()
            .role_name(name)
            .policy_document(trust)
            .send()
    })
    .await?;
    Ok(())
}

pub(super) async fn put(cx: &Aws, role: &str, name: &str, policy: &Policy) -> Result<Value> {
    const ACTION: &str = "iam:PutRolePolicy";
    let text = policy.send().map_err(|why| invalid(ACTION, why))?;
    cx.mutate(Op::again(ACTION), || {
        cx.iam
            .put_role_policy()
            .role_name(role)
            .policy_name(name)
            .policy_document(&text)
            .send()
    })
    .await?;
    Ok(policy.sketch())
}

pub(super) async fn drop_inline(cx: &Aws, role: &str, name: &str) -> Result<()> {
    let op = Op::again("iam:DeleteRolePolicy");
    cx.gone(
        cx.mutate(op, || {
            cx.iam
                .delete_role_policy()
                .role_name(role)
                .policy_name(name)
                .send()
        })
        .await,
    )
}

pub(super) async fn detach(cx: &Aws, role: &str, arn: &str) -> Result<()> {
    let op = Op::again("iam:DetachRolePolicy");
    cx.gone(
        cx.mutate(op, || {
            cx.iam
                .detach_role_policy()
                .role_name(role)
                .policy_arn(arn)
                .send()
        })
        .await,
    )
}
