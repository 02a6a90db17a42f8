//! What the hands report when a call to the cloud does not end well.

use std::fmt;

use crate::canon::printed_line;

/// The result of a call.
pub type Result<T> = std::result::Result<T, CloudError>;

/// What a failed call means to the one who has to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// The caller lacks a permission. Never absence (rule R17).
    Denied,
    /// AWS does not take the caller for anybody: credentials that have expired or are none, a clock that is off.
    /// No other call of this run would be taken either.
    Caller,
    /// The thing is not there.
    NotFound,
    /// Something still uses it.
    InUse,
    /// Too many calls.
    Throttled,
    /// It exists already, or somebody changed it meanwhile.
    Conflict,
    /// Its client token was used before, for other properties (rule R4).
    Spent,
    /// The request itself is wrong.
    Invalid,
    /// A quota or the capacity is used up.
    Quota,
    /// It may or may not have been carried out: no answer, or one that says nothing.
    Unknown,
    /// It never left this machine: no credentials, no network, no such host.
    Unsent,
}

/// A call to the cloud that failed, with all that a person needs to find out why.
#[derive(Clone, Debug)]
pub struct CloudError {
    /// The action by its IAM name, such as `ec2:CreateVpc`.
    pub operation: String,
    /// AWS's error code, where there was one.
    pub code: Option<String>,
    /// AWS's message, or ours.
    pub message: String,
    /// AWS's request id, for its support.
    pub request_id: Option<String>,
    /// What it means.
    pub class: ErrorClass,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl CloudError {
    /// An error of our own making, such as an answer without the id it must hold.
    pub fn new(operation: &str, class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            operation: operation.to_owned(),
            code: None,
            message: message.into(),
            request_id: None,
            class,
            hints: Vec::new(),
        }
    }

    /// The same with something to do about it.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether AWS's code is one of these.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| codes.contains(&code))
    }

    /// Whether both say that the same happened, be it at two calls.
    pub fn is_like(&self, other: &Self) -> bool {
        // Every service has a code of its own for who calls.
        let caller = self.class == ErrorClass::Caller && other.class == self.class;
        let same = |one: &Self| (one.class, one.code.clone(), one.message.clone());
        caller || same(self) == same(other)
    }

    /// The same without the call that it came of: `RequestLimitExceeded: Rate exceeded`.
    pub fn cause(&self) -> String {
        let message = printed_line(self.message.trim_end_matches('.'));
        match &self.code {
            Some(code) => format!("{}: {message}", printed_line(code)),
            None => message.into_owned(),
        }
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.cause())?;
        if let Some(id) = &self.request_id {
            write!(f, " (request {})", printed_line(id))?;
        }
        Ok(())
    }
}

impl std::error::Error for CloudError {}
