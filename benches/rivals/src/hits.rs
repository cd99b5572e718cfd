//! Hits in per cent on traces: generated ones, and those of a folder.
//!
//! A miss is followed by an insert. Values are of one size, because rivals count entries.
//!
//! Not here: the traces (`../hit_ratio/trace.rs`).

use crate::Options;
use crate::record::{Better, Run};
use crate::rival::{RIVALS, Rival, evenkeel_bytes, key, rival};
use crate::trace::{self, Access, Trace};
use std::error::Error;

/// The room, as a share of the distinct keys of the trace.
const SHARES: [f64; 3] = [0.05, 0.10, 0.25];
const KEY_BYTES: usize = 12;
const VALUE_BYTES: usize = 200;
const SEED: u64 = 1;

pub(crate) fn measure(options: &Options, run: &mut Run) -> Result<(), Box<dyn Error>> {
    let mut traces = Vec::new();
    if let Some(folder) = &options.traces {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "gz"));
        paths.sort();
        for path in paths {
            traces.push(Trace::read(&path)?);
        }
    }
    traces.extend(trace::generated(SEED));
    traces.retain(|trace| !trace.is_sized);
    if options.is_quick {
        traces.truncate(1);
    }
    for trace in &traces {
        for share in SHARES {
            let (distinct, _) = trace.distinct(0);
            let entries = (distinct as f64 * share) as usize;
            let bytes = evenkeel_bytes(entries, KEY_BYTES, VALUE_BYTES);
            let accesses = trace.for_cache(share);
            let row = format!("{} {:.0} %", trace.name, share * 100.0);
            for column in RIVALS
                .into_iter()
                .filter(|name| *name != "evenkeel, copied")
            {
                let hits = hits(&*rival(column, entries, bytes), &accesses);
                eprintln!("  {row}, {column}: {hits:.2} %");
                run.note("Hits, %", Better::Higher, 2, &row, column, hits);
            }
        }
    }
    Ok(())
}

fn hits(cache: &dyn Rival, accesses: &[Access]) -> f64 {
    let value = [b'v'; VALUE_BYTES];
    let mut hits = 0;
    for access in accesses {
        let key = key(access.key as usize, KEY_BYTES);
        if cache.get(&key) {
            hits += 1;
        } else {
            cache.insert(&key, &value);
        }
    }
    f64::from(hits) / accesses.len() as f64 * 100.0
}
