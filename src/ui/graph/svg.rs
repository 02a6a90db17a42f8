//! The graph as a picture.

use std::fmt::Write as _;

use super::layout::{Area, layout};
use super::{Graph, Node};
use terrace_core::kind::Class;

const KIND_FONT: f64 = 11.0;
const NAME_FONT: f64 = 13.0;

/// The fill and the line of a node.
pub(crate) fn colours(node: &Node) -> (&'static str, &'static str) {
    pair(node.class)
}

fn pair(class: Option<Class>) -> (&'static str, &'static str) {
    match class {
        Some(Class::Stateless) => ("#e8eef7", "#4a73a8"),
        Some(Class::Identity) => ("#fbf1da", "#b58a2a"),
        Some(Class::Foundation) => ("#e6f1e8", "#4f8a5b"),
        Some(Class::Data) => ("#f8e3e3", "#b24a4a"),
        None => ("#ffffff", "#8a94a0"),
    }
}

const LEGEND: [(&str, Option<Class>); 5] = [
    ("foundation: a network", Some(Class::Foundation)),
    ("stateless: can be made again", Some(Class::Stateless)),
    (
        "identity: an address that others hold",
        Some(Class::Identity),
    ),
    ("data: what users stored", Some(Class::Data)),
    ("existing: not ours", None),
];

const STYLE: &str = "\
text { font-family: system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif; fill: #1f2933; }
.title { font-size: 18px; font-weight: 600; }
.quiet { font-size: 11px; fill: #5c6773; }
.name { font-size: 13px; font-weight: 600; }
.kind { font-size: 11px; fill: #3e4c59; }
.module { font-size: 12px; font-weight: 600; fill: #5c6773; }
.edge { fill: none; stroke: #7b8794; stroke-width: 1.3; }
.late { stroke-dasharray: 5 4; stroke: #9a6fb0; }
.frame { fill: #f7f8fa; stroke: #cbd2d9; }
";

/// Draws a graph.
pub(crate) fn svg(graph: &Graph) -> String {
    let placed = layout(graph, |node| width(&graph.nodes[node]));
    let legend = legend_rows(placed.width);
    #[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
    let height = placed.height + 34.0 + legend.len() as f64 * 24.0;
    let least = text_width(&graph.title, 18.0) + 56.0;
    let width = placed.width.max(least).max(420.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n"
    );
    let title = escape(&graph.title);
    let _ = writeln!(out, "<title>{title}</title>\n<style>\n{STYLE}</style>");
    out.push_str(
        "<defs>\n<marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0,0.5 L8,4 L0,7.5 z\" \
         fill=\"#7b8794\"/></marker>\n<marker id=\"late-tip\" viewBox=\"0 0 8 8\" refX=\"7\" \
         refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path \
         d=\"M0,0.5 L8,4 L0,7.5 z\" fill=\"#9a6fb0\"/></marker>\n</defs>\n",
    );
    let _ = writeln!(
        out,
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    let _ = writeln!(
        out,
        "<text class=\"title\" x=\"28\" y=\"32\">{title}</text>"
    );
    let _ = writeln!(
        out,
        "<text class=\"quiet\" x=\"28\" y=\"49\">built from left to right; an arrow leads from what is \
         needed to what needs it</text>"
    );
    for (module, area) in &placed.frames {
        let name = module.last().map(ToString::to_string).unwrap_or_default();
        frame(&name, area, &mut out);
    }
    for (edge, passes) in graph.edges.iter().zip(&placed.passes) {
        let (from, to) = (&placed.boxes[edge.from], &placed.boxes[edge.to]);
        let (class, tip) = if edge.late {
            ("edge late", "late-tip")
        } else {
            ("edge", "tip")
        };
        let path = path(from, passes, to);
        let _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"{path}\" marker-end=\"url(#{tip})\"/>"
        );
    }
    for (node, area) in graph.nodes.iter().zip(&placed.boxes) {
        draw(node, area, &mut out);
    }
    legend_draw(&legend, placed.height + 18.0, &mut out);
    out.push_str("</svg>\n");
    out
}

/// About how wide a text is; fonts differ, so a little more.
fn text_width(text: &str, size: f64) -> f64 {
    let wide = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | '\'' | '(' | ')' | ' ' | 't' | 'f' | 'r' => 0.4,
        'm' | 'w' | 'M' | 'W' => 0.95,
        'A'..='Z' => 0.75,
        _ => 0.64,
    };
    text.chars().map(wide).sum::<f64>() * size
}

fn width(node: &Node) -> f64 {
    let kind = text_width(&node.kind(), KIND_FONT);
    let name = text_width(&node.name(), NAME_FONT) * 1.06;
    kind.max(name) + 24.0
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn draw(node: &Node, area: &Area, out: &mut String) {
    let (fill, line) = colours(node);
    let dashes = if node.address.existing {
        " stroke-dasharray=\"4 3\""
    } else {
        ""
    };
    let Area {
        x,
        y,
        width,
        height,
    } = area;
    let _ = writeln!(out, "<g><title>{}</title>", escape(&node.line()));
    let _ = writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\" \
         fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"1.4\"{dashes}/>"
    );
    let left = x + 12.0;
    let (kind, name) = (escape(&node.kind()), escape(&node.name()));
    let _ = writeln!(
        out,
        "<text class=\"kind\" x=\"{left:.1}\" y=\"{:.1}\">{kind}</text>",
        y + 16.0
    );
    let _ = writeln!(
        out,
        "<text class=\"name\" x=\"{left:.1}\" y=\"{:.1}\">{name}</text></g>",
        y + 33.0
    );
}

fn frame(name: &str, area: &Area, out: &mut String) {
    let Area {
        x,
        y,
        width,
        height,
    } = area;
    let _ = writeln!(
        out,
        "<rect class=\"frame\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\"/>"
    );
    let _ = writeln!(
        out,
        "<text class=\"module\" x=\"{:.1}\" y=\"{:.1}\">module {}</text>",
        x + 12.0,
        y + 15.0,
        escape(name),
    );
}

/// From the right side of what is needed, through the places kept for it, to the left side of what
/// needs it. A late edge may run the other way, or between boxes of one column.
fn path(from: &Area, passes: &[Area], to: &Area) -> String {
    if to.x < from.x {
        let (x, y, end, height) = (from.x, from.middle() + 7.0, to.right(), to.middle() + 7.0);
        let bend = (x - end) / 2.0;
        return format!(
            "M{x:.1},{y:.1} C{:.1},{y:.1} {:.1},{height:.1} {end:.1},{height:.1}",
            x - bend,
            end + bend
        );
    }
    if (to.x - from.x).abs() < 1.0 {
        let (x, y, end, height) = (from.right(), from.middle(), to.right(), to.middle());
        let bow = x.max(end) + 20.0;
        return format!(
            "M{x:.1},{y:.1} C{bow:.1},{y:.1} {bow:.1},{height:.1} {end:.1},{height:.1}"
        );
    }
    let mut path = format!("M{:.1},{:.1}", from.right(), from.middle());
    let mut at = (from.right(), from.middle());
    for next in passes.iter().chain([to]) {
        let (x, y) = (next.x, next.middle());
        let bend = (x - at.0) / 2.0;
        let _ = write!(
            path,
            " C{:.1},{:.1} {:.1},{y:.1} {x:.1},{y:.1}",
            at.0 + bend,
            at.1,
            x - bend
        );
        at = (next.right(), y);
        if !std::ptr::eq(next, to) {
            let _ = write!(path, " L{:.1},{y:.1}", at.0);
        }
    }
    path
}

/// The legend, as many entries a row as there is room for.
fn legend_rows(width: f64) -> Vec<Vec<(f64, usize)>> {
    let mut rows: Vec<Vec<(f64, usize)>> = vec![Vec::new()];
    let mut x = 28.0;
    for index in 0..=LEGEND.len() {
        let text = LEGEND
            .get(index)
            .map_or("dashed: set later", |(text, _)| text);
        let room = text_width(text, KIND_FONT) + 52.0;
        if x + room > width.max(420.0) && x > 28.0 {
            rows.push(Vec::new());
            x = 28.0;
        }
        if let Some(row) = rows.last_mut() {
            row.push((x, index));
        }
        x += room;
    }
    rows
}

fn legend_draw(rows: &[Vec<(f64, usize)>], top: f64, out: &mut String) {
    let mut y = top;
    for row in rows {
        for (x, index) in row {
            let text = LEGEND
                .get(*index)
                .map_or("dashed: set later", |(text, _)| text);
            match LEGEND.get(*index) {
                Some((_, class)) => {
                    let (fill, line) = pair(*class);
                    let dashes = if class.is_none() {
                        " stroke-dasharray=\"4 3\""
                    } else {
                        ""
                    };
                    let _ = writeln!(
                        out,
                        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"22\" height=\"14\" rx=\"3\" \
                         fill=\"{fill}\" stroke=\"{line}\"{dashes}/>"
                    );
                }
                None => {
                    let _ = writeln!(
                        out,
                        "<path class=\"edge late\" d=\"M{x:.1},{:.1} h22\"/>",
                        y + 7.0
                    );
                }
            }
            let _ = writeln!(
                out,
                "<text class=\"quiet\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                x + 29.0,
                y + 11.0
            );
        }
        y += 24.0;
    }
}
