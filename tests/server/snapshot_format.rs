//! The snapshot file: what is damaged is noticed and never taken for something else.
//!
//! Files are built here block by block with a checksum of its own ([`Builder`]), from what
//! `docs/SNAPSHOT_FORMAT.md` says and not with the program's writer, so that the two check each
//! other. The files in `golden/` hold every form of a record of their version and must load for
//! ever.
//!
//! Not here: crashes while a snapshot is written (`crash.rs`).

use std::ops::Range;

use crate::snapshot::{BEGUN_MS, Cache, Contents, LIBRARIES, Reader, collection, read, salvaged};
use evenkeel::persistence::{
    Content, Damage, DamageKind, DatabaseCount, FORMAT_VERSION, Loader, PersistError, Salvage,
    Summary, load_from,
};
use evenkeel::value::encoding::Encoding;
use evenkeel::value::kind::Kind;
use evenkeel::value::record::RecordError;
use evenkeel::{CacheEngine, Config, Timestamp};

const DOCUMENT: &str = include_str!("../../docs/SNAPSHOT_FORMAT.md");
const GOLDEN: &[u8] = include_bytes!("../golden/snapshot-v1.evk");
const GOLDEN_2: &[u8] = include_bytes!("../golden/snapshot-v2.evk");
const GOLDEN_3: &[u8] = include_bytes!("../golden/snapshot-v3.evk");

const HEAD_BYTES: usize = 16;
const ABOUT: u8 = 1;
const RECORDS: u8 = 2;
const LIBRARY: u8 = 3;
const END: u8 = 255;

/// CRC-32 as the document defines it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |mut crc, &byte| {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
        crc
    })
}

/// Builds a file block by block.
struct Builder {
    file: Vec<u8>,
    block_count: u64,
}

impl Builder {
    fn new() -> Self {
        Self::with_head(1, 0)
    }

    fn version_2() -> Self {
        Self::with_head(2, 0)
    }

    fn version_3() -> Self {
        Self::with_head(3, 0)
    }

    fn with_head(version: u16, reserved: u16) -> Self {
        let mut file = b"EVENKEEL".to_vec();
        file.extend(version.to_le_bytes());
        file.extend(reserved.to_le_bytes());
        file.extend(crc32(&file).to_le_bytes());
        let block_count = 0;
        Self { file, block_count }
    }

    fn block(mut self, kind: u8, database: u16, payload: &[u8]) -> Self {
        self.file.extend(block(kind, 0, database, payload));
        self.block_count += 1;
        self
    }

    fn about(self) -> Self {
        let payload = [&BEGUN_MS.to_le_bytes()[..], b"a test"].concat();
        self.block(ABOUT, 0, &payload)
    }

    /// The end block, which counts the blocks so far; rows are database, keys, with a deadline.
    fn end(self, rows: &[(u32, u64, u64)]) -> Vec<u8> {
        let payload = end_payload(self.block_count, rows);
        self.block(END, 0, &payload).file
    }
}

fn block(kind: u8, reserved: u8, database: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, reserved];
    bytes.extend(database.to_le_bytes());
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(payload);
    bytes.extend(crc32(&bytes).to_le_bytes());
    bytes
}

fn end_payload(block_count: u64, rows: &[(u32, u64, u64)]) -> Vec<u8> {
    let mut payload = block_count.to_le_bytes().to_vec();
    for (database, keys, expires) in rows {
        payload.extend(database.to_le_bytes());
        payload.extend(keys.to_le_bytes());
        payload.extend(expires.to_le_bytes());
    }
    payload
}

/// Every form of a record, most of them longer than need be.
fn golden_file() -> Vec<u8> {
    let long_key = [&[0x20, 0x2c, 1, 0, 0][..], &[b'k'; 300], &[1, b'v']].concat();
    let texts = [
        &b"\x00\x00\x00"[..],
        b"\x00\x05short\x04text",
        b"\x01\x06medium\x04\x00text",
        b"\x02\x04long\x04\x00\x00\x00text",
        b"\x00\x06number\x0212",
        b"\x20\x03\x00\x00\x00far\x01v",
    ];
    let integers = [
        &b"\x04\x02i1\x80"[..],
        b"\x05\x02i2\x00\x80",
        b"\x06\x02i4\x00\x00\x00\x80",
        b"\x07\x02i8\x00\x00\x00\x00\x00\x00\x00\x80",
        b"\x07\x04wide\x07\x00\x00\x00\x00\x00\x00\x00",
    ];
    let deadlines = [
        &b"\x40\x00\x5c\xb2\xec\x18\x08\x00\x00\x03ttl\x01v"[..],
        b"\x44\xff\xff\xff\xff\xff\xff\xff\xff\x04ever\x2a",
        b"\x67\x01\x00\x00\x00\x00\x00\x00\x80\x05\x00\x00\x00large\x01\x00\x00\x00\x00\x00\x00\x00",
    ];
    Builder::new()
        .about()
        .block(RECORDS, 0, &texts.concat())
        .block(RECORDS, 9, &integers[..2].concat())
        .block(RECORDS, 0, &long_key)
        .block(RECORDS, 9, &integers[2..].concat())
        .block(RECORDS, 15, &deadlines.concat())
        .end(&[(0, 7, 0), (9, 5, 0), (15, 3, 3)])
}

fn golden_contents() -> Contents {
    let texts = [("", ""), ("short", "text"), ("medium", "text")];
    let more = [("long", "text"), ("number", "12"), ("far", "v")];
    let integers = [
        ("i1", "-128"),
        ("i2", "-32768"),
        ("i4", "-2147483648"),
        ("i8", "-9223372036854775808"),
        ("wide", "7"),
    ];
    let deadlines = [
        ("ttl", "v", 0x0818_ecb2_5c00),
        ("ever", "42", u64::MAX),
        ("large", "1", 0x8000_0000_0000_0001),
    ];
    let plain = |database, rows: &[(&str, &str)]| -> Contents {
        let content = |(key, text): &(&str, &str)| {
            let name = (database, key.as_bytes().to_vec());
            (name, (text.as_bytes().to_vec(), None))
        };
        rows.iter().map(content).collect()
    };
    let mut contents = plain(0, &texts);
    contents.extend(plain(0, &more));
    contents.extend(plain(9, &integers));
    contents.insert((0, vec![b'k'; 300]), (b"v".to_vec(), None));
    for (key, text, deadline_ms) in deadlines {
        let content = (text.as_bytes().to_vec(), Some(deadline_ms));
        contents.insert((15, key.as_bytes().to_vec()), content);
    }
    contents
}

/// The record with which a collection begins, without its key: kind, encoding, number, count.
fn begun(kind: u8, encoding: u8, number: u32, count: u64) -> Vec<u8> {
    let mut bytes = vec![kind, encoding];
    bytes.extend(number.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes
}

/// A piece of a collection.
fn piece(kind: u8, number: u32, before: u64, count: u32, elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![16, kind];
    bytes.extend(number.to_le_bytes());
    bytes.extend(before.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend((elements.len() as u32).to_le_bytes());
    bytes.extend(elements);
    bytes
}

/// Every form of a record of collections, and of an item.
fn golden_file_2() -> Vec<u8> {
    let small = [
        &b"\x08\x04list\x00\x03\0\x06\0\x81a\x81a\xc1\x00"[..],
        b"\x09\x03set\x01\x03\0\x05\0\x81b\xdf\xff\x05",
        b"\x09\x04ints\x02\x02\0\x05\0\x07\xf2\xff\xff\x7f",
        b"\x0a\x04zset\x00\x02\0\x0e\0\xf6\0\0\0\0\0\0\xe0\xbf\x81b\x01\x81a",
        b"\x0b\x04hash\x00\x01\0\x03\0\x81f\x09",
        b"\x4b\x00\x5c\xb2\xec\x18\x08\x00\x00\x03ttl\x01\x02\0\x10\0\
          \x81f\x81v\xf8\x00\x5c\xb2\xec\x18\x08\x00\x00\x81g\x07",
    ];
    let set = [&b"\x03\x05large"[..], &begun(9, 1, 7, 4)].concat();
    let list_head = b"\x63\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00ll";
    let list = [&list_head[..], &begun(8, 0, 1 << 31, 3)].concat();
    let text = [&b"\xe1\x00"[..], &[b't'; 256]].concat();
    let long = [&b"\xf0\x00\x10\x00\x00"[..], &[b'l'; 4096]].concat();
    let zset = [&b"\x03\x02zz"[..], &begun(10, 1, 7, 2)].concat();
    let wide = b"\xf1\x00\x80\xf3\xff\xff\xff\x7f\xf5\0\0\0\0\0\x80";
    let widest = b"\xf4\0\0\0\0\0\0\0\x80";
    Builder::version_2()
        .about()
        .block(RECORDS, 0, &small.concat())
        .block(RECORDS, 0, &[set, piece(9, 7, 0, 3, wide)].concat())
        .block(RECORDS, 3, &[list, piece(8, 1 << 31, 0, 1, &text)].concat())
        .block(
            RECORDS,
            0,
            &[&b"\x00\x01k\x01v"[..], &piece(9, 7, 3, 1, widest)].concat(),
        )
        .block(
            RECORDS,
            3,
            &piece(8, 1 << 31, 1, 2, &[&long[..], b"\x01"].concat()),
        )
        .block(
            RECORDS,
            3,
            &[zset, piece(10, 7, 0, 1, b"\x01\x81b")].concat(),
        )
        .block(RECORDS, 3, &piece(10, 7, 1, 1, b"\x02\x81a"))
        .end(&[(0, 8, 1), (3, 2, 1)])
}

fn golden_contents_2() -> Contents {
    let text = [&b"\xe1\x00"[..], &[b't'; 256]].concat();
    let long = [&b"\xf0\x00\x10\x00\x00"[..], &[b'l'; 4096]].concat();
    let mut contents = Contents::new();
    let mut add = |name: (u16, &str), deadline_ms, type_of, elements: &[&[u8]]| {
        let (kind, encoding) = type_of;
        let elements = elements.iter().map(|element| element.to_vec()).collect();
        let name = (name.0, name.1.as_bytes().to_vec());
        contents.insert(name, (collection(kind, encoding, elements), deadline_ms));
    };
    let small = |kind| (kind, Encoding::Small);
    let outgrown = |kind| (kind, Encoding::Outgrown);
    let integers = (Kind::Set, Encoding::Integers);
    let list: [&[u8]; 3] = [b"\x81a", b"\x81a", b"\xc1\x00"];
    add((0, "list"), None, small(Kind::List), &list);
    let set: [&[u8]; 3] = [b"\x81b", b"\xdf\xff", b"\x05"];
    add((0, "set"), None, outgrown(Kind::Set), &set);
    add((0, "ints"), None, integers, &[b"\x07", b"\xf2\xff\xff\x7f"]);
    let zset: [&[u8]; 2] = [b"\xf6\0\0\0\0\0\0\xe0\xbf\x81b", b"\x01\x81a"];
    add((0, "zset"), None, small(Kind::SortedSet), &zset);
    add((0, "hash"), None, small(Kind::Hash), &[b"\x81f\x09"]);
    let ttl: [&[u8]; 2] = [
        b"\x81f\x81v",
        b"\xf8\x00\x5c\xb2\xec\x18\x08\x00\x00\x81g\x07",
    ];
    let deadline_ms = Some(0x0818_ecb2_5c00);
    add((0, "ttl"), deadline_ms, outgrown(Kind::Hash), &ttl);
    let large: [&[u8]; 4] = [
        b"\xf1\x00\x80",
        b"\xf3\xff\xff\xff\x7f",
        b"\xf5\0\0\0\0\0\x80",
        b"\xf4\0\0\0\0\0\0\0\x80",
    ];
    add((0, "large"), None, outgrown(Kind::Set), &large);
    let items: [&[u8]; 3] = [&text, &long, b"\x01"];
    add((3, "ll"), Some(u64::MAX), small(Kind::List), &items);
    let scored: [&[u8]; 2] = [b"\x01\x81b", b"\x02\x81a"];
    add((3, "zz"), None, outgrown(Kind::SortedSet), &scored);
    contents.insert((0, b"k".to_vec()), (b"v".to_vec(), None));
    contents
}

/// Libraries of a file of version 3, whose functions the second takes from nowhere.
const CODES: [&[u8]; 2] = [
    b"#!lua name=first\nredis.register_function('one', function() return 1 end)",
    b"#!LUA  name=\"second\"\nthis is no Lua\0",
];

/// Libraries among the records.
fn golden_file_3() -> Vec<u8> {
    Builder::version_3()
        .about()
        .block(LIBRARY, 0, CODES[0])
        .block(RECORDS, 0, b"\x0b\x04hash\x00\x01\0\x03\0\x81f\x09")
        .block(LIBRARY, 0, CODES[1])
        .end(&[(0, 1, 0)])
}

fn golden_contents_3() -> Contents {
    let hash = collection(Kind::Hash, Encoding::Small, vec![b"\x81f\x09".to_vec()]);
    let mut contents = Contents::from([((0, b"hash".to_vec()), (hash, None))]);
    for code in CODES {
        contents.insert((LIBRARIES, code.to_vec()), (Vec::new(), None));
    }
    contents
}

/// Where the head and each block of an intact file are.
fn parts(file: &[u8]) -> Vec<Range<usize>> {
    let head = 0..HEAD_BYTES;
    let mut parts = vec![head];
    let mut begin = HEAD_BYTES;
    while begin < file.len() {
        let len = u32::from_le_bytes(file[begin + 4..begin + 8].try_into().expect("four bytes"));
        let end = begin + 12 + len as usize;
        parts.push(begin..end);
        begin = end;
    }
    parts
}

/// What a file holds without the blocks that `is_lost` names by their place.
fn contents_without(file: &[u8], is_lost: impl Fn(&Range<usize>) -> bool) -> Contents {
    let mut reader = Reader::default();
    for part in parts(file).into_iter().skip(1) {
        let block = &file[part.clone()];
        let payload = &block[8..block.len() - 4];
        if block[0] == RECORDS && !is_lost(&part) {
            let database = u16::from_le_bytes([block[2], block[3]]);
            reader.add(Content::Records(database, payload));
        }
        if block[0] == LIBRARY && !is_lost(&part) {
            reader.add(Content::Library(payload));
        }
    }
    reader.finish()
}

/// Salvages a damaged file, and checks what holds for every one: what comes out loads, counts what
/// it holds, and holds nothing but what `original` does.
fn check_salvage(damaged: &[u8], original: &Contents) -> (Salvage, Contents) {
    let (found, new) = salvaged(damaged);
    let (contents, summary) = read(&new).expect("what was salvaged is whole");
    for (name, content) in &contents {
        assert_eq!(original.get(name), Some(content));
    }
    assert_eq!(summary.databases, found.databases);
    assert_eq!(found.damage, read(damaged).err());
    (found, contents)
}

/// What a loader showed: databases and records, or libraries.
type Shown = Vec<(u16, Vec<u8>)>;

/// Feeds `pieces`; what was shown, and how it ended.
fn feed_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Shown, Result<Summary, Damage>) {
    let mut shown = Vec::new();
    let mut loader = Loader::new();
    for piece in pieces {
        let fed = loader.feed(piece, |content| match content {
            Content::Records(database, records) => shown.push((database, records.to_vec())),
            Content::Library(code) => shown.push((LIBRARIES, code.to_vec())),
        });
        if let Err(damage) = fed {
            return (shown, Err(damage));
        }
    }
    (shown, loader.finish())
}

/// The bytes of the worked example: pairs of digits, `76*300` for a byte many times, comments
/// behind a semicolon, which begin with the offset.
fn example() -> Vec<u8> {
    let (_, rest) = DOCUMENT.split_once("```hex\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let mut file = Vec::new();
    for line in example.lines().filter(|line| !line.is_empty()) {
        let offset = line.split(';').nth(1).unwrap_or_default();
        let offset = offset.split_whitespace().next().unwrap_or_default();
        assert_eq!(offset, file.len().to_string(), "{line}");
        let bytes = line.split(';').next().unwrap_or_default();
        for token in bytes.split_whitespace() {
            let (byte, count) = token.split_once('*').unwrap_or((token, "1"));
            let byte = u8::from_str_radix(byte, 16).expect("two digits");
            file.extend(vec![byte; count.parse().expect("a count")]);
        }
    }
    file
}

/// The library in it.
const EXAMPLE_CODE: &[u8] =
    b"#!lua name=lib\nredis.register_function('one', function() return 1 end)\n";

/// The cache whose snapshot the document shows.
fn example_cache() -> Cache {
    let mut cache = Cache::new();
    cache.run(&[b"FUNCTION", b"LOAD", EXAMPLE_CODE]);
    cache.run(&[b"SET", b"greeting", b"hello"]);
    cache.run(&[b"SET", b"counter", b"1000"]);
    cache.run(&[b"SET", b"session", b"ada", b"PXAT", b"1800000060000"]);
    cache.run(&[b"HSET", b"user", b"name", b"ada", b"visits", b"7"]);
    cache.run(&[b"HSET", b"letter", b"body", &[b'x'; 5_000]]);
    cache.run(&[b"SELECT", b"1"]);
    cache.run(&[b"SET", b"page", &[b'v'; 300]]);
    cache
}

fn example_contents() -> Contents {
    let content = |database, key: &str, text: &[u8], deadline_ms| {
        let name = (database, key.as_bytes().to_vec());
        (name, (text.to_vec(), deadline_ms))
    };
    let hash = |encoding, elements: &[&[u8]]| {
        let elements = elements.iter().map(|element| element.to_vec()).collect();
        collection(Kind::Hash, encoding, elements)
    };
    let user = hash(Encoding::Small, &[b"\x84name\x83ada", b"\x86visits\x07"]);
    let body = [&b"\x84body\xf0\x88\x13\0\0"[..], &[b'x'; 5_000]].concat();
    let letter = hash(Encoding::Outgrown, &[&body]);
    Contents::from([
        content(0, "greeting", b"hello", None),
        content(0, "counter", b"1000", None),
        content(0, "session", b"ada", Some(1_800_000_060_000)),
        content(0, "user", &user, None),
        content(0, "letter", &letter, None),
        content(1, "page", &[b'v'; 300], None),
        ((LIBRARIES, EXAMPLE_CODE.to_vec()), (Vec::new(), None)),
    ])
}

#[test]
fn the_example_of_the_document_is_what_the_program_reads() {
    let (contents, summary) = read(&example()).expect("an intact file");
    assert_eq!(contents, example_contents());
    let counts = [(0, 5, 1), (1, 1, 0)].map(|(database, keys, expires)| DatabaseCount {
        database,
        keys,
        expires,
    });
    let expected = Summary {
        version: FORMAT_VERSION,
        begun_ms: BEGUN_MS,
        written_by: "evenkeel 0.1.0".into(),
        block_count: 6,
        file_bytes: example().len() as u64,
        databases: counts.to_vec(),
        libraries: 1,
    };
    assert_eq!(summary, expected);
    let again = Cache::loaded(&example()).saved();
    assert_eq!(read(&again).expect("just written").0, example_contents());
}

/// The name of the writer is the only difference that another version may make.
#[test]
fn the_example_of_the_document_is_what_the_program_writes() {
    let example = example();
    let about = parts(&example)[1].clone();
    let writer = concat!("evenkeel ", env!("CARGO_PKG_VERSION"));
    let payload = [&BEGUN_MS.to_le_bytes()[..], writer.as_bytes()].concat();
    let expected = [
        &example[..about.start],
        &block(ABOUT, 0, 0, &payload),
        &example[about.end..],
    ]
    .concat();
    assert_eq!(example_cache().saved(), expected);
}

/// Other programs may write longer forms than this one does.
#[test]
fn the_golden_file_of_version_1_loads() {
    assert_eq!(golden_file(), GOLDEN);
    let (contents, summary) = read(GOLDEN).expect("an intact file");
    assert_eq!(contents, golden_contents());
    assert_eq!((summary.begun_ms, summary.block_count), (BEGUN_MS, 7));
    let again = Cache::loaded(GOLDEN).saved();
    assert_eq!(read(&again).expect("just written").0, golden_contents());
}

#[test]
fn the_golden_file_of_version_2_loads() {
    assert_eq!(golden_file_2(), GOLDEN_2);
    let (contents, summary) = read(GOLDEN_2).expect("an intact file");
    assert_eq!(contents, golden_contents_2());
    assert_eq!((summary.begun_ms, summary.block_count), (BEGUN_MS, 9));
    let again = Cache::loaded(GOLDEN_2).saved();
    assert_eq!(read(&again).expect("just written").0, golden_contents_2());
}

/// What can't be loaded is kept, and nothing of it can be called.
#[test]
fn the_golden_file_of_version_3_loads() {
    assert_eq!(golden_file_3(), GOLDEN_3);
    let (contents, summary) = read(GOLDEN_3).expect("an intact file");
    assert_eq!(contents, golden_contents_3());
    assert_eq!((summary.block_count, summary.libraries), (5, 2));
    let mut engine = CacheEngine::new(Config::default());
    let report = load_from(&mut engine, &mut &GOLDEN_3[..], |_, _| {}).expect("an intact file");
    let libraries = (report.loaded_libraries, report.kept_libraries);
    assert_eq!((report.loaded_keys, libraries), (1, (1, 1)));
    let mut cache = Cache::loaded(GOLDEN_3);
    assert_eq!(cache.run(&[b"FCALL", b"ONE", b"0"]), b":1\r\n");
    let again = cache.saved();
    assert_eq!(read(&again).expect("just written").0, golden_contents_3());
    // What is added later meets those that are only kept.
    let dumped = cache.run(&[b"FUNCTION", b"DUMP"]);
    let payload = &dumped[dumped.iter().position(|&byte| byte == b'\n').unwrap() + 1..];
    let payload = &payload[..payload.len() - 2];
    cache.run(&[b"FUNCTION", b"DELETE", b"second"]);
    cache.run(&[b"FUNCTION", b"LOAD", b"REPLACE", CODES[0]]);
    assert_eq!(cache.run(&[b"FCALL", b"one", b"0"]), b":1\r\n");
    assert!(payload.windows(6).any(|bytes| bytes == b"second"));
}

/// Without libraries a file stays one that older programs read.
#[test]
fn only_libraries_need_version_3() {
    let mut cache = Cache::new();
    cache.run(&[b"SET", b"k", b"v"]);
    assert_eq!(cache.saved()[8..10], [2, 0]);
    cache.run(&[b"FUNCTION", b"LOAD", CODES[0]]);
    assert_eq!(cache.saved()[8..10], [3, 0]);
    cache.run(&[b"FUNCTION", b"FLUSH"]);
    assert_eq!(cache.saved()[8..10], [2, 0]);
    let of_version_2 = Builder::version_2().about().block(LIBRARY, 0, CODES[0]);
    assert_eq!(damage_of(&of_version_2.end(&[])).1, DamageKind::Misplaced);
    let nameless = Builder::version_3().about().block(LIBRARY, 0, b"#!lua\n");
    assert_eq!(damage_of(&nameless.end(&[])).1, DamageKind::Library);
}

/// Each step writes a part.
#[test]
fn long_libraries_are_written_in_parts() {
    let comment = vec![b'-'; 300_000];
    let code = [CODES[0], b"\n", &comment].concat();
    let mut cache = Cache::new();
    cache.run(&[b"SET", b"k", b"v"]);
    cache.run(&[b"FUNCTION", b"LOAD", &code]);
    let (contents, _) = read(&cache.saved()).expect("just written");
    assert_eq!(contents.len(), 2);
    assert!(contents.contains_key(&(LIBRARIES, code)));
}

#[test]
fn a_file_cut_off_anywhere_is_damaged_there() {
    for file in [&example()[..], GOLDEN, GOLDEN_2, GOLDEN_3] {
        let original = contents_without(file, |_| false);
        for len in 0..file.len() {
            let cut = &file[..len];
            let parts = parts(file);
            let begin = parts.iter().map(|part| part.start);
            let offset = begin.filter(|&begin| begin <= len).max().unwrap();
            let expected = Damage {
                offset: offset as u64,
                kind: DamageKind::Truncated,
            };
            let (shown, end) = feed_pieces([cut]);
            assert_eq!(end, Err(expected), "{len} bytes");
            assert_eq!(feed_pieces(cut.chunks(1)), (shown, end));
            let (_, contents) = check_salvage(cut, &original);
            assert_eq!(contents, contents_without(file, |part| part.end > len));
        }
    }
}

/// The damage is in one block, so everything else survives.
#[test]
fn a_flipped_bit_is_noticed_and_costs_one_block_at_most() {
    for file in [&example()[..], GOLDEN, GOLDEN_2, GOLDEN_3] {
        let original = contents_without(file, |_| false);
        for position in 0..file.len() {
            // Within a long text one byte is like another.
            let neighbours = &file[position.saturating_sub(9)..file.len().min(position + 10)];
            let is_filler = neighbours.iter().all(|&byte| byte == file[position]);
            if is_filler && position % 61 > 0 {
                continue;
            }
            let parts = parts(file);
            let hit = parts.iter().find(|part| part.contains(&position)).unwrap();
            let expected = contents_without(file, |part| part == hit);
            for bit in 0..8 {
                let mut damaged = file.to_vec();
                damaged[position] ^= 1 << bit;
                let damage = read(&damaged).expect_err("a flipped bit");
                assert_eq!(damage.offset, hit.start as u64, "byte {position} bit {bit}");
                let (found, contents) = check_salvage(&damaged, &original);
                assert_eq!(contents, expected, "byte {position} bit {bit}");
                assert_eq!(found.lost_bytes, hit.len() as u64);
                let has_end = hit.end < file.len();
                let keys = original.keys().filter(|name| name.0 != LIBRARIES);
                assert_eq!(found.expected_keys, has_end.then_some(keys.count() as u64));
            }
        }
    }
}

/// Goal: whatever happens to a file, it is refused or gives its own content, and what is salvaged
/// was in it. Method: bytes overwritten, removed, put in and moved at random places.
#[test]
fn random_damage_never_gives_other_content() {
    let example = example();
    let mut intact_count = 0;
    for seed in 0..8_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let file = [&example[..], GOLDEN, GOLDEN_2][random.usize(0..3)];
        let original = contents_without(file, |_| false);
        let mut damaged = file.to_vec();
        for _ in 0..random.usize(1..4) {
            hurt(&mut random, &mut damaged, file);
        }
        match read(&damaged) {
            Ok((contents, _)) => {
                intact_count += 1;
                assert_eq!(contents, original, "seed {seed}");
            }
            Err(damage) => assert!(damage.offset <= damaged.len() as u64),
        }
        check_salvage(&damaged, &original);
        let piece = random.usize(1..40);
        assert_eq!(
            feed_pieces(damaged.chunks(piece)),
            feed_pieces([&damaged[..]]),
            "seed {seed}"
        );
    }
    assert!(intact_count < 800, "{intact_count} were not hurt");
}

/// Damages a file in one place. Blocks of `original` are put in, too.
fn hurt(random: &mut fastrand::Rng, file: &mut Vec<u8>, original: &[u8]) {
    let begin = random.usize(0..file.len() + 1);
    let end = (begin + random.usize(0..30)).min(file.len());
    let parts = parts(original);
    let part = parts[random.usize(0..parts.len())].clone();
    match random.u8(0..5) {
        0 => file[begin..end]
            .iter_mut()
            .for_each(|byte| *byte = random.u8(..)),
        1 => _ = file.drain(begin..end),
        2 => _ = file.splice(begin..begin, (begin..end).map(|_| random.u8(..))),
        3 => _ = file.splice(begin..begin, original[part].iter().copied()),
        _ => {
            let to = part.start.min(file.len());
            _ = file.splice(to..to, original[part].iter().copied());
        }
    }
}

#[test]
fn it_does_not_matter_how_a_file_is_split() {
    for file in [&example()[..], GOLDEN, GOLDEN_2, GOLDEN_3] {
        let whole = feed_pieces([file]);
        assert!(whole.1.is_ok());
        for middle in 0..=file.len() {
            assert_eq!(feed_pieces([&file[..middle], &file[middle..]]), whole);
        }
        for piece in 1..40 {
            assert_eq!(feed_pieces(file.chunks(piece)), whole);
        }
    }
}

fn damage_of(file: &[u8]) -> (u64, DamageKind) {
    let damage = read(file).expect_err("a damaged file");
    (damage.offset, damage.kind)
}

#[test]
fn blocks_lost_doubled_or_in_disorder_are_noticed_although_each_is_intact() {
    let blocks: Vec<&[u8]> = parts(GOLDEN)
        .into_iter()
        .map(|part| &GOLDEN[part])
        .collect();
    let original = golden_contents();
    let file = |order: &[usize]| -> Vec<u8> {
        order
            .iter()
            .flat_map(|&index| blocks[index].to_vec())
            .collect()
    };
    assert_eq!(file(&[0, 1, 2, 3, 4, 5, 6, 7]), GOLDEN);
    let last_offset = |file: &[u8]| (file.len() - blocks[7].len()) as u64;
    let expected = |order: &[usize], offset: u64, kind: DamageKind| {
        assert_eq!(damage_of(&file(order)), (offset, kind), "{order:?}");
        let (found, _) = check_salvage(&file(order), &original);
        assert_eq!(found.lost_bytes, 0);
    };
    for order in [&[0, 1, 2, 3, 4, 5, 7][..], &[0, 1, 2, 3, 4, 4, 5, 6, 7]] {
        expected(order, last_offset(&file(order)), DamageKind::Counts);
    }
    // As many blocks as the end says, yet not those it counts.
    let replaced = &[0, 1, 2, 3, 4, 5, 5, 7];
    expected(replaced, last_offset(&file(replaced)), DamageKind::Counts);
    let behind_head = HEAD_BYTES as u64;
    expected(
        &[0, 2, 1, 3, 4, 5, 6, 7],
        behind_head,
        DamageKind::Misplaced,
    );
    expected(&[0, 7], behind_head, DamageKind::Misplaced);
    let behind_about = behind_head + blocks[1].len() as u64;
    expected(
        &[0, 1, 1, 2, 3, 4, 5, 6, 7],
        behind_about,
        DamageKind::Misplaced,
    );
    let whole = GOLDEN.len() as u64;
    expected(&[0, 1, 2, 3, 4, 5, 6, 7, 7], whole, DamageKind::Trailing);
    expected(&[0, 1, 2, 3, 4, 5, 6, 7, 2], whole, DamageKind::Trailing);
    let (reordered, _) = read(&file(&[0, 1, 6, 4, 2, 3, 5, 7])).expect("any order of records");
    assert_eq!(reordered, original);
}

#[test]
fn content_that_makes_no_sense_is_refused_although_its_checksums_match() {
    let record = b"\x00\x01k\x01v";
    let begun = || Builder::new().about();
    let offset = begun().file.len() as u64;
    let is_damaged = |file: Vec<u8>, kind: DamageKind| {
        assert_eq!(damage_of(&file), (offset, kind));
        assert!(read(&salvaged(&file).1).is_ok());
    };
    for kind in [0, 4, 7, 128, 254] {
        let file = begun().block(kind, 0, b"").end(&[]);
        is_damaged(file, DamageKind::UnknownBlock(kind));
    }
    let reserved = [begun().file, block(RECORDS, 1, 0, record)].concat();
    is_damaged(reserved, DamageKind::UnknownBlock(RECORDS));
    let refused: [(&[u8], RecordError); 6] = [
        (b"\x00\x01k\x02v", RecordError::Truncated),
        (b"\x20\xff\xff\xff\xffk", RecordError::Truncated),
        (b"\x02\x01k\xff\xff\xff\xffv", RecordError::Truncated),
        (b"\x03\x01k\x01v", RecordError::UnknownKind(3)),
        (b"\x08\x01k\x01v", RecordError::UnknownKind(8)),
        (b"\x80\x01k\x01v", RecordError::UnknownKind(0x80)),
    ];
    for (second, error) in refused {
        let file = begun()
            .block(RECORDS, 0, &[record, second].concat())
            .end(&[(0, 2, 0)]);
        is_damaged(file, DamageKind::Record(error));
    }
    let short_end = begun().block(END, 0, &[0; 7]).file;
    is_damaged(short_end, DamageKind::Misplaced);
    let odd_end = begun().block(END, 0, &[1; 8 + 19]).file;
    is_damaged(odd_end, DamageKind::Misplaced);
    is_damaged(begun().end(&[(0, 1, 0)]), DamageKind::Counts);
    is_damaged(begun().end(&[(0, 0, 0), (0, 0, 0)]), DamageKind::Counts);

    // The sum of these keys overflowed in the salvage.
    let many_keys = begun().end(&[(0, u64::MAX, 0), (1, u64::MAX, 0)]);
    assert_eq!(salvaged(&many_keys).0.expected_keys, None);
    is_damaged(many_keys, DamageKind::Counts);

    let short_about = Builder::new().block(ABOUT, 0, &[0; 7]).end(&[]);
    assert_eq!(
        damage_of(&short_about),
        (HEAD_BYTES as u64, DamageKind::Misplaced)
    );
    assert!(read(&salvaged(&short_about).1).is_ok());
}

#[test]
fn pieces_that_do_not_fit_are_refused_and_what_they_belong_to_is_not_salvaged() {
    let whole = |number| [&b"\x03\x01a"[..], &begun(8, 1, number, 2)].concat();
    let (first, second) = (piece(8, 7, 0, 1, b"\x01"), piece(8, 7, 1, 1, b"\x02"));
    let sorted = [&b"\x03\x01s"[..], &begun(10, 1, 9, 2)].concat();
    let other = b"\x00\x05other\x01v".to_vec();
    let file = |pieces: &[(u16, &[u8])], keys: u64| {
        let begun = Builder::version_2().about().block(RECORDS, 0, &other);
        let file = pieces.iter().fold(begun, |file, (database, records)| {
            file.block(RECORDS, *database, records)
        });
        file.end(&[(0, keys, 0)])
    };
    let beginning = whole(7);
    assert!(read(&file(&[(0, &beginning), (0, &first), (0, &second)], 2)).is_ok());
    #[allow(clippy::type_complexity)] // A table.
    let refused: [(&[(u16, &[u8])], &str); 9] = [
        (&[(0, &first)], "no beginning"),
        (&[(0, &beginning), (0, &second)], "a piece is missing"),
        (
            &[(0, &beginning), (0, &first), (0, &first)],
            "twice the same",
        ),
        (&[(0, &beginning), (1, &first)], "another database"),
        (&[(0, &beginning), (0, &beginning)], "it begins twice"),
        (
            &[(0, &beginning), (0, &piece(9, 7, 0, 1, b"\x01"))],
            "another type",
        ),
        (
            &[(0, &beginning), (0, &piece(8, 8, 0, 1, b"\x01"))],
            "another number",
        ),
        (
            &[(0, &beginning), (0, &piece(8, 7, 0, 3, b"\x01\x02\x03"))],
            "too many",
        ),
        (
            &[
                (0, &sorted),
                (0, &piece(10, 9, 0, 1, b"\x01\x02")),
                (0, &piece(10, 9, 1, 1, b"\x01\x01")),
            ],
            "members are out of order",
        ),
    ];
    for (pieces, what) in refused {
        let file = file(pieces, 2);
        let kind = DamageKind::Record(RecordError::Piece);
        assert_eq!(damage_of(&file).1, kind, "{what}");
        let (contents, _) = read(&salvaged(&file).1).expect("what was salvaged is whole");
        assert_eq!(contents.len(), 1, "{what}");
    }
    let cut_short = file(&[(0, &beginning), (0, &first)], 2);
    assert_eq!(damage_of(&cut_short).1, DamageKind::Incomplete);
    assert_eq!(read(&salvaged(&cut_short).1).unwrap().0.len(), 1);
    // What follows the first one that is not whole may be whole.
    let again = file(
        &[(0, &beginning), (0, &beginning), (0, &first), (0, &second)],
        3,
    );
    assert_eq!(read(&salvaged(&again).1).unwrap().0.len(), 2);
}

#[test]
fn a_file_of_version_1_has_no_collections() {
    let records = b"\x0b\x01k\x00\x01\0\x02\0\x01\x02";
    let file = |file: Builder| file.about().block(RECORDS, 0, records).end(&[(0, 1, 0)]);
    assert!(read(&file(Builder::version_2())).is_ok());
    let unknown = DamageKind::Record(RecordError::UnknownKind(11));
    assert_eq!(damage_of(&file(Builder::new())).1, unknown);
}

/// A collection of which a part is missing is never seen, neither while it is loaded nor after.
#[test]
fn half_a_collection_is_no_key() {
    for end in [GOLDEN_2.len() - 1, parts(GOLDEN_2)[4].end] {
        let mut engine = CacheEngine::new(Config::default());
        engine.advance_to(Timestamp::from_unix_ms(BEGUN_MS));
        let loaded = load_from(&mut engine, &mut &GOLDEN_2[..end], |_, _| {});
        assert!(loaded.is_err());
        engine.check_invariants();
        let whole = contents_without(GOLDEN_2, |part| part.end > end);
        let in_first = whole.keys().filter(|(database, _)| *database == 0);
        assert_eq!(engine.len(), in_first.count());
    }
}

#[test]
fn counts_of_keys_deadlines_and_blocks_must_match() {
    let record = b"\x00\x01k\x01v";
    let begun = || Builder::new().about().block(RECORDS, 3, record);
    assert!(read(&begun().end(&[(3, 1, 0)])).is_ok());
    for rows in [
        &[][..],
        &[(3, 2, 0)],
        &[(3, 1, 1)],
        &[(2, 1, 0)],
        &[(3, 1, 0), (4, 0, 0)],
        &[(3 + (1 << 16), 1, 0)],
    ] {
        let (_, kind) = damage_of(&begun().end(rows));
        assert_eq!(kind, DamageKind::Counts, "{rows:?}");
    }
    let miscounted = begun().block(END, 0, &end_payload(3, &[(3, 1, 0)])).file;
    assert_eq!(damage_of(&miscounted).1, DamageKind::Counts);
}

/// Holds many loaders that were told of 4 GiB, and looks at the address space they take.
#[test]
fn a_length_that_is_claimed_takes_no_memory() {
    let claim = |kind: u8| {
        let mut file = Builder::new().about().file;
        let offset = file.len() as u64;
        file.extend([kind, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        file.extend(b"a few bytes");
        (file, offset)
    };
    let address_space = || memory_stats::memory_stats().map_or(0, |stats| stats.virtual_mem);
    let before = address_space();
    let mut loaders = Vec::new();
    for kind in [RECORDS, END, LIBRARY] {
        let (file, offset) = claim(kind);
        for chunk in 1..file.len() {
            let mut loader = Loader::new();
            for piece in file.chunks(chunk) {
                let fed = loader.feed(piece, |_| panic!("there is no record"));
                assert_eq!(fed, Ok(()));
            }
            loaders.push((loader, offset));
        }
        assert_eq!(check_salvage(&file, &Contents::new()).0.lost_bytes, 19);
    }
    assert!(loaders.len() > 100);
    assert!(address_space() < before + (4 << 30));
    for (loader, offset) in loaders {
        let kind = DamageKind::Truncated;
        assert_eq!(loader.finish(), Err(Damage { offset, kind }));
    }
}

#[test]
fn other_files_and_newer_versions_are_told_apart() {
    let rdb = b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x0aredis-bits\xc0\x40";
    let others: [&[u8]; 5] = [
        rdb,
        &rdb[..9],
        b"# Evenkeel configuration\nport 6379\n",
        b"x",
        b"EVENKEEl",
    ];
    for other in others {
        assert_eq!(damage_of(other), (0, DamageKind::NotASnapshot));
        check_salvage(other, &Contents::new());
    }
    assert_eq!(damage_of(b""), (0, DamageKind::Truncated));
    check_salvage(b"", &Contents::new());

    let of_version = |version, reserved| Builder::with_head(version, reserved).about().end(&[]);
    assert!(read(&of_version(1, 0)).is_ok());
    let unreadable = [
        (
            of_version(FORMAT_VERSION + 1, 0),
            DamageKind::TooNew(FORMAT_VERSION + 1),
        ),
        (of_version(u16::MAX, 0), DamageKind::TooNew(u16::MAX)),
        (of_version(0, 0), DamageKind::NotASnapshot),
        (of_version(1, 1), DamageKind::NotASnapshot),
    ];
    for (file, kind) in unreadable {
        assert_eq!(damage_of(&file), (0, kind));
        check_salvage(&file, &Contents::new());
    }
}

/// A value can hold anything, a snapshot included: damage beside it must not bring it to life.
#[test]
fn a_snapshot_within_a_value_is_not_salvaged_as_part_of_the_file() {
    let inner = Builder::new()
        .about()
        .block(RECORDS, 0, b"\x00\x05ghost\x01v")
        .end(&[(0, 1, 0)]);
    let len = u8::try_from(inner.len()).unwrap();
    let record = [b"\x00\x05outer", &[len][..], &inner].concat();
    let file = Builder::new()
        .about()
        .block(RECORDS, 0, &record)
        .block(RECORDS, 0, b"\x00\x04last\x01v")
        .end(&[(0, 2, 0)]);
    let original = contents_without(&file, |_| false);
    assert_eq!(check_salvage(&file, &original).1.len(), 2);
    let hit = parts(&file)[2].clone();
    let length = hit.start + 4..hit.start + 8;
    for position in hit.clone().filter(|at| !length.contains(at)).skip(2) {
        let mut damaged = file.clone();
        damaged[position] ^= 0x10;
        let (_, contents) = check_salvage(&damaged, &original);
        assert_eq!(contents.len(), 1, "byte {position}");
        let (_, contents) = check_salvage(&damaged[..hit.end], &original);
        assert_eq!(
            contents.len(),
            0,
            "byte {position}, and cut off behind the block"
        );
    }
}

#[test]
fn keys_whose_deadline_has_come_are_left_out() {
    let mut engine = CacheEngine::new(Config::default());
    engine.advance_to(Timestamp::from_unix_ms(1_800_000_060_000));
    let report = load_from(&mut engine, &mut &example()[..], |_, _| {}).expect("an intact file");
    assert_eq!((report.loaded_keys, report.expired_keys), (5, 1));
    assert_eq!(engine.get(b"session"), None);
    assert_eq!(engine.get(b"counter"), Some(b"1000".to_vec()));
    engine.check_invariants();
}

#[test]
fn records_of_a_database_that_is_not_there_are_an_error() {
    let mut engine = CacheEngine::new(Config {
        databases: 1,
        ..Config::default()
    });
    let outcome = load_from(&mut engine, &mut &example()[..], |_, _| {});
    let Err(PersistError::Damaged(damage)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(damage.kind, DamageKind::NoSuchDatabase(1));
}
