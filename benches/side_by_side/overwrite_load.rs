//! SETs over keys that exist, or HSETs over the fields of one hash, at a fixed or the highest rate,
//! until it is told to stop.
//!
//! ```text
//! parent: closes stdin ──▶ child: ends after its batch ──▶ stdout: writes per second
//! ```
//!
//! 1. With a rate, the child has the scheduling class "idle" for the reason given in
//!    `idle_child.rs`; without, it has the normal one, as there is no probe and any other
//!    program would starve it.
//! 2. A parent that ends in any way closes the pipe, so the load never outlives it.
//! 3. The order of the keys is random with a fixed seed: the same for both servers and every run.
//!
//! Cost: one batch in memory. Not here: what happens meanwhile (`load_snapshots.rs`).

use std::io::{self, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::collection_fill::{ELEMENT, Kind};
use crate::fill::{DEPTH, value, write_key};
use crate::resp_client::{Client, encode, pipeline};

/// First argument of a child.
pub(crate) const CHILD_ARGUMENT: &str = "--run-overwrites";

/// The load ends without a word from its parent after so long.
const LOAD_LIMIT: Duration = Duration::from_secs(300);
/// A batch that is later than this is not made up for: the rate is a limit, not a debt.
const BACKLOG_LIMIT: Duration = Duration::from_millis(100);

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Keys, by SET.
    Keys,
    /// Fields of one hash, by HSET.
    Fields,
}

/// The load of one child.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overwrites {
    /// What is written.
    pub(crate) target: Target,
    /// The keys or fields have the numbers from 0 up to this one, without it.
    pub(crate) keys: u64,
    /// Bytes of every value.
    pub(crate) value_bytes: usize,
    /// The most writes per second; 0 for as many as the server takes.
    pub(crate) rate_limit: u64,
}

impl Overwrites {
    /// Starts the load; dropping the result ends it.
    pub(crate) fn start(self, port: u16) -> io::Result<RunningLoad> {
        let Overwrites {
            target,
            keys,
            value_bytes,
            rate_limit,
        } = self;
        let numbers = [
            u64::from(target == Target::Fields),
            keys,
            value_bytes as u64,
            rate_limit,
            u64::from(port),
        ];
        let child = Command::new("chrt")
            .args([self.scheduling_class(), "0"])
            .arg(std::env::current_exe()?)
            .arg(CHILD_ARGUMENT)
            .args(numbers.map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(RunningLoad { child: Some(child) })
    }

    /// The load as one line of a report.
    pub(crate) fn line(self) -> String {
        let rate = match self.rate_limit {
            0 => "as many as the server takes".to_owned(),
            rate => format!("at most {rate} per second"),
        };
        let (command, what) = match self.target {
            Target::Keys => ("SET key:NNNNNNNNNNNN".to_owned(), "keys"),
            Target::Fields => {
                let hash = Kind::Hash.key().of(0);
                (format!("HSET {hash} fld:NNNNNNNNNNNN"), "fields")
            }
        };
        format!(
            "chrt {} 0 (this program) {command} <{} bytes> over {} {what} in random \
             order, pipelines of {DEPTH} on one connection, {rate}",
            self.scheduling_class(),
            self.value_bytes,
            self.keys
        )
    }

    fn scheduling_class(self) -> &'static str {
        match self.rate_limit {
            0 => "--other",
            _ => "--idle",
        }
    }

    /// Does it, in this process; returns the writes per second.
    fn perform(self, port: u16, stop: &AtomicBool) -> io::Result<f64> {
        let mut clients = [Client::connect(port)?];
        let value = value(self.value_bytes);
        let mut random = fastrand::Rng::with_seed(1);
        let mut key = Vec::new();
        let hash = Kind::Hash.key().of(0);
        let pause = match self.rate_limit {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(DEPTH as f64 / rate as f64),
        };
        let start = Instant::now();
        let mut due = start;
        let mut sent = 0;
        while !stop.load(Ordering::Acquire) && start.elapsed() < LOAD_LIMIT {
            pipeline(&mut clients, 0..DEPTH, DEPTH, |_, batch| {
                let number = random.u64(0..self.keys);
                match self.target {
                    Target::Keys => {
                        write_key(&mut key, "key", number);
                        encode(batch, &[b"SET", &key, &value]);
                    }
                    Target::Fields => {
                        ELEMENT.write(&mut key, number);
                        encode(batch, &[b"HSET", hash.as_bytes(), &key, &value]);
                    }
                }
            })?;
            sent += DEPTH;
            let now = Instant::now();
            due = (due + pause).max(now.checked_sub(BACKLOG_LIMIT).unwrap_or(now));
            thread::sleep(due.saturating_duration_since(now));
        }
        Ok(sent as f64 / start.elapsed().as_secs_f64())
    }
}

/// A load that is being sent.
pub(crate) struct RunningLoad {
    /// Taken by `stop`.
    child: Option<Child>,
}

impl RunningLoad {
    /// Ends the load and returns its writes per second.
    pub(crate) fn stop(mut self) -> io::Result<f64> {
        let child = self.child.take();
        // Waiting closes the child's stdin, which is the word to stop.
        let output = child.expect("only this call takes it").wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        match text.trim().parse() {
            Ok(rate) if output.status.success() => Ok(rate),
            _ => Err(io::Error::other("the overwriting load failed")),
        }
    }
}

impl Drop for RunningLoad {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Both fail only when the process has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The child's side of `Overwrites::start`: `IS_HASH KEYS VALUE_BYTES RATE_LIMIT PORT`.
pub(crate) fn run_child(words: &[String]) -> io::Result<()> {
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let &[is_hash, keys, value_bytes, rate_limit, port] = &numbers[..] else {
        return Err(io::Error::other(
            "overwriting takes a target, keys, bytes, a rate and a port",
        ));
    };
    let load = Overwrites {
        target: if is_hash == 0 {
            Target::Keys
        } else {
            Target::Fields
        },
        keys: keys.max(1),
        value_bytes: usize::try_from(value_bytes).map_err(io::Error::other)?,
        rate_limit,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    thread::spawn(move || {
        // The end of the input counts, whatever it brings before or instead.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::Release);
    });
    let port = u16::try_from(port).map_err(io::Error::other)?;
    println!("{}", load.perform(port, &stop)?);
    Ok(())
}
