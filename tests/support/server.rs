//! A server process for one test: a free port, a directory of its own, ended when dropped.
//!
//! The output of the process is read by a thread and kept; the end of that output is how the end
//! of the process is noticed, so nothing polls or sleeps.
//!
//! - `evenkeel` is the binary of this package, started on port 0; the port comes from its log line
//!   `… listening on tcp ADDRESS`.
//! - `redis-server` is taken from the search path and given a port that was free a moment ago.
//!
//! Not here: talking to it (`client.rs`).

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PATIENCE;
use super::client::{Address, Client};

/// A running server.
pub(crate) struct ServerProcess {
    child: Child,
    lines: Receiver<String>,
    /// What the process has written so far.
    log: Vec<String>,
    address: Address,
    directory: TempDir,
    /// Whether a failing test prints the log.
    shows_log: bool,
}

/// How a server process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The lines it wrote to standard output.
    pub(crate) output: Vec<String>,
    /// The lines it wrote to standard error.
    pub(crate) errors: Vec<String>,
}

impl ServerProcess {
    /// Starts the binary of this package with these arguments besides port and directory. A
    /// configuration file comes first.
    pub(crate) fn evenkeel(arguments: &[&str]) -> ServerProcess {
        Self::evenkeel_with(arguments, |_| {})
    }

    /// As [`ServerProcess::evenkeel`], after the test has prepared its command.
    pub(crate) fn evenkeel_with(
        arguments: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> ServerProcess {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        let has_file = arguments
            .first()
            .is_some_and(|argument| !argument.starts_with("--"));
        let (file, options) = arguments.split_at(usize::from(has_file));
        command
            .args(file)
            .args(["--port", "0", "--enable-debug-command", "yes"])
            .args(options);
        command.stdin(Stdio::null());
        prepare(&mut command);
        let mut server = Self::run(&mut command);
        server.wait_for_log("ready to accept connections");
        server
    }

    /// Runs a command that becomes the binary of this package, as it is prepared but for its
    /// directory and its log. Returns when it listens, which is before it has loaded a snapshot.
    pub(crate) fn run(command: &mut Command) -> ServerProcess {
        let directory = new_directory();
        command.current_dir(directory.path());
        let (child, lines) = spawn(command.env("RUST_LOG", "info"), Output::Errors)
            .expect("the binary that cargo built starts");
        let mut server = ServerProcess {
            child,
            lines,
            log: Vec::new(),
            address: Address::Tcp(String::new()),
            directory,
            shows_log: true,
        };
        let line = server.wait_for_log("listening on ");
        let (_, socket) = line
            .split_once("listening on ")
            .expect("the line holds the text");
        let mut words = socket.split_whitespace();
        server.address = match (words.next(), words.next()) {
            (Some("tcp"), Some(address)) => Address::Tcp(address.to_owned()),
            (Some("unix"), Some(path)) => Address::Unix(path.into()),
            _ => panic!("no address in {line:?}"),
        };
        server
    }

    /// Starts `redis-server`; an error says that it is not installed.
    pub(crate) fn redis(arguments: &[&str]) -> Result<ServerProcess, String> {
        let mut log = Vec::new();
        for _ in 0..5 {
            let port = free_port();
            let directory = new_directory();
            let mut command = Command::new("redis-server");
            command.stdin(Stdio::null());
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
            command.args(["--save", "", "--enable-debug-command", "yes", "--dir"]);
            command.arg(directory.path()).args(arguments);
            let (child, lines) = spawn(&mut command, Output::Standard)
                .map_err(|error| format!("redis-server does not start ({error}); install it"))?;
            let address = Address::Tcp(format!("127.0.0.1:{port}"));
            let mut server = ServerProcess {
                child,
                lines,
                log: Vec::new(),
                address,
                directory,
                shows_log: false,
            };
            if server.find_log("Ready to accept connections").is_some() {
                return Ok(server);
            }
            log = std::mem::take(&mut server.log);
        }
        Err(format!(
            "redis-server does not become ready:\n{}",
            log.join("\n")
        ))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// `host:port`; panics if it listens on a unix socket only.
    pub(crate) fn tcp_address(&self) -> &str {
        match &self.address {
            Address::Tcp(address) => address,
            Address::Unix(path) => panic!("{} is not a TCP address", path.display()),
        }
    }

    /// A new connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    /// Its directory, removed on drop.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that contains `text`; panics with the log if the process ends or
    /// [`PATIENCE`] is over before.
    pub(crate) fn wait_for_log(&mut self, text: &str) -> String {
        self.find_log(text)
            .unwrap_or_else(|| panic!("no line with {text:?} in:\n{}", self.log.join("\n")))
    }

    fn find_log(&mut self, text: &str) -> Option<String> {
        if let Some(line) = self.log.iter().find(|line| line.contains(text)) {
            return Some(line.clone());
        }
        let end = Instant::now() + PATIENCE;
        while let Ok(line) = self
            .lines
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.log.push(line.clone());
            if line.contains(text) {
                return Some(line);
            }
        }
        None
    }

    /// The lines it has written up to the last one that was waited for.
    pub(crate) fn log(&self) -> &[String] {
        &self.log
    }

    /// Sends a signal by name (`TERM`, `INT` …).
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.id().to_string()])
            .status()
            .expect("the kill command exists");
        assert!(status.success(), "signal {name} to the server");
    }

    /// Stops the process where it is until [`ServerProcess::thaw`]: what is sent meanwhile waits in
    /// its sockets.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let status = format!("/proc/{}/stat", self.id());
        let is_stopped = || {
            let text = std::fs::read_to_string(&status).expect("the process is there");
            // The state follows the name, which may hold anything.
            let (_, fields) = text.rsplit_once(')').expect("the name stands in brackets");
            fields.trim_start().starts_with('T')
        };
        let end = Instant::now() + PATIENCE;
        while !is_stopped() {
            assert!(Instant::now() < end, "the server does not stop");
            std::thread::yield_now();
        }
    }

    /// Lets a stopped process go on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Waits for the process to end by itself; panics if it does not within `limit`.
    pub(crate) fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.log.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "the server still runs after {limit:?}:\n{}",
                        self.log.join("\n")
                    )
                }
            }
        }
        self.child.wait().expect("the child can be waited for")
    }

    /// Its resident memory; `None` where the system does not tell.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes * 1024)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if self.shows_log && std::thread::panicking() {
            self.log.extend(self.lines.try_iter());
            eprintln!("log of the server:\n{}", self.log.join("\n"));
        }
        // Both fail only if the process has ended and been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the binary of this package until it ends by itself; kills it and panics after
/// [`PATIENCE`].
pub(crate) fn run_evenkeel(arguments: &[&str]) -> Ended {
    let directory = new_directory();
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.current_dir(directory.path()).args(arguments);
    command.stdin(Stdio::null());
    let (child, lines) =
        spawn(&mut command, Output::ErrorsKeepStandard).expect("the binary starts");
    let address = Address::Tcp(String::new());
    let mut server = ServerProcess {
        child,
        lines,
        log: Vec::new(),
        address,
        directory,
        shows_log: false,
    };
    let mut stdout = server.child.stdout.take().expect("the output is a pipe");
    let output = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let status = server.wait_for_exit(PATIENCE);
    let output = output
        .join()
        .expect("the reader ends")
        .expect("the output is text");
    Ended {
        code: status.code(),
        output: output.lines().map(str::to_owned).collect(),
        errors: std::mem::take(&mut server.log),
    }
}

/// A port of the loopback address that nothing listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the system gives a free port");
    listener
        .local_addr()
        .expect("a listener has an address")
        .port()
}

fn new_directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

/// The stream of the process whose lines are read as its log; the other one is dropped or kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    Standard,
    Errors,
    ErrorsKeepStandard,
}

fn spawn(command: &mut Command, log: Output) -> std::io::Result<(Child, Receiver<String>)> {
    let piped_if = |wanted| {
        if wanted {
            Stdio::piped()
        } else {
            Stdio::null()
        }
    };
    command
        .stdout(piped_if(log != Output::Errors))
        .stderr(piped_if(log != Output::Standard));
    let mut child = command.spawn()?;
    let (sender, lines) = channel();
    let stream: Box<dyn Read + Send> = match log {
        Output::Standard => Box::new(child.stdout.take().expect("the output is a pipe")),
        Output::Errors | Output::ErrorsKeepStandard => {
            Box::new(child.stderr.take().expect("the errors are a pipe"))
        }
    };
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    Ok((child, lines))
}
