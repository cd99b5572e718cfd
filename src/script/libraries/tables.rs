//! Functions of `table` written anew: what they do takes time in proportion to a table, and Lua's
//! own call no hook meanwhile.
//!
//! The same elements are compared, moved and read in the same order as by Lua's own, since
//! functions that compare, and errors, can tell. Work is counted, so that a script can be
//! suspended and ended in the middle.
//!
//! Not here: `foreach`, `foreachi`, `getn`, `setn`, which are Lua's own.

use crate::script::stack::{Function, Kind, Stack};
use std::ffi::{CStr, c_int};

/// Those of `table`.
pub(super) const FUNCTIONS: [(&CStr, Function); 5] = [
    (c"concat", concatenate),
    (c"insert", insert),
    (c"maxn", greatest_key),
    (c"remove", remove),
    (c"sort", sort),
];

/// What a comparison costs, in steps of some nanoseconds.
const COMPARISON_STEPS: usize = 16;

const TABLE: c_int = 1;

/// How many elements the argument has, which must be a table.
fn checked_length(stack: Stack<'_>) -> i32 {
    stack.table_argument(TABLE);
    stack.length(TABLE) as i32
}

fn concatenate(stack: Stack<'_>) -> c_int {
    let separator = match stack.kind(2) {
        Kind::None | Kind::Nil => b"",
        _ => stack.bytes_argument(2),
    };
    stack.table_argument(TABLE);
    let first = stack.integer_or(3, 1) as i32;
    let last = match stack.kind(4) {
        Kind::None | Kind::Nil => stack.length(TABLE) as i32,
        _ => stack.integer_argument(4) as i32,
    };
    stack.begin();
    for position in first..=last {
        stack.push_element(TABLE, position);
        if !matches!(stack.kind(-1), Kind::String | Kind::Number) {
            fail_element(stack, position);
        }
        stack.append(stack.bytes_argument(-1));
        stack.pop(1);
        if position < last {
            stack.append(separator);
        }
    }
    stack.push_buffer();
    1
}

/// Raises that the value on top can't be part of a text.
fn fail_element(stack: Stack<'_>, position: i32) -> ! {
    let mut digits = [0; 16];
    let mut rest = &mut digits[..];
    // Sixteen bytes are enough for any.
    _ = std::io::Write::write_fmt(&mut rest, format_args!("{position}"));
    let left = rest.len();
    let digits = &digits[..digits.len() - left];
    let kind = stack.kind_name(-1);
    stack.fail(&[
        b"invalid value (",
        kind,
        b") at index ",
        digits,
        b" in table for 'concat'",
    ]);
}

/// Copies an element to another position.
fn copy(stack: Stack<'_>, from: i32, to: i32) {
    stack.push_element(TABLE, from);
    stack.set_element(TABLE, to);
}

fn insert(stack: Stack<'_>) -> c_int {
    let end = checked_length(stack).wrapping_add(1);
    let position = match stack.count() {
        2 => end,
        3 => {
            let position = stack.integer_argument(2) as i32;
            let mut hole = end.max(position);
            while hole > position {
                copy(stack, hole.wrapping_sub(1), hole);
                hole -= 1;
            }
            position
        }
        _ => stack.fail(&[b"wrong number of arguments to 'insert'"]),
    };
    stack.set_element(TABLE, position);
    0
}

fn remove(stack: Stack<'_>) -> c_int {
    let last = checked_length(stack);
    let position = stack.integer_or(2, last.into()) as i32;
    if !(1..=last).contains(&position) {
        return 0;
    }
    stack.push_element(TABLE, position);
    for hole in position..last {
        copy(stack, hole + 1, hole);
    }
    stack.push_nil();
    stack.set_element(TABLE, last);
    1
}

fn greatest_key(stack: Stack<'_>) -> c_int {
    stack.table_argument(TABLE);
    let mut greatest = 0.0;
    stack.push_nil();
    while stack.next(TABLE) {
        stack.pop(1);
        if stack.kind(-1) == Kind::Number {
            greatest = f64::max(greatest, stack.number(-1));
        }
    }
    stack.push_number(greatest);
    1
}

fn sort(stack: Stack<'_>) -> c_int {
    let last = checked_length(stack);
    stack.reserve(40, c"");
    if !matches!(stack.kind(2), Kind::None | Kind::Nil) {
        stack.function_argument(2);
    }
    stack.set_count(2);
    sort_range(stack, 1, last);
    0
}

/// Whether a value comes before another, by the function at 2 if there is one.
fn is_before(stack: Stack<'_>, first: c_int, second: c_int) -> bool {
    stack.spend(COMPARISON_STEPS);
    if stack.kind(2) == Kind::Nil {
        return stack.is_less(first, second);
    }
    stack.push_copy(2);
    stack.push_copy(first - 1);
    stack.push_copy(second - 2);
    stack.call(2);
    let is_before = stack.boolean(-1);
    stack.pop(1);
    is_before
}

/// Takes two values off: the upper one goes to one position, the other to another.
fn set_both(stack: Stack<'_>, upper_to: i32, lower_to: i32) {
    stack.set_element(TABLE, upper_to);
    stack.set_element(TABLE, lower_to);
}

/// Sedgewick's quicksort, as Lua 5.1 has it: the pivot is the median of three.
fn sort_range(stack: Stack<'_>, mut low: i32, mut high: i32) {
    while low < high {
        stack.push_element(TABLE, low);
        stack.push_element(TABLE, high);
        order_ends(stack, low, high);
        if high - low == 1 {
            break;
        }
        let middle = (low + high) / 2;
        order_middle(stack, low, middle, high);
        if high - low == 2 {
            break;
        }
        stack.push_element(TABLE, middle);
        stack.push_copy(-1);
        stack.push_element(TABLE, high - 1);
        set_both(stack, middle, high - 1);
        let pivot = divide(stack, low, high);
        stack.push_element(TABLE, high - 1);
        stack.push_element(TABLE, pivot);
        set_both(stack, high - 1, pivot);
        // The smaller part by recursion, so that it is not deep; the larger one by going on.
        if pivot - low < high - pivot {
            sort_range(stack, low, pivot - 1);
            low = pivot + 1;
        } else {
            sort_range(stack, pivot + 1, high);
            high = pivot - 1;
        }
    }
}

/// Takes the first and the last value off, and exchanges them if they are in disorder.
fn order_ends(stack: Stack<'_>, low: i32, high: i32) {
    if is_before(stack, -1, -2) {
        set_both(stack, low, high);
    } else {
        stack.pop(2);
    }
}

fn order_middle(stack: Stack<'_>, low: i32, middle: i32, high: i32) {
    stack.push_element(TABLE, middle);
    stack.push_element(TABLE, low);
    if is_before(stack, -2, -1) {
        set_both(stack, middle, low);
        return;
    }
    stack.pop(1);
    stack.push_element(TABLE, high);
    if is_before(stack, -1, -2) {
        set_both(stack, middle, high);
    } else {
        stack.pop(2);
    }
}

/// Takes the pivot off, which stands before the last element, too; returns where it belongs: what
/// is before that is not greater, what is behind it not less.
fn divide(stack: Stack<'_>, low: i32, high: i32) -> i32 {
    const DISORDER: &[u8] = b"invalid order function for sorting";
    let (mut left, mut right) = (low, high - 1);
    loop {
        loop {
            left += 1;
            stack.push_element(TABLE, left);
            if !is_before(stack, -1, -2) {
                break;
            }
            if left > high {
                stack.fail(&[DISORDER]);
            }
            stack.pop(1);
        }
        loop {
            right -= 1;
            stack.push_element(TABLE, right);
            if !is_before(stack, -3, -1) {
                break;
            }
            if right < low {
                stack.fail(&[DISORDER]);
            }
            stack.pop(1);
        }
        if right < left {
            stack.pop(3);
            return left;
        }
        set_both(stack, left, right);
    }
}
