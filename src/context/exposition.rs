//! What a scraper is told, in pieces: figures of INFO, then histograms, then commands.
//!
//! ```text
//!  Figures ─▶ Turns ─▶ Calls ─▶ Failures ─▶ Rejections ─▶ Durations(0) ─▶ (16) … ─▶ # EOF
//! ```
//!
//! One piece is some tens of microseconds, so that the loop can do something else in between. The
//! pieces are of the moments at which they are made; each sample is of one moment.
//!
//! Cost: the first piece O(databases + clients + error codes), as INFO; a piece of durations walks
//! [`DURATIONS_MAX`] histograms.
//!
//! Not here: names and texts of the figures (`stats/exposed.rs`), the format
//! (`stats/open_metrics.rs`), who asks (`node/pages/`).

use super::report::{CommandName, Report};
use crate::stats::open_metrics::{
    self, COMMAND_BOUNDS, FamilyType, Format, LAG_BOUNDS, TURN_BOUNDS, push_family, push_histogram,
    push_sample,
};
use crate::stats::{CommandStat, DatabaseStat, REDIS_VERSION, VERSION};

/// Commands whose durations make one piece.
const DURATIONS_MAX: usize = 16;

/// The text so far, and how it is written.
pub type Text<'t> = (&'t mut String, Format);

/// The next piece of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Piece {
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
                let help = "Executions of a command, failed ones included.";
                self.expose_commands(text, "calls", help, command_name, |stat| stat.calls);
                Some(Piece::Failures)
            }
            Piece::Failures => {
                let help = "Executions of a command that answered an error.";
                let failed = |stat: &CommandStat<'_>| stat.failed_calls;
                self.expose_commands(text, "calls_failed", help, command_name, failed);
                Some(Piece::Rejections)
            }
            Piece::Rejections => {
                let help = "Calls of a command that were refused before execution.";
                let rejected = |stat: &CommandStat<'_>| stat.rejected_calls;
                self.expose_commands(text, "calls_rejected", help, command_name, rejected);
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

    fn expose_figures(&mut self, text: Text<'_>) {
        let name = "evenkeel_build_info";
        let help = "Always 1; the labels say what is running.";
        push_family((text.0, text.1), name, FamilyType::Gauge, None, help);
        let labels = [("version", VERSION), ("redis_version", REDIS_VERSION)];
        push_sample(text.0, name, &labels, "1");
        self.with_source(|source| {
            open_metrics::push_fields((text.0, text.1), source);
            let name = "evenkeel_errors";
            let help = "Error replies by the first word of the reply.";
            push_family((text.0, text.1), name, FamilyType::Counter, None, help);
            for error in source.errors {
                let value = error.count.to_string();
                push_sample(
                    text.0,
                    "evenkeel_errors_total",
                    &[("error", error.code)],
                    &value,
                );
            }
            expose_databases((text.0, text.1), source.databases);
        });
    }

    fn expose_turns(&self, text: Text<'_>) {
        let name = "evenkeel_loop_turn_duration_seconds";
        let help = "How long turns of the event loop took, waiting not included.";
        push_family(
            (text.0, text.1),
            name,
            FamilyType::Histogram,
            Some("seconds"),
            help,
        );
        push_histogram(text.0, name, &[], self.turns.durations_us(), TURN_BOUNDS);
        let name = "evenkeel_expiry_lag_seconds";
        let help = "Time between the deadline of a key, or of a field of a hash, and its removal.";
        push_family(
            (text.0, text.1),
            name,
            FamilyType::Histogram,
            Some("seconds"),
            help,
        );
        let (keys_ms, fields_ms) = self.keyspace.expiry_lags_ms();
        push_histogram(text.0, name, &[("of", "key")], keys_ms, LAG_BOUNDS);
        push_histogram(text.0, name, &[("of", "field")], fields_ms, LAG_BOUNDS);
    }

    fn expose_curve(&self, text: Text<'_>) {
        let name = "evenkeel_expected_hit_ratio";
        let help =
            "Share of reads that so many times the memory would answer; absent before a read.";
        push_family(
            (text.0, text.1),
            name,
            FamilyType::Gauge,
            Some("ratio"),
            help,
        );
        for point in self.keyspace.miss_ratio_curve().points {
            let factor = point.factor.to_string();
            let ratio = format!("{:.4}", point.ratio);
            push_sample(text.0, name, &[("memory", &factor)], &ratio);
        }
    }

    fn expose_commands(
        &self,
        text: Text<'_>,
        what: &str,
        help: &str,
        command_name: CommandName,
        value: impl Fn(&CommandStat<'_>) -> u64,
    ) {
        let name = format!("evenkeel_command_{what}");
        push_family((text.0, text.1), &name, FamilyType::Counter, None, help);
        let sample = name + "_total";
        for stat in self.commands(command_name) {
            let labels = [("command", stat.name)];
            push_sample(text.0, &sample, &labels, &value(&stat).to_string());
        }
    }

    /// True if there are no more.
    fn expose_durations(&self, text: Text<'_>, first: usize, command_name: CommandName) -> bool {
        let name = "evenkeel_command_duration_seconds";
        if first == 0 {
            let help = "How long executions of a command took; fast ones of a pipeline are timed in groups.";
            push_family(
                (text.0, text.1),
                name,
                FamilyType::Histogram,
                Some("seconds"),
                help,
            );
        }
        let mut durations = self.timing.all_durations().skip(first);
        for (number, durations_ns) in durations.by_ref().take(DURATIONS_MAX) {
            let labels = [("command", command_name(number))];
            push_histogram(text.0, name, &labels, durations_ns, COMMAND_BOUNDS);
        }
        durations.next().is_none()
    }
}

/// A number of a database, by its name and its text of help.
type DatabaseFigure = (&'static str, &'static str, fn(&DatabaseStat) -> u64);

fn expose_databases(text: Text<'_>, databases: &[DatabaseStat]) {
    const FIGURES: [DatabaseFigure; 3] = [
        ("evenkeel_database_keys", "Keys of a database.", |stat| {
            stat.keys
        }),
        (
            "evenkeel_database_keys_expiring",
            "Keys with a deadline.",
            |stat| stat.expires,
        ),
        (
            "evenkeel_database_hashes_expiring",
            "Hashes of which a field has a deadline.",
            |stat| stat.field_expires,
        ),
    ];
    for (name, help, value) in FIGURES {
        push_family((text.0, text.1), name, FamilyType::Gauge, None, help);
        // The first always, so that an empty cache has a number, too.
        for stat in databases
            .iter()
            .filter(|stat| stat.keys > 0 || stat.index == 0)
        {
            let index = stat.index.to_string();
            push_sample(text.0, name, &[("db", &index)], &value(stat).to_string());
        }
    }
}
