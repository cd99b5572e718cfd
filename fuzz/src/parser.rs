//! The request parser: any bytes, split anyhow, moved between calls, with and without a login.
//!
//! 1. Requests and errors are the same as when all bytes come at once.
//! 2. Parser and batch hold no more than what was received plus a constant.
//! 3. `bytes_wanted` is at least one, and never more than what is missing.
//!
//! Not here: what requests do (`commands.rs`).

use crate::source::Source;
use evenkeel::protocol::batch::RequestBatch;
use evenkeel::protocol::error::ProtocolError;
use evenkeel::protocol::parser::{CommandParser, ParserLimits, Progress};

/// Bytes that vectors may hold beside what was received, for their growth by doubling.
const SLACK_BYTES: usize = 4096;

/// What came of a stream: the arguments of each request, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    requests: Vec<Vec<Vec<u8>>>,
    consumed_bytes: usize,
    error: Option<ProtocolError>,
}

/// Runs one input. Its first bytes choose the limits and the sizes of the pieces.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let limits = limits(source.byte());
    let sizes = source.bytes(8);
    let stream = source.rest();
    let whole = at_once(stream, &limits);
    assert_eq!(in_pieces(stream, sizes, &limits), whole);
    assert_eq!(in_pieces(stream, &[1], &limits), whole);
}

fn limits(choice: u8) -> ParserLimits {
    let mut limits = ParserLimits {
        authenticated: choice & 1 == 0,
        ..ParserLimits::default()
    };
    if choice & 2 != 0 {
        limits.bulk_bytes_max = usize::from(choice >> 2);
    }
    if choice & 4 != 0 {
        limits.request_bytes_max = 1 + usize::from(choice >> 3) * 3;
    }
    limits
}

/// One buffer, one batch.
fn at_once(stream: &[u8], limits: &ParserLimits) -> Outcome {
    let mut parser = CommandParser::new();
    let mut batch = RequestBatch::new();
    let mut position = 0;
    let error = loop {
        match parser.parse(stream, position, limits, &mut batch) {
            Ok(Progress::Request { consumed } | Progress::Empty { consumed }) => {
                assert!(consumed > position && consumed <= stream.len());
                position = consumed;
            }
            Ok(Progress::NeedMore { bytes_wanted }) => {
                assert!(bytes_wanted >= 1);
                break None;
            }
            Err(error) => break Some(error),
        }
    };
    let heap_bytes = parser.heap_bytes() + batch.heap_bytes();
    assert!(heap_bytes <= 16 * stream.len() + SLACK_BYTES);
    let arguments = |index| {
        batch
            .args(index, stream)
            .iter()
            .map(<[u8]>::to_vec)
            .collect()
    };
    Outcome {
        requests: (0..batch.len()).map(arguments).collect(),
        consumed_bytes: position,
        error,
    }
}

/// A new piece whenever the parser wants more; what is consumed is cut off the buffer's front
/// behind a varying number of bytes that are left there.
fn in_pieces(stream: &[u8], sizes: &[u8], limits: &ParserLimits) -> Outcome {
    let mut sizes = sizes.iter().cycle().map(|size| 1 + usize::from(*size));
    let mut parser = CommandParser::new();
    let mut batch = RequestBatch::new();
    let mut buffer = Vec::new();
    let (mut start, mut received, mut consumed_bytes) = (0, 0, 0);
    let mut requests = Vec::new();
    let error = loop {
        batch.clear();
        match parser.parse(&buffer, start, limits, &mut batch) {
            Ok(Progress::Request { consumed }) => {
                assert_eq!((batch.len(), batch.end(0)), (1, consumed));
                assert_eq!(parser.heap_bytes(), 0, "an idle parser owns nothing");
                requests.push(batch.args(0, &buffer).iter().map(<[u8]>::to_vec).collect());
                consumed_bytes += consumed - start;
                start = consumed;
            }
            Ok(Progress::Empty { consumed }) => {
                assert!(batch.is_empty());
                consumed_bytes += consumed - start;
                start = consumed;
            }
            Ok(Progress::NeedMore { bytes_wanted }) => {
                assert!(bytes_wanted >= 1 && batch.is_empty());
                let incomplete_bytes = buffer.len() - start;
                assert!(parser.heap_bytes() <= 4 * incomplete_bytes + SLACK_BYTES);
                if received == stream.len() {
                    break None;
                }
                let size = sizes.next().unwrap_or(1);
                let size = size.min(stream.len() - received);
                if size % 2 == 0 {
                    let kept = start.min(size % 5);
                    buffer.drain(..start - kept);
                    start = kept;
                }
                buffer.extend_from_slice(&stream[received..received + size]);
                received += size;
            }
            Err(error) => {
                let again = parser.parse(&buffer, start, limits, &mut batch);
                assert_eq!(again, Err(error), "dead is dead");
                break Some(error);
            }
        }
    };
    Outcome {
        requests,
        consumed_bytes,
        error,
    }
}
