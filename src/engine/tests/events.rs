//! What those hear who are interested in keys, of the commands on collections.

use super::*;

/// Goal: the events of commands on lists. Method: what a Redis 7.0.15 server told of the same
/// requests under `notify-keyspace-events EA`.
#[test]
fn changes_of_lists_are_heard_as_redis_tells_them() {
    let requests = [
        ("RPUSH k a b c a b", "rpush k"),
        ("LPUSH k x y", "lpush k"),
        ("LPUSHX none x", ""),
        ("LPOP k", "lpop k"),
        ("RPOP k 2", "rpop k"),
        ("LPOP k 0", ""),
        ("LSET k 0 z", "lset k"),
        ("LINSERT k BEFORE z q", "linsert k"),
        ("LINSERT k BEFORE none q", ""),
        ("LREM k 0 none", ""),
        ("LREM k 1 q", "lrem k"),
        ("LTRIM k 0 -1", "ltrim k"),
        ("LMOVE k k LEFT RIGHT", "rpush k, lpop k"),
        ("LMOVE k other LEFT LEFT", "lpush other, lpop k"),
        ("RPOPLPUSH k other", "lpush other, rpop k"),
        ("LMPOP 2 none other RIGHT COUNT 1", "rpop other"),
        ("LMPOP 1 other LEFT COUNT 9", "lpop other, del other"),
        ("LTRIM k 1 0", "ltrim k, del k"),
        ("RPUSH k a", "rpush k"),
        ("RPOPLPUSH k k", "lpush k, rpop k"),
        ("LMOVE k other RIGHT RIGHT", "rpush other, rpop k, del k"),
        ("LREM other 0 a", "lrem other, del other"),
    ];
    let mut rig = Rig::new();
    rig.engine.keyspace.listen();
    for (line, wanted) in requests {
        rig.call(line);
        let heard = rig.engine.keyspace.heard().into_iter();
        let heard = heard.map(|(_, key, event)| format!("{} {key}", event.name()));
        assert_eq!(heard.collect::<Vec<_>>().join(", "), wanted, "{line}");
    }
}
