//! The one door to the terminal: answers on stdout, everything else on stderr.

pub(crate) mod door;
pub(crate) mod events;
pub(crate) mod graph;
pub(crate) mod paint;
pub(crate) mod picture;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod rehearsal;
mod statement;
pub(crate) mod teardown;

use std::io::{IsTerminal, Write};

use anstream::AutoStream;
use terrace_core::canon::printed;

use crate::cli::Color;
use crate::failure::Failure;
use door::passed;
use paint::{Label, paint};

/// Where answers and messages go, and whether in colour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    color: Color,
}

impl Ui {
    /// A door that colours as asked.
    pub(crate) fn new(color: Color) -> Self {
        Self { color }
    }

    /// The answer. A reader that went away is no error.
    pub(crate) fn answer(self, text: &str) {
        let mut out = AutoStream::new(std::io::stdout().lock(), self.color.choice());
        let _ = write!(out, "{}", passed(text)).and_then(|()| out.flush());
    }

    /// A line for people.
    pub(crate) fn say(self, text: &str) {
        let mut err = AutoStream::new(std::io::stderr().lock(), self.color.choice());
        let _ = writeln!(err, "{}", passed(text));
    }

    /// A warning.
    pub(crate) fn warn(self, text: &str) {
        self.say(&format!("{} {text}", paint(Label::Warning, "warning:")));
    }

    /// Why a command failed.
    pub(crate) fn failure(self, failure: &Failure) {
        if failure.report {
            self.say(failure.message.trim_end());
        } else {
            self.say(&format!(
                "{} {}",
                paint(Label::Error, "error:"),
                printed(&failure.message)
            ));
        }
        if !failure.hints.is_empty() {
            self.say("");
        }
        for hint in &failure.hints {
            self.say(&format!(
                "{} {}",
                paint(Label::Hint, "hint:"),
                printed(hint)
            ));
        }
    }

    /// Whether a person can be asked.
    pub(crate) fn can_ask() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks, and takes only `yes` or `y` for it.
    pub(crate) fn ask(self, question: &str) -> bool {
        let mut err = AutoStream::new(std::io::stderr().lock(), self.color.choice());
        let _ = write!(err, "{} [y/N] ", passed(question)).and_then(|()| err.flush());
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "yes")
    }
}
