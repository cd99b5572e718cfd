//! Whether a server knows the commands of a row: one that it does not know is said, and is no
//! failure.
//!
//! ```text
//! COMMAND INFO name ──▶ [nil]           unknown     an array and its one null: 2 values
//!                   └─▶ [[name, arity …]]  known    more values
//! ```
//!
//! Not here: how reports say it (`report.rs`).

use std::error::Error;
use std::fmt;
use std::io;

use crate::resp_client::Client;

/// Values of an answer about a command that the server does not know.
const VALUES_OF_UNKNOWN: u64 = 2;

/// The server lacks a command of the row.
#[derive(Debug)]
pub(crate) struct UnknownCommand {
    name: String,
}

impl fmt::Display for UnknownCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the server does not know {}", self.name)
    }
}

impl Error for UnknownCommand {}

/// Whether the error says that the server lacks a command.
pub(crate) fn is_unknown_command(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<UnknownCommand>())
}

/// Asks the server for each command.
///
/// # Errors
/// An [`UnknownCommand`] for the first that it does not know.
pub(crate) fn require(client: &mut Client, names: &[&str]) -> io::Result<()> {
    for name in names {
        let values = client.call_values(&[b"COMMAND", b"INFO", name.as_bytes()])?;
        if values <= VALUES_OF_UNKNOWN {
            return Err(io::Error::other(UnknownCommand {
                name: (*name).to_owned(),
            }));
        }
    }
    Ok(())
}
