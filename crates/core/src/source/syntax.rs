//! What toml says of a text that is not TOML, in our words.

use std::ops::Range;

use toml::de::Error;

use super::diagnostic::Diagnostic;
use super::span::Source;

/// Every mistake, but of a table that stands twice not each property that comes again with it.
pub(crate) fn mistakes(source: &Source, errors: &[Error]) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    let mut again = 0..0;
    for error in errors {
        let range = error.span().unwrap_or(0..0);
        if error.message() != "duplicate key" {
            let text = format!("this is not TOML: {}", error.message());
            told.push(Diagnostic::error(source.span(range), text));
        } else if !again.contains(&range.start) {
            let line = Line::at(&source.text, range.start);
            again = line.table();
            told.push(twice(source, range, &line));
        }
    }
    told
}

/// A table or a property that stands there already.
fn twice(source: &Source, range: Range<usize>, line: &Line<'_>) -> Diagnostic {
    let mut before = line.before();
    let (name, help, first) = if let Some(name) = line.header() {
        let first = before.find(|line| line.header() == Some(name));
        let help = "put both into one table, or give one of them another name";
        (name, help, first)
    } else {
        let name = source.text.get(range.clone()).unwrap_or_default();
        let mut own = before.take_while(|line| line.header().is_none());
        let help = "keep the one that is meant";
        (name, help, own.find(|line| line.key() == Some(name)))
    };
    let told = Diagnostic::error(source.span(range), format!("`{name}` stands here twice"));
    let told = match first {
        Some(first) => told.and(source.span(first.range()), "it is here already"),
        None => told,
    };
    told.help(help)
}

/// A line of a file.
struct Line<'a> {
    whole: &'a str,
    start: usize,
}

impl<'a> Line<'a> {
    /// The one that holds a place.
    fn at(whole: &'a str, place: usize) -> Self {
        let start = whole[..place].rfind('\n').map_or(0, |end| end + 1);
        Self { whole, start }
    }

    fn text(&self) -> &'a str {
        self.whole[self.start..].lines().next().unwrap_or_default()
    }

    fn range(&self) -> Range<usize> {
        self.start..self.start + self.text().trim_end().len()
    }

    /// The name of the table that it opens.
    fn header(&self) -> Option<&'a str> {
        let inside = self.text().trim_start().strip_prefix('[')?;
        inside.split(']').next().map(str::trim)
    }

    /// The name of the property that it says.
    fn key(&self) -> Option<&'a str> {
        let (key, _) = self.text().split_once('=')?;
        Some(key.trim())
    }

    /// The lines before it, the nearest first.
    fn before(&self) -> impl Iterator<Item = Self> + use<'a> {
        let (whole, mut start) = (self.whole, self.start);
        std::iter::from_fn(move || {
            start = Self::at(whole, start.checked_sub(1)?).start;
            Some(Self { whole, start })
        })
    }

    /// From it to the end of the table that it opens, tables within that one included.
    fn table(&self) -> Range<usize> {
        let Some(name) = self.header() else {
            return self.start..self.start;
        };
        let within = format!("{name}.");
        let mut ends = self.whole[self.start..].match_indices('\n');
        let end = ends.find_map(|(end, _)| {
            let next = Self {
                whole: self.whole,
                start: self.start + end + 1,
            };
            let header = next.header()?;
            (!header.starts_with(&within)).then_some(next.start)
        });
        self.start..end.unwrap_or(self.whole.len())
    }
}
