//! When an answer was given, by AWS's own clock: this machine's may be wrong, and the age of another's lock must
//! not depend on that (aws-semantics 5.4). And in which region S3 says the bucket is that was asked for.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use terrace_core::mutex::lock;

/// Remembers what the last answer said beside what was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    said: Arc<Mutex<Said>>,
}

#[derive(Debug, Default)]
struct Said {
    /// `Date`, in seconds since 1970.
    at: Option<i64>,
    /// `x-amz-bucket-region` (S3 API reference, HeadBucket).
    region: Option<String>,
}

impl Served {
    /// In seconds since 1970; none if no answer said.
    pub(crate) fn at(&self) -> Option<i64> {
        self.said().at
    }

    /// The region of the bucket; none if the last answer did not say.
    pub(crate) fn region(&self) -> Option<String> {
        self.said().region.clone()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        lock(&self.said)
    }
}

/// When an answer was given, as its headers say, in seconds since 1970.
pub(crate) fn date(headers: &Headers) -> Option<i64> {
    let date = headers.get("date")?;
    let date = DateTime::from_str(date, Format::HttpDate).ok()?;
    Some(date.secs())
}

impl Intercept for Served {
    fn name(&self) -> &'static str {
        "Served"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        let mut said = self.said();
        said.at = date(headers).or(said.at);
        said.region = headers.get("x-amz-bucket-region").map(str::to_owned);
        Ok(())
    }
}
