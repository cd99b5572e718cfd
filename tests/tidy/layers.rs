//! Invariant I1: a folder names itself and lower ranks, never the same rank or a higher one.
//!
//! Not here: what a folder may use of the world outside (`edges.rs`).

use crate::source::{NamedPath, Source};
use crate::{expect_none, sources};

/// Every folder of `src/` and its rank, as `docs/ARCHITECTURE.md` draws them.
const RANKS: &[(&str, u8)] = &[
    ("base", 0),
    ("structures", 1),
    ("protocol", 1),
    ("config", 1),
    ("http", 1),
    ("messages", 2),
    ("script", 2),
    ("stats", 2),
    ("acl", 2),
    ("value", 2),
    ("keyspace", 3),
    ("rdb", 4),
    ("session", 4),
    ("context", 5),
    ("command", 6),
    ("engine", 7),
    ("persistence", 8),
    ("cache", 9),
    ("node", 9),
    ("server", 10),
    // Parts of the binary, which uses the library from outside.
    ("cli", 11),
];

fn rank(folder: &str) -> Option<u8> {
    let row = RANKS.iter().find(|(name, _)| *name == folder);
    row.map(|&(_, rank)| rank)
}

/// The folder of `src/` a file is in; none for `lib.rs` and `main.rs`, which stand above all.
fn folder(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?
        .split_once('/')
        .map(|(name, _)| name)
}

/// Paths to a folder that is not below the file's own.
fn upward_paths(source: &Source) -> Vec<String> {
    let Some(own) = folder(&source.path) else {
        return Vec::new();
    };
    let Some(own_rank) = rank(own) else {
        return vec![source.breach(1, &format!("the folder {own} has no rank"))];
    };
    let mut breaches = Vec::new();
    for path in source.paths() {
        if !path.begins_with("crate") || path.names.len() < 2 {
            continue;
        }
        let target = path.names[1].as_str();
        let is_allowed = target == own || rank(target).is_some_and(|rank| rank < own_rank);
        if !is_allowed {
            let what = format!("{own} (rank {own_rank}) names {}", path.text());
            breaches.push(source.breach(path.line, &what));
        }
    }
    breaches
}

/// Paths that climb to the crate's root by `super`, where the rule above can't follow them.
fn climbing_paths(source: &Source) -> Vec<String> {
    if folder(&source.path).is_none() {
        return Vec::new();
    }
    let module = source.path.trim_start_matches("src/");
    let depth = module.split('/').count() - usize::from(module.ends_with("/mod.rs"));
    let inline_tests = source.code.find("mod tests {").unwrap_or(usize::MAX);
    let climbs = |path: &NamedPath| {
        let steps = path
            .names
            .iter()
            .take_while(|name| *name == "super")
            .count();
        steps >= depth + usize::from(path.offset > inline_tests)
    };
    source
        .paths()
        .iter()
        .filter(|path| climbs(path))
        .map(|path| source.breach(path.line, "climbs to the crate's root; write crate::"))
        .collect()
}

#[test]
fn the_diagram_of_the_ranks_has_every_folder() {
    let drawn = crate::read("docs/pictures/ranks-light.svg");
    let folders = RANKS.iter().filter(|(_, rank)| *rank <= 10);
    let missing = folders.filter(|(folder, _)| !drawn.contains(folder));
    let missing: Vec<String> = missing.map(|(folder, _)| (*folder).to_owned()).collect();
    expect_none(&missing);
}

#[test]
fn folders_name_lower_ranks_only() {
    let all = sources("src");
    let breaches: Vec<String> = all.iter().flat_map(upward_paths).collect();
    expect_none(&breaches);
}

#[test]
fn nobody_climbs_to_the_root() {
    let all = sources("src");
    let breaches: Vec<String> = all.iter().flat_map(climbing_paths).collect();
    expect_none(&breaches);
}

#[test]
fn an_upward_path_is_caught() {
    let canary = |path: &str, text: &str| upward_paths(&Source::new(path, text));
    let upward = "use crate::base::limits;\nfn f() { crate::engine::run() }";
    assert_eq!(
        canary("src/keyspace/mod.rs", upward),
        ["src/keyspace/mod.rs:2: keyspace (rank 3) names crate::engine::run"]
    );
    let grouped = "use crate::{base::limits, session::{Context, Session}};";
    assert_eq!(canary("src/value/mod.rs", grouped).len(), 2);
    let beside = "use crate::stats::Value;";
    assert_eq!(canary("src/config/row.rs", beside).len(), 1);
    let reexport = "use crate::Timestamp;";
    assert_eq!(canary("src/node/run.rs", reexport).len(), 1);
    assert_eq!(canary("src/novel/mod.rs", "").len(), 1);
    let text = "// use crate::server::Server;\nconst A: &str = \"crate::server\";";
    assert_eq!(canary("src/base/mod.rs", text), [""; 0]);
}

#[test]
fn a_climb_to_the_root_is_caught() {
    let canary = |path: &str, text: &str| climbing_paths(&Source::new(path, text)).len();
    let two_steps = "use super::super::engine;";
    assert_eq!(canary("src/base/glob.rs", two_steps), 1);
    assert_eq!(canary("src/base/glob/tests.rs", two_steps), 0);
    assert_eq!(canary("src/base/mod.rs", "use super::engine;"), 1);
    let in_tests = "mod tests { use super::super::words; }";
    assert_eq!(canary("src/base/glob.rs", in_tests), 0);
}
