//! RDB: files and payloads of any bytes, split anyhow.
//!
//! 1. How a file ends, and what is loaded of it, does not depend on the pieces.
//! 2. An error names an offset within the file, and nothing of an unfinished value stays.
//! 3. What is loaded becomes the same by way of a snapshot.
//! 4. What is loaded is dumped, restored under another name, and is the same value then.
//!
//! Not here: the format's examples (`src/persistence/rdb_intake/tests.rs`).

use crate::source::Source;
use evenkeel::persistence::{MemoryDisk, PersistError, Storage, convert_rdb, load_from, load_rdb};
use evenkeel::rdb::{Crc64, Reason};
use evenkeel::settings::EnableDebug;
use evenkeel::{CacheEngine, Config, OwnedArgs, Peer, Timestamp};
use std::io::{self, Read};

/// Time of the engine that loads.
const NOW: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);

/// Bytes of the checksum at the end of a file or a payload.
const CHECKSUM_BYTES: usize = 8;

/// Runs one input. Its first bytes choose whether it is a file or a payload, whether the checksum
/// is mended, and the pieces.
pub fn check(data: &[u8]) {
    let mut source = Source::new(data);
    let choice = source.byte();
    let sizes = source.bytes(4);
    let mut bytes = source.rest().to_vec();
    if choice & 1 == 1 {
        mend(&mut bytes);
    }
    if choice & 2 == 2 {
        return check_payload(&bytes);
    }
    let (mut engine, end) = load(&bytes, &[]);
    let (mut other, other_end) = load(&bytes, sizes);
    assert_eq!(end, other_end);
    let digest = call(&mut engine, &[b"DEBUG", b"DIGEST"]);
    assert_eq!(digest, call(&mut other, &[b"DEBUG", b"DIGEST"]));
    if end.is_ok()
        && let Some(mut converted) = convert(&bytes, sizes)
    {
        assert_eq!(digest, call(&mut converted, &[b"DEBUG", b"DIGEST"]));
    }
    check_round_trip(&mut engine);
}

/// A payload either makes a value or an error.
fn check_payload(payload: &[u8]) {
    let mut engine = engine();
    call(&mut engine, &[b"RESTORE", b"k", b"0", payload]);
    engine.check_invariants();
    check_round_trip(&mut engine);
}

/// Every key of the first database is restored from its own dump.
fn check_round_trip(engine: &mut CacheEngine) {
    let keys = array_of(&call(engine, &[b"KEYS", b"*"]));
    for key in keys
        .iter()
        .filter(|key| !key.starts_with(b"copy:"))
        .take(16)
    {
        let copy = [b"copy:", &key[..]].concat();
        let Some(payload) = bulk_of(&call(engine, &[b"DUMP", key])) else {
            continue;
        };
        let restored = call(engine, &[b"RESTORE", &copy, b"0", &payload, b"REPLACE"]);
        assert_eq!(restored, b"+OK\r\n", "{:?}", key.escape_ascii());
        let persisted = call(engine, &[b"PERSIST", key]);
        assert!(persisted.starts_with(b":"));
        let digests = [key, &copy].map(|key| call(engine, &[b"DEBUG", b"DIGEST-VALUE", key]));
        assert_eq!(digests[0], digests[1]);
    }
    engine.check_invariants();
}

fn engine() -> CacheEngine {
    let config = Config {
        enable_debug_command: EnableDebug::Yes,
        ..Config::default()
    };
    let mut engine = CacheEngine::new(config);
    engine.tick(NOW);
    engine
}

/// How a file ends, in words.
fn load(bytes: &[u8], sizes: &[u8]) -> (CacheEngine, Result<u64, String>) {
    let mut engine = engine();
    let mut pieces = Pieces {
        rest: bytes,
        sizes,
        next: 0,
    };
    let loaded = load_rdb(&mut engine, &mut pieces, true, |_, _| {});
    engine.check_invariants();
    if let Err(PersistError::Rdb(error)) = &loaded {
        assert!(error.offset <= bytes.len() as u64);
    }
    let end = loaded.map(|report| report.loaded_keys);
    (engine, end.map_err(|error| error.to_string()))
}

/// What comes of an intact file by way of a snapshot; nothing if functions stand after keys, which
/// a snapshot can't have.
fn convert(bytes: &[u8], sizes: &[u8]) -> Option<CacheEngine> {
    let mut pieces = Pieces {
        rest: bytes,
        sizes,
        next: 0,
    };
    let mut disk = MemoryDisk::default();
    let converted = convert_rdb(&mut pieces, &mut disk, NOW, true, |_, _| {});
    match converted {
        Ok(_) => {}
        Err(PersistError::Rdb(error)) if matches!(error.reason, Reason::BadFunction(_)) => {
            return None;
        }
        Err(error) => panic!("a cache loads the file: {error}"),
    }
    let mut engine = engine();
    let snapshot = disk.open().expect("it can be read");
    let mut snapshot = snapshot.expect("it was written");
    load_from(&mut engine, &mut snapshot, |_, _| {}).expect("it is whole");
    engine.check_invariants();
    Some(engine)
}

/// Bytes that come in pieces of these sizes, over and over; at once if there are none.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: &'a [u8],
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let size = match self.sizes {
            [] => target.len(),
            sizes => 1 + usize::from(sizes[self.next % sizes.len()]),
        };
        self.next += 1;
        let len = size.min(self.rest.len()).min(target.len());
        target[..len].copy_from_slice(&self.rest[..len]);
        self.rest = &self.rest[len..];
        Ok(len)
    }
}

/// Puts the right checksum in the place of the last bytes.
fn mend(bytes: &mut [u8]) {
    if let Some(at) = bytes.len().checked_sub(CHECKSUM_BYTES) {
        let checksum = Crc64::of(&bytes[..at]);
        bytes[at..].copy_from_slice(&checksum.to_le_bytes());
    }
}

fn call(engine: &mut CacheEngine, words: &[&[u8]]) -> Vec<u8> {
    let session = engine.open_session(Peer::embedded(), NOW);
    let args = OwnedArgs::from_slices(words);
    let mut reply = Vec::new();
    engine.execute(session, args.args(), NOW, &mut reply);
    engine.close_session(session);
    reply
}

/// The string that a reply is.
fn bulk_of(reply: &[u8]) -> Option<Vec<u8>> {
    let mut rest = reply;
    take_bulk(&mut rest)
}

fn take_bulk(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let end = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
    let len = std::str::from_utf8(rest[..end].strip_prefix(b"$")?).ok()?;
    let len: usize = len.parse().ok()?;
    let text = rest.get(end + 2..end + 2 + len)?.to_vec();
    *rest = &rest[end + 2 + len + 2..];
    Some(text)
}

/// The strings of a reply.
fn array_of(reply: &[u8]) -> Vec<Vec<u8>> {
    let begin = reply.windows(2).position(|bytes| bytes == b"\r\n");
    let mut rest = begin.map_or(&[][..], |begin| &reply[begin + 2..]);
    std::iter::from_fn(|| take_bulk(&mut rest)).collect()
}
