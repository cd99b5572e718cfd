//! Reads configuration text: the syntax of redis.conf.
//!
//! ```text
//! line    = blank | '#' anything | name word… | "include" path
//! word    = bare | "quoted \n \x41" | 'quoted'      quoting rules: base/words.rs
//! path    = as the caller's `Files` take it; the last part may be a pattern: conf.d/*.conf
//! ```
//!
//! 1. A later line overrides an earlier one for the same parameter, as in Redis; lines of an
//!    included file stand where the `include` is. The first `save` replaces the default, further
//!    ones add to it, an empty one takes back those before it.
//! 2. The first fault ends the reading with file, line and text, and changes nothing.
//! 3. Files that include each other are a fault, and so is too much of it ([`INCLUDE_DEPTH_MAX`],
//!    [`INCLUDES_MAX`]). They are kept on a list: nothing recurses.
//! 4. The options of the command line are such a text, too (`command_line.rs`).
//!
//! Cost: linear in the text; the words of one line at a time are copied.
//!
//! Not here: reading the bytes of a file (`persistence/file_system.rs`); values (`value.rs`).

use std::collections::VecDeque;

use super::error::{BadValue, ConfigError, Fault, Place};
use super::kind::Kind;
use super::notes::Notes;
use super::row::{Access, Row, every_row, find};
use super::suggestion;
use super::table::Config;
use super::text;
use super::users::UserLine;

/// Directives of redis.conf that are not offered, and that can't be ignored: whoever wrote them
/// counts on rights, commands or another kind of server.
const UNSUPPORTED_DIRECTIVES: &[&str] = &["aclfile", "loadmodule", "sentinel"];

/// Most files within each other: far more than anybody keeps apart, far less than a memory.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// Most files that one file includes in all, so that a few short files can't ask for millions.
pub const INCLUDES_MAX: usize = 256;

/// Bytes that make an included path a pattern.
const GLOB_BYTES: &[u8] = b"*?[";

/// Where included files come from. Errors are texts for people.
pub trait Files {
    /// The content of the file at `path`.
    ///
    /// # Errors
    /// Why it can't be read.
    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String>;

    /// The names within the directory at `path`, in any order.
    ///
    /// # Errors
    /// Why it can't be read.
    fn names(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, String>;

    /// The same path from the root, where relative ones have a beginning.
    fn absolute(&self, path: &[u8]) -> Vec<u8> {
        path.to_vec()
    }
}

/// No files at all, for text that stands alone.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&mut self, _path: &[u8]) -> Result<Vec<u8>, String> {
        Err("files are not read here".to_owned())
    }

    fn names(&mut self, _path: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        self.read(b"").map(|_| Vec::new())
    }
}

impl Config {
    /// Applies the text of a configuration file called `name` that includes no others.
    ///
    /// # Errors
    /// Nothing is then changed; the error names the file and the line.
    pub fn apply_file(&mut self, name: &str, text: &[u8]) -> Result<Notes, ConfigError> {
        self.apply_files(name.as_bytes(), text, &mut NoFiles)
    }

    /// Applies the text of the configuration file at `path`, and the files it includes. A relative
    /// `dir` becomes an absolute one, as far as `files` can tell.
    ///
    /// # Errors
    /// Nothing is then changed; the error names the file and the line.
    pub fn apply_files(
        &mut self,
        path: &[u8],
        text: &[u8],
        files: &mut dyn Files,
    ) -> Result<Notes, ConfigError> {
        self.apply(Source::new(Some(path.to_vec()), text.to_vec()), files)
    }

    /// As [`Config::apply_files`], for the options of the command line, written as such a text.
    pub(super) fn apply_options(
        &mut self,
        text: &[u8],
        files: &mut dyn Files,
    ) -> Result<Notes, ConfigError> {
        self.apply(Source::new(None, text.to_vec()), files)
    }

    fn apply(&mut self, source: Source, files: &mut dyn Files) -> Result<Notes, ConfigError> {
        let mut reading = Reading {
            config: self.clone(),
            notes: Notes::default(),
            repeats: Repeats::default(),
            sources: vec![source],
            include_count: 0,
            files,
        };
        while reading.step()? {}
        let Reading {
            mut config, notes, ..
        } = reading;
        config.dir = files.absolute(&config.dir);
        *self = config;
        Ok(notes)
    }
}

/// A text that is being read.
struct Source {
    /// The file; none for the options of the command line.
    path: Option<Vec<u8>>,
    text: Vec<u8>,
    /// Where the next line begins; one past the end when there is none.
    next: usize,
    /// Number of the line read last, counted from 1.
    line: usize,
    /// Files that this line includes and that are still to be read.
    includes: VecDeque<Vec<u8>>,
}

impl Source {
    fn new(path: Option<Vec<u8>>, text: Vec<u8>) -> Self {
        Self {
            path,
            text,
            next: 0,
            line: 0,
            includes: VecDeque::new(),
        }
    }

    fn next_line(&mut self) -> Option<Vec<u8>> {
        let rest = self.text.get(self.next..)?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = rest[..end.unwrap_or(rest.len())].trim_ascii().to_vec();
        self.next += end.unwrap_or(rest.len()) + 1;
        self.line += 1;
        Some(line)
    }

    /// The line that was read last.
    fn place(&self, line: &[u8]) -> Place {
        match &self.path {
            None => Place::CommandLine,
            Some(path) => Place::File {
                name: text::one_line(path),
                line: self.line,
                text: shown_line(line),
            },
        }
    }
}

/// The state between two lines.
struct Reading<'f> {
    config: Config,
    notes: Notes,
    repeats: Repeats,
    /// The text that is read, last, after those it is included by.
    sources: Vec<Source>,
    include_count: usize,
    files: &'f mut dyn Files,
}

impl Reading<'_> {
    /// Reads a line, or begins or ends a file; false when nothing is left.
    fn step(&mut self) -> Result<bool, ConfigError> {
        let Some(source) = self.sources.last_mut() else {
            return Ok(false);
        };
        if let Some(path) = source.includes.pop_front() {
            self.begin(path).map_err(|fault| self.error(fault, b""))?;
        } else if let Some(line) = source.next_line() {
            self.read_line(&line)
                .map_err(|fault| self.error(fault, &line))?;
        } else {
            self.sources.pop();
        }
        Ok(true)
    }

    /// A fault of the line that was read last.
    fn error(&self, fault: Fault, line: &[u8]) -> ConfigError {
        let place = Box::new(self.place(line));
        ConfigError { place, fault }
    }

    fn place(&self, line: &[u8]) -> Place {
        let source = self.sources.last();
        source.expect("a line is one of a text").place(line)
    }

    fn begin(&mut self, path: Vec<u8>) -> Result<(), Fault> {
        let shown = text::one_line(&path);
        let is_open = |source: &Source| source.path.as_ref() == Some(&path);
        if self.sources.iter().any(is_open) {
            return Err(Fault::IncludeCycle(shown));
        }
        if self.sources.len() == INCLUDE_DEPTH_MAX || self.include_count == INCLUDES_MAX {
            return Err(Fault::TooManyIncludes(shown));
        }
        self.include_count += 1;
        match self.files.read(&path) {
            Ok(text) => self.sources.push(Source::new(Some(path), text)),
            Err(reason) => {
                return Err(Fault::Unreadable {
                    path: shown,
                    reason: text::one_line(reason.as_bytes()),
                });
            }
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        if line.first() == Some(&b'#') {
            return Ok(());
        }
        let words = text::split_line(line).ok_or(Fault::UnbalancedQuotes)?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let Some((name, values)) = words.split_first() else {
            return Ok(());
        };
        if is_include(name) {
            return self.include(values);
        }
        if is_user(name) {
            self.read_user(values, line);
            return Ok(());
        }
        apply_words(
            &mut self.config,
            &mut self.repeats,
            &mut self.notes,
            name,
            values,
        )
    }

    fn include(&mut self, values: &[&[u8]]) -> Result<(), Fault> {
        let [path] = values else {
            return Err(Fault::IncludeTakesOnePath);
        };
        let includes = self.paths(path)?;
        let source = self.sources.last_mut();
        source.expect("the line is one of a text").includes = includes;
        Ok(())
    }

    /// Keeps what follows `user`.
    fn read_user(&mut self, words: &[&[u8]], line: &[u8]) {
        let place = self.place(line).to_string();
        self.config.users.push(UserLine {
            words: words.iter().map(|word| word.to_vec()).collect(),
            place,
        });
        self.notes.note_user(words.first().copied());
    }

    /// The files that `include path` means, in their order.
    fn paths(&mut self, path: &[u8]) -> Result<VecDeque<Vec<u8>>, Fault> {
        let is_pattern = |part: &[u8]| part.iter().any(|byte| GLOB_BYTES.contains(byte));
        if !is_pattern(path) {
            return Ok([path.to_vec()].into());
        }
        let name_start = path.iter().rposition(|byte| *byte == b'/');
        let (directory, pattern) = path.split_at(name_start.map_or(0, |slash| slash + 1));
        if is_pattern(directory) {
            return Err(Fault::PatternInDirectory);
        }
        let within = if directory.is_empty() {
            b"."
        } else {
            directory
        };
        // A directory that can't be read is as a pattern that matches nothing.
        let mut names = self.files.names(within).unwrap_or_default();
        names.retain(|name| text::file_glob_matches(pattern, name));
        names.sort();
        let paths = names.iter().map(|name| [directory, name].concat());
        Ok(paths.collect())
    }
}

/// Whether a line that begins with this word includes a file.
pub(super) fn is_include(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"include")
}

/// Whether a line that begins with this word is about a user.
pub(super) fn is_user(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"user")
}

/// The text of a faulty line for its error, unless a password may be in it.
fn shown_line(line: &[u8]) -> String {
    let name = line.split(u8::is_ascii_whitespace).next();
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let is_secret = find(every_row(), &name).is_some_and(Row::is_sensitive);
    // All of the line, because a password may have its name further on: sentinel auth-pass …
    if is_secret || text::sounds_secret(line) {
        String::new()
    } else {
        text::shown(line)
    }
}

/// What earlier lines of the same source said of parameters whose lines add up.
#[derive(Default)]
pub(super) struct Repeats {
    has_save: bool,
}

impl Repeats {
    /// Sets a parameter; on an error it keeps its value. The first `save` replaces the value, later
    /// ones add to it, and an empty one forgets those before.
    fn set(&mut self, config: &mut Config, row: &Row, values: &[&[u8]]) -> Result<(), BadValue> {
        if row.kind != Kind::SavePoints {
            return row.set(config, values);
        }
        let mut points = std::mem::take(&mut config.save);
        if let Err(reason) = row.set(config, values) {
            config.save = points;
            return Err(reason);
        }
        let takes_back = values.is_empty() || values == [b""];
        if self.has_save && !takes_back {
            points.append(&mut config.save);
            config.save = points;
        }
        self.has_save = true;
        Ok(())
    }
}

/// Sets one parameter from its name and values, as a file line or a program argument gives them.
///
/// `config` is unchanged on an error.
pub(super) fn apply_words(
    config: &mut Config,
    repeats: &mut Repeats,
    notes: &mut Notes,
    name: &[u8],
    values: &[&[u8]],
) -> Result<(), Fault> {
    let Some(row) = find(every_row(), name) else {
        let is_meant = |known: &&&str| known.as_bytes().eq_ignore_ascii_case(name);
        return match UNSUPPORTED_DIRECTIVES.iter().find(is_meant) {
            Some(directive) => Err(Fault::UnsupportedDirective(directive)),
            None => Err(Fault::UnknownParameter(suggestion::unknown(name))),
        };
    };
    match row.access {
        Access::Fixed | Access::FixedSecret | Access::Mutable | Access::MutableSecret => {
            notes.note_guard(row);
            let set = repeats.set(config, row, values);
            set.map_err(|reason| Fault::BadValue {
                name: row.name,
                reason,
            })
        }
        Access::Kept | Access::KeptHidden => {
            // A value that only a later Redis knows is no reason to refuse a file.
            _ = row.set(config, values);
            notes.add(row, values);
            Ok(())
        }
        Access::Absent | Access::AbsentSecret => {
            notes.add(row, values);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogLevel;
    use std::collections::BTreeMap;

    /// Files by path.
    struct Given(BTreeMap<&'static str, &'static str>);

    impl Files for Given {
        fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String> {
            let path = str::from_utf8(path).unwrap();
            let text = self.0.get(path).ok_or("there is no such file")?;
            Ok(text.as_bytes().to_vec())
        }

        fn names(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, String> {
            let path = str::from_utf8(path).unwrap();
            let names = self.0.keys().rev();
            let within = names.filter_map(|name| name.strip_prefix(path));
            Ok(within.map(|name| name.as_bytes().to_vec()).collect())
        }
    }

    fn read(files: &[(&'static str, &'static str)]) -> Result<Config, String> {
        let mut config = Config::default();
        let mut given = Given(files.iter().copied().collect());
        let (path, text) = files[0];
        match config.apply_files(path.as_bytes(), text.as_bytes(), &mut given) {
            Ok(_) => Ok(config),
            Err(error) => {
                assert_eq!(config, Config::default(), "an error changes nothing");
                Err(error.to_string())
            }
        }
    }

    fn error_of(text: &'static str) -> String {
        read(&[("evenkeel.conf", text)]).unwrap_err()
    }

    fn saves(config: &Config) -> Vec<(u64, u64)> {
        let points = config.save.iter();
        points.map(|point| (point.seconds, point.changes)).collect()
    }

    #[test]
    fn lines_comments_blanks_and_quotes_are_read() {
        let text = "# a comment\r\n\n  \t PORT  7000 \r\nrequirepass \"two words\"\n\
            loglevel verbose\nport 7001\n   # indented\nbind 10.0.0.1 -fe80::1";
        let config = read(&[("evenkeel.conf", text)]).unwrap();
        assert_eq!(config.port, 7001);
        assert_eq!(config.requirepass, b"two words");
        assert_eq!(config.loglevel, LogLevel::Verbose);
        assert_eq!(config.bind.len(), 2);
        assert!(config.bind[1].optional);
        assert_eq!(config.bind[1].host, "fe80::1");
    }

    #[test]
    fn an_empty_text_is_the_defaults() {
        assert_eq!(read(&[("evenkeel.conf", "")]), Ok(Config::default()));
    }

    #[test]
    fn errors_name_file_line_and_text() {
        assert_eq!(
            error_of("port 1\nfoo bar"),
            "evenkeel.conf:2: unknown parameter 'foo' in 'foo bar'"
        );
        assert_eq!(
            error_of("port 70000"),
            "evenkeel.conf:1: bad value for 'port': argument must be between 0 and 65535 \
             inclusive in 'port 70000'"
        );
        assert_eq!(
            error_of("port"),
            "evenkeel.conf:1: bad value for 'port': wrong number of arguments in 'port'"
        );
        assert_eq!(
            error_of("loglevel notice # why"),
            "evenkeel.conf:1: bad value for 'loglevel': wrong number of arguments \
             in 'loglevel notice # why'"
        );
        assert_eq!(
            error_of("\n\ndbfilename \"x"),
            "evenkeel.conf:3: unbalanced quotes in 'dbfilename \"x'"
        );
        assert_eq!(
            error_of("LoadModule a.so"),
            "evenkeel.conf:1: 'loadmodule' is not supported in 'LoadModule a.so'"
        );
        assert_eq!(
            error_of("sentinel auth-pass mine hunter2"),
            "evenkeel.conf:1: 'sentinel' is not supported"
        );
    }

    #[test]
    fn no_error_repeats_a_password() {
        for line in [
            "requirepass hunter2 hunter3",
            "REQUIREPASS \"hunter2",
            "requirepas hunter2",
            "sentinel auth-pass mine hunter2",
            "masterauth hunter2 \"",
        ] {
            let error = error_of(line);
            assert!(error.starts_with("evenkeel.conf:1: "), "{error}");
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn an_included_file_stands_where_its_line_is() {
        let config = read(&[
            ("a", "port 1\ntimeout 1\nInclude 'b'\nport 3\nsave 10 1"),
            ("b", "save 20 2\nport 2\ntimeout 2\nsave 30 3"),
        ])
        .unwrap();
        assert_eq!((config.port, config.timeout_seconds), (3, 2));
        assert_eq!(saves(&config), [(20, 2), (30, 3), (10, 1)]);
    }

    #[test]
    fn save_lines_add_up_and_an_empty_one_takes_them_back() {
        let saves_of = |text: &'static str| read(&[("a", text)]).map(|config| saves(&config));
        assert_eq!(
            saves_of("save 9 9 8 8\nsave \"7 7\""),
            Ok(vec![(9, 9), (8, 8), (7, 7)])
        );
        assert_eq!(saves_of("save 9 9\nsave \"\""), Ok(vec![]));
        assert_eq!(saves_of("save 9 9\nsave"), Ok(vec![]));
        assert_eq!(saves_of("save 9 9\nsave ''\nsave 8 8"), Ok(vec![(8, 8)]));
        let error = saves_of("save 9 9\nsave 8").unwrap_err();
        assert!(error.starts_with("a:2: bad value for 'save'"), "{error}");
    }

    #[test]
    fn a_pattern_includes_what_matches_in_the_order_of_names() {
        let config = read(&[
            ("a", "include d/*.conf\ninclude none/*.conf"),
            ("d/1.conf", "port 1\ntimeout 1"),
            ("d/2.conf", "port 2"),
            ("d/.3.conf", "port 3"),
            ("d/4.txt", "nonsense"),
        ])
        .unwrap();
        assert_eq!((config.port, config.timeout_seconds), (2, 1));
        assert_eq!(
            error_of("include */a.conf"),
            "evenkeel.conf:1: a pattern is taken only in the last part of a path \
             in 'include */a.conf'"
        );
    }

    #[test]
    fn includes_that_lead_nowhere_are_errors_of_their_line() {
        assert_eq!(
            error_of("\ninclude nowhere.conf"),
            "evenkeel.conf:2: cannot read nowhere.conf: there is no such file"
        );
        assert_eq!(
            error_of("include"),
            "evenkeel.conf:1: 'include' takes one path in 'include'"
        );
        assert_eq!(
            read(&[("a", "include b"), ("b", "port 1\n\nfoo")]).unwrap_err(),
            "b:3: unknown parameter 'foo' in 'foo'"
        );
        let mut config = Config::default();
        let error = config.apply_file("x", b"include b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "x:1: cannot read b: files are not read here"
        );
    }

    #[test]
    fn files_that_include_each_other_are_an_error() {
        assert_eq!(
            read(&[("a", "include b"), ("b", "\ninclude a")]).unwrap_err(),
            "b:2: a is included by itself"
        );
        // Twice one after the other is no circle.
        let twice = read(&[("a", "include b\nsave 3 3\ninclude b"), ("b", "save 1 1")]).unwrap();
        assert_eq!(saves(&twice), [(1, 1), (3, 3), (1, 1)]);
    }

    #[test]
    fn depth_and_number_of_includes_are_bounded() {
        /// Every file includes the next, `width` times.
        struct Chain {
            width: usize,
            read_count: usize,
        }
        impl Files for Chain {
            fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String> {
                self.read_count += 1;
                let next = [b"include ", path, b"x\n"].concat();
                Ok(next.repeat(self.width))
            }
            fn names(&mut self, _path: &[u8]) -> Result<Vec<Vec<u8>>, String> {
                Ok(Vec::new())
            }
        }
        let mut chain = Chain {
            width: 1,
            read_count: 0,
        };
        let mut config = Config::default();
        let error = config.apply_files(b"a", b"include x", &mut chain);
        assert_eq!(
            error.unwrap_err().to_string(),
            format!(
                "{}:1: too many files are included, at {}",
                "x".repeat(15),
                "x".repeat(16)
            )
        );
        assert_eq!(chain.read_count, INCLUDE_DEPTH_MAX - 1);
        // 2^14 files of two lines each, were they all read.
        let text = b"include xxx\ninclude yyy\n".repeat(INCLUDES_MAX);
        let mut flat = Chain {
            width: 0,
            read_count: 0,
        };
        assert!(config.apply_files(b"a", &text, &mut flat).is_err());
        assert_eq!(flat.read_count, INCLUDES_MAX);
    }
}
