//! How each type of field is read from words and printed.
//!
//! ```text
//! words ── parse(kind) ──▶ field ── print(kind) ──▶ text that parses to the same field
//! ```
//!
//! 1. `parse` accepts nothing outside the row's range (`tests.rs` probes both ends of each row).
//! 2. Printed text, split and parsed again, gives the same value (`tests.rs`).
//! 3. The lines of `file_values`, read in a file, give the same value (`rewrite.rs`).
//!
//! Cost: linear in the text; a value holds no more than the bytes it was parsed from.
//!
//! Not here: which field has which kind (`table.rs`); number and quoting rules (`text.rs`).

use super::error::BadValue;
use super::kind::{Kind, ParameterValue, single};
use super::memory::{MemoryLimit, MemoryShare};
use super::output_limit::OutputLimits;
use super::rename::Rename;
use super::text;
use crate::base::event_classes::EventClasses;

/// Longest text that a parameter takes: that of the longest path. All of them together, written
/// with every byte escaped, still fit into a configuration file.
const TEXT_BYTES_MAX: usize = 4096;

/// Largest file permissions a parameter takes.
const PERMISSIONS_MAX: u32 = 0o777;

/// The field value of a row's default.
///
/// # Panics
/// If the default is not a value of its row: a fault in the table, shown by the first test.
pub(super) fn of_default<V: ParameterValue>(kind: &Kind, default: &str) -> V {
    V::parse(kind, &[default.as_bytes()]).expect("a row's default is a value of the row")
}

/// A text that is no longer than [`TEXT_BYTES_MAX`].
fn bounded(text: Vec<u8>) -> Result<Vec<u8>, BadValue> {
    const RULE: BadValue = BadValue::Rule("argument must be no longer than 4096 bytes");
    if text.len() > TEXT_BYTES_MAX {
        return Err(RULE);
    }
    Ok(text)
}

impl Kind {
    /// The value that these words are, as `CONFIG GET` answers it, for parameters without a field.
    pub(super) fn printed(&self, words: &[&[u8]]) -> Result<Vec<u8>, BadValue> {
        match *self {
            Kind::Boolean => bool::parse(self, words).map(|value| value.print(self)),
            Kind::Integer { .. } => i64::parse(self, words).map(|value| value.print(self)),
            Kind::Memory { .. } => u64::parse(self, words).map(|value| value.print(self)),
            Kind::MemoryOrAuto => MemoryLimit::parse(self, words).map(|value| value.print(self)),
            Kind::MemoryOrPercent => MemoryShare::parse(self, words).map(|value| value.print(self)),
            Kind::Octal => u32::parse(self, words).map(|value| value.print(self)),
            Kind::SavePoints => Vec::<SavePoint>::parse(self, words).map(|value| value.print(self)),
            Kind::OutputLimits => OutputLimits::parse(self, words).map(|value| value.print(self)),
            Kind::Rename => Vec::<Rename>::parse(self, words).map(|value| value.print(self)),
            Kind::Text => Vec::<u8>::parse(self, words),
            Kind::Choice(names) => {
                let word = single(words)?;
                let mut own = names.iter();
                let found = own.find(|name| name.as_bytes().eq_ignore_ascii_case(word));
                found
                    .map(|name| name.as_bytes().to_vec())
                    .ok_or(BadValue::NotListed(names))
            }
            Kind::Words { max_count, .. } => {
                // CONFIG SET and a quoted file value carry all words in one.
                let split = words
                    .iter()
                    .flat_map(|word| word.split(u8::is_ascii_whitespace));
                let split: Vec<&[u8]> = split.filter(|word| !word.is_empty()).collect();
                if words.is_empty() || split.len() > max_count {
                    return Err(BadValue::WrongCount);
                }
                bounded(split.join(&b' '))
            }
        }
    }

    /// The default of a row of this kind, as `CONFIG GET` answers it.
    ///
    /// # Panics
    /// If the default is not a value of its row: a fault in the table, shown by the first test.
    pub(super) fn printed_default(&self, default: &str) -> Vec<u8> {
        self.printed(&[default.as_bytes()])
            .expect("a row's default is a value of the row")
    }

    /// Reads a number in this kind's notation and checks its range.
    fn parse_number(&self, words: &[&[u8]]) -> Result<i128, BadValue> {
        let word = single(words)?;
        let (number, min, max) = match *self {
            Kind::Integer { min, max } => {
                let number = text::integer(word).ok_or(BadValue::NotInteger)?;
                (i128::from(number), i128::from(min), i128::from(max))
            }
            Kind::Memory {
                min_bytes,
                max_bytes,
            } => {
                let number = text::memory_bytes(word).ok_or(BadValue::NotMemory)?;
                (
                    i128::from(number),
                    i128::from(min_bytes),
                    i128::from(max_bytes),
                )
            }
            Kind::Octal => return parse_octal(word).map(i128::from),
            Kind::Boolean
            | Kind::Choice(_)
            | Kind::Text
            | Kind::Words { .. }
            | Kind::MemoryOrAuto
            | Kind::MemoryOrPercent
            | Kind::SavePoints
            | Kind::OutputLimits
            | Kind::Rename => {
                unreachable!("a row gives a number field a kind that is no number")
            }
        };
        if (min..=max).contains(&number) {
            Ok(number)
        } else {
            Err(BadValue::OutOfRange { min, max })
        }
    }
}

fn parse_octal(word: &[u8]) -> Result<u32, BadValue> {
    if word.is_empty() || !word.iter().all(|digit| (b'0'..=b'7').contains(digit)) {
        return Err(BadValue::NotOctal);
    }
    word.iter()
        .try_fold(0, |number, digit| {
            let next = number * 8 + u32::from(digit - b'0');
            (next <= PERMISSIONS_MAX).then_some(next)
        })
        .ok_or(BadValue::OutOfOctalRange {
            max: PERMISSIONS_MAX,
        })
}

/// Implements [`ParameterValue`] for an integer type, which must hold the row's whole range.
macro_rules! number_values {
    ($($number:ty),+) => {$(
        impl ParameterValue for $number {
            fn parse(kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
                let number = kind.parse_number(words)?;
                Ok(<$number>::try_from(number).expect("a row's range fits its field"))
            }

            fn print(&self, kind: &Kind) -> Vec<u8> {
                if *kind == Kind::Octal {
                    format!("{self:o}").into_bytes()
                } else {
                    self.to_string().into_bytes()
                }
            }
        }
    )+};
}
number_values!(u16, u32, u64, i64);

impl ParameterValue for bool {
    fn parse(_kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        let word = single(words)?;
        if word.eq_ignore_ascii_case(b"yes") {
            Ok(true)
        } else if word.eq_ignore_ascii_case(b"no") {
            Ok(false)
        } else {
            Err(BadValue::NotBoolean)
        }
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        if *self {
            b"yes".to_vec()
        } else {
            b"no".to_vec()
        }
    }
}

impl ParameterValue for Vec<u8> {
    fn parse(_kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        bounded(single(words)?.to_vec())
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        self.clone()
    }
}

/// One address to listen on, as written in `bind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// Host name, IPv4 or IPv6 address; `*` is every IPv4 and `::*` every IPv6 address.
    pub host: String,
    /// Written with a leading `-`: an address this machine does not have is skipped, not fatal.
    pub optional: bool,
}

impl ListenAddress {
    fn parse(word: &[u8]) -> Result<ListenAddress, BadValue> {
        let (host, optional) = match word.strip_prefix(b"-") {
            Some(host) => (host, true),
            None => (word, false),
        };
        let host = std::str::from_utf8(host).unwrap_or_default();
        if host.is_empty() {
            return Err(BadValue::Rule(
                "argument must be host names or IP addresses",
            ));
        }
        Ok(ListenAddress {
            host: host.to_owned(),
            optional,
        })
    }
}

impl ParameterValue for Vec<ListenAddress> {
    fn parse(kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        let Kind::Words { max_count, .. } = *kind else {
            unreachable!("a row gives a list field a kind that is no list")
        };
        if words.is_empty() {
            return Err(BadValue::WrongCount);
        }
        // CONFIG SET and a quoted file value carry the whole list in one word.
        let separator = |byte: &u8| byte.is_ascii_whitespace();
        let single_words = words.iter().flat_map(|word| word.split(separator));
        let mut addresses = Vec::new();
        for word in single_words.filter(|word| !word.is_empty()) {
            if addresses.len() == max_count {
                return Err(BadValue::Rule("Too many bind addresses specified."));
            }
            addresses.push(ListenAddress::parse(word)?);
        }
        Ok(addresses)
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        let written = |address: &ListenAddress| {
            let sign = if address.optional { "-" } else { "" };
            format!("{sign}{}", address.host)
        };
        self.iter()
            .map(written)
            .collect::<Vec<_>>()
            .join(" ")
            .into_bytes()
    }
}

/// When a snapshot is due: so many changes, so many seconds after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot.
    pub seconds: u64,
    /// Changes since then, at least.
    pub changes: u64,
}

impl ParameterValue for Vec<SavePoint> {
    fn parse(_kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        const RULE: BadValue = BadValue::Rule("Invalid save parameters");
        // CONFIG SET and a quoted file value carry all points in one word; `""` is none at all, and
        // so is nothing.
        let single_words = words
            .iter()
            .flat_map(|word| word.split(u8::is_ascii_whitespace));
        let numbers = single_words
            .filter(|word| !word.is_empty())
            .map(|word| text::integer(word).and_then(|number| u64::try_from(number).ok()));
        let numbers = numbers.collect::<Option<Vec<u64>>>().ok_or(RULE)?;
        let (pairs, rest) = numbers.as_chunks::<2>();
        let points = pairs
            .iter()
            .map(|&[seconds, changes]| SavePoint { seconds, changes });
        let points: Vec<SavePoint> = points.collect();
        if !rest.is_empty() || points.iter().any(|point| point.seconds == 0) {
            return Err(RULE);
        }
        Ok(points)
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        let points = self
            .iter()
            .map(|point| format!("{} {}", point.seconds, point.changes));
        points.collect::<Vec<_>>().join(" ").into_bytes()
    }

    fn file_values(&self, _kind: &Kind) -> Vec<Vec<u8>> {
        if self.is_empty() {
            return vec![b"\"\"".to_vec()];
        }
        self.iter()
            .map(|point| format!("{} {}", point.seconds, point.changes).into_bytes())
            .collect()
    }
}

/// A percentile, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Percentile {
    text: String,
}

impl Percentile {
    fn parse(word: &[u8]) -> Result<Percentile, BadValue> {
        const RULE: BadValue =
            BadValue::Rule("The latency percentiles should range between 0.0 and 100.0");
        let text = std::str::from_utf8(word).map_err(|_| RULE)?;
        let is_plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
        let number: f64 = text.parse().map_err(|_| RULE)?;
        if !word.iter().copied().all(is_plain) || !(0.0..=100.0).contains(&number) {
            return Err(RULE);
        }
        Ok(Percentile {
            text: number.to_string(),
        })
    }

    /// The percentile as a number from 0 to 100.
    pub fn value(&self) -> f64 {
        self.text.parse().expect("it was checked when it was set")
    }

    /// The percentile as text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl ParameterValue for EventClasses {
    fn parse(_: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        EventClasses::parse(single(words)?).ok_or(BadValue::Rule(
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ))
    }

    fn print(&self, _: &Kind) -> Vec<u8> {
        self.letters()
    }
}

impl ParameterValue for Vec<Percentile> {
    fn parse(kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        let Kind::Words { max_count, .. } = *kind else {
            unreachable!("a row gives a list field a kind that is no list")
        };
        if words.is_empty() {
            return Err(BadValue::WrongCount);
        }
        let single_words = words
            .iter()
            .flat_map(|word| word.split(u8::is_ascii_whitespace));
        let percentiles: Vec<Percentile> = single_words
            .filter(|word| !word.is_empty())
            .take(max_count + 1)
            .map(Percentile::parse)
            .collect::<Result<_, _>>()?;
        if percentiles.len() > max_count {
            return Err(BadValue::Rule("Too many percentiles specified."));
        }
        Ok(percentiles)
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        let texts: Vec<&str> = self.iter().map(Percentile::text).collect();
        texts.join(" ").into_bytes()
    }
}

/// Declares an enum whose variants are the names a [`Kind::Choice`] row takes.
macro_rules! choices {
    ($(#[$attribute:meta])* $type:ident {
        $($(#[$variant_attribute:meta])* $variant:ident = $name:literal,)+
    }) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($(#[$variant_attribute])* $variant,)+
        }

        impl $type {
            /// The names of the variants, in their order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
            const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The name that stands for this variant in a configuration.
            pub fn name(self) -> &'static str {
                match self {
                    $($type::$variant => $name,)+
                }
            }
        }

        impl ParameterValue for $type {
            fn parse(_kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
                let [word] = words else { return Err(BadValue::WrongCount) };
                let is_meant = |choice: &&$type| {
                    choice.name().as_bytes().eq_ignore_ascii_case(word)
                };
                let found = $type::ALL.iter().find(is_meant).copied();
                found.ok_or(BadValue::NotListed($type::NAMES))
            }

            fn print(&self, _kind: &Kind) -> Vec<u8> {
                self.name().as_bytes().to_vec()
            }
        }
    };
}
pub(super) use choices;

#[cfg(test)]
mod tests {
    use super::*;

    fn octal(word: &str) -> Result<u32, BadValue> {
        u32::parse(&Kind::Octal, &[word.as_bytes()])
    }

    #[test]
    fn booleans_are_yes_or_no() {
        assert_eq!(bool::parse(&Kind::Boolean, &[b"YES"]), Ok(true));
        assert_eq!(bool::parse(&Kind::Boolean, &[b"no"]), Ok(false));
        assert_eq!(
            bool::parse(&Kind::Boolean, &[b"1"]),
            Err(BadValue::NotBoolean)
        );
        assert_eq!(bool::parse(&Kind::Boolean, &[]), Err(BadValue::WrongCount));
        assert_eq!(true.print(&Kind::Boolean), b"yes");
        assert_eq!(false.print(&Kind::Boolean), b"no");
    }

    #[test]
    fn octal_numbers_are_bounded_whatever_their_length() {
        assert_eq!(octal("0700"), Ok(0o700));
        assert_eq!(octal("777"), Ok(0o777));
        assert_eq!(octal("1000"), Err(BadValue::OutOfOctalRange { max: 0o777 }));
        assert_eq!(
            octal(&"7".repeat(4000)),
            Err(BadValue::OutOfOctalRange { max: 0o777 })
        );
        for bad in ["", "08", "-1", "+1", "7 "] {
            assert_eq!(octal(bad), Err(BadValue::NotOctal), "{bad:?}");
        }
        assert_eq!(0o700u32.print(&Kind::Octal), b"700");
    }

    #[test]
    fn addresses_are_split_from_one_or_many_words() {
        let kind = Kind::Words {
            max_count: 2,
            word: "ADDRESS",
        };
        let parse = |words: &[&[u8]]| Vec::<ListenAddress>::parse(&kind, words);
        let two = vec![
            ListenAddress {
                host: "127.0.0.1".to_owned(),
                optional: false,
            },
            ListenAddress {
                host: "::1".to_owned(),
                optional: true,
            },
        ];
        assert_eq!(parse(&[b"127.0.0.1", b"-::1"]), Ok(two.clone()));
        assert_eq!(parse(&[b" 127.0.0.1  -::1 "]), Ok(two.clone()));
        assert_eq!(two.print(&kind), b"127.0.0.1 -::1");
        assert_eq!(parse(&[b""]), Ok(vec![]));
        assert_eq!(parse(&[]), Err(BadValue::WrongCount));
        assert_eq!(
            parse(&[b"a b c"]),
            Err(BadValue::Rule("Too many bind addresses specified."))
        );
        let not_address = Err(BadValue::Rule(
            "argument must be host names or IP addresses",
        ));
        assert_eq!(parse(&[b"-"]), not_address);
        assert_eq!(parse(&[b"\xff"]), not_address);
    }
}
