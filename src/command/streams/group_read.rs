//! XREADGROUP and XACK: entries go to the consumers of groups, and are acknowledged.
//!
//! Not here: how entries are delivered (`delivery.rs`), and very many (`long_delivery.rs`).

use super::delivery::{Delivery, Wanted, no_group_to_read, parse_wanted};
use super::ids::parse_id;
use super::layout::{begin_stream, end_streams};
use super::long_delivery;
use super::read::{Request, parse_request, wait};
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::stream::{Found, Stream, StreamGroup};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XREADGROUP, &XACK];

/// The keys of XREADGROUP, after their word.
const STREAMS: Keys = Keys::of(&[Part::after("STREAMS", 4)
    .besides(&[("BLOCK", 1), ("COUNT", 1)])
    .through(-1, 1)
    .share(2)]);

static XREADGROUP: CommandSpec = family::STREAM
    .command(
        "xreadgroup",
        "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] ID \
         [ID ...]",
        xreadgroup,
    )
    .summary("Delivers entries of several streams to a consumer of a group, or tells them again.")
    .since("5.0.0")
    .cost("O(M log N) for each stream, with N entries, of which M are returned")
    .flags(Flags::WRITE.and(Flags::BLOCKING).and(Flags::MOVABLE_KEYS))
    .keys(STREAMS)
    .access(Access::READ)
    .takes_steps(0, long_delivery::begin);

fn xreadgroup(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = parse_request(context, args, true)?;
    let (group_name, _) = request.group.unwrap_or_default();
    let mut wanted = Vec::with_capacity(request.key_count);
    for index in request.keys_at..request.keys_at + request.key_count {
        if !context.may_serve(args.get(index)) {
            wanted.push(None);
            continue;
        }
        let key = context.key(args, index);
        let (_, stream) = context.read_as::<Stream>(key)?;
        let Some(group) = stream.and_then(|stream| stream.find_group(group_name)) else {
            return Err(no_group_to_read(args.get(index), group_name));
        };
        let what = parse_wanted(args.get(index + request.key_count))?;
        wanted.push(Some((what, group)));
    }
    let mark = context.reply.len();
    let mut told_count = 0;
    for (index, wanted) in (request.keys_at..).zip(wanted) {
        let Some((wanted, group)) = wanted else {
            continue;
        };
        let key = context.key(args, index);
        // What is delivered of one key may change the group of the next, if that is the same.
        let group = (index == request.keys_at).then_some(group);
        if deliver(context, key, &request, wanted, group)? {
            told_count += 1;
        }
    }
    if told_count == 0 && wait(context, args, &request, None) {
        return Ok(());
    }
    end_streams(&mut context.reply, mark, told_count);
    Ok(())
}

/// Delivers what is wanted of one stream; whether there was anything to tell. `group` is its group
/// if it was found since the last change.
fn deliver(
    context: &mut Context<'_>,
    key: Key<'_>,
    request: &Request<'_>,
    wanted: Wanted,
    group: Option<Found<StreamGroup>>,
) -> Result<bool, ReplyError> {
    let delivery = Delivery::new(context, request);
    let told = context.change_and_tell::<Stream, _>(key, Missing::Skip, |stream, reply| {
        let (group_name, _) = request.group.unwrap_or_default();
        let group = group.or_else(|| stream.read().find_group(group_name));
        let nothing = Changed::when(false, Event::StreamDeliver, false);
        let Some(group) = group else {
            return Ok(nothing);
        };
        let mark = reply.len();
        let delivered = delivery.deliver(stream, group, wanted, reply);
        if wanted == Wanted::New && delivered.count == 0 {
            return Ok(nothing);
        }
        reply.put_before(mark, |reply| {
            begin_stream(reply, key.bytes);
            reply.array(delivered.count);
        });
        Ok(delivered.as_change(true))
    })?;
    Ok(told.unwrap_or(false))
}

static XACK: CommandSpec = family::STREAM
    .command("xack", "key group ID [ID ...]", xack)
    .summary("Acknowledges entries for a group, and returns how many were pending.")
    .since("5.0.0")
    .cost("O(log N) for each id, with N entries pending")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE_UNTOLD)
    .divides(xack_division, Joined::Sum);

/// Ids are all read before the first entry is acknowledged.
fn xack_division(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let is_right = args.skip(3).iter().all(|id| parse_id(id).is_ok());
    is_right.then(|| Division::from(args, 3, 1))?
}

fn xack(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let acknowledged = context.change::<Stream, _>(key, Missing::Skip, |stream| {
        let Some(group) = stream.read().group(args.get(2)) else {
            return Ok(Changed::when(false, Event::StreamAcknowledge, 0));
        };
        for id in args.skip(3).iter() {
            parse_id(id)?;
        }
        let mut count = 0;
        for id in args.skip(3).iter() {
            count += i64::from(stream.remove_pending(&group, parse_id(id)?));
        }
        Ok(Changed::when(count > 0, Event::StreamAcknowledge, count))
    })?;
    context.reply.integer(acknowledged.unwrap_or(0));
    Ok(())
}
