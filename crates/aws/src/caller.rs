//! Errors that are about who calls, and not about what is asked for: credentials that have expired or that nobody
//! knows, a clock that is off. Each says so in one sentence, and ends the run: no other call would be taken either.

use std::time::{SystemTime, UNIX_EPOCH};

use terrace_core::error::{CloudError, ErrorClass};

/// The credentials were good once. EC2 says `RequestExpired` of a signature that is too old, too.
const EXPIRED: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "TokenRefreshRequired",
];

/// Nobody has these credentials; where the clock is off, every signature is wrong as well.
const UNKNOWN: &[&str] = &[
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The clock, and nothing else.
const SKEWED: &[&str] = &["RequestTimeTooSkewed", "RequestInTheFuture"];

/// EC2's code for credentials that it cannot validate, and for some things that others own.
const AUTH_FAILURE: &str = "AuthFailure";
/// Its message in the first case (EC2 API reference, error codes).
const NOT_VALIDATED: &str = "able to validate";

/// By how many seconds a clock may be off: a signature is taken for five minutes (IAM user guide, Signature
/// Version 4), less the time that a call takes.
const TOLERATED: u64 = 240;

/// Makes an error one of the caller's, if it is: `served` is when AWS answered by its own clock, in seconds since
/// 1970. AWS's message is not kept: that of a wrong signature repeats what was signed, session tokens too.
pub(crate) fn judge(error: &mut CloudError, served: Option<i64>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
    let off = served.map(|served| now - served);
    let off = off.filter(|off| off.unsigned_abs() > TOLERATED);
    let foreign = error.is(&[AUTH_FAILURE]) && error.message.contains(NOT_VALIDATED);
    let unknown = error.is(UNKNOWN) || foreign;
    // The answer to a HEAD has no body, hence no code.
    let refused = error.code.is_none() && error.class == ErrorClass::Denied;
    let (message, hint) = if let (Some(off), true) = (
        off,
        unknown || refused || error.is(EXPIRED) || error.is(SKEWED),
    ) {
        (skew(off), CLOCK)
    } else if error.is(SKEWED) {
        (
            "this machine's clock is too far from AWS's".to_owned(),
            CLOCK,
        )
    } else if error.is(EXPIRED) {
        ("the AWS credentials have expired".to_owned(), RENEW)
    } else if unknown {
        let message = "AWS does not know these credentials, or their secret is wrong";
        (message.to_owned(), CHOOSE)
    } else {
        return;
    };
    error.class = ErrorClass::Caller;
    error.message = message;
    error.hints = vec![hint.to_owned()];
}

const CLOCK: &str = "set the clock (Linux: `timedatectl set-ntp true`), and run this again";
const RENEW: &str =
    "get new ones, as by `aws sso login`, and run this again: it goes on from what is live";
const CHOOSE: &str = "look at AWS_PROFILE and AWS_ACCESS_KEY_ID; `aws sts get-caller-identity` shows whether the AWS CLI is let in";

/// How far off this machine's clock is, positive being ahead.
fn skew(off: i64) -> String {
    let seconds = off.unsigned_abs();
    let (unit, name) = match seconds {
        0..7_200 => (60, "minutes"),
        7_200..172_800 => (3_600, "hours"),
        _ => (86_400, "days"),
    };
    let count = (seconds + unit / 2) / unit;
    let way = if off < 0 { "behind" } else { "ahead of" };
    format!("this machine's clock is {count} {name} {way} AWS's, so that no signature of it counts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(code: &str, message: &str, off: i64) -> CloudError {
        let mut error = CloudError::new("ec2:CreateVpc", ErrorClass::Denied, message);
        error.code = (!code.is_empty()).then(|| code.to_owned());
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
        judge(&mut error, Some(now - off));
        error
    }

    #[test]
    fn what_a_code_means_depends_on_the_clock() {
        for code in ["RequestExpired", "SignatureDoesNotMatch", "AuthFailure", ""] {
            let words = "AWS was not able to validate the provided access credentials";
            let error = judged(code, words, -720);
            assert_eq!(error.class, ErrorClass::Caller, "{code}");
            let told = "this machine's clock is 12 minutes behind AWS's";
            assert!(error.message.starts_with(told), "{code}: {error}");
        }
        assert!(
            judged("RequestExpired", "", 200)
                .message
                .contains("expired")
        );
        assert!(
            judged("ExpiredToken", "", -90_000)
                .message
                .contains("25 hours behind")
        );
        assert!(
            judged("RequestTimeTooSkewed", "", 864_000)
                .message
                .contains("10 days ahead of")
        );
        assert!(
            judged("RequestTimeTooSkewed", "", 0)
                .message
                .contains("clock")
        );
    }

    #[test]
    fn a_missing_permission_is_none_of_these() {
        for (code, message) in [
            ("AuthFailure", "Not authorized for images: [ami-1]"),
            (
                "UnauthorizedOperation",
                "You are not authorized to perform this operation.",
            ),
            ("AccessDenied", "Access Denied"),
        ] {
            let error = judged(code, message, -3_600);
            assert_eq!(
                (error.class, error.message.as_str()),
                (ErrorClass::Denied, message)
            );
        }
        assert_eq!(judged("", "", 0).class, ErrorClass::Denied);
    }

    #[test]
    fn what_was_signed_is_not_repeated() {
        let error = judged(
            "SignatureDoesNotMatch",
            "should have been x-amz-security-token:abc",
            0,
        );
        assert!(!error.to_string().contains("abc"), "{error}");
    }
}
