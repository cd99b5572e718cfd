//! Entries in replies, and what is told of streams and groups.
//!
//! ```text
//!  entry     [ id, [ field, value, … ] ]
//!  streams   a map of keys to their entries; pairs in an array for who knows no maps
//! ```

use crate::keyspace::Memory;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::value::stream::{Entry, StreamGroup, StreamId, StreamRef};

/// Tells an id.
pub(super) fn tell_id(reply: &mut ReplyWriter<'_>, id: StreamId) {
    reply.bulk(id.text().as_bytes());
}

/// Tells an entry.
pub(super) fn tell_entry(reply: &mut ReplyWriter<'_>, entry: &Entry<'_>) {
    reply.array(2);
    tell_id(reply, entry.id);
    reply.array(2 * entry.fields.len());
    for (name, value) in entry.fields.iter() {
        reply.item(name);
        reply.item(value);
    }
}

/// Tells entries as long as they fit the reply, with their number before them; how many.
pub(super) fn tell_entries<'e>(
    reply: &mut ReplyWriter<'_>,
    entries: impl Iterator<Item = Entry<'e>>,
) -> usize {
    let mark = reply.len();
    let mut count = 0;
    for entry in entries {
        tell_entry(reply, &entry);
        if reply.is_over() {
            break;
        }
        count += 1;
    }
    reply.put_before(mark, |reply| reply.array(count));
    count
}

/// Begins what so many streams have to tell.
pub(super) fn begin_streams(reply: &mut ReplyWriter<'_>, count: usize) {
    match (count, reply.dialect()) {
        (0, _) => reply.null_array(),
        (_, Dialect::Resp3) => reply.map(count),
        (_, Dialect::Resp2 | Dialect::Plain) => reply.array(count),
    }
}

/// Begins what one stream has to tell.
pub(super) fn begin_stream(reply: &mut ReplyWriter<'_>, key: &[u8]) {
    if reply.dialect() != Dialect::Resp3 {
        reply.array(2);
    }
    reply.bulk(key);
}

/// Ends what streams have told since `mark`: those of `count`, of which there may be none.
pub(super) fn end_streams(reply: &mut ReplyWriter<'_>, mark: usize, count: usize) {
    reply.put_before(mark, |reply| begin_streams(reply, count));
}

/// The seven facts that are told in any case.
pub(super) fn tell_head(reply: &mut ReplyWriter<'_>, stream: StreamRef<'_, Memory>) {
    let head = stream.head();
    let chunk_count = stream.chunk_count() as i64;
    for (name, number) in [
        ("length", head.len as i64),
        ("radix-tree-keys", chunk_count),
        ("radix-tree-nodes", chunk_count + 1),
    ] {
        reply.bulk(name.as_bytes());
        reply.integer(number);
    }
    reply.bulk(b"last-generated-id");
    tell_id(reply, head.last_id);
    reply.bulk(b"max-deleted-entry-id");
    tell_id(reply, head.max_deleted_id);
    reply.bulk(b"entries-added");
    reply.integer(head.entries_added as i64);
    reply.bulk(b"recorded-first-entry-id");
    tell_id(reply, stream.first_id());
}

/// How far a group has come.
pub(super) fn tell_progress(
    reply: &mut ReplyWriter<'_>,
    stream: StreamRef<'_, Memory>,
    group: &StreamGroup,
) {
    reply.bulk(b"last-delivered-id");
    tell_id(reply, group.last_id);
    let mut tell = |name: &[u8], number: Option<u64>| {
        reply.bulk(name);
        match number {
            Some(number) => reply.integer(number as i64),
            None => reply.null(),
        }
    };
    tell(b"entries-read", group.entries_read);
    tell(b"lag", stream.lag(group));
}
