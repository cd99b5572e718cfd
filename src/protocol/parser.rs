//! Bytes to requests: a parser without input or output that resumes where it stopped.
//!
//! ```text
//!  request = "*" count EOL { "$" length EOL bytes any any }      EOL = "\r" any
//!          | line "\n"             words of a line that does not begin with "*"
//!
//!  Idle ─┬─▶ Count ──▶ Length ◀──▶ Bulk ─┬─▶ Idle       any ─▶ Failed
//!        └─▶ Inline ─────────────────────┘
//! ```
//!
//! Invariants:
//! 1. However the bytes are split and moved between calls, the outcome is the same
//!    (`every_split_gives_the_same_requests`, `random_chunks_give_the_same_requests`).
//! 2. No byte is searched twice, but the last of a line and the 8 of a header that the buffer cuts
//!    (`work_is_linear_however_the_input_is_split`).
//! 3. Memory is 8 bytes per argument received, at least 6 bytes each; no count is trusted.
//!
//! Cost: a request that is complete in the buffer is read in one pass and its ranges go straight
//! into the batch. An incomplete one moves its ranges once into the parser.
//!
//! Unlike Redis, a zero byte in a line is data (Redis waits as if the line had not ended), and an
//! overlong line is refused even if it arrives in one piece.
//!
//! Not here: what an error looks like to the client (`error.rs`), words and quotes
//! (`base/words.rs`).

use super::args::ArgRange;
use super::batch::{Form, RequestBatch};
use super::error::ProtocolError;
use crate::base::limits::{
    ARGUMENT_COUNT_MAX, BULK_BYTES_MAX, INLINE_BYTES_MAX, REQUEST_BYTES_MAX,
    UNAUTHENTICATED_ARGUMENT_COUNT_MAX, UNAUTHENTICATED_BULK_BYTES_MAX,
};
use crate::base::words::split_words;

/// Arguments of a request that is read without a loop over vectors: `SET key value EX 60` has five.
const SHORT_REQUEST_ARGUMENTS: usize = 5;

/// What the five digits of a [`short_header`] can say at most.
const SHORT_BULK_BYTES_MAX: usize = 99_999;

/// What a connection may send at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParserLimits {
    /// Longest argument in bytes.
    pub bulk_bytes_max: usize,
    /// Longest request in bytes, from 1 to `u32::MAX`; values outside mean the nearer end.
    pub request_bytes_max: usize,
    /// False narrows the number and length of arguments to what logging in needs. A request that
    /// authenticates changes this for the next one, so it must be executed before that is parsed.
    pub authenticated: bool,
}

impl Default for ParserLimits {
    /// The defaults of an authenticated connection.
    fn default() -> Self {
        Self {
            bulk_bytes_max: BULK_BYTES_MAX,
            request_bytes_max: REQUEST_BYTES_MAX,
            authenticated: true,
        }
    }
}

impl ParserLimits {
    /// Whether nothing that [`short_request`] reads in a buffer of this length is against them.
    #[inline]
    fn allow_all_short(&self, buffer_bytes: usize) -> bool {
        self.authenticated
            && buffer_bytes <= self.request_bytes_max.min(u32::MAX as usize)
            && self.bulk_bytes_max > SHORT_BULK_BYTES_MAX
    }

    /// Checks a number of arguments, in the order of Redis.
    #[inline]
    fn check_count(&self, count: usize) -> Result<(), ProtocolError> {
        if count > ARGUMENT_COUNT_MAX {
            return Err(ProtocolError::InvalidCount);
        }
        if count > UNAUTHENTICATED_ARGUMENT_COUNT_MAX && !self.authenticated {
            return Err(ProtocolError::UnauthenticatedCount);
        }
        Ok(())
    }

    /// Checks the length of an argument, in the order of Redis.
    #[inline]
    fn check_length(&self, len: usize) -> Result<(), ProtocolError> {
        if len > self.bulk_bytes_max {
            return Err(ProtocolError::InvalidLength);
        }
        if len > UNAUTHENTICATED_BULK_BYTES_MAX && !self.authenticated {
            return Err(ProtocolError::UnauthenticatedLength);
        }
        Ok(())
    }
}

/// What came of one call of [`CommandParser::parse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The batch got one more request.
    Request {
        /// Offset in the buffer just behind it.
        consumed: usize,
    },
    /// An empty line, or an array of no elements: nothing to execute and no reply.
    Empty {
        /// Offset in the buffer just behind it.
        consumed: usize,
    },
    /// The request is incomplete. Call again with the same bytes and more behind them.
    NeedMore {
        /// How many more bytes it takes at least, ≥ 1. What a client announced, so to be used for
        /// the size of a read but not of an allocation.
        bytes_wanted: usize,
    },
}

/// Where the parser stands. Offsets count from the start of the request.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Between requests.
    Idle,
    /// In an inline request, whose first `searched` bytes hold no line feed.
    Inline { searched: u32 },
    /// In the line with the number of arguments.
    Count { searched: u32 },
    /// In the line with the length of an argument, which begins at `position`.
    Length {
        position: u32,
        searched: u32,
        remaining: u32,
    },
    /// In the `len` bytes of an argument, which begin at `position`.
    Bulk {
        position: u32,
        len: u32,
        remaining: u32,
    },
    /// Dead: what follows cannot be understood.
    Failed(ProtocolError),
}

/// The parser of one connection.
#[derive(Debug)]
pub struct CommandParser {
    stage: Stage,
    /// Ranges of the arguments of the incomplete request, from its start. Empty while idle.
    partial: Vec<ArgRange>,
}

// One stands in every connection, idle or not.
const _: () = assert!(size_of::<CommandParser>() <= 48);

impl Default for CommandParser {
    fn default() -> Self {
        Self::new()
    }
}

impl CommandParser {
    /// A parser between requests.
    pub const fn new() -> Self {
        Self {
            stage: Stage::Idle,
            partial: Vec::new(),
        }
    }

    /// Bytes allocated to remember an incomplete request.
    pub fn allocated_bytes(&self) -> usize {
        self.partial.capacity() * size_of::<ArgRange>()
    }

    /// True between requests.
    #[inline]
    pub fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// The bytes held on the heap, without the allocator's rounding; 0 while idle.
    #[cfg(feature = "internals")]
    pub fn heap_bytes(&self) -> usize {
        self.partial.capacity() * size_of::<ArgRange>()
    }

    /// Parses the request that starts at `buffer[start..]`.
    ///
    /// After [`Progress::NeedMore`] the bytes from `start` on must come again, followed by more;
    /// they may stand elsewhere, `start` then is where they begin now. After the other two the
    /// next request starts at `consumed`. Bytes behind `u32::MAX` are not seen until they move.
    ///
    /// # Errors
    /// [`ProtocolError`]; the parser then is dead and returns the same error ever after.
    #[inline]
    pub fn parse(
        &mut self,
        buffer: &[u8],
        start: usize,
        limits: &ParserLimits,
        batch: &mut RequestBatch,
    ) -> Result<Progress, ProtocolError> {
        if self.is_idle()
            && limits.allow_all_short(buffer.len())
            && let Some(consumed) = short_request(buffer, start, batch)
        {
            return Ok(Progress::Request { consumed });
        }
        self.parse_any(Scope::new(buffer, start, limits), batch)
    }

    /// As [`CommandParser::parse`], for requests of all forms.
    fn parse_any(
        &mut self,
        scope: Scope<'_>,
        batch: &mut RequestBatch,
    ) -> Result<Progress, ProtocolError> {
        let start = scope.start;
        let result = match self.stage {
            Stage::Idle => match scope.view.get(start) {
                Some(b'*') => self.count(&scope, 0, batch),
                Some(_) => self.inline(&scope, 0, batch),
                None => return Ok(Progress::NeedMore { bytes_wanted: 1 }),
            },
            Stage::Inline { searched } => self.inline(&scope, searched as usize, batch),
            Stage::Count { searched } => self.count(&scope, searched as usize, batch),
            Stage::Length {
                position,
                searched,
                remaining,
            } => {
                let position = start + position as usize;
                let (searched, remaining) = (searched as usize, remaining as usize);
                scope
                    .rest_of_length(position, searched, remaining, &mut self.partial)
                    .map(|reading| self.resumed(&scope, reading, batch))
            }
            Stage::Bulk {
                position,
                len,
                remaining,
            } => {
                let header = Header {
                    value: len as usize,
                    next: start + position as usize,
                };
                scope
                    .rest_of_bulk(header, remaining as usize, &mut self.partial)
                    .map(|reading| self.resumed(&scope, reading, batch))
            }
            Stage::Failed(error) => Err(error),
        };
        if let Err(error) = result {
            self.fail(error);
        }
        result
    }

    #[cold]
    fn fail(&mut self, error: ProtocolError) {
        self.stage = Stage::Failed(error);
        self.partial = Vec::new();
    }

    /// After more of an incomplete request was read: its ranges are in `partial`.
    #[cold]
    fn resumed(
        &mut self,
        scope: &Scope<'_>,
        reading: Reading,
        batch: &mut RequestBatch,
    ) -> Progress {
        match reading {
            Reading::Stopped(stop) => self.suspend(stop),
            Reading::Complete { end } => {
                let first = batch.ranges.len();
                let partial = std::mem::take(&mut self.partial);
                let offset = scope.start as u32;
                batch.ranges.extend(partial.iter().map(|range| ArgRange {
                    start: range.start + offset,
                    len: range.len,
                }));
                batch.finish_request(first, end, Form::Resp);
                self.stage = Stage::Idle;
                Progress::Request { consumed: end }
            }
        }
    }

    fn suspend(&mut self, stop: Stop) -> Progress {
        self.stage = stop.stage;
        Progress::NeedMore {
            bytes_wanted: stop.bytes_wanted,
        }
    }

    /// Reads an array whose first `searched` bytes hold no line end, from its count on.
    #[inline]
    fn count(
        &mut self,
        scope: &Scope<'_>,
        searched: usize,
        batch: &mut RequestBatch,
    ) -> Result<Progress, ProtocolError> {
        let header = match short_header(scope.view, scope.start, b'*') {
            Some(header) => header,
            None => match scope.long_count(searched)? {
                Ok(header) => header,
                Err(stop) => return Ok(self.suspend(stop)),
            },
        };
        scope.limits.check_count(header.value)?;
        if header.value == 0 {
            self.stage = Stage::Idle;
            return Ok(Progress::Empty {
                consumed: header.next,
            });
        }
        let first = batch.ranges.len();
        match scope.arguments(header.next, header.value, 0, &mut batch.ranges) {
            Ok(Reading::Complete { end }) => {
                batch.finish_request(first, end, Form::Resp);
                self.stage = Stage::Idle;
                Ok(Progress::Request { consumed: end })
            }
            Ok(Reading::Stopped(stop)) => {
                let offset = scope.start as u32;
                self.partial
                    .extend(batch.ranges.drain(first..).map(|range| ArgRange {
                        start: range.start - offset,
                        len: range.len,
                    }));
                Ok(self.suspend(stop))
            }
            Err(error) => {
                batch.ranges.truncate(first);
                Err(error)
            }
        }
    }

    /// Reads a line of words whose first `searched` bytes hold no line feed.
    fn inline(
        &mut self,
        scope: &Scope<'_>,
        searched: usize,
        batch: &mut RequestBatch,
    ) -> Result<Progress, ProtocolError> {
        let line_end = match scope.find_line_end(b'\n', scope.start, searched) {
            LineEnd::At(line_end) => line_end,
            LineEnd::TooLong => return Err(ProtocolError::InlineTooLong),
            LineEnd::NotYet { searched } => {
                let bytes_wanted = scope.bytes_wanted(scope.view.len() + 1)?;
                let stage = Stage::Inline { searched };
                return Ok(self.suspend(Stop {
                    stage,
                    bytes_wanted,
                }));
            }
        };
        let line = &scope.view[scope.start..line_end];
        let (line, form) = match line.strip_suffix(b"\r") {
            Some(line) => (line, Form::InlineCrlf),
            None => (line, Form::InlineLf),
        };
        let consumed = line_end + 1;
        let first = batch.ranges.len();
        let ranges = &mut batch.ranges;
        let result = split_words(line, &mut batch.decoded, |word| {
            ranges.push(ArgRange::new(word.start, word.len()));
        });
        if result.is_err() {
            batch.ranges.truncate(first);
            return Err(ProtocolError::UnbalancedQuotes);
        }
        self.stage = Stage::Idle;
        if batch.ranges.len() == first {
            return Ok(Progress::Empty { consumed });
        }
        batch.finish_request(first, consumed, form);
        Ok(Progress::Request { consumed })
    }
}

/// A complete header line: its number and the offset behind it.
#[derive(Clone, Copy)]
struct Header {
    value: usize,
    next: usize,
}

/// Where reading stopped for want of bytes.
struct Stop {
    stage: Stage,
    bytes_wanted: usize,
}

enum Reading {
    Complete { end: usize },
    Stopped(Stop),
}

enum LineEnd {
    At(usize),
    NotYet { searched: u32 },
    TooLong,
}

/// What one call of `parse` is given. Offsets count from the start of the buffer.
struct Scope<'a> {
    /// The buffer, up to the last byte that the request may have.
    view: &'a [u8],
    start: usize,
    request_bytes_max: usize,
    limits: &'a ParserLimits,
}

impl<'a> Scope<'a> {
    #[inline]
    fn new(buffer: &'a [u8], start: usize, limits: &'a ParserLimits) -> Self {
        let offset_max = u32::MAX as usize;
        let request_bytes_max = limits.request_bytes_max.clamp(1, offset_max);
        let view_end = start.saturating_add(request_bytes_max).min(offset_max);
        Self {
            view: &buffer[..buffer.len().min(view_end)],
            start,
            request_bytes_max,
            limits,
        }
    }

    /// Reads `remaining` arguments from `position` on. Their ranges, counted from `base`, are put
    /// behind `ranges`.
    #[inline]
    fn arguments(
        &self,
        mut position: usize,
        mut remaining: usize,
        base: usize,
        ranges: &mut Vec<ArgRange>,
    ) -> Result<Reading, ProtocolError> {
        while remaining > 0 {
            let header = match short_header(self.view, position, b'$') {
                Some(header) => header,
                None => match self.long_length(position, 0, remaining)? {
                    Ok(header) => header,
                    Err(stop) => return Ok(Reading::Stopped(stop)),
                },
            };
            self.limits.check_length(header.value)?;
            // Two bytes end an argument; like Redis we do not look at them.
            let end = header.next.saturating_add(header.value).saturating_add(2);
            if end > self.view.len() {
                return Ok(Reading::Stopped(self.stop_in_bulk(header, end, remaining)?));
            }
            ranges.push(ArgRange::new(header.next - base, header.value));
            position = end;
            remaining -= 1;
        }
        Ok(Reading::Complete { end: position })
    }

    /// Goes on in the line of a length, then with the other arguments.
    fn rest_of_length(
        &self,
        position: usize,
        searched: usize,
        remaining: usize,
        partial: &mut Vec<ArgRange>,
    ) -> Result<Reading, ProtocolError> {
        let header = match self.long_length(position, searched, remaining)? {
            Ok(header) => header,
            Err(stop) => return Ok(Reading::Stopped(stop)),
        };
        self.limits.check_length(header.value)?;
        self.rest_of_bulk(header, remaining, partial)
    }

    /// Goes on in an argument, then with the others.
    fn rest_of_bulk(
        &self,
        header: Header,
        remaining: usize,
        partial: &mut Vec<ArgRange>,
    ) -> Result<Reading, ProtocolError> {
        let end = header.next.saturating_add(header.value).saturating_add(2);
        if end > self.view.len() {
            return Ok(Reading::Stopped(self.stop_in_bulk(header, end, remaining)?));
        }
        partial.push(ArgRange::new(header.next - self.start, header.value));
        self.arguments(end, remaining - 1, self.start, partial)
    }

    #[cold]
    fn stop_in_bulk(
        &self,
        header: Header,
        end: usize,
        remaining: usize,
    ) -> Result<Stop, ProtocolError> {
        let bytes_wanted = self.bytes_wanted(end)?;
        Ok(Stop {
            stage: Stage::Bulk {
                position: (header.next - self.start) as u32,
                len: header.value as u32,
                remaining: remaining as u32,
            },
            bytes_wanted,
        })
    }

    /// Reads the count line of any form. The inner error is a stop.
    #[cold]
    fn long_count(&self, searched: usize) -> Result<Result<Header, Stop>, ProtocolError> {
        let (line_end, searched) = match self.find_line_end(b'\r', self.start, searched) {
            LineEnd::TooLong => return Err(ProtocolError::CountLineTooLong),
            LineEnd::NotYet { searched } => (self.view.len(), searched),
            LineEnd::At(line_end) if line_end + 1 < self.view.len() => {
                let number = strict_integer(&self.view[self.start + 1..line_end]);
                let number = number.ok_or(ProtocolError::InvalidCount)?;
                // Negative counts, like zero, ask for nothing.
                let value = usize::try_from(number.max(0)).unwrap_or(usize::MAX);
                let next = line_end + 2;
                return Ok(Ok(Header { value, next }));
            }
            LineEnd::At(line_end) => (line_end + 1, (line_end - self.start) as u32),
        };
        let bytes_wanted = self.bytes_wanted(line_end + 1)?;
        let stage = Stage::Count { searched };
        Ok(Err(Stop {
            stage,
            bytes_wanted,
        }))
    }

    /// Reads the length line at `position`, of any form. The inner error is a stop.
    #[cold]
    fn long_length(
        &self,
        position: usize,
        searched: usize,
        remaining: usize,
    ) -> Result<Result<Header, Stop>, ProtocolError> {
        let (line_end, searched) = match self.find_line_end(b'\r', position, searched) {
            LineEnd::TooLong => return Err(ProtocolError::LengthLineTooLong),
            LineEnd::NotYet { searched } => (self.view.len(), searched),
            LineEnd::At(line_end) if line_end + 1 < self.view.len() => {
                let got = self.view[position];
                if got != b'$' {
                    return Err(ProtocolError::ExpectedDollar { got });
                }
                let number = strict_integer(&self.view[position + 1..line_end]);
                let value = number.and_then(|number| usize::try_from(number).ok());
                let value = value.ok_or(ProtocolError::InvalidLength)?;
                let next = line_end + 2;
                return Ok(Ok(Header { value, next }));
            }
            LineEnd::At(line_end) => (line_end + 1, (line_end - position) as u32),
        };
        let bytes_wanted = self.bytes_wanted(line_end + 1)?;
        let stage = Stage::Length {
            position: (position - self.start) as u32,
            searched,
            remaining: remaining as u32,
        };
        Ok(Err(Stop {
            stage,
            bytes_wanted,
        }))
    }

    /// Searches the byte that ends the line at `position`, whose first `searched` bytes do not.
    /// Whether the rest of an overlong line has arrived already makes no difference.
    fn find_line_end(&self, terminator: u8, position: usize, searched: usize) -> LineEnd {
        let from = position + searched;
        let window_end = self.view.len().min(position + INLINE_BYTES_MAX + 1);
        let window = self.view.get(from..window_end).unwrap_or_default();
        let found = memchr::memchr(terminator, window);
        #[cfg(test)]
        tests::count_searched(found.map_or(window.len(), |offset| offset + 1));
        match found {
            Some(offset) => LineEnd::At(from + offset),
            None if self.view.len() > position + INLINE_BYTES_MAX => LineEnd::TooLong,
            None => LineEnd::NotYet {
                searched: window_end.saturating_sub(position) as u32,
            },
        }
    }

    /// How many bytes are missing up to `wanted_end`. Once this has succeeded, every offset before
    /// `wanted_end` fits `u32`.
    fn bytes_wanted(&self, wanted_end: usize) -> Result<usize, ProtocolError> {
        if wanted_end.saturating_sub(self.start) > self.request_bytes_max {
            return Err(ProtocolError::RequestTooLong);
        }
        Ok(wanted_end.saturating_sub(self.view.len()).max(1))
    }
}

/// Reads a whole request of a few arguments, as most are, and returns where it ends. `None` for
/// all others, incomplete and wrong ones among them; the batch is then as it was.
///
/// Such requests are most of what a busy server is sent, so this is written for the number of
/// instructions: a header is one word, a range is written once, where it is read later.
#[inline]
fn short_request(buffer: &[u8], start: usize, batch: &mut RequestBatch) -> Option<usize> {
    let count = short_header(buffer, start, b'*')?;
    if count.value == 0 || count.value > SHORT_REQUEST_ARGUMENTS {
        return None;
    }
    let first = batch.ranges.len();
    let mut position = count.next;
    for _ in 0..count.value {
        let Some(header) = short_header(buffer, position, b'$') else {
            batch.ranges.truncate(first);
            return None;
        };
        let range = ArgRange::new(header.next, header.value);
        batch.ranges.push(range);
        position = header.next + header.value + 2;
    }
    if position > buffer.len() {
        batch.ranges.truncate(first);
        return None;
    }
    batch.finish_request(first, position, Form::Resp);
    Some(position)
}

/// Reads a header of `kind`, at most 5 digits and a line end, if 8 bytes are there to look at. What
/// it does not understand is left to the long form, which also finds the errors.
#[inline(always)]
fn short_header(view: &[u8], position: usize, kind: u8) -> Option<Header> {
    let head: &[u8; 8] = view.get(position..)?.first_chunk()?;
    let word = u64::from_le_bytes(*head);
    let byte = |index: u32| (word >> (8 * index)) as u8;
    let first = usize::from(byte(1).wrapping_sub(b'0'));
    if byte(0) != kind || first > 9 {
        return None;
    }
    if byte(2) == b'\r' {
        let next = position + 4;
        return Some(Header { value: first, next });
    }
    let second = usize::from(byte(2).wrapping_sub(b'0'));
    if second > 9 || first == 0 {
        return None;
    }
    let value = 10 * first + second;
    if byte(3) == b'\r' {
        let next = position + 5;
        return Some(Header { value, next });
    }
    longer_header(head, value, position)
}

/// Goes on with a header whose first two digits are `value`.
#[inline(never)]
fn longer_header(head: &[u8; 8], mut value: usize, position: usize) -> Option<Header> {
    for index in 3..=5 {
        let digit = head[index].wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + usize::from(digit);
        if head[index + 1] == b'\r' {
            let next = position + index + 3;
            return Some(Header { value, next });
        }
    }
    None
}

/// A decimal integer of 64 bits in its one canonical form: no plus sign, no leading zero, no
/// minus zero.
fn strict_integer(text: &[u8]) -> Option<i64> {
    let (digits, negative) = match text {
        b"0" => return Some(0),
        [b'-', digits @ ..] => (digits, true),
        digits => (digits, false),
    };
    if !matches!(digits, [b'1'..=b'9', ..]) {
        return None;
    }
    // Built downwards, since the smallest integer has no positive twin.
    let mut value: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

#[cfg(test)]
mod tests;
