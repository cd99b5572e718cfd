//! ACL: users and their rights.
//!
//! | file | subcommands |
//! |---|---|
//! | `users.rs` | SETUSER GETUSER DELUSER LIST USERS WHOAMI |
//! | `rights.rs` | CAT DRYRUN GENPASS |
//! | `log.rs` | LOG |
//! | `files.rs` | LOAD SAVE |
//!
//! Not here: what rules mean (`acl/`), whether a request may run (`command/permission.rs`).

mod files;
mod log;
mod rights;
mod users;

use super::declare::family;
use super::declare::help::help_of;
use super::declare::spec::{CommandSpec, Flags};

pub(super) const COMMANDS: &[&CommandSpec] = &[&ACL];

static ACL: CommandSpec = family::SERVER
    .container(
        "acl",
        &[
            &rights::CAT,
            &users::DELUSER,
            &rights::DRYRUN,
            &rights::GENPASS,
            &users::GETUSER,
            &HELP,
            &users::LIST,
            &files::LOAD,
            &log::LOG,
            &files::SAVE,
            &users::SETUSER,
            &users::USERS,
            &users::WHOAMI,
        ],
    )
    .summary("Users and what they may do.")
    .since("6.0.0");

help_of!(ACL, SERVER, "6.0.0");

/// Flags of what everybody may ask.
const ANYBODY: Flags = Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE);

/// Flags of what is for operators.
const OPERATOR: Flags = ANYBODY.and(Flags::ADMIN);
