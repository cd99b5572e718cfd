//! The 80-bit floating-point numbers of INCRBYFLOAT, on any processor.
//!
//! Redis adds with the `long double` of C and prints 17 decimals; on x86-64 that type is the 80-bit
//! format of the x87 unit. This file parses, adds and prints it in integer arithmetic, so that the
//! same bytes come out everywhere.
//!
//! ```text
//! text  = ["+"|"-"] ( decimal | hexadecimal | "inf" ["inity"] )           below 5120 bytes
//! value = mantissa · 2^exponent,  mantissa < 2^64,  -16445 <= exponent <= 16320
//! ```
//!
//! 1. Parsing and adding round once, to nearest, ties to even (`base/float_rounding.rs`).
//! 2. There is no NaN, and no sum is infinite: [`ExtendedFloat::checked_add`] refuses both.
//!
//! Cost: about 50 ns for up to 19 digits and powers of ten within ±18. Otherwise integers of at most
//! 24,000 bits are built, whatever the text says: up to 0.1 ms to parse and 0.2 ms to print.
//!
//! Not here: doubles (`base/numbers.rs`).

use crate::base::big_natural::BigNatural;
use crate::base::float_rounding::{self, Format, Unrounded};

/// Texts of this length and longer are refused, as Redis refuses them.
const TEXT_LIMIT_BYTES: usize = 5 * 1024;
/// Numbers with more digits before the point are beyond the greatest finite number, 1.19e4932.
const GREATEST_MAGNITUDE: i64 = 4933;
/// Numbers with more zeros after the point, so below 10^-4951, are nearer to zero than to the
/// smallest subnormal number, 3.6e-4951.
const LEAST_MAGNITUDE: i64 = -4950;
/// Digits printed after the point.
const PRINTED_DECIMALS: usize = 17;
/// 10^[`PRINTED_DECIMALS`].
const DECIMALS_SCALE: u64 = 100_000_000_000_000_000;
/// So many decimal digits always fit 64 bits.
const SHORT_DIGITS: usize = 19;
/// Powers of ten up to here leave a quotient of 128 bits by them more bits than a mantissa has.
const SHORT_POWER: u64 = 18;

/// A number in the 80-bit extended format; may be infinite, is never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedFloat {
    is_negative: bool,
    magnitude: Magnitude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Magnitude {
    Infinite,
    /// `mantissa` · 2^`exponent`, as [`Format::EXTENDED`] rounds it.
    Finite {
        mantissa: u64,
        exponent: i64,
    },
}

impl ExtendedFloat {
    /// The number that the whole of `text` spells, or `None`.
    ///
    /// Refuses what Redis refuses: NaN, spaces, anything after the number, numbers too large to be
    /// finite, numbers other than zero that would become zero, and texts of 5120 bytes or more.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_LIMIT_BYTES {
            return None;
        }
        let (is_negative, unsigned) = float_rounding::split_sign(text);
        let magnitude = if is_infinity(unsigned) {
            Magnitude::Infinite
        } else if float_rounding::has_hexadecimal_prefix(unsigned) {
            Magnitude::rounded(float_rounding::parse_hexadecimal(unsigned)?)?
        } else {
            Magnitude::rounded(Decimal::scan(unsigned)?.to_binary()?)?
        };
        Some(Self {
            is_negative,
            magnitude,
        })
    }

    /// Whether the number is plus or minus infinity.
    pub const fn is_infinite(self) -> bool {
        matches!(self.magnitude, Magnitude::Infinite)
    }

    /// The sum, rounded to the format, or `None` if it is infinite or not a number.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        /// Bits below the higher mantissa, so that one bit is left above it for a carry.
        const GUARD_BITS: u32 = 63;
        let (left, right) = (self.parts()?, other.parts()?);
        let (high, low) = if left.exponent >= right.exponent {
            (left, right)
        } else {
            (right, left)
        };
        let high_mantissa = u128::from(high.mantissa) << GUARD_BITS;
        let (low_mantissa, is_inexact) =
            shift_to(low.mantissa, GUARD_BITS, high.exponent - low.exponent);
        let (mantissa, is_negative) = if high.is_negative == low.is_negative {
            (high_mantissa + low_mantissa, high.is_negative)
        } else if high_mantissa >= low_mantissa {
            // What was cut off the subtrahend borrows one unit, and its rest stays below.
            let difference = high_mantissa - low_mantissa - u128::from(is_inexact);
            (difference, high.is_negative)
        } else {
            (low_mantissa - high_mantissa, low.is_negative)
        };
        let sum = Unrounded {
            mantissa,
            exponent: high.exponent - i64::from(GUARD_BITS),
            is_inexact,
        };
        let rounded = sum.round(Format::EXTENDED)?;
        Some(Self {
            is_negative,
            magnitude: Magnitude::Finite {
                mantissa: rounded.mantissa,
                exponent: rounded.exponent,
            },
        })
    }

    /// The text that Redis stores: 17 decimals, rounded to nearest, without trailing zeros; zero is
    /// never negative. At most 4,934 bytes.
    pub fn to_text(self) -> Vec<u8> {
        let mut text = Vec::new();
        let Some(parts) = self.parts() else {
            text.extend_from_slice(if self.is_negative { b"-inf" } else { b"inf" });
            return text;
        };
        if parts.exponent > 0 {
            if self.is_negative {
                text.push(b'-');
            }
            let mut integer = BigNatural::new(parts.mantissa);
            integer.shift_left(parts.exponent.unsigned_abs());
            integer.append_decimal(&mut text);
            return text;
        }
        let (whole, decimals) = split_decimals(parts.mantissa, parts.exponent);
        if self.is_negative && (whole, decimals) != (0, 0) {
            text.push(b'-');
        }
        text.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        append_decimals(decimals, &mut text);
        text
    }

    fn parts(self) -> Option<Parts> {
        match self.magnitude {
            Magnitude::Infinite => None,
            Magnitude::Finite { mantissa, exponent } => Some(Parts {
                is_negative: self.is_negative,
                mantissa,
                exponent,
            }),
        }
    }
}

/// The parts of a finite number.
#[derive(Clone, Copy)]
struct Parts {
    is_negative: bool,
    mantissa: u64,
    exponent: i64,
}

impl Magnitude {
    /// `value` rounded, or `None` if it leaves the format's range at either end.
    fn rounded(value: Unrounded) -> Option<Self> {
        let rounded = value.round(Format::EXTENDED)?;
        if rounded.mantissa == 0 && !value.is_zero() {
            return None;
        }
        Some(Self::Finite {
            mantissa: rounded.mantissa,
            exponent: rounded.exponent,
        })
    }
}

/// A decimal number: the digits of `digits`, whose bytes may hold one point to be skipped, as an
/// integer times 10^`exponent`.
struct Decimal<'a> {
    digits: &'a [u8],
    digit_count: usize,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Reads `digits ["." digits] ["e" exponent]`, or `None` if the text is anything else.
    fn scan(unsigned: &'a [u8]) -> Option<Self> {
        let (number, exponent_text) = float_rounding::split_exponent(unsigned, b'e');
        let mut exponent = exponent_text.map_or(Some(0), float_rounding::parse_exponent)?;
        let is_digit_or_point = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let point_count = number.iter().filter(|byte| **byte == b'.').count();
        if !number.iter().all(is_digit_or_point) || point_count > 1 || number.len() == point_count {
            return None;
        }
        if let Some(point_at) = number.iter().position(|byte| *byte == b'.') {
            exponent -= (number.len() - point_at - 1) as i64;
        }
        let is_significant = |byte: &u8| matches!(byte, b'1'..=b'9');
        let (Some(first), Some(last)) = (
            number.iter().position(is_significant),
            number.iter().rposition(is_significant),
        ) else {
            return Some(Self {
                digits: &[],
                digit_count: 0,
                exponent: 0,
            });
        };
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        exponent += number[last + 1..].iter().filter(is_digit).count() as i64;
        let digits = &number[first..=last];
        Some(Self {
            digits,
            digit_count: digits.iter().filter(is_digit).count(),
            exponent,
        })
    }

    /// The number in binary, with more bits than the format holds unless exact, or `None` if it is
    /// far outside the format's range.
    fn to_binary(&self) -> Option<Unrounded> {
        let magnitude = self.exponent + self.digit_count as i64;
        if self.digit_count > 0 && !(LEAST_MAGNITUDE..=GREATEST_MAGNITUDE).contains(&magnitude) {
            return None;
        }
        if self.digit_count <= SHORT_DIGITS && self.exponent.unsigned_abs() <= SHORT_POWER {
            return Some(self.short_to_binary());
        }
        let integer = self.to_integer();
        let power = self.exponent.unsigned_abs();
        Some(if self.exponent < 0 {
            divide_by_power_of_ten(integer, power)
        } else {
            multiply_by_power_of_ten(integer, power)
        })
    }

    /// [`Decimal::to_binary`] for numbers of [`SHORT_DIGITS`] and [`SHORT_POWER`] at most.
    fn short_to_binary(&self) -> Unrounded {
        let integer = self
            .digit_values()
            .fold(0, |value, digit| value * 10 + digit);
        let integer = u128::from(integer);
        let power = u128::from(10u64.pow(self.exponent.unsigned_abs() as u32));
        if self.exponent >= 0 || integer == 0 {
            return Unrounded {
                mantissa: integer * power,
                exponent: 0,
                is_inexact: false,
            };
        }
        let shift = integer.leading_zeros();
        let dividend = integer << shift;
        Unrounded {
            mantissa: dividend / power,
            exponent: -i64::from(shift),
            is_inexact: dividend % power != 0,
        }
    }

    /// The digits as an integer.
    fn to_integer(&self) -> BigNatural {
        let mut integer = BigNatural::new(0);
        let (mut chunk, mut chunk_scale) = (0, 1);
        for (index, digit) in self.digit_values().enumerate() {
            chunk = chunk * 10 + digit;
            chunk_scale *= 10;
            if (index + 1) % SHORT_DIGITS == 0 {
                integer.multiply_add(chunk_scale, chunk);
                (chunk, chunk_scale) = (0, 1);
            }
        }
        integer.multiply_add(chunk_scale, chunk);
        integer
    }

    fn digit_values(&self) -> impl Iterator<Item = u64> {
        self.digits
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| u64::from(byte - b'0'))
    }
}

/// `integer` · 10^`power`.
fn multiply_by_power_of_ten(mut integer: BigNatural, power: u64) -> Unrounded {
    integer.multiply_by_power_of_five(power);
    let (mantissa, cut_bits, is_inexact) = integer.leading_bits();
    Unrounded {
        mantissa,
        exponent: (cut_bits + power) as i64,
        is_inexact,
    }
}

/// `integer` / 10^`power`, by long division in base two.
fn divide_by_power_of_ten(mut integer: BigNatural, power: u64) -> Unrounded {
    /// More bits than the format's 64, so that the remainder decides nothing but ties.
    const QUOTIENT_BITS: u32 = 68;
    let mut divisor = BigNatural::new(1);
    divisor.multiply_by_power_of_five(power);
    let length_difference = integer.bit_length() as i64 - divisor.bit_length() as i64;
    if length_difference < 0 {
        integer.shift_left(length_difference.unsigned_abs());
    } else {
        divisor.shift_left(length_difference.unsigned_abs());
    }
    // Both have the same length now, so the first or the second quotient bit is one.
    let mut mantissa = 0u128;
    for _ in 0..QUOTIENT_BITS {
        mantissa <<= 1;
        if integer >= divisor {
            integer.subtract(&divisor);
            mantissa |= 1;
        }
        integer.shift_left(1);
    }
    Unrounded {
        mantissa,
        exponent: length_difference - power as i64 - i64::from(QUOTIENT_BITS - 1),
        is_inexact: !integer.is_zero(),
    }
}

/// Whether `unsigned` spells infinity, in any case.
fn is_infinity(unsigned: &[u8]) -> bool {
    unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity")
}

/// `mantissa` · 2^(`guard_bits` - `distance`), and whether bits were cut off its end.
fn shift_to(mantissa: u64, guard_bits: u32, distance: i64) -> (u128, bool) {
    let left_bits = i64::from(guard_bits) - distance;
    let mantissa = u128::from(mantissa);
    if left_bits >= 0 {
        return (mantissa << left_bits, false);
    }
    let right_bits = u32::try_from(-left_bits).unwrap_or(u32::MAX);
    let kept = mantissa.checked_shr(right_bits).unwrap_or(0);
    let is_cut = kept.checked_shl(right_bits).unwrap_or(0) != mantissa;
    (kept, is_cut)
}

/// The whole part of `mantissa` · 2^`exponent`, which must not be positive, and its decimals as an
/// integer below [`DECIMALS_SCALE`]; rounded to nearest, ties to even.
fn split_decimals(mantissa: u64, exponent: i64) -> (u64, u64) {
    debug_assert!(exponent <= 0);
    let fraction_bits = exponent.unsigned_abs() as u32;
    let whole = mantissa.checked_shr(fraction_bits).unwrap_or(0);
    let fraction = mantissa - whole.checked_shl(fraction_bits).unwrap_or(0);
    let scaled = Unrounded {
        mantissa: u128::from(fraction) * u128::from(DECIMALS_SCALE),
        exponent,
        is_inexact: false,
    };
    let decimals = u64::try_from(scaled.round_to_integer())
        .expect("a fraction of the scale is at most the scale");
    if decimals == DECIMALS_SCALE {
        (whole + 1, 0)
    } else {
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
