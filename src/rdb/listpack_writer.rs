//! A listpack, item by item.
//!
//! Not here: reading one (`packed.rs`).

use super::packed::backwards_len;
use crate::structures::item::Item;

/// What stands before the items.
const HEAD_BYTES: usize = 6;

/// A listpack that is being written.
#[derive(Debug)]
pub(super) struct ListpackWriter {
    bytes: Vec<u8>,
    count: usize,
}

impl ListpackWriter {
    pub(super) fn new() -> Self {
        let bytes = vec![0; HEAD_BYTES];
        Self { bytes, count: 0 }
    }

    /// Appends an integer.
    pub(super) fn push_integer(&mut self, value: i64) {
        let begin = self.bytes.len();
        let fits = |bits: u32| value << (64 - bits) >> (64 - bits) == value;
        let bytes = value.to_le_bytes();
        match value {
            0..=127 => self.bytes.push(value as u8),
            _ if fits(13) => {
                self.bytes.push(0xc0 | (value >> 8) as u8 & 0x1f);
                self.bytes.push(value as u8);
            }
            _ if fits(16) => self.push_number(0xf1, &bytes[..2]),
            _ if fits(24) => self.push_number(0xf2, &bytes[..3]),
            _ if fits(32) => self.push_number(0xf3, &bytes[..4]),
            _ => self.push_number(0xf4, &bytes),
        }
        self.end_item(begin);
    }

    fn push_number(&mut self, mark: u8, bytes: &[u8]) {
        self.bytes.push(mark);
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends an item of a collection that has no scores.
    pub(super) fn push(&mut self, item: Item<'_>) {
        match item {
            Item::Integer(value) => self.push_integer(value),
            Item::Text(text) => self.push_text(text),
            Item::Double(_) => unreachable!("a stream holds no scores"),
        }
    }

    fn push_text(&mut self, text: &[u8]) {
        let begin = self.bytes.len();
        let len = text.len();
        match len {
            0..=63 => self.bytes.push(0x80 | len as u8),
            64..=4095 => self.bytes.extend([0xe0 | (len >> 8) as u8, len as u8]),
            _ => {
                let len = u32::try_from(len).expect("a text is shorter than 4 GiB");
                self.push_number(0xf0, &len.to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        self.end_item(begin);
    }

    /// Writes the length of the item that began at `begin` behind it, to be read backwards: seven
    /// bits in each byte, the low ones last, bit 7 set but in the first.
    fn end_item(&mut self, begin: usize) {
        let len = self.bytes.len() - begin;
        let byte_count = backwards_len(len);
        for index in (0..byte_count).rev() {
            let bits = (len >> (7 * index)) as u8 & 0x7f;
            let is_first = index + 1 == byte_count;
            self.bytes.push(if is_first { bits } else { bits | 0x80 });
        }
        self.count += 1;
    }

    /// The whole of it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(0xff);
        let len = u32::try_from(self.bytes.len()).expect("a chunk is shorter than 4 GiB");
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        self.bytes[..4].copy_from_slice(&len.to_le_bytes());
        self.bytes[4..HEAD_BYTES].copy_from_slice(&count.to_le_bytes());
        self.bytes
    }
}
