//! What a machine is asked to compile and to run, whether there is one or not.
//!
//! Not here: the machine (`machine.rs`, `absent.rs`), what becomes of a run (`step.rs`).

use crate::protocol::reply::Dialect;

/// Bytes of a text that is compiled: at this length it takes a tenth of a second, in one turn.
pub const SOURCE_BYTES_MAX: usize = 1 << 20;

/// A compiled function of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function(pub(super) i32);

/// How a function is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What.
    pub function: Function,
    /// How error texts name it.
    pub name: &'a [u8],
    /// Which argument of the request is the first key.
    pub first_key: usize,
    /// How many keys there are; the other arguments follow.
    pub key_count: usize,
    /// How the reply is written.
    pub dialect: Dialect,
    /// The length that the reply may have, in bytes.
    pub reply_bytes_max: usize,
    /// Whether keys and arguments are its parameters instead of globals.
    pub is_function: bool,
}

/// Why nothing was compiled, loaded or made: a text without a code.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure(pub Vec<u8>);

/// What a text is compiled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// A script, called `user_script` in errors.
    Script,
    /// A library, called `user_function`.
    Library,
}
