//! What went wrong with the sandbox, and what to do about it.

use std::fmt::Display;
use std::io;
use std::path::Path;

/// The crate's result.
pub type Result<T, E = SandboxError> = std::result::Result<T, E>;

/// What went wrong with the sandbox, with its remedies for the system at hand.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SandboxError {
    what: String,
    hints: Vec<String>,
}

impl SandboxError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hints: Vec::new(),
        }
    }

    /// A file or folder could not be used: `io("write", path, &error)`.
    pub(crate) fn io(verb: &str, path: &Path, error: &io::Error) -> Self {
        let failed = Self::new(format!("cannot {verb} `{}`: {error}", path.display()));
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => failed.hint(
                "set `TERRACE_SANDBOX_HOME` to a folder that you may write, where the sandbox is kept",
            ),
            io::ErrorKind::StorageFull => {
                failed.hint("make room, or set `TERRACE_SANDBOX_HOME` to a folder on another disk")
            }
            _ => failed,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what a program said last, indented under the message.
    #[must_use]
    pub(crate) fn quoting(mut self, text: &str) -> Self {
        for line in last_lines(text, 12) {
            self.what.push_str("\n    ");
            self.what.push_str(line);
        }
        self
    }

    /// What to do about it, the likeliest remedy first.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

fn last_lines(text: &str, most: usize) -> Vec<&str> {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(most)..].to_vec()
}

/// `3.9.1` for `(3, 9, 1)`.
pub(crate) fn dotted(parts: &[impl Display]) -> String {
    parts
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(".")
}
