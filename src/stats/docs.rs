//! Makes `docs/METRICS.md` from the table.
//!
//! 1. `docs/METRICS.md` equals `markdown()` (`tests/docs/main.rs`).
//!
//! Cost: linear in the table; run for people only.
//!
//! Not here: the sentences themselves (`table.rs`, `constant.rs`).

use std::fmt::Write;

use super::Section;
use super::field::fields;

const HEAD: &str = "\
# Metrics

This page is made from `table.rs` and `constant.rs` in `src/stats/`; change them, then run
`make docs`.

`INFO` lists these fields by section. Without arguments it lists every section except
Commandstats and Latencystats; `INFO all` and `INFO everything` list them all. Fields marked as reset start again
from zero with `CONFIG RESETSTAT`; the others are values of the moment.
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
    text
}

fn push_table(text: &mut String, section: Section) {
    text.push_str("| field | unit | reset | meaning |\n|---|---|---|---|\n");
    for field in fields(section) {
        let reset = if field.is_reset { "yes" } else { "" };
        let _ = writeln!(
            text,
            "| `{}` | {} | {reset} | {} |",
            field.name,
            field.unit.name(),
            field.doc
        );
    }
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
