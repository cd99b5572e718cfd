//! Collections that have as many elements as one can have, and the table of tracked keys in the
//! memory that is used.
//!
//! Method: collections are full from a hundred elements on.

use super::*;
use crate::engine::typed::WriteError;

const FULL: &str = "-ERR a collection can't have more elements;";

fn words(prefix: &str, numbers: std::ops::Range<u32>) -> String {
    numbers.map(|number| format!(" {prefix}{number}")).collect()
}

/// A rig whose collections are full from a hundred elements on, with some that are.
fn rig_with_full() -> Rig {
    let mut rig = Rig::new();
    rig.engine.keyspace_mut().set_full_count(100);
    let long = "x".repeat(100);
    assert_eq!(
        rig.call(&format!("SADD set{}", words(&long, 0..150))),
        ":150;"
    );
    assert_eq!(
        rig.call(&format!("RPUSH list{}", words(&long, 0..150))),
        ":150;"
    );
    rig.call(&format!("RPUSH small{}", words(&long, 0..90)));
    rig
}

#[test]
fn what_may_add_to_a_full_collection_is_refused() {
    let mut rig = rig_with_full();
    for request in [
        "SADD set new",
        "LPUSH list new",
        "RPUSHX list new",
        "LINSERT list BEFORE x new",
        "LMOVE small list LEFT RIGHT",
        "SUNIONSTORE target set other",
        "EVAL return(redis.call('sadd','set','new')) 0",
    ] {
        let reply = rig.call(request);
        assert!(
            reply.starts_with("-ERR a collection can't have more elements"),
            "{request}: {reply}"
        );
    }
    assert_eq!(rig.call("SCARD set"), ":150;");
    assert_eq!(rig.call("LLEN list"), ":150;");
    assert_eq!(rig.call("LLEN small"), ":90;");
    let refused = rig.engine.set_add(b"set", &["new"]);
    assert_eq!(refused, Err(WriteError::Full));
    // A transaction that names one is broken; others go on.
    rig.call("MULTI");
    assert_eq!(rig.call("SADD set new"), FULL);
    assert!(rig.call("EXEC").starts_with("-EXECABORT"));
    assert_eq!(rig.call("RPUSH small y"), ":91;");
}

#[test]
fn what_removes_goes_on_and_makes_room() {
    let mut rig = rig_with_full();
    assert!(rig.call("SPOP set 40").starts_with("*40;"));
    assert_eq!(rig.call("SADD set new"), FULL, "110 are there");
    assert!(rig.call("SPOP set 10").starts_with("*10;"));
    assert_eq!(rig.call("SADD set new"), ":1;");
    assert_eq!(rig.call("LTRIM list 0 9"), "+OK;");
    assert_eq!(rig.call("LPUSH list new"), ":11;");
    assert_eq!(
        rig.call("SET set string"),
        FULL,
        "101 are there, and it may need memory"
    );
    assert_eq!(rig.call("DEL set"), ":1;");
    assert_eq!(rig.call("SET set string"), "+OK;");
}

/// Defect: the table of tracked keys was no part of the memory that is used. Effect: a million
/// tracked keys took 40 MB beside `maxmemory`. Fix: it is.
#[test]
fn tracked_keys_count_as_used_memory() {
    let mut rig = Rig::new();
    rig.call("HELLO 3");
    rig.call("CLIENT TRACKING ON");
    let before = rig.engine.used_bytes();
    for number in 0..1_000 {
        rig.call(&format!("GET key:{number}"));
    }
    // Room for four lines in 252 of the parts of the table.
    assert_eq!(rig.engine.used_bytes() - before, 252 * 4 * 64);
    rig.call("FLUSHALL");
    assert_eq!(rig.engine.used_bytes(), before);
}
