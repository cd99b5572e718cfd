//! LCS: what two strings have in common.

use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::EntryRef;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::common_subsequence::{self, CommonRange};
use crate::value::kind::WrongType;

pub(super) const COMMANDS: &[&CommandSpec] = &[&LCS];

static LCS: CommandSpec = family::STRING
    .command(
        "lcs",
        "key key [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
        lcs,
    )
    .summary("Returns the longest common subsequence of two strings.")
    .since("7.0.0")
    .cost("O(N*M) with strings of N and M bytes")
    .flags(Flags::READ_ONLY)
    .keys(Keys::of(&[Part::at(1).through(1, 1)]));

const LENGTH_AND_INDEXES: ReplyError =
    ReplyError::fixed("ERR If you want both the length and indexes, please just use IDX.");
const NO_STRINGS: ReplyError =
    ReplyError::fixed("ERR The specified keys must contain string values");
const TOO_LARGE: ReplyError = ReplyError::fixed(
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
);

#[derive(Default)]
struct Options {
    wants_length: bool,
    wants_ranges: bool,
    wants_range_lengths: bool,
    range_len_min: usize,
}

fn parse_options(args: Args<'_>) -> Result<Options, ReplyError> {
    let mut options = Options::default();
    let mut index = 3;
    while index < args.len() {
        let name = args.get(index);
        index += 1;
        if name.eq_ignore_ascii_case(b"idx") {
            options.wants_ranges = true;
        } else if name.eq_ignore_ascii_case(b"len") {
            options.wants_length = true;
        } else if name.eq_ignore_ascii_case(b"withmatchlen") {
            options.wants_range_lengths = true;
        } else if name.eq_ignore_ascii_case(b"minmatchlen") && index < args.len() {
            let least = parse_i64(args.get(index)).ok_or(ReplyError::NOT_INTEGER)?;
            options.range_len_min = usize::try_from(least).unwrap_or(0);
            index += 1;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    if options.wants_ranges && options.wants_length {
        return Err(LENGTH_AND_INDEXES);
    }
    Ok(options)
}

fn lcs(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let left_len = length(context, args, 1)?;
    let right_len = length(context, args, 2)?;
    let options = parse_options(args)?;
    if common_subsequence::needs_bytes(left_len, right_len) > context.config.proto_max_bulk_bytes {
        return Err(TOO_LARGE);
    }
    let left = text_of(context, args, 1)?;
    let right = text_of(context, args, 2)?;
    if options.wants_length {
        let len = common_subsequence::length(&left, &right);
        context.reply.integer(len as i64);
        return Ok(());
    }
    let found = common_subsequence::find(&left, &right, options.range_len_min);
    if options.wants_ranges {
        reply_ranges(
            context,
            &found.ranges,
            found.text.len(),
            options.wants_range_lengths,
        );
    } else {
        context.reply.bulk(&found.text);
    }
    Ok(())
}

/// The length of the string that a key holds, 0 for a missing one. Not a use of the key.
fn length(context: &mut Context<'_>, args: Args<'_>, index: usize) -> Result<usize, ReplyError> {
    let (database, key) = (context.database(), context.key(args, index));
    let entry = context.keyspace.find(database, key, context.now_ms());
    let value = entry.map(EntryRef::as_string).transpose();
    let value = value.map_err(|WrongType| NO_STRINGS)?;
    Ok(value.map_or(0, |value| value.len()))
}

/// A copy of the text of a key, empty for a missing one.
fn text_of(context: &mut Context<'_>, args: Args<'_>, index: usize) -> Result<Vec<u8>, WrongType> {
    let key = context.key(args, index);
    context.read_string(key, |_, value| {
        let text = value.map(|value| value.text(&mut itoa::Buffer::new()).to_vec());
        text.unwrap_or_default()
    })
}

fn reply_ranges(context: &mut Context<'_>, ranges: &[CommonRange], len: usize, with_lengths: bool) {
    let reply = &mut context.reply;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(ranges.len());
    for range in ranges {
        reply.array(if with_lengths { 3 } else { 2 });
        for (start, end) in [
            (range.left_start, range.left_end),
            (range.right_start, range.right_end),
        ] {
            reply.array(2);
            reply.integer(start as i64);
            reply.integer(end as i64);
        }
        if with_lengths {
            reply.integer(range.length() as i64);
        }
    }
    reply.bulk(b"len");
    reply.integer(len as i64);
}
