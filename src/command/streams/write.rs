//! Entries come to streams and go from there.

use super::ids::{NewId, parse_id, parse_new_id};
use super::layout::tell_id;
use super::trimming::Trimming;
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::stream::{Head, Stream, StreamId, Trim};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XADD, &XDEL, &XTRIM, &XSETID];

/// Bytes of fields and values of one entry at most.
const ENTRY_BYTES_MAX: usize = 1 << 30;

const ZERO_ID: ReplyError =
    ReplyError::fixed("ERR The ID specified in XADD must be greater than 0-0");
const ID_NOT_GREATER: ReplyError = ReplyError::fixed(
    "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const IDS_EXHAUSTED: ReplyError = ReplyError::fixed(
    "ERR The stream has exhausted the last possible ID, unable to add more items",
);
const TOO_LARGE: ReplyError = ReplyError::fixed("ERR Elements are too large to be stored");
const NO_STRATEGY: ReplyError =
    ReplyError::fixed("ERR syntax error, XTRIM must be called with a trimming strategy");

static XADD: CommandSpec = family::STREAM
    .command(
        "xadd",
        "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value \
         [field value ...]",
        xadd,
    )
    .summary("Adds an entry to a stream, made if missing, and returns its id.")
    .since("5.0.0")
    .cost("O(log N) with N entries, and O(M) with M of them trimmed exactly")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE_UNTOLD);

/// What XADD is told before the fields.
struct Addition {
    missing: Missing,
    id: NewId,
    trim: Option<Trim>,
    /// Which argument is the first field.
    fields_at: usize,
}

fn parse_addition(args: Args<'_>, chunk_entries_max: u64) -> Result<Addition, ReplyError> {
    let mut trimming = Trimming::default();
    let mut missing = Missing::Create;
    let mut index = 2;
    let mut id = None;
    while index < args.len() && id.is_none() {
        let word = args.get(index);
        if word == b"*" {
            id = Some(NewId::Next);
            index += 1;
        } else if let Some(count) = trimming.take(args.skip(index))? {
            index += count;
        } else if word.eq_ignore_ascii_case(b"nomkstream") {
            missing = Missing::Skip;
            index += 1;
        } else {
            id = Some(parse_new_id(word)?);
            index += 1;
        }
    }
    let trim = trimming.end(chunk_entries_max)?;
    let word_count = args.len() - index;
    if word_count < 2 || word_count % 2 == 1 {
        return Err(ReplyError::wrong_arity("xadd"));
    }
    match id.unwrap_or(NewId::Next) {
        NewId::Exactly(StreamId::MIN) => Err(ZERO_ID),
        id => Ok(Addition {
            missing,
            id,
            trim,
            fields_at: index,
        }),
    }
}

/// The id of an entry that comes to a stream.
fn id_of_new(head: &Head, id: NewId, now_ms: u64) -> Result<StreamId, ReplyError> {
    let last_id = head.last_id;
    if last_id == StreamId::MAX {
        return Err(IDS_EXHAUSTED);
    }
    let new_id = match id {
        NewId::Exactly(id) => Some(id),
        NewId::NextOf(ms) if ms != last_id.ms => Some(StreamId::new(ms, 0)),
        NewId::NextOf(ms) => (last_id.seq.checked_add(1)).map(|seq| StreamId::new(ms, seq)),
        NewId::Next if now_ms > last_id.ms => Some(StreamId::new(now_ms, 0)),
        NewId::Next => last_id.next(),
    };
    new_id.filter(|&id| id > last_id).ok_or(ID_NOT_GREATER)
}

fn xadd(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let addition = parse_addition(args, context.config.stream_node_max_entries)?;
    let words = args.skip(addition.fields_at);
    let now_ms = context.clock_ms();
    let key = context.key(args, 1);
    let added = context.change::<Stream, _>(key, addition.missing, |stream| {
        let found = stream.read().find_head();
        let head = found.as_ref().map_or_else(Head::default, |found| found.row);
        let id = id_of_new(&head, addition.id, now_ms)?;
        if words.total_bytes() > ENTRY_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        stream.begin();
        let head = stream.append(found, id, words.iter());
        let may_be_cut = |trim: &Trim| stream.read().may_be_cut(&head, trim);
        let trim = addition.trim.filter(may_be_cut);
        Ok(Changed::when(true, Event::StreamAdd, (id, trim)))
    })?;
    let Some((id, trim)) = added else {
        context.reply.null();
        return Ok(());
    };
    tell_id(&mut context.reply, id);
    if let Some(trim) = trim {
        cut(context, key, &trim)?;
    }
    Ok(())
}

/// Cuts a stream; how many entries have gone.
fn cut(context: &mut Context<'_>, key: Key<'_>, trim: &Trim) -> Result<u64, ReplyError> {
    let removed = context.change::<Stream, _>(key, Missing::Skip, |stream| {
        let count = stream.trim(trim);
        Ok(Changed::when(count > 0, Event::StreamTrim, count))
    })?;
    Ok(removed.unwrap_or(0))
}

static XDEL: CommandSpec = family::STREAM
    .command("xdel", "key ID [ID ...]", xdel)
    .summary("Removes entries from a stream, and returns how many.")
    .since("5.0.0")
    .cost("O(log N) for each id, with N entries")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::REDUCE)
    .divides(xdel_division, Joined::Sum);

/// Ids are all read before the first entry goes.
fn xdel_division(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let is_right = args.skip(2).iter().all(|id| parse_id(id).is_ok());
    is_right.then(|| Division::from(args, 2, 1))?
}

fn xdel(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let removed = context.change::<Stream, _>(key, Missing::Skip, |stream| {
        for id in args.skip(2).iter() {
            parse_id(id)?;
        }
        let mut count = 0;
        for id in args.skip(2).iter() {
            count += i64::from(stream.delete(parse_id(id)?));
        }
        Ok(Changed::when(count > 0, Event::StreamDelete, count))
    })?;
    context.reply.integer(removed.unwrap_or(0));
    Ok(())
}

static XTRIM: CommandSpec = family::STREAM
    .command(
        "xtrim",
        "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]",
        xtrim,
    )
    .summary("Removes entries from the front of a stream, and returns how many.")
    .since("5.0.0")
    .cost("O(log N) with N entries, and a look at each hundred of those that go or stay")
    .flags(Flags::WRITE)
    .access(Access::REDUCE);

fn xtrim(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut trimming = Trimming::default();
    let mut index = 2;
    while index < args.len() {
        let count = trimming.take(args.skip(index))?;
        index += count.ok_or(ReplyError::SYNTAX)?;
    }
    let trim = trimming.end(context.config.stream_node_max_entries)?;
    let trim = trim.ok_or(NO_STRATEGY)?;
    let key = context.key(args, 1);
    let removed_count = cut(context, key, &trim)?;
    context.reply.integer(removed_count as i64);
    Ok(())
}

const SETID_BELOW_TOP: ReplyError =
    ReplyError::fixed("ERR The ID specified in XSETID is smaller than the target stream top item");
const SETID_BELOW_DELETED: ReplyError = ReplyError::fixed(
    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
);
const ADDED_BELOW_LEN: ReplyError = ReplyError::fixed(
    "ERR The entries_added specified in XSETID is smaller than the target stream length",
);
const NEGATIVE_ADDED: ReplyError = ReplyError::fixed("ERR entries_added must be positive");

static XSETID: CommandSpec = family::STREAM
    .command(
        "xsetid",
        "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
        xsetid,
    )
    .summary("Sets the last id of a stream, and what else it knows of entries that are gone.")
    .since("5.0.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE_UNTOLD);

fn xsetid(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let last_id = parse_id(args.get(2))?;
    let (mut entries_added, mut max_deleted_id) = (None, StreamId::MIN);
    let options = args.skip(3);
    for index in (0..options.len()).step_by(2) {
        if index + 1 == options.len() {
            return Err(ReplyError::SYNTAX);
        }
        let (name, value) = (options.get(index), options.get(index + 1));
        if name.eq_ignore_ascii_case(b"entriesadded") {
            let count = parse_i64(value).ok_or(ReplyError::NOT_INTEGER)?;
            entries_added = Some(u64::try_from(count).map_err(|_| NEGATIVE_ADDED)?);
        } else if name.eq_ignore_ascii_case(b"maxdeletedid") {
            max_deleted_id = parse_id(value)?;
            if last_id < max_deleted_id {
                return Err(SETID_BELOW_DELETED);
            }
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    let key = context.key(args, 1);
    let set = context.change::<Stream, _>(key, Missing::Skip, |stream| {
        let mut head = stream.read().head();
        if stream
            .read()
            .last_entry_id()
            .is_some_and(|last| last_id < last)
        {
            return Err(SETID_BELOW_TOP);
        }
        if head.len > 0 && entries_added.is_some_and(|count| count < head.len) {
            return Err(ADDED_BELOW_LEN);
        }
        head.last_id = last_id;
        head.entries_added = entries_added.unwrap_or(head.entries_added);
        if max_deleted_id != StreamId::MIN {
            head.max_deleted_id = max_deleted_id;
        }
        stream.set_head(head);
        Ok(Changed::when(true, Event::StreamSetId, ()))
    })?;
    set.ok_or(ReplyError::NO_SUCH_KEY)?;
    context.reply.ok();
    Ok(())
}
