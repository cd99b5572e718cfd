//! The ACL categories of commands, as COMMAND INFO and COMMAND LIST show them.
//!
//! A category follows from the group or the flags of a command; the commands that Redis puts into
//! one for its own reasons say so in their declarations (`also`).
//!
//! Not here: permissions; there are no users with less than all of them.

use super::spec::{Action, Categories, CommandSpec, Flags, Group};

/// The categories of a command or subcommand.
pub(in crate::command) fn of(spec: &CommandSpec) -> Categories {
    let of_group = match spec.action {
        // A container that does nothing itself is in none but the one of slow commands.
        Action::Container(_, None) => Categories::NONE,
        Action::Container(_, Some(_)) | Action::Run(_) => spec
            .instead_of_group
            .unwrap_or_else(|| of_group(spec.group)),
    };
    let has = |flag| spec.flags.has(flag);
    let of_operators = Categories::ADMIN.and(Categories::DANGEROUS);
    of_group
        .and(spec.also)
        // What a script reads is its business.
        .and_if(
            has(Flags::READ_ONLY) && spec.group != Group::Scripting,
            Categories::READ,
        )
        .and_if(has(Flags::PUBSUB), Categories::PUBSUB)
        .and_if(has(Flags::WRITE), Categories::WRITE)
        .and_if(has(Flags::ADMIN), of_operators)
        .and_if(has(Flags::FAST), Categories::FAST)
        .and_if(!has(Flags::FAST), Categories::SLOW)
        .and_if(has(Flags::BLOCKING), Categories::BLOCKING)
}

const fn of_group(group: Group) -> Categories {
    match group {
        Group::Generic => Categories::KEYSPACE,
        Group::String => Categories::STRING,
        Group::Bitmap => Categories::BITMAP,
        Group::List => Categories::LIST,
        Group::Set => Categories::SET,
        Group::SortedSet => Categories::SORTED_SET,
        Group::Hash => Categories::HASH,
        Group::Stream => Categories::STREAM,
        Group::HyperLogLog => Categories::HYPER_LOG_LOG,
        Group::Geo => Categories::GEO,
        Group::Transactions => Categories::TRANSACTION,
        Group::Scripting => Categories::SCRIPTING,
        Group::Connection => Categories::CONNECTION,
        // Those that are about channels have the flag.
        Group::PubSub | Group::Server => Categories::NONE,
    }
}
