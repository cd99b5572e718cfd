//! Natural numbers of any size: as little arithmetic as decimal conversion needs.
//!
//! ```text
//! value = limbs[0] + limbs[1] · 2^64 + limbs[2] · 2^128 + …
//! ```
//!
//! 1. The last limb is never zero, so equal numbers have equal limbs; `push_carry` and `trim` keep
//!    it.
//!
//! Cost: every operation takes time proportional to the limbs.
//!
//! Not here: products and quotients of two long numbers, which nothing needs.

use std::cmp::Ordering;

/// A natural number of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BigNatural {
    limbs: Vec<u64>,
}

impl BigNatural {
    /// The number `value`.
    pub(crate) fn new(value: u64) -> Self {
        let mut number = Self { limbs: vec![value] };
        number.trim();
        number
    }

    /// Whether the number is zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// The position of the leading one bit, counted from 1; zero for zero.
    pub(crate) fn bit_length(&self) -> u64 {
        self.limbs.last().map_or(0, |last| {
            self.limbs.len() as u64 * u64::from(u64::BITS) - u64::from(last.leading_zeros())
        })
    }

    /// Replaces the number by itself times `factor` plus `addend`.
    pub(crate) fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = addend;
        for limb in &mut self.limbs {
            let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = product as u64;
            carry = (product >> u64::BITS) as u64;
        }
        self.push_carry(carry);
        self.trim();
    }

    /// Multiplies the number by 5^`exponent`.
    pub(crate) fn multiply_by_power_of_five(&mut self, exponent: u64) {
        /// The greatest power of five in 64 bits.
        const STEP: u32 = 27;
        for _ in 0..exponent / u64::from(STEP) {
            self.multiply_add(5u64.pow(STEP), 0);
        }
        self.multiply_add(5u64.pow((exponent % u64::from(STEP)) as u32), 0);
    }

    /// Multiplies the number by 2^`bits`.
    pub(crate) fn shift_left(&mut self, bits: u64) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (bits % u64::from(u64::BITS)), 0);
        let whole_limbs = (bits / u64::from(u64::BITS)) as usize;
        self.limbs.splice(0..0, std::iter::repeat_n(0, whole_limbs));
    }

    /// Subtracts `other`, which must not be greater.
    pub(crate) fn subtract(&mut self, other: &Self) {
        debug_assert!(*self >= *other);
        let mut borrow = false;
        for (index, limb) in self.limbs.iter_mut().enumerate() {
            let subtrahend = other.limbs.get(index).copied().unwrap_or(0);
            let (difference, first_borrow) = limb.overflowing_sub(subtrahend);
            let (difference, second_borrow) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = first_borrow || second_borrow;
        }
        self.trim();
    }

    /// The leading bits, at most 128; how many bits stand below them; whether one of those is set.
    pub(crate) fn leading_bits(&self) -> (u128, u64, bool) {
        let limb_at = |index: usize| self.limbs.get(index).copied().unwrap_or(0);
        let lowest = self.limbs.len().saturating_sub(2);
        let leading = u128::from(limb_at(lowest + 1)) << u64::BITS | u128::from(limb_at(lowest));
        let is_cut = self.limbs[..lowest].iter().any(|limb| *limb != 0);
        let leading_zeros = leading.leading_zeros();
        if lowest == 0 || leading_zeros == 0 {
            return (leading, lowest as u64 * u64::from(u64::BITS), is_cut);
        }
        let below = limb_at(lowest - 1);
        let leading = leading << leading_zeros | u128::from(below >> (u64::BITS - leading_zeros));
        let cut_bits = lowest as u64 * u64::from(u64::BITS) - u64::from(leading_zeros);
        let is_cut =
            below << leading_zeros != 0 || self.limbs[..lowest - 1].iter().any(|limb| *limb != 0);
        (leading, cut_bits, is_cut)
    }

    /// Appends the decimal digits to `out`. Takes time proportional to the square of the limbs.
    pub(crate) fn append_decimal(mut self, out: &mut Vec<u8>) {
        /// The greatest power of ten in 64 bits, and its zeros.
        const CHUNK: u64 = 10_000_000_000_000_000_000;
        const CHUNK_DIGITS: usize = 19;
        let mut chunks = Vec::new();
        while !self.is_zero() {
            chunks.push(self.divide(CHUNK));
        }
        let leading = chunks.pop().unwrap_or(0);
        out.extend_from_slice(itoa::Buffer::new().format(leading).as_bytes());
        for chunk in chunks.iter().rev() {
            let mut buffer = itoa::Buffer::new();
            let digits = buffer.format(*chunk).as_bytes();
            out.extend(std::iter::repeat_n(b'0', CHUNK_DIGITS - digits.len()));
            out.extend_from_slice(digits);
        }
    }

    /// Divides the number by `divisor` and returns the remainder.
    fn divide(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0u64;
        for limb in self.limbs.iter_mut().rev() {
            let dividend = u128::from(remainder) << u64::BITS | u128::from(*limb);
            *limb = (dividend / u128::from(divisor)) as u64;
            remainder = (dividend % u128::from(divisor)) as u64;
        }
        self.trim();
        remainder
    }

    fn push_carry(&mut self, carry: u64) {
        if carry != 0 {
            self.limbs.push(carry);
        }
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}

impl Ord for BigNatural {
    fn cmp(&self, other: &Self) -> Ordering {
        self.limbs
            .len()
            .cmp(&other.limbs.len())
            .then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }
}

impl PartialOrd for BigNatural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_u128(value: u128) -> BigNatural {
        let mut number = BigNatural::new((value >> 64) as u64);
        number.shift_left(64);
        number.multiply_add(1, value as u64);
        number
    }

    fn decimal(number: BigNatural) -> String {
        let mut text = Vec::new();
        number.append_decimal(&mut text);
        String::from_utf8(text).expect("digits are ASCII")
    }

    /// Goal: every operation is right within 128 bits. Method: random numbers, against `u128`.
    #[test]
    fn small_numbers_agree_with_machine_integers() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..5_000 {
            let left = random.u128(..) >> random.u32(0..128);
            let right = random.u128(..) >> random.u32(0..128);
            let (greater, lesser) = (left.max(right), left.min(right));
            assert_eq!(from_u128(left).cmp(&from_u128(right)), left.cmp(&right));
            assert_eq!(decimal(from_u128(left)), left.to_string());
            let bits = u64::from(128 - left.leading_zeros());
            assert_eq!(from_u128(left).bit_length(), bits);
            assert_eq!(from_u128(left).leading_bits(), (left, 0, false));

            let mut difference = from_u128(greater);
            difference.subtract(&from_u128(lesser));
            assert_eq!(difference, from_u128(greater - lesser));

            let (factor, addend) = (random.u64(..), random.u64(..));
            let small = left >> 65;
            let mut product = from_u128(small);
            product.multiply_add(factor, addend);
            let expected = small * u128::from(factor) + u128::from(addend);
            assert_eq!(product, from_u128(expected));
        }
    }

    #[test]
    fn long_numbers_keep_their_leading_bits() {
        let mut number = BigNatural::new(0b101);
        number.shift_left(1000);
        assert_eq!(number.bit_length(), 1003);
        assert_eq!(number.leading_bits(), (0b101 << 125, 875, false));
        number.multiply_add(1, 1);
        assert_eq!(number.leading_bits(), (0b101 << 125, 875, true));
        let mut full = from_u128(u128::MAX);
        full.shift_left(64);
        assert_eq!(full.leading_bits(), (u128::MAX, 64, false));
    }

    #[test]
    fn powers_of_ten_are_printed_with_all_their_zeros() {
        let mut number = BigNatural::new(3);
        number.multiply_by_power_of_five(100);
        number.shift_left(100);
        assert_eq!(decimal(number), format!("3{}", "0".repeat(100)));
        assert_eq!(decimal(BigNatural::new(0)), "0");
    }
}
