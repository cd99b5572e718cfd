//! Goal: the corpus stays valid and its promises hold, checked by any toolchain without a fuzzer.
//! Method: every file of `corpus/<target>` goes through the target's check, which panics on a
//! fault.

use std::fs;
use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut seed_count = 0;
    for entry in fs::read_dir(folder).expect("every target has a corpus") {
        let path = entry.expect("a folder can be listed").path();
        println!("{}", path.display());
        check(&fs::read(path).expect("a seed can be read"));
        seed_count += 1;
    }
    assert!(seed_count >= 10, "{target} has {seed_count} seeds");
}

#[test]
fn collections() {
    replay("collections", evenkeel_fuzz::collections::check);
}

/// Goal: the check of collections can fail. Method: canaries, each with one fault put in; a fault
/// may hide from some inputs, but not from all.
#[test]
fn canaries_of_collections_are_noticed() {
    use evenkeel_fuzz::collections::{Fault, check_with};
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/collections");
    let seeds = fs::read_dir(folder).expect("every target has a corpus");
    let seeds: Vec<Vec<u8>> = seeds
        .map(|entry| fs::read(entry.expect("a folder can be listed").path()))
        .collect::<Result<_, _>>()
        .expect("a seed can be read");
    for fault in [
        Fault::ForgetsRemovals,
        Fault::ForgetsReplacements,
        Fault::FreezesEmpty,
        Fault::Leaks,
    ] {
        let is_noticed =
            |seed: &Vec<u8>| std::panic::catch_unwind(|| check_with(seed, fault)).is_err();
        assert!(seeds.iter().any(is_noticed), "{fault:?} went unnoticed");
    }
}

#[test]
fn commands() {
    replay("commands", evenkeel_fuzz::commands::check);
}

#[test]
fn config() {
    replay("config", evenkeel_fuzz::config::check);
}

#[test]
fn loader() {
    replay("loader", evenkeel_fuzz::loader::check);
}

#[test]
fn node() {
    replay("node", evenkeel_fuzz::node::check);
}

#[test]
fn pages() {
    replay("pages", evenkeel_fuzz::pages::check);
}

#[test]
fn parser() {
    replay("parser", evenkeel_fuzz::parser::check);
}

#[test]
fn scripts() {
    replay("scripts", evenkeel_fuzz::scripts::check);
}

#[test]
fn rdb() {
    replay("rdb", evenkeel_fuzz::rdb::check);
}

#[test]
fn texts() {
    replay("texts", evenkeel_fuzz::texts::check);
}

#[test]
fn tls() {
    replay("tls", evenkeel_fuzz::tls::check);
}
