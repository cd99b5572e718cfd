//! Commands on keys of any kind.
//!
//! | file | commands |
//! |---|---|
//! | `keys.rs` | DEL UNLINK EXISTS TOUCH TYPE |
//! | `renaming.rs` | RENAME RENAMENX COPY MOVE |
//! | `expiry.rs` | EXPIRE PEXPIRE EXPIREAT PEXPIREAT TTL PTTL EXPIRETIME PEXPIRETIME PERSIST |
//! | `scanning.rs` | KEYS SCAN |
//! | `random.rs` | RANDOMKEY |
//! | `object.rs` | OBJECT |
//! | `sort.rs` | SORT SORT_RO |
//! | `dump.rs` | DUMP |
//! | `restore.rs` | RESTORE RESTORE-ASKING |
//!
//! Not here: whole databases (`server/databases.rs`).

mod dump;
mod expiry;
mod keys;
mod object;
mod random;
mod renaming;
mod restore;
mod scanning;
mod sort;

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 9] = [
    keys::COMMANDS,
    renaming::COMMANDS,
    expiry::COMMANDS,
    scanning::COMMANDS,
    random::COMMANDS,
    object::COMMANDS,
    sort::COMMANDS,
    dump::COMMANDS,
    restore::COMMANDS,
];
