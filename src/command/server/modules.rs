//! MODULE: there are none, and none can be loaded.
//!
//! Tools ask for the list to learn what else a server can do.

use crate::command::help::help_of;
use crate::command::spec::{Action, CommandSpec, Flags, Group, Keys, Outcome};
use crate::protocol::args::Args;
use crate::session::Context;

pub(super) const COMMANDS: &[&CommandSpec] = &[&MODULE];

static MODULE: CommandSpec = CommandSpec {
    name: "module",
    syntax: "",
    summary: "A container of commands about modules.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "Depends on the subcommand",
    arity: -2,
    flags: Flags::NONE,
    keys: Keys::None,
    action: Action::Container(&[&HELP, &LIST], None),
};

help_of!(MODULE, Server, "5.0.0");

static LIST: CommandSpec = CommandSpec {
    name: "list",
    syntax: "",
    summary: "Returns that no module is loaded.",
    since: "4.0.0",
    group: Group::Server,
    complexity: "O(1)",
    arity: 2,
    flags: Flags::ADMIN.and(Flags::NO_SCRIPT),
    keys: Keys::None,
    action: Action::Run(list),
};

fn list(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.reply.array(0);
    Ok(())
}
