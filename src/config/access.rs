//! Parameters at run time: what `CONFIG GET`, `CONFIG SET` and a reload do, without the replies.
//!
//! 1. `matching` answers each name once, in the table's order, whatever the patterns.
//! 2. `set` checks names, then values, on a copy; it changes everything or nothing.
//! 3. A parameter of something that is not offered keeps its value: setting it to that is fine,
//!    and to anything else an error.
//! 4. An alias is a name of its own for both, as in Redis: it is listed beside its parameter, and
//!    setting both in one call is no duplicate.
//!
//! Cost: `matching` patterns × names, and the length of the patterns; `set` pairs × names.
//!
//! Not here: argument counts and reply shapes (the command's handler); errors' texts (`error.rs`).

use super::error::SetError;
use super::row::{Row, every_row, find};
use super::suggestion;
use super::table::Config;
use super::text;

/// Patterns that may be matched at once; there are fewer names than this.
pub const PATTERNS_MAX: usize = 1_024;

/// Bytes that make a pattern a glob rather than a plain name, as in Redis.
const GLOB_BYTES: &[u8] = b"*?[";

impl Config {
    /// The parameters whose name or alias matches one of the glob `patterns`, ignoring case. There
    /// should be at most [`PATTERNS_MAX`]: each is compared with each name.
    ///
    /// A name asked for plainly comes back as it was spelled, as in Redis.
    pub fn matching(&self, patterns: &[&[u8]]) -> Vec<(String, Vec<u8>)> {
        matching_rows(every_row(), patterns)
            .map(|(name, row)| (name, row.get(self)))
            .collect()
    }

    /// Sets parameters from `name value name value …`, all of them or none.
    ///
    /// Returns the rows that were set, for the caller to act on, also where the value is the old
    /// one. An error is the first in Redis's order: names in turn, then values in turn.
    pub fn set(&mut self, arguments: &[&[u8]]) -> Result<Vec<&'static Row>, SetError> {
        let (pairs, rest) = arguments.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(SetError::Syntax);
        }
        let rows = settable_rows(every_row, pairs)?;
        let mut changed = self.clone();
        for (row, [name, value]) in rows.iter().zip(pairs) {
            row.set(&mut changed, &[value])
                .map_err(|reason| SetError::BadValue {
                    name: text::shown(name),
                    reason,
                })?;
        }
        *self = changed;
        Ok(rows)
    }
}

/// Whether the value of the parameter with this name must stay out of logs: that of a password, or
/// of a name that is not known and sounds like one.
pub fn is_sensitive(name: &[u8]) -> bool {
    find(every_row(), name).map_or_else(|| text::sounds_secret(name), Row::is_sensitive)
}

/// What came of taking over a configuration that was read anew.
#[derive(Debug, Default)]
pub struct Reloaded {
    /// Parameters that have another value now, for the caller to act on.
    pub changed: Vec<&'static Row>,
    /// Parameters that would need a restart.
    pub fixed: Vec<&'static Row>,
}

impl Config {
    /// Takes over what `new` says and `last` did not, as far as it may change while the server
    /// runs. Both were read from the same place; what was set since then and not touched there
    /// stays.
    pub fn reload(&mut self, last: &Config, new: &Config) -> Reloaded {
        let mut reloaded = Reloaded::default();
        for row in every_row().filter(|row| row.get(last) != row.get(new)) {
            let value = row.get(new);
            if row.is_mutable() && row.get(self) == value {
                continue;
            }
            if row.is_mutable() && row.set(self, &[&value]).is_ok() {
                reloaded.changed.push(row);
            } else {
                reloaded.fixed.push(row);
            }
        }
        reloaded
    }
}

fn matching_rows<'r>(
    rows: impl Iterator<Item = &'r Row>,
    patterns: &[&[u8]],
) -> impl Iterator<Item = (String, &'r Row)> {
    let wanted: Vec<Wanted<'_>> = patterns
        .iter()
        .map(|pattern| Wanted::new(pattern))
        .collect();
    let names = rows
        .filter(|row| row.is_shown_to_clients())
        .flat_map(|row| row.names().map(move |name| (name, row)));
    names.filter_map(move |(name, row)| {
        let by_pattern = row.is_found_by_patterns(name);
        let mut candidates = wanted
            .iter()
            .filter(|wanted| by_pattern || matches!(wanted, Wanted::Name(_)));
        let spelled = match candidates.find(|wanted| wanted.is(name))? {
            Wanted::Name(spelled) => text::shown(spelled),
            Wanted::Glob(_) => name.to_owned(),
        };
        Some((spelled, row))
    })
}

/// What a pattern asks for.
enum Wanted<'a> {
    Name(&'a [u8]),
    Glob(text::Glob),
}

impl<'a> Wanted<'a> {
    fn new(pattern: &'a [u8]) -> Self {
        if pattern.iter().any(|byte| GLOB_BYTES.contains(byte)) {
            Self::Glob(text::Glob::new(pattern))
        } else {
            Self::Name(pattern)
        }
    }

    fn is(&self, name: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted.eq_ignore_ascii_case(name.as_bytes()),
            Self::Glob(glob) => glob.matches(name),
        }
    }
}

fn settable_rows<'r, Rows: Iterator<Item = &'r Row>>(
    rows: impl Fn() -> Rows,
    pairs: &[[&[u8]; 2]],
) -> Result<Vec<&'r Row>, SetError> {
    let mut found: Vec<&Row> = Vec::new();
    for (index, [name, value]) in pairs.iter().enumerate() {
        let row = find(rows(), name)
            .filter(|row| row.is_shown_to_clients())
            .ok_or_else(|| SetError::UnknownParameter(suggestion::unknown(name)))?;
        if !row.is_mutable() && !is_true_already(row, value) {
            return Err(SetError::Immutable(text::shown(name)));
        }
        // At most one pair per name got this far, so this stays within pairs × names.
        if pairs[..index]
            .iter()
            .any(|[earlier, _]| earlier.eq_ignore_ascii_case(name))
        {
            return Err(SetError::Duplicate(text::shown(name)));
        }
        found.push(row);
    }
    Ok(found)
}

/// Whether a parameter of something that is not there is asked to stay as it is.
fn is_true_already(row: &Row, value: &[u8]) -> bool {
    let printed = row.kind.printed(&[value]);
    row.is_absent() && printed == Ok(row.kind.printed_default(row.default))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Access, Group, Kind};

    fn get(patterns: &[&str]) -> Vec<(String, String)> {
        let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        let pairs = Config::default().matching(&patterns).into_iter();
        pairs
            .map(|(name, value)| (name, String::from_utf8(value).unwrap()))
            .collect()
    }

    fn names_shown() -> impl Iterator<Item = &'static str> {
        let rows = every_row().filter(|row| row.is_shown_to_clients());
        rows.flat_map(|row| row.names().filter(|name| row.is_found_by_patterns(name)))
    }

    fn set(arguments: &[&str]) -> Result<(Config, Vec<&'static str>), String> {
        let arguments: Vec<&[u8]> = arguments
            .iter()
            .map(|argument| argument.as_bytes())
            .collect();
        let mut config = Config::default();
        match config.set(&arguments) {
            Ok(rows) => Ok((config, rows.iter().map(|row| row.name).collect())),
            Err(error) => {
                assert_eq!(config, Config::default(), "an error changes nothing");
                Err(error.to_string())
            }
        }
    }

    fn failed(name: &str, reason: &str) -> String {
        format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn get_answers_each_name_once_as_it_was_spelled() {
        assert_eq!(get(&["TIMEOUT", "timeout"]), [pair("TIMEOUT", "0")]);
        assert_eq!(get(&["MAXC*", "maxclients"]), [pair("maxclients", "10000")]);
        assert_eq!(get(&["nosuch"]), []);
        assert_eq!(
            get(&["unixsocket*", "proto-max-bulk-len"]),
            [
                pair("unixsocket", ""),
                pair("unixsocketperm", "0"),
                pair("proto-max-bulk-len", "536870912"),
                pair("unixsocketgroup", ""),
            ]
        );
        assert_eq!(get(&["*"]).len(), names_shown().count());
        assert_eq!(get(&["bind"]), [pair("bind", "127.0.0.1 -::1")]);
    }

    #[test]
    fn set_changes_all_or_nothing() {
        let (config, names) = set(&["TIMEOUT", "7", "loglevel", "DEBUG"]).unwrap();
        assert_eq!(names, ["timeout", "loglevel"]);
        assert_eq!(config.timeout_seconds, 7);
        assert_eq!(config.loglevel.name(), "debug");
        assert_eq!(
            set(&["timeout", "7", "maxclients", "abc"]).unwrap_err(),
            failed("maxclients", "argument couldn't be parsed into an integer")
        );
        assert_eq!(set(&[]).unwrap().1, Vec::<&str>::new());
    }

    /// Goal: a pattern is read once, not for every name. Method: patterns so long that reading one
    /// for each name would take minutes; the last of them matches.
    #[test]
    fn long_patterns_are_read_once() {
        let long = format!("*{}", "[a-z]?".repeat(50_000));
        let mut patterns = vec![long.as_str(); 100];
        patterns.push("maxclient?");
        assert_eq!(get(&patterns), [pair("maxclients", "10000")]);
    }

    #[test]
    fn set_answers_in_the_words_of_redis() {
        let text = |arguments: &[&str]| set(arguments).unwrap_err();
        assert_eq!(text(&["timeout", "1", "foo"]), "syntax error");
        let misspelt = "Unknown option or number of arguments for CONFIG SET - 'tiemout', \
                        did you mean 'timeout'?";
        assert_eq!(set(&["tiemout", "1"]).unwrap_err(), misspelt);
        let unknown = "Unknown option or number of arguments for CONFIG SET - 'foo'";
        assert_eq!(text(&["timeout", "abc", "foo", "1"]), unknown);
        assert_eq!(text(&["foo", "1", "timeout", "1", "timeout", "2"]), unknown);
        assert_eq!(
            text(&["tcp-backlog", "1"]),
            failed("tcp-backlog", "can't set immutable config")
        );
        assert_eq!(
            text(&["Databases", "1", "databases", "2"]),
            failed("Databases", "can't set immutable config")
        );
        assert_eq!(
            text(&["timeout", "1", "TIMEOUT", "abc"]),
            failed("TIMEOUT", "duplicate parameter")
        );
        assert_eq!(
            text(&["timeout", "2147483648"]),
            failed(
                "timeout",
                "argument must be between 0 and 2147483647 inclusive"
            )
        );
        assert_eq!(
            text(&["proto-max-bulk-len", "1m"]),
            failed(
                "proto-max-bulk-len",
                "argument must be between 1048576 and 2147418111 inclusive"
            )
        );
        assert_eq!(
            text(&["proto-max-bulk-len", "-1"]),
            failed("proto-max-bulk-len", "argument must be a memory value")
        );
        assert_eq!(
            text(&["loglevel", "notice notice"]),
            failed(
                "loglevel",
                "argument(s) must be one of the following: debug, verbose, notice, warning, nothing"
            )
        );
    }

    #[test]
    fn parameters_without_effect_are_set_and_shown_or_stay_what_is_true() {
        let (config, _) = set(&["hz", "20", "APPENDONLY", "NO", "slave-read-only", "no"]).unwrap();
        let get = |name: &str| config.matching(&[name.as_bytes()]).remove(0).1;
        assert_eq!(get("hz"), b"20");
        assert_eq!(get("replica-read-only"), b"no");
        assert_eq!(get("appendonly"), b"no");
        assert_eq!(get("repl-backlog-size"), b"1048576");
        let (config, _) = set(&["key-load-delay", "5"]).unwrap();
        assert_eq!(config.matching(&[b"key-load-delay"]).len(), 1);
        assert_eq!(
            config.matching(&[b"key-load*"]),
            [],
            "for who knows the name"
        );
        let all = config.matching(&[b"*", b"rdb-key-save-delay"]);
        let hidden = all.iter().filter(|(name, _)| name.contains("-delay"));
        let names: Vec<_> = hidden.map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"rdb-key-save-delay") && !names.contains(&"key-load-delay"));
        assert_eq!(
            set(&["hz", "20", "appendonly", "yes"]).unwrap_err(),
            failed("appendonly", "can't set immutable config")
        );
        assert_eq!(
            set(&["hz", "many"]).unwrap_err(),
            failed("hz", "argument couldn't be parsed into an integer")
        );
    }

    #[test]
    fn a_reload_changes_what_was_touched_and_may_change() {
        let read = |text: &[u8]| {
            let mut config = Config::default();
            config.apply_file("a", text).unwrap();
            config
        };
        let names = |rows: &[&Row]| rows.iter().map(|row| row.name).collect::<Vec<_>>();
        let last = read(b"timeout 10\nrename-command GET fetch");
        let new = read(
            b"timeout 20\ntcp-backlog 1\nhz 20\nsave 1 1\nsave 2 2\nappendonly yes\n\
            requirepass \"two words\"\nclient-output-buffer-limit normal 1 2 3\n\
            rename-command GET fetch\nrename-command SET store",
        );
        let mut running = last.clone();
        running.maxclients = 77;
        let reloaded = running.reload(&last, &new);
        assert_eq!(
            names(&reloaded.changed),
            [
                "timeout",
                "client-output-buffer-limit",
                "requirepass",
                "save",
                "hz"
            ]
        );
        assert_eq!(names(&reloaded.fixed), ["tcp-backlog", "rename-command"]);
        let expected = Config {
            tcp_backlog: last.tcp_backlog,
            rename_command: last.rename_command.clone(),
            maxclients: 77,
            ..new.clone()
        };
        assert_eq!(running, expected);
        let reloaded = running.reload(&new, &new);
        assert!(reloaded.changed.is_empty() && reloaded.fixed.is_empty());
        assert_eq!(running.maxclients, 77);
        // What CONFIG REWRITE wrote to the file is in force already.
        running.timeout_seconds = 30;
        let written = running.clone();
        assert!(running.reload(&last, &written).changed.is_empty());
        assert_eq!(running, written);
    }

    fn aliased() -> [Row; 1] {
        [Row {
            name: "idle-timeout",
            aliases: &["client-timeout"],
            kind: Kind::Integer { min: 0, max: 1 },
            default: "0",
            group: Group::Clients,
            access: Access::Mutable,
            raw_doc: "",
            get: |_, _| Vec::new(),
            set: |_, _, _| Ok(()),
            file_values: |_, _| Vec::new(),
        }]
    }

    #[test]
    fn an_alias_is_listed_and_set_under_its_own_name() {
        let rows = aliased();
        let names = |patterns: &[&[u8]]| -> Vec<String> {
            matching_rows(rows.iter(), patterns)
                .map(|(name, _)| name)
                .collect()
        };
        assert_eq!(names(&[b"*"]), ["idle-timeout", "client-timeout"]);
        assert_eq!(names(&[b"client-*"]), ["client-timeout"]);
        assert_eq!(names(&[b"Client-Timeout"]), ["Client-Timeout"]);
        let set = |first: &[u8], second: &[u8]| {
            settable_rows(|| rows.iter(), &[[first, b"0"], [second, b"0"]]).map(|rows| rows.len())
        };
        assert_eq!(set(b"idle-timeout", b"client-timeout"), Ok(2));
        assert_eq!(
            set(b"client-timeout", b"CLIENT-timeout"),
            Err(SetError::Duplicate("CLIENT-timeout".to_owned()))
        );
    }
}
