//! Reads the program's arguments, as redis-server does.
//!
//! ```text
//! arguments = "-h" | "--help" | "-v" | "--version"           only as the first argument
//!           | "--check-config" config-file { "--" name value… }   likewise
//!           | [config-file | "-"] { "--" name value… } ["-"]
//! ```
//!
//! 1. `-` as first or last argument stands for standard input, read after the file.
//! 2. The argument after a `--name` is its value even if it begins with `--`, so that a password
//!    may; further arguments are values until the next `--`. One argument may also hold a name
//!    and its values, `"--port 7000"`.
//! 3. Options are applied after the files, whatever their place.
//! 4. Names and values are checked when they are applied, not when they are collected.
//!
//! Cost: linear in the arguments, which are copied once.
//!
//! Not here: reading the files (`main.rs`); what a name or value means (`file.rs`, `value.rs`).

use super::error::{ConfigError, Fault, Place};
use super::file::{Repeats, apply_words};
use super::notes::Notes;
use super::table::Config;
use super::text;

/// What the program was started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Serve clients.
    Serve,
    /// Print the help text.
    Help,
    /// Print the version.
    Version,
    /// Read the configuration, and say whether anything is wrong with it.
    CheckConfig,
}

/// One `--name value…` group, unchecked.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name without its dashes.
    pub name: Vec<u8>,
    /// The words after it.
    pub values: Vec<Vec<u8>>,
}

/// The program's arguments, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// What to do. With `Help` and `Version` the other fields are empty.
    pub action: Action,
    /// Path of the configuration file, to be read first.
    pub config_file: Option<Vec<u8>>,
    /// Whether to read configuration text from standard input, after the file.
    pub reads_standard_input: bool,
    /// Parameters set by option, in the order given.
    pub settings: Vec<Setting>,
}

impl CommandLine {
    /// Takes the arguments after the program's name apart.
    ///
    /// Errors are unbalanced quotes in a name and arguments that belong to no `--name`.
    pub fn parse(arguments: &[&[u8]]) -> Result<CommandLine, ConfigError> {
        let mut line = CommandLine {
            action: Action::Serve,
            config_file: None,
            reads_standard_input: false,
            settings: Vec::new(),
        };
        match arguments.first().copied() {
            Some(b"-h" | b"--help") => line.action = Action::Help,
            Some(b"-v" | b"--version") => line.action = Action::Version,
            Some(b"--check-config") => {
                line.action = Action::CheckConfig;
                line.collect(&arguments[1..]).map_err(on_command_line)?;
                if line.config_file.is_none() && !line.reads_standard_input {
                    return Err(on_command_line(Fault::MissingFile));
                }
            }
            _ => line.collect(arguments).map_err(on_command_line)?,
        }
        Ok(line)
    }

    fn collect(&mut self, arguments: &[&[u8]]) -> Result<(), Fault> {
        let last = arguments.len().saturating_sub(1);
        let mut expects_value = false;
        for (index, &argument) in arguments.iter().enumerate() {
            if argument == b"-" && (index == 0 || index == last) {
                self.reads_standard_input = true;
            } else if index == 0 && argument.first() != Some(&b'-') {
                self.config_file = Some(argument.to_vec());
            } else if argument.starts_with(b"--") && !expects_value {
                let setting = named(&argument[2..])?;
                expects_value = setting.values.is_empty();
                self.settings.push(setting);
            } else if let Some(setting) = self.settings.last_mut() {
                setting.values.push(argument.to_vec());
                expects_value = false;
            } else {
                return Err(Fault::UnexpectedArgument(text::shown(argument)));
            }
        }
        Ok(())
    }

    /// Applies the options to `config`. On an error nothing is changed.
    pub fn apply_settings(&self, config: &mut Config) -> Result<Notes, ConfigError> {
        let mut changed = config.clone();
        let mut repeats = Repeats::default();
        let mut notes = Notes::default();
        for setting in &self.settings {
            let values: Vec<&[u8]> = setting.values.iter().map(Vec::as_slice).collect();
            apply_words(
                &mut changed,
                &mut repeats,
                &mut notes,
                &setting.name,
                &values,
            )
            .map_err(on_command_line)?;
        }
        *config = changed;
        Ok(notes)
    }
}

/// A setting from the text after `--`, which may hold values too: `"--port 7000"`.
fn named(option: &[u8]) -> Result<Setting, Fault> {
    let mut words = text::split_line(option)
        .ok_or(Fault::UnbalancedQuotes)?
        .into_iter();
    Ok(Setting {
        name: words.next().unwrap_or_default(),
        values: words.collect(),
    })
}

fn on_command_line(fault: Fault) -> ConfigError {
    ConfigError {
        place: Box::new(Place::CommandLine),
        fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<CommandLine, String> {
        let arguments: Vec<&[u8]> = arguments
            .iter()
            .map(|argument| argument.as_bytes())
            .collect();
        CommandLine::parse(&arguments).map_err(|error| error.to_string())
    }

    fn settings(arguments: &[&str]) -> Vec<String> {
        let words = |setting: &Setting| {
            let mut words = vec![setting.name.clone()];
            words.extend(setting.values.clone());
            String::from_utf8(words.join(&b'|')).unwrap()
        };
        parse(arguments)
            .ok()
            .unwrap()
            .settings
            .iter()
            .map(words)
            .collect()
    }

    fn config_of(arguments: &[&str]) -> Result<Config, String> {
        let mut config = Config::default();
        let applied = parse(arguments)?.apply_settings(&mut config);
        applied.map(|_| config).map_err(|error| error.to_string())
    }

    #[test]
    fn help_and_version_count_only_in_first_place() {
        let action = |arguments: &[&str]| parse(arguments).ok().unwrap().action;
        assert_eq!(action(&[]), Action::Serve);
        assert_eq!(action(&["-h", "--foo"]), Action::Help);
        assert_eq!(action(&["--help"]), Action::Help);
        assert_eq!(action(&["-v"]), Action::Version);
        assert_eq!(action(&["--version", "x"]), Action::Version);
        assert_eq!(action(&["--port", "1", "--version"]), Action::Serve);
        assert_eq!(
            config_of(&["a.conf", "--help"]).unwrap_err(),
            "command line: unknown parameter 'help'"
        );
    }

    #[test]
    fn a_check_wants_a_file_and_takes_options() {
        let line = parse(&["--check-config", "a.conf", "--port", "7"])
            .ok()
            .unwrap();
        assert_eq!(line.action, Action::CheckConfig);
        assert_eq!(line.config_file.as_deref(), Some(&b"a.conf"[..]));
        assert_eq!(line.settings.len(), 1);
        assert_eq!(
            parse(&["--check-config", "--port", "7"]).err().unwrap(),
            "command line: --check-config wants a configuration file"
        );
    }

    #[test]
    fn first_argument_without_dashes_is_the_file() {
        let line = parse(&["a.conf", "--port", "7000"]).ok().unwrap();
        assert_eq!(line.config_file.as_deref(), Some(&b"a.conf"[..]));
        assert!(!line.reads_standard_input);
        assert_eq!(
            parse(&["a.conf", "b.conf"]).err().unwrap(),
            "command line: unexpected argument 'b.conf'"
        );
        assert_eq!(
            parse(&["-x"]).err().unwrap(),
            "command line: unexpected argument '-x'"
        );
    }

    #[test]
    fn a_dash_first_or_last_is_standard_input() {
        for arguments in [&["-", "--port", "1"][..], &["--port", "1", "-"], &["-"]] {
            let line = parse(arguments).ok().unwrap();
            assert!(
                line.reads_standard_input && line.config_file.is_none(),
                "{arguments:?}"
            );
        }
        let line = parse(&["a.conf", "-"]).ok().unwrap();
        assert!(line.reads_standard_input && line.config_file.is_some());
        assert_eq!(
            settings(&["--requirepass", "-", "--port", "1"]),
            ["requirepass|-", "port|1"]
        );
    }

    #[test]
    fn values_run_until_the_next_name() {
        assert_eq!(
            settings(&["--bind", "::1", "-::2", "--port", "1", "--timeout"]),
            ["bind|::1|-::2", "port|1", "timeout"]
        );
        assert_eq!(
            settings(&["--requirepass", "--x", "--port", "1"]),
            ["requirepass|--x", "port|1"]
        );
        assert_eq!(
            settings(&["--port 7000", "--loglevel  debug"]),
            ["port|7000", "loglevel|debug"]
        );
    }

    #[test]
    fn settings_are_applied_together_or_not_at_all() {
        let config = config_of(&["--PORT", "7000", "--port", "7001", "--timeout", "5"]).unwrap();
        assert_eq!((config.port, config.timeout_seconds), (7001, 5));
        assert_eq!(
            config_of(&["--port", "7000", "--foo", "1"]).unwrap_err(),
            "command line: unknown parameter 'foo'"
        );
        assert_eq!(
            config_of(&["--timeout", "-1"]).unwrap_err(),
            "command line: bad value for 'timeout': \
             argument must be between 0 and 2147483647 inclusive"
        );
        assert_eq!(
            config_of(&["--loglevel"]).unwrap_err(),
            "command line: bad value for 'loglevel': wrong number of arguments"
        );
        assert_eq!(
            config_of(&["--", "--foo"]).unwrap_err(),
            "command line: unknown parameter ''"
        );
    }
}
