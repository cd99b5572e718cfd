//! Error texts: what a reply says, and what can be wrong with the bytes of a request.
//!
//! ```text
//!  WRONGTYPE Operation against a key holding the wrong kind of value
//!  └ code ─┘ └ text for people; both go to the client as they stand here
//! ```
//!
//! Invariants: the texts are those of Redis 7.0 byte for byte (the tests hold bytes a server
//! sent); a text never repeats more than a bounded part of what a client sent.
//!
//! Cost: a fixed text is borrowed; only a text that names something allocates.
//!
//! Not here: texts that one command alone uses (beside that command in `command/`); how an error
//! is framed (`reply.rs`).

use crate::base::limits::ECHOED_BYTES_MAX;
use std::borrow::Cow;
use std::fmt;

/// What the error of a name begins with that no command has.
const UNKNOWN_COMMAND: &[u8] = b"ERR unknown command '";

/// The text of an error reply, its code first. Bytes, since it may repeat what a client sent.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplyError {
    text: Cow<'static, [u8]>,
}

/// Fixed texts more than one family of commands uses.
impl ReplyError {
    /// An option is unknown, misplaced or misses its value.
    pub const SYNTAX: Self = Self::fixed("ERR syntax error");
    /// The key holds another type than the command is for.
    pub const WRONGTYPE: Self =
        Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// An argument or a value is not a 64-bit integer.
    pub const NOT_INTEGER: Self = Self::fixed("ERR value is not an integer or out of range");
    /// An argument or a value is not a float.
    pub const NOT_FLOAT: Self = Self::fixed("ERR value is not a valid float");
    /// A count or size is not an integer, or negative.
    pub const NOT_POSITIVE: Self = Self::fixed("ERR value is out of range, must be positive");
    /// The command needs a key that does not exist.
    pub const NO_SUCH_KEY: Self = Self::fixed("ERR no such key");
    /// An offset is negative.
    pub const OFFSET_OUT_OF_RANGE: Self = Self::fixed("ERR offset is out of range");
    /// A bit is neither 0 nor 1, where one is written.
    pub const BIT_VALUE: Self = Self::fixed("ERR bit is not an integer or out of range");
    /// A bit is neither 0 nor 1, where one is searched.
    pub const BIT_ARGUMENT: Self = Self::fixed("ERR The bit argument must be 1 or 0.");
    /// The sum does not fit 64 bits.
    pub const OVERFLOW: Self = Self::fixed("ERR increment or decrement would overflow");
    /// The negated decrement does not fit 64 bits.
    pub const DECREMENT_OVERFLOW: Self = Self::fixed("ERR decrement would overflow");
    /// The sum is not a finite number.
    pub const NAN_OR_INFINITY: Self = Self::fixed("ERR increment would produce NaN or Infinity");
    /// The value would grow beyond `proto-max-bulk-len`.
    pub const STRING_TOO_LONG: Self =
        Self::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// The client has to authenticate first.
    pub const NOAUTH: Self = Self::fixed("NOAUTH Authentication required.");
    /// Name and password do not match a user.
    pub const WRONGPASS: Self =
        Self::fixed("WRONGPASS invalid username-password pair or user is disabled.");
    /// The protocol version asked for is not 2 or 3.
    pub const NOPROTO: Self = Self::fixed("NOPROTO unsupported protocol version");
    /// A queued command was refused, so the whole transaction is.
    pub const EXECABORT: Self =
        Self::fixed("EXECABORT Transaction discarded because of previous errors.");
    /// There is no database of that number.
    pub const DB_INDEX: Self = Self::fixed("ERR DB index is out of range");
    /// Source and destination are one.
    pub const SAME_OBJECT: Self = Self::fixed("ERR source and destination objects are the same");
    /// A cursor is not one that a scan returned.
    pub const INVALID_CURSOR: Self = Self::fixed("ERR invalid cursor");
    /// A timeout is not an integer.
    pub const BAD_TIMEOUT: Self = Self::fixed("ERR timeout is not an integer or out of range");
    /// A timeout is negative.
    pub const NEGATIVE_TIMEOUT: Self = Self::fixed("ERR timeout is negative");
    /// A collection has as many elements as one can have.
    pub const FULL: Self = Self::fixed("ERR a collection can't have more elements");
    /// Memory is full and nothing may be evicted.
    pub const OOM: Self = Self::fixed("OOM command not allowed when used memory > 'maxmemory'.");
}

impl ReplyError {
    /// An error of a text known at compile time, its code included.
    pub const fn fixed(text: &'static str) -> Self {
        Self {
            text: Cow::Borrowed(text.as_bytes()),
        }
    }

    /// An error of a text made at run time, its code included.
    pub fn new(text: impl Into<String>) -> Self {
        Self::from_bytes(text.into().into_bytes())
    }

    /// An error of bytes made at run time, the code included.
    pub const fn from_bytes(text: Vec<u8>) -> Self {
        Self {
            text: Cow::Owned(text),
        }
    }

    /// `ERR invalid expire time in 'set' command`; `command` is the full name in lower case.
    pub fn invalid_expire_time(command: &str) -> Self {
        Self::new(format!("ERR invalid expire time in '{command}' command"))
    }

    /// `ERR wrong number of arguments for 'config|get' command`; `full_name` is in lower case, the
    /// subcommand behind a bar.
    pub fn wrong_arity(full_name: &str) -> Self {
        Self::new(format!(
            "ERR wrong number of arguments for '{full_name}' command"
        ))
    }

    /// `ERR unknown command 'foo', with args beginning with: 'a' 'b' `: the name and the
    /// arguments as sent, each cut at a zero byte, both cut at [`ECHOED_BYTES_MAX`].
    pub fn unknown_command<'a>(name: &[u8], args: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut quoted: Vec<u8> = Vec::new();
        for arg in args {
            if quoted.len() >= ECHOED_BYTES_MAX {
                break;
            }
            // The cut is made before the quotes are added, which may overshoot by three bytes.
            let room = ECHOED_BYTES_MAX - quoted.len();
            quoted.push(b'\'');
            quoted.extend_from_slice(echoed(arg, room));
            quoted.extend_from_slice(b"' ");
        }
        let mut text = UNKNOWN_COMMAND.to_vec();
        text.extend_from_slice(echoed(name, ECHOED_BYTES_MAX));
        text.extend_from_slice(b"', with args beginning with: ");
        text.extend_from_slice(&quoted);
        Self::from_bytes(text)
    }

    /// Whether it is of [`ReplyError::unknown_command`].
    pub fn is_unknown_command(&self) -> bool {
        self.as_bytes().starts_with(UNKNOWN_COMMAND)
    }

    /// The same error with the name that was probably meant: `…, did you mean 'GET'?`.
    #[must_use]
    pub fn with_suggestion(&self, name: &str) -> Self {
        let text = self.as_bytes().trim_ascii_end();
        Self::from_bytes([text, b", did you mean '", name.as_bytes(), b"'?"].concat())
    }

    /// `ERR unknown subcommand 'foo'. Try CONFIG HELP.`; `container` is shown in upper case.
    pub fn unknown_subcommand(container: &str, subcommand: &[u8]) -> Self {
        Self::subcommand_text(b"ERR unknown subcommand '", container, subcommand)
    }

    /// `ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP.`: for
    /// commands that look at their subcommand themselves.
    pub fn unknown_subcommand_or_arity(container: &str, subcommand: &[u8]) -> Self {
        let start = b"ERR unknown subcommand or wrong number of arguments for '";
        Self::subcommand_text(start, container, subcommand)
    }

    fn subcommand_text(start: &[u8], container: &str, subcommand: &[u8]) -> Self {
        let mut text = start.to_vec();
        text.extend_from_slice(echoed(subcommand, ECHOED_BYTES_MAX));
        text.extend_from_slice(b"'. Try ");
        text.extend_from_slice(container.to_ascii_uppercase().as_bytes());
        text.extend_from_slice(b" HELP.");
        Self::from_bytes(text)
    }

    /// The whole text, its code first. Line ends in it become spaces only when it is framed.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The first word, by which errors are counted: `ERR`, `WRONGTYPE` …; empty if that word is
    /// not UTF-8.
    pub fn code(&self) -> &str {
        let end = memchr::memchr(b' ', &self.text).unwrap_or(self.text.len());
        std::str::from_utf8(&self.text[..end]).unwrap_or_default()
    }
}

/// `text` up to its first zero byte, at most `bytes_max` of it.
fn echoed(text: &[u8], bytes_max: usize) -> &[u8] {
    let cut = &text[..text.len().min(bytes_max)];
    &cut[..memchr::memchr(0, cut).unwrap_or(cut.len())]
}

impl fmt::Display for ReplyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl fmt::Debug for ReplyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ReplyError(\"{}\")", self.text.escape_ascii())
    }
}

impl std::error::Error for ReplyError {}

/// What is wrong with the bytes of a request. The connection cannot go on after it, since nobody
/// knows where the next request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The line with the number of arguments is longer than any number.
    CountLineTooLong,
    /// The number of arguments is not a number, or too large.
    InvalidCount,
    /// More arguments than a client may send before it has authenticated.
    UnauthenticatedCount,
    /// The line with the length of an argument is longer than any number.
    LengthLineTooLong,
    /// An argument does not begin with `$`.
    ExpectedDollar {
        /// The byte that stands there.
        got: u8,
    },
    /// The length of an argument is not a number, negative, or too large.
    InvalidLength,
    /// An argument longer than a client may send before it has authenticated.
    UnauthenticatedLength,
    /// An inline request is too long.
    InlineTooLong,
    /// The quotes of an inline request do not match.
    UnbalancedQuotes,
    /// The request as a whole is too long.
    RequestTooLong,
}

impl ProtocolError {
    /// The text without its variable part.
    fn fixed_text(self) -> &'static str {
        match self {
            Self::CountLineTooLong => "Protocol error: too big mbulk count string",
            Self::InvalidCount => "Protocol error: invalid multibulk length",
            Self::UnauthenticatedCount => "Protocol error: unauthenticated multibulk length",
            Self::LengthLineTooLong => "Protocol error: too big bulk count string",
            Self::ExpectedDollar { .. } => "Protocol error: expected '$', got ",
            Self::InvalidLength => "Protocol error: invalid bulk length",
            Self::UnauthenticatedLength => "Protocol error: unauthenticated bulk length",
            Self::InlineTooLong => "Protocol error: too big inline request",
            Self::UnbalancedQuotes => "Protocol error: unbalanced quotes in request",
            Self::RequestTooLong => "Protocol error: request exceeds client-query-buffer-limit",
        }
    }
}

impl fmt::Display for ProtocolError {
    /// The text of the reply without its code; a byte that is not printable ASCII is escaped.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.fixed_text())?;
        if let Self::ExpectedDollar { got } = self {
            write!(formatter, "'{}'", got.escape_ascii())?;
        }
        Ok(())
    }
}

impl std::error::Error for ProtocolError {}

impl From<ProtocolError> for ReplyError {
    /// The reply that is sent before the connection is closed; it shows the byte as it came.
    fn from(error: ProtocolError) -> Self {
        let mut text = b"ERR ".to_vec();
        text.extend_from_slice(error.fixed_text().as_bytes());
        if let ProtocolError::ExpectedDollar { got } = error {
            text.extend_from_slice(&[b'\'', got, b'\'']);
        }
        Self::from_bytes(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(name: &[u8], args: &[&[u8]]) -> String {
        ReplyError::unknown_command(name, args.iter().copied()).to_string()
    }

    /// Goal: the text a Redis 7.0.15 server sent for the same command. Method: recorded replies.
    #[test]
    fn an_unknown_command_is_repeated_as_redis_does() {
        let start = "ERR unknown command 'foo', with args beginning with: ";
        assert_eq!(unknown(b"foo", &[]), start);
        assert_eq!(
            unknown(b"foo", &[b"a", b"b c", b"z\0zz"]),
            format!("{start}'a' 'b c' 'z' ")
        );
        assert_eq!(
            unknown(b"", &[b""]),
            "ERR unknown command '', with args beginning with: '' "
        );
        assert_eq!(
            unknown(&[b'f'; 200], &[&[b'a'; 200]]),
            format!(
                "ERR unknown command '{}', with args beginning with: '{}' ",
                "f".repeat(128),
                "a".repeat(128)
            )
        );
        let cases: [(usize, usize, usize); 4] =
            [(100, 100, 25), (124, 1, 1), (120, 9, 5), (125, 1, 0)];
        for (first, second, shown) in cases {
            let (a, b) = (vec![b'a'; first], vec![b'b'; second]);
            let tail = match shown {
                0 => String::new(),
                count => format!("'{}' ", "b".repeat(count)),
            };
            assert_eq!(
                unknown(b"foo", &[&a, &b, b"c"]),
                format!("{start}'{}' {tail}", "a".repeat(first))
            );
        }
        let raw = ReplyError::unknown_command(b"f\xff", []);
        assert_eq!(
            raw.as_bytes(),
            b"ERR unknown command 'f\xff', with args beginning with: "
        );
    }

    #[test]
    fn texts_with_names_are_those_of_redis() {
        assert_eq!(
            ReplyError::unknown_subcommand("config", b"FOO").to_string(),
            "ERR unknown subcommand 'FOO'. Try CONFIG HELP."
        );
        assert_eq!(
            ReplyError::unknown_subcommand("CONFIG", &[b'f'; 200]).to_string(),
            format!(
                "ERR unknown subcommand '{}'. Try CONFIG HELP.",
                "f".repeat(128)
            )
        );
        assert_eq!(
            ReplyError::unknown_subcommand_or_arity("debug", b"foo").to_string(),
            "ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP."
        );
        assert_eq!(
            ReplyError::wrong_arity("config|get").to_string(),
            "ERR wrong number of arguments for 'config|get' command"
        );
        assert_eq!(
            ReplyError::invalid_expire_time("setex").to_string(),
            "ERR invalid expire time in 'setex' command"
        );
    }

    #[test]
    fn a_suggestion_follows_what_redis_says() {
        let error = ReplyError::unknown_command(b"GTE", [&b"k"[..]]);
        assert!(error.is_unknown_command() && !ReplyError::NOAUTH.is_unknown_command());
        assert_eq!(
            error.with_suggestion("GET").to_string(),
            "ERR unknown command 'GTE', with args beginning with: 'k', did you mean 'GET'?"
        );
    }

    #[test]
    fn the_code_is_the_first_word() {
        assert_eq!(ReplyError::WRONGTYPE.code(), "WRONGTYPE");
        assert_eq!(ReplyError::SYNTAX.code(), "ERR");
        assert_eq!(ReplyError::new("ALONE").code(), "ALONE");
        assert_eq!(ReplyError::from_bytes(vec![0xff, b' ']).code(), "");
    }

    #[test]
    fn a_protocol_error_shows_the_byte() {
        let error = ProtocolError::ExpectedDollar { got: 0xff };
        assert_eq!(
            error.to_string(),
            r"Protocol error: expected '$', got '\xff'"
        );
        assert_eq!(
            ReplyError::from(error).as_bytes(),
            b"ERR Protocol error: expected '$', got '\xff'"
        );
        assert_eq!(
            ReplyError::from(ProtocolError::InvalidCount).to_string(),
            "ERR Protocol error: invalid multibulk length"
        );
    }
}
