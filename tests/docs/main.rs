//! What is made from tables of the code says what the tables say: pages of `docs/`, the sample
//! configuration, the manual page, completions.
//!
//! `UPDATE_DOCS=1` writes all of it anew. Not here: pictures and figures (`tests/tidy/figures.rs`).

#[path = "../support/fresh.rs"]
mod fresh;
mod packaging;

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
