//! Why the configuration of TLS can't be used.
//!
//! Not here: handshakes that fail (`handshakes.rs`).

use std::fmt;
use std::path::Path;

/// Why the configuration of TLS can't be used.
#[derive(Debug)]
pub struct TlsError {
    what: String,
    reason: String,
}

impl TlsError {
    pub(super) fn new(what: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            reason: reason.to_string(),
        }
    }

    /// What the system says.
    pub(super) fn of_system(error: std::io::Error) -> Self {
        Self::new("the thread of handshakes", error)
    }

    pub(super) fn of_file(parameter: &str, path: &Path, reason: impl fmt::Display) -> Self {
        Self::new(format_args!("{parameter} {}", path.display()), reason)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TLS: {}: {}", self.what, self.reason)
    }
}

impl std::error::Error for TlsError {}
