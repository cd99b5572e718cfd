//! Places: as scores, as texts, and how far they are from each other.
//!
//! Latitudes near the poles have no place in the grid: those of EPSG:3857 are the limits.
//!
//! Not here: which places are near another (`area.rs`).

use super::cell::{Cell, LATITUDE_MAX, LONGITUDE_MAX, STEP_MAX};

/// The greatest latitude of geohashes as texts.
const LATITUDE_OF_TEXTS_MAX: f64 = 90.0;

/// The quadratic mean radius of the earth.
pub(super) const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

/// Degrees to radians, as Redis calculates it.
const RADIANS_OF_A_DEGREE: f64 = std::f64::consts::PI / 180.0;

/// The length of a geohash as a text.
const TEXT_LEN: usize = 11;

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_OF_A_DEGREE
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / RADIANS_OF_A_DEGREE
}

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// To the east of Greenwich.
    pub longitude: f64,
    /// To the north of the equator.
    pub latitude: f64,
}

impl Position {
    /// A place; `None` if the grid has none such.
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let is_inside = (-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&longitude)
            && (-LATITUDE_MAX..=LATITUDE_MAX).contains(&latitude);
        is_inside.then_some(Self {
            longitude,
            latitude,
        })
    }

    /// The middle of the smallest cell of a score. Any score has one.
    pub fn of_score(score: f64) -> Self {
        // Scores that are no places come from ZADD; negative ones wrap as they do in C.
        let bits = match score < i64::MAX as f64 {
            true => score as i64 as u64,
            false => score as u64,
        };
        let (longitude, latitude) = Cell::new(bits, STEP_MAX).bounds().middle();
        Self {
            longitude,
            latitude,
        }
    }

    /// Longitude and latitude.
    pub(super) fn degrees(self) -> (f64, f64) {
        (self.longitude, self.latitude)
    }

    /// Its score.
    pub fn score(self) -> f64 {
        Cell::around(self.degrees(), STEP_MAX, LATITUDE_MAX).bits() as f64
    }

    /// Its geohash: 50 bits in base 32, and a zero.
    pub fn text(self) -> [u8; TEXT_LEN] {
        const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::around(self.degrees(), STEP_MAX, LATITUDE_OF_TEXTS_MAX).bits();
        let mut text = [DIGITS[0]; TEXT_LEN];
        for (index, digit) in text[..TEXT_LEN - 1].iter_mut().enumerate() {
            let shift = 52 - (index + 1) * 5;
            *digit = DIGITS[(bits >> shift) as usize % DIGITS.len()];
        }
        text
    }

    /// The way to another place in metres, along a great circle of a sphere.
    pub fn distance_m(self, other: Self) -> f64 {
        let longitudes = radians(other.longitude) - radians(self.longitude);
        let across = (longitudes / 2.0).sin();
        if across == 0.0 {
            return distance_of_latitudes_m(self.latitude, other.latitude);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let along = ((to - from) / 2.0).sin();
        let haversine = along * along + from.cos() * to.cos() * across * across;
        2.0 * EARTH_RADIUS_M * haversine.sqrt().asin()
    }
}

/// The way along a meridian in metres.
pub(super) fn distance_of_latitudes_m(from: f64, to: f64) -> f64 {
    EARTH_RADIUS_M * (radians(to) - radians(from)).abs()
}
