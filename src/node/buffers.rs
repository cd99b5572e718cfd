//! Buffers of connections: owned only while there is something in them.
//!
//! ```text
//!  InputBuffer   [ consumed │ bytes not yet executed │ spare ]
//!                          start                  filled    bytes.len()
//!  OutputBuffer  [ written │ replies to be written ]
//!                         start                  bytes.len()
//! ```
//!
//! Invariants: `start <= filled <= bytes.len()`; a buffer that has nothing left owns no memory
//! (its vector goes back to the [`Pool`], which keeps a bounded number of small ones).
//!
//! Cost: input memory is at most twice the bytes received plus [`READ_BYTES`]; what a client
//! announces is never allocated before it is sent.
//!
//! Not here: when a connection may read or must wait (`connection.rs`).

/// Bytes that are read from a socket at once while no large argument is on its way.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Bytes that are read at once of a large argument.
const LARGE_READ_BYTES: usize = 256 * 1024;

/// Larger vectors are given back to the allocator instead of the pool.
const POOLED_BYTES_MAX: usize = 64 * 1024;

/// Vectors that the pool keeps.
const POOLED_COUNT_MAX: usize = 64;

/// Empty vectors with some capacity, for the next connection that needs one.
#[derive(Default)]
pub(super) struct Pool {
    vectors: Vec<Vec<u8>>,
}

impl Pool {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.vectors.pop().unwrap_or_default()
    }

    pub(super) fn give(&mut self, mut vector: Vec<u8>) {
        let is_worth_keeping = (1..=POOLED_BYTES_MAX).contains(&vector.capacity());
        if is_worth_keeping && self.vectors.len() < POOLED_COUNT_MAX {
            vector.clear();
            self.vectors.push(vector);
        }
    }
}

/// Bytes received and not yet executed.
#[derive(Default)]
pub(super) struct InputBuffer {
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
}

impl InputBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.filled
    }

    /// Bytes not yet executed.
    pub(super) fn len(&self) -> usize {
        self.filled - self.start
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Room for the next read, `wanted_bytes` being what the request lacks: grown with what has
    /// arrived, not with what was announced.
    pub(super) fn spare(&mut self, wanted_bytes: usize) -> &mut [u8] {
        let room = wanted_bytes
            .clamp(READ_BYTES, LARGE_READ_BYTES)
            .min(READ_BYTES.max(self.len()));
        if self.bytes.len() - self.filled < room && self.start > 0 {
            self.bytes.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.filled < room {
            self.bytes.resize(self.filled + room, 0);
        }
        &mut self.bytes[self.filled..]
    }

    /// Notes that `count` bytes were read into [`InputBuffer::spare`].
    pub(super) fn fill(&mut self, count: usize) {
        assert!(self.filled + count <= self.bytes.len());
        self.filled += count;
    }

    /// Keeps a copy of bytes that could not be executed yet. The buffer must be empty.
    pub(super) fn keep(&mut self, bytes: &[u8], pool: &mut Pool) {
        debug_assert!(self.is_empty());
        self.bytes = pool.take();
        self.bytes.extend_from_slice(bytes);
        self.start = 0;
        self.filled = bytes.len();
    }

    /// Lends the bytes out, to be executed; they come back with [`InputBuffer::put_back`].
    pub(super) fn lend(&mut self) -> (Vec<u8>, std::ops::Range<usize>) {
        (std::mem::take(&mut self.bytes), self.start..self.filled)
    }

    /// Takes lent bytes back, of which those before `start` are done.
    pub(super) fn put_back(&mut self, bytes: Vec<u8>, start: usize, pool: &mut Pool) {
        self.start = start;
        if start == self.filled {
            (self.start, self.filled) = (0, 0);
            pool.give(bytes);
        } else {
            self.bytes = bytes;
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Replies on their way out.
#[derive(Default)]
pub(super) struct OutputBuffer {
    bytes: Vec<u8>,
    start: usize,
}

impl OutputBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes not yet written.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Bytes to write next.
    pub(super) fn unwritten(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The vector that replies are appended to, and how many of its bytes are written already.
    pub(super) fn appendable(&mut self, pool: &mut Pool) -> (&mut Vec<u8>, usize) {
        if self.bytes.capacity() == 0 {
            self.bytes = pool.take();
        }
        (&mut self.bytes, self.start)
    }

    /// Gives the memory back if nothing was appended.
    pub(super) fn release_if_empty(&mut self, pool: &mut Pool) {
        if self.bytes.is_empty() && self.bytes.capacity() > 0 {
            pool.give(std::mem::take(&mut self.bytes));
        }
    }

    /// Notes that `count` bytes were written. Gives the memory back when all are.
    pub(super) fn advance(&mut self, count: usize, pool: &mut Pool) {
        self.start += count;
        assert!(self.start <= self.bytes.len());
        if self.start == self.bytes.len() {
            pool.give(std::mem::take(&mut self.bytes));
            self.start = 0;
        } else if self.start > POOLED_BYTES_MAX && self.start > self.bytes.len() / 2 {
            // Moves at most as many bytes as were written since the last time.
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(self.bytes.len() - self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_grows_with_what_arrived_not_with_what_was_announced() {
        let mut input = InputBuffer::default();
        let mut received = 0;
        while received < 3 << 20 {
            let room = input.spare(512 << 20).len();
            assert!(room <= READ_BYTES.max(received).max(LARGE_READ_BYTES));
            input.fill(room);
            received += room;
            assert!(input.allocated_bytes() <= 2 * received + READ_BYTES);
        }
        assert_eq!(input.len(), received);
    }

    #[test]
    fn what_is_done_makes_room_for_what_comes() {
        let mut pool = Pool::default();
        let mut input = InputBuffer::default();
        input.keep(b"first second", &mut pool);
        let (bytes, range) = input.lend();
        assert_eq!(&bytes[range.clone()], b"first second");
        input.put_back(bytes, range.start + 6, &mut pool);
        let spare = input.spare(1);
        spare[..3].copy_from_slice(b"abc");
        input.fill(3);
        let (bytes, range) = input.lend();
        assert_eq!(&bytes[range.clone()], b"secondabc");
        input.put_back(bytes, range.end, &mut pool);
        assert!(input.is_empty());
        assert_eq!(input.allocated_bytes(), 0);
    }

    #[test]
    fn output_is_written_in_pieces_and_then_owns_nothing() {
        let mut pool = Pool::default();
        let mut output = OutputBuffer::default();
        let (bytes, _) = output.appendable(&mut pool);
        bytes.extend_from_slice(&vec![b'x'; 200_000]);
        bytes.extend_from_slice(b"end");
        output.advance(150_000, &mut pool);
        assert_eq!(output.len(), 50_003);
        assert!(output.unwritten().ends_with(b"xend"));
        output.advance(50_003, &mut pool);
        assert!(output.is_empty());
        assert_eq!(output.allocated_bytes(), 0);
    }
}
