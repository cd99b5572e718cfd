//! Documents name what exists: crates, files, tests, commands.
//!
//! Not here: pages made from tables of the code (`tests/support/fresh.rs`).

use crate::{expect_none, files, read, root};
use std::collections::BTreeSet;
use std::path::Path;

/// Sections of a manifest that list crates.
const CRATE_SECTIONS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Files that a backticked path of a document may mean: their endings.
const NAMED_ENDINGS: &[&str] = &[".rs", ".md", ".sh", ".toml", ".txt", ".py", ".mjs"];

/// The crates of a manifest.
fn crates(manifest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut lists_crates = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let last = section.rsplit('.').next().unwrap_or(section);
            lists_crates = CRATE_SECTIONS.contains(&last);
        } else if lists_crates
            && !line.starts_with('#')
            && let Some((name, _)) = line.split_once('=')
        {
            let name = name.trim();
            let name = name.split_once('.').map_or(name, |(first, _)| first);
            found.insert(name.to_string());
        }
    }
    found
}

/// The names in the first column of a page's tables.
fn rows(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(name, _)| name.to_string())
        .collect()
}

/// Crates without a row, and rows without a crate.
fn crate_breaches(manifest: &str, page: &str) -> Vec<String> {
    let (crates, rows) = (crates(manifest), rows(page));
    let missing = crates.difference(&rows);
    let missing = missing.map(|name| format!("docs/DEPENDENCIES.md: no row for {name}"));
    let needless = rows.difference(&crates);
    let needless = needless.map(|name| format!("docs/DEPENDENCIES.md: {name} is not used"));
    missing.chain(needless).collect()
}

/// The lines of a document outside of code fences, numbered from 1.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push((number + 1, line));
        }
    }
    lines
}

/// Targets of the links of a document, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for part in line.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                found.push((number, target));
            }
        }
    }
    found
}

/// The target of a relative link without its anchor, from the root; none for other links.
fn relative_target(document: &str, target: &str) -> Option<String> {
    let path = target.split_once('#').map_or(target, |(path, _)| path);
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => _ = parts.pop(),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Relative links whose target `exists` denies.
fn broken_links(document: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let with_path = links(text).into_iter().filter_map(|(line, target)| {
        let path = relative_target(document, target)?;
        Some((line, target, path))
    });
    with_path
        .filter(|(_, _, path)| !exists(path))
        .map(|(line, target, _)| format!("{document}:{line}: no file {target}"))
        .collect()
}

/// Paths and tests in backticks, `src/node/run.rs` or `tests/server/reload.rs::a_test`, that do not
/// exist.
/// Paths may leave out `src/`.
fn absent_names(document: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (number, line) in prose(text) {
        for quoted in line.split('`').skip(1).step_by(2) {
            let (path, test) = match quoted.split_once("::") {
                Some((path, test)) => (path, Some(test)),
                None => (quoted, None),
            };
            let is_path = path.contains('/')
                && !path.contains([' ', '*', '<', '…'])
                && NAMED_ENDINGS.iter().any(|ending| path.ends_with(ending));
            if !is_path {
                continue;
            }
            let content = read(path).or_else(|| read(&format!("src/{path}")));
            let is_there = match (&content, test) {
                (Some(content), Some(test)) => content.contains(&format!("fn {test}(")),
                (content, _) => content.is_some(),
            };
            if !is_there {
                breaches.push(format!("{document}:{number}: no {quoted}"));
            }
        }
    }
    breaches
}

/// Targets of a Makefile.
fn make_targets(makefile: &str) -> BTreeSet<String> {
    makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', '.', ' ']))
        .filter_map(|line| line.split_once(':'))
        .filter(|(_, rest)| !rest.starts_with('='))
        .flat_map(|(names, _)| names.split_whitespace())
        .map(str::to_string)
        .collect()
}

/// Commands `make x` of a text, in backticks or at the beginning of a line, without a target.
fn unknown_targets(document: &str, text: &str, targets: &BTreeSet<String>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let quoted = line.split('`').skip(1).step_by(2);
        for command in quoted.chain([line]) {
            let command = command.trim().trim_start_matches("$ ");
            let command = command.strip_prefix("step ").unwrap_or(command);
            let Some(rest) = command.strip_prefix("make ") else {
                continue;
            };
            let name = rest
                .split(|end: char| !(end.is_alphanumeric() || end == '-'))
                .next();
            let name = name.unwrap_or_default();
            if !name.is_empty() && !targets.contains(name) {
                breaches.push(format!("{document}:{}: no target {name}", number + 1));
            }
        }
    }
    breaches
}

/// What `tests/clients/` installs of packages: names with their versions.
fn pinned(text: &str) -> BTreeSet<(String, String)> {
    let words = |line: &str| -> Option<(String, String)> {
        if let Some((name, version)) = line.split_once("==") {
            return Some((name.to_string(), version.trim().to_string()));
        }
        let (name, version) = line.trim().strip_prefix('"')?.split_once("\": \"")?;
        let version = version.trim_end_matches([',', '"']);
        let version = version.rsplit_once('@').map_or(version, |(_, last)| last);
        let is_version = version.starts_with(|first: char| first.is_ascii_digit());
        is_version.then(|| (name.to_string(), version.to_string()))
    };
    text.lines().filter_map(words).collect()
}

/// The packages with their versions in the tables of a page that have a column for both.
fn told_versions(page: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for line in page.lines() {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, names, versions, _, _, _] = columns[..] else {
            continue;
        };
        let names = names.split(", ").map(str::to_string);
        found.extend(names.zip(versions.split(", ").map(str::to_string)));
    }
    found.retain(|(_, version)| version.starts_with(|first: char| first.is_ascii_digit()));
    found
}

fn documents() -> Vec<String> {
    files(".", |name| name.ends_with(".md"))
}

#[test]
fn every_crate_has_its_row() {
    let breaches = crate_breaches(&read("Cargo.toml"), &read("docs/DEPENDENCIES.md"));
    expect_none(&breaches);
}

#[test]
fn links_lead_somewhere() {
    let exists = |path: &str| root().join(path).exists();
    let breaches: Vec<String> = documents()
        .iter()
        .flat_map(|path| broken_links(path, &read(path), exists))
        .collect();
    expect_none(&breaches);
}

#[test]
fn named_files_and_tests_exist() {
    let content = |path: &str| std::fs::read_to_string(root().join(path)).ok();
    let is_record = |path: &str| Path::new(path).ends_with("benches/RESULTS.md");
    let breaches: Vec<String> = documents()
        .iter()
        .filter(|path| !is_record(path))
        .flat_map(|path| absent_names(path, &read(path), content))
        .collect();
    expect_none(&breaches);
}

#[test]
fn every_document_can_be_reached() {
    let mut reached = BTreeSet::new();
    for document in ["README.md", "docs/ARCHITECTURE.md"] {
        let text = read(document);
        let targets = links(&text).into_iter();
        reached.extend(targets.filter_map(|(_, target)| relative_target(document, target)));
    }
    let unreached: Vec<String> = files("docs", |_| true)
        .into_iter()
        .filter(|path| path != "docs/ARCHITECTURE.md" && !reached.contains(path))
        .map(|path| format!("{path}: no link from README.md or docs/ARCHITECTURE.md"))
        .collect();
    expect_none(&unreached);
}

#[test]
fn commands_of_the_documents_are_targets() {
    let targets = make_targets(&read("Makefile"));
    let breaches: Vec<String> = documents()
        .into_iter()
        .chain([".ci/run".to_string()])
        .flat_map(|path| unknown_targets(&path, &read(&path), &targets))
        .collect();
    expect_none(&breaches);
}

#[test]
fn versions_of_clients_are_those_that_are_installed() {
    let lists = [
        "python/requirements.txt",
        "node/package.json",
        "rare/python/requirements.txt",
        "rare/node/package.json",
    ];
    let lists = lists.map(|list| pinned(&read(&format!("tests/clients/{list}"))));
    let installed: BTreeSet<_> = lists.into_iter().flatten().collect();
    let told = told_versions(&read("docs/CLIENTS.md"));
    assert!(installed.len() > 25, "{installed:?}");
    assert_eq!(told, installed);
}

#[test]
fn lists_of_packages_are_read() {
    let pair = |name: &str, version: &str| (name.to_string(), version.to_string());
    let npm = "{\n  \"type\": \"module\",\n  \"@a/b\": \"1.2.3\",\n  \"c4\": \"npm:c@4.0.0\"\n}";
    assert_eq!(
        pinned(npm),
        [pair("@a/b", "1.2.3"), pair("c4", "4.0.0")].into()
    );
    assert_eq!(pinned("a-b==5.0\n"), [pair("a-b", "5.0")].into());
    let page = "| what | version | x | file |\n|---|---|---|---|\n| a, b | 1, 2.0 | x | `f.py` |\n";
    assert_eq!(
        told_versions(page),
        [pair("a", "1"), pair("b", "2.0")].into()
    );
}

#[test]
fn a_crate_without_a_row_is_caught() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\nmio = \"1\"\nlog.version = \"2\"\n[dev-dependencies]\nb = { version = \"3\" }\n[lints.rust]\nc = \"deny\"\n";
    let page = "| crate | what for |\n|---|---|\n| `mio` | polling |\n| `slab` | storage |\n";
    assert_eq!(
        crate_breaches(manifest, page),
        [
            "docs/DEPENDENCIES.md: no row for b",
            "docs/DEPENDENCIES.md: no row for log",
            "docs/DEPENDENCIES.md: slab is not used"
        ]
    );
}

#[test]
fn a_broken_link_is_caught() {
    let text = "[a](../README.md#x) [b](https://example.org/c)\n```\n[c](none.md)\n```\n[d](gone.md) [e](#f)";
    let exists = |path: &str| path == "README.md";
    assert_eq!(
        broken_links("docs/A.md", text, exists),
        ["docs/A.md:5: no file gone.md"]
    );
}

#[test]
fn an_absent_file_or_test_is_caught() {
    let read = |path: &str| (path == "src/node/run.rs").then(|| "fn a_test() {}".to_string());
    let text = "`node/run.rs` `src/node/run.rs::a_test` `node/run.rs::other`\n`node/gone.rs` `run.rs` `node/`";
    assert_eq!(
        absent_names("A.md", text, read),
        ["A.md:1: no node/run.rs::other", "A.md:2: no node/gone.rs"]
    );
}

#[test]
fn an_unknown_command_is_caught() {
    let targets = make_targets(
        ".PHONY: all\nNAME := value\nrun: build ## starts\n\tcargo run\ntest check:\n",
    );
    assert_eq!(
        targets.iter().map(String::as_str).collect::<Vec<_>>(),
        ["check", "run", "test"]
    );
    let text = "Say `make run`, or\nmake bench\nto make sense; `make tea`.\nmake   # lists";
    assert_eq!(
        unknown_targets("A.md", text, &targets),
        ["A.md:2: no target bench", "A.md:3: no target tea"]
    );
}
