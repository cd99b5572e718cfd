//! The longest common subsequence of two strings, as LCS reports it.
//!
//! ```text
//! length(i, j) = length(i-1, j-1) + 1                  if left[i-1] == right[j-1]
//!              = max(length(i-1, j), length(i, j-1))   otherwise;  0 if i or j is 0
//! ```
//!
//! The way back from the end takes equal bytes where it can, otherwise the row above if that is
//! strictly longer, else the column before. That is Redis's choice among equally long
//! subsequences, so the same bytes and ranges come out.
//!
//! 1. The way back needs one bit for each cell, whether the row above is longer; the lengths are
//!    kept for one row only. Redis keeps 32 bits for each cell.
//! 2. Ranges are reported from the strings' ends to their beginnings.
//!
//! Cost: O(left · right) time; 4 bytes for each byte of `right`, and for [`find`] one bit for each
//! pair of bytes. The caller limits both with [`needs_bytes`].
//!
//! Not here: keys, arguments and the reply's shape (the command).

/// A run of equal bytes that belongs to the subsequence; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommonRange {
    /// Index of the first byte in the left string.
    pub left_start: usize,
    /// Index of the last byte in the left string.
    pub left_end: usize,
    /// Index of the first byte in the right string.
    pub right_start: usize,
    /// Index of the last byte in the right string.
    pub right_end: usize,
}

impl CommonRange {
    /// The number of bytes of the run.
    pub const fn length(&self) -> usize {
        self.left_end - self.left_start + 1
    }
}

/// The longest common subsequence of two strings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonSubsequence {
    /// Its bytes.
    pub text: Vec<u8>,
    /// Where they stand in the two strings, last range first.
    pub ranges: Vec<CommonRange>,
}

/// The memory in bytes that Redis takes for strings of these lengths, and refuses if it is more
/// than `proto-max-bulk-len`. This file takes about a thirty-second of it.
pub fn needs_bytes(left_length: usize, right_length: usize) -> u64 {
    let cells = (left_length as u64 + 1).saturating_mul(right_length as u64 + 1);
    cells.saturating_mul(size_of::<u32>() as u64)
}

/// The length of the longest common subsequence. O(left · right).
pub fn length(left: &[u8], right: &[u8]) -> usize {
    let mut row = Row::new(right);
    for byte in left {
        row.advance(*byte, |_| {});
    }
    row.length()
}

/// The longest common subsequence itself, with those of its ranges that have `range_length_min`
/// bytes or more. O(left · right).
pub fn find(left: &[u8], right: &[u8], range_length_min: usize) -> CommonSubsequence {
    let mut row = Row::new(right);
    let mut choices = Choices::default();
    for byte in left {
        row.advance(*byte, |above_is_longer| choices.push(above_is_longer));
    }
    let mut found = CommonSubsequence {
        text: Vec::with_capacity(row.length()),
        ranges: Vec::new(),
    };
    let mut keep = |range: Option<CommonRange>| {
        found
            .ranges
            .extend(range.filter(|range| range.length() >= range_length_min));
    };
    let mut open: Option<CommonRange> = None;
    let (mut left_end, mut right_end) = (left.len(), right.len());
    while left_end > 0 && right_end > 0 {
        let (left_index, right_index) = (left_end - 1, right_end - 1);
        if left[left_index] == right[right_index] {
            found.text.push(left[left_index]);
            let range = open.get_or_insert(CommonRange {
                left_start: left_index,
                left_end: left_index,
                right_start: right_index,
                right_end: right_index,
            });
            range.left_start = left_index;
            range.right_start = right_index;
            (left_end, right_end) = (left_index, right_index);
            continue;
        }
        keep(open.take());
        if choices.get(left_index * right.len() + right_index) {
            left_end = left_index;
        } else {
            right_end = right_index;
        }
    }
    keep(open);
    found.text.reverse();
    found
}

/// The lengths of one row: the common subsequences of a part of the left string, growing byte by
/// byte, with every beginning of the right one.
struct Row<'a> {
    right: &'a [u8],
    lengths: Vec<u32>,
}

impl<'a> Row<'a> {
    /// The row of the empty left string.
    fn new(right: &'a [u8]) -> Self {
        Self {
            right,
            lengths: vec![0; right.len()],
        }
    }

    /// Appends `byte` to the left string. Tells `decide` for each byte of the right string whether
    /// the length above is greater than the one before.
    fn advance(&mut self, byte: u8, mut decide: impl FnMut(bool)) {
        let (mut diagonal, mut before) = (0, 0);
        for (length, other) in self.lengths.iter_mut().zip(self.right) {
            let above = *length;
            *length = if byte == *other {
                diagonal + 1
            } else {
                above.max(before)
            };
            decide(above > before);
            diagonal = above;
            before = *length;
        }
    }

    fn length(&self) -> usize {
        self.lengths.last().map_or(0, |length| *length as usize)
    }
}

/// A sequence of bits.
#[derive(Default)]
struct Choices {
    words: Vec<u64>,
    length: usize,
}

impl Choices {
    fn push(&mut self, choice: bool) {
        let bit = self.length % u64::BITS as usize;
        if bit == 0 {
            self.words.push(0);
        }
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(choice) << bit;
        }
        self.length += 1;
    }

    fn get(&self, index: usize) -> bool {
        let bits = u64::BITS as usize;
        self.words[index / bits] >> (index % bits) & 1 == 1
    }
}

#[cfg(test)]
mod tests;
