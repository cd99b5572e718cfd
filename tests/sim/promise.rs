//! Nobody waits for somebody else's work: thousands of clients against the server's own scheduler.
//!
//! ```text
//!  crowd: what many clients do at once     probe: sends PING, waits for the reply, sends again
//!              └────────────── one scheduler, one clock ──────────────┘
//! ```
//!
//! Time is simulated and costs what it does on a real machine, about: a system call 5 µs, a byte
//! that is read or written 2 ns, a step between two looks at the clock 5 µs. So how long a PING
//! waited is a number that is the same in every run, and its bounds are those that `scheduler/`
//! promises.
//!
//! Not here: whether replies are right (`world.rs`).

use evenkeel::node::Node;
use evenkeel::server::{Edge, LinkId, Scheduler, Talker};
use evenkeel::session::{Peer, Transport};
use evenkeel::{Config, Expire, Timestamp};
use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};

const CALL_US: u64 = 5;
const STEP_US: u64 = 5;
const BYTES_PER_US: u64 = 500;
const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// What a client does when it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// One PING after the other.
    Probe,
    /// Sends its request again as soon as the server has read it, and takes every reply.
    Sends(&'static [u8]),
    /// Sends its request again and again, and takes no reply.
    TakesNothing(&'static [u8]),
    /// Sends its request once, and takes every byte that comes.
    SendsOnce(&'static [u8]),
    /// Nothing.
    Idle,
    /// Has closed its side.
    Gone,
}

struct Client {
    habit: Habit,
    link: Option<LinkId>,
    to_server: VecDeque<u8>,
    asked_us: Option<u64>,
}

/// Clients, their sockets and the time.
struct Town {
    time_us: Cell<u64>,
    clients: Vec<Client>,
    /// Which client has the link of a slot.
    by_slot: Vec<usize>,
    waiting: VecDeque<usize>,
    accepted: usize,
    longest_wait_us: u64,
    pong_count: u64,
    closed_count: usize,
    /// What clients that send once have taken in all.
    taken_bytes: usize,
}

impl Town {
    fn spend(&self, bytes: usize) {
        let cost_us = CALL_US + bytes as u64 / BYTES_PER_US;
        self.time_us.set(self.time_us.get() + cost_us);
    }

    fn client(&mut self, link: LinkId) -> &mut Client {
        let client = &mut self.clients[self.by_slot[link.slot as usize]];
        assert_eq!(client.link, Some(link), "a link that has ended is asked");
        client
    }
}

impl Edge for Town {
    fn monotonic_us(&self) -> u64 {
        self.time_us.set(self.time_us.get() + STEP_US);
        self.time_us.get()
    }

    fn read(&mut self, link: LinkId, buffer: &mut [u8]) -> io::Result<usize> {
        let client = self.client(link);
        let count = buffer.len().min(client.to_server.len());
        for (slot, byte) in buffer.iter_mut().zip(client.to_server.drain(..count)) {
            *slot = byte;
        }
        let is_gone = client.habit == Habit::Gone;
        self.spend(count);
        if count > 0 || is_gone {
            return Ok(count);
        }
        Err(ErrorKind::WouldBlock.into())
    }

    fn write(&mut self, link: LinkId, bytes: &[u8]) -> io::Result<usize> {
        if let Habit::TakesNothing(_) = self.client(link).habit {
            self.spend(0);
            return Err(ErrorKind::WouldBlock.into());
        }
        self.spend(bytes.len());
        let time_us = self.time_us.get();
        let client = self.client(link);
        match client.habit {
            Habit::Probe => {
                assert_eq!(bytes, b"+PONG\r\n");
                let asked_us = client.asked_us.take().expect("a reply to a request");
                self.longest_wait_us = self.longest_wait_us.max(time_us - asked_us);
                self.pong_count += 1;
            }
            Habit::SendsOnce(_) => self.taken_bytes += bytes.len(),
            Habit::Sends(_) | Habit::TakesNothing(_) | Habit::Idle | Habit::Gone => {}
        }
        Ok(bytes.len())
    }

    fn drain(&mut self, _: LinkId) {
        self.spend(0);
    }

    fn close(&mut self, link: LinkId) {
        self.spend(0);
        self.client(link).link = None;
        self.closed_count += 1;
    }

    fn accept(&mut self, _: usize, _: u32) -> io::Result<Peer> {
        self.spend(0);
        self.accepted = self.waiting.pop_front().ok_or(ErrorKind::WouldBlock)?;
        Ok(Peer {
            address: "client:0".into(),
            local_address: "server:0".into(),
            transport: Transport::Tcp,
            descriptor: -1,
            certified_name: None,
        })
    }

    fn admit(&mut self, link: LinkId, _: Talker) -> io::Result<()> {
        self.spend(0);
        let slot = link.slot as usize;
        if self.by_slot.len() <= slot {
            self.by_slot.resize(slot + 1, 0);
        }
        self.by_slot[slot] = self.accepted;
        self.clients[self.accepted].link = Some(link);
        Ok(())
    }

    fn refuse(&mut self, _: &[u8]) {
        panic!("a client was refused, with fewer than maxclients");
    }

    fn exchange_with_disk(&mut self, _: &mut Node, _: Timestamp) {}

    fn stand_still(&mut self, duration_us: u64) {
        self.time_us.set(self.time_us.get() + duration_us);
    }
}

struct Simulation {
    scheduler: Scheduler<Town>,
}

impl Simulation {
    fn new() -> Self {
        let config = Config {
            hash_seed: 1,
            maxclients: 20_000,
            protected_mode: false,
            ..Config::default()
        };
        let town = Town {
            time_us: Cell::new(0),
            clients: Vec::new(),
            by_slot: Vec::new(),
            waiting: VecDeque::new(),
            accepted: 0,
            longest_wait_us: 0,
            pong_count: 0,
            closed_count: 0,
            taken_bytes: 0,
        };
        let node = Node::new(config, at(0));
        let scheduler = Scheduler::new(node, town, 1);
        Self { scheduler }
    }

    fn town(&mut self) -> &mut Town {
        self.scheduler.edge_mut()
    }

    fn connect(&mut self, count: usize, habit: Habit) {
        let town = self.scheduler.edge_mut();
        for _ in 0..count {
            town.waiting.push_back(town.clients.len());
            town.clients.push(Client {
                habit,
                link: None,
                to_server: VecDeque::new(),
                asked_us: None,
            });
        }
        self.scheduler.note_waiting(0);
    }

    /// Turns until all that have come are accepted.
    fn let_in(&mut self) {
        while !self.town().waiting.is_empty() {
            self.turn();
        }
    }

    /// Clients do what they like; then one turn. Returns whether anything happened before it.
    fn turn(&mut self) -> bool {
        let mut events = Vec::new();
        let town = self.scheduler.edge_mut();
        let time_us = town.time_us.get();
        for client in &mut town.clients {
            let Some(link) = client.link else { continue };
            let request = match client.habit {
                Habit::Probe if client.asked_us.is_none() => {
                    client.asked_us = Some(time_us);
                    PING
                }
                Habit::Sends(request) | Habit::TakesNothing(request)
                    if client.to_server.is_empty() =>
                {
                    request
                }
                Habit::SendsOnce(request) if client.asked_us.is_none() => {
                    client.asked_us = Some(time_us);
                    request
                }
                _ => continue,
            };
            client.to_server.extend(request);
            events.push(link);
        }
        let now = at(time_us);
        for &link in &events {
            self.scheduler.note_readable(link, false);
        }
        self.scheduler.turn(now, events.is_empty());
        !events.is_empty()
    }

    fn is_busy(&mut self) -> bool {
        let now = at(self.town().time_us.get());
        self.scheduler.is_busy(now)
    }

    /// Closes the clients' side of all that have a habit.
    fn part(&mut self, habit: Habit) {
        let town = self.scheduler.edge_mut();
        let mut links = Vec::new();
        for client in &mut town.clients {
            if client.habit == habit {
                client.habit = Habit::Gone;
                links.extend(client.link);
            }
        }
        for link in links {
            self.scheduler.note_readable(link, true);
        }
    }

    /// The longest of so many turns, in microseconds.
    fn longest_turn_us(&mut self, turns: usize) -> u64 {
        let mut longest_us = 0;
        for _ in 0..turns {
            let begin_us = self.town().time_us.get();
            self.turn();
            longest_us = longest_us.max(self.town().time_us.get() - begin_us);
        }
        longest_us
    }

    /// The longest time that a PING waited in so many turns, in microseconds.
    fn longest_wait_us(&mut self, turns: usize) -> u64 {
        self.town().longest_wait_us = 0;
        let before = self.town().pong_count;
        for _ in 0..turns {
            self.turn();
        }
        assert!(self.town().pong_count > before, "no PING was answered");
        self.town().longest_wait_us
    }
}

fn at(monotonic_us: u64) -> Timestamp {
    Timestamp {
        unix_us: 1_700_000_000_000_000 + monotonic_us,
        monotonic_us,
    }
}

/// A pipeline of 1,000 requests in 16,000 bytes.
fn pipeline() -> &'static [u8] {
    Box::leak(b"*1\r\n$4\r\nPING\r\n".repeat(1_000).into_boxed_slice())
}

/// Goal: a client that waits for one answer goes before pipelines, however many. Method: its PING
/// may wait for the pipelines of one turn's slice and for its own, not for those of 2,000 clients,
/// which take some 60 ms.
#[test]
fn a_ping_waits_for_one_slice_of_pipelines() {
    let mut simulation = Simulation::new();
    let pipeline = pipeline();
    simulation.connect(2_000, Habit::Sends(pipeline));
    simulation.let_in();
    for _ in 0..500 {
        simulation.turn();
    }
    // A client that has only just come does not wait for them either.
    simulation.connect(20, Habit::Probe);
    let wait_us = simulation.longest_wait_us(500);
    assert!(wait_us < 1_500, "a PING waited {wait_us} us");
}

/// Goal: a fleet that restarts stalls nobody. Method: 10,000 clients come at once, then go at once;
/// both take many turns, and none of them is long.
#[test]
fn a_ping_waits_for_one_slice_of_clients_that_come_or_go() {
    let mut simulation = Simulation::new();
    simulation.connect(1, Habit::Probe);
    simulation.let_in();
    simulation.connect(10_000, Habit::Idle);
    let wait_us = simulation.longest_wait_us(50);
    assert!(
        wait_us < 600,
        "a PING waited {wait_us} us while clients came"
    );
    simulation.let_in();
    assert_eq!(simulation.scheduler.node().connection_count(), 10_001);

    simulation.part(Habit::Idle);
    let wait_us = simulation.longest_wait_us(50);
    assert!(
        wait_us < 600,
        "a PING waited {wait_us} us while clients went"
    );
    assert!(simulation.town().closed_count < 10_000, "they went at once");
    simulation.longest_wait_us(5_000);
    assert_eq!(simulation.scheduler.node().connection_count(), 1);
}

/// Goal: clients that read nothing cost nothing. Method: once their output is at the mark, nothing
/// is executed for them, and the loop waits for events instead of turning.
#[test]
fn clients_that_take_no_reply_come_to_rest() {
    let mut simulation = Simulation::new();
    let pipeline = pipeline();
    simulation.connect(200, Habit::TakesNothing(pipeline));
    simulation.let_in();
    // The sockets fill up, and then nothing more arrives that would be an event.
    let mut turn_count = 0;
    while simulation.turn() || simulation.is_busy() {
        turn_count += 1;
        assert!(turn_count < 5_000, "the loop turns for nothing");
    }
    simulation.connect(1, Habit::Probe);
    simulation.let_in();
    let wait_us = simulation.longest_wait_us(100);
    assert!(wait_us < 600, "a PING waited {wait_us} us");
}

/// Goal: keys that fall due together stall nobody. Method: 200,000 of them at one moment.
#[test]
fn a_ping_waits_for_one_slice_of_expiry() {
    let mut simulation = Simulation::new();
    simulation.connect(1, Habit::Probe);
    simulation.let_in();
    let engine = simulation.scheduler.node_mut().engine_mut();
    for number in 0..200_000_u32 {
        engine
            .set(
                &number.to_le_bytes(),
                b"value",
                Expire::AtUnixMs(at(0).unix_ms() + 1_000),
            )
            .expect("there is no limit");
    }
    simulation.town().time_us.set(1_000_000);
    let wait_us = simulation.longest_wait_us(100);
    assert!(wait_us < 600, "a PING waited {wait_us} us");
    let left = simulation.scheduler.node().engine().len();
    assert!(left > 0 && left < 200_000, "{left} keys are left");
}

/// Regression: whatever a turn had made was written in that turn; a command that thousands of
/// clients watch held everybody up for as many system calls, 15 ms here; now what others cause is
/// written in slices. Goal: no turn is longer than some of them. Method: 3,000 monitors, and a
/// probe whose every PING they are shown.
#[test]
fn messages_to_thousands_make_no_long_turn() {
    let mut simulation = Simulation::new();
    simulation.connect(3_000, Habit::SendsOnce(b"*1\r\n$7\r\nMONITOR\r\n"));
    simulation.let_in();
    while simulation.turn() || simulation.is_busy() {}
    let begun_bytes = simulation.town().taken_bytes;
    simulation.connect(1, Habit::Probe);
    simulation.let_in();
    let turn_us = simulation.longest_turn_us(500);
    assert!(turn_us < 600, "a turn took {turn_us} us");

    // Everybody gets all of it in the end, and the loop comes to rest.
    simulation.part(Habit::Probe);
    let pong_count = simulation.town().pong_count as usize;
    while simulation.turn() || simulation.is_busy() {}
    let line = "+1700000000.000000 [0 client:0] \"PING\"\r\n";
    let expected_bytes = 3_000 * pong_count * line.len();
    assert_eq!(simulation.town().taken_bytes - begun_bytes, expected_bytes);
}

/// Regression: one write took as much as the socket did, and a reply of 16 MiB held everybody up
/// for 33 ms here; now it is written in pieces. Method: ten clients that ask for such a reply each,
/// and a probe.
#[test]
fn a_ping_waits_for_one_piece_of_large_replies() {
    const VALUE_BYTES: usize = 16 << 20;
    let mut simulation = Simulation::new();
    let engine = simulation.scheduler.node_mut().engine_mut();
    let value = vec![b'v'; VALUE_BYTES];
    engine
        .set(b"large", &value, Expire::Never)
        .expect("no limit");
    simulation.connect(1, Habit::Probe);
    simulation.connect(10, Habit::SendsOnce(b"*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n"));
    let wait_us = simulation.longest_wait_us(2_000);
    // Ten first pieces in one turn, and one more.
    let piece_us = (17 << 16) / BYTES_PER_US;
    assert!(wait_us < 4 * piece_us, "a PING waited {wait_us} us");
    let reply_bytes = format!("${VALUE_BYTES}\r\n\r\n").len() + VALUE_BYTES;
    assert_eq!(simulation.town().taken_bytes, 10 * reply_bytes);
}

/// Regression: a script without an end took a millisecond of each turn, and whoever came in one of
/// them was answered after the next: PINGs took 2 ms. Goal: they wait for two slices.
#[test]
fn a_ping_waits_for_two_slices_of_a_script() {
    let mut simulation = Simulation::new();
    let script = b"*3\r\n$4\r\nEVAL\r\n$17\r\nwhile true do end\r\n$1\r\n0\r\n";
    simulation.connect(1, Habit::SendsOnce(script));
    simulation.let_in();
    simulation.turn();
    assert!(simulation.scheduler.node().has_job());
    simulation.connect(1, Habit::Probe);
    simulation.let_in();
    let wait_us = simulation.longest_wait_us(20);
    assert!(wait_us < 600, "a PING waited {wait_us} us");
    assert!(simulation.scheduler.node().has_job());
}
