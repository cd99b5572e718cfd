//! `docs/CONFIG.md` says what the parameter table says.

#[path = "support/fresh.rs"]
mod fresh;

#[test]
fn config_page_is_fresh() {
    fresh::check("CONFIG.md", &evenkeel::config::markdown());
}
