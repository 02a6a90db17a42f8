//! A key of KMS, found by its alias, its id or its ARN.

use serde_json::json;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::Look;
use terrace_core::mark::Tags;
use terrace_core::outputs;
use terrace_core::reference::Target;

use super::{LookUpKind, Match};
use crate::client::{Aws, missing};

/// A key of KMS.
pub struct KmsKey;

impl Target for KmsKey {
    const KINDS: &'static [&'static str] = &[KmsKey::NAME];
}

impl LookUpKind for KmsKey {
    const NAME: &'static str = "kms_key";
    const OUTPUTS: &'static [&'static str] = &["arn"];

    async fn find(cx: &Aws, look: &Look) -> Result<Vec<Match>> {
        const ACTION: &str = "kms:DescribeKey";
        let name = match look {
            Look::Ours => return Ok(Vec::new()),
            Look::Id(id) => id.clone(),
            Look::Like(like) => named(like.iter().next().filter(|_| like.len() == 1))?,
        };
        // One call for any of its names. There is none that lists keys with what they are called.
        let answer = match cx
            .read(ACTION, || cx.kms.describe_key().key_id(&name).send())
            .await
        {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(Vec::new()),
            answer => answer?,
        };
        let key = answer.key_metadata.ok_or_else(|| missing(ACTION, "key"))?;
        // A key that is to be deleted encrypts nothing any more.
        if !key.enabled {
            return Ok(Vec::new());
        }
        let arn = key.arn.ok_or_else(|| missing(ACTION, "ARN"))?;
        Ok(vec![Match {
            id: key.key_id,
            outputs: outputs! { "arn" => json!(arn) },
            tags: Tags::new(),
        }])
    }
}

/// What KMS calls the key that a look-up describes.
fn named(property: Option<(&String, &String)>) -> Result<String> {
    match property {
        Some((key, value)) if key == "id" || key == "arn" => Ok(value.clone()),
        Some((key, value)) if key == "alias" || key == "name" => {
            Ok(format!("alias/{}", value.trim_start_matches("alias/")))
        }
        _ => {
            let message = "a `kms_key` is looked up by `alias`, `id` or `arn`";
            Err(CloudError::new(
                "terrace:look-up",
                ErrorClass::Invalid,
                message,
            ))
        }
    }
}
