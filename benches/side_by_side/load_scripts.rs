//! CPU of the server per script, measured by redis-benchmark: what locks and limiters send.
//!
//! Each row: fresh server, filled with the keys, then one run of redis-benchmark with 50
//! connections, pipelines of 50 and random keys. Scripts that are called by their digest are
//! loaded before.
//!
//! Not here: a script that never ends (`load_stalls.rs`), instructions (`load_instructions.rs`).

use std::io;

use crate::Context;
use crate::fill::{Fill, value};
use crate::load_requests::{FIGURES, NOTES, measure_words};
use crate::report::Section;
use crate::resp_client::{Client, Reply};

/// Calls one command that reads.
pub(crate) const EXISTS: &str = "return redis.call('EXISTS', KEYS[1])";
/// Gives a lock back, if it is still one's own.
pub(crate) const COMPARE_AND_DELETE: &str = "if redis.call('GET',KEYS[1])==ARGV[1] then \
     return redis.call('DEL',KEYS[1]) else return 0 end";
/// Calls a command a thousand times.
pub(crate) const LOOP: &str = "for i = 1, 1000 do redis.call('GET', KEYS[1]) end";

/// Keys that are there before.
const KEYS: u64 = 100_000;

/// Prefix of the keys that no script of these finds.
const ABSENT: &str = "lock";

/// One row: its name, whether the digest is sent, the script, the prefix of its key, and what the
/// base number of requests is divided by.
type Row = (&'static str, bool, &'static str, &'static str, u64);

const ROWS: [Row; 5] = [
    ("EVAL of one EXISTS", false, EXISTS, "key", 1),
    ("EVALSHA of one EXISTS", true, EXISTS, "key", 1),
    (
        "EVAL, compare and delete",
        false,
        COMPARE_AND_DELETE,
        ABSENT,
        1,
    ),
    (
        "EVALSHA, compare and delete",
        true,
        COMPARE_AND_DELETE,
        ABSENT,
        1,
    ),
    ("EVALSHA of 1,000 GETs", true, LOOP, "key", 500),
];

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Scripts", &FIGURES, &NOTES);
    context.alternate(
        &mut section,
        ROWS.iter().map(|row| row.0),
        |index, side, section| {
            let (_, is_digest, body, prefix, divisor) = ROWS[index];
            let requests = (context.options.scaled(context.options.requests) / divisor).max(1);
            let keys = context.options.scaled(KEYS);
            let server = side.start()?;
            let mut clients = [server.client()?];
            let fill = Fill {
                prefix: "key",
                range: 0..keys,
                value: &value(3),
                suffix: &[],
            };
            fill.send(&mut clients)?;
            let digest = load(&mut clients[0], body)?;
            let (command, script) = match is_digest {
                true => ("EVALSHA", digest.as_str()),
                false => ("EVAL", body),
            };
            let key = format!("{prefix}:__rand_int__");
            let words = [command, script, "1", &key, "token"];
            let options = format!("-c 50 -P 50 -r {keys} -n {requests}");
            section.command(format!("redis-benchmark -p PORT --csv {options} {words:?}"));
            measure_words(context, &server, &options, &words, requests)
        },
    );
    section
}

/// Loads a script; its digest.
fn load(client: &mut Client, body: &str) -> io::Result<String> {
    client.call_bulk(&[b"SCRIPT", b"LOAD", body.as_bytes()], 40)
}

/// Runs a script without an end for a while; the seconds that SCRIPT KILL takes to be answered.
pub(crate) fn kill_endless(port: u16, run: impl FnOnce()) -> io::Result<f64> {
    let mut client = Client::connect(port)?;
    let mut operator = Client::connect(port)?;
    operator.call(&[b"PING"])?;
    client.send(b"*3\r\n$4\r\nEVAL\r\n$17\r\nwhile true do end\r\n$1\r\n0\r\n")?;
    run();
    let start = std::time::Instant::now();
    let reply = operator.call(&[b"SCRIPT", b"KILL"])?;
    let seconds = start.elapsed().as_secs_f64();
    match reply {
        // The script's own reply is an error.
        Reply::Status(_) => client.reply().err().map(|_| seconds),
        _ => None,
    }
    .ok_or_else(|| io::Error::other("the script was not killed"))
}
