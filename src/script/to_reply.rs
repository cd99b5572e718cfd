//! What a script returns, as a reply.
//!
//! ```text
//!  string → bulk   number → integer, cut off   true → 1 or #t   false → null or #f   nil → null
//!  table  { err = … } error   { ok = … } status   { double = … }   { big_number = … }
//!         { verbatim_string = … }   { map = … }   { set = … }   else an array up to its first nil
//! ```
//!
//! Cost: a table is asked for each of seven fields by names that are strings of Lua already.
//!
//! Not here: the other way (`to_lua.rs`).

#![allow(unsafe_code)]

use super::fields::{FIRST_FIELD_UPVALUE, UpvalueField};
use super::raise::{bytes_at, place};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::lua_State;
use std::ffi::c_int;

/// Slots of Lua's stack that a value may take, one a table within a table and up to three a map: as
/// deep may this walk, on the stack of the script.
const SLOTS_MAX: c_int = 1_000;

const TOO_DEEP: ReplyError = ReplyError::fixed("ERR reached lua stack limit");

/// Pops a value and writes it.
///
/// # Safety
/// The caller is the C function of `invoke.rs`, whose upvalues this reads; a protected call is
/// under way.
pub(super) unsafe fn pop_value(state: *mut lua_State, reply: &mut ReplyWriter<'_>) {
    // SAFETY: the caller's word; slots are asked for at each level.
    unsafe {
        if lua::lua_gettop(state) > SLOTS_MAX || lua::lua_checkstack(state, 6) == 0 {
            reply.error(&TOO_DEEP);
            lua::lua_pop(state, 1);
            return;
        }
        match lua::lua_type(state, -1) {
            _ if reply.is_over() => {}
            lua::LUA_TSTRING => reply.bulk(bytes_at(state, -1)),
            lua::LUA_TNUMBER => reply.integer(integer_of(lua::lua_tonumber(state, -1))),
            lua::LUA_TBOOLEAN => {
                let value = lua::lua_toboolean(state, -1) != 0;
                write_boolean(reply, value, (*place(state)).is_resp3);
            }
            lua::LUA_TTABLE => write_table(state, reply),
            // A protected table, none of which has elements.
            lua::LUA_TUSERDATA => reply.array(0),
            _ => reply.null(),
        }
        lua::lua_pop(state, 1);
    }
}

/// What a conversion to `long long` gives on x86-64: beyond its range, the least.
fn integer_of(number: f64) -> i64 {
    let is_inside = number >= -(2f64.powi(63)) && number < 2f64.powi(63);
    if is_inside { number as i64 } else { i64::MIN }
}

/// A script that knows booleans in replies gives them; else 1 and null stand for them.
fn write_boolean(reply: &mut ReplyWriter<'_>, value: bool, is_resp3: bool) {
    match (is_resp3, value) {
        (true, _) => reply.boolean(value),
        (false, true) => reply.integer(1),
        (false, false) => reply.null(),
    }
}

/// Pushes a field of the table on top of the stack, and tells its type.
unsafe fn push_field(state: *mut lua_State, field: UpvalueField) -> c_int {
    // SAFETY: as `pop_value`: the upvalue is the field's name.
    unsafe {
        let upvalue = lua::lua_upvalueindex(FIRST_FIELD_UPVALUE + field as c_int);
        lua::lua_pushvalue(state, upvalue);
        lua::lua_rawget_(state, -2);
        lua::lua_type(state, -1)
    }
}

/// Writes the table on top of the stack, and leaves it there.
unsafe fn write_table(state: *mut lua_State, reply: &mut ReplyWriter<'_>) {
    // SAFETY: as `pop_value`. What is pushed for a field is popped before the next.
    unsafe {
        let top = lua::lua_gettop(state);
        if push_field(state, UpvalueField::Err) == lua::LUA_TSTRING {
            note_error(state);
            reply.error(&ReplyError::from_bytes(bytes_at(state, -1).to_vec()));
        } else if push_field_anew(state, UpvalueField::Ok) == lua::LUA_TSTRING {
            reply.simple_bytes(bytes_at(state, -1));
        } else if push_field_anew(state, UpvalueField::Double) == lua::LUA_TNUMBER {
            reply.double(lua::lua_tonumber(state, -1));
        } else if push_field_anew(state, UpvalueField::BigNumber) == lua::LUA_TSTRING {
            let digits = String::from_utf8_lossy(bytes_at(state, -1));
            reply.big_number(&digits.replace(['\r', '\n'], " "));
        } else if push_field_anew(state, UpvalueField::Verbatim) == lua::LUA_TTABLE
            && write_verbatim(state, reply)
        {
        } else if push_field_anew(state, UpvalueField::Map) == lua::LUA_TTABLE {
            write_map(state, reply);
        } else if push_field_anew(state, UpvalueField::Set) == lua::LUA_TTABLE {
            write_set(state, reply);
        } else {
            lua::lua_settop(state, top);
            write_array(state, reply);
        }
        lua::lua_settop(state, top);
    }
}

/// Pops the last field, and pushes this one.
unsafe fn push_field_anew(state: *mut lua_State, field: UpvalueField) -> c_int {
    // SAFETY: as `push_field`; a field is on top of its table.
    unsafe {
        lua::lua_pop(state, 1);
        push_field(state, field)
    }
}

/// Notes that the reply is an error, and whether it has been counted, by the table below the top.
unsafe fn note_error(state: *mut lua_State) {
    // SAFETY: as `pop_value`.
    unsafe {
        lua::lua_pushlstring_(state, c"ignore_error_stats_update".as_ptr(), 25);
        lua::lua_rawget_(state, -3);
        let is_counted = lua::lua_toboolean(state, -1) != 0;
        lua::lua_pop(state, 1);
        (*place(state)).has_new_error = !is_counted;
    }
}

/// Writes the table of a verbatim string on top of the stack; false if it is none.
unsafe fn write_verbatim(state: *mut lua_State, reply: &mut ReplyWriter<'_>) -> bool {
    // SAFETY: as `pop_value`.
    unsafe {
        let top = lua::lua_gettop(state);
        lua::lua_pushlstring_(state, c"format".as_ptr(), 6);
        lua::lua_rawget_(state, top);
        lua::lua_pushlstring_(state, c"string".as_ptr(), 6);
        lua::lua_rawget_(state, top);
        let are_strings = lua::lua_type(state, -1) == lua::LUA_TSTRING
            && lua::lua_type(state, -2) == lua::LUA_TSTRING;
        if are_strings {
            let format = bytes_at(state, -2);
            let mut padded = *b"   ";
            let len = format.len().min(3);
            padded[..len].copy_from_slice(&format[..len]);
            let format = std::str::from_utf8(&padded).unwrap_or("txt");
            reply.verbatim(format, bytes_at(state, -1));
        }
        lua::lua_settop(state, top);
        are_strings
    }
}

unsafe fn count_pairs(state: *mut lua_State) -> usize {
    let mut count = 0;
    // SAFETY: as `pop_value`; a table is on top.
    unsafe {
        lua::lua_pushnil(state);
        while lua::lua_next(state, -2) != 0 {
            lua::lua_pop(state, 1);
            count += 1;
        }
    }
    count
}

unsafe fn write_map(state: *mut lua_State, reply: &mut ReplyWriter<'_>) {
    // SAFETY: as `pop_value`; a table is on top, which nobody changes meanwhile.
    unsafe {
        reply.map(count_pairs(state));
        lua::lua_pushnil(state);
        while lua::lua_next(state, -2) != 0 {
            lua::lua_pushvalue(state, -2);
            pop_value(state, reply);
            pop_value(state, reply);
        }
    }
}

unsafe fn write_set(state: *mut lua_State, reply: &mut ReplyWriter<'_>) {
    // SAFETY: as `write_map`.
    unsafe {
        reply.set(count_pairs(state));
        lua::lua_pushnil(state);
        while lua::lua_next(state, -2) != 0 {
            lua::lua_pop(state, 1);
            lua::lua_pushvalue(state, -1);
            pop_value(state, reply);
        }
    }
}

unsafe fn write_array(state: *mut lua_State, reply: &mut ReplyWriter<'_>) {
    // SAFETY: as `write_map`.
    unsafe {
        let mut len = 0;
        loop {
            lua::lua_rawgeti_(state, -1, len + 1);
            let is_end = lua::lua_type(state, -1) == lua::LUA_TNIL;
            lua::lua_pop(state, 1);
            if is_end {
                break;
            }
            len += 1;
        }
        reply.array(len as usize);
        for index in 1..=len {
            lua::lua_rawgeti_(state, -1, index);
            pop_value(state, reply);
        }
    }
}
