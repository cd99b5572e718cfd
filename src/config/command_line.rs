//! Reads the program's arguments, as redis-server does.
//!
//! ```text
//! arguments = "-h" | "--help" | "-v" | "--version"           only as the first argument
//!           | "--check-config" config-file { option }        likewise
//!           | [config-file | "-"] [word…] { option } ["-"]
//! option    = "--" name { word }                             becomes the line:  name "word" …
//! ```
//!
//! 1. `-` as first or last argument stands for standard input, read after the file.
//! 2. Options become lines of a configuration file, read after the others, so whatever such a line
//!    may say, an `include` too, an option may say. Words before the first option are a line.
//! 3. The argument after a bare `--name` is its value even if it begins with `--`, so that a
//!    password may; further arguments are values until the next `--`. One argument may also hold a
//!    name and its values, `"--port 7000"`, in the quoting of a file.
//! 4. `--save` with another option after it has no value, so that programs may pass an empty list.
//!
//! Cost: linear in the arguments, which are copied once.
//!
//! Not here: reading the files (`main.rs`); what a line means (`file.rs`, `value.rs`).

use super::error::{ConfigError, Fault, Place};
use super::file::Files;
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

/// The program's arguments, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// What to do. With `Help` and `Version` the other fields are empty.
    pub action: Action,
    /// Path of the configuration file, to be read first.
    pub config_file: Option<Vec<u8>>,
    /// Whether to read configuration text from standard input, after the file.
    pub reads_standard_input: bool,
    /// The options as the lines of a configuration file, unchecked.
    options: Vec<u8>,
}

impl CommandLine {
    /// Takes the arguments after the program's name apart.
    ///
    /// # Errors
    /// `--check-config` has nothing to check.
    pub fn parse(arguments: &[&[u8]]) -> Result<CommandLine, ConfigError> {
        let mut line = CommandLine {
            action: Action::Serve,
            config_file: None,
            reads_standard_input: false,
            options: Vec::new(),
        };
        match arguments.first().copied() {
            Some(b"-h" | b"--help") => line.action = Action::Help,
            Some(b"-v" | b"--version") => line.action = Action::Version,
            Some(b"--check-config") => {
                line.action = Action::CheckConfig;
                line.collect(&arguments[1..]);
                if line.config_file.is_none() && !line.reads_standard_input {
                    return Err(ConfigError {
                        place: Box::new(Place::CommandLine),
                        fault: Fault::MissingFile,
                    });
                }
            }
            _ => line.collect(arguments),
        }
        Ok(line)
    }

    fn collect(&mut self, arguments: &[&[u8]]) {
        let last = arguments.len().saturating_sub(1);
        let mut expects_value = false;
        for (index, &argument) in arguments.iter().enumerate() {
            if argument == b"-" && (index == 0 || index == last) {
                self.reads_standard_input = true;
            } else if index == 0 && !matches!(argument.first(), None | Some(b'-')) {
                self.config_file = Some(argument.to_vec());
            } else if argument.starts_with(b"--") && !expects_value {
                let next = arguments.get(index + 1);
                expects_value = self.begin_option(&argument[2..], next);
            } else {
                self.options.push(b' ');
                self.options.extend(text::quoted(argument));
                expects_value = false;
            }
        }
    }

    /// Begins the line of an option. Returns whether the next argument is a value of it, whatever
    /// it begins with.
    fn begin_option(&mut self, option: &[u8], next: Option<&&[u8]>) -> bool {
        self.options.push(b'\n');
        self.options.extend_from_slice(option);
        if option.eq_ignore_ascii_case(b"save") && next.is_some_and(|next| next.starts_with(b"--"))
        {
            return false;
        }
        text::split_line(option).is_some_and(|words| words.len() == 1)
    }

    /// Applies the options to `config`, with the files that they include.
    ///
    /// # Errors
    /// Nothing is then changed; the error names the option, or the file and the line.
    pub fn apply_options(
        &self,
        config: &mut Config,
        files: &mut dyn Files,
    ) -> Result<Notes, ConfigError> {
        config.apply_options(&self.options, files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoFiles;

    fn parse(arguments: &[&str]) -> Result<CommandLine, String> {
        let arguments: Vec<&[u8]> = arguments
            .iter()
            .map(|argument| argument.as_bytes())
            .collect();
        CommandLine::parse(&arguments).map_err(|error| error.to_string())
    }

    fn options(arguments: &[&str]) -> String {
        let line = parse(arguments).ok().unwrap();
        String::from_utf8(line.options).unwrap()
    }

    fn config_of(arguments: &[&str]) -> Result<Config, String> {
        let mut config = Config::default();
        let applied = parse(arguments)?.apply_options(&mut config, &mut Included);
        applied.map(|_| config).map_err(|error| error.to_string())
    }

    /// Two files that can be included.
    struct Included;

    impl Files for Included {
        fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String> {
            match path {
                b"a.conf" => Ok(b"timeout 7\nsave 22 2\n".to_vec()),
                b"b.conf" => Ok(b"maxclients 77\n".to_vec()),
                _ => NoFiles.read(path),
            }
        }

        fn names(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, String> {
            NoFiles.names(path)
        }
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
        assert_eq!(line.options, b"\nport \"7\"");
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
        for (arguments, name) in [(["a.conf", "b.conf"], "b.conf"), (["-x", "1"], "-x")] {
            let expected = format!("command line: unknown parameter '{name}'");
            assert_eq!(config_of(&arguments).unwrap_err(), expected);
        }
    }

    #[test]
    fn words_before_the_first_option_are_a_line() {
        let config = config_of(&["a.conf", "timeout", "8", "--port", "7"]).unwrap();
        assert_eq!((config.timeout_seconds, config.port), (8, 7));
        assert_eq!(
            config_of(&["a.conf", "timeout", "8", "port", "7"]).unwrap_err(),
            "command line: bad value for 'timeout': wrong number of arguments"
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
        let config = config_of(&["--requirepass", "-", "--port", "1"]).unwrap();
        assert_eq!((&config.requirepass[..], config.port), (&b"-"[..], 1));
    }

    #[test]
    fn values_run_until_the_next_name() {
        assert_eq!(
            options(&["--bind", "::1", "-::2", "--port", "1", "--timeout"]),
            "\nbind \"::1\" \"-::2\"\nport \"1\"\ntimeout"
        );
        assert_eq!(
            options(&["--requirepass", "--x", "--port", "1"]),
            "\nrequirepass \"--x\"\nport \"1\""
        );
        let config = config_of(&["--port 7000", "--requirepass \"two words\""]).unwrap();
        assert_eq!(
            (config.port, &config.requirepass[..]),
            (7000, &b"two words"[..])
        );
        // A line feed in a value is a byte of it, whatever follows.
        let config = config_of(&["--requirepass", "a\nport 7"]).unwrap();
        assert_eq!(
            (config.port, &config.requirepass[..]),
            (6379, &b"a\nport 7"[..])
        );
        assert_eq!(config_of(&["--", "--port", "7"]).unwrap().port, 7);
        assert_eq!(
            config_of(&["--port 'x"]).unwrap_err(),
            "command line: unbalanced quotes"
        );
    }

    #[test]
    fn save_without_a_value_is_none_at_all() {
        for arguments in [
            &["--save"][..],
            &["--save", ""],
            &["--save "],
            &["--save", "--timeout", "0"],
            &["--SAVE", "--timeout", "0"],
            &["--save", "60", "1", "--save", ""],
        ] {
            assert_eq!(config_of(arguments).unwrap().save, [], "{arguments:?}");
        }
        for arguments in [
            &["--save", "60", "1", "30", "2"][..],
            &["--save", "60 1 30 2"],
            &["--save 60 1", "--save 30 2"],
            &["--save ", "60 1 30 2"],
        ] {
            assert_eq!(config_of(arguments).unwrap().save.len(), 2, "{arguments:?}");
        }
        // As in Redis, a name with a space after it takes what follows.
        assert!(config_of(&["--save ", "--timeout", "0"]).is_err());
    }

    #[test]
    fn files_are_included_where_their_option_stands() {
        let config = config_of(&[
            "--timeout",
            "9",
            "--include",
            "a.conf",
            "--include",
            "b.conf",
        ]);
        let config = config.unwrap();
        assert_eq!((config.timeout_seconds, config.maxclients), (7, 77));
        assert_eq!(config.save.len(), 1);
        let config = config_of(&["--include a.conf", "--timeout", "9", "--save", "3 3"]).unwrap();
        assert_eq!((config.timeout_seconds, config.save.len()), (9, 2));
        for (arguments, error) in [
            (
                &["--include", "c.conf"][..],
                "command line: cannot read c.conf: files are not read here",
            ),
            (
                &["--include", "a.conf", "b.conf"],
                "command line: 'include' takes one path",
            ),
        ] {
            assert_eq!(config_of(arguments).unwrap_err(), error);
        }
    }

    #[test]
    fn options_are_applied_together_or_not_at_all() {
        let config = config_of(&["--PORT", "7000", "--port", "7001", "--timeout", "5"]).unwrap();
        assert_eq!((config.port, config.timeout_seconds), (7001, 5));
        let mut config = Config::default();
        let line = parse(&["--port", "7000", "--foo", "1"]).ok().unwrap();
        let error = line.apply_options(&mut config, &mut NoFiles).unwrap_err();
        assert_eq!(error.to_string(), "command line: unknown parameter 'foo'");
        assert_eq!(config, Config::default());
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
            config_of(&[
                "--rename-command",
                "FLUSHALL",
                "",
                "--rename-command",
                "GET",
                "fetch"
            ])
            .unwrap()
            .rename_command
            .len(),
            2
        );
    }
}
