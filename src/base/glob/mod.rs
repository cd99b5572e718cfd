//! Patterns with `*`, `?` and character classes, as KEYS, SCAN MATCH and PSUBSCRIBE use them.
//!
//! ```text
//! pattern = ( "*" | "?" | class | "\" byte | byte )*
//! class   = "[" ["^"] ( "\" byte | byte "-" byte | byte )* "]"     or up to the pattern's end
//! ```
//!
//! 1. Every part but `*` takes exactly one byte, so it suffices to remember the last `*`: when the
//!    parts after it fail, it takes one byte more; earlier ones need not be tried again.
//! 2. Odd cases are those of Redis on x86-64: an empty text matches only the empty pattern, ranges
//!    compare bytes as signed, an escaped byte in a class keeps its case.
//!
//! Cost: O(pattern · text) at worst, no memory, no recursion.
//!
//! Not here: that KEYS takes `*` for every key, also the empty one (the command).

use std::ops::ControlFlow;

/// Whether the whole of `text` matches `pattern`; ASCII letters in any case if `ignore_case`.
/// O(pattern · text).
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where to go on after the last `*`, and the first text byte it has not taken.
    let mut last_star: Option<(usize, usize)> = None;
    while text_at < text.len() {
        let rest = &pattern[pattern_at..];
        if rest.first() == Some(&b'*') {
            pattern_at += count_stars(rest);
            if pattern_at == pattern.len() {
                return true;
            }
            last_star = Some((pattern_at, text_at));
        } else if let Some(length) = match_byte(rest, text[text_at], ignore_case) {
            pattern_at += length;
            text_at += 1;
        } else if let Some((after_star, untaken_at)) = last_star {
            pattern_at = after_star;
            text_at = untaken_at + 1;
            last_star = Some((after_star, text_at));
        } else {
            return false;
        }
    }
    let rest = &pattern[pattern_at..];
    count_stars(rest) == rest.len()
}

/// The bytes before the first special one: every text that matches `pattern` begins with them
/// (unless case is ignored), and if they are all of the pattern, it matches no other text.
pub fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let special_at = pattern
        .iter()
        .position(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'));
    &pattern[..special_at.unwrap_or(pattern.len())]
}

fn count_stars(pattern: &[u8]) -> usize {
    pattern.iter().take_while(|byte| **byte == b'*').count()
}

/// The length of the first part of `pattern`, which is no `*`, if that part matches `byte`.
fn match_byte(pattern: &[u8], byte: u8, ignore_case: bool) -> Option<usize> {
    let (length, is_match) = match pattern {
        [] => return None,
        [b'?', ..] => (1, true),
        [b'[', class @ ..] => {
            let (length, is_match) = match_class(class, byte, ignore_case);
            (1 + length, is_match)
        }
        [b'\\', escaped, ..] => (2, are_equal(*escaped, byte, ignore_case)),
        [literal, ..] => (1, are_equal(*literal, byte, ignore_case)),
    };
    is_match.then_some(length)
}

/// The length of `class`, which begins after its `[`, with its `]` if it has one; and whether it
/// matches `byte`.
fn match_class(class: &[u8], byte: u8, ignore_case: bool) -> (usize, bool) {
    let is_negated = class.first() == Some(&b'^');
    let mut length = usize::from(is_negated);
    let mut is_member = false;
    loop {
        let step = match &class[length..] {
            [] => ControlFlow::Break(0),
            [b'\\', escaped, ..] => {
                is_member |= *escaped == byte;
                ControlFlow::Continue(2)
            }
            [b']', ..] => ControlFlow::Break(1),
            [first, b'-', last, ..] => {
                is_member |= is_in_range(*first, *last, byte, ignore_case);
                ControlFlow::Continue(3)
            }
            [member, ..] => {
                is_member |= are_equal(*member, byte, ignore_case);
                ControlFlow::Continue(1)
            }
        };
        match step {
            ControlFlow::Continue(taken) => length += taken,
            ControlFlow::Break(taken) => return (length + taken, is_member != is_negated),
        }
    }
}

/// Whether `byte` lies between `first` and `last`, in whichever order these are. They are ordered
/// before the case is folded, as in Redis, so `[Z-a]` without case holds nothing.
fn is_in_range(first: u8, last: u8, byte: u8, ignore_case: bool) -> bool {
    let fold = |byte: u8| {
        if ignore_case {
            byte.to_ascii_lowercase() as i8
        } else {
            byte as i8
        }
    };
    let (least, greatest) = if first as i8 > last as i8 {
        (last, first)
    } else {
        (first, last)
    };
    (fold(least)..=fold(greatest)).contains(&fold(byte))
}

fn are_equal(left: u8, right: u8, ignore_case: bool) -> bool {
    if ignore_case {
        left.eq_ignore_ascii_case(&right)
    } else {
        left == right
    }
}

#[cfg(test)]
mod tests;
