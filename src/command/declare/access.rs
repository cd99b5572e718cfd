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
pub struct Access {
    words: &'static [&'static str],
    reads: bool,
    writes: bool,
}

impl Access {
    /// Reads and tells the value.
    pub const READ: Self = Self::of(&["RO", "access"]);
    /// Looks at the key; the value stays untold.
    pub const LOOK: Self = Self::of(&["RO"]);
    /// Changes the value and may tell it.
    pub const CHANGE: Self = Self::of(&["RW", "access", "update"]);
    /// What [`Access::CHANGE`] is called where the request decides whether it is that.
    pub const CHANGE_OR_LESS: Self = Self::of(&["RW", "access", "update", "variable_flags"]);
    /// Changes the value, which stays untold.
    pub const CHANGE_UNTOLD: Self = Self::of(&["RW", "update"]);
    /// Adds to the value.
    pub const EXTEND: Self = Self::of(&["RW", "insert"]);
    /// Adds to the value, and may tell it.
    pub const EXTEND_TOLD: Self = Self::of(&["RW", "access", "insert"]);
    /// Tells the value, and may note in it what is known of it then.
    pub const NOTE: Self = Self::of(&["RW", "access"]);
    /// Takes from the value, which stays untold.
    pub const REDUCE: Self = Self::of(&["RW", "delete"]);
    /// Tells the value and takes it away.
    pub const TAKE: Self = Self::of(&["RW", "access", "delete"]);
    /// Puts a value in place of any other.
    pub const REPLACE: Self = Self::of(&["OW", "update"]);
    /// Puts a value where there is none.
    pub const ADD: Self = Self::of(&["OW", "insert"]);
    /// Takes the value away.
    pub const REMOVE: Self = Self::of(&["RM", "delete"]);

    const fn of(words: &'static [&'static str]) -> Self {
        let writes = has(words, "insert") || has(words, "update") || has(words, "delete");
        Self {
            words,
            reads: has(words, "access"),
            writes,
        }
    }

    /// Redis's words for it, in Redis's order.
    pub const fn words(self) -> &'static [&'static str] {
        self.words
    }

    /// Whether the value, or a part of it, is told or copied.
    pub const fn reads(self) -> bool {
        self.reads
    }

    /// Whether the value may change, come or go.
    pub const fn writes(self) -> bool {
        self.writes
    }
}

const fn has(words: &[&str], wanted: &str) -> bool {
    let mut index = 0;
    while index < words.len() {
        if is_same(words[index].as_bytes(), wanted.as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}
