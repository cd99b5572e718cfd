//! How a request that names very many keys or elements is done in portions.
//!
//! ```text
//!  request    HSET key │ f1 v1 │ f2 v2 │ … │ f100000 v100000      head │ rows
//!  portions   HSET key f1 v1 … f128 v128,  HSET key f129 …        their replies: joined to one
//!
//!  request    SPOP key 500000                                     a number, at its place
//!  portions   SPOP key 128,  SPOP key 128, …
//! ```
//!
//! A portion is a request of the same command, run by the same handler. While they are under way,
//! nobody else touches a key, so all of them are one moment. Only what can't fail after its first
//! portion is declared so: what is wrong is found by the handler, or before ([`Portions::find`]),
//! or all rows are checked in portions first ([`Checked`]).
//!
//! Cost: for requests of at most [`WHOLE_ARGUMENTS_MAX`] arguments one comparison.
//!
//! Not here: when they are run (`engine/portions.rs`).

use super::handler::Handler;
use crate::base::numbers::parse_i64;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use std::ops::Range;

/// A request of no more arguments is never divided: it takes less than a millisecond.
pub(in crate::command) const WHOLE_ARGUMENTS_MAX: u16 = 1_024;

/// A request about no more keys or elements is never divided.
const WHOLE_ROWS_MAX: u64 = 1_024;

/// A request with more arguments besides the divided ones is not divided: each portion has them.
const REPEATED_ARGUMENTS_MAX: usize = 64;

/// What becomes of the replies of portions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Integers, of which the sum is replied.
    Sum,
    /// Any, of which the last is replied.
    Last,
    /// Arrays of the same length for each row, which are replied as one.
    Array,
    /// A key and such an array.
    KeyAndArray,
    /// Arrays of any length, which are replied as one.
    Rows,
}

/// Of what a request consists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// The arguments that are divided; what stands before and after them is in every portion.
    pub rows: Range<usize>,
    /// So many arguments are one row.
    pub row: usize,
    /// The argument that says how many rows there are, if one does.
    pub count_at: Option<usize>,
    /// How many rows there are.
    pub count: u64,
}

impl Division {
    /// Rows of so many arguments, from one on to the last; `None` if they are not whole rows.
    pub fn from(args: Args<'_>, first: usize, row: usize) -> Option<Self> {
        let len = args.len().checked_sub(first)?;
        len.is_multiple_of(row).then(|| Self {
            rows: first..args.len(),
            row,
            count_at: None,
            count: (len / row) as u64,
        })
    }

    /// A request in which an argument says how many elements it is about.
    pub fn counted(args: Args<'_>, count_at: usize, count: u64) -> Self {
        Self {
            rows: args.len()..args.len(),
            row: 1,
            count_at: Some(count_at),
            count,
        }
    }

    /// Fields after the word FIELDS and their number, up to the last argument.
    pub fn fields(args: Args<'_>, from: usize, row: usize) -> Option<Self> {
        let mut words = from..args.len();
        let word = words.find(|&index| args.get(index).eq_ignore_ascii_case(b"fields"))?;
        if word + 2 >= args.len() {
            return None;
        }
        let division = Self::from(args, word + 2, row)?;
        let count = parse_i64(args.get(word + 1))?;
        (u64::try_from(count) == Ok(division.count)).then_some(Self {
            count_at: Some(word + 1),
            ..division
        })
    }
}

/// Divides a request; `None` if it is wrong, which its handler will say.
pub type Divide = fn(&Context<'_>, Args<'_>) -> Option<Division>;

/// How all rows of a request are checked before the first portion of it is run.
#[derive(Clone, Copy)]
pub struct Checked {
    /// Checks those of a portion. False if nothing is to be done, which it has replied.
    pub check: fn(&mut Context<'_>, Args<'_>) -> Result<bool, ReplyError>,
    /// Runs a portion whose request was checked.
    pub run: Handler,
}

/// See the module header.
#[derive(Clone, Copy)]
pub struct Portions {
    divide: Divide,
    /// How rows are checked first, if they are.
    pub checked: Option<Checked>,
    /// What becomes of the replies.
    pub joined: Joined,
    /// Rows are keys, so that portions have events of their own. Otherwise all are about one key,
    /// and an event that they repeat is told once.
    pub are_keys: bool,
}

impl Portions {
    /// Of keys.
    pub(in crate::command) const fn of_keys(divide: Divide, joined: Joined) -> Self {
        Self {
            divide,
            checked: None,
            joined,
            are_keys: true,
        }
    }

    /// Of elements of one key.
    pub(in crate::command) const fn of_elements(divide: Divide, joined: Joined) -> Self {
        Self {
            divide,
            checked: None,
            joined,
            are_keys: false,
        }
    }

    /// The same, with rows that are checked first.
    pub(in crate::command) const fn checked(self, checked: Checked) -> Self {
        Self {
            checked: Some(checked),
            ..self
        }
    }

    /// How a request is divided, if it is so long that it is.
    pub fn find(&self, context: &Context<'_>, args: Args<'_>) -> Option<Division> {
        let division = (self.divide)(context, args)?;
        let others = args.len() - division.rows.len();
        let is_divided = division.count > WHOLE_ROWS_MAX && others <= REPEATED_ARGUMENTS_MAX;
        is_divided.then_some(division)
    }
}

/// Keys from the first argument on: DEL, MGET.
pub(in crate::command) fn keys(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    Division::from(args, 1, 1)
}

/// Pairs of a key and another argument: MSET.
pub(in crate::command) fn key_pairs(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    Division::from(args, 1, 2)
}

/// Elements after the key: SADD, HMGET.
pub(in crate::command) fn elements(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    Division::from(args, 2, 1)
}

/// Pairs after the key: HSET.
pub(in crate::command) fn pairs(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    Division::from(args, 2, 2)
}

/// Fields that are counted: HTTL.
pub(in crate::command) fn fields(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    Division::fields(args, 2, 1)
}
