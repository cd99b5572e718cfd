//! Functions of `string` written anew: those that take a pattern, and `rep`.
//!
//! | function | what Lua's own does |
//! |---|---|
//! | `find`, `match`, `gmatch`, `gsub` | may try for hours without a hook; recurse for repeats |
//! | `rep` | appends nothing two thousand million times if asked to |
//!
//! Here the work is counted, so that a script can be suspended and ended in the middle.
//!
//! Not here: what matches (`patterns.rs`).

use super::patterns::{Captured, Fault, Matcher, Pace, until_zero};
use crate::script::stack::{Function, Kind, OWN_VALUE, Stack};
use std::ffi::{CStr, c_int};

/// Those of `string`.
pub(super) const FUNCTIONS: [(&CStr, Function); 6] = [
    (c"find", find),
    (c"match", match_once),
    (c"gmatch", match_all),
    (c"gfind", match_all),
    (c"gsub", replace_all),
    (c"rep", repeat),
];

/// Bytes of a pattern that mean something; without any, the text itself is looked for.
const SPECIAL: &[u8] = b"^$*+?.([%-";

impl Pace for Stack<'_> {
    fn spend(&mut self, steps: usize) {
        Stack::spend(*self, steps);
    }
}

fn find(stack: Stack<'_>) -> c_int {
    let (subject, pattern, begin) = arguments(stack);
    let has_special = || {
        until_zero(pattern)
            .iter()
            .any(|byte| SPECIAL.contains(byte))
    };
    if !stack.boolean(4) && has_special() {
        return search(stack, subject, pattern, begin, true);
    }
    stack.spend((subject.len() - begin) / 16);
    let Some(offset) = memchr::memmem::find(&subject[begin..], pattern) else {
        stack.push_nil();
        return 1;
    };
    let first = begin + offset;
    stack.push_number((first + 1) as f64);
    stack.push_number((first + pattern.len()) as f64);
    2
}

fn match_once(stack: Stack<'_>) -> c_int {
    let (subject, pattern, begin) = arguments(stack);
    search(stack, subject, pattern, begin, false)
}

/// The text, the pattern, and where in the text to begin.
fn arguments(stack: Stack<'_>) -> (&[u8], &[u8], usize) {
    let subject = stack.bytes_argument(1);
    let pattern = stack.bytes_argument(2);
    let position = stack.integer_or(3, 1);
    let len = subject.len() as i64;
    let position = match position {
        ..0 => position.saturating_add(len + 1),
        0.. => position,
    };
    let begin = (position - 1).clamp(0, len);
    (subject, pattern, begin as usize)
}

fn search(
    stack: Stack<'_>,
    subject: &[u8],
    pattern: &[u8],
    begin: usize,
    tells_place: bool,
) -> c_int {
    let (is_anchored, pattern) = without_anchor(pattern);
    let mut matcher = Matcher::new(subject, pattern, stack);
    for place in begin..=subject.len() {
        if let Some(end) = checked(stack, matcher.match_at(place)) {
            if !tells_place {
                return push_values(stack, &matcher, &subject[place..end]);
            }
            stack.push_number((place + 1) as f64);
            stack.push_number(end as f64);
            return match matcher.capture_count() {
                0 => 2,
                _ => 2 + push_values(stack, &matcher, b""),
            };
        }
        if is_anchored {
            break;
        }
    }
    stack.push_nil();
    1
}

fn without_anchor(pattern: &[u8]) -> (bool, &[u8]) {
    match pattern.strip_prefix(b"^") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    }
}

/// Raises what is wrong with a pattern.
fn checked<T>(stack: Stack<'_>, outcome: Result<T, Fault>) -> T {
    match outcome {
        Ok(value) => value,
        Err(fault) => stack.fail(&[fault.text()]),
    }
}

fn push_value<'a>(
    stack: Stack<'a>,
    matcher: &Matcher<'a, Stack<'a>>,
    index: usize,
    whole: &'a [u8],
) {
    match checked(stack, matcher.captured(index, whole)) {
        Captured::Bytes(bytes) => stack.push_bytes(bytes),
        Captured::Position(position) => stack.push_number(position as f64),
    }
}

/// Pushes all captures of the last match, or all of it if it has none; returns how many.
fn push_values<'a>(stack: Stack<'a>, matcher: &Matcher<'a, Stack<'a>>, whole: &'a [u8]) -> c_int {
    let count = matcher.value_count();
    stack.reserve(count as c_int, c"too many captures");
    for index in 0..count {
        push_value(stack, matcher, index, whole);
    }
    count as c_int
}

/// The elements of what stands behind the function that [`match_all`] returns.
const SUBJECT: c_int = 1;
const PATTERN: c_int = 2;
const NEXT_PLACE: c_int = 3;

fn match_all(stack: Stack<'_>) -> c_int {
    stack.bytes_argument(1);
    stack.bytes_argument(2);
    stack.push_table();
    stack.push_copy(1);
    stack.set_element(-2, SUBJECT);
    stack.push_copy(2);
    stack.set_element(-2, PATTERN);
    stack.push_number(0.0);
    stack.set_element(-2, NEXT_PLACE);
    stack.push_function(match_next);
    1
}

fn match_next(stack: Stack<'_>) -> c_int {
    stack.set_count(0);
    for element in [SUBJECT, PATTERN, NEXT_PLACE] {
        stack.push_element(OWN_VALUE, element);
    }
    let (subject, pattern) = (stack.bytes(SUBJECT), stack.bytes(PATTERN));
    let mut matcher = Matcher::new(subject, pattern, stack);
    for place in stack.number(NEXT_PLACE) as usize..=subject.len() {
        if let Some(end) = checked(stack, matcher.match_at(place)) {
            // An empty match goes on one place further.
            let next = end + usize::from(end == place);
            stack.push_number(next as f64);
            stack.set_element(OWN_VALUE, NEXT_PLACE);
            return push_values(stack, &matcher, &subject[place..end]);
        }
    }
    0
}

/// The arguments of `gsub`, and the parts of its result where functions may be called.
const REPLACEMENT: c_int = 3;
const COUNT_MAX: c_int = 4;
const PARTS: c_int = 5;

fn replace_all(stack: Stack<'_>) -> c_int {
    let subject = stack.bytes_argument(1);
    let pattern = stack.bytes_argument(2);
    let kind = stack.kind(REPLACEMENT);
    let count_max = stack.integer_or(COUNT_MAX, subject.len() as i64 + 1) as i32;
    let is_text = match kind {
        Kind::Number | Kind::String => true,
        Kind::Function | Kind::Table | Kind::Userdatum => false,
        Kind::None | Kind::Nil | Kind::Boolean | Kind::Pointer | Kind::Thread => {
            stack.fail_argument(REPLACEMENT, &[b"string/function/table expected"])
        }
    };
    stack.set_count(COUNT_MAX);
    let mut result = match is_text {
        true => {
            stack.begin();
            Parts::Buffer(stack.bytes_argument(REPLACEMENT))
        }
        false => {
            stack.push_table();
            Parts::Table(0)
        }
    };
    let (is_anchored, pattern) = without_anchor(pattern);
    let mut matcher = Matcher::new(subject, pattern, stack);
    // What stands between the last match and the place that is looked at stays as it is.
    let (mut kept_from, mut place, mut count) = (0, 0, 0);
    while count < count_max {
        let found = checked(stack, matcher.match_at(place));
        if let Some(end) = found {
            count += 1;
            result.add(stack, &subject[kept_from..place]);
            result.add_replacement(stack, &matcher, &subject[place..end]);
            kept_from = end;
        }
        match found {
            Some(end) if end > place => place = end,
            _ if place < subject.len() => place += 1,
            _ => break,
        }
        if is_anchored {
            break;
        }
    }
    result.add(stack, &subject[kept_from..]);
    result.push(stack);
    stack.push_number(f64::from(count));
    2
}

/// What `gsub` puts together: in the buffer with the text that replaces, or where other functions
/// run meanwhile, which may use the buffer, in a table of so many elements.
enum Parts<'a> {
    Buffer(&'a [u8]),
    Table(c_int),
}

impl<'a> Parts<'a> {
    fn add(&mut self, stack: Stack<'a>, bytes: &[u8]) {
        match self {
            Self::Buffer(_) => stack.append(bytes),
            Self::Table(_) if bytes.is_empty() => {}
            Self::Table(count) => {
                stack.push_bytes(bytes);
                *count += 1;
                stack.set_element(PARTS, *count);
            }
        }
    }

    fn add_replacement(
        &mut self,
        stack: Stack<'a>,
        matcher: &Matcher<'a, Stack<'a>>,
        whole: &'a [u8],
    ) {
        let count = match self {
            Self::Buffer(text) => return append_text(stack, matcher, text, whole),
            Self::Table(count) => count,
        };
        if stack.kind(REPLACEMENT) == Kind::Function {
            stack.push_copy(REPLACEMENT);
            let argument_count = push_values(stack, matcher, whole);
            stack.call(argument_count);
        } else {
            push_value(stack, matcher, 0, whole);
            stack.push_indexed(REPLACEMENT);
        }
        if !stack.boolean(-1) {
            stack.pop(1);
            stack.push_bytes(whole);
        } else if !matches!(stack.kind(-1), Kind::String | Kind::Number) {
            let kind = stack.kind_name(-1);
            stack.fail(&[b"invalid replacement value (a ", kind, b")"]);
        }
        *count += 1;
        stack.set_element(PARTS, *count);
    }

    fn push(&self, stack: Stack<'a>) {
        if let Self::Table(count) = self {
            stack.begin();
            for position in 1..=*count {
                stack.push_element(PARTS, position);
                stack.append(stack.bytes_argument(-1));
                stack.pop(1);
            }
        }
        stack.push_buffer();
    }
}

/// Appends the text that replaces a match, with what `%0` to `%9` stand for.
fn append_text<'a>(
    stack: Stack<'a>,
    matcher: &Matcher<'a, Stack<'a>>,
    text: &[u8],
    whole: &'a [u8],
) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'%', rest) {
        stack.append(&rest[..at]);
        // A zero byte stands behind the end of a string.
        let escaped = rest.get(at + 1).copied().unwrap_or(0);
        rest = rest.get(at + 2..).unwrap_or_default();
        match escaped {
            b'0' => stack.append(whole),
            b'1'..=b'9' => {
                push_value(stack, matcher, usize::from(escaped - b'1'), whole);
                stack.append(stack.bytes_argument(-1));
                stack.pop(1);
            }
            other => stack.append(&[other]),
        }
    }
    stack.append(rest);
}

fn repeat(stack: Stack<'_>) -> c_int {
    let bytes = stack.bytes_argument(1);
    let count = stack.integer_argument(2) as i32;
    stack.begin();
    if !bytes.is_empty() {
        // Nothing is done for what can't be.
        stack.expect(
            bytes
                .len()
                .saturating_mul(usize::try_from(count).unwrap_or(0)),
        );
        for _ in 0..count {
            stack.append(bytes);
        }
    }
    stack.push_buffer();
    1
}
