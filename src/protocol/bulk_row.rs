//! Strings of a reply that are written one after the other into room that was made for all of them.
//!
//! ```text
//!  room  [ $8 CR LF abcdefgh CR LF │ $3 CR LF abc CR LF │ … free … ]
//!                                                       ▲ len
//! ```
//!
//! A short string is copied in whole sixteens, beyond its end: what stands there is overwritten by
//! the next one, and a copy whose length the compiler knows is two instructions.
//!
//! Invariant: a string is written whole or not at all.
//!
//! Cost: some thirty instructions for a string of up to sixteen bytes.
//!
//! Not here: how room is made (`reply.rs`), which strings (`value/replied.rs`).

/// Bytes of the longest string that [`BulkRow::short`] takes.
pub const SHORT_BYTES_MAX: usize = 63;

/// What a row must have free for any short string: its header, whole sixteens, CR LF.
pub const SHORT_ROOM: usize = 5 + (SHORT_BYTES_MAX + 1) + 2;

/// Header and end of the longest string: `$`, twenty digits, twice CR LF.
const FRAME_BYTES_MAX: usize = 25;

/// The headers of short strings, the first four or five bytes of each.
const HEADERS: [[u8; 8]; SHORT_BYTES_MAX + 1] = headers();

const fn headers() -> [[u8; 8]; SHORT_BYTES_MAX + 1] {
    let mut headers = [[0; 8]; SHORT_BYTES_MAX + 1];
    let mut len = 0;
    while len < headers.len() {
        let (tens, ones) = (b'0' + len as u8 / 10, b'0' + len as u8 % 10);
        headers[len] = if len < 10 {
            [b'$', ones, b'\r', b'\n', 0, 0, 0, 0]
        } else {
            [b'$', tens, ones, b'\r', b'\n', 0, 0, 0]
        };
        len += 1;
    }
    headers
}

/// Room for strings, and how much of it they take.
#[derive(Debug)]
pub struct BulkRow<'a> {
    room: &'a mut [u8],
    len: usize,
}

impl<'a> BulkRow<'a> {
    /// Nothing is written yet.
    pub(super) fn new(room: &'a mut [u8]) -> Self {
        Self { room, len: 0 }
    }

    /// Bytes that are written.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes back what was written after `len`, an earlier value of [`BulkRow::len`].
    #[inline]
    pub fn truncate_to(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Writes the first `len` bytes of `source` as a string, if there is room. Quickest where
    /// `source` goes on a little after them.
    ///
    /// # Panics
    /// If `len` is above [`SHORT_BYTES_MAX`], or `source` is shorter.
    #[inline(always)] // Into every loop over strings: a call costs as much as the string.
    pub fn short(&mut self, source: &[u8], len: usize) -> bool {
        let Some(room) = self.room.get_mut(self.len..) else {
            return false;
        };
        let Some(room) = room.first_chunk_mut::<SHORT_ROOM>() else {
            return false;
        };
        room[..8].copy_from_slice(&HEADERS[len]);
        let begin = if len < 10 { 4 } else { 5 };
        let end = begin + len;
        if let (Some(chunk), 0..=16) = (source.first_chunk::<16>(), len) {
            room[begin..begin + 16].copy_from_slice(chunk);
        } else if let (Some(chunk), 0..=32) = (source.first_chunk::<32>(), len) {
            room[begin..begin + 32].copy_from_slice(chunk);
        } else {
            room[begin..end].copy_from_slice(&source[..len]);
        }
        room[end..end + 2].copy_from_slice(b"\r\n");
        self.len += end + 2;
        true
    }

    /// Writes a string of any bytes, if there is room.
    #[inline]
    pub fn bulk(&mut self, text: &[u8]) -> bool {
        if text.len() <= SHORT_BYTES_MAX {
            return self.short(text, text.len());
        }
        if self.room.len() - self.len < text.len() + FRAME_BYTES_MAX {
            return false;
        }
        self.push(b"$");
        self.push(itoa::Buffer::new().format(text.len()).as_bytes());
        self.push(b"\r\n");
        self.push(text);
        self.push(b"\r\n");
        true
    }

    /// Writes what is already part of a reply, if there is room.
    #[inline]
    pub fn raw(&mut self, encoded: &[u8]) -> bool {
        let has_room = self.room.len() - self.len >= encoded.len();
        if has_room {
            self.push(encoded);
        }
        has_room
    }

    fn push(&mut self, bytes: &[u8]) {
        self.room[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::reply::{Dialect, ReplyWriter};

    #[test]
    fn strings_of_every_length_are_those_of_the_writer() {
        let source: Vec<u8> = (0..5000_u32).map(|byte| byte as u8).collect();
        for len in (0..200).chain([999, 1000, 4096]) {
            let (mut expected, mut out) = (Vec::new(), Vec::new());
            let text = &source[..len];
            ReplyWriter::new(&mut expected, Dialect::Resp2).bulk(text);
            let mut writer = ReplyWriter::new(&mut out, Dialect::Resp2);
            assert!(writer.row(5000, |row| {
                assert!(row.is_empty() && row.bulk(text));
                if len <= SHORT_BYTES_MAX {
                    assert!(row.short(&source, len) && row.short(&source[..len + 20], len));
                }
                assert!(row.raw(b"+x\r\n"));
            }));
            let times = if len <= SHORT_BYTES_MAX { 3 } else { 1 };
            let mut expected = expected.repeat(times);
            expected.extend_from_slice(b"+x\r\n");
            assert_eq!(out, expected, "{len} bytes");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut out = b"before".to_vec();
        let mut writer = ReplyWriter::new(&mut out, Dialect::Resp2);
        writer.row(100, |row| {
            assert!(row.short(b"abc", 3));
            let mark = row.len();
            assert!(row.bulk(b"taken back"));
            row.truncate_to(mark);
            assert!(!row.bulk(&[b'x'; 80]));
            assert!(!row.raw(&[b'x'; 100]));
            assert!(row.raw(b":1\r\n"));
            let mut count = 0;
            while row.short(b"abc", 3) {
                count += 1;
            }
            assert_eq!(count, 2, "one more might have been of 63 bytes");
        });
        assert_eq!(out, b"before$3\r\nabc\r\n:1\r\n$3\r\nabc\r\n$3\r\nabc\r\n");
    }

    #[test]
    fn there_is_no_row_beyond_the_ceiling() {
        let mut out = Vec::new();
        let mut writer = ReplyWriter::new(&mut out, Dialect::Resp2);
        writer.set_ceiling(1000);
        assert!(!writer.row(1001, |_| panic!("there is no room")));
        assert!(!writer.is_over(), "nothing was left out");
        assert!(writer.row(1000, |row| assert!(row.raw(b"+OK\r\n"))));
        assert_eq!(out, b"+OK\r\n");
    }
}
