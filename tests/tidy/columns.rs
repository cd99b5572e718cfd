//! Comment lines fit into a hundred columns, as rustfmt makes code do.
//!
//! Not here: what comments say (`wording.rs`).

use crate::source::Source;
use crate::{all_sources, expect_none};

/// Most columns of a comment line, its indentation included.
const COLUMNS_MAX: usize = 100;

/// Files with wider lines, how many, and what these are: a drawing or a table, which would say less
/// if it were broken. A file leaves the list when its last wide line is gone; none may come.
const WIDE: &[(&str, usize, &str)] = &[
    ("benches/micro.rs", 3, "table"),
    ("benches/micro/collections.rs", 2, "table"),
    ("benches/side_by_side/main.rs", 1, "drawing"),
    ("fuzz/src/reply.rs", 1, "drawing"),
    ("src/base/mod.rs", 1, "table"),
    ("src/command/declare/table.rs", 1, "drawing"),
    ("src/command/mod.rs", 1, "table"),
    ("src/context/mod.rs", 1, "drawing"),
    ("src/keyspace/cut/long.rs", 1, "drawing"),
    ("src/keyspace/eviction.rs", 1, "drawing"),
    ("src/keyspace/mod.rs", 1, "drawing"),
    ("src/keyspace/room.rs", 1, "drawing"),
    ("src/keyspace/slabs.rs", 1, "drawing"),
    ("src/keyspace/spans.rs", 1, "drawing"),
    ("src/node/client_limits.rs", 1, "drawing"),
    ("src/node/listening.rs", 1, "drawing"),
    ("src/protocol/double_text.rs", 1, "drawing"),
    ("src/protocol/mod.rs", 1, "drawing"),
    ("src/server/loading.rs", 1, "drawing"),
    ("src/structures/block/edit.rs", 1, "drawing"),
    ("src/structures/block_tree/mod.rs", 2, "drawing and table"),
    ("src/structures/block_tree/node.rs", 1, "drawing"),
    ("src/structures/block_tree/view.rs", 2, "drawing"),
    ("src/structures/expiry_heap.rs", 1, "drawing"),
    ("src/structures/mod.rs", 1, "table"),
    ("src/structures/timer_wheel.rs", 3, "drawing"),
    ("tests/support/script.rs", 1, "drawing"),
    ("tests/tidy/main.rs", 1, "drawing"),
];

/// The wide comment lines of a file, unless it has just as many as the list says.
fn too_wide(source: &Source, allowed: &[(&str, usize, &str)]) -> Vec<String> {
    let lines = source.text.lines().enumerate();
    let is_wide =
        |line: &str| line.trim_start().starts_with("//") && line.chars().count() > COLUMNS_MAX;
    let wide: Vec<usize> = lines
        .filter(|(_, line)| is_wide(line))
        .map(|(index, _)| index + 1)
        .collect();
    let entry = allowed.iter().find(|(path, ..)| *path == source.path);
    match entry {
        Some(&(_, count, _)) if wide.len() == count => Vec::new(),
        Some((_, count, what)) if wide.len() < *count => {
            let what = format!("has fewer than {count} wide lines ({what}): correct the list");
            vec![source.breach(1, &what)]
        }
        _ => {
            let what = format!("a comment wider than {COLUMNS_MAX} columns");
            let lines = wide.iter();
            lines.map(|&line| source.breach(line, &what)).collect()
        }
    }
}

#[test]
fn comments_fit_into_a_hundred_columns() {
    let all = all_sources();
    let mut breaches: Vec<String> = all
        .iter()
        .flat_map(|source| too_wide(source, WIDE))
        .collect();
    for (path, ..) in WIDE {
        if !all.iter().any(|source| source.path == *path) {
            breaches.push(format!("remove the entry for {path}, which is gone"));
        }
    }
    expect_none(&breaches);
}

#[test]
fn a_wide_comment_is_caught() {
    let count = |text: &str, allowed: &[(&str, usize, &str)]| {
        too_wide(&Source::new("src/a.rs", text), allowed).len()
    };
    let line = |columns: usize| format!("    // {}\n", "é".repeat(columns - 7));
    assert_eq!(count(&line(100), &[]), 0);
    assert_eq!(count(&line(101), &[]), 1);
    let listed = [("src/a.rs", 1, "drawing")];
    assert_eq!(count(&line(101), &listed), 0);
    assert_eq!(count(&line(101).repeat(2), &listed), 2);
    assert_eq!(count(&line(100), &listed), 1);
}
