//! What reading a configuration has to tell besides the configuration.
//!
//! ```text
//! 3 parameters have no effect here: hz, appendonly, io-threads; asked for in vain: appendonly
//! ```
//!
//! Invariant: one line, and no value of a parameter in it.
//!
//! Not here: which parameters have no effect (`without_effect.rs`); where the line goes
//! (`main.rs`).

use super::row::Row;

/// What to do where an append-only file was asked for: its data may be newer than the RDB file.
const APPEND_ONLY_ADVICE: &str = " (there is no append-only file: `save` takes snapshots; to bring \
     the data of a Redis over, let it write its RDB file by SAVE and leave that in `dir`)";

/// What there is to tell about the files and arguments read so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Parameters that were given and have no effect, in the order in which they came first.
    without_effect: Vec<&'static str>,
    /// Those of them that asked for something which is not offered.
    in_vain: Vec<&'static str>,
    /// Parameters that were given and decide who reaches the server.
    guards: Vec<&'static str>,
}

impl Notes {
    /// Remembers that `row` was given, if it decides who reaches the server.
    pub(super) fn note_guard(&mut self, row: &'static Row) {
        if row.is_guard() {
            add_once(&mut self.guards, row.name);
        }
    }

    /// Remembers that a line was about a user; one about `default` is as good as `requirepass`.
    pub(super) fn note_user(&mut self, name: Option<&[u8]>) {
        let is_default = name == Some(b"default");
        add_once(
            &mut self.guards,
            if is_default { "requirepass" } else { "user" },
        );
    }

    /// Parameters that decide who reaches the server, which were given when `earlier` was read and
    /// are not now.
    pub fn missing_guards(&self, earlier: &Notes) -> Vec<&'static str> {
        let names = earlier.guards.iter().copied();
        names.filter(|name| !self.guards.contains(name)).collect()
    }

    /// Remembers that `row`, which has no effect, was given `words`.
    pub(super) fn add(&mut self, row: &'static Row, words: &[&[u8]]) {
        add_once(&mut self.without_effect, row.name);
        let value = row.kind.printed(words);
        let is_true_anyway = value == Ok(row.kind.printed_default(row.default));
        self.in_vain.retain(|name| *name != row.name);
        if row.is_absent() && !is_true_anyway {
            self.in_vain.push(row.name);
        }
    }

    /// Adds what another source had to tell, which was read after this one.
    pub fn extend(&mut self, later: Notes) {
        for name in later.without_effect {
            self.in_vain.retain(|earlier| *earlier != name);
            add_once(&mut self.without_effect, name);
        }
        self.in_vain.extend(later.in_vain);
        for name in later.guards {
            add_once(&mut self.guards, name);
        }
    }

    /// The line to log; `None` if there is nothing to tell.
    pub fn warning(&self) -> Option<String> {
        let names = &self.without_effect;
        let vain = match self.in_vain.join(", ") {
            names if names.is_empty() => names,
            names => format!("; asked for in vain: {names}"),
        };
        let beginning = match names.len() {
            0 => return None,
            1 => "1 parameter has no effect here".to_owned(),
            count => format!("{count} parameters have no effect here"),
        };
        let advice = match self.in_vain.contains(&"appendonly") {
            true => APPEND_ONLY_ADVICE,
            false => "",
        };
        Some(format!("{beginning}: {}{vain}{advice}", names.join(", ")))
    }
}

fn add_once(names: &mut Vec<&'static str>, name: &'static str) {
    if !names.contains(&name) {
        names.push(name);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn warning_of(text: &[u8]) -> Option<String> {
        let notes = Config::default().apply_file("a.conf", text).unwrap();
        notes.warning()
    }

    #[test]
    fn one_line_names_what_has_no_effect_and_what_is_missed() {
        assert_eq!(warning_of(b"port 1\ntimeout 5"), None);
        assert_eq!(
            warning_of(b"hz 20").unwrap(),
            "1 parameter has no effect here: hz"
        );
        assert_eq!(
            warning_of(b"appendonly yes\nHZ 20\nmin-slaves-to-write 1\nhz 30\ncluster-enabled no")
                .unwrap(),
            "4 parameters have no effect here: appendonly, hz, min-replicas-to-write, cluster-enabled; \
             asked for in vain: appendonly, min-replicas-to-write (there is no append-only file: \
             `save` takes snapshots; to bring the data of a Redis over, let it write its RDB file by SAVE and \
             leave that in `dir`)"
        );
        assert_eq!(
            warning_of(b"appendonly yes\nappendonly no").unwrap(),
            "1 parameter has no effect here: appendonly"
        );
    }

    #[test]
    fn a_later_source_has_the_last_word() {
        let notes_of = |text: &[u8]| Config::default().apply_file("a.conf", text).unwrap();
        let mut notes = notes_of(b"appendonly yes\nmin-replicas-to-write 1");
        notes.extend(notes_of(b"appendonly no\nhz 1"));
        assert_eq!(
            notes.warning().unwrap(),
            "3 parameters have no effect here: appendonly, min-replicas-to-write, hz; \
             asked for in vain: min-replicas-to-write"
        );
    }
}
