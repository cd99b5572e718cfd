//! `redis.register_function`: what a library declares while it is loaded.
//!
//! ```text
//!  register_function('name', callback)
//!  register_function{ function_name = …, callback = …, flags = { … }, description = … }
//! ```
//!
//! Not here: libraries and where their functions are kept (`function_libraries.rs`).

#![allow(unsafe_code)]

use super::flags::ScriptFlags;
use super::names::is_name;
use super::raise::{bytes_at, raise, shared};
use super::shared::Declared;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::lua_State;
use std::ffi::c_int;

/// What was said of a function so far: places on the stack, 0 for none.
#[derive(Default)]
struct Said {
    name: c_int,
    callback: c_int,
    description: c_int,
    flags: ScriptFlags,
}

/// The C function.
pub(super) unsafe extern "C-unwind" fn register_function(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this. What owns memory is made after the last call that may raise.
    unsafe {
        if shared(state).declared.is_none() {
            raise(
                state,
                b"ERR redis.register_function can only be called on FUNCTION LOAD command",
            );
        }
        let count = lua::lua_gettop(state);
        if !(1..=2).contains(&count) {
            raise(
                state,
                b"ERR wrong number of arguments to redis.register_function",
            );
        }
        let said = if count == 1 {
            if lua::lua_type(state, 1) != lua::LUA_TTABLE {
                raise(
                    state,
                    b"ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
                );
            }
            read_named(state)
        } else {
            read_positional(state)
        };
        check_name(state, said.name);
        let name = bytes_at(state, said.name);
        let declared = shared(state).declared.get_or_insert_default();
        if declared.iter().any(|other| other.name == name) {
            raise(state, b"ERR Function already exists in the library");
        }
        lua::lua_pushvalue(state, said.callback);
        let reference = lua::luaL_ref(state, lua::LUA_REGISTRYINDEX);
        let declared = shared(state).declared.get_or_insert_default();
        declared.push(Declared {
            name: name.to_vec(),
            description: match said.description {
                0 => None,
                index => Some(bytes_at(state, index).to_vec()),
            },
            flags: said.flags,
            reference,
        });
        0
    }
}

unsafe fn read_positional(state: *mut lua_State) -> Said {
    // SAFETY: as `register_function`.
    unsafe {
        if lua::lua_type(state, 1) != lua::LUA_TSTRING {
            raise(
                state,
                b"ERR first argument to redis.register_function must be a string",
            );
        }
        if lua::lua_type(state, 2) != lua::LUA_TFUNCTION {
            raise(
                state,
                b"ERR second argument to redis.register_function must be a function",
            );
        }
        Said {
            name: 1,
            callback: 2,
            ..Said::default()
        }
    }
}

/// Reads the table at index 1; what it says stays on the stack.
unsafe fn read_named(state: *mut lua_State) -> Said {
    // SAFETY: as `register_function`.
    unsafe {
        let mut said = Said::default();
        lua::luaL_checkstack_(state, 20, std::ptr::null());
        lua::lua_pushnil(state);
        while lua::lua_next(state, 1) != 0 {
            // The key is copied, because `lua_next` wants it on top again.
            let value = lua::lua_gettop(state);
            let key = value - 1;
            if lua::lua_type(state, key) != lua::LUA_TSTRING {
                raise(
                    state,
                    b"ERR named argument key given to redis.register_function is not a string",
                );
            }
            let kind = lua::lua_type(state, value);
            match bytes_at(state, key) {
                b"function_name" if kind == lua::LUA_TSTRING => said.name = key,
                b"function_name" => raise(
                    state,
                    b"ERR function_name argument given to redis.register_function must be a string",
                ),
                b"description" if kind == lua::LUA_TSTRING => said.description = key,
                b"description" => raise(
                    state,
                    b"ERR description argument given to redis.register_function must be a string",
                ),
                b"callback" if kind == lua::LUA_TFUNCTION => said.callback = key,
                b"callback" => raise(
                    state,
                    b"ERR callback argument given to redis.register_function must be a function",
                ),
                b"flags" if kind == lua::LUA_TTABLE => said.flags = read_flags(state, value),
                b"flags" => raise(
                    state,
                    b"ERR flags argument to redis.register_function must be a table representing function flags",
                ),
                _ => raise(
                    state,
                    b"ERR unknown argument given to redis.register_function",
                ),
            }
            // Value in place of key, key on top.
            lua::lua_pushvalue(state, key);
            lua::lua_pushvalue(state, value);
            lua::lua_replace(state, key);
            lua::lua_replace(state, value);
        }
        if said.name == 0 {
            raise(
                state,
                b"ERR redis.register_function must get a function name argument",
            );
        }
        if said.callback == 0 {
            raise(
                state,
                b"ERR redis.register_function must get a callback argument",
            );
        }
        said
    }
}

unsafe fn read_flags(state: *mut lua_State, table: c_int) -> ScriptFlags {
    // SAFETY: as `register_function`.
    unsafe {
        let mut flags = ScriptFlags::default();
        for index in 1.. {
            lua::lua_rawgeti_(state, table, index);
            let kind = lua::lua_type(state, -1);
            if kind == lua::LUA_TNIL {
                lua::lua_pop(state, 1);
                return flags;
            }
            let flag = (kind == lua::LUA_TSTRING)
                .then(|| ScriptFlags::named(bytes_at(state, -1)))
                .flatten();
            let Some(flag) = flag else {
                raise(state, b"ERR unknown flag given");
            };
            flags = flags.and(flag);
            lua::lua_pop(state, 1);
        }
        flags
    }
}

unsafe fn check_name(state: *mut lua_State, index: c_int) {
    // SAFETY: as `register_function`.
    unsafe {
        if !is_name(bytes_at(state, index)) {
            raise(
                state,
                b"ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
            );
        }
    }
}
