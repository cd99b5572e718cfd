//! A run as lines of JSON in `benches/runs/`, which `benches/pictures` draws.
//!
//! ```text
//! {"run": date, "label", "machine", "load_average", "redis", "evenkeel", "rounds", "arguments"}
//! {"section", "notes": […], "commands": […]}
//! {"section", "figure", "better", "decimals", "row", "redis": [one a round], "evenkeel": […]}
//! ```
//!
//! 1. The lines come from the same sections that the tables are made of (`report.rs`).
//! 2. The file's name is the date to the minute and the commit, and a number where there is one of
//!    that name, so that no run replaces another.
//!
//! Not here: the tables (`report.rs`), where the facts about the machine come from (`machine.rs`).

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{fs, io};

/// The folder of the runs.
const RUNS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/runs");

/// One line of JSON: names and values that are JSON already.
pub(crate) fn line(members: &[(&str, String)]) -> String {
    let members: Vec<String> = (members.iter())
        .map(|(name, value)| format!("{}:{value}", text(name)))
        .collect();
    format!("{{{}}}\n", members.join(","))
}

/// A JSON string.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// A JSON array of strings.
pub(crate) fn texts(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|one| text(one)).collect();
    format!("[{}]", texts.join(","))
}

/// A JSON array of numbers, with null for what JSON has not: a rate over no measurable time.
pub(crate) fn numbers(values: &[f64]) -> String {
    let values: Vec<String> = (values.iter())
        .map(|value| match value.is_finite() {
            true => value.to_string(),
            false => "null".to_owned(),
        })
        .collect();
    format!("[{}]", values.join(","))
}

/// Writes a run's file and says where.
pub(crate) fn write(date: &str, commit: &str, lines: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(RUNS)?;
    let date = date
        .trim_end_matches(" UTC")
        .replace(' ', "-")
        .replace(':', "");
    let folder = PathBuf::from(RUNS);
    let mut path = folder.join(format!("{date}-{commit}.jsonl"));
    let mut number = 1;
    while path.exists() {
        number += 1;
        path = folder.join(format!("{date}-{commit}-{number}.jsonl"));
    }
    fs::write(&path, lines)?;
    Ok(path)
}
