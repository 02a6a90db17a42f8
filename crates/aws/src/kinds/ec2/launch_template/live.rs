//! Launch templates as AWS tells of them.

use std::collections::HashMap;

use aws_sdk_ec2::types::{LaunchTemplate, LaunchTemplateVersion};
use terrace_core::error::{ErrorClass, Result};
use terrace_core::inventory::{Found, Look};

use super::super::shared::tags;
use super::LaunchTemplateLive;
use super::content::Content;
use crate::client::{Aws, missing};
use crate::names::invalid;

/// All templates that fit, with the versions that count and the newest ones.
pub(super) async fn find(cx: &Aws, look: &Look) -> Result<Vec<Found<LaunchTemplateLive>>> {
    const ACTION: &str = "ec2:DescribeLaunchTemplates";
    // An id is no filter of this call.
    let id = match look {
        Look::Id(id) => Some(id),
        Look::Like(like) => like.get("id"),
        Look::Ours => None,
    };
    let filters = match id {
        Some(_) => Vec::new(),
        None => cx.ec2_filters_by(look, "", &[("name", "launch-template-name")]),
    };
    let templates = cx
        .read(ACTION, || {
            let call = cx.ec2.describe_launch_templates();
            let call = call.set_launch_template_ids(id.map(|id| vec![id.clone()]));
            let call = call.set_filters((!filters.is_empty()).then(|| filters.clone()));
            let pages = call.into_paginator().page_size(200).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await;
    let templates = match templates {
        Err(error) if error.class == ErrorClass::NotFound => Vec::new(),
        templates => templates?,
    };
    if templates.is_empty() {
        return Ok(Vec::new());
    }
    let mut versions = versions(cx, id).await?;
    let found = templates
        .into_iter()
        .map(|template| read(template, &mut versions));
    found.collect()
}

/// The default and the newest version of one template, or of all in one listing.
async fn versions(
    cx: &Aws,
    id: Option<&String>,
) -> Result<HashMap<String, Vec<LaunchTemplateVersion>>> {
    let versions = cx
        .read("ec2:DescribeLaunchTemplateVersions", || {
            let call = cx.ec2.describe_launch_template_versions();
            let call = call.set_launch_template_id(id.cloned());
            let call = call.versions("$Default").versions("$Latest");
            let pages = call.into_paginator().page_size(200).items().send();
            pages.collect::<std::result::Result<Vec<_>, _>>()
        })
        .await?;
    let mut by_template: HashMap<String, Vec<LaunchTemplateVersion>> = HashMap::new();
    for version in versions {
        let id = version.launch_template_id.clone().unwrap_or_default();
        by_template.entry(id).or_default().push(version);
    }
    Ok(by_template)
}

fn read(
    template: LaunchTemplate,
    versions: &mut HashMap<String, Vec<LaunchTemplateVersion>>,
) -> Result<Found<LaunchTemplateLive>> {
    const ACTION: &str = "ec2:DescribeLaunchTemplateVersions";
    let id = template
        .launch_template_id
        .ok_or_else(|| missing(ACTION, "template id"))?;
    let tags = tags(template.tags.as_deref().unwrap_or_default());
    let (mut counts, mut newer) = (None, None);
    for version in versions.remove(&id).unwrap_or_default() {
        let number = version.version_number.unwrap_or_default();
        let data = version
            .launch_template_data
            .ok_or_else(|| missing(ACTION, "data"))?;
        let content = Content::read(data, version.version_description.as_deref());
        if version.default_version == Some(true) {
            counts = Some((number, content));
        } else {
            newer = Some((number, content));
        }
    }
    let (version, content) =
        counts.ok_or_else(|| invalid(ACTION, format!("{id} has no default version")))?;
    let live = LaunchTemplateLive {
        name: template.launch_template_name.unwrap_or_default(),
        id,
        version,
        content,
        newer,
        tags: tags.clone(),
    };
    Ok(Found::new(live, tags))
}
