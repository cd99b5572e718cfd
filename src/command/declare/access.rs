//! What commands do to their keys: whether they look at the value, change it, put it in place of
//! another or take it away.
//!
//! ```text
//!  RO  reads   RW  changes what is there   OW  puts in place, whatever was there   RM  removes
//!  access   the value, or a part of it, is told or copied
//!  update   insert   delete   what may become of the value
//! ```
//!
//! The words are those of Redis 7.2; tools that check rights or route requests go by them.
//!
//! Not here: which arguments are keys (`keys.rs`).

/// What is done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access(&'static [&'static str]);

impl Access {
    /// Reads and tells the value.
    pub const READ: Self = Self(&["RO", "access"]);
    /// Looks at the key; the value stays untold.
    pub const LOOK: Self = Self(&["RO"]);
    /// Changes the value and may tell it.
    pub const CHANGE: Self = Self(&["RW", "access", "update"]);
    /// What [`Access::CHANGE`] is called where the request decides whether it is that.
    pub const CHANGE_OR_LESS: Self = Self(&["RW", "access", "update", "variable_flags"]);
    /// Changes the value, which stays untold.
    pub const CHANGE_UNTOLD: Self = Self(&["RW", "update"]);
    /// Adds to the value.
    pub const EXTEND: Self = Self(&["RW", "insert"]);
    /// Adds to the value, and may tell it.
    pub const EXTEND_TOLD: Self = Self(&["RW", "access", "insert"]);
    /// Tells the value, and may note in it what is known of it then.
    pub const NOTE: Self = Self(&["RW", "access"]);
    /// Takes from the value, which stays untold.
    pub const REDUCE: Self = Self(&["RW", "delete"]);
    /// Tells the value and takes it away.
    pub const TAKE: Self = Self(&["RW", "access", "delete"]);
    /// Puts a value in place of any other.
    pub const REPLACE: Self = Self(&["OW", "update"]);
    /// Puts a value where there is none.
    pub const ADD: Self = Self(&["OW", "insert"]);
    /// Takes the value away.
    pub const REMOVE: Self = Self(&["RM", "delete"]);

    /// Redis's words for it, in Redis's order.
    pub const fn words(self) -> &'static [&'static str] {
        self.0
    }
}
