//! A new type of values, which took a file in `value/`, one in `command/`, its lines in `kind.rs`
//! and a row of the record: everything that is no command of its own works on it.
//!
//! Method: a few numbers and many, by the commands that know no type.

use super::*;

/// How many numbers no entry holds.
const MANY: u32 = 20_000;

struct ToyRig {
    rig: Rig,
    client: ConnectionId,
}

impl ToyRig {
    fn new() -> Self {
        let mut rig = Rig::new();
        let client = rig.accept();
        Self { rig, client }
    }

    /// The reply of a request, in one line.
    fn call(&mut self, line: &str) -> String {
        let mut reply = self.rig.talk(self.client, &format!("{line}\r\n"));
        while reply.is_empty() {
            self.rig.turn();
            reply = self.rig.take(self.client);
        }
        reply
    }

    fn fill(&mut self, key: &str, count: u32) {
        self.push(key, count);
        assert_eq!(self.call(&format!("TOY.SUM {key}")), sum_of(count));
    }

    fn push(&mut self, key: &str, count: u32) {
        let requests: Vec<String> = (1..=count)
            .map(|number| format!("TOY.PUSH {key} {number}\r\n"))
            .collect();
        for some in requests.chunks(100) {
            self.rig.talk(self.client, &some.concat());
        }
    }

    fn used_bytes(&self) -> usize {
        self.rig.node.engine().keyspace().used_bytes()
    }
}

/// What TOY.SUM answers after the numbers from 1 to `count`.
fn sum_of(count: u32) -> String {
    let count = u64::from(count);
    format!(":{};", count * (count + 1) / 2)
}

#[test]
fn commands_of_a_new_type_and_of_others_know_each_other_s_values() {
    let mut toys = ToyRig::new();
    assert_eq!(toys.call("TOY.PUSH t 40"), ":1;");
    assert_eq!(toys.call("TOY.PUSH t 2"), ":2;");
    assert_eq!(toys.call("TOY.SUM t"), ":42;");
    assert_eq!(toys.call("TOY.SUM none"), ":0;");
    toys.call("SET s v");
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value;";
    for line in [
        "TOY.PUSH s 1",
        "TOY.SUM s",
        "GET t",
        "LPUSH t 1",
        "HGET t f",
    ] {
        assert_eq!(toys.call(line), wrong_type, "{line}");
    }
    assert_eq!(toys.call("TYPE t"), "+toy;");
    assert_eq!(toys.call("OBJECT ENCODING t"), "$8;listpack;");
    assert_eq!(toys.call("SCAN 0 TYPE toy"), "*2;$1;0;*1;$1;t;");
}

#[test]
fn keys_of_a_new_type_are_copied_renamed_watched_and_due() {
    for (count, encoding) in [(3, "$8;listpack;"), (MANY, "$4;toys;")] {
        let mut toys = ToyRig::new();
        toys.fill("t", count);
        assert_eq!(toys.call("OBJECT ENCODING t"), encoding);
        assert_eq!(toys.call("COPY t u"), ":1;");
        assert_eq!(toys.call("RENAME t v"), "+OK;");
        assert_eq!(toys.call("MOVE v 1"), ":1;");
        assert_eq!(toys.call("TOY.SUM u"), sum_of(count), "the copy");
        toys.call("TOY.PUSH u 1");
        toys.call("SELECT 1");
        assert_eq!(toys.call("TOY.SUM v"), sum_of(count), "a copy is its own");
        let other = toys.rig.accept();
        toys.call("WATCH v");
        toys.rig.talk(other, "SELECT 1\r\nTOY.PUSH v 5\r\n");
        toys.call("MULTI");
        toys.call("TOY.SUM v");
        assert_eq!(toys.call("EXEC"), "*-1;", "a change is seen");
        toys.call("PEXPIRE v 100");
        toys.rig.advance_ms(99);
        assert_eq!(toys.call("EXISTS v"), ":1;");
        toys.rig.advance_ms(1);
        assert_eq!(toys.call("EXISTS v"), ":0;");
    }
}

#[test]
fn values_of_a_new_type_outlive_the_server() {
    let mut toys = ToyRig::new();
    toys.fill("few", 3);
    toys.fill("many", MANY);
    toys.call("PEXPIRE few 100");
    let digest = toys.call("DEBUG DIGEST");
    assert_eq!(toys.call("DEBUG RELOAD"), "+OK;");
    assert_eq!(toys.call("DEBUG DIGEST"), digest);
    assert_eq!(toys.call("TOY.SUM few"), sum_of(3));
    assert_eq!(toys.call("TOY.SUM many"), sum_of(MANY));
    assert_eq!(toys.call("OBJECT ENCODING many"), "$4;toys;");
    assert_eq!(toys.call("PTTL few"), ":100;");
}

#[test]
fn memory_of_a_new_type_is_counted_and_comes_back() {
    let mut toys = ToyRig::new();
    let empty_bytes = toys.used_bytes();
    toys.fill("t", MANY);
    assert!(toys.used_bytes() > empty_bytes + MANY as usize);
    let usage = toys.call("MEMORY USAGE t");
    let usage: usize = usage[1..usage.len() - 1].parse().expect("a number");
    assert!(usage > MANY as usize, "{usage}");
    assert_eq!(toys.call("UNLINK t"), ":1;");
    toys.rig
        .wait_until(|rig| rig.node.engine().keyspace().used_bytes() <= empty_bytes);
    toys.fill("t", MANY);
    let limit = format!(
        "CONFIG SET maxmemory-policy allkeys-lru maxmemory {}",
        toys.used_bytes()
    );
    assert_eq!(toys.call(&limit), "+OK;");
    toys.push("u", MANY);
    assert_eq!(toys.call("EXISTS t"), ":0;", "it was evicted");
}
