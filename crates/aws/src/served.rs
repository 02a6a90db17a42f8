//! When an answer was given, by AWS's own clock: this machine's may be wrong, and the age of another's lock must
//! not depend on that (aws-semantics 5.4).

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

/// Remembers the `Date` of the last answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    at: Arc<Mutex<Option<i64>>>,
}

impl Served {
    /// In seconds since 1970; none if no answer said.
    pub(crate) fn at(&self) -> Option<i64> {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok());
        if let Some(date) = date {
            *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(date.secs());
        }
        Ok(())
    }
}
