//! The log of the real binary: nothing that lines are written to holds up the server.
//!
//! Not here: what is logged (`tests/server/service.rs`), the queue itself (`src/cli/log_file.rs`).

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::client::{Address, Client};
use crate::support::value::Value;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

/// Lines after which a log that nobody reads is surely full.
const LINES_MAX: usize = 20_000;

/// A server, ended when dropped.
struct Server(Child);

impl Server {
    /// Starts it, and keeps only its errors.
    fn start(command: &mut Command) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Server(command.spawn().expect("the binary starts"))
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.0);
        rustix::process::kill_process(id, signal).expect("it is our child");
    }

    /// Ends it, and waits for that.
    fn terminate(&mut self) {
        self.signal(Signal::TERM);
        let end = Instant::now() + PATIENCE;
        while self.0.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < end, "the server does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended and been waited for already.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

fn evenkeel(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.current_dir(folder);
    command.args(["--port", "0", "--save", ""]);
    command.args(arguments);
    command
}

/// Makes a named pipe.
fn named_pipe(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status();
    assert!(status.expect("mkfifo exists").success());
}

/// Reads lines until the server is ready; returns where it listens.
fn wait_until_ready(log: &mut impl BufRead) -> Address {
    let mut address = None;
    loop {
        let mut line = String::new();
        let count = log.read_line(&mut line).expect("the log is text");
        assert!(count > 0, "the log ends before the server is ready");
        if let Some((_, rest)) = line.split_once("listening on tcp ") {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            address = Some(Address::Tcp(rest[..end].to_owned()));
        }
        if line.contains("ready to accept connections") {
            return address.expect("the address is logged before");
        }
    }
}

/// How many lines INFO says are lost.
fn lines_lost(client: &mut Client) -> u64 {
    let Value::Bulk(info) = client.line("INFO stats") else {
        panic!("INFO is a string")
    };
    let info = String::from_utf8(info).expect("INFO is text");
    let field = info
        .lines()
        .find_map(|line| line.strip_prefix("log_lines_lost:"));
    field
        .expect("INFO has the field")
        .parse()
        .expect("it is a number")
}

/// Lets the server log summaries until lines are lost; it answers all the time.
fn fill_log(server: &Server, address: &Address) {
    let mut client = Client::connect(address);
    let before = lines_lost(&mut client);
    for _ in 0..LINES_MAX {
        server.signal(Signal::USR1);
        if lines_lost(&mut client) > before {
            return;
        }
    }
    panic!("no line is lost, though nobody reads the log");
}

#[test]
fn a_full_pipe_costs_lines_and_neither_answers_nor_the_end() {
    let folder = folder();
    let mut server = Server::start(evenkeel(folder.path(), &[]).stderr(Stdio::piped()));
    let mut log = BufReader::new(server.0.stderr.take().expect("it is a pipe"));
    let address = wait_until_ready(&mut log);
    fill_log(&server, &address);
    // Once somebody reads again, the log says what is missing.
    let is_told = |line: std::io::Result<String>| {
        let line = line.expect("the log is text");
        line.contains(" lines of the log are lost")
    };
    assert!((&mut log).lines().any(is_told));
    fill_log(&server, &address);
    // Nobody reads at the end either.
    server.terminate();
}

#[test]
fn a_named_pipe_is_a_log_for_whoever_comes_to_read_it() {
    let folder = folder();
    let pipe = folder.path().join("log");
    named_pipe(&pipe);
    let arguments = ["--logfile", "log", "--unixsocket", "socket"];
    let mut server = Server::start(&mut evenkeel(folder.path(), &arguments));
    // Nobody reads yet, and the server serves all the same.
    let address = Address::Unix(folder.path().join("socket"));
    let end = Instant::now() + PATIENCE;
    let mut client = loop {
        match Client::try_connect(&address) {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        std::thread::yield_now();
    };
    assert_eq!(client.line("PING"), Value::Simple(b"PONG".to_vec()));
    server.signal(Signal::HUP);
    assert_eq!(client.line("PING"), Value::Simple(b"PONG".to_vec()));
    let mut log = BufReader::new(std::fs::File::open(&pipe).expect("somebody writes"));
    let mut line = String::new();
    log.read_line(&mut line).expect("the log is text");
    assert!(line.contains(" starts, process "), "{line}");
    server.terminate();
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("the log is text");
    assert!(rest.contains("stopped"), "{rest}");
}

#[test]
fn a_log_file_that_cannot_be_opened_is_named() {
    let ended = crate::support::server::run_evenkeel(&["--logfile", "/nonexistent/log"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.errors.len(), 1, "{ended:?}");
    assert!(
        ended.errors[0].starts_with("evenkeel: cannot open /nonexistent/log: "),
        "{ended:?}"
    );
}
