//! Places in the files of a stack: a span counts bytes over all sources laid end to end, so that two numbers name a file, a
//! line and a column.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A piece of text in one of the [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it starts.
    pub start: u32,
    /// Where it ends, exclusive.
    pub end: u32,
}

impl Span {
    /// A place in no file: for values that were made, not written.
    pub const NOWHERE: Self = Self {
        start: u32::MAX,
        end: u32::MAX,
    };

    /// Whether this is [`Span::NOWHERE`].
    pub fn is_nowhere(self) -> bool {
        self == Self::NOWHERE
    }
}

/// A file as it was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// How it is shown to people.
    pub path: String,
    /// What it says.
    pub text: Arc<str>,
    base: u32,
}

/// All files of a stack, laid end to end.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

/// A file, a line and a column, both from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: String,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

fn clamp(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

impl Source {
    /// The span of a range of bytes in this file.
    pub fn span(&self, range: Range<usize>) -> Span {
        Span {
            start: self.base + clamp(range.start),
            end: self.base + clamp(range.end),
        }
    }

    fn holds(&self, span: Span) -> bool {
        span.start >= self.base && span.start - self.base <= clamp(self.text.len())
    }
}

impl Sources {
    /// Adds a file; the answer is its number.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> usize {
        // One byte lies between two files, so that the end of one is not the start of the next.
        let base = self
            .files
            .last()
            .map_or(0, |last| last.base + clamp(last.text.len()) + 1);
        self.files.push(Source {
            path: path.into(),
            text: text.into(),
            base,
        });
        self.files.len() - 1
    }

    /// A span of others as one of these; a file that only they have read is added.
    pub(crate) fn adopt(&mut self, others: &Self, span: Span) -> Span {
        let Some((file, range)) = others.find(span) else {
            return span;
        };
        let number = self.number(file);
        self.file(number).map_or(span, |known| known.span(range))
    }

    /// Knows all files of others as well.
    pub(crate) fn adopt_all(&mut self, others: &Self) {
        for file in &others.files {
            self.number(file);
        }
    }

    /// The number of a file, which is added if it is not known.
    fn number(&mut self, file: &Source) -> usize {
        let same = |known: &Source| known.path == file.path && known.text == file.text;
        match self.files.iter().position(same) {
            Some(number) => number,
            None => self.add(file.path.clone(), Arc::clone(&file.text)),
        }
    }

    /// The file with this number.
    pub fn file(&self, number: usize) -> Option<&Source> {
        self.files.get(number)
    }

    /// All files, in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// The file that holds a span, and where in it.
    pub fn find(&self, span: Span) -> Option<(&Source, Range<usize>)> {
        if span.is_nowhere() {
            return None;
        }
        let after = self.files.partition_point(|file| file.base <= span.start);
        let file = self
            .files
            .get(after.checked_sub(1)?)
            .filter(|file| file.holds(span))?;
        let start = (span.start - file.base) as usize;
        let end = ((span.end - file.base) as usize).clamp(start, file.text.len());
        Some((file, start..end))
    }

    /// The text of a span, as it stands in the file.
    pub fn text(&self, span: Span) -> &str {
        self.find(span)
            .and_then(|(file, range)| file.text.get(range))
            .unwrap_or_default()
    }

    /// The text that follows a span in its file.
    pub fn after(&self, span: Span) -> &str {
        self.find(span)
            .and_then(|(file, range)| file.text.get(range.end..))
            .unwrap_or_default()
    }

    /// The file, line and column where a span starts.
    pub fn place(&self, span: Span) -> Option<Place> {
        let (file, range) = self.find(span)?;
        let before = file.text.get(..range.start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some(Place {
            path: file.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        })
    }

    /// The part of a span that reads so, or the span itself: escapes may hide it.
    pub fn narrow(&self, span: Span, part: &str) -> Span {
        match self.text(span).find(part) {
            Some(offset) if !part.is_empty() => {
                let start = span.start + clamp(offset);
                Span {
                    start,
                    end: start + clamp(part.len()),
                }
            }
            _ => span,
        }
    }
}
