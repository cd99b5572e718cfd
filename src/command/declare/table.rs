//! All commands by name.
//!
//! ```text
//!  FAMILIES ─▶ specs: numbered list, subcommands behind their container  (numbers: statistics,
//!         └──▶ slots: open addressing by name, 2,048 places               transactions, CLIENT LIST)
//! ```
//!
//! A lookup hashes at most 16 bytes of the name with letter case folded, and compares the name
//! once. Built on first use; O(commands).
//!
//! Not here: what a command is (`spec.rs`), running one (`call.rs`).

use super::spec::CommandSpec;
use crate::base::command_id::CommandId;
use crate::command::{
    acl, bitmaps, connection, diagnostics, generic, geo, hashes, hyper_log_log, introspection,
    lists, messages, scripting, server, sets, sorted_sets, streams, strings, transactions,
};
use std::sync::LazyLock;

/// Lists of one file each; a command that is in none is dead code, which the compiler reports.
const FAMILIES: &[&[&[&CommandSpec]]] = &[
    &strings::COMMANDS,
    &[bitmaps::COMMANDS],
    &lists::COMMANDS,
    &sets::COMMANDS,
    &scripting::COMMANDS,
    &sorted_sets::COMMANDS,
    &hashes::COMMANDS,
    &streams::COMMANDS,
    &hyper_log_log::COMMANDS,
    &geo::COMMANDS,
    &generic::COMMANDS,
    &[transactions::COMMANDS],
    &[messages::COMMANDS],
    &connection::COMMANDS,
    &server::COMMANDS,
    &[acl::COMMANDS],
    &[introspection::COMMANDS],
    &diagnostics::COMMANDS,
    #[cfg(test)]
    &[crate::command::toy::COMMANDS],
];

pub(super) const SLOT_COUNT: usize = 2048;

/// Commands by name, in open addressing.
pub(super) type Slots = [Option<CommandId>; SLOT_COUNT];

struct Row {
    spec: &'static CommandSpec,
    /// `config|get` for a subcommand.
    full_name: String,
    /// The container of a subcommand.
    container: Option<CommandId>,
    /// Number of the first subcommand; the others follow it.
    first_subcommand: CommandId,
}

/// The table of all commands.
pub struct CommandTable {
    rows: Vec<Row>,
    /// The commands that are not subcommands.
    slots: Slots,
}

static TABLE: LazyLock<CommandTable> = LazyLock::new(CommandTable::build);

/// The name of a command, of a subcommand with its container's: `config|get`.
pub(crate) fn command_name(number: CommandId) -> &'static str {
    table().full_name(number)
}

/// The table of all commands.
#[inline]
pub fn table() -> &'static CommandTable {
    &TABLE
}

/// Where the search for a name begins.
#[inline]
pub(super) fn slot_of(name: &[u8]) -> usize {
    let mut folded = [0u8; 16];
    let len = name.len().min(16);
    folded[..len].copy_from_slice(&name[..len]);
    let folded = u128::from_le_bytes(folded) | u128::from_le_bytes([0x20; 16]);
    let mixed = (folded as u64 ^ ((folded >> 64) as u64).rotate_left(15) ^ name.len() as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 53) as usize
}

impl CommandTable {
    fn build() -> Self {
        let mut table = Self {
            rows: Vec::new(),
            slots: [None; SLOT_COUNT],
        };
        for spec in FAMILIES.iter().copied().flatten().copied().flatten() {
            let number = CommandId::new(table.rows.len());
            table.push(spec, spec.name.to_string(), None);
            table.rows[number.index()].first_subcommand = number.after(1);
            for subcommand in spec.subcommands() {
                let full_name = format!("{}|{}", spec.name, subcommand.name);
                table.push(subcommand, full_name, Some(number));
            }
            let mut slot = slot_of(spec.name.as_bytes());
            while table.slots[slot].is_some() {
                slot = (slot + 1) % SLOT_COUNT;
            }
            table.slots[slot] = Some(number);
        }
        table
    }

    fn push(
        &mut self,
        spec: &'static CommandSpec,
        full_name: String,
        container: Option<CommandId>,
    ) {
        self.rows.push(Row {
            spec,
            full_name,
            container,
            first_subcommand: CommandId::FIRST,
        });
    }

    /// The command of a name, whatever its letter case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let mut slot = slot_of(name);
        while let Some(number) = self.slots[slot] {
            let known = self.rows[number.index()].spec.name.as_bytes();
            if known.eq_ignore_ascii_case(name) {
                return Some(number);
            }
            slot = (slot + 1) % SLOT_COUNT;
        }
        None
    }

    /// The subcommand of a container by name.
    pub fn find_subcommand(&self, container: CommandId, name: &[u8]) -> Option<CommandId> {
        let row = &self.rows[container.index()];
        let index = row
            .spec
            .subcommands()
            .iter()
            .position(|subcommand| subcommand.name.as_bytes().eq_ignore_ascii_case(name))?;
        Some(row.first_subcommand.after(index))
    }

    /// The declaration of a command or subcommand.
    #[inline]
    pub fn spec(&self, number: CommandId) -> &'static CommandSpec {
        self.rows[number.index()].spec
    }

    /// Its name as Redis writes it in statistics and errors: `get`, `config|get`.
    pub fn full_name(&self, number: CommandId) -> &str {
        &self.rows[number.index()].full_name
    }

    /// Numbers of all commands and subcommands.
    pub fn all(&self) -> impl Iterator<Item = CommandId> + use<> {
        (0..self.rows.len()).map(CommandId::new)
    }

    /// Numbers of all commands that are not subcommands.
    pub fn commands(&self) -> impl Iterator<Item = CommandId> + '_ {
        self.all()
            .filter(|&number| self.rows[number.index()].container.is_none())
    }

    /// Numbers of a command's subcommands.
    pub fn subcommands(&self, number: CommandId) -> impl Iterator<Item = CommandId> {
        let row = &self.rows[number.index()];
        let (first, count) = (row.first_subcommand, row.spec.subcommands().len());
        (0..count).map(move |index| first.after(index))
    }

    /// How many commands and subcommands there are: one more than the highest number.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[cfg(feature = "internals")]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::declare::spec::{Flags, Group};
    use std::collections::HashSet;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        for number in table().commands() {
            let name = table().full_name(number);
            assert_eq!(table().find(name.as_bytes()), Some(number));
            assert_eq!(table().find(name.to_uppercase().as_bytes()), Some(number));
            for subcommand in table().subcommands(number) {
                let name = table().spec(subcommand).name.to_uppercase();
                assert_eq!(
                    table().find_subcommand(number, name.as_bytes()),
                    Some(subcommand)
                );
            }
        }
        assert_eq!(table().find(b""), None);
        assert_eq!(table().find(b"nosuchcommand-with-a-long-name"), None);
        assert_eq!(
            table().find(b"\x27et"),
            None,
            "folding the case must not make names equal"
        );
    }

    #[test]
    fn names_are_unique_and_declarations_complete() {
        let mut names = HashSet::new();
        for number in table().all() {
            let spec = table().spec(number);
            assert!(
                names.insert(table().full_name(number)),
                "{} twice",
                spec.name
            );
            assert_eq!(spec.name, spec.name.to_lowercase());
            assert!(
                spec.summary.ends_with('.') && spec.summary.len() > 10,
                "{}",
                spec.name
            );
            assert!(
                !spec.complexity.is_empty() && !spec.since.is_empty(),
                "{}",
                spec.name
            );
            let has_keys = !spec.keys.is_none();
            if has_keys && spec.group == Group::String {
                let flags = spec.flags;
                assert!(
                    flags.has(Flags::WRITE) != flags.has(Flags::READ_ONLY),
                    "{}",
                    spec.name
                );
            }
        }
    }

    /// A command that is short skips the gates after another such command: one that may change what
    /// they ask, wait for keys, or take long at once must not be in this list. A read of many
    /// elements leaves a long read, with which its batch ends.
    #[test]
    fn short_commands_are_these() {
        let expected = "append bitfield_ro decr decrby delex delifeq digest exists expire \
                        expireat expiretime get getbit getdel getex getset hdel hexists hexpire \
                        hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat \
                        hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl \
                        hset hsetex hsetnx hstrlen httl hvals incr incrby incrbyfloat lindex \
                        llen lpop lpush lpushx lrange mget move persist pexpire pexpireat \
                        pexpiretime pfadd psetex pttl publish renamenx rpop rpush rpushx sadd \
                        scard set setex setnx sismember smembers smismember smove spublish srem \
                        strlen touch ttl type unlink xack xadd xdel xlen xsetid zadd zcard \
                        zcount zincrby zlexcount zmscore zrange zrangebylex zrangebyscore zrank \
                        zrem zrevrange zrevrangebylex zrevrangebyscore zrevrank zscore";
        let specs = table().all().map(|number| table().spec(number));
        let short = specs.filter(|spec| spec.flags.has(Flags::SHORT));
        let mut names: Vec<_> = short.map(|spec| spec.name).collect();
        names.sort_unstable();
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn lookups_rarely_walk() {
        let walks = table().commands().filter(|&number| {
            let slot = slot_of(table().full_name(number).as_bytes());
            table().slots[slot] != Some(number)
        });
        assert!(walks.count() < 12);
    }
}
