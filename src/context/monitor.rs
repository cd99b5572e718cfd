//! What clients in MONITOR are shown.
//!
//! ```text
//!  1339518083.107412 [0 127.0.0.1:60866] "SET" "k" "a\x00b"     one line a command, as in Redis
//! ```
//!
//! Invariant: the lines of one batch are at most about [`FEED_BYTES_MAX`] bytes; what does not fit
//! is left out, and [`MonitorFeed::is_cut`] says so.
//!
//! Not here: who gets the lines (`node/monitoring.rs`), what is hidden (`command/observe.rs`).

use crate::base::clock::Timestamp;
use std::io::Write;

/// Bytes of lines that are kept until the node takes them.
const FEED_BYTES_MAX: usize = 4 << 20;

/// Lines of what was executed.
#[derive(Debug, Default)]
pub struct MonitorFeed {
    text: Vec<u8>,
    is_cut: bool,
}

impl MonitorFeed {
    /// Adds a line.
    pub fn add<'a>(
        &mut self,
        now: Timestamp,
        database: usize,
        address: &str,
        arguments: impl Iterator<Item = &'a [u8]>,
    ) {
        let begin = self.text.len();
        let (seconds, micros) = (now.unix_us / 1_000_000, now.unix_us % 1_000_000);
        write!(self.text, "{seconds}.{micros:06} [{database} {address}]")
            .expect("a vector takes everything");
        for argument in arguments {
            if self.is_cut || self.text.len() + argument.len() > FEED_BYTES_MAX {
                self.text.truncate(begin);
                self.is_cut = true;
                return;
            }
            self.text.extend_from_slice(b" \"");
            argument
                .iter()
                .for_each(|&byte| quote(&mut self.text, byte));
            self.text.push(b'"');
        }
        self.text.push(b'\n');
    }

    /// The lines, each with a line feed behind it, and whether some were left out. The feed is
    /// then empty.
    pub fn take(&mut self) -> (Vec<u8>, bool) {
        let is_cut = std::mem::take(&mut self.is_cut);
        (std::mem::take(&mut self.text), is_cut)
    }
}

/// One byte as Redis writes it between quotes.
fn quote(text: &mut Vec<u8>, byte: u8) {
    match byte {
        b'\\' | b'"' => text.extend_from_slice(&[b'\\', byte]),
        b'\n' => text.extend_from_slice(b"\\n"),
        b'\r' => text.extend_from_slice(b"\\r"),
        b'\t' => text.extend_from_slice(b"\\t"),
        0x07 => text.extend_from_slice(b"\\a"),
        0x08 => text.extend_from_slice(b"\\b"),
        b' '..=b'~' => text.push(byte),
        _ => write!(text, "\\x{byte:02x}").expect("a vector takes everything"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp {
        unix_us: 1_339_518_083_007_412,
        monotonic_us: 0,
    };

    #[test]
    fn lines_are_those_of_redis() {
        let mut feed = MonitorFeed::default();
        let words: [&[u8]; 3] = [b"SET", b"a\x00\xffb\"c", b"\n\r\t\x07\x08\\ ~\x7f"];
        feed.add(NOW, 3, "127.0.0.1:60866", words.into_iter());
        let line =
            r#"1339518083.007412 [3 127.0.0.1:60866] "SET" "a\x00\xffb\"c" "\n\r\t\a\b\\ ~\x7f""#;
        assert_eq!(feed.take(), (format!("{line}\n").into_bytes(), false));
        assert_eq!(feed.take(), (Vec::new(), false));
    }

    #[test]
    fn the_feed_is_bounded() {
        let mut feed = MonitorFeed::default();
        let value = vec![b'x'; FEED_BYTES_MAX / 3];
        for _ in 0..10 {
            feed.add(NOW, 0, "a", [&value[..]].into_iter());
        }
        let (text, is_cut) = feed.take();
        assert!(is_cut && text.len() <= FEED_BYTES_MAX && text.ends_with(b"\"\n"));
        feed.add(NOW, 0, "a", [&b"x"[..]].into_iter());
        assert!(!feed.take().1, "the next batch is shown again");
    }
}
