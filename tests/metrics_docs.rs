//! `docs/METRICS.md` says what the metric table says.

#[path = "support/fresh.rs"]
mod fresh;

#[test]
fn metrics_page_is_fresh() {
    fresh::check("METRICS.md", &evenkeel::stats::markdown());
}
