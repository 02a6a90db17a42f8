//! What the kinds of IAM share: the path that tells ours, tags, documents.

use aws_sdk_iam::types::Tag;
use serde_json::Value;
use terrace_core::canon::policy;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mark::{Identity, Tags};

use crate::names::{invalid, partition};

/// Where the paths of all stacks begin.
pub(crate) const ROOT: &str = "/terrace/";

/// The path of everything of a stack and environment: IAM lists by it, and by nothing else.
pub(crate) fn path(identity: &Identity) -> String {
    format!("{ROOT}{}/", identity.owner())
}

/// The ARN of what has this name in our path.
pub(crate) fn arn(identity: &Identity, kind: &str, name: &str) -> String {
    let (partition, account) = (partition(&identity.region), &identity.account);
    format!(
        "arn:{partition}:iam::{account}:{kind}{}{name}",
        path(identity)
    )
}

/// IAM's list of tags as a map.
pub(crate) fn tags(list: Option<Vec<Tag>>) -> Tags {
    list.unwrap_or_default()
        .into_iter()
        .map(|tag| (tag.key, tag.value))
        .collect()
}

/// Tags for a call.
pub(crate) fn tag_list(action: &'static str, tags: &Tags) -> Result<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter()
        .map(tag)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| invalid(action, error))
}

/// A policy document as IAM gives it: in the encoding of URLs.
pub(crate) fn document(action: &str, text: &str) -> Result<Value> {
    let text = if text.starts_with('{') {
        text.to_owned()
    } else {
        decode(text)
    };
    policy::read(&text).map_err(|error| {
        let message = format!("a policy document that is no JSON: {error}");
        CloudError::new(action, ErrorClass::Unknown, message)
    })
}

/// Undoes the encoding of URLs (RFC 3986).
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) if *byte == b'%' => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn documents_are_decoded() {
        assert_eq!(
            decode("%7B%22a%22%3A%20%22%C3%A9%2B100%25%22%7D"),
            "{\"a\": \"é+100%\"}"
        );
        let encoded = document("iam:GetRole", "%7B%22Statement%22%3A%5B%5D%7D").unwrap();
        assert_eq!(
            encoded,
            document("iam:GetRole", "{\"Statement\":[]}").unwrap()
        );
        assert!(document("iam:GetRole", "%7B").is_err());
    }
}
