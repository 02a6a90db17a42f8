//! Text that others wrote, as it may be printed: nothing in it moves a cursor, hides or turns round what stands
//! beside it.

use std::borrow::Cow;

/// Whether a character acts on what shows it rather than being shown: control characters, and what changes the
/// direction of the text around it (Unicode Standard Annex 9) or has no width.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The same with each such character written out, as JSON would write it: `\u001b`. Lines stay lines.
pub fn printed(text: &str) -> Cow<'_, str> {
    written(text, |c| matches!(c, '\n' | '\t'))
}

/// The same on one line: the ends of lines become spaces.
pub fn printed_line(text: &str) -> Cow<'_, str> {
    match text.contains(['\n', '\r', '\t']) {
        true => Cow::Owned(
            written(&text.trim().replace(['\n', '\r', '\t'], " "), |_| false).into_owned(),
        ),
        false => written(text, |_| false),
    }
}

fn written(text: &str, passes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| acts(c) && !passes(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) && !passes(c) {
            out.push_str(&code(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A character written out. All that acts has four digits.
pub fn code(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out_and_the_rest_stays() {
        assert_eq!(
            printed("caf\u{e9} \u{1f600}\n\tx"),
            "caf\u{e9} \u{1f600}\n\tx"
        );
        assert_eq!(
            printed("a\u{1b}[2Jb\u{7}\r\u{9b}c"),
            "a\\u001b[2Jb\\u0007\\u000d\\u009bc"
        );
        assert_eq!(
            printed("ad\u{202e}min\u{2066}\u{feff}"),
            "ad\\u202emin\\u2066\\ufeff"
        );
        assert_eq!(printed_line(" one\r\ntwo\u{7f}\n"), "one  two\\u007f");
    }
}
