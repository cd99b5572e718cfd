//! Random requests, and how they look on the wire.
//!
//! Only requests whose replies `model.rs` knows to the byte. Not here: when they are sent
//! (`world.rs`).

use super::model::{DATABASES, Words};
use fastrand::Rng;

/// Appends one or a few requests that belong together.
pub(crate) fn generate(random: &mut Rng, requests: &mut Vec<Words>) {
    let key = key(random);
    let line = match random.u8(0..100) {
        0..12 => format!("GET {key}"),
        12..20 => format!("SET {key} {}", random.i32(-50..5000)),
        20..30 => return requests.push(set_large(random, &key)),
        30..40 => format!("SET {key} w PX {}", random.u32(1..400)),
        40..44 => {
            let option = choose(random, &["NX", "XX", "KEEPTTL", "NX GET", "GET", "XX GET"]);
            format!("SET {key} {} {option}", random.u8(..))
        }
        44..50 => format!("INCRBY {key} {}", random.i32(-9..100)),
        50..54 => format!("APPEND {key} {}", random.u16(..)),
        54..58 => format!("PEXPIRE {key} {}", random.i32(-2..300)),
        58..62 => format!("PTTL {key}"),
        62..64 => format!("PERSIST {key}"),
        64..67 => format!("DEL {key} {}", self::key(random)),
        67..70 => format!("EXISTS {key} {}", self::key(random)),
        70..73 => format!("MGET {key} {}", self::key(random)),
        73..75 => format!("MSET {key} 1 {} 2", self::key(random)),
        75..77 => format!("{} {key}", choose(random, &["GETDEL", "STRLEN"])),
        77..80 => format!("SELECT {}", random.usize(0..DATABASES)),
        80..86 => format!("ECHO {}", random.u64(..)),
        86..88 => choose(random, &["NOSUCH", "GET"]).to_string(),
        88..92 => return transaction(random, requests),
        92..94 => {
            requests.push(words("CLIENT REPLY SKIP"));
            "GET {key}".replace("{key}", &key)
        }
        94 => choose(random, &["FLUSHALL", "FLUSHDB"]).to_string(),
        95 => {
            let scope = choose(random, &["WRITE", "WRITE", "ALL"]);
            format!("CLIENT PAUSE {} {scope}", random.u32(1..80))
        }
        96 => "CLIENT UNPAUSE".to_string(),
        _ => "PING".to_string(),
    };
    requests.push(words(&line));
}

fn transaction(random: &mut Rng, requests: &mut Vec<Words>) {
    requests.push(words("MULTI"));
    for _ in 0..random.u8(0..5) {
        let line = match random.u8(0..12) {
            0..4 => format!("SET {} t PX {}", key(random), random.u32(1..200)),
            4..8 => format!("GET {}", key(random)),
            8..11 => format!("INCRBY {} 1", key(random)),
            _ => "NOSUCH".to_string(),
        };
        requests.push(words(&line));
    }
    requests.push(words(choose(random, &["EXEC", "EXEC", "EXEC", "DISCARD"])));
}

/// Mostly a few bytes, sometimes more than any buffer or mark.
fn set_large(random: &mut Rng, key: &str) -> Words {
    let len = match random.u8(0..40) {
        0 => random.usize(0..600_000),
        1..4 => random.usize(0..60_000),
        _ => random.usize(0..2_000),
    };
    let letter = random.alphanumeric() as u8;
    vec![b"SET".to_vec(), key.as_bytes().to_vec(), vec![letter; len]]
}

fn key(random: &mut Rng) -> String {
    format!("key:{}", random.u8(0..20))
}

fn choose<'a>(random: &mut Rng, choices: &[&'a str]) -> &'a str {
    choices[random.usize(0..choices.len())]
}

fn words(line: &str) -> Words {
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

/// The bytes of a request: an array, or now and then a line if its words allow that.
pub(crate) fn encode(random: &mut Rng, words: &Words) -> Vec<u8> {
    let is_line = words.iter().all(|word| (1..100).contains(&word.len()));
    if is_line && random.u8(0..8) == 0 {
        return [words.join(&b' '), b"\r\n".to_vec()].concat();
    }
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
