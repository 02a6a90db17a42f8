//! Gives everything in a scene its place on the page.

use super::area::{Area, number};
use super::scene::{Scene, Spot};
use super::text;

/// The width of the page: what a README shows without shrinking it.
pub(crate) const PAGE: f64 = 920.0;
/// The margin around it.
pub(crate) const MARGIN: f64 = 24.0;
/// The size of quiet text.
pub(crate) const SMALL: f64 = 11.0;
/// The size of what a box is.
pub(crate) const HEAD: f64 = 12.5;
/// What is left of the text in a box: its drawing.
pub(crate) const ICON: f64 = 34.0;
/// How many lines a box has below its head.
const MOST: usize = 6;
/// The column at the side.
const SIDE: f64 = 186.0;
/// Between boxes, for arrows and their words.
const GAP: f64 = 30.0;
/// Between zones.
const GUTTER: f64 = 40.0;
/// The least width of a zone.
const ZONE: f64 = 190.0;
/// From the edge of a zone to the boxes in it.
const INSET: f64 = 20.0;
/// The height of a line of quiet text.
pub(crate) const LINE: f64 = 15.0;

/// The places of a scene.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) about: Vec<String>,
    pub(crate) people: Option<Area>,
    pub(crate) signs: Vec<Area>,
    pub(crate) stations: Vec<Block>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) panel: Option<Panel>,
    /// Where the way down is free of boxes: between zones.
    pub(crate) gutters: Vec<f64>,
}

/// A box with its text, as it fits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    pub(crate) area: Area,
    pub(crate) head: String,
    pub(crate) lines: Vec<String>,
}

/// A frame that others stand in.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) area: Area,
    pub(crate) style: Style,
    pub(crate) title: String,
    /// Beside the title.
    pub(crate) note: String,
    /// At the other end of the line.
    pub(crate) tail: String,
    /// Whom it stands for, for those who point at it.
    pub(crate) members: Vec<String>,
}

/// How a frame is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Region,
    Network,
    Zone,
    Open,
    Closed,
}

/// What is only counted.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) area: Area,
    /// Each with the addresses behind it; a heading has none.
    pub(crate) lines: Vec<(String, Vec<String>)>,
}

impl Frame {
    /// The room that its title and note take, and its tail.
    pub(crate) fn reserved(&self) -> [Area; 2] {
        let [title, note, tail] = self.words();
        let right = if note.width > 0.0 {
            note.right()
        } else {
            title.right()
        };
        let width = right - title.x;
        [Area { width, ..title }, tail]
    }

    /// The room that its title, its note and its tail take.
    pub(crate) fn words(&self) -> [Area; 3] {
        let (x, y) = (self.area.x + 8.0, self.area.y + 5.0);
        let title = Area::new(x, y, text::bold(&self.title, SMALL), 15.0);
        let note = Area::new(title.right() + 8.0, y, text::width(&self.note, SMALL), 15.0);
        let width = text::width(&self.tail, SMALL);
        let tail = Area::new(self.area.right() - 8.0 - width, y, width, 15.0);
        [title, note, tail]
    }
}

/// Places a scene.
pub(crate) fn place(scene: &Scene) -> Placed {
    let about = text::wrap(&scene.about, PAGE - 2.0 * MARGIN, 12.5, 2);
    let mut placed = Placed {
        width: PAGE,
        stations: vec![Block::default(); scene.stations.len()],
        ..Placed::default()
    };
    for network in &scene.networks {
        let zones = number(network.zones.len());
        let inner = zones * ZONE + (zones - 1.0).max(0.0) * GUTTER + 2.0 * GUTTER;
        let page = inner + 2.0 * MARGIN + 28.0 + SIDE + GAP;
        placed.width = placed.width.max(page);
    }
    let mut y = 52.0 + 17.0 * number(about.len());
    placed.about = about;
    y = edge(scene, &mut placed, y);
    for region in 0..scene.regions.len() {
        y = place_region(scene, &mut placed, region, y);
    }
    placed.height = y;
    placed
}

/// The text of a box in a width, and its height.
fn block(scene: &Scene, station: usize, width: f64) -> Block {
    let is = &scene.stations[station];
    let room = width - ICON - 10.0;
    let head = text::fit(&capital(&is.noun), room, |head| text::bold(head, HEAD));
    let pieces = is.lines.iter().map(String::as_str);
    let mut lines = text::flow(pieces, " · ", room, SMALL);
    if lines.len() > MOST {
        let left = lines.len() - MOST + 1;
        lines.truncate(MOST - 1);
        lines.push(format!("and {left} more"));
    }
    let height = (26.0 + LINE * number(lines.len())).max(44.0);
    Block {
        area: Area::new(0.0, 0.0, width, height),
        head,
        lines,
    }
}

fn capital(noun: &str) -> String {
    let mut letters = noun.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}

/// What is outside of all regions, from left to right: people, names, what is near the readers.
fn edge(scene: &Scene, placed: &mut Placed, top: f64) -> f64 {
    let near: Vec<usize> = stations(scene, |spot| *spot == Spot::Edge);
    let people = scene
        .arrows
        .iter()
        .any(|arrow| arrow.from == super::scene::End::People);
    if !people && near.is_empty() {
        return top + 8.0;
    }
    let sign_width = scene
        .signs
        .iter()
        .map(|sign| text::bold(&sign.title, HEAD) + 28.0);
    let most = if near.is_empty() { 560.0 } else { 330.0 };
    let sign_width = sign_width.fold(0.0, f64::max).min(most);
    let signs_height = number(scene.signs.len()) * 42.0 - 12.0;
    let blocks: Vec<Block> = near
        .iter()
        .map(|station| block(scene, *station, 236.0))
        .collect();
    let blocks_height = blocks.iter().map(|is| is.area.height + 14.0).sum::<f64>() - 14.0;
    let height = signs_height.max(blocks_height).max(46.0);
    let middle = top + 8.0 + height / 2.0;
    let mut x = MARGIN;
    if people {
        placed.people = Some(Area::new(x, middle - 23.0, 92.0, 46.0));
        x += 92.0 + 50.0;
    }
    let mut y = middle - signs_height / 2.0;
    for _ in &scene.signs {
        placed.signs.push(Area::new(x, y, sign_width, 30.0));
        y += 42.0;
    }
    if !scene.signs.is_empty() {
        x += sign_width + 50.0;
    }
    let mut y = middle - blocks_height / 2.0;
    for (station, mut block) in near.into_iter().zip(blocks) {
        block.area.x = x;
        block.area.y = y;
        y = block.area.bottom() + 14.0;
        placed.stations[station] = block;
    }
    top + 8.0 + height + GAP
}

/// The boxes in some spots.
fn stations(scene: &Scene, is_there: impl Fn(&Spot) -> bool) -> Vec<usize> {
    let all = scene.stations.iter().enumerate();
    all.filter(|(_, is)| is_there(&is.spot))
        .map(|(at, _)| at)
        .collect()
}

/// A region: networks at the left, at the right what is beside them, and in the home region what is counted.
fn place_region(scene: &Scene, placed: &mut Placed, region: usize, top: f64) -> f64 {
    let beside = stations(scene, |spot| *spot == Spot::Beside(region));
    let networks: Vec<usize> = (0..scene.networks.len())
        .filter(|is| scene.networks[*is].region == region)
        .collect();
    let panel = region == 0 && !scene.aside.is_empty();
    if beside.is_empty() && networks.is_empty() && !panel {
        return top;
    }
    let width = placed.width - 2.0 * MARGIN;
    let at = placed.frames.len();
    placed.frames.push(Frame {
        area: Area::new(MARGIN, top, width, 0.0),
        style: Style::Region,
        title: format!("region {}", scene.regions[region]),
        note: String::new(),
        tail: String::new(),
        members: Vec::new(),
    });
    let (left, first) = (MARGIN + 14.0, top + 28.0);
    let side = MARGIN + width - 14.0 - SIDE;
    let mut y = first;
    let mut side_y = first;
    if networks.is_empty() {
        // Side by side, and the panel at the right of them.
        let columns = 3;
        let each = (side - left - GAP) / number(columns) - 12.0;
        for row in beside.chunks(columns) {
            let mut height: f64 = 0.0;
            for (column, station) in row.iter().enumerate() {
                let mut block = block(scene, *station, each);
                block.area.x = left + number(column) * (each + 12.0);
                block.area.y = y;
                height = height.max(block.area.height);
                placed.stations[*station] = block;
            }
            y += height + GAP;
        }
    } else {
        let alone = beside.is_empty() && !panel;
        let right = if alone { side + SIDE } else { side - 24.0 };
        for network in networks {
            let area = Area::new(left, y, right - left, 0.0);
            y = place_network(scene, placed, network, area) + 18.0;
        }
        for station in beside {
            let mut block = block(scene, station, SIDE);
            block.area.x = side;
            block.area.y = side_y;
            side_y = block.area.bottom() + 16.0;
            placed.stations[station] = block;
        }
    }
    if panel {
        let alone = placed.frames.len() == at + 1 && y <= first;
        let area = if alone {
            Area::new(left, first, width - 28.0, 0.0)
        } else {
            Area::new(side, side_y, SIDE, 0.0)
        };
        let panel = counted(scene, area);
        side_y = panel.area.bottom() + 14.0;
        placed.panel = Some(panel);
    }
    let bottom = y.max(side_y);
    placed.frames[at].area.height = bottom - top;
    bottom + 18.0
}

/// What is counted, line by line.
fn counted(scene: &Scene, area: Area) -> Panel {
    let room = area.width - 24.0;
    let fit = |text: &str| text::fit(text, room, |text| text::width(text, SMALL));
    let mut lines = Vec::new();
    for heap in &scene.aside {
        if let Some(heading) = &heap.heading {
            lines.push((fit(heading), Vec::new()));
        }
        for tally in &heap.lines {
            let members = tally.members.iter().map(ToString::to_string).collect();
            lines.push((fit(&tally.text), members));
        }
    }
    let headings = lines
        .iter()
        .filter(|(_, members)| members.is_empty())
        .count();
    let height = 32.0 + LINE * number(lines.len()) + 8.0 * number(headings);
    Panel {
        area: Area { height, ..area },
        lines,
    }
}

/// A network: rows of ground, a column for each zone.
fn place_network(scene: &Scene, placed: &mut Placed, network: usize, area: Area) -> f64 {
    let is = &scene.networks[network];
    let at = placed.frames.len();
    let title = text::fit(&is.title, area.width - 16.0, |title| {
        text::bold(title, SMALL)
    });
    let first = is.notes.first().cloned().unwrap_or_default();
    let note = fit_note(&title, &first, area.width);
    let rest = is.notes.get(1..).unwrap_or_default().join(" · ");
    let tail = fit_note(&format!("{title} {note}"), &rest, area.width - 8.0);
    placed.frames.push(Frame {
        area,
        style: Style::Network,
        title,
        note,
        tail,
        members: is.members.iter().map(ToString::to_string).collect(),
    });
    if is.zones.is_empty() {
        placed.frames[at].area.height = 44.0;
        return area.y + 44.0;
    }
    let columns = number(is.zones.len());
    let inner = area.width - 2.0 * GUTTER;
    let width = (inner - (columns - 1.0) * GUTTER) / columns;
    let left = |zone: usize| area.x + GUTTER + number(zone) * (width + GUTTER);
    let top = area.y + 30.0;
    for (zone, name) in is.zones.iter().enumerate() {
        placed.gutters.push(left(zone) - GUTTER / 2.0);
        placed.frames.push(Frame {
            area: Area::new(left(zone), top, width, 0.0),
            style: Style::Zone,
            title: match name.as_str() {
                "" => String::new(),
                name => text::fit(&format!("zone {name}"), width - 16.0, |is| {
                    text::bold(is, SMALL)
                }),
            },
            note: String::new(),
            tail: String::new(),
            members: Vec::new(),
        });
    }
    placed.gutters.push(left(is.zones.len()) - GUTTER / 2.0);
    let mut y = top + 24.0;
    for (row, cells) in is.rows.iter().enumerate() {
        let here = |spot: &Spot| matches!(spot, Spot::In { network: n, row: r, .. } if (*n, *r) == (network, row));
        let here = stations(scene, here);
        let bottom = fill(scene, placed, &here, (y + 28.0, width), &left);
        for (zone, ground) in cells.iter().enumerate() {
            let Some(ground) = ground else { continue };
            let area = Area::new(left(zone) + 5.0, y, width - 10.0, bottom - y);
            placed.frames.push(Frame {
                area,
                style: if ground.open {
                    Style::Open
                } else {
                    Style::Closed
                },
                title: text::fit(&ground.title, area.width - 16.0, |is| text::bold(is, SMALL)),
                // A range cut short says nothing.
                note: match fit_note(&ground.title, &ground.note, area.width) {
                    note if note == ground.note => note,
                    _ => String::new(),
                },
                tail: String::new(),
                members: ground.member.iter().map(ToString::to_string).collect(),
            });
        }
        y = bottom + GAP;
    }
    let bottom = y - GAP + 10.0;
    for frame in &mut placed.frames[at + 1..=at + is.zones.len()] {
        frame.area.height = bottom - frame.area.y;
    }
    placed.frames[at].area.height = bottom + 12.0 - area.y;
    bottom + 12.0
}

/// What of a note fits beside a title.
fn fit_note(title: &str, note: &str, width: f64) -> String {
    let room = width - 24.0 - text::bold(title, SMALL);
    text::fit(note, room.max(0.0), |note| text::width(note, SMALL))
}

/// Puts the boxes of a row where they stand: what spans zones each by itself, then each zone's own.
fn fill(
    scene: &Scene,
    placed: &mut Placed,
    here: &[usize],
    (top, width): (f64, f64),
    left: &dyn Fn(usize) -> f64,
) -> f64 {
    let zones = |station: usize| match &scene.stations[station].spot {
        Spot::In { zones, .. } => zones.clone(),
        Spot::Edge | Spot::Beside(_) => Vec::new(),
    };
    let mut y = top;
    for station in here.iter().copied().filter(|is| zones(*is).len() > 1) {
        let zones = zones(station);
        let (first, last) = (zones[0], zones[zones.len() - 1]);
        let x = left(first) + INSET;
        let mut block = block(scene, station, left(last) + width - INSET - x);
        block.area.x = x;
        block.area.y = y;
        y = block.area.bottom() + GAP;
        placed.stations[station] = block;
    }
    // Each zone's own in lines, as high in one zone as in the other.
    let across = if width > 380.0 { 2 } else { 1 };
    let each = (width - 2.0 * INSET - GAP * number(across - 1)) / number(across);
    let mut lines: Vec<Vec<(usize, usize, usize)>> = Vec::new();
    let mut filled = vec![0; scene.zones()];
    for station in here.iter().copied().filter(|is| zones(*is).len() == 1) {
        let zone = zones(station)[0];
        let (line, column) = (filled[zone] / across, filled[zone] % across);
        filled[zone] += 1;
        if lines.len() <= line {
            lines.push(Vec::new());
        }
        lines[line].push((station, zone, column));
    }
    for line in lines {
        let blocks: Vec<Block> = line
            .iter()
            .map(|(is, ..)| block(scene, *is, each))
            .collect();
        let height = blocks
            .iter()
            .map(|block| block.area.height)
            .fold(0.0, f64::max);
        for ((station, zone, column), block) in line.into_iter().zip(blocks) {
            let x = left(zone) + INSET + number(column) * (each + GAP);
            let area = Area::new(x, y, each, height);
            placed.stations[station] = Block { area, ..block };
        }
        y += height + GAP;
    }
    if here.is_empty() { top } else { y - GAP + 14.0 }
}
