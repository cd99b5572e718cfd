//! Command sequences of several sessions on one engine, under a clock that jumps.
//!
//! 1. Every command is answered with exactly one well-formed reply of the session's protocol
//!    version, but for CLIENT REPLY, SHUTDOWN and requests after which the connection ends.
//! 2. The keyspace's invariants hold all along, and no due key is left once ticks find no work.
//! 3. When all is flushed, freed and closed, the memory is that of an empty cache.
//!
//! Not here: bytes, batches and backpressure (`node.rs`).

use crate::reply::{Types, count_replies};
use crate::requests::{Request, is_command, request};
use crate::source::Source;
use evenkeel::context::outbox::Effect;
use evenkeel::engine::Execution;
use evenkeel::protocol::args::OwnedArgs;
use evenkeel::protocol::reply::Dialect;
use evenkeel::session::{Link, Peer, ReplyMode, SessionKey};
use evenkeel::{CacheEngine, Config, Expire, Timestamp};
use std::time::Duration;

const SESSIONS: usize = 3;
const DATABASES: u32 = 4;

/// A moment in 2023, where the dictionary's absolute times are.
pub(crate) const START: Timestamp = Timestamp {
    unix_us: 1_700_000_000_000_000,
    monotonic_us: 5_000_000,
};

/// How far one step of the clock goes, in milliseconds.
const STEPS_MS: [u64; 8] = [0, 1, 10, 999, 1_000, 65_536, 3_600_000, 4_000_000_000];

/// Small limits, so that no input can ask for much.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    let settings: [&[u8]; 4] = [
        b"proto-max-bulk-len",
        b"1mb",
        b"client-query-buffer-limit",
        b"1mb",
    ];
    config.set(&settings).expect("both are in their range");
    config.databases = DATABASES;
    config.hash_seed = 7;
    config
}

/// Runs one input.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let mut world = World::new();
    let mut step_count = 0;
    while !source.is_empty() {
        world.step(&mut source);
        step_count += 1;
        if step_count % 8 == 0 {
            world.engine.check_invariants();
        }
    }
    world.finish();
}

struct World {
    engine: CacheEngine,
    sessions: [SessionKey; SESSIONS],
    now: Timestamp,
    reply: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let mut engine = CacheEngine::new(config());
        let sessions = std::array::from_fn(|slot| open(&mut engine, slot, START));
        Self {
            engine,
            sessions,
            now: START,
            reply: Vec::new(),
        }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        match source.byte() {
            choice @ 0..=223 => {
                let request = request(source);
                let slot = usize::from(choice) % SESSIONS;
                if !raises_limit(&request) && !self.mutes_transaction(slot, &request) {
                    self.execute(slot, &request);
                }
            }
            224..=235 => self.now = self.now.plus_ms(source.one_of(&STEPS_MS)),
            // Somebody sets the wall clock; the other one never goes back.
            236..=237 => {
                let back_us = source.one_of(&STEPS_MS) * 1000;
                self.now.unix_us = self.now.unix_us.saturating_sub(back_us);
            }
            238..=245 => {
                self.engine.tick(self.now);
            }
            246..=249 => self.reopen(source.below(SESSIONS)),
            _ => self.call(source),
        }
    }

    /// Whether a request would be a CLIENT REPLY inside of MULTI: as in Redis, EXEC then has fewer
    /// replies than it announces.
    fn mutes_transaction(&self, slot: usize, request: &Request) -> bool {
        let session = self.engine.session(self.sessions[slot]);
        session.transaction.is_open() && is_command(request, &["client", "reply"])
    }

    fn execute(&mut self, slot: usize, request: &Request) {
        let key = self.sessions[slot];
        let args = OwnedArgs::from_slices(request);
        let before = self.engine.session(key).reply_mode;
        let before_dialect = self.engine.session(key).dialect;
        let was_told = self.engine.session(key).is_told();
        self.reply.clear();
        let execution = self
            .engine
            .execute(key, args.args(), self.now, &mut self.reply);
        let effects = self.engine.take_effects();
        let session = self.engine.session(key);
        if execution == Execution::Paused {
            assert!(self.reply.is_empty() && effects.is_empty());
            return;
        }
        let types = match (before_dialect, session.dialect) {
            (Dialect::Resp2, Dialect::Resp2) => Types::Resp2,
            _ => Types::Resp3,
        };
        let count = count_replies(&self.reply, types);
        let is_last = session.closes_after_reply
            || effects
                .iter()
                .any(|effect| matches!(effect, Effect::Shutdown(_)));
        let is_right = match (before, session.reply_mode) {
            _ if is_last => matches!(count, Ok(0 | 1)),
            // Messages, and one for each channel that is joined or left.
            _ if was_told || session.is_told() || is_about_channels(request) => count.is_ok(),
            (ReplyMode::On, ReplyMode::On) => count == Ok(1),
            (ReplyMode::Off, ReplyMode::Off) => count == Ok(0),
            _ => matches!(count, Ok(0 | 1)),
        };
        assert!(
            is_right,
            "{args:?} gave {count:?}: {}",
            self.reply.escape_ascii()
        );
        for effect in effects {
            if let Effect::Close { link } = effect {
                self.reopen(link.0 as usize);
            }
        }
        if is_last {
            self.reopen(slot);
        }
    }

    fn reopen(&mut self, slot: usize) {
        self.engine.close_session(self.sessions[slot]);
        self.sessions[slot] = open(&mut self.engine, slot, self.now);
    }

    /// One of an embedder's calls.
    fn call(&mut self, source: &mut Source<'_>) {
        let keys: [&[u8]; 3] = [b"a", b"b", b"c"];
        let key = source.one_of(&keys);
        let engine = &mut self.engine;
        engine.advance_to(self.now);
        match source.below(8) {
            0 => {
                let value = source.bytes(64);
                _ = engine.set(key, value, Expire::Never);
                assert_eq!(engine.get(key).as_deref(), Some(value));
            }
            1 => {
                let lifetime = Duration::from_millis(source.one_of(&STEPS_MS));
                _ = engine.set(key, b"5", Expire::After(lifetime));
                assert_eq!(engine.contains(key), !lifetime.is_zero());
            }
            2 => _ = engine.set(key, b"5", Expire::Keep),
            3 => {
                let times_ms = [0, 1, 1_700_000_000_001, 1 << 44, i64::MAX as u64, u64::MAX];
                _ = engine.set(key, b"", Expire::AtUnixMs(source.one_of(&times_ms)));
            }
            4 => {
                let old = engine.get(key);
                if engine.incr(key, i64::from(source.byte())).is_err() {
                    assert_eq!(engine.get(key), old);
                }
            }
            5 => {
                engine.delete(key);
                assert!(!engine.contains(key));
            }
            6 => {
                engine.ttl(key);
            }
            _ => assert!(!engine.info("all").is_empty()),
        }
    }

    fn finish(mut self) {
        self.settle();
        let next_ms = self.engine.next_deadline_ms();
        assert!(next_ms.is_none_or(|deadline_ms| deadline_ms > self.now.unix_ms()));
        self.engine.check_invariants();
        for key in self.sessions {
            self.engine.close_session(key);
        }
        let key = self.engine.open_session(Peer::embedded(), self.now);
        self.engine.session_mut(key).is_authenticated = true;
        let flush = OwnedArgs::from_slices(&["FLUSHALL"]);
        self.reply.clear();
        let execution = self
            .engine
            .execute(key, flush.args(), self.now, &mut self.reply);
        if execution == Execution::Paused {
            return;
        }
        assert_eq!(self.reply, b"+OK\r\n");
        self.settle();
        self.engine.check_invariants();
        assert_eq!(self.engine.next_deadline_ms(), None);
        let empty_bytes = CacheEngine::new(config()).used_bytes();
        assert_eq!(self.engine.used_bytes(), empty_bytes);
    }

    /// Ticks until there is no work.
    fn settle(&mut self) {
        let mut tick_count = 0;
        while self.engine.has_work(self.now) {
            self.engine.tick(self.now);
            tick_count += 1;
            assert!(tick_count < 100_000, "work without an end");
        }
    }
}

/// Begins the session of a slot, whose number stands for its connection.
fn open(engine: &mut CacheEngine, slot: usize, now: Timestamp) -> SessionKey {
    let key = engine.open_session(Peer::embedded(), now);
    engine.session_mut(key).link = Some(Link(slot as u64));
    key
}

/// Whether a request would lift the limits that keep the fuzzer's memory small.
pub(crate) fn raises_limit(request: &Request) -> bool {
    is_command(request, &["config", "set"])
        && (request.iter()).any(|arg| arg.eq_ignore_ascii_case(b"proto-max-bulk-len"))
}

/// Whether a request joins or leaves channels, which is answered once for each.
fn is_about_channels(request: &Request) -> bool {
    let name = request[0].to_ascii_lowercase();
    name.ends_with(b"subscribe")
}
