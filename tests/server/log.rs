//! The log of the real binary: nothing that lines are written to holds up the server.
//!
//! And what `loglevel` lets through. Not here: other lines (`tests/server/service.rs`), the queue
//! itself (`src/cli/log_file.rs`).

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

/// A server whose log the test reads, and where it listens.
struct Logged {
    server: Server,
    log: BufReader<std::process::ChildStderr>,
    address: Address,
    /// Its snapshots.
    _folder: TempDir,
}

impl Logged {
    fn start(level: &str) -> Logged {
        let folder = folder();
        let mut command = evenkeel(folder.path(), &["--loglevel", level]);
        let mut server = Server::start(command.stderr(Stdio::piped()));
        let mut log = BufReader::new(server.0.stderr.take().expect("it is a pipe"));
        let address = wait_until_ready(&mut log);
        Logged {
            server,
            log,
            address,
            _folder: folder,
        }
    }

    /// Ends it; the lines since the last look, without time and module.
    fn rest(mut self) -> Vec<String> {
        self.server.terminate();
        let lines = self.log.lines().map(|line| line.expect("the log is text"));
        lines.collect()
    }
}

/// What a visitor does who is refused something, and saves.
fn visit(address: &Address) {
    let mut client = Client::connect(address);
    assert_eq!(client.line("SET k v"), Value::Simple(b"OK".to_vec()));
    let user = "ACL SETUSER reader on >right ~* +get +auth";
    assert_eq!(client.line(user), Value::Simple(b"OK".to_vec()));
    assert_eq!(client.line("SAVE"), Value::Simple(b"OK".to_vec()));
    assert!(matches!(client.line("AUTH reader wrong"), Value::Error(_)));
    assert_eq!(
        client.line("AUTH reader right"),
        Value::Simple(b"OK".to_vec())
    );
    assert!(matches!(client.line("SET k secret"), Value::Error(_)));
}

/// How many lines contain all of these words in this order.
fn count(lines: &[String], words: &[&str]) -> usize {
    let has_words = |line: &&String| {
        let mut rest = line.as_str();
        words.iter().all(|word| match rest.split_once(word) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    };
    lines.iter().filter(has_words).count()
}

#[test]
fn verbose_tells_of_clients_refusals_and_snapshots() {
    let logged = Logged::start("verbose");
    visit(&logged.address);
    let lines = logged.rest();
    for words in [
        &["client ", " came from 127.0.0.1:"][..],
        &[
            "client ",
            " at 127.0.0.1:",
            "gave no right name and password",
        ],
        &["client ", " was refused 'set': NOPERM"],
        &["client ", " from 127.0.0.1:", " is gone"],
        &["saving a snapshot of 1 keys"],
        &["snapshot: 1 keys are read out"],
        &["saved a snapshot: "],
    ] {
        assert_eq!(count(&lines, words), 1, "{words:?} in {lines:#?}");
    }
    assert_eq!(count(&lines, &["secret"]) + count(&lines, &["right"]), 1);
    assert_eq!(count(&lines, &["buffers go to the disk"]), 0);
}

#[test]
fn debug_tells_more_and_notice_less() {
    let logged = Logged::start("debug");
    visit(&logged.address);
    let lines = logged.rest();
    assert!(count(&lines, &["snapshot: ", " buffers go to the disk"]) > 0);
    let logged = Logged::start("notice");
    visit(&logged.address);
    let lines = logged.rest();
    assert_eq!(count(&lines, &["saved a snapshot: "]), 1);
    assert_eq!(count(&lines, &["client "]), 0, "{lines:#?}");
}
