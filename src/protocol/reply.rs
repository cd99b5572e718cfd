//! Replies to bytes, in three dialects.
//!
//! ```text
//!               RESP2          RESP3        plain, for a person at a terminal
//!  status       +OK            +OK          OK, but +PONG
//!  error        -ERR text      -ERR text    ERROR: text
//!  integer      :1             :1           :1
//!  string       $1 x           $1 x         x
//!  null         $-1 or *-1     _            (nil)
//!  list         *n             *n           its elements, one a line, or (empty array)
//!  map          *2n            %n           keys and values, one a line
//!  double       $3 1.5         ,1.5         1.5
//!  boolean      :1             #t           :1
//! ```
//!
//! Invariants: every line ends in CR LF; a status or error never holds one inside; a header is
//! followed by exactly the elements it announces (the caller's duty). The output buffer never grows
//! beyond the writer's ceiling: what would need that is left out, and the caller, who asks
//! [`ReplyWriter::is_over`], takes the whole reply back.
//!
//! Cost: appended straight to the output buffer; the common replies use no formatting machinery.
//! The ceiling is asked where the buffer must grow, and nowhere else. A large buffer grows by what
//! is needed and an eighth, not to double its size.
//!
//! Not here: error texts (`error.rs`), when the buffer is written (`node/`).

use super::bulk_row::BulkRow;
use super::double_text::DoubleText;
use super::error::ReplyError;

/// How replies are written; one per connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Version 2 of the protocol, what a connection begins with.
    #[default]
    Resp2,
    /// Version 3, with types of their own for maps, sets, doubles, booleans and pushes.
    Resp3,
    /// Bare lines, for people with `nc`.
    Plain,
}

/// Bytes of the longest header: a sign, 20 digits, CR LF, rounded up.
const HEADER_BYTES_MAX: usize = 24;

/// Buffers below this length are doubled when they must grow.
const DOUBLED_BYTES_MAX: usize = 64 * 1024;

/// Larger ones grow by at least this part of themselves.
const GROWTH_PART: usize = 8;

/// Appends replies to an output buffer.
#[derive(Debug)]
pub struct ReplyWriter<'a> {
    out: &'a mut Vec<u8>,
    dialect: Dialect,
    /// The length that the buffer never grows beyond.
    ceiling_bytes: usize,
    /// Something was left out for that.
    is_over: bool,
}

impl<'a> ReplyWriter<'a> {
    /// A writer that appends to `out`, without a ceiling.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, dialect: Dialect) -> Self {
        Self {
            out,
            dialect,
            ceiling_bytes: usize::MAX,
            is_over: false,
        }
    }

    /// Sets the length that the whole output buffer, what is in it already included, is never made
    /// to grow beyond. Room that it has stays usable.
    #[inline]
    pub fn set_ceiling(&mut self, bytes: usize) {
        self.ceiling_bytes = bytes;
    }

    /// Whether something was left out, because the buffer would have grown beyond the ceiling: then
    /// what has been written since is no whole reply, and is to be taken back by
    /// [`Self::truncate_to`].
    #[inline]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The length that the buffer never grows beyond.
    #[inline]
    pub fn ceiling(&self) -> usize {
        self.ceiling_bytes
    }

    /// Says that a reply would have passed the ceiling, which was found out elsewhere.
    pub fn give_up(&mut self) {
        self.is_over = true;
    }

    /// The bytes written since `mark`, an earlier value of [`Self::len`].
    #[inline]
    pub fn since(&self, mark: usize) -> &[u8] {
        &self.out[mark..]
    }

    /// The dialect written.
    #[inline]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Changes the dialect of what follows.
    #[inline]
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// The bytes in the output buffer, those before this writer included: a mark for
    /// [`Self::truncate_to`].
    #[inline]
    #[allow(clippy::len_without_is_empty)] // A mark, not a collection.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Takes back what was written behind `mark`, an earlier value of [`Self::len`], and the memory
    /// of what could not be written whole.
    #[inline]
    pub fn truncate_to(&mut self, mark: usize) {
        debug_assert!(mark <= self.out.len());
        self.out.truncate(mark);
        if std::mem::take(&mut self.is_over) {
            self.out.shrink_to(DOUBLED_BYTES_MAX);
        }
    }

    /// Puts what `write` writes before all that was written since `mark`, an earlier value of
    /// [`Self::len`]: a length that is known only afterwards. O(what was written since).
    pub fn put_before(&mut self, mark: usize, write: impl FnOnce(&mut Self)) {
        let end = self.out.len();
        write(self);
        let len = self.out.len() - end;
        self.out[mark..].rotate_right(len);
    }

    /// Sees to room for `count` bytes more; false if there is none below the ceiling.
    #[inline]
    fn make_room(&mut self, count: usize) -> bool {
        self.out.capacity() - self.out.len() >= count || self.grow(count)
    }

    #[cold]
    fn grow(&mut self, count: usize) -> bool {
        let len = self.out.len();
        let needed = len.saturating_add(count);
        if self.is_over || needed > self.ceiling_bytes {
            self.is_over = true;
            return false;
        }
        if needed <= DOUBLED_BYTES_MAX {
            self.out.reserve(count);
        } else {
            let wanted = needed.max(len + len / GROWTH_PART);
            self.out.reserve_exact(wanted.min(self.ceiling_bytes) - len);
        }
        true
    }

    /// Appends bytes, if there is room for them.
    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        if self.make_room(bytes.len()) {
            self.out.extend_from_slice(bytes);
        }
    }

    /// `OK`.
    #[inline(always)] // Into SET; called, it would cost twice as much.
    pub fn ok(&mut self) {
        match self.dialect {
            Dialect::Resp2 | Dialect::Resp3 => self.append(b"+OK\r\n"),
            Dialect::Plain => self.append(b"OK\r\n"),
        }
    }

    /// `+PONG`, in every dialect: scripts that wait for a server with `nc` look for the sign, too.
    pub fn pong(&mut self) {
        self.out.extend_from_slice(b"+PONG\r\n");
    }

    /// A status, such as `QUEUED`. Line ends in it become spaces.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        self.simple_bytes(text.as_bytes());
    }

    /// As [`Self::simple`], of any bytes.
    #[inline]
    pub fn simple_bytes(&mut self, text: &[u8]) {
        match self.dialect {
            Dialect::Resp2 | Dialect::Resp3 => self.append(b"+"),
            Dialect::Plain => {}
        }
        self.line(text);
    }

    /// An error. Line ends in it become spaces. In plain a leading `ERR ` is left out.
    pub fn error(&mut self, error: &ReplyError) {
        let text = error.as_bytes();
        match self.dialect {
            Dialect::Resp2 | Dialect::Resp3 => {
                self.append(b"-");
                self.line(text);
            }
            Dialect::Plain => {
                self.append(b"ERROR: ");
                self.line(text.strip_prefix(b"ERR ").unwrap_or(text));
            }
        }
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        if let digit @ 0..=9 = value {
            let line = [b':', b'0' + digit as u8, b'\r', b'\n'];
            self.append(&line);
        } else if let 10..=9_999 = value {
            self.short_integer(value as u16);
        } else {
            self.header(b':', itoa::Buffer::new().format(value));
        }
    }

    /// An integer of two to four digits, as most counts and lengths are.
    #[inline]
    fn short_integer(&mut self, value: u16) {
        let digit = |unit: u16| b'0' + (value / unit % 10) as u8;
        let digits = [digit(1_000), digit(100), digit(10), digit(1)];
        let [thousands, hundreds, tens, ones] = digits;
        let mut line = [b':', thousands, hundreds, tens, ones, b'\r', b'\n'];
        // Its sign stands in the place of the last zero before its first digit.
        let start = usize::from(value < 1_000) + usize::from(value < 100);
        line[start] = b':';
        self.append(&line[start..]);
    }

    /// A string of any bytes.
    #[inline]
    pub fn bulk(&mut self, value: &[u8]) {
        if !self.make_room(value.len() + HEADER_BYTES_MAX) {
            return;
        }
        match self.dialect {
            Dialect::Resp2 | Dialect::Resp3 => self.length_header(value.len()),
            Dialect::Plain => {}
        }
        self.out.extend_from_slice(value);
        self.out.extend_from_slice(b"\r\n");
    }

    /// What stands before a string of so many bytes, which follow, and then a line's end, all by
    /// [`ReplyWriter::raw`].
    pub fn begin_bulk(&mut self, len: usize) {
        match self.dialect {
            Dialect::Resp2 | Dialect::Resp3 => self.header(b'$', itoa::Buffer::new().format(len)),
            Dialect::Plain => {}
        }
    }

    /// A string that is the text of an integer.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// Lends room for `room` bytes of strings, if the ceiling allows that; the reply goes on with
    /// those that `write` leaves in it.
    #[inline]
    pub fn row(&mut self, room: usize, write: impl FnOnce(&mut BulkRow<'_>)) -> bool {
        let begin = self.out.len();
        let is_within = self.out.capacity() - begin >= room || {
            let is_beyond = begin.saturating_add(room) > self.ceiling_bytes;
            !is_beyond && self.grow(room)
        };
        if !is_within {
            return false;
        }
        self.out.resize(begin + room, 0);
        let mut row = BulkRow::new(&mut self.out[begin..]);
        write(&mut row);
        let end = begin + row.len();
        self.out.truncate(end);
        true
    }

    /// The absence of a value.
    #[inline]
    pub fn null(&mut self) {
        match self.dialect {
            Dialect::Resp2 => self.append(b"$-1\r\n"),
            Dialect::Resp3 => self.append(b"_\r\n"),
            Dialect::Plain => self.append(b"(nil)\r\n"),
        }
    }

    /// The absence of a list.
    #[inline]
    pub fn null_array(&mut self) {
        match self.dialect {
            Dialect::Resp2 => self.append(b"*-1\r\n"),
            Dialect::Resp3 | Dialect::Plain => self.null(),
        }
    }

    /// The header of a list; `len` replies follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.aggregate(b'*', b'*', len, len);
    }

    /// The header of a map; `pair_count` times a key and a value follow.
    #[inline]
    pub fn map(&mut self, pair_count: usize) {
        self.aggregate(b'*', b'%', 2 * pair_count, pair_count);
    }

    /// The header of a set; `len` replies follow, no two the same.
    #[inline]
    pub fn set(&mut self, len: usize) {
        self.aggregate(b'*', b'~', len, len);
    }

    /// The header of a message that no request asked for; `len` replies follow.
    #[inline]
    pub fn push(&mut self, len: usize) {
        self.aggregate(b'*', b'>', len, len);
    }

    /// The header of attributes, which stand before a reply and belong to it; `pair_count` times a
    /// key and a value follow, then that reply.
    ///
    /// # Panics
    /// If the dialect is not [`Dialect::Resp3`]: the others have no attributes.
    pub fn attribute(&mut self, pair_count: usize) {
        assert_eq!(self.dialect, Dialect::Resp3, "only RESP3 has attributes");
        self.header(b'|', itoa::Buffer::new().format(pair_count));
    }

    /// A floating-point number, as Redis 7.2 prints it.
    pub fn double(&mut self, value: f64) {
        let text = DoubleText::new(value);
        match self.dialect {
            Dialect::Resp2 | Dialect::Plain => self.bulk(text.as_bytes()),
            Dialect::Resp3 => {
                self.append(b",");
                self.line(text.as_bytes());
            }
        }
    }

    /// True or false; 1 or 0 where the dialect has no booleans.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        match self.dialect {
            Dialect::Resp2 | Dialect::Plain => self.integer(i64::from(value)),
            Dialect::Resp3 => {
                let line: &[u8; 4] = if value { b"#t\r\n" } else { b"#f\r\n" };
                self.append(line);
            }
        }
    }

    /// A text for people; `format` is three letters, such as `txt` or `mkd`.
    ///
    /// # Panics
    /// If `format` has not three bytes.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        assert_eq!(format.len(), 3);
        match self.dialect {
            Dialect::Resp2 | Dialect::Plain => self.bulk(text),
            Dialect::Resp3 => {
                self.header(b'=', itoa::Buffer::new().format(text.len() + 4));
                self.append(format.as_bytes());
                self.append(b":");
                self.append(text);
                self.append(b"\r\n");
            }
        }
    }

    /// An integer beyond 64 bits, as its digits. Line ends in it become spaces.
    pub fn big_number(&mut self, digits: &str) {
        match self.dialect {
            Dialect::Resp2 | Dialect::Plain => self.bulk(digits.as_bytes()),
            Dialect::Resp3 => {
                self.append(b"(");
                self.line(digits.as_bytes());
            }
        }
    }

    /// Bytes that are already replies of this dialect.
    #[inline]
    pub fn raw(&mut self, encoded: &[u8]) {
        self.append(encoded);
    }

    #[inline]
    fn aggregate(&mut self, kind2: u8, kind3: u8, len2: usize, len3: usize) {
        let (kind, len) = match self.dialect {
            Dialect::Resp2 => (kind2, len2),
            Dialect::Resp3 => (kind3, len3),
            Dialect::Plain => {
                if len3 == 0 {
                    self.append(b"(empty array)\r\n");
                }
                return;
            }
        };
        if len <= 9 {
            let line = [kind, b'0' + len as u8, b'\r', b'\n'];
            self.append(&line);
        } else {
            self.header(kind, itoa::Buffer::new().format(len));
        }
    }

    /// The header of a bulk string. Lengths of one and two digits are spelled out by hand.
    #[inline]
    fn length_header(&mut self, len: usize) {
        if len <= 9 {
            let line = [b'$', b'0' + len as u8, b'\r', b'\n'];
            self.out.extend_from_slice(&line);
        } else if len <= 99 {
            let (tens, ones) = (len as u8 / 10, len as u8 % 10);
            let line = [b'$', b'0' + tens, b'0' + ones, b'\r', b'\n'];
            self.out.extend_from_slice(&line);
        } else {
            self.long_length_header(len);
        }
    }

    /// Apart, so that short strings need not make room for its buffer.
    #[inline(never)]
    fn long_length_header(&mut self, len: usize) {
        self.header(b'$', itoa::Buffer::new().format(len));
    }

    #[inline]
    fn header(&mut self, kind: u8, number: &str) {
        let mut line = [0; HEADER_BYTES_MAX];
        let number_end = 1 + number.len();
        line[0] = kind;
        line[1..number_end].copy_from_slice(number.as_bytes());
        line[number_end..number_end + 2].copy_from_slice(b"\r\n");
        self.append(&line[..number_end + 2]);
    }

    /// Appends `text` with spaces for line ends, and a line end.
    fn line(&mut self, text: &[u8]) {
        let start = self.out.len();
        self.append(text);
        for byte in &mut self.out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.append(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `write` appends in RESP2, RESP3 and plain.
    fn dialects(write: impl Fn(&mut ReplyWriter<'_>)) -> [String; 3] {
        [Dialect::Resp2, Dialect::Resp3, Dialect::Plain].map(|dialect| {
            let mut out = b"before".to_vec();
            write(&mut ReplyWriter::new(&mut out, dialect));
            String::from_utf8(out.split_off(6)).unwrap()
        })
    }

    #[test]
    fn the_buffer_never_grows_beyond_the_ceiling() {
        const CEILING: usize = 1 << 20;
        let value = [b'x'; 1000];
        let writes: [fn(&mut ReplyWriter<'_>, &[u8]); 7] = [
            |w, value| w.bulk(value),
            |w, value| w.raw(value),
            |w, value| w.simple(std::str::from_utf8(value).expect("it is ASCII")),
            |w, value| w.verbatim("txt", value),
            |w, _| w.null(),
            |w, _| w.integer(i64::MIN),
            |w, _| w.array(1000),
        ];
        for write in writes {
            let mut out = b"+before\r\n".to_vec();
            let mut writer = ReplyWriter::new(&mut out, Dialect::Resp3);
            writer.set_ceiling(CEILING);
            let mark = writer.len();
            for _ in 0..CEILING {
                write(&mut writer, &value);
            }
            assert!(writer.is_over() && writer.len() <= CEILING);
            writer.truncate_to(mark);
            assert!(!writer.is_over());
            writer.ok();
            assert_eq!(out, b"+before\r\n+OK\r\n");
            assert!(out.capacity() <= DOUBLED_BYTES_MAX);
        }
    }

    #[test]
    fn what_is_too_large_at_once_takes_no_memory() {
        let mut out = Vec::new();
        let mut writer = ReplyWriter::new(&mut out, Dialect::Resp2);
        writer.set_ceiling(1 << 20);
        writer.array(2);
        writer.bulk(&vec![b'x'; 2 << 20]);
        assert!(writer.is_over());
        assert!(out.capacity() < 1 << 10);
    }

    fn same(write: impl Fn(&mut ReplyWriter<'_>), resp: &str, plain: &str) {
        assert_eq!(dialects(write), [resp, resp, plain]);
    }

    #[test]
    fn scalars() {
        same(|w| w.ok(), "+OK\r\n", "OK\r\n");
        same(|w| w.simple("PONG"), "+PONG\r\n", "PONG\r\n");
        same(|w| w.simple("a\r\nb"), "+a  b\r\n", "a  b\r\n");
        for value in [
            0,
            9,
            10,
            99,
            100,
            999,
            1000,
            9999,
            10000,
            -1,
            i64::MIN,
            i64::MAX,
        ] {
            let line = format!(":{value}\r\n");
            same(|w| w.integer(value), &line, &line);
            let text = value.to_string();
            same(
                |w| w.bulk_integer(value),
                &format!("${}\r\n{text}\r\n", text.len()),
                &format!("{text}\r\n"),
            );
        }
        assert_eq!(dialects(|w| w.null()), ["$-1\r\n", "_\r\n", "(nil)\r\n"]);
        assert_eq!(
            dialects(|w| w.null_array()),
            ["*-1\r\n", "_\r\n", "(nil)\r\n"]
        );
        assert_eq!(
            dialects(|w| w.boolean(true)),
            [":1\r\n", "#t\r\n", ":1\r\n"]
        );
        assert_eq!(
            dialects(|w| w.boolean(false)),
            [":0\r\n", "#f\r\n", ":0\r\n"]
        );
    }

    #[test]
    fn bulk_strings_of_every_length_class() {
        for len in [0, 1, 9, 10, 99, 100, 12345] {
            let text = "x".repeat(len);
            same(
                |w| w.bulk(text.as_bytes()),
                &format!("${len}\r\n{text}\r\n"),
                &format!("{text}\r\n"),
            );
        }
    }

    #[test]
    fn errors() {
        same(
            |w| w.error(&ReplyError::WRONGTYPE),
            "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            "ERROR: WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        );
        same(
            |w| w.error(&ReplyError::SYNTAX),
            "-ERR syntax error\r\n",
            "ERROR: syntax error\r\n",
        );
        same(
            |w| w.error(&ReplyError::unknown_command(b"fo\r\no", [&b"\r\na\n"[..]])),
            "-ERR unknown command 'fo  o', with args beginning with: '  a ' \r\n",
            "ERROR: unknown command 'fo  o', with args beginning with: '  a ' \r\n",
        );
    }

    /// Goal: the bytes Redis 7.0.15 sends for its `DEBUG PROTOCOL` samples. Method: recorded.
    #[test]
    fn aggregates_and_rich_types_are_those_of_redis() {
        assert_eq!(dialects(|w| w.array(3)), ["*3\r\n", "*3\r\n", ""]);
        assert_eq!(dialects(|w| w.set(3)), ["*3\r\n", "~3\r\n", ""]);
        assert_eq!(dialects(|w| w.map(3)), ["*6\r\n", "%3\r\n", ""]);
        assert_eq!(dialects(|w| w.map(5)), ["*10\r\n", "%5\r\n", ""]);
        assert_eq!(dialects(|w| w.push(2)), ["*2\r\n", ">2\r\n", ""]);
        assert_eq!(
            dialects(|w| w.array(1234567)),
            ["*1234567\r\n", "*1234567\r\n", ""]
        );
        assert_eq!(
            dialects(|w| w.map(0)),
            ["*0\r\n", "%0\r\n", "(empty array)\r\n"]
        );
        let mut out = Vec::new();
        ReplyWriter::new(&mut out, Dialect::Resp3).attribute(1);
        assert_eq!(out, b"|1\r\n", "the other dialects have none");
        assert_eq!(
            dialects(|w| w.double(2.5)),
            ["$3\r\n2.5\r\n", ",2.5\r\n", "2.5\r\n"]
        );
        assert_eq!(
            dialects(|w| w.double(f64::NEG_INFINITY)),
            ["$4\r\n-inf\r\n", ",-inf\r\n", "-inf\r\n"]
        );
        let text = "This is a verbatim\nstring";
        assert_eq!(
            dialects(|w| w.verbatim("txt", text.as_bytes())),
            [
                format!("$25\r\n{text}\r\n"),
                format!("=29\r\ntxt:{text}\r\n"),
                format!("{text}\r\n")
            ]
        );
        let digits = "1234567999999999999999999999999999999";
        assert_eq!(
            dialects(|w| w.big_number(digits)),
            [
                format!("$37\r\n{digits}\r\n"),
                format!("({digits}\r\n"),
                format!("{digits}\r\n")
            ]
        );
    }

    #[test]
    fn what_was_written_can_be_taken_back() {
        let mut out = b"kept".to_vec();
        let mut writer = ReplyWriter::new(&mut out, Dialect::Resp2);
        let mark = writer.len();
        writer.array(2);
        writer.ok();
        writer.truncate_to(mark);
        writer.set_dialect(Dialect::Resp3);
        assert_eq!(writer.dialect(), Dialect::Resp3);
        writer.null();
        writer.raw(b":1\r\n");
        assert_eq!(out, b"kept_\r\n:1\r\n");
    }
}
