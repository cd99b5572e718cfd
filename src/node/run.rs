//! Executing what a connection has sent.
//!
//! ```text
//!  bytes ─▶ parser ─▶ batch of complete requests ─▶ engine ─▶ output
//!    ▲                                                 │ stopped early: the rest stays bytes
//!    └─────────────────────────────────────────────────┘
//! ```
//!
//! Requests are parsed and executed a batch at a time until the bytes hold no complete one, the
//! bound of the turn is reached, the output passes its mark, or the engine stops. A batch that is
//! not executed to its end is forgotten and its bytes are parsed again later.
//!
//! Not here: reading (`mod.rs`), single commands (`engine/`).

use super::blocking::SLICE_CLIENTS;
use super::client_limits::REQUEST_TOO_LARGE;
use super::connection::{OUTPUT_MARK_BYTES, Phase};
use super::waiting::Awaited;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::config::InlineReplies;
use crate::context::outbox::Effect;
use crate::engine::{BatchOutcome, OutputBounds, Requests, Stop};
use crate::protocol::batch::Form;
use crate::protocol::error::{ProtocolError, ReplyError};
use crate::protocol::parser::{CommandParser, ParserLimits, Progress};
use crate::protocol::reply::Dialect;
use std::ops::Range;

/// Requests of one connection that are executed in one turn: about a tenth of a millisecond.
const TURN_REQUESTS_MAX: usize = 1024;

/// Requests parsed before they are executed: eight groups of the engine's.
const BATCH_REQUESTS_MAX: usize = 128;

/// Why the parser stopped.
enum Parsed {
    /// The batch is as large as it should be; there may be more in the bytes.
    Full,
    /// The bytes hold no further complete request.
    Exhausted,
    /// They hold something that is no request, or one that is too large.
    Failed(ReplyError),
}

/// What became of a run.
enum RunEnd {
    /// All complete requests are executed.
    Exhausted,
    /// There may be more, for another turn.
    Interrupted,
}

impl Node {
    /// Executes `count` bytes in the shared read buffer; keeps what is incomplete.
    pub(super) fn run_shared(&mut self, id: ConnectionId, count: usize, now: Timestamp) {
        let buffer = std::mem::take(&mut self.read_buffer);
        let (consumed, end) = self.run(id, &buffer, 0..count, now);
        let (connection, pool) = self.clients.with_pool(id);
        if consumed < count && !connection.is_closing() {
            connection.input.keep(&buffer[consumed..count], pool);
        }
        self.read_buffer = buffer;
        self.settle(id, end);
    }

    /// Executes what the connection's own buffer holds.
    pub(super) fn run_own(&mut self, id: ConnectionId, now: Timestamp) {
        let (buffer, range) = self.clients[id].input.lend();
        let (consumed, end) = self.run(id, &buffer, range, now);
        let (connection, pool) = self.clients.with_pool(id);
        connection.input.put_back(buffer, consumed, pool);
        if connection.is_closing() {
            connection.input.clear(pool);
        }
        self.settle(id, end);
    }

    /// Puts the connection where it belongs after a run.
    fn settle(&mut self, id: ConnectionId, end: RunEnd) {
        let connection = &mut self.clients[id];
        connection.has_backlog = matches!(end, RunEnd::Interrupted) && !connection.input.is_empty();
        if connection.has_backlog && connection.may_run() {
            self.clients.resume_soon(id);
        }
        let connection = &self.clients[id];
        if connection.output.len() >= self.output_floor_bytes {
            self.check_output(id);
        }
        self.note_buffers(id);
        if self.clients[id].counted_bytes > self.client_bytes_max {
            self.check_transaction(id);
        }
        self.clients.close_if_finished(id);
    }

    /// Executes complete requests in `buffer[range]`; returns how far it got.
    fn run(
        &mut self,
        id: ConnectionId,
        buffer: &[u8],
        range: Range<usize>,
        now: Timestamp,
    ) -> (usize, RunEnd) {
        let mut consumed = range.start;
        let mut executed_count = 0;
        self.timers.note_traffic();
        // What a request sees of its own client, until `note_buffers` says what is left.
        let session = self.clients[id].session;
        self.engine.session_mut(session).buffers.input_bytes = range.len();
        let buffer = &buffer[..range.end];
        loop {
            self.batch.clear();
            let (parsed_to, parsed) = self.parse_batch(id, buffer, consumed);
            let requested = self.batch.len();
            let done = self.execute_batch(id, buffer, now);
            executed_count += done;
            if done < requested {
                // The parser has seen bytes that are to be parsed again.
                self.clients[id].parser = CommandParser::new();
                consumed = if done == 0 {
                    consumed
                } else {
                    self.batch.end(done - 1)
                };
                return (consumed, RunEnd::Interrupted);
            }
            consumed = parsed_to;
            match parsed {
                _ if self.clients[id].is_closing() => {
                    return (consumed, RunEnd::Exhausted);
                }
                // Its reply comes behind those that are still to be made.
                Parsed::Failed(_) if !self.clients[id].may_run() => {
                    self.clients[id].parser = CommandParser::new();
                    return (consumed, RunEnd::Interrupted);
                }
                Parsed::Failed(error) => {
                    self.fail(id, &error);
                    return (consumed, RunEnd::Exhausted);
                }
                Parsed::Exhausted => return (consumed, RunEnd::Exhausted),
                Parsed::Full => {}
            }
            if executed_count >= TURN_REQUESTS_MAX || !self.clients[id].may_run() {
                return (consumed, RunEnd::Interrupted);
            }
        }
    }

    /// Fills the batch from `buffer[start..]`; returns how far the complete requests reach.
    fn parse_batch(&mut self, id: ConnectionId, buffer: &[u8], start: usize) -> (usize, Parsed) {
        let connection = &mut self.clients[id];
        let config = self.engine.config();
        let limits = ParserLimits {
            bulk_bytes_max: config.proto_max_bulk_bytes as usize,
            request_bytes_max: config.client_query_buffer_limit_bytes as usize,
            authenticated: !(self.engine.session(connection.session))
                .is_stranger(self.engine.users()),
        };
        // AUTH changes what may come behind it, so it is executed before that is parsed.
        let requests_max = if limits.authenticated {
            BATCH_REQUESTS_MAX
        } else {
            1
        };
        let mut position = start;
        while self.batch.len() < requests_max {
            if position == buffer.len() {
                return (position, Parsed::Exhausted);
            }
            match connection
                .parser
                .parse(buffer, position, &limits, &mut self.batch)
            {
                Ok(Progress::Request { consumed } | Progress::Empty { consumed }) => {
                    position = consumed;
                }
                Ok(Progress::NeedMore { bytes_wanted }) => {
                    let request_bytes = (buffer.len() - position).saturating_add(bytes_wanted);
                    let is_primary = self.engine.session(connection.session).is_primary;
                    if request_bytes > self.client_bytes_max && !is_primary {
                        return (position, Parsed::Failed(REQUEST_TOO_LARGE));
                    }
                    connection.wanted_bytes = bytes_wanted;
                    return (position, Parsed::Exhausted);
                }
                Err(error) => return (position, Parsed::Failed(error.into())),
            }
        }
        (position, Parsed::Full)
    }

    /// Executes the batch; returns how many of its requests.
    fn execute_batch(&mut self, id: ConnectionId, buffer: &[u8], now: Timestamp) -> usize {
        if self.batch.is_empty() {
            return 0;
        }
        if self.clients[id].is_new {
            self.choose_dialect(id);
        }
        let mut executed_count = 0;
        let mut served_count = 0;
        let mut count_max = self.batch.len();
        loop {
            let end = self.batch.len().min(executed_count + count_max);
            let outcome = self.execute_from(id, executed_count..end, buffer, now);
            executed_count += outcome.executed_count;
            self.heed_stop(id, outcome.stop, now);
            served_count += self.serve_ready(now);
            // What the engine has prepared and not executed is lost. So it is given no more than it
            // got through the last time, until it gets through all of it.
            count_max = match outcome.stop {
                Some(Stop::Ready) => outcome.executed_count.max(1),
                Some(_) => return executed_count,
                None if executed_count < end => return executed_count,
                None => 2 * count_max,
            };
            let goes_on = served_count < SLICE_CLIENTS
                && executed_count < self.batch.len()
                && self.clients[id].may_run();
            if !goes_on {
                return executed_count;
            }
        }
    }

    /// Executes some of the batch, up to a reason to stop.
    fn execute_from(
        &mut self,
        id: ConnectionId,
        range: Range<usize>,
        buffer: &[u8],
        now: Timestamp,
    ) -> BatchOutcome {
        let (room_bytes, output_bytes_max) = (self.reply_room_bytes(id), self.output_bytes_max());
        let connection = &self.clients[id];
        let (session, shared_bytes) = (connection.session, connection.output.shared_len());
        let requests = Requests {
            batch: &self.batch,
            first: range.start,
            end: range.end,
            buffer,
        };
        let engine = &mut self.engine;
        let outcome = self.clients.append_to(id, |out, written_bytes| {
            let bounds = OutputBounds {
                mark_bytes: written_bytes + OUTPUT_MARK_BYTES.saturating_sub(shared_bytes),
                ceiling_bytes: written_bytes
                    .saturating_add(output_bytes_max.saturating_sub(shared_bytes)),
                room_bytes,
            };
            engine.execute_batch(session, requests, now, out, &bounds)
        });
        if !self.monitors.is_empty() {
            self.post_to_monitors();
        }
        if self.has_letters() {
            self.deliver_at_once();
            self.wait_for_mail(id);
        }
        outcome
    }

    /// Does what is to be done where the engine has stopped.
    fn heed_stop(&mut self, id: ConnectionId, stop: Option<Stop>, now: Timestamp) {
        match stop {
            Some(Stop::Closing) => self.clients[id].enter(Phase::Closing),
            Some(Stop::Paused) => self.wait_for_pause(id),
            Some(Stop::Claimed) => self.wait_for(id, Awaited::Claim),
            Some(Stop::Shut) => self.wait_for(id, Awaited::JobEnd),
            Some(Stop::Suspended) => self.wait_for_job(id),
            Some(Stop::Effects) => self.carry_out_effects(id, now),
            Some(Stop::NoReplyRoom { wanted_bytes }) => self.hold(id, wanted_bytes),
            Some(Stop::ReplyTooLarge) => {
                self.refuse_reply(id);
                self.carry_out_effects(id, now);
            }
            // What is left is tried again with the next turn, or when those are served who waited.
            Some(Stop::OutputFull | Stop::NoRoom | Stop::Ready) | None => {}
        }
    }

    /// Decides by its first request whether a connection is a person's: [`Node::received`] has
    /// settled it for those that send much at once.
    fn choose_dialect(&mut self, id: ConnectionId) {
        let connection = &mut self.clients[id];
        connection.is_new = false;
        let session = connection.session;
        let is_plain = match (self.inline_replies(), self.batch.form(0)) {
            (InlineReplies::Auto, form) => form == Form::InlineLf,
            (InlineReplies::Plain, form) => form != Form::Resp,
            (InlineReplies::Resp, _) => false,
        };
        if is_plain {
            self.engine.session_mut(session).dialect = Dialect::Plain;
        }
    }

    /// Answers bytes that are no request, after which nothing can be understood.
    fn fail(&mut self, id: ConnectionId, error: &ReplyError) {
        self.clients[id].enter(Phase::Closing);
        self.write_to(id, |reply| reply.error(error));
        let counters = &mut self.engine.stats_mut().counters;
        counters.client_query_buffer_limit_disconnections += u64::from(
            *error == REQUEST_TOO_LARGE || *error == ProtocolError::RequestTooLong.into(),
        );
        self.engine.stats_mut().count_error(error.code());
        let session = self.engine.session(self.clients[id].session);
        log::debug!(
            "client {} at {} sent what is no request, and is closed: {}",
            session.id,
            session.peer.address,
            error.as_bytes().escape_ascii()
        );
    }

    pub(super) fn carry_out_effects(&mut self, id: ConnectionId, now: Timestamp) {
        for effect in self.engine.take_effects() {
            match effect {
                Effect::Close { link } => self.clients.close_soon(ConnectionId::linked(link)),
                Effect::Unblock { link, with_error } => {
                    self.unblock(ConnectionId::linked(link), with_error, now);
                }
                Effect::Unpause => self.end_pause(),
                Effect::Sleep { duration_us } => self.wait_for_sleep(id, duration_us),
                Effect::Shutdown(shutdown) => self.demands.shutdown = Some(shutdown),
                Effect::Later(wait) => self.answer_later(id, wait, now),
                Effect::SaveInBackground => self.save_in_background(now),
                Effect::Monitor { is_on } => self.set_monitor(id, is_on),
                Effect::ConfigChanged => self.config_changed(now),
                Effect::Follow(Some((host, port))) => self.follow(host, port, now),
                Effect::Follow(None) => self.unfollow(now),
                Effect::Acknowledge => self.acknowledge_soon(),
                Effect::PurgeMemory => {
                    self.clients.pool.release_large();
                    self.demands.purge_memory = true;
                }
            }
        }
    }
}
