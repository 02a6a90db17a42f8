//! What a version of a template holds: as the TOML wants it, as AWS tells it, as AWS takes it.

use std::fmt;

use aws_sdk_ec2::types::{
    CreditSpecificationRequest, LaunchTemplateBlockDeviceMapping,
    LaunchTemplateBlockDeviceMappingRequest, LaunchTemplateEbsBlockDeviceRequest,
    LaunchTemplateHttpTokensState, LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMetadataEndpointState, LaunchTemplateInstanceMetadataOptions,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateInstanceMetadataTagsState,
    LaunchTemplateTagSpecificationRequest, LaunchTemplatesMonitoringRequest,
    RequestLaunchTemplateData, ResourceType, ResponseLaunchTemplateData, VolumeType,
};
use aws_smithy_types::base64;
use serde::Serialize;
use terrace_core::error::Result;
use terrace_core::fields::Part;
use terrace_core::known::Known;
use terrace_core::mark::Tags;

use super::super::instance::{
    Credits, HttpTokens, Metadata, RootVolume, fingerprint, member_tags, user_data,
};
use super::super::shared::tag_list;
use super::super::volume::DiskType;
use super::LaunchTemplateSpec;
use crate::images;

/// What one version holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Content {
    pub(super) image: Boot,
    pub(super) r#type: String,
    pub(super) security_groups: Vec<String>,
    /// The profile's ARN, or its name where the TOML gives that.
    pub(super) instance_profile: Option<String>,
    pub(super) key_pair: Option<String>,
    /// Its fingerprint stands for it wherever it is shown.
    pub(super) user_data: Option<String>,
    #[serde(skip)]
    script: Script,
    pub(super) root_volume: Option<RootVolume>,
    pub(super) metadata: Metadata,
    pub(super) monitoring: bool,
    pub(super) credits: Option<Credits>,
}

/// What a machine boots from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Boot {
    pub(super) id: String,
    /// The family that it was the newest of. AWS has no place for it but the version's description.
    pub(super) family: Option<String>,
    pub(super) root_device: String,
}

/// User data as AWS takes it: in Base64.
#[derive(Clone, Default, PartialEq)]
struct Script(Option<String>);

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl Content {
    /// What the TOML wants, of this image.
    pub(super) fn wanted(want: &LaunchTemplateSpec, known: &Known, image: Boot) -> Result<Self> {
        let text = user_data(want.user_data.as_ref())?;
        let mut security_groups = known.need_all(&want.security_groups)?;
        security_groups.sort();
        let profile = want.instance_profile.as_ref();
        let key = want.key_pair.as_ref();
        Ok(Self {
            image,
            r#type: want.r#type.clone(),
            security_groups,
            instance_profile: profile
                .map(|profile| known.need_output(profile, "arn"))
                .transpose()?,
            key_pair: key.map(|key| known.need_output(key, "name")).transpose()?,
            user_data: text.map(fingerprint),
            script: Script(text.map(base64::encode)),
            root_volume: Some(want.root_volume.clone()),
            metadata: want.metadata.clone(),
            monitoring: want.monitoring,
            credits: want.credits,
        })
    }

    /// The same with what changes, and nothing else, taken from `new`.
    #[must_use]
    pub(super) fn changed(&self, new: Self, part: &Part<'_>) -> Self {
        let mut content = self.clone();
        // It follows the type's architecture too, so it comes as it is to be.
        content.image = new.image;
        for field in part.fields() {
            match field {
                "type" => content.r#type.clone_from(&new.r#type),
                "security_groups" => content.security_groups.clone_from(&new.security_groups),
                "instance_profile" => content.instance_profile.clone_from(&new.instance_profile),
                "key_pair" => content.key_pair.clone_from(&new.key_pair),
                "user_data" => {
                    content.user_data.clone_from(&new.user_data);
                    content.script.clone_from(&new.script);
                }
                "root_volume" => content.root_volume.clone_from(&new.root_volume),
                "metadata" => content.metadata.clone_from(&new.metadata),
                "monitoring" => content.monitoring = new.monitoring,
                "credits" => content.credits = new.credits,
                _ => {}
            }
        }
        content
    }

    /// As AWS tells it.
    pub(super) fn read(data: ResponseLaunchTemplateData, description: Option<&str>) -> Self {
        let mapping = data.block_device_mappings.unwrap_or_default();
        let mapping = mapping.into_iter().next();
        let id = data.image_id.unwrap_or_default();
        let family = description.filter(|text| images::is_family(text));
        let mut security_groups = data.security_group_ids.unwrap_or_default();
        security_groups.sort();
        let profile = data.iam_instance_profile;
        let credits = data.credit_specification.and_then(|is| is.cpu_credits);
        // Optional texts come empty, too.
        let script = data.user_data.filter(|text| !text.is_empty());
        Self {
            image: Boot {
                id,
                family: family.map(str::to_owned),
                root_device: mapping
                    .as_ref()
                    .and_then(|mapping| mapping.device_name.clone())
                    .unwrap_or_default(),
            },
            r#type: data
                .instance_type
                .map(|kind| kind.as_str().to_owned())
                .unwrap_or_default(),
            security_groups,
            instance_profile: profile.and_then(|profile| profile.arn.or(profile.name)),
            key_pair: data.key_name.filter(|name| !name.is_empty()),
            user_data: script
                .as_deref()
                .map(|script| fingerprint(&decoded(script))),
            script: Script(script),
            root_volume: mapping.and_then(read_root),
            metadata: data
                .metadata_options
                .as_ref()
                .map_or_else(unset, read_metadata),
            monitoring: data
                .monitoring
                .and_then(|is| is.enabled)
                .unwrap_or_default(),
            credits: credits.as_deref().and_then(Credits::read),
        }
    }

    /// As AWS takes it. `all` are the template's tags: what is started from it gets those that are no mark.
    pub(super) fn request(&self, all: &Tags) -> RequestLaunchTemplateData {
        let tags = member_tags(all);
        let on = |kind: ResourceType| {
            LaunchTemplateTagSpecificationRequest::builder()
                .resource_type(kind)
                .set_tags(Some(tag_list(&tags)))
                .build()
        };
        let groups = &self.security_groups;
        let root = self.root_volume.as_ref();
        RequestLaunchTemplateData::builder()
            .image_id(&self.image.id)
            .instance_type(self.r#type.as_str().into())
            .set_security_group_ids((!groups.is_empty()).then(|| groups.clone()))
            .set_iam_instance_profile(self.instance_profile.as_deref().map(profile))
            .set_key_name(self.key_pair.clone())
            .set_user_data(self.script.0.clone())
            .set_block_device_mappings(root.map(|root| vec![device(root, &self.image.root_device)]))
            .metadata_options(metadata(&self.metadata))
            .monitoring(
                LaunchTemplatesMonitoringRequest::builder()
                    .enabled(self.monitoring)
                    .build(),
            )
            .set_credit_specification(self.credits.map(|credits| {
                CreditSpecificationRequest::builder()
                    .cpu_credits(credits.word())
                    .build()
            }))
            .tag_specifications(on(ResourceType::Instance))
            .tag_specifications(on(ResourceType::Volume))
            .build()
    }

    /// The description of a version: the only place where its image's family can be told together with it.
    pub(super) fn description(&self) -> Option<String> {
        self.image.family.clone()
    }

    /// What tells it from any other, for client tokens.
    pub(super) fn digest(&self) -> String {
        let said = serde_json::to_string(self).unwrap_or_default();
        terrace_core::mark::digest(&[&said, self.script.0.as_deref().unwrap_or_default()])
    }
}

fn decoded(script: &str) -> String {
    let bytes = base64::decode(script).unwrap_or_else(|_| script.as_bytes().to_vec());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn read_root(mapping: LaunchTemplateBlockDeviceMapping) -> Option<RootVolume> {
    let disk = mapping.ebs?;
    Some(RootVolume {
        size: disk.volume_size,
        r#type: DiskType::read(disk.volume_type?.as_str())?,
        iops: disk.iops,
        throughput: disk.throughput,
        encrypted: disk.encrypted.unwrap_or_default(),
    })
}

fn device(want: &RootVolume, device: &str) -> LaunchTemplateBlockDeviceMappingRequest {
    let disk = LaunchTemplateEbsBlockDeviceRequest::builder()
        .set_volume_size(want.size)
        .volume_type(VolumeType::from(want.r#type.word()))
        .set_iops(want.iops)
        .set_throughput(want.throughput)
        .encrypted(want.encrypted)
        .delete_on_termination(true);
    LaunchTemplateBlockDeviceMappingRequest::builder()
        .device_name(device)
        .ebs(disk.build())
        .build()
}

fn profile(profile: &str) -> LaunchTemplateIamInstanceProfileSpecificationRequest {
    let named = LaunchTemplateIamInstanceProfileSpecificationRequest::builder();
    if profile.starts_with("arn:") {
        named.arn(profile).build()
    } else {
        named.name(profile).build()
    }
}

/// What AWS makes of options that a template leaves out.
fn unset() -> Metadata {
    Metadata {
        http_tokens: HttpTokens::Optional,
        ..Metadata::default()
    }
}

fn read_metadata(is: &LaunchTemplateInstanceMetadataOptions) -> Metadata {
    let disabled = LaunchTemplateInstanceMetadataEndpointState::Disabled;
    let required = LaunchTemplateHttpTokensState::Required;
    let enabled = LaunchTemplateInstanceMetadataTagsState::Enabled;
    Metadata {
        enabled: is.http_endpoint != Some(disabled),
        http_tokens: if is.http_tokens == Some(required) {
            HttpTokens::Required
        } else {
            HttpTokens::Optional
        },
        hop_limit: is.http_put_response_hop_limit.unwrap_or(1),
        tags: is.instance_metadata_tags == Some(enabled),
    }
}

fn metadata(want: &Metadata) -> LaunchTemplateInstanceMetadataOptionsRequest {
    let endpoint = if want.enabled {
        LaunchTemplateInstanceMetadataEndpointState::Enabled
    } else {
        LaunchTemplateInstanceMetadataEndpointState::Disabled
    };
    let tags = if want.tags {
        LaunchTemplateInstanceMetadataTagsState::Enabled
    } else {
        LaunchTemplateInstanceMetadataTagsState::Disabled
    };
    LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(endpoint)
        .http_tokens(match want.http_tokens {
            HttpTokens::Required => LaunchTemplateHttpTokensState::Required,
            HttpTokens::Optional => LaunchTemplateHttpTokensState::Optional,
        })
        .http_put_response_hop_limit(want.hop_limit)
        .instance_metadata_tags(tags)
        .build()
}
