//! The arguments of one request: slices of the buffer they were read into.
//!
//! ```text
//!  buffer   *2\r\n$3\r\nGET\r\n$1\r\nk\r\n
//!  ranges           (8,3)     (17,1)
//! ```
//!
//! Invariant: every range lies inside its buffer (made so by the parser and by [`OwnedArgs`];
//! slicing checks it again).
//!
//! Cost: 8 bytes per argument; nothing is copied.
//!
//! Not here: several requests in one buffer (`batch.rs`).

use std::fmt;
use std::ops::Index;

/// Where one argument lies in its buffer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgRange {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl ArgRange {
    /// The range of `len` bytes from `start`; the caller has seen to it that both fit.
    #[inline]
    pub(super) fn new(start: usize, len: usize) -> Self {
        debug_assert!(start <= u32::MAX as usize);
        debug_assert!(len <= u32::MAX as usize);
        Self {
            start: start as u32,
            len: len as u32,
        }
    }
}

/// The arguments of one request, its name included, borrowed from a buffer.
///
/// Copying it copies four words. The number of arguments is checked before a handler sees them,
/// so indexing out of range is a fault of the program and panics.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    ranges: &'a [ArgRange],
}

impl<'a> Args<'a> {
    #[inline]
    pub(super) fn new(buffer: &'a [u8], ranges: &'a [ArgRange]) -> Self {
        Self { buffer, ranges }
    }

    /// The number of arguments, the name included.
    #[inline]
    pub fn len(self) -> usize {
        self.ranges.len()
    }

    /// True if there is no argument, not even a name.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.ranges.is_empty()
    }

    /// The first argument: what the request asks for.
    ///
    /// # Panics
    /// If there is none; the parser never yields an empty request.
    #[inline]
    pub fn name(self) -> &'a [u8] {
        self.get(0)
    }

    /// The first argument as one number, for looking it up by comparing words: its at most seven
    /// bytes in little-endian order, upper-case letters made lower, then zeros, and its length in
    /// the highest byte. `None` if it is longer, or not ASCII, or at the very end of its buffer.
    #[inline]
    pub fn short_name(self) -> Option<u64> {
        let range = self.ranges[0];
        let start = range.start as usize;
        let bytes = self.buffer.get(start..)?.first_chunk::<8>()?;
        if range.len == 0 || range.len > 7 {
            return None;
        }
        let word = u64::from_le_bytes(*bytes) & ((1 << (8 * range.len)) - 1);
        Some(lowercase_word(word)? | u64::from(range.len) << 56)
    }

    /// Argument `index`, counted from 0, the name.
    ///
    /// # Panics
    /// If there are not that many.
    #[inline]
    pub fn get(self, index: usize) -> &'a [u8] {
        slice(self.buffer, self.ranges[index])
    }

    /// The arguments without the first `count`.
    ///
    /// # Panics
    /// If there are fewer than `count`.
    #[inline]
    #[must_use]
    pub fn skip(self, count: usize) -> Self {
        Self {
            buffer: self.buffer,
            ranges: &self.ranges[count..],
        }
    }

    /// All arguments in order.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone {
        let buffer = self.buffer;
        self.ranges.iter().map(move |range| slice(buffer, *range))
    }

    /// Bytes from the first argument's begin to the last one's end. Unlike [`Args::total_bytes`],
    /// it is read off, not summed up, and the few bytes between the arguments are counted too.
    #[inline]
    pub fn span_bytes(self) -> usize {
        match self.ranges {
            [] => 0,
            [first, .., last] => (last.start - first.start + last.len) as usize,
            [only] => only.len as usize,
        }
    }

    /// The lengths of all arguments together, in bytes. Linear in their number.
    pub fn total_bytes(self) -> usize {
        self.ranges.iter().map(|range| range.len as usize).sum()
    }
}

/// Eight bytes of ASCII with their upper-case letters made lower; `None` if a byte is not ASCII.
#[inline]
const fn lowercase_word(word: u64) -> Option<u64> {
    const EVERY_BYTE: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x80 * EVERY_BYTE;
    if word & HIGH_BITS != 0 {
        return None;
    }
    // The high bit of a byte says: at least 'A', and not above 'Z'. Bytes below 128 carry nowhere.
    let from_a = word + (0x80 - b'A' as u64) * EVERY_BYTE;
    let above_z = word + (0x80 - b'Z' as u64 - 1) * EVERY_BYTE;
    let is_upper = from_a & !above_z & HIGH_BITS;
    Some(word | is_upper >> 2)
}

/// A name as [`Args::short_name`] gives it; `None` if it is longer than seven bytes.
pub fn short_name_of(name: &[u8]) -> Option<u64> {
    if name.is_empty() || name.len() > 7 {
        return None;
    }
    let mut bytes = [0; 8];
    bytes[..name.len()].copy_from_slice(name);
    Some(lowercase_word(u64::from_le_bytes(bytes))? | (name.len() as u64) << 56)
}

#[inline]
fn slice(buffer: &[u8], range: ArgRange) -> &[u8] {
    let start = range.start as usize;
    &buffer[start..start + range.len as usize]
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        self.get(index)
    }
}

impl fmt::Debug for Args<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_list()
            .entries(self.iter().map(|arg| arg.escape_ascii().to_string()))
            .finish()
    }
}

/// Arguments with a buffer of their own: queued requests, and requests of embedders.
#[derive(Clone)]
pub struct OwnedArgs {
    bytes: Box<[u8]>,
    ranges: Box<[ArgRange]>,
}

impl OwnedArgs {
    /// Copies `args` out of their buffer. Linear in their bytes; two allocations.
    pub fn copy(args: Args<'_>) -> Self {
        Self::collect(args.iter(), args.total_bytes())
    }

    /// Copies the slices given. Linear in their bytes; two allocations.
    ///
    /// # Panics
    /// If they have more than `u32::MAX` bytes together.
    pub fn from_slices<S: AsRef<[u8]>>(slices: &[S]) -> Self {
        let total_bytes = slices.iter().map(|slice| slice.as_ref().len()).sum();
        Self::collect(slices.iter().map(AsRef::as_ref), total_bytes)
    }

    fn collect<'a>(slices: impl ExactSizeIterator<Item = &'a [u8]>, total_bytes: usize) -> Self {
        assert!(
            total_bytes <= u32::MAX as usize,
            "a request is limited to u32::MAX bytes"
        );
        let mut bytes = Vec::with_capacity(total_bytes);
        let mut ranges = Vec::with_capacity(slices.len());
        for slice in slices {
            ranges.push(ArgRange::new(bytes.len(), slice.len()));
            bytes.extend_from_slice(slice);
        }
        Self {
            bytes: bytes.into_boxed_slice(),
            ranges: ranges.into_boxed_slice(),
        }
    }

    /// The arguments.
    #[inline]
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.ranges)
    }

    /// The bytes held on the heap, without the allocator's rounding.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&*self.ranges)
    }
}

impl fmt::Debug for OwnedArgs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.args().fmt(formatter)
    }
}

/// Arguments that are put together one by one, in memory that is used again.
#[derive(Debug, Default)]
pub struct ArgsBuffer {
    bytes: Vec<u8>,
    ranges: Vec<ArgRange>,
}

impl ArgsBuffer {
    /// Forgets all arguments and keeps a bounded part of their memory.
    #[inline]
    pub fn clear(&mut self) {
        const KEPT_BYTES: usize = 64 * 1024;
        self.bytes.clear();
        self.ranges.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes.shrink_to(KEPT_BYTES);
        }
    }

    /// Adds an argument. False, and nothing is added, if the bytes of all would not fit 32 bits.
    #[inline]
    pub fn push(&mut self, argument: &[u8]) -> bool {
        let start = self.bytes.len();
        if start + argument.len() > u32::MAX as usize {
            return false;
        }
        self.bytes.extend_from_slice(argument);
        self.ranges.push(ArgRange::new(start, argument.len()));
        true
    }

    /// The arguments so far.
    #[inline]
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_args_are_the_slices_they_came_from() {
        let owned = OwnedArgs::from_slices(&[&b"SET"[..], b"", b"value\xff"]);
        let args = owned.args();
        assert_eq!((args.len(), args.is_empty()), (3, false));
        assert_eq!(
            (args.name(), args.get(1), &args[2]),
            (&b"SET"[..], &b""[..], &b"value\xff"[..])
        );
        assert_eq!(args.skip(1).name(), b"");
        assert!(args.skip(3).is_empty());
        assert_eq!(args.total_bytes(), 9);
        assert_eq!(owned.heap_bytes(), 9 + 3 * 8);
        assert_eq!(format!("{args:?}"), r#"["SET", "", "value\\xff"]"#);

        let copy = OwnedArgs::copy(args.skip(1));
        let got: Vec<&[u8]> = copy.args().iter().rev().collect();
        assert_eq!(got, [&b"value\xff"[..], b""]);
    }

    #[test]
    fn a_buffer_holds_what_was_pushed_since_it_was_cleared() {
        let mut buffer = ArgsBuffer::default();
        for words in [&["GET", "key"][..], &["DEL", "", "longer"]] {
            buffer.clear();
            assert!(words.iter().all(|word| buffer.push(word.as_bytes())));
            let got: Vec<&[u8]> = buffer.args().iter().collect();
            let expected: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            assert_eq!(got, expected);
        }
        assert_eq!(buffer.args().short_name(), short_name_of(b"del"));
    }

    #[test]
    #[should_panic(expected = "index out of bounds")]
    fn an_argument_out_of_range_is_a_fault_of_the_program() {
        OwnedArgs::from_slices(&["GET"]).args().get(1);
    }
}
