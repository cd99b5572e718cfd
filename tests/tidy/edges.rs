//! Invariant I2: sockets, threads, signals, files, clocks and chance are named at the edge only.
//!
//! Not here: the order of the folders (`layers.rs`).

use crate::source::Source;
use crate::{expect_none, sources};

/// Something that only some files may name.
struct Edge {
    /// Paths that begin so.
    prefixes: &'static [&'static str],
    /// Files, and folders that end in `/`, that may.
    homes: &'static [&'static str],
    /// The rule in words.
    rule: &'static str,
}

const EDGES: &[Edge] = &[
    Edge {
        prefixes: &[
            "mio",
            "socket2",
            "nix",
            "signal_hook",
            "listenfd",
            "std::process::Command",
        ],
        homes: &["src/server/"],
        rule: "only server/ speaks to the operating system",
    },
    Edge {
        prefixes: &["std::net", "std::os::unix::net"],
        homes: &["src/server/", "src/cli/ping.rs"],
        rule: "only server/ and the binary's ping have sockets",
    },
    Edge {
        prefixes: &["std::thread"],
        homes: &["src/server/", "src/cli/log_file.rs"],
        rule: "only server/ and the log of the binary have threads",
    },
    Edge {
        prefixes: &["std::fs", "fs::File", "fs::OpenOptions"],
        homes: &[
            "src/main.rs",
            "src/cli/",
            "src/persistence/file_storage.rs",
            "src/persistence/file_system.rs",
            "src/persistence/owner.rs",
            "src/persistence/unfinished.rs",
            "src/server/memory_limit.rs",
        ],
        rule: "only the binary, the files of persistence/ and memory_limit.rs open files",
    },
    Edge {
        prefixes: &[
            "std::time::SystemTime",
            "std::time::Instant",
            "SystemTime",
            "Instant",
        ],
        homes: &["src/base/clock.rs"],
        rule: "only base/clock.rs reads a clock",
    },
    Edge {
        prefixes: &["crate::base::clock::SystemClock", "SystemClock"],
        homes: &["src/base/clock.rs", "src/cache/builder.rs", "src/server/"],
        rule: "only server/ and cache/ use the system's clock; others are given a Timestamp",
    },
    Edge {
        prefixes: &[
            "std::hash::RandomState",
            "RandomState",
            "fastrand::Rng::new",
        ],
        homes: &[
            "src/cache/builder.rs",
            "src/server/",
            "src/persistence/unfinished.rs",
        ],
        rule: "only server/ and cache/ draw a seed, and names of files are drawn; others are given one",
    },
];

fn breaches_of(source: &Source, edge: &Edge) -> Vec<String> {
    let is_home = |home: &&str| {
        source.path == **home || (home.ends_with('/') && source.path.starts_with(*home))
    };
    if edge.homes.iter().any(is_home) {
        return Vec::new();
    }
    let paths = source.paths();
    let named = paths
        .iter()
        .filter(|path| edge.prefixes.iter().any(|prefix| path.begins_with(prefix)));
    named
        .map(|path| source.breach(path.line, &format!("{}: {}", path.text(), edge.rule)))
        .collect()
}

fn breaches(source: &Source) -> Vec<String> {
    EDGES
        .iter()
        .flat_map(|edge| breaches_of(source, edge))
        .collect()
}

#[test]
fn the_edge_is_thin() {
    let all = sources("src");
    let found: Vec<String> = all.iter().flat_map(breaches).collect();
    expect_none(&found);
}

#[test]
fn names_of_the_edge_are_caught() {
    let count = |path: &str, text: &str| breaches(&Source::new(path, text)).len();
    for text in [
        "use mio::Poll;",
        "use std::{io, net::TcpStream};",
        "fn f() { std::thread::sleep(x) }",
        "use std::fs::File;",
        "use std::time::SystemTime;",
        "use crate::base::clock::SystemClock;",
        "fn f() { fastrand::Rng::new() }",
    ] {
        assert_eq!(count("src/node/run.rs", text), 1, "{text}");
    }
    assert_eq!(count("src/main.rs", "use mio::Poll;"), 1);
    assert_eq!(count("src/main.rs", "use std::fs::File;"), 0);
    assert_eq!(
        count("src/server/reactor.rs", "use std::net::TcpStream;"),
        0
    );
    assert_eq!(count("src/server/reactor.rs", "use std::time::Instant;"), 1);
    assert_eq!(
        count("src/node/run.rs", "use std::time::Duration; // mio"),
        0
    );
}
