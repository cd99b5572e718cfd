//! Commands on sorted sets.
//!
//! | file | commands |
//! |---|---|
//! | `add.rs` | members come and change: ZADD, ZINCRBY |
//! | `remove.rs` | members go: ZREM, ZREMRANGEBY…, ZPOPMIN and the like |
//! | `blocking.rs` | those that wait for a sorted set: BZPOPMIN and the like |
//! | `read.rs` | members are told one by one, or counted: ZSCORE and the like, ZSCAN |
//! | `range.rs` | how requests spell ranges |
//! | `ranges.rs` | ranges are told or stored: ZRANGE and the like |
//! | `combine.rs` | several at once: ZUNION and the like |
//! | `random.rs` | ZRANDMEMBER |
//! | `layout.rs` | members and scores in replies |
//! | `stored.rs` | members on their way to another key |
//!
//! Not here: what a sorted set is (`value/sorted_set/`).

mod add;
mod blocking;
mod combine;
mod layout;
mod random;
mod range;
mod ranges;
mod read;
mod remove;
mod stored;

use super::declare::spec::CommandSpec;
pub(super) use add::{Rule, add};
pub(super) use stored::StoredMembers;

pub(super) const COMMANDS: [&[&CommandSpec]; 7] = [
    add::COMMANDS,
    remove::COMMANDS,
    blocking::COMMANDS,
    read::COMMANDS,
    ranges::COMMANDS,
    combine::COMMANDS,
    random::COMMANDS,
];
