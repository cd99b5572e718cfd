//! Resident bytes a key: each cache in a child process of its own, which fills it and looks at itself.
//!
//! Not here: what a cache is (`rival.rs`).

use crate::Options;
use crate::record::{Better, Run};
use crate::rival::{RIVALS, key, rival};
use std::error::Error;
use std::process::Command;

/// The argument by which this program is its own child; name and bytes of a value follow.
pub(crate) const CHILD: &str = "--memory-of";

const KEYS: usize = 1_000_000;
const KEY_BYTES: usize = 16;

pub(crate) fn measure(options: &Options, run: &mut Run) -> Result<(), Box<dyn Error>> {
    for value_bytes in [8, 64, 200] {
        if options.is_quick && value_bytes != 64 {
            continue;
        }
        let row = format!("1 M keys of 16 bytes, values of {value_bytes}");
        for column in RIVALS {
            let child = Command::new(std::env::current_exe()?)
                .args([CHILD, column, &value_bytes.to_string()])
                .output()?;
            let bytes: f64 = String::from_utf8(child.stdout)?.trim().parse()?;
            eprintln!("  {row}, {column}: {bytes:.1} bytes");
            run.note(
                "Resident bytes a key",
                Better::Lower,
                1,
                &row,
                column,
                bytes,
            );
        }
    }
    Ok(())
}

/// Fills a cache and prints what each key takes.
pub(crate) fn child(column: &str, value_bytes: &str) -> Result<(), Box<dyn Error>> {
    let value = vec![b'v'; value_bytes.parse()?];
    // The room is twice what comes, because rivals that split it by shards would evict below it.
    let cache = rival(column, KEYS * 2, 0);
    let before = resident_bytes()?;
    for number in 0..KEYS {
        cache.insert(&key(number, KEY_BYTES), &value);
    }
    println!("{}", (resident_bytes()? - before) / KEYS as f64);
    assert!(
        cache.get(&key(KEYS - 1, KEY_BYTES)),
        "the last key is there"
    );
    Ok(())
}

fn resident_bytes() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.ok_or("/proc/self/status has no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0)
}
