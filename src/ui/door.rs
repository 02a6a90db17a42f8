//! What passes to the terminal: text, ends of lines, tabs and colours. Everything else that acts on a terminal is
//! written out, as JSON would write it, so that JSON stays JSON.
//!
//! What others wrote is written out where it is put into a text, with its colours: see [`plain`]. This is for what
//! got past that.

use std::borrow::Cow;

use terrace_core::canon::{acts, code, printed_line};

/// A text that others wrote, as a part of a line of ours.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    printed_line(text)
}

/// A whole text of ours, as it may be printed.
pub(crate) fn passed(text: &str) -> Cow<'_, str> {
    let acting = |c: char| acts(c) && !matches!(c, '\n' | '\t');
    if !text.contains(acting) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(acting) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = colour(from).unwrap_or_else(|| {
            let first = from.chars().next();
            out.extend(first.map(code));
            first.map_or(0, char::len_utf8)
        });
        if from.starts_with('\u{1b}') && length > 1 {
            out.push_str(&from[..length]);
        }
        rest = &from[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The length of the colour that a text begins with: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[end..].starts_with('m').then_some(end + 3)
}

/// A text in a fence of Markdown that nothing in it can end.
pub(crate) fn fenced(text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}

/// A text as prose of Markdown, whose marks are no marks of it.
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            // Nobody is called by a name in a plan.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_and_nothing_else_that_acts() {
        let ours = "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: caf\u{e9}\n\tok\u{1b}[m\n";
        assert_eq!(passed(ours), ours);
        assert_eq!(passed("a\u{1b}[2Jb"), "a\\u001b[2Jb");
        assert_eq!(passed("\u{1b}]0;title\u{7}"), "\\u001b]0;title\\u0007");
        assert_eq!(passed("\u{1b}"), "\\u001b");
        assert_eq!(passed("\u{1b}[31"), "\\u001b[31");
        assert_eq!(
            passed("x\ry\u{9b}31m\u{202e}"),
            "x\\u000dy\\u009b31m\\u202e"
        );
    }

    #[test]
    fn json_stays_json() {
        let value = serde_json::json!({ "a": "\u{1b}[31m\u{9b}\u{7f}\r\n\u{202e}" });
        let text = value.to_string();
        assert!(!passed(&text).contains(|c: char| acts(c)));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&passed(&text)).ok(),
            Some(value)
        );
    }

    #[test]
    fn a_fence_is_longer_than_any_in_it() {
        assert_eq!(fenced("a"), "```text\na\n```");
        assert_eq!(
            fenced("a\n````\n</details>"),
            "`````text\na\n````\n</details>\n`````"
        );
    }

    #[test]
    fn prose_holds_no_marks() {
        assert_eq!(
            prose("see [x](http://y) <img> @all\n# `a` | b"),
            "see \\[x\\](http://y) &lt;img> &#64;all # \\`a\\` \\| b"
        );
    }
}
