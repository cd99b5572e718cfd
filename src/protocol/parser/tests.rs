//! Tests of the parser.

use super::*;
use crate::protocol::args::OwnedArgs;
use proptest::prelude::*;
use std::cell::Cell;

thread_local! {
    static SEARCHED_BYTES: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn count_searched(bytes: usize) {
    SEARCHED_BYTES.set(SEARCHED_BYTES.get() + bytes);
}

/// A request as the tests compare it: its words and how it was written.
type Seen = (Vec<Vec<u8>>, Form);

/// A connection that gets its bytes in pieces and moves them between reads as a server does.
struct Connection {
    parser: CommandParser,
    limits: ParserLimits,
    buffer: Vec<u8>,
    start: usize,
    seen: Vec<Seen>,
    error: Option<ProtocolError>,
}

impl Connection {
    fn new(limits: ParserLimits) -> Self {
        Self {
            parser: CommandParser::new(),
            limits,
            buffer: Vec::new(),
            start: 0,
            seen: Vec::new(),
            error: None,
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        let mut batch = RequestBatch::new();
        let wanted = loop {
            match self
                .parser
                .parse(&self.buffer, self.start, &self.limits, &mut batch)
            {
                Ok(Progress::Request { consumed }) => {
                    assert_eq!(batch.end(batch.len() - 1), consumed);
                    self.start = consumed;
                    assert!(self.parser.is_idle());
                }
                Ok(Progress::Empty { consumed }) => {
                    self.start = consumed;
                    assert!(self.parser.is_idle());
                }
                Ok(Progress::NeedMore { bytes_wanted }) => break Some(bytes_wanted),
                Err(error) => {
                    assert_eq!(self.error.unwrap_or(error), error);
                    self.error = Some(error);
                    break None;
                }
            }
            assert_eq!(self.parser.heap_bytes(), 0);
        };
        if wanted.is_some() {
            assert!(wanted >= Some(1));
            assert_eq!(self.parser.is_idle(), self.start == self.buffer.len());
        }
        // An incomplete request costs at most a constant factor of its bytes.
        let received = self.buffer.len() - self.start;
        assert!(self.parser.heap_bytes() <= 32 + 4 * received);
        for index in 0..batch.len() {
            let args = batch.args(index, &self.buffer);
            let words = args.iter().map(<[u8]>::to_vec).collect();
            self.seen.push((words, batch.form(index)));
        }
    }

    fn compact(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
    }

    fn outcome(self) -> (Vec<Seen>, Option<ProtocolError>, bool) {
        (self.seen, self.error, self.parser.is_idle())
    }
}

type Outcome = (Vec<Seen>, Option<ProtocolError>, bool);

fn at_once(bytes: &[u8], limits: ParserLimits) -> Outcome {
    let mut connection = Connection::new(limits);
    connection.receive(bytes);
    connection.outcome()
}

fn in_pieces(bytes: &[u8], cuts: &[usize], compact: bool, limits: ParserLimits) -> Outcome {
    let mut connection = Connection::new(limits);
    let mut from = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        connection.receive(&bytes[from..cut]);
        from = cut;
        if compact {
            connection.compact();
        }
    }
    connection.outcome()
}

fn array(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn error_of(bytes: &[u8]) -> Option<ProtocolError> {
    at_once(bytes, ParserLimits::default()).1
}

fn unauthenticated() -> ParserLimits {
    ParserLimits {
        authenticated: false,
        ..ParserLimits::default()
    }
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn samples() -> Vec<Vec<u8>> {
    let long = vec![b'v'; 123];
    let huge = vec![b'w'; 12_345];
    let mut pipeline = array(&[b"SET", b"key:000000000001", b"xxx"]);
    pipeline.extend(array(&[b"GET", b""]));
    pipeline.extend(b"PING\r\n\r\nSET \"a b\" 'c'\n*0\r\n*-1\r\n");
    pipeline.extend(array(&[b"SET", b"k", &long]));
    pipeline.extend(array(&[
        b"a", b"b", b"c", b"d", b"e", b"f", b"g", b"h", b"i", b"j", b"k",
    ]));
    vec![
        pipeline,
        array(&[&huge[..400]]),
        b"*1\rX$4\rYPINGab*1\r\n$4\r\nPING\r\n".to_vec(),
        b"PING\r\n*2\r\n$3\r\nGET\r\n$01\r\n".to_vec(),
        b"*2\r\n$3\r\nGET\r\nx\r\n".to_vec(),
        b"*2\r\n$3\r\nGET\r\n\r\n".to_vec(),
        b"GET \"a\r\nPING\r\n".to_vec(),
        b"*3\r\n$3\r\nSET".to_vec(),
        b"*12345678901234567890\r\n".to_vec(),
        b"\r*1\r\n$4\r\nPING\r\n\n".to_vec(),
    ]
}

#[test]
fn a_pipeline_gives_its_requests() {
    let mut bytes = array(&[b"SET", b"k", b"v\r\n"]);
    bytes.extend(b"*0\r\n*-9999\r\n\r\n\n   \r\nGET  'k'\r\nPING\n\"\"\r\n*1\rX$4\rYPINGab");
    let (seen, error, idle) = at_once(&bytes, ParserLimits::default());
    assert_eq!(
        seen,
        [
            (words(&["SET", "k", "v\r\n"]), Form::Resp),
            (words(&["GET", "k"]), Form::InlineCrlf),
            (words(&["PING"]), Form::InlineLf),
            (words(&[""]), Form::InlineCrlf),
            (words(&["PING"]), Form::Resp),
        ]
    );
    assert_eq!((error, idle), (None, true));
}

#[test]
fn ranges_point_into_the_buffer() {
    let mut buffer = b"....".to_vec();
    buffer.extend(array(&[b"GET", b"key"]));
    let mut batch = RequestBatch::new();
    let mut parser = CommandParser::new();
    let progress = parser.parse(&buffer, 4, &ParserLimits::default(), &mut batch);
    assert_eq!(
        progress,
        Ok(Progress::Request {
            consumed: buffer.len()
        })
    );
    let args = batch.args(0, &buffer);
    assert_eq!(args.name().as_ptr(), buffer[12..].as_ptr());
    assert_eq!(OwnedArgs::copy(args).args().get(1), b"key");
    assert_eq!(
        (batch.len(), batch.is_empty(), batch.heap_bytes() > 0),
        (1, false, true)
    );
    batch.clear();
    assert!(batch.is_empty());
}

#[test]
fn every_split_gives_the_same_requests() {
    for bytes in samples() {
        for limits in [ParserLimits::default(), unauthenticated()] {
            let expected = at_once(&bytes, limits);
            for cut in 0..=bytes.len() {
                for compact in [false, true] {
                    assert_eq!(in_pieces(&bytes, &[cut], compact, limits), expected);
                }
            }
            let every_byte: Vec<usize> = (0..bytes.len()).collect();
            assert_eq!(in_pieces(&bytes, &every_byte, true, limits), expected);
            assert_eq!(in_pieces(&bytes, &every_byte, false, limits), expected);
        }
    }
}

#[test]
fn missing_bytes_are_announced() {
    let cases: &[(&[u8], usize)] = &[
        (b"", 1),
        (b"P", 1),
        (b"*3", 1),
        (b"*3\r", 1),
        (b"*3\r\n", 1),
        (b"*3\r\n$3\r", 1),
        (b"*3\r\n$3\r\n", 5),
        (b"*3\r\n$3\r\nSET\r", 1),
        (b"*2\r\n$536870912\r\nab", 536_870_912),
    ];
    for (bytes, expected) in cases {
        let mut parser = CommandParser::new();
        let mut batch = RequestBatch::new();
        let progress = parser.parse(bytes, 0, &ParserLimits::default(), &mut batch);
        let bytes_wanted = *expected;
        assert_eq!(progress, Ok(Progress::NeedMore { bytes_wanted }));
        assert!(batch.is_empty());
    }
}

/// Goal: the errors of Redis 7.0.15. Method: the same bytes were sent to a server.
#[test]
fn errors_are_those_of_redis() {
    use ProtocolError::*;
    let cases: &[(&[u8], ProtocolError)] = &[
        (b"*x\r\n", InvalidCount),
        (b"*\r\n", InvalidCount),
        (b"*01\r\n", InvalidCount),
        (b"*-0\r\n", InvalidCount),
        (b"*+1\r\n", InvalidCount),
        (b"* 1\r\n", InvalidCount),
        (b"*2147483648\r\n", InvalidCount),
        (b"*9223372036854775808\r\n", InvalidCount),
        (b"*1\r\n\r\n", ExpectedDollar { got: b'\r' }),
        (b"*1\r\nx\r\n", ExpectedDollar { got: b'x' }),
        (b"*1\r\nx12345\r\n", ExpectedDollar { got: b'x' }),
        (b"*1\r\n\xff\r\n", ExpectedDollar { got: 0xff }),
        (b"*1\r\n\n\r\n", ExpectedDollar { got: b'\n' }),
        (b"*1\r\n$\r\n", InvalidLength),
        (b"*1\r\n$-1\r\n", InvalidLength),
        (b"*1\r\n$-0\r\n", InvalidLength),
        (b"*1\r\n$01\r\nabcdef", InvalidLength),
        (b"*1\r\n$1x\r\nabcdef", InvalidLength),
        (b"*1\r\n$536870913\r\n", InvalidLength),
        (b"*1\r\n$99999999999999999999\r\n", InvalidLength),
        (b"PING \"a\n", UnbalancedQuotes),
        (b"PING \"a\"b\n", UnbalancedQuotes),
    ];
    for (bytes, expected) in cases {
        assert_eq!(error_of(bytes), Some(*expected), "{}", bytes.escape_ascii());
    }
    assert_eq!(error_of(b"*-9223372036854775808\r\n"), None);
    assert_eq!(error_of(b"*1048576\r\n"), None);
    assert_eq!(error_of(b"*1048577\r\n"), Some(InvalidCount));
}

#[test]
fn limits_are_narrower_before_authentication() {
    let cases: &[(&[u8], Option<ProtocolError>)] = &[
        (b"*10\r\n", None),
        (b"*11\r\n", Some(ProtocolError::UnauthenticatedCount)),
        (b"*2147483648\r\n", Some(ProtocolError::InvalidCount)),
        (b"*1\r\n$16384\r\n", None),
        (
            b"*1\r\n$16385\r\n",
            Some(ProtocolError::UnauthenticatedLength),
        ),
        (b"*1\r\n$536870913\r\n", Some(ProtocolError::InvalidLength)),
    ];
    for (bytes, expected) in cases {
        assert_eq!(at_once(bytes, unauthenticated()).1, *expected);
    }
}

/// Goal: a line of exactly the limit passes and one more byte fails, whether or not its end has
/// arrived. Method: both lengths, cut before, in and behind the line end.
#[test]
fn overlong_lines_fail_wherever_they_are_cut() {
    let cases: [(&[u8], &[u8], ProtocolError); 3] = [
        (b"", b"\n", ProtocolError::InlineTooLong),
        (b"*", b"\r\n", ProtocolError::CountLineTooLong),
        (b"*1\r\n$", b"\r\n", ProtocolError::LengthLineTooLong),
    ];
    for (before, end, expected) in cases {
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        for excess in [0, 1] {
            let mut bytes = before.to_vec();
            bytes.resize(line_start + INLINE_BYTES_MAX + excess, b'1');
            let cut = bytes.len();
            bytes.extend_from_slice(end);
            let limits = ParserLimits::default();
            let error = at_once(&bytes, limits).1;
            assert_eq!(error == Some(expected), excess == 1, "{error:?}");
            for cut in cut - 1..bytes.len() {
                assert_eq!(in_pieces(&bytes, &[cut], true, limits).1, error);
            }
            if excess == 1 {
                assert_eq!(at_once(&bytes[..cut], limits).1, Some(expected));
            }
        }
    }
}

#[test]
fn a_request_longer_than_its_limit_fails_as_soon_as_that_is_known() {
    let bytes = array(&[b"SET", b"key", b"value"]);
    let exact = ParserLimits {
        request_bytes_max: bytes.len(),
        ..ParserLimits::default()
    };
    let short = ParserLimits {
        request_bytes_max: bytes.len() - 1,
        ..exact
    };
    let mut twice = bytes.clone();
    twice.extend_from_slice(&bytes);
    assert_eq!(at_once(&twice, exact).0.len(), 2);
    let too_long = Some(ProtocolError::RequestTooLong);
    assert_eq!(at_once(&twice, short), (vec![], too_long, false));
    for cut in 0..bytes.len() {
        assert_eq!(in_pieces(&bytes, &[cut], false, short).1, too_long);
    }
    let known = &bytes[..bytes.len() - b"value\r\n".len()];
    assert_eq!(at_once(known, short).1, too_long);
    assert_eq!(
        at_once(
            b"PINGPING",
            ParserLimits {
                request_bytes_max: 8,
                ..exact
            }
        )
        .1,
        too_long
    );
    let tiny = ParserLimits {
        bulk_bytes_max: usize::MAX,
        ..exact
    };
    assert_eq!(at_once(b"*1\r\n$9223372036854775807\r\n", tiny).1, too_long);
}

#[test]
fn a_lowered_limit_ends_an_incomplete_request() {
    let bytes = array(&[b"SET", b"key", b"value"]);
    for cut in 9..bytes.len() {
        let mut connection = Connection::new(ParserLimits::default());
        connection.receive(&bytes[..cut]);
        connection.limits.request_bytes_max = 4;
        connection.receive(&bytes[cut..]);
        assert_eq!(connection.error, Some(ProtocolError::RequestTooLong));
    }
}

#[test]
fn after_an_error_the_parser_stays_dead() {
    let mut connection = Connection::new(ParserLimits::default());
    connection.receive(b"PING\r\n*x\r\n");
    connection.receive(b"PING\r\n");
    let (seen, error, idle) = connection.outcome();
    assert_eq!(seen.len(), 1);
    assert_eq!((error, idle), (Some(ProtocolError::InvalidCount), false));
}

#[test]
fn a_large_count_reserves_nothing() {
    let mut connection = Connection::new(ParserLimits::default());
    connection.receive(b"*1000000\r\n$1\r\na\r\n");
    assert!(connection.parser.heap_bytes() <= 32);
}

/// Goal: the cost of a request does not depend on how it is split. Method: the bytes searched for
/// line ends, counted while the input comes byte by byte.
#[test]
fn work_is_linear_however_the_input_is_split() {
    let mut line = vec![b'a'; INLINE_BYTES_MAX - 1];
    line.push(b'\n');
    let many: Vec<&[u8]> = vec![b"x"; 5_000];
    for (bytes, factor) in [
        (line, 1),
        (array(&many), 2),
        (array(&[&vec![b'v'; 50_000]]), 1),
    ] {
        SEARCHED_BYTES.set(0);
        let mut connection = Connection::new(ParserLimits::default());
        for byte in &bytes {
            connection.receive(std::slice::from_ref(byte));
        }
        assert_eq!(connection.seen.len(), 1);
        assert!(SEARCHED_BYTES.get() <= factor * bytes.len());
    }
}

/// A request in the form it would have on the wire.
fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        prop::collection::vec(any::<u8>(), 95..130),
        (990_usize..1_010).prop_map(|len| vec![b'\r'; len]),
    ];
    prop_oneof![
        8 => prop::collection::vec(word, 0..6).prop_map(|words| {
            array(&words.iter().map(Vec::as_slice).collect::<Vec<_>>())
        }),
        2 => "[a-z '\"\\\\]{0,20}(\r\n|\n)".prop_map(String::into_bytes),
        1 => Just(b"*-1\r\n".to_vec()),
    ]
}

/// Bytes with which the parser gets far before it finds out.
fn any_noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"*".to_vec()),
        Just(b"$".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"*2\r\n".to_vec()),
        Just(b"$3\r\n".to_vec()),
        "[0-9]{1,2}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn sorted_cuts(cuts: &[prop::sample::Index], len: usize) -> Vec<usize> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(len + 1)).collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #[test]
    fn random_chunks_give_the_same_requests(
        requests in prop::collection::vec(any_request(), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        compact: bool,
        authenticated: bool,
    ) {
        let bytes = requests.concat();
        let limits = ParserLimits { authenticated, ..ParserLimits::default() };
        let cuts = sorted_cuts(&cuts, bytes.len());
        prop_assert_eq!(in_pieces(&bytes, &cuts, compact, limits), at_once(&bytes, limits));
    }

    #[test]
    fn requests_come_back(
        requests in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 1..6), 0..8),
    ) {
        let bytes: Vec<u8> = requests
            .iter()
            .flat_map(|words| array(&words.iter().map(Vec::as_slice).collect::<Vec<_>>()))
            .collect();
        let (seen, error, idle) = at_once(&bytes, ParserLimits::default());
        let seen: Vec<_> = seen.into_iter().map(|(words, _)| words).collect();
        prop_assert_eq!((seen, error, idle), (requests, None, true));
    }

    #[test]
    fn noise_neither_panics_nor_depends_on_chunks(
        bytes in any_noise(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        compact: bool,
        request_bytes_max in prop_oneof![0_usize..40, Just(REQUEST_BYTES_MAX)],
    ) {
        let limits = ParserLimits { request_bytes_max, ..ParserLimits::default() };
        let cuts = sorted_cuts(&cuts, bytes.len());
        prop_assert_eq!(in_pieces(&bytes, &cuts, compact, limits), at_once(&bytes, limits));
    }
}
