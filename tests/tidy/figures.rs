//! Every figure of README is of the run that its row names, every row of RESULTS and every picture
//! names a run that is there, and the diagram of the ranks has the folders of the ranks.
//!
//! ```text
//!  README   | what it is | redis-server | evenkeel | row of the run | run |
//!  RESULTS  | row | redis-server | evenkeel | [run](runs/<run>.jsonl) |
//!  runs     {…"row":"…","redis":[…],"evenkeel":[…]}      medians, rounded as README has them
//!  docs/pictures/<name>.svg   "run <run>.jsonl" ──▶ benches/runs/<run>.jsonl, or diagrams.rs
//! ```
//!
//! Not here: the sentences around the table.

use std::fs;
use std::path::Path;

use crate::{expect_none, read};

/// The cells of a table's line.
fn cells(line: &str) -> Vec<&str> {
    let cells = line.trim().trim_matches('|').split('|');
    cells.map(str::trim).collect()
}

/// Rows of `page` between the marks, without heading and rule.
fn figures(page: &str) -> Vec<Vec<&str>> {
    let marked = page
        .split_once("<!-- figures:")
        .and_then(|(_, rest)| rest.split_once("<!-- end of figures -->"));
    let (table, _) = marked.expect("the figures are marked");
    let rows = table.lines().filter(|line| line.starts_with('|'));
    rows.skip(2).map(cells).collect()
}

/// The median of the numbers that a line of a run has under a name.
fn median(line: &str, name: &str) -> Option<f64> {
    let (_, rest) = line.split_once(&format!("\"{name}\":["))?;
    let (numbers, _) = rest.split_once(']')?;
    let mut values: Vec<f64> = numbers
        .split(',')
        .filter_map(|number| number.parse().ok())
        .collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}

/// Whether a number reads so with as many digits after the point.
fn reads(value: Option<f64>, text: &str) -> bool {
    let decimals = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    value.is_some_and(|value| format!("{value:.decimals$}") == text)
}

/// Rows of README, with their runs by name and text, that say something else than the run.
fn breaches(page: &str, runs: &[(String, String)]) -> Vec<String> {
    let is_of_the_run = |figure: &[&str]| {
        let [_, redis, evenkeel, row, run] = figure else {
            return false;
        };
        let date = run.replace(' ', "-").replace(':', "");
        let row = format!("\"row\":\"{row}\"");
        let named = runs.iter().filter(|(name, _)| name.starts_with(&date));
        let mut lines = named.flat_map(|(_, text)| text.lines());
        lines.any(|line| {
            line.contains(&row)
                && reads(median(line, "redis"), redis)
                && reads(median(line, "evenkeel"), evenkeel)
        })
    };
    let foreign = figures(page)
        .into_iter()
        .filter(|figure| !is_of_the_run(figure));
    foreign.map(|figure| figure.join(" | ")).collect()
}

/// The runs, by name and text.
fn runs() -> Vec<(String, String)> {
    let names = names("benches/runs").into_iter();
    let texts = names.map(|name| (name.clone(), read(&format!("benches/runs/{name}"))));
    texts.collect()
}

#[test]
fn figures_of_the_readme_come_from_their_runs() {
    let page = read("README.md");
    assert!(figures(&page).len() >= 8, "the table is there");
    expect_none(&breaches(&page, &runs()));
}

#[test]
fn a_figure_that_no_run_has_is_caught() {
    let line = r#"{"row":"GET","redis":[1.96,2.04,2.1],"evenkeel":[1]}"#;
    let run = |date: &str, text: &str| (format!("{date}-abc.jsonl"), text.to_owned());
    let runs = [run("2026-01-01-1000", line), run("2026-01-02-1000", "")];
    let page =
        |row: &str| format!("<!-- figures: -->\n| a |\n|---|\n{row}\n<!-- end of figures -->");
    let fine = page("| a GET | 2.0 | 1.0 | GET | 2026-01-01 10:00 |");
    assert_eq!(breaches(&fine, &runs), [""; 0]);
    for wrong in [
        "| a GET | 2.0 | 0.9 | GET | 2026-01-01 10:00 |",
        "| a GET | 2.0 | 1.0 | SET | 2026-01-01 10:00 |",
        "| a GET | 2.0 | 1.0 | GET | 2026-01-02 10:00 |",
    ] {
        assert_eq!(breaches(&page(wrong), &runs).len(), 1, "{wrong}");
    }
}

/// Rows of RESULTS that are in no run, or not in the one they name.
fn foreign_results(page: &str, runs: &[(String, String)]) -> Vec<String> {
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains("](runs/"));
    let is_foreign = |line: &&str| {
        let cells = cells(line);
        let name = cells.last().and_then(|cell| cell.split_once("(runs/"));
        let name = name.map_or("", |(_, name)| name.trim_end_matches(')'));
        let row = format!("\"row\":\"{}\"", cells[0].replace('"', "\\\""));
        !runs
            .iter()
            .any(|(known, text)| known == name && text.contains(&row))
    };
    rows.filter(is_foreign).map(str::to_owned).collect()
}

#[test]
fn results_come_from_the_runs_they_name() {
    let page = read("benches/RESULTS.md");
    assert!(page.lines().filter(|line| line.contains("](runs/")).count() > 100);
    expect_none(&foreign_results(&page, &runs()));
    let run = ("a.jsonl".to_owned(), r#"{"row":"GET"}"#.to_owned());
    let line = |row: &str, run: &str| format!("| {row} | 1 | [a](runs/{run}) |\n");
    let page = line("GET", "a.jsonl") + &line("SET", "a.jsonl") + &line("GET", "b.jsonl");
    assert_eq!(foreign_results(&page, &[run]).len(), 2);
}

#[test]
fn the_diagram_of_the_ranks_has_every_folder() {
    let drawn = read("docs/pictures/ranks-light.svg");
    let folders = crate::layers::RANKS.iter().filter(|(_, rank)| *rank <= 10);
    let missing = folders.filter(|(folder, _)| !drawn.contains(folder));
    expect_none(
        &missing
            .map(|(folder, _)| (*folder).to_owned())
            .collect::<Vec<_>>(),
    );
}

/// The run that a picture says it was drawn from.
fn run_of(picture: &str) -> Option<&str> {
    let (_, rest) = picture.split_once("run ")?;
    let (name, _) = rest.split_once(".jsonl")?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

/// Pictures, by name and text, that name no run of `runs` and are no diagrams.
fn pictures_without_run(pictures: &[(String, String)], runs: &[String]) -> Vec<String> {
    let is_drawn = |text: &str| {
        let is_diagram = text.contains("drawn by benches/pictures/src/diagrams.rs");
        is_diagram
            || run_of(text)
                .is_some_and(|run| runs.iter().any(|known| *known == format!("{run}.jsonl")))
    };
    let foreign = pictures.iter().filter(|(_, text)| !is_drawn(text));
    foreign.map(|(name, _)| name.clone()).collect()
}

/// Names of the files of a folder of the project.
fn names(folder: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(path).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    names
        .map(|name| name.into_string().expect("UTF-8"))
        .collect()
}

#[test]
fn pictures_are_drawn_from_runs_that_are_there() {
    let pictures: Vec<(String, String)> = names("docs/pictures")
        .into_iter()
        .map(|name| (name.clone(), read(&format!("docs/pictures/{name}"))))
        .collect();
    assert!(pictures.len() >= 16, "charts and diagrams, light and dark");
    expect_none(&pictures_without_run(&pictures, &names("benches/runs")));
    let page = read("README.md");
    for shown in ["stalls-light.svg", "stalls-dark.svg"] {
        assert!(page.contains(&format!("docs/pictures/{shown}")), "{shown}");
        assert!(pictures.iter().any(|(name, _)| name == shown), "{shown}");
    }
}

#[test]
fn a_picture_without_its_run_is_caught() {
    let runs = ["2026-01-01-1000-abc.jsonl".to_owned()];
    let picture = |text: &str| [("a.svg".to_owned(), text.to_owned())];
    let fine = picture("<text>run 2026-01-01-1000-abc.jsonl: label</text>");
    assert_eq!(pictures_without_run(&fine, &runs), [""; 0]);
    for wrong in [
        "<text>run 2026-01-02-1000-abc.jsonl</text>",
        "<text>run .jsonl</text>",
        "<text>Longest PING</text>",
    ] {
        assert_eq!(
            pictures_without_run(&picture(wrong), &runs),
            ["a.svg"],
            "{wrong}"
        );
    }
}
