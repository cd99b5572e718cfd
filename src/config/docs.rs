//! Texts made from the table: `--help`, a sample configuration file and `docs/CONFIG.md`.
//!
//! 1. The sample file, read back, gives `Config::default()` (`tests.rs`).
//! 2. `docs/CONFIG.md` equals `markdown()`, and `packaging/evenkeel.conf` equals `default_file()`
//!    (`tests/docs/main.rs`).
//! 3. No line of `--help` or of the sample file's comments is longer than 80 columns.
//!
//! Cost: linear in the table; run for people, never per command.
//!
//! Not here: the paragraphs themselves (`table.rs`).

use std::fmt::Write;

use super::kind::Kind;
use super::row::{Access, Group, Row};
use super::table::ROWS;
use super::without_effect::WITHOUT_EFFECT;

/// Longest line of text made for terminals, in columns.
const LINE_COLUMNS: usize = 80;

const USAGE: &str = "\
Usage: evenkeel [CONFIG-FILE] [--NAME VALUE ...]
       evenkeel - [--NAME VALUE ...]    (reads the file from standard input)
       evenkeel --check-config CONFIG-FILE [--NAME VALUE ...]
       evenkeel -h | --help
       evenkeel -v | --version
       evenkeel ping [--port N] [--host H] [--unixsocket P] [--user U]
                     [--pass-file F]     (exit code 0 when the server serves)
       evenkeel check SNAPSHOT           (says what it holds, if intact)
       evenkeel salvage SNAPSHOT OUT     (writes what is intact to OUT)
       evenkeel import RDB OUT [--skip-unknown]
                                         (makes a snapshot of a file of Redis)
       evenkeel export SNAPSHOT RDB      (makes a file that Redis loads)

A parameter is a line 'name value' of the file, an environment variable
EVENKEEL_NAME, or an option '--name value'. Options override variables, and
variables override the file.
";

const MARKDOWN_HEAD: &str = "\
# Configuration

This page and the sample `packaging/evenkeel.conf` are made from `src/config/table.rs`; change it
there, then run `make docs`.

A parameter is a line `name value` of the configuration file, an environment variable, an option
`--name value` of the program, or, where marked, a `CONFIG SET name value` at run time. Options
override the environment, the environment overrides the file, and a later line overrides an earlier
one. Names are found whatever their case.

```text
evenkeel /etc/evenkeel/evenkeel.conf --port 7000
evenkeel --check-config /etc/evenkeel/evenkeel.conf     OK, or what is wrong; exit code 0 or 1
```

The variable of a parameter is `EVENKEEL_` with the name in capitals and `_` for `-`:
`EVENKEEL_MAXMEMORY_POLICY=allkeys-lfu`. Its whole text is the value, as in `CONFIG SET`; a list is
written with spaces (`EVENKEEL_SAVE=\"60 1\"`). A variable that resembles a parameter is an error, so
that a misspelt password can't leave the server open; other variables are left alone, and so is what
Kubernetes sets for a service named evenkeel (`EVENKEEL_PORT=tcp://…`). Processes of the same user can
read the environment: a secret is better kept in a file of its own that the configuration includes.

The file has the syntax of redis.conf, and one of Redis loads:

- `#` at the beginning of a line makes it a comment.
- Words are separated by spaces. `\"…\"` holds spaces and the escapes `\\n \\r \\t \\b \\a \\xHH \\\" \\\\`,
  `'…'` holds spaces and `\\'`.
- Bytes take the units `k m g` (powers of 1000) and `kb mb gb` (powers of 1024).
- `include PATH` reads another file at its place; the last part of the path may be a pattern, whose
  files are read in the order of their names. A relative path begins where the server is started.
- The first `save` line replaces the default, further ones add to it, `save \"\"` takes back those
  before it.

`CONFIG REWRITE` writes what `CONFIG SET` changed into the file, by way of a file beside it:
comments, order and lines that are right already stay as they are.
";

const WITHOUT_EFFECT_HEAD: &str = "\
Redis, Valkey and KeyDB know these parameters; they are taken so that their configuration files load. For a file that
has any of them the log has one line of warning, with their names. A name that is neither here nor above is an error.

Hints about how those servers work inside are kept, answered by `CONFIG GET` and changed by `CONFIG SET`,
and change nothing else:
";

const HIDDEN_HEAD: &str = "\
Likewise what Valkey, KeyDB and later versions of Redis have, and what serves Redis's own tests;
`CONFIG GET` shows it to those who ask for the name, not for a pattern:
";

const ABSENT_HEAD: &str = "\
Parameters of what is not offered keep the value that is true here, whatever a file says;
`CONFIG SET` of another value is refused:
";

/// The text of `--help`: usage, then every parameter by group.
pub fn help() -> String {
    let mut text = USAGE.to_owned();
    for group in Group::ALL {
        let _ = write!(text, "\n{}:\n", group.title());
        for row in rows_of(group) {
            let _ = writeln!(text, "  --{} {}", row.name, row.kind.placeholder());
            push_wrapped(&mut text, "      ", &plain_doc(row));
            if row.kind.has_long_list() {
                let values = format!("Value: {}.", row.kind.description());
                push_wrapped(&mut text, "      ", &values);
            }
            let default = format!("Default: {}", quoted_default(row));
            push_wrapped(&mut text, "      ", &default);
        }
    }
    text
}

/// A configuration file that sets every parameter to its default, explained by comments. Secrets
/// are left to be filled in.
pub fn default_file() -> String {
    let mut text = String::from("# Configuration of Evenkeel: every parameter at its default.\n");
    for group in Group::ALL {
        let _ = write!(text, "\n## {}\n", group.title());
        for row in rows_of(group) {
            text.push('\n');
            push_wrapped(&mut text, "# ", &plain_doc(row));
            push_wrapped(
                &mut text,
                "# ",
                &format!("Value: {}.", row.kind.description()),
            );
            let hidden = if row.is_sensitive() { "# " } else { "" };
            let _ = writeln!(text, "{hidden}{} {}", row.name, quoted_default(row));
        }
    }
    text
}

/// The text of `docs/CONFIG.md`.
pub fn markdown() -> String {
    let mut text = MARKDOWN_HEAD.to_owned();
    for group in Group::ALL {
        let _ = write!(text, "\n## {}\n", group.title());
        for row in rows_of(group) {
            push_section(&mut text, row);
        }
    }
    let title = Group::WithoutEffect.title();
    let _ = write!(text, "\n## {title}\n\n{WITHOUT_EFFECT_HEAD}\n");
    push_names(&mut text, |row| row.access == Access::Kept);
    let _ = write!(text, "\n{HIDDEN_HEAD}\n");
    push_names(&mut text, |row| row.access == Access::KeptHidden);
    let _ = write!(text, "\n{ABSENT_HEAD}\n");
    push_names(&mut text, Row::is_absent);
    text
}

/// Appends the names of those parameters without effect that are meant.
fn push_names(text: &mut String, is_meant: fn(&Row) -> bool) {
    let rows = WITHOUT_EFFECT.iter().filter(|row| is_meant(row));
    let names = rows.flat_map(Row::names).map(|name| format!("`{name}`"));
    push_wrapped(text, "", &names.collect::<Vec<_>>().join(", "));
}

fn push_section(text: &mut String, row: &Row) {
    let default = if row.default.is_empty() {
        "empty".to_owned()
    } else {
        format!("`{}`", row.default)
    };
    let change = if row.is_mutable() {
        "`CONFIG SET`"
    } else {
        "only at start"
    };
    let _ = write!(text, "\n### `{}`\n\n{}\n\n", row.name, row.doc());
    if !row.aliases.is_empty() {
        let _ = writeln!(text, "- Also called: `{}`", row.aliases.join("`, `"));
    }
    let _ = writeln!(text, "- Value: {}", row.kind.description());
    let _ = writeln!(text, "- Default: {default}");
    let _ = writeln!(text, "- Change: {change}");
    if row.is_sensitive() {
        text.push_str("- Secret: never written to logs\n");
    }
    if !row.is_shown_to_clients() {
        text.push_str("- Hidden: `CONFIG GET` does not know it\n");
    }
}

/// The row's paragraph for a terminal, without the marks that set names apart.
fn plain_doc(row: &Row) -> String {
    row.doc().replace('`', "")
}

/// The default as it is written in a configuration file.
fn quoted_default(row: &Row) -> &'static str {
    if row.default.is_empty() {
        "\"\""
    } else {
        row.default
    }
}

fn rows_of(group: Group) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(move |row| row.group == group)
}

impl Kind {
    /// Whether the names to choose from are too many for the usage line of `--help`.
    fn has_long_list(&self) -> bool {
        let bytes = |names: &[&str]| names.iter().map(|name| name.len() + 1).sum::<usize>();
        matches!(self, Kind::Choice(names) if bytes(names) > LINE_COLUMNS / 2)
    }

    /// What stands for the value in the usage line of `--help`.
    fn placeholder(&self) -> String {
        match self {
            Kind::Boolean => "yes|no".to_owned(),
            Kind::Integer { .. } => "NUMBER".to_owned(),
            Kind::Memory { .. } => "BYTES".to_owned(),
            Kind::MemoryOrAuto => "BYTES|auto".to_owned(),
            Kind::MemoryOrPercent => "BYTES|PERCENT%".to_owned(),
            Kind::Choice(_) if self.has_long_list() => "NAME".to_owned(),
            Kind::Choice(names) => names.join("|"),
            Kind::Text => "TEXT".to_owned(),
            Kind::Words { word, .. } => format!("{word} ..."),
            Kind::Octal => "OCTAL".to_owned(),
            Kind::SavePoints => "SECONDS CHANGES ...".to_owned(),
            Kind::OutputLimits => "CLASS HARD SOFT SECONDS ...".to_owned(),
            Kind::Rename => "COMMAND NAME".to_owned(),
        }
    }

    /// The values taken, with their range, in a few words.
    pub fn description(&self) -> String {
        match *self {
            Kind::Boolean => "yes or no".to_owned(),
            Kind::Integer { min, max: i64::MAX } => format!("integer, {min} or more"),
            Kind::Integer { min, max } => format!("integer, {min} to {max}"),
            Kind::Memory {
                min_bytes,
                max_bytes,
            } if max_bytes == i64::MAX as u64 => {
                format!("bytes, {} or more", memory_text(min_bytes))
            }
            Kind::Memory {
                min_bytes,
                max_bytes,
            } => {
                format!(
                    "bytes, {} to {}",
                    memory_text(min_bytes),
                    memory_text(max_bytes)
                )
            }
            Kind::MemoryOrAuto => "bytes, or auto".to_owned(),
            Kind::MemoryOrPercent => "bytes, or 0% to 100%".to_owned(),
            Kind::Choice(names) => format!("one of {}", names.join(", ")),
            Kind::Text => "text".to_owned(),
            Kind::Words { max_count, .. } => format!("list, at most {max_count} words"),
            Kind::Octal => "octal number, 0 to 777".to_owned(),
            Kind::SavePoints => "pairs of seconds and changes".to_owned(),
            Kind::OutputLimits => {
                "classes (normal, replica, pubsub), each with bytes, bytes and seconds".to_owned()
            }
            Kind::Rename => "a command and its new name; each line adds one".to_owned(),
        }
    }
}

/// A number of bytes in the largest unit that divides it.
fn memory_text(bytes: u64) -> String {
    let units = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    let fits = |&(unit, _): &(u64, &str)| bytes != 0 && bytes.is_multiple_of(unit);
    match units.into_iter().find(fits) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// Appends `paragraph` as lines of at most [`LINE_COLUMNS`], each after `indent`.
fn push_wrapped(text: &mut String, indent: &str, paragraph: &str) {
    let mut columns = 0;
    for word in paragraph.split_whitespace() {
        let word_columns = word.chars().count();
        if columns == 0 || columns + 1 + word_columns > LINE_COLUMNS {
            if columns != 0 {
                text.push('\n');
            }
            text.push_str(indent);
            columns = indent.len();
        } else {
            text.push(' ');
            columns += 1;
        }
        text.push_str(word);
        columns += word_columns;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn sample_file_is_the_defaults() {
        let mut config = Config {
            port: 1,
            timeout_seconds: 1,
            ..Config::default()
        };
        let notes = config.apply_file("sample", default_file().as_bytes());
        assert_eq!(notes.unwrap().warning(), None);
        assert_eq!(config, Config::default());
        assert!(default_file().contains("\n# requirepass \"\"\n"));
    }

    #[test]
    fn help_names_every_parameter_within_the_columns() {
        let text = help();
        for row in ROWS {
            assert!(
                text.contains(&format!("\n  --{} ", row.name)),
                "{}",
                row.name
            );
        }
        for line in text.lines().chain(default_file().lines()) {
            assert!(line.chars().count() <= LINE_COLUMNS, "{line}");
        }
        assert!(text.contains("  --bind ADDRESS ...\n      Addresses to listen on."));
        assert!(text.contains("resp|plain"));
    }

    #[test]
    fn markdown_documents_every_range() {
        let text = markdown();
        for row in ROWS {
            let start = text
                .find(&format!("\n### `{}`\n", row.name))
                .expect(row.name);
            let section = &text[start..];
            let section = &section[..section[1..].find("\n### ").unwrap_or(section.len() - 1)];
            assert!(section.contains(&row.kind.description()), "{}", row.name);
            assert!(section.contains(row.doc()), "{}", row.name);
        }
    }

    #[test]
    fn memory_is_written_in_its_largest_exact_unit() {
        assert_eq!(memory_text(1 << 20), "1mb");
        assert_eq!(memory_text(3 << 30), "3gb");
        assert_eq!(memory_text(1536), "1536");
        assert_eq!(memory_text(0), "0");
    }

    #[test]
    fn wrapping_keeps_words_and_columns() {
        let mut text = String::new();
        push_wrapped(&mut text, "# ", &"word ".repeat(40));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines.iter().map(|line| line.len()).collect::<Vec<_>>(),
            [76, 76, 51]
        );
        assert!(lines.iter().all(|line| line.starts_with("# word")));
    }
}
