//! MONITOR: everything that is executed, as it is executed.
//!
//! Not here: the lines (`context/monitor.rs`), who gets them (`node/monitoring.rs`).

use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::outbox::Effect;
use crate::protocol::args::Args;

pub(super) const COMMANDS: &[&CommandSpec] = &[&MONITOR];

static MONITOR: CommandSpec = family::SERVER
    .command("monitor", "", monitor)
    .summary("Shows every command that is executed, until RESET or the end of the connection.")
    .since("1.0.0")
    .cost("O(1), and then some of every command")
    .flags(
        Flags::ADMIN
            .and(Flags::NO_SCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
    );

fn monitor(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.session().is_monitor = true;
    context.outbox.push(Effect::Monitor { is_on: true });
    context.reply.ok();
    Ok(())
}
