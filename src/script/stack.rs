//! The stack of a Lua state as our libraries use it: values by index, pushes, errors, a buffer.
//!
//! ```text
//!  function of a library: fn(Stack) ─▶ results on top, their count returned
//!      indexes from the bottom: 1 …   from the top: -1 …   first upvalue of its own: OWN_VALUE
//! ```
//!
//! Whoever makes a [`Stack`] promises what all its methods rely on:
//!
//! - The state was made by [`super::Machine`], and a protected call is under way.
//! - **No frame below it holds anything that has to be dropped**: nearly every method may raise,
//!   and then Lua jumps over our frames. So nothing here returns an owned value; what grows is the
//!   buffer, which belongs to the machine.
//! - Bytes of a string are used only while the string stands on the stack.
//!
//! Invariant: the buffer and the state together stay below the limit of the machine's memory.
//!
//! Not here: the libraries (`libraries/`), the functions of the sandbox (`base_library.rs`).

#![allow(unsafe_code)]

use super::invoke::{raise_killed, wait_for_turn};
use super::raise::{bytes_at, push_bytes, shared};
use mlua_sys::lua51 as lua;
use mlua_sys::lua51::lua_State;
use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;

/// A function of a library: takes its arguments from the stack and says how many results are on
/// top.
pub(super) type Function = fn(Stack<'_>) -> c_int;

/// What stands behind a function of a library besides its code: the value given to
/// [`Stack::set_functions`].
pub(super) const OWN_VALUE: c_int = lua::lua_upvalueindex(2);

/// A buffer that has grown beyond this is given back by the next who uses it.
const KEPT_BYTES: usize = 64 * 1024;

/// Steps of work that take as long as a slice of instructions: some 50 microseconds.
const SLICE_STEPS: usize = 16 * 1024;

/// Steps that an element of a table takes to be found, or set.
const ELEMENT_STEPS: usize = 4;

/// Bytes that are copied in the time of a step.
const BYTES_A_STEP: usize = 16;

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing stands there.
    None,
    Nil,
    Boolean,
    /// A bare pointer; ours are null, or a number in disguise.
    Pointer,
    Number,
    String,
    Table,
    Function,
    /// What a protected table looks like.
    Userdatum,
    Thread,
}

/// See the module header.
#[derive(Clone, Copy)]
pub(super) struct Stack<'a> {
    state: *mut lua_State,
    lifetime: PhantomData<&'a ()>,
}

/// What Lua calls: the function of ours in the first upvalue.
unsafe extern "C-unwind" fn enter(state: *mut lua_State) -> c_int {
    // SAFETY: Lua calls this, and `set_functions` has put a function of this type there.
    unsafe {
        let function = lua::lua_touserdata(state, lua::lua_upvalueindex(1));
        let function = std::mem::transmute::<*mut c_void, Function>(function);
        function(Stack::new(state))
    }
}

// SAFETY, for every block in here: the promises of the module header, which `new` asks for. Indexes
// that lead nowhere are harmless where they are read, and constants of this folder where they are
// not; slots are asked for by `reserve` where a function takes more than the twenty it has.
impl<'a> Stack<'a> {
    /// The stack of a state.
    ///
    /// # Safety
    /// See the module header.
    pub(super) unsafe fn new(state: *mut lua_State) -> Self {
        Self {
            state,
            lifetime: PhantomData,
        }
    }

    /// How many values there are.
    pub(super) fn count(self) -> c_int {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_gettop(self.state) }
    }

    /// Takes off, or adds nils, until there are so many.
    pub(super) fn set_count(self, count: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_settop(self.state, count) }
    }

    /// Takes values off.
    pub(super) fn pop(self, count: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_settop(self.state, -count - 1) }
    }

    /// Whether so many slots are free, after making them so.
    pub(super) fn has_room(self, count: c_int) -> bool {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_checkstack(self.state, count) != 0 }
    }

    /// Raises `stack overflow` with this text unless so many slots are free.
    pub(super) fn reserve(self, count: c_int, text: &'static CStr) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::luaL_checkstack_(self.state, count, text.as_ptr()) }
    }

    /// The kind of a value.
    pub(super) fn kind(self, index: c_int) -> Kind {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        match unsafe { lua::lua_type(self.state, index) } {
            lua::LUA_TNIL => Kind::Nil,
            lua::LUA_TBOOLEAN => Kind::Boolean,
            lua::LUA_TLIGHTUSERDATA => Kind::Pointer,
            lua::LUA_TNUMBER => Kind::Number,
            lua::LUA_TSTRING => Kind::String,
            lua::LUA_TTABLE => Kind::Table,
            lua::LUA_TFUNCTION => Kind::Function,
            lua::LUA_TUSERDATA => Kind::Userdatum,
            lua::LUA_TTHREAD => Kind::Thread,
            _ => Kind::None,
        }
    }

    /// How scripts call the kind of a value.
    pub(super) fn kind_name(self, index: c_int) -> &'static [u8] {
        match self.kind(index) {
            Kind::None => b"no value",
            Kind::Nil => b"nil",
            Kind::Boolean => b"boolean",
            Kind::Pointer | Kind::Userdatum => b"userdata",
            Kind::Number => b"number",
            Kind::String => b"string",
            Kind::Table => b"table",
            Kind::Function => b"function",
            Kind::Thread => b"thread",
        }
    }

    /// A number, or a string that spells one; else 0.
    pub(super) fn number(self, index: c_int) -> f64 {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_tonumber(self.state, index) }
    }

    /// Whether [`Stack::number`] finds one.
    pub(super) fn is_number(self, index: c_int) -> bool {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_isnumber(self.state, index) != 0 }
    }

    /// What counts as true.
    pub(super) fn boolean(self, index: c_int) -> bool {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_toboolean(self.state, index) != 0 }
    }

    /// The number in a bare pointer.
    pub(super) fn pointer(self, index: c_int) -> usize {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_touserdata(self.state, index) as usize }
    }

    /// The bytes of a string; there must be one, no number.
    pub(super) fn bytes(self, index: c_int) -> &'a [u8] {
        assert_eq!(self.kind(index), Kind::String);
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { bytes_at(self.state, index) }
    }

    /// The argument as a number; raises if it is none.
    pub(super) fn number_argument(self, index: c_int) -> f64 {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::luaL_checknumber(self.state, index) }
    }

    /// The argument as an integer of C; raises if it is no number.
    pub(super) fn integer_argument(self, index: c_int) -> i64 {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::luaL_checkinteger(self.state, index) as i64 }
    }

    /// As [`Stack::integer_argument`], or what stands for one that is left out.
    pub(super) fn integer_or(self, index: c_int, default: i64) -> i64 {
        match self.kind(index) {
            Kind::None | Kind::Nil => default,
            _ => self.integer_argument(index),
        }
    }

    /// The argument as a string, which a number becomes in its place; raises if it is neither.
    pub(super) fn bytes_argument(self, index: c_int) -> &'a [u8] {
        let mut len = 0;
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            let bytes = lua::luaL_checklstring(self.state, index, &raw mut len);
            std::slice::from_raw_parts(bytes.cast(), len)
        }
    }

    /// Raises unless the argument is a table.
    pub(super) fn table_argument(self, index: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::luaL_checktype(self.state, index, lua::LUA_TTABLE) }
    }

    /// Raises unless the argument is a function.
    pub(super) fn function_argument(self, index: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::luaL_checktype(self.state, index, lua::LUA_TFUNCTION) }
    }

    /// Calls the function on top, without arguments, and puts one result or the error in its place;
    /// false for an error.
    pub(super) fn call_protected(self) -> bool {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_pcall(self.state, 0, 1, 0) == lua::LUA_OK }
    }

    /// Compiles the string at one index, called by that at another, while the collector stands
    /// still; pushes the function, or what is wrong: false.
    pub(super) fn compile(self, text: c_int, name: c_int) -> bool {
        let text = self.bytes(text);
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            let name = lua::lua_tolstring(self.state, name, std::ptr::null_mut());
            lua::lua_gc(self.state, lua::LUA_GCSTOP, 0);
            let status = lua::luaL_loadbuffer(self.state, text.as_ptr().cast(), text.len(), name);
            lua::lua_gc(self.state, lua::LUA_GCRESTART, 0);
            status == lua::LUA_OK
        }
    }

    /// Pushes nil.
    pub(super) fn push_nil(self) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_pushnil(self.state) }
    }

    /// Pushes a truth value.
    pub(super) fn push_boolean(self, value: bool) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_pushboolean(self.state, c_int::from(value)) }
    }

    /// Pushes a number.
    pub(super) fn push_number(self, value: f64) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_pushnumber(self.state, value) }
    }

    /// Pushes a string.
    pub(super) fn push_bytes(self, bytes: &[u8]) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { push_bytes(self.state, bytes) }
    }

    /// Pushes a number as a bare pointer, which no script can make.
    pub(super) fn push_pointer(self, value: usize) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_pushlightuserdata(self.state, value as *mut c_void) }
    }

    /// Pushes a copy of a value.
    pub(super) fn push_copy(self, index: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_pushvalue(self.state, index) }
    }

    /// Pushes an empty table.
    pub(super) fn push_table(self) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_createtable(self.state, 0, 0) }
    }

    /// Moves the top value to this place, and what is there upwards.
    pub(super) fn insert(self, index: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_insert(self.state, index) }
    }

    /// Takes the top value off and puts it in this place.
    pub(super) fn replace(self, index: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_replace(self.state, index) }
    }

    /// Makes one string of the top values.
    pub(super) fn concatenate(self, count: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_concat(self.state, count) }
    }

    /// Takes a key off and pushes the next one of a table with its value, if there is one. The key
    /// is nil, or has come from here.
    pub(super) fn next(self, table: c_int) -> bool {
        self.spend(ELEMENT_STEPS);
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_next(self.state, table) != 0 }
    }

    /// Pushes an element of a table, without its metatable.
    pub(super) fn push_element(self, table: c_int, position: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_rawgeti_(self.state, table, position) }
    }

    /// Takes the top value off and makes it an element of a table.
    pub(super) fn set_element(self, table: c_int, position: c_int) {
        self.spend(ELEMENT_STEPS);
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_rawseti_(self.state, table, position) }
    }

    /// Takes a key and a value off and sets them in a table; raises where the key can't be one.
    pub(super) fn set_entry(self, table: c_int) {
        self.spend(ELEMENT_STEPS);
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_rawset(self.state, table) }
    }

    /// Takes the top value off and sets it in the table that is then on top.
    pub(super) fn set_field(self, name: &'static CStr) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_setfield(self.state, -2, name.as_ptr()) }
    }

    /// What `#` says of a table without its metatable.
    pub(super) fn length(self, table: c_int) -> usize {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_objlen(self.state, table) }
    }

    /// Pushes a field of the table on top.
    pub(super) fn push_field(self, name: &'static CStr) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_getfield_(self.state, -1, name.as_ptr()) }
    }

    /// Takes a value off and makes functions with it as [`OWN_VALUE`] fields of the table that is
    /// then on top.
    pub(super) fn set_functions(self, functions: &[(&'static CStr, Function)]) {
        for &(name, function) in functions {
            // SAFETY: a `Stack` lives while Lua has called it; see the module header.
            unsafe {
                lua::lua_pushlightuserdata(self.state, function as *mut c_void);
                lua::lua_pushvalue(self.state, -2);
                lua::lua_pushcclosure(self.state, enter, 2);
                lua::lua_setfield(self.state, -3, name.as_ptr());
            }
        }
        self.pop(1);
    }

    /// Takes a value off and pushes a function with it as [`OWN_VALUE`].
    pub(super) fn push_function(self, function: Function) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            lua::lua_pushlightuserdata(self.state, function as *mut c_void);
            lua::lua_insert(self.state, -2);
            lua::lua_pushcclosure(self.state, enter, 2);
        }
    }

    /// Calls a function that stands below so many arguments, and puts one result in their place.
    pub(super) fn call(self, argument_count: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_call(self.state, argument_count, 1) }
    }

    /// Takes a key off and pushes what a value has under it, with its metatable.
    pub(super) fn push_indexed(self, table: c_int) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            lua::lua_gettable(self.state, table);
        }
    }

    /// Whether one value is less than another; raises if they can't be compared.
    pub(super) fn is_less(self, first: c_int, second: c_int) -> bool {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { lua::lua_lessthan(self.state, first, second) != 0 }
    }

    /// Notes work that no hook of Lua sees, in steps of some nanoseconds. Where it is as much as a
    /// slice of instructions, the script may be suspended here, or ended.
    #[inline]
    pub(super) fn spend(self, steps: usize) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        let spent = unsafe { &mut shared(self.state).spent_steps };
        *spent = spent.saturating_add(steps);
        if *spent >= SLICE_STEPS {
            *spent = 0;
            self.wait();
        }
    }

    #[cold]
    fn wait(self) {
        // SAFETY: a `Stack` lives while Lua has called it, on the fiber but for the building of
        // the sandbox, when nothing is spent; see the module header.
        unsafe {
            if wait_for_turn(self.state) {
                self.make_room();
                raise_killed(self.state);
            }
        }
    }

    /// Pushes memory that holds a copy of this; Lua frees it.
    pub(super) fn push_settings<T: Copy>(self, settings: T) {
        const { assert!(align_of::<T>() <= 8) };
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            let memory = lua::lua_newuserdata(self.state, size_of::<T>());
            memory.cast::<T>().write(settings);
        }
    }

    /// A copy of what [`Stack::push_settings`] has put into [`OWN_VALUE`], of the same type.
    pub(super) fn settings<T: Copy>(self) -> T {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            assert_eq!(lua::lua_objlen(self.state, OWN_VALUE), size_of::<T>());
            lua::lua_touserdata(self.state, OWN_VALUE)
                .cast::<T>()
                .read()
        }
    }

    /// Overwrites what [`Stack::settings`] gives.
    pub(super) fn set_settings<T: Copy>(self, settings: T) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            assert_eq!(lua::lua_objlen(self.state, OWN_VALUE), size_of::<T>());
            let memory = lua::lua_touserdata(self.state, OWN_VALUE);
            memory.cast::<T>().write(settings);
        }
    }

    /// Pushes a text made of parts.
    fn push_parts(self, parts: &[&[u8]]) {
        for part in parts {
            self.push_bytes(part);
        }
        self.concatenate(parts.len() as c_int);
    }

    /// Makes room for an error where the stack is full: all but the first arguments goes, which
    /// are all that errors tell of. Those and a text fit into the slots that every function has.
    fn make_room(self) {
        const ARGUMENTS_KEPT: c_int = 8;
        if self.count() > ARGUMENTS_KEPT {
            self.set_count(ARGUMENTS_KEPT);
        }
    }

    /// Raises a text made of parts, with the place of the script that called.
    pub(super) fn fail(self, parts: &[&[u8]]) -> ! {
        self.make_room();
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            lua::luaL_where(self.state, 1);
            self.push_parts(parts);
            lua::lua_concat(self.state, 2);
            lua::lua_error(self.state)
        }
    }

    /// Raises what is wrong with an argument.
    pub(super) fn fail_argument(self, index: c_int, parts: &[&[u8]]) -> ! {
        self.make_room();
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            self.push_parts(parts);
            let text = lua::lua_tolstring(self.state, -1, std::ptr::null_mut());
            lua::luaL_argerror(self.state, index, text);
        }
        unreachable!("luaL_argerror raises")
    }

    /// Empties the buffer.
    pub(super) fn begin(self) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            let buffer = &mut shared(self.state).buffer;
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES);
        }
    }

    /// Appends to the buffer; raises where that would take too much memory.
    #[inline]
    pub(super) fn append(self, bytes: &[u8]) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        let is_done = unsafe {
            let shared = shared(self.state);
            let length = shared.buffer.len() + bytes.len();
            let free = (shared.meter.limit_bytes).saturating_sub(shared.meter.used_bytes);
            let is_free = length <= shared.buffer.capacity().min(KEPT_BYTES)
                || (length <= free && shared.buffer.try_reserve(bytes.len()).is_ok());
            if is_free {
                shared.buffer.extend_from_slice(bytes);
            }
            is_free
        };
        if !is_done {
            self.fail_memory();
        }
        self.spend(1 + bytes.len() / BYTES_A_STEP);
    }

    /// Raises unless there is memory for so many bytes in the buffer.
    pub(super) fn expect(self, bytes: usize) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        let meter = unsafe { &shared(self.state).meter };
        if bytes > meter.limit_bytes.saturating_sub(meter.used_bytes) {
            self.fail_memory();
        }
    }

    #[cold]
    fn fail_memory(self) -> ! {
        self.make_room();
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            self.push_bytes(b"not enough memory");
            lua::lua_error(self.state)
        }
    }

    /// The last byte of the buffer.
    pub(super) fn last_byte(self) -> Option<u8> {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe { shared(self.state).buffer.last().copied() }
    }

    /// Pushes the buffer as a string.
    pub(super) fn push_buffer(self) {
        // SAFETY: a `Stack` lives while Lua has called it; see the module header.
        unsafe {
            let buffer = &raw const *shared(self.state).buffer.as_slice();
            push_bytes(self.state, &*buffer);
        }
    }
}
