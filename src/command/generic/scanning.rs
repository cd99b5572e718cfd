//! Walks over all keys: KEYS and SCAN.
//!
//! ```text
//!  Walk ─▶ the next key, in the order of the hash ─▶ Pattern ─┬─ yes ─▶ encoded
//!            ▲                                                ├─ no
//!            └──────────── the work of a step is used up ◀────┴─ not decided: a copy of the key is
//!                                                                kept, and matched on
//! ```
//!
//! Invariant: a step is bounded by the bytes of keys and by the work of matching, not in keys only;
//! it ends with the key at which that is used up, in the middle of a match if need be.
//!
//! Not here: options (`arguments/scan.rs`); matching (`base/glob`); the order of keys
//! (`keyspace/`); when steps are taken (`node/reading.rs`).

use crate::base::glob::{Matching, Pattern};
use crate::base::limits::SCAN_KEYS_MAX;
use crate::command::arguments::scan::{
    PAGE_WORK, STEP_WORK, ScanOptions, read_cursor, read_pattern,
};
use crate::command::declare::family;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{EntryRef, Keyspace};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::session::long_read::LongRead;
use crate::value::kind::Kind;
use std::collections::VecDeque;
use std::ops::ControlFlow;

pub(super) const COMMANDS: &[&CommandSpec] = &[&KEYS, &SCAN];

/// Buckets that SCAN looks at for each key it was asked for, found or not, as in Redis.
const SCAN_BUCKETS_PER_KEY: usize = 10;

/// What a key costs beside its bytes: its entry comes from memory.
const WORK_A_KEY: usize = 64;

/// What a bucket costs, so that a step through a table that lost its keys ends, too.
const WORK_A_BUCKET: usize = 16;

/// A piece of the reply of KEYS is closed when it has grown to this.
const PIECE_BYTES: usize = 64 * 1024;

/// A walk over the keys of a database that match a pattern. It follows the number of the database,
/// whatever FLUSHDB and SWAPDB do to it meanwhile.
#[derive(Debug)]
struct Walk {
    database: usize,
    /// `None`: every key, also the empty one.
    pattern: Option<Pattern>,
    /// `None`: keys of every type.
    kind: Option<Kind>,
    cursor: u64,
    has_reached_end: bool,
    visited_count: usize,
    matched_count: usize,
    /// Keys whose matches are not decided yet: at most one, but for keys that share a position.
    undecided: Vec<(Box<[u8]>, Matching)>,
    scratch: Vec<(u64, u64)>,
}

impl Walk {
    /// # Errors
    /// If the pattern is too complex: for any walk, or for one that can't be made in steps.
    fn new(context: &Context<'_>, cursor: u64, pattern: &[u8]) -> Result<Self, ReplyError> {
        Ok(Self {
            database: context.database(),
            pattern: read_pattern(pattern, context.may_wait)?,
            kind: None,
            cursor,
            has_reached_end: false,
            visited_count: 0,
            matched_count: 0,
            undecided: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// The same walk over keys of one type only.
    fn only(self, kind: Option<Kind>) -> Self {
        Self { kind, ..self }
    }

    /// Goes on to the end of a bucket, or until `work` is used up; gives keys that match to
    /// `found`.
    fn go_on(
        &mut self,
        keyspace: &Keyspace,
        now_ms: u64,
        work: &mut usize,
        mut found: impl FnMut(&[u8]),
    ) {
        if !self.decide(work, &mut found) || self.has_reached_end {
            return;
        }
        let Self {
            pattern,
            kind,
            visited_count,
            matched_count,
            undecided,
            ..
        } = self;
        *work = work.saturating_sub(WORK_A_BUCKET);
        let visit = |entry: EntryRef<'_>| {
            let key = entry.key();
            *visited_count += 1;
            *work = work.saturating_sub(WORK_A_KEY + key.len());
            let mut matching = Matching::default();
            let is_match = match pattern {
                _ if kind.is_some_and(|kind| kind != entry.kind()) => Some(false),
                Some(pattern) => pattern.go_on(&mut matching, key, work),
                None => Some(true),
            };
            match is_match {
                Some(true) => {
                    *matched_count += 1;
                    found(key);
                }
                Some(false) => {}
                None => undecided.push((key.into(), matching)),
            }
            if *work == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let scratch = &mut self.scratch;
        self.cursor = keyspace.scan_in_order(self.database, self.cursor, now_ms, scratch, visit);
        self.has_reached_end = self.cursor == 0;
    }

    /// Goes on with keys whose match is not decided; true if there is none any more.
    fn decide(&mut self, work: &mut usize, found: &mut impl FnMut(&[u8])) -> bool {
        while let Some((key, matching)) = self.undecided.last_mut() {
            let pattern = self.pattern.as_ref();
            let is_match = pattern.map_or(Some(true), |pattern| pattern.go_on(matching, key, work));
            let Some(is_match) = is_match else {
                return false;
            };
            if is_match {
                self.matched_count += 1;
                found(key);
            }
            self.undecided.pop();
        }
        true
    }

    /// Whether every key was visited and decided.
    fn is_over(&self) -> bool {
        self.has_reached_end && self.undecided.is_empty()
    }

    /// Bytes held for it.
    fn used_bytes(&self) -> usize {
        self.undecided.iter().map(|(key, _)| key.len()).sum()
    }
}

static KEYS: CommandSpec = family::GENERIC
    .command("keys", "pattern", keys)
    .summary("Returns all keys that match a pattern.")
    .since("1.0.0")
    .cost("O(number of keys in the database)")
    .flags(Flags::READ_ONLY.and(Flags::LARGE_REPLY))
    .also(Categories::DANGEROUS)
    .keys(Keys::NONE);

fn keys(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let walk = Walk::new(context, 0, args.get(1))?;
    let mut read = KeysRead::new(walk);
    if context.keyspace.size(context.database()).keys <= SCAN_KEYS_MAX {
        // Short as a rule, and then of one moment.
        let (now_ms, dialect) = (context.now_ms(), context.reply.dialect());
        read.walk(context.keyspace, now_ms, dialect, PAGE_WORK);
    }
    if read.walk.is_over() {
        context.answer_at_once(read);
    } else {
        context.answer_in_steps(read);
    }
    Ok(())
}

/// KEYS on its way: first it walks over the database and keeps the matches, encoded, since their
/// number is the first word of the reply; then it gives them away piece by piece.
#[derive(Debug)]
struct KeysRead {
    walk: Walk,
    has_begun_reply: bool,
    /// Small pieces, so that none is ever copied into a larger one.
    pieces: VecDeque<Vec<u8>>,
    pieces_bytes: usize,
}

impl KeysRead {
    fn new(walk: Walk) -> Self {
        Self {
            walk,
            has_begun_reply: false,
            pieces: VecDeque::new(),
            pieces_bytes: 0,
        }
    }

    fn walk(&mut self, keyspace: &Keyspace, now_ms: u64, dialect: Dialect, mut work: usize) {
        let Self {
            walk,
            pieces,
            pieces_bytes,
            ..
        } = self;
        while work > 0 && !walk.is_over() {
            walk.go_on(keyspace, now_ms, &mut work, |key| {
                if pieces.back().is_none_or(|piece| piece.len() >= PIECE_BYTES) {
                    pieces.push_back(Vec::new());
                }
                let piece = pieces.back_mut().expect("one was pushed");
                let bytes_before = piece.len();
                ReplyWriter::new(piece, dialect).bulk(key);
                *pieces_bytes += piece.len() - bytes_before;
            });
        }
    }
}

impl LongRead for KeysRead {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        if self.has_begun_reply {
            let piece = self.pieces.pop_front().unwrap_or_default();
            self.pieces_bytes -= piece.len();
            reply.raw(&piece);
            return self.pieces.is_empty();
        }
        self.walk(keyspace, now_ms, reply.dialect(), STEP_WORK);
        if self.walk.is_over() {
            self.has_begun_reply = true;
            reply.array(self.walk.matched_count);
        }
        self.has_begun_reply && self.pieces.is_empty()
    }

    fn used_bytes(&self) -> usize {
        self.walk.used_bytes() + self.pieces_bytes
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
    .keys(Keys::NONE);

fn scan(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let cursor = read_cursor(args.get(1))?;
    let (mut kind, mut has_type) = (None, true);
    let options = ScanOptions::read(args.skip(2), |name, value| match value {
        Some(value) if name.eq_ignore_ascii_case(b"type") => {
            kind = Kind::from_name(value);
            has_type = kind.is_some();
            2
        }
        _ => 0,
    })?;
    let mut page = ScanPage {
        walk: Walk::new(context, cursor, options.pattern)?.only(kind),
        keys_max: options.count,
        // So that a call on a table that lost its keys ends, too.
        buckets_left: options.count.saturating_mul(SCAN_BUCKETS_PER_KEY),
        has_type,
        encoded: Vec::new(),
    };
    let (now_ms, dialect) = (context.now_ms(), context.reply.dialect());
    page.fill(context.keyspace, now_ms, dialect, PAGE_WORK);
    if page.walk.undecided.is_empty() {
        page.reply(&mut context.reply);
    } else {
        context.answer_in_steps(page);
    }
    Ok(())
}

/// A page of SCAN. It ends when enough keys are visited or its work is used up, whichever comes
/// first; only if a match is not decided then, that is done in steps.
#[derive(Debug)]
struct ScanPage {
    walk: Walk,
    keys_max: usize,
    buckets_left: usize,
    /// Whether there are keys of such a type at all.
    has_type: bool,
    encoded: Vec<u8>,
}

impl ScanPage {
    fn fill(&mut self, keyspace: &Keyspace, now_ms: u64, dialect: Dialect, mut work: usize) {
        while work > 0
            && !self.walk.is_over()
            && self.walk.visited_count < self.keys_max
            && self.buckets_left > 0
        {
            self.buckets_left -= 1;
            self.go_on(keyspace, now_ms, dialect, &mut work);
        }
    }

    fn go_on(&mut self, keyspace: &Keyspace, now_ms: u64, dialect: Dialect, work: &mut usize) {
        let mut writer = ReplyWriter::new(&mut self.encoded, dialect);
        self.walk
            .go_on(keyspace, now_ms, work, |key| writer.bulk(key));
    }

    fn reply(&mut self, reply: &mut ReplyWriter<'_>) {
        let is_wanted = self.has_type;
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(self.walk.cursor).as_bytes());
        reply.array(if is_wanted {
            self.walk.matched_count
        } else {
            0
        });
        reply.raw(if is_wanted { &self.encoded } else { b"" });
    }
}

impl LongRead for ScanPage {
    fn step(&mut self, _: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let mut writer = ReplyWriter::new(&mut self.encoded, reply.dialect());
        let is_decided = self
            .walk
            .decide(&mut { STEP_WORK }, &mut |key: &[u8]| writer.bulk(key));
        if is_decided {
            self.reply(reply);
        }
        is_decided
    }

    fn used_bytes(&self) -> usize {
        self.walk.used_bytes() + self.encoded.len()
    }
}
