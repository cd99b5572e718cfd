//! Is this one well-formed reply? A reader of RESP2 and RESP3 that shares nothing with the writer.
//!
//! ```text
//!  + text EOL   - text EOL   : integer EOL   $ len EOL bytes EOL   $-1 EOL   * n EOL reply×n   *-1 EOL
//!  RESP3 only:  _ EOL   # t|f EOL   , double EOL   ( digits EOL   = len EOL xxx: bytes EOL
//!               % n EOL reply×2n   ~ n EOL reply×n   > n EOL reply×n
//! ```
//!
//! 1. Numbers have no sign but minus, no leading zeros; lines hold no CR or LF.
//! 2. No recursion: what is outstanding is one count, since nothing but the number of replies to
//!    come matters.
//!
//! Cost: linear; no memory.
//!
//! Not here: what the reply should say.

/// What is wrong with a reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends too early.
    Truncated,
    /// Something else than its form allows, at this offset.
    Malformed(usize),
}

/// Whether the types of RESP3 may stand in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    /// Those of RESP2 only.
    Resp2,
    /// All.
    Resp3,
}

/// The offset behind the reply that begins at `start`.
///
/// # Errors
/// A [`Fault`] if there is no well-formed one.
pub fn end_of_reply(bytes: &[u8], start: usize, types: Types) -> Result<usize, Fault> {
    let mut reader = Reader {
        bytes,
        position: start,
        types,
    };
    let mut outstanding: u64 = 1;
    while outstanding > 0 {
        outstanding = outstanding - 1 + reader.item()?;
    }
    Ok(reader.position)
}

/// How many replies `bytes` consists of.
///
/// # Errors
/// A [`Fault`] if it is anything else than whole, well-formed replies.
pub fn count_replies(bytes: &[u8], types: Types) -> Result<usize, Fault> {
    let (mut position, mut count) = (0, 0);
    while position < bytes.len() {
        position = end_of_reply(bytes, position, types)?;
        count += 1;
    }
    Ok(count)
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    types: Types,
}

impl<'a> Reader<'a> {
    /// Reads one item; returns how many replies it announces.
    fn item(&mut self) -> Result<u64, Fault> {
        let at = self.position;
        let kind = *self.bytes.get(at).ok_or(Fault::Truncated)?;
        let line = self.line()?;
        let is_resp3 = self.types == Types::Resp3;
        let number = integer(line).ok_or(Fault::Malformed(at));
        let count = |number: i64| u64::try_from(number).map_err(|_| Fault::Malformed(at));
        match kind {
            b'+' | b'-' => Ok(0),
            b':' => number.map(|_| 0),
            b'$' | b'*' if line == b"-1" && !is_resp3 => Ok(0),
            b'$' => self.payload(count(number?)?).map(|_| 0),
            b'*' => count(number?),
            b'_' if is_resp3 && line.is_empty() => Ok(0),
            b'#' if is_resp3 && matches!(line, b"t" | b"f") => Ok(0),
            b',' if is_resp3 && is_double(line) => Ok(0),
            b'(' if is_resp3 && is_big_number(line) => Ok(0),
            b'=' if is_resp3 => match self.payload(count(number?)?)? {
                [_, _, _, b':', ..] => Ok(0),
                _ => Err(Fault::Malformed(at)),
            },
            b'%' if is_resp3 => count(number?).map(|pairs| pairs.saturating_mul(2)),
            b'~' | b'>' if is_resp3 => count(number?),
            _ => Err(Fault::Malformed(at)),
        }
    }

    /// The rest of the line behind the kind, without its end.
    fn line(&mut self) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.position + 1..];
        let len = rest
            .iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))
            .ok_or(Fault::Truncated)?;
        match rest.get(len..len + 2) {
            Some(b"\r\n") => {
                self.position += len + 3;
                Ok(&rest[..len])
            }
            Some(_) => Err(Fault::Malformed(self.position + 1 + len)),
            None => Err(Fault::Truncated),
        }
    }

    fn payload(&mut self, len: u64) -> Result<&'a [u8], Fault> {
        let rest = &self.bytes[self.position..];
        let len = usize::try_from(len).map_err(|_| Fault::Truncated)?;
        let end = len.checked_add(2).ok_or(Fault::Truncated)?;
        let with_end = rest.get(..end).ok_or(Fault::Truncated)?;
        if !with_end.ends_with(b"\r\n") {
            return Err(Fault::Malformed(self.position + len));
        }
        self.position += end;
        Ok(&rest[..len])
    }
}

fn integer(line: &[u8]) -> Option<i64> {
    let value: i64 = std::str::from_utf8(line).ok()?.parse().ok()?;
    (value.to_string().as_bytes() == line).then_some(value)
}

fn is_double(line: &[u8]) -> bool {
    let text = std::str::from_utf8(line).unwrap_or_default();
    matches!(text, "inf" | "-inf" | "nan") || text.parse::<f64>().is_ok_and(f64::is_finite)
}

fn is_big_number(line: &[u8]) -> bool {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_replies_are_counted() {
        let count = |bytes: &[u8]| count_replies(bytes, Types::Resp2);
        assert_eq!(count(b""), Ok(0));
        assert_eq!(count(b"+OK\r\n:-5\r\n$-1\r\n*-1\r\n"), Ok(4));
        assert_eq!(count(b"*2\r\n$2\r\n\r\n\r\n*1\r\n-ERR x\r\n"), Ok(1));
        let all = b"%1\r\n_\r\n#t\r\n~1\r\n,1.5\r\n=5\r\ntxt:a\r\n(-12\r\n,inf\r\n>0\r\n";
        assert_eq!(count_replies(all, Types::Resp3), Ok(6));
    }

    #[test]
    fn faults_are_found() {
        let fault = |bytes: &[u8]| count_replies(bytes, Types::Resp2).unwrap_err();
        for cut in [&b"+OK\r"[..], b"*2\r\n:1\r\n", b"$3\r\nab\r\n", b"$1\r\na"] {
            assert_eq!(fault(cut), Fault::Truncated, "{}", cut.escape_ascii());
        }
        for (bytes, at) in [
            (&b"+O\nK\r\n"[..], 2),
            (b":01\r\n", 0),
            (b":+1\r\n", 0),
            (b"$1\r\nabc\r\n", 5),
            (b"OK\r\n", 0),
            (b"%1\r\n:1\r\n:1\r\n", 0),
            (b"*-2\r\n", 0),
        ] {
            assert_eq!(
                fault(bytes),
                Fault::Malformed(at),
                "{}",
                bytes.escape_ascii()
            );
        }
        let null = count_replies(b"$-1\r\n", Types::Resp3);
        assert_eq!(null, Err(Fault::Malformed(0)));
    }
}
