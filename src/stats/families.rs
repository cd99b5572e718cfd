//! What a scraper sees that is no field of INFO: one family a line of INFO has many of, and more.
//!
//! Not here: fields of INFO (`exposed.rs`), how it is written (`open_metrics.rs`), where the values
//! come from (`context/exposition.rs`).

use super::open_metrics::{Bounds, FamilyType, Format, push_family, push_histogram, push_sample};
use crate::structures::histogram::Histogram;

/// A family of samples that differ in labels.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, without `_total` and the like.
    pub name: &'static str,
    family_type: FamilyType,
    /// The end of its name, if it is a unit.
    unit: Option<&'static str>,
    /// The labels of its samples, besides those of a histogram.
    labels: &'static [&'static str],
    help: &'static str,
}

impl Family {
    /// Begins it; its samples follow.
    pub fn push_head(&self, text: (&mut String, Format)) {
        push_family(text, self.name, self.family_type, self.unit, self.help);
    }

    /// Writes a sample of a gauge or a counter; `labels` are the values of its labels.
    pub fn push(&self, text: &mut String, labels: &[&str], value: &str) {
        let suffix = match self.family_type {
            FamilyType::Counter => "_total",
            FamilyType::Gauge | FamilyType::Histogram => "",
        };
        let name = format!("{}{suffix}", self.name);
        push_sample(text, &name, &self.labelled(labels), value);
    }

    /// Writes the samples of a histogram.
    pub fn push_histogram(
        &self,
        text: &mut String,
        labels: &[&str],
        histogram: &Histogram,
        bounds: Bounds,
    ) {
        push_histogram(text, self.name, &self.labelled(labels), histogram, bounds);
    }

    fn labelled<'v>(&self, values: &[&'v str]) -> Vec<(&'static str, &'v str)> {
        debug_assert_eq!(self.labels.len(), values.len());
        let names = self.labels.iter().copied();
        names.zip(values.iter().copied()).collect()
    }

    /// The names of its samples and their labels, for people.
    #[cfg(feature = "internals")]
    pub(super) fn shown(&self) -> String {
        let suffix = match self.family_type {
            FamilyType::Gauge => "",
            FamilyType::Counter => "_total",
            FamilyType::Histogram => "_bucket`, `_sum`, `_count",
        };
        let labels = match self.labels {
            [] => String::new(),
            labels => format!(" by {}", labels.join(", ")),
        };
        format!("`{}{suffix}`{labels}", self.name)
    }

    /// What its samples are.
    #[cfg(feature = "internals")]
    pub(super) fn help(&self) -> &'static str {
        self.help
    }
}

const fn family(
    name: &'static str,
    family_type: FamilyType,
    unit: Option<&'static str>,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family {
        name,
        family_type,
        unit,
        labels,
        help,
    }
}

/// Version.
#[rustfmt::skip]
pub const BUILD_INFO: Family = family("evenkeel_build_info", FamilyType::Gauge, None,
    &["version", "redis_version"], "Always 1; the labels say what is running.");
/// Error replies.
#[rustfmt::skip]
pub const ERRORS: Family = family("evenkeel_errors", FamilyType::Counter, None,
    &["error"], "Error replies by the first word of the reply.");
/// Keys of databases.
#[rustfmt::skip]
pub const DATABASE_KEYS: Family = family("evenkeel_database_keys", FamilyType::Gauge, None,
    &["db"], "Keys of a database.");
/// Those of them with a deadline.
#[rustfmt::skip]
pub const DATABASE_KEYS_EXPIRING: Family = family("evenkeel_database_keys_expiring", FamilyType::Gauge, None,
    &["db"], "Keys with a deadline.");
/// Those of them that are hashes whose fields have deadlines.
#[rustfmt::skip]
pub const DATABASE_HASHES_EXPIRING: Family = family("evenkeel_database_hashes_expiring", FamilyType::Gauge, None,
    &["db"], "Hashes of which a field has a deadline.");
/// Turns of the loop.
#[rustfmt::skip]
pub const TURNS: Family = family("evenkeel_loop_turn_duration_seconds", FamilyType::Histogram, Some("seconds"),
    &[], "How long turns of the event loop took, waiting not included.");
/// How late things expire.
#[rustfmt::skip]
pub const EXPIRY_LAG: Family = family("evenkeel_expiry_lag_seconds", FamilyType::Histogram, Some("seconds"),
    &["of"], "Time between the deadline of a key, or of a field of a hash, and its removal.");
/// What other sizes would answer.
#[rustfmt::skip]
pub const EXPECTED_HITS: Family = family("evenkeel_expected_hit_ratio", FamilyType::Gauge, Some("ratio"),
    &["memory"], "Share of reads that so many times the memory would answer; absent before a read.");
/// Keys that are used most.
#[rustfmt::skip]
pub const HOT_KEYS: Family = family("evenkeel_hot_key_access_ratio", FamilyType::Gauge, Some("ratio"),
    &["db", "key"], "Share of all accesses that a key takes: the ten that take most, if it is a hundredth or more.");
/// Executions of commands.
#[rustfmt::skip]
pub const CALLS: Family = family("evenkeel_command_calls", FamilyType::Counter, None,
    &["command"], "Executions of a command, failed ones included.");
/// Failures of commands.
#[rustfmt::skip]
pub const CALLS_FAILED: Family = family("evenkeel_command_calls_failed", FamilyType::Counter, None,
    &["command"], "Executions of a command that answered an error.");
/// Refusals of commands.
#[rustfmt::skip]
pub const CALLS_REJECTED: Family = family("evenkeel_command_calls_rejected", FamilyType::Counter, None,
    &["command"], "Calls of a command that were refused before execution.");
/// Durations of commands.
#[rustfmt::skip]
pub const DURATIONS: Family = family("evenkeel_command_duration_seconds", FamilyType::Histogram, Some("seconds"),
    &["command"], "How long executions of a command took; fast ones of a pipeline are timed in groups.");

/// All of them.
#[cfg(feature = "internals")]
pub const FAMILIES: [&Family; 13] = [
    &BUILD_INFO,
    &ERRORS,
    &DATABASE_KEYS,
    &DATABASE_KEYS_EXPIRING,
    &DATABASE_HASHES_EXPIRING,
    &TURNS,
    &EXPIRY_LAG,
    &EXPECTED_HITS,
    &HOT_KEYS,
    &CALLS,
    &CALLS_FAILED,
    &CALLS_REJECTED,
    &DURATIONS,
];
