//! How wide a text is, and how it is made to fit. Fonts differ: a wide one is taken for granted.

/// The widths of DejaVu Sans, one of the widest of the usual fonts, in parts of its size, rounded up.
fn wide(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 'I' | '\'' | '|' => 0.31,
        ' ' | '.' | ',' | ':' | ';' | '/' | '·' | '!' | 'f' | 't' | '-' | '(' | ')' | '[' | ']' => {
            0.41
        }
        'r' => 0.43,
        's' | 'c' | 'z' | 'J' => 0.56,
        'm' | 'W' | '…' | '→' | '%' => 1.01,
        'w' | 'M' | 'O' | 'Q' | '×' | '+' | '=' | '<' | '>' | '&' | '@' => 0.87,
        'A'..='Z' => 0.78,
        letter if letter.is_ascii() => 0.65,
        // Of other scripts some are as wide as high, and emoji wider.
        letter if u32::from(letter) < 0x0500 => 0.9,
        _ => 1.3,
    }
}

/// The width of a text of this size, in the units of the picture.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(wide).sum::<f64>() * size
}

/// The same in bold.
pub(crate) fn bold(text: &str, size: f64) -> f64 {
    width(text, size) * 1.13
}

/// As much of a text as there is room for, with an ellipsis where that is not all of it.
pub(crate) fn fit(text: &str, room: f64, measure: impl Fn(&str) -> f64) -> String {
    if measure(text) <= room {
        return text.to_owned();
    }
    let mut short: String = text.to_owned();
    while short.pop().is_some() {
        let kept = format!("{}…", short.trim_end());
        if measure(&kept) <= room {
            return kept;
        }
    }
    String::new()
}

/// A text in lines: pieces, with `between` where two stand in one line. A piece too long for a line is
/// cut short.
pub(crate) fn flow<'a>(
    pieces: impl IntoIterator<Item = &'a str>,
    between: &str,
    room: f64,
    size: f64,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
        let joined = lines.last().map(|line| format!("{line}{between}{piece}"));
        match (lines.last_mut(), joined) {
            (Some(line), Some(joined)) if width(&joined, size) <= room => *line = joined,
            _ => lines.push(fit(piece, room, |text| width(text, size))),
        }
    }
    lines
}

/// A sentence in lines of words; what does not fit in so many lines ends in an ellipsis.
pub(crate) fn wrap(text: &str, room: f64, size: f64, most: usize) -> Vec<String> {
    let mut lines = flow(text.split_whitespace(), " ", room, size);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} …………"), room, |text| {
                width(text, size)
            });
            let words = last.trim_end_matches('…').trim_end_matches([' ', ',', ';']);
            *last = format!("{words} …");
        }
    }
    lines
}

/// A text as it stands in XML. What XML does not allow becomes a space.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

/// Several of a noun: `3 roles`, `2 addresses`, `a policy` as `1 policy`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        return format!("1 {noun}");
    }
    format!("{number} {}", plural(noun))
}

/// The plural of a noun.
pub(crate) fn plural(noun: &str) -> String {
    let before = noun.chars().rev().nth(1).unwrap_or('e');
    if noun.ends_with(['s', 'x']) || noun.ends_with("ch") {
        format!("{noun}es")
    } else if noun.ends_with('y') && !"aeiou".contains(before) {
        format!("{}ies", &noun[..noun.len() - 1])
    } else {
        format!("{noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis_and_fits() {
        let measure = |text: &str| width(text, 11.0);
        assert_eq!(fit("short", 100.0, measure), "short");
        let cut = fit("a-name-that-goes-on-and-on-and-on", 100.0, measure);
        assert!(cut.ends_with('…') && measure(&cut) <= 100.0, "{cut}");
        assert_eq!(fit("mm", 5.0, measure), "");
    }

    #[test]
    fn pieces_share_lines_where_there_is_room() {
        let lines = flow(
            ["web", "t3.large", "2 disks, 50 GiB gp3"],
            " · ",
            100.0,
            11.0,
        );
        assert_eq!(lines[0], "web · t3.large");
        assert!(
            lines[1].starts_with("2 disks") && lines[1].ends_with('…'),
            "{lines:?}"
        );
    }

    #[test]
    fn a_sentence_is_cut_at_its_last_line() {
        let lines = wrap("one two three four five six seven eight", 80.0, 11.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…'), "{lines:?}");
        assert!(
            lines.iter().all(|line| width(line, 11.0) <= 80.0),
            "{lines:?}"
        );
    }

    #[test]
    fn nouns_are_counted() {
        assert_eq!(count(1, "role"), "1 role");
        assert_eq!(count(3, "SSM parameter"), "3 SSM parameters");
        assert_eq!(count(2, "address"), "2 addresses");
        assert_eq!(count(2, "policy"), "2 policies");
        assert_eq!(count(2, "gateway"), "2 gateways");
    }
}
