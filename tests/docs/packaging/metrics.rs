//! The dashboard and the alert rules name metrics that exist.

use evenkeel::context::exposition::Piece;
use evenkeel::stats::families::FAMILIES;
use evenkeel::stats::open_metrics::{Format, field_sample_names};
use evenkeel::{CacheEngine, Config, OwnedArgs, Peer, Timestamp};
use std::collections::BTreeSet;

const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

/// What a scraper sees that may see all, with commands, errors, a hot key and a curve.
fn exposition() -> String {
    let mut engine = CacheEngine::new(Config::default());
    let session = engine.open_session(Peer::embedded(), NOW);
    let mut call = |words: &[&str]| {
        let args = OwnedArgs::from_slices(words);
        engine.execute(session, args.args(), NOW, &mut Vec::new());
    };
    // Some of these keys are in the sample that the curve is made from.
    (0..1_000).for_each(|number| call(&["SET", &number.to_string(), "x"]));
    (0..10_000).for_each(|_| call(&["GET", "1"]));
    (0..1_000).for_each(|number| call(&["GET", &number.to_string()]));
    call(&["GET"]);
    let mut text = String::new();
    let mut next = Some(Piece::HotKeys);
    while let Some(piece) = next {
        next = engine.expose(piece, (&mut text, Format::OpenMetrics), NOW);
    }
    text
}

/// The names of samples there, and of all fields of INFO.
fn exposed_names() -> BTreeSet<String> {
    let text = exposition();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let names = samples.filter_map(|line| line.split([' ', '{']).next());
    names
        .map(str::to_string)
        .chain(field_sample_names())
        .collect()
}

#[test]
fn the_page_of_figures_lists_what_is_exposed() {
    let text = exposition();
    let heads = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names: BTreeSet<&str> = heads.filter_map(|head| head.split(' ').next()).collect();
    let fields = field_sample_names();
    let fields: BTreeSet<&str> = (fields.iter())
        .map(|name| name.strip_suffix("_total").unwrap_or(name))
        .collect();
    let others: BTreeSet<&str> = names.difference(&fields).copied().collect();
    let listed: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(others, listed);
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
