//! A replica: the keys of a primary are taken over, and its changes followed.
//!
//! ```text
//!  REPLICAOF ─▶ Naming ─▶ Greeting ─┬─ all keys ─▶ Clearing ─▶ Loading ─┬─▶ Following ─▶ NO ONE
//!                 ▲                 └─ from byte n on ──────────────────┘      │
//!                 └─ after a second ── Apart ◀── the link breaks, or is silent ┘
//!
//!  socket ─▶ pending ─┬▶ Greeting   lines
//!                     ├▶ Loading    the file, 16 KiB a step
//!                     └▶ applier    a connection without a socket: its session is the primary's
//!  socket ◀─ output: requests, REPLCONF ACK each second, an empty line while a file comes
//! ```
//!
//! The stream is carried out as a client's requests are, in turns and in bounded pieces, by a
//! connection that no socket belongs to. Its session may write, sees keys that are due
//! (`PRIMARY_LAG_MAX_MS`), and gets no replies. While it has work left, nothing is read.
//!
//! Invariants: `position.offset` counts the bytes of the stream that the applier was given, so a
//! link that breaks in the middle of a request or a transaction goes on with the next byte; what is
//! acknowledged is carried out, and of a transaction nothing is before its end. Memory beside keys:
//! 16 KiB and one request.
//!
//! Not here: sockets and names (`server/scheduler/primary.rs`), what is said first
//! (`greeting.rs`), the file (`loading.rs`), who refuses writes (`engine/gates.rs`).

mod following;
mod greeting;
mod loading;

use super::connection::Holds;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::context::host::PrimaryLink;
use core::net::SocketAddr;
use greeting::{Agreed, FileForm, Greeting, Position, push_request};
use loading::Loading;

/// Bytes that are read of a primary at once: a step of loading is some 50 µs.
const READ_BYTES: usize = 16 * 1024;

/// Time until a link that broke is tried again, and the distance of acknowledgements.
const BEAT_MS: u64 = 1_000;

/// What the loop is to do with the link to a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrimaryTask {
    /// Close what there is, and connect to this address.
    Connect(SocketAddr),
    /// Close what there is.
    Close,
}

#[derive(Debug)]
enum Stage {
    Apart,
    /// The address is being found.
    Naming,
    Greeting(Greeting),
    /// A file is to come, and what is there has to go first.
    Clearing(FileForm, Position),
    Loading(Box<Loading>),
    Following,
}

/// The primary that is followed.
#[derive(Debug)]
struct Primary {
    host: String,
    port: u16,
    stage: Stage,
    /// How far the stream is here, if it is.
    position: Option<Position>,
    applier: Option<ConnectionId>,
    /// Where the stream has been carried out to.
    applied_offset: u64,
    /// What has come and was not looked at.
    pending: Vec<u8>,
    output: Vec<u8>,
    heard_ms: u64,
    /// When the next link is tried.
    retry_ms: u64,
    /// The following is to end when all that has come is carried out.
    is_ending: bool,
}

/// What a node knows of primaries.
#[derive(Debug, Default)]
pub(super) struct Replica {
    primary: Option<Box<Primary>>,
    task: Option<PrimaryTask>,
    /// A name whose address is to be found.
    wanted_name: Option<(String, u16)>,
    /// There is a timer for the next beat.
    is_beating: bool,
    /// An acknowledgement is due.
    is_ack_due: bool,
}

/// What the loop asks and tells.
impl Node {
    /// What the loop is to do with the link, once.
    pub fn take_primary_task(&mut self) -> Option<PrimaryTask> {
        self.replica.task.take()
    }

    /// A name and port whose address is to be found, once; [`Node::primary_found`] is told then.
    pub fn take_wanted_name(&mut self) -> Option<(String, u16)> {
        self.replica.wanted_name.take()
    }

    /// The address of the primary was found, or not.
    pub fn primary_found(&mut self, address: Result<SocketAddr, String>, now: Timestamp) {
        let primary = self.replica.primary.as_ref();
        if !primary.is_some_and(|primary| matches!(primary.stage, Stage::Naming)) {
            return;
        }
        match address {
            Ok(address) => self.greet(address, now),
            Err(reason) => self.break_link(&format!("its address is not known: {reason}"), now),
        }
    }

    /// Whether bytes of the primary may be read now.
    pub fn primary_may_read(&mut self) -> bool {
        let Some(primary) = &self.replica.primary else {
            return false;
        };
        if primary.is_ending || !primary.pending.is_empty() {
            return false;
        }
        match (&primary.stage, primary.applier) {
            (Stage::Greeting(_) | Stage::Loading(_), _) => true,
            (Stage::Following, Some(applier)) => self.may_read(applier),
            (Stage::Following, None) | (Stage::Apart | Stage::Naming | Stage::Clearing(..), _) => {
                false
            }
        }
    }

    /// Where the next bytes of the primary are to be put; [`Node::primary_received`] must be told
    /// at once.
    pub fn primary_read_buffer(&mut self) -> &mut [u8] {
        &mut self.read_buffer[..READ_BYTES]
    }

    /// Takes over `count` bytes that were read into [`Node::primary_read_buffer`].
    pub fn primary_received(&mut self, count: usize, now: Timestamp) {
        self.stats_mut().counters.total_net_repl_input_bytes += count as u64;
        if let Some(primary) = &mut self.replica.primary {
            primary.heard_ms = now.monotonic_ms();
            primary
                .pending
                .extend_from_slice(&self.read_buffer[..count]);
        }
    }

    /// The link has ended, or was never there.
    pub fn primary_lost(&mut self, reason: &str, now: Timestamp) {
        let primary = self.replica.primary.as_ref();
        if primary.is_some_and(|primary| !matches!(primary.stage, Stage::Apart)) {
            self.break_link(reason, now);
        }
    }

    /// Whether [`Node::work_for_primary`] has something to do at once.
    pub fn has_primary_work(&self) -> bool {
        let Some(primary) = &self.replica.primary else {
            return false;
        };
        match &primary.stage {
            Stage::Apart | Stage::Naming => primary.is_ending,
            Stage::Greeting(_) | Stage::Loading(_) => {
                !primary.pending.is_empty() || primary.is_ending
            }
            Stage::Clearing(..) => !self.is_half_done() || primary.is_ending,
            Stage::Following => self.replica.is_ack_due || self.may_apply(primary),
        }
    }

    /// Does one bounded piece of what there is to do for a replica; true if there is more.
    pub fn work_for_primary(&mut self, now: Timestamp) -> bool {
        if !self.has_primary_work() {
            return false;
        }
        let Some(mut primary) = self.replica.primary.take() else {
            return false;
        };
        let outcome = self.advance(&mut primary, now);
        self.replica.primary = Some(primary);
        if let Err(reason) = outcome {
            self.break_link(&reason, now);
        }
        self.end_if_done(now);
        self.acknowledge();
        self.tell_following();
        self.has_primary_work()
    }

    /// The bytes that are to be sent to the primary; empty if none.
    pub fn primary_output(&self) -> &[u8] {
        (self.replica.primary.as_ref()).map_or(&[], |primary| &primary.output)
    }

    /// Notes that `count` of them were sent.
    pub fn primary_written(&mut self, count: usize) {
        self.stats_mut().counters.total_net_repl_output_bytes += count as u64;
        if let Some(primary) = &mut self.replica.primary {
            primary.output.drain(..count);
        }
    }

    /// Takes the address of a primary out of the configuration, at the start.
    pub fn follow_configured(&mut self, now: Timestamp) {
        self.host_mut().may_follow = true;
        if let Some((host, port)) = self.engine.config().replicaof.0.clone() {
            self.follow(host, port, now);
        }
    }
}

/// The steps.
impl Node {
    /// Whether something is being done to keys that must not be interrupted by their end.
    fn is_half_done(&self) -> bool {
        self.has_job() || self.engine.keyspace().has_claims()
    }

    fn may_apply(&self, primary: &Primary) -> bool {
        let connection = primary
            .applier
            .and_then(|applier| self.clients.get(applier));
        match connection {
            None => true,
            Some(connection) if connection.is_closing() => true,
            Some(connection) => {
                let has_work = connection.has_backlog || !primary.pending.is_empty();
                // Its output, of which nobody wants anything, is no reason to wait.
                connection.holds.is_empty() && (has_work || primary.is_ending)
            }
        }
    }

    fn advance(&mut self, primary: &mut Primary, now: Timestamp) -> Result<(), String> {
        match &mut primary.stage {
            Stage::Apart | Stage::Naming => Ok(()),
            Stage::Greeting(greeting) => {
                self.host_following(|following| following.link = PrimaryLink::Greeting);
                let (taken, agreed) = greeting.hear(&primary.pending, &mut primary.output)?;
                primary.pending.drain(..taken);
                match agreed {
                    None => {}
                    Some(Agreed::File(form, position)) => {
                        primary.position = None;
                        primary.stage = Stage::Clearing(form, position);
                    }
                    Some(Agreed::Goes(id)) => self.go_on(primary, id),
                }
                Ok(())
            }
            Stage::Clearing(..) => {
                self.begin_loading(primary, now);
                Ok(())
            }
            Stage::Loading(loading) => {
                let taken = loading.take(&mut self.engine, &primary.pending)?;
                primary.pending.drain(..taken);
                if loading.is_complete() {
                    self.end_loading(primary, now)?;
                }
                Ok(())
            }
            Stage::Following => self.apply(primary, now),
        }
    }

    fn go_on(&mut self, primary: &mut Primary, id: Option<String>) {
        if let (Some(id), Some(position)) = (id, &mut primary.position) {
            position.id = id;
        }
        primary.stage = Stage::Following;
        let offset = primary
            .position
            .as_ref()
            .map_or(0, |position| position.offset);
        log::info!("the changes of the primary go on where they broke off, at byte {offset}");
    }

    /// Drops all keys for those that come.
    fn begin_loading(&mut self, primary: &mut Primary, now: Timestamp) {
        if let Some(applier) = primary.applier.take() {
            self.closed(applier);
        }
        let stage = std::mem::replace(&mut primary.stage, Stage::Apart);
        let Stage::Clearing(form, position) = stage else {
            return;
        };
        self.engine.advance_to(now);
        self.engine.clear_all();
        self.engine.clear_libraries();
        let loading = Loading::new(form, position, now.monotonic_us);
        log::info!("all keys of the primary are loaded, in place of those there were");
        primary.stage = Stage::Loading(Box::new(loading));
    }

    fn end_loading(&mut self, primary: &mut Primary, now: Timestamp) -> Result<(), String> {
        let stage = std::mem::replace(&mut primary.stage, Stage::Apart);
        let Stage::Loading(loading) = stage else {
            return Ok(());
        };
        let (position, database) = (loading.position.clone(), loading.database());
        let began_us = loading.began_us;
        let report = loading.end(&mut self.engine)?;
        log::info!(
            "loaded {} keys of the primary in {} ms ({} had expired, {} had values of modules and \
             are left out); its changes are followed from byte {} on",
            report.loaded_keys,
            (now.monotonic_us - began_us) / 1_000,
            report.expired_keys,
            report.module_keys,
            position.offset
        );
        primary.applied_offset = position.offset;
        primary.position = Some(position);
        primary.applier = Some(self.open_applier(&primary.host, primary.port, database, now));
        primary.stage = Stage::Following;
        self.replica.is_ack_due = true;
        Ok(())
    }

    /// Gives the applier what has come, and lets it go on.
    fn apply(&mut self, primary: &mut Primary, now: Timestamp) -> Result<(), String> {
        let applier = primary.applier.filter(|&id| self.clients.get(id).is_some());
        let (Some(applier), Some(position)) = (applier, &mut primary.position) else {
            return Err("nothing is left of its stream".to_owned());
        };
        self.clients[applier].output.clear();
        self.resume(applier, now);
        if !primary.pending.is_empty() && self.may_read(applier) {
            let buffer = self.read_buffer(applier);
            let count = primary.pending.len().min(buffer.len());
            buffer[..count].copy_from_slice(&primary.pending[..count]);
            primary.pending.drain(..count);
            position.offset += count as u64;
            self.received(applier, count, now);
        }
        let connection = &mut self.clients[applier];
        connection.output.clear();
        if connection.is_closing() {
            primary.position = None;
            return Err(
                "its stream ended within: a client closed it, or it is no stream".to_owned(),
            );
        }
        let session = self.engine.session(connection.session);
        // Of a transaction nothing is done before its end, and a long command is done when it is.
        if !session.transaction.is_open() && !connection.holds.has(Holds::ANSWER) {
            primary.applied_offset = position.offset - connection.input.len() as u64;
        }
        Ok(())
    }

    /// Tells the primary how far its stream is carried out, if that is due.
    fn acknowledge(&mut self) {
        let Some(primary) = &mut self.replica.primary else {
            return;
        };
        if matches!(primary.stage, Stage::Following) && std::mem::take(&mut self.replica.is_ack_due)
        {
            let offset = primary.applied_offset.to_string();
            let request: [&[u8]; 3] = [b"REPLCONF", b"ACK", offset.as_bytes()];
            push_request(&mut primary.output, &request);
        }
    }

    /// The primary asks how far its stream is carried out.
    pub(super) fn acknowledge_soon(&mut self) {
        self.replica.is_ack_due = true;
    }
}
