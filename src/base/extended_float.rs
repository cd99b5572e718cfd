//! The 80-bit floating-point numbers of INCRBYFLOAT, on any processor.
//!
//! Redis adds with the `long double` of C and prints 17 decimals; on x86-64 that type is the 80-bit
//! format of the x87 unit. A software floating-point library parses and adds, so that the same
//! bytes come out everywhere; this file decides what is a number, and prints it.
//!
//! ```text
//! text  = ["+"|"-"] ( decimal | hexadecimal | "inf" ["inity"] )           below 5120 bytes
//! bits  = sign │ 15 bits exponent, biased │ 64 bits mantissa, leading one included
//! ```
//!
//! 1. Parsing, adding and printing round once each, to nearest, ties to even.
//! 2. There is no NaN, and no sum is infinite: [`ExtendedFloat::checked_add`] refuses both.
//!
//! Cost: some 100 ns for short texts; up to 0.2 ms for 5,000 digits or exponents of thousands.
//!
//! Not here: doubles (`base/numbers.rs`).

use crate::base::numbers::{parse_rounded, split_sign};
use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round, Status};

/// Texts of this length and longer are refused, as Redis refuses them.
const TEXT_LIMIT_BYTES: usize = 5 * 1024;
/// Digits printed after the point.
const PRINTED_DECIMALS: usize = 17;
/// 10^[`PRINTED_DECIMALS`].
const DECIMALS_SCALE: u128 = 100_000_000_000_000_000;
const EXPONENT_BIAS: i32 = 16_383;
const MANTISSA_BITS: u32 = 64;

/// A number in the 80-bit extended format; may be infinite, is never NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExtendedFloat(X87DoubleExtended);

impl ExtendedFloat {
    /// The number that the whole of `text` spells, or `None`.
    ///
    /// Refuses what Redis refuses: NaN, spaces, anything after the number, numbers too large to be
    /// finite, numbers other than zero that would become zero, and texts of 5120 bytes or more.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_LIMIT_BYTES {
            return None;
        }
        let (is_negative, unsigned) = split_sign(text);
        let magnitude = if is_infinity(unsigned) {
            X87DoubleExtended::INFINITY
        } else {
            parse_rounded(unsigned)?
        };
        Some(Self(if is_negative { -magnitude } else { magnitude }))
    }

    /// Whether the number is plus or minus infinity.
    pub fn is_infinite(self) -> bool {
        self.0.is_infinite()
    }

    /// The sum, rounded to the format, or `None` if it is infinite or not a number.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(Self(sum))
    }

    /// A thousand times the number, rounded up; `None` if it is no integer of 64 bits.
    pub fn thousandfold_up(self) -> Option<i64> {
        let thousand = X87DoubleExtended::from_u128(1_000).value;
        let product = (self.0 * thousand).value;
        let integer = product.to_i128_r(64, Round::TowardPositive, &mut false);
        let fits = !integer.status.contains(Status::INVALID_OP);
        fits.then(|| i64::try_from(integer.value).ok()).flatten()
    }

    /// The text that Redis stores: 17 decimals, rounded to nearest, without trailing zeros; zero is
    /// never negative. At most 4,934 bytes.
    pub fn to_text(self) -> Vec<u8> {
        if self.is_infinite() {
            let text: &[u8] = if self.0.is_negative() {
                b"-inf"
            } else {
                b"inf"
            };
            return text.to_vec();
        }
        let bits = self.0.to_bits();
        let mantissa = bits as u64;
        let biased = (bits >> MANTISSA_BITS) as i32 & 0x7fff;
        // Subnormal numbers have the exponent of the least normal ones.
        let exponent = biased.max(1) - EXPONENT_BIAS - (MANTISSA_BITS as i32 - 1);
        if exponent > 0 {
            // An integer of many digits: none is left out where so many are allowed.
            return format!("{:5000.5000}", self.0).into_bytes();
        }
        let (whole, decimals) = split_decimals(mantissa, exponent.unsigned_abs());
        let mut text = Vec::new();
        if self.0.is_negative() && (whole, decimals) != (0, 0) {
            text.push(b'-');
        }
        text.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        append_decimals(decimals, &mut text);
        text
    }
}

/// Whether `unsigned` spells infinity, in any case.
fn is_infinity(unsigned: &[u8]) -> bool {
    unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity")
}

/// The whole part of `mantissa` / 2^`fraction_bits`, and its decimals as an integer below
/// [`DECIMALS_SCALE`]; rounded to nearest, ties to even.
fn split_decimals(mantissa: u64, fraction_bits: u32) -> (u64, u64) {
    let whole = mantissa.checked_shr(fraction_bits).unwrap_or(0);
    let fraction = mantissa - whole.checked_shl(fraction_bits).unwrap_or(0);
    // Below 2^121, so from there on everything is less than half of the last decimal.
    let scaled = u128::from(fraction) * DECIMALS_SCALE;
    let kept = scaled.checked_shr(fraction_bits).unwrap_or(0);
    let dropped = scaled - kept.checked_shl(fraction_bits).unwrap_or(0);
    let half = 1_u128.checked_shl(fraction_bits.wrapping_sub(1));
    let rounds_up = match half {
        Some(half) => dropped > half || (dropped == half && kept & 1 == 1),
        None => false,
    };
    let decimals = kept + u128::from(rounds_up);
    if decimals == DECIMALS_SCALE {
        (whole + 1, 0)
    } else {
        let decimals = u64::try_from(decimals).expect("decimals are below the scale");
        (whole, decimals)
    }
}

/// Appends `decimals`, below [`DECIMALS_SCALE`], after a point, without trailing zeros.
fn append_decimals(mut decimals: u64, text: &mut Vec<u8>) {
    if decimals == 0 {
        return;
    }
    let mut digits = [b'0'; PRINTED_DECIMALS];
    for digit in digits.iter_mut().rev() {
        *digit += (decimals % 10) as u8;
        decimals /= 10;
    }
    let trailing_zeros = digits.iter().rev().take_while(|digit| **digit == b'0');
    let used = PRINTED_DECIMALS - trailing_zeros.count();
    text.push(b'.');
    text.extend_from_slice(&digits[..used]);
}

#[cfg(test)]
mod tests;
