//! What can happen to a key, in the words of Redis's keyspace events.
//!
//! A value that another takes the place of is no event of its own, nor is FLUSHALL or SWAPDB.
//!
//! Not here: who hears of it (`interest.rs`).

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was set to a string.
    Set,
    /// Bytes of its string changed in place.
    Edit,
    /// Its number was counted up or down.
    IncrBy,
    /// It has a deadline now, or another one.
    Expire,
    /// It has no deadline any more.
    Persist,
    /// A client deleted it.
    Del,
    /// It has another name now.
    RenameFrom,
    /// It has the value of another key, which is gone.
    RenameTo,
    /// It is in another database now.
    MoveFrom,
    /// It came from another database.
    MoveTo,
    /// It has the value of another key, which stays.
    CopyTo,
    /// It came from a snapshot.
    Restore,
    /// Its deadline has come.
    Expired,
    /// It had to go so that there is room.
    Evicted,
}

#[cfg_attr(not(feature = "internals"), allow(dead_code))]
impl Event {
    /// Redis's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Edit => "setrange",
            Self::IncrBy => "incrby",
            Self::Expire => "expire",
            Self::Persist => "persist",
            Self::Del => "del",
            Self::RenameFrom => "rename_from",
            Self::RenameTo => "rename_to",
            Self::MoveFrom => "move_from",
            Self::MoveTo => "move_to",
            Self::CopyTo => "copy_to",
            Self::Restore => "restore",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
        }
    }

    /// The letter of its class in `notify-keyspace-events`.
    pub const fn class(self) -> char {
        match self {
            Self::Set | Self::Edit | Self::IncrBy => '$',
            Self::Expire
            | Self::Persist
            | Self::Del
            | Self::RenameFrom
            | Self::RenameTo
            | Self::MoveFrom
            | Self::MoveTo
            | Self::CopyTo
            | Self::Restore => 'g',
            Self::Expired => 'x',
            Self::Evicted => 'e',
        }
    }
}
