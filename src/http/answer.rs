//! The head of an answer.
//!
//! ```text
//!  HTTP/1.1 200 OK CRLF  Content-Type: … CRLF  Content-Length: 12 CRLF  … CRLF CRLF
//! ```
//!
//! Every answer forbids to be kept by caches, to be taken for another type than it says, and to be
//! read by pages of other sites.
//!
//! Not here: bodies (`node/pages/`).

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is answered.
    Ok,
    /// It is no request of HTTP.
    BadRequest,
    /// Somebody must say who asks.
    Unauthorized,
    /// Who asks may not.
    Forbidden,
    /// There is no such page.
    NotFound,
    /// Only GET and HEAD are answered.
    MethodNotAllowed,
    /// There is to be no body.
    ContentTooLarge,
    /// The head is too large.
    HeadTooLarge,
    /// Not now.
    Unavailable,
}

impl Status {
    /// Number and words.
    pub fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::Unauthorized => "401 Unauthorized",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::Unavailable => "503 Service Unavailable",
        }
    }

    /// The field that goes with it.
    fn field(self) -> Option<&'static str> {
        match self {
            Self::Unauthorized => {
                Some("WWW-Authenticate: Basic realm=\"evenkeel\", charset=\"UTF-8\"")
            }
            Self::MethodNotAllowed => Some("Allow: GET, HEAD"),
            Self::Unavailable => Some("Retry-After: 5"),
            Self::Ok
            | Self::BadRequest
            | Self::Forbidden
            | Self::NotFound
            | Self::ContentTooLarge
            | Self::HeadTooLarge => None,
        }
    }
}

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After so many bytes.
    Bytes(usize),
    /// With the connection.
    UntilClose,
}

/// An answer without its body.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// What became of the request.
    pub status: Status,
    /// Type of the body.
    pub media_type: &'a str,
    /// Where the body ends.
    pub length: Length,
    /// What a browser may load and run (`Content-Security-Policy`); empty for nothing at all.
    pub policy: &'a str,
    /// Whether the client may send another request.
    pub keeps_alive: bool,
}

impl Answer<'_> {
    /// The head.
    pub fn head(&self) -> String {
        let length = match self.length {
            Length::Bytes(bytes) => format!("Content-Length: {bytes}\r\n"),
            Length::UntilClose => String::new(),
        };
        let field = self
            .status
            .field()
            .map_or(String::new(), |field| format!("{field}\r\n"));
        let connection = match self.keeps_alive && self.length != Length::UntilClose {
            true => "keep-alive",
            false => "close",
        };
        let policy = match self.policy {
            "" => "default-src 'none'",
            policy => policy,
        };
        format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\n{length}{field}Connection: {connection}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: {policy}; frame-ancestors 'none'\r\n\r\n",
            self.status.line(),
            self.media_type,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_where_the_body_ends() {
        let mut answer = Answer {
            status: Status::Unauthorized,
            media_type: "text/plain",
            length: Length::Bytes(3),
            policy: "",
            keeps_alive: true,
        };
        assert_eq!(
            answer.head(),
            "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\
             WWW-Authenticate: Basic realm=\"evenkeel\", charset=\"UTF-8\"\r\n\
             Connection: keep-alive\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\n\
             Referrer-Policy: no-referrer\r\n\
             Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n"
        );
        answer.length = Length::UntilClose;
        let head = answer.head();
        assert!(!head.contains("Content-Length") && head.contains("Connection: close\r\n"));
    }
}
