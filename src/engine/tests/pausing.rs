//! CLIENT PAUSE: whom it holds back, and what becomes of keys meanwhile.
//!
//! Not here: who is told when it ends (`node/tests/timing.rs`).

use super::*;

#[test]
fn a_pause_of_writes_holds_back_what_may_write() {
    let mut rig = Rig::new();
    assert_eq!(rig.call("SET k v"), "+OK;");
    assert_eq!(rig.call("CLIENT PAUSE 100 WRITE"), "+OK;");
    assert!(rig.is_paused("SET k w"));
    assert!(rig.is_paused("DEL k"));
    assert!(rig.is_paused("FLUSHALL"));
    assert_eq!(rig.call("GET k"), "$1;v;");
    assert_eq!(rig.call("MULTI"), "+OK;");
    assert_eq!(rig.call("GET k"), "+QUEUED;");
    assert_eq!(
        rig.call("EXEC"),
        "*1;$1;v;",
        "a transaction of reads may run"
    );
    rig.now = START.plus_ms(99);
    assert!(rig.is_paused("SET k w"));
    rig.now = START.plus_ms(100);
    assert_eq!(rig.call("SET k w"), "+OK;");

    // Queued before the pause, to be executed in it.
    rig.call("MULTI");
    rig.call("SET k x");
    let session = rig.session;
    rig.session = rig.engine.open_session(Peer::embedded(), START);
    assert_eq!(rig.call("CLIENT PAUSE 100 WRITE"), "+OK;");
    rig.session = session;
    assert!(rig.is_paused("EXEC"));
    rig.now = START.plus_ms(200);
    assert_eq!(rig.call("EXEC"), "*1;+OK;");
}

/// Goal: as in Redis, no key is removed while writes are held back, though due ones are absent.
#[test]
fn a_pause_keeps_what_is_due_until_it_ends() {
    let mut rig = Rig::new();
    rig.call("SET k v PX 10");
    rig.call("CLIENT PAUSE 100 WRITE");
    assert_eq!(rig.deadline_after_ms(), Some(100), "nothing to do before");
    rig.now = START.plus_ms(50);
    assert!(!rig.engine.has_work(rig.now) && !rig.engine.tick(rig.now));
    assert_eq!(rig.call("GET k"), "$-1;");
    assert_eq!(rig.call("DBSIZE"), ":1;");
    rig.call("CLIENT PAUSE 20 WRITE");
    assert_eq!(rig.deadline_after_ms(), Some(100), "it gets no shorter");
    rig.now = START.plus_ms(100);
    assert!(rig.engine.has_work(rig.now));
    rig.engine.tick(rig.now);
    assert_eq!(rig.call("DBSIZE"), ":0;");
    assert!(
        !rig.engine.pause().is_set(),
        "a pause that is over is forgotten"
    );

    rig.call("SET k v PX 10");
    rig.call("CLIENT PAUSE 1000 WRITE");
    rig.now = START.plus_ms(200);
    rig.call("CLIENT UNPAUSE");
    rig.engine.tick(rig.now);
    assert_eq!(rig.call("DBSIZE"), ":0;", "and of one that was ended");
}

#[test]
fn a_pause_of_all_holds_back_all() {
    let mut rig = Rig::new();
    assert_eq!(rig.call("CLIENT PAUSE 100"), "+OK;");
    for line in ["PING", "GET k", "SET k v", "CLIENT UNPAUSE", "MULTI"] {
        assert!(rig.is_paused(line), "{line}");
    }
    assert_eq!(rig.call("NOSUCH a b"), UNKNOWN, "an error needs no waiting");
    rig.now = START.plus_ms(100);
    assert_eq!(rig.call("PING"), "+PONG;");
    let (outcome, reply) = rig.batch(&["PING", "CLIENT PAUSE 9", "PING", "PING"], NO_LIMIT);
    assert_eq!(reply, "+PONG;+OK;");
    let paused = BatchOutcome {
        executed_count: 2,
        stop: Some(Stop::Paused),
    };
    assert_eq!(outcome, paused);
    rig.now = START.plus_ms(109);
    assert_eq!(rig.call("CLIENT PAUSE 9 WRITE"), "+OK;");
    assert_eq!(rig.call("CLIENT UNPAUSE"), "+OK;");
    assert_eq!(rig.call("SET k v"), "+OK;");
}
