//! Members and their scores in replies.
//!
//! ```text
//!             members        with scores
//!  RESP2      a b            a 1 b 2
//!  RESP3      a b            [a 1] [b 2]
//! ```
//!
//! Not here: how a score is written (`protocol/double_text.rs`).

use crate::command::long_work::random_read::RandomForm;
use crate::command::long_work::range::RangeForm;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::structures::block::ElementRef;
use crate::value::replied::Told;
use crate::value::sorted_set::Scored;

/// What is told of each member, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// The member alone.
    Members,
    /// The member, then its score.
    Flat,
    /// A list of both.
    Pairs,
}

impl Layout {
    /// That of a list with or without scores in a dialect.
    pub(super) fn new(has_scores: bool, dialect: Dialect) -> Self {
        match dialect {
            _ if !has_scores => Self::Members,
            Dialect::Resp2 | Dialect::Plain => Self::Flat,
            Dialect::Resp3 => Self::Pairs,
        }
    }

    /// The header of a list of so many members.
    pub(super) fn header(self, reply: &mut ReplyWriter<'_>, count: usize) {
        match self {
            Self::Members | Self::Pairs => reply.array(count),
            Self::Flat => reply.array(2 * count),
        }
    }

    /// One member.
    pub(super) fn write(self, reply: &mut ReplyWriter<'_>, (member, score): Scored<'_>) {
        match self {
            Self::Members => reply.item(member),
            Self::Flat => {
                reply.item(member);
                reply.double(score);
            }
            Self::Pairs => {
                reply.array(2);
                reply.item(member);
                reply.double(score);
            }
        }
    }

    /// The same for elements of a sorted set by score.
    pub(super) fn range_form(self) -> RangeForm {
        let header: fn(&mut ReplyWriter<'_>, usize) = match self {
            Self::Members | Self::Pairs => |reply, count| reply.array(count),
            Self::Flat => |reply, count| reply.array(2 * count),
        };
        let told = match self {
            Self::Members => Told::Key,
            Self::Flat => Told::Scored,
            Self::Pairs => Told::ScoredPair,
        };
        RangeForm { header, told }
    }

    /// The same for elements chosen at random.
    pub(super) fn random_form(self) -> RandomForm {
        let tell: fn(&mut ReplyWriter<'_>, ElementRef<'_>) = match self {
            Self::Members => |reply, element| Told::Key.write(reply, element),
            Self::Flat => |reply, element| Told::Scored.write(reply, element),
            Self::Pairs => |reply, element| Told::ScoredPair.write(reply, element),
        };
        let header = self.range_form().header;
        RandomForm { header, tell }
    }

    /// A list of `count` members, which is given up where the reply gets too long.
    pub(super) fn write_all<'a>(
        self,
        reply: &mut ReplyWriter<'_>,
        count: usize,
        members: impl Iterator<Item = Scored<'a>>,
    ) {
        self.header(reply, count);
        for scored in members {
            self.write(reply, scored);
            if reply.is_over() {
                return;
            }
        }
    }
}
