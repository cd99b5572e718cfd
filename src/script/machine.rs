//! One Lua state on a stack of its own: compiles, and runs what it has compiled, step by step.
//!
//! ```text
//!  Machine ─┬─ Fiber: body ── pcall(run) ── the script
//!           ├─ lua_State ── registry: compiled functions by number
//!           └─ Shared: what both sides tell each other
//! ```
//!
//! Invariants: Lua runs on the fiber, or here while no script is under way ([`Machine::is_idle`]);
//! every call of Lua that may raise is protected.
//!
//! Cost: a script with two calls takes some 300 ns in here.
//!
//! Not here: which scripts there are (`cache.rs`), what they may call (`interface.rs`).

#![allow(unsafe_code)]

use super::bytecode;
use super::fiber::Fiber;
use super::host::Host;
use super::invoke::{HOOK_INSTRUCTIONS, collect_at_end, collect_step, on_count, pause};
use super::memory::allocate;
use super::raise::{bytes_at, place, push_bytes, shared};
use super::run::{Chunk, Failure, Function, Run, SOURCE_BYTES_MAX};
use super::sandbox::{Setup, initialize};
use super::shared::{Declared, Invocation, Shared};
use super::step::{LogLine, Step};
use crate::protocol::args::Args;
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::lua_State;
use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr::NonNull;

/// See the module header.
pub struct Machine {
    shared: NonNull<Shared>,
    state: *mut lua_State,
    fiber: Fiber,
}

// SAFETY: the machine owns all that its pointers lead to, and nothing of it is bound to a thread:
// neither Lua nor the frames on the fiber, which are Lua's and ours, use anything thread-local.
unsafe impl Send for Machine {}

impl Machine {
    /// A machine whose state takes `limit_bytes` at most.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(
        limit_bytes: usize,
        version: &'static str,
        has_libraries: bool,
    ) -> Result<Self, Failure> {
        let no_memory = || Failure(b"not enough memory".to_vec());
        let shared = NonNull::from(Box::leak(Box::new(Shared::new(limit_bytes, pause))));
        // SAFETY: the meter is the first field of the place, which lives until `drop`.
        let state = unsafe { lua::lua_newstate(allocate, shared.as_ptr().cast()) };
        let fiber = Fiber::new(move |suspender| {
            // SAFETY: the body runs while the machine lives, and nobody else is at the place.
            unsafe {
                (*shared.as_ptr()).suspend = Some(suspender);
                loop {
                    run_once(state);
                    suspender.suspend(Step::Done);
                }
            }
        });
        let Ok(fiber) = fiber else {
            // SAFETY: it came from a box, and no state uses it after this.
            unsafe {
                if !state.is_null() {
                    lua::lua_close(state);
                }
                drop(Box::from_raw(shared.as_ptr()));
            }
            return Err(no_memory());
        };
        let mut machine = Self {
            shared,
            state,
            fiber,
        };
        if state.is_null() {
            return Err(no_memory());
        }
        let setup = Setup {
            version,
            has_libraries,
        };
        machine.protected(initialize, (&raw const setup).cast_mut().cast())?;
        let runner = machine.place().invocation.reference;
        // SAFETY: the state is idle; the number is in the registry. The function stays at the
        // bottom of the stack, where `run_once` finds it.
        unsafe { lua::lua_rawgeti_(state, lua::LUA_REGISTRYINDEX, runner) };
        Ok(machine)
    }

    /// The place that both sides know.
    fn place(&mut self) -> &mut Shared {
        // SAFETY: the fiber is suspended, and no function of Lua runs, whenever safe code does.
        unsafe { self.shared.as_mut() }
    }

    /// Calls a C function with a light userdatum, protected.
    fn protected(
        &mut self,
        function: lua::lua_CFunction,
        argument: *mut c_void,
    ) -> Result<(), Failure> {
        assert!(self.is_idle(), "a script is under way");
        // SAFETY: the state is idle, so it may be used on this stack. What the call leaves behind
        // is taken off.
        unsafe {
            let top = lua::lua_gettop(self.state);
            let status = lua::lua_cpcall(self.state, function, argument);
            if status == lua::LUA_OK {
                return Ok(());
            }
            let text = match lua::lua_type(self.state, -1) {
                lua::LUA_TSTRING => bytes_at(self.state, -1).to_vec(),
                _ => b"unknown error".to_vec(),
            };
            lua::lua_settop(self.state, top);
            Err(Failure(text))
        }
    }

    /// Whether no script is under way.
    pub fn is_idle(&self) -> bool {
        !self.fiber.is_suspended_inside()
    }

    /// Compiles a script. O(length).
    ///
    /// # Errors
    /// What Lua says of the text, that it is longer than [`SOURCE_BYTES_MAX`], or that there is no
    /// memory.
    pub fn compile(&mut self, source: &[u8], chunk: Chunk) -> Result<Function, Failure> {
        if source.len() > SOURCE_BYTES_MAX {
            let text = format!("it is longer than {SOURCE_BYTES_MAX} bytes");
            return Err(Failure(text.into_bytes()));
        }
        let place = self.place();
        place.source = source;
        place.message.clear();
        place.invocation.reference = 0;
        // Garbage of other scripts may have taken all there is, and can't be collected here.
        let limit_bytes = place.meter.limit_bytes;
        let more_bytes = COMPILED_BYTES_MIN + COMPILED_SHARE * source.len();
        place.meter.limit_bytes = limit_bytes.saturating_add(more_bytes.min(limit_bytes));
        let function = match chunk {
            Chunk::Script => compile_script,
            Chunk::Library => compile_library,
        };
        let outcome = self.protected(function, std::ptr::null_mut());
        let place = self.place();
        place.meter.limit_bytes = limit_bytes;
        outcome?;
        match place.invocation.reference {
            0 => Err(Failure(std::mem::take(&mut place.message))),
            reference => Ok(Function(reference)),
        }
    }

    /// Forgets a function.
    pub fn forget(&mut self, function: Function) {
        self.place().invocation.reference = function.0;
        // Without memory for the list of free numbers the function stays; nobody can call it.
        _ = self.protected(forget, std::ptr::null_mut());
    }

    /// Says what [`Machine::start`] is to run.
    pub fn prepare(&mut self, run: &Run<'_>) {
        assert!(self.is_idle(), "one script at a time");
        let state = self.state;
        let place = self.place();
        place.invocation = Invocation {
            reference: run.function.0,
            first_key: run.first_key,
            key_count: run.key_count,
            dialect: run.dialect,
            reply_bytes_max: run.reply_bytes_max,
            is_function: run.is_function,
        };
        place.name.clear();
        place.name.extend_from_slice(run.name);
        place.is_resp3 = false;
        place.is_killed = false;
        place.has_read_args = false;
        place.spent_steps = 0;
        place.meter.taken_bytes = 0;
        place.has_new_error = false;
        place.is_reading = false;
        // SAFETY: the state is idle; setting the hook takes no memory.
        unsafe {
            let mask = lua::LUA_MASKCOUNT;
            lua::lua_sethook(state, Some(on_count), mask, HOOK_INSTRUCTIONS);
        }
    }

    /// Runs what was prepared with the arguments of the request, and its commands by the host.
    pub fn start(&mut self, args: Args<'_>, host: &mut dyn Host) -> Step {
        assert!(self.is_idle(), "one script at a time");
        self.place().args = (&raw const args).cast();
        self.resume(host)
    }

    /// Goes on after [`Step::Slice`].
    pub fn go_on(&mut self, host: &mut dyn Host) -> Step {
        assert!(!self.is_idle(), "no script is under way");
        self.resume(host)
    }

    fn resume(&mut self, host: &mut dyn Host) -> Step {
        // SAFETY: only how long it lives is forgotten; it is taken back before this returns.
        let host = unsafe {
            mem::transmute::<NonNull<dyn Host + '_>, NonNull<dyn Host + 'static>>(NonNull::from(
                host,
            ))
        };
        let place = self.place();
        place.host = Some(host);
        place.is_running = true;
        let step = self.fiber.resume();
        let place = self.place();
        place.is_running = false;
        place.host = None;
        step
    }

    /// The reply of the script that has ended; `None` if it would have been too long.
    pub fn reply(&mut self) -> Option<&[u8]> {
        let place = self.place();
        (!place.is_over).then_some(place.reply.as_slice())
    }

    /// Whether that reply is an error that no command has been counted for.
    pub fn has_new_error(&mut self) -> bool {
        self.place().has_new_error
    }

    /// Forgets the last reply, and its memory if that is much.
    pub fn clear_reply(&mut self) {
        const KEPT_BYTES: usize = 64 * 1024;
        let place = self.place();
        place.answer = Vec::new();
        place.reply.clear();
        place.reply.shrink_to(KEPT_BYTES);
    }

    /// Ends the script that is under way with an error, when it goes on.
    pub fn kill(&mut self) {
        self.place().is_killed = true;
    }

    /// Sets what `os.clock` tells.
    pub fn set_clock_us(&mut self, clock_us: u64) {
        self.place().clock_us = clock_us;
    }

    /// Whether scripts wanted to log something since [`Machine::take_log`].
    #[inline]
    pub fn has_log(&self) -> bool {
        // SAFETY: as `place`.
        unsafe { !self.shared.as_ref().log.is_empty() }
    }

    /// What scripts wanted to log since the last call.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.place().log)
    }

    /// Begins to collect what a library declares.
    pub fn begin_library(&mut self) {
        self.place().declared = Some(Vec::new());
    }

    /// What the library has declared.
    pub fn end_library(&mut self) -> Vec<(Declared, Function)> {
        let declared = self.place().declared.take().unwrap_or_default();
        let functions = declared.into_iter();
        functions
            .map(|declared| {
                let function = Function(declared.reference);
                (declared, function)
            })
            .collect()
    }

    /// Sets how many bytes the state may take.
    pub fn set_limit_bytes(&mut self, bytes: usize) {
        self.place().meter.limit_bytes = bytes;
    }

    /// The bytes that the state takes.
    pub fn used_bytes(&self) -> usize {
        // SAFETY: as `place`.
        unsafe { self.shared.as_ref().meter.used_bytes }
    }

    /// Collects a bounded part of what nobody refers to any more; true when all of it is gone.
    pub fn collect_some(&mut self) -> bool {
        if !self.is_idle() {
            return true;
        }
        // SAFETY: the state is idle.
        unsafe { collect_step(self.state) }
    }
}

/// What compiling a script may take above the limit: at least …
const COMPILED_BYTES_MIN: usize = 256 * 1024;
/// … and so many times its length.
const COMPILED_SHARE: usize = 8;

/// Scripts up to this length are looked through for what sets a global, which takes a tenth of the
/// time that compiling them does.
const DUMPED_BYTES_MAX: usize = 16 * 1024;

/// A machine that nobody needs any more, and that is taken apart in steps: to close a state takes
/// time in proportion to all that is in it.
pub struct Retired {
    machine: Machine,
    /// References of the registry that are not dropped yet.
    reference_count: c_int,
    /// Cycles of the collector since none was left.
    cycle_count: u32,
}

/// References that one step drops.
const REFERENCES_A_STEP: c_int = 256;

/// Cycles of the collector after which all is gone that nothing refers to: what the first has
/// marked before the last reference went is gone after the second.
const CYCLES: u32 = 2;

impl Retired {
    /// Takes a machine over; none if a script stands in its middle, which is closed at once.
    pub fn new(mut machine: Machine) -> Option<Self> {
        if !machine.is_idle() {
            return None;
        }
        // Without a limit nothing that is done here can fail.
        machine.set_limit_bytes(usize::MAX);
        // SAFETY: the state is idle. The stack has the runner, from which all globals can be
        // reached; the registry takes the place of the globals.
        let reference_count = unsafe {
            let state = machine.state;
            lua::lua_settop(state, 0);
            lua::lua_pushvalue(state, lua::LUA_REGISTRYINDEX);
            lua::lua_replace(state, lua::LUA_GLOBALSINDEX);
            lua::lua_objlen(state, lua::LUA_REGISTRYINDEX) as c_int
        };
        Some(Self {
            machine,
            reference_count,
            cycle_count: 0,
        })
    }

    /// The bytes that are left.
    pub fn used_bytes(&self) -> usize {
        self.machine.used_bytes()
    }

    /// Goes one step on, some tens of microseconds; true if what is left is closed quickly.
    pub fn step(&mut self) -> bool {
        let state = self.machine.state;
        if self.reference_count > 0 {
            let last = self.reference_count;
            self.reference_count = (last - REFERENCES_A_STEP).max(0);
            for reference in self.reference_count + 1..=last {
                // SAFETY: the state is idle, and one slot is free; an element of the registry that
                // is there is overwritten, or one that is not stays so.
                unsafe {
                    lua::lua_pushnil(state);
                    lua::lua_rawseti_(state, lua::LUA_REGISTRYINDEX, reference);
                }
            }
            return false;
        }
        self.cycle_count += u32::from(self.machine.collect_some());
        self.cycle_count >= CYCLES
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // SAFETY: the fiber is not resumed any more: its stack holds nothing to be dropped, and
        // closing the state looks at none of it. The place came from a box.
        unsafe {
            if !self.state.is_null() {
                lua::lua_close(self.state);
            }
            drop(Box::from_raw(self.shared.as_ptr()));
        }
    }
}

/// Runs the invocation, protected once more, so that it fails alone where there is no memory.
unsafe fn run_once(state: *mut lua_State) {
    // SAFETY: the body of the fiber calls this; the runner is at the bottom of the stack.
    unsafe {
        lua::lua_settop(state, 1);
        lua::lua_pushvalue(state, 1);
        if lua::lua_pcall(state, 0, 0, 0) != lua::LUA_OK {
            let place = shared(state);
            place.reply.clear();
            place.is_over = false;
            place.has_new_error = true;
            place.reply.extend_from_slice(b"-ERR not enough memory\r\n");
        }
        lua::lua_settop(state, 1);
        collect_at_end(state);
    }
}

unsafe extern "C-unwind" fn compile_script(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this, protected.
    unsafe {
        compile(state, c"@user_script");
        let place = place(state);
        let is_short = (*place).source.len() <= DUMPED_BYTES_MAX;
        if (*place).invocation.reference != 0 && is_short && !sets_globals(state) {
            let reference = (*place).invocation.reference;
            lua::lua_rawgeti_(state, lua::LUA_REGISTRYINDEX, reference);
            lua::lua_rawgeti_(state, lua::LUA_REGISTRYINDEX, (*place).globals);
            lua::lua_setfenv(state, -2);
        }
        0
    }
}

unsafe extern "C-unwind" fn compile_library(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this, protected.
    unsafe { compile(state, c"@user_function") }
    0
}

/// Whether the function that was compiled may set a global.
unsafe fn sets_globals(state: *mut lua_State) -> bool {
    // SAFETY: as `compile_script`. The text of the code is put into the place that both share,
    // which nobody reads or writes meanwhile; the writer calls nothing of Lua.
    unsafe {
        let place = place(state);
        lua::lua_rawgeti_(state, lua::LUA_REGISTRYINDEX, (*place).invocation.reference);
        (*place).buffer.clear();
        lua::lua_dump_(state, append, (&raw mut (*place).buffer).cast());
        lua::lua_pop(state, 1);
        let sets_globals = bytecode::sets_globals(&(*place).buffer);
        (*place).buffer = Vec::new();
        sets_globals
    }
}

/// Lua's `lua_Writer`: appends to a vector.
unsafe extern "C-unwind" fn append(
    _: *mut lua_State,
    bytes: *const c_void,
    len: usize,
    vector: *mut c_void,
) -> c_int {
    // SAFETY: `sets_globals` gives the vector; the bytes live until this returns.
    unsafe {
        let bytes = std::slice::from_raw_parts(bytes.cast(), len);
        (*vector.cast::<Vec<u8>>()).extend_from_slice(bytes);
    }
    0
}

/// Compiles the source and puts the function into the registry, or the reason why not into the
/// message.
unsafe fn compile(state: *mut lua_State, name: &'static CStr) {
    // SAFETY: as the callers'. The source lives until the call ends.
    unsafe {
        // Compiled code is as good as any to the loader: as text, its first byte is an error.
        let source = &*shared(state).source;
        if source.first() == Some(&lua::LUA_SIGNATURE[0]) {
            push_bytes(state, b" ");
            push_bytes(state, source);
            lua::lua_concat(state, 2);
        } else {
            push_bytes(state, source);
        }
        let text = bytes_at(state, -1);
        // The parser of 5.1 keeps strings that nothing refers to.
        lua::lua_gc(state, lua::LUA_GCSTOP, 0);
        let status = lua::luaL_loadbuffer(state, text.as_ptr().cast(), text.len(), name.as_ptr());
        lua::lua_gc(state, lua::LUA_GCRESTART, 0);
        if status == lua::LUA_OK {
            shared(state).invocation.reference = lua::luaL_ref(state, lua::LUA_REGISTRYINDEX);
        } else if lua::lua_type(state, -1) == lua::LUA_TSTRING {
            shared(state).message = bytes_at(state, -1).to_vec();
        }
    }
}

unsafe extern "C-unwind" fn forget(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this, protected.
    unsafe {
        let reference = shared(state).invocation.reference;
        lua::luaL_unref(state, lua::LUA_REGISTRYINDEX, reference);
    }
    0
}
