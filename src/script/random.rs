//! Redis's pseudo-random numbers for scripts: `drand48` of POSIX. One sequence for all scripts,
//! from the same beginning after each start, unless a script sets the seed.
//!
//! Not here: the functions of Lua that give them (`interface.rs`).

/// The largest number, and how many there are below it.
pub(super) const NUMBER_MAX: u32 = i32::MAX as u32;

/// The 48 bits of the generator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random48(u64);

impl Default for Random48 {
    /// The sequence that begins where nobody has set a seed.
    fn default() -> Self {
        Self(0x1234_abcd_330e)
    }
}

impl Random48 {
    /// The sequence of a seed.
    pub(super) fn seeded(seed: i32) -> Self {
        Self(u64::from(seed as u32) << 16 | 0x330e)
    }

    /// The next number, of 31 bits.
    pub(super) fn next(&mut self) -> u32 {
        let product = self.0.wrapping_mul(0x5_deec_e66d).wrapping_add(0xb);
        self.0 = product & ((1 << 48) - 1);
        (self.0 >> 17) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_redis() {
        // The first of redis-server 7.0.15 after its start, and after `math.randomseed(0)`.
        for (mut random, expected) in [
            (Random48::default(), 396_464_773),
            (Random48::seeded(0), 170_828_036),
        ] {
            let fraction = f64::from(random.next() % NUMBER_MAX) / f64::from(NUMBER_MAX);
            assert_eq!((fraction * 1e9) as i64, expected);
        }
    }
}
