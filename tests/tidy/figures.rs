//! The figures at the top of README are those of the run that each row names, and every picture
//! names a run that is there.
//!
//! ```text
//!  README   | what it is | redis-server | evenkeel | row of the run | run |
//!  RESULTS  ## run …     | row of the run | redis-server | evenkeel | …
//!  docs/pictures/<name>.svg   "run <file>.jsonl" ──▶ benches/runs/<file>.jsonl
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

fn breaches(page: &str, results: &str) -> Vec<String> {
    let is_of_the_run = |figure: &[&str]| {
        let [_, redis, evenkeel, row, run] = figure else {
            return false;
        };
        let runs = results.split("\n## ");
        let mut lines = runs
            .filter(|section| section.starts_with(run))
            .flat_map(str::lines);
        lines.any(|line| cells(line).get(..3) == Some(&[*row, *redis, *evenkeel]))
    };
    let foreign = figures(page)
        .into_iter()
        .filter(|figure| !is_of_the_run(figure));
    foreign.map(|figure| figure.join(" | ")).collect()
}

#[test]
fn figures_of_the_readme_come_from_their_runs() {
    let page = read("README.md");
    assert!(figures(&page).len() >= 8, "the table is there");
    expect_none(&breaches(&page, &read("benches/RESULTS.md")));
}

#[test]
fn a_figure_that_no_run_has_is_caught() {
    let results = "\n## 2026-01-01 10:00 UTC\n| GET | 2.0 | 1.0 | x |\n## 2026-01-02 10:00 UTC\n";
    let page =
        |row: &str| format!("<!-- figures: -->\n| a |\n|---|\n{row}\n<!-- end of figures -->");
    let fine = page("| a GET | 2.0 | 1.0 | GET | 2026-01-01 10:00 |");
    assert_eq!(breaches(&fine, results), [""; 0]);
    for wrong in [
        "| a GET | 2.0 | 0.9 | GET | 2026-01-01 10:00 |",
        "| a GET | 2.0 | 1.0 | SET | 2026-01-01 10:00 |",
        "| a GET | 2.0 | 1.0 | GET | 2026-01-02 10:00 |",
    ] {
        assert_eq!(breaches(&page(wrong), results).len(), 1, "{wrong}");
    }
}

/// The run that a picture says it was drawn from.
fn run_of(picture: &str) -> Option<&str> {
    let (_, rest) = picture.split_once("run ")?;
    let (name, _) = rest.split_once(".jsonl")?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
}

/// Pictures, by name and text, that name no run of `runs`.
fn pictures_without_run(pictures: &[(String, String)], runs: &[String]) -> Vec<String> {
    let is_drawn = |text: &str| {
        run_of(text).is_some_and(|run| runs.iter().any(|known| *known == format!("{run}.jsonl")))
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
    assert!(pictures.len() >= 6, "three pictures, light and dark");
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
