//! Rectangles.

/// A rectangle, in the units of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Area {
    pub(crate) fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub(crate) fn centre(&self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Larger by this much on every side.
    pub(crate) fn grown(&self, by: f64) -> Self {
        Self::new(
            self.x - by,
            self.y - by,
            self.width + 2.0 * by,
            self.height + 2.0 * by,
        )
    }

    /// Whether the two have more than an edge in common.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }

    /// What a line along an axis covers.
    pub(crate) fn line(from: (f64, f64), to: (f64, f64)) -> Self {
        Self::new(
            from.0.min(to.0),
            from.1.min(to.1),
            (from.0 - to.0).abs(),
            (from.1 - to.1).abs(),
        )
    }

    /// Whether a line passes within it, not along its edge.
    pub(crate) fn crossed(&self, from: (f64, f64), to: (f64, f64)) -> bool {
        let line = Self::line(from, to);
        line.x < self.right()
            && self.x < line.right().max(line.x + 1e-9)
            && line.y < self.bottom()
            && self.y < line.bottom().max(line.y + 1e-9)
    }
}

/// A small number for arithmetic with lengths.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
