//! The end of the server.

use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::outbox::{Effect, Shutdown};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SHUTDOWN];

const OPERATOR: Flags = Flags::ADMIN
    .and(Flags::NO_SCRIPT)
    .and(Flags::LOADING)
    .and(Flags::STALE);

static SHUTDOWN: CommandSpec = family::SERVER
    .command(
        "shutdown",
        "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        shutdown,
    )
    .summary("Ends the server.")
    .since("1.0.0")
    .cost("O(number of clients)")
    .flags(OPERATOR.and(Flags::NO_MULTI).and(Flags::ALLOW_BUSY));

/// What is half done is not saved.
const BUSY: ReplyError = ReplyError::fixed(
    "BUSY Evenkeel is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);
const NO_SHUTDOWN: ReplyError = ReplyError::fixed("ERR No shutdown in progress.");

fn shutdown(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const OPTIONS: [&[u8]; 4] = [b"nosave", b"save", b"now", b"force"];
    let mut saves = None;
    for option in args.iter().skip(1) {
        if option.eq_ignore_ascii_case(b"abort") && args.len() == 2 {
            return Err(NO_SHUTDOWN);
        }
        let known = OPTIONS
            .iter()
            .position(|known| known.eq_ignore_ascii_case(option));
        let position = known.ok_or(ReplyError::SYNTAX)?;
        if position < 2
            && saves
                .replace(position)
                .is_some_and(|earlier| earlier != position)
        {
            return Err(ReplyError::SYNTAX);
        }
    }
    let shutdown = match saves {
        None => Shutdown::AsConfigured,
        Some(0) => Shutdown::NoSave,
        Some(_) => Shutdown::Save,
    };
    if context.job.is_some() && shutdown != Shutdown::NoSave {
        return Err(BUSY);
    }
    // No reply: the client sees the connection close, as it expects.
    context.outbox.push(Effect::Shutdown(shutdown));
    Ok(())
}
