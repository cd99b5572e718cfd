//! The snapshot file, byte by byte. All numbers are little-endian and of fixed width.
//!
//! ```text
//!  head    8 bytes  "EVENKEEL"
//!          2 bytes  version of the format, 2, or 3 if there are libraries
//!          2 bytes  0
//!          4 bytes  CRC-32 of the twelve bytes before
//!  block   1 byte   kind: 1 about, 2 records, 3 library, 255 end
//!          1 byte   0
//!          2 bytes  database of the records; 0 in other blocks
//!          4 bytes  length of the payload
//!          …        payload
//!          4 bytes  CRC-32 of the block's bytes before, kind and length included
//!  about   8 bytes  when the snapshot began, Unix milliseconds; then text: who wrote it
//!  records the records of one database (value/record/), one behind the other
//!  library the text of a library of functions
//!  end     8 bytes  number of blocks before this one
//!          per database that has keys:
//!          4 bytes  its number
//!          8 bytes  its keys
//!          8 bytes  those with a deadline
//! ```
//!
//! The first block is `about`, the last is `end`; nothing follows it. CRC-32 is the one of zlib
//! and Ethernet (polynomial 0x04C11DB7, reflected).
//!
//! A file that ends early lacks its end block; one that lost a block in the middle has another
//! number of blocks than its end says. Either is noticed, and so is every flipped bit.

use crate::value::record::RecordError;
use std::fmt;

/// The newest version that this program writes and reads.
pub const FORMAT_VERSION: u16 = 3;

/// The version of files without libraries, which older programs read, too.
pub(super) const KEYS_VERSION: u16 = 2;

const MAGIC: &[u8; 8] = b"EVENKEEL";
pub(super) const HEAD_BYTES: usize = 16;
pub(super) const BLOCK_HEAD_BYTES: usize = 8;
pub(super) const CHECKSUM_BYTES: usize = 4;
const END_ROW_BYTES: usize = 20;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    About,
    Records,
    Library,
    End,
}

impl BlockKind {
    const fn byte(self) -> u8 {
        match self {
            Self::About => 1,
            Self::Records => 2,
            Self::Library => 3,
            Self::End => 255,
        }
    }

    const fn of_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::About),
            2 => Some(Self::Records),
            3 => Some(Self::Library),
            255 => Some(Self::End),
            _ => None,
        }
    }
}

/// Keys of one database, as the end of a snapshot counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseCount {
    /// The database's number.
    pub database: u32,
    /// Its keys.
    pub keys: u64,
    /// Those with a deadline.
    pub expires: u64,
}

impl DatabaseCount {
    /// No keys of a database.
    pub(super) fn none_of(database: u16) -> Self {
        Self {
            database: database.into(),
            keys: 0,
            expires: 0,
        }
    }
}

/// What an intact block holds, for whoever loads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Records of a database, all of which decode.
    Records(u16, &'a [u8]),
    /// The text of a library of functions, whose first line names it.
    Library(&'a [u8]),
}

/// What is wrong with a snapshot, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Offset of the first byte of what is wrong: the head, or a block.
    pub offset: u64,
    /// What is wrong there.
    pub kind: DamageKind,
}

/// What can be wrong with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// It does not begin as a snapshot does.
    NotASnapshot,
    /// A newer program wrote it.
    TooNew(u16),
    /// The checksum of the head or of a block does not match.
    Checksum,
    /// A block of a kind that this version does not know.
    UnknownBlock(u8),
    /// A block stands where it may not.
    Misplaced,
    /// A record is malformed although its block is intact.
    Record(RecordError),
    /// The text of a library does not begin with its name.
    Library,
    /// The records belong to a database that this server does not have.
    NoSuchDatabase(u32),
    /// The file ends in the middle.
    Truncated,
    /// The end block counts other blocks or keys than there are.
    Counts,
    /// A collection lacks elements that it announced.
    Incomplete,
    /// There are bytes behind the end block.
    Trailing,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match &self.kind {
            DamageKind::NotASnapshot => write!(formatter, "not a snapshot"),
            DamageKind::TooNew(version) => write!(
                formatter,
                "version {version} is newer than this program, which reads up to {FORMAT_VERSION}"
            ),
            DamageKind::Checksum => write!(formatter, "wrong checksum at offset {offset}"),
            DamageKind::UnknownBlock(kind) => {
                write!(formatter, "unknown block {kind} at offset {offset}")
            }
            DamageKind::Misplaced => write!(formatter, "misplaced block at offset {offset}"),
            DamageKind::Record(error) => {
                write!(formatter, "{error}, in the block at offset {offset}")
            }
            DamageKind::Library => {
                write!(formatter, "a library without a name at offset {offset}")
            }
            DamageKind::NoSuchDatabase(number) => {
                write!(
                    formatter,
                    "records of database {number}, which does not exist here"
                )
            }
            DamageKind::Truncated => write!(formatter, "cut off at offset {offset}"),
            DamageKind::Counts => write!(formatter, "blocks or keys are missing"),
            DamageKind::Incomplete => {
                write!(formatter, "elements of a collection are missing")
            }
            DamageKind::Trailing => write!(formatter, "bytes behind the end at offset {offset}"),
        }
    }
}

impl std::error::Error for Damage {}

pub(super) fn write_head(out: &mut Vec<u8>, version: u16) {
    let begin = out.len();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    let checksum = crc32fast::hash(&out[begin..]);
    out.extend_from_slice(&checksum.to_le_bytes());
}

/// Checks the first [`HEAD_BYTES`] of a file; its version.
pub(super) fn check_head(head: &[u8; HEAD_BYTES]) -> Result<u16, DamageKind> {
    if !head.starts_with(MAGIC) {
        return Err(DamageKind::NotASnapshot);
    }
    let (told, checksum) = head.split_at(HEAD_BYTES - CHECKSUM_BYTES);
    if crc32fast::hash(told).to_le_bytes() != checksum {
        return Err(DamageKind::Checksum);
    }
    let version = u16::from_le_bytes([head[8], head[9]]);
    match version {
        1..=FORMAT_VERSION if head[10..12] == [0, 0] => Ok(version),
        1..=FORMAT_VERSION | 0 => Err(DamageKind::NotASnapshot),
        _ => Err(DamageKind::TooNew(version)),
    }
}

/// A block that is being written, whose payload may come in parts.
pub(super) struct OpenBlock {
    checksum: crc32fast::Hasher,
    rest_bytes: usize,
}

impl OpenBlock {
    /// Appends the head of a block whose payload will have `len` bytes.
    pub(super) fn begin(out: &mut Vec<u8>, kind: BlockKind, database: u16, len: usize) -> Self {
        let begin = out.len();
        let len_field = u32::try_from(len).expect("a block is at most 4 GiB");
        out.extend_from_slice(&[kind.byte(), 0]);
        out.extend_from_slice(&database.to_le_bytes());
        out.extend_from_slice(&len_field.to_le_bytes());
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&out[begin..]);
        Self {
            checksum,
            rest_bytes: len,
        }
    }

    /// Appends the next part of the payload, and after the last the checksum: then `None`.
    pub(super) fn append(mut self, out: &mut Vec<u8>, part: &[u8]) -> Option<Self> {
        out.extend_from_slice(part);
        self.checksum.update(part);
        self.rest_bytes -= part.len();
        if self.rest_bytes > 0 {
            return Some(self);
        }
        out.extend_from_slice(&self.checksum.finalize().to_le_bytes());
        None
    }
}

/// Appends a block.
pub(super) fn write_block(out: &mut Vec<u8>, kind: BlockKind, database: u16, payload: &[u8]) {
    let rest = OpenBlock::begin(out, kind, database, payload.len()).append(out, payload);
    debug_assert!(rest.is_none(), "that was the whole payload");
}

/// One intact block.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) kind: BlockKind,
    pub(super) database: u16,
    pub(super) payload: &'a [u8],
}

/// What stands at the beginning of some bytes.
pub(super) enum BlockAt<'a> {
    /// An intact block, and its length with head and checksum.
    Intact(Block<'a>, usize),
    /// Perhaps a block; more bytes are needed to tell.
    Needs,
    /// No block.
    Damaged(DamageKind),
}

/// Looks at the block that begins where `bytes` do. Reads nothing beyond what is there, whatever
/// the length field says.
pub(super) fn block_at(bytes: &[u8]) -> BlockAt<'_> {
    let Some(head) = bytes.first_chunk::<BLOCK_HEAD_BYTES>() else {
        return BlockAt::Needs;
    };
    let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let payload_end = BLOCK_HEAD_BYTES + len;
    let end = payload_end + CHECKSUM_BYTES;
    if bytes.len() < end {
        return BlockAt::Needs;
    }
    if crc32fast::hash(&bytes[..payload_end]).to_le_bytes() != bytes[payload_end..end] {
        return BlockAt::Damaged(DamageKind::Checksum);
    }
    match BlockKind::of_byte(head[0]) {
        Some(kind) if head[1] == 0 => {
            let database = u16::from_le_bytes([head[2], head[3]]);
            let payload = &bytes[BLOCK_HEAD_BYTES..payload_end];
            BlockAt::Intact(
                Block {
                    kind,
                    database,
                    payload,
                },
                end,
            )
        }
        _ => BlockAt::Damaged(DamageKind::UnknownBlock(head[0])),
    }
}

/// What the head of a block says, true or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockHead {
    pub(super) kind: BlockKind,
    pub(super) database: u16,
    pub(super) payload_bytes: u64,
}

impl BlockHead {
    /// Reads the head that `bytes` begin with; `None` if no block of this version has it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<BLOCK_HEAD_BYTES>()?;
        let kind = BlockKind::of_byte(head[0]).filter(|_| head[1] == 0)?;
        Some(Self {
            kind,
            database: u16::from_le_bytes([head[2], head[3]]),
            payload_bytes: u32::from_le_bytes([head[4], head[5], head[6], head[7]]).into(),
        })
    }

    /// Length of the block with head and checksum, in bytes.
    pub(super) fn len(self) -> u64 {
        (BLOCK_HEAD_BYTES + CHECKSUM_BYTES) as u64 + self.payload_bytes
    }
}

/// Whether an end block can have a payload of this length.
pub(super) fn is_end_len(payload_bytes: u64) -> bool {
    payload_bytes >= 8 && (payload_bytes - 8).is_multiple_of(END_ROW_BYTES as u64)
}

/// The payload of the end block.
pub(super) fn encode_end(block_count: u64, counts: &[DatabaseCount]) -> Vec<u8> {
    let mut payload = block_count.to_le_bytes().to_vec();
    for count in counts {
        payload.extend_from_slice(&count.database.to_le_bytes());
        payload.extend_from_slice(&count.keys.to_le_bytes());
        payload.extend_from_slice(&count.expires.to_le_bytes());
    }
    payload
}

/// Reads the payload of an end block: the number of blocks, and the counts.
pub(super) fn decode_end(payload: &[u8]) -> Option<(u64, Vec<DatabaseCount>)> {
    let (block_count, rows) = payload.split_first_chunk()?;
    if rows.len() % END_ROW_BYTES != 0 {
        return None;
    }
    let number = |row: &[u8], at: usize| {
        row[at..]
            .first_chunk()
            .map(|bytes| u64::from_le_bytes(*bytes))
    };
    let counts = rows.chunks_exact(END_ROW_BYTES).map(|row| {
        Some(DatabaseCount {
            database: u32::from_le_bytes(*row.first_chunk()?),
            keys: number(row, 4)?,
            expires: number(row, 12)?,
        })
    });
    Some((
        u64::from_le_bytes(*block_count),
        counts.collect::<Option<Vec<_>>>()?,
    ))
}
