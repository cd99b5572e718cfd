//! What is made from tables of the code says what the tables say: pages of `docs/`, the sample
//! configuration, the manual page, completions; what is made from runs says what they say.
//!
//! `UPDATE_DOCS=1` writes all of it anew, but pictures, which `make results` draws. Not here: what
//! documents name of the sources (`tests/tidy/documents.rs`).

#[path = "../../benches/pictures/src/choice.rs"]
mod choice;
mod figures;
#[path = "../support/fresh.rs"]
mod fresh;
mod names;
mod packaging;
#[path = "../../benches/pictures/src/readme.rs"]
mod readme;
#[path = "../../benches/pictures/src/results.rs"]
mod results;
#[path = "../../benches/pictures/src/run.rs"]
mod run;
#[path = "../../benches/pictures/src/seal.rs"]
mod seal;

#[test]
fn command_page_is_fresh() {
    fresh::check("COMMANDS.md", &evenkeel::command::markdown());
}

#[test]
fn config_page_is_fresh() {
    fresh::check("CONFIG.md", &evenkeel::config::markdown());
}

#[test]
fn metrics_page_is_fresh() {
    fresh::check("METRICS.md", &evenkeel::stats::markdown());
}

#[test]
fn sample_file_is_fresh() {
    fresh::check_file("packaging/evenkeel.conf", &evenkeel::config::default_file());
}
