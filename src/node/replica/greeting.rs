//! What a replica and its primary say before keys come: who they are, and what is wanted.
//!
//! ```text
//!  PING ─▶ AUTH (if there is a password) ─▶ REPLCONF listening-port ─▶ REPLCONF capa ─▶ PSYNC
//!    each after the answer to the one before
//!  PSYNC ? -1         all keys            +FULLRESYNC id offset, empty lines,
//!                                         $<bytes> or $EOF:<forty bytes>
//!  PSYNC id offset    from that byte on   +CONTINUE [id], or as above
//! ```
//!
//! Sans-IO: bytes and their end come in, bytes to be sent and one outcome come out, however the
//! bytes were cut. Empty lines are signs of life and pass everywhere.
//!
//! Not here: what follows (`mod.rs`), the socket (`server/scheduler/primary.rs`).

use crate::base::numbers::parse_i64;

/// Longest line that a primary answers with.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// Bytes of the name of a stream, and of the mark at the end of a file.
pub(super) const ID_BYTES: usize = 40;

/// Where a stream stands: its name, and the number of the last byte of it that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Name of the stream.
    pub(super) id: String,
    /// Bytes of it that came before.
    pub(super) offset: u64,
}

/// How the end of a file is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileForm {
    /// It has so many bytes.
    Counted(u64),
    /// These bytes follow it.
    Marked([u8; ID_BYTES]),
}

/// What both have agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Agreed {
    /// A file comes now, and then the stream from here on.
    File(FileForm, Position),
    /// The stream goes on where it broke off, under this name.
    Goes(Option<String>),
}

/// What is said to the primary.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// User and password; empty for none.
    pub(super) user: Vec<u8>,
    /// See `user`.
    pub(super) password: Vec<u8>,
    /// The port of this server.
    pub(super) port: u16,
    /// How far the stream is here already.
    pub(super) position: Option<Position>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ping,
    Auth,
    Port,
    Capabilities,
    Psync,
    /// The form of the file is still to come.
    File,
}

/// The conversation. See the module header.
#[derive(Debug)]
pub(super) struct Greeting {
    wanted: Wanted,
    stage: Stage,
    line: Vec<u8>,
    /// What the primary said of its stream.
    position: Option<Position>,
}

impl Greeting {
    /// Begins; what is to be sent first goes to `output`.
    pub(super) fn begin(wanted: Wanted, output: &mut Vec<u8>) -> Self {
        push_request(output, &[b"PING"]);
        Self {
            wanted,
            stage: Stage::Ping,
            line: Vec::new(),
            position: None,
        }
    }

    /// Takes bytes up to the end of the conversation: how many, and what was agreed if that is it.
    ///
    /// # Errors
    /// Why nothing is agreed.
    pub(super) fn hear(
        &mut self,
        bytes: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(usize, Option<Agreed>), String> {
        for (index, &byte) in bytes.iter().enumerate() {
            if byte != b'\n' {
                if self.line.len() == LINE_BYTES_MAX {
                    return Err("a line without end".to_owned());
                }
                self.line.push(byte);
                continue;
            }
            let mut line = std::mem::take(&mut self.line);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.is_empty()
                && let Some(agreed) = self.answer(&line, output)?
            {
                return Ok((index + 1, Some(agreed)));
            }
        }
        Ok((bytes.len(), None))
    }

    fn answer(&mut self, line: &[u8], output: &mut Vec<u8>) -> Result<Option<Agreed>, String> {
        let shown = || line.escape_ascii().to_string();
        let is_error = line.starts_with(b"-");
        match self.stage {
            Stage::Ping => {
                // Who has to give a password is told so here.
                let is_fine = line == b"+PONG"
                    || line.starts_with(b"-NOAUTH")
                    || line.starts_with(b"-NOPERM")
                    || line.starts_with(b"-ERR operation not permitted");
                if !is_fine {
                    return Err(format!("the answer to PING is {}", shown()));
                }
                self.authenticate(output);
            }
            Stage::Auth if is_error => return Err(format!("the password is refused: {}", shown())),
            Stage::Auth => self.tell_port(output),
            // Old servers know fewer of these words, which is no harm.
            Stage::Port => {
                self.stage = Stage::Capabilities;
                let request: [&[u8]; 5] = [b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"];
                push_request(output, &request);
            }
            Stage::Capabilities => self.ask(output),
            Stage::Psync => return self.take_answer(line),
            Stage::File => return self.take_form(line).map(Some),
        }
        Ok(None)
    }

    fn authenticate(&mut self, output: &mut Vec<u8>) {
        let Wanted { user, password, .. } = &self.wanted;
        if password.is_empty() {
            return self.tell_port(output);
        }
        self.stage = Stage::Auth;
        match user.is_empty() {
            true => push_request(output, &[b"AUTH", password]),
            false => push_request(output, &[b"AUTH", user, password]),
        }
    }

    fn tell_port(&mut self, output: &mut Vec<u8>) {
        self.stage = Stage::Port;
        let port = self.wanted.port.to_string();
        push_request(output, &[b"REPLCONF", b"listening-port", port.as_bytes()]);
    }

    fn ask(&mut self, output: &mut Vec<u8>) {
        self.stage = Stage::Psync;
        match &self.wanted.position {
            None => push_request(output, &[b"PSYNC", b"?", b"-1"]),
            Some(Position { id, offset }) => {
                let next = (offset + 1).to_string();
                push_request(output, &[b"PSYNC", id.as_bytes(), next.as_bytes()]);
            }
        }
    }

    fn take_answer(&mut self, line: &[u8]) -> Result<Option<Agreed>, String> {
        let refused = || format!("the answer to PSYNC is {}", line.escape_ascii());
        let text = std::str::from_utf8(line).map_err(|_| refused())?;
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        match words[..] {
            ["+FULLRESYNC", id, offset] if id.len() == ID_BYTES => {
                let offset = parse_i64(offset.as_bytes());
                let offset = offset.and_then(|offset| u64::try_from(offset).ok());
                self.position = Some(Position {
                    id: id.to_owned(),
                    offset: offset.ok_or_else(refused)?,
                });
                self.stage = Stage::File;
                Ok(None)
            }
            ["+CONTINUE"] if self.wanted.position.is_some() => Ok(Some(Agreed::Goes(None))),
            ["+CONTINUE", id] if self.wanted.position.is_some() && id.len() == ID_BYTES => {
                Ok(Some(Agreed::Goes(Some(id.to_owned()))))
            }
            _ => Err(refused()),
        }
    }

    fn take_form(&mut self, line: &[u8]) -> Result<Agreed, String> {
        let refused = || format!("in place of a file came {}", line.escape_ascii());
        let form = match line.strip_prefix(b"$EOF:") {
            Some(mark) => FileForm::Marked(mark.try_into().map_err(|_| refused())?),
            None => {
                let count = line.strip_prefix(b"$").and_then(parse_i64);
                let count = count.and_then(|count| u64::try_from(count).ok());
                FileForm::Counted(count.ok_or_else(refused)?)
            }
        };
        let position = self.position.take();
        let position = position.expect("a file is announced after its position");
        Ok(Agreed::File(form, position))
    }
}

/// Appends a request.
pub(super) fn push_request(output: &mut Vec<u8>, words: &[&[u8]]) {
    output.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        output.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        output.extend_from_slice(word);
        output.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn wanted(password: &[u8], position: Option<Position>) -> Wanted {
        Wanted {
            user: b"mover".to_vec(),
            password: password.to_vec(),
            port: 7000,
            position,
        }
    }

    /// Hears the bytes in pieces of that size: how many were taken, what was agreed, what was sent.
    fn hold(
        wanted: Wanted,
        bytes: &[u8],
        piece_bytes: usize,
    ) -> Result<(usize, Option<Agreed>, String), String> {
        let mut output = Vec::new();
        let mut greeting = Greeting::begin(wanted, &mut output);
        let mut taken = 0;
        for piece in bytes.chunks(piece_bytes) {
            let (count, agreed) = greeting.hear(piece, &mut output)?;
            taken += count;
            if agreed.is_some() {
                return Ok((taken, agreed, String::from_utf8(output).unwrap()));
            }
            assert_eq!(count, piece.len());
        }
        Ok((taken, None, String::from_utf8(output).unwrap()))
    }

    #[test]
    fn all_keys_are_agreed_on_however_the_bytes_come() {
        let bytes = format!(
            "-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n\n-ERR what?\r\n\n\n\
             +FULLRESYNC {ID} 345\r\n\n\n$EOF:{ID}\r\nREDIS"
        );
        let position = Position {
            id: ID.to_owned(),
            offset: 345,
        };
        let mark = ID.as_bytes().try_into().unwrap();
        let agreed = Some(Agreed::File(FileForm::Marked(mark), position));
        for piece_bytes in 1..bytes.len() {
            let (taken, what, said) =
                hold(wanted(b"pw", None), bytes.as_bytes(), piece_bytes).unwrap();
            assert_eq!((taken, &what), (bytes.len() - 5, &agreed));
            assert_eq!(
                said,
                "*1\r\n$4\r\nPING\r\n*3\r\n$4\r\nAUTH\r\n$5\r\nmover\r\n$2\r\npw\r\n\
                 *3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n7000\r\n\
                 *5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n\
                 *3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"
            );
        }
    }

    #[test]
    fn a_stream_goes_on_where_it_broke_off() {
        let position = Position {
            id: ID.to_owned(),
            offset: 99,
        };
        let ask = |answer: &str| {
            let bytes = format!("+PONG\r\n+OK\r\n+OK\r\n{answer}\r\n*1");
            hold(wanted(b"", Some(position.clone())), bytes.as_bytes(), 7)
        };
        let (_, agreed, said) = ask("+CONTINUE").unwrap();
        assert_eq!(agreed, Some(Agreed::Goes(None)));
        assert!(said.ends_with(&format!("PSYNC\r\n$40\r\n{ID}\r\n$3\r\n100\r\n")));
        let other = ID.replace('0', "f");
        let (_, agreed, _) = ask(&format!("+CONTINUE {other}")).unwrap();
        assert_eq!(agreed, Some(Agreed::Goes(Some(other))));
        let (_, agreed, _) = ask(&format!("+FULLRESYNC {ID} 7\r\n$12")).unwrap();
        let position = Position {
            id: ID.to_owned(),
            offset: 7,
        };
        assert_eq!(agreed, Some(Agreed::File(FileForm::Counted(12), position)));
    }

    #[test]
    fn what_is_no_answer_ends_it() {
        let greet = "+PONG\r\n+OK\r\n+OK\r\n";
        for bytes in [
            "-LOADING Redis is loading the dataset in memory\r\n".to_owned(),
            "-NOAUTH\r\n-WRONGPASS no\r\n".to_owned(),
            format!("{greet}-NOMASTERLINK no\r\n"),
            format!("{greet}+CONTINUE\r\n"),
            format!("{greet}+FULLRESYNC {ID} -5\r\n"),
            format!("{greet}+FULLRESYNC short 5\r\n"),
            format!("{greet}+FULLRESYNC {ID} 5\r\n$-1\r\n"),
            format!("{greet}+FULLRESYNC {ID} 5\r\n$EOF:short\r\n"),
            format!("{greet}+FULLRESYNC {ID} 5\r\n-ERR no fork\r\n"),
            "x".repeat(LINE_BYTES_MAX + 1),
        ] {
            let password: &[u8] = match bytes.contains("WRONGPASS") {
                true => b"pw",
                false => b"",
            };
            assert!(hold(wanted(password, None), bytes.as_bytes(), 9).is_err());
        }
    }
}
