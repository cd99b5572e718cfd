//! The sections of INFO and the units of metrics.
//!
//! ```text
//! INFO                      sections listed by default
//! INFO default              the same
//! INFO all | everything     every section
//! INFO name…                these sections, in the order of `Section::ALL`
//! ```
//!
//! 1. `ALL` is the order of the answer, whatever the order of the request.
//!
//! Not here: what a section contains (`table.rs`, `info.rs`).

/// A section of INFO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The program and its host.
    Server,
    /// Connections.
    Clients,
    /// Memory.
    Memory,
    /// Loading and saving.
    Persistence,
    /// Totals and rates.
    Stats,
    /// Role in replication.
    Replication,
    /// Processor time.
    Cpu,
    /// Loaded modules.
    Modules,
    /// One line per command called.
    Commandstats,
    /// One line per error code sent.
    Errorstats,
    /// One line per command called, with percentiles of its durations.
    Latencystats,
    /// Role in a cluster.
    Cluster,
    /// One line per database that has keys.
    Keyspace,
}

impl Section {
    /// All sections, in the order they are listed.
    pub const ALL: [Section; 13] = [
        Section::Server,
        Section::Clients,
        Section::Memory,
        Section::Persistence,
        Section::Stats,
        Section::Replication,
        Section::Cpu,
        Section::Modules,
        Section::Commandstats,
        Section::Errorstats,
        Section::Latencystats,
        Section::Cluster,
        Section::Keyspace,
    ];

    /// Name in the section's header; requests may spell it in any case.
    pub fn name(self) -> &'static str {
        match self {
            Section::Server => "Server",
            Section::Clients => "Clients",
            Section::Memory => "Memory",
            Section::Persistence => "Persistence",
            Section::Stats => "Stats",
            Section::Replication => "Replication",
            Section::Cpu => "CPU",
            Section::Modules => "Modules",
            Section::Commandstats => "Commandstats",
            Section::Errorstats => "Errorstats",
            Section::Latencystats => "Latencystats",
            Section::Cluster => "Cluster",
            Section::Keyspace => "Keyspace",
        }
    }

    /// Whether a request that names no section gets it.
    pub fn is_default(self) -> bool {
        !matches!(self, Section::Commandstats | Section::Latencystats)
    }

    /// Whether a request for `names` gets it. No names at all ask for the default.
    pub fn is_asked_for(self, names: &[&[u8]]) -> bool {
        let is_in = |name: &&[u8]| {
            name.eq_ignore_ascii_case(self.name().as_bytes())
                || name.eq_ignore_ascii_case(b"all")
                || name.eq_ignore_ascii_case(b"everything")
                || (self.is_default() && name.eq_ignore_ascii_case(b"default"))
        };
        if names.is_empty() {
            self.is_default()
        } else {
            names.iter().any(is_in)
        }
    }
}

/// Unit of a metric's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Words.
    Text,
    /// A number of things, or a number that is a name.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
    /// Days.
    Days,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Events per second.
    PerSecond,
    /// Units of 1024 bytes per second.
    KibibytesPerSecond,
    /// Parts of a hundred.
    Percent,
    /// One number divided by another.
    Ratio,
}

impl Unit {
    /// The unit as documentation writes it.
    #[cfg(feature = "internals")]
    pub fn name(self) -> &'static str {
        match self {
            Unit::Text => "text",
            Unit::Count => "number",
            Unit::Bytes => "bytes",
            Unit::Seconds => "s",
            Unit::Days => "days",
            Unit::Milliseconds => "ms",
            Unit::Microseconds => "µs",
            Unit::PerSecond => "per s",
            Unit::KibibytesPerSecond => "KiB per s",
            Unit::Percent => "%",
            Unit::Ratio => "ratio",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_sorted_and_complete() {
        assert!(Section::ALL.is_sorted());
        assert_eq!(Section::ALL[Section::ALL.len() - 1], Section::Keyspace);
        assert_eq!(
            Section::ALL.map(|section| section as usize),
            std::array::from_fn(|i| i)
        );
    }
}
