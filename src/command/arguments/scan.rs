//! What SCAN and its kin read alike, and a page of a scan of one collection's elements.
//!
//! ```text
//!  SSCAN key cursor [MATCH pattern] [COUNT count]
//!    read_cursor ─▶ the collection, or reply_empty ─▶ ScanPage::read ─▶ fill ─▶ answer
//!                                                         options       │
//!            a step of the scan ─▶ show(name) ─▶ Pattern ─┬─ yes ─▶ encoded
//!                                                         ├─ no
//!                                                         └─ not decided: kept, matched on later
//! ```
//!
//! Invariant: a page ends when COUNT elements were looked at or its work is used up, with the step
//! of the scan at which that is so: a leaf, or all of a small collection. Only a match that is not
//! decided then is gone on with in slices of the loop.
//!
//! Not here: matching (`base/glob`); the order of elements (`value/collection`).

use crate::base::glob::{Matching, Pattern};
use crate::base::limits::SCAN_KEYS_MAX;
use crate::base::numbers::{parse_i64, parse_u64};
use crate::context::Context;
use crate::keyspace::Keyspace;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::session::long_read::LongRead;
use crate::structures::item::Item;

/// Keys or elements that a call looks at if the request does not say.
const COUNT_DEFAULT: usize = 10;

/// What one step does at most, in bytes of keys: some ten microseconds.
pub(in crate::command) const STEP_WORK: usize = 8 * 1024;

/// What a page does at most: about a millisecond. Ten thousand keys of a hundred bytes are less.
pub(in crate::command) const PAGE_WORK: usize = 2 << 20;

/// What an element costs beside its bytes.
const WORK_AN_ELEMENT: usize = 16;

const TOO_MANY_CLASSES: ReplyError =
    ReplyError::fixed("ERR pattern has too many character classes");
const TOO_COMPLEX: ReplyError =
    ReplyError::fixed("ERR pattern is too complex to be matched inside a transaction");

/// The cursor that a request names.
///
/// # Errors
/// If it is none.
pub(in crate::command) fn read_cursor(text: &[u8]) -> Result<u64, ReplyError> {
    parse_u64(text).ok_or(ReplyError::INVALID_CURSOR)
}

/// Replies what a scan of nothing finds.
pub(in crate::command) fn reply_empty(reply: &mut ReplyWriter<'_>) {
    reply.array(2);
    reply.bulk(b"0");
    reply.array(0);
}

/// A pattern to match names with; none if it is `*`, which every name matches, also the empty one.
///
/// # Errors
/// If it is too complex: for any name, or for a walk that can't be made in steps.
pub(in crate::command) fn read_pattern(
    text: &[u8],
    may_wait: bool,
) -> Result<Option<Pattern>, ReplyError> {
    if text == b"*" {
        return Ok(None);
    }
    let pattern = Pattern::new(text, false).map_err(|_| TOO_MANY_CLASSES)?;
    if !may_wait && !pattern.is_easy() {
        return Err(TOO_COMPLEX);
    }
    Ok(Some(pattern))
}

/// `[MATCH pattern] [COUNT count]`; the last of several counts.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct ScanOptions<'a> {
    /// `*` if the request names none.
    pub(in crate::command) pattern: &'a [u8],
    /// Keys or elements to look at.
    pub(in crate::command) count: usize,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options, which are all of `words`. `other` is given the words of any other option,
    /// the name and what follows it, and tells how many of these belong to the option: 0 if it
    /// knows none of that name.
    ///
    /// # Errors
    /// If an option is unknown or has no value, or a bad one.
    pub(in crate::command) fn read(
        words: Args<'a>,
        mut other: impl FnMut(&[u8], Option<&[u8]>) -> usize,
    ) -> Result<Self, ReplyError> {
        let mut options = Self {
            pattern: b"*",
            count: COUNT_DEFAULT,
        };
        let mut index = 0;
        while index < words.len() {
            let name = words.get(index);
            let value = (index + 1 < words.len()).then(|| words.get(index + 1));
            index += match value {
                Some(value) if name.eq_ignore_ascii_case(b"count") => {
                    options.count = read_count(value)?;
                    2
                }
                Some(value) if name.eq_ignore_ascii_case(b"match") => {
                    options.pattern = value;
                    2
                }
                _ => match other(name, value) {
                    0 => return Err(ReplyError::SYNTAX),
                    taken => taken,
                },
            };
        }
        Ok(options)
    }
}

fn read_count(text: &[u8]) -> Result<usize, ReplyError> {
    let wanted = parse_i64(text).ok_or(ReplyError::NOT_INTEGER)?;
    if wanted < 1 {
        return Err(ReplyError::SYNTAX);
    }
    let count = usize::try_from(wanted).unwrap_or(SCAN_KEYS_MAX);
    Ok(count.min(SCAN_KEYS_MAX))
}

/// An element whose match is not decided yet.
#[derive(Debug)]
struct Undecided {
    name: Box<[u8]>,
    matching: Matching,
    /// What is replied of it if it matches.
    encoded: Box<[u8]>,
}

/// A page of SSCAN, HSCAN or ZSCAN: what one call replies.
#[derive(Debug)]
pub(in crate::command) struct ScanPage {
    pattern: Option<Pattern>,
    /// What an element that matches is replied as: 1 word, or 2.
    words_each: usize,
    dialect: Dialect,
    count: usize,
    cursor: u64,
    seen_count: usize,
    matched_count: usize,
    work: usize,
    encoded: Vec<u8>,
    undecided: Vec<Undecided>,
}

impl ScanPage {
    /// A page from `cursor` on, of elements of which `words_each` words are replied.
    ///
    /// # Errors
    /// If the pattern is too complex.
    pub(in crate::command) fn new(
        cursor: u64,
        options: ScanOptions<'_>,
        words_each: usize,
        way: PageWay,
    ) -> Result<Self, ReplyError> {
        Ok(Self {
            pattern: read_pattern(options.pattern, way.may_wait)?,
            words_each,
            dialect: way.dialect,
            count: options.count,
            cursor,
            seen_count: 0,
            matched_count: 0,
            work: PAGE_WORK,
            encoded: Vec::new(),
            undecided: Vec::new(),
        })
    }

    /// Takes steps of a scan until the page is full: `step` is given a cursor, shows the page the
    /// elements of one step ([`ScanPage::show`]), and returns the next cursor.
    pub(in crate::command) fn fill(&mut self, mut step: impl FnMut(&mut Self, u64) -> u64) {
        loop {
            self.cursor = step(self, self.cursor);
            if self.cursor == 0 || self.seen_count >= self.count || self.work == 0 {
                return;
            }
        }
    }

    /// Shows the page an element; if its name matches, `write` writes its words.
    pub(in crate::command) fn show(
        &mut self,
        name: Item<'_>,
        write: impl FnOnce(&mut ReplyWriter<'_>),
    ) {
        let mut buffer = itoa::Buffer::new();
        let name = name.text(&mut buffer);
        self.seen_count += 1;
        let mut matching = Matching::default();
        let is_match = match &self.pattern {
            Some(pattern) => pattern.go_on(&mut matching, name, &mut self.work),
            None => Some(true),
        };
        match is_match {
            Some(true) => {
                self.matched_count += 1;
                let len_before = self.encoded.len();
                write(&mut ReplyWriter::new(&mut self.encoded, self.dialect));
                let len = self.encoded.len() - len_before;
                self.work = self.work.saturating_sub(WORK_AN_ELEMENT + len);
            }
            Some(false) => self.work = self.work.saturating_sub(WORK_AN_ELEMENT),
            None => {
                let mut encoded = Vec::new();
                write(&mut ReplyWriter::new(&mut encoded, self.dialect));
                self.undecided.push(Undecided {
                    name: name.into(),
                    matching,
                    encoded: encoded.into(),
                });
            }
        }
    }

    /// Replies the page: now, or, if a match is not decided, in slices of the loop.
    pub(in crate::command) fn answer(self, context: &mut Context<'_>) {
        if self.undecided.is_empty() {
            self.reply(&mut context.reply);
        } else {
            context.answer_in_steps(self);
        }
    }

    fn reply(&self, reply: &mut ReplyWriter<'_>) {
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(self.cursor).as_bytes());
        reply.array(self.matched_count * self.words_each);
        reply.raw(&self.encoded);
    }
}

impl LongRead for ScanPage {
    fn step(&mut self, _: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let mut work = STEP_WORK;
        while let Some(last) = self.undecided.last_mut() {
            let pattern = self.pattern.as_ref();
            let is_match = pattern.map_or(Some(true), |pattern| {
                pattern.go_on(&mut last.matching, &last.name, &mut work)
            });
            match is_match {
                None => return false,
                Some(true) => {
                    self.matched_count += 1;
                    self.encoded.extend_from_slice(&last.encoded);
                }
                Some(false) => {}
            }
            self.undecided.pop();
        }
        self.reply(reply);
        true
    }

    fn used_bytes(&self) -> usize {
        let undecided = self.undecided.iter();
        let kept = undecided.map(|element| element.name.len() + element.encoded.len());
        self.encoded.len() + kept.sum::<usize>()
    }
}

/// How a page may be replied, as its request's surroundings have it.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct PageWay {
    dialect: Dialect,
    may_wait: bool,
}

impl PageWay {
    /// That of the present request.
    pub(in crate::command) fn of(context: &Context<'_>) -> Self {
        Self {
            dialect: context.reply.dialect(),
            may_wait: context.may_wait,
        }
    }
}
