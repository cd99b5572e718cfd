//! The name that parts below the commands have for a command: its place in the table of commands.
//!
//! Sessions, transactions, timing and statistics keep it, and know nothing else of commands.
//!
//! 1. The ids of a program are 0, 1, 2 … without a gap, so that a list by id is a `Vec`.
//! 2. A subcommand has an id of its own. Renaming a command leaves its id.
//!
//! Cost: two bytes.
//!
//! Not here: the table that gives them out (`command/declare/table.rs`).

/// A command or subcommand, as a place in the table of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(u16);

impl CommandId {
    /// The first of the table.
    pub const FIRST: Self = Self(0);

    /// The command at a place of the table.
    ///
    /// # Panics
    /// Above 65,535 commands.
    #[inline]
    pub const fn new(index: usize) -> Self {
        assert!(
            index <= u16::MAX as usize,
            "there are some hundred commands"
        );
        Self(index as u16)
    }

    /// Its place in the table, and in every list by command.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The command so many places further on.
    #[must_use]
    pub const fn after(self, places: usize) -> Self {
        Self::new(self.index() + places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_place_and_as_small_as_one() {
        let ids = [0, 1, 300, 65_535].map(CommandId::new);
        assert_eq!(ids.map(CommandId::index), [0, 1, 300, 65_535]);
        assert_eq!(CommandId::FIRST.after(7), CommandId::new(7));
        assert_eq!(size_of::<CommandId>(), 2);
    }

    #[test]
    #[should_panic(expected = "some hundred")]
    fn there_is_no_id_beyond_two_bytes() {
        CommandId::new(65_536);
    }
}
