//! The text of a double in replies: the fewest digits that read back as the same double, laid out
//! as Redis 7.2 does it.
//!
//! ```text
//!  whole, up to 2^62                        1   -25   100000000000000000
//!  others, d digits times 10^K, in the order of the rules, where e is the exponent of the first digit
//!    K ≥ 0, |e| < count of digits + 7       12345678901234567000
//!    -7 < K < 0, or K < 0 and |e| < 4       0.1   0.00001   3.141592653589793
//!    else                                   1e+19   1.5e-7   1.2345678000976563e+7
//!  the rest                                 -0   inf   -inf   nan
//! ```
//!
//! Invariant: the text reads back as the same double (`every_text_reads_back`).
//!
//! Cost: a whole number goes the way of integers; for the rest the standard library finds the
//! digits. Nothing is allocated.
//!
//! Not here: the text of `INCRBYFLOAT`, which has no exponent.

use std::io::Write;

/// Significant digits that tell any two doubles apart.
const DIGIT_COUNT_MAX: usize = 17;

/// Zeros that may follow the digits of a number without a point.
const ZERO_COUNT_MAX: usize = 7;

/// Longest text: a sign, the digits, and the zeros of a large whole number. `e-308` needs less.
const TEXT_BYTES_MAX: usize = 1 + DIGIT_COUNT_MAX + ZERO_COUNT_MAX;

/// Whole numbers up to here are printed as integers.
const INTEGER_MAX: f64 = (1_u64 << 62) as f64;

/// A text on the stack.
pub(crate) struct DoubleText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl DoubleText {
    pub(crate) fn new(value: f64) -> Self {
        let mut text = Self {
            bytes: [0; TEXT_BYTES_MAX],
            len: 0,
        };
        let integer = value as i64;
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
        } else if value.abs() <= INTEGER_MAX && integer as f64 == value {
            text.push(itoa::Buffer::new().format(integer).as_bytes());
        } else {
            text.push_shortest(value);
        }
        text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }

    fn push_zeros(&mut self, count: usize) {
        self.bytes[self.len..self.len + count].fill(b'0');
        self.len += count;
    }

    /// Finds the digits of a finite value other than zero and lays them out.
    fn push_shortest(&mut self, value: f64) {
        let mut scientific = [0; 32];
        let mut rest = &mut scientific[..];
        write!(rest, "{:e}", value.abs()).expect("23 bytes fit into 32");
        let written = 32 - rest.len();
        // "d.ddde-308", or "de-308"
        let e_at = memchr::memchr(b'e', &scientific).expect("the formatter was asked for it");
        let exponent: i32 = std::str::from_utf8(&scientific[e_at + 1..written])
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("the formatter writes an integer after the e");
        // Without the point the digits are one slice.
        scientific.copy_within(2..e_at.max(2), 1);
        let digits = &scientific[..e_at.saturating_sub(1).max(1)];
        if value < 0.0 {
            self.push(b"-");
        }
        self.lay_out(digits, exponent);
    }

    /// Appends `digits`, the first of which stands for `10^exponent`.
    fn lay_out(&mut self, digits: &[u8], exponent: i32) {
        let last_exponent = exponent - (digits.len() as i32 - 1);
        let distance = exponent.unsigned_abs() as usize;
        if last_exponent >= 0 && distance < digits.len() + ZERO_COUNT_MAX {
            self.push(digits);
            self.push_zeros(last_exponent as usize);
        } else if last_exponent < 0 && (last_exponent > -7 || distance < 4) {
            self.push_fixed(digits, exponent);
        } else {
            self.push_scientific(digits, exponent);
        }
    }

    fn push_fixed(&mut self, digits: &[u8], exponent: i32) {
        if exponent < 0 {
            self.push(b"0.");
            self.push_zeros(exponent.unsigned_abs() as usize - 1);
            self.push(digits);
        } else {
            let (whole, fraction) = digits.split_at(exponent as usize + 1);
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

    /// Goal: the text of Redis 7.2. Method: the rules of its `d2string`, worked out by hand.
    #[test]
    fn scores_print_as_in_redis() {
        let cases = [
            ("0", "0"),
            ("1", "1"),
            ("3", "3"),
            ("1.5", "1.5"),
            ("0.1", "0.1"),
            ("3.3", "3.3"),
            ("3.141", "3.141"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("3.141592653589793", "3.141592653589793"),
            ("1e17", "100000000000000000"),
            ("123456789012345678", "123456789012345680"),
            ("4611686018427387904", "4611686018427387904"),
            ("4611686018427389000", "4611686018427389000"),
            ("1e19", "1e+19"),
            ("12345678901234567000", "12345678901234567000"),
            ("1e21", "1e+21"),
            ("1.5e21", "1.5e+21"),
            ("1e-4", "0.0001"),
            ("1e-5", "0.00001"),
            ("1e-6", "0.000001"),
            ("1e-7", "1e-7"),
            ("1.5e-7", "1.5e-7"),
            ("0.00001234", "1.234e-5"),
            ("0.0012345678", "0.0012345678"),
            ("12345678.5", "12345678.5"),
            ("12345678.0009765625", "1.2345678000976563e+7"),
            ("12345.678901234567", "1.2345678901234567e+4"),
            ("1e100", "1e+100"),
            ("1e-300", "1e-300"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("5e-324", "5e-324"),
            ("inf", "inf"),
            ("-inf", "-inf"),
            ("-2.5", "-2.5"),
            ("4503599627370497.5", "4503599627370498"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value.parse().unwrap()), expected, "{value}");
        }
    }

    #[test]
    fn the_edges_of_the_notations() {
        assert_eq!(text(-0.0), "-0");
        assert_eq!(text(f64::NAN), "nan");
        assert_eq!(text(-f64::NAN), "nan");
        assert_eq!(text(-f64::MIN_POSITIVE), "-2.2250738585072014e-308");
        assert_eq!(text(-12345678901234569e7), "-123456789012345690000000");
        assert_eq!(text(-12345678901234568e8), "-1.2345678901234568e+24");
    }

    proptest! {
        #[test]
        fn every_text_reads_back(value in any::<f64>().prop_filter("a number", |v| !v.is_nan())) {
            prop_assert_eq!(text(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }
}
