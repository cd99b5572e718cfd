//! The snapshot loader and salvage: any bytes, split anyhow, and files that were whole once.
//!
//! 1. What is shown, and how it ends, does not depend on the pieces.
//! 2. An error names an offset within the file; what salvage says is damaged is what the loader
//!    says.
//! 3. What is shown decodes, and an engine that loads it keeps its invariants.
//! 4. Whatever salvage returns loads, and holds the keys that salvage counts; salvaged again, it
//!    stays as it is.
//!
//! Not here: the format's examples and golden files (`tests/server/snapshot_format.rs`).

use crate::source::Source;
use evenkeel::persistence::{Content, Damage, Loader, Salvage, Summary, load_from, salvage};
use evenkeel::{CacheEngine, Config, Timestamp};
use std::io::Cursor;

/// Time of the engine that loads.
const NOW_MS: u64 = 1_800_000_000_000;

/// Bytes of the head and of a block before and behind its payload.
const HEAD_BYTES: usize = 16;
const BLOCK_HEAD_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;

/// What a loader showed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// The database of records, none of a library, and the bytes.
    shown: Vec<(Option<u16>, Vec<u8>)>,
    end: Result<Summary, Damage>,
}

/// Runs one input. Its first bytes choose the pieces, and whether checksums are mended: without
/// that, hardly any change by the fuzzer would get behind them.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let mends = source.byte() & 1 == 1;
    let sizes = source.bytes(8);
    let mut file = source.rest().to_vec();
    if mends {
        mend(&mut file);
    }
    let whole = feed(&file, &[]);
    assert_eq!(feed(&file, sizes), whole);
    if let Err(damage) = &whole.end {
        assert!(damage.offset <= file.len() as u64);
    }
    load(&file);
    let (found, new) = salvaged(&file);
    assert_eq!(found.damage, whole.end.clone().err());
    assert!(found.lost_bytes <= file.len() as u64);
    let again = feed(&new, sizes);
    let summary = again.end.expect("what was salvaged is whole");
    assert_eq!(summary.databases, found.databases);
    assert_eq!(summary.libraries, found.libraries);
    assert_eq!(salvaged(&new).1, new);
    load(&new);
}

/// What salvage finds, and the file it writes.
fn salvaged(file: &[u8]) -> (Salvage, Vec<u8>) {
    let mut new = Vec::new();
    let write = |bytes: &[u8]| {
        new.extend_from_slice(bytes);
        Ok(())
    };
    let found = salvage(&mut Cursor::new(file), write, |_| {});
    (found.expect("it is in memory"), new)
}

/// Puts the right checksum behind the head and behind every block that ends within the file.
fn mend(file: &mut [u8]) {
    let mut begin = 0;
    let mut payload_end = HEAD_BYTES - CHECKSUM_BYTES;
    while let Some(end) = payload_end
        .checked_add(CHECKSUM_BYTES)
        .filter(|&end| end <= file.len())
    {
        let checksum = crc32fast::hash(&file[begin..payload_end]);
        file[payload_end..end].copy_from_slice(&checksum.to_le_bytes());
        begin = end;
        let Some(head) = file[begin..].first_chunk::<BLOCK_HEAD_BYTES>() else {
            return;
        };
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        payload_end = begin + BLOCK_HEAD_BYTES + len as usize;
    }
}

/// Feeds a file in pieces of these sizes, over and over; whole if there are none.
fn feed(file: &[u8], sizes: &[u8]) -> Outcome {
    let mut sizes = sizes.iter().cycle().map(|size| 1 + usize::from(*size));
    let mut loader = Loader::new();
    let mut shown = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).min(rest.len());
        let (piece, behind) = rest.split_at(size);
        rest = behind;
        let fed = loader.feed(piece, |content| match content {
            Content::Records(database, records) => shown.push((Some(database), records.to_vec())),
            Content::Library(code) => shown.push((None, code.to_vec())),
        });
        if let Err(damage) = fed {
            let end = Err(damage);
            return Outcome { shown, end };
        }
    }
    let end = loader.finish();
    Outcome { shown, end }
}

fn load(mut file: &[u8]) {
    let mut engine = CacheEngine::new(Config::default());
    engine.advance_to(Timestamp::from_unix_ms(NOW_MS));
    // Damage is no fault: what was shown before it is loaded all the same.
    _ = load_from(&mut engine, &mut file, |_, _| {});
    engine.check_invariants();
}
