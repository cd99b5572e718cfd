//! Files of one folder of `src/` don't use each other in a circle, so each can be read after those
//! that it uses.
//!
//! ```text
//!  call.rs ──▶ observe.rs ──▶ names.rs          fine
//!     ▲────────────┘                            refused, unless one of the two uses is listed
//! ```
//!
//! 1. A use counts from file to file. A `mod.rs` stands for the files that it takes names from; the
//!    uses between a `mod.rs` and its own files don't count, because they are one thing in parts.
//! 2. Tests may use what they like.
//!
//! Not here: circles between folders, which ranks rule out (`layers.rs`).

use crate::source::{NamedPath, Source};
use crate::{expect_none, sources};
use std::collections::{BTreeMap, BTreeSet};

/// A use that closes a circle. Entries go when the circle is cut; none may come.
struct Closing {
    from: &'static str,
    to: &'static str,
    reason: &'static str,
}

const CLOSING: &[Closing] = &[
    Closing {
        from: "src/command/declare/table.rs",
        to: "src/command/introspection/mod.rs",
        reason: "COMMAND tells of the table that it stands in",
    },
    Closing {
        from: "src/command/observe.rs",
        to: "src/command/call.rs",
        reason: "both name the command that was looked up",
    },
    Closing {
        from: "src/config/row.rs",
        to: "src/config/table.rs",
        reason: "a row is found in the table, whose macro stands beside it",
    },
    Closing {
        from: "src/config/row.rs",
        to: "src/config/without_effect.rs",
        reason: "a row is found in both tables",
    },
];

/// A use: from which file, to which.
type Use = (String, String);

/// The files by the path of their module: `crate::base::glob::class`.
struct Modules<'a> {
    by_path: BTreeMap<Vec<String>, &'a Source>,
}

impl<'a> Modules<'a> {
    fn new(all: &'a [Source]) -> Self {
        let named = all.iter().map(|source| (module_of(&source.path), source));
        Self {
            by_path: named.collect(),
        }
    }

    /// The file that a path leads to from the module `own`; none if it leads out of the crate.
    fn target(&self, own: &[String], path: &[String]) -> Option<&'a Source> {
        let full = self.absolute(own, path)?;
        let len = (1..=full.len())
            .rev()
            .find(|&len| self.by_path.contains_key(&full[..len]))?;
        let (module, source) = (&full[..len], self.by_path[&full[..len]]);
        let Some(item) = full.get(len) else {
            return Some(source);
        };
        // A name that a `mod.rs` passes on belongs to the file it comes from.
        let passed_on = paths_of(source)
            .into_iter()
            .find(|path| path.names.len() > 1 && path.names.last() == Some(item));
        match passed_on {
            Some(path) if source.path.ends_with("/mod.rs") && path.names[0] != "super" => {
                let inner = self.absolute(module, &path.names)?;
                (inner != full).then(|| self.target(module, &path.names))?
            }
            _ => Some(source),
        }
    }

    /// A path from the crate's root on, given the module that it stands in.
    fn absolute(&self, own: &[String], path: &[String]) -> Option<Vec<String>> {
        let climbs = path.iter().take_while(|name| *name == "super").count();
        let base = match path[0].as_str() {
            "crate" => return Some(path.to_vec()),
            "super" => &own[..own.len().checked_sub(climbs)?],
            "self" => own,
            // A module below this one.
            first => {
                let child: Vec<String> = [own, &[first.to_string()]].concat();
                self.by_path.get(&child)?;
                own
            }
        };
        let rest = path.iter().skip(climbs.max(usize::from(path[0] == "self")));
        Some(base.iter().chain(rest).cloned().collect())
    }
}

/// The names of a file's module from the crate's root on.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let names = inner.trim_end_matches("/mod").split('/');
    ["crate"]
        .into_iter()
        .chain(names)
        .map(str::to_string)
        .collect()
}

/// What a file names outside of its tests.
fn paths_of(source: &Source) -> Vec<NamedPath> {
    let tests = source.code.find("mod tests {").unwrap_or(usize::MAX);
    let paths = source.paths().into_iter();
    paths.filter(|path| path.offset < tests).collect()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// Whether one is the `mod.rs` of a folder that the other is in.
fn is_one_thing(one: &str, other: &str) -> bool {
    let holds = |parent: &str, child: &str| {
        let folder = parent.strip_suffix("mod.rs");
        folder.is_some_and(|folder| child.starts_with(folder))
    };
    holds(one, other) || holds(other, one)
}

/// All uses between files of the same folder of `src/`.
fn uses(all: &[Source]) -> BTreeSet<Use> {
    let modules = Modules::new(all);
    let mut found = BTreeSet::new();
    for source in all.iter().filter(|source| !is_test(&source.path)) {
        let own = module_of(&source.path);
        for path in paths_of(source) {
            let Some(target) = modules.target(&own, &path.names) else {
                continue;
            };
            let is_same_room = module_of(&target.path).get(1) == own.get(1);
            let counts = !is_test(&target.path) && !is_one_thing(&source.path, &target.path);
            if is_same_room && counts && target.path != source.path {
                found.insert((source.path.clone(), target.path.clone()));
            }
        }
    }
    found
}

/// The uses that lie on a circle: those whose end leads back to their beginning.
fn circular(uses: &BTreeSet<Use>) -> Vec<&Use> {
    let leads_back = |(from, to): &Use| {
        let (mut seen, mut ahead) = (BTreeSet::new(), vec![to]);
        while let Some(file) = ahead.pop() {
            if file == from {
                return true;
            }
            if seen.insert(file) {
                let next = uses.iter().filter(|(one, _)| one == file);
                ahead.extend(next.map(|(_, other)| other));
            }
        }
        false
    };
    uses.iter().filter(|one| leads_back(one)).collect()
}

/// Circles that are not cut by the listed uses, and listed uses that close none.
fn breaches(all: &[Source], closing: &[Closing]) -> Vec<String> {
    let all_uses = uses(all);
    let is_listed = |(from, to): &Use, but: Option<usize>| {
        let mut others = closing.iter().enumerate();
        others.any(|(index, one)| Some(index) != but && one.from == from && one.to == to)
    };
    let without = |but: Option<usize>| -> BTreeSet<Use> {
        let left = all_uses.iter().filter(|one| !is_listed(one, but));
        left.cloned().collect()
    };
    let rest = without(None);
    let circles = circular(&rest);
    let mut breaches: Vec<String> = circles
        .iter()
        .map(|(from, to)| format!("{from}: uses {to}, which leads back to it"))
        .collect();
    for (index, one) in closing.iter().enumerate() {
        let edge = (one.from.to_string(), one.to.to_string());
        if breaches.is_empty() && !circular(&without(Some(index))).contains(&&edge) {
            let (from, to, reason) = (one.from, one.to, one.reason);
            breaches.push(format!("{from}: remove the entry for {to} ({reason})"));
        }
    }
    breaches
}

#[test]
fn files_of_a_folder_make_no_circles() {
    expect_none(&breaches(&sources("src"), CLOSING));
}

#[test]
fn a_circle_is_caught() {
    let files = |texts: &[(&str, &str)]| -> Vec<Source> {
        let sources = texts.iter();
        sources
            .map(|(name, text)| Source::new(&format!("src/base/{name}.rs"), text))
            .collect()
    };
    let direct = files(&[
        ("mod", "mod a; mod b; pub use b::B;"),
        ("a", "use super::b::B;"),
        ("b", "fn f() { crate::base::a::g() }"),
    ]);
    assert_eq!(breaches(&direct, &[]).len(), 2);
    let passed_on = files(&[
        ("mod", "mod a; mod b; pub use b::B;"),
        ("a", "use super::B;"),
        ("b", "use super::a::A;"),
    ]);
    assert_eq!(breaches(&passed_on, &[]).len(), 2);
    let only_tests = files(&[
        ("a", "use super::b::B;"),
        ("b", "mod tests { use super::super::a::A; }"),
    ]);
    assert_eq!(breaches(&only_tests, &[]), [""; 0]);
    let entry = |to| {
        [Closing {
            from: "src/base/b.rs",
            to,
            reason: "one table",
        }]
    };
    assert_eq!(breaches(&direct, &entry("src/base/a.rs")), [""; 0]);
    assert_eq!(breaches(&only_tests, &entry("src/base/a.rs")).len(), 1);
}
