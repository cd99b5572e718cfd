//! What can happen to a key, in the words of Redis's keyspace events.
//!
//! A value that another takes the place of is no event of its own, nor is FLUSHALL or SWAPDB.
//!
//! Not here: who hears of it (`interest/`).

/// Declares the events: what each is, its name and the letter of its class.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident = $name:literal, $class:literal;)*) => {
        /// What happened to a key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $event,)*
        }

        #[cfg_attr(not(feature = "internals"), allow(dead_code))]
        impl Event {
            /// Redis's word for it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                }
            }

            /// The letter of its class in `notify-keyspace-events`.
            pub const fn class(self) -> char {
                match self {
                    $(Self::$event => $class,)*
                }
            }
        }
    };
}

impl Event {
    /// Whether a key may have come to be by this with a value that clients wait for, or a value
    /// that they wait for may have got more elements.
    pub(super) fn may_fill(self) -> bool {
        matches!(
            self,
            Self::RenameTo
                | Self::MoveTo
                | Self::CopyTo
                | Self::Restore
                | Self::ListPush
                | Self::ListPushBack
                | Self::SortedAdd
                | Self::SortedIncrement
                | Self::SortedUnite
                | Self::SortedIntersect
                | Self::SortedSubtract
                | Self::SortedStoreRange
                | Self::GeoStore
                | Self::SortStore
                | Self::GeoStoreRadius
                | Self::StreamAdd
        )
    }
}

events! {
    /// It was set to a string.
    Set = "set", '$';
    /// A part of its string was overwritten.
    SetRange = "setrange", '$';
    /// Its string became longer.
    Append = "append", '$';
    /// Bits of its string changed.
    SetBit = "setbit", '$';
    /// Its number was counted up or down.
    IncrBy = "incrby", '$';
    /// Its floating-point number was counted up or down.
    IncrByFloat = "incrbyfloat", '$';
    /// Elements were added to its HyperLogLog.
    HyperLogLogAdd = "pfadd", '$';
    /// The estimate of its HyperLogLog was noted, or its form has changed: no class that can be
    /// heard.
    HyperLogLogNote = "pfcount", '-';
    /// It has a deadline now, or another one.
    Expire = "expire", 'g';
    /// It has no deadline any more.
    Persist = "persist", 'g';
    /// A client deleted it, or its last element went.
    Del = "del", 'g';
    /// It has another name now.
    RenameFrom = "rename_from", 'g';
    /// It has the value of another key, which is gone.
    RenameTo = "rename_to", 'g';
    /// It is in another database now.
    MoveFrom = "move_from", 'g';
    /// It came from another database.
    MoveTo = "move_to", 'g';
    /// It has the value of another key, which stays.
    CopyTo = "copy_to", 'g';
    /// It came from a snapshot.
    Restore = "restore", 'g';
    /// Its deadline has come.
    Expired = "expired", 'x';
    /// It had to go so that there is room.
    Evicted = "evicted", 'e';
    /// It was not there before.
    New = "new", 'n';
    /// A read looked for it, and it was not there.
    KeyMiss = "keymiss", 'm';
    /// Elements came before the first of a list.
    ListPush = "lpush", 'l';
    /// Elements came after the last of a list.
    ListPushBack = "rpush", 'l';
    /// Elements went from the front of a list.
    ListPop = "lpop", 'l';
    /// Elements went from the back of a list.
    ListPopBack = "rpop", 'l';
    /// An element came beside another one of a list.
    ListInsert = "linsert", 'l';
    /// An element of a list is another one now.
    ListSet = "lset", 'l';
    /// A list was cut to a range.
    ListTrim = "ltrim", 'l';
    /// Equal elements went from a list.
    ListRemove = "lrem", 'l';
    /// It is the sorted elements of a key.
    SortStore = "sortstore", 'l';
    /// Members came to a set.
    SetAdd = "sadd", 's';
    /// Members went from a set.
    SetRemove = "srem", 's';
    /// Random members went from a set.
    SetPop = "spop", 's';
    /// It is the intersection of sets.
    SetIntersect = "sinterstore", 's';
    /// It is the union of sets.
    SetUnite = "sunionstore", 's';
    /// It is the difference of sets.
    SetSubtract = "sdiffstore", 's';
    /// Members of a sorted set came or have other scores.
    SortedAdd = "zadd", 'z';
    /// A score was counted up or down.
    SortedIncrement = "zincr", 'z';
    /// Members went from a sorted set.
    SortedRemove = "zrem", 'z';
    /// Members of a range of scores went.
    SortedRemoveByScore = "zremrangebyscore", 'z';
    /// Members of a range of ranks went.
    SortedRemoveByRank = "zremrangebyrank", 'z';
    /// Members of a range of texts went.
    SortedRemoveByLex = "zremrangebylex", 'z';
    /// Members of the least scores went.
    SortedPopMin = "zpopmin", 'z';
    /// Members of the greatest scores went.
    SortedPopMax = "zpopmax", 'z';
    /// It is the union of sorted sets.
    SortedUnite = "zunionstore", 'z';
    /// It is the intersection of sorted sets.
    SortedIntersect = "zinterstore", 'z';
    /// It is the difference of sorted sets.
    SortedSubtract = "zdiffstore", 'z';
    /// It is a range of a sorted set.
    SortedStoreRange = "zrangestore", 'z';
    /// It is the places within an area.
    GeoStore = "geosearchstore", 'z';
    /// It is the places around one.
    GeoStoreRadius = "georadiusstore", 'z';
    /// Fields of a hash were set.
    HashSet = "hset", 'h';
    /// A field's integer was counted up or down.
    HashIncrement = "hincrby", 'h';
    /// A field's number was counted up or down.
    HashIncrementFloat = "hincrbyfloat", 'h';
    /// Fields of a hash went.
    HashRemove = "hdel", 'h';
    /// Fields have deadlines now, or other ones.
    HashExpire = "hexpire", 'h';
    /// Fields have no deadlines any more.
    HashPersist = "hpersist", 'h';
    /// Deadlines of fields have come.
    HashExpired = "hexpired", 'h';
    /// An entry came to a stream.
    StreamAdd = "xadd", 't';
    /// Entries went from a stream by their ids.
    StreamDelete = "xdel", 't';
    /// Entries went from the front of a stream.
    StreamTrim = "xtrim", 't';
    /// A stream has another last id.
    StreamSetId = "xsetid", 't';
    /// A stream has one more group.
    StreamCreateGroup = "xgroup-create", 't';
    /// A group reads on from another id.
    StreamSetGroup = "xgroup-setid", 't';
    /// A stream has one group less.
    StreamDestroyGroup = "xgroup-destroy", 't';
    /// A group has one more consumer.
    StreamCreateConsumer = "xgroup-createconsumer", 't';
    /// A group has one consumer less.
    StreamDeleteConsumer = "xgroup-delconsumer", 't';
    /// Entries were delivered to a consumer, once more or by a claim: no class that can be heard.
    StreamDeliver = "xreadgroup", '-';
    /// Entries are pending no more: no class that can be heard.
    StreamAcknowledge = "xack", '-';
}
