//! Who may reach what is in a bucket, and how long it stays: public access, ownership, encryption,
//! versions, locks, and the bucket's own policy.

use aws_sdk_s3::types::{
    AccelerateConfiguration, BucketAccelerateStatus, BucketVersioningStatus, DefaultRetention,
    ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, Payer,
    PublicAccessBlockConfiguration, RequestPaymentConfiguration, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    VersioningConfiguration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use terrace_core::canon::{Duration, Policy, policy};
use terrace_core::error::Result;

use super::super::shared::{of, there};
use crate::client::Aws;
use crate::door::Op;
use crate::names::invalid;
use crate::whole;

/// What keeps the public out, whatever a policy or an object's own list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicAccessBlock {
    /// Whether lists that let the public in are refused.
    #[serde(default = "yes")]
    pub block_public_acls: bool,
    /// Whether those that are there count for nothing.
    #[serde(default = "yes")]
    pub ignore_public_acls: bool,
    /// Whether a policy that lets the public in is refused.
    #[serde(default = "yes")]
    pub block_public_policy: bool,
    /// Whether one that is there lets in nobody but this account and AWS's services.
    #[serde(default = "yes")]
    pub restrict_public_buckets: bool,
}

fn yes() -> bool {
    true
}

impl Default for PublicAccessBlock {
    fn default() -> Self {
        Self {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        }
    }
}

/// Whose the objects are that others put in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// The bucket's owner's, and only policies say who may what.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's owner's, if whoever puts one in says so; lists on objects count too. CloudFront's older
    /// logs need it.
    BucketOwnerPreferred,
    /// Theirs who put them in.
    ObjectWriter,
}

/// Objects that nobody can delete or overwrite for a while. Once on, it stays on. It needs `versioning`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectLock {
    /// Who may lift it, for objects that say nothing of their own. Absent: these are not locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<LockMode>,
    /// For how long those are locked, in whole days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Duration>,
}

/// Who may lift a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Whoever has the permission `s3:BypassGovernanceRetention`.
    Governance,
    /// Nobody, not even the account's root user.
    Compliance,
}

/// How what is put in is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Encryption {
    /// The key of KMS; none is S3's own.
    pub(super) kms_key: Option<String>,
    /// Whether KMS is asked once for many objects.
    pub(super) bucket_key: bool,
}

/// How a bucket keeps what is in it, and from whom.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Guard {
    pub(super) versioning: bool,
    pub(super) object_lock: Option<ObjectLock>,
    #[serde(flatten)]
    pub(super) encryption: Encryption,
    pub(super) public_access_block: PublicAccessBlock,
    pub(super) ownership: Ownership,
    pub(super) acceleration: bool,
    pub(super) requester_pays: bool,
    pub(super) policy: Option<Value>,
}

/// All of it as it is. What a bucket has none of is an error whose code says so.
pub(super) async fn read(cx: &Aws, bucket: &str) -> Result<Guard> {
    let (
        versioning,
        object_lock,
        encryption,
        policy,
        public_access_block,
        ownership,
        acceleration,
        requester_pays,
    ) = tokio::try_join!(
        read_versioning(cx, bucket),
        read_lock(cx, bucket),
        read_encryption(cx, bucket),
        read_policy(cx, bucket),
        read_block(cx, bucket),
        read_ownership(cx, bucket),
        read_acceleration(cx, bucket),
        read_payer(cx, bucket),
    )?;
    Ok(Guard {
        versioning,
        object_lock,
        encryption,
        public_access_block,
        ownership,
        acceleration,
        requester_pays,
        policy,
    })
}

async fn read_versioning(cx: &Aws, bucket: &str) -> Result<bool> {
    let call = || of!(cx, bucket, get_bucket_versioning).send();
    let answer = cx.read("s3:GetBucketVersioning", call).await?;
    // Never switched on, it has no status at all; switched off again, it is `Suspended`.
    Ok(answer.status == Some(BucketVersioningStatus::Enabled))
}

/// Switches it on, or suspends it: what is versioned stays versioned.
pub(super) async fn put_versioning(cx: &Aws, bucket: &str, on: bool) -> Result<()> {
    let status = match on {
        true => BucketVersioningStatus::Enabled,
        false => BucketVersioningStatus::Suspended,
    };
    let configuration = VersioningConfiguration::builder().status(status).build();
    let call = || {
        of!(cx, bucket, put_bucket_versioning)
            .versioning_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again("s3:PutBucketVersioning"), call)
        .await
        .map(drop)
}

async fn read_lock(cx: &Aws, bucket: &str) -> Result<Option<ObjectLock>> {
    let call = || of!(cx, bucket, get_object_lock_configuration).send();
    let answer = cx.read("s3:GetBucketObjectLockConfiguration", call).await;
    let answer = there(answer, &["ObjectLockConfigurationNotFoundError"])?;
    let enabled = answer
        .and_then(|answer| answer.object_lock_configuration)
        .filter(|lock| lock.object_lock_enabled == Some(ObjectLockEnabled::Enabled));
    Ok(enabled.map(|lock| {
        let usual = lock.rule.and_then(|rule| rule.default_retention);
        let usual = usual.filter(|usual| usual.mode.is_some());
        let span = |days: i32| u64::try_from(days).ok().filter(|days| *days > 0);
        ObjectLock {
            mode: usual.as_ref().map(|usual| match usual.mode {
                Some(ObjectLockRetentionMode::Compliance) => LockMode::Compliance,
                _ => LockMode::Governance,
            }),
            retention: usual.and_then(|usual| {
                let years = usual.years.and_then(span).map(|years| 365 * years);
                usual.days.and_then(span).or(years).map(Duration::days)
            }),
        }
    }))
}

/// Switches locks on and says how objects are locked that say nothing of their own.
pub(super) async fn put_lock(cx: &Aws, bucket: &str, want: &ObjectLock) -> Result<()> {
    let usual = want.mode.map(|mode| {
        let mode = match mode {
            LockMode::Governance => ObjectLockRetentionMode::Governance,
            LockMode::Compliance => ObjectLockRetentionMode::Compliance,
        };
        let days = want.retention.and_then(Duration::as_days);
        DefaultRetention::builder()
            .mode(mode)
            .set_days(days.and_then(|days| i32::try_from(days).ok()))
            .build()
    });
    let rule = usual.map(|usual| ObjectLockRule::builder().default_retention(usual).build());
    let configuration = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .set_rule(rule)
        .build();
    // That versions are kept may not have got about yet.
    let op =
        Op::again("s3:PutBucketObjectLockConfiguration").while_busy(&["InvalidBucketState"], 2.0);
    let call = || {
        of!(cx, bucket, put_object_lock_configuration)
            .object_lock_configuration(configuration.clone())
            .send()
    };
    cx.mutate(op, call).await.map(drop)
}

async fn read_encryption(cx: &Aws, bucket: &str) -> Result<Encryption> {
    const NONE: &[&str] = &["ServerSideEncryptionConfigurationNotFoundError"];
    let call = || of!(cx, bucket, get_bucket_encryption).send();
    let answer = there(cx.read("s3:GetEncryptionConfiguration", call).await, NONE)?;
    let rules = answer
        .and_then(|answer| answer.server_side_encryption_configuration)
        .map(|configuration| configuration.rules);
    let Some(rule) = rules.and_then(|rules| rules.into_iter().next()) else {
        return Ok(Encryption::default());
    };
    let usual = rule.apply_server_side_encryption_by_default;
    let key = usual.and_then(|usual| match usual.sse_algorithm {
        ServerSideEncryption::Aes256 => None,
        ServerSideEncryption::AwsKms => Some(
            usual
                .kms_master_key_id
                .unwrap_or_else(|| AWS_KEY.to_owned()),
        ),
        // Twice over, which the TOML has no word for.
        other => Some(format!(
            "{} {}",
            other.as_str(),
            usual.kms_master_key_id.unwrap_or_default()
        )),
    });
    Ok(Encryption {
        bucket_key: key.is_some() && rule.bucket_key_enabled.unwrap_or_default(),
        kms_key: key,
    })
}

/// The key that KMS has for S3, where a bucket names none.
const AWS_KEY: &str = "alias/aws/s3";

/// Says how what is put in from now on is encrypted.
pub(super) async fn put_encryption(cx: &Aws, bucket: &str, want: &Encryption) -> Result<()> {
    const ACTION: &str = "s3:PutEncryptionConfiguration";
    let usual = ServerSideEncryptionByDefault::builder();
    let usual = match &want.kms_key {
        Some(key) => usual
            .sse_algorithm(ServerSideEncryption::AwsKms)
            .kms_master_key_id(key),
        None => usual.sse_algorithm(ServerSideEncryption::Aes256),
    };
    let usual = usual.build().map_err(|error| invalid(ACTION, error))?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(usual)
        .bucket_key_enabled(want.bucket_key)
        .build();
    let configuration = ServerSideEncryptionConfiguration::builder().rules(rule);
    let configuration = configuration
        .build()
        .map_err(|error| invalid(ACTION, error))?;
    let call = || {
        of!(cx, bucket, put_bucket_encryption)
            .server_side_encryption_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again(ACTION), call).await.map(drop)
}

async fn read_block(cx: &Aws, bucket: &str) -> Result<PublicAccessBlock> {
    let call = || of!(cx, bucket, get_public_access_block).send();
    let answer = cx.read("s3:GetBucketPublicAccessBlock", call).await;
    let answer = there(answer, &["NoSuchPublicAccessBlockConfiguration"])?;
    let block = answer.and_then(|answer| answer.public_access_block_configuration);
    let says = |switch: fn(&PublicAccessBlockConfiguration) -> Option<bool>| {
        block.as_ref().and_then(switch).unwrap_or_default()
    };
    Ok(PublicAccessBlock {
        block_public_acls: says(|block| block.block_public_acls),
        ignore_public_acls: says(|block| block.ignore_public_acls),
        block_public_policy: says(|block| block.block_public_policy),
        restrict_public_buckets: says(|block| block.restrict_public_buckets),
    })
}

/// Sets the four switches.
pub(super) async fn put_block(cx: &Aws, bucket: &str, want: PublicAccessBlock) -> Result<()> {
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(want.block_public_acls)
        .ignore_public_acls(want.ignore_public_acls)
        .block_public_policy(want.block_public_policy)
        .restrict_public_buckets(want.restrict_public_buckets)
        .build();
    let call = || {
        of!(cx, bucket, put_public_access_block)
            .public_access_block_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again("s3:PutBucketPublicAccessBlock"), call)
        .await
        .map(drop)
}

async fn read_ownership(cx: &Aws, bucket: &str) -> Result<Ownership> {
    let call = || of!(cx, bucket, get_bucket_ownership_controls).send();
    let answer = cx.read("s3:GetBucketOwnershipControls", call).await;
    let answer = there(answer, &["OwnershipControlsNotFoundError"])?;
    let rules = answer
        .and_then(|answer| answer.ownership_controls)
        .map(|controls| controls.rules);
    let first = rules.and_then(|rules| rules.into_iter().next());
    // A bucket from before there were controls says nothing: objects are theirs who put them in.
    Ok(match first.map(|rule| rule.object_ownership) {
        Some(ObjectOwnership::BucketOwnerEnforced) => Ownership::BucketOwnerEnforced,
        Some(ObjectOwnership::BucketOwnerPreferred) => Ownership::BucketOwnerPreferred,
        _ => Ownership::ObjectWriter,
    })
}

/// Says whose objects are.
pub(super) async fn put_ownership(cx: &Aws, bucket: &str, want: Ownership) -> Result<()> {
    const ACTION: &str = "s3:PutBucketOwnershipControls";
    let ownership = match want {
        Ownership::BucketOwnerEnforced => ObjectOwnership::BucketOwnerEnforced,
        Ownership::BucketOwnerPreferred => ObjectOwnership::BucketOwnerPreferred,
        Ownership::ObjectWriter => ObjectOwnership::ObjectWriter,
    };
    let wrong = |error| invalid(ACTION, error);
    let rule = OwnershipControlsRule::builder().object_ownership(ownership);
    let controls = OwnershipControls::builder().rules(rule.build().map_err(wrong)?);
    let controls = controls.build().map_err(wrong)?;
    let call = || {
        of!(cx, bucket, put_bucket_ownership_controls)
            .ownership_controls(controls.clone())
            .send()
    };
    cx.mutate(Op::again(ACTION), call).await.map(drop)
}

async fn read_acceleration(cx: &Aws, bucket: &str) -> Result<bool> {
    // What S3 answers in a region that has none of it (terraform-provider-aws, `aws_s3_bucket`).
    const NONE: &[&str] = &["MethodNotAllowed", "UnsupportedArgument"];
    let call = || of!(cx, bucket, get_bucket_accelerate_configuration).send();
    let answer = there(cx.read("s3:GetAccelerateConfiguration", call).await, NONE)?;
    let status = answer.and_then(|answer| answer.status);
    Ok(status == Some(BucketAccelerateStatus::Enabled))
}

/// Switches it on, or suspends it.
pub(super) async fn put_acceleration(cx: &Aws, bucket: &str, on: bool) -> Result<()> {
    let status = match on {
        true => BucketAccelerateStatus::Enabled,
        false => BucketAccelerateStatus::Suspended,
    };
    let configuration = AccelerateConfiguration::builder().status(status).build();
    let call = || {
        of!(cx, bucket, put_bucket_accelerate_configuration)
            .accelerate_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again("s3:PutAccelerateConfiguration"), call)
        .await
        .map(drop)
}

async fn read_payer(cx: &Aws, bucket: &str) -> Result<bool> {
    let call = || of!(cx, bucket, get_bucket_request_payment).send();
    let answer = cx.read("s3:GetBucketRequestPayment", call).await?;
    Ok(answer.payer == Some(Payer::Requester))
}

/// Says who pays.
pub(super) async fn put_payer(cx: &Aws, bucket: &str, requester: bool) -> Result<()> {
    const ACTION: &str = "s3:PutBucketRequestPayment";
    let payer = match requester {
        true => Payer::Requester,
        false => Payer::BucketOwner,
    };
    let configuration = RequestPaymentConfiguration::builder().payer(payer);
    let configuration = configuration
        .build()
        .map_err(|error| invalid(ACTION, error))?;
    let call = || {
        of!(cx, bucket, put_bucket_request_payment)
            .request_payment_configuration(configuration.clone())
            .send()
    };
    cx.mutate(Op::again(ACTION), call).await.map(drop)
}

async fn read_policy(cx: &Aws, bucket: &str) -> Result<Option<Value>> {
    const ACTION: &str = "s3:GetBucketPolicy";
    // A policy in force is good JSON: one that cannot be read was cut on its way, and is asked for again.
    let call = || async {
        let answer = of!(cx, bucket, get_bucket_policy).send().await?;
        let policy = answer.policy.as_deref().map(policy::read);
        policy.transpose().map_err(|_| whole::early())
    };
    let policy = there(cx.read(ACTION, call).await, &["NoSuchBucketPolicy"])?;
    Ok(policy.flatten())
}

/// Puts a policy in force, or none; `open` says whether it may let the public in.
pub(super) async fn put_policy(
    cx: &Aws,
    bucket: &str,
    want: Option<&Policy>,
    open: Open,
) -> Result<Option<Value>> {
    const ACTION: &str = "s3:PutBucketPolicy";
    /// A role that was made just now is no principal yet.
    const FRESH: &[&str] = &["Invalid principal in policy"];
    /// Nor has it got about yet that the public may be let in.
    const FRESH_AND_OPEN: &[&str] = &["Invalid principal in policy", BLOCKED];
    let Some(want) = want else {
        let call = || of!(cx, bucket, delete_bucket_policy).send();
        let answer = cx.mutate(Op::again("s3:DeleteBucketPolicy"), call).await;
        return there(answer, &["NoSuchBucketPolicy"]).map(|_| None);
    };
    let text = want.send().map_err(|why| invalid(ACTION, why))?;
    let busy = match open {
        Open::Yes => FRESH_AND_OPEN,
        Open::No => FRESH,
    };
    let call = || of!(cx, bucket, put_bucket_policy).policy(&text).send();
    match cx
        .mutate(Op::again(ACTION).while_busy(busy, 2.0), call)
        .await
    {
        Err(error) if error.message.contains(BLOCKED) => Err(error.hinted(
            "it lets the public in: write public_access_block = { block_public_policy = false, \
             restrict_public_buckets = false } if that is meant",
        )),
        answer => answer.map(|_| Some(want.sketch())),
    }
}

/// S3's words for a policy that lets the public in where that is switched off.
const BLOCKED: &str = "BlockPublicPolicy";

/// Whether a policy may let the public in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Open {
    Yes,
    No,
}
