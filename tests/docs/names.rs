//! What the pages for users name is there: parameters, fields of INFO, commands; and what they say
//! is unknown here is not there.
//!
//! ```text
//!  `maxmemory-clients 5%`   a word with hyphens        ─▶ a parameter of CONFIG.md, or an
//!                                                         event of LATENCY
//!  `log_lines_lost`         a word with underscores    ─▶ a field of METRICS.md
//!  `ACL GENPASS`            words in capitals          ─▶ a command of COMMANDS.md
//! ```
//!
//! Only text between backticks is looked at. Not here: files, tests and targets
//! (`tests/tidy/documents.rs`).

use evenkeel::stats::LatencyEvent;
use std::collections::BTreeSet;
use std::path::Path;

/// Pages that people read to use the server.
const PAGES: &[&str] = &["README.md", "SECURITY.md", "docs/OPERATIONS.md"];

/// What looks like one of ours and is of others, each with what it is.
const OF_OTHERS: &[(&str, &str)] = &[
    ("systemd-analyze", "a program"),
    ("redis-cli", "a program"),
    ("valkey-server", "a program"),
    ("protocol_version", "an alert of TLS"),
    ("NOAUTH", "an error"),
    ("HELP", "what is typed at nc"),
    (
        "master_sync_read_bytes",
        "a field of INFO while a replica loads",
    ),
    ("MIGRATE", "a command of Redis that sends keys here"),
];

/// Everything that the pages made from the tables have.
struct Known {
    parameters: BTreeSet<String>,
    fields: BTreeSet<String>,
    commands: BTreeSet<String>,
}

impl Known {
    fn new() -> Self {
        let configuration = evenkeel::config::markdown();
        let (parameters, others) = configuration
            .split_once("## Without effect")
            .expect("the page has that part");
        let named = parameters
            .lines()
            .filter(|line| line.starts_with("### ") || line.starts_with("- Also called"));
        let parameters = named.chain(others.lines()).flat_map(quoted);
        let metrics = evenkeel::stats::markdown();
        let commands = evenkeel::command::markdown();
        let syntaxes = rows(&commands).filter_map(|row| quoted(row).next());
        Self {
            parameters: parameters.map(str::to_owned).collect(),
            fields: rows(&metrics)
                .filter_map(|row| quoted(row).next())
                .map(str::to_owned)
                .collect(),
            commands: syntaxes.map(command_of).collect(),
        }
    }

    /// Whether a quoted text names something that is not there.
    fn lacks(&self, text: &str) -> bool {
        let first = text.split(' ').next().unwrap_or_default();
        if OF_OTHERS.iter().any(|(name, _)| *name == first) {
            return false;
        }
        let mut events = LatencyEvent::ALL.iter();
        if is_joined(first, '-') && events.all(|event| event.name() != first) {
            return !self.parameters.contains(first);
        }
        if is_joined(first, '_') {
            return !self.fields.contains(first);
        }
        let is_command = first.len() > 1 && first.bytes().all(|byte| byte.is_ascii_uppercase());
        is_command && !self.has_command(&command_of(text))
    }

    /// Whether there is this command; what follows one that is no container are its arguments.
    fn has_command(&self, name: &str) -> bool {
        let is_container = |name: &str| {
            let inner = format!("{name} ");
            self.commands.iter().any(|known| known.starts_with(&inner))
        };
        self.commands.contains(name)
            || name
                .split_once(' ')
                .is_some_and(|(first, _)| self.commands.contains(first) && !is_container(first))
    }
}

/// The lines of tables that begin with something quoted.
fn rows(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| line.starts_with("| `"))
}

/// What stands between backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The words in capitals that a text begins with, two at most: a command or a subcommand.
fn command_of(text: &str) -> String {
    let is_name = |word: &&str| {
        word.len() > 1
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || b"-_0123456789".contains(&byte))
    };
    let words: Vec<&str> = text.split(' ').take(2).take_while(is_name).collect();
    words.join(" ")
}

/// Whether a text is words in small letters joined by this character.
fn is_joined(text: &str, by: char) -> bool {
    let mut words = text.split(by);
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.contains(by) && words.all(is_word)
}

/// What a page names and is not there, with the lines; code blocks are passed over.
fn absent(path: &str, page: &str, known: &Known) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            let lacking = quoted(line).filter(|text| known.lacks(text));
            found.extend(lacking.map(|text| format!("{path}:{}: {text}", number + 1)));
        }
    }
    found
}

/// Rows of DIFFERENCES that call a command unknown here and are wrong, or say that a later Redis
/// has one and it is not here.
fn wrong_differences(page: &str, known: &Known) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows(page) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (what, here) = (cells[1], cells[3]);
        // Of a container its subcommands are meant, which follow in the same cell.
        let commands = quoted(what).map(command_of);
        let is_ours = |name: &String| !OF_OTHERS.iter().any(|(other, _)| other == name);
        let commands = commands.filter(|name| !name.is_empty() && is_ours(name));
        let is_unknown = here.starts_with("unknown");
        let is_later = cells[2].starts_with("unknown command");
        for name in commands {
            if (is_unknown && known.has_command(&name)) || (is_later && !known.has_command(&name)) {
                found.push(format!("{name}: {here}"));
            }
        }
    }
    found
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn pages_name_what_is_there() {
    let known = Known::new();
    assert!(known.parameters.len() > 100 && known.fields.len() > 200);
    let found: Vec<String> = PAGES
        .iter()
        .flat_map(|path| absent(path, &read(path), &known))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn differences_know_which_commands_there_are() {
    let known = Known::new();
    let page = read("docs/DIFFERENCES.md");
    let found = wrong_differences(&page, &known);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn parameters_told_as_not_offered_are_those_of_the_table() {
    let configuration = evenkeel::config::markdown();
    let (_, absent) = configuration
        .split_once("Parameters of what is not offered")
        .expect("the page has that part");
    let absent: BTreeSet<&str> = absent.lines().flat_map(quoted).collect();
    let page = read("docs/DIFFERENCES.md");
    let (_, told) = page
        .split_once("what is not offered (")
        .expect("the row is there");
    let (told, _) = told.split_once(')').expect("the brackets end");
    let wrong: Vec<&str> = quoted(told).filter(|name| !absent.contains(name)).collect();
    assert!(quoted(told).count() > 1 && wrong.is_empty(), "{wrong:?}");
}

#[test]
fn meanings_of_fields_can_be_read_alone() {
    let metrics = evenkeel::stats::markdown();
    let refers = |line: &&str| {
        let before = [
            "The same",
            " such a ",
            " of such ",
            " for such ",
            "| Those ",
            " it has been",
        ];
        before.iter().any(|word| line.contains(word))
    };
    let found: Vec<&str> = rows(&metrics).filter(refers).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_is_not_there_is_caught() {
    let known = Known::new();
    let page = "`maxmemory-clients 5%` `max-memory` `evicted_keys` `evicted_key`\n```\n`FOO`\n```\n\
                `GET key` `GOT key` `ACL GENPASS` `ACL GENERATE`";
    assert_eq!(
        absent("a.md", page, &known),
        [
            "a.md:1: max-memory",
            "a.md:1: evicted_key",
            "a.md:5: GOT key",
            "a.md:5: ACL GENERATE"
        ]
    );
    let page = "| `GET` | exists | unknown | |\n| `MOVEALL` | exists | unknown | |\n\
                | `MSETEX` | unknown command | here | |\n| `MSETALL` | unknown command | here | |";
    assert_eq!(
        wrong_differences(page, &known),
        ["GET: unknown", "MSETALL: here"]
    );
}
