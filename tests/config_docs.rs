//! `docs/CONFIG.md` and `packaging/evenkeel.conf` say what the parameter table says.

#[path = "support/fresh.rs"]
mod fresh;

#[test]
fn config_page_is_fresh() {
    fresh::check("CONFIG.md", &evenkeel::config::markdown());
}

#[test]
fn sample_file_is_fresh() {
    fresh::check_file("packaging/evenkeel.conf", &evenkeel::config::default_file());
}
