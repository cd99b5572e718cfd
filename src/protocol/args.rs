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

    /// The lengths of all arguments together, in bytes. Linear in their number.
    pub fn total_bytes(self) -> usize {
        self.ranges.iter().map(|range| range.len as usize).sum()
    }
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
    #[should_panic(expected = "index out of bounds")]
    fn an_argument_out_of_range_is_a_fault_of_the_program() {
        OwnedArgs::from_slices(&["GET"]).args().get(1);
    }
}
