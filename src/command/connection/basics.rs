//! The simplest commands of a connection.

use crate::command::arguments::parse_database;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::transactions;
use crate::context::Context;
use crate::context::outbox::Effect;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;
use crate::session::ReplyMode;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &PING, &ECHO, &SELECT, &QUIT, &RESET, &READONLY, &READWRITE, &ASKING,
];

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE).and(Flags::FAST);

static PING: CommandSpec = family::CONNECTION
    .command("ping", "[message]", ping)
    .summary("Answers PONG, or the message.")
    .since("1.0.0")
    .flags(Flags::FAST);

fn ping(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match args.len() {
        1 => context.reply.pong(),
        2 => context.reply.bulk(args.get(1)),
        _ => return Err(ReplyError::wrong_arity("ping")),
    }
    Ok(())
}

static ECHO: CommandSpec = family::CONNECTION
    .command("echo", "message", echo)
    .summary("Answers the message.")
    .since("1.0.0")
    .flags(ANYTIME);

fn echo(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    context.reply.bulk(args.get(1));
    Ok(())
}

static SELECT: CommandSpec = family::CONNECTION
    .command("select", "index", select)
    .summary("Chooses the database that the connection's commands work on.")
    .since("1.0.0")
    .flags(ANYTIME);

fn select(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let database = parse_database(args.get(1), context.keyspace.database_count())?;
    context.session().database = database;
    context.reply.ok();
    Ok(())
}

static QUIT: CommandSpec = family::CONNECTION
    .command("quit", "", quit)
    .summary("Closes the connection after all replies so far.")
    .since("1.0.0")
    .flags(
        ANYTIME
            .and(Flags::NO_SCRIPT)
            .and(Flags::NO_AUTH)
            .and(Flags::NOT_QUEUED),
    )
    .ignores_more();

fn quit(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.reply.ok();
    context.session().closes_after_reply = true;
    Ok(())
}

static RESET: CommandSpec = family::CONNECTION
    .command("reset", "", reset)
    .summary("Makes the connection as it was when it was opened.")
    .since("6.2.0")
    .flags(
        ANYTIME
            .and(Flags::NO_SCRIPT)
            .and(Flags::NO_AUTH)
            .and(Flags::NOT_QUEUED),
    );

fn reset(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    transactions::close(context);
    let session = context.sessions.get_mut(context.key);
    session.long_read.abandon(context.keyspace);
    session.database = 0;
    session.name = Box::default();
    session.reply_mode = ReplyMode::On;
    session.is_kept = false;
    session.is_untouching = false;
    let was_monitor = std::mem::take(&mut session.is_monitor);
    session.leave(context.users);
    // A person at nc stays one.
    if session.dialect == Dialect::Resp3 {
        session.dialect = Dialect::Resp2;
    }
    let dialect = session.dialect;
    if was_monitor {
        context.outbox.push(Effect::Monitor { is_on: false });
    }
    context.reply.set_dialect(dialect);
    context.reply.simple("RESET");
    Ok(())
}

static READONLY: CommandSpec = family::CONNECTION
    .command("readonly", "", refuse_cluster)
    .summary("Refused: it is for clusters.")
    .since("3.0.0")
    .flags(ANYTIME);

static READWRITE: CommandSpec = family::CONNECTION
    .command("readwrite", "", refuse_cluster)
    .summary("Refused: it is for clusters.")
    .since("3.0.0")
    .flags(ANYTIME);

static ASKING: CommandSpec = family::CONNECTION
    .command("asking", "", refuse_cluster)
    .summary("Refused: it is for clusters.")
    .since("3.0.0")
    .flags(Flags::FAST);

fn refuse_cluster(_: &mut Context<'_>, _: Args<'_>) -> Outcome {
    Err(crate::command::NO_CLUSTER)
}
