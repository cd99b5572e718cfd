//! ACL LOAD and ACL SAVE: the users' own file. The disk is asked by the server; the answer comes
//! when it has answered.
//!
//! Not here: the file (`server/disk.rs`), its lines (`acl/file.rs`).

use super::OPERATOR;
use crate::acl::file_of_users;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Outcome};
use crate::context::Context;
use crate::context::outbox::{Effect, UsersTask, Wait};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) static LOAD: CommandSpec = family::SERVER
    .subcommand("load", "", load)
    .summary("Reads the users again from their file: all of them, or none if one is faulty.")
    .since("6.0.0")
    .cost("O(users)")
    .flags(OPERATOR);

pub(super) static SAVE: CommandSpec = family::SERVER
    .subcommand("save", "", save)
    .summary("Writes the users into their file.")
    .since("6.0.0")
    .cost("O(users)")
    .flags(OPERATOR);

const NO_FILE: ReplyError = ReplyError::fixed(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a configuration file set) in order to store users in it.",
);
const NOT_AT_ONCE: ReplyError =
    ReplyError::fixed("ERR the file of users is not used within a transaction");

fn load(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    later(context, UsersTask::Load)
}

fn save(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let text = file_of_users(context.users);
    later(context, UsersTask::Save(text))
}

fn later(context: &mut Context<'_>, task: UsersTask) -> Outcome {
    if context.config.acl_file.is_empty() {
        return Err(NO_FILE);
    }
    if !context.may_wait {
        return Err(NOT_AT_ONCE);
    }
    context.outbox.push(Effect::Later(Wait::Users(task)));
    Ok(())
}
