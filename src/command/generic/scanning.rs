//! Walks over all keys.

use crate::base::glob;
use crate::base::limits::SCAN_KEYS_MAX;
use crate::base::numbers::{parse_i64, parse_u64};
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Keys, Outcome};
use crate::context::Context;
use crate::keyspace::Keyspace;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::session::long_read::LongRead;
use std::collections::VecDeque;

/// Buckets that SCAN looks at for each key it was asked for, found or not, as in Redis.
const SCAN_BUCKETS_PER_KEY: usize = 10;

pub(super) const COMMANDS: &[&CommandSpec] = &[&KEYS, &SCAN];

/// Keys that SCAN looks at if the request does not say.
const SCAN_COUNT_DEFAULT: usize = 10;

/// What one step of KEYS does at most, in bytes of keys: some ten microseconds.
const STEP_WORK: usize = 8 * 1024;

/// What a key costs beside its bytes: its entry comes from memory.
const WORK_A_KEY: usize = 64;

/// What a bucket costs, so that a step through a table that lost its keys ends, too.
const WORK_A_BUCKET: usize = 16;

/// A piece of the reply of KEYS is closed when it has grown to this.
const PIECE_BYTES: usize = 64 * 1024;

static KEYS: CommandSpec = family::GENERIC
    .command("keys", "pattern", keys)
    .summary("Returns all keys that match a pattern.")
    .since("1.0.0")
    .cost("O(number of keys in the database)")
    .flags(Flags::READ_ONLY)
    .keys(Keys::None);

fn keys(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let database = context.database();
    let read = KeysRead::new(database, args.get(1));
    if context.keyspace.size(database).keys <= SCAN_KEYS_MAX {
        context.answer_at_once(read);
    } else {
        context.answer_in_steps(read);
    }
    Ok(())
}

/// KEYS on its way: first it walks over the database and keeps the matches, encoded, since their
/// number is the first word of the reply; then it gives them away piece by piece. The walk follows
/// the number of the database, whatever FLUSHDB and SWAPDB do to it meanwhile.
#[derive(Debug)]
struct KeysRead {
    database: usize,
    /// `None`: every key, also the empty one.
    pattern: Option<Box<[u8]>>,
    cursor: u64,
    is_walked: bool,
    matched_count: usize,
    /// Small pieces, so that none is ever copied into a larger one.
    pieces: VecDeque<Vec<u8>>,
    pieces_bytes: usize,
}

impl KeysRead {
    fn new(database: usize, pattern: &[u8]) -> Self {
        Self {
            database,
            pattern: (pattern != b"*").then(|| pattern.into()),
            cursor: 0,
            is_walked: false,
            matched_count: 0,
            pieces: VecDeque::new(),
            pieces_bytes: 0,
        }
    }

    fn walk(&mut self, keyspace: &Keyspace, now_ms: u64, dialect: Dialect) {
        if self
            .pieces
            .back()
            .is_none_or(|piece| piece.len() >= PIECE_BYTES)
        {
            self.pieces.push_back(Vec::new());
        }
        let piece = self.pieces.back_mut().expect("one was pushed");
        let bytes_before = piece.len();
        let mut writer = ReplyWriter::new(piece, dialect);
        let mut work = 0;
        while work < STEP_WORK && !self.is_walked {
            work += WORK_A_BUCKET;
            self.cursor = keyspace.scan(self.database, self.cursor, now_ms, |entry| {
                let key = entry.key();
                work += WORK_A_KEY + key.len();
                let pattern = self.pattern.as_deref();
                if pattern.is_none_or(|pattern| glob::matches(pattern, key, false)) {
                    self.matched_count += 1;
                    writer.bulk(key);
                }
            });
            self.is_walked = self.cursor == 0;
        }
        self.pieces_bytes += writer.len() - bytes_before;
    }
}

impl LongRead for KeysRead {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        if self.is_walked {
            let piece = self.pieces.pop_front().unwrap_or_default();
            self.pieces_bytes -= piece.len();
            reply.raw(&piece);
            return self.pieces.is_empty();
        }
        self.walk(keyspace, now_ms, reply.dialect());
        if self.is_walked {
            reply.array(self.matched_count);
        }
        false
    }

    fn used_bytes(&self) -> usize {
        self.pieces_bytes
    }
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

static SCAN: CommandSpec = family::GENERIC
    .command(
        "scan",
        "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        scan,
    )
    .summary("Returns some of the keys and a cursor to go on with.")
    .since("2.8.0")
    .cost("O(count) for a call, O(number of keys) for a whole walk")
    .flags(Flags::READ_ONLY)
    .keys(Keys::None);

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
    // So that a call on a table that lost its keys ends, too.
    let bucket_count_max = count.saturating_mul(SCAN_BUCKETS_PER_KEY);
    let mut bucket_count = 0;
    loop {
        cursor = found.visit(context, cursor);
        bucket_count += 1;
        if cursor == 0 || found.visited_count >= count || bucket_count >= bucket_count_max {
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
