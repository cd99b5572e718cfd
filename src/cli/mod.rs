//! Parts of the server binary that are more than a call into the library.
//!
//! - `check`: `evenkeel check FILE`
//! - `configuration`: where the configuration comes from, at the start and again on SIGHUP
//! - `export`: `evenkeel export FILE RDB`
//! - `import`: `evenkeel import RDB OUT`
//! - `log_file`: where log lines go, so that the loop never waits for them
//! - `ping`: `evenkeel ping`
//! - `salvage`: `evenkeel salvage FILE OUT`
//! - `pid_file`: the file with the process id
//!
//! Not here: what the arguments mean (`config/command_line.rs`), the server (`server/`).

pub(crate) mod check;
pub(crate) mod configuration;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod log_file;
pub(crate) mod pid_file;
pub(crate) mod ping;
pub(crate) mod salvage;

use evenkeel::binary::closest;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What something says to people.
pub(crate) fn text(something: impl Display) -> String {
    something.to_string()
}

/// Writes to standard output.
///
/// # Errors
/// The reason that the operating system gives.
pub(crate) fn print(output: &str) -> Result<(), String> {
    std::io::stdout().write_all(output.as_bytes()).map_err(text)
}

/// Opens a file that is to be read.
///
/// # Errors
/// One line with the file's name.
fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| cannot_read(path, error))
}

fn cannot_read(path: &Path, error: std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

/// What else the binary does than serve, by its first argument.
const COMMANDS: [&str; 5] = ["check", "salvage", "import", "export", "ping"];

/// What is wrong with a first argument that resembles a command and names no file: it would be
/// taken for the configuration.
pub(crate) fn misspelt_command(argument: &[u8]) -> Option<String> {
    if argument.starts_with(b"-") {
        return None;
    }
    let meant = closest(argument, COMMANDS)?;
    let path = path_of(argument);
    (!path.exists()).then(|| {
        let path = path.display();
        format!("no command and no file is named '{path}', did you mean '{meant}'?")
    })
}

/// The path that an argument of the command line names.
pub(crate) fn path_of(argument: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(argument.to_vec()))
}
