//! The whole system from a seed: a node, its clients, the network, a reactor's turns, the clock.
//!
//! ```text
//!  step:  clients act ─▶ turn: resume, read ─▶ tick ─▶ write ─▶ close ─▶ checks ─▶ time passes
//! ```
//!
//! The turn keeps the contract of an edge-triggered reactor: a connection is read only after an
//! event or from the ready list, one read a turn; what a socket does not take waits for an event.
//! Replies are checked where they are made (against the model, at the time of the turn) and where
//! they arrive (the same bytes in the same order). When nothing moves, time jumps to the next
//! wakeup, which is checked to be no later than the next deadline.
//!
//! Not here: what is asked (`requests.rs`) and answered (`model.rs`).

use super::client::Client;
use super::model::Store;
use super::requests;
use evenkeel::node::{ConnectionId, Node};
use evenkeel::session::{Peer, Transport};
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
    /// The reactor forgets whom the node wants to go on.
    ForgetsReadyList,
    /// The reactor sleeps past deadlines.
    Oversleeps,
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
    node: Node,
    now: Timestamp,
    random: Rng,
    fault: Fault,
    store: Store,
    clients: Vec<Client>,
    /// Clients in the order in which the reactor serves them next.
    queue: Vec<ConnectionId>,
    timeout_ms: u64,
    accepted_count: u64,
    largest_reply_bytes: usize,
    largest_request_bytes: usize,
    empty_bytes: usize,
    report: Report,
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
        let mut world = Self {
            node,
            now,
            random,
            fault,
            store: Store::default(),
            clients: Vec::new(),
            queue: Vec::new(),
            timeout_ms: u64::from(timeout_s) * 1000,
            accepted_count: 0,
            largest_reply_bytes: 0,
            largest_request_bytes: 0,
            empty_bytes,
            report: Report::default(),
        };
        world.store.forgets_to_clear_deadlines = fault == Fault::WrongModel;
        for _ in 0..world.random.usize(1..9) {
            let client = world.connect();
            world.clients.push(client);
        }
        world
    }

    /// Lets the clients do what they like for a while, then hears everybody out and ends.
    pub(crate) fn run(mut self) -> Result<Report, String> {
        for _ in 0..STEPS {
            for index in 0..self.clients.len() {
                self.act(index)?;
            }
            self.turn()?;
            self.pass_time()?;
        }
        self.settle()?;
        for client in &mut self.clients {
            client.ends_input = true;
        }
        self.settle()?;
        self.check_end()?;
        Ok(self.report)
    }

    fn connect(&mut self) -> Client {
        self.accepted_count += 1;
        let address = format!("client:{}", self.accepted_count);
        let peer = Peer {
            address: address.as_str().into(),
            local_address: "server:0".into(),
            transport: Transport::Tcp,
            descriptor: -1,
        };
        let accepted = self.node.accepted(peer, self.now);
        let id = accepted.expect("fewer clients than maxclients");
        let room_bytes = 1 << self.random.u32(6..17);
        Client::new(id, address, self.now.monotonic_ms(), room_bytes)
    }

    /// What one client and its part of the network do before a turn.
    fn act(&mut self, index: usize) -> Result<(), String> {
        let random = &mut self.random;
        let client = &mut self.clients[index];
        match random.u32(0..1000) {
            0..2 => return self.reset(index),
            2..4 => client.ends_input = true,
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
            200..240 => client.speed_bytes = 1 << random.u32(0..20),
            _ => {}
        }
        let most = 1 << self.random.u32(0..18);
        let count = self.random.usize(0..=most);
        self.deliver(index, count);
        if self.random.bool() {
            let speed_bytes = self.clients[index].speed_bytes;
            self.receive(index, speed_bytes)?;
        }
        let client = &self.clients[index];
        if !client.is_open && client.to_client.is_empty() {
            return self.reset(index);
        }
        Ok(())
    }

    fn send(&mut self, index: usize, make: impl FnOnce(&mut Rng) -> Vec<Vec<Vec<u8>>>) {
        const BACKLOG_BYTES_MAX: usize = 1 << 20;
        let client = &mut self.clients[index];
        if client.ends_input || client.outgoing.len() > BACKLOG_BYTES_MAX {
            return;
        }
        for words in make(&mut self.random) {
            let bytes = requests::encode(&mut self.random, &words);
            self.largest_request_bytes = self.largest_request_bytes.max(bytes.len());
            client.outgoing.extend(bytes);
            client.unanswered.push_back(words);
        }
    }

    /// The connection breaks, and another client takes its place.
    fn reset(&mut self, index: usize) -> Result<(), String> {
        if self.clients[index].is_open {
            self.node.closed(self.clients[index].id);
            self.report.resets += 1;
        } else if self.clients[index].promised.len() > self.clients[index].to_client.len() {
            return Err("a connection was closed before its replies were written".into());
        }
        self.clients[index] = self.connect();
        Ok(())
    }

    fn receive(&mut self, index: usize, count: usize) -> Result<(), String> {
        let client = &mut self.clients[index];
        let head = client.to_client.iter().take(count);
        let digest = head.fold(self.report.digest, |digest, &byte| {
            digest.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let received = client.receive(count)?;
        self.report.digest = digest;
        if received > 0 && client.is_blocked && client.is_open {
            client.is_blocked = false;
            let id = client.id;
            self.write_one(id);
        }
        Ok(())
    }

    fn find(&self, id: ConnectionId) -> Option<usize> {
        let mut clients = self.clients.iter();
        clients.position(|client| client.is_open && client.id == id)
    }

    fn enqueue(&mut self, id: ConnectionId) {
        if let Some(index) = self.find(id)
            && !self.clients[index].is_queued
        {
            self.clients[index].is_queued = true;
            self.queue.push(id);
        }
    }

    /// Moves bytes towards the server; returns whether that was an event for it.
    fn deliver(&mut self, index: usize, count: usize) -> bool {
        let is_event = self.clients[index].deliver(count);
        if is_event {
            self.enqueue(self.clients[index].id);
        }
        is_event
    }

    /// One turn, as the reactor's.
    fn turn(&mut self) -> Result<(), String> {
        self.take_ready_list();
        for id in std::mem::take(&mut self.queue) {
            let Some(index) = self.find(id) else { continue };
            self.clients[index].is_queued = false;
            self.observe(index, |node, now| node.resume(id, now))?;
            self.read(index)?;
        }
        self.take_ready_list();
        let mut ticks = 0;
        while self.node.tick(self.now) {
            ticks += 1;
            if ticks > 10_000 {
                return Err("the work of a turn does not end".into());
            }
        }
        let list = self.node.take_output_list();
        for &id in &list {
            self.write_one(id);
        }
        self.node.return_output_list(list);
        self.close()?;
        self.check()
    }

    fn take_ready_list(&mut self) {
        for id in self.node.take_ready_list() {
            if self.fault != Fault::ForgetsReadyList {
                self.enqueue(id);
            }
        }
    }

    /// Reads once, if there was an event and the node wants it.
    fn read(&mut self, index: usize) -> Result<(), String> {
        let client = &mut self.clients[index];
        let id = client.id;
        if !client.is_readable || !self.node.may_read(id) {
            return Ok(());
        }
        let buffer = self.node.read_buffer(id);
        let count = buffer.len().min(client.to_server.len());
        if count == 0 {
            client.is_readable = false;
            if client.is_end_sent && !client.is_end_read {
                client.is_end_read = true;
                self.node.end_of_input(id);
            }
            return Ok(());
        }
        for (slot, byte) in buffer.iter_mut().zip(client.to_server.drain(..count)) {
            *slot = byte;
        }
        client.is_readable = count == buffer.len() || client.is_end_sent;
        self.observe(index, |node, now| node.received(id, count, now))?;
        if self.clients[index].is_readable && self.node.may_read(id) {
            self.enqueue(id);
        }
        Ok(())
    }

    /// Does something with a connection and compares the replies it makes with the model's.
    fn observe(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Node, Timestamp),
    ) -> Result<(), String> {
        let client = &mut self.clients[index];
        let before_bytes = self.node.output(client.id).len();
        act(&mut self.node, self.now);
        let mut made = &self.node.output(client.id)[before_bytes..];
        if !made.is_empty() {
            client.last_active_ms = self.now.monotonic_ms();
        }
        client.promised.extend(made);
        self.report.reply_bytes += made.len() as u64;
        while !made.is_empty() {
            let Some(words) = client.unanswered.pop_front() else {
                return Err(format!("{}: a reply without a request", client.address));
            };
            let executed = self.store.execute(&mut client.session, &words, self.now);
            let expected = executed.map_err(|error| format!("{words:?}: {error}"))?;
            let Some(rest) = made.strip_prefix(expected.as_slice()) else {
                let shown = |bytes: &[u8]| bytes[..bytes.len().min(80)].escape_ascii().to_string();
                return Err(format!(
                    "{}: {:?} was answered {} instead of {}",
                    client.address,
                    words.iter().map(|word| shown(word)).collect::<Vec<_>>(),
                    shown(made),
                    shown(&expected)
                ));
            };
            self.report.replies += u64::from(!expected.is_empty());
            self.largest_reply_bytes = self.largest_reply_bytes.max(expected.len());
            made = rest;
        }
        Ok(())
    }

    /// Writes once; what the client's socket does not take waits until the client reads.
    fn write_one(&mut self, id: ConnectionId) {
        let Some(index) = self.find(id) else { return };
        let client = &mut self.clients[index];
        let output = self.node.output(id);
        let room = client.to_client_bytes_max - client.to_client.len();
        let count = output.len().min(room);
        let is_lossy = self.fault == Fault::LosesBytes && self.random.u8(0..50) == 0;
        let lost = if is_lossy { count.min(7) } else { 0 };
        client.to_client.extend(&output[lost..count]);
        client.is_blocked = count < output.len();
        self.report.full_sockets += u64::from(client.is_blocked);
        if count > 0 {
            client.last_active_ms = self.now.monotonic_ms();
            self.node.written(id, count, self.now);
        }
    }

    fn close(&mut self) -> Result<(), String> {
        let now_ms = self.now.monotonic_ms();
        for id in self.node.take_close_list() {
            let Some(index) = self.find(id) else { continue };
            let client = &mut self.clients[index];
            let silent_ms = now_ms - client.last_active_ms;
            let is_silent = self.timeout_ms > 0 && silent_ms >= self.timeout_ms;
            let is_over = client.session.is_over || client.is_end_read;
            if !is_silent && !is_over {
                return Err(format!("{}: closed without a reason", client.address));
            }
            let unwritten = self.node.output(id).len();
            if unwritten > 0 && !is_silent {
                return Err(format!(
                    "{}: closed with {unwritten} bytes unwritten",
                    client.address
                ));
            }
            client.promised.truncate(client.promised.len() - unwritten);
            client.is_open = false;
            self.node.closed(id);
            self.report.closes += 1;
        }
        Ok(())
    }

    /// What must hold after every turn.
    fn check(&mut self) -> Result<(), String> {
        let now_ms = self.now.unix_ms();
        let engine = self.node.engine();
        if engine.has_work(self.now) {
            return Err("work is left that a tick did not name".into());
        }
        let live = self.store.live_keys(0, now_ms);
        let keeps_due_keys = self.store.pause_rest_ms(self.now) > 0;
        if engine.len() < live || (engine.len() > live && !keeps_due_keys) {
            return Err(format!("{} keys where {live} are live", engine.len()));
        }
        let open = self.clients.iter().filter(|client| client.is_open);
        if self.node.connection_count() != open.count() {
            return Err("a connection too many or too few".into());
        }
        let output_bytes_max = 4 * (OUTPUT_MARK_BYTES + self.largest_reply_bytes);
        let input_bytes_max = 2 * self.largest_request_bytes + 2 * OUTPUT_MARK_BYTES;
        let mut large_count = 0;
        for (_, session) in engine.sessions().iter() {
            let buffers = session.buffers;
            let mut clients = self.clients.iter();
            let client = clients.find(|client| *client.address == *session.peer.address);
            let client = client.ok_or("a session without a client")?;
            let input_allocated = buffers.input_bytes + buffers.input_spare_bytes;
            let is_idle = buffers.input_bytes + buffers.output_bytes == 0;
            let is_large = input_allocated == LARGE_BYTES && input_bytes_max < LARGE_BYTES;
            large_count += usize::from(is_large);
            let is_bounded = buffers.output_allocated_bytes <= output_bytes_max.max(LARGE_BYTES)
                && (is_large || input_allocated <= input_bytes_max)
                && large_count <= LARGE_COUNT_MAX;
            if buffers.output_bytes != self.node.output(client.id).len()
                || (is_idle && buffers.allocated_bytes() > 0)
                || !is_bounded
            {
                return Err(format!("{}: {buffers:?}", client.address));
            }
        }
        if self.random.u8(0..20) == 0 {
            #[cfg(debug_assertions)]
            self.node.engine().check_invariants();
            self.node.check_client_budget();
        }
        Ok(())
    }

    /// Moves the clock: a little while there is something to do, else to the next wakeup.
    fn pass_time(&mut self) -> Result<(), String> {
        if !self.queue.is_empty() || self.node.is_busy(self.now) {
            self.advance_by_up_to_us(500);
            return Ok(());
        }
        match self.next_wake_ms()? {
            Some(wake_ms) if self.random.u8(0..3) == 0 => {
                self.advance_us(wake_ms.max(1) * 1000);
                self.report.jumps += 1;
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
        self.now.unix_us += duration_us;
        self.now.monotonic_us += duration_us;
    }

    /// The node's next wakeup, which no deadline precedes.
    fn next_wake_ms(&mut self) -> Result<Option<u64>, String> {
        let now_ms = self.now.unix_ms();
        let deadline_ms = self.store.next_deadline_ms(now_ms);
        let rest_ms = self.store.pause_rest_ms(self.now);
        let due_ms = deadline_ms.map(|deadline_ms| (deadline_ms - now_ms).max(rest_ms));
        let mut wake_ms = self.node.next_wake_ms(self.now);
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
        for client in &mut self.clients {
            client.to_client_bytes_max = SETTLE_SOCKET_BYTES;
        }
        for _ in 0..SETTLE_STEPS_MAX {
            let mut moves = false;
            for index in 0..self.clients.len() {
                moves |= self.deliver(index, usize::MAX);
                self.receive(index, usize::MAX)?;
            }
            self.turn()?;
            if !self.queue.is_empty() || self.node.is_busy(self.now) {
                continue;
            }
            let are_settled = self.clients.iter().all(Client::is_settled);
            let are_gone = self
                .clients
                .iter()
                .all(|client| !client.ends_input || !client.is_open);
            if are_settled && are_gone {
                return Ok(());
            }
            let has_bytes = |client: &Client| {
                !client.to_client.is_empty() || (client.is_blocked && client.is_open)
            };
            moves |= self.clients.iter().any(has_bytes);
            match self.next_wake_ms()? {
                _ if moves => {}
                Some(wake_ms) => self.advance_us(wake_ms.max(1) * 1000),
                None => break,
            }
        }
        let waiting = self.clients.iter().filter(|client| !client.is_settled());
        let names: Vec<_> = waiting
            .map(|client| (&client.address, client.unanswered.len()))
            .collect();
        Err(format!(
            "it stands still, and these wait for replies: {names:?}"
        ))
    }

    /// What must hold when all clients are gone.
    fn check_end(&mut self) -> Result<(), String> {
        for client in &self.clients {
            if !client.promised.is_empty() {
                return Err(format!("{}: replies were lost", client.address));
            }
        }
        if self.node.connection_count() > 0 || !self.node.engine().sessions().is_empty() {
            return Err("a connection is left".into());
        }
        // Deadlines pass, one wakeup after the other, until only keys without one are left.
        while let Some(wake_ms) = self.next_wake_ms()? {
            self.advance_us(wake_ms.max(1) * 1000);
            self.turn()?;
            self.report.jumps += 1;
        }
        let counters = &self.node.stats_mut().counters;
        if counters.total_connections_received != self.accepted_count {
            return Err("connections were not counted right".into());
        }
        let info = self.node.engine_mut().info("stats");
        let lines = info.lines();
        let expired = lines.filter_map(|line| line.strip_prefix("expired_keys:"));
        self.report.expired_keys = expired.filter_map(|text| text.parse::<u64>().ok()).sum();
        self.clients = vec![self.connect()];
        self.send(0, |_| {
            vec![vec![b"FLUSHALL".to_vec()], vec![b"QUIT".to_vec()]]
        });
        self.settle()?;
        self.turn()?;
        match self.node.engine().used_bytes() - self.empty_bytes {
            0 => Ok(()),
            kept => Err(format!("{kept} bytes are held for no key")),
        }
    }
}
