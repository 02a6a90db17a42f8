//! Did you mean?

use std::cell::Cell;

/// How much is compared in one reading of a stack, in letters beside letters: about two seconds of it. Who has made more
/// mistakes than that reads no guess at each, and is not kept waiting for them.
const AFFORDED: usize = 40_000_000;

thread_local! {
    /// What is left of it.
    static LEFT: Cell<usize> = const { Cell::new(AFFORDED) };
}

/// A stack is about to be read.
pub(crate) fn begin() {
    LEFT.set(AFFORDED);
}

/// Whether so much may still be compared.
fn afford(letters: usize) -> bool {
    let left = LEFT.get().checked_sub(letters);
    LEFT.set(left.unwrap_or(0));
    left.is_some()
}

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
        .take_while(|_| afford(1))
        .filter(|candidate| *candidate != word)
        .filter_map(|candidate| {
            let (one, other) = apart(word, candidate);
            let (length, more) = (one.chars().count(), other.chars().count());
            let longest = length.max(more);
            let parts = longest > 3 && (other.starts_with(one) || one.starts_with(other));
            let near =
                |distance: usize| distance * 3 <= longest || (parts && distance * 2 <= longest);
            // No two words are nearer than their lengths.
            if !near(length.abs_diff(more)) || !afford(length * more) {
                return None;
            }
            let distance = strsim::damerau_levenshtein(one, other);
            near(distance).then_some((distance, candidate))
        });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The candidate that a word may have been meant for: the same in other letters, the closest, or else the one that
/// shares whole words with it, as `cidr` does with `cidr_block`.
pub fn near<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let same = |candidate: &&str| *candidate != word && candidate.eq_ignore_ascii_case(word);
    let mut all = candidates.clone().into_iter();
    all.find(same)
        .or_else(|| close(word, candidates.clone()))
        .or_else(|| kin(word, candidates))
}

/// What others call by more words, or by fewer: `type` for `instance_type`, `default_behavior` for `default`. The one
/// that shares most of them; nothing if several do.
fn kin<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let words: Vec<&str> = word.split('_').collect();
    let holds = |all: &[&str], some: &[&str]| all.windows(some.len()).any(|run| run == some);
    let mut best: (usize, Option<&str>) = (0, None);
    let candidates = candidates.into_iter().take_while(|_| afford(1));
    for candidate in candidates.filter(|candidate| *candidate != word) {
        let other: Vec<&str> = candidate.split('_').collect();
        let shared = words.len().min(other.len());
        if shared < best.0 || !(holds(&words, &other) || holds(&other, &words)) {
            continue;
        }
        best = (shared, (shared > best.0).then_some(candidate));
    }
    best.1
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
    let known = known.into_iter().take_while(|known| afford(known.len()));
    close(name, known.filter(|known| unnumbered(known) != bare))
}

/// As many candidates as a person reads.
const FEW: usize = 12;

/// `did you mean ..?`, or the candidates if there are only a few.
pub(crate) fn help<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(close) = close(word, candidates.clone()) {
        return Some(format!("did you mean `{close}`?"));
    }
    let all: Vec<&str> = candidates.into_iter().take(FEW + 1).collect();
    (!all.is_empty() && all.len() <= FEW).then(|| format!("there is {}", list(&all)))
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
    fn more_than_anybody_reads_is_not_guessed() {
        begin();
        let names: Vec<String> = (0..10_000).map(|n| format!("name_{n:05}")).collect();
        let known = || names.iter().map(String::as_str);
        assert_eq!(close("nmae_00001", known()), Some("name_00001"));
        let guesses = (0..1_000).filter(|_| close("nmae_00001", known()).is_some());
        assert!(guesses.count() < 100);
        assert_eq!(close("vcp", ["vpc"]), None);
        begin();
        assert_eq!(close("vcp", ["vpc"]), Some("vpc"));
    }

    #[test]
    fn what_others_write_otherwise_is_known() {
        begin();
        let instance = [
            "type",
            "image",
            "instance_profile",
            "subnet",
            "user_data",
            "user_data_change",
        ];
        let kinds = [
            "vpc",
            "vpc_endpoint",
            "instance",
            "db_instance",
            "target_group",
        ];
        for (word, known, meant) in [
            ("instance_type", instance.as_slice(), Some("type")),
            ("iam_instance_profile", &instance, Some("instance_profile")),
            ("ami", &instance, None),
            ("cidr_block", &["cidr", "dns_support"], Some("cidr")),
            (
                "default",
                &["origins", "default_behavior"],
                Some("default_behavior"),
            ),
            // Which of the two?
            ("data", &instance, None),
            ("max", &["max_size", "max_age"], None),
            ("aws_vpc", &kinds, Some("vpc")),
            ("aws_db_instance", &kinds, Some("db_instance")),
            ("aws_lb_target_group", &kinds, Some("target_group")),
            ("", &kinds, None),
            ("http", &["TCP", "HTTP", "HTTPS"], Some("HTTP")),
        ] {
            assert_eq!(near(word, known.iter().copied()), meant, "{word}");
        }
    }

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
