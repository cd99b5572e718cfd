//! CLUSTER: every subcommand is known, so that its arguments are checked as in Redis, and refused.

use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;

pub(super) const COMMANDS: &[&CommandSpec] = &[&CLUSTER];

const CHANGE: Flags = Flags::ADMIN.and(Flags::STALE);

static CLUSTER: CommandSpec = family::SERVER
    .container(
        "cluster",
        &[
            &ADDSLOTS,
            &ADDSLOTSRANGE,
            &BUMPEPOCH,
            &COUNT_FAILURE_REPORTS,
            &COUNTKEYSINSLOT,
            &DELSLOTS,
            &DELSLOTSRANGE,
            &FAILOVER,
            &FLUSHSLOTS,
            &FORGET,
            &GETKEYSINSLOT,
            &HELP,
            &INFO,
            &KEYSLOT,
            &LINKS,
            &MEET,
            &MYID,
            &NODES,
            &REPLICAS,
            &REPLICATE,
            &RESET,
            &SAVECONFIG,
            &SET_CONFIG_EPOCH,
            &SETSLOT,
            &SHARDS,
            &SLAVES,
            &SLOTS,
        ],
    )
    .summary("A container of commands about clusters; all are refused.")
    .cost("O(1)")
    .since("3.0.0");

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

static ADDSLOTS: CommandSpec = refused("addslots", "slot [slot ...]", CHANGE);
static ADDSLOTSRANGE: CommandSpec = refused(
    "addslotsrange",
    "start-slot end-slot [start-slot end-slot ...]",
    CHANGE,
);
static BUMPEPOCH: CommandSpec = refused("bumpepoch", "", CHANGE);
static COUNT_FAILURE_REPORTS: CommandSpec = refused("count-failure-reports", "node-id", CHANGE);
static COUNTKEYSINSLOT: CommandSpec = refused("countkeysinslot", "slot", Flags::STALE);
static DELSLOTS: CommandSpec = refused("delslots", "slot [slot ...]", CHANGE);
static DELSLOTSRANGE: CommandSpec = refused(
    "delslotsrange",
    "start-slot end-slot [start-slot end-slot ...]",
    CHANGE,
);
static FAILOVER: CommandSpec = refused("failover", "[FORCE | TAKEOVER]", CHANGE);
static FLUSHSLOTS: CommandSpec = refused("flushslots", "", CHANGE);
static FORGET: CommandSpec = refused("forget", "node-id", CHANGE);
static GETKEYSINSLOT: CommandSpec = refused("getkeysinslot", "slot count", Flags::STALE);
static HELP: CommandSpec = refused("help", "", Flags::LOADING.and(Flags::STALE));
static INFO: CommandSpec = refused("info", "", Flags::STALE);
static KEYSLOT: CommandSpec = refused("keyslot", "key", Flags::STALE);
static LINKS: CommandSpec = refused("links", "", Flags::STALE);
static MEET: CommandSpec = refused("meet", "ip port [cluster-bus-port]", CHANGE);
static MYID: CommandSpec = refused("myid", "", Flags::STALE);
static NODES: CommandSpec = refused("nodes", "", Flags::STALE);
static REPLICAS: CommandSpec = refused("replicas", "node-id", CHANGE);
static REPLICATE: CommandSpec = refused("replicate", "node-id", CHANGE);
static RESET: CommandSpec = refused("reset", "[HARD | SOFT]", CHANGE.and(Flags::NO_SCRIPT));
static SAVECONFIG: CommandSpec = refused("saveconfig", "", CHANGE);
static SET_CONFIG_EPOCH: CommandSpec = refused("set-config-epoch", "config-epoch", CHANGE);
static SETSLOT: CommandSpec = refused(
    "setslot",
    "slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>",
    CHANGE,
);
static SHARDS: CommandSpec = refused("shards", "", Flags::STALE);
static SLAVES: CommandSpec = refused("slaves", "node-id", CHANGE);
static SLOTS: CommandSpec = refused("slots", "", Flags::STALE);
