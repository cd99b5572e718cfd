//! Entries of streams are told.

use super::ids::{parse_id, parse_interval};
use super::layout::{begin_stream, end_streams, tell_entries};
use super::long::{EntriesWalk, FEW_ROWS, FrozenRows, is_long, tell, tell_several};
use crate::base::numbers::parse_i64;
use crate::command::arguments::timeout::parse_milliseconds;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::build::may_take_steps;
use crate::context::Context;
use crate::context::blocking::KeyWait;
use crate::protocol::args::{Args, OwnedArgs};
use crate::protocol::error::ReplyError;
use crate::value::kind::Kind;
use crate::value::stream::{Stream, StreamId};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XLEN, &XRANGE, &XREVRANGE, &XREAD];

static XLEN: CommandSpec = family::STREAM
    .command("xlen", "key", xlen)
    .summary("Returns how many entries a stream has.")
    .since("5.0.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS))
    .access(Access::LOOK);

fn xlen(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, stream) = context.read_as::<Stream>(key)?;
    reply.integer(stream.map_or(0, |stream| stream.len()) as i64);
    Ok(())
}

static XRANGE: CommandSpec = family::STREAM
    .command("xrange", "key start end [COUNT count]", xrange)
    .summary("Returns the entries of a stream from one id to another.")
    .since("5.0.0")
    .cost("O(log N + M) with N entries, of which M are returned")
    .flags(Flags::READ_ONLY);

fn xrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let interval = parse_interval(args.get(2), args.get(3))?;
    range(context, args, interval, false)
}

static XREVRANGE: CommandSpec = family::STREAM
    .command("xrevrange", "key end start [COUNT count]", xrevrange)
    .summary("Returns the entries of a stream from one id back to another.")
    .since("5.0.0")
    .cost("O(log N + M) with N entries, of which M are returned")
    .flags(Flags::READ_ONLY);

fn xrevrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let interval = parse_interval(args.get(3), args.get(2))?;
    range(context, args, interval, true)
}

fn range(
    context: &mut Context<'_>,
    args: Args<'_>,
    (start, end): (StreamId, StreamId),
    is_reversed: bool,
) -> Outcome {
    let mut count_max = None;
    let options = args.skip(4);
    for index in (0..options.len()).step_by(2) {
        if index + 1 == options.len() || !options.get(index).eq_ignore_ascii_case(b"count") {
            return Err(ReplyError::SYNTAX);
        }
        let count = parse_i64(options.get(index + 1)).ok_or(ReplyError::NOT_INTEGER)?;
        count_max = Some(usize::try_from(count).unwrap_or(0));
    }
    let key = context.key(args, 1);
    let count_max = count_max.unwrap_or(usize::MAX);
    let walk = EntriesWalk {
        start,
        end,
        count_max,
        is_reversed,
    };
    let is_long = is_long(context, key, &walk);
    let (reply, stream) = context.read_as::<Stream>(key)?;
    let Some(stream) = stream else {
        reply.array(0);
        return Ok(());
    };
    if is_long {
        let part = FrozenRows::freeze(context, key, walk);
        tell(context, part);
    } else if count_max == 0 {
        reply.null_array();
    } else if is_reversed {
        tell_entries(reply, stream.range_back(start, end).take(count_max));
    } else {
        tell_entries(reply, stream.range(start, end).take(count_max));
    }
    Ok(())
}

/// The keys of XREAD, after their word.
const STREAMS: Keys = Keys::of(&[Part::after("STREAMS", 1)
    .besides(&[("BLOCK", 1), ("COUNT", 1)])
    .through(-1, 1)
    .share(2)]);

static XREAD: CommandSpec = family::STREAM
    .command(
        "xread",
        "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] ID [ID ...]",
        xread,
    )
    .summary("Returns the entries of several streams after given ids.")
    .since("5.0.0")
    .cost("O(log N + M) for each stream, with N entries, of which M are returned")
    .flags(
        Flags::READ_ONLY
            .and(Flags::BLOCKING)
            .and(Flags::MOVABLE_KEYS),
    )
    .keys(STREAMS);

/// What XREAD and XREADGROUP are told.
pub(super) struct Request<'a> {
    /// How many entries of each stream are wanted at most.
    pub(super) count_max: usize,
    /// Whether to wait for some, and how long, in milliseconds; `None` inside for ever.
    pub(super) block: Option<Option<u64>>,
    /// Names of the group and the consumer.
    pub(super) group: Option<(&'a [u8], &'a [u8])>,
    /// Entries need not be acknowledged.
    pub(super) is_acknowledged: bool,
    /// The first argument that is a key.
    pub(super) keys_at: usize,
    /// How many keys there are, and as many ids after them.
    pub(super) key_count: usize,
}

const UNBALANCED: ReplyError = ReplyError::fixed(
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
);
const GROUP_IN_XREAD: ReplyError = ReplyError::fixed(
    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
);
const NOACK_IN_XREAD: ReplyError = ReplyError::fixed(
    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
);
const NEW_IN_XREAD: ReplyError = ReplyError::fixed(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
     <consumer> option.",
);
const NO_GROUP: ReplyError = ReplyError::fixed("ERR Missing GROUP option for XREADGROUP");

/// Refuses BLOCK where a script calls.
fn check_may_block(context: &Context<'_>, args: Args<'_>) -> Result<(), ReplyError> {
    if !context.is_scripted {
        return Ok(());
    }
    let text = b" command is not allowed with BLOCK option from scripts";
    Err(ReplyError::from_bytes(
        [b"ERR ", args.name(), text].concat(),
    ))
}

/// Reads the options of XREAD, or of XREADGROUP if `is_of_group`.
pub(super) fn parse_request<'a>(
    context: &Context<'_>,
    args: Args<'a>,
    is_of_group: bool,
) -> Result<Request<'a>, ReplyError> {
    let mut request = Request {
        count_max: usize::MAX,
        block: None,
        group: None,
        is_acknowledged: false,
        keys_at: 0,
        key_count: 0,
    };
    let mut index = 1;
    while index < args.len() && request.keys_at == 0 {
        let word = args.get(index);
        let more_count = args.len() - index - 1;
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"block") && more_count > 0 {
            check_may_block(context, args)?;
            request.block = Some(parse_milliseconds(args.get(index + 1))?);
            index += 2;
        } else if is(b"count") && more_count > 0 {
            let count = parse_i64(args.get(index + 1)).ok_or(ReplyError::NOT_INTEGER)?;
            let count = usize::try_from(count).unwrap_or(0);
            request.count_max = if count == 0 { usize::MAX } else { count };
            index += 2;
        } else if is(b"streams") && more_count > 0 {
            if more_count % 2 == 1 {
                return Err(UNBALANCED);
            }
            (request.keys_at, request.key_count) = (index + 1, more_count / 2);
        } else if is(b"group") && more_count > 1 {
            if !is_of_group {
                return Err(GROUP_IN_XREAD);
            }
            request.group = Some((args.get(index + 1), args.get(index + 2)));
            index += 3;
        } else if is(b"noack") {
            if !is_of_group {
                return Err(NOACK_IN_XREAD);
            }
            request.is_acknowledged = true;
            index += 1;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    if request.keys_at == 0 {
        return Err(ReplyError::SYNTAX);
    }
    if is_of_group && request.group.is_none() {
        return Err(NO_GROUP);
    }
    Ok(request)
}

fn xread(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = parse_request(context, args, false)?;
    let mut after = Vec::with_capacity(request.key_count);
    for index in request.keys_at..request.keys_at + request.key_count {
        if !context.may_serve(args.get(index)) {
            after.push(StreamId::MAX);
            continue;
        }
        let key = context.key(args, index);
        let (_, stream) = context.read_as::<Stream>(key)?;
        after.push(match args.get(index + request.key_count) {
            b"$" => stream.map_or(StreamId::MIN, |stream| stream.head().last_id),
            b"+" => stream.map_or(StreamId::MIN, |stream| stream.before_last()),
            b">" => return Err(NEW_IN_XREAD),
            id => parse_id(id)?,
        });
    }
    if tell_many(context, args, &request, &after) {
        return Ok(());
    }
    let mark = context.reply.len();
    let mut told_count = 0;
    for (index, &after) in (request.keys_at..).zip(&after) {
        if after == StreamId::MAX {
            continue;
        }
        let key = context.key(args, index);
        let (reply, stream) = context.read_as::<Stream>(key)?;
        let last_id = stream.and_then(|stream| stream.last_entry_id());
        let (Some(stream), Some(start)) = (stream, after.next()) else {
            continue;
        };
        if last_id.is_some_and(|last_id| last_id > after) {
            begin_stream(reply, args.get(index));
            let entries = stream.range(start, StreamId::MAX);
            tell_entries(reply, entries.take(request.count_max));
            told_count += 1;
        }
    }
    if told_count == 0 && wait(context, args, &request, Some(&after)) {
        return Ok(());
    }
    end_streams(&mut context.reply, mark, told_count);
    Ok(())
}

/// Tells what stands in streams after these ids, if that is so much that it takes long.
fn tell_many(
    context: &mut Context<'_>,
    args: Args<'_>,
    request: &Request<'_>,
    after: &[StreamId],
) -> bool {
    if request.count_max <= FEW_ROWS || !may_take_steps(context) {
        return false;
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let mut walks = Vec::new();
    for (index, &after) in (request.keys_at..).zip(after) {
        let key = context.key(args, index);
        let stream = context.keyspace.peek::<Stream>(database, key, now_ms);
        let last = stream.ok().flatten().and_then(|stream| stream.last());
        let has_news = last.is_some_and(|last| last.id > after);
        if let Some(start) = after.next().filter(|_| has_news) {
            let walk = EntriesWalk {
                start,
                end: StreamId::MAX,
                count_max: request.count_max,
                is_reversed: false,
            };
            walks.push((index, walk));
        }
    }
    let mut keyed = walks.iter();
    if !keyed.any(|(index, walk)| is_long(context, context.key(args, *index), walk)) {
        return false;
    }
    let parts = walks.into_iter().map(|(index, walk)| {
        let key = context.key(args, index);
        FrozenRows::freeze(context, key, walk).with_key(args.get(index))
    });
    let parts = parts.collect();
    tell_several(context, parts);
    true
}

/// Lets a request wait for its streams, if it wants to; false if it may not. `after` is what its
/// ids mean now.
pub(super) fn wait(
    context: &mut Context<'_>,
    args: Args<'_>,
    request: &Request<'_>,
    after: Option<&[StreamId]>,
) -> bool {
    let Some(timeout_ms) = request.block else {
        return false;
    };
    let ids_at = request.keys_at + request.key_count;
    let wait = KeyWait {
        keys: request.keys_at..ids_at,
        kind: Kind::Stream,
        timeout_ms,
        hears_all: request.group.is_some(),
    };
    let Some(after) = after else {
        return context.wait_for_keys(args, wait);
    };
    let before_ids = args.iter().take(ids_at).map(<[u8]>::to_vec);
    let ids = after.iter().map(|id| id.text().as_bytes().to_vec());
    let words: Vec<Vec<u8>> = before_ids.chain(ids).collect();
    context.wait_for_keys(OwnedArgs::from_slices(&words).args(), wait)
}
