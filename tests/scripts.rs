//! Runs `tests/scripts/*.txt` against the engine in process, the real server, and any server by
//! address.
//!
//! - A [`Driver`] executes requests, moves the clock, reloads. A case that needs what its driver
//!   cannot do is skipped, and the number of skipped cases is printed.
//! - `EVENKEEL_TEST_ADDRESS=host:port` names a foreign server; without it that test does nothing.
//! - Every command of the server appears in some script, or in [`NOT_IN_SCRIPTS`] with a reason.
//!
//! No test waits for time to pass. Not here: the notation (`support/script.rs`).

#[path = "support/node_driver.rs"]
mod node_driver;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use evenkeel::config::EnableDebug;
use evenkeel::engine::Execution;
use evenkeel::protocol::args::OwnedArgs;
use evenkeel::session::Link;
use evenkeel::session::{Peer, SessionKey};
use evenkeel::{CacheEngine, Config, Timestamp};

use node_driver::NodeDriver;
use support::client::{Address, Client};
use support::script::{Action, Case, Script, compare, reply_count};
use support::server::ServerProcess;
use support::value::Value;
use support::words;

/// Commands that no script can contain, and why.
const NOT_IN_SCRIPTS: &[(&str, &str)] = &[
    ("shutdown", "ends the server; tests/server/process.rs"),
    ("monitor", "sees every other request of the shared server"),
    ("psync", "sends a file; tests/oracle/exchange.rs"),
    ("sync", "sends a file; tests/oracle/exchange.rs"),
];

/// Something that can run a case.
trait Driver {
    /// Whether this is Evenkeel, so that cases marked `only evenkeel` run.
    fn is_evenkeel(&self) -> bool;

    /// Whether [`Driver::advance_ms`] works.
    fn can_move_the_clock(&self) -> bool;

    /// Whether time passes only by [`Driver::advance_ms`].
    fn has_still_clock(&self) -> bool;

    /// Whether [`Driver::reload`] works.
    fn can_reload(&self) -> bool;

    /// Empties the keyspace, restores changed parameters and forgets all connections.
    fn reset(&mut self);

    /// Sends one request over a named connection, made at its first use, and returns the bytes of
    /// `reply_count` replies. No words: only waits for replies, as for pushed messages.
    fn send(&mut self, connection: &str, words: &[Vec<u8>], reply_count: usize) -> Vec<u8>;

    /// Moves the clock forward.
    fn advance_ms(&mut self, span_ms: u64);

    /// Saves the keyspace and loads it again, from here on over new connections.
    fn reload(&mut self);
}

/// The configuration of the drivers in process: as a server has it that allows DEBUG.
fn config_with_debug() -> Config {
    Config {
        enable_debug_command: EnableDebug::Yes,
        ..Config::default()
    }
}

/// Drives the engine in process, with a clock of its own.
struct EngineDriver {
    engine: CacheEngine,
    sessions: BTreeMap<String, SessionKey>,
    now: Timestamp,
    /// Whether due keys are removed when the clock moves, or only met by commands.
    ticks: bool,
}

impl EngineDriver {
    fn new(ticks: bool) -> EngineDriver {
        EngineDriver {
            engine: CacheEngine::new(config_with_debug()),
            sessions: BTreeMap::new(),
            now: Timestamp::from_unix_ms(1_800_000_000_000),
            ticks,
        }
    }
}

impl Driver for EngineDriver {
    fn is_evenkeel(&self) -> bool {
        true
    }

    fn can_move_the_clock(&self) -> bool {
        true
    }

    fn has_still_clock(&self) -> bool {
        true
    }

    fn can_reload(&self) -> bool {
        false
    }

    fn reset(&mut self) {
        *self = EngineDriver::new(self.ticks);
    }

    fn send(&mut self, connection: &str, words: &[Vec<u8>], _: usize) -> Vec<u8> {
        let (engine, now) = (&mut self.engine, self.now);
        let session = *self
            .sessions
            .entry(connection.to_owned())
            .or_insert_with(|| {
                let session = engine.open_session(Peer::embedded(), now);
                // Who has a connection may listen to channels.
                let opened = engine.session_mut(session);
                opened.link = Some(Link(opened.id));
                session
            });
        let mut reply = Vec::new();
        let request = OwnedArgs::from_slices(words);
        let execution = engine.execute(session, request.args(), now, &mut reply);
        assert_ne!(execution, Execution::Paused);
        #[cfg(debug_assertions)]
        engine.check_invariants();
        reply
    }

    fn advance_ms(&mut self, span_ms: u64) {
        self.now = self.now.plus_ms(span_ms);
        while self.ticks && self.engine.tick(self.now) {}
    }

    fn reload(&mut self) {
        unreachable!("the engine keeps nothing");
    }
}

/// Drives a server over its socket.
struct SocketDriver {
    address: Address,
    is_evenkeel: bool,
    connections: BTreeMap<String, Client>,
    control: Client,
    can_move_the_clock: bool,
    can_reload: bool,
    /// Parameters as the server was started, restored before each case.
    parameters: Vec<(String, String)>,
}

/// Parameters that scripts may change.
const RESTORED_PARAMETERS: &[&str] = &[
    "timeout",
    "tcp-keepalive",
    "loglevel",
    "client-query-buffer-limit",
    "client-output-buffer-limit",
];

impl SocketDriver {
    fn new(address: &Address, is_evenkeel: bool) -> SocketDriver {
        let mut control = Client::connect(address);
        let ok = Value::Simple(b"OK".to_vec());
        let can_move_the_clock = control.line("DEBUG ADVANCE-TIME 0") == ok;
        let can_reload = control.line("DEBUG RELOAD") == ok;
        let mut parameters = Vec::new();
        for name in RESTORED_PARAMETERS {
            if let [_, value] = control.call(&["CONFIG", "GET", name]).members() {
                parameters.push((String::from(*name), value.text()));
            }
        }
        SocketDriver {
            address: address.clone(),
            is_evenkeel,
            connections: BTreeMap::new(),
            control,
            can_move_the_clock,
            can_reload,
            parameters,
        }
    }
}

impl Driver for SocketDriver {
    fn is_evenkeel(&self) -> bool {
        self.is_evenkeel
    }

    fn can_move_the_clock(&self) -> bool {
        self.can_move_the_clock
    }

    fn has_still_clock(&self) -> bool {
        false
    }

    fn can_reload(&self) -> bool {
        self.can_reload
    }

    fn reset(&mut self) {
        self.connections.clear();
        self.control.line("FLUSHALL");
        for (name, value) in &self.parameters {
            self.control.call(&["CONFIG", "SET", name, value]);
        }
    }

    fn send(&mut self, connection: &str, words: &[Vec<u8>], reply_count: usize) -> Vec<u8> {
        let address = &self.address;
        let client = self
            .connections
            .entry(connection.to_owned())
            .or_insert_with(|| Client::connect(address));
        if !words.is_empty() {
            client.send(words).expect("the server accepts the request");
        }
        let read = |_| client.read_reply().expect("the server replies");
        (0..reply_count).flat_map(read).collect()
    }

    fn advance_ms(&mut self, span_ms: u64) {
        let reply = self.control.line(&format!("DEBUG ADVANCE-TIME {span_ms}"));
        assert_eq!(reply, Value::Simple(b"OK".to_vec()));
    }

    fn reload(&mut self) {
        self.connections.clear();
        assert_eq!(
            self.control.line("DEBUG RELOAD"),
            Value::Simple(b"OK".to_vec())
        );
    }
}

/// Runs all scripts; panics with every difference found.
fn run_all(driver: &mut dyn Driver, driver_name: &str) {
    let mut failures = Vec::new();
    let (mut run_count, mut skipped_count) = (0, 0);
    for script in scripts() {
        for case in &script.cases {
            let foreign = case.only_evenkeel.is_some() && !driver.is_evenkeel();
            let clock = (case.moves_the_clock() && !driver.can_move_the_clock())
                || (case.needs_still_clock && !driver.has_still_clock());
            if foreign || clock || (case.reloads() && !driver.can_reload()) {
                skipped_count += 1;
                continue;
            }
            run_count += 1;
            if let Err(error) = run_case(driver, case) {
                failures.push(format!(
                    "{}:{error}\n  in case: {}",
                    script.name, case.title
                ));
            }
        }
    }
    println!("{driver_name}: {run_count} cases run, {skipped_count} skipped");
    assert!(run_count > 0, "no case ran");
    assert!(
        failures.is_empty(),
        "{} cases failed:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// Runs one case; the error starts with the line number.
fn run_case(driver: &mut dyn Driver, case: &Case) -> Result<(), String> {
    driver.reset();
    for step in &case.steps {
        match &step.action {
            Action::Advance(span_ms) => driver.advance_ms(*span_ms),
            Action::Reload => driver.reload(),
            Action::Request {
                connection,
                words,
                expected,
                sorted,
            } => {
                let bytes = driver.send(connection, words, reply_count(expected));
                parse_all(&bytes, *sorted)
                    .and_then(|replies| compare(expected, &replies))
                    .map_err(|error| format!("{}: > {}\n{error}", step.line, words::join(words)))?;
            }
        }
    }
    Ok(())
}

fn parse_all(mut bytes: &[u8], sorted: bool) -> Result<Vec<Value>, String> {
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        let length = support::value::reply_length(bytes)?.ok_or("an incomplete reply")?;
        let reply = Value::parse(&bytes[..length])?;
        replies.push(if sorted { reply.sorted() } else { reply });
        bytes = &bytes[length..];
    }
    Ok(replies)
}

/// All scripts, sorted by file name.
fn scripts() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("tests/scripts exists")
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    let parse = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path).expect("a script is text");
        Script::parse(&name, &text).unwrap_or_else(|error| panic!("{error}"))
    };
    paths.iter().map(parse).collect()
}

#[test]
fn scripts_pass_against_the_engine_where_ticks_expire_keys() {
    run_all(&mut EngineDriver::new(true), "engine with ticks");
}

#[test]
fn scripts_pass_against_the_engine_where_commands_meet_due_keys() {
    run_all(&mut EngineDriver::new(false), "engine without ticks");
}

#[test]
fn scripts_pass_against_the_node() {
    run_all(&mut NodeDriver::new(), "node");
}

#[test]
fn scripts_pass_against_the_server_process() {
    // A moved clock would make save points take snapshots, during which nothing is reloaded.
    let server = ServerProcess::evenkeel(&["--save", ""]);
    let mut driver = SocketDriver::new(server.address(), true);
    assert!(driver.can_move_the_clock && driver.can_reload);
    run_all(&mut driver, "server process");
}

#[test]
fn scripts_pass_against_a_server_by_address() {
    let Ok(address) = std::env::var("EVENKEEL_TEST_ADDRESS") else {
        println!("EVENKEEL_TEST_ADDRESS is not set: nothing to do");
        return;
    };
    let mut driver = SocketDriver::new(&Address::parse(&address), false);
    run_all(&mut driver, &address);
}

/// Goal: no command or subcommand without a script. Method: the server's own list against the
/// first words of the requests.
#[test]
fn every_command_is_exercised() {
    let server = ServerProcess::evenkeel(&[]);
    let listed = server.client().line("COMMAND LIST");
    let listed: BTreeSet<String> = listed
        .members()
        .iter()
        .map(|name| name.text().to_lowercase())
        .collect();
    assert!(
        listed.len() > 10,
        "COMMAND LIST names the commands: {listed:?}"
    );
    let mut exercised = BTreeSet::new();
    for script in scripts() {
        for step in script.cases.iter().flat_map(|case| &case.steps) {
            if let Action::Request { words, .. } = &step.action {
                let word = |index: usize| words.get(index).map(|word| lower_case(word));
                exercised.extend(word(0));
                exercised.extend(
                    word(0)
                        .zip(word(1))
                        .map(|(name, sub)| format!("{name}|{sub}")),
                );
            }
        }
    }
    for (name, reason) in NOT_IN_SCRIPTS {
        assert!(
            !exercised.contains(*name),
            "{name} is in a script, so drop the row: {reason}"
        );
    }
    let excused = |name: &&String| {
        let container = name.split('|').next().unwrap_or_default();
        NOT_IN_SCRIPTS
            .iter()
            .any(|(excused, _)| *excused == container)
    };
    let missing: Vec<_> = listed
        .difference(&exercised)
        .filter(|name| !excused(name))
        .collect();
    assert!(
        missing.is_empty(),
        "commands that no script contains: {missing:?}"
    );
}

fn lower_case(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_lowercase()
}

/// Goal: a wrong reply fails. Method: every kind of pattern against a reply that breaks it.
#[test]
fn a_wrong_reply_is_noticed() {
    let expect = |pattern: &str, reply: &[u8]| {
        let expected: Vec<String> = pattern.lines().map(str::to_owned).collect();
        let replies = parse_all(reply, false).expect("the reply is complete");
        compare(&expected, &replies).is_ok()
    };
    assert!(expect("+OK", b"+OK\r\n"));
    assert!(!expect("+OK", b"$2\r\nOK\r\n"));
    assert!(!expect("+OK", b"+OK\r\n+OK\r\n"));
    assert!(!expect("+OK\n+OK", b"+OK\r\n"));
    assert!(expect("*2\n  :1\n  (nil)", b"*2\r\n:1\r\n$-1\r\n"));
    assert!(!expect("*2\n  :1\n(nil)", b"*2\r\n:1\r\n$-1\r\n"));
    assert!(!expect("(nil)", b"*-1\r\n"));
    assert!(expect("(between 1 5)", b":5\r\n"));
    assert!(!expect("(between 1 5)", b":6\r\n"));
    assert!(expect("(starts -ERR un)", b"-ERR unknown\r\n"));
    assert!(!expect("(starts -ERR un)", b"-WRONGTYPE\r\n"));
    assert!(expect("(any)\n:2", b"*2\r\n:1\r\n:1\r\n:2\r\n"));
    assert!(!expect("(any)", b":1\r\n:2\r\n"));
    assert!(expect("(nothing)", b""));
    assert!(!expect("(nothing)", b":1\r\n"));
}
