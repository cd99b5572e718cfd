//! Rounding of exact binary values to a floating-point format, and hexadecimal numbers.
//!
//! ```text
//! hexadecimal = "0x" digits* [ "." digits* ] [ "p" ["+"|"-"] decimal-digits+ ]   one digit at least
//! value       = mantissa · 2^exponent,   mantissa an integer
//! ```
//!
//! 1. Rounding is to nearest, ties to the even mantissa, and happens once, also for subnormal
//!    results.
//! 2. A rounded mantissa fills the format's bits, unless its exponent is the least one.
//!
//! Cost: constant for rounding, one pass for parsing.
//!
//! Not here: decimal numbers (`base/extended_float.rs`; doubles use the standard library).

/// Exponents beyond this overflow or underflow every format, however many digits a text has.
const EXPONENT_BOUND: i64 = 1 << 40;

/// A floating-point format: which mantissas and exponents it can hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// Bits of a mantissa, the leading one included; at most 64.
    pub(crate) mantissa_bits: u32,
    /// The exponent of the last mantissa bit of the smallest subnormal number.
    pub(crate) least_exponent: i64,
    /// The exponent of the last mantissa bit of the greatest finite number.
    pub(crate) greatest_exponent: i64,
}

impl Format {
    /// IEEE 754 binary64, the `double` of C.
    pub(crate) const DOUBLE: Self = Self {
        mantissa_bits: 53,
        least_exponent: -1074,
        greatest_exponent: 971,
    };
    /// The 80-bit format of the x87 unit, the `long double` of C on x86-64.
    pub(crate) const EXTENDED: Self = Self {
        mantissa_bits: 64,
        least_exponent: -16445,
        greatest_exponent: 16320,
    };
}

/// A value before rounding: `mantissa` · 2^`exponent`, and if `is_inexact` a remainder of less
/// than one unit of the mantissa's last bit.
///
/// An inexact mantissa has more bits than any format, so that the remainder alone never decides
/// more than a tie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unrounded {
    /// The leading bits.
    pub(crate) mantissa: u128,
    /// The power of two of the mantissa's last bit.
    pub(crate) exponent: i64,
    /// Whether a nonzero remainder was cut off below the mantissa.
    pub(crate) is_inexact: bool,
}

/// A value that a format holds exactly: `mantissa` · 2^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rounded {
    /// The mantissa; zero if the value is zero.
    pub(crate) mantissa: u64,
    /// The power of two of the mantissa's last bit.
    pub(crate) exponent: i64,
}

impl Unrounded {
    /// Whether the value is exactly zero.
    pub(crate) const fn is_zero(&self) -> bool {
        self.mantissa == 0 && !self.is_inexact
    }

    /// The nearest value of `format`, ties to even, or `None` if that is too large to be finite.
    /// A value nearer to zero than to the smallest subnormal number becomes zero.
    pub(crate) fn round(&self, format: Format) -> Option<Rounded> {
        if self.mantissa == 0 {
            return Some(Rounded {
                mantissa: 0,
                exponent: format.least_exponent,
            });
        }
        let used_bits = i64::from(u128::BITS - self.mantissa.leading_zeros());
        let surplus_bits = used_bits - i64::from(format.mantissa_bits);
        let dropped_bits = surplus_bits.max(format.least_exponent - self.exponent);
        debug_assert!(dropped_bits > 0 || !self.is_inexact);
        let mut mantissa = shift_right_rounding(self.mantissa, dropped_bits, self.is_inexact);
        let mut exponent = self.exponent + dropped_bits;
        if mantissa >> format.mantissa_bits != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
        if exponent > format.greatest_exponent {
            return None;
        }
        let mantissa = u64::try_from(mantissa).expect("a format has at most 64 mantissa bits");
        Some(Rounded { mantissa, exponent })
    }

    /// The nearest integer, ties to even, which must fit 128 bits.
    pub(crate) fn round_to_integer(&self) -> u128 {
        shift_right_rounding(self.mantissa, -self.exponent, self.is_inexact)
    }
}

/// Splits a leading `+` or `-` from `text`; true if it is negative.
pub(crate) fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        [b'+', unsigned @ ..] => (false, unsigned),
        unsigned => (false, unsigned),
    }
}

/// Whether `unsigned` begins as a hexadecimal number does.
pub(crate) fn has_hexadecimal_prefix(unsigned: &[u8]) -> bool {
    matches!(unsigned, [b'0', b'x' | b'X', ..])
}

/// The value of a hexadecimal number without sign, or `None` if `unsigned` is none.
pub(crate) fn parse_hexadecimal(unsigned: &[u8]) -> Option<Unrounded> {
    if !has_hexadecimal_prefix(unsigned) {
        return None;
    }
    let (digits, exponent_text) = split_exponent(&unsigned[2..], b'p');
    let mut value = Unrounded {
        mantissa: 0,
        exponent: exponent_text.map_or(Some(0), parse_exponent)?,
        is_inexact: false,
    };
    let mut is_fraction = false;
    let mut has_digit = false;
    for &byte in digits {
        if byte == b'.' && !is_fraction {
            is_fraction = true;
            continue;
        }
        let digit = char::from(byte).to_digit(16)?;
        has_digit = true;
        if is_fraction {
            value.exponent -= 4;
        }
        if value.mantissa >> (u128::BITS - 4) == 0 {
            value.mantissa = value.mantissa << 4 | u128::from(digit);
        } else {
            value.exponent += 4;
            value.is_inexact |= digit != 0;
        }
    }
    has_digit.then_some(value)
}

/// Splits a number at the first `marker`, a lower-case letter, in either case: the digits, and the
/// exponent's text if there is a marker.
pub(crate) fn split_exponent(unsigned: &[u8], marker: u8) -> (&[u8], Option<&[u8]>) {
    let marker_at = unsigned
        .iter()
        .position(|byte| byte.to_ascii_lowercase() == marker);
    match marker_at {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    }
}

/// The decimal exponent that `text` spells with an optional sign, or `None` if it is none. A
/// magnitude that no format reaches is returned as a bound that none reaches either.
pub(crate) fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() {
        return None;
    }
    let mut magnitude = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = EXPONENT_BOUND.min(magnitude * 10 + i64::from(digit));
    }
    Some(if negative { -magnitude } else { magnitude })
}

/// `mantissa` / 2^`dropped_bits`, to nearest, ties to even; shifts left if `dropped_bits` is
/// negative. `is_inexact` tells of a remainder below the mantissa.
fn shift_right_rounding(mantissa: u128, dropped_bits: i64, is_inexact: bool) -> u128 {
    if dropped_bits <= 0 {
        return mantissa << dropped_bits.unsigned_abs();
    }
    if dropped_bits > i64::from(u128::BITS) {
        return 0;
    }
    let half = 1u128 << (dropped_bits - 1);
    let kept = mantissa.checked_shr(dropped_bits as u32).unwrap_or(0);
    let dropped = mantissa & (half | (half - 1));
    let rounds_up = dropped > half || (dropped == half && (is_inexact || kept & 1 == 1));
    kept + u128::from(rounds_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(mantissa: u128, exponent: i64, is_inexact: bool) -> Option<(u64, i64)> {
        let value = Unrounded {
            mantissa,
            exponent,
            is_inexact,
        };
        value
            .round(Format::DOUBLE)
            .map(|rounded| (rounded.mantissa, rounded.exponent))
    }

    #[test]
    fn ties_go_to_the_even_mantissa_unless_a_remainder_decides() {
        let base = 1u128 << 53;
        assert_eq!(rounded((base + 1) << 1, 0, false), Some((1 << 52, 2)));
        assert_eq!(rounded((base + 3) << 1, 0, false), Some(((1 << 52) + 2, 2)));
        assert_eq!(rounded((base + 1) << 1, 0, true), Some(((1 << 52) + 1, 2)));
        assert_eq!(rounded((base + 2) << 1, 0, true), Some(((1 << 52) + 1, 2)));
    }

    #[test]
    fn mantissas_fill_their_bits() {
        assert_eq!(rounded(1, 0, false), Some((1 << 52, -52)));
        assert_eq!(rounded((1 << 54) - 1, 0, false), Some((1 << 52, 2)));
        assert_eq!(rounded(u128::MAX, 0, true), Some((1 << 52, 76)));
        assert_eq!(rounded(0, 7, false), Some((0, -1074)));
    }

    #[test]
    fn the_range_ends_in_subnormal_numbers_and_overflow() {
        assert_eq!(rounded(1, -1074, false), Some((1, -1074)));
        assert_eq!(rounded(1, -1075, false), Some((0, -1074)));
        assert_eq!(rounded(3, -1076, false), Some((1, -1074)));
        assert_eq!(rounded(1 << 127, -1202, false), Some((0, -1074)));
        assert_eq!(rounded((1 << 127) + 1, -1202, false), Some((1, -1074)));
        assert_eq!(rounded(u128::MAX, -1203, false), Some((0, -1074)));
        assert_eq!(rounded(1, -EXPONENT_BOUND, false), Some((0, -1074)));
        assert_eq!(
            rounded((1 << 53) - 1, 971, false),
            Some(((1 << 53) - 1, 971))
        );
        assert_eq!(rounded(1, 1024, false), None);
        assert_eq!(rounded((1 << 54) - 1, 970, false), None);
        assert_eq!(rounded(1, EXPONENT_BOUND, false), None);
    }

    #[test]
    fn hexadecimal_digits_beyond_the_mantissa_only_tell_that_they_are_there() {
        let long =
            parse_hexadecimal(format!("0x{}1p-4", "0".repeat(50) + &"f".repeat(32)).as_bytes());
        let expected = Unrounded {
            mantissa: u128::MAX,
            exponent: 0,
            is_inexact: true,
        };
        assert_eq!(long, Some(expected));
        assert_eq!(parse_hexadecimal(b"0x.").map(|value| value.mantissa), None);
        assert_eq!(parse_hexadecimal(b"1").map(|value| value.mantissa), None);
    }
}
