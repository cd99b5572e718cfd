//! Patterns, numbers, words and rules of users against definitions that are plain to see.
//!
//! 1. A pattern of literals, `*` and `?` matches what the textbook's table says.
//! 2. Integers are read exactly where their text is the one that is printed; an extended number's
//!    text reads back as a number with the same text.
//! 3. Words lie inside of what was decoded, one behind the other.
//! 4. Rules come to what a naive model makes of them (`users.rs`).
//!
//! Not here: commands that take them (`commands.rs`).

use crate::source::Source;
use crate::users;
use evenkeel::base::extended_float::ExtendedFloat;
use evenkeel::base::{glob, numbers, words};

/// Runs one input. Its first byte chooses what it is.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    match source.below(6) {
        0 => {
            let ignore_case = source.byte() & 1 == 1;
            let pattern = source.bytes(64);
            pattern_matches(pattern, source.rest(), ignore_case);
        }
        1 => integers(source.rest()),
        2 => floats(source.rest()),
        3 => {
            let first = source.bytes(40);
            sum(first, source.rest());
        }
        4 => split(source.rest()),
        _ => users::check(&mut source),
    }
}

fn pattern_matches(pattern: &[u8], text: &[u8], ignore_case: bool) {
    let text = &text[..text.len().min(256)];
    let is_match = glob::matches(pattern, text, ignore_case);
    let is_plain = !pattern.iter().any(|byte| b"*?[\\".contains(byte));
    if is_plain && !ignore_case {
        assert_eq!(is_match, text == pattern);
    }
    if let Ok(pattern) = glob::Pattern::new(pattern, ignore_case) {
        assert_eq!(is_match, matches_in_steps(&pattern, text));
    }
    let is_simple = !pattern.iter().any(|byte| matches!(byte, b'[' | b'\\'));
    if is_simple && !text.is_empty() {
        assert_eq!(is_match, matches_by_table(pattern, text, ignore_case));
    }
}

fn matches_in_steps(pattern: &glob::Pattern, text: &[u8]) -> bool {
    let mut matching = glob::Matching::default();
    loop {
        if let Some(is_match) = pattern.go_on(&mut matching, text, &mut 7) {
            return is_match;
        }
    }
}

/// Row by row: which beginnings of `text` the beginning of `pattern` matches.
fn matches_by_table(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for part in pattern {
        let mut next = vec![false; text.len() + 1];
        for end in 0..=text.len() {
            next[end] = match part {
                b'*' => row[end] || (end > 0 && next[end - 1]),
                b'?' => end > 0 && row[end - 1],
                _ => {
                    let is_equal = |byte: u8| {
                        *part == byte || (ignore_case && part.eq_ignore_ascii_case(&byte))
                    };
                    end > 0 && row[end - 1] && is_equal(text[end - 1])
                }
            };
        }
        row = next;
    }
    row[text.len()]
}

fn integers(text: &[u8]) {
    let plain = std::str::from_utf8(text).unwrap_or_default();
    let canonical = |value: &i64| value.to_string() == plain;
    assert_eq!(
        numbers::parse_i64(text),
        plain.parse().ok().filter(canonical)
    );
    let unsigned = plain.parse().ok().filter(|_| !plain.starts_with('+'));
    assert_eq!(numbers::parse_u64(text), unsigned);
    if let Some(bytes) = unsigned {
        assert_eq!(numbers::parse_memory_bytes(text), Some(bytes));
    }
    numbers::parse_memory_bytes(text);
}

fn floats(text: &[u8]) {
    if let Some(value) = numbers::parse_f64(text) {
        assert!(!value.is_nan());
        let again = numbers::parse_f64(value.to_string().as_bytes());
        assert_eq!(again, Some(value));
    }
    if let Some(value) = ExtendedFloat::parse(text) {
        let printed = value.to_text();
        let again = ExtendedFloat::parse(&printed).map(ExtendedFloat::to_text);
        // A tiny number prints as zero, which has no sign to keep.
        assert_eq!(again.as_deref(), Some(&printed[..]));
    }
}

fn sum(first: &[u8], second: &[u8]) {
    let (Some(first), Some(second)) = (ExtendedFloat::parse(first), ExtendedFloat::parse(second))
    else {
        return;
    };
    let text = |sum: Option<ExtendedFloat>| sum.map(ExtendedFloat::to_text);
    assert_eq!(
        text(first.checked_add(second)),
        text(second.checked_add(first))
    );
}

fn split(line: &[u8]) {
    let mut decoded = Vec::new();
    let mut ranges = Vec::new();
    let result = words::split_words(line, &mut decoded, |range| ranges.push(range));
    assert!(decoded.len() <= line.len());
    let is_plain = !line
        .iter()
        .any(|byte| matches!(byte, b'"' | b'\'' | b'\\' | 0x0b | 0x0c));
    if result.is_err() {
        assert!(!is_plain);
        assert!(decoded.is_empty());
        return;
    }
    let mut end = 0;
    for range in &ranges {
        assert!(range.start >= end && range.end >= range.start && range.end <= decoded.len());
        end = range.end;
    }
    if is_plain {
        let found = ranges.iter().map(|range| &decoded[range.clone()]);
        let expected = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        assert!(found.eq(expected));
    }
}
