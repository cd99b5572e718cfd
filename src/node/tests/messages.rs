//! Messages: order, completeness and bounds of what reaches other clients, key events, and clients
//! that keep copies of keys.
//!
//! Method: rigs of a few clients, and of hundreds; a race of writers against readers with copies,
//! from printed seeds.

use super::*;
use crate::engine::Expire;
use crate::node::shared_pieces::SHARED_BYTES_MIN;
use std::collections::HashMap;

/// The messages of a client in RESP2: its output, each without its first lines.
fn payloads(output: &str, channel: &str) -> Vec<String> {
    let head = format!("*3;$7;message;${};{channel};", channel.len());
    let parts = output.split(head.as_str()).skip(1);
    parts
        .map(|part| part.split(';').nth(1).unwrap().to_string())
        .collect()
}

#[test]
fn a_message_reaches_everybody_in_the_dialect_of_each() {
    let mut rig = Rig::new();
    let (two, three, other) = (rig.accept(), rig.accept(), rig.accept());
    assert_eq!(rig.talk(two, "SUBSCRIBE c\r\n"), "*3;$9;subscribe;$1;c;:1;");
    rig.talk(three, "HELLO 3\r\n");
    let confirmed = ">3;$10;psubscribe;$1;*;:1;";
    assert_eq!(rig.talk(three, "PSUBSCRIBE *\r\n"), confirmed);
    assert_eq!(rig.talk(other, "PUBLISH c hello\r\n"), ":2;");
    assert_eq!(rig.take(two), "*3;$7;message;$1;c;$5;hello;");
    assert_eq!(rig.take(three), ">4;$8;pmessage;$1;*;$1;c;$5;hello;");
    rig.node.closed(two);
    rig.node.closed(three);
    assert_eq!(
        rig.talk(other, "PUBLISH c x\r\nPUBSUB NUMPAT\r\n"),
        ":0;:0;"
    );
}

#[test]
fn what_a_client_publishes_for_itself_comes_behind_the_reply() {
    let mut rig = Rig::new();
    let id = rig.accept();
    rig.talk(id, "HELLO 3\r\nSUBSCRIBE c\r\n");
    let message = |text: &str| format!(">3;$7;message;$1;c;$1;{text};");
    let talk = rig.talk(id, "PUBLISH c a\r\nPING\r\n");
    assert_eq!(talk, format!(":1;{}+PONG;", message("a")));
    let talk = rig.talk(id, "MULTI\r\nPUBLISH c a\r\nPUBLISH c b\r\nEXEC\r\n");
    let replies = "+OK;+QUEUED;+QUEUED;*2;:1;:1;";
    assert_eq!(talk, format!("{replies}{}{}", message("a"), message("b")));
}

/// Goal: more listeners than are served at once get every message in order, and those who cause
/// more than is delivered wait. Method: 1,000 listeners and a burst of messages of two channels in
/// turn, so that each is a letter of its own; a listener leaves meanwhile.
#[test]
fn many_listeners_get_all_messages_in_order() {
    let mut rig = Rig::new();
    let listeners: Vec<_> = (0..1_000).map(|_| rig.accept()).collect();
    for &id in &listeners {
        rig.talk(id, "SUBSCRIBE c d\r\n");
    }
    let sender = rig.accept();
    let channel_of = |number: usize| ["c", "d"][number % 2];
    let burst: String = (0..200)
        .map(|number| format!("PUBLISH {} {number}\r\n", channel_of(number)))
        .collect();
    rig.read_once(sender, burst.as_bytes());
    assert!(rig.node.has_letters(), "it is more than is done at once");
    assert!(!rig.connection(sender).may_run(), "the sender waits");
    let gone = listeners[500];
    rig.node.closed(gone);
    while rig.turn() > 0 || rig.node.has_letters() {
        // As if all outputs had been tried.
        while rig.node.next_unhurried().is_some() {}
    }
    assert_eq!(rig.take(sender).matches(':').count(), 200);
    let message = |number| {
        format!(
            "*3;$7;message;$1;{};${};{number};",
            channel_of(number),
            number.to_string().len()
        )
    };
    let expected: String = (0..200).map(message).collect();
    for &id in listeners.iter().filter(|id| **id != gone) {
        assert_eq!(rig.take(id), expected);
    }
    assert_eq!(rig.talk(sender, "PUBLISH c x\r\n"), ":999;");
}

/// Goal: no more is put into outputs than is written. Method: a message to 1,000 listeners, whose
/// outputs are tried one by one.
#[test]
fn delivery_waits_for_writing() {
    let mut rig = Rig::new();
    for _ in 0..1_000 {
        let id = rig.accept();
        rig.talk(id, "SUBSCRIBE c\r\n");
    }
    let sender = rig.accept();
    rig.read_once(sender, b"PUBLISH c x\r\n");
    let mut written = 0;
    while rig.node.has_letters() {
        while rig.node.work_some(rig.now) {}
        let unwritten = rig.node.clients.unhurried_len();
        assert!((256..512).contains(&unwritten), "{unwritten}");
        for _ in 0..200 {
            rig.node.next_unhurried();
            written += 1;
        }
    }
    assert_eq!(written + rig.node.clients.unhurried_len(), 1_000);
}

#[test]
fn a_long_message_is_there_once_for_all_listeners() {
    let mut rig = Rig::new();
    let listeners = [rig.accept(), rig.accept()];
    for id in listeners {
        rig.talk(id, "SUBSCRIBE c\r\n");
    }
    let sender = rig.accept();
    let text = "x".repeat(SHARED_BYTES_MIN);
    rig.talk(sender, &format!("PUBLISH c {text}\r\n"));
    let [first, second] = listeners.map(|id| rig.node.output(id).as_ptr());
    assert_eq!(first, second);
    rig.node.check_client_budget();
    assert_eq!(payloads(&rig.take(listeners[0]), "c"), [text]);
}

#[test]
fn a_listener_that_does_not_read_is_closed_at_the_limit_of_its_class() {
    let mut rig = Rig::new();
    let (slow, sender) = (rig.accept(), rig.accept());
    let limit = "CONFIG SET client-output-buffer-limit \"pubsub 100000 0 0\"\r\n";
    assert_eq!(rig.talk(sender, limit), "+OK;");
    rig.talk(slow, "SUBSCRIBE c\r\n");
    let request = format!("PUBLISH c {}\r\n", "x".repeat(1_000));
    for _ in 0..90 {
        rig.talk(sender, &request);
    }
    assert_eq!(rig.node.take_close_list(), []);
    for _ in 0..20 {
        rig.talk(sender, &request);
    }
    assert_eq!(rig.node.take_close_list(), [slow]);
    rig.node.closed(slow);
    assert_eq!(rig.talk(sender, "PUBLISH c x\r\n"), ":0;");
}

/// Defect: who listened went on hearing channels that its user may not hear any more.
/// Fix: such clients are closed, as in Redis.
#[test]
fn a_listener_is_closed_when_its_user_may_not_hear_that_any_more() {
    let mut rig = Rig::new();
    let operator = rig.accept();
    let set = |rig: &mut Rig, rules: &str| {
        let request = format!("ACL SETUSER app {rules}\r\n");
        assert_eq!(rig.talk(operator, &request), "+OK;");
        rig.close_listed()
    };
    set(&mut rig, "on nopass +@all resetchannels &a &b &p*");
    let kinds = [
        "SUBSCRIBE a",
        "SSUBSCRIBE b",
        "PSUBSCRIBE p*",
        "SUBSCRIBE px",
    ];
    let listeners = kinds.map(|request| {
        let id = rig.accept();
        assert_eq!(rig.talk(id, "AUTH app x\r\n"), "+OK;");
        assert!(rig.talk(id, &format!("{request}\r\n")).contains(":1;"));
        id
    });
    assert_eq!(set(&mut rig, "&c -get"), [], "nothing is taken away");
    assert_eq!(set(&mut rig, "resetchannels &b &p*"), [listeners[0]]);
    assert_eq!(set(&mut rig, "resetchannels (&p*)"), [listeners[1]]);
    assert_eq!(set(&mut rig, "clearselectors &p?"), [listeners[2]]);
    assert_eq!(set(&mut rig, "resetchannels"), [listeners[3]]);
    assert_eq!(rig.talk(operator, "PUBLISH px x\r\n"), ":0;");
}

/// Goal: a message never stands inside another reply. Method: KEYS over a large database, which is
/// answered in steps, while messages come.
#[test]
fn a_message_waits_for_the_end_of_a_long_reply() {
    const COUNT: usize = 50_000;
    let mut rig = Rig::new();
    let (reader, sender) = (rig.accept(), rig.accept());
    for number in 0..COUNT {
        let (engine, key) = (rig.node.engine_mut(), format!("key:{number}"));
        let outcome = engine.set(key.as_bytes(), b"v", Expire::Never);
        outcome.expect("there is room");
    }
    rig.talk(reader, "HELLO 3\r\nSUBSCRIBE c\r\n");
    rig.read_once(reader, b"KEYS *\r\n");
    assert!(rig.node.is_reading());
    rig.read_once(sender, b"PUBLISH c a\r\nPUBLISH c b\r\n");
    let mut output = String::new();
    while rig.turn() > 0 || rig.node.is_reading() || !rig.node.output(reader).is_empty() {
        output += &rig.take(reader);
    }
    let message = |text: &str| format!(">3;$7;message;$1;c;$1;{text};");
    assert!(output.starts_with("*50000;"), "{}", &output[..20]);
    assert!(output.ends_with(&format!("{}{}", message("a"), message("b"))));
    assert_eq!(output.matches('>').count(), 2);
}

#[test]
fn who_only_listens_may_do_nothing_else_in_resp2() {
    let mut rig = Rig::new();
    let id = rig.accept();
    rig.talk(id, "SUBSCRIBE c\r\n");
    let refused = "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT \
                   / RESET are allowed in this context;";
    assert_eq!(rig.talk(id, "GET k\r\n"), refused);
    assert_eq!(
        rig.talk(id, "PING\r\nPING x\r\n"),
        "*2;$4;pong;$0;;*2;$4;pong;$1;x;"
    );
    assert_eq!(rig.talk(id, "RESET\r\nGET k\r\n"), "+RESET;$-1;");
    rig.talk(id, "CLIENT REPLY OFF\r\n");
    assert_eq!(rig.talk(id, "SUBSCRIBE c\r\n"), "*3;$9;subscribe;$1;c;:1;");
}

#[test]
fn events_of_keys_are_told_while_somebody_listens() {
    let mut rig = Rig::new();
    let (listener, other) = (rig.accept(), rig.accept());
    rig.talk(
        other,
        "CONFIG SET notify-keyspace-events KEA\r\nSET before 1\r\n",
    );
    rig.talk(listener, "PSUBSCRIBE __key*__:*\r\n");
    rig.talk(other, "SET k 1 PX 50\r\n");
    rig.advance_ms(60);
    let output = rig.take(listener);
    let told: Vec<&str> = output
        .split("*4;$8;pmessage;$10;__key*__:*;")
        .skip(1)
        .map(|part| part.split_once(';').unwrap().1)
        .collect();
    let expected = [
        "__keyspace@0__:k;$3;set;",
        "__keyevent@0__:set;$1;k;",
        "__keyspace@0__:k;$6;expire;",
        "__keyevent@0__:expire;$1;k;",
        "__keyspace@0__:k;$7;expired;",
        "__keyevent@0__:expired;$1;k;",
    ];
    assert_eq!(told, expected);
    rig.node.closed(listener);
    rig.talk(other, "SET k 1\r\n");
    assert!(!rig.node.engine.keyspace().has_announced());
}

#[test]
fn many_expiries_are_told_one_after_the_other_not_in_one_turn() {
    const COUNT: usize = 70_000;
    let mut rig = Rig::new();
    let (listener, other) = (rig.accept(), rig.accept());
    rig.talk(other, "CONFIG SET notify-keyspace-events Ex\r\n");
    rig.talk(listener, "SUBSCRIBE __keyevent@0__:expired\r\n");
    for number in 0..COUNT {
        rig.talk(other, &format!("SET {number} 1 PX 100\r\n"));
    }
    rig.now = rig.now.plus_ms(200);
    let mut told = 0;
    while rig.node.work_some(rig.now) {
        let output = rig.take(listener);
        let now = output.matches("message").count();
        assert!(now <= 600, "{now} in one step");
        told += now;
    }
    told += rig.take(listener).matches("message").count();
    assert_eq!(told, COUNT);
}

/// What a client with a cache of its own keeps, by what it was told.
#[derive(Default)]
struct Copies {
    values: HashMap<String, String>,
    /// Keys whose replies are awaited, in order.
    asked: Vec<String>,
}

impl Copies {
    /// Takes what has come in RESP3: values of GET, and keys that have changed.
    fn take(&mut self, output: &str) {
        let mut lines = output.split(';');
        let mut asked = std::mem::take(&mut self.asked).into_iter();
        while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
            match line {
                ">2" => {
                    lines.nth(1);
                    match lines.next() {
                        Some("_") => self.values.clear(),
                        _ => {
                            lines.next();
                            self.values.remove(lines.next().unwrap());
                        }
                    }
                }
                "_" => _ = self.values.insert(asked.next().unwrap(), String::new()),
                _ => {
                    let value = lines.next().unwrap().to_string();
                    self.values.insert(asked.next().unwrap(), value);
                }
            }
        }
        assert_eq!(asked.next(), None, "every request is answered");
    }
}

/// Goal: a client that drops what it is told to drop never keeps a stale value. Method: writers
/// race with readers; when all is delivered, every copy is compared with the server's value.
#[test]
fn copies_are_never_stale_when_all_is_told() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut rig = Rig::with(|config| config.tracking_table_max_keys = 12);
        let writer = rig.accept();
        let ids = [rig.accept(), rig.accept(), rig.accept()];
        let mut readers = [Copies::default(), Copies::default(), Copies::default()];
        for id in ids {
            rig.talk(id, "HELLO 3\r\nCLIENT TRACKING ON\r\n");
        }
        for step in 0..400 {
            let key = random.u8(0..20).to_string();
            let reader = random.usize(0..3);
            match random.u8(0..12) {
                0 => _ = rig.talk(writer, "FLUSHALL\r\n"),
                1 => _ = rig.talk(writer, &format!("DEL {key}\r\n")),
                2 => _ = rig.talk(writer, &format!("SET {key} {step} PX 5\r\n")),
                3 => rig.advance_ms(3),
                4..7 => _ = rig.talk(writer, &format!("SET {key} {step}\r\n")),
                _ => {
                    readers[reader].asked.push(key.clone());
                    rig.send(ids[reader], format!("GET {key}\r\n").as_bytes());
                }
            }
            if random.bool() {
                let output = rig.take(ids[reader]);
                readers[reader].take(&output);
            }
        }
        while rig.turn() > 0 || rig.node.has_letters() {}
        for (id, copies) in ids.iter().zip(&mut readers) {
            copies.take(&rig.take(*id));
            for (key, value) in &copies.values {
                let reply = rig.talk(writer, &format!("GET {key}\r\n"));
                let present = reply.split(';').nth(1).unwrap_or("");
                assert_eq!(value, present, "seed {seed}, key {key}");
            }
        }
    }
}

#[test]
fn a_client_that_goes_leaves_nothing_among_the_tracked_keys() {
    let mut rig = Rig::new();
    let (id, stays) = (rig.accept(), rig.accept());
    for id in [id, stays] {
        rig.talk(id, "HELLO 3\r\nCLIENT TRACKING ON\r\n");
    }
    for number in 0..1_000 {
        rig.talk(id, &format!("GET {number}\r\n"));
    }
    rig.talk(stays, "GET 7\r\n");
    assert_eq!(
        rig.node.engine.keyspace().tracked_counts(),
        [1_000, 1_001, 0]
    );
    rig.node.closed(id);
    while rig.turn() > 0 {}
    assert_eq!(rig.node.engine.keyspace().tracked_counts(), [1, 1, 0]);
    let told = ">2;$10;invalidate;*1;$1;7;";
    assert_eq!(rig.talk(stays, "SET 7 x\r\n"), format!("+OK;{told}"));
}

/// Goal: keys that a lower limit makes too many are forgotten without a further read, and their
/// reader is told of each once.
#[test]
fn tracked_keys_beyond_a_lower_limit_are_forgotten_and_told() {
    let mut rig = Rig::new();
    let (reader, other) = (rig.accept(), rig.accept());
    rig.talk(reader, "HELLO 3\r\nCLIENT TRACKING ON\r\n");
    for number in 0..1_000 {
        rig.talk(other, &format!("SET {number} x\r\n"));
        rig.talk(reader, &format!("GET {number}\r\n"));
    }
    let reply = rig.talk(other, "CONFIG SET tracking-table-max-keys 10\r\n");
    assert_eq!(reply, "+OK;");
    while rig.turn() > 0 || rig.node.has_letters() {}
    assert_eq!(rig.node.engine.keyspace().tracked_counts(), [10, 10, 0]);
    let told = rig.take(reader);
    let mut keys: Vec<&str> = (told.split(">2;$10;invalidate;*1;").skip(1))
        .map(|message| message.split(';').nth(1).unwrap())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 990);
}

#[test]
fn changes_of_pending_entries_are_no_events_that_can_be_heard() {
    let mut rig = Rig::with(|config| config.databases = 1);
    let (id, listener) = (rig.accept(), rig.accept());
    rig.talk(id, "CONFIG SET notify-keyspace-events Kt\r\n");
    rig.talk(
        id,
        "XGROUP CREATE s g $ MKSTREAM\r\nXGROUP CREATECONSUMER s g a\r\n",
    );
    rig.talk(id, "XADD s 1-0 f v\r\nXADD s 2-0 f v\r\n");
    rig.talk(listener, "PSUBSCRIBE *\r\n");
    rig.talk(id, "XREADGROUP GROUP g a STREAMS s >\r\n");
    let claimed = rig.talk(id, "XCLAIM s g a 0 1-0 JUSTID\r\n");
    assert_eq!(claimed, "*1;$3;1-0;");
    let claimed = rig.talk(id, "XAUTOCLAIM s g a 0 0 JUSTID\r\n");
    assert_eq!(claimed, "*3;$3;0-0;*2;$3;1-0;$3;2-0;*0;");
    assert_eq!(rig.talk(id, "XACK s g 1-0\r\nXACK s g 2-0\r\n"), ":1;:1;");
    assert_eq!(rig.take(listener), "");
    rig.talk(id, "XGROUP DELCONSUMER s g a\r\n");
    let heard = rig.take(listener);
    assert_eq!(
        heard,
        "*4;$8;pmessage;$1;*;$16;__keyspace@0__:s;$18;xgroup-delconsumer;"
    );
}
