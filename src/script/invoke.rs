//! One invocation on the script's stack: arguments in, the function, its reply out.
//!
//! ```text
//!  run ─▶ KEYS, ARGV ─▶ pcall(function) ─▶ value ─▶ to_reply
//!                             └─ error ─▶ on_error adds the place ─▶ "-ERR … script: f, on @…:1."
//! ```
//!
//! Invariant: `run` is called protected, so that a lack of memory anywhere ends the invocation and
//! nothing else.
//!
//! Not here: stacks and their switches (`machine.rs`), what a script may call (`interface.rs`).

#![allow(unsafe_code)]

use super::argument_tables::{self, Table};
use super::fields::{FIELD_NAMES, FIRST_FIELD_UPVALUE};
use super::memory::Meter;
use super::raise::{bytes_at, place, push_bytes, raise, shared};
use super::shared::Shared;
use super::step::Step;
use super::to_reply;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::{lua_Debug, lua_State};
use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Instructions after which a script may be suspended: some 20 to 100 µs.
pub(super) const HOOK_INSTRUCTIONS: c_int = 10_000;

/// After the first cycle of the collector what was marked before may be left.
const COLLECTION_CYCLES: c_int = 2;
/// What one step of it does: some tens of microseconds.
const COLLECTION_STEP: c_int = 8;

const KILLED: &[u8] = b"ERR Script killed by user with SCRIPT KILL...";
const KILLED_FUNCTION: &[u8] = b"ERR Script killed by user with FUNCTION KILL...";

/// The upvalues of [`run`].
const ON_ERROR_UPVALUE: c_int = 1;
const GLOBALS_UPVALUE: c_int = 2;
const ENVIRONMENT_UPVALUE: c_int = 3;
const KEYS_UPVALUE: c_int = 4;
const ARGV_UPVALUE: c_int = 5;
const POOL_UPVALUE: c_int = 6;

/// Pops the environment and the globals behind it, and pushes the function that runs scripts.
///
/// # Safety
/// A protected call is under way; both are tables; ten slots are free.
pub(super) unsafe fn push_runner(state: *mut lua_State) {
    // SAFETY: the caller's word.
    unsafe {
        lua::lua_pushcfunction(state, on_error);
        lua::lua_insert(state, -3);
        lua::lua_pushliteral(state, c"KEYS");
        lua::lua_pushliteral(state, c"ARGV");
        lua::lua_createtable(state, 0, 0);
        for name in FIELD_NAMES {
            lua::lua_pushliteral(state, name);
        }
        let upvalue_count = FIRST_FIELD_UPVALUE - 1 + FIELD_NAMES.len() as c_int;
        lua::lua_pushcclosure(state, run, upvalue_count);
    }
}

/// Runs what [`Shared::invocation`] says, and writes its reply.
unsafe extern "C-unwind" fn run(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this, protected, on the fiber; the upvalues are those of `push_runner`.
    // Nothing here has to be dropped while Lua may raise.
    unsafe {
        let invocation = shared(state).invocation;
        lua::lua_pushvalue(state, lua::lua_upvalueindex(ON_ERROR_UPVALUE));
        lua::lua_rawgeti_(state, lua::LUA_REGISTRYINDEX, invocation.reference);
        let args = *shared(state).args;
        let first_value = invocation.first_key + invocation.key_count;
        let parameter_count = if invocation.is_function {
            lua::lua_pushvalue(state, lua::lua_upvalueindex(ENVIRONMENT_UPVALUE));
            lua::lua_setfenv(state, -2);
            push_array(state, args, invocation.first_key..first_value);
            push_array(state, args, first_value..args.len());
            2
        } else {
            set_arguments(state, Table::Keys, args, invocation.first_key..first_value);
            set_arguments(state, Table::Argv, args, first_value..args.len());
            0
        };
        let place = place(state);
        (*place).has_read_args = true;
        let status = lua::lua_pcall(state, parameter_count, 1, 1);
        let is_killed = std::mem::take(&mut (*place).is_killed);
        (*place).reply.clear();
        let mut reply = ReplyWriter::new(&mut (*place).reply, invocation.dialect);
        reply.set_ceiling(invocation.reply_bytes_max);
        if status == lua::LUA_OK {
            to_reply::pop_value(state, &mut reply);
        } else {
            write_error(state, &mut reply, is_killed);
        }
        (*place).is_over = reply.is_over();
    }
    0
}

/// Collects all garbage, if there is little memory left: what this script has left would make the
/// next one fail. In steps, between which others have a turn. Not when the next one begins: its
/// arguments are there until its first suspension only.
///
/// # Safety
/// The caller is the body of the fiber, and the state was made by [`super::Machine`].
pub(super) unsafe fn collect_at_end(state: *mut lua_State) {
    // SAFETY: the caller's word; the collector needs no call to be protected.
    unsafe {
        let place = place(state);
        let limit_bytes = (*place).meter.limit_bytes;
        // What is in use, and stays so, is not looked through again and again.
        let used_bytes = (*place).settled_bytes.saturating_add(limit_bytes / 8);
        let most_bytes = used_bytes.max(limit_bytes / 4 * 3);
        if (*place).meter.used_bytes <= most_bytes {
            return;
        }
        let mut cycle_count = 0;
        while cycle_count < COLLECTION_CYCLES && !wait(place) {
            cycle_count += i32::from(collect_step(state));
        }
        (*place).settled_bytes = (*place).meter.used_bytes;
    }
}

/// Collects a bounded part of what nobody refers to any more; true when all of it is gone.
///
/// # Safety
/// No script runs but the caller's; the state was made by [`super::Machine`].
pub(super) unsafe fn collect_step(state: *mut lua_State) -> bool {
    // SAFETY: the caller's word; nothing has a finalizer, so nothing is called. The collector may
    // make another table of strings, half as long, and must not be refused that: it would raise.
    unsafe {
        let place = place(state);
        let limit_bytes = std::mem::replace(&mut (*place).meter.limit_bytes, usize::MAX);
        let pause = (*place).meter.pause.take();
        let is_done = lua::lua_gc(state, lua::LUA_GCSTEP, COLLECTION_STEP) != 0;
        (*place).meter.pause = pause;
        (*place).meter.limit_bytes = limit_bytes;
        is_done
    }
}

/// Pushes an array of arguments.
unsafe fn push_array(state: *mut lua_State, args: Args<'_>, range: Range<usize>) {
    // SAFETY: as `run`; a request has no more arguments than fit an `i32`.
    unsafe {
        lua::lua_createtable(state, range.len() as c_int, 0);
        argument_tables::fill(state, args, range);
    }
}

/// Sets the global KEYS or ARGV.
unsafe fn set_arguments(state: *mut lua_State, table: Table, args: Args<'_>, range: Range<usize>) {
    let name = match table {
        Table::Keys => KEYS_UPVALUE,
        Table::Argv => ARGV_UPVALUE,
    };
    // SAFETY: as `run`; the upvalues are those of `push_runner`.
    unsafe {
        let pool = lua::lua_upvalueindex(POOL_UPVALUE);
        let place = place(state);
        argument_tables::push(state, (table, pool), args, range, (*place).empty_part);
        let pushed = lua::lua_topointer(state, -1);
        let known = &raw mut (*place).argument_tables[table as usize];
        if *known != pushed {
            lua::lua_pushvalue(state, lua::lua_upvalueindex(name));
            lua::lua_pushvalue(state, -2);
            lua::lua_rawset(state, lua::lua_upvalueindex(GLOBALS_UPVALUE));
            *known = pushed;
        }
        lua::lua_pop(state, 1);
    }
}

/// Writes the error on top of the stack, which [`on_error`] has made a table, if there was memory.
unsafe fn write_error(state: *mut lua_State, reply: &mut ReplyWriter<'_>, is_killed: bool) {
    // SAFETY: as `run`. The text is put together in the place that both share, of which `reply` has
    // another part; nothing has to be dropped when Lua is called.
    unsafe {
        let place = place(state);
        let message = &mut (*place).message;
        message.clear();
        (*place).has_new_error = true;
        if lua::lua_type(state, -1) == lua::LUA_TTABLE {
            let is_loading = (*place).declared.is_some();
            append_table(state, message, &(*place).name, is_loading);
            lua::lua_pushlstring_(state, c"ignore_error_stats_update".as_ptr(), 25);
            lua::lua_rawget_(state, -2);
            (*place).has_new_error = lua::lua_toboolean(state, -1) == 0;
        } else if is_killed {
            // It was refused memory so that it ends.
            message.extend_from_slice(killed_text(state));
        } else {
            message.extend_from_slice(b"ERR Error running script ");
            message.extend_from_slice(&(*place).name);
            message.extend_from_slice(b", ");
            if lua::lua_type(state, -1) == lua::LUA_TSTRING {
                let text = bytes_at(state, -1);
                message.extend_from_slice(&text[..text.len().min(100)]);
            } else {
                message.extend_from_slice(b"execution failure");
            }
        }
        reply.error(&ReplyError::from_bytes(std::mem::take(message)));
    }
}

/// Appends what the table on top of the stack says of an error, and where it was raised, unless a
/// library is loaded.
unsafe fn append_table(
    state: *mut lua_State,
    message: &mut Vec<u8>,
    name: &[u8],
    is_loading: bool,
) {
    // SAFETY: as `write_error`.
    unsafe {
        if !append_field(state, c"err", message) {
            message.extend_from_slice(b"ERR unknown error");
        }
        if is_loading {
            return;
        }
        let mark = message.len();
        message.extend_from_slice(b" script: ");
        message.extend_from_slice(name);
        message.extend_from_slice(b", on ");
        let has_source = append_field(state, c"source", message);
        message.push(b':');
        let has_line = append_field(state, c"line", message);
        message.push(b'.');
        if !(has_source && has_line) {
            message.truncate(mark);
        }
    }
}

/// Appends a field of the table on top of the stack, if it is text or a number.
unsafe fn append_field(state: *mut lua_State, name: &CStr, message: &mut Vec<u8>) -> bool {
    // SAFETY: as `write_error`.
    unsafe {
        lua::lua_pushlstring_(state, name.as_ptr(), name.count_bytes());
        lua::lua_rawget_(state, -2);
        let is_text = lua::lua_isstring(state, -1) != 0;
        if is_text {
            let mut len = 0;
            let text = lua::lua_tolstring(state, -1, &raw mut len);
            let text = std::slice::from_raw_parts(text.cast(), len);
            message.extend_from_slice(text);
        }
        lua::lua_pop(state, 1);
        is_text
    }
}

/// Makes a table of an error, and notes in it where it was raised: in the function that raised it,
/// or in its caller if that is one of ours.
pub(super) unsafe extern "C-unwind" fn on_error(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this with the error; nothing here has to be dropped.
    unsafe {
        if lua::lua_type(state, 1) != lua::LUA_TTABLE {
            push_text(state);
            lua::lua_createtable(state, 0, 3);
            lua::lua_insert(state, -2);
            lua::lua_setfield(state, -2, c"err".as_ptr());
        } else {
            lua::lua_pushvalue(state, 1);
        }
        let mut activation = MaybeUninit::<lua_Debug>::zeroed();
        let activation = activation.as_mut_ptr();
        let mut has_place = lua::lua_getstack(state, 1, activation) != 0
            && lua::lua_getinfo(state, c"Sl".as_ptr(), activation) != 0;
        if has_place && CStr::from_ptr((*activation).what) == c"C" {
            has_place = lua::lua_getstack(state, 2, activation) != 0
                && lua::lua_getinfo(state, c"Sl".as_ptr(), activation) != 0;
        }
        if has_place {
            lua::lua_pushstring_(state, (*activation).source);
            lua::lua_setfield(state, -2, c"source".as_ptr());
            lua::lua_pushinteger(state, i64::from((*activation).currentline));
            lua::lua_setfield(state, -2, c"line".as_ptr());
        }
        1
    }
}

/// Pushes `ERR ` and the error at index 1 as `tostring` shows it.
unsafe fn push_text(state: *mut lua_State) {
    // SAFETY: as `on_error`.
    unsafe {
        push_bytes(state, b"ERR ");
        match lua::lua_type(state, 1) {
            lua::LUA_TSTRING | lua::LUA_TNUMBER => lua::lua_pushvalue(state, 1),
            lua::LUA_TBOOLEAN if lua::lua_toboolean(state, 1) != 0 => push_bytes(state, b"true"),
            lua::LUA_TBOOLEAN => push_bytes(state, b"false"),
            kind => {
                lua::lua_pushstring_(state, lua::lua_typename(state, kind));
            }
        }
        lua::lua_concat(state, 2);
    }
}

/// Lua's hook: every [`HOOK_INSTRUCTIONS`] the driver may do something else, or end the script.
pub(super) unsafe extern "C-unwind" fn on_count(state: *mut lua_State, _: *mut lua_Debug) {
    // SAFETY: Lua calls this on the fiber; nothing here has to be dropped.
    unsafe {
        if wait_for_turn(state) {
            raise_killed(state);
        }
    }
}

/// Lets the driver do something else; true if the script is to end.
///
/// # Safety
/// The state was made by [`super::Machine`]; the caller's frames hold nothing that has to be
/// dropped.
pub(super) unsafe fn wait_for_turn(state: *mut lua_State) -> bool {
    // SAFETY: the caller's word.
    unsafe { wait(place(state)) }
}

/// Suspends the script, if it runs, may be suspended, and is not to end; true if it is to end.
unsafe fn wait(place: *mut Shared) -> bool {
    // SAFETY: nothing of the place is borrowed while the script is suspended.
    unsafe {
        (*place).is_reading = false;
        if (*place).is_killed {
            return true;
        }
        (*place).spent_steps = 0;
        (*place).meter.taken_bytes = 0;
        if (*place).is_running && (*place).has_read_args {
            let suspender = (*place).suspend.expect("the fiber has begun");
            suspender.suspend(Step::Slice);
        }
        (*place).is_killed
    }
}

/// What the allocator calls after much was taken, before it takes more: true to refuse that, since
/// the script is to end. Lua's state is as sound then as when memory is refused.
///
/// # Safety
/// The meter is that of a [`Shared`], and the caller borrows nothing of it.
pub(super) unsafe fn pause(meter: *mut Meter) -> bool {
    // SAFETY: the meter is the first field.
    unsafe {
        let place: *mut Shared = meter.cast();
        match (*place).is_reading {
            true => (*place).is_killed,
            false => wait(place),
        }
    }
}

/// Raises that the script was ended, and does so again wherever it goes on.
///
/// # Safety
/// A protected call is under way on the fiber; three slots are free; the caller's frames hold
/// nothing that has to be dropped.
pub(super) unsafe fn raise_killed(state: *mut lua_State) -> ! {
    // SAFETY: the caller's word.
    unsafe {
        // From now on at every instruction, so that no `pcall` of the script goes on.
        let mask = lua::LUA_MASKCOUNT;
        lua::lua_sethook(state, Some(on_count), mask, 1);
        raise(state, killed_text(state))
    }
}

unsafe fn killed_text(state: *mut lua_State) -> &'static [u8] {
    // SAFETY: as the callers'.
    match unsafe { (*place(state)).invocation.is_function } {
        true => KILLED_FUNCTION,
        false => KILLED,
    }
}
