//! A Rust file taken apart as far as the rules need: code without strings, comments, paths.
//!
//! ```text
//!  text      let port = "mio"; // SAFETY: none
//!  code      let port =      ;
//!  comments                    // SAFETY: none
//! ```
//!
//! Invariant: `code` and `comments` are as long as `text` and break their lines where it does, so
//! an offset means the same place in all three.
//!
//! Not here: any rule.

/// One file.
pub(crate) struct Source {
    /// Relative to the root of the repository, with `/`.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// Comments, strings and characters blanked out.
    pub(crate) code: String,
    /// Everything but comments blanked out.
    pub(crate) comments: String,
}

/// A path like `std::net::TcpStream`, in an import (groups expanded) or within code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// Where it stands, counted from 1.
    pub(crate) line: usize,
    /// Offset of its first name in the code.
    pub(crate) offset: usize,
    /// Its names.
    pub(crate) names: Vec<String>,
}

impl NamedPath {
    /// Whether the path begins with the names of `prefix`, which are separated by `::`.
    pub(crate) fn begins_with(&self, prefix: &str) -> bool {
        let mut names = self.names.iter();
        prefix
            .split("::")
            .all(|name| names.next().is_some_and(|own| own == name))
    }

    /// The path as it would be written.
    pub(crate) fn text(&self) -> String {
        self.names.join("::")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    /// Takes a file apart.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let kinds = classify(text.as_bytes());
        let only = |wanted: Kind| {
            let bytes = text.bytes().zip(&kinds);
            let kept = bytes.map(|(byte, &kind)| match kind == wanted || byte == b'\n' {
                true => byte,
                false => b' ',
            });
            String::from_utf8(kept.collect()).expect("kinds change at ASCII bytes only")
        };
        Self {
            path: path.to_string(),
            code: only(Kind::Code),
            comments: only(Kind::Comment),
            text: text.to_string(),
        }
    }

    /// The line of an offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.text[..offset].matches('\n').count()
    }

    /// `path:line: what`.
    pub(crate) fn breach(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// The words of the code with their offsets.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        tokens(&self.code)
            .into_iter()
            .filter(|(_, token)| is_word(token))
    }

    /// All paths of the code, single names included.
    pub(crate) fn paths(&self) -> Vec<NamedPath> {
        let tokens = tokens(&self.code);
        let mut found = Vec::new();
        let mut index = 0;
        while index < tokens.len() {
            let is_import = tokens[index].1 == "use" && tokens.get(index + 1).is_some_and(begins);
            if is_import {
                index = self.import(&tokens, index + 1, &[], &mut found);
            } else if is_word(tokens[index].1) {
                let (offset, _) = tokens[index];
                let mut names = vec![tokens[index].1.to_string()];
                while tokens
                    .get(index + 1)
                    .is_some_and(|(_, token)| *token == "::")
                    && tokens
                        .get(index + 2)
                        .is_some_and(|(_, token)| is_word(token))
                {
                    names.push(tokens[index + 2].1.to_string());
                    index += 2;
                }
                found.push(self.named_path(offset, names));
                index += 1;
            } else {
                index += 1;
            }
        }
        found
    }

    fn named_path(&self, offset: usize, names: Vec<String>) -> NamedPath {
        NamedPath {
            line: self.line(offset),
            offset,
            names,
        }
    }

    /// Reads one import tree from `index`, all of its paths below `prefix`; returns the index
    /// behind it.
    fn import(
        &self,
        tokens: &[(usize, &str)],
        mut index: usize,
        prefix: &[String],
        found: &mut Vec<NamedPath>,
    ) -> usize {
        let mut names = prefix.to_vec();
        while let Some(&(offset, token)) = tokens.get(index) {
            match token {
                "::" => index += 1,
                "{" => {
                    index += 1;
                    while tokens.get(index).is_some_and(|(_, token)| *token != "}") {
                        index = self.import(tokens, index, &names, found);
                        if tokens.get(index).is_some_and(|(_, token)| *token == ",") {
                            index += 1;
                        }
                    }
                    return index + 1;
                }
                // The alias of what was just named.
                "as" => index += 2,
                _ if is_word(token) || token == "*" => {
                    names.push(token.to_string());
                    index += 1;
                    let goes_on = tokens.get(index).is_some_and(|(_, token)| *token == "::");
                    if !goes_on {
                        found.push(self.named_path(offset, names.clone()));
                    }
                }
                _ => return index,
            }
        }
        index
    }
}

fn begins((_, token): &(usize, &str)) -> bool {
    is_word(token) || matches!(*token, "::" | "{")
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphanumeric() || first == '_')
}

/// Words, `::` and single other characters, with their offsets.
pub(crate) fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut tokens = Vec::new();
    let mut rest = code.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        let mut end = start + first.len_utf8();
        if is_word(&code[start..end]) {
            while let Some(&(at, next)) = rest.peek() {
                if !(next.is_alphanumeric() || next == '_') {
                    break;
                }
                end = at + next.len_utf8();
                rest.next();
            }
        } else if code[start..].starts_with("::") {
            end = start + 2;
            rest.next();
        } else if first.is_whitespace() {
            continue;
        }
        tokens.push((start, &code[start..end]));
    }
    tokens
}

/// What each byte belongs to.
fn classify(text: &[u8]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; text.len()];
    let mut at = 0;
    while at < text.len() {
        let (end, kind) = next_stretch(text, at);
        kinds[at..end].fill(kind);
        at = end;
    }
    kinds
}

/// The end and the kind of what begins at `at`.
fn next_stretch(text: &[u8], at: usize) -> (usize, Kind) {
    let rest = &text[at..];
    if rest.starts_with(b"//") {
        let len = rest.iter().position(|&byte| byte == b'\n');
        return (at + len.unwrap_or(rest.len()), Kind::Comment);
    }
    if rest.starts_with(b"/*") {
        return (at + block_comment_len(rest), Kind::Comment);
    }
    let follows_word = at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
    if !follows_word && let Some(len) = raw_string_len(rest) {
        return (at + len, Kind::Literal);
    }
    match rest[0] {
        b'"' => (at + quoted_len(rest, b'"'), Kind::Literal),
        b'\'' if is_character(rest) => (at + quoted_len(rest, b'\''), Kind::Literal),
        _ => (at + 1, Kind::Code),
    }
}

fn block_comment_len(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length of a raw string of any prefix, if one begins here.
fn raw_string_len(rest: &[u8]) -> Option<usize> {
    let prefix = [&b"r"[..], b"br", b"cr"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest[prefix.len()..]
        .iter()
        .take_while(|&&byte| byte == b'#')
        .count();
    let open = prefix.len() + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    let body = &rest[open + 1..];
    let len = body
        .windows(close.len())
        .position(|window| window == close)
        .unwrap_or(body.len().saturating_sub(close.len()));
    Some((open + 1 + len + close.len()).min(rest.len()))
}

/// Length of a literal that begins and ends with `quote`, in which a backslash hides a quote.
fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Whether an apostrophe begins a character and not a lifetime.
fn is_character(rest: &[u8]) -> bool {
    match rest.get(1) {
        Some(b'\\') => true,
        Some(first) => {
            let len = match first {
                0..0x80 => 1,
                0x80..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            rest.get(1 + len) == Some(&b'\'')
        }
        None => false,
    }
}

#[test]
fn code_and_comments_are_told_apart() {
    let text =
        "a(\"b // c\\\"\", r#\"d\"e\"#, 'f', '\\'', b'g'); // h\n/* i /* j */ k */ fn l<'m>() {}";
    let source = Source::new("x.rs", text);
    let words: Vec<&str> = source.words().map(|(_, word)| word).collect();
    // The `b` of a byte literal stays.
    assert_eq!(words, ["a", "b", "fn", "l", "m"]);
    let comments: Vec<&str> = source.comments.split_whitespace().collect();
    assert_eq!(comments, ["//", "h", "/*", "i", "/*", "j", "*/", "k", "*/"]);
    assert_eq!(source.code.len(), text.len());
    assert_eq!(source.line(text.find("fn").unwrap()), 2);
}

#[test]
fn imports_are_expanded() {
    let text = "use std::{io, net::{self, TcpStream as Stream}};\nfn f() { mio::Poll::new() }";
    let source = Source::new("x.rs", text);
    let paths: Vec<String> = source.paths().iter().map(NamedPath::text).collect();
    assert_eq!(
        paths,
        [
            "std::io",
            "std::net::self",
            "std::net::TcpStream",
            "fn",
            "f",
            "mio::Poll::new"
        ]
    );
    assert!(source.paths()[1].begins_with("std::net"));
    assert!(!source.paths()[0].begins_with("std::net"));
}
