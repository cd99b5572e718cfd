//! The figures of the cache without a client: for the program around it, the log and the node;
//! and the turns of the loop around it.
//!
//! Not here: gathering them (`context/report.rs`), names and texts of the fields (`stats/`).

use super::CacheEngine;
use crate::base::clock::Timestamp;
use crate::command::declare::table::command_name;
use crate::context::exposition::{Piece, Text};
use crate::context::report::Report;
use crate::stats::TurnLimits;
use crate::stats::turns::TurnParts;

impl CacheEngine {
    /// What INFO would answer for one section (`"memory"`), or for `"all"`, at the time of the last
    /// call. O(databases + sessions + commands).
    pub fn info(&mut self, section: &str) -> String {
        self.report().info_text(&[section.as_bytes()], command_name)
    }

    /// Appends a piece of what a scraper is told to the text; returns the next piece, and none
    /// after the last.
    #[doc(hidden)]
    pub fn expose(&mut self, piece: Piece, text: Text<'_>, now: Timestamp) -> Option<Piece> {
        self.now = now;
        self.report().expose(piece, command_name, text)
    }

    /// Appends a row of a table for each field of INFO.
    pub(crate) fn live_rows(&mut self, text: &mut String, now: Timestamp) {
        self.now = now;
        self.report().live_rows(text);
    }

    /// Appends what the live page shows, as one line of JSON.
    pub(crate) fn live_json(&mut self, text: &mut String, now: Timestamp) {
        self.now = now;
        self.report().live_json(text);
    }

    /// All memory in use, clients to the byte, and the slow log; noted for the peak in INFO.
    /// O(databases + clients).
    #[doc(hidden)]
    pub fn used_memory_bytes(&mut self) -> u64 {
        let keyspace_bytes = self.keyspace.used_bytes();
        let client_bytes = self.sessions.used_bytes() + self.stats.slow_log.used_bytes();
        let gauges = &mut self.stats.gauges;
        gauges.note_used_memory(keyspace_bytes, client_bytes)
    }

    /// Notes how much memory is in use, of clients only their buffers, for the peak in INFO.
    /// O(databases).
    pub(crate) fn note_used_memory(&mut self) {
        let gauges = &mut self.stats.gauges;
        let buffers_bytes = gauges.client_buffers_bytes as usize;
        gauges.note_used_memory(self.keyspace.used_bytes(), buffers_bytes);
    }

    /// Takes a sample of what INFO shows per second.
    pub(crate) fn sample_rates(&mut self, now_ms: u64) {
        let evicted_keys = self.keyspace.eviction_report().keys;
        self.stats.sample_rates(now_ms, evicted_keys);
    }

    /// Notes a turn of the loop that drives this cache, which began at `now`: for INFO, and for
    /// LATENCY and SLOWLOG if it was long.
    #[inline]
    pub(crate) fn note_turn(&mut self, parts: TurnParts, now: Timestamp) {
        self.turns.note(parts);
        let total_us = parts.total_us();
        let counters = &mut self.stats.counters;
        counters.loop_turns += 1;
        counters.loop_busy_usec += total_us;
        counters.loop_turn_max_usec = counters.loop_turn_max_usec.max(total_us);
        let limits = TurnLimits {
            latency_ms: self.config.latency_monitor_threshold_ms,
            slow_log_us: self.config.slowlog_slower_than_us,
            slow_log_len: usize::try_from(self.config.slowlog_max_len).unwrap_or(usize::MAX),
        };
        self.long_turns.note(parts, now, limits, &mut self.stats);
    }

    /// The parts that figures are read from.
    pub(crate) fn report(&mut self) -> Report<'_> {
        Report {
            keyspace: &self.keyspace,
            sessions: &self.sessions,
            messages: &self.messages,
            config: &self.config,
            host: &self.host,
            stats: &mut self.stats,
            turns: &self.turns,
            timing: &self.timing,
            scripts: self.scripts.figures(),
            now: self.now,
        }
    }
}
