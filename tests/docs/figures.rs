//! What is made from the runs of `benches/runs` is what they give today: RESULTS, README's tables
//! and the pictures; and so are the means that stand in sentences.
//!
//! ```text
//!  benches/runs ─┬▶ results.rs, readme.rs ─▶ the pages, compared as they are
//!                └▶ choice.rs ─▶ seal.rs  ─▶ the last line of each picture
//! ```
//!
//! The code is that of `benches/pictures`, which `make results` runs, but for the drawing itself: a
//! plotting crate is not compiled for tests.

use crate::{choice, fresh, readme, results, run::Run, seal};
use std::fs;
use std::path::{Path, PathBuf};

const CHART: &str = include_str!("../../benches/pictures/src/chart.rs");
const DIAGRAMS: &str = include_str!("../../benches/pictures/src/diagrams.rs");

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn runs() -> Vec<Run> {
    Run::read_all(&root("benches/runs")).expect("the runs can be read")
}

#[test]
fn pages_show_the_newest_runs() {
    let runs = runs();
    let choices = choice::choices(&runs);
    fresh::check_file("benches/RESULTS.md", &results::page(&runs, &choices));
    let page = readme::page(&read("README.md"), &runs).expect("each row is of a run");
    fresh::check_file("README.md", &page);
}

#[test]
fn pictures_are_drawn_from_the_newest_runs() {
    let runs = runs();
    let mut charts = 0;
    let mut stale = Vec::new();
    let choices = choice::choices(&runs);
    for entry in fs::read_dir(root("docs/pictures")).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let picture = fs::read_to_string(&path).expect("pictures are text");
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        let (name, _theme) = file.rsplit_once('-').expect("a name ends in its theme");
        let chart = choices.iter().find(|choice| choice.picture.name == name);
        let is_fresh = match chart {
            Some(choice) => {
                charts += 1;
                seal::holds(&picture, &[&choice.text(), CHART])
            }
            None => seal::holds(&picture, &[DIAGRAMS]),
        };
        if !is_fresh {
            stale.push(file.into_owned());
        }
    }
    assert!(stale.is_empty(), "make results draws them anew: {stale:?}");
    assert_eq!(charts, 2 * choices.len(), "each is there, light and dark");
    let page = read("README.md");
    for theme in ["light", "dark"] {
        assert!(page.contains(&format!("docs/pictures/stalls-{theme}.svg")));
    }
}

#[test]
fn means_in_sentences_are_those_of_the_newest_run() {
    let runs = runs();
    let rows = results::newest_rows(&runs);
    let mean = |column: &str| {
        let hits = rows.iter().filter(|row| row.is("section", "Hit ratios"));
        let values: Vec<f64> = hits
            .filter_map(|row| crate::run::median(&row.line[column]))
            .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        format!("{mean:.1} %")
    };
    let lru = mean("redis allkeys-lru");
    let lfu = mean("redis allkeys-lfu");
    let ours = mean("evenkeel");
    for page in ["README.md", "docs/EVICTION.md"] {
        let text = read(page);
        for figure in [&lru, &lfu, &ours] {
            assert!(text.contains(figure.as_str()), "{page} lacks {figure}");
        }
    }
}

#[test]
fn a_row_that_no_run_has_is_refused() {
    let page = read("README.md");
    let (before, rest) = page.split_once("| FLUSHALL of").expect("the row is there");
    let other = format!("{before}| FLUSHALL on{rest}");
    let error = readme::page(&other, &runs()).expect_err("no run has it");
    assert!(error.contains("FLUSHALL on"), "{error}");
}

#[test]
fn a_picture_that_was_changed_breaks_its_seal() {
    let sealed = seal::sealed("<svg>1</svg>\n", &["run a", "code"]);
    assert!(seal::holds(&sealed, &["run a", "code"]));
    assert!(!seal::holds(&sealed, &["run b", "code"]), "another run");
    assert!(!seal::holds(&sealed, &["run a", "cod"]), "other code");
    let changed = sealed.replace("<svg>1", "<svg>2");
    assert!(!seal::holds(&changed, &["run a", "code"]));
    assert!(
        !seal::holds("<svg>1</svg>\n", &["run a", "code"]),
        "no seal"
    );
}
