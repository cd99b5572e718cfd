//! Parts of the server binary that are more than a call into the library.
//!
//! - `log_file`: where log lines go, so that the loop never waits for them
//!
//! Not here: what the arguments mean (`config/command_line.rs`), the server (`server/`).

pub(crate) mod log_file;
