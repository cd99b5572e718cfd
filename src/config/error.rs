//! What can be wrong with a configuration, as types whose `Display` is the one line to print.
//!
//! ```text
//! ConfigError = place + fault    evenkeel.conf:12: unknown parameter 'foo' in 'foo bar'
//! SetError    = reply text       CONFIG SET failed (possibly related to argument 'port') - …
//! BadValue    = the reason       argument must be between 0 and 65535 inclusive
//! ```
//!
//! 1. An error repeats at most a bounded number of bytes from outside, on one line (`text.rs`).
//! 2. No error repeats the value of a secret parameter, so a password never reaches a log through
//!    one; the text of a line is left out where it may hold a password (`file.rs`).
//! 3. `SetError` and `BadValue` use the words of Redis 7.0.15, which clients may show or match; a
//!    question after them names the parameter that was probably meant (`suggestion.rs`).
//!
//! Not here: who raises them (`value.rs`, `file.rs`, `command_line.rs`, `access.rs`).

use std::error::Error;
use std::fmt;

/// Why the words given for a parameter are not a value of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadValue {
    /// More or fewer words than the parameter takes.
    WrongCount,
    /// Neither `yes` nor `no`.
    NotBoolean,
    /// Not a decimal integer that fits 64 bits.
    NotInteger,
    /// Not a number of bytes with an optional unit.
    NotMemory,
    /// Neither a number of bytes with an optional unit nor a percentage.
    NotMemoryOrPercent,
    /// Not an octal number.
    NotOctal,
    /// A number outside the range, both ends of which are allowed.
    OutOfRange {
        /// Smallest allowed value.
        min: i128,
        /// Largest allowed value.
        max: i128,
    },
    /// An octal number outside the range, printed in octal.
    OutOfOctalRange {
        /// Largest allowed value; the smallest is 0.
        max: u32,
    },
    /// None of the listed names.
    NotListed(&'static [&'static str]),
    /// A rule of this one parameter.
    Rule(&'static str),
}

impl fmt::Display for BadValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadValue::WrongCount => out.write_str("wrong number of arguments"),
            BadValue::NotBoolean => out.write_str("argument must be 'yes' or 'no'"),
            BadValue::NotInteger => out.write_str("argument couldn't be parsed into an integer"),
            BadValue::NotMemory => out.write_str("argument must be a memory value"),
            BadValue::NotMemoryOrPercent => {
                out.write_str("argument must be a memory or percent value")
            }
            BadValue::NotOctal => out.write_str("argument couldn't be parsed as an octal number"),
            BadValue::OutOfRange { min, max } => {
                write!(out, "argument must be between {min} and {max} inclusive")
            }
            BadValue::OutOfOctalRange { max } => {
                write!(out, "argument must be between 0 and {max:o} inclusive")
            }
            BadValue::NotListed(names) => {
                let names = names.join(", ");
                write!(out, "argument(s) must be one of the following: {names}")
            }
            BadValue::Rule(rule) => out.write_str(rule),
        }
    }
}

impl Error for BadValue {}

/// Where a faulty setting was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A line of a configuration file.
    File {
        /// The file's name as the user gave it.
        name: String,
        /// Line number, counted from 1.
        line: usize,
        /// The beginning of the line; empty where it is not to be shown.
        text: String,
    },
    /// A file, and no line of it.
    WholeFile {
        /// The file's name as the user gave it.
        name: String,
    },
    /// The environment variable with this name.
    Environment(String),
    /// An argument of the program.
    CommandLine,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { name, line, .. } => write!(out, "{name}:{line}"),
            Place::WholeFile { name } => out.write_str(name),
            Place::Environment(variable) => write!(out, "environment variable {variable}"),
            Place::CommandLine => out.write_str("command line"),
        }
    }
}

/// A name that no parameter has. `Display` is `'bidn', did you mean 'bind'?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The name as it was given, at most a bounded number of bytes of it.
    pub shown: String,
    /// The parameter that it resembles, if there is one.
    pub closest: Option<&'static str>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "'{}'", self.shown)?;
        match self.closest {
            Some(closest) => write!(out, ", did you mean '{closest}'?"),
            None => Ok(()),
        }
    }
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No row has this name or alias.
    UnknownParameter(UnknownName),
    /// The named parameter does not take these words.
    BadValue {
        /// The parameter's canonical name.
        name: &'static str,
        /// Why not.
        reason: BadValue,
    },
    /// A quote is not closed, or is followed directly by more text.
    UnbalancedQuotes,
    /// The directive is known from Redis and not offered here.
    UnsupportedDirective(&'static str),
    /// The argument that wants a configuration file has none.
    MissingFile,
    /// An `include` without a path, or with several.
    IncludeTakesOnePath,
    /// An `include` with a pattern in the name of a directory.
    PatternInDirectory,
    /// A file that is included while it is read.
    IncludeCycle(String),
    /// This file would be one too many, or one too deep.
    TooManyIncludes(String),
    /// A file that can't be read.
    Unreadable {
        /// Its path.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// No lines of this file could give the parameter its value.
    CannotWrite(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::UnknownParameter(name) => write!(out, "unknown parameter {name}"),
            Fault::BadValue { name, reason } => write!(out, "bad value for '{name}': {reason}"),
            Fault::UnbalancedQuotes => out.write_str("unbalanced quotes"),
            Fault::UnsupportedDirective(name) => write!(out, "'{name}' is not supported"),
            Fault::MissingFile => out.write_str("--check-config wants a configuration file"),
            Fault::IncludeTakesOnePath => out.write_str("'include' takes one path"),
            Fault::PatternInDirectory => {
                out.write_str("a pattern is taken only in the last part of a path")
            }
            Fault::IncludeCycle(path) => write!(out, "{path} is included by itself"),
            Fault::TooManyIncludes(path) => {
                write!(out, "too many files are included, at {path}")
            }
            Fault::Unreadable { path, reason } => write!(out, "cannot read {path}: {reason}"),
            Fault::CannotWrite(name) => write!(out, "cannot write '{name}' into it"),
        }
    }
}

/// The first thing wrong with a configuration file or command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where it was written; boxed, so that results stay small.
    pub place: Box<Place>,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.fault)?;
        match &*self.place {
            Place::File { text, .. } if !text.is_empty() => write!(out, " in '{text}'"),
            Place::File { .. }
            | Place::WholeFile { .. }
            | Place::Environment(_)
            | Place::CommandLine => Ok(()),
        }
    }
}

impl Error for ConfigError {}

/// What `CONFIG SET` answers, without its `ERR ` prefix, when a value can't be put into force.
pub fn set_failed(name: &str, reason: &dyn fmt::Display) -> String {
    format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}")
}

/// Why a `CONFIG SET` changed nothing. `Display` is the reply without its `ERR ` prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// A name without a value.
    Syntax,
    /// No row has this name or alias.
    UnknownParameter(UnknownName),
    /// The parameter, spelled as the client did, cannot be changed at run time.
    Immutable(String),
    /// The parameter, spelled as the client did, was given before in the same call.
    Duplicate(String),
    /// The parameter does not take this value.
    BadValue {
        /// The parameter, spelled as the client did.
        name: String,
        /// Why not.
        reason: BadValue,
    },
}

impl fmt::Display for SetError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut failed =
            |name: &str, reason: &dyn fmt::Display| out.write_str(&set_failed(name, reason));
        match self {
            SetError::Immutable(name) => failed(name, &"can't set immutable config"),
            SetError::Duplicate(name) => failed(name, &"duplicate parameter"),
            SetError::BadValue { name, reason } => failed(name, reason),
            SetError::Syntax => out.write_str("syntax error"),
            SetError::UnknownParameter(name) => {
                write!(
                    out,
                    "Unknown option or number of arguments for CONFIG SET - {name}"
                )
            }
        }
    }
}

impl Error for SetError {}
