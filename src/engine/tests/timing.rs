//! How long commands take, and what is noted of those that take long.
//!
//! Method: a stopwatch that moves by a fixed step with each reading, so that the numbers of
//! readings are seen, too.

use super::*;
use crate::base::clock::Stopwatch;
use crate::config::EnableDebug;
use crate::stats::turns::TurnParts;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const STEP_NS: u64 = 320_000;

/// Moves on by [`STEP_NS`] with each reading.
#[derive(Clone, Default)]
struct Steps(Arc<AtomicU64>);

impl Stopwatch for Steps {
    fn now_ns(&self) -> u64 {
        self.0.fetch_add(STEP_NS, Ordering::Relaxed)
    }
}

fn rig() -> (Rig, Steps) {
    let mut rig = Rig::with(Config {
        enable_debug_command: EnableDebug::Yes,
        ..Config::default()
    });
    let steps = Steps::default();
    rig.engine.set_stopwatch(Box::new(steps.clone()));
    (rig, steps)
}

fn readings(steps: &Steps) -> u64 {
    steps.0.load(Ordering::Relaxed) / STEP_NS
}

fn info_line(rig: &mut Rig, section: &str, name: &str) -> String {
    let text = rig.call(&format!("INFO {section}"));
    let line = text.split(';').find(|line| line.starts_with(name));
    line.unwrap_or_default().to_string()
}

#[test]
fn fast_commands_of_a_pipeline_share_two_readings() {
    let (mut rig, steps) = rig();
    let lines = ["GET k"; 32];
    rig.batch(&lines, NO_LIMIT);
    assert_eq!(readings(&steps), 2);
    assert_eq!(
        info_line(&mut rig, "commandstats", "cmdstat_get"),
        "cmdstat_get:calls=32,usec=320,usec_per_call=10.00,rejected_calls=0,failed_calls=0"
    );
    assert_eq!(
        info_line(&mut rig, "latencystats", "latency_percentiles_usec_get"),
        "latency_percentiles_usec_get:p50=10.000,p99=10.000,p99.9=10.000"
    );
    let histogram = rig.call("LATENCY HISTOGRAM get");
    assert!(histogram.ends_with("*2;:16;:32;"), "{histogram}");
}

#[test]
fn a_slow_command_has_its_time_for_itself() {
    let (mut rig, _) = rig();
    rig.batch(&["GET k", "GET k", "KEYS *", "STRLEN k"], NO_LIMIT);
    for (name, usec) in [("get", 320), ("keys", 320), ("strlen", 320)] {
        let line = info_line(&mut rig, "commandstats", &format!("cmdstat_{name}"));
        assert!(line.contains(&format!("usec={usec},")), "{line}");
    }
}

#[test]
fn commands_of_a_transaction_are_charged_and_their_exec_with_all_of_them() {
    let (mut rig, _) = rig();
    rig.batch(&["MULTI", "GET k", "GET k", "KEYS *", "EXEC"], NO_LIMIT);
    let line = info_line(&mut rig, "commandstats", "cmdstat_get");
    assert!(line.contains("calls=2,usec=320,"), "{line}");
    let line = info_line(&mut rig, "commandstats", "cmdstat_exec");
    assert!(line.contains("calls=1,usec=960,"), "{line}");
}

#[test]
fn the_slow_log_has_what_reached_its_threshold() {
    let (mut rig, _) = rig();
    rig.call("CONFIG SET slowlog-log-slower-than 321");
    rig.call("SLOWLOG RESET");
    rig.batch(&["GET k", "KEYS *"], NO_LIMIT);
    assert_eq!(rig.call("SLOWLOG LEN"), ":0;");
    rig.call("CONFIG SET slowlog-log-slower-than 320");
    rig.call("SLOWLOG RESET");
    rig.engine.take_effects();
    // Below a millisecond fast commands are timed one by one.
    rig.batch(&["GET a", "GET b", "MULTI", "KEYS *", "EXEC"], NO_LIMIT);
    let log = rig.call("SLOWLOG GET 9");
    for words in [
        "SLOWLOG;$5;RESET",
        "GET;$1;a",
        "GET;$1;b",
        "MULTI",
        "KEYS;$1;*",
    ] {
        assert!(log.contains(words), "{words} in {log}");
    }
    assert!(!log.contains("EXEC"), "its commands stand there: {log}");
}

#[test]
fn a_large_reply_is_charged_to_its_command() {
    let (mut rig, steps) = rig();
    rig.call("SETRANGE big 100000 x");
    let before = readings(&steps);
    rig.batch(&["STRLEN a", "GET big", "STRLEN a"], NO_LIMIT);
    assert_eq!(readings(&steps) - before, 3, "one for the large reply");
}

#[test]
fn latency_keeps_what_is_above_its_threshold() {
    let (mut rig, _) = rig();
    rig.call("DEBUG SLEEP 0.05");
    assert_eq!(rig.call("LATENCY LATEST"), "*0;");
    rig.call("CONFIG SET latency-monitor-threshold 20");
    rig.call("DEBUG SLEEP 0.05");
    let second = START_MS / 1_000;
    let expected = format!("*1;*4;$7;command;:{second};:50;:50;");
    assert_eq!(rig.call("LATENCY LATEST"), expected);
    assert_eq!(
        rig.call("LATENCY HISTORY command"),
        format!("*1;*2;:{second};:50;")
    );
    assert!(rig.call("LATENCY GRAPH command").contains("high 50 ms"));
    assert!(rig.call("LATENCY DOCTOR").contains("command: 1 spikes"));
    assert_eq!(rig.call("LATENCY RESET command fast-command"), ":1;");
    assert_eq!(rig.call("LATENCY LATEST"), "*0;");
}

#[test]
fn digests_are_those_of_redis() {
    let (mut rig, _) = rig();
    let empty = "0".repeat(40);
    assert_eq!(rig.call("DEBUG DIGEST"), format!("+{empty};"));
    rig.call("SET k v");
    // Recorded from redis-server 7.0.15.
    assert_eq!(
        rig.call("DEBUG DIGEST"),
        "+264ccf65edec66bccfa7cc659414ccca432057d2;"
    );
    assert_eq!(
        rig.call("DEBUG DIGEST-VALUE k nokey"),
        format!("*2;+d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f;+{empty};")
    );
    rig.call("EXPIRE k 100");
    assert_ne!(
        rig.call("DEBUG DIGEST"),
        "+264ccf65edec66bccfa7cc659414ccca432057d2;"
    );
}

#[test]
fn debug_is_for_whom_the_configuration_names() {
    let refused = "-ERR DEBUG command not allowed.";
    for (allowed, is_refused) in [
        (EnableDebug::No, true),
        (EnableDebug::Local, false),
        (EnableDebug::Yes, false),
    ] {
        let mut rig = Rig::with(Config {
            enable_debug_command: allowed,
            ..Config::default()
        });
        for line in [
            "DEBUG DIGEST",
            "DEBUG SLEEP 0",
            "DEBUG POPULATE 1",
            "DEBUG OBJECT k",
        ] {
            assert_eq!(rig.call(line).starts_with(refused), is_refused, "{line}");
        }
    }
}

#[test]
fn populate_makes_keys_and_passive_expiry_leaves_them() {
    let (mut rig, _) = rig();
    rig.call("SET key:1 mine");
    assert_eq!(rig.call("DEBUG POPULATE 3"), "+OK;");
    assert_eq!(
        rig.call("MGET key:0 key:1 key:2"),
        "*3;$7;value:0;$4;mine;$7;value:2;"
    );
    assert_eq!(rig.call("DEBUG POPULATE 1 p 9"), "+OK;");
    assert_eq!(rig.call("GET p:0"), "$9;value:0\0\0;");
    rig.call("PEXPIRE p:0 10");
    rig.call("DEBUG SET-ACTIVE-EXPIRE 0");
    rig.now = rig.now.plus_ms(10);
    assert!(!rig.engine.tick(rig.now) && rig.engine.next_deadline_ms().is_none());
    assert_eq!(rig.call("DBSIZE"), ":4;", "due and still there");
    assert_eq!(rig.call("EXISTS p:0"), ":0;", "for nobody");
    rig.call("DEBUG SET-ACTIVE-EXPIRE 1");
    rig.engine.tick(rig.now);
    assert_eq!(rig.call("DBSIZE"), ":3;");
}

#[test]
fn a_long_turn_is_told_with_its_longest_part() {
    let (mut rig, _) = rig();
    rig.call("CONFIG SET latency-monitor-threshold 5 slowlog-log-slower-than 10000");
    rig.call("SLOWLOG RESET");
    let parts = TurnParts {
        serve_us: 400,
        page_us: 12_000,
        ..TurnParts::default()
    };
    // The requests above are of the first turn.
    rig.engine.note_turn(TurnParts::default(), rig.now);
    rig.engine.note_turn(parts, rig.now);
    let latest = rig.call("LATENCY LATEST");
    for (event, ms) in [("loop-turn", 12), ("loop-turn-page", 12)] {
        assert!(latest.contains(&format!("{event};:")), "{latest}");
        assert!(latest.contains(&format!(";:{ms};:{ms};")), "{latest}");
    }
    let log = rig.call("SLOWLOG GET");
    let words = "*3;$11;(loop-turn);$12;page=12000us;$11;serve=400us;$0;;$0;;";
    assert!(log.ends_with(words), "{log}");
    let info = info_line(&mut rig, "stats", "loop_turn_max_page_usec");
    assert_eq!(info, "loop_turn_max_page_usec:12000");
}
