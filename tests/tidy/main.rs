//! Rules that the compiler does not know: layers, edges, sizes, unsafe code, documents.
//!
//! ```text
//! files of the repository ─▶ source.rs (code and comments apart) ─▶ one function a rule ─▶ breaches
//! ```
//!
//! 1. A rule is a function from text to breaches; beside the test that applies it to the repository
//!    stands one that feeds it a canary, text that it must refuse.
//! 2. Exceptions are lists with reasons, and may only shrink: one that is not needed any more is a
//!    breach itself.
//!
//! Cost: reads every source file a few times, about a second in a debug build.
//!
//! Not here: what rustfmt, clippy and rustdoc check (`make check` runs all of them).

mod circles;
mod columns;
mod documents;
mod edges;
mod front;
mod layers;
mod quotes;
mod shape;
mod source;
mod unsafety;
mod wording;

use source::Source;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing written by hand for this repository.
const SKIPPED_FOLDERS: &[&str] = &[
    "target",
    "node_modules",
    "corpus",
    "artifacts",
    "__pycache__",
];

/// The folder of `Cargo.toml`.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below `folder` whose names satisfy `is_wanted`, as paths relative to the root, sorted.
fn files(folder: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a folder can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                let is_hidden = name.starts_with('.') && name != ".ci";
                if !is_hidden && !SKIPPED_FOLDERS.contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if is_wanted(&name) {
                let relative = path.strip_prefix(root()).expect("below the root");
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All Rust files below a folder.
fn sources(folder: &str) -> Vec<Source> {
    files(folder, |name| name.ends_with(".rs"))
        .into_iter()
        .map(|path| {
            let text = read(&path);
            Source::new(&path, &text)
        })
        .collect()
}

/// All Rust files written for this repository.
fn all_sources() -> Vec<Source> {
    ["src", "tests", "benches", "examples", "fuzz"]
        .iter()
        .flat_map(|folder| sources(folder))
        .collect()
}

/// Fails with every breach on its own line.
#[track_caller]
fn expect_none(breaches: &[String]) {
    assert!(
        breaches.is_empty(),
        "{} breaches:\n{}",
        breaches.len(),
        breaches.join("\n")
    );
}
