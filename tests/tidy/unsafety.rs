//! Unsafe code stands only in the files that `docs/STYLE.md` lists, each block with its reason.
//!
//! Not here: whether the reasons hold (the tests of those files run under AddressSanitizer).

use crate::source::{Source, tokens};
use crate::{all_sources, expect_none, read, root};

/// The comment before the list in `docs/STYLE.md`, and the one behind it.
const LIST_BEGIN: &str = "<!-- unsafe files: read by tests/tidy -->";
const LIST_END: &str = "<!-- end of unsafe files -->";

/// Lines above an unsafe block in which its reason must stand.
const REASON_LINES_MAX: usize = 8;

/// The files of the marked list.
fn listed_files(style: &str) -> Vec<String> {
    let (_, list) = style.split_once(LIST_BEGIN).expect("the list has a begin");
    let (list, _) = list.split_once(LIST_END).expect("the list has an end");
    list.lines()
        .filter_map(|line| line.trim().strip_prefix("- `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(path, _)| path.to_string())
        .collect()
}

/// Unsafe code in a file that is not listed.
fn unlisted(source: &Source, listed: &[String]) -> Vec<String> {
    if listed.contains(&source.path) {
        return Vec::new();
    }
    source
        .words()
        .filter(|(_, word)| matches!(*word, "unsafe" | "unsafe_code"))
        .map(|(offset, _)| {
            let what = "unsafe code outside the files listed in docs/STYLE.md";
            source.breach(source.line(offset), what)
        })
        .collect()
}

/// Unsafe blocks and implementations without `SAFETY:` above them.
fn unreasoned(source: &Source) -> Vec<String> {
    let comments: Vec<&str> = source.comments.lines().collect();
    let tokens = tokens(&source.code);
    let mut breaches = Vec::new();
    for pair in tokens.windows(2) {
        let ((offset, word), (_, next)) = (pair[0], pair[1]);
        if word != "unsafe" || !matches!(next, "{" | "impl") {
            continue;
        }
        let line = source.line(offset);
        let above = &comments[line.saturating_sub(REASON_LINES_MAX + 1)..line];
        if !above.iter().any(|comment| comment.contains("SAFETY:")) {
            breaches.push(source.breach(line, "unsafe without a SAFETY: comment above it"));
        }
    }
    breaches
}

#[test]
fn unsafe_code_is_confined() {
    let listed = listed_files(&read("docs/STYLE.md"));
    let all = all_sources();
    let mut breaches: Vec<String> = all
        .iter()
        .flat_map(|source| unlisted(source, &listed))
        .collect();
    for path in &listed {
        let uses_it = root().join(path).exists()
            && !unlisted(&Source::new(path, &read(path)), &[]).is_empty();
        if !uses_it {
            breaches.push(format!(
                "docs/STYLE.md: {path} has no unsafe code; remove it from the list"
            ));
        }
    }
    expect_none(&breaches);
}

#[test]
fn unsafe_code_has_reasons() {
    let all = all_sources();
    let breaches: Vec<String> = all.iter().flat_map(unreasoned).collect();
    expect_none(&breaches);
}

#[test]
fn unlisted_and_unreasoned_code_is_caught() {
    let style = format!("text\n{LIST_BEGIN}\n- `src/a.rs`: why\n{LIST_END}\n- `src/b.rs`");
    let listed = listed_files(&style);
    assert_eq!(listed, ["src/a.rs"]);
    let block = "fn f() {\n    unsafe { g() }\n}";
    assert_eq!(unlisted(&Source::new("src/a.rs", block), &listed).len(), 0);
    assert_eq!(unlisted(&Source::new("src/b.rs", block), &listed).len(), 1);
    let permission = "#![allow(unsafe_code)]";
    assert_eq!(
        unlisted(&Source::new("src/b.rs", permission), &listed).len(),
        1
    );
    assert_eq!(unreasoned(&Source::new("src/a.rs", block)).len(), 1);
    let reasoned = "fn f() {\n    // SAFETY: g asks for nothing.\n    unsafe { g() }\n}";
    assert_eq!(unreasoned(&Source::new("src/a.rs", reasoned)).len(), 0);
    assert_eq!(
        unreasoned(&Source::new("src/a.rs", "unsafe impl Send for A {}")).len(),
        1
    );
}
