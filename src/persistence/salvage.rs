//! What a damaged snapshot still holds: its intact blocks, as a new and whole snapshot.
//!
//! A block that is not intact is left out; the next one is looked for first where the damaged
//! block says it ends, then at every following byte: a block that is no block by accident would
//! need the right checksum. Only where the length of a block is damaged, or the file cut off, a
//! value that is itself a snapshot could be taken for blocks of this file.
//!
//! Cost: O(length), and in the stretches that are damaged a checksum for every two bytes that look
//! like the head of a block. Memory: up to three times the length.

use super::format::{
    BLOCK_HEAD_BYTES, Block, BlockAt, BlockKind, CHECKSUM_BYTES, Damage, DamageKind, DatabaseCount,
    HEAD_BYTES, block_at, check_head, decode_end, encode_end, may_begin_block, write_block,
    write_head,
};
use super::loader::{Loader, count_records};

/// Shortest payload of an about block: the time without a text.
const ABOUT_BYTES_MIN: usize = 8;

/// What was found in a damaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// A whole snapshot of what was intact.
    pub snapshot: Vec<u8>,
    /// Keys that were intact, by database.
    pub databases: Vec<DatabaseCount>,
    /// Keys that the file's end says there should be, if the end is intact and makes sense.
    pub expected_keys: Option<u64>,
    /// Bytes of the file that belong to no intact block.
    pub lost_bytes: u64,
    /// The first thing that is wrong, as [`Loader`] says; `None` for an intact file.
    pub damage: Option<Damage>,
}

impl Salvage {
    /// Keys that were intact.
    pub fn keys(&self) -> u64 {
        self.databases.iter().map(|count| count.keys).sum()
    }
}

/// Finds the intact blocks of a file that is in memory whole, whatever its head says.
pub fn salvage(file: &[u8]) -> Salvage {
    let mut found = Salvage {
        damage: first_damage(file),
        ..Salvage::default()
    };
    write_head(&mut found.snapshot);
    let has_head = file
        .first_chunk()
        .is_some_and(|head| check_head(head).is_ok());
    let mut position = if has_head { HEAD_BYTES } else { 0 };
    let mut about = None;
    let mut records = Vec::new();
    while position < file.len() {
        let Ok((block, len)) = intact_at(&file[position..]) else {
            let next = next_block(file, position);
            found.lost_bytes += (next - position) as u64;
            position = next;
            continue;
        };
        match block.kind {
            BlockKind::About => _ = about.get_or_insert(block.payload),
            BlockKind::Records => records.push(block),
            BlockKind::End => {
                found.expected_keys = decode_end(block.payload).and_then(|(_, counts)| {
                    let mut keys = counts.iter().map(|count| count.keys);
                    keys.try_fold(0, u64::checked_add)
                });
            }
        }
        position += len;
    }
    let about = about.unwrap_or(&[0; ABOUT_BYTES_MIN]);
    write_block(&mut found.snapshot, BlockKind::About, 0, about);
    for block in &records {
        keep(&mut found, block);
    }
    found.databases.sort_unstable_by_key(|count| count.database);
    let end = encode_end(1 + records.len() as u64, &found.databases);
    write_block(&mut found.snapshot, BlockKind::End, 0, &end);
    found
}

fn first_damage(file: &[u8]) -> Option<Damage> {
    let mut loader = Loader::new();
    loader
        .feed(file, |_, _| {})
        .and_then(|()| loader.finish())
        .err()
}

/// The intact block at the beginning of `bytes`, and its length.
fn intact_at(bytes: &[u8]) -> Result<(Block<'_>, usize), DamageKind> {
    match block_at(bytes) {
        BlockAt::Needs => Err(DamageKind::Truncated),
        BlockAt::Damaged(kind) => Err(kind),
        BlockAt::Intact(block, len) => {
            match block.kind {
                BlockKind::About if block.payload.len() < ABOUT_BYTES_MIN => {
                    return Err(DamageKind::Misplaced);
                }
                BlockKind::Records => {
                    count_records(block.database, block.payload).map_err(DamageKind::Record)?;
                }
                BlockKind::About | BlockKind::End => {}
            }
            Ok((block, len))
        }
    }
}

/// Where the next intact block begins behind a damaged one; the end of the file if nowhere.
fn next_block(file: &[u8], position: usize) -> usize {
    let is_next = |start: usize| {
        let bytes = &file[start..];
        may_begin_block(bytes) && intact_at(bytes).is_ok()
    };
    if let Some(end) = stated_end(&file[position..]).map(|len| position + len)
        && (end == file.len() || (end < file.len() && is_next(end)))
    {
        return end;
    }
    (position + 1..file.len())
        .find(|&start| is_next(start))
        .unwrap_or(file.len())
}

/// The length, head and checksum included, of the damaged block that `bytes` begin with, if it
/// still looks like a block.
fn stated_end(bytes: &[u8]) -> Option<usize> {
    if !may_begin_block(bytes) {
        return None;
    }
    let len = bytes.get(4..BLOCK_HEAD_BYTES)?.first_chunk()?;
    Some(BLOCK_HEAD_BYTES + u32::from_le_bytes(*len) as usize + CHECKSUM_BYTES)
}

fn keep(found: &mut Salvage, block: &Block<'_>) {
    let count = count_records(block.database, block.payload).expect("an intact block was checked");
    match found
        .databases
        .iter_mut()
        .find(|known| known.database == count.database)
    {
        Some(known) => {
            known.keys += count.keys;
            known.expires += count.expires;
        }
        None => found.databases.push(count),
    }
    write_block(
        &mut found.snapshot,
        BlockKind::Records,
        block.database,
        block.payload,
    );
}
