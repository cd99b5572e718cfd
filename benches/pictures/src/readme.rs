//! The figures that README shows, put anew between their marks.
//!
//! ```text
//!  <!-- figures … -->   | what | redis-server | evenkeel | row of the run | run |
//!       of the run named, the figure whose row has these values ─▶ the newest run with that row
//!  <!-- rivals … -->    tables of the newest run of benches/rivals; nothing if there is none
//! ```
//!
//! What a row of the first table shows is chosen once, by hand: text, row and run of some run. From
//! then on the figures follow the newest run.
//!
//! Not here: which run is the newest (`results.rs`).

use crate::results::{Row, newest_rows, table};
use crate::run::{Run, median};
use serde_json::Value;

const FIGURES_BEGIN: &str = "<!-- figures: made by make results from benches/runs -->\n";
const FIGURES_END: &str = "<!-- end of figures -->\n";
const RIVALS_BEGIN: &str = "<!-- rivals: made by make results from benches/runs -->\n";
const RIVALS_END: &str = "<!-- end of rivals -->\n";

/// What `benches/rivals` writes its figures under.
const RIVALS_SECTION: &str = "In a program";
/// Which of its figures and rows are shown; all rows if none is named.
const RIVALS_SHOWN: [(&str, &[&str]); 2] = [
    (
        "Nanoseconds an operation",
        &[
            "reads, 1 thread",
            "reads, 2 threads",
            "writes, 1 thread",
            "read or insert, room for half, 1 thread",
        ],
    ),
    ("Resident bytes a key", &[]),
];

/// The page with the figures of the newest runs.
///
/// # Errors
///
/// The line of a row that no run has.
pub(crate) fn page(page: &str, runs: &[Run]) -> Result<String, String> {
    let newest = newest_rows(runs);
    let page = replaced(page, [FIGURES_BEGIN, FIGURES_END], |part| {
        figures(part, runs, &newest)
    })?;
    replaced(&page, [RIVALS_BEGIN, RIVALS_END], |_| Ok(rivals(&newest)))
}

/// The page with another text between two marks.
fn replaced(
    page: &str,
    [begin, end]: [&str; 2],
    make: impl FnOnce(&str) -> Result<String, String>,
) -> Result<String, String> {
    let missing = || format!("no {begin}");
    let (before, rest) = page.split_once(begin).ok_or_else(missing)?;
    let (part, after) = rest.split_once(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{}{end}{after}", make(part)?))
}

/// The table at the top: heading and rule as they are, each row with the newest figures.
fn figures(part: &str, runs: &[Run], newest: &[Row]) -> Result<String, String> {
    let mut out = String::new();
    for (number, line) in part.lines().enumerate() {
        let line = match number {
            0 | 1 => line.to_owned(),
            _ => figure(line, runs, newest).ok_or_else(|| format!("no run has this: {line}"))?,
        };
        out.push_str(&line);
        out.push('\n');
    }
    Ok(out)
}

/// A row of the table at the top; none if the run it names does not have it.
fn figure(line: &str, runs: &[Run], newest: &[Row]) -> Option<String> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [what, redis, evenkeel, name, run] = cells[..] else {
        return None;
    };
    let begin = run.replace(' ', "-").replace(':', "");
    let named = runs.iter().filter(|run| run.name.starts_with(&begin));
    let mut lines = named.flat_map(Run::lines);
    let known = lines.find(|line| {
        line["row"].as_str() == Some(name)
            && reads(&line["redis"], redis)
            && reads(&line["evenkeel"], evenkeel)
    })?;
    let is_it = |row: &&Row| {
        ["section", "figure", "row"]
            .iter()
            .all(|member| row.line[member] == known[member])
    };
    let row = newest.iter().find(is_it)?;
    let [redis, evenkeel] = [("redis", redis), ("evenkeel", evenkeel)]
        .map(|(side, before)| shown(&row.line[side], decimals(before)));
    let (date, time) = row.run.name.split_at_checked(10)?;
    let (hour, minute) = time.get(1..5)?.split_at(2);
    let run = format!("{date} {hour}:{minute}");
    Some(format!(
        "| {what} | {} | {} | {name} | {run} |",
        redis?, evenkeel?
    ))
}

fn decimals(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, digits)| digits.len())
}

/// The median, with so many digits after the point.
fn shown(values: &Value, decimals: usize) -> Option<String> {
    median(values).map(|median| format!("{median:.decimals$}"))
}

fn reads(values: &Value, text: &str) -> bool {
    shown(values, decimals(text)).as_deref() == Some(text)
}

/// The tables of the library beside other caches.
fn rivals(newest: &[Row]) -> String {
    let mut tables = String::new();
    for (figure, shown) in RIVALS_SHOWN {
        let is_shown = |row: &&Row| {
            row.is("section", RIVALS_SECTION)
                && row.is("figure", figure)
                && (shown.is_empty() || shown.contains(&row.text("row")))
        };
        let rows: Vec<&Row> = newest.iter().filter(is_shown).collect();
        if !rows.is_empty() {
            let rows: Vec<&&Row> = rows.iter().collect();
            table(&mut tables, "benches/runs", figure, &rows);
        }
    }
    tables
}
