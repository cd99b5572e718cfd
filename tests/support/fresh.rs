//! Keeps a file equal to the text the code makes.

use std::path::Path;

/// Compares a page of `docs/` with `expected`; rewrites it instead when `UPDATE_DOCS` is set.
#[allow(dead_code, reason = "each test target uses a part of these helpers")]
pub(crate) fn check(page: &str, expected: &str) {
    check_file(&format!("docs/{page}"), expected);
}

/// Compares the file at `path` from the root with `expected`; rewrites it instead when
/// `UPDATE_DOCS` is set.
pub(crate) fn check_file(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let is_changed = std::fs::read_to_string(&file).unwrap_or_default() != expected;
    // Not written needlessly: other tests may be reading it.
    if is_changed && std::env::var_os("UPDATE_DOCS").is_some() {
        let directory = file.parent().expect("a path within the root");
        std::fs::create_dir_all(directory).expect("the root is writable");
        std::fs::write(&file, expected).expect("the root is writable");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    // Not assert_eq!: it would print both.
    let changed = written
        .lines()
        .zip(expected.lines())
        .position(|(old, new)| old != new);
    assert!(
        written == expected,
        "{path} is not what the code makes (first differing line: {changed:?}); \
         run the tests once with UPDATE_DOCS=1"
    );
}
