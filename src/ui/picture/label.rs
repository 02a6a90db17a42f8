//! The words beside arrows.

use super::area::Area;
use super::draw::{self, walls};
use super::place::Placed;
use super::route::Point;
use super::scene::Scene;
use super::text;

/// Words beside arrows, where they cover nothing; one that fits nowhere is left out, the arrow's tip says it.
pub(super) fn label(out: &mut String, scene: &Scene, placed: &Placed, ways: &[Vec<Point>]) {
    let (boxes, words) = walls(placed);
    let boxes = boxes.into_iter().map(|area| area.grown(3.0));
    let mut taken: Vec<Area> = boxes.chain(words).collect();
    for way in ways {
        taken.extend(
            way.windows(2)
                .map(|step| Area::line(step[0], step[1]).grown(1.5)),
        );
    }
    let edges: Vec<Area> = placed
        .frames
        .iter()
        .flat_map(|frame| edges(&frame.area))
        .collect();
    for (arrow, way) in scene.arrows.iter().zip(ways) {
        let said = arrow.labels.join(", ");
        let said = text::fit(&said, 170.0, |said| text::width(said, 10.5));
        if said.is_empty() {
            continue;
        }
        let width = text::width(&said, 10.5);
        let spots = spots(way, width).into_iter();
        let free: Vec<Area> = spots
            .filter(|area| !taken.iter().any(|is| is.meets(area)))
            .collect();
        // On a frame's edge it still reads.
        let clear = free
            .iter()
            .find(|area| !edges.iter().any(|edge| edge.meets(area)));
        let Some(area) = clear.or(free.first()).copied() else {
            continue;
        };
        taken.push(area);
        draw::words(out, "word", (area.x, area.bottom() - 3.0), &said);
    }
}

/// The four edges of a frame.
fn edges(area: &Area) -> [Area; 4] {
    let (x, y, right, bottom) = (area.x, area.y, area.right(), area.bottom());
    [
        Area::line((x, y), (right, y)).grown(1.0),
        Area::line((x, bottom), (right, bottom)).grown(1.0),
        Area::line((x, y), (x, bottom)).grown(1.0),
        Area::line((right, y), (right, bottom)).grown(1.0),
    ]
}

/// Where the words of an arrow may stand: beside its longest parts, near its end first.
fn spots(way: &[Point], width: f64) -> Vec<Area> {
    let mut spots = Vec::new();
    for step in way.windows(2).rev() {
        let (a, b) = (step[0], step[1]);
        for part in [0.5, 0.35, 0.65, 0.2, 0.8] {
            let (x, y) = (a.0 + (b.0 - a.0) * part, a.1 + (b.1 - a.1) * part);
            if (a.0 - b.0).abs() < 0.5 {
                spots.push(Area::new(x + 6.0, y - 7.0, width, 13.0));
                spots.push(Area::new(x - 6.0 - width, y - 7.0, width, 13.0));
            } else if (a.0 - b.0).abs() > width {
                spots.push(Area::new(x - width / 2.0, y - 17.0, width, 13.0));
                spots.push(Area::new(x - width / 2.0, y + 4.0, width, 13.0));
            }
        }
    }
    spots
}
