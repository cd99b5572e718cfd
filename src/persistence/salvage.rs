//! What a damaged snapshot still holds: its intact blocks, as a new and whole snapshot.
//!
//! A block that is not intact is left out; the next one is looked for first where the damaged
//! block says it ends, then at every following byte: a block that is no block by accident would
//! need the right checksum.
//!
//! Cost: O(length), and O(length × a block) in the stretches that are damaged.

use super::format::{
    BlockAt, BlockKind, Damage, DamageKind, DatabaseCount, HEAD_BYTES, block_at, check_head,
    encode_end, write_block, write_head,
};
use super::loader::count_records;

/// What was found in a damaged file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvage {
    /// A whole snapshot of what was intact.
    pub snapshot: Vec<u8>,
    /// Keys that were intact, by database.
    pub databases: Vec<DatabaseCount>,
    /// Keys that the file's end says there should be, if the end is intact.
    pub expected_keys: Option<u64>,
    /// Bytes of the file that belong to no intact block.
    pub lost_bytes: u64,
    /// The first thing that is wrong; `None` for an intact file.
    pub damage: Option<Damage>,
}

impl Salvage {
    /// Keys that were intact.
    pub fn keys(&self) -> u64 {
        self.databases.iter().map(|count| count.keys).sum()
    }
}

/// Finds the intact blocks of a file that is in memory whole.
pub fn salvage(file: &[u8]) -> Salvage {
    let mut found = Salvage::default();
    let mut block_count = 0;
    let mut has_end = false;
    let mut position = match file.first_chunk::<HEAD_BYTES>().map(check_head) {
        Some(Ok(())) => HEAD_BYTES,
        Some(Err(kind)) => lose(&mut found, 0, kind, 0),
        None => lose(&mut found, 0, DamageKind::NotASnapshot, 0),
    };
    write_head(&mut found.snapshot);
    let mut has_about = false;
    while position < file.len() {
        match intact_at(&file[position..]) {
            Ok((block, len)) => {
                match block.kind {
                    BlockKind::About if !has_about => {
                        has_about = true;
                        write_block(&mut found.snapshot, BlockKind::About, 0, block.payload);
                        block_count += 1;
                    }
                    BlockKind::Records => {
                        if !has_about {
                            has_about = true;
                            write_block(&mut found.snapshot, BlockKind::About, 0, &[0; 8]);
                            block_count += 1;
                        }
                        keep(&mut found, block.database, block.payload);
                        block_count += 1;
                    }
                    BlockKind::End => {
                        has_end = true;
                        let told = super::format::decode_end(block.payload);
                        found.expected_keys =
                            told.map(|(_, counts)| counts.iter().map(|count| count.keys).sum());
                    }
                    BlockKind::About => {}
                }
                position += len;
            }
            Err(kind) => position = lose(&mut found, position, kind, next_block(file, position)),
        }
    }
    if !has_end && found.damage.is_none() {
        found.damage = Some(Damage {
            offset: file.len() as u64,
            kind: DamageKind::Truncated,
        });
    }
    if !has_about {
        write_block(&mut found.snapshot, BlockKind::About, 0, &[0; 8]);
        block_count += 1;
    }
    found.databases.sort_unstable_by_key(|count| count.database);
    let end = encode_end(block_count, &found.databases);
    write_block(&mut found.snapshot, BlockKind::End, 0, &end);
    found
}

/// The intact block at the beginning of `bytes`, and its length.
fn intact_at(bytes: &[u8]) -> Result<(super::format::Block<'_>, usize), DamageKind> {
    match block_at(bytes) {
        BlockAt::Needs => Err(DamageKind::Truncated),
        BlockAt::Damaged(kind) => Err(kind),
        BlockAt::Intact(block, len) => {
            if block.kind == BlockKind::Records {
                count_records(block.database, block.payload).map_err(DamageKind::Record)?;
            }
            Ok((block, len))
        }
    }
}

/// Notes that what stands from `position` up to `next` is lost; returns `next`.
fn lose(found: &mut Salvage, position: usize, kind: DamageKind, next: usize) -> usize {
    found.lost_bytes += (next - position) as u64;
    found.damage.get_or_insert(Damage {
        offset: position as u64,
        kind,
    });
    next
}

/// Where the next intact block begins behind a damaged one; the end of the file if nowhere.
fn next_block(file: &[u8], position: usize) -> usize {
    (position + 1..file.len())
        .find(|&start| intact_at(&file[start..]).is_ok())
        .unwrap_or(file.len())
}

fn keep(found: &mut Salvage, database: u16, payload: &[u8]) {
    let count = count_records(database, payload).expect("an intact block was checked");
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
    write_block(&mut found.snapshot, BlockKind::Records, database, payload);
}
