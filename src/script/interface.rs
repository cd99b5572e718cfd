//! What scripts are offered as `redis` and `server`.
//!
//! | function | what |
//! |---|---|
//! | `call`, `pcall` | runs a command; an error is raised, or returned |
//! | `error_reply`, `status_reply` | tables that become such replies |
//! | `setresp` | in which version `call` answers |
//! | `sha1hex`, `log`, `acl_check_cmd` | as they say |
//! | `set_repl`, `replicate_commands`, `breakpoint`, `debug` | accepted: there is nothing to do |
//! | `register_function` | while a library is loaded |
//!
//! Invariant: no frame here owns anything while a function of Lua is called that may raise.
//!
//! Not here: running the command (`engine/scripts/`).

#![allow(unsafe_code)]

use super::hexadecimal;
use super::host::{Call, Host};
use super::raise::{
    bytes_at, place, push_bytes, push_error, push_error_text, raise, raise_at_caller, shared,
};
use super::register;
use super::step::LogLine;
use super::to_lua;
use crate::protocol::double_text::DoubleText;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::{lua_CFunction, lua_State};
use sha1_smol::Sha1;
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;

const NO_ARGUMENT: &[u8] = b"ERR Please specify at least one argument for this redis lib call";
const ARGUMENT_TYPE: &[u8] = b"ERR Lua redis lib command arguments must be strings or integers";
const TOO_LONG: &[u8] = b"ERR Lua redis lib command arguments are too long";
const REPLY_ARGUMENTS: &[u8] = b"ERR wrong number or type of arguments";
/// What a library is told that calls a command while it is loaded: in Redis there is no such name
/// then.
const WHILE_LOADING: &[u8] = b"Script attempted to access nonexistent global variable 'call'";

/// Lines of the log that one script may leave until the driver takes them.
const LOG_LINES_MAX: usize = 1_000;

/// An answer of so many bytes is copied before it is read.
const COPIED_BYTES_MIN: usize = 64 * 1024;

/// All functions but `register_function`.
const FUNCTIONS: [(&CStr, lua_CFunction); 12] = [
    (c"call", call),
    (c"pcall", call_protected),
    (c"error_reply", error_reply),
    (c"status_reply", status_reply),
    (c"setresp", set_resp),
    (c"sha1hex", sha1_hex),
    (c"log", log),
    (c"acl_check_cmd", check_right),
    (c"set_repl", set_replication),
    (c"replicate_commands", replicate_commands),
    (c"breakpoint", breakpoint),
    (c"debug", debug),
];

const NUMBERS: [(&CStr, f64); 10] = [
    (c"LOG_DEBUG", 0.0),
    (c"LOG_VERBOSE", 1.0),
    (c"LOG_NOTICE", 2.0),
    (c"LOG_WARNING", 3.0),
    (c"REPL_NONE", 0.0),
    (c"REPL_AOF", 1.0),
    (c"REPL_REPLICA", 2.0),
    (c"REPL_SLAVE", 2.0),
    (c"REPL_ALL", 3.0),
    (c"REDIS_VERSION_NUM", 0x0007_0400 as f64),
];

/// Pushes the table.
///
/// # Safety
/// A protected call is under way.
pub(super) unsafe fn push_table(state: *mut lua_State, version: &str, has_libraries: bool) {
    // SAFETY: the caller's word.
    unsafe {
        lua::lua_createtable(state, 0, 32);
        for (name, function) in FUNCTIONS {
            lua::lua_pushcfunction(state, function);
            lua::lua_setfield(state, -2, name.as_ptr());
        }
        for (name, number) in NUMBERS {
            lua::lua_pushnumber(state, number);
            lua::lua_setfield(state, -2, name.as_ptr());
        }
        push_bytes(state, version.as_bytes());
        lua::lua_setfield(state, -2, c"REDIS_VERSION".as_ptr());
        if has_libraries {
            lua::lua_pushcfunction(state, register::register_function);
            lua::lua_setfield(state, -2, c"register_function".as_ptr());
        }
    }
}

unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        if run_command(state) {
            // The table of the error is on top.
            lua::lua_error(state);
        }
        1
    }
}

unsafe extern "C-unwind" fn call_protected(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        run_command(state);
        1
    }
}

/// Has the host run the command in the arguments, and pushes its reply; true if that is an error.
unsafe fn run_command(state: *mut lua_State) -> bool {
    // SAFETY: Lua has called the caller; nothing here has to be dropped.
    unsafe {
        let host = host(state);
        if let Err(text) = take_request(state) {
            push_error(state, text);
            return true;
        }
        let answer = ask(state, host, false);
        let is_error = to_lua::is_error(answer);
        push_answer(state, answer);
        is_error
    }
}

/// Who runs commands; raises while a library is loaded.
unsafe fn host(state: *mut lua_State) -> NonNull<dyn Host> {
    // SAFETY: as `run_command`.
    unsafe {
        let place = shared(state);
        match place.host {
            Some(host) if place.declared.is_none() => host,
            _ => raise_at_caller(state, WHILE_LOADING),
        }
    }
}

/// Has the host run the request. The answer is to be read before Lua may call or stop the script.
unsafe fn ask<'a>(
    state: *mut lua_State,
    mut host: NonNull<dyn Host>,
    asks_for_right: bool,
) -> &'a [u8] {
    // SAFETY: as `run_command`. The host lives as long as the script runs, and borrows nothing of
    // the place: it was lent by who resumed the script.
    unsafe {
        let place = place(state);
        let answer = host.as_mut().call(Call {
            args: (*place).request.args(),
            asks_for_right,
            is_resp3: (*place).is_resp3,
        });
        (*place).request.clear();
        answer
    }
}

/// Pushes the value of an answer. While it is read nobody else has a turn, since it stands in a
/// client's output; a long one is copied before, so that they may.
unsafe fn push_answer(state: *mut lua_State, answer: &[u8]) {
    // SAFETY: as `run_command`. Where Lua raises, the copy is given back by the next, or at the
    // end, and `is_reading` ends with the next hook or call.
    unsafe {
        let place = place(state);
        if answer.len() < COPIED_BYTES_MIN {
            (*place).is_reading = true;
            to_lua::push_reply(state, answer);
            (*place).is_reading = false;
            return;
        }
        (*place).is_reading = false;
        (*place).answer.clear();
        (*place).answer.extend_from_slice(answer);
        let copy = &raw const *(*place).answer.as_slice();
        to_lua::push_reply(state, &*copy);
        (*place).answer = Vec::new();
    }
}

/// Puts the arguments where the host finds them.
unsafe fn take_request(state: *mut lua_State) -> Result<(), &'static [u8]> {
    // SAFETY: as `run_command`; neither type that is asked for is converted in place.
    unsafe {
        let count = lua::lua_gettop(state);
        if count == 0 {
            return Err(NO_ARGUMENT);
        }
        let request = &mut shared(state).request;
        request.clear();
        for index in 1..=count {
            let is_taken = match lua::lua_type(state, index) {
                lua::LUA_TSTRING => request.push(bytes_at(state, index)),
                lua::LUA_TNUMBER => {
                    let text = DoubleText::new(lua::lua_tonumber(state, index));
                    request.push(text.as_bytes())
                }
                _ => return Err(ARGUMENT_TYPE),
            };
            if !is_taken {
                return Err(TOO_LONG);
            }
        }
        Ok(())
    }
}

unsafe extern "C-unwind" fn check_right(state: *mut lua_State) -> c_int {
    // SAFETY: as `run_command`.
    unsafe {
        if let Err(text) = take_request(state) {
            raise(state, text);
        }
        let host = host(state);
        let answer = ask(state, host, true);
        if to_lua::is_error(answer) {
            raise(
                state,
                b"ERR Invalid command passed to redis.acl_check_cmd()",
            );
        }
        lua::lua_pushboolean(state, i32::from(answer.starts_with(b":1")));
        1
    }
}

unsafe extern "C-unwind" fn error_reply(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        if lua::lua_gettop(state) != 1 || lua::lua_type(state, 1) != lua::LUA_TSTRING {
            push_error(state, REPLY_ARGUMENTS);
            return 1;
        }
        let text = bytes_at(state, 1);
        let text = text.strip_prefix(b"-").unwrap_or(text);
        lua::lua_createtable(state, 0, 1);
        push_error_text(state, text);
        lua::lua_setfield(state, -2, c"err".as_ptr());
        1
    }
}

unsafe extern "C-unwind" fn status_reply(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        if lua::lua_gettop(state) != 1 || lua::lua_type(state, 1) != lua::LUA_TSTRING {
            push_error(state, REPLY_ARGUMENTS);
            return 1;
        }
        lua::lua_createtable(state, 0, 1);
        lua::lua_pushvalue(state, 1);
        lua::lua_setfield(state, -2, c"ok".as_ptr());
        1
    }
}

unsafe extern "C-unwind" fn set_resp(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        if lua::lua_gettop(state) != 1 {
            raise(state, b"ERR redis.setresp() requires one argument.");
        }
        let version = lua::lua_tonumber(state, 1).trunc();
        if version != 2.0 && version != 3.0 {
            raise(state, b"ERR RESP version must be 2 or 3.");
        }
        shared(state).is_resp3 = version == 3.0;
        0
    }
}

unsafe extern "C-unwind" fn sha1_hex(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this; a number becomes a string in its place, which stays on the stack.
    unsafe {
        if lua::lua_gettop(state) != 1 {
            raise(state, b"ERR wrong number of arguments");
        }
        let mut len = 0;
        let bytes = lua::lua_tolstring(state, 1, &raw mut len);
        let bytes = match bytes.is_null() {
            true => &[],
            false => std::slice::from_raw_parts(bytes.cast::<u8>(), len),
        };
        push_bytes(state, &hexadecimal(&Sha1::from(bytes).digest().bytes()));
        1
    }
}

unsafe extern "C-unwind" fn log(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this; numbers become strings in their places.
    unsafe {
        let count = lua::lua_gettop(state);
        if count < 2 {
            raise(state, b"ERR redis.log() requires two arguments or more.");
        }
        if lua::lua_isnumber(state, 1) == 0 {
            raise(state, b"ERR First argument must be a number (log level).");
        }
        let level = lua::lua_tonumber(state, 1);
        if !(0.0..=3.0).contains(&level) {
            raise(state, b"ERR Invalid debug level.");
        }
        for index in 2..=count {
            if lua::lua_type(state, index) == lua::LUA_TNUMBER {
                lua::lua_tolstring(state, index, std::ptr::null_mut());
            }
        }
        // From here on nothing of Lua raises: the text is ours.
        let lines = &mut shared(state).log;
        if lines.len() < LOG_LINES_MAX {
            let mut text = Vec::new();
            for index in 2..=count {
                if lua::lua_type(state, index) == lua::LUA_TSTRING {
                    if index > 2 {
                        text.push(b' ');
                    }
                    let part = bytes_at(state, index);
                    text.extend_from_slice(&part[..part.len().min(1024)]);
                }
            }
            let level = level as u8;
            lines.push(LogLine { level, text });
        }
        0
    }
}

unsafe extern "C-unwind" fn set_replication(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe {
        if lua::lua_gettop(state) != 1 {
            raise(state, b"ERR redis.set_repl() requires two arguments.");
        }
        let flags = lua::lua_tonumber(state, 1);
        if flags.trunc() < 0.0 || flags.trunc() > 3.0 {
            raise(
                state,
                b"ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            );
        }
        0
    }
}

unsafe extern "C-unwind" fn replicate_commands(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe { lua::lua_pushboolean(state, 1) }
    1
}

unsafe extern "C-unwind" fn breakpoint(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this.
    unsafe { lua::lua_pushboolean(state, 0) }
    1
}

unsafe extern "C-unwind" fn debug(_: *mut lua_State) -> c_int {
    0
}
