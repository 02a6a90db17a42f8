//! From the SDK's errors to ours: by the wire's code, and by where a call broke off.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use terrace_core::error::{CloudError, ErrorClass};

use crate::{caller, served};

/// Codes that mean "too many calls" for any service (aws-semantics 7.2). Mostly HTTP 400, so the
/// status says nothing.
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "EC2ThrottledException",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    // Auto Scaling: another change of the same group is being carried out.
    "ResourceContention",
];

const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthFailure",
    "OptInRequired",
];

const IN_USE: &[&str] = &[
    "DependencyViolation",
    "DeleteConflict",
    "ResourceInUse",
    "ResourceInUseException",
    "VolumeInUse",
    "InvalidDBSubnetGroupStateFault",
    "InvalidDBParameterGroupState",
    "HostedZoneNotEmpty",
    "BucketNotEmpty",
    "OriginAccessControlInUse",
    "InvalidIPAddress.InUse",
    "Resource.AlreadyAssociated",
    "Resource.AlreadyAssigned",
];

const UNCERTAIN: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "Unavailable",
    "ServiceUnavailable",
    "RequestTimeout",
    // Of a target's health (API reference, DescribeTargetHealth).
    "HealthUnavailable",
];

fn class_of_code(code: &str) -> ErrorClass {
    let not_found = code.ends_with("NotFound")
        || code.ends_with("NotFoundFault")
        || code.ends_with("NotFoundException")
        || code.starts_with("NoSuch")
        || code == "Gateway.NotAttached"
        || code == "ResourceNotFoundException";
    let conflict = code.contains("AlreadyExists")
        || code.ends_with(".Duplicate")
        || code == "RouteAlreadyExists"
        || code == "InvalidSubnet.Conflict"
        || code == "ResourceExistsException"
        || code == "PreconditionFailed"
        || code == "ConditionalRequestConflict";
    let quota = code.contains("LimitExceeded")
        || code.contains("QuotaExceeded")
        || code.starts_with("Insufficient")
        || code.starts_with("TooMany");
    match code {
        _ if THROTTLED.contains(&code) => ErrorClass::Throttled,
        _ if DENIED.contains(&code) => ErrorClass::Denied,
        _ if IN_USE.contains(&code) => ErrorClass::InUse,
        _ if UNCERTAIN.contains(&code) => ErrorClass::Unknown,
        "IdempotentParameterMismatch" => ErrorClass::Spent,
        _ if not_found => ErrorClass::NotFound,
        _ if conflict => ErrorClass::Conflict,
        _ if quota => ErrorClass::Quota,
        _ => ErrorClass::Invalid,
    }
}

/// Reads any error of any SDK crate.
pub fn read<E>(action: &str, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut read = CloudError::new(action, class(error), message(error));
    read.code = error.meta().code().map(str::to_owned);
    read.request_id = error.request_id().map(str::to_owned);
    let served = error
        .raw_response()
        .and_then(|raw| served::date(raw.headers()));
    caller::judge(&mut read, served);
    match credentials(error) {
        Some(CredentialsError::CredentialsNotLoaded(_)) => {
            read.class = ErrorClass::Caller;
            read.code = Some(NO_CREDENTIALS.to_owned());
            read.message = format!("no AWS credentials were found ({})", read.message);
            read.hints.push(
                "tried: environment, profile (AWS_PROFILE), SSO, web identity, process, instance role"
                    .to_owned(),
            );
            read.hints.push(
                "`aws sts get-caller-identity` shows whether the AWS CLI finds any; `--sandbox` needs none"
                    .to_owned(),
            );
        }
        // Whoever gives them out may be hard to reach for a moment.
        Some(_) => {
            read.class = ErrorClass::Unsent;
            read.code = Some(NO_CREDENTIALS.to_owned());
            read.message = format!("the AWS credentials cannot be had ({})", read.message);
            read.hints.push(
                "look at AWS_PROFILE, or sign in anew, as by `aws sso login`, and run this again"
                    .to_owned(),
            );
        }
        None => {}
    }
    if read.class == ErrorClass::Denied {
        read.hints
            .push(format!("the caller needs the permission `{action}`"));
    }
    read
}

fn class<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ErrorClass {
    match error {
        SdkError::ServiceError(service) => match service.err().code() {
            Some(code) => class_of_code(code),
            // The answer to a HEAD has no body, and its status is all that AWS says.
            None if service.raw().status().as_u16() == 404 => ErrorClass::NotFound,
            None if service.raw().status().as_u16() == 403 => ErrorClass::Denied,
            None if service.raw().status().as_u16() == 400 && is_silent(service.raw()) => {
                ErrorClass::Invalid
            }
            // Else an answer without a code is no word of AWS's: a proxy's page, a crash.
            None => ErrorClass::Unknown,
        },
        SdkError::ConstructionFailure(_) => ErrorClass::Unsent,
        SdkError::DispatchFailure(failure) => {
            let never = failure.as_connector_error().is_none_or(|connector| {
                connector.source().is_some_and(refused) || connector.is_user()
            });
            if never {
                ErrorClass::Unsent
            } else {
                ErrorClass::Unknown
            }
        }
        _ => ErrorClass::Unknown,
    }
}

/// Whether an answer has no body.
fn is_silent(answer: &HttpResponse) -> bool {
    answer.body().bytes().is_some_and(<[u8]>::is_empty)
}

/// Reads an error that stands inside a good answer, as batches have it.
pub fn inside(action: &str, code: &str, message: &str) -> CloudError {
    let mut read = CloudError::new(action, class_of_code(code), message);
    read.code = Some(code.to_owned());
    read
}

/// Our code for a call that was not signed.
const NO_CREDENTIALS: &str = "NoCredentials";

/// Why there was nobody to sign the call as.
fn credentials<E>(error: &SdkError<E, HttpResponse>) -> Option<&CredentialsError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(found) = cause {
        if let Some(found) = found.downcast_ref() {
            return Some(found);
        }
        cause = found.source();
    }
    None
}

/// Whether the connection was never made.
fn refused(mut error: &(dyn Error + 'static)) -> bool {
    loop {
        if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return client.is_connect();
        }
        match error.source() {
            Some(source) => error = source,
            None => return false,
        }
    }
}

fn message<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(message) = error.meta().message() {
        return message.to_owned();
    }
    // The SDK's own words say little; the innermost cause says what happened.
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match error {
        SdkError::DispatchFailure(_) if class(error) == ErrorClass::Unsent => {
            format!("no connection: {cause}")
        }
        SdkError::DispatchFailure(_) => format!("no answer: {cause}"),
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::ResponseError(_) => format!("the answer broke off: {cause}"),
        // A success that cannot be read.
        SdkError::ServiceError(service) if service.raw().status().is_success() => {
            format!("the answer broke off: {cause}")
        }
        _ => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for (code, class) in [
            ("RequestLimitExceeded", ErrorClass::Throttled),
            ("VpcLimitExceeded", ErrorClass::Quota),
            ("InvalidVpcID.NotFound", ErrorClass::NotFound),
            ("DBInstanceNotFound", ErrorClass::NotFound),
            ("DBSubnetGroupAlreadyExists", ErrorClass::Conflict),
            ("InvalidGroup.Duplicate", ErrorClass::Conflict),
            ("DependencyViolation", ErrorClass::InUse),
            ("UnauthorizedOperation", ErrorClass::Denied),
            ("InternalError", ErrorClass::Unknown),
            ("IdempotentParameterMismatch", ErrorClass::Spent),
            ("InvalidParameterValue", ErrorClass::Invalid),
        ] {
            assert_eq!(class_of_code(code), class, "{code}");
        }
    }
}
