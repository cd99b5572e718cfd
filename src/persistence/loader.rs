//! From the bytes of a snapshot to records, trusting nothing.
//!
//! ```text
//!  feed(bytes) ─▶ head ─▶ about ─▶ records … ─▶ end ─▶ finish
//!                   each block is verified before a record of it is shown
//! ```
//!
//! Invariants: a record is shown only from a block whose checksum matches; memory is bounded by
//! one block of what was fed, whatever lengths the file claims; any damage is an error with its
//! offset, and what was shown before it is intact.
//!
//! Cost: only a block that arrives in pieces is copied, once, and takes its own length.
//!
//! Not here: reading a file (`storage.rs`), what damaged files still hold (`salvage.rs`).

use super::format::{
    BLOCK_HEAD_BYTES, BlockAt, BlockKind, CHECKSUM_BYTES, Content, Damage, DamageKind,
    DatabaseCount, HEAD_BYTES, block_at, check_head, decode_end,
};
use super::open_collections::OpenCollections;
use crate::script::names_library;
use crate::value::record::{Record, RecordError};

/// Capacity that is kept for the next block; what a large value needed is given back.
const BUFFER_KEPT_BYTES: usize = 1 << 20;

/// The first version whose files have other records than those of strings.
const COLLECTIONS_VERSION: u16 = 2;

/// The first version whose files may have libraries.
const LIBRARIES_VERSION: u16 = 3;

/// What a whole and intact snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The version of the format that it states.
    pub version: u16,
    /// When it began, in Unix milliseconds.
    pub begun_ms: u64,
    /// Who wrote it.
    pub written_by: String,
    /// Its blocks.
    pub block_count: u64,
    /// Its length.
    pub file_bytes: u64,
    /// Keys by database.
    pub databases: Vec<DatabaseCount>,
    /// Libraries of functions.
    pub libraries: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    About,
    Records,
    Ended,
}

/// Reads one snapshot.
pub struct Loader {
    stage: Stage,
    /// Bytes of a block that has not arrived whole.
    buffer: Vec<u8>,
    /// Offset in the file of the first byte that is not consumed.
    offset: u64,
    /// Bytes that the file is known to have; 0 if that is unknown.
    file_bytes: u64,
    summary: Summary,
    open: OpenCollections,
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

impl Loader {
    /// A loader at the beginning of a file.
    pub fn new() -> Self {
        Self::of_file(0)
    }

    /// As [`Loader::new`], for a file that has `file_bytes` bytes, 0 if that is unknown: what a
    /// block says it takes is then taken at once if the file is long enough for it.
    pub fn of_file(file_bytes: u64) -> Self {
        Self {
            stage: Stage::Head,
            buffer: Vec::new(),
            offset: 0,
            file_bytes,
            summary: Summary::default(),
            open: OpenCollections::default(),
        }
    }

    /// Takes the next bytes of the file and shows what every block holds that is whole and intact.
    ///
    /// # Errors
    /// [`Damage`]: the file is not a whole and intact snapshot. Nothing more can be fed.
    pub fn feed(&mut self, bytes: &[u8], mut show: impl FnMut(Content<'_>)) -> Result<(), Damage> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.buffer.is_empty() {
                let consumed = self.consume(rest, &mut show)?;
                rest = &rest[consumed..];
                if consumed > 0 {
                    continue;
                }
            }
            let (taken, behind) = rest.split_at(self.missing_len().min(rest.len()));
            self.reserve(taken.len());
            self.buffer.extend_from_slice(taken);
            rest = behind;
            if self.missing_len() == 0 {
                let mut buffer = std::mem::take(&mut self.buffer);
                self.consume(&buffer, &mut show)?;
                buffer.clear();
                buffer.shrink_to(BUFFER_KEPT_BYTES);
                self.buffer = buffer;
            }
        }
        Ok(())
    }

    /// Bytes that the buffer lacks until it holds the head of the file or of a block, or, if it
    /// does, the whole block.
    fn missing_len(&self) -> usize {
        let wanted = match (self.stage, self.buffer.get(4..BLOCK_HEAD_BYTES)) {
            (Stage::Head, _) => HEAD_BYTES,
            (_, None) => BLOCK_HEAD_BYTES,
            (_, Some(len)) => {
                let len = len.first_chunk().map_or(0, |len| u32::from_le_bytes(*len));
                BLOCK_HEAD_BYTES + len as usize + CHECKSUM_BYTES
            }
        };
        wanted - self.buffer.len()
    }

    /// Makes room for the next `len` bytes of a block, and for all of it if they are in the file.
    fn reserve(&mut self, len: usize) {
        let missing = self.missing_len();
        let end = self.offset + (self.buffer.len() + missing) as u64;
        if end <= self.file_bytes {
            self.buffer.reserve_exact(missing);
        } else {
            self.buffer.reserve(len);
        }
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`Damage`] if it ended too early.
    pub fn finish(mut self) -> Result<Summary, Damage> {
        if self.stage != Stage::Ended {
            let kind = match self.stage {
                Stage::Head
                    if !b"EVENKEEL".starts_with(
                        self.buffer
                            .first_chunk::<8>()
                            .map_or(&self.buffer[..], |begin| begin),
                    ) =>
                {
                    DamageKind::NotASnapshot
                }
                _ => DamageKind::Truncated,
            };
            return Err(self.damage(kind));
        }
        self.summary.file_bytes = self.offset;
        Ok(self.summary)
    }

    fn damage(&self, kind: DamageKind) -> Damage {
        Damage {
            offset: self.offset,
            kind,
        }
    }

    /// Reads as many whole blocks as there are; returns how many bytes that are.
    fn consume(
        &mut self,
        bytes: &[u8],
        show: &mut impl FnMut(Content<'_>),
    ) -> Result<usize, Damage> {
        let mut position = 0;
        if self.stage == Stage::Head {
            let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else {
                return Ok(0);
            };
            self.summary.version = check_head(head).map_err(|kind| self.damage(kind))?;
            position = HEAD_BYTES;
            self.offset += HEAD_BYTES as u64;
            self.stage = Stage::About;
        }
        while position < bytes.len() {
            if self.stage == Stage::Ended {
                return Err(self.damage(DamageKind::Trailing));
            }
            match block_at(&bytes[position..]) {
                BlockAt::Needs => break,
                BlockAt::Damaged(kind) => return Err(self.damage(kind)),
                BlockAt::Intact(block, len) => {
                    let outcome = match (block.kind, self.stage) {
                        (BlockKind::About, Stage::About) => self.read_about(block.payload),
                        (BlockKind::Records, Stage::Records) => {
                            self.read_records(block.database, block.payload, show)
                        }
                        (BlockKind::Library, Stage::Records) => {
                            self.read_library(block.payload, show)
                        }
                        (BlockKind::End, Stage::Records) => self.read_end(block.payload),
                        _ => Err(DamageKind::Misplaced),
                    };
                    outcome.map_err(|kind| self.damage(kind))?;
                    position += len;
                    self.offset += len as u64;
                    self.summary.block_count += 1;
                }
            }
        }
        Ok(position)
    }

    fn read_about(&mut self, payload: &[u8]) -> Result<(), DamageKind> {
        let (begun_ms, text) = payload.split_first_chunk().ok_or(DamageKind::Misplaced)?;
        self.summary.begun_ms = u64::from_le_bytes(*begun_ms);
        self.summary.written_by = String::from_utf8_lossy(text).into_owned();
        self.stage = Stage::Records;
        Ok(())
    }

    fn read_records(
        &mut self,
        database: u16,
        payload: &[u8],
        show: &mut impl FnMut(Content<'_>),
    ) -> Result<(), DamageKind> {
        let found = self
            .check_records(database, payload)
            .map_err(DamageKind::Record)?;
        add_count(&mut self.summary.databases, found);
        show(Content::Records(database, payload));
        Ok(())
    }

    fn read_library(
        &mut self,
        payload: &[u8],
        show: &mut impl FnMut(Content<'_>),
    ) -> Result<(), DamageKind> {
        if self.summary.version < LIBRARIES_VERSION {
            return Err(DamageKind::Misplaced);
        }
        if !names_library(payload) {
            return Err(DamageKind::Library);
        }
        self.summary.libraries += 1;
        show(Content::Library(payload));
        Ok(())
    }

    /// Counts the records of a block, and sees whether its pieces fit what came before.
    fn check_records(
        &mut self,
        database: u16,
        mut payload: &[u8],
    ) -> Result<DatabaseCount, RecordError> {
        let mut count = DatabaseCount::none_of(database);
        while !payload.is_empty() {
            if let Some(kind) = Record::collection_kind(payload[0])
                && self.summary.version < COLLECTIONS_VERSION
            {
                return Err(RecordError::UnknownKind(kind));
            }
            let record = Record::decode(&mut payload)?;
            self.open.follow(database, &record)?;
            count_record(&mut count, &record);
        }
        Ok(count)
    }

    fn read_end(&mut self, payload: &[u8]) -> Result<(), DamageKind> {
        let (block_count, mut wanted) = decode_end(payload).ok_or(DamageKind::Misplaced)?;
        wanted.sort_unstable_by_key(|count| count.database);
        self.summary
            .databases
            .sort_unstable_by_key(|count| count.database);
        if block_count != self.summary.block_count || wanted != self.summary.databases {
            return Err(DamageKind::Counts);
        }
        if !self.open.is_empty() {
            return Err(DamageKind::Incomplete);
        }
        self.stage = Stage::Ended;
        Ok(())
    }
}

/// Adds what one block holds to what a file holds.
pub(super) fn add_count(databases: &mut Vec<DatabaseCount>, found: DatabaseCount) {
    let is_same = |count: &&mut DatabaseCount| count.database == found.database;
    match databases.iter_mut().find(is_same) {
        Some(count) => {
            count.keys += found.keys;
            count.expires += found.expires;
        }
        None => databases.push(found),
    }
}

/// Counts the records of a block; an error if one of them is malformed.
pub(super) fn count_records(
    database: u16,
    mut payload: &[u8],
) -> Result<DatabaseCount, RecordError> {
    let mut count = DatabaseCount::none_of(database);
    while !payload.is_empty() {
        count_record(&mut count, &Record::decode(&mut payload)?);
    }
    Ok(count)
}

/// Counts a record, if it is that of a key.
pub(super) fn count_record(count: &mut DatabaseCount, record: &Record<'_>) {
    if let Record::Key(record) = record {
        count.keys += 1;
        count.expires += u64::from(record.deadline_ms.is_some());
    }
}
