//! `evenkeel ping`: asks a server whether it serves, for health checks and scripts that wait.
//!
//! ```text
//!  [AUTH …]  PING ─▶ +PONG, -NOAUTH …     it serves                        exit code 0
//!                    anything else        it loads, is full or refuses     exit code 1, one line
//!                    nothing              it is gone, loads or hangs       exit code 1, one line
//! ```
//!
//! 1. It ends within three times [`PATIENCE`].
//! 2. A server that asks for a password serves: without one, a health check needs no secret.
//! 3. What no option says is taken from the environment, as the server does: in a container both
//!    have the same one.
//!
//! Not here: where the server's own settings come from (`configuration.rs`).

use super::{cannot_read, path_of, print, text};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for the connection, and for each piece of an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest answer that is read; PING and AUTH have one short line each.
const ANSWER_BYTES_MAX: usize = 4096;
const USAGE: &str = "usage: evenkeel ping [--port N] [--host H] [--unixsocket P] \
                     [--user U] [--pass-file F]";

/// Whom to ask, and as whom.
struct Question {
    host: String,
    port: u16,
    unix_socket: Option<PathBuf>,
    user: Option<Vec<u8>>,
    password: Option<Vec<u8>>,
}

/// Asks the server that the arguments after `ping` name. Prints `PONG` when it serves.
///
/// # Errors
/// One line: what is wrong with the arguments, or why the server does not serve.
pub(crate) fn ping(arguments: &[&[u8]]) -> Result<(), String> {
    let question = Question::read(arguments, &|name| std::env::var_os(name))?;
    let requests = question.requests();
    let answers = question.ask(&requests)?;
    judge(&answers, question.password.is_some())?;
    print("PONG\n")
}

impl Question {
    fn read(
        arguments: &[&[u8]],
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, String> {
        let from_environment =
            |name: &str| variable(name).filter(|value| !value.as_encoded_bytes().contains(&b':'));
        let mut question = Question {
            host: "127.0.0.1".into(),
            port: 6379,
            unix_socket: None,
            user: None,
            password: variable("EVENKEEL_REQUIREPASS").map(OsStringExt::into_vec),
        };
        if let Some(port) = from_environment("EVENKEEL_PORT") {
            question.port = port_of(port.as_encoded_bytes())?;
        }
        if question.port == 0 {
            question.unix_socket = variable("EVENKEEL_UNIXSOCKET").map(PathBuf::from);
        }
        let (pairs, rest) = arguments.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(USAGE.into());
        }
        for [option, value] in pairs {
            match *option {
                b"--port" => question.port = port_of(value)?,
                b"--host" => question.host = String::from_utf8_lossy(value).into_owned(),
                b"--unixsocket" => question.unix_socket = Some(path_of(value)),
                b"--user" => question.user = Some(value.to_vec()),
                b"--pass-file" => {
                    let path = path_of(value);
                    let read = std::fs::read(&path).map_err(|error| cannot_read(&path, error))?;
                    let end = read.iter().position(|byte| b"\r\n".contains(byte));
                    question.password = Some(read[..end.unwrap_or(read.len())].to_vec());
                }
                _ => return Err(USAGE.into()),
            }
        }
        if question.user.is_some() && question.password.is_none() {
            return Err("--user wants --pass-file, too".into());
        }
        Ok(question)
    }

    /// The requests, one after the other.
    fn requests(&self) -> Vec<u8> {
        let mut requests = Vec::new();
        if let Some(password) = &self.password {
            let user = self.user.as_deref();
            let words: Vec<&[u8]> = [Some(&b"AUTH"[..]), user, Some(password)]
                .into_iter()
                .flatten()
                .collect();
            append_request(&mut requests, &words);
        }
        append_request(&mut requests, &[b"PING"]);
        requests
    }

    /// Sends the requests; returns one line of answer for each.
    fn ask(&self, requests: &[u8]) -> Result<Vec<String>, String> {
        let count = 1 + usize::from(self.password.is_some());
        match &self.unix_socket {
            Some(path) => {
                let stream = UnixStream::connect(path)
                    .map_err(|error| format!("no server at {}: {error}", path.display()))?;
                stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
                stream.set_write_timeout(Some(PATIENCE)).map_err(text)?;
                exchange(stream, requests, count)
            }
            None => {
                let stream = self.connect()?;
                stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
                stream.set_write_timeout(Some(PATIENCE)).map_err(text)?;
                exchange(stream, requests, count)
            }
        }
    }

    fn connect(&self) -> Result<TcpStream, String> {
        let place = format!("{}:{}", self.host, self.port);
        let no_server = |reason: &dyn std::fmt::Display| format!("no server at {place}: {reason}");
        let addresses = (&self.host[..], self.port).to_socket_addrs();
        let mut addresses = addresses.map_err(|error| no_server(&error))?;
        let address = addresses.next().ok_or_else(|| no_server(&"no address"))?;
        TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| no_server(&error))
    }
}

fn port_of(text: &[u8]) -> Result<u16, String> {
    let port = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    port.ok_or_else(|| format!("not a port: '{}'", String::from_utf8_lossy(text)))
}

fn append_request(requests: &mut Vec<u8>, words: &[&[u8]]) {
    requests.extend(format!("*{}\r\n", words.len()).into_bytes());
    for word in words {
        requests.extend(format!("${}\r\n", word.len()).into_bytes());
        requests.extend_from_slice(word);
        requests.extend_from_slice(b"\r\n");
    }
}

/// Sends the requests and reads `count` lines.
fn exchange(
    mut stream: impl Read + Write,
    requests: &[u8],
    count: usize,
) -> Result<Vec<String>, String> {
    let silent = |error: std::io::Error| format!("the server does not answer: {error}");
    stream.write_all(requests).map_err(silent)?;
    let mut answer = Vec::new();
    let mut piece = [0; 512];
    while answer.iter().filter(|byte| **byte == b'\n').count() < count {
        let length = stream.read(&mut piece).map_err(silent)?;
        if length == 0 || answer.len() > ANSWER_BYTES_MAX {
            break;
        }
        answer.extend_from_slice(&piece[..length]);
    }
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.lines().map(str::to_owned).collect())
}

/// Whether these answers are those of a server that serves.
fn judge(answers: &[String], has_password: bool) -> Result<(), String> {
    let expected = 1 + usize::from(has_password);
    let serves = |line: &String| line == "+PONG" || line.starts_with("-NOAUTH ");
    match answers {
        [.., last] if answers.len() == expected && serves(last) => {
            // A wrong password is the caller's mistake, unless the server wants none.
            match &answers[0] {
                refused if has_password && refused.starts_with("-WRONGPASS") => {
                    Err(refused[1..].to_owned())
                }
                _ => Ok(()),
            }
        }
        [] => Err("the server ended the connection without an answer".into()),
        [.., last] => Err(format!(
            "it does not serve: {}",
            last.trim_start_matches('-')
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answers: &[&str], has_password: bool) -> Result<(), String> {
        let answers: Vec<String> = answers.iter().map(|line| (*line).to_owned()).collect();
        judge(&answers, has_password)
    }

    #[test]
    fn a_server_that_answers_or_asks_for_a_password_serves() {
        assert_eq!(judged(&["+PONG"], false), Ok(()));
        assert_eq!(judged(&["-NOAUTH Authentication required."], false), Ok(()));
        assert_eq!(judged(&["+OK", "+PONG"], true), Ok(()));
        let unasked = "-ERR AUTH <password> called without any password configured";
        assert_eq!(judged(&[unasked, "+PONG"], true), Ok(()));
    }

    #[test]
    fn all_else_is_an_error() {
        for (answers, has_password, expected) in [
            (
                &["-LOADING Redis is loading"][..],
                false,
                "it does not serve: LOADING Redis is loading",
            ),
            (
                &[],
                false,
                "the server ended the connection without an answer",
            ),
            (&["HTTP/1.1 200"], false, "it does not serve: HTTP/1.1 200"),
            (&["+OK"], true, "it does not serve: +OK"),
            (
                &["-WRONGPASS invalid", "-NOAUTH x"],
                true,
                "WRONGPASS invalid",
            ),
        ] {
            assert_eq!(judged(answers, has_password), Err(expected.to_owned()));
        }
    }

    #[test]
    fn the_environment_speaks_where_no_option_does() {
        let variables = |name: &str| {
            let value = match name {
                "EVENKEEL_PORT" => "7000",
                "EVENKEEL_REQUIREPASS" => "two words",
                _ => return None,
            };
            Some(OsString::from(value))
        };
        let question = Question::read(&[], &variables).ok().unwrap();
        assert_eq!(question.port, 7000);
        assert_eq!(
            question.requests(),
            b"*2\r\n$4\r\nAUTH\r\n$9\r\ntwo words\r\n*1\r\n$4\r\nPING\r\n"
        );
        let question = Question::read(&[b"--port", b"7001"], &variables);
        assert_eq!(question.ok().unwrap().port, 7001);
        let linked = |name: &str| (name == "EVENKEEL_PORT").then(|| "tcp://10.0.0.7:6379".into());
        assert_eq!(Question::read(&[], &linked).ok().unwrap().port, 6379);
    }

    #[test]
    fn wrong_arguments_are_told() {
        let error = |arguments: &[&[u8]]| Question::read(arguments, &|_| None).err().unwrap();
        assert_eq!(error(&[b"--port"]), USAGE);
        assert_eq!(error(&[b"--prot", b"1"]), USAGE);
        assert_eq!(error(&[b"--port", b"70000"]), "not a port: '70000'");
        assert_eq!(error(&[b"--user", b"ada"]), "--user wants --pass-file, too");
    }
}
