//! In place of the machine, in a build without the feature `scripts`: one that can't be made.
//!
//! Not here: the machine (`machine.rs`).

use super::flags::ScriptFlags;
use super::host::Host;
use super::run::{Chunk, Failure, Function, Run};
use super::step::{LogLine, Step};
use crate::protocol::args::Args;

/// A function that a library has declared while it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its name.
    pub name: Vec<u8>,
    /// What is said of it, if anything.
    pub description: Option<Vec<u8>>,
    /// Its flags.
    pub flags: ScriptFlags,
}

/// A machine, of which there is none.
pub enum Machine {}

/// A machine that is taken apart, of which there is none either.
pub enum Retired {}

#[allow(missing_docs)] // As those of the one there is.
impl Retired {
    pub fn new(machine: Machine) -> Option<Self> {
        match machine {}
    }

    pub fn used_bytes(&self) -> usize {
        match *self {}
    }

    pub fn step(&mut self) -> bool {
        match *self {}
    }
}

#[allow(clippy::missing_errors_doc, missing_docs)] // As those of the machine there is.
impl Machine {
    pub fn new(_: usize, _: &'static str, _: bool) -> Result<Self, Failure> {
        Err(Failure(b"this server was built without scripts".to_vec()))
    }

    pub fn compile(&mut self, _: &[u8], _: Chunk) -> Result<Function, Failure> {
        match *self {}
    }

    pub fn forget(&mut self, _: Function) {
        match *self {}
    }

    pub fn prepare(&mut self, _: &Run<'_>) {
        match *self {}
    }

    pub fn start(&mut self, _: Args<'_>, _: &mut dyn Host) -> Step {
        match *self {}
    }

    pub fn go_on(&mut self, _: &mut dyn Host) -> Step {
        match *self {}
    }

    pub fn reply(&mut self) -> Option<&[u8]> {
        match *self {}
    }

    pub fn has_new_error(&mut self) -> bool {
        match *self {}
    }

    pub fn clear_reply(&mut self) {
        match *self {}
    }

    pub fn kill(&mut self) {
        match *self {}
    }

    pub fn set_clock_us(&mut self, _: u64) {
        match *self {}
    }

    pub fn has_log(&self) -> bool {
        match *self {}
    }

    pub fn take_log(&mut self) -> Vec<LogLine> {
        match *self {}
    }

    pub fn begin_library(&mut self) {
        match *self {}
    }

    pub fn end_library(&mut self) -> Vec<(Declared, Function)> {
        match *self {}
    }

    pub fn set_limit_bytes(&mut self, _: usize) {
        match *self {}
    }

    pub fn used_bytes(&self) -> usize {
        match *self {}
    }

    pub fn collect_some(&mut self) -> bool {
        match *self {}
    }
}
