//! The call that makes an instance.

use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, HttpTokensState,
    IamInstanceProfileSpecification, InstanceMetadataEndpointState, InstanceMetadataOptionsRequest,
    InstanceMetadataTagsState, InstanceType, ResourceType, RunInstancesMonitoringEnabled,
    ShutdownBehavior, VolumeType,
};
use terrace_core::error::{CloudError, Result};
use terrace_core::known::Known;
use terrace_core::late::Late;
use terrace_core::mark::{Mark, Tags};
use terrace_core::reference::Reference;

use super::super::shared::with_tags;
use super::{
    HttpTokens, IMAGE, InstanceSpec, Metadata, NONE, RootVolume, SHUTDOWN, STATELESS, USER_DATA,
    fingerprint, member_tags, user_data,
};
use crate::client::{Aws, missing};
use crate::door::Op;
use crate::images;

pub(super) async fn run(
    cx: &Aws,
    want: &InstanceSpec,
    known: &Known,
    mark: &Mark,
    image: &images::Chosen,
    token: String,
) -> Result<String> {
    const ACTION: &str = "ec2:RunInstances";
    // What was just made is not visible to EC2 at once, an instance profile least of all.
    let op = Op::again(ACTION).while_busy(
        &[
            "Invalid IAM Instance Profile",
            "InvalidGroup.NotFound",
            "InvalidSubnetID.NotFound",
            "InvalidKeyPair.NotFound",
        ],
        2.0,
    );
    let subnet = known.need(&want.subnet)?;
    let groups = known.need_all(&want.security_groups)?;
    let key = want
        .key_pair
        .as_ref()
        .map(|key| known.need_output(key, "name"))
        .transpose()?;
    let profile = want
        .instance_profile
        .as_ref()
        .map(|profile| known.need_output(profile, "arn"))
        .transpose()?;
    let text = user_data(want.user_data.as_ref())?;
    let answer = cx
        .mutate(op, || {
            cx.ec2
                .run_instances()
                .min_count(1)
                .max_count(1)
                .client_token(&token)
                .image_id(&image.id)
                .instance_type(InstanceType::from(want.r#type.as_str()))
                .subnet_id(subnet.as_str())
                .set_security_group_ids((!groups.is_empty()).then(|| groups.clone()))
                .set_iam_instance_profile(profile.as_deref().map(profile_by_name))
                .set_key_name(key.clone())
                .block_device_mappings(root_device(&want.root_volume, &image.root_device))
                .set_user_data(text.map(aws_smithy_types::base64::encode))
                .metadata_options(metadata_options(&want.metadata))
                .monitoring(
                    RunInstancesMonitoringEnabled::builder()
                        .enabled(want.monitoring)
                        .build(),
                )
                .instance_initiated_shutdown_behavior(ShutdownBehavior::from(want.shutdown.word()))
                .set_private_ip_address(want.private_ip.map(|address| address.to_string()))
                .set_credit_specification(want.credits.map(|credits| {
                    CreditSpecificationRequest::builder()
                        .cpu_credits(credits.word())
                        .build()
                }))
                .disable_api_termination(mark.protect)
                .tag_specifications(with_tags(
                    ResourceType::Instance,
                    &instance_tags(want, mark),
                ))
                .tag_specifications(with_tags(
                    ResourceType::Volume,
                    &member_tags(&mark.all_tags()),
                ))
                .send()
        })
        .await
        .map_err(hinted)?;
    let made = answer
        .instances()
        .first()
        .and_then(|machine| machine.instance_id.clone());
    made.ok_or_else(|| missing(ACTION, "instance"))
}

pub(super) fn hinted(error: CloudError) -> CloudError {
    if error.is(&["InsufficientInstanceCapacity", "Unsupported"]) {
        return error.hinted("another type, or a subnet in another zone, may be had now");
    }
    error
}

pub(super) fn told_user_data(want: &InstanceSpec) -> String {
    match &want.user_data {
        Some(Late::Known(text)) => fingerprint(text.as_str()),
        _ => NONE.to_owned(),
    }
}

pub(super) fn instance_tags(want: &InstanceSpec, mark: &Mark) -> Tags {
    let mut tags = mark.all_tags();
    let image = match want.image.names() {
        Reference::Literal(text) => text.clone(),
        Reference::Address(address) => address.to_string(),
    };
    tags.insert(IMAGE.to_owned(), image);
    tags.insert(USER_DATA.to_owned(), told_user_data(want));
    tags.insert(SHUTDOWN.to_owned(), want.shutdown.word().to_owned());
    if want.stateless {
        tags.insert(STATELESS.to_owned(), "true".to_owned());
    }
    tags
}

pub(super) fn root_device(want: &RootVolume, device: &str) -> BlockDeviceMapping {
    let disk = EbsBlockDevice::builder()
        .set_volume_size(want.size)
        .volume_type(VolumeType::from(want.r#type.word()))
        .set_iops(want.iops)
        .set_throughput(want.throughput)
        .encrypted(want.encrypted)
        .delete_on_termination(true);
    BlockDeviceMapping::builder()
        .device_name(device)
        .ebs(disk.build())
        .build()
}

pub(super) fn profile_by_name(profile: &str) -> IamInstanceProfileSpecification {
    let named = IamInstanceProfileSpecification::builder();
    if profile.starts_with("arn:") {
        named.arn(profile).build()
    } else {
        named.name(profile).build()
    }
}

pub(super) fn metadata_options(want: &Metadata) -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_endpoint(endpoint(want))
        .http_tokens(tokens(want))
        .http_put_response_hop_limit(want.hop_limit)
        .instance_metadata_tags(metadata_tags(want))
        .build()
}

pub(super) fn endpoint(want: &Metadata) -> InstanceMetadataEndpointState {
    if want.enabled {
        InstanceMetadataEndpointState::Enabled
    } else {
        InstanceMetadataEndpointState::Disabled
    }
}

pub(super) fn tokens(want: &Metadata) -> HttpTokensState {
    match want.http_tokens {
        HttpTokens::Required => HttpTokensState::Required,
        HttpTokens::Optional => HttpTokensState::Optional,
    }
}

pub(super) fn metadata_tags(want: &Metadata) -> InstanceMetadataTagsState {
    if want.tags {
        InstanceMetadataTagsState::Enabled
    } else {
        InstanceMetadataTagsState::Disabled
    }
}
