//! A stream, row by row: the nodes as its chunks come, then what it knows of itself, then groups.
//!
//! ```text
//!  rows of the tree    head, groups, pending entries, consumers ─▶ kept │ chunks ─▶ nodes
//!  written             number of nodes │ node … │ head │ groups
//! ```
//!
//! Chunks stand last in the tree, and all rows are counted, so how many nodes there will be is
//! known at the first of them.
//!
//! Cost: 40 bytes for each pending entry while the stream is written.
//!
//! Not here: what the bytes mean (`stream_reader.rs`).

use super::listpack_writer::ListpackWriter;
use super::output::{write_length, write_text};
use crate::structures::block::ElementRef;
use crate::structures::item::Item;
use crate::value::stream::{Chunk, Consumer, Head, Owner, Pending, Row, StreamGroup, StreamId};
use std::ops::Range;

/// What a step of the end writes, about.
const STEP_BYTES: usize = 64 * 1024;

/// An entry's flag: its fields are those of the first entry of its node.
const SAME_FIELDS: i64 = 2;

/// A stream that is being written.
#[derive(Debug)]
pub(super) struct StreamWriter {
    /// Rows that are still to come.
    rows_left: u64,
    has_begun: bool,
    /// Of the first entry.
    first_id: StreamId,
    head: Head,
    /// After their names.
    groups: Vec<(Vec<u8>, StreamGroup)>,
    /// With their groups; those of one stand together and are ordered by id.
    pending: Vec<(Owner, Pending)>,
    /// With their groups and names.
    consumers: Vec<(Owner, (Vec<u8>, Consumer))>,
    /// With their consumers; those of one stand together.
    own: Vec<(Owner, StreamId)>,
    ending: Ending,
}

/// How far the end has been written.
#[derive(Clone, Debug)]
enum Ending {
    Head,
    Group(usize),
    Pending(usize, Range<usize>),
    Consumers(usize, Range<usize>),
    Own(usize, Range<usize>, Range<usize>),
}

impl StreamWriter {
    /// A stream of so many rows.
    pub(super) fn new(row_count: u64) -> Self {
        Self {
            rows_left: row_count,
            has_begun: false,
            first_id: StreamId::MIN,
            head: Head::default(),
            groups: Vec::new(),
            pending: Vec::new(),
            consumers: Vec::new(),
            own: Vec::new(),
            ending: Ending::Head,
        }
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.pending.capacity() * size_of::<(Owner, Pending)>()
            + self.own.capacity() * size_of::<(Owner, StreamId)>()
            + self.consumers.capacity() * size_of::<(Owner, (Vec<u8>, Consumer))>()
    }

    pub(super) fn add(&mut self, element: ElementRef<'_>, out: &mut Vec<u8>) {
        match Row::of(element) {
            Some(Row::Head(head)) => self.head = head,
            Some(Row::Group(name, group)) => self.groups.push((name, group)),
            Some(Row::Pending(group, pending)) => self.pending.push((group, pending)),
            Some(Row::Consumer(group, name, consumer)) => {
                self.consumers.push((group, (name, consumer)));
            }
            Some(Row::Own(consumer, id)) => self.own.push((consumer, id)),
            Some(Row::Name) | None => {}
            Some(Row::Chunk(chunk)) => {
                if !self.has_begun {
                    let first = chunk.all().next();
                    self.first_id = first.map_or(StreamId::MIN, |first| first.id);
                }
                self.begin(out);
                write_node(&chunk, out);
            }
        }
        self.rows_left = self.rows_left.saturating_sub(1);
    }

    /// Writes how many nodes there will be, once: all rows that are still to come.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.has_begun {
            self.has_begun = true;
            write_length(self.rows_left, out);
        }
    }

    /// Writes some of what stands after the nodes; true when that was all.
    pub(super) fn end_some(&mut self, out: &mut Vec<u8>) -> bool {
        let end = out.len() + STEP_BYTES;
        while out.len() < end {
            if self.end_step(out) {
                return true;
            }
        }
        false
    }

    fn end_step(&mut self, out: &mut Vec<u8>) -> bool {
        self.ending = match self.ending.clone() {
            Ending::Head => {
                self.begin(out);
                self.write_head(out);
                Ending::Group(0)
            }
            Ending::Group(index) => {
                let Some((name, group)) = self.groups.get(index) else {
                    return true;
                };
                write_text(name, out);
                write_id(group.last_id, out);
                write_length(group.entries_read.unwrap_or(u64::MAX), out);
                let pending = of_owner(&self.pending, group.owner);
                write_length(pending.len() as u64, out);
                Ending::Pending(index, pending)
            }
            Ending::Pending(index, mut pending) => match pending.next() {
                Some(next) => {
                    let (_, entry) = &self.pending[next];
                    write_raw_id(entry.id, out);
                    out.extend_from_slice(&entry.delivered_ms.to_le_bytes());
                    write_length(entry.delivery_count, out);
                    Ending::Pending(index, pending)
                }
                None => {
                    let consumers = of_owner(&self.consumers, self.groups[index].1.owner);
                    write_length(consumers.len() as u64, out);
                    Ending::Consumers(index, consumers)
                }
            },
            Ending::Consumers(index, mut consumers) => match consumers.next() {
                Some(next) => {
                    let (_, (name, consumer)) = &self.consumers[next];
                    write_text(name, out);
                    out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
                    let own = of_owner(&self.own, consumer.owner);
                    write_length(own.len() as u64, out);
                    Ending::Own(index, consumers, own)
                }
                None => Ending::Group(index + 1),
            },
            Ending::Own(index, consumers, mut own) => match own.next() {
                Some(next) => {
                    write_raw_id(self.own[next].1, out);
                    Ending::Own(index, consumers, own)
                }
                None => Ending::Consumers(index, consumers),
            },
        };
        false
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        write_length(self.head.len, out);
        write_id(self.head.last_id, out);
        write_id(self.first_id, out);
        write_id(self.head.max_deleted_id, out);
        write_length(self.head.entries_added, out);
        write_length(self.groups.len() as u64, out);
    }
}

/// Where those of an owner stand: owners come in the order of their scores, the last one first.
fn of_owner<T>(rows: &[(Owner, T)], owner: Owner) -> Range<usize> {
    let begin = rows.partition_point(|(other, _)| *other > owner);
    let len = rows[begin..].partition_point(|(other, _)| *other == owner);
    begin..begin + len
}

fn write_id(id: StreamId, out: &mut Vec<u8>) {
    write_length(id.ms, out);
    write_length(id.seq, out);
}

fn write_raw_id(id: StreamId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.ms.to_be_bytes());
    out.extend_from_slice(&id.seq.to_be_bytes());
}

/// Writes the entries of a chunk as a node: ids and fields count from those of the first.
fn write_node(chunk: &Chunk<'_>, out: &mut Vec<u8>) {
    let mut entries = chunk.all().peekable();
    let Some(first) = entries.peek() else {
        return;
    };
    let base = first.id;
    let names: Vec<Item<'_>> = first.fields.iter().map(|(name, _)| name).collect();
    let mut node = ListpackWriter::new();
    node.push_integer(chunk.len() as i64);
    node.push_integer(0);
    node.push_integer(names.len() as i64);
    names.iter().for_each(|name| node.push(*name));
    node.push_integer(0);
    for entry in entries {
        let has_same_fields = entry.fields.len() == names.len()
            && entry
                .fields
                .iter()
                .map(|(name, _)| name)
                .eq(names.iter().copied());
        node.push_integer(if has_same_fields { SAME_FIELDS } else { 0 });
        node.push_integer(entry.id.ms.wrapping_sub(base.ms) as i64);
        node.push_integer(entry.id.seq.wrapping_sub(base.seq) as i64);
        let mut item_count = 3;
        if !has_same_fields {
            node.push_integer(entry.fields.len() as i64);
            item_count += 1;
        }
        for (name, value) in entry.fields.iter() {
            if !has_same_fields {
                node.push(name);
                item_count += 1;
            }
            node.push(value);
            item_count += 1;
        }
        node.push_integer(item_count);
    }
    let mut key = Vec::with_capacity(16);
    write_raw_id(base, &mut key);
    write_text(&key, out);
    write_text(&node.finish(), out);
}
