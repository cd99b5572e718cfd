//! What shows programs how to use the library takes names of its front only: the examples, the page
//! that begins everything, and the test that stands for a program.
//!
//! Method: whatever follows `evenkeel::` there begins with a capital letter, because the names of
//! the front are types at the root of the library; or it is `settings`, the types of its fields.
//!
//! Not here: that nothing private is dead, for which `make check` builds the library without the
//! feature `internals`, too.

use crate::{expect_none, root};
use std::fs;

const SHOWN: &[&str] = &[
    "README.md",
    "examples/cache.rs",
    "examples/embed.rs",
    "examples/server_in_a_program.rs",
    "examples/shared_cache.rs",
    "tests/embed/cache.rs",
    "tests/embed/main.rs",
    "tests/embed/removals.rs",
    "tests/embed/typed.rs",
];

/// Names after `evenkeel::`, one of each group in braces, that are not of the front.
fn foreign_names(text: &str) -> Vec<String> {
    let mut foreign = Vec::new();
    for (at, path) in text.match_indices("evenkeel::") {
        let rest = &text[at + path.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => group.split_once('}').map_or(group, |(names, _)| names),
            None => rest
                .split(|letter: char| !is_of_name(letter))
                .next()
                .unwrap_or(""),
        };
        let names = names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        foreign.extend(names.filter(|name| !is_front(name)).map(String::from));
    }
    foreign
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn is_front(name: &str) -> bool {
    name.starts_with(char::is_uppercase) || name == "settings"
}

#[test]
fn programs_take_names_of_the_front_only() {
    let breaches: Vec<String> = SHOWN
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(root().join(path)).expect("it is there");
            assert!(text.contains("evenkeel::"), "{path} shows the library");
            let foreign = foreign_names(&text).into_iter();
            foreign.map(move |name| format!("{path}: {name} is not of the front"))
        })
        .collect();
    expect_none(&breaches);
}

#[test]
fn other_names_are_caught() {
    assert_eq!(foreign_names("use evenkeel::node::Node;"), ["node"]);
    assert_eq!(
        foreign_names("use evenkeel::{\n    Config, base::hash,\n};"),
        ["base::hash"]
    );
    let fine = "use evenkeel::{Config, Server}; evenkeel::settings::Rename";
    assert_eq!(foreign_names(fine), [""; 0]);
}
