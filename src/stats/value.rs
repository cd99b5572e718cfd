//! How a metric's value is written in INFO.
//!
//! 1. A value is one line: line breaks in texts become spaces (`write_to`).
//! 2. Numbers are written as Redis writes them, so that its tools can read them.
//!
//! Cost: linear in the text.
//!
//! Not here: which metric has which value (`table.rs`).

use std::fmt::Write;

/// A metric's value and how it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A number that may be negative.
    Integer(i64),
    /// A number that is never negative.
    Unsigned(u64),
    /// Two decimals, `1.50`.
    Float2(f64),
    /// Two decimals and a percent sign, `1.50%`.
    Percent(f64),
    /// Microseconds, written as seconds with six decimals, `0.003871`.
    Seconds(u64),
    /// Bytes in the largest unit that is not above them, `1.50M`.
    HumanBytes(u64),
    /// Any text; it is written on one line.
    Text(&'a str),
}

impl Value<'_> {
    /// Appends the value to `text`.
    pub fn write_to(&self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = match *self {
            Value::Integer(number) => write!(text, "{number}"),
            Value::Unsigned(number) => write!(text, "{number}"),
            Value::Float2(number) => write!(text, "{number:.2}"),
            Value::Percent(number) => write!(text, "{number:.2}%"),
            Value::Seconds(usec) => write!(text, "{}.{:06}", usec / 1_000_000, usec % 1_000_000),
            Value::HumanBytes(bytes) => write_human_bytes(text, bytes),
            Value::Text(words) => {
                text.extend(words.chars().map(|letter| match letter {
                    '\r' | '\n' => ' ',
                    other => other,
                }));
                Ok(())
            }
        };
    }
}

/// `part` of `whole` in percent; 0 of nothing.
pub(super) fn percent(part: u64, whole: u64) -> Value<'static> {
    Value::Percent(ratio(part, whole) * 100.0)
}

/// `part` divided by `whole`; 0 of nothing.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn write_human_bytes(text: &mut String, bytes: u64) -> std::fmt::Result {
    const UNITS: [(u64, char); 5] = [
        (1 << 50, 'P'),
        (1 << 40, 'T'),
        (1 << 30, 'G'),
        (1 << 20, 'M'),
        (1 << 10, 'K'),
    ];
    match UNITS.into_iter().find(|&(unit, _)| bytes >= unit) {
        Some((unit, letter)) => write!(text, "{:.2}{letter}", ratio(bytes, unit)),
        None => write!(text, "{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: Value<'_>) -> String {
        let mut text = String::new();
        value.write_to(&mut text);
        text
    }

    #[test]
    fn human_bytes_are_those_of_redis() {
        let human = |bytes| written(Value::HumanBytes(bytes));
        assert_eq!(human(0), "0B");
        assert_eq!(human(200), "200B");
        assert_eq!(human(1023), "1023B");
        assert_eq!(human(1024), "1.00K");
        assert_eq!(human(990_504), "967.29K");
        assert_eq!(human(12_124_160), "11.56M");
        assert_eq!(human(1_572_864), "1.50M");
        assert_eq!(human(25_276_510_208), "23.54G");
        assert_eq!(human(1 << 40), "1.00T");
        assert_eq!(human(u64::MAX), "16384.00P");
    }

    #[test]
    fn numbers_are_written_as_redis_writes_them() {
        assert_eq!(written(Value::Integer(-1)), "-1");
        assert_eq!(written(Value::Unsigned(u64::MAX)), "18446744073709551615");
        assert_eq!(written(Value::Float2(1.0 / 3.0)), "0.33");
        assert_eq!(written(percent(990_504, 988_722)), "100.18%");
        assert_eq!(written(percent(1, 0)), "0.00%");
        assert_eq!(written(Value::Seconds(3_871)), "0.003871");
        assert_eq!(written(Value::Seconds(12_000_001)), "12.000001");
    }

    #[test]
    fn text_cannot_start_a_line_of_its_own() {
        assert_eq!(written(Value::Text("/a\r\nrole:slave")), "/a  role:slave");
    }
}
