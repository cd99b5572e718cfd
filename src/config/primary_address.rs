//! The server whose keys are taken over, as `replicaof` names it.
//!
//! Not here: following it (`node/replica/`).

use super::error::BadValue;
use super::kind::{Kind, ParameterValue};

/// Name or address and port of a primary, if there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrimaryAddress(pub Option<(String, u16)>);

impl ParameterValue for PrimaryAddress {
    fn parse(_kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        const RULE: BadValue = BadValue::Rule("must be a host and a port, or no one");
        // A quoted value carries both in one word.
        let single_words = words
            .iter()
            .flat_map(|word| word.split(u8::is_ascii_whitespace));
        let words: Vec<&[u8]> = single_words.filter(|word| !word.is_empty()).collect();
        let [host, port] = words[..] else {
            return match words.is_empty() {
                true => Ok(Self(None)),
                false => Err(RULE),
            };
        };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(Self(None));
        }
        let text = |word| std::str::from_utf8(word).map_err(|_| RULE);
        let port: u16 = text(port)?.parse().map_err(|_| RULE)?;
        Ok(Self(Some((text(host)?.to_owned(), port))))
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        let primary = self.0.as_ref();
        primary.map_or(Vec::new(), |(host, port)| {
            format!("{host} {port}").into_bytes()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_is_read_and_printed() {
        let kind = Kind::Words {
            max_count: 2,
            word: "WORD",
        };
        let read = |words: &[&[u8]]| PrimaryAddress::parse(&kind, words);
        let told = PrimaryAddress(Some(("db.local".to_owned(), 6379)));
        assert_eq!(read(&[b"db.local", b"6379"]), Ok(told.clone()));
        assert_eq!(read(&[b"db.local 6379"]), Ok(told.clone()));
        assert_eq!(told.print(&kind), b"db.local 6379");
        let nones: [&[&[u8]]; 3] = [&[], &[b""], &[b"NO", b"one"]];
        for none in nones {
            assert_eq!(read(none), Ok(PrimaryAddress(None)));
        }
        let bads: [&[&[u8]]; 4] = [
            &[b"a"],
            &[b"a", b"b"],
            &[b"a", b"70000"],
            &[b"a", b"1", b"2"],
        ];
        for bad in bads {
            assert!(read(bad).is_err());
        }
    }
}
