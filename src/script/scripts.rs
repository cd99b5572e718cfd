//! All scripts of a cache, and the one that runs.
//!
//! ```text
//!  handler ─▶ find or compile ─▶ ask(Asked) ─▶ the engine: begin, lend ─▶ … ─▶ take back, end
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
use super::{Chunk, Failure, Function, LogLine, Machine, Retired, Run, SCRIPT_REDIS_VERSION};
use crate::base::clock::Timestamp;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;
use std::collections::VecDeque;

/// Garbage that is left to Lua's own collector, in bytes.
const IDLE_BYTES_MIN: usize = 1 << 20;

/// Machines that are taken apart at a time.
const RETIRED_MAX: usize = 4;

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
    /// Bytes of the scripts' machine, and of those that are taken apart.
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
    /// Machines that are taken apart.
    retired: VecDeque<Retired>,
    cache: Cache,
    libraries: Libraries,
    asked: Option<Asked>,
    asked_name: Vec<u8>,
    running: Option<Running>,
    /// What a machine that is lent took when it was.
    lent_bytes: usize,
    /// Scripts may call what tests need of commands that are not for scripts.
    pub may_debug: bool,
    /// Bytes of the machine after the last time all garbage was gone.
    settled_bytes: usize,
}

impl Scripts {
    /// No scripts. `hash_seed` should be random where bodies come from strangers.
    pub fn new(hash_seed: u64) -> Self {
        Self {
            limit_bytes: usize::MAX,
            machine: None,
            retired: VecDeque::new(),
            cache: Cache::new(hash_seed),
            libraries: Libraries::default(),
            asked: None,
            asked_name: Vec::new(),
            running: None,
            lent_bytes: 0,
            may_debug: false,
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
        self.cache.find_name(name)
    }

    /// The script of a slot.
    #[inline]
    pub fn script(&self, slot: usize) -> &Script {
        self.cache.get(slot)
    }

    /// Forgets all scripts. Their machine is taken apart in steps. O(scripts).
    pub fn flush(&mut self) {
        self.cache.clear();
        // A machine has nothing but the scripts; the next one is as new.
        let machine = self.machine.take();
        self.retire(machine);
        self.settled_bytes = 0;
    }

    /// Has a machine taken apart in steps.
    fn retire(&mut self, machine: Option<Machine>) {
        if self.retired.len() >= RETIRED_MAX {
            // Whoever flushes faster than memory comes back waits for it.
            self.retired.pop_front();
        }
        self.retired.extend(machine.and_then(Retired::new));
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

    /// Makes what was asked for the script that runs; [`Scripts::lend`] then gives the machine that
    /// is to be started.
    pub fn begin(
        &mut self,
        asked: Asked,
        dialect: Dialect,
        reply_bytes_max: usize,
        now: Timestamp,
    ) {
        let declared = !asked.flags.has(ScriptFlags::UNDECLARED);
        // It is given back at the end.
        let name = std::mem::take(&mut self.asked_name);
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
        let name = self.running.as_ref().map(|running| &running.name[..]);
        let run = Run {
            function: asked.function,
            name: name.unwrap_or_default(),
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
        machine.prepare(&run);
    }

    /// Lends the machine of the script that runs, so that the commands of the script find
    /// everything else here. To be given back by [`Scripts::take_back`].
    pub fn lend(&mut self) -> Machine {
        let kind = self.running.as_ref().expect("a script runs").kind;
        let machine = self.machine_of(kind).take();
        let machine = machine.expect("nobody else has borrowed it");
        self.lent_bytes = machine.used_bytes();
        machine
    }

    /// Takes a machine back that [`Scripts::lend`] gave.
    pub fn take_back(&mut self, machine: Machine) {
        let kind = self.running.as_ref().expect("a script runs").kind;
        *self.machine_of(kind) = Some(machine);
        self.lent_bytes = 0;
    }

    fn machine_of(&mut self, kind: Kind) -> &mut Option<Machine> {
        match kind {
            Kind::Script => &mut self.machine,
            Kind::Function => &mut self.libraries.machine,
        }
    }

    fn active(&mut self) -> &mut Machine {
        let kind = self.running.as_ref().expect("a script runs").kind;
        let machine = self.machine_of(kind).as_mut();
        machine.expect("the script runs on it")
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

    /// Removes all libraries. Their machine is taken apart in steps. O(functions).
    pub fn flush_libraries(&mut self) {
        self.replace_libraries(Libraries::default());
    }

    /// Puts libraries in place of all there are, which go as with [`Scripts::flush_libraries`].
    pub fn replace_libraries(&mut self, libraries: Libraries) {
        let mut old = std::mem::replace(&mut self.libraries, libraries);
        self.retire(old.machine.take());
    }

    /// The bytes that each machine may take.
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
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
        if let Some(running) = self.running.take() {
            self.asked_name = running.name;
        }
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

    /// Whether scripts or functions wanted to log something since [`Scripts::take_log`].
    #[inline]
    pub fn has_log(&self) -> bool {
        let has_log = |machine: &Option<Machine>| machine.as_ref().is_some_and(Machine::has_log);
        has_log(&self.machine) || has_log(&self.libraries.machine)
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
        let is_dirty = used_bytes > 2 * self.settled_bytes + IDLE_BYTES_MIN;
        !self.retired.is_empty() || (self.running.is_none() && is_dirty)
    }

    /// Collects a bounded part of it.
    pub fn collect_some(&mut self) {
        if let Some(retired) = self.retired.front_mut() {
            if retired.step() {
                self.retired.pop_front();
            }
            return;
        }
        if let Some(machine) = &mut self.machine
            && machine.collect_some()
        {
            self.settled_bytes = machine.used_bytes();
        }
    }

    fn retired_bytes(&self) -> u64 {
        let bytes = self.retired.iter().map(Retired::used_bytes);
        bytes.sum::<usize>() as u64
    }

    /// The bytes of a machine; of one that is lent, what it had then.
    fn used_bytes(&self, kind: Kind) -> u64 {
        let machine = match kind {
            Kind::Script => &self.machine,
            Kind::Function => &self.libraries.machine,
        };
        let is_running = |running: &Running| running.kind == kind;
        let bytes = match machine {
            Some(machine) => machine.used_bytes(),
            None if self.running.as_ref().is_some_and(is_running) => self.lent_bytes,
            None => 0,
        };
        bytes as u64
    }

    /// What scripts take.
    pub fn figures(&self) -> Figures {
        Figures {
            script_count: self.cache.len() as u64,
            evicted_count: self.cache.evicted_count,
            machine_bytes: self.used_bytes(Kind::Script) + self.retired_bytes(),
            script_bytes: self.cache.used_bytes() as u64,
            library_count: self.libraries.iter().len() as u64,
            function_count: self.libraries.function_count() as u64,
            library_machine_bytes: self.used_bytes(Kind::Function),
            library_bytes: self.libraries.used_bytes() as u64,
        }
    }
}

fn failed(before: &[u8], failure: Failure) -> ReplyError {
    ReplyError::from_bytes([before, &failure.0].concat())
}
