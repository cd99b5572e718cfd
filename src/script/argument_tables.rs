//! KEYS and ARGV of scripts: tables that are filled anew as long as scripts leave them as they were
//! made, because making and collecting two tables costs more than a short script does.
//!
//! ```text
//!  pool   1 + n: KEYS of n arguments     10 + n: ARGV of n arguments
//! ```
//!
//! Invariant: what a script gets can't be told from new tables. A table is used again only if it
//! has no metatable, no part for other keys, and an array of its length: Lua's own `Table` says so,
//! and [`empty_part`] sees to it that it is read aright. No script can keep one: nothing outlives a
//! run.
//!
//! Cost: a few instructions; the arguments of the last run are kept, up to [`KEPT_BYTES_MAX`] a
//! table.
//!
//! Not here: arguments of functions of libraries, which may keep them (`invoke.rs`).

#![allow(unsafe_code)]

use super::raise::push_bytes;
use crate::protocol::args::Args;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::lua_State;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;

/// Arguments of a table that is kept.
const KEPT_LEN_MAX: usize = 8;
/// Their bytes.
const KEPT_BYTES_MAX: usize = 1024;

/// Which of the two.
#[derive(Clone, Copy)]
pub(super) enum Table {
    Keys,
    Argv,
}

impl Table {
    /// Where it stands in the pool.
    fn place(self, len: usize) -> c_int {
        let first = match self {
            Self::Keys => 1,
            Self::Argv => 2 + KEPT_LEN_MAX,
        };
        (first + len) as c_int
    }
}

/// Lua's `Table`, as `lobject.h` of 5.1 has it.
#[repr(C)]
struct TableHead {
    next: *const c_void,
    /// Type, mark, absent metamethods, and the logarithm of the length of the part for other keys.
    bytes: [u8; 4],
    metatable: *const c_void,
    array: *const c_void,
    /// The part for other keys; one that is empty is the same for all tables.
    other: *const c_void,
    last_free: *const c_void,
    gray_list: *const c_void,
    array_len: c_int,
}

/// What tables are compared with to see that they are as they were made; null where Lua's tables
/// are not what this file takes them for, and none is used again.
///
/// # Safety
/// A protected call is under way; four slots are free.
pub(super) unsafe fn empty_part(state: *mut lua_State) -> *const c_void {
    // SAFETY: the caller's word; the head is read while its table is on the stack.
    unsafe {
        lua::lua_createtable(state, 3, 0);
        let part = head(state).map_or(ptr::null(), |made| made.other);
        let is_made = is_as_made(state, 3, part);
        lua::lua_pushboolean(state, 1);
        lua::lua_setfield(state, -2, c"other".as_ptr());
        let has_other = !is_as_made(state, 3, part);
        lua::lua_createtable(state, 0, 0);
        let is_empty = is_as_made(state, 0, part);
        lua::lua_pushvalue(state, -1);
        lua::lua_setmetatable(state, -2);
        let metatable = head(state).map(|head| head.metatable);
        let has_metatable = metatable == Some(lua::lua_topointer(state, -1));
        lua::lua_pop(state, 2);
        match is_made && has_other && is_empty && has_metatable {
            true => part,
            false => ptr::null(),
        }
    }
}

/// The head of the table on top of the stack; none if it is nil.
unsafe fn head<'a>(state: *mut lua_State) -> Option<&'a TableHead> {
    // SAFETY: the caller's word: it is a table, of the Lua that is compiled with this, or nil,
    // which has no place.
    unsafe { lua::lua_topointer(state, -1).cast::<TableHead>().as_ref() }
}

/// Whether on top of the stack is a table as `lua_createtable(state, len, 0)` has made it, but for
/// what is in its array.
unsafe fn is_as_made(state: *mut lua_State, len: usize, empty_part: *const c_void) -> bool {
    // SAFETY: as `head`.
    unsafe { head(state) }.is_some_and(|head| {
        head.metatable.is_null() && head.other == empty_part && head.array_len == len as c_int
    })
}

/// Pushes a table with these arguments.
///
/// # Safety
/// A protected call of a script is under way; three slots are free; the pool is a table.
pub(super) unsafe fn push(
    state: *mut lua_State,
    (table, pool): (Table, c_int),
    args: Args<'_>,
    range: Range<usize>,
    empty_part: *const c_void,
) {
    // SAFETY: the caller's word.
    unsafe {
        let len = range.len();
        if len > KEPT_LEN_MAX || bytes_of(args, range.clone()) > KEPT_BYTES_MAX {
            lua::lua_createtable(state, len as c_int, 0);
        } else {
            lua::lua_rawgeti_(state, pool, table.place(len));
            if !is_as_made(state, len, empty_part) {
                lua::lua_pop(state, 1);
                lua::lua_createtable(state, len as c_int, 0);
                lua::lua_pushvalue(state, -1);
                lua::lua_rawseti_(state, pool, table.place(len));
            }
        }
        fill(state, args, range);
    }
}

fn bytes_of(args: Args<'_>, range: Range<usize>) -> usize {
    range.map(|index| args.get(index).len()).sum()
}

/// Sets the elements of the table on top of the stack.
///
/// # Safety
/// As [`push`]; a request has no more arguments than fit an `i32`.
pub(super) unsafe fn fill(state: *mut lua_State, args: Args<'_>, range: Range<usize>) {
    // SAFETY: the caller's word.
    unsafe {
        for (index, argument) in (1..).zip(range) {
            push_bytes(state, args.get(argument));
            lua::lua_rawseti_(state, -2, index);
        }
    }
}
