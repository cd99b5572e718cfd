//! Amounts of memory that may be relative: to the machine, or to another amount.
//!
//! ```text
//! maxmemory          MemoryLimit   auto | bytes          auto: whoever starts the server knows
//! maxmemory-clients  MemoryShare   bytes | percent %     of maxmemory; 0 of either is none
//! ```
//!
//! 1. What is written is what is kept, so a configuration that is written out again still says
//!    `auto`; the number in force is with whoever resolved it (`CacheEngine::memory_limit_bytes`).
//!
//! Not here: how much `auto` is (`server/memory_limit.rs`).

use super::error::BadValue;
use super::kind::{Kind, ParameterValue, single};
use super::text;

/// Largest percentage.
const PERCENT_MAX: u64 = 100;

/// How much memory keys and values may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryLimit {
    /// What the machine and its limits allow. Without a server around the cache: no limit.
    Auto,
    /// So many bytes; 0 for no limit.
    Bytes(u64),
}

impl MemoryLimit {
    /// The limit in bytes, 0 for none, where `auto_bytes` is what [`MemoryLimit::Auto`] means.
    pub fn resolve(self, auto_bytes: u64) -> u64 {
        match self {
            MemoryLimit::Auto => auto_bytes,
            MemoryLimit::Bytes(bytes) => bytes,
        }
    }
}

impl ParameterValue for MemoryLimit {
    fn parse(_kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        let word = single(words)?;
        if word.eq_ignore_ascii_case(b"auto") {
            return Ok(MemoryLimit::Auto);
        }
        let bytes = text::memory_bytes(word).ok_or(BadValue::NotMemory)?;
        Ok(MemoryLimit::Bytes(bytes))
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        match self {
            MemoryLimit::Auto => b"auto".to_vec(),
            MemoryLimit::Bytes(bytes) => bytes.to_string().into_bytes(),
        }
    }
}

/// An amount of memory, or a part of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryShare {
    /// So many bytes; 0 for no limit.
    Bytes(u64),
    /// So many hundredths of the whole, 1 to 100.
    Percent(u8),
}

impl MemoryShare {
    /// The amount in bytes, of a whole of so many.
    pub fn of(self, whole_bytes: u64) -> u64 {
        match self {
            MemoryShare::Bytes(bytes) => bytes,
            // In this order, so that nothing overflows.
            MemoryShare::Percent(percent) => {
                let percent = u64::from(percent);
                whole_bytes / 100 * percent + whole_bytes % 100 * percent / 100
            }
        }
    }
}

impl ParameterValue for MemoryShare {
    fn parse(_kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue> {
        let word = single(words)?;
        let Some(percent) = word.strip_suffix(b"%") else {
            let bytes = text::memory_bytes(word).ok_or(BadValue::NotMemoryOrPercent)?;
            return Ok(MemoryShare::Bytes(bytes));
        };
        let percent = text::integer(percent).and_then(|number| u64::try_from(number).ok());
        match percent.ok_or(BadValue::NotMemoryOrPercent)? {
            0 => Ok(MemoryShare::Bytes(0)),
            percent @ 1..=PERCENT_MAX => Ok(MemoryShare::Percent(percent as u8)),
            _ => Err(BadValue::Rule(
                "percentage argument must be less or equal to 100",
            )),
        }
    }

    fn print(&self, _kind: &Kind) -> Vec<u8> {
        match self {
            MemoryShare::Bytes(bytes) => bytes.to_string().into_bytes(),
            MemoryShare::Percent(percent) => format!("{percent}%").into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_bytes_or_auto() {
        let parse = |word: &str| MemoryLimit::parse(&Kind::MemoryOrAuto, &[word.as_bytes()]);
        assert_eq!(parse("AUTO"), Ok(MemoryLimit::Auto));
        assert_eq!(parse("0"), Ok(MemoryLimit::Bytes(0)));
        assert_eq!(parse("100mb"), Ok(MemoryLimit::Bytes(100 << 20)));
        for bad in ["", "-1", "1x", "automatic", "10%"] {
            assert_eq!(parse(bad), Err(BadValue::NotMemory), "{bad:?}");
        }
        assert_eq!(MemoryLimit::Auto.resolve(7), 7);
        assert_eq!(MemoryLimit::Bytes(0).resolve(7), 0);
    }

    #[test]
    fn a_share_is_bytes_or_a_percentage() {
        let parse = |word: &str| MemoryShare::parse(&Kind::MemoryOrPercent, &[word.as_bytes()]);
        assert_eq!(parse("1mb"), Ok(MemoryShare::Bytes(1 << 20)));
        assert_eq!(parse("10%"), Ok(MemoryShare::Percent(10)));
        assert_eq!(parse("100%"), Ok(MemoryShare::Percent(100)));
        assert_eq!(parse("0%"), Ok(MemoryShare::Bytes(0)));
        assert_eq!(
            parse("101%").unwrap_err().to_string(),
            "percentage argument must be less or equal to 100"
        );
        for bad in ["", "%", "-5%", "5x", "-5", "1 %", "1.5%"] {
            assert_eq!(parse(bad), Err(BadValue::NotMemoryOrPercent), "{bad:?}");
        }
    }

    #[test]
    fn a_share_of_any_whole_is_exact() {
        assert_eq!(MemoryShare::Percent(10).of(1_000_000_099), 100_000_009);
        assert_eq!(MemoryShare::Percent(100).of(u64::MAX), u64::MAX);
        assert_eq!(MemoryShare::Percent(1).of(99), 0);
        assert_eq!(MemoryShare::Bytes(5).of(1), 5);
    }
}
