//! The small drawings in boxes: our own, of a few lines.

use terrace_core::sketch::Icon;

/// A drawing of 20 by 20, as SVG without colours.
pub(crate) fn lines(icon: Icon) -> &'static str {
    match icon {
        Icon::Machine => {
            "<rect x=\"3\" y=\"3\" width=\"14\" height=\"14\" rx=\"2\"/><path d=\"M7,8 h6 M7,12 h6\"/>"
        }
        Icon::Machines => {
            "<rect x=\"2\" y=\"6\" width=\"12\" height=\"12\" rx=\"2\"/><path d=\"M6,6 v-2 a2,2 0 0 1 2,-2 h8 \
             a2,2 0 0 1 2,2 v8 a2,2 0 0 1 -2,2 h-2 M5,11 h6 M5,14 h6\"/>"
        }
        Icon::Balancer => {
            "<circle cx=\"4\" cy=\"10\" r=\"2\"/><path d=\"M6,10 h4 M16,4 h-2 a4,4 0 0 0 -4,4 v4 a4,4 0 0 0 4,4 h2 \
             M10,10 h6\"/><circle cx=\"17\" cy=\"4\" r=\"1.2\"/><circle cx=\"17\" cy=\"10\" r=\"1.2\"/><circle \
             cx=\"17\" cy=\"16\" r=\"1.2\"/>"
        }
        Icon::Gate => "<path d=\"M2,17 v-9 a8,6 0 0 1 16,0 v9 M7,13 h7 M11,10 l3,3 l-3,3\"/>",
        Icon::Database => {
            "<ellipse cx=\"10\" cy=\"4.5\" rx=\"7\" ry=\"2.8\"/><path d=\"M3,4.5 v11 c0,3.6 14,3.6 14,0 v-11 \
             M3,10 c0,3.6 14,3.6 14,0\"/>"
        }
        Icon::Bucket => {
            "<ellipse cx=\"10\" cy=\"4.5\" rx=\"8\" ry=\"2.5\"/><path d=\"M2,4.5 l2.4,12 c0.3,2 10.9,2 11.2,0 \
             l2.4,-12\"/>"
        }
        Icon::Globe => {
            "<circle cx=\"10\" cy=\"10\" r=\"8\"/><ellipse cx=\"10\" cy=\"10\" rx=\"3.5\" ry=\"8\"/><path \
             d=\"M2,10 h16\"/>"
        }
        Icon::Plain => "<rect x=\"3\" y=\"3\" width=\"14\" height=\"14\" rx=\"7\"/>",
    }
}

/// Somebody, 20 by 20.
pub(crate) const PERSON: &str =
    "<circle cx=\"10\" cy=\"6\" r=\"3.6\"/><path d=\"M3,18 c0,-8.5 14,-8.5 14,0 z\"/>";
