//! `cjson`: values as JSON and back, as lua-cjson 2.1.0 does it.
//!
//! ```text
//!  encode: a stack of   [table, length, index]   or   [table, no length, key]
//!  decode: a stack of   [table, position]        or   [table, key]
//! ```
//!
//! Both walk with a stack on Lua's own, so depth takes no frames of ours. A table is an array if
//! all its keys are integers from 1 on; null is a null pointer.
//!
//! Invariants: a zero byte ends the text, as it does in C; settings belong to the table of
//! functions that they were made with.
//!
//! Cost: O(bytes); the buffer is the machine's. Settings take one small block.
//!
//! Not here: numbers as text (`number_text.rs`).

use super::json_text::{Text, Token};
use super::number_text::{self, TEXT_BYTES, integer};
use crate::script::stack::{Function, Kind, Stack};
use std::ffi::{CStr, c_int};

const FUNCTIONS: [(&CStr, Function); 9] = [
    (c"encode", encode),
    (c"decode", decode),
    (c"encode_sparse_array", encode_sparse_array),
    (c"encode_max_depth", encode_max_depth),
    (c"decode_max_depth", decode_max_depth),
    (c"encode_number_precision", encode_number_precision),
    (c"encode_keep_buffer", encode_keep_buffer),
    (c"encode_invalid_numbers", encode_invalid_numbers),
    (c"decode_invalid_numbers", decode_invalid_numbers),
];

/// How nested values may be unless a script says otherwise.
const DEPTH_MAX: i32 = 1_000;

/// The most digits that a script may ask for, and gets if it doesn't.
const PRECISION_MAX: i32 = 14;

/// What becomes of numbers that JSON can't have.
const REFUSED: i32 = 0;
const AS_NULL: i32 = 2;

/// What scripts set.
#[derive(Clone, Copy)]
struct Settings {
    is_sparse_converted: i32,
    sparse_ratio: i32,
    sparse_safe: i32,
    encode_depth_max: i32,
    decode_depth_max: i32,
    precision: i32,
    keeps_buffer: i32,
    encoded_invalid: i32,
    decodes_invalid: i32,
}

impl Settings {
    const DEFAULT: Self = Self {
        is_sparse_converted: 0,
        sparse_ratio: 2,
        sparse_safe: 10,
        encode_depth_max: DEPTH_MAX,
        decode_depth_max: DEPTH_MAX,
        precision: PRECISION_MAX,
        keeps_buffer: 1,
        encoded_invalid: REFUSED,
        decodes_invalid: 1,
    };
}

/// Pushes the library with settings of its own.
pub(super) fn push_library(stack: Stack<'_>) {
    stack.push_table();
    stack.push_settings(Settings::DEFAULT);
    stack.set_functions(&FUNCTIONS);
    stack.push_nil();
    stack.set_functions(&[(c"new", new)]);
    stack.push_pointer(0);
    stack.set_field(c"null");
    stack.push_bytes(b"cjson");
    stack.set_field(c"_NAME");
    stack.push_bytes(b"2.1.0");
    stack.set_field(c"_VERSION");
}

fn new(stack: Stack<'_>) -> c_int {
    push_library(stack);
    1
}

/// Pads the arguments with nils to a count.
fn pad_arguments(stack: Stack<'_>, count: c_int) -> Settings {
    if stack.count() > count {
        stack.fail_argument(count + 1, &[b"found too many arguments"]);
    }
    stack.set_count(count);
    stack.settings()
}

/// Takes a number of a setting from an argument, if there is one, and pushes what is set then.
fn integer_option(stack: Stack<'_>, index: c_int, value: &mut i32, least: i32, most: i32) {
    if stack.kind(index) != Kind::Nil {
        let given = stack.integer_argument(index) as i32;
        if !(least..=most).contains(&given) {
            stack.fail_argument(
                1,
                &[
                    b"expected integer between ",
                    integer(&mut itoa::Buffer::new(), least.into()),
                    b" and ",
                    integer(&mut itoa::Buffer::new(), most.into()),
                ],
            );
        }
        *value = given;
    }
    stack.push_number(f64::from(*value));
}

/// As [`integer_option`], for a choice of these words, the first two of which are also false and
/// true.
fn word_option(stack: Stack<'_>, index: c_int, value: &mut i32, words: &[&[u8]]) {
    match stack.kind(index) {
        Kind::Nil => {}
        Kind::Boolean => *value = i32::from(stack.boolean(index)),
        Kind::None
        | Kind::Pointer
        | Kind::Number
        | Kind::String
        | Kind::Table
        | Kind::Function
        | Kind::Userdatum
        | Kind::Thread => {
            let given = stack.bytes_argument(index);
            // As C compares: up to the first zero byte.
            let end = memchr::memchr(0, given).unwrap_or(given.len());
            let given = &given[..end];
            match words.iter().position(|&word| word == given) {
                Some(position) => *value = position as i32,
                None => stack.fail_argument(index, &[b"invalid option '", given, b"'"]),
            }
        }
    }
    match *value {
        0 | 1 => stack.push_boolean(*value == 1),
        value => stack.push_bytes(words[value as usize]),
    }
}

const OFF_ON: &[&[u8]] = &[b"off", b"on"];

fn encode_sparse_array(stack: Stack<'_>) -> c_int {
    let mut settings = pad_arguments(stack, 3);
    word_option(stack, 1, &mut settings.is_sparse_converted, OFF_ON);
    stack.set_settings(settings);
    integer_option(stack, 2, &mut settings.sparse_ratio, 0, i32::MAX);
    stack.set_settings(settings);
    integer_option(stack, 3, &mut settings.sparse_safe, 0, i32::MAX);
    stack.set_settings(settings);
    3
}

fn encode_max_depth(stack: Stack<'_>) -> c_int {
    let mut settings = pad_arguments(stack, 1);
    integer_option(stack, 1, &mut settings.encode_depth_max, 1, i32::MAX);
    stack.set_settings(settings);
    1
}

fn decode_max_depth(stack: Stack<'_>) -> c_int {
    let mut settings = pad_arguments(stack, 1);
    integer_option(stack, 1, &mut settings.decode_depth_max, 1, i32::MAX);
    stack.set_settings(settings);
    1
}

fn encode_number_precision(stack: Stack<'_>) -> c_int {
    let mut settings = pad_arguments(stack, 1);
    integer_option(stack, 1, &mut settings.precision, 1, PRECISION_MAX);
    stack.set_settings(settings);
    1
}

fn encode_keep_buffer(stack: Stack<'_>) -> c_int {
    let mut settings = pad_arguments(stack, 1);
    word_option(stack, 1, &mut settings.keeps_buffer, OFF_ON);
    stack.set_settings(settings);
    1
}

fn encode_invalid_numbers(stack: Stack<'_>) -> c_int {
    let mut settings = pad_arguments(stack, 1);
    let words: &[&[u8]] = &[b"off", b"on", b"null"];
    word_option(stack, 1, &mut settings.encoded_invalid, words);
    stack.set_settings(settings);
    1
}

fn decode_invalid_numbers(stack: Stack<'_>) -> c_int {
    let mut settings = pad_arguments(stack, 1);
    word_option(stack, 1, &mut settings.decodes_invalid, OFF_ON);
    stack.set_settings(settings);
    1
}

fn encode(stack: Stack<'_>) -> c_int {
    if stack.count() != 1 {
        stack.fail_argument(1, &[b"expected 1 argument"]);
    }
    let settings: Settings = stack.settings();
    stack.begin();
    let mut depth = 0;
    loop {
        write_value(stack, &settings, &mut depth);
        if !step(stack, &settings, &mut depth) {
            break;
        }
    }
    stack.push_buffer();
    1
}

/// Writes the value on top and takes it off, or begins with its elements.
fn write_value(stack: Stack<'_>, settings: &Settings, depth: &mut i32) {
    match stack.kind(-1) {
        Kind::String => append_string(stack, stack.bytes(-1)),
        Kind::Number => append_number(stack, -1, settings),
        Kind::Boolean if stack.boolean(-1) => stack.append(b"true"),
        Kind::Boolean => stack.append(b"false"),
        Kind::Nil => stack.append(b"null"),
        Kind::Pointer if stack.pointer(-1) == 0 => stack.append(b"null"),
        Kind::Table => {
            let length = array_length(stack, settings);
            *depth += 1;
            if *depth > settings.encode_depth_max || !stack.has_room(8) {
                stack.fail(&[
                    b"Cannot serialise, excessive nesting (",
                    integer(&mut itoa::Buffer::new(), (*depth).into()),
                    b")",
                ]);
            }
            stack.append(if length > 0 { b"[" } else { b"{" });
            stack.push_number(f64::from(length));
            if length > 0 {
                stack.push_number(0.0);
            } else {
                stack.push_nil();
            }
            return;
        }
        Kind::Pointer | Kind::None | Kind::Function | Kind::Userdatum | Kind::Thread => {
            refuse(stack, -1, b"type not supported");
        }
    }
    stack.pop(1);
}

/// Goes on with the innermost table: pushes its next value, or closes it and goes on with the one
/// around it; false after the last.
fn step(stack: Stack<'_>, settings: &Settings, depth: &mut i32) -> bool {
    while *depth > 0 {
        let length = stack.number(-2);
        if length > 0.0 {
            let position = stack.number(-1) + 1.0;
            if position <= length {
                if position > 1.0 {
                    stack.append(b",");
                }
                stack.pop(1);
                stack.push_number(position);
                stack.push_element(-3, position as c_int);
                return true;
            }
            stack.append(b"]");
            stack.pop(3);
        } else {
            if stack.next(-3) {
                if stack.last_byte() != Some(b'{') {
                    stack.append(b",");
                }
                append_key(stack, settings);
                return true;
            }
            stack.append(b"}");
            stack.pop(2);
        }
        *depth -= 1;
    }
    false
}

/// Writes the key below the top.
fn append_key(stack: Stack<'_>, settings: &Settings) {
    match stack.kind(-2) {
        Kind::Number => {
            stack.append(b"\"");
            append_number(stack, -2, settings);
            stack.append(b"\":");
        }
        Kind::String => {
            append_string(stack, stack.bytes(-2));
            stack.append(b":");
        }
        Kind::None
        | Kind::Nil
        | Kind::Boolean
        | Kind::Pointer
        | Kind::Table
        | Kind::Function
        | Kind::Userdatum
        | Kind::Thread => refuse(stack, -2, b"table key must be a number or string"),
    }
}

fn refuse(stack: Stack<'_>, index: c_int, reason: &[u8]) -> ! {
    stack.fail(&[b"Cannot serialise ", stack.kind_name(index), b": ", reason])
}

/// The largest key of the table on top, if all its keys are integers from 1 on and there are enough
/// of them; else none above 0.
fn array_length(stack: Stack<'_>, settings: &Settings) -> i32 {
    if !stack.has_room(2) {
        return 0;
    }
    let (mut largest, mut count) = (0_i32, 0_i32);
    stack.push_nil();
    while stack.next(-2) {
        let key = match stack.kind(-2) {
            Kind::Number => stack.number(-2),
            _ => 0.0,
        };
        if !(key >= 1.0 && key.floor() == key) {
            stack.pop(2);
            return -1;
        }
        if key > f64::from(largest) {
            // As C converts it.
            largest = if key <= f64::from(i32::MAX) {
                key as i32
            } else {
                i32::MIN
            };
        }
        count = count.wrapping_add(1);
        stack.pop(1);
    }
    let is_sparse = settings.sparse_ratio > 0
        && largest > count.wrapping_mul(settings.sparse_ratio)
        && largest > settings.sparse_safe;
    if is_sparse {
        if settings.is_sparse_converted == 0 {
            refuse(stack, -1, b"excessively sparse array");
        }
        return -1;
    }
    largest
}

fn append_number(stack: Stack<'_>, index: c_int, settings: &Settings) {
    let number = stack.number(index);
    if !number.is_finite() {
        match settings.encoded_invalid {
            REFUSED => refuse(stack, index, b"must not be NaN or Inf"),
            AS_NULL => return stack.append(b"null"),
            _ if number.is_nan() => return stack.append(b"nan"),
            _ => {}
        }
    }
    let mut buffer = [0; TEXT_BYTES];
    let precision = settings.precision as usize;
    stack.append(number_text::general(&mut buffer, number, precision));
}

fn append_string(stack: Stack<'_>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    stack.append(b"\"");
    let mut begin = 0;
    for (position, &byte) in bytes.iter().enumerate() {
        let code = [
            b'\\',
            b'u',
            b'0',
            b'0',
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ];
        let escape: &[u8] = match byte {
            8 => b"\\b",
            9 => b"\\t",
            10 => b"\\n",
            12 => b"\\f",
            13 => b"\\r",
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'/' => b"\\/",
            0..32 | 127 => &code,
            _ => continue,
        };
        stack.append(&bytes[begin..position]);
        stack.append(escape);
        begin = position + 1;
    }
    stack.append(&bytes[begin..]);
    stack.append(b"\"");
}

fn decode(stack: Stack<'_>) -> c_int {
    if stack.count() != 1 {
        stack.fail_argument(1, &[b"expected 1 argument"]);
    }
    let settings: Settings = stack.settings();
    let bytes = stack.bytes_argument(1);
    if bytes.len() >= 2 && bytes[..2].contains(&0) {
        stack.fail(&[b"JSON parser does not support UTF-16 or UTF-32"]);
    }
    let mut text = Text::new(stack, bytes, settings.decodes_invalid != 0);
    let mut depth = 0;
    let mut token = text.next();
    loop {
        if begin_value(stack, &mut text, token, &mut depth, &settings) {
            match end_value(stack, &mut text, &mut depth) {
                Some(next) => token = next,
                None => break,
            }
        } else {
            token = text.current();
        }
    }
    match text.next() {
        Token::End => 1,
        token => text.refuse(b"the end", token),
    }
}

/// Pushes the value of a token, or begins with its elements; true if it is whole.
fn begin_value(
    stack: Stack<'_>,
    text: &mut Text<'_>,
    token: Token,
    depth: &mut i32,
    settings: &Settings,
) -> bool {
    match token {
        Token::String => text.push_string(),
        Token::Number(number) => stack.push_number(number),
        Token::True => stack.push_boolean(true),
        Token::False => stack.push_boolean(false),
        Token::Null => stack.push_pointer(0),
        Token::ObjectBegin | Token::ArrayBegin => {
            *depth += 1;
            if *depth > settings.decode_depth_max || !stack.has_room(6) {
                stack.fail(&[
                    b"Found too many nested data structures (",
                    integer(&mut itoa::Buffer::new(), (*depth).into()),
                    b") at character ",
                    integer(&mut itoa::Buffer::new(), text.position() as i64),
                ]);
            }
            stack.push_table();
            let first = text.next();
            if token == Token::ObjectBegin {
                if first != Token::ObjectEnd {
                    read_key(stack, text, first);
                    text.next();
                    return false;
                }
            } else if first != Token::ArrayEnd {
                stack.push_number(1.0);
                return false;
            }
            *depth -= 1;
        }
        Token::ObjectEnd
        | Token::ArrayEnd
        | Token::Colon
        | Token::Comma
        | Token::End
        | Token::Error(_) => text.refuse(b"value", token),
    }
    true
}

/// Puts the whole value on top into the table around it, and so on for all that end with it; the
/// token of the next value, or none after the last.
fn end_value(stack: Stack<'_>, text: &mut Text<'_>, depth: &mut i32) -> Option<Token> {
    while *depth > 0 {
        if stack.kind(-2) == Kind::Number {
            let position = stack.number(-2);
            stack.set_element(-3, position as c_int);
            match text.next() {
                Token::Comma => {
                    stack.pop(1);
                    stack.push_number(position + 1.0);
                    return Some(text.next());
                }
                Token::ArrayEnd => stack.pop(1),
                token => text.refuse(b"comma or array end", token),
            }
        } else {
            stack.set_entry(-3);
            match text.next() {
                Token::Comma => {
                    let token = text.next();
                    read_key(stack, text, token);
                    return Some(text.next());
                }
                Token::ObjectEnd => {}
                token => text.refuse(b"comma or object end", token),
            }
        }
        *depth -= 1;
    }
    None
}

/// Pushes a key and takes the colon after it.
fn read_key(stack: Stack<'_>, text: &mut Text<'_>, token: Token) {
    if token != Token::String {
        text.refuse(b"object key string", token);
    }
    text.push_string();
    debug_assert_eq!(stack.kind(-1), Kind::String);
    let colon = text.next();
    if colon != Token::Colon {
        text.refuse(b"colon", colon);
    }
}
