//! Rank 2: scripts of Lua 5.1: the machine they run on, and what stands around it.
//!
//! ```text
//!  body ─▶ Scripts: seen before? ─▶ Function ─▶ start ─┬▶ Call: the driver runs a command
//!             (`cache.rs`)                   ▲    ▲    ├▶ Slice: it may do others
//!                                            │    └────┘   go_on, answer
//!                                            └──────── Done: the reply
//! ```
//!
//! The driver is the engine. A script never calls it: it stops on its own stack, with what it wants
//! in a place that both know, and the driver goes on with it when that is done. So the commands of
//! a script run on the engine's stack as those of a client do, and a script can stop for long.
//!
//! Without the feature `scripts` there is a machine that can't be made.
//!
//! Not here: commands (`command/scripting/`), what a script's calls pass (`engine/scripts/`).

#[cfg(not(feature = "scripts"))]
mod absent;
#[cfg(feature = "scripts")]
mod argument_tables;
#[cfg(feature = "scripts")]
mod base_library;
#[cfg(feature = "scripts")]
mod bytecode;
mod cache;
#[cfg(feature = "scripts")]
mod fiber;
#[cfg(feature = "scripts")]
mod fields;
pub mod flags;
mod function_libraries;
mod host;
#[cfg(feature = "scripts")]
mod interface;
#[cfg(feature = "scripts")]
mod invoke;
#[cfg(feature = "scripts")]
mod libraries;
#[cfg(feature = "scripts")]
mod machine;
#[cfg(feature = "scripts")]
mod memory;
mod names;
#[cfg(feature = "scripts")]
mod raise;
#[cfg(feature = "scripts")]
mod random;
#[cfg(feature = "scripts")]
mod register;
mod run;
#[cfg(feature = "scripts")]
mod sandbox;
mod scripts;
#[cfg(feature = "scripts")]
mod shared;
#[cfg(feature = "scripts")]
mod stack;
mod step;
#[cfg(feature = "scripts")]
mod to_lua;
#[cfg(feature = "scripts")]
mod to_reply;

#[cfg(not(feature = "scripts"))]
pub use absent::{Declared, Machine, Retired};
pub use cache::{EVAL_SCRIPTS_MAX, Script};
pub use function_libraries::{Libraries, Library, LibraryFunction, names_library};
pub use host::{Call, Host};
#[cfg(feature = "scripts")]
pub use machine::{Machine, Retired};
pub use run::{Chunk, Failure, Function, Run, SOURCE_BYTES_MAX};
pub use scripts::{Asked, Figures, Kind, Running, Scripts};
#[cfg(feature = "scripts")]
pub use shared::Declared;
pub use step::{LogLine, Step};

/// The version of Redis that scripts are told; a test compares it with that of INFO.
pub const SCRIPT_REDIS_VERSION: &str = "7.4.0";

/// The digits of a digest.
fn hexadecimal(digest: &[u8; 20]) -> [u8; 40] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 40];
    for (digits, byte) in text.chunks_exact_mut(2).zip(digest) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}
