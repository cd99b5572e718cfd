//! Commands on hashes.
//!
//! | file | commands |
//! |---|---|
//! | `read.rs` | fields and values are told: HGET and the like |
//! | `write.rs` | fields come, change and go: HSET and the like |
//! | `counters.rs` | numbers in fields: HINCRBY, HINCRBYFLOAT |
//! | `random.rs` | HRANDFIELD |
//! | `scanning.rs` | HSCAN |
//! | `deadlines.rs` | deadlines of fields: HEXPIRE, HTTL and the like |
//! | `with_deadlines.rs` | values and deadlines at once: HGETEX, HSETEX, HGETDEL |
//! | `fields.rs` | what they read alike: `FIELDS numfields field …` and times |
//!
//! Not here: what a hash is (`value/hash.rs`).

mod counters;
mod deadlines;
mod fields;
mod random;
mod read;
mod scanning;
mod with_deadlines;
mod write;

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 7] = [
    read::COMMANDS,
    write::COMMANDS,
    counters::COMMANDS,
    random::COMMANDS,
    scanning::COMMANDS,
    deadlines::COMMANDS,
    with_deadlines::COMMANDS,
];
