//! What commands do to their keys: whether they look at the value, change it, put it in place of
//! another or take it away.
//!
//! ```text
//!  RO  reads      RW  changes what is there     OW  puts in place, whatever was there    RM  takes away
//!  access   the value, or a part of it, is told or copied
//!  update   insert   delete   what may become of the value
//! ```
//!
//! 1. The words are those of Redis 7.2; tools that check rights or route requests go by them.
//! 2. A command that is in no row reads and tells the value, or changes it and may tell it, as its
//!    flags say; the tests hold all of them against Redis's list.
//!
//! Not here: which arguments are keys (`key_arguments.rs`).

use crate::base::command_id::CommandId;
use crate::command::declare::spec::Flags;
use crate::command::declare::table::table;
use crate::protocol::args::Args;
use crate::protocol::reply::ReplyWriter;

/// What is done to a key, in Redis's words and order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access(&'static [&'static str]);

const READ: Access = Access(&["RO", "access"]);
/// The value stays untold.
const LOOK: Access = Access(&["RO"]);
const CHANGE: Access = Access(&["RW", "access", "update"]);
const CHANGE_UNTOLD: Access = Access(&["RW", "update"]);
const EXTEND: Access = Access(&["RW", "insert"]);
const TAKE: Access = Access(&["RW", "access", "delete"]);
const REPLACE: Access = Access(&["OW", "update"]);
const ADD: Access = Access(&["OW", "insert"]);
const REMOVE: Access = Access(&["RM", "delete"]);
/// What [`CHANGE`] is called where the request decides whether it is that.
const CHANGE_OR_LESS: Access = Access(&["RW", "access", "update", "variable_flags"]);

/// What is done to the first key, and to those after it.
pub(super) type Accesses = (Access, Access);

/// Commands that do the same to all of their keys.
const TO_ALL: &[(Access, &[&str])] = &[
    (
        LOOK,
        &[
            "exists",
            "memory|usage",
            "object|encoding",
            "object|freq",
            "object|idletime",
            "object|refcount",
            "strlen",
            "touch",
            "type",
            "watch",
        ],
    ),
    (
        CHANGE_UNTOLD,
        &[
            "expire",
            "expireat",
            "persist",
            "pexpire",
            "pexpireat",
            "setrange",
        ],
    ),
    (EXTEND, &["append"]),
    (TAKE, &["getdel"]),
    (REPLACE, &["mset", "msetex", "psetex", "setex"]),
    (ADD, &["msetnx", "setnx"]),
    (REMOVE, &["del", "unlink"]),
    (CHANGE_OR_LESS, &["bitfield", "set"]),
];

/// Commands that do something else to the first key than to the others.
const BY_PLACE: &[(&str, Accesses)] = &[
    ("bitop", (REPLACE, READ)),
    ("copy", (READ, REPLACE)),
    ("rename", (TAKE, REPLACE)),
    ("renamenx", (TAKE, ADD)),
];

/// What a command declares to do to its keys.
pub(super) fn declared(number: CommandId) -> Accesses {
    let name = table().full_name(number);
    if let Some((_, accesses)) = BY_PLACE.iter().find(|(named, _)| *named == name) {
        return *accesses;
    }
    let row = TO_ALL.iter().find(|(_, names)| names.contains(&name));
    let access = match row {
        Some((access, _)) => *access,
        None if table().spec(number).flags.has(Flags::WRITE) => CHANGE,
        None => READ,
    };
    (access, access)
}

/// What this request of a command does to its keys.
pub(super) fn of_request(number: CommandId, request: Args<'_>) -> Accesses {
    let (first, others) = declared(number);
    if first != CHANGE_OR_LESS {
        return (first, others);
    }
    let access = match table().full_name(number) {
        "set" if !tells_the_old_value(request) => REPLACE,
        "bitfield" if only_gets_fields(request) => READ,
        _ => CHANGE,
    };
    (access, access)
}

/// Whether a SET has the option GET.
fn tells_the_old_value(request: Args<'_>) -> bool {
    let options = request.iter().skip(3);
    options
        .into_iter()
        .any(|word| word.eq_ignore_ascii_case(b"get"))
}

/// Whether a BITFIELD has no other operations than GET. What is malformed counts as a change.
fn only_gets_fields(request: Args<'_>) -> bool {
    let mut words = request.iter().skip(2);
    while let Some(word) = words.next() {
        let argument_count = match word {
            word if word.eq_ignore_ascii_case(b"get") => 2,
            word if word.eq_ignore_ascii_case(b"overflow") => 1,
            _ => return false,
        };
        if words.by_ref().take(argument_count).count() < argument_count {
            return false;
        }
    }
    true
}

/// Writes what is done to a key, as a set.
pub(super) fn write(reply: &mut ReplyWriter<'_>, access: Access) {
    reply.set(access.0.len());
    for word in access.0 {
        reply.simple(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::declare::spec::Keys;
    use crate::command::introspection::find_full_name;
    use crate::protocol::args::OwnedArgs;

    /// Goal: Redis's words for every command with keys. Method: the key specifications of its
    /// declarations, sorted by what they say; MSETEX is that of Redis 8.4.
    const OF_REDIS: &[(&str, &str)] = &[
        (
            "RO access",
            "get getrange substr mget lcs getbit bitcount bitpos bitfield_ro ttl pttl expiretime \
             pexpiretime",
        ),
        (
            "RO",
            "strlen exists touch type object|encoding object|freq object|idletime object|refcount \
             watch memory|usage",
        ),
        (
            "RW access update",
            "getex getset incr decr incrby decrby incrbyfloat setbit move",
        ),
        ("RW access update variable_flags", "set bitfield"),
        ("RW access delete", "getdel"),
        ("RW insert", "append"),
        (
            "RW update",
            "setrange expire pexpire expireat pexpireat persist",
        ),
        ("OW insert", "setnx msetnx"),
        ("OW update", "setex psetex mset msetex"),
        ("RM delete", "del unlink"),
        ("OW update, RO access", "bitop"),
        ("RW access delete, OW update", "rename"),
        ("RW access delete, OW insert", "renamenx"),
        ("RO access, OW update", "copy"),
    ];

    fn text((first, others): Accesses) -> String {
        if first == others {
            first.0.join(" ")
        } else {
            format!("{}, {}", first.0.join(" "), others.0.join(" "))
        }
    }

    #[test]
    fn the_words_are_those_of_redis() {
        let mut count = 0;
        for (words, names) in OF_REDIS {
            for name in names.split_whitespace() {
                let number = find_full_name(name.as_bytes()).expect(name);
                assert_eq!(text(declared(number)), *words, "{name}");
                count += 1;
            }
        }
        let all = table().all();
        let with_keys = all.filter(|&number| table().spec(number).keys != Keys::None);
        assert_eq!(count, with_keys.count(), "commands with keys");
    }

    #[test]
    fn every_row_names_a_command_with_keys() {
        let to_all = TO_ALL.iter().flat_map(|(_, names)| names.iter());
        for name in to_all.chain(BY_PLACE.iter().map(|(name, _)| name)) {
            let number = find_full_name(name.as_bytes()).expect(name);
            assert_ne!(table().spec(number).keys, Keys::None, "{name}");
        }
    }

    #[test]
    fn a_request_may_do_less_than_its_command() {
        let cases = [
            ("set k v", "OW update"),
            ("set k v EX 10", "OW update"),
            ("set k v NX get", "RW access update"),
            ("set k get", "OW update"),
            ("bitfield k", "RO access"),
            ("bitfield k GET u8 0 overflow wrap get u4 8", "RO access"),
            ("bitfield k GET u8 0 SET u8 0 1", "RW access update"),
            ("bitfield k INCRBY u8 0 1", "RW access update"),
            ("bitfield k GET u8", "RW access update"),
            ("bitfield k overflow", "RW access update"),
            ("incr k", "RW access update"),
        ];
        for (line, words) in cases {
            let request = OwnedArgs::from_slices(&line.split(' ').collect::<Vec<_>>());
            let number = find_full_name(request.args().name()).expect(line);
            assert_eq!(text(of_request(number, request.args())), words, "{line}");
        }
    }
}
