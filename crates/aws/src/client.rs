//! How AWS is reached: credentials as AWS users have them, one client a service, no retries of the
//! SDK's own.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::{Builder, tls};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::mark::Identity;

use crate::bucket::Bucket;
use crate::door::{Door, Op};
use crate::former::Formers;
use crate::kinds::acm::certificate::far::Far;
use crate::timing::Timing;
use crate::whole::Whole;

/// Where to connect, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The home region.
    pub region: String,
    /// An endpoint in place of AWS's: the sandbox's, or one given by hand.
    pub endpoint: Option<String>,
    /// The sandbox's account: its credentials are made from it, and the user's are never looked at.
    pub sandbox_account: Option<String>,
}

/// Everything a kind needs to reach AWS in one region.
#[derive(Debug)]
pub struct Aws {
    /// The stack and where it stands.
    pub identity: Identity,
    /// The region these clients speak to.
    pub region: String,
    /// The pace of waits.
    pub timing: Timing,
    /// Certificate Manager.
    pub acm: aws_sdk_acm::Client,
    /// EC2 Auto Scaling.
    pub autoscaling: aws_sdk_autoscaling::Client,
    /// CloudFront.
    pub cloudfront: aws_sdk_cloudfront::Client,
    /// CloudWatch.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// Elastic Load Balancing, version 2.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// KMS.
    pub kms: aws_sdk_kms::Client,
    /// RDS.
    pub rds: aws_sdk_rds::Client,
    /// Route 53.
    pub route53: aws_sdk_route53::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// Resource Groups Tagging.
    pub tagging: aws_sdk_resourcegroupstagging::Client,
    /// Security Token Service.
    pub sts: aws_sdk_sts::Client,
    /// What the stack was called before.
    pub formers: Formers,
    /// Whether the index of tags is believed in what it can be believed.
    pub(crate) indexed: bool,
    /// The account's bucket, once it was found.
    pub(crate) bucket: Arc<OnceLock<Bucket>>,
    /// The certificates of regions far away, as they were seen last.
    pub(crate) far: Arc<Far>,
    door: Door,
    config: SdkConfig,
}

/// The configuration all clients share. Longest wait for one answer: 20 seconds, so that a lease can
/// outlast any call (aws-semantics 5.4).
pub async fn configure(connection: &Connection) -> SdkConfig {
    let http = Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(20));
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(Whole::around(http))
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build())
        .region(Region::new(connection.region.clone()));
    if let Some(endpoint) = &connection.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(account) = &connection.sandbox_account {
        let key = format!("TERRACE{account}");
        let credentials =
            aws_credential_types::Credentials::new(key, "sandbox", None, None, "sandbox");
        loader = loader.credentials_provider(credentials);
    }
    loader.load().await
}

impl Aws {
    /// Clients for the home region of `identity`.
    pub fn new(config: &SdkConfig, identity: Identity, timing: Timing) -> Self {
        Self::with_door(config, identity, timing, &Door::new(timing))
    }

    fn with_door(config: &SdkConfig, identity: Identity, timing: Timing, door: &Door) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(
            // An endpoint given by hand has no DNS name for every bucket.
            config.endpoint_url().is_some(),
        );
        let region = config.region().map_or(String::new(), ToString::to_string);
        Self {
            door: door.in_region(&region),
            identity,
            region,
            timing,
            acm: aws_sdk_acm::Client::new(config),
            autoscaling: aws_sdk_autoscaling::Client::new(config),
            cloudfront: aws_sdk_cloudfront::Client::new(config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(config),
            ec2: aws_sdk_ec2::Client::new(config),
            elb: aws_sdk_elasticloadbalancingv2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            kms: aws_sdk_kms::Client::new(config),
            rds: aws_sdk_rds::Client::new(config),
            route53: aws_sdk_route53::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            sns: aws_sdk_sns::Client::new(config),
            ssm: aws_sdk_ssm::Client::new(config),
            tagging: aws_sdk_resourcegroupstagging::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            formers: Formers::new(),
            indexed: true,
            bucket: Arc::default(),
            far: Arc::default(),
            config: config.clone(),
        }
    }

    /// The same in another region, by the same doors.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let config = self
            .config
            .clone()
            .into_builder()
            .region(Region::new(region.to_owned()))
            .build();
        self.with(&config, self.identity.clone(), self.formers.clone())
    }

    /// The same for a stack that was called so before.
    #[must_use]
    pub fn formerly(&self, formers: Formers) -> Self {
        self.with(&self.config, self.identity.clone(), formers)
    }

    /// The same under another name of the stack. All its names stay known.
    #[must_use]
    pub fn called(&self, stack: &str) -> Self {
        let mut formers = self.formers.clone();
        formers.remove(stack);
        formers.insert(self.identity.stack.clone(), None);
        let identity = Identity {
            stack: stack.to_owned(),
            ..self.identity.clone()
        };
        self.with(&self.config, identity, formers)
    }

    /// The same, which asks every service itself for its tags: for a run that does something to all it finds, and
    /// would have to ask in the end.
    #[must_use]
    pub fn without_index(&self) -> Self {
        let same = self.with(&self.config, self.identity.clone(), self.formers.clone());
        Self {
            indexed: false,
            ..same
        }
    }

    fn with(&self, config: &SdkConfig, identity: Identity, formers: Formers) -> Self {
        Self {
            formers,
            indexed: self.indexed,
            bucket: Arc::clone(&self.bucket),
            far: Arc::clone(&self.far),
            ..Self::with_door(config, identity, self.timing, &self.door)
        }
    }

    /// A client of S3 for another region.
    pub(crate) fn s3_in(&self, region: &str) -> aws_sdk_s3::Client {
        let config = self
            .s3
            .config()
            .to_builder()
            .region(Region::new(region.to_owned()));
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// The index of tags of another region.
    pub(crate) fn tagging_in(&self, region: &str) -> aws_sdk_resourcegroupstagging::Client {
        let config = self.tagging.config().to_builder();
        let config = config.region(Region::new(region.to_owned()));
        aws_sdk_resourcegroupstagging::Client::from_conf(config.build())
    }

    /// The doors.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// A read; see [`Door::read`].
    pub async fn read<T, E, F, Fut>(&self, action: &'static str, call: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E>>>,
        E: ErrorMetadata,
    {
        self.door.read(action, call).await
    }

    /// A mutation; see [`Door::mutate`].
    pub async fn mutate<T, E, F, Fut>(&self, op: Op, call: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = std::result::Result<T, SdkError<E>>>,
        E: ErrorMetadata,
    {
        self.door.mutate(op, call).await
    }

    /// Looks again and again until `look` finds something: for what must end before the next call of
    /// the same change. All other waiting is the engine's.
    pub async fn until<T, F, Fut>(&self, minutes: f64, what: &str, look: F) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Option<T>>>,
    {
        let mut attempt = 0;
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if !self.timing.patient(attempt, minutes) {
                let message = format!("{what} takes far longer than usual");
                return Err(CloudError::new(
                    "terrace:wait",
                    ErrorClass::Unknown,
                    message,
                ));
            }
            tokio::time::sleep(self.timing.poll(attempt, minutes)).await;
            attempt += 1;
        }
    }

    /// Takes "it is not there" for the success that it is to a deletion.
    pub fn gone<T>(&self, answer: Result<T>) -> Result<()> {
        match answer {
            Err(error) if error.class == ErrorClass::NotFound => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// The ARN of something in this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let partition = match &self.region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!(
            "arn:{partition}:{service}:{}:{}:{resource}",
            self.region, self.identity.account
        )
    }

    /// The tag value of the stack at hand.
    pub fn owner(&self) -> String {
        self.identity.owner()
    }
}

/// The SDK's error with its usual response.
pub type SdkError<E> = aws_smithy_runtime_api::client::result::SdkError<
    E,
    aws_smithy_runtime_api::client::orchestrator::HttpResponse,
>;

/// What every operation's error can say of itself.
pub trait ErrorMetadata:
    aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static
{
}
impl<E> ErrorMetadata for E where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static
{
}

/// An answer without what it must hold.
pub fn missing(action: &str, what: &str) -> CloudError {
    CloudError::new(
        action,
        ErrorClass::Unknown,
        format!("the answer holds no {what}"),
    )
}

/// Who the credentials belong to (rule R18: checked before anything else).
pub async fn account(config: &SdkConfig, timing: Timing) -> Result<String> {
    let sts = aws_sdk_sts::Client::new(config);
    let door = Door::new(timing);
    let answer = door
        .read("sts:GetCallerIdentity", || sts.get_caller_identity().send())
        .await;
    let answer = answer.map_err(|error| match error.class {
        // What is wrong with the credentials it says itself.
        ErrorClass::Unsent if error.code.is_none() => error.hinted(unreached(config)),
        ErrorClass::Unknown => error.hinted(unreached(config)),
        _ => error,
    })?;
    answer
        .account
        .ok_or_else(|| missing("sts:GetCallerIdentity", "account"))
}

/// What to look at when AWS cannot be reached at all.
fn unreached(config: &SdkConfig) -> String {
    let region = config.region().map_or("none", Region::as_ref);
    match config.endpoint_url() {
        Some(endpoint) => format!("look whether anything answers at {endpoint}"),
        None => format!(
            "look whether this machine has a network, and whether `{region}` is a region of AWS's: \
             `curl -I https://sts.{region}.amazonaws.com`"
        ),
    }
}
