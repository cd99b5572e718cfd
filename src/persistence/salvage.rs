//! What a damaged snapshot still holds: its intact blocks, as a new and whole snapshot.
//!
//! ```text
//!  damaged file ─▶ intact blocks ─┬▶ write: the bytes of a new snapshot, in their order
//!                                 └▶ show: records and libraries
//! ```
//!
//! A block that is not intact is left out; the next one is looked for first where the damaged
//! block says it ends, then at every following byte: a block that is no block by accident would
//! need the right checksum. Only where the length of a block is damaged, or the file cut off, a
//! value that is itself a snapshot could be taken for blocks of this file.
//!
//! A collection in pieces is taken if all of it is intact. To know that, a damaged file is read
//! twice.
//!
//! Cost: O(length), whatever the file holds. A value can hold what looks like heads of blocks, as
//! many as fit; each costs a constant, because a checksum does (`range_checksums.rs`), and records
//! that do not decode although their checksum is right, which only a value that was made for it
//! can hold, are read as often as makes up one length of the file. Memory: one block, and a
//! thousandth of the length.

use super::embedded::{PersistError, read_summary};
use super::format::{
    BLOCK_HEAD_BYTES, BlockHead, BlockKind, CHECKSUM_BYTES, Content, Damage, DatabaseCount,
    FORMAT_VERSION, HEAD_BYTES, check_head, decode_end, encode_end, is_end_len, write_block,
    write_head,
};
use super::loader::{add_count, count_records};
use super::range_checksums::RangeChecksums;
use super::whole_collections::{Left, WholeCollections, WholeFilter};
use crate::script::names_library;
use crate::value::record::{Record, RecordError};
use std::io::{self, Read, Seek, SeekFrom};

/// CRC-32 of any bytes that are followed by their own CRC-32, as a block is.
const INTACT_CHECKSUM: u32 = 0x2144_df1c;

/// Shortest payload of an about block: the time without a text.
const ABOUT_BYTES_MIN: u64 = 8;

/// Bytes of the file that are looked through at once for heads of blocks.
const WINDOW_BYTES: u64 = 64 * 1024;

/// Bytes after a block's head that are looked at before its checksum: a record's without the key.
const RECORD_HEAD_BYTES: usize = 16;

/// Capacity that is kept for the next block; what a large value needed is given back.
const BLOCK_KEPT_BYTES: usize = 1 << 20;

/// What was found in a damaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Keys that were intact, by database.
    pub databases: Vec<DatabaseCount>,
    /// Libraries of functions that were intact.
    pub libraries: u64,
    /// Keys that the file's end says there should be, if the end is intact and makes sense.
    pub expected_keys: Option<u64>,
    /// Bytes of the file that belong to no intact block.
    pub lost_bytes: u64,
    /// The first thing that is wrong, as [`super::Loader`] says; `None` for an intact file.
    pub damage: Option<Damage>,
}

impl Salvage {
    /// Keys that were intact.
    pub fn keys(&self) -> u64 {
        self.databases.iter().map(|count| count.keys).sum()
    }
}

/// Finds the intact blocks of a file, whatever its head says. `write` gets the bytes of a whole
/// snapshot of them, `show` what each holds.
///
/// # Errors
/// The reason why the file can't be read, or the first error of `write`.
pub fn salvage<F: Read + Seek>(
    file: &mut F,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
    mut show: impl FnMut(Content<'_>),
) -> io::Result<Salvage> {
    let damage = first_damage(file)?;
    let mut whole = match damage {
        // Nothing is missing.
        None => None,
        Some(_) => Some(whole_collections(file)?),
    };
    let mut search = Search::new(RangeChecksums::new(file)?);
    let mut found = Salvage {
        damage,
        ..Salvage::default()
    };
    let mut head = Vec::new();
    write_head(&mut head, FORMAT_VERSION);
    let (mut has_about, mut block_count) = (false, 1);
    while let Some(block) = search.next()? {
        if !has_about && block.kind != BlockKind::End {
            has_about = true;
            match block.kind {
                BlockKind::About => head.extend_from_slice(&search.block),
                BlockKind::Records | BlockKind::Library | BlockKind::End => {
                    write_empty_about(&mut head);
                }
            }
            write(&head)?;
        }
        let payload = payload_of(&search.block);
        match block.kind {
            BlockKind::About => {}
            BlockKind::Records => {
                let left = match &mut whole {
                    Some(whole) => whole.take(block.database, payload),
                    None => Left::all(search.count),
                };
                let Some(bytes) = left.block(block.database, &search.block) else {
                    continue;
                };
                write(&bytes)?;
                block_count += 1;
                add_count(&mut found.databases, left.count);
                show(Content::Records(block.database, payload_of(&bytes)));
            }
            BlockKind::Library => {
                write(&search.block)?;
                block_count += 1;
                found.libraries += 1;
                show(Content::Library(payload));
            }
            BlockKind::End => {
                found.expected_keys = expected_keys(payload);
            }
        }
    }
    found.lost_bytes = search.lost_bytes;
    found.databases.sort_unstable_by_key(|count| count.database);
    let mut rest = Vec::new();
    if !has_about {
        write_empty_about(&mut head);
        rest = head;
    }
    let end = encode_end(block_count, &found.databases);
    write_block(&mut rest, BlockKind::End, 0, &end);
    write(&rest)?;
    Ok(found)
}

/// The keys that an end block counts, if that makes sense.
fn expected_keys(payload: &[u8]) -> Option<u64> {
    let (_, counts) = decode_end(payload)?;
    let mut keys = counts.iter().map(|count| count.keys);
    keys.try_fold(0, u64::checked_add)
}

/// Finds out which collections in pieces are whole in a damaged file.
fn whole_collections<F: Read + Seek>(file: &mut F) -> io::Result<WholeFilter> {
    let mut whole = WholeCollections::default();
    let mut search = Search::new(RangeChecksums::new(file)?);
    while let Some(block) = search.next()? {
        if block.kind == BlockKind::Records {
            whole.look(block.database, payload_of(&search.block));
        }
    }
    Ok(whole.filter())
}

/// The about block of a file whose own is lost: no time, no writer.
fn write_empty_about(out: &mut Vec<u8>) {
    write_block(out, BlockKind::About, 0, &[0; ABOUT_BYTES_MIN as usize]);
}

fn first_damage<F: Read + Seek>(file: &mut F) -> io::Result<Option<Damage>> {
    let file_bytes = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    match read_summary(file, file_bytes) {
        Ok(_) => Ok(None),
        Err(PersistError::Damaged(damage)) => Ok(Some(damage)),
        Err(PersistError::Disk(error)) => Err(error),
        Err(PersistError::NoRoom(_)) => unreachable!("nothing is kept"),
    }
}

/// The way through a file from one intact block to the next.
struct Search<'f, F> {
    file: RangeChecksums<'f, F>,
    position: u64,
    lost_bytes: u64,
    /// Part of the file around the place that is looked at.
    window: Vec<u8>,
    window_begin: u64,
    /// The last intact block, head and checksum included, if its payload had to be read.
    block: Vec<u8>,
    /// What its records are, if it has such.
    count: DatabaseCount,
    /// Bytes that were read of records that do not decode although their checksum is right.
    vain_bytes: u64,
}

impl<'f, F: Read + Seek> Search<'f, F> {
    fn new(file: RangeChecksums<'f, F>) -> Self {
        Self {
            file,
            position: 0,
            lost_bytes: 0,
            window: Vec::new(),
            window_begin: 0,
            block: Vec::new(),
            count: DatabaseCount::default(),
            vain_bytes: 0,
        }
    }

    /// Goes on to the next intact block, which is in `block` then; `None` at the end of the file.
    fn next(&mut self) -> io::Result<Option<BlockHead>> {
        if self.position == 0 {
            let has_head = self
                .bytes_at(0, HEAD_BYTES)?
                .first_chunk()
                .is_some_and(|head| check_head(head).is_ok());
            self.position = if has_head { HEAD_BYTES as u64 } else { 0 };
        }
        while self.position < self.file.len() {
            if let Some(block) = self.intact_at(self.position)? {
                self.position += block.len();
                return Ok(Some(block));
            }
            let next = self.next_intact()?;
            self.lost_bytes += next - self.position;
            self.position = next;
        }
        Ok(None)
    }

    /// Up to `len` bytes of the file at `position`; fewer at its end.
    fn bytes_at(&mut self, position: u64, len: usize) -> io::Result<&[u8]> {
        let end = self.file.len().min(position + len as u64);
        let window_end = self.window_begin + self.window.len() as u64;
        if position < self.window_begin || end > window_end {
            self.window.clear();
            self.window_begin = position;
            let window_end = self.file.len().min(position + WINDOW_BYTES);
            self.file.read(position..window_end, &mut self.window)?;
        }
        let begin = (position - self.window_begin) as usize;
        Ok(&self.window[begin..(end - self.window_begin) as usize])
    }

    /// The head of what may be a block at `position`, going by what costs nothing to look at.
    fn head_at(&mut self, position: u64) -> io::Result<Option<BlockHead>> {
        let rest = self.file.len() - position;
        let bytes = self.bytes_at(position, BLOCK_HEAD_BYTES + RECORD_HEAD_BYTES)?;
        let Some(head) = BlockHead::read(bytes).filter(|head| head.len() <= rest) else {
            return Ok(None);
        };
        let begin = &bytes[BLOCK_HEAD_BYTES..];
        let payload_bytes = head.payload_bytes;
        let is_plausible = match head.kind {
            BlockKind::About => payload_bytes >= ABOUT_BYTES_MIN,
            BlockKind::End => is_end_len(payload_bytes),
            BlockKind::Library => begin.starts_with(b"#!"),
            BlockKind::Records => {
                let len = begin
                    .len()
                    .min(usize::try_from(payload_bytes).unwrap_or(usize::MAX));
                let is_cut = (len as u64) < payload_bytes;
                match Record::decode(&mut &begin[..len]) {
                    Ok(_) => true,
                    Err(RecordError::Truncated) => is_cut || len == 0,
                    Err(
                        RecordError::UnknownKind(_) | RecordError::Elements | RecordError::Piece,
                    ) => false,
                }
            }
        };
        Ok(is_plausible.then_some(head))
    }

    /// The block at `position`, which is read to `block`, if it is intact.
    fn intact_at(&mut self, position: u64) -> io::Result<Option<BlockHead>> {
        let Some(head) = self.head_at(position)? else {
            return Ok(None);
        };
        let part = position..position + head.len();
        if self.file.of(part.clone())? != INTACT_CHECKSUM
            || self.vain_bytes + head.len() > self.file.len()
        {
            return Ok(None);
        }
        self.block.clear();
        self.block.shrink_to(BLOCK_KEPT_BYTES);
        self.file.read(part, &mut self.block)?;
        let payload = payload_of(&self.block);
        let is_sound = match head.kind {
            BlockKind::About | BlockKind::End => true,
            BlockKind::Library => names_library(payload),
            BlockKind::Records => match count_records(head.database, payload) {
                Ok(count) => {
                    self.count = count;
                    true
                }
                Err(_) => false,
            },
        };
        if !is_sound {
            self.vain_bytes += head.len();
        }
        Ok(is_sound.then_some(head))
    }

    /// Where the next intact block begins after a damaged one; the end of the file if nowhere.
    fn next_intact(&mut self) -> io::Result<u64> {
        let stated = BlockHead::read(self.bytes_at(self.position, BLOCK_HEAD_BYTES)?);
        if let Some(end) = stated.map(|head| self.position + head.len())
            && (end == self.file.len() || (end < self.file.len() && self.intact_at(end)?.is_some()))
        {
            return Ok(end);
        }
        for position in self.position + 1..self.file.len() {
            if self.intact_at(position)?.is_some() {
                return Ok(position);
            }
        }
        Ok(self.file.len())
    }
}

fn payload_of(block: &[u8]) -> &[u8] {
    &block[BLOCK_HEAD_BYTES..block.len() - CHECKSUM_BYTES]
}
