//! The page of today's figures: of each row the newest run that has it.
//!
//! ```text
//!  benches/runs/*.jsonl ──▶ section ─▶ figure ─▶ row ─▶ its newest run ──▶ benches/RESULTS.md
//! ```
//!
//! 1. A smoke run (`--quick`) gives no figure, and a run of sources that are in no commit only
//!    where no other run has the row.
//! 2. Each row names its run, whose name is its date and its commit.
//!
//! Not here: measuring; which figures README shows (`readme.rs`).

use crate::choice::Choice;
use crate::run::Run;
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "\
# Figures

Made by `make results` from the runs in [runs/](runs/), which hold all rounds; of each row the newest run. A
cell is the median of the rounds, with the least and the greatest where there were several. Absolute
figures differ between machines and hours: compare within a row, which comes from one run. The name of a run
is its date and its commit.
";

/// Members of a row that are no column.
const NO_COLUMNS: [&str; 5] = ["section", "figure", "better", "decimals", "row"];

/// One row and the run it comes from.
pub(crate) struct Row<'a> {
    pub(crate) line: &'a Value,
    pub(crate) run: &'a Run,
}

/// The page, with links to the pictures that are drawn.
pub(crate) fn page(runs: &[Run], pictures: &[Choice]) -> String {
    let rows = newest_rows(runs);
    let mut out = String::from(HEAD);
    out.push_str("\n## Pictures\n\n");
    for Choice { picture, .. } in pictures {
        let (name, title) = (picture.name, picture.title);
        let link = |theme: &str| format!("[{theme}](../docs/pictures/{name}-{theme}.svg)");
        let _ = writeln!(out, "- {title}: {}, {}", link("light"), link("dark"));
    }
    for section in distinct(&rows, "section") {
        let of_section: Vec<&Row> = rows
            .iter()
            .filter(|row| row.is("section", section))
            .collect();
        let _ = write!(out, "\n## {section}\n");
        for note in texts(&of_section, "notes") {
            let _ = write!(out, "\n- {note}");
        }
        out.push('\n');
        let mut figures: Vec<&str> = Vec::new();
        for row in &of_section {
            let figure = row.text("figure");
            if !figures.contains(&figure) {
                figures.push(figure);
            }
        }
        for figure in figures {
            let of_figure: Vec<&&Row> = of_section
                .iter()
                .filter(|row| row.is("figure", figure))
                .collect();
            table(&mut out, "runs", figure, &of_figure);
        }
        let commands = texts(&of_section, "commands");
        if !commands.is_empty() {
            let _ = write!(
                out,
                "\nCommand lines:\n\n```text\n{}\n```\n",
                commands.join("\n")
            );
        }
    }
    out
}

/// Of each section, figure and row the newest, in the order in which they first came.
pub(crate) fn newest_rows(runs: &[Run]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row> = Vec::new();
    for run in runs.iter().filter(|run| !run.is_quick()) {
        for line in run.lines().iter().filter(|line| line["figure"].is_string()) {
            let row = Row { line, run };
            let is_same = |other: &&mut Row| {
                ["section", "figure", "row"]
                    .iter()
                    .all(|name| other.is(name, row.text(name)))
            };
            match rows.iter_mut().find(is_same) {
                Some(known) if run.is_dirty() && !known.run.is_dirty() => {}
                Some(known) => *known = row,
                None => rows.push(row),
            }
        }
    }
    rows
}

fn distinct<'a>(rows: &[Row<'a>], name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for row in rows {
        let text = row.line[name].as_str().unwrap_or_default();
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

/// What the runs of these rows say of their section, each text once.
fn texts<'a>(rows: &[&Row<'a>], name: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for row in rows {
        let heads = row.run.lines().iter();
        let own =
            heads.filter(|line| line[name].is_array() && row.is("section", text(line, "section")));
        for line in own {
            for said in line[name].as_array().into_iter().flatten() {
                let said = said.as_str().unwrap_or_default();
                if !found.contains(&said) {
                    found.push(said);
                }
            }
        }
    }
    found
}

/// Writes a table; the links to the runs begin with the folder of the runs, as seen from the page.
pub(crate) fn table(out: &mut String, folder: &str, figure: &str, rows: &[&&Row]) {
    let columns = columns(rows);
    let _ = write!(out, "\n| {figure} |");
    for column in &columns {
        let name = if *column == "redis" {
            "redis-server"
        } else {
            column
        };
        let _ = write!(out, " {name} |");
    }
    let _ = write!(out, " run |\n|---|{}---|\n", "---:|".repeat(columns.len()));
    for row in rows {
        let _ = write!(out, "| {} |", row.text("row"));
        for column in &columns {
            let _ = write!(out, " {} |", cell(&row.line[*column], decimals(row.line)));
        }
        let name = &row.run.name;
        let short = name.trim_end_matches(".jsonl");
        let _ = writeln!(out, " [{short}]({folder}/{name}) |");
    }
}

/// The columns of some rows: evenkeel's after those of others.
fn columns<'a>(rows: &[&&Row<'a>]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for row in rows {
        for (name, _) in row.line.as_object().into_iter().flatten() {
            if !NO_COLUMNS.contains(&name.as_str()) && !found.contains(&name.as_str()) {
                found.push(name);
            }
        }
    }
    found.sort_by_key(|name| (name.starts_with("evenkeel"), *name));
    found
}

/// How many digits the row's figure has after its point.
fn decimals(line: &Value) -> usize {
    let decimals = line["decimals"].as_u64().unwrap_or(3);
    usize::try_from(decimals).unwrap_or(3)
}

/// The median, and the range where there were several rounds.
fn cell(values: &Value, decimals: usize) -> String {
    let Some(median) = crate::run::median(values) else {
        return "–".to_owned();
    };
    let all: Vec<f64> = values
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    if all.len() < 2 {
        return format!("{median:.decimals$}");
    }
    let low = all.iter().copied().fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{median:.decimals$} ({low:.decimals$}–{high:.decimals$})")
}

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap_or_default()
}

impl<'a> Row<'a> {
    pub(crate) fn text(&self, name: &str) -> &'a str {
        text(self.line, name)
    }

    pub(crate) fn is(&self, name: &str, wanted: &str) -> bool {
        self.text(name) == wanted
    }
}
