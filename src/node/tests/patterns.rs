//! Patterns and keys that take long: KEYS and SCAN stay bounded, others are served meanwhile.
//!
//! Method: few keys, long ones, with patterns that take the product of both lengths; steps are
//! taken one at a time.

use super::*;

/// Searching for classes in a key of one letter: every place is tried to the end.
const KEY_BYTES: usize = 20_000;
const CLASSES: usize = 1_000;

impl Rig {
    fn set(&mut self, id: ConnectionId, key: &str) {
        self.send(id, request(&["SET", key, "v"]).as_bytes());
        assert_eq!(self.take(id), "+OK;");
    }

    /// Takes all steps; returns how many there were.
    fn step_to_end(&mut self) -> usize {
        let mut steps = 0;
        while self.node.is_reading() {
            self.node.read_some(self.now);
            steps += 1;
        }
        steps
    }
}

fn request(words: &[&str]) -> String {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text += &format!("${}\r\n{word}\r\n", word.len());
    }
    text
}

/// Defect: a step of KEYS counted keys, and SCAN nothing of its matches. Effect: one pattern held
/// the loop for the product of its length and a key's. Fix: matches stop when a step's work is
/// done.
#[test]
fn others_are_served_while_a_pattern_is_matched() {
    let key = "a".repeat(KEY_BYTES);
    let fits = format!("*{}*", "[ab]".repeat(CLASSES));
    let fails = format!("*{}[bc]*", "[ab]".repeat(CLASSES));
    let found = format!("*1;${KEY_BYTES};{key};");
    for (command, pattern, reply) in [
        ("KEYS", &fails, "*0;"),
        ("KEYS", &fits, &found),
        ("SCAN", &fails, ";*0;"),
        ("SCAN", &fits, &found),
    ] {
        let mut rig = Rig::new();
        let [reader, other] = [rig.accept(), rig.accept()];
        rig.set(other, &key);
        let words: &[&str] = match command {
            "KEYS" => &["KEYS", pattern],
            _ => &["SCAN", "0", "MATCH", pattern],
        };
        rig.read_once(reader, request(words).as_bytes());
        if pattern == &fails {
            assert_eq!(rig.take(reader), "", "no turn is that long");
            rig.read_once(other, b"*1\r\n$4\r\nPING\r\n");
            assert_eq!(rig.take(other), "+PONG;");
            let steps = rig.step_to_end();
            assert!(steps > KEY_BYTES * CLASSES / 10_000 / 2, "{steps}");
        }
        rig.step_to_end();
        let got = rig.take(reader);
        // The cursor of SCAN may have come to the end or not: its page ends with this key.
        assert!(got.ends_with(reply), "{command}: {got}");
    }
}

#[test]
fn a_key_is_matched_to_the_end_though_it_goes_meanwhile() {
    let key = "a".repeat(KEY_BYTES);
    let mut rig = Rig::new();
    let [reader, other] = [rig.accept(), rig.accept()];
    rig.set(other, &key);
    let pattern = format!("*{}[bc]*", "[ab]".repeat(CLASSES));
    rig.send(
        reader,
        request(&["SCAN", "0", "MATCH", &pattern]).as_bytes(),
    );
    rig.send(other, b"*1\r\n$8\r\nFLUSHALL\r\n");
    assert_eq!(rig.take(other), "+OK;");
    rig.step_to_end();
    assert!(rig.take(reader).ends_with(";*0;"));
}

#[test]
fn within_a_transaction_a_pattern_that_takes_long_is_refused() {
    let mut rig = Rig::new();
    let id = rig.accept();
    rig.set(id, "user:1");
    let hard = format!("*{}*", "[ab]".repeat(CLASSES));
    for words in [
        &["MULTI"][..],
        &["KEYS", &hard],
        &["SCAN", "0", "MATCH", &hard],
        &["KEYS", "*[a-z]r:?"],
        &["EXEC"],
    ] {
        rig.send(id, request(words).as_bytes());
    }
    let replies = rig.take(id);
    let error = "-ERR pattern is too complex to be matched inside a transaction;";
    assert_eq!(
        replies,
        format!("+OK;{}*3;{error}{error}*1;$6;user:1;", "+QUEUED;".repeat(3))
    );
}

/// Defect: a page of SCAN was bounded in keys only. Effect: its reply and its turn grew with their
/// length. Fix: it ends when it has visited so many bytes, even within a bucket.
#[test]
fn a_page_of_scan_is_bounded_in_bytes() {
    const LONG_BYTES: usize = 200_000;
    const COUNT: usize = 40;
    let mut rig = Rig::new();
    let id = rig.accept();
    for number in 0..COUNT {
        rig.set(id, &format!("{number:02}{}", "k".repeat(LONG_BYTES)));
    }
    let (mut cursor, mut found, mut pages) = ("0".to_owned(), Vec::new(), 0);
    loop {
        rig.send(id, request(&["SCAN", &cursor, "COUNT", "1000"]).as_bytes());
        let mut page = String::new();
        loop {
            let part = rig.take(id);
            if part.is_empty() {
                break;
            }
            page += &part;
        }
        assert!(page.len() < (2 << 20) + 2 * LONG_BYTES, "{}", page.len());
        let words: Vec<&str> = page.split(';').collect();
        cursor = words[2].to_owned();
        let keys = words.iter().filter(|word| word.len() > LONG_BYTES);
        found.extend(keys.map(|key| key[..2].to_owned()));
        pages += 1;
        if cursor == "0" {
            break;
        }
    }
    found.sort();
    let all: Vec<String> = (0..COUNT).map(|number| format!("{number:02}")).collect();
    assert_eq!(found, all);
    assert!(pages >= 4, "{pages}");
}
