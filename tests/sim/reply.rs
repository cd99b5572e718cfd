//! Replies and pushes as values, read from the bytes that a client got.

/// A reply, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reply {
    /// A status, an error, a number: the whole line.
    Line(String),
    /// A text.
    Text(String),
    /// Nothing.
    Null,
    /// A list, a set, or a map with its keys and values in turn.
    List(Vec<Reply>),
    /// What comes by itself.
    Push(Vec<Reply>),
}

impl Reply {
    /// An integer.
    pub(crate) fn integer(value: usize) -> Self {
        Self::Line(format!(":{value}"))
    }

    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// The text that it is, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Line(_) | Self::Null | Self::List(_) | Self::Push(_) => None,
        }
    }
}

/// The reply at the beginning of some bytes, and its length; `None` if it is not whole.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Reply, usize)> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (sign, number) = line.split_at(1);
    let count = number.parse::<i64>().unwrap_or(0);
    let at = end + 2;
    let list = |count: i64| {
        let (mut items, mut at) = (Vec::new(), at);
        for _ in 0..count {
            let (item, len) = parse(&bytes[at..])?;
            items.push(item);
            at += len;
        }
        Some((items, at))
    };
    match sign {
        "$" if count >= 0 => {
            let text = bytes.get(at..at + count as usize)?;
            bytes.get(at + count as usize + 1)?;
            let text = String::from_utf8_lossy(text).into_owned();
            Some((Reply::Text(text), at + count as usize + 2))
        }
        "_" => Some((Reply::Null, at)),
        "$" | "*" if count < 0 => Some((Reply::Null, at)),
        "*" | "~" => list(count).map(|(items, len)| (Reply::List(items), len)),
        "%" => list(2 * count).map(|(items, len)| (Reply::List(items), len)),
        ">" => list(count).map(|(items, len)| (Reply::Push(items), len)),
        _ => Some((Reply::Line(line), at)),
    }
}
