//! The ACL categories of commands, as COMMAND INFO and COMMAND LIST show them.
//!
//! A category follows from the group or the flags of a command; the commands that Redis puts into
//! one for its own reasons stand in the lists below, also those that do not exist here yet.
//!
//! Not here: permissions; there are no users with less than all of them.

use crate::base::command_id::CommandId;
use crate::command::declare::spec::{Action, Flags, Group};
use crate::command::declare::table::table;

/// Commands on whole databases belong to the group of the server.
const ALSO_KEYSPACE: [&str; 4] = ["dbsize", "flushall", "flushdb", "swapdb"];
const ALSO_ADMIN: [&str; 2] = ["lastsave", "role"];
const ALSO_DANGEROUS: [&str; 8] = [
    "flushall", "flushdb", "info", "keys", "lastsave", "restore", "role", "swapdb",
];
const ALSO_CONNECTION: [&str; 1] = ["command"];

/// The categories of a command or subcommand, without `@`, in Redis's order.
pub(in crate::command) fn of(number: CommandId) -> Vec<&'static str> {
    let spec = table().spec(number);
    let full_name = table().full_name(number);
    let name = full_name.split('|').next().unwrap_or(full_name);
    // A container that does nothing itself is in none but the one of slow commands.
    let group = match spec.action {
        Action::Container(_, None) => None,
        Action::Container(_, Some(_)) | Action::Run(_) => Some(spec.group),
    };
    let has = |flag| spec.flags.has(flag);
    let is_admin = has(Flags::ADMIN);
    let categories = [
        (
            "keyspace",
            group == Some(Group::Generic) || ALSO_KEYSPACE.contains(&name),
        ),
        ("read", has(Flags::READ_ONLY)),
        ("write", has(Flags::WRITE)),
        ("string", group == Some(Group::String)),
        ("bitmap", group == Some(Group::Bitmap)),
        ("admin", is_admin || ALSO_ADMIN.contains(&name)),
        ("fast", has(Flags::FAST)),
        ("slow", !has(Flags::FAST)),
        ("dangerous", is_admin || ALSO_DANGEROUS.contains(&name)),
        (
            "connection",
            group == Some(Group::Connection) || ALSO_CONNECTION.contains(&name),
        ),
        ("transaction", group == Some(Group::Transactions)),
    ];
    categories
        .into_iter()
        .filter(|&(_, is_member)| is_member)
        .map(|(category, _)| category)
        .collect()
}
