//! What can be wrong with the bytes of RDB, and where.

use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RdbError {
    /// Offset of the first byte that could not be taken.
    pub offset: u64,
    /// What is wrong there.
    pub reason: Reason,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not begin as a file of Redis or Valkey does.
    NotRdb,
    /// It ends too early.
    Truncated,
    /// The checksum at its end does not match.
    Checksum,
    /// A type of values that is not known, of this key.
    UnknownType(u8, Vec<u8>),
    /// The value of a module, of this key.
    ModuleValue(Vec<u8>),
    /// Something between keys that is not known.
    UnknownCode(u8),
    /// A length or a string has a form that there is not.
    BadLength,
    /// A string is longer than one may be.
    TooLong,
    /// A compressed string does not unpack to what it says.
    BadCompression,
    /// A string that holds many items does not.
    BadPacked,
    /// A score is not a number.
    BadScore,
    /// A field's deadline is none.
    BadDeadline,
    /// A member or field comes twice.
    Repeated,
    /// A collection without elements.
    Empty,
    /// A stream contradicts itself.
    BadStream,
    /// A value of a module is malformed.
    BadModule,
    /// A library of functions could not be loaded.
    BadFunction(Vec<u8>),
    /// A key belongs to a database that is not there.
    NoSuchDatabase(u64),
    /// Bytes follow the end.
    Trailing,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NotRdb => "not an RDB file",
            Self::Truncated => "it ends too early",
            Self::Checksum => "the checksum does not match",
            Self::UnknownType(kind, key) => {
                let key = key.escape_ascii();
                return write!(
                    formatter,
                    "the key \"{key}\" has a value of unknown type {kind}"
                );
            }
            Self::ModuleValue(key) => {
                let key = key.escape_ascii();
                return write!(formatter, "the key \"{key}\" has the value of a module");
            }
            Self::UnknownCode(code) => return write!(formatter, "unknown code {code}"),
            Self::BadLength => "a malformed length",
            Self::TooLong => "a string is too long",
            Self::BadCompression => "a malformed compressed string",
            Self::BadPacked => "a malformed packed collection",
            Self::BadScore => "a score is not a number",
            Self::BadDeadline => "a malformed deadline of a field",
            Self::Repeated => "a collection has an element twice",
            Self::Empty => "a collection has no elements",
            Self::BadStream => "a malformed stream",
            Self::BadModule => "a malformed value of a module",
            Self::BadFunction(why) => {
                let why = why.escape_ascii();
                return write!(formatter, "a library of functions can't be loaded: {why}");
            }
            Self::NoSuchDatabase(number) => {
                return write!(
                    formatter,
                    "keys of database {number}, which does not exist here (see databases)"
                );
            }
            Self::Trailing => "bytes after the end",
        };
        formatter.write_str(text)
    }
}

impl fmt::Display for RdbError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::NotRdb => self.reason.fmt(formatter),
            _ => write!(formatter, "{} at offset {}", self.reason, self.offset),
        }
    }
}

impl std::error::Error for RdbError {}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// More bytes are needed.
    More,
    /// No bytes would help.
    Bad(Reason),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Bad(reason)
    }
}
