//! redis-benchmark as a load: its rate, and what the server's CPU has to do for one of its
//! requests.
//!
//! ```text
//! CPU before ── redis-benchmark … ── CPU after      per request = (after − before) / requests
//! ```
//!
//! 1. CPU includes the kernel's work on behalf of the server (system calls), not its interrupts.
//! 2. The last pipelines that redis-benchmark leaves unanswered are counted as CPU, not as
//!    requests: at most connections × depth, the same on both sides.
//!
//! Not here: which requests (`load_requests.rs`, `load_eviction.rs`).

use std::io;
use std::process::{Command, Stdio};

use crate::server_process::ServerProcess;

/// What one run showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// CPU of the server per request, in microseconds.
    pub(crate) total_us: f64,
    /// The share of user mode, in the same unit; exact only over seconds.
    pub(crate) user_us: f64,
    /// Requests per second, as redis-benchmark has it.
    pub(crate) rate: f64,
}

/// Runs redis-benchmark with blank-separated options, and the words of a request that may contain
/// blanks, that send so many requests.
pub(crate) fn measure(
    server: &ServerProcess,
    options: &str,
    words: &[&str],
    requests: u64,
) -> io::Result<Cost> {
    cost(server, requests, || {
        let program = Command::new("redis-benchmark");
        run(program, server.port(), options, words)
    })
}

/// What a load costs the server that sends so many requests and tells its rate.
pub(crate) fn cost(
    server: &ServerProcess,
    requests: u64,
    load: impl FnOnce() -> io::Result<f64>,
) -> io::Result<Cost> {
    let before = server.cpu_time()?;
    let rate = load()?;
    let after = server.cpu_time()?;
    let total_us = (after.total_ns - before.total_ns) as f64 / 1000.0 / requests as f64;
    let user = (after.user_ticks - before.user_ticks) as f64;
    let ticks = user + (after.system_ticks - before.system_ticks) as f64;
    let user_us = total_us * if ticks == 0.0 { 0.0 } else { user / ticks };
    Ok(Cost {
        total_us,
        user_us,
        rate,
    })
}

/// Runs redis-benchmark in the scheduling class "idle", for the reason given in `idle_child.rs`;
/// returns its requests per second.
pub(crate) fn run_idle(port: u16, options: &str) -> io::Result<f64> {
    let mut command = Command::new("chrt");
    command.args(["--idle", "0", "redis-benchmark"]);
    run(command, port, options, &[])
}

fn run(mut command: Command, port: u16, options: &str, words: &[&str]) -> io::Result<f64> {
    let output = command
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "--csv"])
        .args(options.split_whitespace())
        .args(words)
        .stdin(Stdio::null())
        .output()?;
    requests_per_second(&output)
}

/// The second field of the last line of the CSV; an error reply makes redis-benchmark fail.
fn requests_per_second(output: &std::process::Output) -> io::Result<f64> {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text
        .lines()
        .rfind(|line| !line.is_empty())
        .unwrap_or_default();
    // A command of several words may hold commas only in its name, which comes first.
    let rate = last
        .split("\",\"")
        .nth(1)
        .and_then(|field| field.parse().ok());
    match rate {
        Some(rate) if output.status.success() => Ok(rate),
        _ => {
            let error = String::from_utf8_lossy(&output.stderr);
            let reason = error.lines().last().unwrap_or(last);
            Err(io::Error::other(format!("redis-benchmark: {reason}")))
        }
    }
}
