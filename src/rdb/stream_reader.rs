//! A stream, read in steps.
//!
//! ```text
//!  nodes        how many │ [ id of the base 16 │ listpack ] …
//!  head         entries │ last id │ from version 2: first id, greatest deleted id, entries added
//!  groups       how many │ [ name │ last id │ from 2: entries read
//!                            pending    how many │ [ id 16 │ delivered at 8 │ how often ] …
//!                            consumers  how many │ [ name │ seen at 8 │ from 3: active at 8
//!                                                    own pending   how many │ [ id 16 ] … ] … ] …
//!
//!  listpack     entries │ deleted │ fields │ field … │ 0
//!               [ flags │ ms │ sequence │ fields │ field, value … │ items ]
//!                 ids count from the base   or value …
//! ```
//!
//! Pending entries of a group come before its consumers, so they are kept until their consumer
//! comes: 24 bytes of them make 40 here.
//!
//! Invariants: ids of entries ascend; each pending entry of a group has one consumer.
//!
//! Not here: what becomes of the parts (`assembly.rs`).

use super::batch::{Batch, StreamPart};
use super::codes::PackedForm;
use super::error::{Reason, Stop};
use super::input::{Input, Word};
use super::packed::Packed;
use crate::value::stream::StreamId;
use std::collections::BTreeMap;

/// The version that has what a stream knows of deleted entries.
const WITH_COUNTS: u8 = 2;
/// The version that tells when consumers were active.
const WITH_ACTIVITY: u8 = 3;

/// Flags of an entry: it was deleted.
const DELETED: i64 = 1;
/// Flags of an entry: its fields are those of the base.
const SAME_FIELDS: i64 = 2;

/// Fields that stand once in a node are repeated for its entries, so that a byte of it makes more,
/// but no more than this. Nodes of up to 6 KB can't, and Redis makes 4 KB of them; nor can those of
/// up to so many entries.
const GAIN_MAX: usize = 264;

/// How far a stream has been read.
#[derive(Debug)]
pub(super) struct StreamReader {
    version: u8,
    stage: Stage,
    node: Option<Node>,
    last_id: Option<StreamId>,
    /// When and how often entries of the group at hand were delivered that no consumer had yet.
    pending: BTreeMap<StreamId, (u64, u64)>,
    groups_left: u64,
    consumers_left: u64,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    NodeCount,
    Node { left: u64 },
    Entries { left: u64 },
    Head,
    Group,
    GroupPending { left: u64 },
    ConsumerCount,
    Consumer,
    ConsumerPending { left: u64 },
}

impl StreamReader {
    pub(super) fn new(version: u8) -> Self {
        Self {
            version,
            stage: Stage::NodeCount,
            node: None,
            last_id: None,
            pending: BTreeMap::new(),
            groups_left: 0,
            consumers_left: 0,
        }
    }

    /// Reads a unit; true at the end.
    pub(super) fn unit(&mut self, input: &mut Input<'_>, batch: &mut Batch) -> Result<bool, Stop> {
        self.stage = match self.stage {
            Stage::NodeCount => nodes(input.length()?),
            Stage::Node { left } => {
                self.node = Some(self.begin_node(input)?);
                Stage::Entries { left: left - 1 }
            }
            Stage::Entries { left } => {
                let node = self.node.as_mut().expect("a node was begun");
                match node.read(&mut self.last_id, batch)? {
                    true => nodes(left),
                    false => Stage::Entries { left },
                }
            }
            Stage::Head => {
                let head = self.read_head(input)?;
                self.groups_left = input.length()?;
                batch.parts.push(head);
                Stage::Group
            }
            Stage::Group if self.groups_left == 0 => return Ok(true),
            Stage::Group => {
                let group = self.read_group(input)?;
                let left = input.length()?;
                self.groups_left -= 1;
                batch.parts.push(group);
                Stage::GroupPending { left }
            }
            Stage::GroupPending { left: 0 } => Stage::ConsumerCount,
            Stage::GroupPending { left } => {
                let id = raw_id(input)?;
                let delivered = (input.u64()?, input.length()?);
                if self.pending.insert(id, delivered).is_some() {
                    return Err(Reason::BadStream.into());
                }
                Stage::GroupPending { left: left - 1 }
            }
            Stage::ConsumerCount => {
                self.consumers_left = input.length()?;
                Stage::Consumer
            }
            Stage::Consumer if self.consumers_left == 0 => {
                if !self.pending.is_empty() {
                    return Err(Reason::BadStream.into());
                }
                Stage::Group
            }
            Stage::Consumer => {
                let consumer = self.read_consumer(input)?;
                let left = input.length()?;
                self.consumers_left -= 1;
                batch.parts.push(consumer);
                Stage::ConsumerPending { left }
            }
            Stage::ConsumerPending { left: 0 } => Stage::Consumer,
            Stage::ConsumerPending { left } => {
                let id = raw_id(input)?;
                let delivered = self.pending.remove(&id).ok_or(Reason::BadStream)?;
                batch.parts.push(StreamPart::Pending {
                    id,
                    delivered_ms: delivered.0,
                    delivery_count: delivered.1,
                });
                Stage::ConsumerPending { left: left - 1 }
            }
        };
        Ok(false)
    }

    fn read_head(&self, input: &mut Input<'_>) -> Result<StreamPart, Stop> {
        // How many entries there are was counted.
        input.length()?;
        let last_id = coded_id(input)?;
        if self.last_id.is_some_and(|last| last > last_id) {
            return Err(Reason::BadStream.into());
        }
        let (mut max_deleted_id, mut entries_added) = (StreamId::MIN, None);
        if self.version >= WITH_COUNTS {
            let _first_id = coded_id(input)?;
            max_deleted_id = coded_id(input)?;
            entries_added = Some(input.length()?);
        }
        Ok(StreamPart::Head {
            last_id,
            max_deleted_id,
            entries_added,
        })
    }

    fn read_group(&self, input: &mut Input<'_>) -> Result<StreamPart, Stop> {
        let name = input.text()?.into_owned();
        let last_id = coded_id(input)?;
        let entries_read = match self.version >= WITH_COUNTS {
            // Minus one is not known.
            true => Some(input.length()?).filter(|&count| count != u64::MAX),
            false => None,
        };
        Ok(StreamPart::Group {
            name,
            last_id,
            entries_read,
        })
    }

    fn read_consumer(&self, input: &mut Input<'_>) -> Result<StreamPart, Stop> {
        let name = input.text()?.into_owned();
        let seen_ms = input.u64()?;
        let active_ms = match self.version >= WITH_ACTIVITY {
            // Minus one is never.
            true => Some(input.u64()?).filter(|&ms| ms != u64::MAX),
            false => Some(seen_ms),
        };
        Ok(StreamPart::Consumer {
            name,
            seen_ms,
            active_ms,
        })
    }

    /// Begins a node.
    fn begin_node(&self, input: &mut Input<'_>) -> Result<Node, Stop> {
        let base = input.text()?;
        let base = <[u8; 16]>::try_from(&*base).map_err(|_| Reason::BadStream)?;
        let bytes = input.text()?.into_owned();
        Ok(Node::begin(id_of(base), bytes)?)
    }
}

fn nodes(left: u64) -> Stage {
    match left {
        0 => Stage::Head,
        left => Stage::Node { left },
    }
}

fn id_of(bytes: [u8; 16]) -> StreamId {
    let both = u128::from_be_bytes(bytes);
    StreamId::new((both >> 64) as u64, both as u64)
}

fn raw_id(input: &mut Input<'_>) -> Result<StreamId, Stop> {
    Ok(id_of(input.array()?))
}

fn coded_id(input: &mut Input<'_>) -> Result<StreamId, Stop> {
    Ok(StreamId::new(input.length()?, input.length()?))
}

/// A node that is being read.
#[derive(Debug)]
struct Node {
    base: StreamId,
    bytes: Vec<u8>,
    /// Where the next item stands.
    at: usize,
    fields_at: usize,
    field_count: usize,
    entries_left: usize,
    /// Bytes of texts that were made of it.
    made_bytes: usize,
}

/// The items of a node, from one on.
struct Items<'a> {
    packed: Packed<'a>,
    at: usize,
}

impl<'a> Items<'a> {
    fn of(bytes: &'a [u8], at: usize) -> Result<Self, Reason> {
        let (packed, begin) = Packed::open(PackedForm::Listpack, bytes)?;
        let at = at.max(begin);
        Ok(Self { packed, at })
    }

    fn word(&mut self) -> Result<Word<'a>, Reason> {
        self.packed.next(&mut self.at)?.ok_or(Reason::BadStream)
    }

    fn integer(&mut self) -> Result<i64, Reason> {
        self.word()?.integer().ok_or(Reason::BadStream)
    }

    fn count(&mut self) -> Result<usize, Reason> {
        usize::try_from(self.integer()?).map_err(|_| Reason::BadStream)
    }
}

impl Node {
    fn begin(base: StreamId, bytes: Vec<u8>) -> Result<Self, Reason> {
        let mut items = Items::of(&bytes, 0)?;
        let entry_count = items.count()?;
        let deleted_count = items.count()?;
        let field_count = items.count()?;
        let fields_at = items.at;
        for _ in 0..field_count {
            items.word()?;
        }
        if items.integer()? != 0 {
            return Err(Reason::BadStream);
        }
        let entries_left = entry_count.checked_add(deleted_count);
        Ok(Self {
            base,
            at: items.at,
            fields_at,
            field_count,
            entries_left: entries_left.ok_or(Reason::BadStream)?,
            made_bytes: 0,
            bytes,
        })
    }

    /// Reads entries until the batch has enough; true at the end.
    fn read(&mut self, last_id: &mut Option<StreamId>, batch: &mut Batch) -> Result<bool, Reason> {
        while self.entries_left > 0 {
            if batch.is_full() {
                return Ok(false);
            }
            self.read_entry(last_id, batch)?;
            self.entries_left -= 1;
        }
        let mut items = Items::of(&self.bytes, self.at)?;
        match items.packed.next(&mut items.at)? {
            None => Ok(true),
            Some(_) => Err(Reason::BadStream),
        }
    }

    fn read_entry(
        &mut self,
        last_id: &mut Option<StreamId>,
        batch: &mut Batch,
    ) -> Result<(), Reason> {
        let mut items = Items::of(&self.bytes, self.at)?;
        let flags = items.integer()?;
        let ms = self.base.ms.wrapping_add_signed(items.integer()?);
        let seq = self.base.seq.wrapping_add_signed(items.integer()?);
        let id = StreamId::new(ms, seq);
        let mark = batch.mark();
        let texts_len = batch.texts.len();
        let field_count = match flags & SAME_FIELDS {
            0 => items.count()?,
            _ => self.field_count,
        };
        let mut fields = Items::of(&self.bytes, self.fields_at)?;
        for _ in 0..field_count {
            let field = match flags & SAME_FIELDS {
                0 => items.word()?,
                _ => fields.word()?,
            };
            batch.push_text(&field);
            batch.push_text(&items.word()?);
        }
        // How many items the entry has: for who reads backwards.
        items.integer()?;
        self.at = items.at;
        self.made_bytes += batch.texts.len() - texts_len;
        if flags & DELETED != 0 {
            batch.go_back(mark);
            return Ok(());
        }
        if field_count == 0 || last_id.is_some_and(|last| id <= last) || id == StreamId::MIN {
            return Err(Reason::BadStream);
        }
        if self.made_bytes > self.bytes.len().saturating_mul(GAIN_MAX) {
            return Err(Reason::TooLong);
        }
        *last_id = Some(id);
        let text_count = 2 * field_count;
        batch.parts.push(StreamPart::Entry { id, text_count });
        Ok(())
    }
}
