//! Figures of both servers, their medians and ratios, and the Markdown that shows them.
//!
//! ```text
//! Section ─┬─ notes            what the figures include, and which commands a side lacks
//!          ├─ tables           one per figure: load × (redis, evenkeel), one value per round;
//!          │                   a column of targets where a row has one
//!          └─ command lines    the server's and each load's
//! ```
//!
//! 1. The ratio is above 1 where Evenkeel is better, whichever way the figure points.
//! 2. Columns are padded, so the Markdown is also the terminal's output.
//!
//! Not here: which machine it was (`machine.rs`), the figures themselves (`load_*.rs`).

use std::fmt::Write as _;
use std::{io, iter};

use crate::known_commands::is_unknown_command;
use crate::run_file;

/// Index of the reference among the sides.
pub(crate) const REDIS: usize = 0;
/// Index of the server under development among the sides.
pub(crate) const EVENKEEL: usize = 1;

/// Which end of a figure is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// Costs and times.
    Lower,
    /// Rates and counts of successes.
    Higher,
}

/// One figure that a load measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// Heading, with the unit.
    pub(crate) title: &'static str,
    /// Direction.
    pub(crate) better: Better,
    /// Digits after the point.
    pub(crate) decimals: usize,
}

/// One value of one figure, for a load whose figures have different rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// Position of the figure in the section.
    pub(crate) figure: usize,
    /// Name of the row.
    pub(crate) row: &'static str,
    /// The value.
    pub(crate) value: f64,
}

/// One load's values of one figure, per side and round.
struct Row {
    name: String,
    /// As many as there are sides with a value, and those before them.
    values: Vec<Vec<f64>>,
    target: Option<String>,
}

/// The figures of one kind of load.
pub(crate) struct Section {
    title: &'static str,
    /// Short names of the sides: columns of the run's file.
    sides: Vec<String>,
    notes: Vec<String>,
    commands: Vec<String>,
    unknown: Vec<String>,
    failures: Vec<String>,
    tables: Vec<(Figure, Vec<Row>)>,
}

impl Section {
    /// An empty section with one table per figure.
    pub(crate) fn new(title: &'static str, figures: &[Figure], notes: &[&str]) -> Section {
        Section {
            title,
            sides: Vec::new(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            commands: Vec::new(),
            unknown: Vec::new(),
            failures: Vec::new(),
            tables: figures.iter().map(|figure| (*figure, Vec::new())).collect(),
        }
    }

    /// Says which servers the values will be of.
    pub(crate) fn name_sides(&mut self, names: impl Iterator<Item = String>) {
        self.sides = names.collect();
    }

    /// Adds a command line, once.
    pub(crate) fn command(&mut self, line: String) {
        if !self.commands.contains(&line) {
            self.commands.push(line);
        }
    }

    /// Says what Evenkeel is to reach in one row of one figure.
    pub(crate) fn target(&mut self, figure: usize, load: &str, text: String) {
        let (_, rows) = &mut self.tables[figure];
        row_of(rows, load).target = Some(text);
    }

    /// Adds what one load measured on one side: a value per figure, or why there is none.
    pub(crate) fn record(&mut self, load: &str, side: usize, measured: io::Result<Vec<f64>>) {
        let name = self.sides[side].clone();
        match measured {
            Ok(values) => {
                assert_eq!(values.len(), self.tables.len());
                let shown: Vec<String> = (values.iter().zip(&self.tables))
                    .map(|(value, (figure, _))| format!("{value:.*}", figure.decimals))
                    .collect();
                eprintln!("  {load}, {name}: {}", shown.join(" | "));
                for ((_, rows), value) in self.tables.iter_mut().zip(values) {
                    row_of(rows, load).push(side, value);
                }
            }
            Err(error) => {
                self.record_failure(load, side, &error);
                for (_, rows) in &mut self.tables {
                    row_of(rows, load);
                }
            }
        }
    }

    /// Adds what one load measured on one side: any cells, or why there are none.
    pub(crate) fn record_cells(
        &mut self,
        load: &str,
        side: usize,
        measured: io::Result<Vec<Cell>>,
    ) {
        let cells = match measured {
            Ok(cells) => cells,
            Err(error) => return self.record_failure(load, side, &error),
        };
        eprintln!("  {load}, {}", self.sides[side]);
        for Cell { figure, row, value } in cells {
            let (figure, rows) = &mut self.tables[figure];
            eprintln!("    {}: {row}: {value:.*}", figure.title, figure.decimals);
            row_of(rows, row).push(side, value);
        }
    }

    fn record_failure(&mut self, load: &str, side: usize, error: &io::Error) {
        if error.kind() == io::ErrorKind::Unsupported {
            return;
        }
        let name = self.sides[side].clone();
        if is_unknown_command(error) {
            eprintln!("  {load}, {name}: {error}");
            let unknown = format!("left out: {load} on {name}: {error}");
            if !self.unknown.contains(&unknown) {
                self.unknown.push(unknown);
            }
            return;
        }
        eprintln!("  {load}, {name}: FAILED, {error}");
        let failure = format!("failed: {load} on {name}: {error}");
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// The heading.
    pub(crate) fn title(&self) -> &'static str {
        self.title
    }

    /// Whether a load failed on a side.
    pub(crate) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    /// The section as lines of JSON, all rounds of each row.
    pub(crate) fn lines(&self) -> String {
        let head = run_file::line(&[
            ("section", run_file::text(self.title)),
            ("notes", run_file::texts(&self.notes)),
            ("commands", run_file::texts(&self.commands)),
        ]);
        let rows = (self.tables.iter())
            .flat_map(|(figure, rows)| rows.iter().map(move |row| (figure, row)));
        let lines = rows.map(|(figure, row)| {
            let better = match figure.better {
                Better::Lower => "lower",
                Better::Higher => "higher",
            };
            let mut members = vec![
                ("section", run_file::text(self.title)),
                ("figure", run_file::text(figure.title)),
                ("better", run_file::text(better)),
                ("decimals", figure.decimals.to_string()),
                ("row", run_file::text(&row.name)),
            ];
            for (side, name) in self.sides.iter().enumerate() {
                let values = row.of(side);
                if side <= EVENKEEL || !values.is_empty() {
                    members.push((name, run_file::numbers(values)));
                }
            }
            run_file::line(&members)
        });
        iter::once(head).chain(lines).collect()
    }

    /// The section as Markdown.
    pub(crate) fn render(&self) -> String {
        let mut out = format!("### {}\n\n", self.title);
        let remarks = self.unknown.iter().chain(&self.failures);
        for note in self.notes.iter().chain(remarks) {
            let _ = writeln!(out, "- {note}");
        }
        for (figure, rows) in &self.tables {
            let _ = write!(out, "\n{}", render_table(figure, rows, &self.sides));
        }
        let _ = writeln!(out, "\nCommand lines:\n\n```text");
        for command in &self.commands {
            let _ = writeln!(out, "{command}");
        }
        out.push_str("```\n");
        out
    }
}

impl Row {
    fn push(&mut self, side: usize, value: f64) {
        let sides = self.values.len().max(side + 1);
        self.values.resize(sides, Vec::new());
        self.values[side].push(value);
    }

    /// The values of a side.
    fn of(&self, side: usize) -> &[f64] {
        self.values.get(side).map_or(&[], Vec::as_slice)
    }
}

fn row_of<'a>(rows: &'a mut Vec<Row>, name: &str) -> &'a mut Row {
    let index = rows
        .iter()
        .position(|row| row.name == name)
        .unwrap_or_else(|| {
            rows.push(Row {
                name: name.to_owned(),
                values: Vec::new(),
                target: None,
            });
            rows.len() - 1
        });
    &mut rows[index]
}

fn render_table(figure: &Figure, rows: &[Row], sides: &[String]) -> String {
    // Of the other servers those that have a value.
    let others: Vec<usize> = (EVENKEEL + 1..sides.len())
        .filter(|side| rows.iter().any(|row| !row.of(*side).is_empty()))
        .collect();
    let others_names = others.iter().map(|side| sides[*side].as_str());
    let head = [figure.title, "redis-server"].into_iter();
    let head = head.chain(others_names);
    let head = head.chain(["evenkeel", "evenkeel better by"]);
    let mut head: Vec<String> = head.map(str::to_owned).collect();
    let has_targets = rows.iter().any(|row| row.target.is_some());
    if has_targets {
        head.push("target".to_owned());
    }
    let columns = head.len();
    let mut cells = vec![head];
    for row in rows {
        let [redis, evenkeel] = [REDIS, EVENKEEL].map(|side| median(row.of(side)));
        let ratio = match (redis, evenkeel, figure.better) {
            (Some(redis), Some(evenkeel), Better::Lower) => ratio_text(redis, evenkeel),
            (Some(redis), Some(evenkeel), Better::Higher) => ratio_text(evenkeel, redis),
            _ => "–".to_owned(),
        };
        let mut line = vec![row.name.clone()];
        let shown = [REDIS].into_iter().chain(others.iter().copied());
        for side in shown.chain([EVENKEEL]) {
            line.push(value_text(figure, row.of(side)));
        }
        line.push(ratio);
        if has_targets {
            line.push(row.target.clone().unwrap_or_default());
        }
        cells.push(line);
    }
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            cells
                .iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for (index, row) in cells.iter().enumerate() {
        let _ = write!(out, "| {:<1$} |", row[0], widths[0]);
        for column in 1..columns {
            let _ = write!(out, " {:>1$} |", row[column], widths[column]);
        }
        out.push('\n');
        if index == 0 {
            let _ = write!(out, "|{}|", "-".repeat(widths[0] + 2));
            widths[1..].iter().for_each(|width| {
                let _ = write!(out, "{}:|", "-".repeat(width + 1));
            });
            out.push('\n');
        }
    }
    out
}

fn ratio_text(dividend: f64, divisor: f64) -> String {
    if divisor == 0.0 {
        return "–".to_owned();
    }
    format!("× {:.2}", dividend / divisor)
}

/// The median, and the range where there were several rounds.
fn value_text(figure: &Figure, values: &[f64]) -> String {
    let Some(middle) = median(values) else {
        return "–".to_owned();
    };
    let decimals = figure.decimals;
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() == 1 {
        format!("{middle:.decimals$}")
    } else {
        format!("{middle:.decimals$} ({low:.decimals$}–{high:.decimals$})")
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}
