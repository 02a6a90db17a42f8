//! The one bucket an account has: locks and footprints. Its name can be guessed, so its owner is
//! checked on every call (aws-semantics 5.4).

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use terrace_core::error::{CloudError, ErrorClass, Result};

use crate::client::{Aws, missing};
use crate::door::Op;
use crate::served::Served;

/// The account's bucket, and a client for the region it is in.
#[derive(Clone, Debug)]
pub struct Bucket {
    name: String,
    region: String,
    account: String,
    s3: Client,
    /// Whether it is written to in order to keep a lock.
    of_lock: bool,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its content.
    pub body: Vec<u8>,
    /// Its version, for conditional writes.
    pub etag: String,
    /// How many seconds ago it was written, by S3's clock.
    pub age: f64,
}

/// Under which condition an object is written.
#[derive(Clone, Debug)]
pub enum If {
    /// It is not there.
    Absent,
    /// It is still this version.
    Still(String),
    /// Always.
    Any,
}

impl Bucket {
    /// The name that the bucket of an account has.
    pub(crate) fn name_in(account: &str) -> String {
        format!("terrace-{account}")
    }

    /// The account's bucket, if it is there: in whatever region, as the stack that made it may be of another. Once
    /// found it is where it is: a run asks once.
    pub async fn find(cx: &Aws) -> Result<Option<Self>> {
        if let Some(known) = cx.bucket.get() {
            return Ok(Some(known.clone()));
        }
        let found = Self::look_for(cx).await?;
        // Another may have found it meanwhile, and found the same.
        Ok(found.map(|found| cx.bucket.get_or_init(|| found).clone()))
    }

    async fn look_for(cx: &Aws) -> Result<Option<Self>> {
        let asked = match Self::head(cx, &cx.region, cx.s3.clone()).await? {
            Asked::Elsewhere(region) => Self::head(cx, &region, cx.s3_in(&region)).await?,
            here => here,
        };
        match asked {
            Asked::Here(bucket) => Ok(Some(bucket)),
            Asked::Nowhere => Ok(None),
            Asked::Elsewhere(region) => {
                let message = format!("S3 says that it is in {region}, and there that it is not");
                Err(CloudError::new(
                    "s3:ListBucket",
                    ErrorClass::Unknown,
                    message,
                ))
            }
        }
    }

    /// Asks a region whether the bucket is there.
    async fn head(cx: &Aws, region: &str, s3: Client) -> Result<Asked> {
        let account = cx.identity.account.clone();
        let name = Self::name_in(&account);
        let served = Served::default();
        let head = cx
            .read("s3:ListBucket", || async {
                let call = s3.head_bucket().bucket(&name);
                let call = call.expected_bucket_owner(&account).customize();
                let answer = call.interceptor(served.clone()).send().await;
                // A refusal too says where the bucket is: in another region S3 answers nothing else.
                match served.region().filter(|told| told != region) {
                    Some(elsewhere) => Ok(Some(elsewhere)),
                    None => answer.map(|_| None),
                }
            })
            .await;
        match head {
            Ok(Some(region)) => Ok(Asked::Elsewhere(region)),
            Ok(None) => Ok(Asked::Here(Self {
                name,
                region: region.to_owned(),
                account,
                s3,
                of_lock: false,
            })),
            // A HEAD has no body, hence no code: 404 is all it says.
            Err(error) if error.class == ErrorClass::NotFound => Ok(Asked::Nowhere),
            Err(error) => {
                let error = Self::why(cx, &name, &s3, error).await;
                Err(error.hinted(format!("{name} holds the locks of this account's stacks")))
            }
        }
    }

    /// The same refusal with its code and message, by a call that needs the same permission and has a body.
    async fn why(cx: &Aws, name: &str, s3: &Client, refused: CloudError) -> CloudError {
        let silent = matches!(refused.class, ErrorClass::Denied | ErrorClass::Invalid);
        if refused.code.is_some() || !silent {
            return refused;
        }
        let list = cx
            .read("s3:ListBucket", || {
                let call = s3.list_objects_v2().bucket(name).max_keys(1);
                call.expected_bucket_owner(&cx.identity.account).send()
            })
            .await;
        list.err().unwrap_or(refused)
    }

    /// The account's bucket, made if it is not there.
    pub async fn open(cx: &Aws) -> Result<Self> {
        if let Some(bucket) = Self::find(cx).await? {
            return Ok(bucket);
        }
        let account = cx.identity.account.clone();
        let name = Self::name_in(&account);
        let place = (cx.region != "us-east-1").then(|| {
            let region = BucketLocationConstraint::from(cx.region.as_str());
            CreateBucketConfiguration::builder()
                .location_constraint(region)
                .build()
        });
        let made = cx
            .mutate(
                Op::again("s3:CreateBucket").while_busy(&["OperationAborted"], 2.0),
                || {
                    let call = cx.s3.create_bucket().bucket(&name);
                    call.set_create_bucket_configuration(place.clone()).send()
                },
            )
            .await;
        match made {
            Err(error) if !error.is(&["BucketAlreadyOwnedByYou"]) => {
                Err(error.hinted(format!("the name {name} must belong to this account")))
            }
            _ => Self::find(cx)
                .await?
                .ok_or_else(|| missing("s3:CreateBucket", "bucket")),
        }
    }

    /// The same, for writes that keep a lock: they go out whether or not it still stands.
    pub(crate) fn for_locks(mut self) -> Self {
        self.of_lock = true;
        self
    }

    fn op(&self, action: &'static str) -> Op {
        let op = Op::again(action);
        if self.of_lock { op.of_lock() } else { op }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The region it is in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// An object, `None` if it is not there.
    pub async fn get(&self, cx: &Aws, key: &str) -> Result<Option<Object>> {
        let mut attempt = 0;
        loop {
            match self.read(cx, key).await {
                // The door has repeated the call; what breaks off here is the content that follows.
                Err(error) if error.class == ErrorClass::Unknown && attempt < READS => {
                    tokio::time::sleep(cx.timing.back_off(attempt)).await;
                    attempt += 1;
                }
                end => return end,
            }
        }
    }

    async fn read(&self, cx: &Aws, key: &str) -> Result<Option<Object>> {
        let served = Served::default();
        let answer = cx
            .read("s3:GetObject", || {
                let call = self.s3.get_object().bucket(&self.name).key(key);
                let call = call.expected_bucket_owner(&self.account);
                call.customize().interceptor(served.clone()).send()
            })
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.is(&["NoSuchKey"]) => return Ok(None),
            Err(error) => return Err(error),
        };
        let etag = answer
            .e_tag
            .clone()
            .ok_or_else(|| missing("s3:GetObject", "version"))?;
        let now = served.at().ok_or_else(|| missing("s3:GetObject", "date"))?;
        let written = answer
            .last_modified
            .ok_or_else(|| missing("s3:GetObject", "time of its last change"))?;
        let age = now - written.secs();
        let body = answer.body.collect().await.map_err(|error| {
            let message = format!("the answer broke off: {error}");
            CloudError::new("s3:GetObject", ErrorClass::Unknown, message)
        })?;
        #[expect(clippy::cast_precision_loss, reason = "ages are small")]
        Ok(Some(Object {
            body: body.to_vec(),
            etag,
            age: age.max(0) as f64,
        }))
    }

    /// Writes an object under a condition; its new version, or `None` if the condition does not hold.
    pub async fn put(&self, cx: &Aws, key: &str, body: &str, only: &If) -> Result<Option<String>> {
        let answer = cx
            .mutate(self.op("s3:PutObject"), || {
                let call = self.s3.put_object().bucket(&self.name).key(key);
                let call = call.expected_bucket_owner(&self.account);
                let call = match only {
                    If::Absent => call.if_none_match("*"),
                    If::Still(etag) => call.if_match(etag),
                    If::Any => call,
                };
                call.body(ByteStream::from(body.as_bytes().to_vec())).send()
            })
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer.e_tag.unwrap_or_default())),
            // It may be our own write that is in the way, one whose answer was lost.
            Err(error) if error.is(LOST) => {
                let now = self.get(cx, key).await?;
                let ours = now.filter(|object| object.body == body.as_bytes());
                Ok(ours.map(|object| object.etag))
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes an object if it is still this version; false if it is not.
    pub async fn delete(&self, cx: &Aws, key: &str, etag: &str) -> Result<bool> {
        let answer = cx
            .mutate(self.op("s3:DeleteObject"), || {
                let call = self.s3.delete_object().bucket(&self.name).key(key);
                call.expected_bucket_owner(&self.account)
                    .if_match(etag)
                    .send()
            })
            .await;
        match answer {
            Ok(_) => Ok(true),
            // It may be gone by our own call, one whose answer was lost.
            Err(error) if error.is(LOST) => Ok(self.get(cx, key).await?.is_none()),
            Err(error) => Err(error),
        }
    }
}

/// Where a region says that the bucket is.
enum Asked {
    Here(Bucket),
    Elsewhere(String),
    Nowhere,
}

/// How often an object whose content breaks off is read again.
const READS: u32 = 4;

/// A condition that does not hold, in S3's words.
const LOST: &[&str] = &[
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "NoSuchKey",
];
