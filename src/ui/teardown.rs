//! A teardown certificate, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use terrace_aws::teardown::{Certificate, Rest};

use super::door::plain;
use super::paint::{Label, paint};

/// For people.
pub(crate) fn human(certificate: &Certificate) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", paint(Label::Heading, "Teardown certificate"));
    let regions = certificate.regions.join(", ");
    let _ = writeln!(text, "  looked in  {regions}");
    let _ = writeln!(
        text,
        "  for        {} kinds by their marks:{}",
        certificate.kinds.len(),
        wrapped(&certificate.kinds),
    );
    let _ = writeln!(
        text,
        "  and        by marks, names and places:{}",
        wrapped(&certificate.beyond)
    );
    if !certificate.networks.is_empty() {
        let _ = writeln!(text, "  inside     {}", certificate.networks.join(", "));
    }
    let sections = [
        (
            "Remains",
            "ours, and it should be gone",
            &certificate.remains,
        ),
        (
            "Kept",
            "on purpose, or not made by terrace",
            &certificate.kept,
        ),
    ];
    for (title, what, list) in sections {
        if !list.is_empty() {
            let (title, what) = (paint(Label::Heading, title), paint(Label::Quiet, what));
            let _ = writeln!(text, "\n{title} {what}");
        }
        for rest in list {
            line(rest, &mut text);
        }
    }
    let _ = writeln!(text, "\n{}", verdict(certificate));
    text
}

fn line(rest: &Rest, text: &mut String) {
    let free = if rest.billable { "" } else { "; costs nothing" };
    let _ = writeln!(
        text,
        "  {} {} in {}: {}{free}",
        plain(&rest.what),
        plain(&rest.id),
        plain(&rest.region),
        plain(&rest.why)
    );
    let _ = writeln!(
        text,
        "      {} {}",
        paint(Label::Hint, "remove:"),
        plain(&rest.remove)
    );
}

/// The certificate in one line.
fn verdict(certificate: &Certificate) -> String {
    let owner = &certificate.owner;
    let billable = certificate.remains.iter().filter(|rest| rest.billable);
    match (billable.count(), certificate.remains.len()) {
        (0, 0) => paint(
            Label::Good,
            &format!("Nothing of {owner} is left but what is kept."),
        ),
        (0, _) => paint(
            Label::Warning,
            &format!("Nothing of {owner} that costs money is left but what is kept."),
        ),
        (billable, _) => paint(
            Label::Error,
            &format!("{billable} of {owner} left that may cost money."),
        ),
    }
}

/// A list over several lines, below the words before it.
fn wrapped(words: &[&str]) -> String {
    const WIDTH: usize = 90;
    let mut text = String::new();
    let mut width = WIDTH;
    for (index, word) in words.iter().enumerate() {
        let comma = if index + 1 < words.len() { "," } else { "" };
        if width + word.len() + 2 > WIDTH {
            text.push_str("\n            ");
            width = 0;
        }
        let _ = write!(text, " {word}{comma}");
        width += word.len() + 2;
    }
    text
}

/// For programs.
pub(crate) fn data(certificate: &Certificate) -> Value {
    let mut data = json!(certificate);
    data["clean"] = certificate.is_clean().into();
    data
}
