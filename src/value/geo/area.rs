//! Circles and boxes on the earth, and the cells of the grid that cover them.
//!
//! ```text
//!  area ─▶ about how large ─▶ a step ─▶ its own cell and the eight around it
//!                                       └─ without those that lie wholly beside the area
//! ```
//!
//! Where the nine do not cover it, the step is one less. As in Redis, an area of thousands of
//! kilometres, or near a pole, may reach beyond them.
//!
//! Not here: who is in a cell (`search.rs`).

use super::cell::{Bounds, Cell, Direction, LATITUDE_MAX};
use super::position::{EARTH_RADIUS_M, Position, degrees, distance_of_latitudes_m, radians};

/// Half of the equator in metres of the Mercator projection, about.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

/// Steps of the smallest cells that are searched.
const STEP_MAX: i32 = 26;

/// What an area looks like, in its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// All that is as near as this.
    Circle {
        /// How near.
        radius: f64,
    },
    /// All between two parallels and, along the own one, between two meridians.
    Box {
        /// From west to east.
        width: f64,
        /// From south to north.
        height: f64,
    },
}

/// An area.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Its middle.
    pub center: Position,
    /// What it looks like.
    pub shape: Shape,
    /// Metres of its unit.
    pub unit_m: f64,
}

impl Area {
    /// How many metres away a place is, if it is inside.
    pub fn distance_m(&self, place: Position) -> Option<f64> {
        match self.shape {
            Shape::Circle { radius } => {
                let distance_m = self.center.distance_m(place);
                let is_beyond = distance_m > radius * self.unit_m;
                (!is_beyond).then_some(distance_m)
            }
            Shape::Box { width, height } => {
                let south = distance_of_latitudes_m(place.latitude, self.center.latitude);
                if south > height * self.unit_m / 2.0 {
                    return None;
                }
                let beside = Position {
                    longitude: self.center.longitude,
                    latitude: place.latitude,
                };
                let is_beyond = place.distance_m(beside) > width * self.unit_m / 2.0;
                (!is_beyond).then(|| self.center.distance_m(place))
            }
        }
    }

    /// Cells to be searched one after the other; together they have all places inside.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut step = self.step();
        let mut own = Cell::around(self.center.degrees(), step, LATITUDE_MAX);
        if step > 1 && !covers(own, bounds) {
            step -= 1;
            own = Cell::around(self.center.degrees(), step, LATITUDE_MAX);
        }
        let edges = own.bounds();
        // A neighbour is of use if the area reaches over the edge that leads to it.
        let is_needed = |direction: Direction| {
            let is_beyond = [
                direction.north < 0 && edges.south < bounds.south,
                direction.north > 0 && edges.north > bounds.north,
                direction.east < 0 && edges.west < bounds.west,
                direction.east > 0 && edges.east > bounds.east,
            ];
            step < 2 || !is_beyond.contains(&true)
        };
        let mut cells = vec![own];
        let mut last = None;
        for direction in AROUND.into_iter().filter(|&direction| is_needed(direction)) {
            let cell = own.beside(direction);
            // In a grid of very few cells the same one lies on both sides.
            if last != Some(cell) {
                cells.push(cell);
                last = Some(cell);
            }
        }
        cells
    }

    /// Half its extent from south to north and from west to east, in metres.
    fn halves_m(&self) -> (f64, f64) {
        match self.shape {
            Shape::Circle { radius } => (self.unit_m * radius, self.unit_m * radius),
            Shape::Box { width, height } => {
                (self.unit_m * (height / 2.0), self.unit_m * (width / 2.0))
            }
        }
    }

    /// The meridians and parallels around it.
    fn bounds(&self) -> Bounds {
        let (height, width) = self.halves_m();
        let Position {
            longitude,
            latitude,
        } = self.center;
        let latitudes = degrees(height / EARTH_RADIUS_M);
        // Meridians are nearer to each other at the edge that is further from the equator.
        let outer = match latitude < 0.0 {
            true => latitude - latitudes,
            false => latitude + latitudes,
        };
        let longitudes = degrees(width / EARTH_RADIUS_M / radians(outer).cos());
        Bounds {
            west: longitude - longitudes,
            east: longitude + longitudes,
            south: latitude - latitudes,
            north: latitude + latitudes,
        }
    }

    /// The step of cells about as large as it.
    fn step(&self) -> u32 {
        let reach = match self.shape {
            Shape::Circle { radius } => radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        };
        let mut reach_m = reach * self.unit_m;
        if reach_m == 0.0 {
            return STEP_MAX as u32;
        }
        let mut step = 1;
        while reach_m < MERCATOR_MAX_M {
            reach_m *= 2.0;
            step += 1;
        }
        // So that nine cells mostly cover it; near the poles cells are narrow.
        step -= 2;
        let latitude = self.center.latitude.abs();
        step -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        step.clamp(1, STEP_MAX) as u32
    }
}

/// The neighbours of a cell in the order in which they are searched.
const AROUND: [Direction; 8] = [
    Direction { east: 0, north: 1 },
    Direction { east: 0, north: -1 },
    Direction { east: 1, north: 0 },
    Direction { east: -1, north: 0 },
    Direction { east: 1, north: 1 },
    Direction { east: -1, north: 1 },
    Direction { east: 1, north: -1 },
    Direction {
        east: -1,
        north: -1,
    },
];

/// Whether a cell and its neighbours reach as far as these bounds.
fn covers(own: Cell, bounds: Bounds) -> bool {
    let edges = |direction: Direction| own.beside(direction).bounds();
    let [north, south, east, west] = [AROUND[0], AROUND[1], AROUND[2], AROUND[3]].map(edges);
    let falls_short = [
        north.north < bounds.north,
        south.south > bounds.south,
        east.east < bounds.east,
        west.west > bounds.west,
    ];
    !falls_short.contains(&true)
}
