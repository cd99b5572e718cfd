//! Keeps a page of `docs/` equal to the text the code makes.

use std::path::Path;

/// Compares the page with `expected`; rewrites it instead when `UPDATE_DOCS` is set.
pub(crate) fn check(page: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).expect("docs/ is writable");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    // Not assert_eq!: it would print both pages.
    let changed = written
        .lines()
        .zip(expected.lines())
        .position(|(old, new)| old != new);
    assert!(
        written == expected,
        "docs/{page} is not what the code makes (first differing line: {changed:?}); \
         run the tests once with UPDATE_DOCS=1"
    );
}
