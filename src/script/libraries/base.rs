//! Functions of Lua 5.1 written anew, because Lua's own are not safe to offer.
//!
//! | function | what Lua's own does |
//! |---|---|
//! | `load`, `loadstring` | the collector may free what is parsed (CVE-2025-49844); byte code |
//! | `unpack` | counts with an overflow (CVE-2025-46817) |
//!
//! So the collector stands still while a text is parsed. No script runs meanwhile: `load` has all
//! pieces before it begins.
//!
//! Not here: functions that know protected tables (`base_library.rs`), those of `string` and
//! `table` (`strings.rs`, `tables.rs`).

use crate::script::SOURCE_BYTES_MAX;
use crate::script::stack::{Function, Kind, Stack};
use std::ffi::{CStr, c_int};

/// Those of the base library.
pub(super) const FUNCTIONS: [(&CStr, Function); 3] = [
    (c"load", load),
    (c"loadstring", load_string),
    (c"unpack", unpack),
];

fn load_string(stack: Stack<'_>) -> c_int {
    stack.bytes_argument(1);
    match stack.kind(2) {
        Kind::None | Kind::Nil => {
            stack.set_count(1);
            stack.push_copy(1);
        }
        _ => {
            stack.bytes_argument(2);
            stack.set_count(2);
        }
    }
    compile(stack)
}

/// Compiles the text at 1, called by the string at 2.
fn compile(stack: Stack<'_>) -> c_int {
    if stack.bytes(1).len() > SOURCE_BYTES_MAX {
        stack.push_nil();
        stack.push_bytes(b"the text is too long to be compiled");
        return 2;
    }
    if stack.bytes(1).first() == Some(&0x1b) {
        // Compiled code is as good as any to the loader: as text, its first byte is an error.
        stack.push_bytes(b" ");
        stack.push_copy(1);
        stack.concatenate(2);
        stack.replace(1);
    }
    if stack.compile(1, 2) {
        return 1;
    }
    stack.push_nil();
    stack.insert(-2);
    2
}

fn load(stack: Stack<'_>) -> c_int {
    /// How many pieces are held before they become one.
    const PIECES_MAX: c_int = 10;
    stack.function_argument(1);
    match stack.kind(2) {
        Kind::None | Kind::Nil => {
            stack.set_count(1);
            stack.push_bytes(b"=(load)");
        }
        _ => {
            stack.bytes_argument(2);
            stack.set_count(2);
        }
    }
    // The reader, the name, the text so far, pieces.
    stack.push_bytes(b"");
    loop {
        stack.push_copy(1);
        if !stack.call_protected() {
            stack.push_nil();
            stack.insert(-2);
            return 2;
        }
        match stack.kind(-1) {
            Kind::Nil => break,
            Kind::String if stack.bytes(-1).is_empty() => break,
            Kind::String | Kind::Number => {}
            Kind::None
            | Kind::Boolean
            | Kind::Pointer
            | Kind::Table
            | Kind::Function
            | Kind::Userdatum
            | Kind::Thread => {
                stack.push_nil();
                stack.push_bytes(b"reader function must return a string");
                return 2;
            }
        }
        if stack.count() == 3 + PIECES_MAX {
            stack.concatenate(1 + PIECES_MAX);
        }
    }
    stack.pop(1);
    stack.concatenate(stack.count() - 2);
    stack.replace(1);
    compile(stack)
}

fn unpack(stack: Stack<'_>) -> c_int {
    stack.table_argument(1);
    let first = stack.integer_or(2, 1) as i32;
    let last = match stack.kind(3) {
        Kind::None | Kind::Nil => stack.length(1) as i32,
        _ => stack.integer_argument(3) as i32,
    };
    if first > last {
        return 0;
    }
    let count = i64::from(last) - i64::from(first) + 1;
    let Some(count) = c_int::try_from(count)
        .ok()
        .filter(|&count| stack.has_room(count))
    else {
        stack.fail(&[b"too many results to unpack"]);
    };
    for offset in 0..count {
        stack.push_element(1, first + offset);
    }
    count
}
