//! `docs/COMMANDS.md`: all commands by group, made from their declarations.
//!
//! `tests/docs/main.rs` checks that the page is what this makes.
//!
//! Not here: the same for programs (`introspection.rs`).

use super::table::table;
use crate::base::command_id::CommandId;
use std::collections::BTreeMap;
use std::fmt::Write;

const HEAD: &str = "\
# Commands

This page is made from the declarations in `src/command/`; change them there, then run
`make docs`.

Words in capitals stand there as written, in any letter case; words in small letters are values.
`<…>` must be given, `[…]` may be, `|` separates alternatives, and what ends in `...` may be given
again and again. \"Since\" is the first version of Redis that had the command.
";

/// The text of `docs/COMMANDS.md`.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    let mut groups: BTreeMap<_, Vec<CommandId>> = BTreeMap::new();
    for number in table().commands() {
        groups
            .entry(table().spec(number).group)
            .or_default()
            .push(number);
    }
    for (group, mut numbers) in groups {
        numbers.sort_by_key(|&number| table().spec(number).name);
        let _ = write!(text, "\n## {}\n\n", capitalized(group.name()));
        text.push_str("| Command | What it does | Since | Cost |\n|---|---|---|---|\n");
        for number in numbers {
            push_row(&mut text, number);
            for subcommand in table().subcommands(number) {
                push_row(&mut text, subcommand);
            }
        }
    }
    text
}

fn push_row(text: &mut String, number: CommandId) {
    let spec = table().spec(number);
    let name = table().full_name(number).replace('|', " ").to_uppercase();
    let usage = format!("{name} {}", spec.syntax);
    let _ = writeln!(
        text,
        "| `{}` | {} | {} | {} |",
        cell(usage.trim_end()),
        cell(spec.summary),
        spec.since,
        cell(spec.complexity)
    );
}

/// A text in which no `|` ends the cell, in code spans neither.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_uppercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_row_under_its_group() {
        let text = markdown();
        for number in table().all() {
            let spec = table().spec(number);
            let title = format!("\n## {}\n", capitalized(spec.group.name()));
            let (_, section) = text.split_once(&title).expect(spec.name);
            let section = section.split("\n## ").next().unwrap_or_default();
            let name = table().full_name(number).replace('|', " ").to_uppercase();
            let starts = [format!("\n| `{name}` | "), format!("\n| `{name} ")];
            assert!(starts.iter().any(|start| section.contains(start)), "{name}");
        }
    }

    #[test]
    fn a_row_has_four_cells() {
        for row in markdown().lines().filter(|line| line.starts_with("| `")) {
            let bars = row.matches('|').count() - row.matches("\\|").count();
            assert_eq!(bars, 5, "{row}");
        }
        assert!(markdown().contains("| `COMMAND LIST [FILTERBY <MODULE module-name \\| ACLCAT"));
    }
}
