//! How a command ends: the exit codes, and what is said of a failure.

use terrace_core::error::CloudError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed.
    Failed,
    /// Changes are present, and `--detailed-exitcode` asked.
    Changes,
    /// A guard refused, or something waits for a person.
    Refused,
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Refused => 3,
        }
    }
}

/// Why a command failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What happened, in one sentence or in whole reports.
    pub(crate) message: String,
    /// What to do, one a line.
    pub(crate) hints: Vec<String>,
    /// How the command ends.
    pub(crate) exit: Exit,
    /// Whether the message is a finished report that needs no `error:` before it.
    pub(crate) report: bool,
}

impl Failure {
    /// A failure with its message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hints: Vec::new(),
            exit: Exit::Failed,
            report: false,
        }
    }

    /// A guard's refusal.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            ..Self::new(message)
        }
    }

    /// A finished report.
    pub(crate) fn report(message: impl Into<String>) -> Self {
        Self {
            report: true,
            ..Self::new(message)
        }
    }

    /// The same with something to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        Self {
            hints: error.hints.clone(),
            ..Self::new(error.to_string())
        }
    }
}

impl From<terrace_sandbox::SandboxError> for Failure {
    fn from(error: terrace_sandbox::SandboxError) -> Self {
        Self {
            hints: error.hints().to_vec(),
            ..Self::new(error.to_string())
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
