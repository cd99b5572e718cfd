//! All scripts of a cache, and the one that runs.
//!
//! ```text
//!  handler ─▶ find or compile ─▶ ask(Asked) ─▶ the engine: start ─▶ Step ─▶ … ─▶ Done
//! ```
//!
//! The machine is made when the first script comes, so a cache without scripts takes nothing.
//!
//! Invariants: one script runs at a time, and while one does, nothing is compiled or forgotten (the
//! gates hold such requests back).
//!
//! Not here: the gates of the commands that a script runs (`engine/scripts/`).

use super::cache::{Cache, Script};
use super::flags::{self, ScriptFlags};
use super::function_libraries::Libraries;
use super::{Chunk, Failure, Function, LogLine, Machine, Run, SCRIPT_REDIS_VERSION, Step};
use crate::base::clock::Timestamp;
use crate::protocol::args::{Args, ArgsBuffer};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;

/// Garbage that is left to Lua's own collector, in bytes.
const IDLE_BYTES_MIN: usize = 1 << 20;

/// What a handler wants run when it has returned.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Which machine has it.
    pub kind: Kind,
    /// What.
    pub function: Function,
    /// What it says of itself.
    pub flags: ScriptFlags,
    /// Whether the command allows reading only.
    pub is_read_only: bool,
    /// Which argument is the first key.
    pub first_key: usize,
    /// How many keys there are.
    pub key_count: usize,
}

/// What runs: a script or a function of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// EVAL and its kin.
    Script,
    /// FCALL and FCALL_RO.
    Function,
}

/// The script that runs.
#[derive(Debug)]
pub struct Running {
    /// What it is.
    pub kind: Kind,
    /// Its digest, or the function's name.
    pub name: Vec<u8>,
    /// When it began.
    pub began: Timestamp,
    /// It may not write.
    pub is_read_only: bool,
    /// It may write when there is no memory.
    pub allows_oom: bool,
    /// It has written.
    pub has_written: bool,
    /// It is to end.
    pub is_killed: bool,
}

/// What scripts take, for INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Scripts that are kept.
    pub script_count: u64,
    /// Scripts that made room for others.
    pub evicted_count: u64,
    /// Bytes of the scripts' machine.
    pub machine_bytes: u64,
    /// Bytes of their texts and of what is kept about them.
    pub script_bytes: u64,
    /// Libraries.
    pub library_count: u64,
    /// Their functions.
    pub function_count: u64,
    /// Bytes of the functions' machine.
    pub library_machine_bytes: u64,
    /// Bytes of their texts and of what is kept about them.
    pub library_bytes: u64,
}

/// See the module header.
pub struct Scripts {
    limit_bytes: usize,
    machine: Option<Machine>,
    cache: Cache,
    libraries: Libraries,
    asked: Option<Asked>,
    asked_name: Vec<u8>,
    running: Option<Running>,
    /// Bytes of the machine after the last time all garbage was gone.
    settled_bytes: usize,
}

impl Scripts {
    /// No scripts. `hash_seed` should be random where bodies come from strangers.
    pub fn new(hash_seed: u64) -> Self {
        Self {
            limit_bytes: usize::MAX,
            machine: None,
            cache: Cache::new(hash_seed),
            libraries: Libraries::default(),
            asked: None,
            asked_name: Vec::new(),
            running: None,
            settled_bytes: 0,
        }
    }

    /// Sets how many bytes each machine may take.
    pub fn set_limit_bytes(&mut self, bytes: usize) {
        self.limit_bytes = bytes;
        let machines = [&mut self.machine, &mut self.libraries.machine];
        for machine in machines.into_iter().flatten() {
            machine.set_limit_bytes(bytes);
        }
    }

    fn machine(&mut self) -> Result<&mut Machine, ReplyError> {
        if self.machine.is_none() {
            let machine = Machine::new(self.limit_bytes, SCRIPT_REDIS_VERSION, false);
            self.machine = Some(machine.map_err(|failure| failed(b"ERR ", failure))?);
        }
        Ok(self.machine.as_mut().expect("it was made above"))
    }

    /// The slot of a script by its text; compiles it if it was not seen before.
    ///
    /// # Errors
    /// Redis's words for what is wrong with it.
    #[inline]
    pub fn find_or_compile(&mut self, body: &[u8]) -> Result<usize, ReplyError> {
        match self.cache.find_body(body) {
            Some(slot) => Ok(slot),
            None => self.compile(body, false),
        }
    }

    #[cold]
    fn compile(&mut self, body: &[u8], is_loaded: bool) -> Result<usize, ReplyError> {
        let (flags, skipped_bytes) = flags::of_script(body)?;
        let machine = self.machine()?;
        let function = machine
            .compile(&body[skipped_bytes..], Chunk::Script)
            .map_err(|failure| failed(b"ERR Error compiling script (new function): ", failure))?;
        let mut gone = Vec::new();
        let slot = self.cache.add(body, function, flags, is_loaded, &mut gone);
        let machine = self.machine()?;
        for function in gone {
            machine.forget(function);
        }
        Ok(slot)
    }

    /// As [`Scripts::find_or_compile`], and keeps it until SCRIPT FLUSH.
    ///
    /// # Errors
    /// As there.
    pub fn load(&mut self, body: &[u8]) -> Result<usize, ReplyError> {
        let slot = match self.cache.find_body(body) {
            Some(slot) => slot,
            None => self.compile(body, true)?,
        };
        self.cache.keep(slot);
        Ok(slot)
    }

    /// The slot of a script by the digits of its digest, in any letter case.
    #[inline]
    pub fn find_name(&mut self, name: &[u8]) -> Option<usize> {
        self.cache.find_digest(&digest_of(name)?)
    }

    /// The script of a slot.
    #[inline]
    pub fn script(&self, slot: usize) -> &Script {
        self.cache.get(slot)
    }

    /// Forgets all scripts, and closes their machine. O(the machine's memory).
    pub fn flush(&mut self) {
        self.cache.clear();
        // A machine has nothing but the scripts; the next one is as new.
        self.machine = None;
        self.settled_bytes = 0;
    }

    /// Wants a script run when the handler has returned.
    pub fn ask(&mut self, asked: Asked, name: &[u8]) {
        self.asked_name.clear();
        self.asked_name.extend_from_slice(name);
        self.asked = Some(asked);
    }

    /// Takes what the handler asked for.
    #[inline]
    pub fn take_asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }

    /// The script that runs.
    pub fn running(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// The script that runs, for the driver to note what it did.
    pub fn running_mut(&mut self) -> Option<&mut Running> {
        self.running.as_mut()
    }

    /// Begins what was asked for.
    pub fn start(
        &mut self,
        asked: Asked,
        args: Args<'_>,
        dialect: Dialect,
        reply_bytes_max: usize,
        now: Timestamp,
    ) -> Step {
        let declared = !asked.flags.has(ScriptFlags::UNDECLARED);
        let name = self.asked_name.clone();
        self.running = Some(Running {
            kind: asked.kind,
            name,
            began: now,
            is_read_only: asked.is_read_only
                || (declared && asked.flags.has(ScriptFlags::NO_WRITES)),
            allows_oom: declared && asked.flags.has(ScriptFlags::ALLOW_OOM),
            has_written: false,
            is_killed: false,
        });
        let run = Run {
            function: asked.function,
            name: &self.asked_name,
            args,
            first_key: asked.first_key,
            key_count: asked.key_count,
            dialect,
            reply_bytes_max,
            is_function: asked.kind == Kind::Function,
        };
        let machine = match asked.kind {
            Kind::Script => &mut self.machine,
            Kind::Function => &mut self.libraries.machine,
        };
        let machine = machine
            .as_mut()
            .expect("it has compiled what was asked for");
        machine.set_clock_us(now.monotonic_us);
        machine.start(&run)
    }

    fn active(&mut self) -> &mut Machine {
        let running = self.running.as_ref().expect("a script runs");
        let machine = match running.kind {
            Kind::Script => &mut self.machine,
            Kind::Function => &mut self.libraries.machine,
        };
        machine.as_mut().expect("the script runs on it")
    }

    /// The libraries.
    pub fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    /// Adds a library; returns its name. With `replaces` one of the same name goes.
    ///
    /// # Errors
    /// Redis's words for what is wrong; then nothing has changed.
    pub fn load_library(&mut self, code: &[u8], replaces: bool) -> Result<Box<[u8]>, ReplyError> {
        self.libraries.load(code, replaces, self.limit_bytes)
    }

    /// Adds a library of a snapshot, over one of the same name; what can't be loaded is kept
    /// without its functions.
    ///
    /// # Errors
    /// Why it is only kept.
    pub fn restore_library(&mut self, code: &[u8]) -> Result<(), ReplyError> {
        self.libraries.restore(code, self.limit_bytes)
    }

    /// Removes a library; false if there is none of that name.
    pub fn delete_library(&mut self, name: &[u8]) -> bool {
        self.libraries.delete(name)
    }

    /// Removes all libraries, and closes their machine. O(the machine's memory).
    pub fn flush_libraries(&mut self) {
        self.libraries.clear();
    }

    /// Puts libraries in place of all there are; those that were there are returned.
    pub fn replace_libraries(&mut self, libraries: Libraries) -> Libraries {
        std::mem::replace(&mut self.libraries, libraries)
    }

    /// The bytes that each machine may take.
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    /// Goes on after a slice.
    pub fn go_on(&mut self) -> Step {
        self.active().go_on()
    }

    /// Goes on after a call with its reply.
    pub fn answer(&mut self, reply: &[u8]) -> Step {
        self.active().answer(reply)
    }

    /// What the script wants run, whether it only asks if it might, and whether it wants the reply
    /// in version 3.
    pub fn take_request(&mut self) -> (ArgsBuffer, bool, bool) {
        let machine = self.active();
        let (request, asks_for_right) = machine.take_request();
        (request, asks_for_right, machine.is_resp3())
    }

    /// Gives the memory of a request back.
    pub fn return_request(&mut self, request: ArgsBuffer) {
        self.active().return_request(request);
    }

    /// The reply of the script that has ended; `None` if it would have been too long.
    pub fn reply(&mut self) -> Option<&[u8]> {
        self.active().reply()
    }

    /// Whether that reply is an error that no command has been counted for.
    pub fn has_new_error(&mut self) -> bool {
        self.active().has_new_error()
    }

    /// Ends the run whose reply was read.
    pub fn end(&mut self) {
        self.active().clear_reply();
        self.running = None;
    }

    /// Drops the script that runs, where it stands, and its machine.
    pub fn abandon(&mut self) {
        match self.running.take().map(|running| running.kind) {
            Some(Kind::Script) => self.flush(),
            Some(Kind::Function) => self.flush_libraries(),
            None => {}
        }
    }

    /// Ends the script that runs with an error, when it goes on.
    pub fn kill(&mut self) {
        if let Some(running) = &mut self.running {
            running.is_killed = true;
        }
        self.active().kill();
    }

    /// What scripts and functions wanted to log since the last call.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        let machines = [&mut self.machine, &mut self.libraries.machine];
        let machines = machines.into_iter().flatten();
        machines.flat_map(Machine::take_log).collect()
    }

    /// Whether there is garbage worth collecting while there is time.
    #[inline]
    pub fn has_garbage(&self) -> bool {
        let used_bytes = self.machine.as_ref().map_or(0, Machine::used_bytes);
        self.running.is_none() && used_bytes > 2 * self.settled_bytes + IDLE_BYTES_MIN
    }

    /// Collects a bounded part of it.
    pub fn collect_some(&mut self) {
        if let Some(machine) = &mut self.machine
            && machine.collect_some()
        {
            self.settled_bytes = machine.used_bytes();
        }
    }

    /// What scripts take.
    pub fn figures(&self) -> Figures {
        Figures {
            script_count: self.cache.len() as u64,
            evicted_count: self.cache.evicted_count,
            machine_bytes: used_bytes(&self.machine),
            script_bytes: self.cache.used_bytes() as u64,
            library_count: self.libraries.iter().len() as u64,
            function_count: self.libraries.function_count() as u64,
            library_machine_bytes: used_bytes(&self.libraries.machine),
            library_bytes: self.libraries.used_bytes() as u64,
        }
    }
}

fn used_bytes(machine: &Option<Machine>) -> u64 {
    machine.as_ref().map_or(0, Machine::used_bytes) as u64
}

fn failed(before: &[u8], failure: Failure) -> ReplyError {
    ReplyError::from_bytes([before, &failure.0].concat())
}

/// The digest that 40 hexadecimal digits stand for.
fn digest_of(name: &[u8]) -> Option<[u8; 20]> {
    let mut digest = [0; 20];
    if name.len() != 40 {
        return None;
    }
    for (byte, digits) in digest.iter_mut().zip(name.chunks_exact(2)) {
        let value = |digit: u8| (digit as char).to_digit(16);
        *byte = (value(digits[0])? << 4 | value(digits[1])?) as u8;
    }
    Some(digest)
}
