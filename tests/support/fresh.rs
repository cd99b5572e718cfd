//! Keeps files equal to the text the code makes.

use std::path::Path;

/// Compares a page of `docs/` with `expected`; rewrites it instead when `UPDATE_DOCS` is set.
#[allow(dead_code, reason = "each test target uses a part of these helpers")]
pub(crate) fn check(page: &str, expected: &str) {
    check_file(&format!("docs/{page}"), expected);
}

/// Compares a file, named from the root, with `expected`; rewrites it instead when `UPDATE_DOCS`
/// is set.
pub(crate) fn check_file(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).expect("the file is writable");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    // Not assert_eq!: it would print both files.
    let changed = written
        .lines()
        .zip(expected.lines())
        .position(|(old, new)| old != new);
    assert!(
        written == expected,
        "{name} is not what the code makes (first differing line: {changed:?}); \
         run the tests once with UPDATE_DOCS=1"
    );
}
