//! Walks over all keys.

use crate::base::glob;
use crate::base::limits::SCAN_KEYS_MAX;
use crate::base::numbers::{parse_i64, parse_u64};
use crate::command::spec::{Action, CommandSpec, Flags, Group, Keys, Outcome};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::session::Context;

pub(super) const COMMANDS: &[&CommandSpec] = &[&KEYS, &SCAN];

/// Keys that SCAN looks at if the request does not say.
const SCAN_COUNT_DEFAULT: usize = 10;

static KEYS: CommandSpec = CommandSpec {
    name: "keys",
    syntax: "pattern",
    summary: "Returns all keys that match a pattern.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(number of keys in the database)",
    arity: 2,
    flags: Flags::READ_ONLY,
    keys: Keys::None,
    action: Action::Run(keys),
};

fn keys(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut found = FoundKeys::new(args.get(1));
    let mut cursor = 0;
    loop {
        cursor = found.visit(context, cursor);
        if cursor == 0 {
            break;
        }
    }
    found.reply(context);
    Ok(())
}

/// Keys that match, encoded while the number of them is not yet known.
struct FoundKeys<'p> {
    pattern: Option<&'p [u8]>,
    encoded: Vec<u8>,
    matched_count: usize,
    visited_count: usize,
}

impl<'p> FoundKeys<'p> {
    fn new(pattern: &'p [u8]) -> Self {
        let pattern = (pattern != b"*").then_some(pattern);
        Self {
            pattern,
            encoded: Vec::new(),
            matched_count: 0,
            visited_count: 0,
        }
    }

    fn visit(&mut self, context: &Context<'_>, cursor: u64) -> u64 {
        let mut writer = ReplyWriter::new(&mut self.encoded, context.reply.dialect());
        context
            .keyspace
            .scan(context.database(), cursor, context.now_ms(), |entry| {
                self.visited_count += 1;
                let key = entry.key();
                if self
                    .pattern
                    .is_none_or(|pattern| glob::matches(pattern, key, false))
                {
                    self.matched_count += 1;
                    writer.bulk(key);
                }
            })
    }

    fn reply(self, context: &mut Context<'_>) {
        context.reply.array(self.matched_count);
        context.reply.raw(&self.encoded);
    }
}

static SCAN: CommandSpec = CommandSpec {
    name: "scan",
    syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    summary: "Returns some of the keys and a cursor to go on with.",
    since: "2.8.0",
    group: Group::Generic,
    complexity: "O(count) for a call, O(number of keys) for a whole walk",
    arity: -2,
    flags: Flags::READ_ONLY,
    keys: Keys::None,
    action: Action::Run(scan),
};

fn scan(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut cursor = parse_u64(args.get(1)).ok_or(ReplyError::INVALID_CURSOR)?;
    let mut count = SCAN_COUNT_DEFAULT;
    let mut pattern = &b"*"[..];
    let mut has_type = true;
    let mut index = 2;
    while index < args.len() {
        let name = args.get(index);
        if index + 1 == args.len() {
            return Err(ReplyError::SYNTAX);
        }
        let value = args.get(index + 1);
        if name.eq_ignore_ascii_case(b"count") {
            let wanted = parse_i64(value).ok_or(ReplyError::NOT_INTEGER)?;
            if wanted < 1 {
                return Err(ReplyError::SYNTAX);
            }
            count = usize::try_from(wanted)
                .unwrap_or(SCAN_KEYS_MAX)
                .min(SCAN_KEYS_MAX);
        } else if name.eq_ignore_ascii_case(b"match") {
            pattern = value;
        } else if name.eq_ignore_ascii_case(b"type") {
            has_type = value.eq_ignore_ascii_case(b"string");
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 2;
    }
    let mut found = FoundKeys::new(pattern);
    // Empty buckets count a little, so that a call on a table that lost its keys ends, too.
    let mut bucket_count = 0;
    loop {
        cursor = found.visit(context, cursor);
        bucket_count += 1;
        if cursor == 0 || found.visited_count >= count || bucket_count >= count {
            break;
        }
    }
    context.reply.array(2);
    context
        .reply
        .bulk(itoa::Buffer::new().format(cursor).as_bytes());
    if !has_type {
        found.matched_count = 0;
        found.encoded.clear();
    }
    found.reply(context);
    Ok(())
}
