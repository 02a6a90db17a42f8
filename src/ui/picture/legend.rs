//! What the arrows and colours of a picture mean.

use std::fmt::Write as _;

use terrace_core::kind::Class;

use super::area::Area;
use super::draw::{colours, mark, rect, words};
use super::place::{MARGIN, SMALL};
use super::route::Point;
use super::scene::{Scene, Way};
use super::text;

/// What a legend explains.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    Way(Way),
    Class(Class),
}

impl Entry {
    fn words(self) -> &'static str {
        match self {
            Self::Way(Way::Request) => "the path of a request",
            Self::Way(Way::Read) => "reads",
            Self::Way(Way::Knows) => "may reach it, or is told of it",
            Self::Way(Way::Copy) => "keeps a copy",
            Self::Class(Class::Stateless) => "can be made again",
            Self::Class(Class::Identity) => "an address that others hold",
            Self::Class(Class::Foundation) => "a network",
            Self::Class(Class::Data) => "what users stored",
        }
    }
}

/// What of all there is to explain is in the picture, in rows.
pub(super) fn rows(scene: &Scene, width: f64) -> Vec<Vec<(f64, Entry)>> {
    let ways = [Way::Request, Way::Read, Way::Knows, Way::Copy].into_iter();
    let ways = ways.filter(|way| scene.arrows.iter().any(|arrow| arrow.way == *way));
    let classes = [Class::Stateless, Class::Identity, Class::Data].into_iter();
    let classes = classes.filter(|class| scene.stations.iter().any(|is| is.class == Some(*class)));
    let mut rows: Vec<Vec<(f64, Entry)>> = Vec::new();
    let ways: Vec<Entry> = ways.map(Entry::Way).collect();
    let classes: Vec<Entry> = classes.map(Entry::Class).collect();
    let room = |entry: &Entry| text::width(entry.words(), SMALL) + 45.0;
    let all: f64 = ways.iter().chain(&classes).map(room).sum();
    let kinds = if all < width - 2.0 * MARGIN {
        vec![[ways, classes].concat()]
    } else {
        vec![ways, classes]
    };
    for entries in kinds.into_iter().filter(|entries| !entries.is_empty()) {
        let mut x = MARGIN;
        let mut row = Vec::new();
        for entry in entries {
            row.push((x, entry));
            x += room(&entry);
        }
        rows.push(row);
    }
    rows
}

pub(super) fn draw(out: &mut String, entry: Entry, (x, y): Point) {
    match entry {
        Entry::Way(way) => {
            let (class, mark) = mark(way);
            let _ = writeln!(
                out,
                "<path class=\"{class}\" d=\"M{x:.1},{y:.1} h26\" marker-end=\"url(#{mark})\"/>"
            );
        }
        Entry::Class(class) => {
            let (fill, line) = colours(Some(class));
            let attributes = format!("fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"1.4\"");
            rect(
                out,
                &attributes,
                &Area::new(x + 6.0, y - 7.0, 18.0, 13.0),
                3.0,
            );
        }
    }
    words(out, "note", (x + 33.0, y + 4.0), entry.words());
}
