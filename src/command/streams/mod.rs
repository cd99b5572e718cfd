//! Commands on streams.
//!
//! | file | commands |
//! |---|---|
//! | `ids.rs` | how requests spell ids |
//! | `trimming.rs` | how requests say that a stream is to be cut |
//! | `layout.rs` | entries in replies |
//! | `long.rs` | so many of them that they are told in slices |
//! | `write.rs` | entries come and go: XADD, XDEL, XTRIM, XSETID |
//! | `read.rs` | entries are told: XLEN, XRANGE, XREAD and the like |
//! | `groups.rs` | groups and consumers come and go: XGROUP |
//! | `delivery.rs` | how entries go to consumers |
//! | `group_read.rs` | they do, and are acknowledged: XREADGROUP, XACK |
//! | `long_delivery.rs` | so many of them that they go in steps |
//! | `pending.rs` | what was not acknowledged: XPENDING |
//! | `claim.rs` | it goes to another consumer: XCLAIM, XAUTOCLAIM |
//! | `info.rs`, `full.rs` | XINFO |
//!
//! Not here: what a stream is (`value/stream`).

mod claim;
mod delivery;
mod full;
mod group_read;
mod groups;
mod ids;
mod info;
mod layout;
mod long;
mod long_delivery;
mod pending;
mod read;
mod trimming;
mod write;

use super::declare::spec::CommandSpec;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: [&[&CommandSpec]; 7] = [
    write::COMMANDS,
    read::COMMANDS,
    groups::COMMANDS,
    group_read::COMMANDS,
    pending::COMMANDS,
    claim::COMMANDS,
    info::COMMANDS,
];

/// There is no such key, or no such group of its stream.
fn no_key_or_group(key: &[u8], group: &[u8], suffix: &str) -> ReplyError {
    let parts: [&[u8]; 6] = [
        b"NOGROUP No such key '",
        key,
        b"' or consumer group '",
        group,
        b"'",
        suffix.as_bytes(),
    ];
    ReplyError::from_bytes(parts.concat())
}

/// There is no such group of a stream.
fn no_group(group: &[u8], key: &[u8]) -> ReplyError {
    let parts: [&[u8]; 5] = [
        b"NOGROUP No such consumer group '",
        group,
        b"' for key name '",
        key,
        b"'",
    ];
    ReplyError::from_bytes(parts.concat())
}
