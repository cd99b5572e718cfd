//! Clients that wait for entries of streams, alone and in groups, and the slow log of those who
//! waited.
//!
//! Method: as in `blocking.rs`.

use super::blocking::{info, waiter};
use super::*;

/// How an entry of the stream `s` is told.
fn told(entries: &[(&str, &str)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(id, value)| format!("*2;$3;{id};*2;$1;f;$1;{value};"))
        .collect();
    format!("*1;*2;$1;s;*{};{}", entries.len(), entries.concat())
}

#[test]
fn an_entry_comes_to_all_who_read_the_stream() {
    let mut rig = Rig::new();
    let new = waiter(&mut rig, "XREAD BLOCK 0 STREAMS s t $ 0\r\n");
    let all = waiter(&mut rig, "XREAD BLOCK 0 COUNT 1 STREAMS s 0\r\n");
    let later = waiter(&mut rig, "XREAD BLOCK 0 STREAMS s 5-0\r\n");
    let writer = rig.accept();
    assert_eq!(rig.talk(writer, "XADD s 1-1 f v\r\n"), "$3;1-1;");
    assert_eq!(rig.take(new), told(&[("1-1", "v")]));
    assert_eq!(rig.take(all), told(&[("1-1", "v")]));
    assert_eq!(rig.take(later), "");
    rig.talk(writer, "XADD s 5-1 f w\r\n");
    assert_eq!(rig.take(later), told(&[("5-1", "w")]));
    assert_eq!(info(&mut rig, "total_blocking_keys"), "0");
}

#[test]
fn a_transaction_is_told_as_a_whole() {
    let mut rig = Rig::new();
    let reader = waiter(&mut rig, "XREAD BLOCK 0 STREAMS s $\r\n");
    let writer = rig.accept();
    rig.talk(
        writer,
        "MULTI\r\nXADD s 2-1 f v\r\nXADD s 2-2 f w\r\nEXEC\r\n",
    );
    assert_eq!(rig.take(reader), told(&[("2-1", "v"), ("2-2", "w")]));
}

/// `$` is the last entry of the moment the request came, whatever becomes of the stream.
#[test]
fn what_is_waited_for_is_after_the_last_entry_of_then() {
    let mut rig = Rig::new();
    let writer = rig.accept();
    rig.talk(writer, "XADD s 2-2 f v\r\n");
    let reader = waiter(&mut rig, "XREAD BLOCK 0 STREAMS s $\r\n");
    rig.talk(
        writer,
        "XDEL s 2-2\r\nXTRIM s MAXLEN 0\r\nDEL s\r\nXADD s 1-5 f v\r\n",
    );
    assert_eq!(rig.take(reader), "", "1-5 comes before 2-2");
    rig.talk(writer, "XADD s 2-3 f w\r\n");
    assert_eq!(rig.take(reader), told(&[("2-3", "w")]));
    let reader = waiter(&mut rig, "XREAD BLOCK 0 STREAMS s 2-3\r\n");
    rig.talk(writer, "XADD t 7-1 f x\r\nRENAME t s\r\n");
    assert_eq!(
        rig.take(reader),
        told(&[("7-1", "x")]),
        "it comes under another name"
    );
}

#[test]
fn an_entry_comes_to_one_consumer_of_a_group() {
    let mut rig = Rig::new();
    let writer = rig.accept();
    rig.talk(writer, "XGROUP CREATE s g $ MKSTREAM\r\n");
    let first = waiter(&mut rig, "XREADGROUP GROUP g a BLOCK 0 STREAMS s >\r\n");
    let second = waiter(
        &mut rig,
        "XREADGROUP GROUP g b BLOCK 0 COUNT 2 STREAMS s >\r\n",
    );
    let silent = waiter(
        &mut rig,
        "XREADGROUP GROUP g c NOACK BLOCK 0 STREAMS s >\r\n",
    );
    rig.talk(writer, "XADD s 3-1 f v\r\n");
    assert_eq!(rig.take(first), told(&[("3-1", "v")]));
    assert_eq!(
        (rig.take(second), rig.take(silent)),
        (String::new(), String::new())
    );
    rig.talk(
        writer,
        "MULTI\r\nXADD s 3-2 f w\r\nXADD s 3-3 f x\r\nXADD s 3-4 f y\r\nEXEC\r\n",
    );
    assert_eq!(rig.take(second), told(&[("3-2", "w"), ("3-3", "x")]));
    assert_eq!(rig.take(silent), told(&[("3-4", "y")]));
    assert_eq!(
        rig.talk(writer, "XPENDING s g\r\n"),
        "*4;:3;$3;3-1;$3;3-3;*2;*2;$1;a;$1;1;*2;$1;b;$1;2;"
    );
}

#[test]
fn who_asks_for_its_own_entries_does_not_wait() {
    let mut rig = Rig::new();
    let client = rig.accept();
    rig.talk(client, "XGROUP CREATE s g $ MKSTREAM\r\n");
    let lines = "XREADGROUP GROUP g a BLOCK 0 STREAMS s 0\r\n";
    assert_eq!(rig.talk(client, lines), "*1;*2;$1;s;*0;");
}

/// Whoever waits for a group is told when it goes, with its stream or alone.
#[test]
fn a_group_that_goes_ends_the_wait() {
    let no_group =
        "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option;";
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value;";
    for (request, expected) in [
        ("XGROUP DESTROY s g\r\n", no_group),
        ("DEL s\r\n", no_group),
        ("FLUSHALL\r\n", no_group),
        ("SET s x\r\n", wrong_type),
    ] {
        let mut rig = Rig::new();
        let writer = rig.accept();
        rig.talk(writer, "XGROUP CREATE s g $ MKSTREAM\r\n");
        let reader = waiter(
            &mut rig,
            "XREADGROUP GROUP g a BLOCK 0 STREAMS s >\r\nPING\r\n",
        );
        rig.talk(writer, request);
        assert_eq!(rig.take(reader), format!("{expected}+PONG;"), "{request}");
    }
}

#[test]
fn waits_for_streams_end_on_time_and_by_client_unblock() {
    let mut rig = Rig::new();
    let operator = rig.accept();
    rig.talk(operator, "XGROUP CREATE s g $ MKSTREAM\r\n");
    for request in [
        "XREAD BLOCK 100 STREAMS s $\r\n",
        "XREADGROUP GROUP g a BLOCK 100 STREAMS s >\r\n",
    ] {
        let id = waiter(&mut rig, request);
        rig.advance_ms(99);
        assert_eq!(rig.take(id), "");
        rig.advance_ms(1 + ROUNDING_MS);
        assert_eq!(rig.take(id), "*-1;");
        let resp3 = rig.accept();
        rig.talk(resp3, "HELLO 3\r\n");
        assert_eq!(rig.talk(resp3, request), "");
        rig.advance_ms(100 + ROUNDING_MS);
        assert_eq!(rig.take(resp3), "_;");
        for (how, expected) in [
            ("", "*-1;"),
            (" ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK;"),
        ] {
            let id = waiter(&mut rig, request);
            let number = rig.node.engine.session(rig.connection(id).session).id;
            let unblock = format!("CLIENT UNBLOCK {number}{how}\r\n");
            assert_eq!(rig.talk(operator, &unblock), ":1;");
            assert_eq!(rig.take(id), expected);
            assert_eq!(rig.talk(operator, &unblock), ":0;");
        }
    }
    assert_eq!(info(&mut rig, "total_blocking_keys"), "0");
}

/// Defect: a request that waits was in the slow log when it began to wait, and not when it was
/// served. Effect: no word of slow answers, and each worker that waits for nothing in the log.
/// Fix: it is logged when it is served, as in Redis; if its time is over, it is not.
#[test]
fn who_waited_is_in_the_slow_log_when_it_is_served() {
    let mut rig = Rig::new();
    let operator = rig.accept();
    rig.talk(
        operator,
        "CONFIG SET slowlog-log-slower-than 0\r\nSLOWLOG RESET\r\n",
    );
    let served = waiter(&mut rig, "BLPOP q 0\r\n");
    let late = waiter(&mut rig, "XREAD BLOCK 50 STREAMS s $\r\n");
    assert_eq!(rig.talk(operator, "SLOWLOG LEN\r\n"), ":1;", "RESET alone");
    rig.talk(operator, "RPUSH q x\r\n");
    rig.advance_ms(50 + ROUNDING_MS);
    assert_eq!(
        (rig.take(served), rig.take(late)),
        ("*2;$1;q;$1;x;".into(), "*-1;".into())
    );
    let log = rig.talk(operator, "SLOWLOG GET 9\r\n");
    let names = ["BLPOP", "XREAD", "RPUSH", "LEN", "RESET"];
    let counts = names.map(|name| log.matches(&format!(";{name};")).count());
    assert_eq!(counts, [1, 0, 1, 1, 1], "{log}");
    let place = |name: &str| log.find(&format!(";{name};"));
    assert!(
        place("BLPOP") < place("RPUSH"),
        "the last is the first: {log}"
    );
}
