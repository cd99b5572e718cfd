//! Rank 2: scripts of Lua 5.1: the machine they run on, and what stands around it.
//!
//! ```text
//!  body ─▶ Scripts: seen before? ─▶ Function ─▶ Machine::start ─┬▶ Call: the driver runs a command
//!             (`cache.rs`)                        ▲    ▲         ├▶ Slice: the driver may do others
//!                                                 │    └─────────┘   go_on, answer
//!                                                 └──────────────── Done: the reply
//! ```
//!
//! The driver is the engine. A script never calls it: it stops on its own stack, with what it wants
//! in a place that both know, and the driver goes on with it when that is done. So the commands of
//! a script run on the engine's stack as those of a client do, and a script can stop for long.
//!
//! Without the feature `scripts` there is a machine that can't be made.
//!
//! Not here: commands (`command/scripting/`), what a script's calls pass (`engine/scripts/`).

#[cfg(feature = "scripts")]
mod base_library;
#[cfg(feature = "scripts")]
mod fiber;
pub mod flags;
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
#[cfg(feature = "scripts")]
mod raise;
#[cfg(feature = "scripts")]
mod random;
#[cfg(feature = "scripts")]
mod register;
#[cfg(feature = "scripts")]
mod sandbox;
#[cfg(feature = "scripts")]
mod shared;
#[cfg(feature = "scripts")]
mod stack;
#[cfg(feature = "scripts")]
mod to_lua;
#[cfg(feature = "scripts")]
mod to_reply;

#[cfg(feature = "scripts")]
pub use machine::{Chunk, Failure, Function, Machine, Run};
#[cfg(feature = "scripts")]
pub use shared::{Declared, LogLine, Step};
