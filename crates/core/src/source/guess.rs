//! Did you mean?

/// Both without what they begin with in common: `secret.db` beside `secret.a` is `db` beside `a`.
fn apart<'a>(mut word: &'a str, mut other: &'a str) -> (&'a str, &'a str) {
    while let (Some((head, rest)), Some((same, more))) =
        (word.split_once('.'), other.split_once('.'))
    {
        if head != same {
            break;
        }
        (word, other) = (rest, more);
    }
    (word, other)
}

/// The candidate that is so close to a word that it was probably meant.
pub fn close<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .map(|candidate| {
            let (one, other) = apart(word, candidate);
            let distance = strsim::damerau_levenshtein(one, other);
            let longest = one.chars().count().max(other.chars().count());
            let parts = longest > 3 && (other.starts_with(one) || one.starts_with(other));
            (distance, longest, parts, candidate)
        });
    let near = near.filter(|(distance, longest, parts, _)| {
        distance * 3 <= *longest || (*parts && distance * 2 <= *longest)
    });
    near.min_by_key(|(distance, ..)| *distance)
        .map(|(.., candidate)| candidate)
}

/// A name without its numbers.
fn unnumbered(name: &str) -> String {
    let mut bare = String::with_capacity(name.len());
    for c in name.chars() {
        if !c.is_ascii_digit() {
            bare.push(c);
        } else if bare.ends_with('_') {
            bare.pop();
        }
    }
    bare
}

/// The name that was probably meant where one is new. Numbers are no slips: `web_1` and `web_10`, `web` and `web_2`.
pub(crate) fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bare = unnumbered(name);
    close(
        name,
        known.into_iter().filter(|known| unnumbered(known) != bare),
    )
}

/// `did you mean ..?`, or the candidates if there are only a few.
pub(crate) fn help<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(close) = close(word, candidates.clone()) {
        return Some(format!("did you mean `{close}`?"));
    }
    let all: Vec<&str> = candidates.into_iter().collect();
    (!all.is_empty() && all.len() <= 12).then(|| format!("there is {}", list(&all)))
}

/// `a`, `b` and `c`.
pub(crate) fn list<T: AsRef<str>>(words: &[T]) -> String {
    join(words, "and")
}

/// `a`, `b` or `c`.
pub(crate) fn either<T: AsRef<str>>(words: &[T]) -> String {
    join(words, "or")
}

fn join<T: AsRef<str>>(words: &[T], with: &str) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {with} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_other_numbers_are_no_slips() {
        for (name, known) in [
            ("subnet_10", "subnet_1"),
            ("subnet_10", "subnet_9"),
            ("web_2", "web"),
            ("node12_data", "node1_data"),
        ] {
            assert_eq!(meant(name, [known]), None, "{name} beside {known}");
        }
        assert_eq!(meant("databse", ["web_1", "database"]), Some("database"));
        assert_eq!(meant("sbunet_3", ["subnet_1"]), Some("subnet_1"));
    }
}
