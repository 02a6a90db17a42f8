//! Where everything stands: columns by longest path, a lane for each module.
//!
//! A column holds what can be built once all columns to its left are there. A module's resources have a
//! lane to themselves, across all columns, so that a frame can be drawn around them and nothing else. An
//! edge that passes a column has a place of its own in it ([`Slot::Pass`]), shared by all edges from the
//! same node into the same lane.

use std::collections::{BTreeMap, BTreeSet};

use terrace_core::address::Segment;

use super::{Edge, Graph};

const BOX_HEIGHT: f64 = 42.0;
const BOX_GAP: f64 = 14.0;
const PASS_HEIGHT: f64 = 6.0;
const COLUMN_GAP: f64 = 76.0;
const MARGIN: f64 = 28.0;
const HEAD: f64 = 64.0;
const LANE_GAP: f64 = 30.0;
const LANE_PAD: f64 = 16.0;
const LANE_HEAD: f64 = 20.0;
const SWEEPS: usize = 24;

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Area {
    /// The height of its middle.
    pub(crate) fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }

    /// Its right side.
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }
}

/// The drawing without its pen.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// A box for each node.
    pub(crate) boxes: Vec<Area>,
    /// A frame for each module.
    pub(crate) frames: Vec<(Vec<Segment>, Area)>,
    /// For each edge the places it passes, from left to right.
    pub(crate) passes: Vec<Vec<Area>>,
    /// The whole.
    pub(crate) width: f64,
    pub(crate) height: f64,
}

/// For each node the length of the longest path of strict edges that leads to it.
pub(crate) fn layers(graph: &Graph) -> Vec<usize> {
    let mut needs = vec![Vec::new(); graph.nodes.len()];
    for edge in graph.edges.iter().filter(|edge| !edge.late) {
        needs[edge.to].push(edge.from);
    }
    let mut layers = vec![None; needs.len()];
    let mut busy = vec![false; needs.len()];
    for node in 0..needs.len() {
        depth(node, &needs, &mut layers, &mut busy);
    }
    layers.into_iter().map(Option::unwrap_or_default).collect()
}

fn depth(
    node: usize,
    needs: &[Vec<usize>],
    layers: &mut [Option<usize>],
    busy: &mut [bool],
) -> usize {
    if let Some(layer) = layers[node] {
        return layer;
    }
    // Keys of two resources may need each other crosswise: drawn as one each, they form a circle.
    if std::mem::replace(&mut busy[node], true) {
        return 0;
    }
    let deepest = needs[node]
        .iter()
        .map(|need| depth(*need, needs, layers, busy) + 1)
        .max();
    let layer = deepest.unwrap_or(0);
    layers[node] = Some(layer);
    layer
}

/// The same, with what needs nothing moved next to the first that needs it.
fn columns(graph: &Graph) -> Vec<usize> {
    let mut columns = layers(graph);
    for node in 0..columns.len() {
        if graph.needs(node).any(|edge| !edge.late) {
            continue;
        }
        let users = graph.edges.iter().filter(|edge| edge.from == node);
        let first = users.map(|edge| columns[edge.to]).min();
        columns[node] = first.map_or(0, |first| first.saturating_sub(1));
    }
    columns
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    /// A node's box.
    Node(usize),
    /// Edges from this node pass the column.
    Pass(usize),
}

impl Slot {
    fn height(self) -> f64 {
        match self {
            Self::Node(_) => BOX_HEIGHT,
            Self::Pass(_) => PASS_HEIGHT,
        }
    }
}

type Lane = Vec<Segment>;
/// A slot in its cell.
type Spot = (Cell, Slot);
/// For each slot those it is joined to, on the left and on the right.
type Joined<All> = BTreeMap<Spot, [All; 2]>;
/// Which lane, which column.
type Cell = (Lane, usize);

struct Draft<'g> {
    graph: &'g Graph,
    columns: Vec<usize>,
    /// What stands in each cell, from the top.
    cells: BTreeMap<Cell, Vec<Slot>>,
    /// The middle of each slot.
    y: BTreeMap<(Cell, Slot), f64>,
}

/// Lays a graph out; `width` is a node's box's.
pub(crate) fn layout(graph: &Graph, width: impl Fn(usize) -> f64) -> Layout {
    let mut draft = Draft {
        graph,
        columns: columns(graph),
        cells: BTreeMap::new(),
        y: BTreeMap::new(),
    };
    draft.fill();
    let order = lanes(graph);
    let (lanes, height) = draft.bounds(&order);
    draft.stack(&lanes);
    let neighbours = draft.neighbours();
    for sweep in 0..SWEEPS {
        draft.sweep(&lanes, &neighbours, sweep);
    }
    draft.finish(&lanes, height, &width)
}

/// The lanes from the top: a module's own resources before its modules'.
fn lanes(graph: &Graph) -> Vec<Lane> {
    let mut all = vec![Vec::new()];
    all.extend(graph.modules());
    all
}

impl Draft<'_> {
    fn lane(&self, node: usize) -> Lane {
        self.graph.nodes[node].address.modules.clone()
    }

    fn fill(&mut self) {
        for node in 0..self.graph.nodes.len() {
            let cell = (self.lane(node), self.columns[node]);
            self.cells.entry(cell).or_default().push(Slot::Node(node));
        }
        for edge in self.graph.edges.clone() {
            for cell in self.passed(edge) {
                let slots = self.cells.entry(cell).or_default();
                if !slots.contains(&Slot::Pass(edge.from)) {
                    slots.push(Slot::Pass(edge.from));
                }
            }
        }
    }

    /// The cells between the ends of an edge, in the lane of what needs.
    fn passed(&self, edge: Edge) -> Vec<Cell> {
        let lane = self.lane(edge.to);
        let between = self.columns[edge.from] + 1..self.columns[edge.to];
        between.map(|column| (lane.clone(), column)).collect()
    }

    /// Top and bottom of each lane's slots, and the height of the whole.
    fn bounds(&self, order: &[Lane]) -> (BTreeMap<Lane, (f64, f64)>, f64) {
        let mut bounds = BTreeMap::new();
        let mut y = HEAD;
        let mut open: usize = 0;
        for lane in order {
            // Frames that end before this lane, then its own, and the room for their borders.
            let closed = (open + 1).saturating_sub(lane.len().max(1));
            if !lane.is_empty() {
                #[expect(clippy::cast_precision_loss, reason = "modules are few")]
                let pads = closed as f64 * LANE_PAD;
                y += pads + LANE_GAP + LANE_HEAD;
            }
            open = lane.len();
            let cells = self.cells.iter().filter(|((of, _), _)| of == lane);
            let height = |slots: &Vec<Slot>| slots.iter().map(|slot| slot.height() + BOX_GAP).sum();
            let tallest = cells
                .map(|(_, slots)| height(slots))
                .fold(0.0_f64, f64::max);
            bounds.insert(lane.clone(), (y, y + tallest));
            y += tallest;
        }
        #[expect(clippy::cast_precision_loss, reason = "modules are few")]
        let last = open as f64 * LANE_PAD;
        (bounds, y + last)
    }

    /// Puts the slots of each cell below each other.
    fn stack(&mut self, lanes: &BTreeMap<Lane, (f64, f64)>) {
        for (cell, slots) in &self.cells {
            let mut y = lanes.get(&cell.0).map_or(0.0, |(top, _)| *top);
            for slot in slots {
                let room = slot.height() + BOX_GAP;
                self.y.insert((cell.clone(), *slot), y + room / 2.0);
                y += room;
            }
        }
    }

    /// For each slot those it is joined to, on the left and on the right.
    fn neighbours(&self) -> Joined<Vec<Spot>> {
        let mut all: Joined<BTreeSet<Spot>> = BTreeMap::new();
        for edge in self.graph.edges.iter().filter(|edge| !edge.late) {
            let from = (
                (self.lane(edge.from), self.columns[edge.from]),
                Slot::Node(edge.from),
            );
            let to = (
                (self.lane(edge.to), self.columns[edge.to]),
                Slot::Node(edge.to),
            );
            let passes = self
                .passed(*edge)
                .into_iter()
                .map(|cell| (cell, Slot::Pass(edge.from)));
            let chain: Vec<_> = std::iter::once(from).chain(passes).chain([to]).collect();
            for pair in chain.windows(2) {
                let [left, right] = pair else { continue };
                all.entry(left.clone()).or_default()[1].insert(right.clone());
                all.entry(right.clone()).or_default()[0].insert(left.clone());
            }
        }
        let list = |sides: [BTreeSet<Spot>; 2]| sides.map(|side| side.into_iter().collect());
        all.into_iter()
            .map(|(slot, sides)| (slot, list(sides)))
            .collect()
    }

    /// Moves each slot towards those it is joined to: rightwards by the left ones, then the other way.
    fn sweep(
        &mut self,
        lanes: &BTreeMap<Lane, (f64, f64)>,
        neighbours: &Joined<Vec<Spot>>,
        sweep: usize,
    ) {
        let mut cells: Vec<Cell> = self.cells.keys().cloned().collect();
        cells.sort_by_key(|(_, column)| *column);
        // The last two look both ways, so that boxes settle between their neighbours.
        let both = sweep + 2 >= SWEEPS;
        let side = sweep % 2;
        if side == 1 {
            cells.reverse();
        }
        for cell in cells {
            let Some(slots) = self.cells.get(&cell).cloned() else {
                continue;
            };
            let mut wished: Vec<(f64, Slot)> = slots
                .iter()
                .map(|slot| {
                    let key = (cell.clone(), *slot);
                    let here = self.y.get(&key).copied().unwrap_or_default();
                    let sides = neighbours.get(&key);
                    let joined = sides.into_iter().flat_map(|sides| {
                        sides
                            .iter()
                            .enumerate()
                            .filter(|(at, _)| both || *at == side)
                    });
                    let heights: Vec<f64> = joined
                        .flat_map(|(_, all)| all)
                        .filter_map(|other| self.y.get(other).copied())
                        .collect();
                    #[expect(clippy::cast_precision_loss, reason = "edges are few")]
                    let mean = heights.iter().sum::<f64>() / heights.len().max(1) as f64;
                    (if heights.is_empty() { here } else { mean }, *slot)
                })
                .collect();
            wished.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let bounds = lanes.get(&cell.0).copied().unwrap_or_default();
            let placed = settle(&wished, bounds);
            for ((_, slot), y) in wished.iter().zip(placed) {
                self.y.insert((cell.clone(), *slot), y);
            }
            let order = wished.into_iter().map(|(_, slot)| slot).collect();
            self.cells.insert(cell, order);
        }
    }

    fn finish(
        self,
        lanes: &BTreeMap<Lane, (f64, f64)>,
        height: f64,
        width: &impl Fn(usize) -> f64,
    ) -> Layout {
        let deepest = self
            .graph
            .nodes
            .iter()
            .map(|node| node.address.modules.len())
            .max();
        #[expect(clippy::cast_precision_loss, reason = "modules are few")]
        let pad = deepest.unwrap_or(0) as f64 * LANE_PAD;
        let last = self.columns.iter().max().copied().unwrap_or(0);
        let (mut x, mut columns) = (MARGIN + pad, Vec::new());
        for column in 0..=last {
            let here = (0..self.columns.len()).filter(|node| self.columns[*node] == column);
            let widest = here.map(width).fold(40.0_f64, f64::max);
            columns.push((x, widest));
            x += widest + COLUMN_GAP;
        }
        let area = |cell: &Cell, slot: Slot, width: f64| {
            let middle = self
                .y
                .get(&(cell.clone(), slot))
                .copied()
                .unwrap_or_default();
            let height = slot.height();
            Area {
                x: columns[cell.1].0,
                y: middle - height / 2.0,
                width,
                height,
            }
        };
        let boxes: Vec<Area> = (0..self.graph.nodes.len())
            .map(|node| {
                let cell = (self.lane(node), self.columns[node]);
                area(&cell, Slot::Node(node), columns[cell.1].1)
            })
            .collect();
        let pass = |edge: &Edge| {
            let cells = self.passed(*edge);
            cells
                .iter()
                .map(|cell| area(cell, Slot::Pass(edge.from), columns[cell.1].1))
                .collect()
        };
        let passes = self.graph.edges.iter().map(pass).collect();
        let frames = self.frames(&boxes, lanes);
        let right = boxes.iter().map(Area::right).fold(0.0_f64, f64::max);
        Layout {
            boxes,
            frames,
            passes,
            width: right + pad + MARGIN,
            height,
        }
    }

    /// A frame around the boxes of each module and of the modules in it.
    fn frames(&self, boxes: &[Area], lanes: &BTreeMap<Lane, (f64, f64)>) -> Vec<(Lane, Area)> {
        let modules = self.graph.modules();
        let frame = |module: &Lane| {
            let inside = |lane: &Lane| lane.starts_with(module);
            let members = (0..boxes.len()).filter(|node| inside(&self.lane(*node)));
            let members: Vec<&Area> = members.map(|node| &boxes[node]).collect();
            let below = modules
                .iter()
                .filter(|other| inside(other))
                .map(Vec::len)
                .max();
            #[expect(clippy::cast_precision_loss, reason = "modules are few")]
            let pad = (below.unwrap_or(0).saturating_sub(module.len()) + 1) as f64 * LANE_PAD;
            let left = members.iter().map(|area| area.x).fold(f64::MAX, f64::min) - pad;
            let right = members
                .iter()
                .map(|area| area.right())
                .fold(0.0_f64, f64::max)
                + pad;
            let top = lanes.get(module).map_or(0.0, |(top, _)| *top) - LANE_HEAD;
            let bottoms = lanes
                .iter()
                .filter(|(lane, _)| inside(lane))
                .map(|(_, (_, y))| *y);
            let bottom = bottoms.fold(top, f64::max) + pad - BOX_GAP / 2.0;
            (
                module.clone(),
                Area {
                    x: left,
                    y: top,
                    width: right - left,
                    height: bottom - top,
                },
            )
        };
        modules.iter().map(frame).collect()
    }
}

/// Heights as near to the wished ones as the order, the distances and the lane allow.
fn settle(wished: &[(f64, Slot)], (top, bottom): (f64, f64)) -> Vec<f64> {
    let half = |slot: Slot| f64::midpoint(slot.height(), BOX_GAP);
    let mut placed = Vec::with_capacity(wished.len());
    let mut next = top;
    for (wish, slot) in wished {
        let y = wish.max(next + half(*slot));
        placed.push(y);
        next = y + half(*slot);
    }
    let mut limit = bottom;
    for (y, (_, slot)) in placed.iter_mut().zip(wished).rev() {
        *y = y.min(limit - half(*slot));
        limit = *y - half(*slot);
    }
    placed
}
