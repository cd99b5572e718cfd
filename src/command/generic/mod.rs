//! Commands on keys of any kind.
//!
//! | file | commands |
//! |---|---|
//! | `keys.rs` | DEL UNLINK EXISTS TOUCH TYPE RANDOMKEY |
//! | `renaming.rs` | RENAME RENAMENX COPY MOVE |
//! | `expiry.rs` | EXPIRE PEXPIRE EXPIREAT PEXPIREAT TTL PTTL EXPIRETIME PEXPIRETIME PERSIST |
//! | `scanning.rs` | KEYS SCAN |
//! | `object.rs` | OBJECT |
//!
//! Not here: whole databases (`server/databases.rs`).

mod expiry;
mod keys;
mod object;
mod renaming;
mod scanning;

use super::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 5] = [
    keys::COMMANDS,
    renaming::COMMANDS,
    expiry::COMMANDS,
    scanning::COMMANDS,
    object::COMMANDS,
];
