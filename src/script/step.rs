//! What a script stops for, and what it leaves for its driver.
//!
//! Not here: how it stops (`fiber.rs`).

/// What a script stops for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has run a slice of instructions.
    Slice,
    /// It has ended; its reply is [`super::Scripts::reply`].
    Done,
}

/// A line that a script wants in the log.
#[derive(Debug, PartialEq, Eq)]
pub struct LogLine {
    /// 0 debug, 1 verbose, 2 notice, 3 warning.
    pub level: u8,
    /// The text.
    pub text: Vec<u8>,
}
