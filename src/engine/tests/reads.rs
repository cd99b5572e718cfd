//! Which commands are reads that hit or miss, and which note a use of a key.

use super::*;

/// Goal: which commands count as reads that hit or miss, and which of them note a use. Method: what
/// a Redis 7.0.15 server counted.
#[test]
fn reads_are_counted_and_looking_is_no_use() {
    let looks = "EXISTS k;TYPE k;TTL k;PTTL k;EXPIRETIME k;PEXPIRETIME k;OBJECT ENCODING k;\
                 OBJECT IDLETIME k;OBJECT REFCOUNT k";
    let uses = "GET k;STRLEN k;TOUCH k;GETRANGE k 0 1;GETEX k;SET k v GET;GETSET k v;COPY k z;\
                COPY k other;LCS k k;GETBIT k 1;BITCOUNT k;BITFIELD_RO k GET u8 0";
    let neither = "SET k v;SETNX k v;APPEND k v;EXPIRE k 100;PERSIST k;RENAME k z;MOVE k 1;DEL k;\
                   MEMORY USAGE k;KEYS *";
    let lines = |text: &'static str| text.split(';').map(str::trim);
    for (line, is_read) in (lines(looks).chain(lines(uses)).map(|line| (line, true)))
        .chain(lines(neither).map(|line| (line, false)))
    {
        for is_there in [true, false] {
            let mut rig = Rig::new();
            rig.call("SET other 1");
            if is_there {
                rig.call("SET k 12");
            }
            rig.call(line);
            let counters = &rig.engine.stats().counters;
            let counts = [counters.keyspace_hits, counters.keyspace_misses];
            let count = if line == "LCS k k" {
                2
            } else {
                u64::from(is_read)
            };
            let wanted = [count * u64::from(is_there), count * u64::from(!is_there)];
            assert_eq!(counts, wanted, "{line}, there: {is_there}");
        }
    }
    for (line, idle_time) in lines(looks)
        .map(|line| (line, ":10;"))
        .chain(["GET k", "STRLEN k", "TOUCH k", "COPY k z"].map(|line| (line, ":0;")))
    {
        let mut rig = Rig::new();
        rig.call("SET k 12");
        rig.now = START.plus_ms(10_000);
        rig.call(line);
        assert_eq!(rig.call("OBJECT IDLETIME k"), idle_time, "{line}");
    }
}
