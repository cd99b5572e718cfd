//! Completions for bash, zsh and fish.

use super::{PLAIN_OPTIONS, SUBCOMMANDS, choices, first_sentence, is_path};
use evenkeel::config::ROWS;
use std::fmt::Write;

const NOTICE: &str =
    "# Made from src/config/table.rs by tests/docs/packaging/; UPDATE_DOCS=1 writes it anew.\n";

fn options() -> String {
    let plain = PLAIN_OPTIONS
        .iter()
        .map(|(option, _, _)| (*option).to_owned());
    let parameters = ROWS.iter().map(|row| format!("--{}", row.name));
    plain.chain(parameters).collect::<Vec<_>>().join(" ")
}

fn subcommands() -> String {
    let names: Vec<&str> = SUBCOMMANDS.iter().map(|(name, _, _)| *name).collect();
    names.join(" ")
}

pub(super) fn bash() -> String {
    let mut text = NOTICE.to_owned();
    text.push_str(
        "_evenkeel() {\n    local current=${COMP_WORDS[COMP_CWORD]}\n    \
         local previous=${COMP_WORDS[COMP_CWORD - 1]}\n    COMPREPLY=()\n    \
         case $previous in\n",
    );
    for row in ROWS {
        let words = choices(row);
        if !words.is_empty() {
            let _ = writeln!(
                text,
                "        --{}) mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\"); return ;;",
                row.name,
                words.join(" ")
            );
        } else if is_path(row) {
            let _ = writeln!(
                text,
                "        --{}) mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;",
                row.name
            );
        }
    }
    let _ = write!(
        text,
        "    esac\n    if [[ $current == -* ]]; then\n        \
         mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$current\")\n    else\n        \
         mapfile -t COMPREPLY < <(compgen -f -W '{}' -- \"$current\")\n    fi\n}}\n\
         complete -o filenames -F _evenkeel evenkeel\n",
        options(),
        subcommands()
    );
    text
}

pub(super) fn zsh() -> String {
    let mut text = format!("#compdef evenkeel\n{NOTICE}_arguments \\\n");
    for (option, argument, meaning) in PLAIN_OPTIONS {
        let meaning = zsh_text(meaning);
        let _ = match argument {
            "" => writeln!(text, "    '(- *){option}[{meaning}]' \\"),
            _ => writeln!(text, "    '{option}[{meaning}]:file:_files' \\"),
        };
    }
    for row in ROWS {
        let words = choices(row);
        let value = if !words.is_empty() {
            format!("({})", words.join(" "))
        } else if is_path(row) {
            "_files".to_owned()
        } else {
            " ".to_owned()
        };
        let _ = writeln!(
            text,
            "    '*--{}[{}]:value:{value}' \\",
            row.name,
            zsh_text(&first_sentence(row))
        );
    }
    let _ = writeln!(
        text,
        "    '1:file or command:_alternative \"commands:command:({})\" \"files:file:_files\"' \\\n    \
         '*:file:_files'",
        subcommands()
    );
    text
}

/// Text within brackets and single quotes of an `_arguments` specification.
fn zsh_text(text: &str) -> String {
    text.replace('\'', "'\\''")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

pub(super) fn fish() -> String {
    let mut text = NOTICE.to_owned();
    for (name, _, meaning) in SUBCOMMANDS {
        let _ = writeln!(
            text,
            "complete -c evenkeel -n __fish_is_first_arg -a {name} -d '{}'",
            fish_text(meaning)
        );
    }
    for (option, argument, meaning) in PLAIN_OPTIONS {
        let _ = writeln!(
            text,
            "complete -c evenkeel -l {}{} -d '{}'",
            option.trim_start_matches('-'),
            if argument.is_empty() { "" } else { " -r" },
            fish_text(meaning)
        );
    }
    for row in ROWS {
        let words = choices(row);
        let value = if !words.is_empty() {
            format!("-x -a '{}'", words.join(" "))
        } else if is_path(row) {
            "-r".to_owned()
        } else {
            "-x".to_owned()
        };
        let _ = writeln!(
            text,
            "complete -c evenkeel -l {} {value} -d '{}'",
            row.name,
            fish_text(&first_sentence(row))
        );
    }
    text
}

/// Text within single quotes.
fn fish_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
