//! What stands in the tree of a stream beside chunks of entries: its head, groups, consumers and
//! pending entries.
//!
//! ```text
//!  score      text
//!  −∞         head: last id 16, greatest deleted id 16, added 8, entries 8, next owner 8
//!  −1         group: name, owner 8, last id 16, entries read 8
//!  −g         of the group whose owner is g ≥ 2, in this order:
//!               pending entry: key form of its id, consumer, delivered at 6, times delivered
//!               '!' consumer: name, owner 8, seen at 8, active at 8
//!  −c         of the consumer whose owner is c ≥ 2:
//!               key form of the id of a pending entry
//!               ' ' its name
//!  ms ≥ 0     chunk of entries
//! ```
//!
//! Numbers of fixed length are little-endian, ids big-endian; the others are as in `varint.rs`. A
//! name is followed by two zero bytes, and a zero byte in it by 255, so that rows are ordered by
//! names, and no name begins another.
//!
//! Invariants: no row spells an integer, so each is a text in the tree; rows of one owner stand
//! together.
//!
//! Nothing is counted in rows: how many stand between two keys is a matter of their ranks.
//!
//! Cost: a pending entry is a row of about 20 bytes of its group and one of 12 of its consumer.
//!
//! Not here: chunks (`chunk.rs`), what is done with rows (`read.rs`, `write.rs`, `groups.rs`).

use super::chunk::Chunk;
use super::id::{KEY_BYTES_MAX, StreamId};
use super::text_of;
use super::varint;
use crate::structures::block::ElementRef;
use crate::structures::item::Item;
use arrayvec::ArrayVec;

/// The score of the head.
pub(super) const HEAD_SCORE: f64 = f64::NEG_INFINITY;

/// The score of groups.
pub(super) const GROUPS_SCORE: f64 = -1.0;

/// The first number that a group or a consumer has.
const OWNER_MIN: u64 = 2;

/// Numbers of owners are as exact in scores as all integers up to here.
const OWNER_MAX: u64 = 1 << 53;

/// First byte of a consumer's row.
const CONSUMER_MARK: u8 = b'!';

/// First byte of the name of an owner that is a consumer.
const NAME_MARK: u8 = b' ';

/// Bytes of a moment in a pending entry: enough for eight thousand years.
const MOMENT_BYTES: usize = 6;

/// A group or a consumer: its number among all there have been in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner(u64);

impl Owner {
    /// The score of its rows.
    pub(super) fn score(self) -> f64 {
        -(self.0 as f64)
    }
}

/// What a stream knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The greatest id that an entry ever had.
    pub last_id: StreamId,
    /// The greatest id that was deleted.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
    /// How many entries there are.
    pub len: u64,
    pub(super) next_owner: u64,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            last_id: StreamId::MIN,
            max_deleted_id: StreamId::MIN,
            entries_added: 0,
            len: 0,
            next_owner: OWNER_MIN,
        }
    }
}

/// Bytes of a head.
pub(super) const HEAD_BYTES: usize = 56;

impl Head {
    pub(super) fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..16].copy_from_slice(&self.last_id.to_bytes());
        bytes[16..32].copy_from_slice(&self.max_deleted_id.to_bytes());
        bytes[32..40].copy_from_slice(&self.entries_added.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.len.to_le_bytes());
        bytes[48..].copy_from_slice(&self.next_owner.to_le_bytes());
        bytes
    }

    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let head = Self {
            last_id: take_id(&mut bytes)?,
            max_deleted_id: take_id(&mut bytes)?,
            entries_added: take_number(&mut bytes)?,
            len: take_number(&mut bytes)?,
            next_owner: take_number(&mut bytes)?,
        };
        let is_owner = (OWNER_MIN..OWNER_MAX).contains(&head.next_owner);
        (bytes.is_empty() && is_owner).then_some(head)
    }

    /// A number for a group or a consumer that is about to come.
    pub(super) fn new_owner(&mut self) -> Owner {
        let owner = Owner(self.next_owner);
        // Nobody makes so many; they would share rows then.
        self.next_owner = (self.next_owner + 1).min(OWNER_MAX - 1);
        owner
    }
}

/// A group of consumers, without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamGroup {
    /// The last id that was delivered.
    pub last_id: StreamId,
    /// How many entries were added up to there, if it is known.
    pub entries_read: Option<u64>,
    /// Its number.
    pub owner: Owner,
}

/// Bytes of a group's row after the name.
pub(super) const GROUP_BYTES: usize = 32;

impl StreamGroup {
    /// What stands after the name in its row.
    pub(super) fn to_bytes(self) -> [u8; GROUP_BYTES] {
        let mut bytes = [0; GROUP_BYTES];
        bytes[..8].copy_from_slice(&self.owner.0.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.last_id.to_bytes());
        let entries_read = self.entries_read.unwrap_or(u64::MAX);
        bytes[24..].copy_from_slice(&entries_read.to_le_bytes());
        bytes
    }

    /// The group of which this stands after the name.
    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let group = Self {
            owner: take_owner(&mut bytes)?,
            last_id: take_id(&mut bytes)?,
            entries_read: Some(take_number(&mut bytes)?).filter(|&count| count != u64::MAX),
        };
        bytes.is_empty().then_some(group)
    }

    /// The name and the group of a whole row.
    pub(super) fn read_named(mut row: &[u8]) -> Option<(Vec<u8>, Self)> {
        Some((take_name(&mut row)?, Self::read(row)?))
    }
}

/// A consumer of a group, without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// When it was last named in a request, in Unix milliseconds.
    pub seen_ms: u64,
    /// When entries were last delivered to it, if ever.
    pub active_ms: Option<u64>,
    /// Its number.
    pub owner: Owner,
}

/// Bytes of a consumer's row after the name.
pub(super) const CONSUMER_BYTES: usize = 24;

impl Consumer {
    /// What stands after the name in its row.
    pub(super) fn to_bytes(self) -> [u8; CONSUMER_BYTES] {
        let mut bytes = [0; CONSUMER_BYTES];
        bytes[..8].copy_from_slice(&self.owner.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seen_ms.to_le_bytes());
        bytes[16..].copy_from_slice(&self.active_ms.unwrap_or(u64::MAX).to_le_bytes());
        bytes
    }

    /// The consumer of which this stands after the name.
    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let consumer = Self {
            owner: take_owner(&mut bytes)?,
            seen_ms: take_number(&mut bytes)?,
            active_ms: Some(take_number(&mut bytes)?).filter(|&ms| ms != u64::MAX),
        };
        bytes.is_empty().then_some(consumer)
    }

    /// The name and the consumer of a whole row.
    pub(super) fn read_named(row: &[u8]) -> Option<(Vec<u8>, Self)> {
        let mut row = row.strip_prefix(&[CONSUMER_MARK])?;
        Some((take_name(&mut row)?, Self::read(row)?))
    }
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: StreamId,
    /// To whom.
    pub consumer: Owner,
    /// When last, in Unix milliseconds.
    pub delivered_ms: u64,
    /// How often.
    pub delivery_count: u64,
}

/// Bytes of a pending entry's row at most.
const PENDING_BYTES_MAX: usize = KEY_BYTES_MAX + MOMENT_BYTES + 2 * varint::BYTES_MAX;

impl Pending {
    pub(super) fn row(&self) -> ArrayVec<u8, PENDING_BYTES_MAX> {
        let mut row = ArrayVec::new();
        for part in [
            &self.id.key()[..],
            &varint::bytes(self.consumer.0.into()),
            &self.delivered_ms.to_le_bytes()[..MOMENT_BYTES],
            &varint::bytes(self.delivery_count.into()),
        ] {
            row.try_extend_from_slice(part)
                .expect("the longest row fits");
        }
        row
    }

    pub(super) fn read(mut row: &[u8]) -> Option<Self> {
        let id = StreamId::take_key(&mut row)?;
        Self::read_after(id, row)
    }

    /// The pending entry of this id, of which this stands after the id.
    pub(super) fn read_after(id: StreamId, mut row: &[u8]) -> Option<Self> {
        let consumer = Owner(varint::take_u64(&mut row)?);
        let (moment, rest) = row.split_first_chunk::<MOMENT_BYTES>()?;
        row = rest;
        let mut delivered = [0; size_of::<u64>()];
        delivered[..MOMENT_BYTES].copy_from_slice(moment);
        let pending = Self {
            id,
            consumer,
            delivered_ms: u64::from_le_bytes(delivered),
            delivery_count: varint::take_u64(&mut row)?,
        };
        (row.is_empty() && is_owner(consumer.0)).then_some(pending)
    }
}

/// The row of a consumer that has its name.
pub(super) fn name_row(name: &[u8]) -> Vec<u8> {
    [&[NAME_MARK], name].concat()
}

/// The name in the row of a consumer that has it.
pub(super) fn name_in(row: &[u8]) -> Option<&[u8]> {
    row.strip_prefix(&[NAME_MARK])
}

/// With what the row begins that has a consumer's name.
pub(super) const NAME_KEY: &[u8] = &[NAME_MARK];

/// With what the rows of consumers begin.
pub(super) const CONSUMERS_KEY: &[u8] = &[CONSUMER_MARK];

/// What stands after all rows of consumers.
pub(super) const AFTER_CONSUMERS: &[u8] = &[CONSUMER_MARK + 1];

/// With what the row of a consumer of a group begins.
pub(super) fn consumer_key(name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 64);
    key.push(CONSUMER_MARK);
    put_name(&mut key, name);
    key
}

/// With what the row of a group begins.
pub(super) fn name_key(name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 64);
    put_name(&mut key, name);
    key
}

fn put_name(out: &mut Vec<u8>, name: &[u8]) {
    for part in name.split_inclusive(|&byte| byte == 0) {
        out.extend_from_slice(part);
        if part.ends_with(&[0]) {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

fn take_name(row: &mut &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    loop {
        let end = row.iter().position(|&byte| byte == 0)?;
        name.extend_from_slice(&row[..end]);
        let mark = *row.get(end + 1)?;
        *row = &row[end + 2..];
        match mark {
            0 => return Some(name),
            0xff => name.push(0),
            _ => return None,
        }
    }
}

fn take_id(row: &mut &[u8]) -> Option<StreamId> {
    let (id, rest) = row.split_first_chunk()?;
    *row = rest;
    Some(StreamId::from_bytes(*id))
}

fn take_number(row: &mut &[u8]) -> Option<u64> {
    let (number, rest) = row.split_first_chunk()?;
    *row = rest;
    Some(u64::from_le_bytes(*number))
}

fn take_owner(row: &mut &[u8]) -> Option<Owner> {
    take_number(row)
        .filter(|&number| is_owner(number))
        .map(Owner)
}

fn is_owner(number: u64) -> bool {
    (OWNER_MIN..OWNER_MAX).contains(&number)
}

/// What stands in the tree of a stream, for who writes all of it down.
pub enum Row<'a> {
    /// What the stream knows of itself.
    Head(Head),
    /// A group, after its name.
    Group(Vec<u8>, StreamGroup),
    /// A pending entry of a group.
    Pending(Owner, Pending),
    /// A consumer of a group, after its name.
    Consumer(Owner, Vec<u8>, Consumer),
    /// The id of a pending entry of a consumer.
    Own(Owner, StreamId),
    /// The name of a consumer, which its row tells too.
    Name,
    /// Entries.
    Chunk(Chunk<'a>),
}

impl<'a> Row<'a> {
    /// What an element of a stream is; `None` if it comes from outside and is nothing.
    pub fn of(element: ElementRef<'a>) -> Option<Self> {
        let (score, text) = (element.score(), text_of(element));
        if score == HEAD_SCORE {
            return Head::read(text).map(Self::Head);
        }
        if score == GROUPS_SCORE {
            return StreamGroup::read_named(text).map(|(name, group)| Self::Group(name, group));
        }
        if score >= 0.0 {
            return Some(Self::Chunk(Chunk::new(text)));
        }
        let owner = Owner(-score as u64);
        match text.first() {
            Some(&NAME_MARK) => Some(Self::Name),
            Some(&CONSUMER_MARK) => {
                let (name, consumer) = Consumer::read_named(text)?;
                Some(Self::Consumer(owner, name, consumer))
            }
            _ => {
                let mut rest = text;
                match StreamId::take_key(&mut rest) {
                    Some(id) if rest.is_empty() => Some(Self::Own(owner, id)),
                    _ => Pending::read(text).map(|row| Self::Pending(owner, row)),
                }
            }
        }
    }
}

/// Whether an element from outside may stand in a stream.
pub fn is_element(score: f64, item: Item<'_>) -> bool {
    let Item::Text(text) = item else {
        return false;
    };
    if score == HEAD_SCORE {
        return Head::read(text).is_some();
    }
    if score == GROUPS_SCORE {
        return StreamGroup::read_named(text).is_some();
    }
    if score >= 0.0 {
        return Chunk::check(text) && Chunk::new(text).base().ms as f64 == score;
    }
    let owner = -score;
    owner.fract() == 0.0
        && owner <= OWNER_MAX as f64
        && is_owner(owner as u64)
        && is_row_of_owner(text)
}

fn is_row_of_owner(text: &[u8]) -> bool {
    match text.first() {
        Some(&NAME_MARK) => true,
        Some(&CONSUMER_MARK) => Consumer::read_named(text).is_some(),
        _ => {
            let mut rest = text;
            let is_alone = StreamId::take_key(&mut rest).is_some() && rest.is_empty();
            is_alone || Pending::read(text).is_some()
        }
    }
}
