//! What the package holds beside the binary fits the binary: manual page and completions. Both are
//! made from the parameter table; `UPDATE_DOCS=1` writes them anew. Its dashboard and alert rules
//! (`metrics.rs`) name metrics that exist.
//!
//! Not here: the sample configuration (`tests/docs/main.rs`); whether the package installs
//! (`packaging/try-package.sh`).

mod completions;
mod manual;
mod metrics;

use crate::fresh;
use evenkeel::config::{Kind, ROWS, Row};
use std::process::Command;

/// Options that are no parameters, the file they want if any, and what they do.
const PLAIN_OPTIONS: [(&str, &str, &str); 3] = [
    (
        "--check-config",
        "FILE",
        "Say whether anything is wrong with a configuration file and the options after it.",
    ),
    ("--help", "", "Print the options and end."),
    ("--version", "", "Print the version and end."),
];

/// Words in place of a file name, and what they do.
const SUBCOMMANDS: [(&str, &str, &str); 5] = [
    (
        "check",
        "FILE",
        "Say what a snapshot holds, or what is wrong with it.",
    ),
    (
        "salvage",
        "FILE OUT",
        "Write the intact blocks of a damaged snapshot to a new one.",
    ),
    (
        "import",
        "RDB OUT [--skip-unknown]",
        "Make a snapshot of a file of Redis or Valkey.",
    ),
    (
        "export",
        "FILE RDB",
        "Make a file that Redis and Valkey load of a snapshot.",
    ),
    (
        "ping",
        "[--port N] [--host H] [--unixsocket P] [--user U] [--pass-file F]",
        "Ask a server whether it serves: exit code 0 when it does, 1 when it loads or is gone.",
    ),
];

/// The first sentence of a parameter's documentation, without marks.
fn first_sentence(row: &Row) -> String {
    let text = row
        .doc()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('`', "");
    let sentence = text.split(['.', ';']).next().unwrap_or_default();
    sentence.to_owned()
}

/// The words that a parameter's value is one of; none if there are too many to list.
fn choices(row: &Row) -> Vec<&'static str> {
    match row.kind {
        Kind::Boolean => vec!["yes", "no"],
        Kind::Choice(names) => names.to_vec(),
        _ => Vec::new(),
    }
}

/// Whether a parameter's value is the name of a file or directory.
fn is_path(row: &Row) -> bool {
    ["dir", "logfile", "pidfile", "unixsocket"].contains(&row.name)
}

#[test]
fn the_manual_page_is_fresh() {
    fresh::check_file("packaging/evenkeel.1", &manual::page());
}

#[test]
fn completions_are_fresh() {
    let file = |name: &str| format!("packaging/completions/{name}");
    fresh::check_file(&file("evenkeel.bash"), &completions::bash());
    fresh::check_file(&file("_evenkeel"), &completions::zsh());
    fresh::check_file(&file("evenkeel.fish"), &completions::fish());
}

#[test]
fn plain_options_exist() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/evenkeel.conf");
    for (option, argument, _) in PLAIN_OPTIONS {
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .arg(option)
            .args((!argument.is_empty()).then_some(file))
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{option}: {output:?}");
    }
}

#[test]
fn subcommands_exist() {
    for (name, _, _) in SUBCOMMANDS {
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
            .args([name, "/no/such/file", "/no/such/file"])
            .output()
            .expect("the binary starts");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_known = errors.contains("usage: evenkeel ") || errors.contains("cannot read");
        assert!(is_known, "{name}: {errors}");
    }
}

/// What bash offers after these words; the last one is being typed.
fn offered(words: &str) -> String {
    let script = format!(
        "{}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _evenkeel; \
         echo \"${{COMPREPLY[*]}}\"",
        completions::bash()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("bash exists");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

#[test]
fn bash_offers_parameters_and_their_values() {
    assert_eq!(offered("evenkeel --loglev"), "--loglevel");
    assert_eq!(offered("evenkeel --loglevel no"), "notice nothing");
    assert_eq!(offered("evenkeel --port 1 --daemonize ''"), "yes no");
    assert_eq!(offered("evenkeel --check-config Cargo.to"), "Cargo.toml");
    assert_eq!(offered("evenkeel salv"), "salvage");
    assert_eq!(offered("evenkeel Cargo.to"), "Cargo.toml");
    assert_eq!(offered("evenkeel --dir pack"), "packaging");
    let all = offered("evenkeel --");
    for row in ROWS {
        assert!(all.contains(&format!("--{}", row.name)), "{}", row.name);
    }
}

/// A unit of `packaging/` without comments, each setting in one line.
fn unit(name: &str) -> Vec<String> {
    let path = format!("{}/packaging/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the unit is there");
    let text = text.replace("\\\n   ", "");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_units_name_parameters_that_exist() {
    for (name, port, dir) in [
        ("evenkeel.service", 6379, "."),
        ("evenkeel@.service", 7001, "/var/lib/evenkeel/7001"),
    ] {
        let unit = unit(name);
        let start = unit
            .iter()
            .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/evenkeel "))
            .expect("the unit starts the binary")
            .replace("%i", "7001");
        let words: Vec<&[u8]> = start.split_whitespace().map(str::as_bytes).collect();
        let line =
            evenkeel::config::CommandLine::parse(&words).expect("the line is a command line");
        assert_eq!(
            line.config_file.as_deref(),
            Some(b"/etc/evenkeel/evenkeel.conf".as_slice())
        );
        let mut config = evenkeel::Config::default();
        line.apply_options(&mut config, &mut evenkeel::config::NoFiles)
            .expect("the parameters exist");
        assert_eq!(config.port, port);
        assert_eq!(config.dir, dir.as_bytes());
    }
}

#[test]
fn an_instance_runs_as_the_service_does_but_for_what_it_has_of_its_own() {
    let own = [
        "Description=",
        "EnvironmentFile=",
        "ExecStart=",
        "StateDirectory=",
        "RuntimeDirectory=",
        "WorkingDirectory=",
    ];
    let common = |name: &str| {
        let is_common = |line: &String| !own.iter().any(|start| line.starts_with(start));
        let lines = unit(name).into_iter().filter(is_common);
        lines.collect::<Vec<_>>()
    };
    assert_eq!(common("evenkeel@.service"), common("evenkeel.service"));
    let instance = unit("evenkeel@.service");
    for start in own {
        let line = instance.iter().find(|line| line.starts_with(start));
        assert!(line.is_some_and(|line| line.contains("%i")), "{start}");
    }
}
