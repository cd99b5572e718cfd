//! The globals of scripts: which there are, and that they stay as they are.
//!
//! ```text
//!  environment (empty) ─ index ─▶ globals ─ index ─▶ "attempted to access nonexistent global …"
//!       └ newindex ─▶ "Attempt to modify a readonly table"
//!  code that sets no global has the globals as its environment: they are found at once
//!  globals: functions │ libraries, each protected │ KEYS, ARGV of the present run │ _G, protected
//! ```
//!
//! A script gets neither the environment nor a table of the globals into its hands.
//!
//! Invariants: what one script does is gone for the next; nothing reads files, loads code of other
//! kinds than text, or tells of the host.
//!
//! Not here: what takes the place of functions of Lua's own (`base_library.rs`, `libraries/`).

#![allow(unsafe_code)]

use super::argument_tables::empty_part;
use super::base_library::{self, protect, refuse_change, show_metatable};
use super::interface;
use super::invoke;
use super::libraries;
use super::raise::{push_bytes, shared};
use super::stack::Stack;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::{lua_CFunction, lua_State};
use std::ffi::{CStr, c_int};

/// Functions and values that scripts see, of those that Lua's base library has.
const BASE: [&CStr; 21] = [
    c"assert",
    c"collectgarbage",
    c"error",
    c"gcinfo",
    c"getmetatable",
    c"ipairs",
    c"load",
    c"loadstring",
    c"next",
    c"pairs",
    c"pcall",
    c"rawequal",
    c"rawget",
    c"select",
    c"setmetatable",
    c"tonumber",
    c"tostring",
    c"type",
    c"unpack",
    c"xpcall",
    c"_VERSION",
];

/// Libraries that scripts see, protected.
const LIBRARIES: &[&CStr] = &[
    c"string",
    c"table",
    c"math",
    c"coroutine",
    c"cjson",
    c"cmsgpack",
    c"struct",
    c"bit",
    c"os",
    #[cfg(test)]
    c"own",
];

const OPENERS: [(&CStr, lua_CFunction); 4] = [
    (c"", lua::luaopen_base),
    (c"table", lua::luaopen_table),
    (c"string", lua::luaopen_string),
    (c"math", lua::luaopen_math),
];

/// Makes all of it, and pushes the function that runs scripts.
///
/// # Safety
/// A protected call is under way in a new state.
pub(super) unsafe fn build(state: *mut lua_State, version: &str, has_libraries: bool) {
    // SAFETY: the caller's word. The stack is as the comments say.
    unsafe {
        lua::luaL_checkstack_(state, 20, std::ptr::null());
        for (name, open) in OPENERS {
            lua::lua_pushcfunction(state, open);
            lua::lua_pushstring_(state, name.as_ptr());
            lua::lua_call(state, 1, 0);
        }
        replace_functions(state);
        lua::lua_createtable(state, 0, 40); // globals
        for name in BASE {
            lua::lua_getfield_(state, lua::LUA_GLOBALSINDEX, name.as_ptr());
            set_raw(state, name);
        }
        lua::lua_pushcfunction(state, base_library::ERROR_HANDLER.1);
        set_raw(state, base_library::ERROR_HANDLER.0);
        lua::lua_getfield_(state, lua::LUA_GLOBALSINDEX, c"rawset".as_ptr());
        set_raw(state, c"rawset");
        interface::push_table(state, version, has_libraries);
        protect(state);
        for name in [c"redis", c"server"] {
            lua::lua_pushvalue(state, -1);
            lua::lua_setfield(state, -3, name.as_ptr());
        }
        lua::lua_pop(state, 1);
        for &name in LIBRARIES {
            lua::lua_getfield_(state, lua::LUA_GLOBALSINDEX, name.as_ptr());
            if lua::lua_type(state, -1) == lua::LUA_TTABLE {
                protect(state);
                set_raw(state, name);
            } else {
                lua::lua_pop(state, 1);
            }
        }
        protect_strings(state);
        lua::lua_pushvalue(state, -1);
        protect(state);
        show_metatable(state);
        set_raw(state, c"_G");
        lua::lua_createtable(state, 0, 1);
        lua::lua_pushcfunction(state, miss);
        set_raw(state, c"__index");
        lua::lua_setmetatable(state, -2);
        lua::lua_pushvalue(state, -1);
        shared(state).globals = lua::luaL_ref(state, lua::LUA_REGISTRYINDEX);
        shared(state).empty_part = empty_part(state);
        push_environment(state);
        // What is compiled at run time (`loadstring`) gets the thread's globals.
        lua::lua_pushvalue(state, -1);
        lua::lua_replace(state, lua::LUA_GLOBALSINDEX);
        invoke::push_runner(state);
    }
}

/// Pops a value and sets it in the table below it.
unsafe fn set_raw(state: *mut lua_State, name: &CStr) {
    // SAFETY: as `build`.
    unsafe {
        push_bytes(state, name.to_bytes());
        lua::lua_insert(state, -2);
        lua::lua_rawset(state, -3);
    }
}

/// Puts functions of ours in place of some of Lua's, and libraries beside them.
unsafe fn replace_functions(state: *mut lua_State) {
    // SAFETY: as `build`.
    unsafe {
        lua::lua_pushvalue(state, lua::LUA_GLOBALSINDEX);
        libraries::set_all(Stack::new(state));
        for (name, function) in base_library::FUNCTIONS {
            // `pairs` gives `next` away; it is made before.
            lua::lua_getfield_(state, -1, c"next".as_ptr());
            lua::lua_pushcclosure(state, function, 1);
            lua::lua_setfield(state, -2, name.as_ptr());
        }
        lua::lua_getfield_(state, -1, c"math".as_ptr());
        lua::lua_pushcfunction(state, base_library::random);
        lua::lua_setfield(state, -2, c"random".as_ptr());
        lua::lua_pushcfunction(state, base_library::seed);
        lua::lua_setfield(state, -2, c"randomseed".as_ptr());
        lua::lua_pop(state, 1);
        lua::lua_createtable(state, 0, 1);
        lua::lua_pushcfunction(state, base_library::clock);
        lua::lua_setfield(state, -2, c"clock".as_ptr());
        lua::lua_setfield(state, -2, c"os".as_ptr());
        lua::lua_pop(state, 1);
    }
}

/// Lets methods of strings lead to the protected library, and protects their metatable; the globals
/// are on top, with the library in them.
unsafe fn protect_strings(state: *mut lua_State) {
    // SAFETY: as `build`.
    unsafe {
        push_bytes(state, b"");
        if lua::lua_getmetatable(state, -1) != 0 {
            lua::lua_createtable(state, 0, 1);
            lua::lua_getfield_(state, -4, c"string".as_ptr());
            set_raw(state, c"__index");
            protect(state);
            set_raw(state, c"__metatable");
            lua::lua_pop(state, 1);
        }
        lua::lua_pop(state, 1);
    }
}

/// Pushes the environment of scripts; the globals are on top, and stay.
unsafe fn push_environment(state: *mut lua_State) {
    // SAFETY: as `build`.
    unsafe {
        lua::lua_createtable(state, 0, 0);
        lua::lua_createtable(state, 0, 3);
        lua::lua_pushvalue(state, -3);
        set_raw(state, c"__index");
        lua::lua_pushcfunction(state, refuse_change);
        set_raw(state, c"__newindex");
        lua::lua_pushboolean(state, 0);
        set_raw(state, c"__metatable");
        lua::lua_setmetatable(state, -2);
    }
}

/// What is called for a global that is not there.
unsafe extern "C-unwind" fn miss(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with the table and the name.
    unsafe {
        lua::luaL_where(state, 1);
        push_bytes(
            state,
            b"Script attempted to access nonexistent global variable '",
        );
        if lua::lua_isstring(state, 2) != 0 {
            lua::lua_pushvalue(state, 2);
        } else {
            push_bytes(state, b"?");
        }
        push_bytes(state, b"'");
        lua::lua_concat(state, 4);
        lua::lua_error(state)
    }
}

/// Makes the sandbox of a new state and keeps what runs scripts in the registry; the number goes
/// into the invocation.
pub(super) unsafe extern "C-unwind" fn initialize(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this, protected, with a light userdatum that is a `Setup`.
    unsafe {
        let setup = *lua::lua_touserdata(state, 1).cast::<Setup>();
        lua::lua_settop(state, 0);
        build(state, setup.version, setup.has_libraries);
        shared(state).invocation.reference = lua::luaL_ref(state, lua::LUA_REGISTRYINDEX);
        debug_assert_eq!(lua::lua_gettop(state), 0);
    }
    0
}

/// What a sandbox is made for.
#[derive(Clone, Copy)]
pub(super) struct Setup {
    /// The version of Redis that scripts are told.
    pub(super) version: &'static str,
    /// Whether libraries are loaded here.
    pub(super) has_libraries: bool,
}
