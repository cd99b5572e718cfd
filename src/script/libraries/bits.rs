//! `bit`: operations on 32 bits, as LuaBitOp 1.0 has them.
//!
//! A number counts modulo 2³², after rounding to the nearest integer; results are signed.
//!
//! Not here: integers as bytes (`structs.rs`).

use crate::script::stack::{Function, Kind, Stack};
use std::ffi::{CStr, c_int};

/// The library.
pub(super) const FUNCTIONS: [(&CStr, Function); 12] = [
    (c"tobit", |stack| give(stack, argument(stack, 1))),
    (c"bnot", |stack| give(stack, !argument(stack, 1))),
    (c"band", |stack| fold(stack, |one, other| one & other)),
    (c"bor", |stack| fold(stack, |one, other| one | other)),
    (c"bxor", |stack| fold(stack, |one, other| one ^ other)),
    (c"lshift", |stack| shift(stack, |bits, by| bits << by)),
    (c"rshift", |stack| shift(stack, |bits, by| bits >> by)),
    (c"arshift", |stack| {
        shift(stack, |bits, by| (bits as i32 >> by) as u32)
    }),
    (c"rol", |stack| shift(stack, u32::rotate_left)),
    (c"ror", |stack| shift(stack, u32::rotate_right)),
    (c"bswap", |stack| {
        give(stack, argument(stack, 1).swap_bytes())
    }),
    (c"tohex", to_hex),
];

/// Added to a number, it leaves the nearest integer in the low bits of the sum.
const ROUNDING: f64 = 6_755_399_441_055_744.0;

fn argument(stack: Stack<'_>, index: c_int) -> u32 {
    (stack.number_argument(index) + ROUNDING).to_bits() as u32
}

fn give(stack: Stack<'_>, bits: u32) -> c_int {
    stack.push_number(f64::from(bits as i32));
    1
}

fn fold(stack: Stack<'_>, operation: fn(u32, u32) -> u32) -> c_int {
    let mut bits = argument(stack, 1);
    // From the last on, as errors tell of the first that is found wrong.
    for index in (2..=stack.count()).rev() {
        bits = operation(bits, argument(stack, index));
    }
    give(stack, bits)
}

fn shift(stack: Stack<'_>, operation: fn(u32, u32) -> u32) -> c_int {
    let bits = argument(stack, 1);
    let by = argument(stack, 2) & 31;
    give(stack, operation(bits, by))
}

fn to_hex(stack: Stack<'_>) -> c_int {
    const DIGITS_MAX: u32 = 8;
    let mut bits = argument(stack, 1);
    let count = match stack.kind(2) {
        Kind::None => DIGITS_MAX as i32,
        _ => argument(stack, 2) as i32,
    };
    let digits = if count < 0 {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let count = count.unsigned_abs().min(DIGITS_MAX) as usize;
    let mut text = [0; DIGITS_MAX as usize];
    for place in text[..count].iter_mut().rev() {
        *place = digits[(bits & 15) as usize];
        bits >>= 4;
    }
    stack.push_bytes(&text[..count]);
    1
}
