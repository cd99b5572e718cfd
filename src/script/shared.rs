//! What a script and its driver tell each other: one place in memory that both know.
//!
//! ```text
//!  driver (engine)                         the script's stack
//!  invocation, arguments ─▶ ┌────────┐ ─▶ KEYS, ARGV
//!    host ◀─ request ────── │ Shared │ ◀─ redis.call(…)
//!              the reply ◀─ └────────┘ ◀─ what the script returns
//! ```
//!
//! Invariants: only one of the two runs at a time, so nobody else is at it meanwhile; the pointers
//! are set before a resume and used before the next suspension, while what they point to lives.
//!
//! Not here: who resumes (`machine.rs`).

use super::host::Host;
use super::memory::{Meter, Pause};
use super::random::Random48;
use super::step::LogLine;
use crate::protocol::args::{Args, ArgsBuffer};
use crate::protocol::reply::Dialect;
use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

/// A function that a library has declared while it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: Vec<u8>,
    /// What is said of it, if anything.
    pub description: Option<Vec<u8>>,
    /// Its flags.
    pub flags: super::flags::ScriptFlags,
    /// Where the machine keeps it.
    pub(super) reference: i32,
}

/// What is to be run, and for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Invocation {
    /// The registry's number of the function.
    pub(super) reference: i32,
    /// Which argument is the first key.
    pub(super) first_key: usize,
    /// How many keys there are; the other arguments follow.
    pub(super) key_count: usize,
    /// How the reply is written.
    pub(super) dialect: Dialect,
    /// The length that the reply may have, in bytes.
    pub(super) reply_bytes_max: usize,
    /// KEYS and ARGV are its arguments instead of globals.
    pub(super) is_function: bool,
}

/// See the module header.
#[repr(C)]
pub(super) struct Shared {
    /// First, because Lua's allocator is given this place, too.
    pub(super) meter: Meter,
    pub(super) suspend: Option<super::fiber::Suspender>,
    pub(super) invocation: Invocation,
    /// The arguments of the present invocation; read when it begins.
    pub(super) args: *const Args<'static>,
    /// How error texts name the function that runs.
    pub(super) name: Vec<u8>,
    /// What `redis.call` asks for.
    pub(super) request: ArgsBuffer,
    /// Who runs it; there while the script does.
    pub(super) host: Option<NonNull<dyn Host>>,
    /// An answer that is long, while it is read.
    pub(super) answer: Vec<u8>,
    /// An answer is read that stands in the output of a client: others must not have a turn.
    pub(super) is_reading: bool,
    /// Replies to calls are of version 3.
    pub(super) is_resp3: bool,
    /// The reply of the script.
    pub(super) reply: Vec<u8>,
    /// The reply would have been longer than it may.
    pub(super) is_over: bool,
    /// The reply is an error that nobody has counted.
    pub(super) has_new_error: bool,
    pub(super) is_killed: bool,
    /// The script's stack is the one that runs.
    pub(super) is_running: bool,
    /// The registry's number of the globals themselves, for code that sets none.
    pub(super) globals: c_int,
    /// What [`super::argument_tables`] compares with.
    pub(super) empty_part: *const c_void,
    /// The tables that are KEYS and ARGV now.
    pub(super) argument_tables: [*const c_void; 2],
    /// The arguments were read, so that the script may be suspended.
    pub(super) has_read_args: bool,
    /// Bytes that were left when all garbage was last collected for want of memory.
    pub(super) settled_bytes: usize,
    /// Work of the libraries since the last suspension, in steps.
    pub(super) spent_steps: usize,
    pub(super) random: Random48,
    pub(super) log: Vec<LogLine>,
    /// What a library has declared so far; `None` while none is loaded.
    pub(super) declared: Option<Vec<Declared>>,
    /// What went wrong where no reply is written.
    pub(super) message: Vec<u8>,
    /// What a function of a library writes, or reads a string into.
    pub(super) buffer: Vec<u8>,
    /// Source of the chunk to be compiled.
    pub(super) source: *const [u8],
    /// The time as `os.clock` tells it, in microseconds.
    pub(super) clock_us: u64,
}

impl Shared {
    pub(super) fn new(limit_bytes: usize, pause: Pause) -> Self {
        Self {
            meter: Meter {
                used_bytes: 0,
                limit_bytes,
                taken_bytes: 0,
                pause: Some(pause),
            },
            suspend: None,
            invocation: Invocation {
                reference: 0,
                first_key: 0,
                key_count: 0,
                dialect: Dialect::Resp2,
                reply_bytes_max: usize::MAX,
                is_function: false,
            },
            args: ptr::null(),
            name: Vec::new(),
            request: ArgsBuffer::default(),
            host: None,
            answer: Vec::new(),
            is_reading: false,
            is_resp3: false,
            reply: Vec::new(),
            is_over: false,
            has_new_error: false,
            is_killed: false,
            is_running: false,
            globals: 0,
            empty_part: ptr::null(),
            argument_tables: [ptr::null(); 2],
            has_read_args: false,
            settled_bytes: 0,
            spent_steps: 0,
            random: Random48::default(),
            log: Vec::new(),
            declared: None,
            message: Vec::new(),
            buffer: Vec::new(),
            source: &raw const *b"".as_slice(),
            clock_us: 0,
        }
    }
}
