//! Functions of Lua's base library that know protected tables, and chance and time as Redis has
//! them.
//!
//! A protected table is a full userdatum whose metatable leads to the table behind it. Nothing that
//! changes tables takes a userdatum, so what is not made here to read one can only refuse it; and
//! no script can make a userdatum itself.
//!
//! Not here: which tables are protected (`sandbox.rs`).

#![allow(unsafe_code)]

use super::invoke::on_error;
use super::raise::{push_bytes, raise_at_caller, shared};
use super::random::{NUMBER_MAX, Random48};
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::{lua_CFunction, lua_State};
use std::ffi::{CStr, c_int};

/// Where the metatable of a protected table has what scripts see of one.
const SHOWN_METATABLE: &CStr = c"__shown";

const READ_ONLY: &[u8] = b"Attempt to modify a readonly table";

/// In place of those of the same name.
pub(super) const FUNCTIONS: [(&CStr, lua_CFunction); 9] = [
    (c"pcall", protected_call),
    (c"type", type_of),
    (c"next", next),
    (c"pairs", pairs),
    (c"rawget", raw_get),
    (c"rawset", raw_set),
    (c"setmetatable", set_metatable),
    (c"getmetatable", get_metatable),
    (c"collectgarbage", collect_garbage),
];

/// What Redis shows of its own handler of errors.
pub(super) const ERROR_HANDLER: (&CStr, lua_CFunction) = (c"__redis__err__handler", on_error);

/// Pops a table and pushes it protected: it can be read, and is not changed.
///
/// # Safety
/// A protected call is under way; a table is on top; five slots are free.
pub(super) unsafe fn protect(state: *mut lua_State) {
    // SAFETY: the caller's word.
    unsafe {
        lua::lua_newuserdata(state, 0);
        lua::lua_insert(state, -2);
        lua::lua_createtable(state, 0, 3);
        lua::lua_insert(state, -2);
        lua::lua_setfield(state, -2, c"__index".as_ptr());
        lua::lua_pushcfunction(state, refuse_change);
        lua::lua_setfield(state, -2, c"__newindex".as_ptr());
        lua::lua_pushcfunction(state, length);
        lua::lua_setfield(state, -2, c"__len".as_ptr());
        lua::lua_setmetatable(state, -2);
    }
}

/// Lets scripts see an empty metatable of the protected table on top, protected as well.
///
/// # Safety
/// As [`protect`].
pub(super) unsafe fn show_metatable(state: *mut lua_State) {
    // SAFETY: the caller's word.
    unsafe {
        lua::lua_getmetatable(state, -1);
        lua::lua_createtable(state, 0, 0);
        protect(state);
        lua::lua_setfield(state, -2, SHOWN_METATABLE.as_ptr());
        lua::lua_pop(state, 1);
    }
}

/// `#` of a protected table.
unsafe extern "C-unwind" fn length(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with the userdatum.
    unsafe {
        open(state);
        lua::lua_pushnumber(state, lua::lua_objlen(state, 1) as f64);
        1
    }
}

/// What is called where a script changes a protected table.
pub(super) unsafe extern "C-unwind" fn refuse_change(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe { raise_at_caller(state, READ_ONLY) }
}

/// Puts in place of a protected table at index 1 the one behind it.
unsafe fn open(state: *mut lua_State) {
    // SAFETY: Lua has called the caller; only `protect` makes userdata, with this metatable.
    unsafe {
        if lua::lua_type(state, 1) == lua::LUA_TUSERDATA && lua::lua_getmetatable(state, 1) != 0 {
            lua::lua_pushlstring_(state, c"__index".as_ptr(), 7);
            lua::lua_rawget_(state, -2);
            lua::lua_replace(state, 1);
            lua::lua_pop(state, 1);
        }
    }
}

/// As Lua's, but for errors that are tables with a text: those become the text.
unsafe extern "C-unwind" fn protected_call(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        lua::luaL_checkany(state, 1);
        let argument_count = lua::lua_gettop(state) - 1;
        lua::lua_pushboolean(state, 1);
        lua::lua_insert(state, 1);
        if lua::lua_pcall(state, argument_count, lua::LUA_MULTRET, 0) != lua::LUA_OK {
            if lua::lua_type(state, -1) == lua::LUA_TTABLE {
                lua::lua_pushlstring_(state, c"err".as_ptr(), 3);
                lua::lua_rawget_(state, -2);
                if lua::lua_isstring(state, -1) != 0 {
                    lua::lua_replace(state, -2);
                } else {
                    lua::lua_pop(state, 1);
                }
            }
            lua::lua_pushboolean(state, 0);
            lua::lua_replace(state, 1);
        }
        lua::lua_gettop(state)
    }
}

unsafe extern "C-unwind" fn type_of(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        lua::luaL_checkany(state, 1);
        let mut kind = lua::lua_type(state, 1);
        if kind == lua::LUA_TUSERDATA {
            kind = lua::LUA_TTABLE;
        }
        lua::lua_pushstring_(state, lua::lua_typename(state, kind));
        1
    }
}

unsafe extern "C-unwind" fn next(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        open(state);
        lua::luaL_checktype(state, 1, lua::LUA_TTABLE);
        lua::lua_settop(state, 2);
        if lua::lua_next(state, 1) != 0 {
            2
        } else {
            lua::lua_pushnil(state);
            1
        }
    }
}

unsafe extern "C-unwind" fn pairs(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        if lua::lua_type(state, 1) != lua::LUA_TUSERDATA {
            lua::luaL_checktype(state, 1, lua::LUA_TTABLE);
        }
        // The upvalue is `next`, as in Lua's own.
        lua::lua_pushvalue(state, lua::lua_upvalueindex(1));
        lua::lua_pushvalue(state, 1);
        lua::lua_pushnil(state);
        3
    }
}

unsafe extern "C-unwind" fn raw_get(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        open(state);
        lua::luaL_checktype(state, 1, lua::LUA_TTABLE);
        lua::luaL_checkany(state, 2);
        lua::lua_settop(state, 2);
        lua::lua_rawget_(state, 1);
        1
    }
}

/// Refuses what changes a protected table, as Redis does: without a place.
unsafe fn refuse_protected(state: *mut lua_State) {
    // SAFETY: Lua has called the caller.
    unsafe {
        if lua::lua_type(state, 1) == lua::LUA_TUSERDATA {
            push_bytes(state, READ_ONLY);
            lua::lua_error(state);
        }
    }
}

unsafe extern "C-unwind" fn raw_set(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        refuse_protected(state);
        lua::luaL_checktype(state, 1, lua::LUA_TTABLE);
        lua::luaL_checkany(state, 2);
        lua::luaL_checkany(state, 3);
        lua::lua_settop(state, 3);
        lua::lua_rawset(state, 1);
        1
    }
}

unsafe extern "C-unwind" fn set_metatable(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        refuse_protected(state);
        lua::luaL_checktype(state, 1, lua::LUA_TTABLE);
        let kind = lua::lua_type(state, 2);
        if kind != lua::LUA_TNIL && kind != lua::LUA_TTABLE {
            lua::luaL_argerror(state, 2, c"nil or table expected".as_ptr());
        }
        if lua::luaL_getmetafield_(state, 1, c"__metatable".as_ptr()) != 0 {
            raise_at_caller(state, b"cannot change a protected metatable");
        }
        lua::lua_settop(state, 2);
        lua::lua_setmetatable(state, 1);
        1
    }
}

unsafe extern "C-unwind" fn get_metatable(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        lua::luaL_checkany(state, 1);
        if lua::lua_getmetatable(state, 1) == 0 {
            lua::lua_pushnil(state);
            return 1;
        }
        if lua::lua_type(state, 1) == lua::LUA_TUSERDATA {
            // What stands for its metatable, if it is to have one.
            push_bytes(state, SHOWN_METATABLE.to_bytes());
            lua::lua_rawget_(state, -2);
            return 1;
        }
        lua::luaL_getmetafield_(state, 1, c"__metatable".as_ptr());
        1
    }
}

/// Tells how much memory is used. The rest is the machine's own business: a collection of all at
/// once would take long, and one that is stopped would stay so for other scripts.
unsafe extern "C-unwind" fn collect_garbage(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        let mut len = 0;
        let is_count = lua::lua_type(state, 1) == lua::LUA_TSTRING && {
            let option = lua::lua_tolstring(state, 1, &raw mut len);
            std::slice::from_raw_parts(option.cast::<u8>(), len) == b"count"
        };
        let used_bytes = shared(state).meter.used_bytes;
        lua::lua_pushnumber(
            state,
            if is_count {
                used_bytes as f64 / 1024.0
            } else {
                0.0
            },
        );
        1
    }
}

/// `math.random`, of Redis's generator.
pub(super) unsafe extern "C-unwind" fn random(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        let number = shared(state).random.next() % NUMBER_MAX;
        let fraction = f64::from(number) / f64::from(NUMBER_MAX);
        let result = match lua::lua_gettop(state) {
            0 => fraction,
            1 => {
                let last = lua::luaL_checkinteger(state, 1) as i32;
                if last < 1 {
                    lua::luaL_argerror(state, 1, c"interval is empty".as_ptr());
                }
                (fraction * f64::from(last)).floor() + 1.0
            }
            2 => {
                let first = lua::luaL_checkinteger(state, 1) as i32;
                let last = lua::luaL_checkinteger(state, 2) as i32;
                if first > last {
                    lua::luaL_argerror(state, 2, c"interval is empty".as_ptr());
                }
                let count = f64::from(last.wrapping_sub(first).wrapping_add(1));
                (fraction * count).floor() + f64::from(first)
            }
            _ => raise_at_caller(state, b"wrong number of arguments"),
        };
        lua::lua_pushnumber(state, result);
        1
    }
}

/// `math.randomseed`.
pub(super) unsafe extern "C-unwind" fn seed(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        let number = lua::luaL_checkinteger(state, 1) as i32;
        shared(state).random = Random48::seeded(number);
        0
    }
}

/// `os.clock`: the time of the loop, which stands still.
pub(super) unsafe extern "C-unwind" fn clock(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        let seconds = shared(state).clock_us as f64 / 1e6;
        lua::lua_pushnumber(state, seconds);
        1
    }
}
