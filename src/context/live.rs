//! What the live page shows: rows of a table, and one line of JSON.
//!
//! ```text
//!  {"info":{"used_memory":1024,…},"databases":[…],"slow":[…],"hot":[…],"big":[…],"curve":[…]}
//! ```
//!
//! The names are those of INFO, so that a number on the page can be compared with it.
//!
//! Invariants: one line, whatever keys and commands contain; bytes that are no text are shown by
//! the replacement character.
//!
//! Cost: linear in the rows of INFO, some 200; lists have [`LIST_MAX`] elements at most.
//!
//! Not here: the page around it (`node/pages/`).

use super::report::Report;
use crate::stats::{InfoSource, MetricRow, ROWS, Value};
use std::fmt::Write;

/// Elements of each list that are shown.
const LIST_MAX: usize = 16;

/// Bytes of a text that are shown.
const TEXT_BYTES_MAX: usize = 200;

impl Report<'_> {
    /// Appends a row of a table for each field of INFO.
    pub fn live_rows(mut self, text: &mut String) {
        self.with_source(|source| push_rows(text, source));
    }

    /// Appends the figures as one line of JSON.
    pub fn live_json(mut self, text: &mut String) {
        text.push_str("{\"info\":{");
        self.with_source(|source| {
            push_fields(text, source);
            text.push_str("},\"databases\":[");
            let databases = source.databases.iter().filter(|stat| stat.keys > 0);
            push_list(text, databases, |text, stat| {
                // Writing to a String cannot fail.
                let _ = write!(
                    text,
                    "{{\"index\":{},\"keys\":{},\"expires\":{}}}",
                    stat.index, stat.keys, stat.expires
                );
            });
        });
        text.push_str("],\"slow\":[");
        push_list(
            text,
            self.stats.slow_log.iter().take(LIST_MAX),
            |text, entry| {
                let _ = write!(
                    text,
                    "{{\"id\":{},\"at\":{},\"usec\":{},\"words\":[",
                    entry.id, entry.unix_seconds, entry.duration_us
                );
                push_list(text, entry.arguments.iter(), |text, word| {
                    push_bytes(text, word)
                });
                text.push_str("]}");
            },
        );
        text.push_str("],");
        self.push_insight(text);
        text.push('}');
    }

    /// Hot keys, big keys, and the hit ratio at other sizes.
    fn push_insight(&self, text: &mut String) {
        text.push_str("\"hot\":[");
        let (keyspace, now_ms) = (self.keyspace, self.now.unix_ms());
        push_list(
            text,
            keyspace.hot_keys(LIST_MAX, now_ms).iter(),
            |text, key| {
                text.push_str("{\"key\":");
                push_bytes(text, &key.name);
                let _ = write!(
                    text,
                    ",\"db\":{},\"qps\":{}}}",
                    key.database, key.per_second
                );
            },
        );
        text.push_str("],\"big\":[");
        push_list(
            text,
            keyspace.big_keys(LIST_MAX, now_ms).iter(),
            |text, key| {
                text.push_str("{\"key\":");
                push_bytes(text, &key.name);
                let _ = write!(
                    text,
                    ",\"db\":{},\"elements\":{},\"bytes\":{}}}",
                    key.database, key.elements, key.bytes
                );
            },
        );
        text.push_str("],\"curve\":[");
        let curve = keyspace.miss_ratio_curve();
        push_list(text, curve.points.iter(), |text, point| {
            let _ = write!(
                text,
                "{{\"factor\":{},\"bytes\":{},\"ratio\":{:.4}}}",
                point.factor, point.bytes, point.ratio
            );
        });
        text.push(']');
    }
}

fn push_list<T>(
    text: &mut String,
    elements: impl Iterator<Item = T>,
    push: impl Fn(&mut String, T),
) {
    for (index, element) in elements.enumerate() {
        if index > 0 {
            text.push(',');
        }
        push(text, element);
    }
}

/// The fields that are shown: those that live, without those that say another's value with a unit.
fn shown_rows() -> impl Iterator<Item = &'static MetricRow> {
    ROWS.iter().filter(|row| !row.name.ends_with("_human"))
}

fn push_fields(text: &mut String, source: &InfoSource<'_>) {
    push_list(text, shown_rows(), |text, row| {
        let value = (row.value)(source);
        let _ = write!(text, "\"{}\":", row.name);
        match value {
            Value::Integer(_) | Value::Unsigned(_) | Value::Float2(_) | Value::Seconds(_) => {
                value.write_to(text);
            }
            Value::Percent(_) | Value::HumanBytes(_) | Value::Text(_) => {
                let mut words = String::new();
                value.write_to(&mut words);
                push_string(text, &words);
            }
        }
    });
}

fn push_rows(text: &mut String, source: &InfoSource<'_>) {
    for row in shown_rows() {
        let name = row.name;
        let mut words = String::new();
        (row.value)(source).write_to(&mut words);
        let _ = write!(
            text,
            "<tr><th scope=\"row\">{name}</th><td id=\"f-{name}\">"
        );
        push_markup(text, &words);
        text.push_str("</td><td>");
        push_markup(text, row.doc);
        text.push_str("</td></tr>\n");
    }
}

/// A text within HTML.
fn push_markup(text: &mut String, words: &str) {
    for letter in words.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '`' => {}
            other => text.push(other),
        }
    }
}

/// The first bytes of a text of a client.
fn push_bytes(text: &mut String, bytes: &[u8]) {
    let shown = &bytes[..bytes.len().min(TEXT_BYTES_MAX)];
    let mut words = String::from_utf8_lossy(shown).into_owned();
    if shown.len() < bytes.len() {
        words.push('…');
    }
    push_string(text, &words);
}

/// A text as a string of JSON.
fn push_string(text: &mut String, words: &str) {
    text.push('"');
    for letter in words.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            letter if letter < ' ' || letter == '\u{7f}' => {
                let _ = write!(text, "\\u{:04x}", letter as u32);
            }
            // Ends of lines to some readers of JSON.
            '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", letter as u32);
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_clients_stay_within_their_string() {
        let mut text = String::new();
        push_bytes(&mut text, b"a\"\\\n\x00\xff\xe2\x80\xa8</script>");
        assert_eq!(text, "\"a\\\"\\\\\\u000a\\u0000\u{fffd}\\u2028</script>\"");
        let mut text = String::new();
        push_bytes(&mut text, &[b'a'; TEXT_BYTES_MAX + 1]);
        assert_eq!(text, format!("\"{}…\"", "a".repeat(TEXT_BYTES_MAX)));
        let mut text = String::new();
        push_markup(&mut text, "<b>\"&`");
        assert_eq!(text, "&lt;b&gt;&quot;&amp;");
    }
}
