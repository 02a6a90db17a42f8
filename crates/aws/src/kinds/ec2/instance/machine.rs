//! What an instance and the machines of a group have in common: what they are started with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::canon::Text;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::kind::Objection;
use terrace_core::late::Late;
use terrace_core::mark::{self, Tags};
use terrace_core::reference::Ref;

use super::super::volume::{DiskType, Shape};
use crate::images;
use crate::lookups::image::Image;

/// The disk an instance boots from. It goes with the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RootVolume {
    /// Its size in GiB; that of an instance grows live, and never shrinks. Absent: the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i32>,
    /// Its type.
    pub r#type: DiskType,
    /// Its operations a second; only `gp3`, `io1` and `io2` take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<i32>,
    /// Its throughput in MiB/s; only `gp3` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i32>,
    /// Whether it is encrypted, with the account's default key.
    pub encrypted: bool,
}

impl Default for RootVolume {
    fn default() -> Self {
        Self {
            size: None,
            r#type: DiskType::Gp3,
            iops: None,
            throughput: None,
            encrypted: true,
        }
    }
}

impl RootVolume {
    pub(in crate::kinds::ec2) fn shape(&self) -> Shape {
        Shape {
            size: self.size,
            r#type: self.r#type,
            iops: self.iops,
            throughput: self.throughput,
        }
    }
}

/// How what runs on an instance learns of itself and of its role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    /// Whether that service answers at all.
    pub enabled: bool,
    /// Whether each request must hold a token, which keeps a web application that is tricked into
    /// fetching an address from giving the role away.
    pub http_tokens: HttpTokens,
    /// How many hops its answers live: 2 for containers.
    #[schemars(range(min = 1, max = 64))]
    pub hop_limit: i32,
    /// Whether it tells the instance's tags too.
    pub tags: bool,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            enabled: true,
            http_tokens: HttpTokens::Required,
            hop_limit: 1,
            tags: false,
        }
    }
}

/// Whether each request for metadata must hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpTokens {
    /// It must (IMDSv2).
    Required,
    /// It may (IMDSv1).
    Optional,
}

/// How a burstable instance may exceed its share of the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Credits {
    /// Only by what it saved up.
    Standard,
    /// Always, for a price.
    Unlimited,
}

impl Credits {
    pub(in crate::kinds::ec2) fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Unlimited => "unlimited",
        }
    }

    /// Reads AWS's word.
    pub(in crate::kinds::ec2) fn read(word: &str) -> Option<Self> {
        [Self::Standard, Self::Unlimited]
            .into_iter()
            .find(|credits| credits.word() == word)
    }
}

/// What the TOML says of a machine, as far as it can be judged by itself.
pub(in crate::kinds::ec2) struct Machine<'a> {
    pub(in crate::kinds::ec2) image: &'a Ref<Image>,
    pub(in crate::kinds::ec2) r#type: &'a str,
    pub(in crate::kinds::ec2) root_volume: &'a RootVolume,
    pub(in crate::kinds::ec2) user_data: Option<&'a Late<Text>>,
    pub(in crate::kinds::ec2) metadata: &'a Metadata,
    pub(in crate::kinds::ec2) credits: Option<Credits>,
}

/// What AWS takes of user data, before it is encoded.
const USER_DATA_LIMIT: usize = 16 * 1024;

impl Machine<'_> {
    /// What AWS would refuse.
    pub(in crate::kinds::ec2) fn check(&self) -> Vec<Objection> {
        let mut wrong = self.root_volume.shape().check("root_volume");
        if !self.r#type.contains('.') {
            let message = format!("`{}` is no type of instance", self.r#type);
            wrong.push(Objection::new("type", message).help("one reads like \"t3.small\""));
        }
        wrong.extend(images::check(self.image, self.r#type));
        if let Some(Late::Known(text)) = self.user_data
            && text.as_str().len() > USER_DATA_LIMIT
        {
            let message = format!(
                "{} bytes are more than AWS's {USER_DATA_LIMIT}",
                text.as_str().len()
            );
            wrong.push(
                Objection::new("user_data", message)
                    .help("fetch the rest from a bucket while booting"),
            );
        }
        if !(1..=64).contains(&self.metadata.hop_limit) {
            wrong.push(Objection::new(
                "metadata.hop_limit",
                "a number of hops is between 1 and 64",
            ));
        }
        if self.credits.is_some() && !is_burstable(self.r#type) {
            let message = format!("{} has no processor credits", self.r#type);
            wrong.push(Objection::new("credits", message).help("leave it out"));
        }
        wrong
    }
}

pub(in crate::kinds::ec2) fn is_burstable(machine: &str) -> bool {
    machine.starts_with('t') && machine[1..].starts_with(|c: char| c.is_ascii_digit())
}

/// The text of user data; by the time a hand needs it, it is known.
pub(in crate::kinds::ec2) fn user_data(text: Option<&Late<Text>>) -> Result<Option<&str>> {
    let text = text.map(|text| {
        text.need()
            .map_err(|why| CloudError::new("terrace:resolve", ErrorClass::Invalid, why))
    });
    Ok(text.transpose()?.map(Text::as_str))
}

/// What stands for user data in comparisons: nobody wants to read it there.
pub(in crate::kinds::ec2) fn fingerprint(text: &str) -> String {
    mark::digest(&[text])[..16].to_owned()
}

/// What people are told of user data in a plan.
pub(in crate::kinds::ec2) fn tell_user_data(text: Option<&Late<Text>>) -> String {
    match text {
        Some(Late::Known(text)) => format!("a text of {} bytes", text.as_str().len()),
        _ => "a text".to_owned(),
    }
}

/// On what came with something of ours: with what. It has no mark of its own (rule R16).
const MEMBER: &str = "terrace:member-of";

/// The tags of what comes with a marked resource and has no life of its own, such as a volume or a
/// group's machine: the stack's, so that bills and people find it, but no mark.
pub(in crate::kinds::ec2) fn member_tags(all: &Tags) -> Tags {
    let passes = |(key, _): &(&String, &String)| {
        *key == mark::STACK || !(key.starts_with(mark::OURS) || key.starts_with("aws:"))
    };
    let mut tags: Tags = all
        .iter()
        .filter(passes)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(address) = all.get(mark::ID) {
        tags.insert(MEMBER.to_owned(), address.clone());
    }
    tags
}
