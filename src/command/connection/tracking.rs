//! CLIENT TRACKING and what belongs to it: clients that keep copies of what they have read.
//!
//! Not here: which keys (`keyspace/interest/tracked.rs`), how clients are told
//! (`context/invalidation.rs`).

use super::ANYTIME;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::Session;
use crate::session::trackers::{Redirect, Tracking, TrackingMode};

pub(super) static TRACKING: CommandSpec = family::CONNECTION
    .subcommand(
        "tracking",
        "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] \
             [OPTOUT] [NOLOOP]",
        tracking,
    )
    .summary("Has the server tell when keys change that the client has read.")
    .since("6.0.0")
    .cost("O(number of clients)")
    .flags(ANYTIME);

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

const SWITCHES_BCAST: ReplyError = ReplyError::fixed(
    "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
);
const SWITCHES_OPTIONAL: ReplyError = ReplyError::fixed(
    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
);

#[derive(Default)]
struct TrackingOptions<'a> {
    redirect: Option<Redirect>,
    prefixes: Vec<&'a [u8]>,
    is_broadcast: bool,
    is_optin: bool,
    is_optout: bool,
    is_noloop: bool,
}

impl TrackingOptions<'_> {
    fn mode(&self) -> TrackingMode {
        if self.is_broadcast {
            TrackingMode::Broadcast
        } else if self.is_optin {
            TrackingMode::OptIn
        } else if self.is_optout {
            TrackingMode::OptOut
        } else {
            TrackingMode::Reads
        }
    }

    /// Whether a client with tracking of this mode may go on with these options.
    fn check(&self, old: Option<&Tracking>) -> Outcome {
        if !self.prefixes.is_empty() && !self.is_broadcast {
            return Err(PREFIX_WITHOUT_BCAST);
        }
        if let Some(old) = old {
            let was_broadcast = old.mode == TrackingMode::Broadcast;
            if was_broadcast != self.is_broadcast {
                return Err(SWITCHES_BCAST);
            }
        }
        if self.is_broadcast && (self.is_optin || self.is_optout) {
            return Err(OPTIONAL_BCAST);
        }
        if self.is_optin && self.is_optout {
            return Err(OPTIN_AND_OPTOUT);
        }
        let switches = |old: &Tracking| {
            (self.is_optin && old.mode == TrackingMode::OptOut)
                || (self.is_optout && old.mode == TrackingMode::OptIn)
        };
        if old.is_some_and(switches) {
            return Err(SWITCHES_OPTIONAL);
        }
        Ok(())
    }
}

fn parse_options<'a>(
    context: &Context<'_>,
    args: Args<'a>,
) -> Result<TrackingOptions<'a>, ReplyError> {
    let mut options = TrackingOptions::default();
    let mut index = 3;
    while index < args.len() {
        let is = |name: &[u8]| args.get(index).eq_ignore_ascii_case(name);
        let has_value = index + 1 < args.len();
        if is(b"redirect") && has_value {
            if options.redirect.is_some() {
                return Err(REDIRECTS_TWICE);
            }
            index += 1;
            let wanted = parse_i64(args.get(index)).ok_or(ReplyError::NOT_INTEGER)?;
            let mut sessions = context.sessions.iter();
            let found = sessions.find(|(_, session)| session.id as i64 == wanted);
            let (session, target) = found.ok_or(NO_SUCH_REDIRECT)?;
            let id = target.id;
            options.redirect = Some(Redirect { id, session });
        } else if is(b"prefix") && has_value {
            index += 1;
            options.prefixes.push(args.get(index));
        } else if is(b"bcast") {
            options.is_broadcast = true;
        } else if is(b"optin") {
            options.is_optin = true;
        } else if is(b"optout") {
            options.is_optout = true;
        } else if is(b"noloop") {
            options.is_noloop = true;
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 1;
    }
    Ok(options)
}

fn tracking(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let options = parse_options(context, args)?;
    if args.get(2).eq_ignore_ascii_case(b"off") {
        context.tell_changes();
        context.end_tracking();
        context.reply.ok();
        return Ok(());
    }
    if !args.get(2).eq_ignore_ascii_case(b"on") {
        return Err(ReplyError::SYNTAX);
    }
    let old = context.session().tracking.as_deref();
    options.check(old)?;
    if options.is_broadcast {
        let old_prefixes = old.map_or(&[][..], |old| &old.prefixes);
        check_prefixes(&options.prefixes, old_prefixes)?;
    }
    context.tell_changes();
    begin(context, &options);
    context.reply.ok();
    Ok(())
}

/// No prefix of a client may begin with another, or it would be told twice.
fn check_prefixes(prefixes: &[&[u8]], old: &[Box<[u8]>]) -> Outcome {
    let overlap = |one: &[u8], other: &[u8]| one.starts_with(other) || other.starts_with(one);
    for (index, prefix) in prefixes.iter().enumerate() {
        if let Some(other) = old.iter().find(|other| overlap(prefix, other)) {
            let text: [&[u8]; 5] = [
                b"ERR Prefix '",
                prefix,
                b"' overlaps with an existing prefix '",
                other,
                b"'. Prefixes for a single client must not overlap.",
            ];
            return Err(ReplyError::from_bytes(text.concat()));
        }
        let mut others = prefixes[index + 1..].iter();
        if let Some(other) = others.find(|other| overlap(prefix, other)) {
            let text: [&[u8]; 5] = [
                b"ERR Prefix '",
                prefix,
                b"' overlaps with another provided prefix '",
                other,
                b"'. Prefixes for a single client must not overlap.",
            ];
            return Err(ReplyError::from_bytes(text.concat()));
        }
    }
    Ok(())
}

fn begin(context: &mut Context<'_>, options: &TrackingOptions<'_>) {
    let old = context.session().tracking.take();
    let (number, mut prefixes) = match old {
        Some(old) => (old.number, old.prefixes),
        None => {
            context.keyspace.begin_reader();
            (context.sessions.trackers.begin(context.key), Vec::new())
        }
    };
    let everything: [&[u8]; 1] = [b""];
    let added = match options.is_broadcast && options.prefixes.is_empty() && prefixes.is_empty() {
        true => &everything[..],
        false => &options.prefixes,
    };
    for prefix in added {
        context.keyspace.add_tracked_prefix(prefix, number);
        prefixes.push((*prefix).into());
    }
    prefixes.sort_unstable();
    context.session().tracking = Some(Box::new(Tracking {
        number,
        mode: options.mode(),
        redirect: options.redirect,
        is_broken: false,
        is_noloop: options.is_noloop,
        caching: None,
        prefixes,
    }));
}

pub(super) static TRACKINGINFO: CommandSpec = family::CONNECTION
    .subcommand("trackinginfo", "", trackinginfo)
    .summary("Tells what the server tells this connection of keys.")
    .since("6.2.0")
    .flags(ANYTIME);

fn trackinginfo(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let session = context.sessions.get(context.key);
    let reply = &mut context.reply;
    let tracking = session.tracking.as_ref();
    let has = |mode| tracking.is_some_and(|tracking| tracking.mode == mode);
    let caching = tracking.and_then(|tracking| tracking.caching);
    let flags = [
        ("off", tracking.is_none()),
        ("on", tracking.is_some()),
        ("bcast", has(TrackingMode::Broadcast)),
        ("optin", has(TrackingMode::OptIn)),
        (
            "caching-yes",
            has(TrackingMode::OptIn) && caching == Some(true),
        ),
        ("optout", has(TrackingMode::OptOut)),
        (
            "caching-no",
            has(TrackingMode::OptOut) && caching == Some(false),
        ),
        (
            "noloop",
            tracking.is_some_and(|tracking| tracking.is_noloop),
        ),
        (
            "broken_redirect",
            tracking.is_some_and(|tracking| tracking.is_broken),
        ),
    ];
    let set = flags.iter().filter(|(_, is_set)| *is_set);
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(set.clone().count());
    set.for_each(|(flag, _)| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirection(session));
    reply.bulk(b"prefixes");
    let prefixes = tracking.map_or(&[][..], |tracking| &tracking.prefixes);
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

/// Whom a client redirects to: 0 for nobody, -1 if it is told of no keys.
pub(super) fn redirection(session: &Session) -> i64 {
    let tracking = session.tracking.as_ref();
    tracking.map_or(-1, |tracking| {
        tracking.redirect.map_or(0, |redirect| redirect.id as i64)
    })
}

pub(super) static GETREDIR: CommandSpec = family::CONNECTION
    .subcommand("getredir", "", getredir)
    .summary("Returns the client that is told of keys instead of this one.")
    .since("6.0.0")
    .flags(ANYTIME);

fn getredir(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let redirect = redirection(context.session());
    context.reply.integer(redirect);
    Ok(())
}

pub(super) static CACHING: CommandSpec = family::CONNECTION
    .subcommand("caching", "<YES | NO>", caching)
    .summary("Says whether the client keeps what the next command or transaction reads.")
    .since("6.0.0")
    .flags(ANYTIME);

const NOT_TRACKED: ReplyError = ReplyError::fixed(
    "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
);
const ONLY_OPTIN: ReplyError = ReplyError::fixed(
    "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
);
const ONLY_OPTOUT: ReplyError = ReplyError::fixed(
    "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
);

fn caching(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let answer = args.get(2);
    let Some(tracking) = &mut context.sessions.get_mut(context.key).tracking else {
        return Err(NOT_TRACKED);
    };
    let (is_yes, mode, refusal) = if answer.eq_ignore_ascii_case(b"yes") {
        (true, TrackingMode::OptIn, ONLY_OPTIN)
    } else if answer.eq_ignore_ascii_case(b"no") {
        (false, TrackingMode::OptOut, ONLY_OPTOUT)
    } else {
        return Err(ReplyError::SYNTAX);
    };
    if tracking.mode != mode {
        return Err(refusal);
    }
    tracking.caching = Some(is_yes);
    context.reply.ok();
    Ok(())
}
