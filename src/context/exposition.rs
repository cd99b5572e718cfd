//! What a scraper is told, in pieces: figures of INFO, then histograms, then commands; before them
//! hot keys, if the scraper may see names of keys.
//!
//! ```text
//!  (HotKeys ─▶) Figures ─▶ Turns ─▶ Calls ─▶ Failures ─▶ Rejections
//!  ─▶ Durations(0) ─▶ Durations(16) ─▶ … ─▶ # EOF
//! ```
//!
//! One piece is some tens of microseconds, so that the loop can do something else in between. The
//! pieces are of the moments at which they are made; each sample is of one moment.
//!
//! Whatever is exposed of keys is bounded: at most [`HOT_KEYS_MAX`] of them, and each takes one
//! access in [`HOT_ONE_OF`] at least and was seen [`HOT_SAMPLES_MIN`] times, so that keys that are
//! hot by chance don't become series of a scraper.
//!
//! Cost: the first piece O(databases + clients + error codes), as INFO; a piece of durations walks
//! [`DURATIONS_MAX`] histograms.
//!
//! Not here: names and texts of the figures (`stats/exposed.rs`, `stats/families.rs`), the format
//! (`stats/open_metrics.rs`), who asks (`node/pages/`).

use super::report::{CommandName, Report};
use crate::stats::families::{self, Family};
use crate::stats::open_metrics::{self, COMMAND_BOUNDS, Format, LAG_BOUNDS, TURN_BOUNDS};
use crate::stats::{CommandStat, DatabaseStat, REDIS_VERSION, VERSION};
use std::collections::BTreeMap;

/// Commands whose durations make one piece.
const DURATIONS_MAX: usize = 16;

/// Hot keys that are exposed at most.
const HOT_KEYS_MAX: usize = 10;

/// A hot key is exposed if it takes one of so many accesses, or more.
const HOT_ONE_OF: u64 = 100;

/// … and if so many of those accesses were looked at, or more.
const HOT_SAMPLES_MIN: u64 = 5;

/// The text so far, and how it is written.
pub type Text<'t> = (&'t mut String, Format);

/// The next piece of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Piece {
    /// The keys that are used most: names, for those who may see them.
    HotKeys,
    /// The fields of INFO, databases, errors.
    #[default]
    Figures,
    /// Turns of the loop, lag of expiry, what other sizes would answer.
    Turns,
    /// Executions by command.
    Calls,
    /// Executions that answered an error, by command.
    Failures,
    /// Commands refused before execution.
    Rejections,
    /// Durations of commands, from the one with this index on.
    Durations(usize),
}

impl Report<'_> {
    /// Appends one piece to the text; returns the next one, and none after the last.
    pub fn expose(
        mut self,
        piece: Piece,
        command_name: CommandName,
        text: Text<'_>,
    ) -> Option<Piece> {
        match piece {
            Piece::HotKeys => {
                self.expose_hot_keys(text);
                Some(Piece::Figures)
            }
            Piece::Figures => {
                self.expose_figures(text);
                Some(Piece::Turns)
            }
            Piece::Turns => {
                self.expose_turns((text.0, text.1));
                self.expose_curve(text);
                Some(Piece::Calls)
            }
            Piece::Calls => {
                self.expose_commands(text, families::CALLS, command_name, |stat| stat.calls);
                Some(Piece::Failures)
            }
            Piece::Failures => {
                let failed = |stat: &CommandStat<'_>| stat.failed_calls;
                self.expose_commands(text, families::CALLS_FAILED, command_name, failed);
                Some(Piece::Rejections)
            }
            Piece::Rejections => {
                let rejected = |stat: &CommandStat<'_>| stat.rejected_calls;
                self.expose_commands(text, families::CALLS_REJECTED, command_name, rejected);
                Some(Piece::Durations(0))
            }
            Piece::Durations(first) => {
                let is_over = self.expose_durations((text.0, text.1), first, command_name);
                if is_over {
                    open_metrics::end(text.0);
                }
                (!is_over).then_some(Piece::Durations(first + DURATIONS_MAX))
            }
        }
    }

    fn expose_hot_keys(&self, text: Text<'_>) {
        families::HOT_KEYS.push_head((text.0, text.1));
        let keys = (self.keyspace).hot_keys(HOT_KEYS_MAX, self.now.unix_ms());
        // Long keys may be one and the same label, and a scraper takes no sample twice.
        let mut shares: BTreeMap<(u32, String), f64> = BTreeMap::new();
        for key in keys {
            let is_hot = key.per_second * HOT_ONE_OF >= key.all_per_second;
            if is_hot && key.samples >= HOT_SAMPLES_MIN {
                let label = open_metrics::label_of(&key.name);
                let share = key.per_second as f64 / key.all_per_second as f64;
                *shares.entry((key.database, label)).or_default() += share;
            }
        }
        for ((database, key), share) in &shares {
            let labels = [&*database.to_string(), key];
            families::HOT_KEYS.push(text.0, &labels, &format!("{share:.4}"));
        }
    }

    fn expose_figures(&mut self, text: Text<'_>) {
        families::BUILD_INFO.push_head((text.0, text.1));
        families::BUILD_INFO.push(text.0, &[VERSION, REDIS_VERSION], "1");
        self.with_source(|source| {
            open_metrics::push_fields((text.0, text.1), source);
            families::ERRORS.push_head((text.0, text.1));
            for error in source.errors {
                families::ERRORS.push(text.0, &[error.code], &error.count.to_string());
            }
            expose_databases((text.0, text.1), source.databases);
        });
    }

    fn expose_turns(&self, text: Text<'_>) {
        families::TURNS.push_head((text.0, text.1));
        let turns_us = self.turns.durations_us();
        families::TURNS.push_histogram(text.0, &[], turns_us, TURN_BOUNDS);
        families::EXPIRY_LAG.push_head((text.0, text.1));
        let (keys_ms, fields_ms) = self.keyspace.expiry_lags_ms();
        for (of, lags_ms) in [("key", keys_ms), ("field", fields_ms)] {
            families::EXPIRY_LAG.push_histogram(text.0, &[of], lags_ms, LAG_BOUNDS);
        }
    }

    fn expose_curve(&self, text: Text<'_>) {
        families::EXPECTED_HITS.push_head((text.0, text.1));
        for point in self.keyspace.miss_ratio_curve().points {
            let factor = point.factor.to_string();
            let ratio = format!("{:.4}", point.ratio);
            families::EXPECTED_HITS.push(text.0, &[&factor], &ratio);
        }
    }

    fn expose_commands(
        &self,
        text: Text<'_>,
        family: Family,
        command_name: CommandName,
        value: impl Fn(&CommandStat<'_>) -> u64,
    ) {
        family.push_head((text.0, text.1));
        for stat in self.commands(command_name) {
            family.push(text.0, &[stat.name], &value(&stat).to_string());
        }
    }

    /// True if there are no more.
    fn expose_durations(&self, text: Text<'_>, first: usize, command_name: CommandName) -> bool {
        if first == 0 {
            families::DURATIONS.push_head((text.0, text.1));
        }
        let mut durations = self.timing.all_durations().skip(first);
        for (number, durations_ns) in durations.by_ref().take(DURATIONS_MAX) {
            let labels = [command_name(number)];
            families::DURATIONS.push_histogram(text.0, &labels, durations_ns, COMMAND_BOUNDS);
        }
        durations.next().is_none()
    }
}

/// A number of a database.
type DatabaseFigure = (Family, fn(&DatabaseStat) -> u64);

fn expose_databases(text: Text<'_>, databases: &[DatabaseStat]) {
    const FIGURES: [DatabaseFigure; 3] = [
        (families::DATABASE_KEYS, |stat| stat.keys),
        (families::DATABASE_KEYS_EXPIRING, |stat| stat.expires),
        (families::DATABASE_HASHES_EXPIRING, |stat| {
            stat.field_expires
        }),
    ];
    for (family, value) in FIGURES {
        family.push_head((text.0, text.1));
        // The first always, so that an empty cache has a number, too.
        for stat in databases
            .iter()
            .filter(|stat| stat.keys > 0 || stat.index == 0)
        {
            let index = stat.index.to_string();
            family.push(text.0, &[&index], &value(stat).to_string());
        }
    }
}
