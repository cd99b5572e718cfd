//! The server as a service: what it tells its manager, what it takes from it, its signals.
//!
//! The test is the service manager: it holds the notify socket, passes listening sockets and sends
//! signals. Every wait is for a message and bounded by `support::PATIENCE`.
//!
//! Not here: a real systemd (`packaging/try-systemd.sh`), what clients see (`process.rs`).

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::client::Address;
use crate::support::disk::Disk;
use crate::support::server::ServerProcess;
use crate::support::value::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_evenkeel");

/// The service manager's end of the notify socket.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = folder();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("the path is free");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket takes a timeout");
        Self {
            socket,
            path,
            _folder: folder,
        }
    }

    /// Starts the server with this manager.
    fn start(&self, arguments: &[&str], adjust: impl FnOnce(&mut Command)) -> ServerProcess {
        let mut command = Command::new(BINARY);
        command.args(arguments).env("NOTIFY_SOCKET", &self.path);
        command.stdin(Stdio::null());
        adjust(&mut command);
        ServerProcess::run(&mut command)
    }

    /// The next message. A signal to this process, which other tests share, ends no wait.
    fn message(&self) -> String {
        let mut buffer = [0; 1024];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(count) => return String::from_utf8_lossy(&buffer[..count]).into_owned(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no message comes: {error}"),
            }
        }
    }

    /// The next message that has this line.
    fn wait_for(&self, line: &str) -> String {
        loop {
            let message = self.message();
            if message.lines().any(|found| found == line) {
                return message;
            }
        }
    }

    /// Returns when no message has come for `period`.
    fn wait_for_silence(&self, period: Duration) {
        let wait = |limit| {
            let set = self.socket.set_read_timeout(Some(limit));
            set.expect("a socket takes a timeout");
        };
        wait(period);
        let end = Instant::now() + PATIENCE;
        let error = loop {
            match self.socket.recv(&mut [0; 1024]) {
                Ok(_) => assert!(Instant::now() < end, "it is told without a gap"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        wait(PATIENCE);
    }

    fn expect_silence(&self) {
        self.socket
            .set_nonblocking(true)
            .expect("a socket takes the mode");
        let error = self.socket.recv(&mut [0; 1024]).expect_err("no message");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        self.socket
            .set_nonblocking(false)
            .expect("a socket takes the mode");
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

/// The bytes of a snapshot with one key.
fn snapshot() -> Vec<u8> {
    let mut server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    assert_eq!(client.line("SET k v"), ok());
    client.send(&["SHUTDOWN", "SAVE"]).expect("it is sent");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
    std::fs::read(server.directory().join("dump.evk")).expect("the snapshot is there")
}

/// A folder with a snapshot that has one key, `k`.
fn folder_with_snapshot() -> TempDir {
    let folder = folder();
    std::fs::write(folder.path().join("dump.evk"), snapshot()).expect("a file can be made");
    folder
}

#[test]
fn ready_is_said_when_everything_is_loaded() {
    let (folder, disk) = (folder_with_snapshot(), Disk::new());
    let stall = disk.stall();
    let manager = Manager::new();
    let arguments = ["--port", "0", "--save", "", "--dir", text(folder.path())];
    let server = manager.start(&arguments, |command| disk.attach(command));
    let loading = manager.message();
    assert!(loading.starts_with("STATUS=Loading "), "{loading}");
    assert!(loading.contains("\nEXTEND_TIMEOUT_USEC="), "{loading}");
    manager.expect_silence();
    stall.end();
    assert_eq!(manager.message(), "READY=1\nSTATUS=1 keys, 0 clients");
    assert_eq!(server.client().line("GET k"), Value::Bulk(b"v".to_vec()));
    let info = server.client().line("INFO server").text();
    assert!(info.contains("process_supervised:systemd\r\n"), "{info}");
}

#[test]
fn a_server_that_is_still_loading_ends_at_once() {
    let (folder, disk) = (folder_with_snapshot(), Disk::new());
    let _stall = disk.stall();
    let manager = Manager::new();
    let arguments = ["--port", "0", "--dir", text(folder.path())];
    let mut server = manager.start(&arguments, |command| disk.attach(command));
    assert!(manager.message().starts_with("STATUS=Loading "));
    server.signal("TERM");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
}

/// Goal: the watchdog notices a loop that hangs. Method: it is fed while the loop turns, and not
/// once while DEBUG SLEEP holds it, which is much longer than the period.
#[test]
fn the_watchdog_is_fed_by_the_loop_and_not_while_it_hangs() {
    const PERIOD_USEC: &str = "100000";
    const HANG: Duration = Duration::from_millis(1_000);
    let manager = Manager::new();
    let options = ["--port", "0", "--enable-debug-command", "yes"];
    let server = manager.start(&options, |command| {
        command.env("WATCHDOG_USEC", PERIOD_USEC);
    });
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    let mut client = server.client();
    client.send(&["DEBUG", "SLEEP", "1.1"]).expect("it is sent");
    let end = Instant::now() + PATIENCE;
    let mut last = Instant::now();
    let mut longest = Duration::ZERO;
    while longest < HANG {
        manager.wait_for("WATCHDOG=1");
        longest = longest.max(last.elapsed());
        last = Instant::now();
        assert!(last < end, "it is fed without a gap: {longest:?}");
    }
    manager.wait_for("WATCHDOG=1");
}

/// Goal: a loop that hangs costs a restart and no saved key. Method: the test does what systemd
/// does when the watchdog is silent: SIGABRT, and a start in the same directory.
#[test]
fn a_service_whose_loop_hangs_is_started_again_with_its_data() {
    const PERIOD_USEC: &str = "100000";
    const SILENCE: Duration = Duration::from_secs(1);
    let folder = folder();
    let manager = Manager::new();
    let options = ["--port", "0", "--dir", text(folder.path())];
    let options = [&options[..], &["--enable-debug-command", "yes"]].concat();
    let start = || {
        manager.start(&options, |command| {
            command.env("WATCHDOG_USEC", PERIOD_USEC);
        })
    };
    let mut server = start();
    manager.wait_for("WATCHDOG=1");
    let mut client = server.client();
    assert_eq!(client.line("SET k v"), ok());
    assert_eq!(client.line("SAVE"), ok());
    client.send(&["DEBUG", "SLEEP", "600"]).expect("it is sent");
    manager.wait_for_silence(SILENCE);
    server.signal("ABRT");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), None);

    let next = start();
    assert!(manager.message().starts_with("STATUS=Loading "));
    assert_eq!(manager.message(), "READY=1\nSTATUS=1 keys, 0 clients");
    manager.wait_for("WATCHDOG=1");
    assert_eq!(next.client().line("GET k"), Value::Bulk(b"v".to_vec()));
}

#[test]
fn a_watchdog_for_another_process_is_not_fed() {
    let manager = Manager::new();
    let mut server = manager.start(&["--port", "0"], |command| {
        command
            .env("WATCHDOG_USEC", "1000")
            .env("WATCHDOG_PID", "1");
    });
    manager.wait_for("READY=1");
    // Each takes a turn of the loop or more.
    for _ in 0..100 {
        server.client().line("PING");
    }
    server.signal("TERM");
    assert!(manager.message().starts_with("STOPPING=1\n"));
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
}

#[test]
fn without_supervision_nothing_is_said() {
    let manager = Manager::new();
    let mut server = manager.start(&["--port", "0", "--supervised", "no"], |_| {});
    server.wait_for_log("ready to accept connections");
    server.signal("TERM");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
    manager.expect_silence();
}

#[test]
fn supervision_that_is_asked_for_and_absent_is_a_warning() {
    let mut server = ServerProcess::evenkeel(&["--supervised", "systemd"]);
    server.wait_for_log("no NOTIFY_SOCKET");
    assert_eq!(
        server.client().line("PING"),
        Value::Simple(b"PONG".to_vec())
    );
}

/// Starts the server as systemd does for a socket unit: the socket is descriptor 3.
fn start_with_socket(socket: OwnedFd, arguments: &[&str]) -> ServerProcess {
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", BINARY]).args(arguments);
    command.stdin(Stdio::from(socket));
    ServerProcess::run(&mut command)
}

#[test]
fn a_passed_tcp_socket_is_served_in_place_of_the_configured_ones() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the system gives a port");
    let address = listener.local_addr().expect("a listener has an address");
    let server = start_with_socket(listener.into(), &["--port", "1", "--bind", "192.0.2.1"]);
    assert_eq!(server.tcp_address(), address.to_string());
    let mut client = server.client();
    assert_eq!(client.line("SET k v"), ok());
    let info = client.line("INFO server");
    assert!(
        info.text()
            .contains(&format!("tcp_port:{}\r\n", address.port()))
    );
}

#[test]
fn a_passed_unix_socket_is_served_and_its_name_left() {
    let folder = folder();
    let path = folder.path().join("passed");
    let listener = UnixListener::bind(&path).expect("the path is free");
    let mut server = start_with_socket(listener.into(), &[]);
    assert!(matches!(server.address(), Address::Unix(found) if *found == path));
    assert_eq!(server.client().line("SET k v"), ok());
    server.signal("TERM");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
    assert!(path.exists(), "whoever made it removes it");
}

/// Goal: with a socket that the manager holds, a kill refuses nobody. Method: a client connects and
/// asks while no server is there.
#[test]
fn a_client_that_comes_between_a_kill_and_the_restart_is_served() {
    let folder = folder();
    let listener = TcpListener::bind("127.0.0.1:0").expect("the system gives a port");
    let address = listener.local_addr().expect("a listener has an address");
    let start = || {
        let socket = listener.try_clone().expect("a descriptor can be copied");
        start_with_socket(socket.into(), &["--dir", text(folder.path())])
    };
    let mut server = start();
    let mut client = server.client();
    assert_eq!(client.line("SET k v"), ok());
    assert_eq!(client.line("SAVE"), ok());
    server.signal("KILL");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), None);
    let mut client = crate::support::client::Client::connect(&Address::Tcp(address.to_string()));
    client.send(&["GET", "k"]).expect("the kernel takes it");
    let _next = start();
    let reply = client.read_reply().expect("the reply comes");
    assert_eq!(reply, b"$1\r\nv\r\n");
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let mut command = Command::new(BINARY);
    command.args(["--port", "0"]).stdin(Stdio::null());
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    let server = ServerProcess::run(&mut command);
    assert_eq!(
        server.client().line("PING"),
        Value::Simple(b"PONG".to_vec())
    );
}

#[test]
fn sighup_sets_what_changed_in_the_file() {
    let folder = folder();
    let file = folder.path().join("evenkeel.conf");
    let write = |content: &str| std::fs::write(&file, content).expect("the file is written");
    write("port 0\ntimeout 100\nmaxclients 50\n");
    let manager = Manager::new();
    let mut server = manager.start(&[text(&file)], |_| {});
    manager.wait_for("READY=1");
    let mut client = server.client();
    assert_eq!(client.line("CONFIG SET maxclients 60"), ok());
    let value = |name: &str, value: &str| {
        Value::Array(vec![
            Value::Bulk(name.as_bytes().to_vec()),
            Value::Bulk(value.as_bytes().to_vec()),
        ])
    };

    write("port 0\ntimeout 200\nmaxclients 50\ndatabases 3\n");
    server.signal("HUP");
    let reloading = manager.message();
    assert!(reloading.starts_with("RELOADING=1\n"), "{reloading}");
    assert_eq!(manager.message(), "READY=1\nSTATUS=0 keys, 1 clients");
    server.wait_for_log("configuration reloaded: set timeout");
    server.wait_for_log("changed only by a restart: databases");
    assert_eq!(client.line("CONFIG GET timeout"), value("timeout", "200"));
    assert_eq!(
        client.line("CONFIG GET maxclients"),
        value("maxclients", "60")
    );

    write("timeout many\n");
    server.signal("HUP");
    manager.wait_for("RELOADING=1");
    manager.wait_for("READY=1");
    let refusal = server.wait_for_log("cannot reload");
    assert!(refusal.contains("timeout"), "{refusal}");
    assert_eq!(client.line("CONFIG GET timeout"), value("timeout", "200"));
}

#[test]
fn sighup_opens_the_log_file_again() {
    let folder = folder();
    let (log, moved) = (folder.path().join("log"), folder.path().join("log.1"));
    let manager = Manager::new();
    let port = crate::support::server::free_port().to_string();
    let mut child = Command::new(BINARY)
        .args(["--port", &port, "--logfile", text(&log), "--save", ""])
        .current_dir(folder.path())
        .env("NOTIFY_SOCKET", &manager.path)
        .spawn()
        .expect("the binary starts");
    manager.wait_for("READY=1");
    std::fs::rename(&log, &moved).expect("the log is there");
    for signal in ["-HUP", "-TERM"] {
        let id = child.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status();
        assert!(status.expect("kill exists").success());
        manager.wait_for(if signal == "-HUP" {
            "READY=1"
        } else {
            "STOPPING=1"
        });
    }
    assert!(child.wait().expect("the child ends").success());
    let content = |path: &Path| std::fs::read_to_string(path).expect("the log is text");
    assert!(content(&moved).contains("ready to accept"));
    assert!(!content(&moved).contains("stopped"));
    assert!(content(&log).contains("stopped"));
}

#[test]
fn sigusr1_logs_a_summary() {
    let mut server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    assert_eq!(client.line("SET k v"), ok());
    server.signal("USR1");
    let line = server.wait_for_log("summary: ");
    assert!(line.contains("summary: 1 clients, 1 keys, "), "{line}");
    assert!(line.contains(" 1 commands, "), "{line}");
    assert!(line.contains(" longest turn "), "{line}");
}

#[test]
fn sigterm_says_so_and_saves() {
    let manager = Manager::new();
    let mut server = manager.start(&["--port", "0"], |_| {});
    manager.wait_for("READY=1");
    assert_eq!(server.client().line("SET k v"), ok());
    server.signal("TERM");
    assert!(manager.message().starts_with("STOPPING=1\n"));
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
    let directory = text(server.directory());
    let next = ServerProcess::evenkeel(&["--dir", directory]);
    assert_eq!(next.client().line("GET k"), Value::Bulk(b"v".to_vec()));
}

/// Goal: the end is given more time while the disk is slow, and a second SIGINT does not wait.
/// Method: the disk never answers.
#[test]
fn a_slow_end_asks_for_time_and_a_second_interrupt_does_not_wait_for_it() {
    let manager = Manager::new();
    let disk = Disk::new();
    let mut server = manager.start(&["--port", "0"], |command| disk.attach(command));
    manager.wait_for("READY=1");
    assert_eq!(server.client().line("SET k v"), ok());
    let _stall = disk.stall();
    server.signal("INT");
    manager.wait_for("STATUS=Stopping");
    let saving = manager.message();
    assert!(
        saving.contains("\nSTATUS=Saving the last snapshot: 1 keys so far\nEXTEND_TIMEOUT_USEC="),
        "{saving}"
    );
    server.signal("INT");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(1));
}

#[test]
fn after_a_kill_the_last_snapshot_is_there() {
    let mut server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    assert_eq!(client.line("SET k saved"), ok());
    assert_eq!(client.line("SAVE"), ok());
    assert_eq!(client.line("SET k lost"), ok());
    server.signal("KILL");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), None);
    let next = ServerProcess::evenkeel(&["--dir", text(server.directory())]);
    assert_eq!(next.client().line("GET k"), Value::Bulk(b"saved".to_vec()));
}

#[test]
fn the_journal_gets_priorities_and_no_times() {
    let script = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", BINARY, "--port", "0"]);
    let mut server = ServerProcess::run(command.stdin(Stdio::null()));
    let line = server.wait_for_log("ready to accept connections");
    assert!(line.starts_with("<6>ready to accept connections"), "{line}");
    let mut server = ServerProcess::evenkeel(&[]);
    let line = server.wait_for_log("ready to accept connections");
    assert!(line.starts_with("[20"), "{line}");
}

#[test]
fn the_process_id_is_in_its_file_while_the_server_runs() {
    let folder = folder();
    let path = folder.path().join("pid");
    let mut server = ServerProcess::evenkeel(&["--pidfile", text(&path)]);
    server.wait_for_log("ready to accept connections");
    assert_eq!(
        std::fs::read_to_string(&path).expect("the file is there"),
        format!("{}\n", server.id())
    );
    server.signal("INT");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn daemonize_stays_in_the_foreground_and_says_so() {
    let mut server = ServerProcess::evenkeel(&["--daemonize", "yes"]);
    server.wait_for_log("daemonize yes: stays in the foreground");
    server.wait_for_log("ready to accept connections");
    server.signal("TERM");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
}
