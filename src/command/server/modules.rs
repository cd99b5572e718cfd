//! MODULE: there are none, and none can be loaded.
//!
//! Tools ask for the list to learn what else a server can do.

use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;

pub(super) const COMMANDS: &[&CommandSpec] = &[&MODULE];

static MODULE: CommandSpec = family::SERVER
    .container("module", &[&HELP, &LIST])
    .summary("A container of commands about modules.")
    .since("4.0.0");

help_of!(MODULE, SERVER, "5.0.0");

static LIST: CommandSpec = family::SERVER
    .subcommand("list", "", list)
    .summary("Returns that no module is loaded.")
    .since("4.0.0")
    .flags(Flags::ADMIN.and(Flags::NO_SCRIPT));

fn list(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.reply.array(0);
    Ok(())
}
