//! What was measured, as Markdown and as a run of `benches/runs`.
//!
//! ```text
//! {"run": date, "kind": "rivals", "label", "machine", "load_average", "evenkeel", "rounds", …}
//! {"section", "figure", "better", "decimals", "row", "evenkeel": [a value per round], "moka": […], …}
//! ```
//!
//! Not here: measuring.

#[path = "../../side_by_side/machine.rs"]
#[allow(
    dead_code,
    reason = "shared with the other bench, which uses all of it"
)]
mod machine;
#[path = "../../side_by_side/run_file.rs"]
#[allow(
    dead_code,
    reason = "shared with the other bench, which uses all of it"
)]
mod run_file;

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// The folder of the runs.
const RUNS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../runs");

/// What the figures stand under.
const SECTION: &str = "In a program";

/// Which end of a figure is the good one.
#[derive(Clone, Copy)]
pub(crate) enum Better {
    Lower,
    Higher,
}

struct Row {
    figure: &'static str,
    better: Better,
    decimals: usize,
    name: String,
    cells: Vec<(&'static str, Vec<f64>)>,
}

/// A run so far.
#[derive(Default)]
pub(crate) struct Run {
    rows: Vec<Row>,
}

impl Run {
    /// Notes one value.
    pub(crate) fn note(
        &mut self,
        figure: &'static str,
        better: Better,
        decimals: usize,
        row: &str,
        column: &'static str,
        value: f64,
    ) {
        let is_it = |known: &Row| known.figure == figure && known.name == row;
        let index = self.rows.iter().position(is_it).unwrap_or_else(|| {
            self.rows.push(Row {
                figure,
                better,
                decimals,
                name: row.to_owned(),
                cells: Vec::new(),
            });
            self.rows.len() - 1
        });
        let cells = &mut self.rows[index].cells;
        match cells.iter_mut().find(|(name, _)| *name == column) {
            Some((_, values)) => values.push(value),
            None => cells.push((column, vec![value])),
        }
    }

    /// A table a figure: medians.
    pub(crate) fn markdown(&self, columns: &[&str]) -> String {
        let mut out = String::new();
        let mut figure = "";
        for row in &self.rows {
            if row.figure != figure {
                figure = row.figure;
                let _ = writeln!(out, "\n| {figure} | {} |", columns.join(" | "));
                let _ = writeln!(out, "|---|{}", "---:|".repeat(columns.len()));
            }
            let _ = write!(out, "| {} |", row.name);
            for column in columns {
                let text = match row.median(column) {
                    Some(median) => format!("{median:.*}", row.decimals),
                    None => "–".to_owned(),
                };
                let _ = write!(out, " {text} |");
            }
            out.push('\n');
        }
        out
    }

    /// Writes the run's file and says where.
    pub(crate) fn write(&self, columns: &[&str]) -> io::Result<PathBuf> {
        let (date, commit) = (machine::date(), machine::commit());
        let rounds = self.rows.iter().flat_map(|row| &row.cells);
        let rounds = rounds.map(|(_, values)| values.len()).max().unwrap_or(0);
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let mut lines = run_file::line(&[
            ("run", run_file::text(&date)),
            ("kind", run_file::text("rivals")),
            ("label", run_file::text("")),
            ("machine", run_file::text(&machine::description())),
            ("load_average", run_file::text(&machine::load_average())),
            ("evenkeel", run_file::text(&commit)),
            ("rounds", rounds.to_string()),
            ("arguments", run_file::text(&arguments.join(" "))),
        ]);
        for row in &self.rows {
            let better = match row.better {
                Better::Lower => "lower",
                Better::Higher => "higher",
            };
            let mut members = vec![
                ("section", run_file::text(SECTION)),
                ("figure", run_file::text(row.figure)),
                ("better", run_file::text(better)),
                ("decimals", row.decimals.to_string()),
                ("row", run_file::text(&row.name)),
            ];
            for column in columns {
                if let Some((_, values)) = row.cells.iter().find(|(name, _)| name == column) {
                    members.push((*column, run_file::numbers(values)));
                }
            }
            lines.push_str(&run_file::line(&members));
        }
        let date = date
            .trim_end_matches(" UTC")
            .replace(' ', "-")
            .replace(':', "");
        let path = PathBuf::from(RUNS).join(format!("{date}-{commit}-rivals.jsonl"));
        std::fs::write(&path, lines)?;
        Ok(path)
    }
}

impl Row {
    fn median(&self, column: &str) -> Option<f64> {
        let (_, values) = self.cells.iter().find(|(name, _)| *name == column)?;
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => None,
            length if length % 2 == 1 => Some(sorted[middle]),
            _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
        }
    }
}
