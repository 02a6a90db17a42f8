//! Changes of a live instance: each function one call of AWS.

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, AttributeValue, InstanceCreditSpecificationRequest, LocationType,
    SecureBlobAttributeValue,
};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::Part;
use terrace_core::known::Known;
use terrace_core::mark::Tags;

use super::super::shared::filter;
use super::launch::{endpoint, hinted, metadata_tags, profile_by_name, tokens, told_user_data};
use super::{Credits, InstanceLive, InstanceSpec, SHUTDOWN, USER_DATA, user_data};
use crate::client::Aws;
use crate::door::Op;

pub(super) async fn set_groups(
    cx: &Aws,
    want: &InstanceSpec,
    have: &InstanceLive,
    known: &Known,
) -> Result<Vec<String>> {
    let groups = known.need_all(&want.security_groups)?;
    let op = Op::again("ec2:ModifyInstanceAttribute").while_busy(&["InvalidGroup.NotFound"], 1.0);
    cx.mutate(op, || {
        let call = cx.ec2.modify_instance_attribute().instance_id(&have.id);
        call.set_groups(Some(groups.clone())).send()
    })
    .await?;
    Ok(groups)
}

pub(super) async fn set_profile(
    cx: &Aws,
    want: &InstanceSpec,
    have: &InstanceLive,
    known: &Known,
) -> Result<Option<String>> {
    const UNKNOWN: &[&str] = &["Invalid IAM Instance Profile"];
    let filters = vec![
        filter("instance-id", &have.id),
        filter("state", "associated"),
    ];
    let answer = cx
        .read("ec2:DescribeIamInstanceProfileAssociations", || {
            cx.ec2
                .describe_iam_instance_profile_associations()
                .set_filters(Some(filters.clone()))
                .send()
        })
        .await?;
    let now = answer
        .iam_instance_profile_associations()
        .first()
        .and_then(|one| one.association_id.clone());
    let profile = want
        .instance_profile
        .as_ref()
        .map(|profile| known.need_output(profile, "arn"))
        .transpose()?;
    match (&now, &profile) {
        (None, None) => {}
        (Some(now), None) => {
            cx.mutate(Op::again("ec2:DisassociateIamInstanceProfile"), || {
                cx.ec2
                    .disassociate_iam_instance_profile()
                    .association_id(now)
                    .send()
            })
            .await?;
        }
        (Some(now), Some(profile)) => {
            let op = Op::again("ec2:ReplaceIamInstanceProfileAssociation").while_busy(UNKNOWN, 2.0);
            cx.mutate(op, || {
                let call = cx
                    .ec2
                    .replace_iam_instance_profile_association()
                    .association_id(now);
                call.iam_instance_profile(profile_by_name(profile)).send()
            })
            .await?;
        }
        (None, Some(profile)) => {
            let op = Op::again("ec2:AssociateIamInstanceProfile").while_busy(UNKNOWN, 2.0);
            cx.mutate(op, || {
                let call = cx
                    .ec2
                    .associate_iam_instance_profile()
                    .instance_id(&have.id);
                call.iam_instance_profile(profile_by_name(profile)).send()
            })
            .await?;
        }
    }
    Ok(profile)
}

pub(super) async fn set_metadata(cx: &Aws, want: &InstanceSpec, have: &InstanceLive) -> Result<()> {
    let want = &want.metadata;
    cx.mutate(Op::again("ec2:ModifyInstanceMetadataOptions"), || {
        cx.ec2
            .modify_instance_metadata_options()
            .instance_id(&have.id)
            .http_endpoint(endpoint(want))
            .http_tokens(tokens(want))
            .http_put_response_hop_limit(want.hop_limit)
            .instance_metadata_tags(metadata_tags(want))
            .send()
    })
    .await
    .map(drop)
}

pub(super) async fn set_monitoring(
    cx: &Aws,
    want: &InstanceSpec,
    have: &InstanceLive,
) -> Result<()> {
    if want.monitoring {
        let call = || cx.ec2.monitor_instances().instance_ids(&have.id).send();
        return cx
            .mutate(Op::again("ec2:MonitorInstances"), call)
            .await
            .map(drop);
    }
    let call = || cx.ec2.unmonitor_instances().instance_ids(&have.id).send();
    cx.mutate(Op::again("ec2:UnmonitorInstances"), call)
        .await
        .map(drop)
}

pub(super) async fn set_source_dest_check(
    cx: &Aws,
    want: &InstanceSpec,
    have: &InstanceLive,
) -> Result<()> {
    cx.mutate(Op::again("ec2:ModifyInstanceAttribute"), || {
        let call = cx.ec2.modify_instance_attribute().instance_id(&have.id);
        call.source_dest_check(switch(want.source_dest_check))
            .send()
    })
    .await
    .map(drop)
}

pub(super) async fn set_shutdown(cx: &Aws, want: &InstanceSpec, have: &InstanceLive) -> Result<()> {
    cx.mutate(Op::again("ec2:ModifyInstanceAttribute"), || {
        let call = cx.ec2.modify_instance_attribute().instance_id(&have.id);
        call.instance_initiated_shutdown_behavior(word(want.shutdown.word()))
            .send()
    })
    .await?;
    set_tag(cx, have, SHUTDOWN, Some(want.shutdown.word())).await
}

pub(super) async fn set_credits(cx: &Aws, have: &InstanceLive, credits: Credits) -> Result<()> {
    const ACTION: &str = "ec2:ModifyInstanceCreditSpecification";
    let one = InstanceCreditSpecificationRequest::builder()
        .instance_id(&have.id)
        .cpu_credits(credits.word())
        .build();
    let answer = cx
        .mutate(Op::again(ACTION), || {
            cx.ec2
                .modify_instance_credit_specification()
                .instance_credit_specifications(one.clone())
                .send()
        })
        .await?;
    // A refusal stands in a good answer.
    match answer
        .unsuccessful_instance_credit_specifications()
        .first()
        .and_then(|one| one.error())
    {
        Some(error) => Err(CloudError::new(
            ACTION,
            ErrorClass::Invalid,
            error.message().unwrap_or("it was refused"),
        )),
        None => Ok(()),
    }
}

pub(super) async fn set_protection(cx: &Aws, id: &str, on: bool) -> Result<()> {
    cx.mutate(Op::again("ec2:ModifyInstanceAttribute"), || {
        cx.ec2
            .modify_instance_attribute()
            .instance_id(id)
            .disable_api_termination(switch(on))
            .send()
    })
    .await
    .map(drop)
}

pub(super) async fn set_tag(
    cx: &Aws,
    have: &InstanceLive,
    key: &str,
    value: Option<&str>,
) -> Result<()> {
    match value {
        Some(value) => {
            cx.ec2_tag(&have.id, &[(key.to_owned(), value.to_owned())].into(), &[])
                .await
        }
        None => cx.ec2_tag(&have.id, &Tags::new(), &[key.to_owned()]).await,
    }
}

pub(super) fn switch(on: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(on).build()
}

pub(super) fn word(value: &str) -> AttributeValue {
    AttributeValue::builder().value(value).build()
}

/// Stops it, changes what can only be changed then, and starts it again. A crash in between leaves a
/// stopped instance, which is a difference of `running`.
pub(super) async fn while_stopped(
    cx: &Aws,
    want: &InstanceSpec,
    part: &Part<'_>,
    live: &mut InstanceLive,
) -> Result<()> {
    let while_off = part.has_any(&["type", "user_data"]);
    if part.has("type") {
        offered(cx, want, live).await?;
    }
    if while_off || !want.running {
        cx.mutate(Op::again("ec2:StopInstances"), || {
            cx.ec2.stop_instances().instance_ids(&live.id).send()
        })
        .await?;
        "stopping".clone_into(&mut live.state);
    }
    let changed = change_stopped(cx, want, part, live).await;
    if want.running {
        // Also if AWS refused the change: an outage of minutes is enough.
        let op = Op::again("ec2:StartInstances").while_busy(&["IncorrectInstanceState"], 10.0);
        let started = cx
            .mutate(op, || {
                cx.ec2.start_instances().instance_ids(&live.id).send()
            })
            .await;
        changed?;
        started.map_err(hinted)?;
        "pending".clone_into(&mut live.state);
        return Ok(());
    }
    changed
}

/// Whether its zone has the type at all: better known before it is stopped.
pub(super) async fn offered(cx: &Aws, want: &InstanceSpec, live: &InstanceLive) -> Result<()> {
    const ACTION: &str = "ec2:DescribeInstanceTypeOfferings";
    let filters = vec![
        filter("instance-type", &want.r#type),
        filter("location", &live.zone),
    ];
    let answer = cx
        .read(ACTION, || {
            let call = cx
                .ec2
                .describe_instance_type_offerings()
                .location_type(LocationType::AvailabilityZone);
            call.set_filters(Some(filters.clone())).send()
        })
        .await?;
    if answer.instance_type_offerings().is_empty() {
        let message = format!("{} is not to be had in {}", want.r#type, live.zone);
        return Err(CloudError::new(ACTION, ErrorClass::Invalid, message));
    }
    Ok(())
}

pub(super) async fn change_stopped(
    cx: &Aws,
    want: &InstanceSpec,
    part: &Part<'_>,
    live: &mut InstanceLive,
) -> Result<()> {
    // AWS says so until it has stopped, which takes up to some minutes.
    let op = Op::again("ec2:ModifyInstanceAttribute").while_busy(&["IncorrectInstanceState"], 10.0);
    if part.has("type") {
        cx.mutate(op, || {
            let call = cx.ec2.modify_instance_attribute().instance_id(&live.id);
            call.instance_type(word(&want.r#type)).send()
        })
        .await?;
        live.r#type.clone_from(&want.r#type);
    }
    if part.has("user_data") {
        let text = Blob::new(user_data(want.user_data.as_ref())?.unwrap_or_default());
        cx.mutate(op, || {
            let call = cx.ec2.modify_instance_attribute().instance_id(&live.id);
            call.user_data(
                SecureBlobAttributeValue::builder()
                    .value(text.clone())
                    .build(),
            )
            .send()
        })
        .await?;
        let told = told_user_data(want);
        set_tag(cx, live, USER_DATA, Some(&told)).await?;
        live.told.user_data = Some(told);
    }
    Ok(())
}
