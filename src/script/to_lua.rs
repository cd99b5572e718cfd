//! Replies of commands as Lua values.
//!
//! ```text
//!  $3 abc      "abc"         *2 …   { …, … }        ,1.5     { double = 1.5 }
//!  :1          1             +OK    { ok = "OK" }   %1 …     { map = { … } }
//!  $-1  *-1    false         -ERR…  { err = … }     ~1 …     { set = { … = true } }
//!  _           nil           #t     true            (12      { big_number = "12" }
//!                                                   =7 txt:… { verbatim_string = { … } }
//! ```
//!
//! Attributes (`|1 …`) before a reply are passed over.
//!
//! Invariant: the bytes are what `protocol/reply.rs` has written; where they are not, the value is
//! nil, and nothing is read beyond their end.
//!
//! Not here: the other way (`to_reply.rs`).

#![allow(unsafe_code)]

use super::raise::{push_bytes, push_error_text};
use crate::base::numbers::{parse_f64, parse_i64};
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::lua_State;

/// Lines of fewer bytes are looked through byte by byte.
const SHORT_LINE_BYTES: usize = 8;

/// Replies of commands nest some ten deep at most.
const DEPTH_MAX: usize = 64;

/// Pushes the value of a reply.
///
/// # Safety
/// The state is alive and a protected call is under way.
pub(super) unsafe fn push_reply(state: *mut lua_State, reply: &[u8]) {
    let mut rest = reply;
    // SAFETY: the caller's word.
    unsafe { push(state, &mut rest, DEPTH_MAX) }
}

/// Whether a reply is an error.
pub(super) fn is_error(reply: &[u8]) -> bool {
    reply.first() == Some(&b'-')
}

/// Takes a line without its first byte, which says what it is.
#[inline]
fn take_line<'a>(rest: &mut &'a [u8]) -> (u8, &'a [u8]) {
    // Most lines are a number of a few digits.
    let mut bytes = rest.iter().take(SHORT_LINE_BYTES);
    let end = bytes
        .position(|&byte| byte == b'\r')
        .or_else(|| memchr::memchr(b'\r', rest));
    let Some(end) = end.filter(|&end| end > 0) else {
        *rest = &[];
        return (b'_', &[]);
    };
    let line = (rest[0], &rest[1..end]);
    *rest = rest.get(end + 2..).unwrap_or_default();
    line
}

/// Takes so many bytes and the line end after them.
#[inline]
fn take_bytes<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let bytes = &rest[..len.min(rest.len())];
    *rest = rest.get(len + 2..).unwrap_or_default();
    bytes
}

unsafe fn push(state: *mut lua_State, rest: &mut &[u8], depth: usize) {
    let (kind, line) = take_line(rest);
    let len = || parse_i64(line).and_then(|len| usize::try_from(len).ok());
    // SAFETY: the caller's word; each level takes a few slots, which are asked for.
    unsafe {
        match kind {
            b'$' => match len() {
                Some(len) => push_bytes(state, take_bytes(rest, len)),
                None => lua::lua_pushboolean(state, 0),
            },
            b':' => lua::lua_pushnumber(state, parse_i64(line).unwrap_or_default() as f64),
            b'+' => push_field(state, c"ok", |state| push_bytes(state, line)),
            b'-' => push_error_reply(state, line),
            b'#' => lua::lua_pushboolean(state, i32::from(line == b"t")),
            b',' => push_field(state, c"double", |state| {
                lua::lua_pushnumber(state, parse_f64(line).unwrap_or(f64::NAN));
            }),
            b'(' => push_field(state, c"big_number", |state| push_bytes(state, line)),
            b'=' => {
                let text = take_bytes(rest, len().unwrap_or_default());
                push_verbatim(state, text);
            }
            b'*' | b'>' | b'%' | b'~' => match len() {
                None => lua::lua_pushboolean(state, 0),
                Some(_) if depth == 0 || lua::lua_checkstack(state, 8) == 0 => {
                    *rest = &[];
                    lua::lua_pushnil(state);
                }
                Some(len) => push_aggregate(state, kind, len, rest, depth - 1),
            },
            // Attributes are passed over; the reply itself follows.
            b'|' if depth > 0 && lua::lua_checkstack(state, 8) != 0 => {
                for _ in 0..2 * len().unwrap_or_default().min(rest.len()) {
                    push(state, rest, depth - 1);
                    lua::lua_pop(state, 1);
                }
                push(state, rest, depth - 1);
            }
            _ => lua::lua_pushnil(state),
        }
    }
}

unsafe fn push_aggregate(
    state: *mut lua_State,
    kind: u8,
    len: usize,
    rest: &mut &[u8],
    depth: usize,
) {
    // SAFETY: as in `push`, whose caller has asked for slots.
    unsafe {
        match kind {
            b'%' => push_field(state, c"map", |state| {
                lua::lua_createtable(state, 0, len.min(rest.len()) as i32);
                for _ in 0..len {
                    push(state, rest, depth);
                    push(state, rest, depth);
                    set_pair(state);
                }
            }),
            b'~' => push_field(state, c"set", |state| {
                lua::lua_createtable(state, 0, len.min(rest.len()) as i32);
                for _ in 0..len {
                    push(state, rest, depth);
                    lua::lua_pushboolean(state, 1);
                    set_pair(state);
                }
            }),
            _ => {
                lua::lua_createtable(state, len.min(rest.len()) as i32, 0);
                for index in 1..=len {
                    push(state, rest, depth);
                    lua::lua_rawseti_(state, -2, index as i32);
                }
            }
        }
    }
}

/// Sets the pair on top of the stack in the table below it, unless the key can be none.
unsafe fn set_pair(state: *mut lua_State) {
    // SAFETY: as in `push`.
    unsafe {
        let is_nan =
            lua::lua_type(state, -2) == lua::LUA_TNUMBER && lua::lua_tonumber(state, -2).is_nan();
        if lua::lua_type(state, -2) == lua::LUA_TNIL || is_nan {
            lua::lua_pop(state, 2);
        } else {
            lua::lua_rawset(state, -3);
        }
    }
}

/// Pushes a table with one field.
unsafe fn push_field(
    state: *mut lua_State,
    name: &std::ffi::CStr,
    push_value: impl FnOnce(*mut lua_State),
) {
    // SAFETY: as in `push`.
    unsafe {
        lua::lua_createtable(state, 0, 1);
        push_value(state);
        lua::lua_setfield(state, -2, name.as_ptr());
    }
}

unsafe fn push_error_reply(state: *mut lua_State, text: &[u8]) {
    // SAFETY: as in `push`.
    unsafe {
        push_field(state, c"err", |state| push_error_text(state, text));
        // The command that failed has been counted.
        lua::lua_pushboolean(state, 1);
        lua::lua_setfield(state, -2, c"ignore_error_stats_update".as_ptr());
    }
}

unsafe fn push_verbatim(state: *mut lua_State, text: &[u8]) {
    let (format, text) = text.split_at(text.len().min(3));
    // SAFETY: as in `push`.
    unsafe {
        push_field(state, c"verbatim_string", |state| {
            lua::lua_createtable(state, 0, 2);
            push_bytes(state, text.get(1..).unwrap_or_default());
            lua::lua_setfield(state, -2, c"string".as_ptr());
            push_bytes(state, format);
            lua::lua_setfield(state, -2, c"format".as_ptr());
        });
    }
}
