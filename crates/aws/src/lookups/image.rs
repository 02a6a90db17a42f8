//! Machine images (aws-semantics 3.11).

use aws_sdk_ec2::types::ArchitectureValues;
use serde_json::json;
use terrace_core::error::Result;
use terrace_core::inventory::Look;
use terrace_core::outputs;
use terrace_core::reference::Target;

use super::{LookUpKind, Match};
use crate::client::{Aws, missing};
use crate::kinds::ec2::shared::{filter, tags};

/// A machine image: one's own, or another's by name and owner.
pub struct Image;

impl Target for Image {
    const KINDS: &'static [&'static str] = &[Self::NAME];
}

/// The filters of DescribeImages: the name is a property, not a tag.
const WORDS: &[(&str, &str)] = &[("name", "name")];

impl LookUpKind for Image {
    const NAME: &'static str = "image";
    const OUTPUTS: &'static [&'static str] = &["name", "architecture"];

    /// By `name` (`*` stands for anything; the newest is taken), `owner` (`self` if it is not said),
    /// `architecture`, `id` or `tags.*`.
    async fn find(cx: &Aws, look: &Look) -> Result<Vec<Match>> {
        const ACTION: &str = "ec2:DescribeImages";
        let mut look = look.clone();
        let owner = match &mut look {
            Look::Like(like) if !like.contains_key("id") => {
                Some(like.remove("owner").unwrap_or_else(|| "self".to_owned()))
            }
            _ => None,
        };
        let mut filters = cx.ec2_filters_by(&look, "image-id", WORDS);
        filters.push(filter("state", "available"));
        let answer = cx
            .read(ACTION, || {
                let call = cx.ec2.describe_images().set_filters(Some(filters.clone()));
                call.set_owners(owner.clone().map(|owner| vec![owner]))
                    .send()
            })
            .await?;
        // Dates are ISO 8601, so their order as text is their order in time.
        let newest = answer
            .images()
            .iter()
            .max_by_key(|image| image.creation_date.clone());
        let found = newest.map(|image| {
            Ok(Match {
                id: image
                    .image_id
                    .clone()
                    .ok_or_else(|| missing(ACTION, "image id"))?,
                outputs: outputs! {
                    "name" => json!(image.name),
                    "architecture" => json!(image.architecture.as_ref().map(ArchitectureValues::as_str)),
                },
                tags: tags(image.tags()),
            })
        });
        found.into_iter().collect()
    }
}
