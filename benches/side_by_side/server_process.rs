//! A server under test: started on core 0 with a free port and an own directory, measured through
//! `/proc`, ended by its process id.
//!
//! 1. The process that is measured is the server itself: `setpriv` and `taskset` replace
//!    themselves.
//! 2. CPU is the sum over all threads of the server, from `schedstat` (nanoseconds).
//! 3. A server outlives neither its `ServerProcess` nor this program.
//!
//! Cost: a handful of small reads per figure. Not here: what is measured (`load_*.rs`).

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::resp_client::Client;

/// The core of the server; the load has `LOAD_CORE`.
pub(crate) const SERVER_CORE: u32 = 0;
/// The core of this program, of its children and of redis-benchmark.
pub(crate) const LOAD_CORE: u32 = 1;

/// How long a server may take to answer its first PING.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often a starting server is asked; also the precision of the time that a start takes.
const READY_INTERVAL: Duration = Duration::from_millis(2);
/// How often a start is tried, as another program may take the free port first.
const START_ATTEMPTS: usize = 3;
/// How long a server may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// Resident memory counts once it has been the same for this long.
const SETTLE_STEP: Duration = Duration::from_millis(200);
/// After so many steps resident memory counts as it is.
const SETTLE_STEPS: usize = 25;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// That of Redis.
    Redis,
    /// The text protocol of memcached.
    #[allow(dead_code, reason = "not in the other bench that includes this file")]
    Memcached,
}

/// One of the servers that are compared.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    /// The name in tables.
    pub(crate) name: String,
    /// What it speaks.
    pub(crate) protocol: Protocol,
    /// The program.
    pub(crate) binary: PathBuf,
    /// Arguments after the port.
    pub(crate) arguments: Vec<String>,
}

impl Side {
    /// Starts the server on core 0 and waits until it answers PING.
    pub(crate) fn start(&self) -> io::Result<ServerProcess> {
        self.start_under(&[])
    }

    /// Starts the server as the last arguments of `wrapper`, for example of a profiler.
    pub(crate) fn start_under(&self, wrapper: &[String]) -> io::Result<ServerProcess> {
        let mut attempt = 1;
        loop {
            match self.try_start(wrapper) {
                Err(_) if attempt < START_ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    /// The command line as it stands in reports, with the file name only of the program.
    pub(crate) fn command_line(&self) -> String {
        let program = self
            .binary
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let mut line = format!(
            "taskset -c {SERVER_CORE} {program} {} PORT",
            self.port_option()
        );
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(if argument.is_empty() { "''" } else { argument });
        }
        line
    }

    fn port_option(&self) -> &'static str {
        match self.protocol {
            Protocol::Redis => "--port",
            Protocol::Memcached => "-p",
        }
    }

    fn try_start(&self, wrapper: &[String]) -> io::Result<ServerProcess> {
        let directory = tempfile::tempdir()?;
        let (child, port) = self.spawn(wrapper, directory.path())?;
        let mut server = ServerProcess {
            child,
            port,
            directory,
        };
        self.wait(&mut server)?;
        Ok(server)
    }

    /// Starts the process, without waiting for anything; returns it and its port.
    fn spawn(&self, wrapper: &[String], directory: &Path) -> io::Result<(Child, u16)> {
        let log = fs::File::create(directory.join("log"))?;
        let port = free_port()?;
        // The signal at the parent's death covers what dropping does not: a killed benchmark.
        let child = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "taskset",
                "-c",
                &SERVER_CORE.to_string(),
            ])
            .args(wrapper)
            .arg(&self.binary)
            .args([self.port_option(), &port.to_string()])
            .args(&self.arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok((child, port))
    }

    fn wait(&self, server: &mut ServerProcess) -> io::Result<()> {
        server.wait_until_ready(self.protocol).map_err(|error| {
            let log = fs::read_to_string(server.directory().join("log")).unwrap_or_default();
            let last_line = log.lines().last().unwrap_or("nothing in its log");
            io::Error::other(format!(
                "{} does not start: {error}; {last_line}",
                self.name
            ))
        })
    }
}

/// CPU time that a process has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuTime {
    /// All of it, in nanoseconds.
    pub(crate) total_ns: u64,
    /// The share of user mode, in clock ticks of 10 ms; exact only over seconds.
    pub(crate) user_ticks: u64,
    /// The share of kernel mode, in the same unit.
    pub(crate) system_ticks: u64,
}

/// A running server; dropping it kills the process and removes its directory.
pub(crate) struct ServerProcess {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl ServerProcess {
    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The server's own directory, removed with it.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A new connection.
    pub(crate) fn client(&self) -> io::Result<Client> {
        Client::connect(self.port)
    }

    /// CPU time of all threads since the start.
    pub(crate) fn cpu_time(&self) -> io::Result<CpuTime> {
        let mut total_ns = 0;
        for task in fs::read_dir(self.proc_file("task"))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            total_ns += field(&text, 0)?;
        }
        let stat = fs::read_to_string(self.proc_file("stat"))?;
        // The program's name stands in parentheses and may hold blanks: count from its end.
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        Ok(CpuTime {
            total_ns,
            user_ticks: field(after_name, 11)?,
            system_ticks: field(after_name, 12)?,
        })
    }

    /// Resident memory in bytes, once it no longer changes (or after five seconds).
    pub(crate) fn settled_resident_bytes(&self) -> io::Result<u64> {
        let mut before = self.resident_bytes()?;
        for _ in 0..SETTLE_STEPS {
            thread::sleep(SETTLE_STEP);
            let now = self.resident_bytes()?;
            if now == before {
                break;
            }
            before = now;
        }
        Ok(before)
    }

    /// Memory in bytes that the server's children share with no other process.
    ///
    /// Takes time in proportion to their pages.
    pub(crate) fn private_bytes_of_children(&self) -> io::Result<u64> {
        let id = self.child.id();
        let children = fs::read_to_string(self.proc_file(&format!("task/{id}/children")))?;
        let mut bytes = 0;
        for child in children.split_whitespace() {
            // A child that has just ended has no memory.
            let pages = fs::read_to_string(format!("/proc/{child}/smaps_rollup"));
            for line in pages.unwrap_or_default().lines() {
                if line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:") {
                    bytes += field(line, 1)? * 1024;
                }
            }
        }
        Ok(bytes)
    }

    /// Ends the server with SIGTERM and starts `side` in the same directory, on another port.
    ///
    /// Returns how long the new process took to answer PING.
    pub(crate) fn restart(&mut self, side: &Side) -> io::Result<Duration> {
        self.terminate()?;
        let start = Instant::now();
        (self.child, self.port) = side.spawn(&[], self.directory.path())?;
        side.wait(self)?;
        Ok(start.elapsed())
    }

    /// Ends the server with SIGTERM and waits for it; needed where a profiler writes at the end.
    pub(crate) fn terminate(&mut self) -> io::Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status()?;
        if !sent.success() {
            return Err(io::Error::other("the server was gone before SIGTERM"));
        }
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > STOP_LIMIT {
                return Err(io::Error::other("the server does not end on SIGTERM"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Resident memory in bytes at this moment.
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        let status = fs::read_to_string(self.proc_file("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(field(line.unwrap_or_default(), 0)? * 1024)
    }

    fn wait_until_ready(&mut self, protocol: Protocol) -> io::Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("it ended with {status}")));
            }
            let client = Client::connect(self.port);
            let answer = client.and_then(|mut client| match protocol {
                Protocol::Redis => client.call(&[b"PING"]).map(|_| ()),
                Protocol::Memcached => Ok(()),
            });
            match answer {
                Ok(()) => return Ok(()),
                Err(error) if start.elapsed() > START_LIMIT => return Err(error),
                Err(_) => thread::sleep(READY_INTERVAL),
            }
        }
    }

    fn proc_file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Moves this process to the load's core and raises its limit of open files as far as it goes;
/// children inherit both. Returns that limit.
pub(crate) fn prepare_this_process() -> io::Result<u64> {
    let id = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["-a", "-c", "-p", &LOAD_CORE.to_string(), &id])
        .stdout(Stdio::null())
        .status()?;
    if !pinned.success() {
        return Err(io::Error::other(
            "two cores and taskset (util-linux) are needed",
        ));
    }
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let hard_limit = field(line.unwrap_or_default(), 1)?;
    let raised = Command::new("prlimit")
        .args(["--pid", &id, &format!("--nofile={hard_limit}:{hard_limit}")])
        .status()?;
    if !raised.success() {
        return Err(io::Error::other(
            "prlimit (util-linux) cannot raise the open files",
        ));
    }
    Ok(hard_limit)
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// The number at `index` among the blank-separated fields of `text`.
fn field(text: &str, index: usize) -> io::Result<u64> {
    let word = text.split_whitespace().nth(index);
    word.and_then(|word| word.parse().ok())
        .ok_or_else(|| io::Error::other(format!("field {index} of '{}' is no number", text.trim())))
}
