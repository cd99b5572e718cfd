//! How often each command was run, how often it answered an error, and how large collections were.
//!
//! Not here: what was asked and replied (`pair.rs`).

use std::collections::BTreeMap;

use crate::support::value::Value;

/// Runs of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// How often it was run.
    pub(crate) count: usize,
    /// How often redis-server answered an error.
    pub(crate) error_count: usize,
}

/// Runs by command, sizes by type.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    runs: BTreeMap<String, Runs>,
    largest: BTreeMap<String, i64>,
}

impl Tally {
    /// Counts one request and redis-server's reply, but for names that are no command's.
    pub(crate) fn count(&mut self, words: &[Vec<u8>], reply: &Value) {
        let Some(name) = words.first() else { return };
        if matches!(reply, Value::Error(text) if text.starts_with(b"ERR unknown command")) {
            return;
        }
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        let runs = self.runs.entry(name).or_default();
        runs.count += 1;
        runs.error_count += usize::from(matches!(reply, Value::Error(_)));
    }

    /// Notes the number of elements of one collection.
    pub(crate) fn note_size(&mut self, kind: &str, element_count: i64) {
        let largest = self.largest.entry(kind.to_owned()).or_default();
        *largest = element_count.max(*largest);
    }

    /// The most elements that one collection of a type was seen with.
    pub(crate) fn largest(&self, kind: &str) -> i64 {
        self.largest.get(kind).copied().unwrap_or_default()
    }

    /// The runs of a command by its name in capitals.
    pub(crate) fn runs(&self, name: &str) -> Runs {
        self.runs.get(name).copied().unwrap_or_default()
    }

    /// A line a command, one for all, and the largest collections.
    pub(crate) fn print(&self) -> String {
        let mut text = format!("{:<18} {:>8} {:>8}\n", "command", "runs", "errors");
        let mut all = Runs::default();
        for (name, runs) in &self.runs {
            text.push_str(&format!(
                "{name:<18} {:>8} {:>8}\n",
                runs.count, runs.error_count
            ));
            all.count += runs.count;
            all.error_count += runs.error_count;
        }
        text.push_str(&format!(
            "{:<18} {:>8} {:>8}\n",
            "all", all.count, all.error_count
        ));
        for (kind, element_count) in &self.largest {
            text.push_str(&format!("largest {kind:<10} {element_count:>8} elements\n"));
        }
        text
    }
}
