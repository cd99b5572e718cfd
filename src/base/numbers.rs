//! Numbers as clients write them: integers, floating-point numbers and amounts of memory.
//!
//! ```text
//! i64     "0" | ["-"] nonzero-digit digit*            no "+", no spaces, no leading zeros, no "-0"
//! u64     digit+                                      leading zeros allowed, no sign
//! f64     decimal | hexadecimal | ["+"|"-"] "inf" ["inity"]      whole text, never NaN
//! memory  digit+ [ "b" | "k" | "kb" | "m" | "mb" | "g" | "gb" ]  k = 1000, kb = 1024, any case
//! ```
//!
//! 1. `parse_i64` accepts exactly the texts that `itoa` gives, so an integer may be stored
//!    instead of its text; `integers_and_their_texts_are_one_to_one` checks it.
//! 2. No text panics or allocates; what does not fit its type is refused, never wrapped.
//!
//! Cost: one pass over the text.
//!
//! Not here: the 80-bit numbers of INCRBYFLOAT (`base/extended_float.rs`).

use rustc_apfloat::ieee::Double;
use rustc_apfloat::{Float, Round};

/// Digits that always fit 64 bits unsigned: 10^19 is below 2^64.
const SAFE_DIGITS: usize = 19;

/// Digits of an integer that a double always holds exactly.
const EXACT_DIGITS: usize = 15;

/// The integer that `text` spells in the one canonical way, or `None`.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || digits.len() > SAFE_DIGITS {
        return None;
    }
    let magnitude = accumulate(digits)?;
    if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// The number that `text` spells in decimal digits alone, or `None`. Leading zeros are allowed, as
/// cursors and stream identifiers allow them.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    if text.len() <= SAFE_DIGITS {
        return accumulate(text);
    }
    text.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The double that `text` spells, or `None`.
///
/// Accepts what the C function `strtod` reads as a whole text without leading spaces: decimal and
/// hexadecimal numbers and infinities, in any case. Refuses NaN, numbers too large to be finite,
/// and numbers other than zero that would become zero.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let (is_negative, unsigned) = split_sign(text);
    if matches!(unsigned.len(), 1..=EXACT_DIGITS)
        && let Some(integer) = accumulate(unsigned)
    {
        let magnitude = integer as f64;
        return Some(if is_negative { -magnitude } else { magnitude });
    }
    if has_hexadecimal_prefix(unsigned) {
        let magnitude: Double = parse_rounded(unsigned)?;
        let magnitude = f64::from_bits(magnitude.to_bits() as u64);
        return Some(if is_negative { -magnitude } else { magnitude });
    }
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let is_spelled_infinite = matches!(unsigned.first(), Some(b'i' | b'I'));
    if value.is_nan() || (value.is_infinite() && !is_spelled_infinite) {
        return None;
    }
    if value == 0.0 && has_nonzero_digit(unsigned) {
        return None;
    }
    Some(value)
}

/// The double that `text` spells as C programs read one that don't look closely: spaces before it
/// are skipped, a zero byte ends it, an empty text is 0, what is too large is infinite and what is
/// too small 0. `None` for what is no number.
pub fn parse_f64_leniently(text: &[u8]) -> Option<f64> {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    if end == 0 {
        return Some(0.0);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text[..end].iter().position(|byte| !is_space(byte))?;
    let number = &text[start..end];
    let rounded = || std::str::from_utf8(number).ok()?.parse().ok();
    let value = parse_f64(number).or_else(rounded)?;
    (!value.is_nan()).then_some(value)
}

/// The number of bytes that `text` means, as in `maxmemory 100mb`, or `None`.
///
/// `k`, `m`, `g` are powers of 1000 and `kb`, `mb`, `gb` powers of 1024, in any case.
pub fn parse_memory_bytes(text: &[u8]) -> Option<u64> {
    const UNITS: [(&[u8], u64); 8] = [
        (b"", 1),
        (b"b", 1),
        (b"k", 1000),
        (b"kb", 1 << 10),
        (b"m", 1_000_000),
        (b"mb", 1 << 20),
        (b"g", 1_000_000_000),
        (b"gb", 1 << 30),
    ];
    let digit_count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = text.split_at(digit_count);
    let (_, unit_bytes) = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    parse_u64(digits)?.checked_mul(*unit_bytes)
}

/// The value of at most [`SAFE_DIGITS`] digits, or `None` if one is no digit.
#[inline]
fn accumulate(digits: &[u8]) -> Option<u64> {
    debug_assert!(digits.len() <= SAFE_DIGITS);
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Whether a digit other than zero stands before the exponent.
fn has_nonzero_digit(unsigned: &[u8]) -> bool {
    unsigned
        .iter()
        .take_while(|byte| !matches!(byte, b'e' | b'E'))
        .any(|byte| matches!(byte, b'1'..=b'9'))
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

/// The number of any format that `unsigned`, a decimal or hexadecimal number without sign, spells:
/// rounded to nearest, ties to even. `None` if it is no number, too large to be finite, or not zero
/// and would become zero.
pub(crate) fn parse_rounded<F: Float>(unsigned: &[u8]) -> Option<F> {
    let is_hexadecimal = has_hexadecimal_prefix(unsigned);
    let (digits, marker) = if is_hexadecimal {
        (&unsigned[2..], b'p')
    } else {
        (unsigned, b'e')
    };
    let is_marker = |byte: &u8| byte.eq_ignore_ascii_case(&marker);
    let end = digits.iter().position(is_marker).unwrap_or(digits.len());
    let (significand, exponent) = digits.split_at(end);
    let is_digit = |byte: &u8| match is_hexadecimal {
        true => byte.is_ascii_hexdigit(),
        false => byte.is_ascii_digit(),
    };
    let point_count = significand.iter().filter(|byte| **byte == b'.').count();
    let are_digits = (significand.iter()).all(|byte| is_digit(byte) || *byte == b'.');
    let has_form = are_digits && point_count <= 1 && significand.len() > point_count;
    if !has_form || !exponent.get(1..).is_none_or(is_exponent) {
        return None;
    }
    let text = std::str::from_utf8(unsigned).ok()?;
    let parsed = if is_hexadecimal && exponent.is_empty() {
        F::from_str_r(&format!("{text}p0"), Round::NearestTiesToEven)
    } else {
        F::from_str_r(text, Round::NearestTiesToEven)
    };
    let value = parsed.ok()?.value;
    let is_zero = (significand.iter()).all(|byte| matches!(byte, b'0' | b'.'));
    (value.is_finite() && value.is_zero() == is_zero).then_some(value)
}

/// Whether a text is a whole number with an optional sign.
fn is_exponent(text: &[u8]) -> bool {
    let (_, digits) = split_sign(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_integers_are_accepted() {
        let accepted: [(&str, i64); 9] = [
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("10", 10),
            ("-120", -120),
            ("999999999999999999", 999_999_999_999_999_999),
            ("1000000000000000000", 1_000_000_000_000_000_000),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ];
        for (text, value) in accepted {
            assert_eq!(parse_i64(text.as_bytes()), Some(value), "{text}");
        }
        let refused = [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1a",
            "a",
            "1.0",
            "0x1",
            "--1",
            "9223372036854775808",
            "-9223372036854775809",
            "9999999999999999999",
            "18446744073709551616",
            "10000000000000000000",
            "123456789012345678901",
            "1\0",
        ];
        for text in refused {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn unsigned_integers_cover_their_range() {
        assert_eq!(parse_u64(b"0"), Some(0));
        assert_eq!(parse_u64(b"007"), Some(7));
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(
            parse_u64(b"000000000000000000000018446744073709551615"),
            Some(u64::MAX)
        );
        for text in [
            "",
            "+1",
            "-1",
            " 1",
            "1 ",
            "x",
            "18446744073709551616",
            "1844674407370955161x",
        ] {
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
    }

    /// Goal: no text but the formatted one is taken for an integer. Method: random integers of all
    /// lengths and random short texts over the bytes that matter.
    #[test]
    fn integers_and_their_texts_are_one_to_one() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let value = random.i64(..) >> random.u32(0..64);
            assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
            assert_eq!(
                parse_u64(&value.unsigned_abs().to_string().into_bytes()),
                Some(value.unsigned_abs())
            );

            let text: Vec<u8> = (0..random.usize(0..5))
                .map(|_| *random.choice(b"0129-+ ").unwrap())
                .collect();
            if let Some(value) = parse_i64(&text) {
                assert_eq!(value.to_string().as_bytes(), text);
            }
        }
    }

    #[test]
    fn doubles_are_read_as_redis_reads_scores() {
        let accepted: [(&str, f64); 25] = [
            ("1e3", 1000.0),
            ("0x10", 16.0),
            ("inf", f64::INFINITY),
            ("+Infinity", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
            ("0x1p3", 8.0),
            ("0x.8", 0.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("0e-99999", 0.0),
            ("0e999999999999999999999", 0.0),
            ("1e-310", 9.999_999_999_999_97e-311),
            ("3e-324", 5e-324),
            ("0x1p-1074", 5e-324),
            ("0x1.8p-1075", 5e-324),
            ("0x1.fffffffffffff7p1023", f64::MAX),
            ("00012", 12.0),
            ("1E+5", 100_000.0),
            ("0x1.8P+3", 12.0),
            ("0x1.", 1.0),
            ("-0x0.0p9", 0.0),
            ("0x1p-1022", f64::MIN_POSITIVE),
            ("0x0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
            ("-0X1F", -31.0),
            ("3.0", 3.0),
        ];
        for (text, value) in accepted {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse_f64(b"-0").is_some_and(f64::is_sign_negative));
        let refused = [
            "nan",
            "-nan",
            "nan(1)",
            " 1",
            "1 ",
            "",
            "+",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "0x",
            "0x.",
            "0x1p",
            "1e400",
            "-1e400",
            "1e-400",
            "1e999999999999",
            "2e-324",
            "0x1p-1075",
            "0x1p1024",
            "0x1.fffffffffffff8p1023",
            "infinit",
            "infinityx",
            "1_0",
            "1,5",
            "--1",
            "+-1",
            "1\0",
            "0x1p99999999999999999999",
            "0x1p-99999999999999999999",
            "0x1g",
        ];
        for text in refused {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_f64(b"\xff"), None);
    }

    #[test]
    fn ends_of_ranges_are_read_leniently() {
        let accepted: [(&[u8], f64); 10] = [
            (b"", 0.0),
            (b"\0x", 0.0),
            (b"1.5\0x", 1.5),
            (b" \t-2", -2.0),
            (b"1e400", f64::INFINITY),
            (b"-1e400", f64::NEG_INFINITY),
            (b"1e-400", 0.0),
            (b"+inf", f64::INFINITY),
            (b"0x10", 16.0),
            (b"7", 7.0),
        ];
        for (text, value) in accepted {
            assert_eq!(parse_f64_leniently(text), Some(value), "{text:?}");
        }
        for text in [&b"nan"[..], b" ", b"1 ", b"x", b"-", b"1e", b"--1", b"\xff"] {
            assert_eq!(parse_f64_leniently(text), None, "{text:?}");
        }
    }

    #[test]
    fn memory_units_are_decimal_or_binary() {
        let accepted: [(&str, u64); 11] = [
            ("0", 0),
            ("5b", 5),
            ("1k", 1000),
            ("1K", 1000),
            ("10kb", 10_240),
            ("2m", 2_000_000),
            ("1mB", 1_048_576),
            ("1g", 1_000_000_000),
            ("1GB", 1_073_741_824),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
        ];
        for (text, bytes) in accepted {
            assert_eq!(parse_memory_bytes(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in [
            "",
            "kb",
            "-1",
            "+1",
            " 1",
            "1 kb",
            "1t",
            "1.5k",
            "1kbb",
            "18446744073709551615k",
            "99999999999999999999",
        ] {
            assert_eq!(parse_memory_bytes(text.as_bytes()), None, "{text:?}");
        }
    }
}
