//! How many words a request has, by the syntax of its command (`syntax.rs` has the notation).
//!
//! ```text
//!  key value [NX | XX] [GET]        3 with the name; more may follow: -3
//!  <LIB-NAME name | LIB-VER ver>    the shortest alternative counts
//! ```
//!
//! Evaluated while the program is compiled, so a declaration costs nothing at run time. A test in
//! `syntax.rs` compares the result with the parsed syntax of every command.

/// The words of a part of a syntax.
struct Words {
    /// As many stand there at least.
    fewest: usize,
    /// More may stand there.
    is_open: bool,
    /// Where the part ends: after its closing bracket, or at the end of the text.
    end: usize,
}

/// The arity of a command whose name has `names` words: how many words a request has, or, negative,
/// how many it has at least.
///
/// # Panics
/// If it takes more than 127 words: while the program is compiled.
pub(super) const fn of(syntax: &str, names: usize) -> i8 {
    let words = alternatives(syntax.as_bytes(), 0);
    let fewest = names + words.fewest;
    assert!(fewest <= i8::MAX as usize);
    if words.is_open {
        -(fewest as i8)
    } else {
        fewest as i8
    }
}

/// The words from `at` to the next closing bracket that has no opening one.
const fn alternatives(syntax: &[u8], mut at: usize) -> Words {
    let mut is_open = false;
    let mut shortest = usize::MAX;
    let mut fewest = 0;
    while at < syntax.len() {
        match syntax[at] {
            b' ' => at += 1,
            b'|' => {
                (shortest, is_open) = shorter(shortest, fewest, is_open);
                fewest = 0;
                at += 1;
            }
            b'[' => {
                is_open = true;
                at = alternatives(syntax, at + 1).end;
            }
            b'<' => {
                let inner = alternatives(syntax, at + 1);
                // One of the options must be given where an alternative consists of options only.
                fewest += if inner.fewest == 0 { 1 } else { inner.fewest };
                is_open |= inner.is_open;
                at = inner.end;
            }
            b']' | b'>' => {
                at += 1;
                break;
            }
            _ => {
                fewest += 1;
                at = end_of_word(syntax, at);
            }
        }
    }
    let (fewest, is_open) = shorter(shortest, fewest, is_open);
    Words {
        fewest,
        is_open,
        end: at,
    }
}

/// The shorter of two alternatives, and whether the number of words is open with both.
const fn shorter(one: usize, other: usize, is_open: bool) -> (usize, bool) {
    let is_open = is_open || (one != usize::MAX && one != other);
    (if one < other { one } else { other }, is_open)
}

const fn end_of_word(syntax: &[u8], mut at: usize) -> usize {
    while at < syntax.len() && !matches!(syntax[at], b' ' | b'|' | b'[' | b']' | b'<' | b'>') {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn options_alternatives_and_repetitions_are_counted_as_they_may_be_sent() {
        assert_eq!(of("", 1), 1);
        assert_eq!(of("key value", 1), 3);
        assert_eq!(of("key [key ...]", 1), -2);
        assert_eq!(of("<LIB-NAME libname | LIB-VER libver>", 2), 4);
        assert_eq!(of("<ip:port | [ID client-id] [USER username]>", 2), -3);
        assert_eq!(of("<ON | OFF> [PREFIX prefix [PREFIX prefix ...]]", 2), -3);
        assert_eq!(of("slot <IMPORTING node-id | STABLE>", 2), -4);
    }
}
