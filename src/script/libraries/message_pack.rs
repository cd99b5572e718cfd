//! `cmsgpack`: values as MessagePack and back, as lua-cmsgpack 0.4.0 does it.
//!
//! ```text
//!  unpack: a stack of   [table, frame]   or   [table, frame, key]
//!      frame: position (0: a map) and how many are left, in one bare pointer
//! ```
//!
//! Numbers take the shortest form that is exact; a table is an array if its keys are 1 … n. What
//! nests more than 16 deep is packed as nil; what is unpacked may nest as deep as Lua's stack is.
//!
//! Invariant: a length that the input announces allocates nothing.
//!
//! Not here: other formats (`json.rs`, `structs.rs`).

use super::number_text::integer;
use crate::script::stack::{Function, Kind, Stack};
use std::ffi::{CStr, c_int};

const FUNCTIONS: [(&CStr, Function); 4] = [
    (c"pack", pack),
    (c"unpack", unpack),
    (c"unpack_one", unpack_one),
    (c"unpack_limit", unpack_limit),
];

/// How deep tables are packed.
const DEPTH_MAX: u32 = 16;

/// Pushes the library.
pub(super) fn push_library(stack: Stack<'_>) {
    stack.push_table();
    stack.push_nil();
    stack.set_functions(&FUNCTIONS);
    stack.push_bytes(b"cmsgpack");
    stack.set_field(c"_NAME");
    stack.push_bytes(b"lua-cmsgpack 0.4.0");
    stack.set_field(c"_VERSION");
    stack.push_bytes(b"Copyright (C) 2012, Salvatore Sanfilippo");
    stack.set_field(c"_COPYRIGHT");
    stack.push_bytes(b"MessagePack C implementation for Lua");
    stack.set_field(c"_DESCRIPTION");
}

fn pack(stack: Stack<'_>) -> c_int {
    let count = stack.count();
    if count == 0 {
        stack.fail_argument(0, &[b"MessagePack pack needs input."]);
    }
    stack.begin();
    for index in 1..=count {
        stack.reserve(1, c"in function mp_check");
        stack.push_copy(index);
        pack_value(stack, 0);
    }
    stack.push_buffer();
    1
}

/// Appends the value on top and takes it off.
fn pack_value(stack: Stack<'_>, depth: u32) {
    match stack.kind(-1) {
        Kind::String => {
            let bytes = stack.bytes(-1);
            append_length(stack, bytes.len(), (31, 0xa0), [0xd9, 0xda, 0xdb]);
            stack.append(bytes);
        }
        Kind::Boolean => stack.append(&[if stack.boolean(-1) { 0xc3 } else { 0xc2 }]),
        Kind::Number => pack_number(stack, stack.number(-1)),
        Kind::Table if depth < DEPTH_MAX => pack_table(stack, depth),
        Kind::Table
        | Kind::None
        | Kind::Nil
        | Kind::Pointer
        | Kind::Function
        | Kind::Userdatum
        | Kind::Thread => stack.append(&[0xc0]),
    }
    stack.pop(1);
}

/// Appends a length: within the byte if it is at most the first of the pair, else after a mark for
/// one, two or four bytes; a mark of 0 is none.
fn append_length(stack: Stack<'_>, length: usize, short: (usize, u8), marks: [u8; 3]) {
    let bytes = (length as u32).to_be_bytes();
    if length <= short.0 {
        stack.append(&[short.1 | bytes[3]]);
    } else if length <= 0xff && marks[0] != 0 {
        stack.append(&[marks[0], bytes[3]]);
    } else if length <= 0xffff {
        stack.append(&[marks[1], bytes[2], bytes[3]]);
    } else {
        stack.append(&[marks[2]]);
        stack.append(&bytes);
    }
}

fn pack_number(stack: Stack<'_>, number: f64) {
    let is_integer = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number)
        && number.trunc() == number;
    if is_integer {
        return pack_integer(stack, number as i64);
    }
    let short = number as f32;
    if f64::from(short) == number {
        stack.append(&[0xca]);
        stack.append(&short.to_be_bytes());
    } else {
        stack.append(&[0xcb]);
        stack.append(&number.to_be_bytes());
    }
}

fn pack_integer(stack: Stack<'_>, value: i64) {
    let bytes = value.to_be_bytes();
    let (mark, length) = match value {
        -32..=127 => return stack.append(&bytes[7..]),
        128..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80..=-33 => (0xd0, 1),
        -0x8000..=-0x81 => (0xd1, 2),
        -0x8000_0000..=-0x8001 => (0xd2, 4),
        _ => (0xd3, 8),
    };
    stack.append(&[mark]);
    stack.append(&bytes[8 - length..]);
}

fn pack_table(stack: Stack<'_>, depth: u32) {
    stack.reserve(4, c"in function mp_encode_lua_table");
    if is_array(stack) {
        let length = stack.length(-1);
        append_length(stack, length, (15, 0x90), [0, 0xdc, 0xdd]);
        for position in 1..=length {
            stack.push_element(-1, position as c_int);
            pack_value(stack, depth + 1);
        }
        return;
    }
    let mut count = 0;
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        count += 1;
    }
    append_length(stack, count, (15, 0x80), [0, 0xde, 0xdf]);
    stack.push_nil();
    while stack.next(-2) {
        stack.push_copy(-2);
        pack_value(stack, depth + 1);
        pack_value(stack, depth + 1);
    }
}

/// Whether the keys of the table on top are 1 … n.
fn is_array(stack: Stack<'_>) -> bool {
    let (mut largest, mut count) = (0.0_f64, 0_u32);
    stack.push_nil();
    while stack.next(-2) {
        stack.pop(1);
        let key = match stack.kind(-1) {
            Kind::Number => stack.number(-1),
            _ => 0.0,
        };
        if !(key > 0.0 && key <= f64::from(i32::MAX) && key.trunc() == key) {
            stack.pop(1);
            return false;
        }
        largest = largest.max(key);
        count += 1;
    }
    largest == f64::from(count)
}

/// Why bytes are refused.
enum Fault {
    Missing,
    Bad,
}

/// Input that is being read.
struct Input<'a> {
    stack: Stack<'a>,
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// The bytes after a first one, which is taken with them.
    fn take<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], Fault> {
        match self.rest[1..].first_chunk() {
            Some(&bytes) => {
                self.rest = &self.rest[1 + LENGTH..];
                Ok(bytes)
            }
            None => Err(Fault::Missing),
        }
    }

    /// Pushes a string whose length has been read.
    fn push_string(&mut self, length: u32) -> Result<(), Fault> {
        match self.rest.split_at_checked(length as usize) {
            Some((bytes, rest)) => {
                self.stack.push_bytes(bytes);
                self.rest = rest;
                Ok(())
            }
            None => Err(Fault::Missing),
        }
    }

    /// Reads one value and pushes it. O(its bytes).
    fn push_value(&mut self) -> Result<(), Fault> {
        let stack = self.stack;
        let mut depth = 0_u32;
        loop {
            stack.reserve(
                1,
                c"too many return values at once; use unpack_one or unpack_limit instead.",
            );
            if self.begin_value()? {
                depth += 1;
                continue;
            }
            // A value is whole; so are all the tables that end with it.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                if !put(stack) {
                    break;
                }
                depth -= 1;
            }
        }
    }

    /// Pushes a value that is no table, or an empty one; or a table and its frame: true.
    fn begin_value(&mut self) -> Result<bool, Fault> {
        let stack = self.stack;
        let Some(&first) = self.rest.first() else {
            return Err(Fault::Missing);
        };
        let number = match first {
            0xcc => f64::from(self.take::<1>()?[0]),
            0xcd => f64::from(u16::from_be_bytes(self.take()?)),
            0xce => f64::from(u32::from_be_bytes(self.take()?)),
            0xd0 => f64::from(i8::from_be_bytes(self.take()?)),
            0xd1 => f64::from(i16::from_be_bytes(self.take()?)),
            0xd2 => f64::from(i32::from_be_bytes(self.take()?)),
            // The unsigned one, too, counts as signed.
            0xcf | 0xd3 => i64::from_be_bytes(self.take()?) as f64,
            0xca => f64::from(f32::from_be_bytes(self.take()?)),
            0xcb => f64::from_be_bytes(self.take()?),
            0x00..=0x7f | 0xe0..=0xff => {
                self.take::<0>()?;
                f64::from(first as i8)
            }
            0xc0 | 0xc2 | 0xc3 => {
                self.take::<0>()?;
                match first {
                    0xc0 => stack.push_nil(),
                    _ => stack.push_boolean(first == 0xc3),
                }
                return Ok(false);
            }
            0xd9..=0xdb | 0xa0..=0xbf => {
                let length = match first {
                    0xd9 => self.take::<1>()?[0].into(),
                    0xda => u16::from_be_bytes(self.take()?).into(),
                    0xdb => u32::from_be_bytes(self.take()?),
                    _ => {
                        self.take::<0>()?;
                        u32::from(first & 0x1f)
                    }
                };
                self.push_string(length)?;
                return Ok(false);
            }
            0xdc..=0xdf | 0x80..=0x9f => {
                let length = match first {
                    0xdc | 0xde => u16::from_be_bytes(self.take()?).into(),
                    0xdd | 0xdf => u32::from_be_bytes(self.take()?),
                    _ => {
                        self.take::<0>()?;
                        u32::from(first & 0xf)
                    }
                };
                let is_array = matches!(first, 0xdc | 0xdd | 0x90..=0x9f);
                return Ok(push_table(stack, length, is_array));
            }
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => return Err(Fault::Bad),
        };
        stack.push_number(number);
        Ok(false)
    }
}

/// Pushes a table with its frame, or an empty one alone: false.
fn push_table(stack: Stack<'_>, length: u32, is_array: bool) -> bool {
    stack.push_table();
    let text = if is_array {
        c"in function mp_decode_to_lua_array"
    } else {
        c"in function mp_decode_to_lua_hash"
    };
    stack.reserve(1, text);
    if length > 0 {
        push_frame(stack, u32::from(is_array), length);
    }
    length > 0
}

fn push_frame(stack: Stack<'_>, position: u32, left: u32) {
    stack.push_pointer((u64::from(position) << 32 | u64::from(left)) as usize);
}

/// Puts the whole value on top into the table around it; true if that is whole then, and on top.
fn put(stack: Stack<'_>) -> bool {
    let is_single = stack.kind(-2) == Kind::Pointer;
    let frame = stack.pointer(if is_single { -2 } else { -3 }) as u64;
    let (position, left) = ((frame >> 32) as u32, frame as u32);
    match (is_single, position) {
        // A key, which waits for its value.
        (true, 0) => return false,
        (true, _) => stack.set_element(-3, position as c_int),
        (false, _) => stack.set_entry(-4),
    }
    stack.pop(1);
    if left > 1 {
        push_frame(stack, if is_single { position + 1 } else { 0 }, left - 1);
    }
    left == 1
}

fn unpack(stack: Stack<'_>) -> c_int {
    unpack_some(stack, 0, 0)
}

fn unpack_one(stack: Stack<'_>) -> c_int {
    let offset = stack.integer_or(2, 0);
    stack.set_count(1);
    unpack_some(stack, 1, offset)
}

fn unpack_limit(stack: Stack<'_>) -> c_int {
    let limit = stack.integer_argument(2);
    let offset = stack.integer_or(3, 0);
    stack.set_count(1);
    unpack_some(stack, limit, offset)
}

/// Unpacks so many values from this byte on, or all if neither is given; before them stands where
/// the next begins, or -1.
fn unpack_some(stack: Stack<'_>, limit: i64, offset: i64) -> c_int {
    let bytes = stack.bytes_argument(1);
    // Redis's errors show what fits an integer of C.
    let shown = i64::from(offset as i32);
    if offset < 0 || limit < 0 {
        stack.fail(&[
            b"Invalid request to unpack with offset of ",
            integer(&mut itoa::Buffer::new(), shown),
            b" and limit of ",
            integer(&mut itoa::Buffer::new(), bytes.len() as i64),
            b".",
        ]);
    }
    let Some(rest) = bytes.get(offset as usize..) else {
        stack.fail(&[
            b"Start offset ",
            integer(&mut itoa::Buffer::new(), shown),
            b" greater than input length ",
            integer(&mut itoa::Buffer::new(), bytes.len() as i64),
            b".",
        ]);
    };
    let is_all = limit == 0 && offset == 0;
    let limit = if is_all { i64::MAX } else { limit };
    let mut input = Input { stack, rest };
    let mut count = 0;
    while !input.rest.is_empty() && i64::from(count) < limit {
        match input.push_value() {
            Ok(()) => count += 1,
            Err(Fault::Missing) => stack.fail(&[b"Missing bytes in input."]),
            Err(Fault::Bad) => stack.fail(&[b"Bad data format in input."]),
        }
    }
    if is_all {
        return count;
    }
    stack.reserve(1, c"in function mp_unpack_full");
    let next = match input.rest.len() {
        0 => -1.0,
        left => (bytes.len() - left) as f64,
    };
    stack.push_number(next);
    stack.insert(2);
    count + 1
}
