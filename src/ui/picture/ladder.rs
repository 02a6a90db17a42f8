//! The ladder as a picture: each stage a terrace, the lowest at the foot.

use std::fmt::Write as _;

use super::area::{Area, number};
use super::climb::Climb;
use super::draw::{begin, rect, words};
use super::place::{LINE, MARGIN, PAGE, SMALL};
use super::text::{self, escape};

/// A rung: a stage and what it does to the one below.
pub(crate) struct Rung {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Whether the environment stands on it.
    pub(crate) here: bool,
    pub(crate) climb: Climb,
}

/// How far each terrace stands back from the one below.
const BACK: f64 = 30.0;
/// How many lines one kind of change may take.
const MOST: usize = 4;

/// A rung with its text as it fits.
struct Step<'a> {
    rung: &'a Rung,
    area: Area,
    about: Vec<String>,
    /// By sign: what is added, changed, taken out.
    lines: Vec<(char, Vec<String>)>,
}

/// Draws a ladder, the lowest rung first.
pub(crate) fn svg(title: &str, about: &str, environment: &str, rungs: &[Rung]) -> String {
    let about_lines = text::wrap(about, PAGE - 2.0 * MARGIN, 12.5, 2);
    let mut y = 58.0 + 17.0 * number(about_lines.len());
    let mut steps = Vec::new();
    let back = BACK.min(300.0 / number(rungs.len().max(1)));
    for (index, rung) in rungs.iter().enumerate().rev() {
        let x = MARGIN + back * number(index);
        let step = lay(rung, Area::new(x, y, PAGE - MARGIN - x, 0.0));
        y = step.area.bottom();
        steps.push(step);
    }
    let heard: Vec<String> = rungs.iter().map(heard).collect();
    let mut out = begin(title, &heard.join("; "), PAGE, y + 24.0);
    for (index, line) in about_lines.iter().enumerate() {
        words(
            &mut out,
            "about",
            (MARGIN, 55.0 + 17.0 * number(index)),
            line,
        );
    }
    for (place, step) in steps.iter().enumerate() {
        draw(&mut out, step, rungs.len() - place, environment);
    }
    out.push_str("</svg>\n");
    out
}

fn heard(rung: &Rung) -> String {
    let climb = &rung.climb;
    let mut said = format!("{}: {}", rung.name, rung.about);
    for (word, list) in [
        ("adds", &climb.adds),
        ("changes", &climb.changes),
        ("takes out", &climb.removes),
    ] {
        if !list.is_empty() {
            let _ = write!(said, " {word} {}", list.join(", "));
        }
    }
    said
}

fn lay(rung: &Rung, area: Area) -> Step<'_> {
    let room = area.width - 62.0;
    let about = text::wrap(&rung.about, room, 12.0, 2);
    let mut lines = Vec::new();
    let climb = &rung.climb;
    for (sign, list) in [
        ('+', &climb.adds),
        ('~', &climb.changes),
        ('−', &climb.removes),
    ] {
        if !list.is_empty() {
            lines.push((sign, text::wrap(&list.join(", "), room - 16.0, SMALL, MOST)));
        }
    }
    let all: usize = lines.iter().map(|(_, lines)| lines.len()).sum();
    let height =
        34.0 + 16.0 * number(about.len()) + LINE * number(all) + 3.0 * number(lines.len()) + 10.0;
    Step {
        rung,
        area: Area { height, ..area },
        about,
        lines,
    }
}

fn draw(out: &mut String, step: &Step<'_>, place: usize, environment: &str) {
    let area = &step.area;
    let (fill, line) = if step.rung.here {
        ("#e4f0e6", "#3f7a4e")
    } else {
        ("#f4f7f4", "#9db5a3")
    };
    let _ = writeln!(
        out,
        "<g class=\"box\"><title>{}</title>",
        escape(&heard(step.rung))
    );
    rect(
        out,
        &format!("fill=\"{fill}\" stroke=\"{line}\" stroke-width=\"1.4\""),
        area,
        0.0,
    );
    // The edge that one steps on.
    let _ = writeln!(
        out,
        "<path d=\"M{:.1},{:.1} h{:.1}\" stroke=\"{line}\" stroke-width=\"4\"/>",
        area.x, area.y, area.width
    );
    let (x, mut y) = (area.x + 46.0, area.y + 24.0);
    let _ = writeln!(
        out,
        "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"12\" fill=\"#ffffff\" stroke=\"{line}\" stroke-width=\"1.4\"/>",
        area.x + 24.0,
        y - 3.0
    );
    let _ = writeln!(
        out,
        "<text class=\"head\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{place}</text>",
        area.x + 24.0,
        y + 1.5
    );
    let flag = format!("{environment} stands here");
    let flag_width = text::bold(&flag, SMALL) + 20.0;
    let room = area.width
        - 62.0
        - if step.rung.here {
            flag_width + 10.0
        } else {
            0.0
        };
    let name = text::fit(&step.rung.name, room, |name| text::bold(name, 14.0));
    words(out, "rung", (x, y + 2.0), &name);
    if step.rung.here {
        let flag_width = flag_width.min(area.width / 2.0);
        let flag = text::fit(&flag, flag_width - 20.0, |flag| text::bold(flag, SMALL));
        let pin = Area::new(area.right() - 10.0 - flag_width, y - 13.0, flag_width, 20.0);
        rect(out, "class=\"pin\"", &pin, 10.0);
        words(out, "flag", (pin.x + 10.0, pin.y + 14.0), &flag);
    }
    y += 4.0;
    for line in &step.about {
        y += 16.0;
        words(out, "about", (x, y), line);
    }
    for (sign, lines) in &step.lines {
        y += 3.0;
        for (index, line) in lines.iter().enumerate() {
            y += LINE;
            if index == 0 {
                let class = match sign {
                    '+' => "adds",
                    '~' => "changes",
                    _ => "removes",
                };
                words(out, class, (x, y), &sign.to_string());
            }
            words(out, "line", (x + 16.0, y), line);
        }
    }
    out.push_str("</g>\n");
}
