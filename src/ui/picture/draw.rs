//! Writes a picture as SVG. Its colours are its own, on a ground of its own, so that it reads on any page.

use std::fmt::Write as _;

use terrace_core::address::Address;
use terrace_core::kind::Class;

use super::area::{Area, number};
use super::icon;
use super::label;
use super::legend;
use super::place::{Block, Frame, HEAD, ICON, LINE, MARGIN, Panel, Placed, Style};
use super::route::{Point, Router};
use super::scene::{Arrow, End, Scene, Way};
use super::text::{self, escape};

/// How everything looks.
pub(crate) const STYLE: &str = "\
text { font-family: system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif; fill: #1f2933; }
.title { font-size: 18px; font-weight: 600; }
.about { font-size: 12.5px; fill: #52606d; }
.head { font-size: 12.5px; font-weight: 600; }
.line { font-size: 11px; fill: #3e4c59; }
.where { font-size: 11px; font-weight: 600; fill: #52606d; }
.note { font-size: 11px; fill: #616e7c; }
.word { font-size: 10.5px; fill: #1f2933; stroke: #f3f7f4; stroke-width: 4px; paint-order: stroke; }
.page { fill: #fbfcfd; stroke: #d5dbe2; }
.region { fill: #ffffff; stroke: #c3cbd5; }
.network { fill: #f3f7f4; stroke: #6c9a78; stroke-width: 1.4; }
.zone { fill: none; stroke: #aebbb2; stroke-dasharray: 5 4; }
.open { fill: #e4f0e6; stroke: #b4d0ba; }
.closed { fill: #e9eef6; stroke: #bfcadb; }
.panel { fill: #f4f6f8; stroke: #dde2e8; }
.icon { fill: none; stroke-width: 1.4; stroke-linecap: round; stroke-linejoin: round; }
.arrow { fill: none; stroke: #52606d; stroke-width: 1.3; }
.request { stroke: #1f2933; stroke-width: 2.4; }
.read { stroke: #1f2933; stroke-width: 1.8; stroke-dasharray: 7 4; }
.copy { stroke-dasharray: 2 4; stroke-width: 1.6; }
.rung { font-size: 14px; font-weight: 600; }
.pin { fill: #3f7a4e; }
.flag { font-size: 11px; font-weight: 600; fill: #ffffff; }
.adds { font-size: 13px; font-weight: 700; fill: #2f7a42; }
.changes { font-size: 13px; font-weight: 700; fill: #9a6a12; }
.removes { font-size: 13px; font-weight: 700; fill: #a63d3d; }
";

/// What a colour means: of what is drawn, its fill and line by what would be lost with it.
pub(super) fn colours(class: Option<Class>) -> (&'static str, &'static str) {
    match class {
        Some(Class::Identity) => ("#fdf5e1", "#b07d1e"),
        Some(Class::Foundation) => ("#edf5ee", "#4f8a5b"),
        Some(Class::Data) => ("#fcebeb", "#b24a4a"),
        Some(Class::Stateless) | None => ("#f0f5fc", "#40699e"),
    }
}

/// Draws a scene in its places.
pub(crate) fn svg(scene: &Scene, placed: &Placed) -> String {
    let ways = lead(scene, placed);
    let legend = legend::rows(scene, placed.width);
    let height = placed.height + 18.0 * number(legend.len()) + 12.0;
    let mut out = begin(&scene.title, &heard(scene), placed.width, height);
    for (index, line) in placed.about.iter().enumerate() {
        words(
            &mut out,
            "about",
            (MARGIN, 55.0 + 17.0 * number(index)),
            line,
        );
    }
    for frame in &placed.frames {
        draw_frame(&mut out, frame);
    }
    for (arrow, way) in scene.arrows.iter().zip(&ways) {
        draw_arrow(&mut out, scene, arrow, way);
    }
    if let Some(area) = &placed.people {
        people(&mut out, area);
    }
    for (sign, area) in scene.signs.iter().zip(&placed.signs) {
        draw_sign(&mut out, &sign.title, &sign.members, area);
    }
    for (station, block) in scene.stations.iter().zip(&placed.stations) {
        let look = Look {
            colours: colours(station.class),
            icon: icon::lines(station.icon),
            copy: station.copy,
        };
        draw_box(
            &mut out,
            &tip(&station.members, &station.noun),
            block,
            &look,
        );
    }
    if let Some(panel) = &placed.panel {
        draw_panel(&mut out, panel);
    }
    label::label(&mut out, scene, placed, &ways);
    for (row, entries) in legend.iter().enumerate() {
        let y = placed.height + 6.0 + 18.0 * number(row);
        for (x, entry) in entries {
            legend::draw(&mut out, *entry, (*x, y));
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The head of a picture, up to its title.
pub(crate) fn begin(title: &str, about: &str, width: f64, height: f64) -> String {
    let (safe, about) = (escape(title), escape(about));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{safe}</title>\n<desc id=\"desc\">{about}</desc>\n<style>\n{STYLE}</style>\n<defs>\n"
    );
    for (name, colour, size) in [("tip", "#52606d", 8.0), ("bold", "#1f2933", 5.5)] {
        let _ = writeln!(
            out,
            "<marker id=\"{name}\" viewBox=\"0 0 8 8\" refX=\"7.5\" refY=\"4\" markerWidth=\"{size}\" \
             markerHeight=\"{size}\" orient=\"auto\"><path d=\"M0,0.4 L8,4 L0,7.6 z\" fill=\"{colour}\"/></marker>"
        );
    }
    out.push_str("</defs>\n");
    let _ = writeln!(
        out,
        "<rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"10\"/>",
        width - 1.0,
        height - 1.0
    );
    let room = width - 2.0 * MARGIN;
    let title = text::fit(title, room, |title| text::bold(title, 18.0));
    words(&mut out, "title", (MARGIN, 34.0), &title);
    out
}

/// The picture for those who hear it.
fn heard(scene: &Scene) -> String {
    let mut said: Vec<String> = Vec::new();
    for arrow in &scene.arrows {
        let verb = match arrow.way {
            Way::Request if arrow.from == End::People => "ask",
            Way::Request => "leads to",
            Way::Read => "reads from",
            Way::Knows => "knows",
            Way::Copy => "is copied to",
        };
        said.push(format!(
            "{} {verb} {}",
            scene.name(arrow.from),
            scene.name(arrow.to)
        ));
    }
    let counted = scene.aside.iter().flat_map(|heap| &heap.lines);
    let counted: Vec<&str> = counted.map(|tally| tally.text.as_str()).collect();
    if !counted.is_empty() {
        said.push(format!("beside it: {}", counted.join(", ")));
    }
    said.join("; ")
}

pub(crate) fn words(out: &mut String, class: &str, (x, y): Point, text: &str) {
    if !text.is_empty() {
        let text = escape(text);
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
        );
    }
}

pub(crate) fn rect(out: &mut String, attributes: &str, area: &Area, radius: f64) {
    let Area {
        x,
        y,
        width,
        height,
    } = area;
    let _ = writeln!(
        out,
        "<rect {attributes} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius}\"/>"
    );
}

fn tip(members: &[Address], else_: &str) -> String {
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    if members.is_empty() {
        else_.to_owned()
    } else {
        members.join(", ")
    }
}

fn draw_frame(out: &mut String, frame: &Frame) {
    let class = match frame.style {
        Style::Region => "region",
        Style::Network => "network",
        Style::Zone => "zone",
        Style::Open => "open",
        Style::Closed => "closed",
    };
    out.push_str("<g class=\"frame\">");
    if !frame.members.is_empty() {
        let _ = write!(out, "<title>{}</title>", escape(&frame.members.join(", ")));
    }
    out.push('\n');
    let radius = if frame.style == Style::Network {
        8.0
    } else {
        6.0
    };
    rect(out, &format!("class=\"{class}\""), &frame.area, radius);
    let [title, note, tail] = frame.words();
    words(out, "where", (title.x, title.y + 11.0), &frame.title);
    words(out, "note", (note.x, note.y + 11.0), &frame.note);
    words(out, "note", (tail.x, tail.y + 11.0), &frame.tail);
    out.push_str("</g>\n");
}

/// How a box looks.
struct Look {
    colours: (&'static str, &'static str),
    icon: &'static str,
    copy: bool,
}

fn draw_box(out: &mut String, tip: &str, block: &Block, look: &Look) {
    let (fill, line) = look.colours;
    let dashes = if look.copy {
        " stroke-dasharray=\"5 3\""
    } else {
        ""
    };
    let _ = writeln!(out, "<g class=\"box\"><title>{}</title>", escape(tip));
    let area = &block.area;
    let attributes = format!("fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"1.4\"{dashes}");
    rect(out, &attributes, area, 6.0);
    let text = number(block.lines.len()) * LINE + 15.0;
    let top = area.y + (area.height - text) / 2.0 + 11.0;
    let (x, y) = (area.x + 8.0, top - 11.0);
    let _ = writeln!(
        out,
        "<g class=\"icon\" stroke=\"{line}\" transform=\"translate({x:.1},{y:.1})\">{}</g>",
        look.icon
    );
    words(out, "head", (area.x + ICON, top), &block.head);
    for (index, line) in block.lines.iter().enumerate() {
        let y = top + LINE * number(index + 1);
        words(out, "line", (area.x + ICON, y), line);
    }
    out.push_str("</g>\n");
}

fn people(out: &mut String, area: &Area) {
    out.push_str("<g class=\"box\"><title>people</title>\n");
    rect(
        out,
        "fill=\"#eceff3\" stroke=\"#52606d\" stroke-width=\"1.4\"",
        area,
        23.0,
    );
    let _ = writeln!(
        out,
        "<g class=\"icon\" stroke=\"#323f4b\" transform=\"translate({:.1},{:.1})\">{}</g>",
        area.x + 12.0,
        area.centre().1 - 10.0,
        icon::PERSON
    );
    words(
        out,
        "head",
        (area.x + 36.0, area.centre().1 + 4.5),
        "People",
    );
    out.push_str("</g>\n");
}

fn draw_sign(out: &mut String, title: &str, members: &[Address], area: &Area) {
    let _ = writeln!(
        out,
        "<g class=\"box\"><title>{}</title>",
        escape(&tip(members, title))
    );
    rect(
        out,
        "fill=\"#ffffff\" stroke=\"#323f4b\" stroke-width=\"1.4\"",
        area,
        15.0,
    );
    let title = text::fit(title, area.width - 26.0, |title| text::bold(title, HEAD));
    words(out, "head", (area.x + 14.0, area.centre().1 + 4.5), &title);
    out.push_str("</g>\n");
}

fn draw_panel(out: &mut String, panel: &Panel) {
    out.push_str("<g class=\"box\"><title>beside it</title>\n");
    rect(out, "class=\"panel\"", &panel.area, 6.0);
    let x = panel.area.x + 12.0;
    let mut y = panel.area.y + 19.0;
    words(out, "where", (x, y), "beside it");
    for (line, members) in &panel.lines {
        if members.is_empty() {
            y += LINE + 8.0;
            words(out, "where", (x, y), line);
            continue;
        }
        y += LINE;
        let tip = escape(&members.join(", "));
        let line = escape(line);
        let _ = writeln!(
            out,
            "<text class=\"line\" x=\"{x:.1}\" y=\"{y:.1}\">{line}<title>{tip}</title></text>"
        );
    }
    out.push_str("</g>\n");
}

/// The box at an end, and a number for it.
fn end(placed: &Placed, end: End) -> (usize, Area) {
    match end {
        End::People => (0, placed.people.unwrap_or_default()),
        End::Sign(sign) => (1 + sign, placed.signs[sign]),
        End::Station(is) => (1 + placed.signs.len() + is, placed.stations[is].area),
    }
}

/// The ways of all arrows: what matters most takes the straightest.
fn lead(scene: &Scene, placed: &Placed) -> Vec<Vec<Point>> {
    let (boxes, words) = walls(placed);
    let page = Area::new(MARGIN, 0.0, placed.width - 2.0 * MARGIN, placed.height);
    let mut router = Router::new(page, &boxes, &words, &placed.gutters);
    let mut order: Vec<usize> = (0..scene.arrows.len()).collect();
    order.sort_by_key(|index| scene.arrows[*index].way);
    let mut ways = vec![Vec::new(); scene.arrows.len()];
    for index in order {
        let arrow = &scene.arrows[index];
        ways[index] = router.lead(end(placed, arrow.from), end(placed, arrow.to));
    }
    ways
}

/// What arrows pass by: boxes, and the words of frames.
pub(super) fn walls(placed: &Placed) -> (Vec<Area>, Vec<Area>) {
    let boxes = placed.stations.iter().map(|block| block.area);
    let boxes = boxes
        .chain(placed.signs.iter().copied())
        .chain(placed.people);
    let boxes = boxes.chain(placed.panel.as_ref().map(|panel| panel.area));
    let words = placed.frames.iter().flat_map(Frame::reserved);
    (
        boxes.collect(),
        words.filter(|area| area.width > 1.0).collect(),
    )
}

/// The class of an arrow, and its tip.
pub(super) fn mark(way: Way) -> (&'static str, &'static str) {
    match way {
        Way::Request => ("arrow request", "bold"),
        Way::Read => ("arrow read", "bold"),
        Way::Knows => ("arrow", "tip"),
        Way::Copy => ("arrow copy", "tip"),
    }
}

fn draw_arrow(out: &mut String, scene: &Scene, arrow: &Arrow, way: &[Point]) {
    let (class, mark) = mark(arrow.way);
    let said = format!("{} to {}", scene.name(arrow.from), scene.name(arrow.to));
    let members = arrow.members.iter().map(ToString::to_string);
    let tip: Vec<String> = [said].into_iter().chain(members).collect();
    let _ = writeln!(
        out,
        "<path class=\"{class}\" d=\"{}\" marker-end=\"url(#{mark})\"><title>{}</title></path>",
        rounded(way),
        escape(&tip.join(", "))
    );
}

/// A way with round corners.
fn rounded(way: &[Point]) -> String {
    let Some(first) = way.first() else {
        return String::new();
    };
    let mut path = format!("M{:.1},{:.1}", first.0, first.1);
    for (index, at) in way.iter().enumerate().skip(1) {
        let Some(next) = way.get(index + 1) else {
            let _ = write!(path, " L{:.1},{:.1}", at.0, at.1);
            break;
        };
        let last = way[index - 1];
        let length = |a: Point, b: Point| (a.0 - b.0).abs() + (a.1 - b.1).abs();
        let radius = 7.0_f64
            .min(length(last, *at) / 2.0)
            .min(length(*at, *next) / 2.0);
        let toward = |to: Point| {
            let length = length(*at, to).max(0.001);
            let part = radius / length;
            (at.0 + (to.0 - at.0) * part, at.1 + (to.1 - at.1) * part)
        };
        let (a, b) = (toward(last), toward(*next));
        let _ = write!(
            path,
            " L{:.1},{:.1} Q{:.1},{:.1} {:.1},{:.1}",
            a.0, a.1, at.0, at.1, b.0, b.1
        );
    }
    path
}
