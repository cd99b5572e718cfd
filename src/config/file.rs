//! Reads configuration text: the syntax of redis.conf.
//!
//! ```text
//! line  = blank | '#' anything | name word…
//! word  = bare | "quoted \n \x41" | 'quoted'        quoting rules: base/words.rs
//! ```
//!
//! 1. A later line overrides an earlier one for the same parameter, as in Redis.
//! 2. The first fault ends the reading with its line number, and changes nothing.
//!
//! Cost: linear in the text; the words of one line at a time are copied.
//!
//! Not here: reading the bytes of a file (`main.rs`); values (`value.rs`).

use super::error::{ConfigError, Fault, Place};
use super::row::{Kind, Row, find};
use super::table::{Config, ROWS};
use super::text;

/// Directives of redis.conf that are no parameters and are not offered.
///
/// `include` would be handled in [`apply_words`]; it needs the caller to read another file.
const UNSUPPORTED_DIRECTIVES: &[&str] = &["include", "loadmodule"];

impl Config {
    /// Applies the text of the configuration file called `name`.
    ///
    /// On an error nothing is changed; the error names the file and the line.
    pub fn apply_file(&mut self, name: &str, text: &[u8]) -> Result<(), ConfigError> {
        let mut changed = self.clone();
        let mut repeats = Repeats::default();
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            changed
                .apply_line(line, &mut repeats)
                .map_err(|fault| ConfigError {
                    place: Place::File {
                        name: name.to_owned(),
                        line: index + 1,
                    },
                    fault,
                })?;
        }
        *self = changed;
        Ok(())
    }

    fn apply_line(&mut self, line: &[u8], repeats: &mut Repeats) -> Result<(), Fault> {
        let line = line.trim_ascii();
        if line.first() == Some(&b'#') {
            return Ok(());
        }
        let words = text::split_line(line).ok_or(Fault::UnbalancedQuotes)?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        match words.split_first() {
            Some((name, values)) => apply_words(self, repeats, name, values),
            None => Ok(()),
        }
    }
}

/// What earlier lines of the same source said of parameters whose lines add up.
#[derive(Default)]
pub(super) struct Repeats {
    save: Vec<Vec<u8>>,
}

impl Repeats {
    /// All values of a parameter up to this line; an empty one forgets those before it.
    fn collect<'v>(&'v mut self, row: &Row, values: &[&'v [u8]]) -> Vec<&'v [u8]> {
        if row.kind != Kind::SavePoints {
            return values.to_vec();
        }
        if values == [b""] {
            self.save.clear();
        }
        self.save.extend(values.iter().map(|value| value.to_vec()));
        self.save.iter().map(Vec::as_slice).collect()
    }
}

/// Sets one parameter from its name and values, as a file line or a program argument gives them.
///
/// `config` is unchanged on an error.
pub(super) fn apply_words(
    config: &mut Config,
    repeats: &mut Repeats,
    name: &[u8],
    values: &[&[u8]],
) -> Result<(), Fault> {
    if let Some(row) = find(ROWS, name) {
        let values = repeats.collect(row, values);
        return row.set(config, &values).map_err(|reason| Fault::BadValue {
            name: row.name,
            reason,
        });
    }
    let is_meant = |known: &&&str| known.as_bytes().eq_ignore_ascii_case(name);
    match UNSUPPORTED_DIRECTIVES.iter().find(is_meant) {
        Some(directive) => Err(Fault::UnsupportedDirective(directive)),
        None => Err(Fault::UnknownParameter(text::shown(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;

    fn error_of(text: &[u8]) -> String {
        let mut config = Config::default();
        let error = config.apply_file("evenkeel.conf", text).unwrap_err();
        assert_eq!(config, Config::default(), "an error changes nothing");
        error.to_string()
    }

    #[test]
    fn lines_comments_blanks_and_quotes_are_read() {
        let mut config = Config::default();
        let text = b"# a comment\r\n\n  \t PORT  7000 \r\nrequirepass \"two words\"\n\
            loglevel verbose\nport 7001\n   # indented\nbind 10.0.0.1 -fe80::1";
        config.apply_file("evenkeel.conf", text).unwrap();
        assert_eq!(config.port, 7001);
        assert_eq!(config.requirepass, b"two words");
        assert_eq!(config.loglevel, LogLevel::Verbose);
        assert_eq!(config.bind.len(), 2);
        assert!(config.bind[1].optional);
        assert_eq!(config.bind[1].host, "fe80::1");
    }

    #[test]
    fn an_empty_text_is_the_defaults() {
        let mut config = Config::default();
        config.apply_file("evenkeel.conf", b"").unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn errors_name_file_line_and_parameter() {
        assert_eq!(
            error_of(b"port 1\nfoo bar"),
            "evenkeel.conf:2: unknown parameter 'foo'"
        );
        assert_eq!(
            error_of(b"port 70000"),
            "evenkeel.conf:1: bad value for 'port': argument must be between 0 and 65535 inclusive"
        );
        assert_eq!(
            error_of(b"port"),
            "evenkeel.conf:1: bad value for 'port': wrong number of arguments"
        );
        assert_eq!(
            error_of(b"loglevel notice # why"),
            "evenkeel.conf:1: bad value for 'loglevel': wrong number of arguments"
        );
        assert_eq!(
            error_of(b"\n\nrequirepass \"x"),
            "evenkeel.conf:3: unbalanced quotes"
        );
        assert_eq!(
            error_of(b"Include a.conf"),
            "evenkeel.conf:1: 'include' is not supported"
        );
    }

    #[test]
    fn no_error_repeats_a_password() {
        assert!(!error_of(b"requirepass hunter2 hunter3").contains("hunter"));
    }
}
