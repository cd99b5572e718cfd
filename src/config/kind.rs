//! Kinds of values, and what a type must offer to be the field of a row.
//!
//! Not here: the types (`value.rs`, `memory.rs`, `output_limit.rs`, `rename.rs`).

use super::error::BadValue;
use super::text;

/// What values a parameter takes, and in which notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`.
    Boolean,
    /// A decimal integer; both ends of the range are allowed.
    Integer {
        /// Smallest allowed value.
        min: i64,
        /// Largest allowed value.
        max: i64,
    },
    /// Bytes, with an optional unit: `1k` is 1000, `1kb` is 1024, and so on to `gb`.
    Memory {
        /// Smallest allowed number of bytes.
        min_bytes: u64,
        /// Largest allowed number of bytes.
        max_bytes: u64,
    },
    /// Bytes as for [`Kind::Memory`] without a range, or `auto`.
    MemoryOrAuto,
    /// Bytes as for [`Kind::Memory`] without a range, or a percentage such as `10%`.
    MemoryOrPercent,
    /// One of these names, whatever its case.
    Choice(&'static [&'static str]),
    /// One word of any bytes; quote it to include spaces or to leave it empty.
    Text,
    /// Words separated by spaces.
    Words {
        /// Most words taken.
        max_count: usize,
        /// What one word is, in capitals, for `--help`.
        word: &'static str,
    },
    /// File permissions as an octal number up to `777`.
    Octal,
    /// Pairs of seconds and changes, `""` for none; repeated lines of a file add up.
    SavePoints,
    /// A class of clients and its limits, several times; a class that is not named stays as it is.
    OutputLimits,
    /// A command and its new name; repeated lines add up.
    Rename,
}

impl Kind {
    /// Whether the value may be several words of a line.
    pub(super) fn takes_words(&self) -> bool {
        match self {
            Kind::Words { .. } | Kind::SavePoints | Kind::OutputLimits | Kind::Rename => true,
            Kind::Boolean
            | Kind::Integer { .. }
            | Kind::Memory { .. }
            | Kind::MemoryOrAuto
            | Kind::MemoryOrPercent
            | Kind::Choice(_)
            | Kind::Text
            | Kind::Octal => false,
        }
    }
}

/// A type that can be the field of a row.
pub(super) trait ParameterValue: Sized {
    /// Reads the value; `kind` gives notation and range.
    fn parse(kind: &Kind, words: &[&[u8]]) -> Result<Self, BadValue>;

    /// Takes the words of a line or of a `CONFIG SET`. A type of which one line says only a part
    /// overrides this; on an error the value stays.
    fn update(&mut self, kind: &Kind, words: &[&[u8]]) -> Result<(), BadValue> {
        *self = Self::parse(kind, words)?;
        Ok(())
    }

    /// The value as `CONFIG GET` answers it.
    fn print(&self, kind: &Kind) -> Vec<u8>;

    /// What follows the name on each line of a file that sets this value, quoted where need be. A
    /// type whose lines add up overrides this; all lines together say the whole value.
    fn file_values(&self, kind: &Kind) -> Vec<Vec<u8>> {
        vec![text::written(&self.print(kind), kind.takes_words())]
    }
}

/// The only word given.
pub(super) fn single<'w>(words: &[&'w [u8]]) -> Result<&'w [u8], BadValue> {
    match words {
        [word] => Ok(word),
        _ => Err(BadValue::WrongCount),
    }
}
