//! What type a value has, and the answer to a command on a key of another type.
//!
//! Not here: how an entry stores the kind (`keyspace/entry.rs`).

use crate::protocol::error::ReplyError;
use std::fmt;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Text, or an integer that needs no text.
    String = 0,
}

impl Kind {
    /// The name that TYPE answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
        }
    }
}

/// A key holds a value of another type than a command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

impl fmt::Display for WrongType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the key holds a value of another type")
    }
}

impl std::error::Error for WrongType {}

impl From<WrongType> for ReplyError {
    fn from(_: WrongType) -> Self {
        Self::WRONGTYPE
    }
}
