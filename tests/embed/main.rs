//! The cache inside another program: only what the library makes public.
//!
//! Goal: a program needs nothing but the names of the library's front, and what is promised about
//! them holds. `tests/tidy/front.rs` sees to it that this test takes no others.
//!
//! Not here: single commands (`tests/scripts/`), the server as a process
//! (`tests/server/process.rs`).

mod cache;
mod removals;
mod typed;

use evenkeel::{
    CacheEngine, Config, Execution, Expire, OwnedArgs, Peer, Server, SessionKey, StopHandle,
    TimeToLive, Timestamp, WriteError, WrongType,
};
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

const START: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

/// A read that takes this long has failed; nothing here waits for it otherwise.
const PATIENCE: Duration = Duration::from_secs(20);

fn execute(cache: &mut CacheEngine, session: SessionKey, words: &[&str], now: Timestamp) -> String {
    let request = OwnedArgs::from_slices(words);
    let mut reply = Vec::new();
    let execution = cache.execute(session, request.args(), now, &mut reply);
    assert_eq!(execution, Execution::Done);
    String::from_utf8(reply).expect("replies here are text")
}

#[test]
fn a_program_keeps_values_for_a_while() {
    let mut cache = CacheEngine::new(Config::default());
    cache.advance_to(START);
    cache
        .set(b"page", b"<html>", Expire::After(Duration::from_secs(2)))
        .expect("there is room");
    cache
        .set(b"visits", b"9", Expire::Never)
        .expect("there is room");
    assert_eq!(cache.incr(b"visits", 1), Ok(10));
    assert_eq!(cache.incr(b"page", 1), Err(WriteError::NotAnInteger));
    assert_eq!(
        WriteError::Overflow.to_string(),
        "increment or decrement would overflow"
    );
    assert_eq!(cache.get(b"page"), Some(b"<html>".to_vec()));
    assert_eq!(
        cache.ttl(b"page"),
        TimeToLive::Remaining(Duration::from_secs(2))
    );
    assert_eq!(cache.ttl(b"visits"), TimeToLive::NoExpiry);

    // The program sleeps until the next deadline, and no longer.
    let deadline_ms = cache.next_deadline_ms().expect("a key has a deadline");
    assert_eq!(deadline_ms, START.unix_ms() + 2000);
    assert!(!cache.advance_to(Timestamp::from_unix_ms(deadline_ms)));
    assert_eq!((cache.len(), cache.next_deadline_ms()), (1, None));
    assert!(!cache.contains(b"page") && cache.contains(b"visits"));
    assert!(cache.delete(b"visits") && cache.is_empty());
}

#[test]
fn a_program_keeps_sessions_queues_and_leaderboards() -> Result<(), Box<dyn Error>> {
    let mut cache = CacheEngine::new(Config::default());
    cache.advance_to(START);
    // Pairs and items may be of bytes or of text, owned or not.
    assert_eq!(cache.hash_set(b"session", &[("user", b"ada")])?, 1);
    let owned = vec![("cart".to_owned(), vec![0, 255])];
    assert_eq!(cache.hash_set(b"session", &owned)?, 1);
    assert_eq!(cache.hash_increment(b"session", b"visits", 1)?, 1);
    let hour = Expire::After(Duration::from_secs(3600));
    let minute = Duration::from_secs(60);
    assert!(cache.expire(b"session", hour));
    assert!(cache.hash_expire_field(b"session", b"cart", Expire::After(minute))?);
    let left = cache.hash_field_time_to_live(b"session", b"cart")?;
    assert_eq!(left, TimeToLive::Remaining(minute));

    assert_eq!(
        cache.list_push_back(b"jobs", &[b"resize".as_slice(), b"mail"])?,
        2
    );
    assert_eq!(cache.list_push_front(b"jobs", &["urgent"])?, 3);
    assert_eq!(cache.list_pop_front(b"jobs")?, Some(b"urgent".to_vec()));

    assert_eq!(cache.set_add(b"online", &["ada", "grace"])?, 2);
    assert!(cache.set_contains(b"online", b"ada")?);

    for (player, points) in [("ada", 90.0), ("alan", 70.0), ("grace", 80.0)] {
        assert!(cache.sorted_set_put(b"points", player.as_bytes(), points)?);
    }
    let mut players = Vec::new();
    cache.sorted_set_range_by_score(b"points", 75.0.., |player, points| {
        players.push((player.to_vec(), points));
    })?;
    assert_eq!(
        players,
        [(b"grace".to_vec(), 80.0), (b"ada".to_vec(), 90.0)]
    );

    // A queue is no hash, and a field goes when its time has come.
    assert_eq!(cache.hash_get(b"jobs", b"user"), Err(WrongType));
    assert_eq!(cache.get(b"jobs"), None);
    let outcome = cache.set_add(b"jobs", &["ada"]);
    assert_eq!(outcome, Err(WriteError::WrongType));
    assert_eq!(WrongType.to_string(), WriteError::WrongType.to_string());
    let deadline_ms = cache.next_deadline_ms().expect("a field has a deadline");
    assert_eq!(deadline_ms, START.unix_ms() + 60_000);
    cache.advance_to(Timestamp::from_unix_ms(deadline_ms));
    assert_eq!(cache.hash_get(b"session", b"cart")?, None);
    assert_eq!(cache.hash_len(b"session")?, 2);
    cache.advance_to(START.plus_ms(3_600_000));
    assert!(!cache.contains(b"session"));
    Ok(())
}

#[test]
fn bytes_are_bytes() {
    let mut cache = CacheEngine::new(Config::default());
    let all: Vec<u8> = (0..=255).collect();
    cache.set(&all, &all, Expire::Never).expect("there is room");
    cache.set(b"", b"", Expire::Never).expect("there is room");
    cache
        .set(b"large", &vec![7; 5 << 20], Expire::Never)
        .expect("there is room");
    assert_eq!(cache.get(&all), Some(all.clone()));
    assert_eq!(cache.get(b""), Some(Vec::new()));
    assert_eq!(cache.get_with(b"large", <[u8]>::len), Some(5 << 20));
    assert_eq!(cache.len(), 3);
}

#[test]
fn memory_comes_back_in_ticks() {
    let mut cache = CacheEngine::new(Config::default());
    let empty_bytes = cache.used_bytes();
    for key in 0..10_000_u32 {
        cache
            .set(
                &key.to_le_bytes(),
                &[1; 100],
                Expire::AtUnixMs(u64::from(key) + 1),
            )
            .expect("there is room");
    }
    assert!(cache.used_bytes() > empty_bytes + 10_000 * 100);
    cache.clear();
    assert!(cache.is_empty() && cache.has_work(Timestamp::default()));
    while cache.tick(Timestamp::default()) {}
    assert_eq!(cache.used_bytes(), empty_bytes);
    assert!(!cache.has_work(Timestamp::default()));
}

#[test]
fn any_command_can_be_executed() {
    let mut cache = CacheEngine::new(Config::default());
    let session = cache.open_session(Peer::embedded(), START);
    assert_eq!(
        execute(
            &mut cache,
            session,
            &["SET", "k", "a b\r\n", "PX", "50"],
            START
        ),
        "+OK\r\n"
    );
    assert_eq!(
        execute(&mut cache, session, &["GET", "k"], START),
        "$5\r\na b\r\n\r\n"
    );
    assert_eq!(
        execute(&mut cache, session, &["GET", "k"], START.plus_ms(50)),
        "$-1\r\n"
    );
    assert!(
        execute(&mut cache, session, &["FROBNICATE"], START).starts_with("-ERR unknown command")
    );
    assert_eq!(
        execute(&mut cache, session, &["SELECT", "3"], START),
        "+OK\r\n"
    );
    // Sessions know nothing of each other.
    let other = cache.open_session(Peer::embedded(), START);
    assert!(cache.info("clients").contains("connected_clients:2\r\n"));
    execute(&mut cache, other, &["SET", "mine", "1"], START);
    assert_eq!(
        execute(&mut cache, session, &["GET", "mine"], START),
        "$-1\r\n"
    );
    cache.close_session(session);
    cache.close_session(other);
    assert!(
        cache
            .info("stats")
            .contains("total_connections_received:2\r\n")
    );
    let clients = cache.info("clients");
    assert!(clients.contains("connected_clients:0\r\n"), "{clients}");
}

#[test]
fn two_caches_are_two_caches() {
    let mut first = CacheEngine::new(Config::default());
    let mut second = CacheEngine::new(Config::default());
    first.set(b"k", b"1", Expire::Never).expect("there is room");
    second
        .set(b"k", b"2", Expire::Never)
        .expect("there is room");
    assert_eq!(first.get(b"k"), Some(b"1".to_vec()));
    first.clear();
    assert_eq!(second.get(b"k"), Some(b"2".to_vec()));
}

/// A server in a thread, on a free port.
struct Running {
    address: SocketAddr,
    stop: StopHandle,
    thread: JoinHandle<io::Result<()>>,
}

impl Running {
    fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let server = Server::on_listener(config, listener).expect("the listener can be polled");
        let address = server.tcp_addresses()[0];
        let stop = server.stop_handle();
        let thread = std::thread::spawn(move || server.run());
        Self {
            address,
            stop,
            thread,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        stream
    }

    fn end(self) {
        self.stop.stop();
        let outcome = self.thread.join().expect("the server does not panic");
        outcome.expect("the server ends in order");
    }
}

/// Sends bytes, ends this side, and returns everything that comes until the server ends its side.
fn converse(mut stream: TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).expect("the server reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut reply = String::new();
    stream
        .read_to_string(&mut reply)
        .expect("the server replies");
    reply
}

#[test]
fn a_server_runs_in_a_thread_until_it_is_stopped() {
    let running = Running::start(Config::default());
    let stop = running.stop.clone();
    let request = b"SET k v\r\nINCR n\r\nGET k\r\n";
    assert_eq!(
        converse(running.connect(), request),
        "+OK\r\n:1\r\n$1\r\nv\r\n"
    );
    assert_eq!(
        converse(running.connect(), b"GET n\nFROBNICATE\n"),
        "1\r\nERROR: unknown command 'FROBNICATE', with args beginning with: \r\n"
    );
    let pings = b"PING\r\n".repeat(50_000);
    let stream = running.connect();
    let mut writer = stream.try_clone().expect("descriptors are left");
    let sender = std::thread::spawn(move || writer.write_all(&pings));
    let mut replies = vec![0; 50_000 * 7];
    (&stream)
        .read_exact(&mut replies)
        .expect("all are answered");
    assert!(replies.chunks(7).all(|reply| reply == b"+PONG\r\n"));
    sender.join().expect("no panic").expect("all were sent");

    // A client that is connected when the server ends sees the end.
    let mut idle = running.connect();
    idle.write_all(b"PING\r\n").expect("the server reads");
    let mut pong = [0; 7];
    idle.read_exact(&mut pong).expect("the server replies");
    let address = running.address;
    running.end();
    assert_eq!(idle.read(&mut pong).expect("an end in order"), 0);
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
    stop.stop();
}

#[test]
fn two_servers_run_in_one_program() {
    let config = |password: &[u8]| Config {
        requirepass: password.to_vec(),
        ..Config::default()
    };
    let (open, closed) = (
        Running::start(config(b"")),
        Running::start(config(b"secret")),
    );
    assert_eq!(converse(open.connect(), b"SET k 1\r\n"), "+OK\r\n");
    let request = b"GET k\r\nAUTH secret\r\nGET k\r\n";
    assert_eq!(
        converse(closed.connect(), request),
        "-NOAUTH Authentication required.\r\n+OK\r\n$-1\r\n"
    );
    closed.end();
    assert_eq!(converse(open.connect(), b"GET k\r\n"), "$1\r\n1\r\n");
    open.end();
}

/// Defect: the file of users was read and checked, and its users were not taken. Effect: a server
/// on a listener of its program let everybody do everything. Fix: they are taken as by
/// `Server::bind`.
#[test]
fn a_server_on_a_listener_takes_the_users_of_their_file() {
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(file.path(), "user default on nopass +ping\n").expect("it can be written to");
    let running = Running::start(Config {
        acl_file: file.path().to_str().expect("text").into(),
        ..Config::default()
    });
    assert_eq!(
        converse(running.connect(), b"PING\r\nDBSIZE\r\n"),
        "+PONG\r\n-NOPERM User default has no permissions to run the 'dbsize' command\r\n"
    );
    running.end();
}

#[test]
fn shutdown_by_a_client_ends_the_thread() {
    let running = Running::start(Config::default());
    assert_eq!(converse(running.connect(), b"SHUTDOWN NOSAVE\r\n"), "");
    let outcome = running.thread.join().expect("the server does not panic");
    outcome.expect("the server ends in order");
}
