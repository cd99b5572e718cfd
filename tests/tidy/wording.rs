//! Nothing unfinished, no stray whitespace.
//!
//! Not here: what documents must contain (`documents.rs`).

use crate::source::{Source, tokens};
use crate::{all_sources, expect_none, files, read};

/// Macros that stand for missing code or were left behind.
const UNFINISHED_MACROS: &[&str] = &["todo", "unimplemented", "dbg"];

/// Words of comments and documents that promise work.
const PROMISES: &[&str] = &["TODO", "FIXME", "TBD", "XXX"];

/// Macros and comments of a source that say it is not finished.
fn unfinished(source: &Source) -> Vec<String> {
    let code = tokens(&source.code);
    let macros = code
        .windows(2)
        .filter(|pair| UNFINISHED_MACROS.contains(&pair[0].1) && pair[1].1 == "!")
        .map(|pair| pair[0]);
    let comments = tokens(&source.comments).into_iter();
    let promises = comments.filter(|(_, word)| PROMISES.contains(word));
    macros
        .chain(promises)
        .map(|(offset, word)| source.breach(source.line(offset), &format!("unfinished: {word}")))
        .collect()
}

/// Promises of a document, those in `code` excepted, which are quoted.
fn unfinished_document(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let prose = line.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        let words = tokens(&prose).into_iter();
        for (_, word) in words.filter(|(_, word)| PROMISES.contains(word)) {
            breaches.push(format!("{path}:{}: unfinished: {word}", number + 1));
        }
    }
    breaches
}

/// Whitespace at the ends of lines, and tabs; a Makefile's lines may begin with one.
fn stray_whitespace(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    // Not `lines`, which hides carriage returns.
    for (number, line) in text.split('\n').enumerate() {
        let is_recipe = path.ends_with("Makefile") && line.starts_with('\t');
        let body = if is_recipe { &line[1..] } else { line };
        let mut say = |what: &str| breaches.push(format!("{path}:{}: {what}", number + 1));
        if line.ends_with([' ', '\t', '\r']) {
            say("whitespace at the end");
        }
        if body.contains('\t') {
            say("a tab");
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        breaches.push(format!("{path}: no line feed at the end"));
    }
    breaches
}

fn is_text(name: &str) -> bool {
    let extensions = ["rs", "md", "toml", "sh", "py", "mjs"];
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| extensions.contains(&extension))
        || name == "Makefile"
        || name == "run"
}

#[test]
fn nothing_is_unfinished() {
    let all = all_sources();
    let mut breaches: Vec<String> = all.iter().flat_map(unfinished).collect();
    for path in files(".", |name| name.ends_with(".md")) {
        breaches.extend(unfinished_document(&path, &read(&path)));
    }
    expect_none(&breaches);
}

#[test]
fn no_whitespace_is_astray() {
    let paths = files(".", is_text);
    assert!(paths.iter().any(|path| path == "Makefile"));
    let breaches: Vec<String> = paths
        .iter()
        .flat_map(|path| stray_whitespace(path, &read(path)))
        .collect();
    expect_none(&breaches);
}

#[test]
fn unfinished_work_is_caught() {
    let count = |text: &str| unfinished(&Source::new("src/a.rs", text)).len();
    assert_eq!(count("fn f() { todo!() }"), 1);
    assert_eq!(count("fn f() { dbg!(1); }"), 1);
    assert_eq!(count("// FIXME later\nfn f() {}"), 1);
    assert_eq!(count("const A: &str = \"TBD\";"), 0);
    assert_eq!(unfinished_document("a.md", "It is TBD.").len(), 1);
    assert_eq!(unfinished_document("a.md", "Write no `TBD`.").len(), 0);
}

#[test]
fn stray_whitespace_is_caught() {
    assert_eq!(stray_whitespace("a.rs", "a\nb\n").len(), 0);
    assert_eq!(stray_whitespace("a.rs", "a \n").len(), 1);
    assert_eq!(stray_whitespace("a.rs", "a\r\n").len(), 1);
    assert_eq!(stray_whitespace("a.rs", "\ta\n").len(), 1);
    assert_eq!(stray_whitespace("a.rs", "a").len(), 1);
    assert_eq!(stray_whitespace("Makefile", "\ta\n").len(), 0);
    assert_eq!(stray_whitespace("Makefile", "\ta\tb\n").len(), 1);
}
