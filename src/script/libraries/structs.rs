//! `struct`: numbers and strings as bytes by a format, as Redis has it.
//!
//! ```text
//!  > <   byte order        !n  alignment       x  a byte of nothing
//!  b h l i[n]  signed      B H L T I[n]  unsigned integers of 1, 2, 8, n (else 4) bytes
//!  f d   numbers           s  until a zero     c[n]  n bytes; c0: all, or the number before
//! ```
//!
//! Invariants: a format ends at its first zero byte, as C strings do; sizes are checked against the
//! data before anything is read.
//!
//! Not here: operations on bits (`bits.rs`).

use super::number_text::integer;
use crate::script::stack::{Function, Stack};
use std::ffi::{CStr, c_int};

/// The library.
pub(super) const FUNCTIONS: [(&CStr, Function); 3] =
    [(c"pack", pack), (c"unpack", unpack), (c"size", size)];

/// The largest size of an integer.
const INTEGER_BYTES_MAX: i32 = 32;

const TOO_SHORT: &[u8] = b"data string too short";

/// A format that is being read, and what it has said so far.
struct Format<'a> {
    stack: Stack<'a>,
    text: &'a [u8],
    at: usize,
    is_big: bool,
    alignment: usize,
}

impl<'a> Format<'a> {
    fn new(stack: Stack<'a>) -> Self {
        Self {
            stack,
            text: stack.bytes_argument(1),
            at: 0,
            is_big: false,
            alignment: 1,
        }
    }

    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// The next option and its size; none at the end.
    fn next(&mut self) -> Option<(u8, usize)> {
        let option = self.byte();
        if option == 0 {
            return None;
        }
        self.at += 1;
        let size = match option {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'f' => 4,
            b'l' | b'L' | b'T' | b'd' => 8,
            b'c' => self.count(1),
            b'i' | b'I' => {
                let size = self.count(4);
                if size > INTEGER_BYTES_MAX {
                    self.stack.fail(&[
                        b"integral size ",
                        integer(&mut itoa::Buffer::new(), size.into()),
                        b" is larger than limit of ",
                        integer(&mut itoa::Buffer::new(), INTEGER_BYTES_MAX.into()),
                    ]);
                }
                size
            }
            _ => 0,
        };
        Some((option, size as usize))
    }

    /// The count that may follow an option.
    fn count(&mut self, default: i32) -> i32 {
        if !self.byte().is_ascii_digit() {
            return default;
        }
        let mut count = 0_i32;
        while self.byte().is_ascii_digit() {
            let digit = i32::from(self.byte() - b'0');
            let grown = count
                .checked_mul(10)
                .and_then(|tens| tens.checked_add(digit));
            let Some(grown) = grown else {
                self.stack.fail(&[b"integral size overflow"]);
            };
            count = grown;
            self.at += 1;
        }
        count
    }

    /// How many bytes are left out before something of this size.
    fn padding(&self, position: usize, option: u8, size: usize) -> usize {
        if size == 0 || option == b'c' {
            return 0;
        }
        let size = size.min(self.alignment);
        (size - (position & (size - 1))) & (size - 1)
    }

    /// Does what an option says that has no value.
    fn control(&mut self, option: u8) {
        match option {
            b' ' => {}
            b'>' => self.is_big = true,
            b'<' => self.is_big = false,
            b'!' => {
                let alignment = self.count(8);
                if alignment <= 0 || alignment & (alignment - 1) != 0 {
                    self.stack.fail(&[
                        b"alignment ",
                        integer(&mut itoa::Buffer::new(), alignment.into()),
                        b" is not a power of 2",
                    ]);
                }
                self.alignment = alignment as usize;
            }
            _ => self
                .stack
                .fail_argument(1, &[b"invalid format option '", &[option], b"'"]),
        }
    }

    /// Appends bytes, the least of which comes first, in the order of the format.
    fn append(&self, little: &mut [u8]) {
        if self.is_big {
            little.reverse();
        }
        self.stack.append(little);
    }

    /// Brings bytes of the format's order into one in which the least comes first.
    fn little<const LENGTH: usize>(&self, bytes: &[u8]) -> [u8; LENGTH] {
        let mut little = [0; LENGTH];
        little.copy_from_slice(bytes);
        if self.is_big {
            little.reverse();
        }
        little
    }
}

/// As the processor does it for C: beyond the range stands the least.
fn truncated(number: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}

/// The bits of an integer as C has them after its conversions.
fn integer_bits(number: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if number >= HALF {
        truncated(number - HALF) as u64 ^ 1 << 63
    } else {
        truncated(number) as u64
    }
}

fn pack(stack: Stack<'_>) -> c_int {
    let mut format = Format::new(stack);
    let mut index = 2;
    let mut position = 0_usize;
    // An argument that is missing is nil.
    stack.push_nil();
    stack.begin();
    while let Some((option, mut size)) = format.next() {
        let padding = format.padding(position, option, size);
        stack.append(&[0; INTEGER_BYTES_MAX as usize][..padding]);
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let bits = integer_bits(stack.number_argument(index));
                let mut bytes = [0; INTEGER_BYTES_MAX as usize];
                bytes[..8].copy_from_slice(&bits.to_le_bytes());
                format.append(&mut bytes[..size]);
                index += 1;
            }
            b'x' => stack.append(&[0]),
            b'f' => {
                let number = stack.number_argument(index) as f32;
                format.append(&mut number.to_le_bytes());
                index += 1;
            }
            b'd' => {
                format.append(&mut stack.number_argument(index).to_le_bytes());
                index += 1;
            }
            b'c' | b's' => {
                let bytes = stack.bytes_argument(index);
                index += 1;
                if size == 0 {
                    size = bytes.len();
                }
                if bytes.len() < size {
                    stack.fail_argument(index, &[b"string too short"]);
                }
                stack.append(&bytes[..size]);
                if option == b's' {
                    stack.append(&[0]);
                    size += 1;
                }
            }
            _ => format.control(option),
        }
        position = position.wrapping_add(padding).wrapping_add(size);
    }
    stack.push_buffer();
    1
}

fn unpack(stack: Stack<'_>) -> c_int {
    let mut format = Format::new(stack);
    let data = stack.bytes_argument(2);
    let first = stack.integer_or(3, 1) as usize;
    if first == 0 {
        stack.fail_argument(3, &[b"offset must be 1 or greater"]);
    }
    let mut position = first - 1;
    let mut count = 0;
    while let Some((option, size)) = format.next() {
        position = position.wrapping_add(format.padding(position, option, size));
        let mut bytes = part(stack, data, position, size);
        stack.reserve(2, c"too many results");
        let result_count = stack.count();
        match option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let number = read_integer(bytes, format.is_big, option.is_ascii_lowercase());
                stack.push_number(number);
            }
            b'x' => {}
            b'f' => stack.push_number(f32::from_le_bytes(format.little(bytes)).into()),
            b'd' => stack.push_number(f64::from_le_bytes(format.little(bytes))),
            b'c' => {
                if size == 0 {
                    if count == 0 || !stack.is_number(-1) {
                        stack.fail(&[b"format 'c0' needs a previous size"]);
                    }
                    let size = integer_bits(stack.number(-1)) as usize;
                    stack.pop(1);
                    bytes = part(stack, data, position, size);
                }
                stack.push_bytes(bytes);
            }
            b's' => {
                let Some(length) = memchr::memchr(0, &data[position..]) else {
                    stack.fail(&[b"unfinished string in data"]);
                };
                bytes = &data[position..=position + length];
                stack.push_bytes(&bytes[..length]);
            }
            _ => format.control(option),
        }
        count += stack.count() - result_count;
        position += bytes.len();
    }
    stack.push_number(position.wrapping_add(1) as i64 as f64);
    count + 1
}

/// A part of the data; raises if there is none.
fn part<'a>(stack: Stack<'a>, data: &'a [u8], position: usize, size: usize) -> &'a [u8] {
    if size > data.len() || position > data.len() - size {
        stack.fail_argument(2, &[TOO_SHORT]);
    }
    &data[position..position + size]
}

/// What these bytes say; of more than eight, the last that were read, extended as C does it.
fn read_integer(bytes: &[u8], is_big: bool, is_signed: bool) -> f64 {
    let push = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
    let bits = if is_big {
        bytes.iter().fold(0, push)
    } else {
        bytes.iter().rev().fold(0, push)
    };
    if !is_signed {
        return bits as f64;
    }
    let sign = u64::MAX.wrapping_shl((bytes.len() as u32).wrapping_mul(8).wrapping_sub(1));
    let bits = if bits & sign == 0 { bits } else { bits | sign };
    bits as i64 as f64
}

fn size(stack: Stack<'_>) -> c_int {
    let mut format = Format::new(stack);
    let mut position = 0_usize;
    while let Some((option, size)) = format.next() {
        position = position.wrapping_add(format.padding(position, option, size));
        if option == b's' {
            stack.fail_argument(1, &[b"option 's' has no fixed size"]);
        }
        if option == b'c' && size == 0 {
            stack.fail_argument(1, &[b"option 'c0' has no fixed size"]);
        }
        if !option.is_ascii_alphanumeric() {
            format.control(option);
        }
        position = position.wrapping_add(size);
    }
    stack.push_number(position as i64 as f64);
    1
}
