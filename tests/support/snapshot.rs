//! Snapshots for tests: what a file holds, and an engine that saves and loads it.
//!
//! Not here: files built block by block (`snapshot_format.rs`).

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use evenkeel::engine::Execution;
use evenkeel::persistence::{
    Content, Damage, Loader, MemoryDisk, Salvage, Storage, Summary, load_from, salvage,
};
use evenkeel::protocol::args::OwnedArgs;
use evenkeel::session::{Peer, SessionKey};
use evenkeel::structures::block::Run;
use evenkeel::value::encoding::Encoding;
use evenkeel::value::kind::Kind;
use evenkeel::value::record::{KeyRecord, Piece, Record, RecordValue};
use evenkeel::{CacheEngine, Config, Timestamp};

/// When the snapshots of these tests begin.
pub(crate) const BEGUN_MS: u64 = 1_800_000_000_000;

/// Keys by database, with the text of their value, or what [`collection`] makes of one, and their
/// deadline; and libraries, as keys of [`LIBRARIES`].
pub(crate) type Contents = BTreeMap<(u16, Vec<u8>), (Vec<u8>, Option<u64>)>;

/// In place of a database: libraries by their texts.
pub(crate) const LIBRARIES: u16 = u16::MAX;

/// A collection as one text: type, encoding, and the bytes of its elements; those of sets and
/// hashes are sorted.
pub(crate) fn collection(kind: Kind, encoding: Encoding, mut elements: Vec<Vec<u8>>) -> Vec<u8> {
    if matches!(kind, Kind::Set | Kind::Hash) {
        elements.sort_unstable();
    }
    let mut text = format!("{} {}", kind.name(), encoding.name(kind)).into_bytes();
    for element in elements {
        text.extend_from_slice(b", ");
        text.extend_from_slice(&element);
    }
    text
}

/// Elements of a collection that has begun.
struct Begun {
    name: (u16, Vec<u8>),
    deadline_ms: Option<u64>,
    kind: Kind,
    encoding: Encoding,
    count: u64,
    elements: Vec<Vec<u8>>,
}

/// Puts records together, and leaves out collections that are not whole.
#[derive(Default)]
pub(crate) struct Reader {
    contents: Contents,
    begun: BTreeMap<u32, Begun>,
}

fn bytes_of(run: &Run<'_>) -> Vec<Vec<u8>> {
    let elements = run.elements();
    elements.map(|element| element.bytes().to_vec()).collect()
}

impl Reader {
    /// Adds what a block holds.
    pub(crate) fn add(&mut self, content: Content<'_>) {
        match content {
            Content::Records(database, records) => self.add_records(database, records),
            Content::Library(code) => {
                let name = (LIBRARIES, code.to_vec());
                self.contents.insert(name, (Vec::new(), None));
            }
        }
    }

    fn add_records(&mut self, database: u16, mut records: &[u8]) {
        while !records.is_empty() {
            let record = Record::decode(&mut records).expect("a loader shows only what decodes");
            match record {
                Record::Key(record) => self.add_key(database, &record),
                Record::Piece(piece) => self.add_piece(&piece),
            }
        }
    }

    fn add_key(&mut self, database: u16, record: &KeyRecord<'_>) {
        let name = (database, record.key.to_vec());
        let deadline_ms = record.deadline_ms;
        let text = match record.value {
            RecordValue::String(value) => value.text(&mut itoa::Buffer::new()).to_vec(),
            RecordValue::Collection(collected) => {
                let elements = bytes_of(&collected.run);
                collection(collected.kind, collected.encoding, elements)
            }
            RecordValue::Begun(begun) => {
                let collection = Begun {
                    name,
                    deadline_ms,
                    kind: begun.kind,
                    encoding: begun.encoding,
                    count: begun.count,
                    elements: Vec::new(),
                };
                self.begun.insert(begun.number, collection);
                return;
            }
        };
        self.contents.insert(name, (text, deadline_ms));
    }

    fn add_piece(&mut self, piece: &Piece<'_>) {
        let Some(begun) = self.begun.get_mut(&piece.number) else {
            return;
        };
        if begun.elements.len() as u64 == piece.before {
            begun.elements.extend(bytes_of(&piece.run));
        }
        if begun.elements.len() as u64 == begun.count
            && let Some(begun) = self.begun.remove(&piece.number)
        {
            let text = collection(begun.kind, begun.encoding, begun.elements);
            self.contents.insert(begun.name, (text, begun.deadline_ms));
        }
    }

    /// What is whole.
    pub(crate) fn finish(self) -> Contents {
        self.contents
    }
}

/// What a file holds, fed whole.
pub(crate) fn read(file: &[u8]) -> Result<(Contents, Summary), Damage> {
    let mut reader = Reader::default();
    let mut loader = Loader::new();
    loader.feed(file, |content| reader.add(content))?;
    loader.finish().map(|summary| (reader.finish(), summary))
}

/// What a damaged file still holds: the report, and the new file. What is shown of it must be what
/// that file holds.
pub(crate) fn salvaged(file: &[u8]) -> (Salvage, Vec<u8>) {
    let (mut new, mut shown) = (Vec::new(), Reader::default());
    let write = |bytes: &[u8]| {
        new.extend_from_slice(bytes);
        Ok(())
    };
    let show = |content: Content<'_>| shown.add(content);
    let found = salvage(&mut Cursor::new(file), write, show).expect("it is in memory");
    let (contents, _) = read(&new).expect("what was salvaged is whole");
    assert_eq!(contents, shown.finish());
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
