//! What keeps a server busy while the probe measures: each action is a child process of this
//! program, bounded by its counts and the client's time limit.
//!
//! Not here: how the child is run (`idle_child.rs`), the probe (`probe.rs`), the order of things
//! (`load_stalls.rs`).

use std::hint::black_box;
use std::io;
use std::iter::StepBy;
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use crate::fill::{DEPTH, Fill, value, write_key};
use crate::idle_child;
use crate::load_connections::connect_and_ping;
use crate::load_scripts::kill_endless;
use crate::resp_client::{Client, encode, pipeline};

/// First argument of a child.
pub(crate) const CHILD_ARGUMENT: &str = "--run-action";

/// Bytes of every value of the stall loads.
pub(crate) const VALUE_BYTES: usize = 64;
/// Connections of the actions that send pipelines.
const LOAD_CONNECTIONS: usize = 10;
/// Threads that connect at once.
const CONNECT_THREADS: u64 = 8;
/// Clients a second in a storm.
const STORM_RATE: u64 = 20_000;

/// Something for the server to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Nothing at all, for so many milliseconds.
    Wait(u64),
    /// Nothing for the server, but a busy load core.
    Spin(u64),
    /// So many new keys through pipelines of several connections.
    Insert(u64),
    /// UNLINK of the first keys, one a command, through pipelines of several connections.
    Unlink(u64),
    /// FLUSHALL.
    Flush,
    /// KEYS with a pattern that matches all.
    Keys,
    /// A script without an end for so many milliseconds; the seconds are those of SCRIPT KILL.
    Script(u64),
    /// So many clients, each with one PING.
    Connect(u64),
    /// So many clients at [`STORM_RATE`], every other one of which leaves at once.
    Storm(u64),
}

impl Action {
    /// Runs the action in a child process and returns the seconds that it took.
    pub(crate) fn run(self, port: u16) -> io::Result<f64> {
        let (name, count) = self.words();
        let [count, port] = [count, u64::from(port)].map(|number| number.to_string());
        idle_child::run(&[CHILD_ARGUMENT.to_owned(), name.to_owned(), count, port])
    }

    /// The action as one line of a report.
    pub(crate) fn line(self) -> String {
        let what = match self {
            Action::Wait(ms) => format!("nothing for {ms} ms"),
            Action::Spin(ms) => format!("busy loop without requests for {ms} ms"),
            Action::Insert(keys) => format!(
                "SET key:NNNNNNNNNNNN <{VALUE_BYTES} bytes> for {keys} keys, pipelines of {DEPTH} on \
                 {LOAD_CONNECTIONS} connections"
            ),
            Action::Unlink(keys) => format!(
                "UNLINK key:NNNNNNNNNNNN for {keys} keys, pipelines of {DEPTH} on {LOAD_CONNECTIONS} \
                 connections"
            ),
            Action::Flush => "FLUSHALL".to_owned(),
            Action::Keys => "KEYS *".to_owned(),
            Action::Script(ms) => {
                format!("EVAL 'while true do end' 0, SCRIPT KILL after {ms} ms")
            }
            Action::Connect(count) => {
                format!("{count} × connect, PING, +PONG from {CONNECT_THREADS} threads")
            }
            Action::Storm(count) => format!(
                "{count} × connect at {STORM_RATE} a second from {CONNECT_THREADS} threads, every other \
                 one closes at once"
            ),
        };
        format!("chrt --idle 0 (this program) {what}")
    }

    fn words(self) -> (&'static str, u64) {
        match self {
            Action::Wait(ms) => ("wait", ms),
            Action::Spin(ms) => ("spin", ms),
            Action::Insert(keys) => ("insert", keys),
            Action::Unlink(keys) => ("unlink", keys),
            Action::Flush => ("flush", 0),
            Action::Keys => ("keys", 0),
            Action::Script(ms) => ("script", ms),
            Action::Connect(count) => ("connect", count),
            Action::Storm(count) => ("storm", count),
        }
    }

    fn from_words(name: &str, count: u64) -> Option<Action> {
        Some(match name {
            "wait" => Action::Wait(count),
            "spin" => Action::Spin(count),
            "insert" => Action::Insert(count),
            "unlink" => Action::Unlink(count),
            "flush" => Action::Flush,
            "keys" => Action::Keys,
            "script" => Action::Script(count),
            "connect" => Action::Connect(count),
            "storm" => Action::Storm(count),
            _ => return None,
        })
    }

    /// Does it, in this process; returns the seconds that it took.
    fn perform(self, port: u16) -> io::Result<f64> {
        let start = Instant::now();
        match self {
            Action::Wait(ms) => thread::sleep(Duration::from_millis(ms)),
            Action::Spin(ms) => {
                while start.elapsed() < Duration::from_millis(ms) {
                    black_box(());
                }
            }
            Action::Insert(keys) => insert(port, keys)?,
            Action::Unlink(keys) => unlink(port, keys)?,
            Action::Flush => Client::connect(port)?.call(&[b"FLUSHALL"]).map(drop)?,
            Action::Keys => Client::connect(port)?.call(&[b"KEYS", b"*"]).map(drop)?,
            Action::Script(ms) => {
                return kill_endless(port, || thread::sleep(Duration::from_millis(ms)));
            }
            Action::Connect(count) => return connect(port, count),
            Action::Storm(count) => return storm(port, count),
        }
        Ok(start.elapsed().as_secs_f64())
    }
}

/// The child's side of `Action::run`: `NAME COUNT PORT`.
pub(crate) fn run_child(words: &[String]) -> io::Result<()> {
    let [name, count, port] = words else {
        return Err(io::Error::other(
            "an action takes a name, a count and a port",
        ));
    };
    let not_a_number = |_| io::Error::other("the count or the port is no number");
    let count = count.parse().map_err(not_a_number)?;
    let port = port.parse().map_err(not_a_number)?;
    let action = Action::from_words(name, count)
        .ok_or_else(|| io::Error::other(format!("there is no action '{name}'")))?;
    println!("{}", action.perform(port)?);
    Ok(())
}

fn connections(port: u16) -> io::Result<Vec<Client>> {
    (0..LOAD_CONNECTIONS)
        .map(|_| Client::connect(port))
        .collect()
}

fn insert(port: u16, keys: u64) -> io::Result<()> {
    let fill = Fill {
        prefix: "key",
        range: 0..keys,
        value: &value(VALUE_BYTES),
        suffix: &[],
    };
    fill.send(&mut connections(port)?)
}

fn unlink(port: u16, keys: u64) -> io::Result<()> {
    let mut key = Vec::new();
    pipeline(&mut connections(port)?, 0..keys, DEPTH, |index, batch| {
        write_key(&mut key, "key", index);
        encode(batch, &[b"UNLINK", &key]);
    })
}

/// Connects from several threads; the seconds end with the last answer, before the clients close.
fn connect(port: u16, count: u64) -> io::Result<f64> {
    let start = Instant::now();
    let clients = from_threads(count, |numbers| {
        numbers.map(|_| connect_and_ping(port)).collect()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    drop(clients);
    Ok(seconds)
}

/// Connects at a fixed rate; the seconds end with the last connection, before those left close.
fn storm(port: u16, count: u64) -> io::Result<f64> {
    let start = Instant::now();
    let clients = from_threads(count, |numbers| {
        let mut stayed = Vec::new();
        for number in numbers {
            let due = Duration::from_micros(number * 1_000_000 / STORM_RATE);
            thread::sleep(due.saturating_sub(start.elapsed()));
            let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            if (number / CONNECT_THREADS).is_multiple_of(2) {
                stayed.push(client);
            }
        }
        Ok(stayed)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    drop(clients);
    Ok(seconds)
}

/// Runs `work` on several threads, among which the numbers below `count` are dealt out in turn.
fn from_threads<T: Send>(
    count: u64,
    work: impl Fn(StepBy<Range<u64>>) -> io::Result<Vec<T>> + Sync,
) -> io::Result<Vec<Vec<T>>> {
    let work = &work;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECT_THREADS)
            .map(|first| {
                let numbers = (first..count).step_by(CONNECT_THREADS as usize);
                scope.spawn(move || work(numbers))
            })
            .collect();
        let panicked = |_| Err(io::Error::other("a connecting thread panicked"));
        let results = workers.into_iter();
        results
            .map(|worker| worker.join().unwrap_or_else(panicked))
            .collect()
    })
}
