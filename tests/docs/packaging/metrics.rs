//! The dashboard and the alert rules name metrics that exist.

use evenkeel::stats::open_metrics::{Format, field_sample_names};
use evenkeel::{CacheEngine, Config, OwnedArgs, Peer, Timestamp};
use std::collections::BTreeSet;

const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

/// The names of samples that a scraper sees, of commands and errors, too.
fn exposed_names() -> BTreeSet<String> {
    let mut engine = CacheEngine::new(Config::default());
    let session = engine.open_session(Peer::embedded(), NOW);
    for words in [&["GET", "a"][..], &["GET"]] {
        let args = OwnedArgs::from_slices(words);
        engine.execute(session, args.args(), NOW, &mut Vec::new());
    }
    let mut text = String::new();
    let mut next = Some(Default::default());
    while let Some(piece) = next {
        next = engine.expose(piece, (&mut text, Format::OpenMetrics), NOW);
    }
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let names = samples.filter_map(|line| line.split([' ', '{']).next());
    names
        .map(str::to_string)
        .chain(field_sample_names())
        .collect()
}

/// The names of metrics that a text mentions.
fn mentioned_names(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter));
    let names = words.filter(|word| word.starts_with("evenkeel_"));
    names.map(str::to_string).collect()
}

#[test]
fn the_dashboard_and_the_rules_name_metrics_that_exist() {
    let exposed = exposed_names();
    assert!(
        !exposed.contains("evenkeel_keys_evicted"),
        "a counter ends in _total"
    );
    for (file, count_min) in [("evenkeel-dashboard.json", 30), ("evenkeel.rules.yml", 10)] {
        let path = format!("{}/packaging/prometheus/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("it is there");
        let mentioned = mentioned_names(&text);
        assert!(
            mentioned.len() >= count_min,
            "{file} names {}",
            mentioned.len()
        );
        let unknown: Vec<_> = mentioned.difference(&exposed).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}
