//! CLUSTER: every subcommand is known, so that its arguments are checked as in Redis, and refused.

use crate::command::spec::{Action, CommandSpec, Flags, Group, Keys, Outcome};
use crate::protocol::args::Args;
use crate::session::Context;

pub(super) const COMMANDS: &[&CommandSpec] = &[&CLUSTER];

const CHANGE: Flags = Flags::ADMIN.and(Flags::STALE);

static CLUSTER: CommandSpec = CommandSpec {
    name: "cluster",
    syntax: "",
    summary: "A container of commands about clusters; all are refused.",
    since: "3.0.0",
    group: Group::Server,
    complexity: "O(1)",
    arity: -2,
    flags: Flags::NONE,
    keys: Keys::None,
    action: Action::Container(
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
        None,
    ),
};

/// A subcommand; each is refused the same way.
const fn refused(name: &'static str, syntax: &'static str, arity: i8, flags: Flags) -> CommandSpec {
    CommandSpec {
        name,
        syntax,
        summary: "Refused: this server is no cluster.",
        since: "3.0.0",
        group: Group::Server,
        complexity: "O(1)",
        arity,
        flags,
        keys: Keys::None,
        action: Action::Run(refuse),
    }
}

fn refuse(_: &mut Context<'_>, _: Args<'_>) -> Outcome {
    Err(crate::command::NO_CLUSTER)
}

static ADDSLOTS: CommandSpec = refused("addslots", "slot [slot ...]", -3, CHANGE);
static ADDSLOTSRANGE: CommandSpec = refused(
    "addslotsrange",
    "start-slot end-slot [start-slot end-slot ...]",
    -4,
    CHANGE,
);
static BUMPEPOCH: CommandSpec = refused("bumpepoch", "", 2, CHANGE);
static COUNT_FAILURE_REPORTS: CommandSpec = refused("count-failure-reports", "node-id", 3, CHANGE);
static COUNTKEYSINSLOT: CommandSpec = refused("countkeysinslot", "slot", 3, Flags::STALE);
static DELSLOTS: CommandSpec = refused("delslots", "slot [slot ...]", -3, CHANGE);
static DELSLOTSRANGE: CommandSpec = refused(
    "delslotsrange",
    "start-slot end-slot [start-slot end-slot ...]",
    -4,
    CHANGE,
);
static FAILOVER: CommandSpec = refused("failover", "[FORCE | TAKEOVER]", -2, CHANGE);
static FLUSHSLOTS: CommandSpec = refused("flushslots", "", 2, CHANGE);
static FORGET: CommandSpec = refused("forget", "node-id", 3, CHANGE);
static GETKEYSINSLOT: CommandSpec = refused("getkeysinslot", "slot count", 4, Flags::STALE);
static HELP: CommandSpec = refused("help", "", 2, Flags::LOADING.and(Flags::STALE));
static INFO: CommandSpec = refused("info", "", 2, Flags::STALE);
static KEYSLOT: CommandSpec = refused("keyslot", "key", 3, Flags::STALE);
static LINKS: CommandSpec = refused("links", "", 2, Flags::STALE);
static MEET: CommandSpec = refused("meet", "ip port [cluster-bus-port]", -4, CHANGE);
static MYID: CommandSpec = refused("myid", "", 2, Flags::STALE);
static NODES: CommandSpec = refused("nodes", "", 2, Flags::STALE);
static REPLICAS: CommandSpec = refused("replicas", "node-id", 3, CHANGE);
static REPLICATE: CommandSpec = refused("replicate", "node-id", 3, CHANGE);
static RESET: CommandSpec = refused("reset", "[HARD | SOFT]", -2, CHANGE.and(Flags::NO_SCRIPT));
static SAVECONFIG: CommandSpec = refused("saveconfig", "", 2, CHANGE);
static SET_CONFIG_EPOCH: CommandSpec = refused("set-config-epoch", "config-epoch", 3, CHANGE);
static SETSLOT: CommandSpec = refused(
    "setslot",
    "slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>",
    -4,
    CHANGE,
);
static SHARDS: CommandSpec = refused("shards", "", 2, Flags::STALE);
static SLAVES: CommandSpec = refused("slaves", "node-id", 3, CHANGE);
static SLOTS: CommandSpec = refused("slots", "", 2, Flags::STALE);
