//! The head of a request.
//!
//! ```text
//!  GET /metrics?x=1 HTTP/1.1 CRLF  Name: value CRLF …  CRLF       next request …
//!  └──────────────────── head_bytes ──────────────────────┘
//! ```
//!
//! Invariants: a head has at most [`HEAD_BYTES_MAX`] bytes and [`FIELDS_MAX`] fields; a request has
//! no body, so the next one begins right after its head.
//!
//! Cost: linear in the head, each time it is looked at; nothing is allocated but a user's name and
//! password. The parser of heads is the crate `httparse`.
//!
//! Not here: what is answered (`answer.rs`, `node/pages/`).

use super::Status;
use data_encoding::BASE64;

/// Bytes of a head at most. Browsers send less than one kilobyte, with cookies of others a few.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Fields of a head at most.
const FIELDS_MAX: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The answer with its body.
    Get,
    /// The answer without its body.
    Head,
    /// Anything else.
    Other,
}

/// Why a request can't be answered as one; the connection ends with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no request of HTTP.
    Malformed,
    /// Its head is too large.
    HeadTooLarge,
    /// It has a body.
    HasBody,
}

impl Fault {
    /// What the client is told.
    pub fn status(self) -> Status {
        match self {
            Self::Malformed => Status::BadRequest,
            Self::HeadTooLarge => Status::HeadTooLarge,
            Self::HasBody => Status::ContentTooLarge,
        }
    }
}

/// A user's name and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: Vec<u8>,
    /// The password.
    pub password: Vec<u8>,
}

/// A request whose head is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What is asked for.
    pub method: Method,
    /// The path, without what follows a question mark.
    pub path: &'a str,
    /// The field `Host`; empty if there is none.
    pub host: &'a [u8],
    /// The field `Authorization`, if there is one.
    authorization: Option<&'a [u8]>,
    /// Whether the client understands OpenMetrics.
    pub takes_open_metrics: bool,
    /// Whether the client may send another request.
    pub keeps_alive: bool,
    /// Bytes of the head.
    pub head_bytes: usize,
}

impl<'a> Request<'a> {
    /// The request that bytes begin with, if its head is complete.
    ///
    /// # Errors
    /// A [`Fault`] when what follows can't be found, or is not to be had.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Fault> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut parsed = httparse::Request::new(&mut fields);
        let head_bytes = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(head_bytes)) if head_bytes <= HEAD_BYTES_MAX => {
                head_bytes
            }
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Fault::HeadTooLarge),
            Err(_) => return Err(Fault::Malformed),
        };
        let target = parsed.path.unwrap_or("");
        let mut request = Self {
            method: match parsed.method {
                Some("GET") => Method::Get,
                Some("HEAD") => Method::Head,
                _ => Method::Other,
            },
            path: target.split('?').next().unwrap_or(target),
            host: b"",
            authorization: None,
            takes_open_metrics: false,
            keeps_alive: parsed.version == Some(1),
            head_bytes,
        };
        for field in parsed.headers.iter() {
            request.take(field.name, field.value)?;
        }
        Ok(Some(request))
    }

    /// Takes what a field says, if that matters here.
    fn take(&mut self, name: &str, value: &'a [u8]) -> Result<(), Fault> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("content-length") && value != b"0" || is("transfer-encoding") {
            return Err(Fault::HasBody);
        }
        if is("host") {
            self.host = value;
        } else if is("authorization") {
            self.authorization = Some(value);
        } else if is("accept") {
            self.takes_open_metrics = mentions(value, b"application/openmetrics-text");
        } else if is("connection") {
            self.keeps_alive &= !mentions(value, b"close");
        }
        Ok(())
    }

    /// The user that it claims to come from; none if it claims nothing, an error if what it claims
    /// can't be read.
    ///
    /// # Errors
    /// The field `Authorization` is not that of the scheme `Basic`.
    pub fn credentials(&self) -> Result<Option<Credentials>, Fault> {
        let Some(field) = self.authorization else {
            return Ok(None);
        };
        let (scheme, encoded) = field.split_at_checked(6).ok_or(Fault::Malformed)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return Err(Fault::Malformed);
        }
        let decoded = BASE64.decode(encoded.trim_ascii());
        let decoded = decoded.map_err(|_| Fault::Malformed)?;
        let colon = decoded.iter().position(|byte| *byte == b':');
        let colon = colon.ok_or(Fault::Malformed)?;
        Ok(Some(Credentials {
            user: decoded[..colon].to_vec(),
            password: decoded[colon + 1..].to_vec(),
        }))
    }

    /// Whether it names its host by an address, as `localhost`, or not at all. A page of another
    /// site whose name its owner lets point to this machine sends that name.
    pub fn names_no_other_host(&self) -> bool {
        let host = match self.host.iter().rposition(|byte| *byte == b':') {
            // The colons of an address of IPv6 stand in brackets.
            Some(colon) if !self.host[colon..].contains(&b']') => &self.host[..colon],
            _ => self.host,
        };
        let digits = |bytes: &[u8]| {
            bytes
                .iter()
                .all(|byte| byte.is_ascii_digit() || *byte == b'.')
        };
        host.eq_ignore_ascii_case(b"localhost") || host.starts_with(b"[") || digits(host)
    }
}

/// Whether a field has a word in it, in any case.
fn mentions(value: &[u8], word: &[u8]) -> bool {
    let mut windows = value.windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Request<'_>>, Fault> {
        Request::parse(text.as_bytes())
    }

    fn complete(text: &str) -> Request<'_> {
        parse(text).expect("a request").expect("complete")
    }

    #[test]
    fn a_head_is_found_with_what_follows_left_alone() {
        let request = complete("GET /metrics?x=%20 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n");
        assert_eq!((request.method, request.path), (Method::Get, "/metrics"));
        assert_eq!((request.host, request.keeps_alive), (&b"a"[..], true));
        assert_eq!(request.head_bytes, 40);
        assert!(!complete("HEAD / HTTP/1.0\r\n\r\n").keeps_alive);
        assert!(!complete("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n").keeps_alive);
        let accepts =
            "GET / HTTP/1.1\r\nAccept: application/OpenMetrics-text;version=1.0.0,*/*\r\n\r\n";
        assert!(complete(accepts).takes_open_metrics);
        assert_eq!(complete("POST / HTTP/1.1\r\n\r\n").method, Method::Other);
        assert_eq!(parse("GET / HTTP/1.1\r\nHost: a\r\n"), Ok(None));
        assert_eq!(parse(""), Ok(None));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(parse("*1\r\n$4\r\nPING\r\n"), Err(Fault::Malformed));
        assert_eq!(parse("GET / HTTP/3.0\r\n\r\n"), Err(Fault::Malformed));
        assert_eq!(
            parse("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
            Err(Fault::Malformed)
        );
        assert_eq!(
            parse("GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\na"),
            Err(Fault::HasBody)
        );
        let chunked = "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parse(chunked), Err(Fault::HasBody));
        assert!(parse("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n").is_ok());
    }

    #[test]
    fn a_head_is_bounded() {
        let line = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(HEAD_BYTES_MAX));
        assert_eq!(parse(&line), Err(Fault::HeadTooLarge));
        assert_eq!(parse(&line[..HEAD_BYTES_MAX]), Err(Fault::HeadTooLarge));
        assert_eq!(parse(&line[..HEAD_BYTES_MAX - 1]), Ok(None));
        let fields = "a: b\r\n".repeat(FIELDS_MAX + 1);
        let many = format!("GET / HTTP/1.1\r\n{fields}\r\n");
        assert_eq!(parse(&many), Err(Fault::HeadTooLarge));
    }

    #[test]
    fn a_user_is_read_from_its_field() {
        let claim = |value: &str| {
            let text = format!("GET / HTTP/1.1\r\nAuthorization: {value}\r\n\r\n");
            complete(&text)
                .credentials()
                .map(|known| known.map(|known| (known.user, known.password)))
        };
        // "eve:a:b"
        assert_eq!(
            claim("Basic ZXZlOmE6Yg=="),
            Ok(Some((b"eve".to_vec(), b"a:b".to_vec())))
        );
        assert_eq!(claim("basic  Og=="), Ok(Some((Vec::new(), Vec::new()))));
        for faulty in ["Basic", "Basic ZXZl", "Basic ?", "Bearer abc"] {
            assert_eq!(claim(faulty), Err(Fault::Malformed), "{faulty}");
        }
        assert!(
            complete("GET / HTTP/1.1\r\n\r\n")
                .credentials()
                .is_ok_and(|claim| claim.is_none())
        );
    }

    #[test]
    fn the_name_of_another_site_is_told_from_an_address() {
        let own = |host: &str| {
            complete(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).names_no_other_host()
        };
        for host in [
            "127.0.0.1",
            "127.0.0.1:9121",
            "LocalHost:80",
            "[::1]:9121",
            "[::1]",
            "",
        ] {
            assert!(own(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:9121",
            "127.0.0.1.evil.example",
            "a:1",
        ] {
            assert!(!own(host), "{host}");
        }
    }
}
