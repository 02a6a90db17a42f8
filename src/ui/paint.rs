//! Labels for text, and the one table that says how they look. Everything reads without colour too.

use anstyle::{AnsiColor, Style};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// Something made or added.
    Add,
    /// Something changed.
    Change,
    /// Something replaced.
    Replace,
    /// Something taken away.
    Remove,
    /// Something that waits.
    Wait,
    /// A heading.
    Heading,
    /// What is beside the point.
    Quiet,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// What to do.
    Hint,
    /// Success.
    Good,
}

fn style(label: Label) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match label {
        Label::Add | Label::Good => color(AnsiColor::Green),
        Label::Change | Label::Warning => color(AnsiColor::Yellow),
        Label::Replace => color(AnsiColor::Magenta),
        Label::Remove => color(AnsiColor::Red),
        Label::Wait | Label::Hint => color(AnsiColor::Cyan),
        Label::Heading => Style::new().bold(),
        Label::Quiet => Style::new().dimmed(),
        Label::Error => color(AnsiColor::Red).bold(),
    }
}

/// Text with its label's style around it; the stream takes it out where there is no colour.
pub(crate) fn paint(label: Label, text: &str) -> String {
    let style = style(label);
    format!("{style}{text}{style:#}")
}
