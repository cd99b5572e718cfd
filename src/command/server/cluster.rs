//! CLUSTER: every subcommand is known, so that its arguments are checked as in Redis, and refused.

use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;

pub(super) const COMMANDS: &[&CommandSpec] = &[&CLUSTER];

static CLUSTER: CommandSpec = family::SERVER
    .container("cluster", REFUSED)
    .summary("A container of commands about clusters; all are refused.")
    .cost("O(1)")
    .since("3.0.0");

/// What changes a cluster.
const CHANGE: Flags = Flags::ADMIN.and(Flags::STALE);

/// What only tells something of a cluster.
const LOOK: Flags = Flags::STALE;

#[rustfmt::skip]
static REFUSED: &[&CommandSpec] = &[
    &refused("addslots", "slot [slot ...]", CHANGE),
    &refused("addslotsrange", "start-slot end-slot [start-slot end-slot ...]", CHANGE),
    &refused("bumpepoch", "", CHANGE),
    &refused("count-failure-reports", "node-id", CHANGE),
    &refused("countkeysinslot", "slot", LOOK),
    &refused("delslots", "slot [slot ...]", CHANGE),
    &refused("delslotsrange", "start-slot end-slot [start-slot end-slot ...]", CHANGE),
    &refused("failover", "[FORCE | TAKEOVER]", CHANGE),
    &refused("flushslots", "", CHANGE),
    &refused("forget", "node-id", CHANGE),
    &refused("getkeysinslot", "slot count", LOOK),
    &refused("help", "", LOOK.and(Flags::LOADING)),
    &refused("info", "", LOOK),
    &refused("keyslot", "key", LOOK),
    &refused("links", "", LOOK),
    &refused("meet", "ip port [cluster-bus-port]", CHANGE),
    &refused("myid", "", LOOK),
    &refused("nodes", "", LOOK),
    &refused("replicas", "node-id", CHANGE),
    &refused("replicate", "node-id", CHANGE),
    &refused("reset", "[HARD | SOFT]", CHANGE.and(Flags::NO_SCRIPT)),
    &refused("saveconfig", "", CHANGE),
    &refused("set-config-epoch", "config-epoch", CHANGE),
    &refused("setslot",
        "slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>", CHANGE),
    &refused("shards", "", LOOK),
    &refused("slaves", "node-id", CHANGE),
    &refused("slots", "", LOOK),
];

/// A subcommand; each is refused the same way.
const fn refused(name: &'static str, syntax: &'static str, flags: Flags) -> CommandSpec {
    family::SERVER
        .subcommand(name, syntax, refuse)
        .summary("Refused: this server is no cluster.")
        .since("3.0.0")
        .flags(flags)
}

fn refuse(_: &mut Context<'_>, _: Args<'_>) -> Outcome {
    Err(crate::command::NO_CLUSTER)
}
