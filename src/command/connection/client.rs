//! CLIENT: what a client says of itself, and pauses.

use super::{ANYTIME, client_list, tracking};
use crate::base::limits::CLIENT_NAME_BYTES_MAX;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::outbox::Effect;
use crate::context::pause::PauseScope;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::ReplyMode;

pub(super) const COMMANDS: &[&CommandSpec] = &[&CLIENT];

static CLIENT: CommandSpec = family::CONNECTION
    .container(
        "client",
        &[
            &tracking::CACHING,
            &CAPA,
            &GETNAME,
            &tracking::GETREDIR,
            &HELP,
            &ID,
            &client_list::INFO,
            &client_list::KILL,
            &client_list::LIST,
            &MAINT_NOTIFICATIONS,
            &NO_EVICT,
            &NO_TOUCH,
            &PAUSE,
            &REPLY,
            &SETINFO,
            &SETNAME,
            &tracking::TRACKING,
            &tracking::TRACKINGINFO,
            &UNBLOCK,
            &UNPAUSE,
        ],
    )
    .summary("A container of commands about client connections.")
    .since("2.4.0");

const OPERATOR: Flags = ANYTIME.and(Flags::ADMIN);

/// Checks what is to stand in CLIENT LIST: printable ASCII without spaces, and not too much of it.
///
/// # Errors
/// Redis's words for other bytes, and one of ours for too many; `what` says of what.
pub(super) fn check_name(what: &str, name: &[u8]) -> Result<(), ReplyError> {
    if !name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Err(ReplyError::new(format!(
            "ERR {what} cannot contain spaces, newlines or special characters."
        )));
    }
    if name.len() > CLIENT_NAME_BYTES_MAX {
        return Err(ReplyError::new(format!(
            "ERR {what} cannot be longer than {CLIENT_NAME_BYTES_MAX} bytes."
        )));
    }
    Ok(())
}

/// What errors call the name of a client.
pub(super) const CLIENT_NAME: &str = "Client names";

static ID: CommandSpec = family::CONNECTION
    .subcommand("id", "", id)
    .summary("Returns the number of the connection.")
    .since("5.0.0")
    .flags(ANYTIME);

fn id(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let id = context.session().id;
    context.reply.integer(id as i64);
    Ok(())
}

static SETNAME: CommandSpec = family::CONNECTION
    .subcommand("setname", "connection-name", setname)
    .summary("Names the connection.")
    .since("2.6.9")
    .flags(ANYTIME);

fn setname(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_name(CLIENT_NAME, args.get(2))?;
    context.session().name = args.get(2).into();
    context.reply.ok();
    Ok(())
}

static GETNAME: CommandSpec = family::CONNECTION
    .subcommand("getname", "", getname)
    .summary("Returns the name of the connection.")
    .since("2.6.9")
    .flags(ANYTIME);

fn getname(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let name = &context.sessions.get(context.key).name;
    if name.is_empty() {
        context.reply.null();
    } else {
        context.reply.bulk(name);
    }
    Ok(())
}

static SETINFO: CommandSpec = family::CONNECTION
    .subcommand("setinfo", "<LIB-NAME libname | LIB-VER libver>", setinfo)
    .summary("Names the library that the client uses, or its version.")
    .since("7.2.0")
    .flags(ANYTIME);

fn setinfo(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (option, value) = (args.get(2), args.get(3));
    let session = context.sessions.get_mut(context.key);
    let (field, field_name) = if option.eq_ignore_ascii_case(b"lib-name") {
        (&mut session.library_name, "lib-name")
    } else if option.eq_ignore_ascii_case(b"lib-ver") {
        (&mut session.library_version, "lib-ver")
    } else {
        let text = [b"ERR Unrecognized option '", option, b"'"].concat();
        return Err(ReplyError::from_bytes(text));
    };
    check_name(field_name, value)?;
    *field = value.into();
    context.reply.ok();
    Ok(())
}

static MAINT_NOTIFICATIONS: CommandSpec = family::CONNECTION
    .subcommand(
        "maint_notifications",
        "<ON | OFF> [MOVING-ENDPOINT-TYPE type]",
        accept,
    )
    .summary("Accepted: there is never any maintenance to be notified of.")
    .since("8.4.0")
    .flags(ANYTIME);

static CAPA: CommandSpec = family::CONNECTION
    .subcommand("capa", "capability [capability ...]", accept)
    .summary("Accepted: what a client can do more makes no difference here.")
    .since("8.0.0")
    .flags(ANYTIME);

fn accept(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.reply.ok();
    Ok(())
}

static NO_EVICT: CommandSpec = family::CONNECTION
    .subcommand("no-evict", "<ON | OFF>", no_evict)
    .summary("Keeps the connection from being closed for the memory it uses.")
    .since("7.0.0")
    .flags(OPERATOR);

fn no_evict(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    context.session().is_kept = parse_on_off(args.get(2))?;
    context.reply.ok();
    Ok(())
}

static NO_TOUCH: CommandSpec = family::CONNECTION
    .subcommand("no-touch", "<ON | OFF>", no_touch)
    .summary("Lets the connection's reads leave no trace for eviction.")
    .since("7.2.0")
    .flags(ANYTIME);

fn no_touch(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    context.session().is_untouching = parse_on_off(args.get(2))?;
    context.reply.ok();
    Ok(())
}

fn parse_on_off(text: &[u8]) -> Result<bool, ReplyError> {
    if text.eq_ignore_ascii_case(b"on") {
        Ok(true)
    } else if text.eq_ignore_ascii_case(b"off") {
        Ok(false)
    } else {
        Err(ReplyError::SYNTAX)
    }
}

static REPLY: CommandSpec = family::CONNECTION
    .subcommand("reply", "<ON | OFF | SKIP>", reply)
    .summary("Turns replies off and on, or off for the next command.")
    .since("3.2.0")
    .flags(ANYTIME);

fn reply(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let wanted = args.get(2);
    let mode = &mut context.session().reply_mode;
    if wanted.eq_ignore_ascii_case(b"on") {
        *mode = ReplyMode::On;
        context.reply.ok();
    } else if wanted.eq_ignore_ascii_case(b"off") {
        *mode = ReplyMode::Off;
    } else if wanted.eq_ignore_ascii_case(b"skip") {
        if *mode != ReplyMode::Off {
            *mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(ReplyError::SYNTAX);
    }
    Ok(())
}

static PAUSE: CommandSpec = family::CONNECTION
    .subcommand("pause", "timeout [WRITE | ALL]", pause)
    .summary("Lets the commands of all clients wait for some milliseconds.")
    .since("3.0.0")
    .flags(OPERATOR);

const TIMEOUT_TOO_LONG: ReplyError = ReplyError::fixed("ERR timeout is out of range");
const BAD_PAUSE: ReplyError = ReplyError::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL");

fn pause(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 4 {
        return Err(ReplyError::unknown_subcommand_or_arity(
            "client",
            args.get(1),
        ));
    }
    let mut scope = PauseScope::All;
    if args.len() == 4 {
        scope = match args.get(3) {
            mode if mode.eq_ignore_ascii_case(b"write") => PauseScope::Writes,
            mode if mode.eq_ignore_ascii_case(b"all") => PauseScope::All,
            _ => return Err(BAD_PAUSE),
        };
    }
    let timeout_ms = parse_i64(args.get(2)).ok_or(ReplyError::BAD_TIMEOUT)?;
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| ReplyError::NEGATIVE_TIMEOUT)?;
    // Redis adds it to the time of day and refuses what does not fit.
    if timeout_ms > i64::MAX as u64 - context.now_ms() {
        return Err(TIMEOUT_TOO_LONG);
    }
    let now_ms = context.now.monotonic_ms();
    context
        .pause
        .extend(scope, now_ms.saturating_add(timeout_ms), now_ms);
    context.reply.ok();
    Ok(())
}

static UNPAUSE: CommandSpec = family::CONNECTION
    .subcommand("unpause", "", unpause)
    .summary("Ends a pause.")
    .since("6.2.0")
    .cost("O(number of clients that wait)")
    .flags(OPERATOR);

fn unpause(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.pause.end();
    context.outbox.push(Effect::Unpause);
    context.reply.ok();
    Ok(())
}

static UNBLOCK: CommandSpec = family::CONNECTION
    .subcommand("unblock", "client-id [TIMEOUT | ERROR]", unblock)
    .summary("Ends the waiting of a client for keys; returns 1 if it waited.")
    .since("5.0.0")
    .cost("O(number of clients)")
    .flags(OPERATOR);

const BAD_REASON: ReplyError =
    ReplyError::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");

fn unblock(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let with_error = match args.len() {
        3 => false,
        4 if args.get(3).eq_ignore_ascii_case(b"timeout") => false,
        4 if args.get(3).eq_ignore_ascii_case(b"error") => true,
        4 => return Err(BAD_REASON),
        _ => {
            return Err(ReplyError::unknown_subcommand_or_arity(
                "client",
                args.get(1),
            ));
        }
    };
    let id = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let mut sessions = context.sessions.iter();
    let blocked =
        sessions.find(|(_, session)| session.id as i64 == id && session.blocked.is_some());
    let link = blocked.and_then(|(_, session)| session.link);
    let link = link.filter(|&link| !context.outbox.unblocks(link));
    if let Some(link) = link {
        context.outbox.push(Effect::Unblock { link, with_error });
    }
    context.reply.integer(i64::from(link.is_some()));
    Ok(())
}

help_of!(CLIENT, CONNECTION, "5.0.0");
