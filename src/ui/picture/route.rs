//! Leads arrows around the boxes: along a grid of lines that pass beside them, with as few bends as can be.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::area::Area;

/// A point on the page.
pub(crate) type Point = (f64, f64);

/// How far from a box an arrow begins to turn.
const STUB: f64 = 13.0;
/// What a bend costs, in units of length.
const BEND: u32 = 60;
/// What it costs to run along another arrow, for each step.
const ALONG: u32 = 90;
/// What it costs to cross another arrow.
const ACROSS: u32 = 45;
/// What it costs to begin or end at a side that is not the usual one.
const ODD: u32 = 90;

/// Where arrows may go.
pub(crate) struct Router {
    xs: Vec<f64>,
    ys: Vec<f64>,
    /// Which of the lines down are between zones: arrows had better go there.
    free: Vec<bool>,
    /// What they must not cross.
    walls: Vec<Area>,
    /// What runs along a step or through a point of the grid: pairs of ends.
    steps: BTreeMap<(usize, usize, bool), Vec<(usize, usize)>>,
    /// Which sides of boxes are taken, and whether an arrow ends there.
    ports: BTreeMap<(usize, usize), Vec<(usize, usize)>>,
}

/// A place at the side of a box where arrows may begin and end.
#[derive(Clone, Copy)]
struct Port {
    /// At the side.
    at: Point,
    /// On the grid, before the side.
    grid: (usize, usize),
    /// Right, down, left, up, as seen from the box.
    side: usize,
    cost: u32,
}

/// From which side, over which points of the grid, to which side.
type Found = (Port, Vec<(usize, usize)>, Port);

impl Router {
    /// For boxes, words that must stay legible, and lines that are free.
    pub(crate) fn new(page: Area, boxes: &[Area], words: &[Area], gutters: &[f64]) -> Self {
        let mut xs: Vec<f64> = gutters.to_vec();
        let mut ys = Vec::new();
        for gutter in gutters {
            xs.extend([gutter - 10.0, gutter + 10.0]);
        }
        for area in boxes {
            let (x, y) = area.centre();
            xs.extend([area.x - STUB, x, area.right() + STUB]);
            ys.extend([area.y - STUB, y, area.bottom() + STUB]);
            xs.extend([area.x - STUB - 8.0, area.right() + STUB + 8.0]);
            let sixth = (area.width / 6.0).round();
            xs.extend([x - sixth, x + sixth, x - 2.0 * sixth, x + 2.0 * sixth]);
        }
        let tidy = |lines: Vec<f64>, least: f64, most: f64| {
            let mut lines: Vec<f64> = lines
                .into_iter()
                .map(f64::round)
                .filter(|line| *line > least + 4.0 && *line < most - 4.0)
                .collect();
            lines.sort_by(f64::total_cmp);
            lines.dedup();
            lines
        };
        let walls = boxes.iter().map(|area| area.grown(7.0));
        let words = words.iter().map(|area| area.grown(2.0));
        let xs = tidy(xs, page.x, page.right());
        let near = |x: &f64| gutters.iter().any(|gutter| (gutter - x).abs() < 11.0);
        Self {
            free: xs.iter().map(near).collect(),
            xs,
            ys: tidy(ys, page.y, page.bottom()),
            walls: walls.chain(words).collect(),
            steps: BTreeMap::new(),
            ports: BTreeMap::new(),
        }
    }

    fn point(&self, (x, y): (usize, usize)) -> Point {
        (self.xs[x], self.ys[y])
    }

    /// Leads an arrow from one box to another; the numbers tell which boxes share arrows.
    pub(crate) fn lead(&mut self, (from, a): (usize, Area), (to, b): (usize, Area)) -> Vec<Point> {
        let starts = self.ports(a, &[0, 1]);
        let goals = self.ports(b, &[2, 3]);
        let pair = (from, to);
        let straight = vec![a.centre(), b.centre()];
        let Some((start, path, goal)) = self.search(&starts, &goals, pair) else {
            return straight;
        };
        self.keep(&path, pair);
        self.ports.entry(start.grid).or_default().push(pair);
        self.ports.entry(goal.grid).or_default().push(pair);
        let points = path.iter().map(|at| self.point(*at));
        let all = [start.at].into_iter().chain(points).chain([goal.at]);
        corners(all.collect())
    }

    /// The places at the sides of a box, the usual sides cheaper.
    fn ports(&self, area: Area, usual: &[usize]) -> Vec<Port> {
        let mut ports = Vec::new();
        let (x, y) = area.centre();
        let index = |lines: &[f64], at: f64| lines.iter().position(|line| (line - at).abs() < 1.0);
        let cost = |side: usize| if usual.contains(&side) { 0 } else { ODD };
        for (side, end, grid) in [
            (1, area.bottom(), area.bottom() + STUB),
            (3, area.y, area.y - STUB),
        ] {
            let Some(row) = index(&self.ys, grid) else {
                continue;
            };
            for (column, at) in self.xs.iter().enumerate() {
                let middle = (at - x).abs();
                let inside = *at > area.x + 18.0 && *at < area.right() - 18.0;
                if middle < 1.0 || inside {
                    ports.push(Port {
                        at: (*at, end),
                        grid: (column, row),
                        side,
                        cost: cost(side) + whole(middle * 0.2),
                    });
                }
            }
        }
        let row = index(&self.ys, y);
        for (side, end, grid) in [
            (0, area.right(), area.right() + STUB),
            (2, area.x, area.x - STUB),
        ] {
            if let (Some(column), Some(row)) = (index(&self.xs, grid), row) {
                ports.push(Port {
                    at: (end, self.ys[row]),
                    grid: (column, row),
                    side,
                    cost: cost(side),
                });
            }
        }
        ports
    }

    /// The cheapest way.
    fn search(&self, starts: &[Port], goals: &[Port], pair: (usize, usize)) -> Option<Found> {
        type State = (usize, usize, usize);
        let mut best: BTreeMap<State, u32> = BTreeMap::new();
        let mut before: BTreeMap<State, State> = BTreeMap::new();
        let mut queue = BinaryHeap::new();
        let taken = |port: &Port| {
            let others = self.ports.get(&port.grid).into_iter().flatten();
            let strange = others
                .filter(|other| other.0 != pair.0 && other.1 != pair.1)
                .count();
            if strange > 0 { ALONG } else { 0 }
        };
        for port in starts {
            let state = (port.grid.0, port.grid.1, port.side);
            let cost = port.cost + taken(port);
            if best.get(&state).is_none_or(|is| *is > cost) {
                best.insert(state, cost);
                queue.push(Reverse((cost, state)));
            }
        }
        let mut done: BTreeSet<State> = BTreeSet::new();
        let mut found: Option<(u32, State, Port)> = None;
        while let Some(Reverse((cost, state))) = queue.pop() {
            if found.as_ref().is_some_and(|(least, ..)| cost >= *least) {
                break;
            }
            if !done.insert(state) {
                continue;
            }
            let (x, y, direction) = state;
            for goal in goals.iter().filter(|goal| goal.grid == (x, y)) {
                let enters = (goal.side + 2) % 4;
                if (direction + 2) % 4 == enters {
                    continue;
                }
                let bend = if direction == enters { 0 } else { BEND };
                let all = cost + bend + goal.cost + taken(goal);
                if found.as_ref().is_none_or(|(least, ..)| all < *least) {
                    found = Some((all, state, *goal));
                }
            }
            for next in 0..4 {
                if (next + 2) % 4 == direction {
                    continue;
                }
                let Some(to) = self.beside((x, y), next) else {
                    continue;
                };
                let (a, b) = (self.point((x, y)), self.point(to));
                if self.walls.iter().any(|wall| wall.crossed(a, b)) {
                    continue;
                }
                let bend = if next == direction { 0 } else { BEND };
                let length = whole((a.0 - b.0).abs() + (a.1 - b.1).abs());
                let length = if self.free[x] && to.0 == x {
                    length * 2 / 3
                } else {
                    length
                };
                let cost = cost + bend + length + self.traffic((x, y), to, pair);
                let state_to = (to.0, to.1, next);
                if best.get(&state_to).is_none_or(|is| *is > cost) {
                    best.insert(state_to, cost);
                    before.insert(state_to, state);
                    queue.push(Reverse((cost, state_to)));
                }
            }
        }
        let (_, mut state, goal) = found?;
        let mut path = vec![(state.0, state.1)];
        while let Some(last) = before.get(&state) {
            state = *last;
            path.push((state.0, state.1));
        }
        path.reverse();
        let start = starts
            .iter()
            .find(|port| port.grid == path[0] && port.side == state.2)?;
        Some((*start, path, goal))
    }

    /// The next point of the grid to the right, down, left, up.
    fn beside(&self, (x, y): (usize, usize), direction: usize) -> Option<(usize, usize)> {
        match direction {
            0 => (x + 1 < self.xs.len()).then_some((x + 1, y)),
            1 => (y + 1 < self.ys.len()).then_some((x, y + 1)),
            2 => Some((x.checked_sub(1)?, y)),
            _ => Some((x, y.checked_sub(1)?)),
        }
    }

    /// A step by its lower end, and whether it goes down.
    fn step(from: (usize, usize), to: (usize, usize)) -> (usize, usize, bool) {
        (from.0.min(to.0), from.1.min(to.1), from.0 == to.0)
    }

    /// What it costs that others were there before. Arrows with an end in common may share a way.
    fn traffic(&self, from: (usize, usize), to: (usize, usize), pair: (usize, usize)) -> u32 {
        let strange = |others: Option<&Vec<(usize, usize)>>| {
            let mut others = others.into_iter().flatten();
            others.any(|other| other.0 != pair.0 && other.1 != pair.1)
        };
        let step = Self::step(from, to);
        if strange(self.steps.get(&step)) {
            return ALONG;
        }
        let across = [(to.0, to.1, !step.2), {
            let (x, y) = if step.2 {
                (to.0.wrapping_sub(1), to.1)
            } else {
                (to.0, to.1.wrapping_sub(1))
            };
            (x, y, !step.2)
        }];
        if across.iter().any(|step| strange(self.steps.get(step))) {
            ACROSS
        } else {
            0
        }
    }

    fn keep(&mut self, path: &[(usize, usize)], pair: (usize, usize)) {
        for step in path.windows(2) {
            let step = Self::step(step[0], step[1]);
            self.steps.entry(step).or_default().push(pair);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a length on a page"
)]
fn whole(length: f64) -> u32 {
    length.max(0.0).round() as u32
}

/// A way without points on straight lines.
fn corners(points: Vec<Point>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        if kept.last() == Some(&point) {
            continue;
        }
        if let [.., a, b] = kept.as_slice() {
            let flat = (a.0 - b.0).abs() < 0.1 && (b.0 - point.0).abs() < 0.1;
            let level = (a.1 - b.1).abs() < 0.1 && (b.1 - point.1).abs() < 0.1;
            if flat || level {
                kept.pop();
            }
        }
        kept.push(point);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(boxes: &[Area]) -> Router {
        Router::new(Area::new(0.0, 0.0, 800.0, 800.0), boxes, &[], &[])
    }

    #[test]
    fn one_below_the_other_is_a_straight_line() {
        let (a, b) = (
            Area::new(100.0, 100.0, 80.0, 40.0),
            Area::new(100.0, 300.0, 80.0, 40.0),
        );
        let way = router(&[a, b]).lead((0, a), (1, b));
        assert_eq!(way, [(140.0, 140.0), (140.0, 300.0)]);
    }

    #[test]
    fn what_stands_between_is_passed_by() {
        let (a, b) = (
            Area::new(100.0, 100.0, 80.0, 40.0),
            Area::new(100.0, 300.0, 80.0, 40.0),
        );
        let between = Area::new(60.0, 200.0, 160.0, 40.0);
        let way = router(&[a, b, between]).lead((0, a), (1, b));
        assert!(way.len() > 2);
        for step in way.windows(2) {
            assert!(!between.crossed(step[0], step[1]), "{way:?}");
        }
    }
}
