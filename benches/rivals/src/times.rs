//! Nanoseconds an operation: of each cache, with one thread and with two.
//!
//! | load | what |
//! |---|---|
//! | reads | random keys that are all there |
//! | writes | random keys, each there already |
//! | mixed | one write in ten |
//! | eviction | reads of random keys out of twice the room; what is missing is inserted |
//!
//! Not here: what a cache is (`rival.rs`).

use crate::Options;
use crate::record::{Better, Run};
use crate::rival::{RIVALS, Rival, evenkeel_bytes, key, rival};
use std::thread;
use std::time::Instant;

const TIMES: &str = "Nanoseconds an operation";
const KEY_BYTES: usize = 16;
const VALUE_BYTES: usize = 64;

#[derive(Clone, Copy)]
enum Load {
    Reads,
    Writes,
    Mixed,
    Eviction,
}

const LOADS: [(&str, Load); 4] = [
    ("reads", Load::Reads),
    ("writes", Load::Writes),
    ("one write in ten", Load::Mixed),
    ("read or insert, room for half", Load::Eviction),
];

pub(crate) fn measure(options: &Options, run: &mut Run) {
    let (keys, operations) = match options.is_quick {
        true => (20_000, 100_000),
        false => (1_000_000, 4_000_000),
    };
    let keys: Vec<Vec<u8>> = (0..keys).map(|number| key(number, KEY_BYTES)).collect();
    let is_wanted = |name: &str, only: &Option<String>| only.as_deref().is_none_or(|it| it == name);
    for threads in [1, 2] {
        let loads = LOADS.iter();
        for (name, load) in loads.filter(|(name, _)| is_wanted(name, &options.load)) {
            let plural = if threads == 1 { "" } else { "s" };
            let row = format!("{name}, {threads} thread{plural}");
            // Rivals that split their room by shards would evict below it.
            let room = match load {
                Load::Eviction => keys.len() / 2,
                Load::Reads | Load::Writes | Load::Mixed => keys.len() * 2,
            };
            let bytes = evenkeel_bytes(room, KEY_BYTES, VALUE_BYTES);
            let columns = RIVALS.into_iter();
            for column in columns.filter(|column| is_wanted(column, &options.cache)) {
                let cache = rival(column, room, bytes);
                let ns = time(&*cache, *load, &keys, operations, threads);
                eprintln!("  {row}, {column}: {ns:.1} ns");
                run.note(TIMES, Better::Lower, 1, &row, column, ns);
            }
        }
    }
}

/// Nanoseconds an operation takes, all threads together.
fn time(cache: &dyn Rival, load: Load, keys: &[Vec<u8>], operations: usize, threads: usize) -> f64 {
    let value = [b'v'; VALUE_BYTES];
    for key in keys {
        cache.insert(key, &value);
    }
    let begin = Instant::now();
    thread::scope(|scope| {
        for number in 0..threads {
            scope.spawn(move || play(cache, load, keys, operations / threads, number));
        }
    });
    begin.elapsed().as_nanos() as f64 / operations as f64
}

fn play(cache: &dyn Rival, load: Load, keys: &[Vec<u8>], operations: usize, seed: usize) {
    let mut random = fastrand::Rng::with_seed(seed as u64);
    let value = [b'w'; VALUE_BYTES];
    let mut hits = 0;
    for number in 0..operations {
        let key = &keys[random.usize(..keys.len())];
        match load {
            Load::Writes => cache.insert(key, &value),
            Load::Mixed if number % 10 == 0 => cache.insert(key, &value),
            Load::Reads | Load::Mixed => hits += usize::from(cache.get(key)),
            Load::Eviction => {
                if cache.get(key) {
                    hits += 1;
                } else {
                    cache.insert(key, &value);
                }
            }
        }
    }
    let asked = match load {
        Load::Reads => operations,
        Load::Writes | Load::Mixed | Load::Eviction => 0,
    };
    assert!(hits >= asked, "{hits} of {asked} keys are there");
}
