//! Child processes of this program that load the server beside the probe.
//!
//! ```text
//! parent: PING probe, normal priority ─┐
//!                                      ├─ core 1
//! child:  load, SCHED_IDLE ────────────┘      prints its seconds when it is done
//! ```
//!
//! The child has the scheduling class "idle", so the probe gets the core at once when an answer
//! arrives; a thread of the parent would share its class and its slices, and look like a stall.
//!
//! Not here: what children do (`stall_actions.rs`, `collection_actions.rs`).

use std::io;
use std::process::{Command, Stdio};

/// Runs this program with the arguments and returns the seconds that it prints.
///
/// # Errors
/// Also where the child fails; it has written why by then.
pub(crate) fn run(arguments: &[String]) -> io::Result<f64> {
    let output = Command::new("chrt")
        .args(["--idle", "0"])
        .arg(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.trim().parse() {
        Ok(seconds) if output.status.success() => Ok(seconds),
        _ => Err(io::Error::other(format!(
            "the load '{}' failed",
            arguments.join(" ")
        ))),
    }
}
