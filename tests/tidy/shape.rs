//! Sizes and headers: files and functions stay short, every file says what it is.
//!
//! Not here: words and whitespace (`wording.rs`).

use crate::source::{Source, tokens};
use crate::{all_sources, expect_none};

/// Longest file in lines.
const FILE_LINES_MAX: usize = 1_000;

/// Longest function in lines, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Something that may be longer, as long as it is: no entry may be added without need, and one that
/// is not needed any more must go.
struct Exception {
    path: &'static str,
    /// The function; empty for the file itself.
    name: &'static str,
    /// Lines it may have.
    lines: usize,
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[Exception {
    path: "src/base/numbers.rs",
    name: "doubles_are_read_as_redis_reads_scores",
    lines: 72,
    reason: "one table of cases",
}];

/// A function, or a file (without a name), and its length.
struct Item {
    line: usize,
    name: String,
    lines: usize,
}

/// All functions of a file with a body.
fn functions(source: &Source) -> Vec<Item> {
    let tokens = tokens(&source.code);
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        let ((offset, word), (_, name)) = (pair[0], pair[1]);
        if word != "fn" || !name.starts_with(|first: char| first.is_alphabetic() || first == '_') {
            continue;
        }
        let Some(end) = body_end(&tokens[index + 2..]) else {
            continue;
        };
        let line = source.line(offset);
        found.push(Item {
            line,
            name: name.to_string(),
            lines: source.line(end) - line + 1,
        });
    }
    found
}

/// Where the body ends whose signature these tokens begin with; none for a declaration.
fn body_end(tokens: &[(usize, &str)]) -> Option<usize> {
    let (mut brackets, mut braces) = (0, 0);
    for &(offset, token) in tokens {
        match token {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            ";" if brackets == 0 && braces == 0 => return None,
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if braces == 0 {
                    return Some(offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// What is longer than its limit, and exceptions of this file that have become needless.
fn too_long(source: &Source, exceptions: &[Exception]) -> Vec<String> {
    let file = Item {
        line: 1,
        name: String::new(),
        lines: source.text.lines().count(),
    };
    let functions = functions(source).into_iter();
    let items: Vec<(usize, Item)> = functions
        .map(|item| (FUNCTION_LINES_MAX, item))
        .chain([(FILE_LINES_MAX, file)])
        .collect();
    let of_this_file = |exception: &&Exception| exception.path == source.path;
    let mut breaches = Vec::new();
    for (limit, item) in &items {
        let mut own = exceptions.iter().filter(of_this_file);
        let exception = own.find(|exception| exception.name == item.name);
        let allowed = exception.map_or(*limit, |exception| exception.lines);
        if item.lines > allowed {
            let what = format!(
                "{} has {} lines, {allowed} are allowed",
                item.name, item.lines
            );
            breaches.push(source.breach(item.line, what.trim()));
        }
    }
    for exception in exceptions.iter().filter(of_this_file) {
        let needs_it = |(limit, item): &(usize, Item)| {
            item.name == exception.name && (limit + 1..=exception.lines).contains(&item.lines)
        };
        if !items.iter().any(needs_it) {
            let what = format!(
                "remove the exception for `{}` ({})",
                exception.name, exception.reason
            );
            breaches.push(source.breach(1, &what));
        }
    }
    breaches
}

/// A file that does not begin with `//!`.
fn headless(source: &Source) -> Vec<String> {
    let first = source.text.lines().find(|line| !line.trim().is_empty());
    match first {
        Some(line) if line.starts_with("//! ") => Vec::new(),
        _ => vec![source.breach(1, "no //! header")],
    }
}

#[test]
fn files_and_functions_are_short() {
    let all = all_sources();
    let mut breaches: Vec<String> = all
        .iter()
        .flat_map(|source| too_long(source, EXCEPTIONS))
        .collect();
    let is_gone = |exception: &&Exception| !all.iter().any(|source| source.path == exception.path);
    for exception in EXCEPTIONS.iter().filter(is_gone) {
        breaches.push(format!(
            "remove the exception for {}, which is gone",
            exception.path
        ));
    }
    expect_none(&breaches);
}

#[test]
fn every_file_has_a_header() {
    let all = all_sources();
    let breaches: Vec<String> = all.iter().flat_map(headless).collect();
    expect_none(&breaches);
}

#[test]
fn long_functions_and_files_are_caught() {
    let function = |lines: usize| {
        format!(
            "fn f(a: [u8; 2]) {{\n{}}}\n",
            "    g();\n".repeat(lines - 2)
        )
    };
    let count = |text: &str, exceptions: &[Exception]| {
        too_long(&Source::new("src/a.rs", text), exceptions).len()
    };
    assert_eq!(count(&function(70), &[]), 0);
    assert_eq!(count(&function(71), &[]), 1);
    assert_eq!(count(&"// line\n".repeat(1_001), &[]), 1);
    let exception = |lines| {
        [Exception {
            path: "src/a.rs",
            name: "f",
            lines,
            reason: "one table",
        }]
    };
    assert_eq!(count(&function(80), &exception(80)), 0);
    assert_eq!(count(&function(81), &exception(80)), 2);
    assert_eq!(count(&function(70), &exception(80)), 1);
    assert_eq!(count("trait A { fn f(); }", &[]), 0);
}

#[test]
fn a_missing_header_is_caught() {
    assert_eq!(headless(&Source::new("src/a.rs", "//! What.\n")).len(), 0);
    assert_eq!(
        headless(&Source::new("src/a.rs", "use a;\n//! What.\n")).len(),
        1
    );
    assert_eq!(headless(&Source::new("src/a.rs", "")).len(), 1);
}
