//! Keys and values of the loads that this program sends itself, and the pipelines that send them.
//!
//! ```text
//! key    PREFIX:000000000042      the same form that redis-benchmark writes for __rand_int__
//! value  letters, the same for every key and run: never a number, so never integer-encoded
//! ```
//!
//! Not here: the connection (`resp_client.rs`).

use std::io::{self, Write as _};
use std::ops::Range;

use crate::resp_client::{Client, encode, pipeline};

/// Commands of one pipeline of a fill.
pub(crate) const DEPTH: u64 = 100;

/// SET of a range of keys.
#[derive(Clone, Debug)]
pub(crate) struct Fill<'a> {
    /// Text before the colon.
    pub(crate) prefix: &'a str,
    /// Numbers of the keys.
    pub(crate) range: Range<u64>,
    /// The value.
    pub(crate) value: &'a [u8],
    /// Arguments after the value, as in `EX 100`.
    pub(crate) suffix: &'a [&'a [u8]],
}

impl Fill<'_> {
    /// Sends the commands in pipelines, in turn over the connections.
    pub(crate) fn send(&self, clients: &mut [Client]) -> io::Result<()> {
        let mut key = Vec::new();
        // Fewer large values at once: a batch stays below a few hundred kilobytes.
        let depth = (200_000 / (self.value.len() as u64 + 100)).clamp(1, DEPTH);
        pipeline(clients, self.range.clone(), depth, |index, batch| {
            write_key(&mut key, self.prefix, index);
            let mut arguments: [&[u8]; 8] = [b""; 8];
            arguments[..3].copy_from_slice(&[b"SET", &key, self.value]);
            let count = 3 + self.suffix.len();
            arguments[3..count].copy_from_slice(self.suffix);
            encode(batch, &arguments[..count]);
        })
    }

    /// The load as one line of a report.
    pub(crate) fn line(&self) -> String {
        let suffix: Vec<_> = self
            .suffix
            .iter()
            .map(|word| String::from_utf8_lossy(word))
            .collect();
        format!(
            "(this program) SET {}:NNNNNNNNNNNN <{} bytes> {}for {} keys, pipelines of {DEPTH}",
            self.prefix,
            self.value.len(),
            suffix
                .iter()
                .map(|word| format!("{word} "))
                .collect::<String>(),
            self.range.end - self.range.start,
        )
    }
}

/// Replaces `out` by the key of a number: the prefix, a colon and twelve digits.
pub(crate) fn write_key(out: &mut Vec<u8>, prefix: &str, index: u64) {
    out.clear();
    write!(out, "{prefix}:{index:012}").expect("writing to a vector cannot fail");
}

/// A value of `length` bytes.
pub(crate) fn value(length: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(length).collect()
}
