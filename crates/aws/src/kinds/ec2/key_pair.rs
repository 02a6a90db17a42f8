//! The public half of a key for SSH (aws-semantics 3.9).

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::ResourceType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Text;
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::outputs;
use terrace_core::said::Said;
use terrace_core::sketch::Sketch;

use super::shared::{marked, tags};
use crate::client::{Aws, missing};
use crate::door::Op;

/// The public half of a key, for SSH.
pub struct KeyPair;

/// The public half of a key, for SSH. Instances get it when they first start: those that run keep what
/// they have. The private half never leaves your machine.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPairSpec {
    /// The public key as `ssh-keygen` writes it: `{ file = "ops.pub" }`. ED25519 or RSA. The comment at
    /// its end is never compared.
    #[schemars(extend("examples" = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFvNQq3S4wiS7qz2yTsvRJ8ShmObMHMWyVUXWsgCO1uP ops",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHoI4EXYC3mjztFo6NaYw1E/QKC510V2SVZ0ECBhOdfS ops",
    ]))]
    pub public_key: Text,
    /// Its name, which instances give: one of a kind in the region. Derived if absent.
    #[schemars(extend("examples" = ["ops", "deploy"]))]
    pub name: Option<String>,
}

/// A key pair as AWS has it.
#[derive(Clone, Debug, Serialize)]
pub struct KeyPairLive {
    name: String,
    /// What tags hang on; all other calls go by name.
    key_pair_id: String,
    public_key: String,
}

impl Live for KeyPairLive {
    fn id(&self) -> &str {
        &self.name
    }

    fn outputs(&self) -> Outputs {
        outputs! { "name" => json!(self.name) }
    }
}

impl Kind for KeyPair {
    const NAME: &'static str = "key_pair";
    const ABOUT: About = About::new(Class::Stateless, Create::Name, Swap::CreateFirst)
        .gone_at_once()
        .outputs(&["name"])
        .actions(&[
            "ec2:DescribeKeyPairs",
            "ec2:ImportKeyPair",
            "ec2:DeleteKeyPair",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        ]);
    type Cx = Aws;
    type Spec = KeyPairSpec;
    type Live = KeyPairLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .decide(
                "public_key",
                |want, _| Said::of(body(want.public_key.as_str())),
                |have| Said::of(&have.public_key),
                |want, have| match &want.name {
                    // The new one is imported beside the old one, so it needs another name.
                    Some(name) if *name == have.name => {
                        Verdict::Refuse("give it another name too, or leave `name` out".to_owned())
                    }
                    _ => Verdict::Replace,
                },
            )
            .replace(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.name),
            )
    }

    fn sketch(_want: &KeyPairSpec) -> Sketch {
        Sketch::aside("key pair")
    }

    fn uses(_have: &KeyPairLive) -> Vec<LiveRef> {
        Vec::new()
    }

    fn ready(_have: &KeyPairLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &KeyPairSpec) -> Vec<Objection> {
        let text = want.public_key.as_str();
        let known = ["ssh-ed25519", "ssh-rsa"];
        let mut words = text.split_whitespace();
        if words.next().is_some_and(|kind| known.contains(&kind)) && words.next().is_some() {
            return Vec::new();
        }
        let (message, help) = if text.contains("PRIVATE KEY") {
            (
                "this is a private key",
                "keep it to yourself, and name the file that ends in .pub",
            )
        } else {
            (
                "this is no ED25519 or RSA key in OpenSSH's form",
                "one begins with \"ssh-ed25519 \"",
            )
        };
        vec![Objection::new("public_key", message).help(help)]
    }

    fn claims(want: &KeyPairSpec) -> Vec<String> {
        want.name.iter().cloned().collect()
    }

    fn foretell(want: &KeyPairSpec, mark: &Mark) -> Outputs {
        outputs! { "name" => json!(name(want, mark)), "id" => json!(name(want, mark)) }
    }

    async fn discover(cx: &Aws, look: &Look, _seen: &Seen) -> Result<Vec<Found<KeyPairLive>>> {
        const ACTION: &str = "ec2:DescribeKeyPairs";
        let words = [("name", "key-name")];
        let filters = cx.ec2_filters_by(look, "key-name", &words);
        // All in one answer: this call has no pages.
        let answer = cx
            .read(ACTION, || {
                let call = cx.ec2.describe_key_pairs().include_public_key(true);
                call.set_filters(Some(filters.clone())).send()
            })
            .await?;
        let found = |key: aws_sdk_ec2::types::KeyPairInfo| {
            let tags = tags(key.tags.as_deref().unwrap_or_default());
            let live = KeyPairLive {
                name: key.key_name.ok_or_else(|| missing(ACTION, "key name"))?,
                key_pair_id: key
                    .key_pair_id
                    .ok_or_else(|| missing(ACTION, "key pair id"))?,
                public_key: body(&key.public_key.unwrap_or_default()),
            };
            Ok(Found::new(live, tags))
        };
        let pairs = answer.key_pairs.unwrap_or_default();
        pairs.into_iter().map(found).collect()
    }

    async fn create(
        cx: &Aws,
        want: &KeyPairSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<KeyPairLive> {
        const ACTION: &str = "ec2:ImportKeyPair";
        let name = name(want, mark);
        let marked = marked(ResourceType::KeyPair, mark);
        let key = Blob::new(want.public_key.as_str().trim());
        let answer = cx
            .mutate(Op::again(ACTION), || {
                let call = cx.ec2.import_key_pair().key_name(&name);
                let call = call.public_key_material(key.clone());
                call.tag_specifications(marked.clone()).send()
            })
            .await?;
        Ok(KeyPairLive {
            name,
            key_pair_id: answer
                .key_pair_id
                .ok_or_else(|| missing(ACTION, "key pair id"))?,
            public_key: body(want.public_key.as_str()),
        })
    }

    async fn update(
        _cx: &Aws,
        _want: &KeyPairSpec,
        have: &KeyPairLive,
        _known: &Known,
        _part: &Part<'_>,
    ) -> Result<KeyPairLive> {
        // Nothing of it but its tags can be changed.
        Ok(have.clone())
    }

    async fn delete(cx: &Aws, have: &KeyPairLive, _leave: &Leave) -> Result<()> {
        let op = Op::again("ec2:DeleteKeyPair");
        // By id: the name may belong to another one by now.
        let call = || {
            cx.ec2
                .delete_key_pair()
                .key_pair_id(&have.key_pair_id)
                .send()
        };
        cx.gone(cx.mutate(op, call).await)
    }

    async fn tag(cx: &Aws, have: &KeyPairLive, set: &Tags, unset: &[String]) -> Result<()> {
        cx.ec2_tag(&have.key_pair_id, set, unset).await
    }
}

fn name(want: &KeyPairSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(255))
}

/// The type and the key itself: AWS puts a comment of its own at the end.
fn body(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
