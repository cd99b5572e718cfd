//! Buffers of connections: owned only while there is something in them.
//!
//! ```text
//!  InputBuffer   [ consumed │ bytes not yet executed │ spare ]
//!                          start                  filled    bytes.len()
//!  OutputBuffer  [ written │ replies to be written ]        and pieces in between that others
//!                         start                  bytes.len()   share (`shared_pieces.rs`)
//! ```
//!
//! A request that announces much gets one of a few large buffers once it has begun to arrive, so
//! that it is read where it will be executed, into memory that is neither fresh nor zeroed again;
//! why so, and figures: docs/design/0005-large-values.md.
//!
//! Invariants: `start <= filled <= bytes.len()`; a buffer that has nothing left owns no memory
//! (its vector goes back to the [`Pool`], which keeps a bounded number); large buffers that nobody
//! has used for a while are freed (`timers.rs`).
//!
//! Cost: input memory is at most twice the bytes received plus [`READ_BYTES`], beside
//! [`LARGE_COUNT_MAX`] buffers of [`LARGE_BYTES`] for the whole server; what a client announces is
//! never allocated before it is sent.
//!
//! Not here: when a connection may read or must wait (`connection.rs`).

use super::shared_pieces::{SHARED_BYTES_MIN, SharedPieces};
use std::sync::Arc;

/// Room of the loop's shared buffer, and so the most that is read at once while no large argument
/// is on its way: a request with a value of some tens of kilobytes comes in one read and is
/// executed where it was read.
pub(super) const SHARED_READ_BYTES: usize = 64 * 1024;

/// Least room for a read into a connection's own buffer.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Bytes that are read at once of a large argument: about a tenth of a millisecond. Less would
/// have more arguments under way at a time, and more of them out of the cache when they are
/// executed.
const LARGE_READ_BYTES: usize = 1024 * 1024;

/// Larger vectors do not go back to the pool's small ones.
const POOLED_BYTES_MAX: usize = 64 * 1024;

const LARGE_OUTPUT_BYTES_MIN: usize = POOLED_BYTES_MAX + 1;

/// Small vectors that the pool keeps.
const POOLED_COUNT_MAX: usize = 64;

/// Length of a large buffer: a value of 1 MiB, the rest of its request and some of the next.
const LARGE_BYTES: usize = (1 << 20) + 4 * READ_BYTES;

/// Large input buffers there are at most, lent or not, and large output vectors that are kept. As
/// a connection is read to the end of its argument if that has arrived, few are in use at a time.
const LARGE_COUNT_MAX: usize = 4;

/// Memory for the next connection that needs some.
#[derive(Default)]
pub(super) struct Pool {
    /// Empty vectors with some capacity.
    vectors: Vec<Vec<u8>>,
    /// Empty vectors with the capacity of a large reply.
    large_outputs: Vec<Vec<u8>>,
    /// Buffers of [`LARGE_BYTES`], their contents of no meaning.
    large_inputs: Vec<Vec<u8>>,
    large_inputs_lent: usize,
    /// A large one was taken since [`Pool::release_unused`] was called.
    was_large_taken: bool,
}

impl Pool {
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.vectors.pop().unwrap_or_default()
    }

    pub(super) fn give(&mut self, mut vector: Vec<u8>) {
        vector.clear();
        let (shelf, count_max) = match vector.capacity() {
            1..=POOLED_BYTES_MAX => (&mut self.vectors, POOLED_COUNT_MAX),
            LARGE_OUTPUT_BYTES_MIN..=LARGE_BYTES => (&mut self.large_outputs, LARGE_COUNT_MAX),
            _ => return,
        };
        if shelf.len() < count_max {
            shelf.push(vector);
        }
    }

    /// Whether there is large memory that nobody uses at the moment.
    #[inline]
    pub(super) fn has_large(&self) -> bool {
        !self.large_inputs.is_empty() || !self.large_outputs.is_empty()
    }

    /// Frees the large memory if none of it was needed since the last call.
    pub(super) fn release_unused(&mut self) {
        if !std::mem::take(&mut self.was_large_taken) {
            self.release_large();
        }
    }

    /// Frees the large memory that nobody uses at the moment.
    pub(super) fn release_large(&mut self) {
        self.large_inputs.clear();
        self.large_outputs.clear();
    }

    fn take_large_output(&mut self) -> Vec<u8> {
        self.was_large_taken = true;
        self.large_outputs.pop().unwrap_or_else(|| self.take())
    }

    /// A buffer of [`LARGE_BYTES`], unless all are lent.
    fn take_large_input(&mut self) -> Option<Vec<u8>> {
        if self.large_inputs_lent == LARGE_COUNT_MAX {
            return None;
        }
        self.large_inputs_lent += 1;
        self.was_large_taken = true;
        // Memory that is fresh from the system is zero and not touched before it is read into.
        let fresh = || vec![0; LARGE_BYTES];
        Some(self.large_inputs.pop().unwrap_or_else(fresh))
    }

    fn give_large_input(&mut self, buffer: Vec<u8>) {
        assert_eq!(buffer.len(), LARGE_BYTES);
        self.large_inputs_lent -= 1;
        self.large_inputs.push(buffer);
    }
}

/// Bytes received and not yet executed.
#[derive(Default)]
pub(super) struct InputBuffer {
    bytes: Vec<u8>,
    start: usize,
    filled: usize,
    /// The vector is one of the pool's large ones.
    is_large: bool,
    /// What the vector takes while it is lent.
    lent_bytes: usize,
}

impl InputBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.filled
    }

    /// Bytes not yet executed.
    pub(super) fn len(&self) -> usize {
        self.filled - self.start
    }

    /// Bytes allocated, whether they are lent or not.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.capacity() + self.lent_bytes
    }

    /// Room for the next read, `wanted_bytes` being what the request lacks. A large request gets a
    /// large buffer once it has begun to arrive, if the pool has one; else, and beyond that, the
    /// buffer is grown with what has arrived, not with what was announced.
    pub(super) fn spare(&mut self, wanted_bytes: usize, pool: &mut Pool) -> &mut [u8] {
        // A read that is not filled to its end tells that there is nothing more.
        let wanted_bytes = wanted_bytes.saturating_add(READ_BYTES);
        let expected_bytes = self.len().saturating_add(wanted_bytes);
        if !self.is_large && self.len() >= READ_BYTES && expected_bytes > POOLED_BYTES_MAX {
            self.move_to_large(pool);
        }
        let room = wanted_bytes.min(LARGE_READ_BYTES);
        let room = if self.is_large {
            room
        } else {
            room.min(READ_BYTES.max(self.len()))
        };
        if self.bytes.len() - self.filled < room && self.start > 0 {
            self.bytes.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.filled < room {
            self.grow(room, pool);
        }
        let end = if self.is_large {
            self.filled + room
        } else {
            self.bytes.len()
        };
        &mut self.bytes[self.filled..end]
    }

    #[cold]
    fn move_to_large(&mut self, pool: &mut Pool) {
        if self.len() <= LARGE_BYTES
            && let Some(mut large) = pool.take_large_input()
        {
            large[..self.len()].copy_from_slice(&self.bytes[self.start..self.filled]);
            pool.give(std::mem::replace(&mut self.bytes, large));
            (self.start, self.filled) = (0, self.len());
            self.is_large = true;
        }
    }

    /// Room for `room` bytes more; `start` is 0.
    #[cold]
    fn grow(&mut self, room: usize, pool: &mut Pool) {
        if self.is_large {
            let mut grown = Vec::with_capacity(self.filled + room);
            grown.extend_from_slice(&self.bytes[..self.filled]);
            pool.give_large_input(std::mem::replace(&mut self.bytes, grown));
            self.is_large = false;
        }
        let len = self.filled + room;
        if len > POOLED_BYTES_MAX {
            // What is large is counted by what it needs, and moved rather than copied.
            self.bytes.reserve_exact(len - self.bytes.len());
        }
        self.bytes.resize(len, 0);
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
        self.lent_bytes = self.bytes.capacity();
        (std::mem::take(&mut self.bytes), self.start..self.filled)
    }

    /// Takes lent bytes back, of which those before `start` are done.
    pub(super) fn put_back(&mut self, bytes: Vec<u8>, start: usize, pool: &mut Pool) {
        self.bytes = bytes;
        self.lent_bytes = 0;
        self.start = start;
        if self.is_empty() {
            self.clear(pool);
        } else if self.is_large && self.len() <= READ_BYTES {
            // The beginning of another request.
            let mut rest = pool.take();
            rest.extend_from_slice(&self.bytes[self.start..self.filled]);
            self.clear(pool);
            self.filled = rest.len();
            self.bytes = rest;
        }
    }

    /// Forgets everything and gives the memory back.
    pub(super) fn clear(&mut self, pool: &mut Pool) {
        let bytes = std::mem::take(&mut self.bytes);
        if self.is_large {
            pool.give_large_input(bytes);
        } else {
            pool.give(bytes);
        }
        *self = Self::default();
    }
}

/// Replies on their way out.
#[derive(Default)]
pub(super) struct OutputBuffer {
    bytes: Vec<u8>,
    start: usize,
    /// Nearly all outputs have none.
    shared: Option<Box<SharedPieces>>,
    /// The last replies were large, so the next may be.
    is_large_expected: bool,
}

impl OutputBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.shared.is_none()
    }

    /// Bytes not yet written.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start + self.shared_len()
    }

    /// Bytes not yet written that others share.
    #[inline]
    pub(super) fn shared_len(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.len())
    }

    /// Bytes allocated, and those shared: each who has not written them counts them.
    pub(super) fn allocated_bytes(&self) -> usize {
        self.bytes.capacity() + self.shared_len()
    }

    /// Bytes to write next; there may be more behind them.
    #[inline]
    pub(super) fn unwritten(&self) -> &[u8] {
        match &self.shared {
            None => &self.bytes[self.start..],
            Some(shared) => shared.next(&self.bytes, self.start),
        }
    }

    /// Adds bytes that other outputs have, too.
    pub(super) fn push_shared(&mut self, bytes: &Arc<[u8]>, pool: &mut Pool) {
        if bytes.len() < SHARED_BYTES_MIN {
            self.appendable(pool).0.extend_from_slice(bytes);
            self.release_if_empty(pool);
        } else {
            let shared = self.shared.get_or_insert_default();
            shared.push(self.bytes.len(), Arc::clone(bytes));
        }
    }

    /// The vector that replies are appended to, and how many of its bytes are written already.
    pub(super) fn appendable(&mut self, pool: &mut Pool) -> (&mut Vec<u8>, usize) {
        if self.bytes.capacity() == 0 {
            self.bytes = if self.is_large_expected {
                pool.take_large_output()
            } else {
                pool.take()
            };
        }
        (&mut self.bytes, self.start)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives the memory back if nothing was appended.
    pub(super) fn release_if_empty(&mut self, pool: &mut Pool) {
        if self.bytes.is_empty() && self.bytes.capacity() > 0 {
            pool.give(std::mem::take(&mut self.bytes));
        }
    }

    /// Notes that `count` bytes of [`OutputBuffer::unwritten`] were written. Gives the memory back
    /// when all are.
    pub(super) fn advance(&mut self, count: usize, pool: &mut Pool) {
        let own_count = if self.shared.is_none() {
            count
        } else {
            self.advance_shared(count)
        };
        self.start += own_count;
        assert!(self.start <= self.bytes.len());
        if self.start == self.bytes.len() {
            self.is_large_expected = self.bytes.len() > POOLED_BYTES_MAX;
            pool.give(std::mem::take(&mut self.bytes));
            self.note_taken();
        } else if self.start > POOLED_BYTES_MAX && self.start > self.bytes.len() / 2 {
            // Moves at most as many bytes as were written since the last time.
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(self.bytes.len() - self.start);
            self.note_taken();
            if self.bytes.capacity() > LARGE_BYTES {
                self.bytes.shrink_to_fit();
            }
        }
    }

    #[cold]
    fn advance_shared(&mut self, count: usize) -> usize {
        let Some(shared) = &mut self.shared else {
            return count;
        };
        let own_count = shared.advance(count, self.start);
        if shared.is_empty() {
            self.shared = None;
        }
        own_count
    }

    /// Takes note that what is written has left the vector.
    #[inline]
    fn note_taken(&mut self) {
        if let Some(shared) = &mut self.shared {
            shared.shift(self.start);
        }
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool whose large buffers are all lent.
    fn exhausted_pool() -> (Pool, Vec<InputBuffer>) {
        let mut pool = Pool::default();
        let mut holders = Vec::new();
        for _ in 0..LARGE_COUNT_MAX {
            let mut input = InputBuffer::default();
            input.keep(&[b'x'; READ_BYTES], &mut pool);
            input.spare(1 << 20, &mut pool);
            assert!(input.is_large);
            holders.push(input);
        }
        (pool, holders)
    }

    #[test]
    fn input_grows_with_what_arrived_not_with_what_was_announced() {
        let (mut pool, holders) = exhausted_pool();
        let mut input = InputBuffer::default();
        let mut received = 0;
        while received < 3 << 20 {
            let room = input.spare(512 << 20, &mut pool).len();
            assert!(room <= READ_BYTES.max(received).max(LARGE_READ_BYTES));
            input.fill(room);
            received += room;
            assert!(input.allocated_bytes() <= 2 * received + READ_BYTES);
        }
        assert_eq!(input.len(), received);
        assert_eq!(holders.len(), LARGE_COUNT_MAX);
    }

    /// Writes numbers through the buffer in pieces of `step` bytes at most and reads them back.
    fn pass_through(input: &mut InputBuffer, pool: &mut Pool, total: usize, step: usize) {
        let pattern = |index: usize| (index % 251) as u8;
        let first: Vec<u8> = (0..READ_BYTES).map(pattern).collect();
        input.keep(&first, pool);
        while input.len() < total {
            let received = input.len();
            let spare = input.spare(total - received, pool);
            let count = spare.len().min(step).min(total - received);
            for (offset, byte) in spare[..count].iter_mut().enumerate() {
                *byte = pattern(received + offset);
            }
            input.fill(count);
        }
        let (bytes, range) = input.lend();
        let is_intact = |(index, byte): (usize, &u8)| *byte == pattern(index);
        assert!(bytes[range.clone()].iter().enumerate().all(is_intact));
        assert_eq!(range.len(), total);
        input.put_back(bytes, range.end, pool);
        assert_eq!(input.allocated_bytes(), 0);
    }

    #[test]
    fn a_large_request_is_read_into_a_buffer_of_the_pool() {
        let mut pool = Pool::default();
        let mut input = InputBuffer::default();
        input.keep(b"*3", &mut pool);
        input.spare(1 << 20, &mut pool);
        assert!(!input.is_large, "announced, and not yet arrived");
        input.clear(&mut pool);
        pass_through(&mut input, &mut pool, 1 << 20, 100_000);
        assert_eq!((pool.large_inputs.len(), pool.large_inputs_lent), (1, 0));
        let address = pool.large_inputs[0].as_ptr();
        pass_through(&mut input, &mut pool, 1 << 20, usize::MAX);
        assert_eq!((pool.large_inputs.len(), pool.large_inputs_lent), (1, 0));
        assert_eq!(pool.large_inputs[0].as_ptr(), address);
    }

    #[test]
    fn a_request_that_outgrows_a_large_buffer_gives_it_back() {
        let mut pool = Pool::default();
        let mut input = InputBuffer::default();
        pass_through(&mut input, &mut pool, 3 << 20, 300_000);
        assert_eq!((pool.large_inputs.len(), pool.large_inputs_lent), (1, 0));
    }

    #[test]
    fn the_beginning_of_the_next_request_holds_no_large_buffer() {
        let mut pool = Pool::default();
        let mut input = InputBuffer::default();
        input.keep(&[b'x'; READ_BYTES], &mut pool);
        let spare = input.spare(100_000, &mut pool);
        assert_eq!(spare.len(), 100_000 + READ_BYTES);
        spare[100_000..100_004].copy_from_slice(b"next");
        input.fill(100_004);
        let (bytes, range) = input.lend();
        input.put_back(bytes, range.end - 4, &mut pool);
        assert_eq!((pool.large_inputs.len(), pool.large_inputs_lent), (1, 0));
        let (bytes, range) = input.lend();
        assert_eq!(&bytes[range], b"next");
    }

    #[test]
    fn what_is_large_and_unused_is_freed() {
        let (mut pool, holders) = exhausted_pool();
        for mut holder in holders {
            holder.clear(&mut pool);
        }
        let mut output = OutputBuffer::default();
        let (bytes, _) = output.appendable(&mut pool);
        bytes.resize(1 << 20, b'x');
        output.advance(1 << 20, &mut pool);
        assert_eq!(pool.large_inputs.len(), LARGE_COUNT_MAX);
        assert_eq!(pool.large_outputs.len(), 1);
        pool.release_unused();
        assert!(pool.has_large(), "it was used since the last time");
        pool.release_unused();
        assert!(!pool.has_large());
    }

    #[test]
    fn after_a_large_reply_the_next_is_written_into_the_same_memory() {
        let mut pool = Pool::default();
        let mut output = OutputBuffer::default();
        let (bytes, _) = output.appendable(&mut pool);
        bytes.resize(1 << 20, b'x');
        let address = bytes.as_ptr();
        output.advance(1 << 20, &mut pool);
        let (bytes, _) = output.appendable(&mut pool);
        assert_eq!(bytes.as_ptr(), address);
        bytes.push(b'x');
        output.advance(1, &mut pool);
        let (bytes, _) = output.appendable(&mut pool);
        assert_ne!(
            bytes.as_ptr(),
            address,
            "small replies take no large memory"
        );
    }

    #[test]
    fn what_is_done_makes_room_for_what_comes() {
        let mut pool = Pool::default();
        let mut input = InputBuffer::default();
        input.keep(b"first second", &mut pool);
        let (bytes, range) = input.lend();
        assert_eq!(&bytes[range.clone()], b"first second");
        input.put_back(bytes, range.start + 6, &mut pool);
        let spare = input.spare(1, &mut pool);
        spare[..3].copy_from_slice(b"abc");
        input.fill(3);
        let (bytes, range) = input.lend();
        assert_eq!(&bytes[range.clone()], b"secondabc");
        input.put_back(bytes, range.end, &mut pool);
        assert!(input.is_empty());
        assert_eq!(input.allocated_bytes(), 0);
    }

    #[test]
    fn a_lent_buffer_is_counted_as_before() {
        let mut pool = Pool::default();
        let mut input = InputBuffer::default();
        input.keep(b"request", &mut pool);
        let counted = (input.len(), input.allocated_bytes());
        let (bytes, range) = input.lend();
        assert_eq!((input.len(), input.allocated_bytes()), counted);
        input.put_back(bytes, range.start, &mut pool);
        assert_eq!((input.len(), input.allocated_bytes()), counted);
        input.clear(&mut pool);
        assert_eq!((input.len(), input.allocated_bytes()), (0, 0));
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
