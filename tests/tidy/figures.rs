//! The figures at the top of README are those of the run that each row names.
//!
//! ```text
//!  README   | what it is | redis-server | evenkeel | row of the run | run |
//!  RESULTS  ## run …     | row of the run | redis-server | evenkeel | …
//! ```
//!
//! Not here: the sentences around the table.

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
