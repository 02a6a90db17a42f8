//! What is wrong in the files, for people: every mistake with its line, what is wrong and what to write instead.

use std::fmt::Write;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::bounds;
use super::fault::{Fault, Found, Wrong, plain};
use super::guess;
use super::span::{Sources, Span};
use crate::canon::{SPAN, printed};
use crate::hashed::HashSet;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The stack cannot be used.
    Error,
    /// It can, but perhaps this was not meant.
    Hint,
}

/// One thing to say about the files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    pub at: Option<Span>,
    /// What is wrong.
    pub text: String,
    /// What to write instead; several lines where there are several ways.
    pub help: Vec<String>,
    /// Other places that belong to it, each with a word.
    pub also: Vec<(Span, String)>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(at: Span, text: impl Into<String>) -> Self {
        let at = Some(at).filter(|at| !at.is_nowhere());
        Self {
            severity: Severity::Error,
            at,
            text: text.into(),
            help: Vec::new(),
            also: Vec::new(),
        }
    }

    /// A hint at a place.
    pub fn hint(at: Span, text: impl Into<String>) -> Self {
        Self {
            severity: Severity::Hint,
            ..Self::error(at, text)
        }
    }

    /// The same with what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// The same with what to write instead, if there is such a thing.
    #[must_use]
    pub fn maybe(mut self, text: Option<String>) -> Self {
        self.help.extend(text);
        self
    }

    /// The same with its places said in other words.
    #[must_use]
    pub(crate) fn placed(mut self, mut place: impl FnMut(Span) -> Span) -> Self {
        self.at = self.at.map(&mut place);
        for (at, _) in &mut self.also {
            *at = place(*at);
        }
        self
    }

    /// The same with another place that belongs to it.
    #[must_use]
    pub fn and(mut self, at: Span, text: impl Into<String>) -> Self {
        self.also.push((at, text.into()));
        self
    }
}

/// Everything that is to be said, with the files it is about.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The files.
    pub sources: Sources,
    /// What is to be said, sorted by file and place, each once.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Sorts by place and says nothing twice.
    pub fn new(sources: Sources, mut diagnostics: Vec<Diagnostic>) -> Self {
        let mut seen = HashSet::default();
        // A hint beside an error at the same place only repeats it.
        let wrong: HashSet<_> = diagnostics
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .map(|one| one.at)
            .collect();
        diagnostics.retain(|one| one.severity == Severity::Error || !wrong.contains(&one.at));
        diagnostics.retain(|one| seen.insert((one.at, one.text.clone())));
        diagnostics.sort_by_key(|one| one.at);
        Self {
            sources,
            diagnostics,
        }
    }

    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        self.diagnostics
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .count()
    }

    /// For a terminal without colour, a file, a test.
    pub fn plain(&self) -> String {
        self.render(&Renderer::plain().decor_style(DecorStyle::Ascii))
    }

    /// For a terminal with colour.
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled().decor_style(DecorStyle::Ascii))
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut out = String::new();
        for diagnostic in self.diagnostics.iter().take(bounds::SHOWN) {
            out.push_str(&render(&self.sources, diagnostic, renderer));
            out.push_str("\n\n");
        }
        if self.diagnostics.len() > bounds::SHOWN {
            let _ = writeln!(out, "these are the first {}", bounds::SHOWN);
        }
        match self.errors() {
            0 => {}
            1 => out.push_str("1 error\n"),
            many => {
                let _ = writeln!(out, "{many} errors");
            }
        }
        out
    }
}

fn render(sources: &Sources, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Hint => Level::NOTE.with_name("hint"),
    };
    let text = printed(&diagnostic.text);
    let help: Vec<_> = diagnostic.help.iter().map(|help| printed(help)).collect();
    let mut group = Group::with_title(level.primary_title(&*text));
    let places = diagnostic.at.map(|at| (at, None)).into_iter();
    let places: Vec<_> = places
        .chain(
            diagnostic
                .also
                .iter()
                .map(|(at, text)| (*at, Some(text.as_str()))),
        )
        .collect();
    for (index, (at, label)) in places.iter().enumerate() {
        let Some((file, range)) = sources.find(*at) else {
            continue;
        };
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let shown = Shown::of(&file.text, line(&file.text, range));
        let annotation = kind.span(shown.range).label(label.map(printed));
        group = group.element(
            Snippet::source(shown.text)
                .line_start(shown.number)
                .path(printed(&file.path))
                .annotation(annotation),
        );
    }
    for help in &help {
        group = group.element(Level::HELP.message(&**help));
    }
    renderer.render(&[group])
}

/// The line that is shown of a file: the renderer would read the whole of it for each mistake.
struct Shown<'a> {
    text: &'a str,
    number: usize,
    range: std::ops::Range<usize>,
}

impl<'a> Shown<'a> {
    fn of(text: &'a str, range: std::ops::Range<usize>) -> Self {
        /// Bytes before and after a mistake in a line that no screen could show.
        const BESIDE: usize = 2_000;
        let whole = |at: usize| {
            (0..=at)
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0)
        };
        let (before, after) = (whole(range.start), whole(range.end.min(text.len())));
        let start = text[..before].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[after..]
            .find('\n')
            .map_or(text.len(), |newline| after + newline);
        let start = start.max(whole(before.saturating_sub(BESIDE)));
        let end = end.min(whole((before + BESIDE).min(text.len()))).max(start);
        Self {
            text: &text[start..end],
            number: text[..start].matches('\n').count() + 1,
            range: before - start..after.min(end).max(before) - start,
        }
    }
}

/// The part of a range that is on its first line: a table of twenty lines need not be shown whole.
fn line(text: &str, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let end = text
        .get(range.clone())
        .and_then(|part| part.find('\n'))
        .map_or(range.end, |newline| range.start + newline);
    range.start..end
}

/// A fault found while a table became a spec of this kind, as something to say.
pub(crate) fn explain(
    fault: &Fault,
    sources: &Sources,
    kind: &str,
    whose: &str,
    fallback: Span,
) -> Option<Diagnostic> {
    let at = fault.at.filter(|at| !at.is_nowhere()).unwrap_or(fallback);
    let diagnostic = match &fault.what {
        Wrong::Told => return None,
        Wrong::Says(_) => Diagnostic::error(at, fault.to_string()),
        Wrong::Missing(name) => Diagnostic::error(at, format!("`{name}` is missing in {whose}")),
        Wrong::Unknown { name, known } => unknown(at, name, known, kind, whose),
        Wrong::Later(_) => Diagnostic::error(at, fault.to_string())
            .help("a plan must be able to say what this will be: write a value, or an expression of `var` and `stack`"),
        Wrong::Type { found, expected } => {
            Diagnostic::error(at, fault.to_string()).maybe(retyped(*found, plain(expected), sources.text(at)))
        }
    };
    Some(diagnostic.maybe(fault.help.clone()))
}

fn unknown(at: Span, name: &str, known: &[String], kind: &str, whose: &str) -> Diagnostic {
    let candidates = known.iter().map(String::as_str);
    let diagnostic = Diagnostic::error(at, format!("`{name}` is not known in {whose}"));
    match guess::near(name, candidates.chain(super::common::NAMES.iter().copied())) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => diagnostic,
        None if known.len() <= 12 => diagnostic.help(format!("it may be {}", guess::either(known))),
        None => diagnostic.help(format!("`terrace explain {kind}` lists its properties")),
    }
}

/// What to write so that the type is right.
fn retyped(found: Found, expected: &str, text: &str) -> Option<String> {
    let bare = text.trim_matches(['"', '\'']);
    match (found, expected) {
        (Found::Float, "a whole number") if text.contains("{{") => Some(
            "`/` answers a number with a fraction: write `//`, or `| int` behind it".to_owned(),
        ),
        (_, _) if text.is_empty() || text.contains('\n') || text.contains("{{") => None,
        (Found::Integer, SPAN) => Some(format!(
            "write \"{text}s\", if seconds are meant; units are s, m, h and d"
        )),
        (Found::Integer | Found::Float | Found::Boolean, "a string") => {
            Some(format!("write \"{text}\""))
        }
        (Found::String, "a whole number") => {
            bare.parse::<i64>().is_ok().then(|| format!("write {bare}"))
        }
        (Found::String, "a number") => bare.parse::<f64>().is_ok().then(|| format!("write {bare}")),
        (_, "true or false") => Some(match bare.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => "write true".to_owned(),
            "false" | "no" | "off" | "0" => "write false".to_owned(),
            _ => "write true or false, without quotes".to_owned(),
        }),
        (Found::String | Found::Integer, "a list") => Some(format!("write [{text}]")),
        _ => None,
    }
}
