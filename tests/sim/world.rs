//! The whole system from a seed: the server's own scheduler and node, its clients, the clock.
//!
//! ```text
//!  step:  clients act ─▶ events ─▶ one turn of the scheduler ─▶ checks ─▶ time passes
//! ```
//!
//! The turn is the very code that serves sockets (`src/server/scheduler/`). When nothing moves,
//! time jumps to the next wakeup, which is checked to be no later than the next deadline.
//!
//! Not here: the sockets (`network.rs`), what is asked (`requests.rs`) and answered (`model.rs`).

use super::client::Client;
use super::model::Store;
use super::network::{Event, Network};
use super::requests;
use evenkeel::node::Node;
use evenkeel::server::Scheduler;
use evenkeel::{Config, Timestamp};
use fastrand::Rng;

/// A fault put in on purpose, which must not go unnoticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// The model is wrong about SET.
    WrongModel,
    /// The network loses a few bytes.
    LosesBytes,
    /// The loop forgets whom the node wants to go on.
    ForgetsReadyList,
    /// The loop sleeps past deadlines.
    Oversleeps,
    /// Encrypted clients are read one record at a time, however much room there is.
    OpensOneRecord,
    /// What encrypted clients have sent before they were admitted is not asked for.
    ForgetsFirstRecords,
}

/// What a run was like, so that a test can tell that something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) replies: u64,
    pub(crate) reply_bytes: u64,
    pub(crate) resets: u64,
    pub(crate) closes: u64,
    pub(crate) jumps: u64,
    pub(crate) expired_keys: u64,
    pub(crate) full_sockets: u64,
    /// Reads of encrypted clients that left something where no event tells of it.
    pub(crate) hidden_rests: u64,
    /// All bytes received by all clients, folded into a number.
    pub(crate) digest: u64,
}

/// Output above which the node does not go on; see `node/connection.rs`.
const OUTPUT_MARK_BYTES: usize = 256 * 1024;
/// Buffers that large requests get whatever they have received, and how many; see
/// `node/buffers.rs`.
const LARGE_BYTES: usize = (1 << 20) + (64 << 10);
const LARGE_COUNT_MAX: usize = 4;
const STEPS: usize = 400;
const SETTLE_STEPS_MAX: usize = 20_000;
/// Room in the clients' sockets while they are heard out.
const SETTLE_SOCKET_BYTES: usize = 1 << 17;

pub(crate) struct World {
    scheduler: Scheduler<Network>,
    random: Rng,
    fault: Fault,
    largest_request_bytes: usize,
    empty_bytes: usize,
    turns_with_work_left: usize,
}

impl World {
    pub(crate) fn new(seed: u64, fault: Fault) -> Self {
        let mut random = Rng::with_seed(seed);
        let timeout_s = if random.u8(0..4) == 0 { 2 } else { 0 };
        let config = Config {
            hash_seed: seed | 1,
            timeout_seconds: timeout_s,
            // Its clients have no addresses that could be local.
            protected_mode: false,
            ..Config::default()
        };
        let now = Timestamp {
            unix_us: 1_700_000_000_000_000 + random.u64(0..1_000_000),
            monotonic_us: random.u64(0..1 << 40),
        };
        let node = Node::new(config, now);
        let empty_bytes = node.engine().used_bytes();
        let mut network = Network {
            now,
            random: random.fork(),
            fault,
            store: Store::default(),
            clients: Vec::new(),
            events: Vec::new(),
            timeout_ms: u64::from(timeout_s) * 1000,
            connected_count: 0,
            accepted_count: 0,
            largest_reply_bytes: 0,
            report: Report::default(),
            error: None,
        };
        network.store.forgets_to_clear_deadlines = fault == Fault::WrongModel;
        for _ in 0..random.usize(1..9) {
            network.connect();
        }
        Self {
            scheduler: Scheduler::new(node, network, 1),
            random,
            fault,
            largest_request_bytes: 0,
            empty_bytes,
            turns_with_work_left: 0,
        }
    }

    /// Lets the clients do what they like for a while, then hears everybody out and ends.
    pub(crate) fn run(mut self) -> Result<Report, String> {
        for _ in 0..STEPS {
            for index in 0..self.network().clients.len() {
                self.act(index)?;
            }
            self.turn()?;
            self.pass_time()?;
        }
        self.settle()?;
        for client in &mut self.network().clients {
            client.ends_input = true;
        }
        self.settle()?;
        self.check_end()?;
        Ok(self.network().report)
    }

    fn network(&mut self) -> &mut Network {
        self.scheduler.edge_mut()
    }

    fn now(&self) -> Timestamp {
        self.scheduler.edge().now
    }

    /// What one client and its part of the network do before a turn.
    fn act(&mut self, index: usize) -> Result<(), String> {
        if self.network().clients[index].is_reset {
            return Ok(());
        }
        match self.random.u32(0..1000) {
            0..2 => {
                self.replace(index);
                return Ok(());
            }
            2..4 => self.network().clients[index].ends_input = true,
            4..6 => self.send(index, |_| vec![vec![b"QUIT".to_vec()]]),
            6..200 => self.send(index, |random| {
                let mut made = Vec::new();
                let count = match random.u8(0..20) {
                    0 => random.usize(1..400),
                    _ => random.usize(1..12),
                };
                while made.len() < count {
                    requests::generate(random, &mut made);
                }
                made
            }),
            200..240 => {
                let speed_bytes = 1 << self.random.u32(0..20);
                self.network().clients[index].speed_bytes = speed_bytes;
            }
            _ => {}
        }
        let most = 1 << self.random.u32(0..18);
        let count = self.random.usize(0..=most);
        self.network().deliver(index, count);
        if self.random.bool() {
            let speed_bytes = self.network().clients[index].speed_bytes;
            self.network().receive(index, speed_bytes)?;
        }
        let client = &self.network().clients[index];
        if !client.is_open && client.to_client.is_empty() {
            if !client.promised.is_empty() {
                return Err("a connection was closed before its replies were written".into());
            }
            self.replace(index);
        }
        Ok(())
    }

    fn send(&mut self, index: usize, make: impl FnOnce(&mut Rng) -> Vec<Vec<Vec<u8>>>) {
        const BACKLOG_BYTES_MAX: usize = 1 << 20;
        let client = &mut self.scheduler.edge_mut().clients[index];
        if client.ends_input || client.outgoing.len() > BACKLOG_BYTES_MAX {
            return;
        }
        for words in make(&mut self.random) {
            let bytes = requests::encode(&mut self.random, &words);
            self.largest_request_bytes = self.largest_request_bytes.max(bytes.len());
            client.say(&bytes);
            client.unanswered.push_back(words);
        }
    }

    /// The connection of a client breaks if it is open, and another client comes.
    fn replace(&mut self, index: usize) {
        if self.network().clients[index].is_open {
            self.network().reset(index);
        } else {
            self.network().clients[index].is_reset = true;
        }
        self.network().connect();
    }

    /// One turn of the server.
    fn turn(&mut self) -> Result<(), String> {
        let now = self.now();
        let events = std::mem::take(&mut self.network().events);
        for &event in &events {
            match event {
                Event::Readable { link, is_closed } => {
                    self.scheduler.note_readable(link, is_closed);
                }
                Event::Writable(link) => self.scheduler.note_writable(link, now),
            }
        }
        if self.network().has_waiting() {
            self.scheduler.note_waiting(0);
        }
        if self.fault == Fault::ForgetsReadyList {
            self.scheduler.node_mut().take_ready_list();
        }
        self.scheduler.turn(now, events.is_empty());
        let network = self.network();
        let are_left = |client: &Client| client.is_open || !client.is_reset;
        network.clients.retain(are_left);
        match network.error.take() {
            Some(error) => Err(error),
            None => self.check(),
        }
    }

    /// What must hold after every turn.
    fn check(&mut self) -> Result<(), String> {
        let now = self.now();
        let (node, network) = (self.scheduler.node(), self.scheduler.edge());
        let engine = node.engine();
        // Clients that part are served after the work of a turn, which leaves theirs to the next.
        if engine.has_work(now) {
            let is_parting = |client: &Client| client.is_end_sent && client.is_open;
            let has_parting = network.clients.iter().any(is_parting);
            self.turns_with_work_left += usize::from(!has_parting);
            if self.turns_with_work_left > 2 * network.clients.len() {
                return Err("work is left, turn after turn".into());
            }
            return Ok(());
        }
        self.turns_with_work_left = 0;
        let live = network.store.live_keys(0, now.unix_ms());
        let keeps_due_keys = network.store.pause_rest_ms(now) > 0;
        if engine.len() < live || (engine.len() > live && !keeps_due_keys) {
            return Err(format!("{} keys where {live} are live", engine.len()));
        }
        let is_served = |client: &&Client| client.is_open && client.admission.is_some();
        let served = network.clients.iter().filter(is_served);
        if node.connection_count() != served.count() {
            return Err("a connection too many or too few".into());
        }
        let output_bytes_max = 4 * (OUTPUT_MARK_BYTES + network.largest_reply_bytes);
        let input_bytes_max = 2 * self.largest_request_bytes + 2 * OUTPUT_MARK_BYTES;
        let mut large_count = 0;
        for (_, session) in engine.sessions().iter() {
            let buffers = session.buffers;
            let mut clients = network.clients.iter();
            let client = clients.find(|client| *client.address == *session.peer.address);
            let client = client.ok_or("a session without a client")?;
            let (_, id) = client
                .admission
                .ok_or("a session before its client was accepted")?;
            let input_allocated = buffers.input_bytes + buffers.input_spare_bytes;
            let is_idle = buffers.input_bytes + buffers.output_bytes == 0;
            let is_large = input_allocated == LARGE_BYTES && input_bytes_max < LARGE_BYTES;
            large_count += usize::from(is_large);
            let is_bounded = buffers.output_allocated_bytes <= output_bytes_max.max(LARGE_BYTES)
                && (is_large || input_allocated <= input_bytes_max)
                && large_count <= LARGE_COUNT_MAX;
            if buffers.output_bytes != node.output(id).len()
                || (is_idle && buffers.allocated_bytes() > 0)
                || !is_bounded
            {
                return Err(format!("{}: {buffers:?}", client.address));
            }
        }
        if self.random.u8(0..20) == 0 {
            #[cfg(debug_assertions)]
            engine.check_invariants();
            node.check_client_budget();
        }
        Ok(())
    }

    /// Whether the server would not wait for events.
    fn is_busy(&mut self) -> bool {
        let now = self.now();
        let has_events = !self.network().events.is_empty();
        has_events || self.network().has_waiting() || self.scheduler.is_busy(now)
    }

    /// Moves the clock: a little while there is something to do, else to the next wakeup.
    fn pass_time(&mut self) -> Result<(), String> {
        if self.is_busy() {
            self.advance_by_up_to_us(500);
            return Ok(());
        }
        match self.next_wake_ms()? {
            Some(wake_ms) if self.random.u8(0..3) == 0 => {
                self.advance_us(wake_ms.max(1) * 1000);
                self.network().report.jumps += 1;
            }
            Some(wake_ms) => self.advance_by_up_to_us((wake_ms * 1000).min(20_000)),
            None => self.advance_by_up_to_us(20_000),
        }
        Ok(())
    }

    fn advance_by_up_to_us(&mut self, duration_us: u64) {
        let duration_us = self.random.u64(0..=duration_us);
        self.advance_us(duration_us);
    }

    fn advance_us(&mut self, duration_us: u64) {
        let now = &mut self.network().now;
        now.unix_us += duration_us;
        now.monotonic_us += duration_us;
    }

    /// The node's next wakeup, which no deadline precedes.
    fn next_wake_ms(&mut self) -> Result<Option<u64>, String> {
        let now = self.now();
        let now_ms = now.unix_ms();
        let store = &self.network().store;
        let deadline_ms = store.next_deadline_ms(now_ms);
        let rest_ms = store.pause_rest_ms(now);
        let due_ms = deadline_ms.map(|deadline_ms| (deadline_ms - now_ms).max(rest_ms));
        let mut wake_ms = self.scheduler.node_mut().next_wake_ms(now);
        if self.fault == Fault::Oversleeps {
            wake_ms = wake_ms.map(|wake_ms| wake_ms + 1);
        }
        match (due_ms, wake_ms) {
            (Some(due_ms), None) => Err(format!("no wakeup for a deadline in {due_ms} ms")),
            (Some(due_ms), Some(wake_ms)) if wake_ms > due_ms => Err(format!(
                "wakes in {wake_ms} ms for a deadline in {due_ms} ms"
            )),
            _ => Ok(wake_ms),
        }
    }

    /// Everything that was sent arrives, everything that was asked is answered.
    fn settle(&mut self) -> Result<(), String> {
        for client in &mut self.network().clients {
            client.to_client_bytes_max = SETTLE_SOCKET_BYTES;
        }
        for _ in 0..SETTLE_STEPS_MAX {
            let mut moves = false;
            for index in 0..self.network().clients.len() {
                moves |= self.network().deliver(index, usize::MAX);
                self.network().receive(index, usize::MAX)?;
            }
            self.turn()?;
            if self.is_busy() {
                continue;
            }
            let clients = &self.network().clients;
            let are_settled = clients.iter().all(Client::is_settled);
            let is_gone = |client: &Client| !client.ends_input || !client.is_open;
            let are_gone = clients.iter().all(is_gone);
            if are_settled && are_gone {
                return Ok(());
            }
            let has_bytes = |client: &Client| {
                !client.to_client.is_empty() || (client.is_blocked && client.is_open)
            };
            moves |= clients.iter().any(has_bytes);
            match self.next_wake_ms()? {
                _ if moves => {}
                Some(wake_ms) => self.advance_us(wake_ms.max(1) * 1000),
                None => break,
            }
        }
        let clients = &self.network().clients;
        let waiting = clients.iter().filter(|client| !client.is_settled());
        let names: Vec<_> = waiting
            .map(|client| (&client.address, client.unanswered.len()))
            .collect();
        Err(format!(
            "it stands still, and these wait for replies: {names:?}"
        ))
    }

    /// What must hold when all clients are gone.
    fn check_end(&mut self) -> Result<(), String> {
        for client in &self.network().clients {
            if !client.promised.is_empty() {
                return Err(format!("{}: replies were lost", client.address));
            }
        }
        let node = self.scheduler.node();
        if node.connection_count() > 0 || !node.engine().sessions().is_empty() {
            return Err("a connection is left".into());
        }
        // Deadlines pass, one wakeup after the other, until only keys without one are left.
        while let Some(wake_ms) = self.next_wake_ms()? {
            self.advance_us(wake_ms.max(1) * 1000);
            self.turn()?;
            self.network().report.jumps += 1;
        }
        let (node, network) = self.scheduler.parts_mut();
        let counters = &node.stats_mut().counters;
        if counters.total_connections_received != network.accepted_count {
            return Err("connections were not counted right".into());
        }
        let info = node.engine_mut().info("stats");
        let lines = info.lines();
        let expired = lines.filter_map(|line| line.strip_prefix("expired_keys:"));
        network.report.expired_keys = expired.filter_map(|text| text.parse::<u64>().ok()).sum();
        network.clients.clear();
        network.connect();
        self.send(0, |_| {
            vec![vec![b"FLUSHALL".to_vec()], vec![b"QUIT".to_vec()]]
        });
        self.settle()?;
        self.turn()?;
        match self.scheduler.node().engine().used_bytes() - self.empty_bytes {
            0 => Ok(()),
            kept => Err(format!("{kept} bytes are held for no key")),
        }
    }
}
