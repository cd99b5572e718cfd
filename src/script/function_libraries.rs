//! Libraries of functions: what FUNCTION LOAD was given, on a machine of their own.
//!
//! ```text
//!  #!lua name=lib ─▶ compile ─▶ run, which registers ─┬─▶ Library: code, functions
//!                                                     └─▶ functions by name
//! ```
//!
//! Invariants: a name of a function, in any letter case, is in one library only; a library that
//! can't be loaded changes nothing.
//!
//! Cost: a function is found in O(log functions); loading runs the library's code, for
//! [`LOAD_SLICES_MAX`] slices of instructions at most.
//!
//! Not here: what the code may call meanwhile (`interface.rs`, `register.rs`).

use super::flags::{ScriptFlags, Shebang};
use super::host::{Call, Host};
use super::names::is_name;
use super::step::Step;
use super::{Chunk, Declared, Failure, Function, Machine, Run, SCRIPT_REDIS_VERSION};
use crate::protocol::args::ArgsBuffer;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Slices of instructions that loading a library takes at most: some 50 ms.
const LOAD_SLICES_MAX: u32 = 1_000;

/// A function of a library.
#[derive(Clone, Debug)]
pub struct LibraryFunction {
    /// Its name.
    pub name: Vec<u8>,
    /// What is said of it, if anything.
    pub description: Option<Vec<u8>>,
    /// What it says of itself.
    pub flags: ScriptFlags,
    /// Where the machine has it.
    pub function: Function,
}

/// A library.
#[derive(Debug)]
pub struct Library {
    /// Its text, the first line included.
    pub code: Arc<[u8]>,
    /// Its functions, in the order in which it registered them; none if it is only kept.
    pub functions: Vec<LibraryFunction>,
}

/// All libraries.
#[derive(Default)]
pub struct Libraries {
    pub(super) machine: Option<Machine>,
    by_name: BTreeMap<Box<[u8]>, Library>,
    /// The library of each function, and its place there, by its name in small letters.
    functions: BTreeMap<Vec<u8>, (Box<[u8]>, usize)>,
    code_bytes: usize,
}

impl Libraries {
    /// All libraries, by their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &Library)> {
        self.by_name
            .iter()
            .map(|(name, library)| (&**name, library))
    }

    /// How many functions there are.
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// The bytes of all texts and of what is kept about them.
    pub fn used_bytes(&self) -> usize {
        self.code_bytes
            + self.by_name.len() * size_of::<Library>()
            + self.functions.len() * size_of::<LibraryFunction>()
    }

    /// A function by its name, in any letter case.
    pub fn find(&self, name: &[u8]) -> Option<&LibraryFunction> {
        let (library, index) = self.functions.get(&name.to_ascii_lowercase())?;
        self.by_name.get(library)?.functions.get(*index)
    }

    /// Adds a library; returns its name. With `replaces` one of the same name goes.
    ///
    /// # Errors
    /// Redis's words for what is wrong; then nothing has changed.
    pub fn load(
        &mut self,
        code: &[u8],
        replaces: bool,
        limit_bytes: usize,
    ) -> Result<Box<[u8]>, ReplyError> {
        let (name, skipped_bytes) = metadata(code)?;
        let is_known = self.by_name.contains_key(name);
        if is_known && !replaces {
            return Err(named(b"ERR Library '", name, b"' already exists"));
        }
        let functions = self.register(&code[skipped_bytes..], limit_bytes)?;
        let collision = functions.iter().find(|function| {
            let owner = self.functions.get(&function.name.to_ascii_lowercase());
            owner.is_some_and(|(library, _)| **library != *name)
        });
        let error = match collision {
            Some(function) => named(b"ERR Function ", &function.name, b" already exists"),
            None if functions.is_empty() => ReplyError::fixed("ERR No functions registered"),
            None => {
                self.delete(name);
                return Ok(self.insert(name, code, functions));
            }
        };
        self.forget(&functions);
        Err(error)
    }

    /// Adds a library of a snapshot, over one of the same name. What can't be loaded here is kept
    /// without its functions, so that the next snapshot has it again.
    ///
    /// # Errors
    /// Why it is only kept.
    ///
    /// # Panics
    /// If the text has no name: a loader checks that first.
    pub fn restore(&mut self, code: &[u8], limit_bytes: usize) -> Result<(), ReplyError> {
        let loaded = self.load(code, true, limit_bytes);
        if loaded.is_err() {
            self.keep(code);
        }
        loaded.map(|_| ())
    }

    /// Keeps the text of a library without its functions, over one of the same name.
    ///
    /// # Panics
    /// If the text has no name.
    pub fn keep(&mut self, code: &[u8]) {
        let (name, _) = metadata(code).expect("what is kept has a name");
        self.delete(name);
        self.insert(name, code, Vec::new());
    }

    /// Runs the code of a library, and returns the functions that it has registered.
    fn register(
        &mut self,
        code: &[u8],
        limit_bytes: usize,
    ) -> Result<Vec<LibraryFunction>, ReplyError> {
        if self.machine.is_none() {
            let machine = Machine::new(limit_bytes, SCRIPT_REDIS_VERSION, true);
            self.machine = Some(machine.map_err(|failure| failed(b"ERR ", &failure))?);
        }
        let machine = self.machine.as_mut().expect("it was made above");
        let chunk = machine
            .compile(code, Chunk::Library)
            .map_err(|failure| failed(b"ERR Error compiling function: ", &failure))?;
        machine.begin_library();
        let nothing = ArgsBuffer::default();
        machine.prepare(&Run {
            function: chunk,
            name: b"",
            first_key: 0,
            key_count: 0,
            dialect: Dialect::Resp2,
            reply_bytes_max: usize::MAX,
            is_function: true,
        });
        let mut step = machine.start(nothing.args(), &mut NoHost);
        let mut is_timed_out = false;
        for slice in 0.. {
            match step {
                Step::Done => break,
                Step::Slice if slice >= LOAD_SLICES_MAX => {
                    is_timed_out = true;
                    machine.kill();
                }
                Step::Slice => {}
            }
            step = machine.go_on(&mut NoHost);
        }
        let functions = machine.end_library();
        machine.forget(chunk);
        let reply = machine.reply().unwrap_or_default();
        let error = reply.strip_prefix(b"-").map(|text| {
            let text = match is_timed_out {
                true => b"ERR FUNCTION LOAD timeout",
                false => text.strip_suffix(b"\r\n").unwrap_or(text),
            };
            named(b"ERR Error registering functions: ", text, b"")
        });
        machine.clear_reply();
        let functions = functions.into_iter().map(library_function).collect();
        match error {
            None => Ok(functions),
            Some(error) => {
                self.forget(&functions);
                Err(error)
            }
        }
    }

    fn insert(&mut self, name: &[u8], code: &[u8], functions: Vec<LibraryFunction>) -> Box<[u8]> {
        let name: Box<[u8]> = name.into();
        for (index, function) in functions.iter().enumerate() {
            let place = (name.clone(), index);
            let key = function.name.to_ascii_lowercase();
            self.functions.entry(key).or_insert(place);
        }
        self.code_bytes += code.len();
        let code = code.into();
        let library = Library { code, functions };
        self.by_name.insert(name.clone(), library);
        name
    }

    fn forget(&mut self, functions: &[LibraryFunction]) {
        if let Some(machine) = &mut self.machine {
            for function in functions {
                machine.forget(function.function);
            }
        }
    }

    /// Removes a library; false if there is none of that name.
    pub fn delete(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.by_name.remove(name) else {
            return false;
        };
        self.code_bytes -= library.code.len();
        for function in &library.functions {
            self.functions.remove(&function.name.to_ascii_lowercase());
        }
        self.forget(&library.functions);
        true
    }
}

/// A library that is loaded finds no function that would ask it.
struct NoHost;

impl Host for NoHost {
    fn call(&mut self, _: Call<'_>) -> &[u8] {
        unreachable!("a library that is loaded calls nothing")
    }
}

fn library_function((declared, function): (Declared, Function)) -> LibraryFunction {
    LibraryFunction {
        name: declared.name,
        description: declared.description,
        flags: declared.flags,
        function,
    }
}

/// Whether a text begins as that of a library does, with its name. O(length of the first line).
pub fn names_library(code: &[u8]) -> bool {
    metadata(code).is_ok()
}

/// The name in the first line, and how many bytes of it are not compiled.
fn metadata(code: &[u8]) -> Result<(&[u8], usize), ReplyError> {
    const MISSING: ReplyError = ReplyError::fixed("ERR Missing library metadata");
    const INVALID: ReplyError = ReplyError::fixed("ERR Invalid library metadata");
    const TWICE: ReplyError =
        ReplyError::fixed("ERR Invalid metadata value, name argument was given multiple times");
    const NOT_GIVEN: ReplyError = ReplyError::fixed("ERR Library name was not given");
    const BAD_NAME: ReplyError = ReplyError::fixed(
        "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
    );
    let shebang = Shebang::parse(code).map_err(|_| INVALID)?.ok_or(MISSING)?;
    let engine = &shebang.engine[2..];
    let mut name = None;
    for option in shebang.options {
        let value = option
            .strip_prefix(b"name=")
            .ok_or_else(|| named(b"ERR Invalid metadata value given: ", option, b""))?;
        let value = without_quotes(value);
        if name.replace(value).is_some() {
            return Err(TWICE);
        }
    }
    let name = name.ok_or(NOT_GIVEN)?;
    if !is_name(name) {
        return Err(BAD_NAME);
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(named(b"ERR Engine '", engine, b"' not found"));
    }
    Ok((name, shebang.len))
}

/// A value without the quotes that it may stand in.
fn without_quotes(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => value,
    }
}

fn named(before: &[u8], word: &[u8], after: &[u8]) -> ReplyError {
    ReplyError::from_bytes([before, word, after].concat())
}

fn failed(before: &[u8], failure: &Failure) -> ReplyError {
    named(before, &failure.0, b"")
}
