//! A bucket: files by name, as many as there are (aws-semantics 3.24).

mod check;
mod empty;
mod events;
mod find;
mod guard;
mod lifecycle;
mod live;
mod make;
mod site;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::canon::Policy;
use terrace_core::canon::policy::{self, Written};
use terrace_core::error::Result;
use terrace_core::fields::{Fields, Part, Verdict};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Impact, Kind, Leave, LiveRef, Objection, Outputs, Ready, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::sketch::{Icon, Sketch};

use self::events::{Logging, Notification, Notified};
use self::guard::{Encryption, ObjectLock, Open, Ownership, PublicAccessBlock};
use self::lifecycle::Rule;
pub use self::live::S3BucketLive;
use self::site::{Cors, Website};
use super::shared::of;
use crate::client::Aws;
use crate::door::Op;
use crate::lookups::kms_key::KmsKey;
use crate::names::only;

/// A bucket: files by name, as many as there are.
pub struct S3Bucket;

/// A bucket: files by name, as many as there are, each up to 5 TB. Nobody outside the account reaches
/// what is in it, unless its policy says so.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct S3BucketSpec {
    /// Its name: 3 to 63 lower-case letters, digits, dashes and dots, that no other bucket in the whole
    /// world has. Absent: made from the stack's and its own. A bucket keeps its name.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "a bucket keeps its name"))]
    pub name: Option<String>,
    /// Whether what is overwritten or deleted is kept as an old version. Switched off again, it keeps
    /// those it has.
    #[serde(default)]
    pub versioning: bool,
    /// What becomes of old objects, versions and unfinished uploads, by a name of your own for each rule.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "old": { "noncurrent": { "expire": "90d" } }, "raw": { "prefix": "raw/", "tags": { "kept": "no" }, "expire": "3d" } },
        { "old": { "transitions": { "standard_ia": "30d", "glacier": "90d" }, "abort_uploads": "7d" } },
    ]))]
    pub lifecycle: IndexMap<String, Rule>,
    /// Who may do what with it, beside those in the account who may anyway; `{{ self.arn }}` is the
    /// bucket's own ARN. Absent: nobody.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "statements": [{
            "sid": "Encrypted", "effect": "Deny", "principals": "*", "actions": "s3:*",
            "resources": ["{{ self.arn }}", "{{ self.arn }}/*"],
            "conditions": { "Bool": { "aws:SecureTransport": "false" } },
        }] },
        { "statements": [{
            "principals": { "service": "cloudfront.amazonaws.com" }, "actions": "s3:GetObject", "resources": "{{ self.arn }}/*",
        }] },
    ]))]
    pub policy: Option<Policy>,
    /// What keeps the public out, whatever a policy says: four switches, all on. A public website needs
    /// `{ block_public_policy = false, restrict_public_buckets = false }`.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "block_public_policy": false, "restrict_public_buckets": false }]))]
    pub public_access_block: PublicAccessBlock,
    /// Whose the objects are that others put in.
    #[serde(default)]
    pub ownership: Ownership,
    /// The key that encrypts what is put in from now on. Absent: S3's own (AES256), for free.
    #[serde(default)]
    #[schemars(extend("examples" = ["arn:aws:kms:eu-west-3:123456789012:key/0f0e0d0c-0b0a-0908-0706-050403020100"]))]
    pub kms_key: Option<Ref<KmsKey>>,
    /// Whether KMS is asked once for many objects, not for each, which costs far less. Without `kms_key` it
    /// means nothing.
    #[serde(default = "yes")]
    pub bucket_key: bool,
    /// Objects that nobody can delete or overwrite for a while: `{ mode = "governance", retention = "30d" }`,
    /// or `{}` where each says for itself. Absent: none; but once on, it stays on.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "what is locked cannot be deleted"))]
    pub object_lock: Option<ObjectLock>,
    /// Pages of which other sites may ask it from within a browser; the first rule that fits holds.
    #[serde(default)]
    #[schemars(extend("examples" = [
        [{ "origins": ["https://www.example.com"], "methods": ["GET", "PUT"], "headers": ["*"], "max_age": "1h" }],
        [{ "origins": ["*"], "methods": ["GET"], "expose": ["ETag"] }],
    ]))]
    pub cors: Vec<Cors>,
    /// A website that S3 serves by itself, over HTTP only; CloudFront before a bucket needs none. Absent: it is
    /// none.
    #[serde(default)]
    #[schemars(extend("examples" = [
        { "index": "index.html", "error": "404.html" },
        { "redirect": { "host": "www.example.com", "protocol": "https" } },
    ]))]
    pub website: Option<Website>,
    /// Where it is written down who asked for what. Absent: nowhere.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "bucket": "s3_bucket.logs", "prefix": "example/" }, { "bucket": "s3_bucket.logs" }]))]
    pub logging: Option<Logging>,
    /// Who is told what happens in it, by a name of your own for each.
    #[serde(default)]
    #[schemars(extend("x-no-law" = "S3 asks each of them whether it may", "examples" = [
        { "thumbnails": { "events": ["s3:ObjectCreated:*"], "suffix": ".jpg", "to": "existing.sns_topic.oncall" } },
    ]))]
    pub notifications: IndexMap<String, Notification>,
    /// Whether EventBridge is told all that happens in it.
    #[serde(default)]
    pub eventbridge: bool,
    /// Whether it is reached from far away by way of CloudFront's network, under a name of its own and at
    /// a price.
    #[serde(default)]
    pub acceleration: bool,
    /// Whether whoever asks pays for it, and not the account.
    #[serde(default)]
    pub requester_pays: bool,
}

fn yes() -> bool {
    true
}

impl Kind for S3Bucket {
    const NAME: &'static str = "s3_bucket";
    const ABOUT: About = About::new(Class::Data, Create::Name, Swap::DeleteFirst)
        .gone_at_once()
        .outputs(&["arn", "name", "dns_name", "website_dns_name"])
        .actions(&[
            "s3:ListAllMyBuckets",
            "s3:ListBucket",
            "s3:GetBucketTagging",
            "tag:GetResources",
            "s3:GetBucketVersioning",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetEncryptionConfiguration",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPolicy",
            "s3:GetLifecycleConfiguration",
            "s3:GetBucketCORS",
            "s3:GetBucketWebsite",
            "s3:GetBucketLogging",
            "s3:GetBucketNotification",
            "s3:GetAccelerateConfiguration",
            "s3:GetBucketRequestPayment",
            "s3:CreateBucket",
            "s3:TagResource",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutBucketObjectLockConfiguration",
            "s3:PutEncryptionConfiguration",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:DeleteBucketPolicy",
            "s3:PutLifecycleConfiguration",
            "s3:PutBucketCORS",
            "s3:PutBucketWebsite",
            "s3:DeleteBucketWebsite",
            "s3:PutBucketLogging",
            "s3:PutBucketNotification",
            "s3:PutAccelerateConfiguration",
            "s3:PutBucketRequestPayment",
            "s3:ListBucketVersions",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:ListBucketMultipartUploads",
            "s3:AbortMultipartUpload",
            "s3:DeleteBucket",
        ]);
    type Cx = Aws;
    type Spec = S3BucketSpec;
    type Live = S3BucketLive;

    fn fields() -> Fields<Self> {
        Fields::<Self>::new()
            .decide(
                "name",
                |want, _| Said::of(&want.name),
                |have| Said::of(&have.id),
                |_, have| {
                    Verdict::Refuse(format!(
                        "a bucket keeps its name; write name = \"{}\", or make another bucket beside \
                         it, copy what is in this one (aws s3 sync), and take this one out",
                        have.id
                    ))
                },
            )
            .update(
                "ownership",
                |want, _| Said::of(want.ownership),
                |have| Said::of(have.guard.ownership),
            )
            .update(
                "public_access_block",
                |want, _| Said::of(want.public_access_block),
                |have| Said::of(have.guard.public_access_block),
            )
            .update(
                "versioning",
                |want, _| Said::of(want.versioning),
                |have| Said::of(have.guard.versioning),
            )
            .decide(
                "object_lock",
                |want, _| maybe(&want.object_lock),
                |have| maybe(&have.guard.object_lock),
                |want, _| match want.object_lock {
                    Some(_) => Verdict::Update(Impact::None),
                    None => Verdict::Refuse("AWS never takes it off a bucket again".to_owned()),
                },
            )
            .update(
                "kms_key",
                |want, known| {
                    Said::or_none(want.kms_key.as_ref().map(|key| known.output(key, "arn")))
                },
                |have| maybe(&have.guard.encryption.kms_key),
            )
            .update(
                "bucket_key",
                |want, _| Said::of(want.kms_key.as_ref().map(|_| want.bucket_key)),
                |have| Said::of(have.guard.encryption.bucket_key),
            )
            .decide(
                "lifecycle",
                |want, _| Said::of(lifecycle::canonical(&want.lifecycle)),
                |have| Said::of(&have.lifecycle),
                |want, have| Verdict::Update(lifecycle::impact(&want.lifecycle, &have.lifecycle)),
            )
            .update("cors", |want, _| Said::of(&want.cors), |have| Said::of(&have.cors))
            .update("website", |want, _| maybe(&want.website), |have| maybe(&have.website))
            .update(
                "acceleration",
                |want, _| Said::of(want.acceleration),
                |have| Said::of(have.guard.acceleration),
            )
            .update(
                "requester_pays",
                |want, _| Said::of(want.requester_pays),
                |have| Said::of(have.guard.requester_pays),
            )
            .update(
                "eventbridge",
                |want, _| Said::of(want.eventbridge),
                |have| Said::of(have.notified.eventbridge),
            )
            .update(
                "policy",
                |want, _| Said::or_none(want.policy.as_ref().map(Written::said)),
                |have| maybe(&have.guard.policy),
            )
            .late()
            .update(
                "logging",
                |want, known| events::logged(want.logging.as_ref(), known),
                |have| maybe(&have.logging),
            )
            .late()
            .update(
                "notifications",
                |want, known| events::told(&want.notifications, known),
                |have| Said::of(&have.notified.notifications),
            )
            .late()
    }

    fn sketch(want: &S3BucketSpec) -> Sketch {
        let sketch = Sketch::station("S3 bucket", Icon::Bucket);
        if want.versioning {
            sketch.note("versioned")
        } else {
            sketch
        }
    }

    fn uses(have: &S3BucketLive) -> Vec<LiveRef> {
        let policy = have.guard.policy.iter().flat_map(policy::names);
        let policy = policy.map(|arn| LiveRef::new("policy", arn));
        let key = have.guard.encryption.kms_key.iter();
        let key = key.map(|arn| LiveRef::new("kms_key", arn));
        let log = have.logging.iter();
        let log = log.map(|log| LiveRef::new("logging", &log.bucket));
        let told = have.notified.notifications.values();
        let told = told.map(|told| LiveRef::new("notifications", &told.to));
        policy.chain(key).chain(log).chain(told).collect()
    }

    fn ready(_have: &S3BucketLive) -> Ready {
        Ready::Ready
    }

    fn check(want: &S3BucketSpec) -> Vec<Objection> {
        check::check(want)
    }

    fn claims(want: &S3BucketSpec) -> Vec<String> {
        want.name
            .iter()
            .map(|name| format!("bucket {name}"))
            .collect()
    }

    fn foretell(want: &S3BucketSpec, mark: &Mark) -> Outputs {
        live::told(&name(want, mark), &mark.identity.region)
    }

    async fn discover(cx: &Aws, look: &Look, seen: &Seen) -> Result<Vec<Found<S3BucketLive>>> {
        let name = match look {
            Look::Ours => return find::ours(cx, seen).await,
            Look::Id(name) => name,
            Look::Like(like) => only(like, Self::NAME, &["name", "id"])?,
        };
        Ok(find::one(cx, name).await?.into_iter().collect())
    }

    async fn create(
        cx: &Aws,
        want: &S3BucketSpec,
        _known: &Known,
        mark: &Mark,
    ) -> Result<S3BucketLive> {
        make::make(cx, want, mark).await
    }

    async fn update(
        cx: &Aws,
        want: &S3BucketSpec,
        have: &S3BucketLive,
        known: &Known,
        part: &Part<'_>,
    ) -> Result<S3BucketLive> {
        let mut live = have.clone();
        let id = have.id.as_str();
        // What lets in or keeps out comes before what is judged by it.
        if part.has("ownership") {
            guard::put_ownership(cx, id, want.ownership).await?;
            live.guard.ownership = want.ownership;
        }
        if part.has("public_access_block") {
            guard::put_block(cx, id, want.public_access_block).await?;
            live.guard.public_access_block = want.public_access_block;
        }
        if part.has("versioning") {
            guard::put_versioning(cx, id, want.versioning).await?;
            live.guard.versioning = want.versioning;
        }
        if let Some(lock) = want
            .object_lock
            .as_ref()
            .filter(|_| part.has("object_lock"))
        {
            guard::put_lock(cx, id, lock).await?;
            live.guard.object_lock = Some(lock.clone());
        }
        if part.has_any(&["kms_key", "bucket_key"]) {
            let key = want
                .kms_key
                .as_ref()
                .map(|key| known.need_output(key, "arn"));
            let encryption = Encryption {
                kms_key: key.transpose()?,
                bucket_key: want.kms_key.is_some() && want.bucket_key,
            };
            guard::put_encryption(cx, id, &encryption).await?;
            live.guard.encryption = encryption;
        }
        if part.has("lifecycle") {
            lifecycle::put(cx, id, &want.lifecycle).await?;
            live.lifecycle = lifecycle::canonical(&want.lifecycle);
        }
        if part.has("cors") {
            site::put_cors(cx, id, &want.cors).await?;
            live.cors.clone_from(&want.cors);
        }
        if part.has("website") {
            site::put_website(cx, id, want.website.as_ref()).await?;
            live.website = json!(want.website);
        }
        if part.has("acceleration") {
            guard::put_acceleration(cx, id, want.acceleration).await?;
            live.guard.acceleration = want.acceleration;
        }
        if part.has("requester_pays") {
            guard::put_payer(cx, id, want.requester_pays).await?;
            live.guard.requester_pays = want.requester_pays;
        }
        if part.has("policy") {
            let open = match want.public_access_block.block_public_policy {
                true => Open::No,
                false => Open::Yes,
            };
            live.guard.policy = guard::put_policy(cx, id, want.policy.as_ref(), open).await?;
        }
        if part.has("logging") {
            live.logging = events::put_logging(cx, id, want.logging.as_ref(), known).await?;
        }
        // One document: what is not to change is written as it is.
        if part.has("notifications") {
            live.notified.notifications = events::need(&want.notifications, known)?;
        }
        if part.has("eventbridge") {
            live.notified.eventbridge = want.eventbridge;
        }
        if part.has_any(&["notifications", "eventbridge"]) {
            events::put_notified(cx, id, &live.notified).await?;
        }
        Ok(live)
    }

    async fn delete(cx: &Aws, have: &S3BucketLive, leave: &Leave) -> Result<()> {
        let id = have.id.as_str();
        // Who writes to it may go on until it is gone, so it is emptied more than once.
        for turn in 0.. {
            let op = Op::again("s3:DeleteBucket").while_busy(&["OperationAborted"], 2.0);
            let call = || of!(cx, id, delete_bucket).send();
            match cx.mutate(op, call).await {
                Err(error) if error.is(&["BucketNotEmpty"]) && turn < EMPTYINGS => {
                    // That it may be emptied was consented to: else there were no deletion.
                    empty::empty(cx, id, |how_far| leave.progress.say(how_far)).await?;
                }
                Err(error) if error.is(&["BucketNotEmpty"]) => {
                    return Err(empty::refilled(cx, id, error).await);
                }
                answer => return cx.gone(answer),
            }
        }
        Ok(())
    }

    async fn tag(cx: &Aws, have: &S3BucketLive, set: &Tags, unset: &[String]) -> Result<()> {
        // One call writes them whole, and refuses to lose those that AWS itself put there: "System Tags
        // cannot be removed by requester" (cloud-custodian #2834).
        let mut all = find::tags_of(cx, &have.id).await?.unwrap_or_default();
        all.retain(|key, _| !unset.contains(key));
        all.extend(set.clone());
        find::put_tags(cx, &have.id, &all).await
    }

    async fn clear(cx: &Aws, have: &S3BucketLive, field: &str) -> Result<()> {
        let id = have.id.as_str();
        match field {
            "policy" => guard::put_policy(cx, id, None, Open::No).await.map(drop),
            "logging" => events::put_logging(cx, id, None, &Known::default())
                .await
                .map(drop),
            _ => events::put_notified(cx, id, &Notified::default()).await,
        }
    }
}

/// How often a bucket is emptied that does not stay empty.
const EMPTYINGS: u32 = 5;

fn maybe(value: &impl Serialize) -> Said {
    Said::or_none(Some(Said::of(value)))
}

fn name(want: &S3BucketSpec, mark: &Mark) -> String {
    want.name.clone().unwrap_or_else(|| mark.name(63))
}
