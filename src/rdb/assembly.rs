//! From the bytes of a value to the value of a key.
//!
//! ```text
//!  small        elements ─▶ a record, which the caller sets the key to
//!  else         elements ─▶ a value in the workshop, 64 KiB a step ─▶ put in place by the caller
//!               or, where they are only to be written elsewhere, all of them kept together
//! ```
//!
//! What the encoding is called follows from the elements by the limits in force, as where Redis
//! loads a value.
//!
//! Invariants: a value that fails leaves nothing in the workshop once [`Assembly::scrap`] was
//! called; no member and no field comes twice.
//!
//! Not here: the bytes (`value_reader.rs`), what becomes of a key (`mutation/restore.rs`).

use super::batch::{Batch, StreamPart};
use super::codes::Layout;
use super::error::{Reason, Stop};
use super::input::Input;
use super::value_reader::{Progress, ValueReader};
use crate::keyspace::{Keyspace, WorkId};
use crate::structures::block::{ElementRef, Shape};
use crate::structures::item::Item;
use crate::value::collection::Home;
use crate::value::encoding::{Encoding, EncodingLimits};
use crate::value::kind::Kind;
use crate::value::record::Collected;
use crate::value::sorted_set::{SortedSet, Update};
use crate::value::stream::{Consumer, Pending, Stream, StreamGroup, StreamMut};

/// Up to so many bytes of elements a value is one record: what the length of one can say.
const RECORD_BYTES_MAX: usize = u16::MAX as usize;

/// Bytes around the items of a listpack, …
const LISTPACK_HEAD_BYTES: usize = 7;
/// … and beside each, as short ones have.
const LISTPACK_ITEM_BYTES: usize = 1;

/// What a value has come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Built<'a> {
    /// All of it.
    Small(Collected<'a>),
    /// All of it, too much for a record: see [`Assembly::keep_all`].
    Long(Collected<'a>),
    /// It stands in the workshop.
    Large(WorkId),
    /// It has no elements, or none that is not due.
    Nothing,
}

/// A collection being read.
#[derive(Debug)]
pub struct Assembly {
    kind: Kind,
    reader: ValueReader,
    batch: Batch,
    work: Option<WorkId>,
    /// Whether elements stay here instead of being taken to the workshop.
    keeps_all: bool,
    /// Elements that were taken to the workshop.
    taken_count: u64,
    group: Option<StreamGroup>,
    consumer: Option<Consumer>,
}

impl Assembly {
    /// Begins a value.
    ///
    /// # Panics
    /// If it is a string.
    pub(super) fn begin(kind: Kind, layout: Layout) -> Self {
        Self {
            kind,
            reader: ValueReader::begin(layout),
            batch: Batch::default(),
            work: None,
            keeps_all: false,
            taken_count: 0,
            group: None,
            consumer: None,
        }
    }

    /// Begins another value with the memory of one that has ended.
    pub(super) fn begin_again(&mut self, kind: Kind, layout: Layout) {
        self.kind = kind;
        self.reader = ValueReader::begin(layout);
        self.batch.begin_value();
        self.work = None;
        self.keeps_all = false;
        self.taken_count = 0;
        self.group = None;
        self.consumer = None;
    }

    /// Keeps all elements of the value that has just begun, however many they are: for whoever
    /// writes them elsewhere. Not those of streams and of hashes with deadlines.
    pub(super) fn keep_all(&mut self) {
        self.keeps_all = self.kind != Kind::Stream;
    }

    /// Reads a step's worth; true at the end of the value.
    pub(super) fn step(
        &mut self,
        input: &mut Input<'_>,
        keyspace: &mut Keyspace,
        now_ms: u64,
    ) -> Result<bool, Stop> {
        match self.reader.step(input, &mut self.batch) {
            Ok(Progress::Full) => {
                match self.keeps_all {
                    true => self.batch.keep(),
                    false => self.take(keyspace, now_ms)?,
                }
                Ok(false)
            }
            Ok(Progress::Done) => {
                let is_kept = self.keeps_all && !self.batch.has_deadlines;
                if !is_kept && !self.is_record() {
                    self.take(keyspace, now_ms)?;
                }
                Ok(true)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Whether what was read is all of the value so far, and as much as a record holds at most.
    fn is_record(&self) -> bool {
        self.work.is_none()
            && self.kind != Kind::Stream
            && self.batch.bytes.len() <= RECORD_BYTES_MAX
            && self.batch.count <= RECORD_BYTES_MAX
    }

    /// What the value has come to, when all of it was read.
    pub(super) fn built(&mut self, keyspace: &mut Keyspace) -> Result<Built<'_>, Reason> {
        let limits = *keyspace.encoding_limits();
        if let Some(work) = self.work {
            let count = keyspace
                .built_elements(work)
                .map_or(0, |elements| elements.len());
            if self.kind != Kind::Stream && count != self.taken_count {
                return Err(Reason::Repeated);
            }
            if self.kind != Kind::Stream && self.kind != Kind::SortedSet {
                let encoding = self.encoding(count, &limits);
                keyspace.name_encoding(work, encoding);
            }
            return Ok(Built::Large(work));
        }
        if self.batch.count == 0 {
            return Ok(Built::Nothing);
        }
        let encoding = self.encoding(self.batch.count as u64, &limits);
        if self.kind == Kind::SortedSet {
            if encoding == Encoding::Small {
                self.batch.drop_signs_of_zero();
            }
            if !self.batch.sort_scored() {
                return Err(Reason::Repeated);
            }
        }
        let shape = shape_of(self.kind);
        let run = self.batch.run(shape);
        if self.kind != Kind::SortedSet && self.batch.has_repetition(shape) {
            return Err(Reason::Repeated);
        }
        let collected = Collected {
            kind: self.kind,
            encoding,
            run,
        };
        Ok(match self.is_record() {
            true => Built::Small(collected),
            false => Built::Long(collected),
        })
    }

    /// Leaves what stands in the workshop to the caller.
    pub(super) fn hand_over(&mut self) {
        self.work = None;
    }

    /// Gives up what stands in the workshop.
    pub fn scrap(&mut self, keyspace: &mut Keyspace, now_ms: u64) {
        if let Some(work) = self.work.take() {
            keyspace.scrap(work, now_ms);
        }
    }

    /// Bytes that it holds.
    pub fn used_bytes(&self) -> usize {
        self.batch.used_bytes() + size_of::<Self>()
    }

    fn encoding(&self, count: u64, limits: &EncodingLimits) -> Encoding {
        let longest_len = self.batch.longest_len as u64;
        let is_of = |kind: Kind| self.kind == kind;
        if is_of(Kind::List) {
            return self.list_encoding(count, limits);
        }
        if is_of(Kind::Set) && !self.batch.has_texts && count <= limits.integers_max {
            return Encoding::Integers;
        }
        let is_small = if is_of(Kind::Set) {
            limits.set
        } else if is_of(Kind::SortedSet) {
            limits.sorted_set
        } else if is_of(Kind::Hash) && !self.batch.has_deadlines {
            limits.hash
        } else {
            return Encoding::Outgrown;
        };
        match count <= is_small.entries_max && longest_len <= is_small.value_bytes_max {
            true => Encoding::Small,
            false => Encoding::Outgrown,
        }
    }

    fn list_encoding(&self, count: u64, limits: &EncodingLimits) -> Encoding {
        let limits = limits.list_growing();
        let len = self.batch.bytes.len() + self.batch.count * LISTPACK_ITEM_BYTES;
        let is_small = self.work.is_none()
            && count <= limits.items_max
            && len + LISTPACK_HEAD_BYTES <= limits.bytes_max;
        match is_small {
            true => Encoding::Small,
            false => Encoding::Outgrown,
        }
    }

    /// Takes what was read to the workshop.
    fn take(&mut self, keyspace: &mut Keyspace, now_ms: u64) -> Result<(), Reason> {
        let work = *self.work.get_or_insert_with(|| keyspace.begin_work());
        if self.kind == Kind::Stream {
            self.take_stream(keyspace, work, now_ms)?;
        } else if self.kind == Kind::SortedSet {
            self.take_scored(keyspace, work, now_ms)?;
        } else {
            let run = self.batch.run(shape_of(self.kind));
            self.taken_count += run.count() as u64;
            if run.count() > 0 {
                keyspace.add_to_work(work, self.kind, &run);
            }
        }
        self.batch.clear();
        Ok(())
    }

    fn take_scored(
        &mut self,
        keyspace: &mut Keyspace,
        work: WorkId,
        now_ms: u64,
    ) -> Result<(), Reason> {
        let shape = shape_of(Kind::SortedSet);
        let run = self.batch.run(shape);
        if run.count() == 0 {
            return Ok(());
        }
        self.taken_count += run.count() as u64;
        keyspace.build::<SortedSet, _>(work, now_ms, |set| {
            run.elements().try_for_each(|element: ElementRef<'_>| {
                let mut buffer = itoa::Buffer::new();
                let member = match element.key() {
                    Item::Text(text) => text,
                    Item::Integer(value) => buffer.format(value).as_bytes(),
                    Item::Double(_) => return Err(Reason::BadScore),
                };
                match set.put(member, element.score()) {
                    Update::Added => Ok(()),
                    Update::Changed | Update::Kept => Err(Reason::Repeated),
                }
            })
        })
    }

    fn take_stream(
        &mut self,
        keyspace: &mut Keyspace,
        work: WorkId,
        now_ms: u64,
    ) -> Result<(), Reason> {
        let Self {
            batch,
            group,
            consumer,
            ..
        } = self;
        let (mut ends, mut begin) = (&batch.ends[..], 0);
        keyspace.build::<Stream, _>(work, now_ms, |stream| {
            stream.begin();
            for part in &batch.parts {
                match part {
                    StreamPart::Entry { id, text_count } => {
                        let (own, rest) = ends.split_at(*text_count);
                        let texts = (0..own.len()).map(|index| {
                            let from = match index {
                                0 => begin,
                                index => own[index - 1],
                            };
                            &batch.texts[from..own[index]]
                        });
                        let head = stream.read().find_head();
                        stream.append(head, *id, texts);
                        begin = own.last().copied().unwrap_or(begin);
                        ends = rest;
                    }
                    StreamPart::Head {
                        last_id,
                        max_deleted_id,
                        entries_added,
                    } => {
                        let mut head = stream.read().head();
                        head.last_id = *last_id;
                        head.max_deleted_id = *max_deleted_id;
                        head.entries_added = entries_added.unwrap_or(head.len);
                        stream.set_head(head);
                    }
                    StreamPart::Group { .. }
                    | StreamPart::Consumer { .. }
                    | StreamPart::Pending { .. } => take_group_part(stream, group, consumer, part)?,
                }
            }
            Ok(())
        })
    }
}

/// Takes a group, a consumer of the group that came last, or a pending entry of the consumer that
/// came last.
fn take_group_part<H: Home>(
    stream: &mut StreamMut<H>,
    group: &mut Option<StreamGroup>,
    consumer: &mut Option<Consumer>,
    part: &StreamPart,
) -> Result<(), Reason> {
    match part {
        StreamPart::Entry { .. } | StreamPart::Head { .. } => {}
        StreamPart::Group {
            name,
            last_id,
            entries_read,
        } => {
            if !stream.create_group(name, *last_id, *entries_read) {
                return Err(Reason::Repeated);
            }
            *group = stream.read().group(name);
            *consumer = None;
        }
        StreamPart::Consumer {
            name,
            seen_ms,
            active_ms,
        } => {
            let group = group.as_ref().ok_or(Reason::BadStream)?;
            if stream.read().consumer(group, name).is_some() {
                return Err(Reason::Repeated);
            }
            let mut made = stream.create_consumer(group, name, *seen_ms);
            made.active_ms = *active_ms;
            stream.update_consumer(group, name, &made);
            *consumer = Some(made);
        }
        StreamPart::Pending {
            id,
            delivered_ms,
            delivery_count,
        } => {
            let pending = Pending {
                id: *id,
                consumer: consumer.as_ref().ok_or(Reason::BadStream)?.owner,
                delivered_ms: *delivered_ms,
                delivery_count: *delivery_count,
            };
            let group = group.as_ref().ok_or(Reason::BadStream)?;
            stream.put_pending(group, &pending);
        }
    }
    Ok(())
}

/// What the elements of a collection of this kind are.
///
/// # Panics
/// If it is the kind of strings.
fn shape_of(kind: Kind) -> Shape {
    let facts = kind.collection().expect("a string is no collection");
    facts.shape
}
