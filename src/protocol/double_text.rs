//! The text of a double in replies: C's `%.17g`, as Redis 7.0 prints it.
//!
//! ```text
//!  1.5   0.10000000000000001   1e+17   1.234e-05   -0   inf   nan
//! ```
//!
//! Invariant: the text reads back as the same double (`every_text_reads_back`).
//!
//! Cost: an integer below 10^17 goes the way of integers; the rest costs one exact conversion.
//! Nothing is allocated.
//!
//! Not here: the text of `INCRBYFLOAT`, which has no exponent.

use std::io::Write;

/// Significant digits that tell any two doubles apart.
const DIGIT_COUNT: usize = 17;

/// Longest text: sign, 17 digits, point, `e-308`.
const TEXT_BYTES_MAX: usize = 1 + DIGIT_COUNT + 1 + 5;

/// A text on the stack.
pub(super) struct DoubleText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl DoubleText {
    pub(super) fn new(value: f64) -> Self {
        let mut text = Self {
            bytes: [0; TEXT_BYTES_MAX],
            len: 0,
        };
        let small_integer = value as i64;
        if value.is_nan() {
            text.push(b"nan");
        } else if value.is_infinite() {
            text.push(if value > 0.0 { b"inf" } else { b"-inf" });
        } else if value == 0.0 {
            text.push(if value.is_sign_negative() {
                b"-0"
            } else {
                b"0"
            });
        } else if small_integer as f64 == value && value.abs() < 1e17 {
            text.push(itoa::Buffer::new().format(small_integer).as_bytes());
        } else {
            text.push_exact(value);
        }
        text
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }

    /// Rounds a finite value other than zero to 17 digits and lays them out.
    fn push_exact(&mut self, value: f64) {
        let mut scientific = [0; 32];
        let mut rest = &mut scientific[..];
        write!(rest, "{:.*e}", DIGIT_COUNT - 1, value.abs()).expect("24 bytes fit into 32");
        let written = 32 - rest.len();
        // "d.dddddddddddddddde-308"
        let (mantissa, exponent) = scientific[..written].split_at(DIGIT_COUNT + 1);
        let mut digits = [mantissa[0]; DIGIT_COUNT];
        digits[1..].copy_from_slice(&mantissa[2..]);
        let exponent: i32 = std::str::from_utf8(&exponent[1..])
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("the formatter writes an integer behind the e");
        let zero_count = digits.iter().rev().take_while(|d| **d == b'0').count();
        let digits = &digits[..DIGIT_COUNT - zero_count];
        if value < 0.0 {
            self.push(b"-");
        }
        match exponent {
            -4..=-1 => self.push_fraction(digits, exponent.unsigned_abs() as usize),
            0..=16 => self.push_fixed(digits, exponent as usize),
            _ => self.push_scientific(digits, exponent),
        }
    }

    fn push_fraction(&mut self, digits: &[u8], zero_count: usize) {
        self.push(b"0.");
        self.push(&b"000"[..zero_count - 1]);
        self.push(digits);
    }

    fn push_fixed(&mut self, digits: &[u8], exponent: usize) {
        let whole_count = exponent + 1;
        if digits.len() <= whole_count {
            self.push(digits);
            self.push(&[b'0'; DIGIT_COUNT][..whole_count - digits.len()]);
        } else {
            let (whole, fraction) = digits.split_at(whole_count);
            self.push(whole);
            self.push(b".");
            self.push(fraction);
        }
    }

    fn push_scientific(&mut self, digits: &[u8], exponent: i32) {
        let (first, others) = digits.split_at(1);
        self.push(first);
        if !others.is_empty() {
            self.push(b".");
            self.push(others);
        }
        self.push(if exponent < 0 { b"e-" } else { b"e+" });
        let exponent = exponent.unsigned_abs();
        if exponent < 10 {
            self.push(b"0");
        }
        self.push(itoa::Buffer::new().format(exponent).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        String::from_utf8(DoubleText::new(value).as_bytes().to_vec()).unwrap()
    }

    /// Goal: the text a Redis 7.0.15 server sent for the same score. Method: recorded replies.
    #[test]
    fn scores_print_as_in_redis() {
        let cases = [
            ("0", "0"),
            ("1", "1"),
            ("1.5", "1.5"),
            ("0.1", "0.10000000000000001"),
            ("3.3", "3.2999999999999998"),
            ("1e17", "1e+17"),
            ("1e16", "10000000000000000"),
            ("123456789012345678", "1.2345678901234568e+17"),
            ("1e21", "1e+21"),
            ("1e-4", "0.0001"),
            ("1e-5", "1.0000000000000001e-05"),
            ("0.00001234", "1.234e-05"),
            ("1e100", "1e+100"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("5e-324", "4.9406564584124654e-324"),
            ("inf", "inf"),
            ("-inf", "-inf"),
            ("12345678.0009765625", "12345678.000976562"),
            ("12345678.0029296875", "12345678.002929688"),
            ("3.0000000000000004", "3.0000000000000004"),
            ("-2.5", "-2.5"),
            ("99999999999999990", "99999999999999984"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("1e-300", "1e-300"),
            ("4503599627370497.5", "4503599627370498"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value.parse().unwrap()), expected);
        }
    }

    #[test]
    fn the_edges_of_the_notations() {
        assert_eq!(text(-0.0), "-0");
        assert_eq!(text(f64::NAN), "nan");
        assert_eq!(text(-f64::NAN), "nan");
        assert_eq!(text(-f64::MIN_POSITIVE), "-2.2250738585072014e-308");
        assert_eq!(text(-0.00012345), "-0.00012344999999999999");
        assert_eq!(text(0.025), "0.025000000000000001");
        assert_eq!(text(1e16 + 2.0), "10000000000000002");
        assert_eq!(text(100.5), "100.5");
    }

    proptest! {
        #[test]
        fn every_text_reads_back(value in any::<f64>().prop_filter("a number", |v| !v.is_nan())) {
            prop_assert_eq!(text(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }
}
