//! Errors as scripts see them: tables with a field `err`, as in Redis.
//!
//! The functions here never return: Lua jumps to the next `pcall`. Their callers hold nothing that
//! has to be dropped.
//!
//! Not here: the place that is added to an error that nobody caught (`invoke.rs`).

#![allow(unsafe_code)]

use super::shared::Shared;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::lua_State;
use std::ffi::c_int;

/// What the driver and the script share.
///
/// # Safety
/// The state was made by [`super::Machine`]; nothing else borrows the place until the caller's
/// borrow ends.
#[inline]
pub(super) unsafe fn shared<'a>(state: *mut lua_State) -> &'a mut Shared {
    let mut place = std::ptr::null_mut();
    // SAFETY: every state's allocator is given its `Shared`, which outlives it.
    unsafe {
        lua::lua_getallocf(state, &raw mut place);
        &mut *place.cast::<Shared>()
    }
}

/// As [`shared`], for where a part of the place is borrowed already: others are read and written
/// through the pointer, one by one.
///
/// # Safety
/// The state was made by [`super::Machine`].
#[inline]
pub(super) unsafe fn place(state: *mut lua_State) -> *mut Shared {
    let mut place = std::ptr::null_mut();
    // SAFETY: as `shared`.
    unsafe { lua::lua_getallocf(state, &raw mut place) };
    place.cast()
}

/// Pushes bytes as a string.
///
/// # Safety
/// The state is alive, has a free slot, and a protected call is under way.
#[inline]
pub(super) unsafe fn push_bytes(state: *mut lua_State, bytes: &[u8]) {
    // SAFETY: the caller's word; the length is that of the bytes.
    unsafe { lua::lua_pushlstring_(state, bytes.as_ptr().cast(), bytes.len()) }
}

/// The bytes of a string on the stack, which must stay there as long as they are used.
///
/// # Safety
/// There is a string at `index`, no number.
#[inline]
pub(super) unsafe fn bytes_at<'a>(state: *mut lua_State, index: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: it is a string, so Lua converts nothing and gives its bytes.
    unsafe {
        let bytes = lua::lua_tolstring(state, index, &raw mut len);
        std::slice::from_raw_parts(bytes.cast(), len)
    }
}

/// Pushes an error text; one that is a single word gets the code `ERR` before it.
///
/// # Safety
/// As [`push_bytes`]; two slots are free.
pub(super) unsafe fn push_error_text(state: *mut lua_State, text: &[u8]) {
    // SAFETY: the caller's word.
    unsafe {
        if text.contains(&b' ') {
            push_bytes(state, text);
        } else {
            push_bytes(state, b"ERR ");
            push_bytes(state, text);
            lua::lua_concat(state, 2);
        }
    }
}

/// Pushes a table whose field `err` is this text, its code first.
///
/// # Safety
/// As [`push_bytes`]; three slots are free.
pub(super) unsafe fn push_error(state: *mut lua_State, text: &[u8]) {
    // SAFETY: the caller's word.
    unsafe {
        lua::lua_createtable(state, 0, 1);
        push_bytes(state, text);
        lua::lua_setfield(state, -2, c"err".as_ptr());
    }
}

/// Raises a table whose field `err` is this text.
///
/// # Safety
/// As [`push_error`].
pub(super) unsafe fn raise(state: *mut lua_State, text: &[u8]) -> ! {
    // SAFETY: the caller's word.
    unsafe {
        push_error(state, text);
        lua::lua_error(state)
    }
}

/// Raises a text with the place of the function that called, as Lua's own functions do.
///
/// # Safety
/// As [`push_error`].
pub(super) unsafe fn raise_at_caller(state: *mut lua_State, text: &[u8]) -> ! {
    // SAFETY: the caller's word.
    unsafe {
        lua::luaL_where(state, 1);
        push_bytes(state, text);
        lua::lua_concat(state, 2);
        lua::lua_error(state)
    }
}
