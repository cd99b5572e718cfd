//! How requests say that a stream is to be cut: `MAXLEN ~ 1000 LIMIT 50` and the like.
//!
//! Not here: cutting (`value/stream/write.rs`).

use super::ids::parse_id;
use crate::base::numbers::parse_i64;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::stream::{Threshold, Trim};

const TWO_STRATEGIES: ReplyError = ReplyError::fixed(
    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
);
const NEGATIVE_MAXLEN: ReplyError = ReplyError::fixed("ERR The MAXLEN argument must be >= 0.");
const NEGATIVE_LIMIT: ReplyError = ReplyError::fixed("ERR The LIMIT argument must be >= 0.");
const LIMIT_ALONE: ReplyError = ReplyError::fixed(
    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
);
const LIMIT_EXACT: ReplyError =
    ReplyError::fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");

/// Chunks that an approximate cut may remove, unless the request says how many entries.
const LIMIT_CHUNKS: u64 = 100;

/// Entries that it may remove if chunks are not limited by entries …
const LIMIT_OF_UNLIMITED: u64 = 10_000;

/// … and at most.
const LIMIT_MAX: u64 = 1_000_000;

/// What was said of cutting so far.
#[derive(Default)]
pub(super) struct Trimming {
    threshold: Option<Threshold>,
    is_approximate: bool,
    limit: Option<u64>,
}

impl Trimming {
    /// Takes the option at the beginning of `args`, if it is one about cutting; of how many
    /// arguments it consists.
    pub(super) fn take(&mut self, args: Args<'_>) -> Result<Option<usize>, ReplyError> {
        if args.len() < 2 {
            return Ok(None);
        }
        let name = args.get(0);
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        if is(b"limit") {
            let limit = parse_i64(args.get(1)).ok_or(ReplyError::NOT_INTEGER)?;
            self.limit = Some(u64::try_from(limit).map_err(|_| NEGATIVE_LIMIT)?);
            return Ok(Some(2));
        }
        let is_len = is(b"maxlen");
        if !is_len && !is(b"minid") {
            return Ok(None);
        }
        if self.threshold.is_some() {
            return Err(TWO_STRATEGIES);
        }
        let sign = match args.get(1) {
            sign @ (b"~" | b"=") if args.len() > 2 => Some(sign),
            _ => None,
        };
        self.is_approximate = sign == Some(b"~");
        let at = 1 + usize::from(sign.is_some());
        let text = args.get(at);
        self.threshold = Some(if is_len {
            let len = parse_i64(text).ok_or(ReplyError::NOT_INTEGER)?;
            Threshold::Len(u64::try_from(len).map_err(|_| NEGATIVE_MAXLEN)?)
        } else {
            Threshold::Id(parse_id(text)?)
        });
        Ok(Some(at + 1))
    }

    /// What is to be done, if anything.
    pub(super) fn end(self, chunk_entries_max: u64) -> Result<Option<Trim>, ReplyError> {
        if self.threshold.is_none() && self.limit.is_some_and(|limit| limit > 0) {
            return Err(LIMIT_ALONE);
        }
        if self.limit.is_some() && !self.is_approximate {
            return Err(LIMIT_EXACT);
        }
        let usual_limit = match chunk_entries_max {
            0 => LIMIT_OF_UNLIMITED,
            entries => entries.saturating_mul(LIMIT_CHUNKS).min(LIMIT_MAX),
        };
        let limit = match self.is_approximate {
            true => self.limit.unwrap_or(usual_limit),
            false => 0,
        };
        Ok(self.threshold.map(|threshold| Trim {
            threshold,
            is_approximate: self.is_approximate,
            limit,
        }))
    }
}
