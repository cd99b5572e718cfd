//! Snapshots for tests: what a file holds, and an engine that saves and loads it.
//!
//! Not here: files built block by block (`snapshot_format.rs`).

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use evenkeel::engine::Execution;
use evenkeel::persistence::{
    Damage, Loader, MemoryDisk, Salvage, Storage, Summary, load_from, salvage,
};
use evenkeel::protocol::args::OwnedArgs;
use evenkeel::session::{Peer, SessionKey};
use evenkeel::value::record::Record;
use evenkeel::{CacheEngine, Config, Timestamp};

/// When the snapshots of these tests begin.
pub(crate) const BEGUN_MS: u64 = 1_800_000_000_000;

/// Keys by database, with the text of their value and their deadline.
pub(crate) type Contents = BTreeMap<(u16, Vec<u8>), (Vec<u8>, Option<u64>)>;

/// Adds the records of a block to `contents`.
pub(crate) fn add_records(contents: &mut Contents, database: u16, mut records: &[u8]) {
    while !records.is_empty() {
        let record = Record::decode(&mut records).expect("a loader shows only what decodes");
        let text = record.value.text(&mut itoa::Buffer::new()).to_vec();
        contents.insert((database, record.key.to_vec()), (text, record.deadline_ms));
    }
}

/// What a file holds, fed whole.
pub(crate) fn read(file: &[u8]) -> Result<(Contents, Summary), Damage> {
    let mut contents = Contents::new();
    let mut loader = Loader::new();
    loader.feed(file, |database, records| {
        add_records(&mut contents, database, records);
    })?;
    loader.finish().map(|summary| (contents, summary))
}

/// What a damaged file still holds: the report, and the new file. What is shown of it must be what
/// that file holds.
pub(crate) fn salvaged(file: &[u8]) -> (Salvage, Vec<u8>) {
    let (mut new, mut shown) = (Vec::new(), Contents::new());
    let write = |bytes: &[u8]| {
        new.extend_from_slice(bytes);
        Ok(())
    };
    let show = |database, records: &[u8]| add_records(&mut shown, database, records);
    let found = salvage(&mut Cursor::new(file), write, show).expect("it is in memory");
    let (contents, _) = read(&new).expect("what was salvaged is whole");
    assert_eq!(contents, shown);
    (found, new)
}

/// The snapshot on a disk; `None` if there is none.
pub(crate) fn on_disk(disk: &MemoryDisk) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = disk.open().expect("a stopped disk can be read")?;
    file.read_to_end(&mut bytes).expect("it is in memory");
    Some(bytes)
}

/// An engine with one session, standing at [`BEGUN_MS`].
pub(crate) struct Cache {
    pub(crate) engine: CacheEngine,
    session: SessionKey,
}

impl Cache {
    pub(crate) fn new() -> Self {
        let config = Config {
            hash_seed: 1,
            ..Config::default()
        };
        let mut engine = CacheEngine::new(config);
        let now = Timestamp::from_unix_ms(BEGUN_MS);
        engine.advance_to(now);
        let session = engine.open_session(Peer::embedded(), now);
        Self { engine, session }
    }

    /// Runs one command; returns its reply.
    pub(crate) fn run(&mut self, words: &[&[u8]]) -> Vec<u8> {
        let request = OwnedArgs::from_slices(words);
        let mut reply = Vec::new();
        let now = Timestamp::from_unix_ms(BEGUN_MS);
        let execution = self
            .engine
            .execute(self.session, request.args(), now, &mut reply);
        assert_eq!(execution, Execution::Done);
        assert!(!reply.starts_with(b"-"), "{}", reply.escape_ascii());
        reply
    }

    /// The file that a save writes now.
    pub(crate) fn saved(&mut self) -> Vec<u8> {
        let mut disk = MemoryDisk::new();
        self.engine.save_to(&mut disk).expect("no fault was set");
        on_disk(&disk).expect("it was saved")
    }

    /// An engine that has loaded a file.
    pub(crate) fn loaded(file: &[u8]) -> Self {
        let mut cache = Self::new();
        load_from(&mut cache.engine, &mut &file[..], |_, _| {}).expect("an intact file");
        cache
    }
}
