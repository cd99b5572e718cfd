//! How requests spell ranges of sorted sets.
//!
//! ```text
//!  ranks    start stop                             0 is the first, -1 the last
//!  scores   min max           1  (1  -inf  +inf    with a bracket: not the score itself
//!  texts    min max           [a  (a  -  +         from or to all that are there
//!  options  [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
//! ```
//!
//! The older commands are the same, with some of the options decided by their names.
//!
//! Not here: which members a range has (`value/sorted_set/range.rs`).

use crate::base::numbers::{parse_f64_leniently, parse_i64};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::sorted_set::range::{Query, Span, TextBound};
use std::ops::Bound;

const SCORE_BOUND: ReplyError = ReplyError::fixed("ERR min or max is not a float");
const TEXT_BOUND: ReplyError = ReplyError::fixed("ERR min or max not valid string range item");
const LIMITED_RANKS: ReplyError = ReplyError::fixed(
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
);
const SCORES_OF_TEXTS: ReplyError =
    ReplyError::fixed("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

/// What the ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Ranks.
    Rank,
    /// Scores.
    Score,
    /// Texts.
    Text,
}

impl By {
    /// The range between two ends, the lesser of which comes first.
    ///
    /// # Errors
    /// If one of them is none.
    pub(super) fn read<'a>(self, min: &'a [u8], max: &'a [u8]) -> Result<Span<'a>, ReplyError> {
        match self {
            Self::Rank => Ok(Span::Ranks {
                start: parse_i64(min).ok_or(ReplyError::NOT_INTEGER)?,
                stop: parse_i64(max).ok_or(ReplyError::NOT_INTEGER)?,
            }),
            Self::Score => Ok(Span::Scores {
                min: read_score_bound(min).ok_or(SCORE_BOUND)?,
                max: read_score_bound(max).ok_or(SCORE_BOUND)?,
            }),
            Self::Text => Ok(Span::Texts {
                min: read_text_bound(min).ok_or(TEXT_BOUND)?,
                max: read_text_bound(max).ok_or(TEXT_BOUND)?,
            }),
        }
    }
}

fn read_score_bound(text: &[u8]) -> Option<Bound<f64>> {
    match text {
        [b'(', score @ ..] => parse_f64_leniently(score).map(Bound::Excluded),
        score => parse_f64_leniently(score).map(Bound::Included),
    }
}

fn read_text_bound(text: &[u8]) -> Option<TextBound<'_>> {
    match text {
        [b'-'] | [b'-', 0, ..] => Some(TextBound::First),
        [b'+'] | [b'+', 0, ..] => Some(TextBound::Last),
        [b'[', text @ ..] => Some(TextBound::Included(text)),
        [b'(', text @ ..] => Some(TextBound::Excluded(text)),
        _ => None,
    }
}

/// What the name of a command decides of its ranges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// What the ends are; none if the options say it.
    pub(super) by: Option<By>,
    /// Whether the last member comes first; none if the options say it.
    pub(super) is_reversed: Option<bool>,
    /// Whether WITHSCORES may be asked for.
    pub(super) may_have_scores: bool,
}

/// A range that a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct RangeRequest<'a> {
    /// Which members.
    pub(super) query: Query<'a>,
    /// Whether with their scores.
    pub(super) has_scores: bool,
}

impl<'a> RangeRequest<'a> {
    /// Reads two ends and the options after them.
    ///
    /// # Errors
    /// What is wrong with them, in Redis's words.
    pub(super) fn read(words: Args<'a>, form: Form) -> Result<Self, ReplyError> {
        let Form {
            mut by,
            mut is_reversed,
            may_have_scores,
        } = form;
        let (mut offset, mut count, mut has_scores) = (0, -1, false);
        let mut index = 2;
        while index < words.len() {
            let is = |name: &[u8]| words.get(index).eq_ignore_ascii_case(name);
            if may_have_scores && is(b"withscores") {
                has_scores = true;
            } else if is(b"limit") && index + 2 < words.len() {
                offset = parse_i64(words.get(index + 1)).ok_or(ReplyError::NOT_INTEGER)?;
                count = parse_i64(words.get(index + 2)).ok_or(ReplyError::NOT_INTEGER)?;
                index += 2;
            } else if is_reversed.is_none() && is(b"rev") {
                is_reversed = Some(true);
            } else if by.is_none() && is(b"bylex") {
                by = Some(By::Text);
            } else if by.is_none() && is(b"byscore") {
                by = Some(By::Score);
            } else {
                return Err(ReplyError::SYNTAX);
            }
            index += 1;
        }
        let by = by.unwrap_or(By::Rank);
        let is_reversed = is_reversed.unwrap_or(false);
        if by == By::Rank && count != -1 {
            return Err(LIMITED_RANKS);
        }
        if by == By::Text && has_scores {
            return Err(SCORES_OF_TEXTS);
        }
        let (min, max) = match is_reversed && by != By::Rank {
            true => (words.get(1), words.get(0)),
            false => (words.get(0), words.get(1)),
        };
        let span = by.read(min, max)?;
        // Ranks are not limited: what stands there means nothing.
        let offset = if by == By::Rank { 0 } else { offset };
        let query = Query {
            span,
            is_reversed,
            offset,
            count,
        };
        Ok(Self { query, has_scores })
    }
}
