//! Parts of the server binary that are more than a call into the library.
//!
//! - `configuration`: where the configuration comes from, at the start and again on SIGHUP
//! - `log_file`: where log lines go, so that the loop never waits for them
//!
//! Not here: what the arguments mean (`config/command_line.rs`), the server (`server/`).

pub(crate) mod configuration;
pub(crate) mod log_file;
