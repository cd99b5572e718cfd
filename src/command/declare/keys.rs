//! Which arguments of a command are keys, and what is done to them.
//!
//! ```text
//!  ZUNIONSTORE destination numkeys key …   Part::at(1)    Part::counted(2)
//!  XREAD … STREAMS key … id …              Part::after("STREAMS", 1).through(-1, 1).share(2)
//!  SORT key … STORE destination            Part::at(1)    Part::after("STORE", 2).optional()
//! ```
//!
//! A command has parts of keys; the same is done to all keys of a part. A part begins at a place,
//! or after a word; it goes so many arguments on, or as far as a number says that stands there.
//!
//! 1. What a part is follows Redis's key specifications, so COMMAND INFO shows the parts as they
//!    are.
//! 2. [`Keys::find`] gives indexes of the request only, whatever the request says.
//!
//! Cost: the place of the first key is kept apart, since every request is asked for it; to find all
//! keys is O(arguments).
//!
//! Not here: what may be done to a key (`access.rs`).

use super::access::Access;
use crate::base::numbers::parse_i64;
use crate::protocol::args::Args;
use std::iter::StepBy;
use std::ops::Range;

/// Where a part begins.
#[cfg_attr(not(feature = "internals"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this argument; the command's name is argument 0.
    Index(u8),
    /// After this word.
    Word {
        /// The word, in any letter case.
        word: &'static str,
        /// The first argument that may be it.
        from: u8,
        /// Other words that may come before it, and how many arguments belong to each: those are
        /// not the word, whatever they are.
        others: &'static [(&'static str, u8)],
        /// Whether it is the last such word that counts, not the first.
        is_last: bool,
    },
}

/// How far a part goes from where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every `step`-th argument.
    Range {
        /// The last key, counted from the first; from the end of the request if negative (-1 is the
        /// last argument).
        last: i8,
        /// Distance between keys.
        step: u8,
        /// Keys are only the first of so many equal shares of all that follows; 0 and 1 mean all.
        share: u8,
    },
    /// At the beginning stands how many keys follow.
    Counted {
        /// Distance between keys.
        step: u8,
    },
}

/// Keys of a command that stand together and that the same is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it begins.
    pub begin: Begin,
    /// How far it goes.
    pub extent: Extent,
    /// What is done to the keys, if it is not what the command does to all of its keys.
    pub access: Option<Access>,
    /// A request may be without it.
    pub is_optional: bool,
}

#[cfg_attr(not(feature = "internals"), allow(dead_code))]
impl Part {
    /// One key at this argument.
    pub const fn at(index: u8) -> Self {
        Self::beginning(Begin::Index(index))
    }

    /// As many keys as the argument `index` says, right after it.
    pub const fn counted(index: u8) -> Self {
        let mut part = Self::at(index);
        part.extent = Extent::Counted { step: 1 };
        part
    }

    /// One key after a word, which is looked for from the argument `from` on.
    pub const fn after(word: &'static str, from: u8) -> Self {
        Self::beginning(Begin::Word {
            word,
            from,
            others: &[],
            is_last: false,
        })
    }

    const fn beginning(begin: Begin) -> Self {
        Self {
            begin,
            extent: Extent::Range {
                last: 0,
                step: 1,
                share: 0,
            },
            access: None,
            is_optional: false,
        }
    }

    /// Other words before the one looked for, each with its number of arguments.
    #[must_use]
    pub const fn besides(mut self, others: &'static [(&'static str, u8)]) -> Self {
        if let Begin::Word { others: none, .. } = &mut self.begin {
            *none = others;
        }
        self
    }

    /// The word may come several times, and the last one counts.
    #[must_use]
    pub const fn last(mut self) -> Self {
        if let Begin::Word { is_last, .. } = &mut self.begin {
            *is_last = true;
        }
        self
    }

    /// Keys up to the last, counted from the first or, if negative, from the end; `step` apart.
    #[must_use]
    pub const fn through(mut self, last: i8, step: u8) -> Self {
        let share = 0;
        self.extent = Extent::Range { last, step, share };
        self
    }

    /// Counted keys `step` apart.
    #[must_use]
    pub const fn spaced(mut self, step: u8) -> Self {
        self.extent = Extent::Counted { step };
        self
    }

    /// Of all that follows, keys are the first of so many equal shares.
    #[must_use]
    pub const fn share(mut self, share: u8) -> Self {
        if let Extent::Range { last, step, .. } = self.extent {
            self.extent = Extent::Range { last, step, share };
        }
        self
    }

    /// What is done to its keys.
    #[must_use]
    pub const fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// A request may be without it.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// The first key, the last and their distance, if the part is a range at a fixed place; the
    /// last counts from the end if negative.
    const fn range(&self) -> Option<(u8, i8, u8)> {
        let (Begin::Index(first), Extent::Range { last, step, .. }) = (self.begin, self.extent)
        else {
            return None;
        };
        let last = if last < 0 { last } else { last + first as i8 };
        Some((first, last, step))
    }

    /// Indexes of its keys, of which there is at least one, if the request has them.
    fn find(&self, request: Args<'_>) -> Option<StepBy<Range<usize>>> {
        let begin = self.begin.find(request)?;
        let (first, last, step) = match self.extent {
            Extent::Range { last, step, share } => {
                let end = match share {
                    0 | 1 => request.len(),
                    _ => begin + request.len().checked_sub(begin)? / usize::from(share),
                };
                let from_last = usize::from(last.unsigned_abs());
                let last = match last {
                    0.. => begin + from_last,
                    _ => end.checked_sub(from_last)?,
                };
                (begin, last, step)
            }
            Extent::Counted { step } => {
                let key_count = parse_i64(request.iter().nth(begin)?)?;
                let gap_count = usize::try_from(key_count).ok()?.checked_sub(1)?;
                let first = begin + 1;
                let last = gap_count.checked_mul(usize::from(step))?;
                (first, last.checked_add(first)?, step)
            }
        };
        let is_inside = first <= last && last < request.len();
        is_inside.then(|| (first..last + 1).step_by(usize::from(step)))
    }
}

impl Begin {
    fn find(self, request: Args<'_>) -> Option<usize> {
        let (wanted, from, others, is_last) = match self {
            Self::Index(index) => return Some(usize::from(index)),
            Self::Word {
                word,
                from,
                others,
                is_last,
            } => (word, usize::from(from), others, is_last),
        };
        let mut found = None;
        let mut words = request.iter().enumerate().skip(from);
        while let Some((index, word)) = words.next() {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            if is(wanted) {
                found = Some(index + 1);
                if !is_last {
                    return found;
                }
                // What follows it is its key.
                words.next();
                continue;
            }
            let other = others.iter().find(|(name, _)| is(name));
            let argument_count = other.map_or(0, |&(_, count)| usize::from(count));
            words.by_ref().take(argument_count).for_each(drop);
        }
        found
    }
}

/// All parts of keys of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    parts: &'static [Part],
    /// Index of the first key if it stands at a fixed place, and 0 otherwise.
    first: u8,
}

impl Keys {
    /// None.
    pub const NONE: Self = Self::of(&[]);
    /// One key as first argument.
    pub const FIRST: Self = Self::of(&[Part::at(1)]);
    /// One key after the name of a subcommand.
    pub const SECOND: Self = Self::of(&[Part::at(2)]);
    /// All arguments are keys.
    pub const ALL: Self = Self::of(&[Part::at(1).through(-1, 1)]);

    /// Keys in these parts.
    pub const fn of(parts: &'static [Part]) -> Self {
        let first = match parts {
            [] => 0,
            [part, ..] => match (part.begin, part.extent) {
                (Begin::Index(index), Extent::Range { .. }) => index,
                (Begin::Index(index), Extent::Counted { .. }) => index + 1,
                (Begin::Word { .. }, _) => 0,
            },
        };
        Self { parts, first }
    }

    /// The parts.
    pub const fn parts(self) -> &'static [Part] {
        self.parts
    }

    /// The index of its only key and its part, if it always has just one, at a fixed place.
    #[inline]
    pub const fn single(self) -> Option<(usize, &'static Part)> {
        match self.parts {
            [part] => match (part.begin, part.extent) {
                (
                    Begin::Index(index),
                    Extent::Range {
                        last: 0, share: 0, ..
                    },
                ) => Some((index as usize, part)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the command has no keys.
    pub const fn is_none(self) -> bool {
        self.parts.is_empty()
    }

    /// Index of the first key, if the command has one at a fixed place.
    #[inline]
    pub const fn first_index(self) -> Option<usize> {
        match self.first {
            0 => None,
            index => Some(index as usize),
        }
    }

    /// Index of its key, if the command has one at a fixed place, and no others.
    #[inline]
    pub const fn only_index(self) -> Option<usize> {
        match self.parts {
            [part] => match (part.begin, part.extent) {
                (Begin::Index(index), Extent::Range { last: 0, .. }) => Some(index as usize),
                (Begin::Index(_) | Begin::Word { .. }, _) => None,
            },
            [] | [_, _, ..] => None,
        }
    }

    /// The keys of a request: their indexes, part by part, each with its part. `None` if the
    /// request does not have them. Without keys of their own, optional parts give none.
    pub fn find(self, request: Args<'_>) -> Option<impl Iterator<Item = (usize, &'static Part)>> {
        let found = move |part: &'static Part| {
            let indexes = part.find(request).into_iter().flatten();
            indexes.map(move |index| (index, part))
        };
        let is_there = |part: &Part| part.is_optional || part.find(request).is_some();
        let is_whole = !self.is_none() && self.parts.iter().all(is_there);
        is_whole.then(|| self.parts.iter().flat_map(found))
    }

    /// Whether it takes a look at the arguments to find all keys.
    pub fn are_movable(self) -> bool {
        self.parts.iter().any(|part| part.range().is_none())
    }

    /// What COMMAND INFO says for clients that know one range only: the first key, the last and
    /// their distance, over all parts at fixed places; zeros if there is none.
    pub fn triple(self) -> (u8, i8, u8) {
        let ranges = self.parts.iter().filter_map(Part::range);
        // From the end is further than any place.
        let further = |one: i8, other: i8| (one as u8).max(other as u8) as i8;
        ranges
            .reduce(|(first, last, _), (other_first, other_last, _)| {
                (first.min(other_first), further(last, other_last), 1)
            })
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
