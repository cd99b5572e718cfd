//! What identifies a run: the machine, the versions of the servers, the commit and the date.
//!
//! Everything comes from `/proc` or from a program's output; what is missing reads "unknown".
//! Not here: the figures (`report.rs`).

use std::ffi::OsStr;
use std::fs;
use std::process::Command;

/// Model of the processor, number of cores, kernel and memory, on one line.
pub(crate) fn description() -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = value_after(&cpu_info, "model name").unwrap_or("unknown processor");
    let cores = cpu_info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = value_after(&memory, "MemTotal").unwrap_or("unknown");
    format!(
        "{model}, {cores} cores, {memory} of memory, Linux {}",
        kernel.trim()
    )
}

/// Load average of the last minute: above a few tenths, others use the machine too.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next();
    first.unwrap_or("unknown").to_owned()
}

/// Date and time in UTC, to the minute.
pub(crate) fn date() -> String {
    first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"])
}

/// The commit of the sources, marked when they differ from it.
pub(crate) fn commit() -> String {
    first_line("git", &["describe", "--always", "--dirty"])
}

/// The first line that `program --version` prints.
pub(crate) fn version(program: &OsStr) -> String {
    first_line(program, &["--version"])
}

fn first_line(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    match text.unwrap_or_default().lines().next() {
        Some(line) if !line.is_empty() => line.to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// The text after the first `name` and its colon.
fn value_after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
