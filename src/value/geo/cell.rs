//! Cells of the grid: what the first bits of a score stand for.
//!
//! ```text
//!  step 1: 4 cells    01 11     each further step cuts each of them into four
//!                     00 10     bits: longitude, latitude, longitude, latitude, …
//! ```
//!
//! The world is a torus here: east of the last cell is the first one of its row, and north of the
//! last one the first of its column.
//!
//! Not here: which cells cover an area (`area.rs`).

/// The greatest longitude; the least is the same to the west.
pub(super) const LONGITUDE_MAX: f64 = 180.0;

/// The greatest latitude of the grid.
pub(super) const LATITUDE_MAX: f64 = 85.051_128_78;

/// Steps of the smallest cells, whose bits are a score.
pub(super) const STEP_MAX: u32 = 26;

/// Bits of latitudes; those of longitudes stand between them.
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    bits: u64,
    step: u32,
}

/// The edges of a cell, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

impl Bounds {
    /// The longitude and latitude of its middle.
    pub(super) fn middle(self) -> (f64, f64) {
        let longitude = (self.west + self.east) / 2.0;
        let latitude = (self.south + self.north) / 2.0;
        (
            longitude.clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX),
        )
    }
}

/// Where a cell lies beside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Direction {
    /// −1 is to the west, 1 to the east.
    pub(super) east: i8,
    /// −1 is to the south, 1 to the north.
    pub(super) north: i8,
}

impl Cell {
    pub(super) fn new(bits: u64, step: u32) -> Self {
        Self { bits, step }
    }

    /// The cell of a longitude and a latitude after so many steps, in a grid that goes so far to
    /// the north.
    pub(super) fn around(place: (f64, f64), step: u32, latitude_max: f64) -> Self {
        let (longitude, latitude) = place;
        let cells = (1u64 << step) as f64;
        let column = (longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX) * cells;
        let row = (latitude + latitude_max) / (2.0 * latitude_max) * cells;
        let bits = spread(row as u32) | spread(column as u32) << 1;
        Self { bits, step }
    }

    pub(super) fn bits(self) -> u64 {
        self.bits
    }

    pub(super) fn bounds(self) -> Bounds {
        let (row, column) = (gather(self.bits), gather(self.bits >> 1));
        let cells = (1u64 << self.step) as f64;
        let edge = |number: u32, max: f64| -max + f64::from(number) / cells * (2.0 * max);
        Bounds {
            west: edge(column, LONGITUDE_MAX),
            east: edge(column.wrapping_add(1), LONGITUDE_MAX),
            south: edge(row, LATITUDE_MAX),
            north: edge(row.wrapping_add(1), LATITUDE_MAX),
        }
    }

    /// The cell beside this one.
    pub(super) fn beside(self, direction: Direction) -> Self {
        let used = u64::MAX >> (64 - 2 * self.step);
        // A place at the northern end is in a row beyond the last one.
        let rows = self.bits & LATITUDE_BITS;
        let columns = self.bits & !LATITUDE_BITS;
        Self {
            bits: moved(rows, direction.north, LATITUDE_BITS & used)
                | moved(columns, direction.east, !LATITUDE_BITS & used),
            step: self.step,
        }
    }

    /// The scores of the places in it: from the first to before the second.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        let (first, end) = (self.bits << shift, (self.bits + 1) << shift);
        (first as f64, end as f64)
    }
}

/// A number whose bits stand at the places of `mask`, and one more or less than it.
fn moved(bits: u64, by: i8, mask: u64) -> u64 {
    let one = mask & mask.wrapping_neg();
    match by {
        0 => bits,
        1.. => (bits | !mask).wrapping_add(one) & mask,
        ..0 => bits.wrapping_sub(one) & mask,
    }
}

/// The bits of a number with a gap after each.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, LATITUDE_BITS),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Every other bit, from the first on.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & LATITUDE_BITS;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}
