//! Makes `docs/METRICS.md` from the table.
//!
//! 1. `docs/METRICS.md` equals `markdown()` (`tests/docs/main.rs`).
//!
//! Cost: linear in the table; run for people only.
//!
//! Not here: the sentences themselves (`table.rs`, `constant.rs`, `families.rs`).

use std::fmt::Write;

use super::Section;
use super::families::FAMILIES;
use super::field::fields;
use super::open_metrics::field_sample_name;

const HEAD: &str = "\
# Metrics

This page is made from `table.rs`, `constant.rs` and `families.rs` in `src/stats/`; change them, then run
`make docs`.

`INFO` lists these fields by section. Without arguments it lists every section except
Commandstats and Latencystats; `INFO all` and `INFO everything` list them all. Fields marked as reset start again
from zero with `CONFIG RESETSTAT`; the others are values of the moment.

The last section has what `/metrics` tells besides; the names of fields there stand in their column. Base units:
bytes, seconds, ratios from 0 to 1.
";

/// The text of `docs/METRICS.md`.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for section in Section::ALL {
        let _ = write!(text, "\n## {}\n\n", section.name());
        match lines_of(section) {
            Some(lines) => {
                let _ = writeln!(text, "{lines}");
            }
            None => push_table(&mut text, section),
        }
    }
    push_families(&mut text);
    text
}

fn push_table(text: &mut String, section: Section) {
    text.push_str("| field | unit | reset | in `/metrics` | meaning |\n|---|---|---|---|---|\n");
    for field in fields(section) {
        let reset = if field.is_reset { "yes" } else { "" };
        let (name, unit, doc) = (field.name, field.unit.name(), field.doc);
        let exposed = field_sample_name(name).map_or(String::new(), |name| format!("`{name}`"));
        let _ = writeln!(text, "| `{name}` | {unit} | {reset} | {exposed} | {doc} |");
    }
}

fn push_families(text: &mut String) {
    text.push_str("\n## Only in `/metrics`\n\n");
    text.push_str("| samples | meaning |\n|---|---|\n");
    for family in FAMILIES {
        let _ = writeln!(text, "| {} | {} |", family.shown(), family.help());
    }
    text.push_str(
        "\nNames of keys are shown to users who may see the live page, and to others not.\n",
    );
}

/// What a section made of lines instead of single fields contains.
fn lines_of(section: Section) -> Option<&'static str> {
    match section {
        Section::Commandstats => Some(
            "One line per command called since the start or `CONFIG RESETSTAT`,\n\
             `cmdstat_NAME:calls=,usec=,usec_per_call=,rejected_calls=,failed_calls=`:\n\
             executions, their time and mean time in µs, calls refused before execution, and\n\
             executions that answered an error. A subcommand is named `parent|name`.",
        ),
        Section::Latencystats => Some(
            "One line per command called, `latency_percentiles_usec_NAME:p50=,p99=,p99.9=`: how long\n\
             its calls took at most in µs, for the percentiles of\n\
             `latency-tracking-info-percentiles`. Fast commands of a pipeline are timed in groups\n\
             of up to 32 and count with the mean of their group.",
        ),
        Section::Errorstats => Some(
            "One line per first word of the error replies sent since the start or\n\
             `CONFIG RESETSTAT`, `errorstat_CODE:count=`.",
        ),
        Section::Keyspace => Some(
            "One line per database that has keys, `dbN:keys=,expires=,avg_ttl=,subexpiry=`: keys,\n\
             keys with a deadline, the mean time they have left in ms, and hashes of which a field\n\
             has a deadline.",
        ),
        Section::Modules => Some("Always empty: there are no modules."),
        Section::Server
        | Section::Clients
        | Section::Memory
        | Section::Persistence
        | Section::Stats
        | Section::Replication
        | Section::Cpu
        | Section::Cluster => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_and_section_is_on_the_page() {
        let text = markdown();
        for section in Section::ALL {
            assert!(text.contains(&format!("\n## {}\n", section.name())));
            for field in fields(section) {
                let name = field.name;
                assert!(
                    lines_of(section).is_none(),
                    "{name} is in a section of lines"
                );
                assert!(text.contains(&format!("\n| `{name}` | ")), "{name}");
            }
        }
    }
}
