//! Rank 2: statistics: one row per metric, from which INFO, its reset and the documentation are
//! made.
//!
//! ```text
//!   engine ── += 1 ──▶ Counters ─┐
//!   the report ──────▶ Gauges  ──┼─▶ InfoSource ──▶ fields ─▶ info_text      INFO
//!   per command, error, db ──────┘       table.rs, ──┬──▶ Counters::reset   CONFIG RESETSTAT
//!                                     constant.rs    ├──▶ markdown          docs/METRICS.md
//!                                                    └──▶ open_metrics.rs   a scraper's text
//! ```
//!
//! 1. A metric is declared in one place, its row (`table.rs`, `constant.rs`); no other file lists
//!    names.
//! 2. Nothing here reads a clock or asks the system: callers put numbers in.
//!
//! Cost: a counter is one addition; INFO is linear in the rows and in the lines of its lists.
//!
//! Not here: who counts (`engine/`, `node/`) and gathers (`context/report.rs`); the INFO command
//! (`command/`).

mod constant;
#[cfg(feature = "internals")]
mod docs;
mod exposed;
pub mod families;
mod field;
mod info;
mod latency;
mod long_turns;
pub mod open_metrics;
mod rate;
mod section;
mod slow_log;
mod source;
mod statistics;
mod table;
pub mod turns;
mod value;

#[cfg(feature = "internals")]
pub use docs::markdown;
pub use info::info_text;
pub use latency::{LatencyEvent, LatencyMonitor, LatencySample, LatencySeries};
pub use long_turns::{LongTurns, TurnLimits};
pub use rate::Rate;
pub use section::{Section, Unit};
pub use slow_log::{SlowEntry, SlowLog, shorten};
pub use source::{
    CommandStat, Counters, DatabaseStat, ErrorStat, FollowingFigures, Gauges, InfoSource,
    LatencyStat,
};
pub use statistics::{CommandCount, Statistics};
pub use table::{MetricRow, ROWS};
pub use value::Value;

/// Version of Redis that clients are told; they choose commands by it.
pub const REDIS_VERSION: &str = "7.4.0";

/// Version of Evenkeel.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
