//! The requests parsed from one buffer, waiting to be executed.
//!
//! ```text
//!  requests   [ first, count, end, form ][ first, count, end, form ] …
//!                 │                          │
//!  ranges     [ ▪ ▪ ▪ ][ ▪ ▪ ] …             the ranges of all requests in a row
//!  decoded    words of inline requests; a RESP request's ranges point into the read buffer
//! ```
//!
//! Invariant: the ranges of request i are `ranges[first..first + count]`, count ≥ 1, and `end`
//! grows from request to request (debug assertions in `finish_request`).
//!
//! Cost: 16 bytes per request and 8 per argument. The vectors are reused from turn to turn, so
//! the steady state allocates nothing; what a rare huge request took is given back by `clear`.
//!
//! Not here: how requests are recognised (`parser.rs`).

use super::args::{ArgRange, Args};

/// Capacity of each vector that `clear` keeps, in elements: far above what a turn of pipelined
/// requests needs, far below the largest request.
const RETAINED_CAPACITY_MAX: usize = 16 * 1024;

/// How a request was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An array of bulk strings, as client libraries send it.
    Resp,
    /// A line of words that ended in CR LF.
    InlineCrlf,
    /// A line of words that ended in a bare LF, as `nc` and `printf` send it.
    InlineLf,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    first: u32,
    count: u32,
    end: u32,
    form: Form,
}

/// Requests parsed from one buffer; see the module's head for the layout.
#[derive(Debug, Default)]
pub struct RequestBatch {
    pub(super) ranges: Vec<ArgRange>,
    pub(super) decoded: Vec<u8>,
    requests: Vec<Request>,
}

impl RequestBatch {
    /// An empty batch that has allocated nothing.
    pub const fn new() -> Self {
        Self {
            ranges: Vec::new(),
            decoded: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// Forgets all requests and keeps a bounded capacity. To be called before another buffer, or
    /// the same one after its bytes moved, is parsed.
    #[inline]
    pub fn clear(&mut self) {
        clear_retaining(&mut self.ranges);
        clear_retaining(&mut self.decoded);
        clear_retaining(&mut self.requests);
    }

    /// The number of requests.
    #[inline]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// True if there is no request.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The arguments of request `index`; `buffer` holds the bytes given to the parser.
    ///
    /// # Panics
    /// If there is no such request.
    #[inline]
    pub fn args<'a>(&'a self, index: usize, buffer: &'a [u8]) -> Args<'a> {
        let request = self.requests[index];
        let first = request.first as usize;
        let ranges = &self.ranges[first..first + request.count as usize];
        match request.form {
            Form::Resp => Args::new(buffer, ranges),
            Form::InlineCrlf | Form::InlineLf => Args::new(&self.decoded, ranges),
        }
    }

    /// The offset in the buffer just behind request `index`: what is consumed once it has been
    /// executed.
    ///
    /// # Panics
    /// If there is no such request.
    #[inline]
    pub fn end(&self, index: usize) -> usize {
        self.requests[index].end as usize
    }

    /// Whether one of the requests may span this many bytes or more. O(1).
    #[inline]
    pub fn may_have_span(&self, bytes: usize, buffer: &[u8]) -> bool {
        let Some(last) = self.requests.last() else {
            return false;
        };
        let after_first = last.end as usize - self.end(0);
        after_first.max(self.args(0, buffer).span_bytes()) >= bytes
    }

    /// How request `index` was written.
    ///
    /// # Panics
    /// If there is no such request.
    #[inline]
    pub fn form(&self, index: usize) -> Form {
        self.requests[index].form
    }

    /// The bytes held on the heap, without the allocator's rounding.
    #[cfg(feature = "internals")]
    pub fn heap_bytes(&self) -> usize {
        self.ranges.capacity() * size_of::<ArgRange>()
            + self.decoded.capacity()
            + self.requests.capacity() * size_of::<Request>()
    }

    /// Makes a request of the ranges from `first` on, which ends at `end` in the buffer.
    #[inline]
    pub(super) fn finish_request(&mut self, first: usize, end: usize, form: Form) {
        debug_assert!(first < self.ranges.len());
        debug_assert!(
            self.requests
                .last()
                .is_none_or(|last| (last.end as usize) < end)
        );
        self.requests.push(Request {
            first: first as u32,
            count: (self.ranges.len() - first) as u32,
            end: end as u32,
            form,
        });
    }
}

#[inline]
fn clear_retaining<T>(vector: &mut Vec<T>) {
    vector.clear();
    if vector.capacity() > RETAINED_CAPACITY_MAX {
        vector.shrink_to(RETAINED_CAPACITY_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_request_leaves_no_huge_batch() {
        let mut batch = RequestBatch::new();
        assert_eq!(batch.heap_bytes(), 0);
        let range = ArgRange { start: 0, len: 0 };
        batch.ranges.resize(10 * RETAINED_CAPACITY_MAX, range);
        batch.finish_request(0, 1, Form::Resp);
        batch.clear();
        assert_eq!(batch.ranges.capacity(), RETAINED_CAPACITY_MAX);
        assert_eq!((batch.len(), batch.ranges.len()), (0, 0));

        batch.ranges.push(range);
        batch.finish_request(0, 1, Form::Resp);
        batch.clear();
        assert_eq!(batch.ranges.capacity(), RETAINED_CAPACITY_MAX);
    }
}
