//! A replica without sockets: what it says, what it takes, and what it keeps, wherever the bytes of
//! its primary are cut.
//!
//! Method: the test is the primary. It gives its bytes in pieces while the node wants them, and
//! breaks the link where it likes.
//!
//! Not here: the words of the greeting (`replica/greeting.rs`), a real primary (`tests/oracle/`).

use super::*;
use crate::node::PrimaryTask;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";
const MARK: &str = "ffffffffffffffffffffffffffffffffffffffff";

/// A replica whose link is to be made.
fn replica() -> (Rig, ConnectionId) {
    let mut rig = Rig::new();
    let client = rig.accept();
    rig.talk(client, "SET old 1\r\n");
    assert_eq!(
        rig.talk(client, "REPLICAOF 127.0.0.1 7777\r\n"),
        "-ERR this server can't be a replica of another;"
    );
    rig.node.follow_configured(rig.now);
    assert_eq!(rig.talk(client, "REPLICAOF 127.0.0.1 7777\r\n"), "+OK;");
    assert_eq!(
        rig.talk(client, "SLAVEOF 127.0.0.1 7777\r\n"),
        "+OK Already connected to specified master;"
    );
    (rig, client)
}

impl Rig {
    fn expects_link(&mut self) {
        let task = self.node.take_primary_task();
        let address = "127.0.0.1:7777".parse().unwrap();
        assert_eq!(task, Some(PrimaryTask::Connect(address)));
    }

    /// The primary sends bytes, in pieces of this size.
    fn hear(&mut self, bytes: &[u8], piece_bytes: usize) {
        for piece in bytes.chunks(piece_bytes) {
            for _ in 0..1_000 {
                if self.node.primary_may_read() {
                    break;
                }
                self.node.work_for_primary(self.now);
                self.turn();
            }
            assert!(self.node.primary_may_read());
            self.node.primary_read_buffer()[..piece.len()].copy_from_slice(piece);
            self.node.primary_received(piece.len(), self.now);
            while self.node.work_for_primary(self.now) {}
        }
    }

    /// What the primary is sent.
    fn said(&mut self) -> String {
        let bytes = self.node.primary_output().to_vec();
        self.node.primary_written(bytes.len());
        text(bytes)
    }

    /// A line of INFO.
    fn told(&mut self, client: ConnectionId, name: &str) -> String {
        let info = self.talk(client, "INFO replication\r\n");
        let rest = info.split(&format!(";{name}:")).nth(1).unwrap_or("none;");
        rest.split(';').next().unwrap().to_owned()
    }
}

/// A file: `a` in database 0, `b` in database 2, and `due`, whose deadline comes in a second.
fn file() -> Vec<u8> {
    let mut file = b"REDIS0011\xfa\x0erepl-stream-db\xc0\x02\xfe\0\0\x01a\x011".to_vec();
    file.push(0xfc);
    let deadline_ms = START.unix_ms() as i64 + 1_000;
    file.extend(deadline_ms.to_le_bytes());
    file.extend(b"\0\x03due\x01d\xfe\x02\0\x01b\x012\xff\0\0\0\0\0\0\0\0");
    file
}

/// Everything up to the stream, which begins after byte 1000.
fn greeting(is_marked: bool) -> Vec<u8> {
    let file = file();
    let head = format!("+PONG\r\n+OK\r\n+OK\r\n\n+FULLRESYNC {ID} 1000\r\n\n");
    let form = match is_marked {
        true => format!("$EOF:{MARK}\r\n"),
        false => format!("${}\r\n", file.len()),
    };
    let mark = if is_marked { MARK } else { "" };
    [head.as_bytes(), form.as_bytes(), &file, mark.as_bytes()].concat()
}

/// Requests without anything around them.
fn stream(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        bytes.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }
    bytes
}

const CHANGES: &[&str] = &[
    "INCR b",
    "SELECT 0",
    "APPEND a 0",
    "MULTI",
    "INCR a",
    "RPUSH list x y",
    "EXEC",
    "PING",
    "LPOP list",
];

/// What clients see when the changes are there.
fn check(rig: &mut Rig, client: ConnectionId) {
    assert_eq!(
        rig.talk(client, "GET a\r\nLRANGE list 0 -1\r\nGET old\r\n"),
        "$2;11;*1;$1;y;$-1;"
    );
    assert_eq!(
        rig.talk(client, "SELECT 2\r\nGET b\r\nSELECT 0\r\n"),
        "+OK;$1;3;+OK;"
    );
}

#[test]
fn all_keys_come_and_changes_follow_however_the_bytes_come() {
    let changes = stream(CHANGES);
    for is_marked in [false, true] {
        for piece_bytes in [1, 2, 3, 7, 50, 1_000, 10_000] {
            let (mut rig, client) = replica();
            rig.expects_link();
            assert_eq!(rig.talk(client, "GET old\r\n"), "$1;1;");
            assert_eq!(rig.told(client, "master_link_status"), "down");
            let bytes = [greeting(is_marked), changes.clone()].concat();
            rig.hear(&bytes, piece_bytes);
            check(&mut rig, client);
            let refused = "-READONLY You can't write against a read only replica.;";
            assert_eq!(rig.talk(client, "SET a 5\r\n"), refused);
            assert_eq!(
                rig.talk(client, "EVAL \"return redis.call('incr','a')\" 1 a\r\n")
                    .find("READONLY"),
                Some(1)
            );
            let offset = 1_000 + changes.len();
            let role = rig.talk(client, "ROLE\r\n");
            assert_eq!(
                role,
                format!("*5;$5;slave;$9;127.0.0.1;:7777;$9;connected;:{offset};")
            );
            assert_eq!(rig.told(client, "role"), "slave");
            assert_eq!(rig.told(client, "master_link_status"), "up");
            assert_eq!(rig.told(client, "slave_repl_offset"), offset.to_string());
            rig.said();
            rig.advance_ms(1_001);
            while rig.node.work_for_primary(rig.now) {}
            let digits = offset.to_string();
            assert_eq!(
                rig.said(),
                format!("*3;$8;REPLCONF;$3;ACK;${};{digits};", digits.len())
            );
            assert_eq!(
                rig.talk(client, "REPLICAOF NO ONE\r\nSET a 5\r\n"),
                "+OK;+OK;"
            );
            assert_eq!(rig.node.take_primary_task(), Some(PrimaryTask::Close));
            assert_eq!(rig.talk(client, "ROLE\r\n"), "*3;$6;master;:0;*0;");
            assert_eq!(rig.node.connection_count(), 1);
            rig.node.engine().check_invariants();
        }
    }
}

/// Goal: nothing is lost or done twice wherever a link breaks, and nothing is acknowledged that is
/// not done.
#[test]
fn a_stream_goes_on_wherever_its_link_broke() {
    let changes = stream(CHANGES);
    let begin_of_multi = stream(&CHANGES[..3]).len();
    let end_of_multi = stream(&CHANGES[..7]).len();
    for cut in 0..changes.len() {
        let (mut rig, client) = replica();
        rig.expects_link();
        rig.hear(&greeting(true), 1_000);
        rig.hear(&changes[..cut], 11);
        if (begin_of_multi..end_of_multi).contains(&cut) {
            assert_eq!(rig.talk(client, "GET a\r\n"), "$2;10;");
            let applied: usize = rig.told(client, "slave_repl_offset").parse().unwrap();
            assert!(applied <= 1_000 + begin_of_multi);
        }
        rig.node.primary_lost("cut", rig.now);
        assert_eq!(rig.told(client, "master_link_status"), "down");
        rig.expects_link();
        // The first attempt fails, and the next one comes after a second.
        rig.node.primary_lost("refused", rig.now);
        assert_eq!(rig.node.take_primary_task(), Some(PrimaryTask::Close));
        rig.advance_ms(1_001);
        rig.expects_link();
        rig.said();
        rig.hear(b"+PONG\r\n+OK\r\n+OK\r\n", 100);
        let next = (1_000 + cut + 1).to_string();
        let asked = format!("*3;$5;PSYNC;$40;{ID};${};{next};", next.len());
        assert!(rig.said().ends_with(&asked));
        let rest = [b"+CONTINUE\r\n", &changes[cut..]].concat();
        rig.hear(&rest, 13);
        check(&mut rig, client);
        assert_eq!(
            rig.told(client, "slave_repl_offset"),
            (1_000 + changes.len()).to_string()
        );
    }
}

/// Goal: a key that is due is absent for readers and stays, because a change that the primary made
/// before it was due may still come.
#[test]
fn due_keys_stay_until_the_primary_says_so() {
    let (mut rig, client) = replica();
    rig.expects_link();
    rig.advance_ms(3_000);
    rig.hear(&greeting(true), 1_000);
    rig.advance_ms(2_000);
    assert_eq!(rig.talk(client, "GET due\r\nDBSIZE\r\n"), "$-1;:2;");
    rig.hear(
        &stream(&["SELECT 0", "APPEND due x", "EXPIRE due 100"]),
        1_000,
    );
    assert_eq!(
        rig.talk(client, "GET due\r\nPTTL due\r\n"),
        "$2;dx;:100000;"
    );
    rig.advance_ms(200_000);
    assert_eq!(rig.talk(client, "GET due\r\nDBSIZE\r\n"), "$-1;:2;");
    rig.talk(client, "REPLICAOF NO ONE\r\n");
    rig.turn();
    assert_eq!(rig.talk(client, "DBSIZE\r\n"), ":1;");
}

#[test]
fn who_waits_for_keys_is_told_that_the_server_changes() {
    let mut rig = Rig::new();
    rig.node.follow_configured(rig.now);
    let (client, waiter) = (rig.accept(), rig.accept());
    assert_eq!(rig.talk(waiter, "BLPOP list 0\r\n"), "");
    rig.talk(client, "REPLICAOF 127.0.0.1 7777\r\n");
    assert!(rig.take(waiter).starts_with("-UNBLOCKED force unblock"));
    assert_eq!(rig.close_listed(), [waiter]);
}

#[test]
fn silence_and_nonsense_break_the_link() {
    let end = |bytes: &[u8], silence_ms: u64| {
        let (mut rig, client) = replica();
        rig.expects_link();
        rig.hear(bytes, 10_000);
        rig.advance_ms(silence_ms);
        while rig.node.work_for_primary(rig.now) {}
        assert!(rig.node.take_primary_task().is_some());
        assert_eq!(rig.told(client, "master_link_status"), "down");
        assert!(rig.node.is_replica());
    };
    end(b"+PONG\r\n", 61_000);
    end(&greeting(true), 61_000);
    end(b"-ERR no\r\n", 0);
    let whole = greeting(true);
    let without_mark = [&whole[..whole.len() - 1], b"x"].concat();
    end(&without_mark, 0);
    let mut with_damage = whole.clone();
    // In place of the end of the file stands what nothing begins with.
    with_damage[whole.len() - MARK.len() - 9] = 0xf0;
    end(&with_damage, 0);
    end(&[&whole[..], b"*1\r\n:5\r\n"].concat(), 0);
}

#[test]
fn an_error_of_the_stream_is_counted() {
    let (mut rig, client) = replica();
    rig.expects_link();
    rig.hear(&greeting(false), 1_000);
    rig.said();
    rig.hear(
        &stream(&["NOSUCH x", "REPLICAOF NO ONE", "REPLCONF GETACK *"]),
        1_000,
    );
    assert!(rig.said().starts_with("*3;$8;REPLCONF;$3;ACK;"));
    assert!(rig.node.is_replica());
    let info = rig.talk(client, "INFO stats\r\n");
    assert!(info.contains(";unexpected_error_replies:2;"), "{info}");
}
