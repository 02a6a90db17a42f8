//! What becomes of a call at the proxy: the hook for weather, and for tests that watch.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::StatusCode;
use hyper::body::{Body, Bytes, Frame};
use tokio::time::Sleep;

use crate::call::Call;

/// A call as the proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The service as the signature names it: `ec2`, `elasticloadbalancing`; `unsigned` without one.
    pub service: String,
    /// `DescribeVpcs`, or `PUT /{bucket}` where only method and path say it.
    pub action: String,
    /// Whether it only looks.
    pub reads: bool,
}

impl Asked {
    pub(crate) fn of(call: &Call) -> Self {
        Self {
            service: call.service.clone(),
            action: call.action.clone(),
            reads: is_read(&call.action),
        }
    }

    /// `ec2:DescribeVpcs`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.service, self.action)
    }
}

/// By AWS's own verbs, and by HTTP's where method and path are the action.
fn is_read(action: &str) -> bool {
    [
        "Describe", "List", "Get", "Head", "BatchGet", "GET ", "HEAD ",
    ]
    .iter()
    .any(|verb| action.starts_with(verb))
}

/// What happens at the proxy, decided call by call. Also an observer: all that passes is told.
pub trait Weather: Send + Sync + 'static {
    /// What becomes of a call that has just come in.
    fn before(&self, call: &Asked) -> Fate;

    /// The emulator has acted and answered; its answer has not gone out yet.
    fn after(&self, _call: &Asked, _status: u16) {}
}

/// What becomes of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// How long it is held up before anything else.
    pub wait: Duration,
    /// What happens then.
    pub turn: Turn,
}

/// What happens to a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// It is passed on and its answer given.
    #[default]
    Pass,
    /// It is refused with an error of the service, and the emulator never sees it.
    Refuse(Refusal),
    /// The connection is closed without an answer, before the emulator acts.
    LoseBefore,
    /// The emulator acts, and the connection is closed without its answer.
    LoseAfter,
    /// The emulator acts, and the connection is reset.
    Reset,
    /// The answer ends before the length that was announced.
    Cut,
    /// The answer is cut, and its length is right: some middleman has put it together anew.
    CutClean,
    /// The emulator gets it twice, and the second answer is given.
    Twice,
}

impl From<Turn> for Fate {
    fn from(turn: Turn) -> Self {
        Self {
            wait: Duration::ZERO,
            turn,
        }
    }
}

/// An error in the words of the service that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status; most of AWS's errors are 400.
    pub status: StatusCode,
    /// `RequestLimitExceeded`.
    pub code: &'static str,
    /// What people read.
    pub message: String,
    /// When it was, as the answer says: an HTTP date. Without one the proxy says when it is.
    pub date: Option<String>,
}

impl Refusal {
    /// Too many calls, as the service says it (aws-semantics 5.1, 7.2).
    pub fn throttled(call: &Asked) -> Self {
        let (code, status) = match call.service.as_str() {
            "ec2" => ("RequestLimitExceeded", StatusCode::SERVICE_UNAVAILABLE),
            "s3" => ("SlowDown", StatusCode::SERVICE_UNAVAILABLE),
            "ssm" | "secretsmanager" | "acm" | "monitoring" | "kms" => {
                ("ThrottlingException", StatusCode::BAD_REQUEST)
            }
            _ => ("Throttling", StatusCode::BAD_REQUEST),
        };
        Self {
            status,
            code,
            message: "Rate exceeded".to_owned(),
            date: None,
        }
    }

    /// A failure of the service's own: it may have acted or not.
    pub fn broken(call: &Asked) -> Self {
        let (code, status) = match call.service.as_str() {
            "ec2" => ("Unavailable", StatusCode::SERVICE_UNAVAILABLE),
            "s3" => ("InternalError", StatusCode::INTERNAL_SERVER_ERROR),
            _ => ("InternalFailure", StatusCode::INTERNAL_SERVER_ERROR),
        };
        Self {
            status,
            code,
            message: "We encountered an internal error. Please try again.".to_owned(),
            date: None,
        }
    }

    /// The caller lacks the permission.
    pub fn denied(call: &Asked) -> Self {
        let code = match call.service.as_str() {
            "ec2" => "UnauthorizedOperation",
            "ssm" | "secretsmanager" | "acm" | "kms" => "AccessDeniedException",
            _ => "AccessDenied",
        };
        Self {
            status: StatusCode::FORBIDDEN,
            code,
            message: format!(
                "User: arn:aws:iam::123456789012:user/weather is not authorized to perform: {}",
                call.name()
            ),
            date: None,
        }
    }

    /// The caller's credentials were good for a time that is over.
    pub fn expired(call: &Asked) -> Self {
        let (status, code, message) = match call.service.as_str() {
            "ec2" => (400, "RequestExpired", "Request has expired."),
            "s3" => (400, "ExpiredToken", "The provided token has expired."),
            service if JSON.contains(&service) => (400, "ExpiredTokenException", TOKEN_EXPIRED),
            _ => (403, "ExpiredToken", TOKEN_EXPIRED),
        };
        Self::of_caller(status, code, message)
    }

    /// The caller's clock is off: it was `date` at AWS when the call came in.
    pub fn skewed(call: &Asked, date: &str) -> Self {
        let (status, code, message) = match call.service.as_str() {
            // Also said of credentials that have expired (EC2 API reference, error codes).
            "ec2" => (400, "RequestExpired", "Request has expired."),
            "s3" => (403, "RequestTimeTooSkewed", TOO_SKEWED),
            service if JSON.contains(&service) => (400, "InvalidSignatureException", NOT_CURRENT),
            _ => (403, "SignatureDoesNotMatch", NOT_CURRENT),
        };
        Self {
            date: Some(date.to_owned()),
            ..Self::of_caller(status, code, message)
        }
    }

    fn of_caller(status: u16, code: &'static str, message: &str) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
            code,
            message: message.to_owned(),
            date: None,
        }
    }
}

/// Services that speak JSON or its like, by their signing names.
const JSON: [&str; 5] = ["ssm", "secretsmanager", "acm", "kms", "monitoring"];
const TOKEN_EXPIRED: &str = "The security token included in the request is expired";
const NOT_CURRENT: &str =
    "Signature expired: 20260101T000000Z is now earlier than 20260101T000700Z";
const TOO_SKEWED: &str =
    "The difference between the request time and the current time is too large.";

/// How long an answer that is cut stays silent before its connection closes.
const SILENCE: Duration = Duration::from_millis(5);

/// Half an answer, and then a broken connection.
pub(crate) struct Half {
    sent: Option<Bytes>,
    silence: Pin<Box<Sleep>>,
}

impl Half {
    pub(crate) fn of(whole: &Bytes) -> Self {
        Self {
            sent: Some(whole.slice(..whole.len() / 2)),
            silence: Box::pin(tokio::time::sleep(SILENCE)),
        }
    }
}

impl Body for Half {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(sent) = self.sent.take() {
            return Poll::Ready(Some(Ok(Frame::data(sent))));
        }
        // What was sent must be on its way before the connection breaks.
        let broken = || Some(Err("the weather cut the answer".into()));
        self.silence.as_mut().poll(context).map(|()| broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_is_told_from_acting() {
        for action in [
            "DescribeVpcs",
            "ListRoles",
            "GetObject",
            "GET /{bucket}?tagging",
        ] {
            assert!(is_read(action), "{action}");
        }
        for action in [
            "CreateVpc",
            "PutObject",
            "DELETE /{bucket}",
            "ChangeTagsForResource",
        ] {
            assert!(!is_read(action), "{action}");
        }
    }
}
