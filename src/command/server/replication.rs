//! What is asked of a server that may be a replica: REPLICAOF makes it one, until `NO ONE`.
//!
//! It follows a primary to take over its keys, and has no replicas itself.
//!
//! Not here: the link and what comes over it (`node/replica/`).

use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::outbox::{Effect, Wait};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&ROLE, &WAIT, &FAILOVER, &REPLICAOF, &SLAVEOF];

static ROLE: CommandSpec = family::SERVER
    .command("role", "", role)
    .summary(
        "Returns that this server is a master without replicas, or whom it follows and how far.",
    )
    .since("2.8.12")
    .flags(
        Flags::NO_SCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST),
    )
    .also(Categories::ADMIN.and(Categories::DANGEROUS));

fn role(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    if let Some(following) = &context.host.following {
        context.reply.array(5);
        context.reply.bulk(b"slave");
        context.reply.bulk(following.host.as_bytes());
        context.reply.integer(i64::from(following.port));
        context.reply.bulk(following.link.name().as_bytes());
        let offset = following.applied_offset.map_or(-1, |offset| offset as i64);
        context.reply.integer(offset);
        return Ok(());
    }
    context.reply.array(3);
    context.reply.bulk(b"master");
    context.reply.integer(0);
    context.reply.array(0);
    Ok(())
}

static WAIT: CommandSpec = family::CONNECTION
    .command("wait", "numreplicas timeout", wait)
    .summary("Returns how many replicas have all writes: none, at once.")
    .since("3.0.0")
    .flags(Flags::NO_SCRIPT);

const WAIT_ON_REPLICA: ReplyError = ReplyError::fixed(
    "ERR WAIT cannot be used with replica instances. Please also note that writes to replicas are \
     just local and are not propagated.",
);

fn wait(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if context.host.following.is_some() {
        return Err(WAIT_ON_REPLICA);
    }
    parse_i64(args.get(1)).ok_or(ReplyError::NOT_INTEGER)?;
    if parse_i64(args.get(2)).ok_or(ReplyError::BAD_TIMEOUT)? < 0 {
        return Err(ReplyError::NEGATIVE_TIMEOUT);
    }
    context.reply.integer(0);
    Ok(())
}

static FAILOVER: CommandSpec = family::SERVER
    .command(
        "failover",
        "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
        failover,
    )
    .summary("Refused: there is no replica to hand over to.")
    .since("6.2.0")
    .flags(Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::STALE));

const NO_REPLICAS: ReplyError = ReplyError::fixed("ERR FAILOVER requires connected replicas.");
const NO_FAILOVER: ReplyError = ReplyError::fixed("ERR No failover in progress.");

fn failover(_: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut index = 1;
    while index < args.len() {
        let word = args.get(index);
        let has_values = |count: usize| index + count < args.len();
        if args.len() == 2 && word.eq_ignore_ascii_case(b"abort") {
            return Err(NO_FAILOVER);
        } else if word.eq_ignore_ascii_case(b"timeout") && has_values(1) {
            index += 2;
        } else if word.eq_ignore_ascii_case(b"to") && has_values(2) {
            index += 3;
        } else if word.eq_ignore_ascii_case(b"force") {
            index += 1;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    Err(NO_REPLICAS)
}

const REPLICA_FLAGS: Flags = Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::STALE);

static REPLICAOF: CommandSpec = family::SERVER
    .command("replicaof", "host port", replicaof)
    .summary("Takes over all keys of another server and follows its changes, until `NO ONE`.")
    .since("5.0.0")
    .flags(REPLICA_FLAGS);

static SLAVEOF: CommandSpec = family::SERVER
    .command("slaveof", "host port", replicaof)
    .summary("The old name of REPLICAOF.")
    .since("1.0.0")
    .flags(REPLICA_FLAGS);

const NO_REPLICATION: ReplyError =
    ReplyError::fixed("ERR this server can't be a replica of another");
const BAD_PORT: ReplyError = ReplyError::fixed("ERR Invalid master port");
const BAD_HOST: ReplyError = ReplyError::fixed("ERR Invalid master host");

fn replicaof(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if context.session().is_primary {
        return Err(NO_REPLICATION);
    }
    let (host, port) = (args.get(1), args.get(2));
    let following = context.host.following.as_ref();
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        if following.is_some() && context.may_wait {
            context.answer_later(Wait::Promotion);
            return Ok(());
        }
        if following.is_some() {
            context.outbox.push(Effect::Follow(None));
        }
        context.reply.ok();
        return Ok(());
    }
    let port = parse_i64(port).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(BAD_PORT)?;
    let host = std::str::from_utf8(host).map_err(|_| BAD_HOST)?;
    if following.is_some_and(|old| old.port == port && old.host.eq_ignore_ascii_case(host)) {
        context
            .reply
            .simple("OK Already connected to specified master");
        return Ok(());
    }
    if !context.host.may_follow {
        return Err(NO_REPLICATION);
    }
    let primary = Some((host.to_owned(), port));
    context.outbox.push(Effect::Follow(primary));
    context.reply.ok();
    Ok(())
}
