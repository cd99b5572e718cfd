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
