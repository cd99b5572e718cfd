//! The end of the server, and what is asked of a server that is no cluster.

use crate::base::numbers::parse_f64;
use crate::command::help::reply_help;
use crate::command::spec::{Action, CommandSpec, Flags, Group, Keys, Outcome};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::Context;
use crate::session::outbox::{Effect, Shutdown};

pub(super) const COMMANDS: &[&CommandSpec] = &[&SHUTDOWN, &DEBUG, &CLUSTER];

const OPERATOR: Flags = Flags::ADMIN
    .and(Flags::NO_SCRIPT)
    .and(Flags::LOADING)
    .and(Flags::STALE);

static SHUTDOWN: CommandSpec = CommandSpec {
    name: "shutdown",
    syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
    summary: "Ends the server.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "O(number of clients)",
    arity: -1,
    flags: OPERATOR.and(Flags::NO_MULTI),
    keys: Keys::None,
    action: Action::Run(shutdown),
};

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
    // No reply: the client sees the connection close, as it expects.
    context.outbox.push(Effect::Shutdown(shutdown));
    Ok(())
}

static DEBUG: CommandSpec = CommandSpec {
    name: "debug",
    syntax: "",
    summary: "A container of commands for tests.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "Depends on the subcommand",
    arity: -2,
    flags: OPERATOR,
    keys: Keys::None,
    action: Action::Container(&[&HELP, &SLEEP], None),
};

static SLEEP: CommandSpec = CommandSpec {
    name: "sleep",
    syntax: "seconds",
    summary: "Lets the whole server stand still for some seconds.",
    since: "1.0.0",
    group: Group::Server,
    complexity: "O(1)",
    arity: 3,
    flags: OPERATOR,
    keys: Keys::None,
    action: Action::Run(sleep),
};

/// Longer sleeps are cut to this: an hour.
const SLEEP_SECONDS_MAX: f64 = 3600.0;

fn sleep(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let seconds = parse_f64(args.get(2))
        .unwrap_or(0.0)
        .clamp(0.0, SLEEP_SECONDS_MAX);
    context.outbox.push(Effect::Sleep {
        duration_us: (seconds * 1_000_000.0) as u64,
    });
    context.reply.ok();
    Ok(())
}

static HELP: CommandSpec = CommandSpec {
    name: "help",
    syntax: "",
    summary: "Lists the subcommands of DEBUG.",
    since: "5.0.0",
    group: Group::Server,
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.and(Flags::STALE),
    keys: Keys::None,
    action: Action::Run(help),
};

fn help(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    reply_help(context, &DEBUG);
    Ok(())
}

static CLUSTER: CommandSpec = CommandSpec {
    name: "cluster",
    syntax: "subcommand",
    summary: "Refused: this server is no cluster.",
    since: "3.0.0",
    group: Group::Server,
    complexity: "O(1)",
    arity: -2,
    flags: Flags::NONE,
    keys: Keys::None,
    action: Action::Run(cluster),
};

fn cluster(_: &mut Context<'_>, _: Args<'_>) -> Outcome {
    Err(crate::command::NO_CLUSTER)
}
