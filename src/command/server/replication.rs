//! What is asked of a server that may be a replica: this one never is, and has none.

use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&ROLE, &WAIT, &FAILOVER, &REPLICAOF, &SLAVEOF];

static ROLE: CommandSpec = family::SERVER
    .command("role", "", role)
    .summary("Returns that this server is a master without replicas.")
    .since("2.8.12")
    .flags(
        Flags::NO_SCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::FAST),
    )
    .also(Categories::ADMIN.and(Categories::DANGEROUS));

fn role(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
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

fn wait(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
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
    .summary("Takes `NO ONE`, which this server is anyway; it can't be a replica.")
    .since("5.0.0")
    .flags(REPLICA_FLAGS);

static SLAVEOF: CommandSpec = family::SERVER
    .command("slaveof", "host port", replicaof)
    .summary("The old name of REPLICAOF.")
    .since("1.0.0")
    .flags(REPLICA_FLAGS);

const NO_REPLICATION: ReplyError =
    ReplyError::fixed("ERR this server can't be a replica of another");

fn replicaof(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let is_no_one =
        args.get(1).eq_ignore_ascii_case(b"no") && args.get(2).eq_ignore_ascii_case(b"one");
    if !is_no_one {
        return Err(NO_REPLICATION);
    }
    context.reply.ok();
    Ok(())
}
