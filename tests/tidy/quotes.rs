//! What a page quotes of a program is what the program says: a line that names the file stands
//! before the block.
//!
//! ```text
//!  <!-- quoted from examples/cache.rs -->
//!  ```rust          ─▶ these lines stand in that file, one after the other
//! ```
//!
//! Not here: that the program compiles, which cargo sees to.

use crate::{expect_none, read};

const MARK: &str = "<!-- quoted from ";

/// The quotes of a page: file and lines.
fn quotes(page: &str) -> Vec<(&str, &str)> {
    let marked = page.split(MARK).skip(1);
    marked
        .map(|rest| {
            let (file, rest) = rest.split_once(" -->").expect("a mark ends");
            let block = rest.split("```").nth(1).expect("a block follows a mark");
            let (_language, lines) = block.split_once('\n').expect("a block has lines");
            (file, lines)
        })
        .collect()
}

fn breaches(page: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    let wrong = quotes(page)
        .into_iter()
        .filter(|(file, lines)| !read(file).contains(lines));
    wrong.map(|(file, _)| file.to_owned()).collect()
}

#[test]
fn quotes_stand_in_their_files() {
    let page = read("README.md");
    assert_eq!(quotes(&page)[0].0, "examples/cache.rs");
    expect_none(&breaches(&page, read));
}

#[test]
fn another_wording_is_caught() {
    let file = |_: &str| "use a;\nfn main() {}\n".to_owned();
    let page = |code: &str| format!("Look:\n\n{MARK}a.rs -->\n```rust\n{code}\n```\n");
    assert_eq!(breaches(&page("fn main() {}"), file), [""; 0]);
    assert_eq!(breaches(&page("fn main() { }"), file), ["a.rs"]);
}
