//! CLIENT TRACKING and what belongs to it: the answers of a server that does not track keys.
//!
//! A client that is told `OK` keeps what it has read until it is told that it changed. Nobody
//! would tell it here, so turning tracking on is an error, after those that Redis would find in the
//! request itself; turning it off, and asking about it, work.
//!
//! Not here: CLIENT LIST, whose field `redir` says the same (`client_list.rs`).

use super::ANYTIME;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) static TRACKING: CommandSpec = family::CONNECTION
    .subcommand(
        "tracking",
        "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] \
             [OPTOUT] [NOLOOP]",
        tracking,
    )
    .summary("Refused, unless it is OFF: keys are not tracked for clients.")
    .since("6.0.0")
    .cost("O(number of clients)")
    .flags(ANYTIME);

const NOT_SUPPORTED: ReplyError =
    ReplyError::fixed("ERR client side caching is not supported by this server");
const REDIRECTS_TWICE: ReplyError =
    ReplyError::fixed("ERR A client can only redirect to a single other client");
const NO_SUCH_REDIRECT: ReplyError =
    ReplyError::fixed("ERR The client ID you want redirect to does not exist");
const PREFIX_WITHOUT_BCAST: ReplyError =
    ReplyError::fixed("ERR PREFIX option requires BCAST mode to be enabled");
const OPTIONAL_BCAST: ReplyError =
    ReplyError::fixed("ERR OPTIN and OPTOUT are not compatible with BCAST");
const OPTIN_AND_OPTOUT: ReplyError =
    ReplyError::fixed("ERR You can't specify both OPTIN mode and OPTOUT mode");

#[derive(Default)]
struct TrackingOptions {
    redirect: i64,
    has_prefix: bool,
    is_broadcast: bool,
    is_optin: bool,
    is_optout: bool,
}

fn parse_options(context: &Context<'_>, args: Args<'_>) -> Result<TrackingOptions, ReplyError> {
    let mut options = TrackingOptions::default();
    let mut index = 3;
    while index < args.len() {
        let is = |name: &[u8]| args.get(index).eq_ignore_ascii_case(name);
        let has_value = index + 1 < args.len();
        if is(b"redirect") && has_value {
            if options.redirect != 0 {
                return Err(REDIRECTS_TWICE);
            }
            index += 1;
            options.redirect = parse_i64(args.get(index)).ok_or(ReplyError::NOT_INTEGER)?;
            let mut sessions = context.sessions.iter();
            if !sessions.any(|(_, session)| session.id as i64 == options.redirect) {
                return Err(NO_SUCH_REDIRECT);
            }
        } else if is(b"prefix") && has_value {
            index += 1;
            options.has_prefix = true;
        } else if is(b"bcast") {
            options.is_broadcast = true;
        } else if is(b"optin") {
            options.is_optin = true;
        } else if is(b"optout") {
            options.is_optout = true;
        } else if !is(b"noloop") {
            return Err(ReplyError::SYNTAX);
        }
        index += 1;
    }
    Ok(options)
}

fn tracking(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let options = parse_options(context, args)?;
    if args.get(2).eq_ignore_ascii_case(b"off") {
        context.reply.ok();
        return Ok(());
    }
    if !args.get(2).eq_ignore_ascii_case(b"on") {
        return Err(ReplyError::SYNTAX);
    }
    if options.has_prefix && !options.is_broadcast {
        return Err(PREFIX_WITHOUT_BCAST);
    }
    if options.is_broadcast && (options.is_optin || options.is_optout) {
        return Err(OPTIONAL_BCAST);
    }
    if options.is_optin && options.is_optout {
        return Err(OPTIN_AND_OPTOUT);
    }
    Err(NOT_SUPPORTED)
}

pub(super) static TRACKINGINFO: CommandSpec = family::CONNECTION
    .subcommand("trackinginfo", "", trackinginfo)
    .summary("Tells that no keys are tracked for this connection.")
    .since("6.2.0")
    .flags(ANYTIME);

fn trackinginfo(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let reply = &mut context.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}

pub(super) static GETREDIR: CommandSpec = family::CONNECTION
    .subcommand("getredir", "", getredir)
    .summary("Returns -1: no keys are tracked for this connection.")
    .since("6.0.0")
    .flags(ANYTIME);

fn getredir(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.reply.integer(-1);
    Ok(())
}

pub(super) static CACHING: CommandSpec = family::CONNECTION
    .subcommand("caching", "<YES | NO>", caching)
    .summary("Refused: no keys are tracked for this connection.")
    .since("6.0.0")
    .flags(ANYTIME);

const NOT_TRACKED: ReplyError = ReplyError::fixed(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
);

fn caching(_: &mut Context<'_>, _: Args<'_>) -> Outcome {
    Err(NOT_TRACKED)
}
