//! Members of sorted sets that come, or get another score.

use crate::base::numbers::parse_f64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Checked, Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::structures::item::Code;
use crate::value::sorted_set::{SortedSet, Update};

pub(super) const COMMANDS: &[&CommandSpec] = &[&ZADD, &ZINCRBY];

const NOT_A_NUMBER: ReplyError = ReplyError::fixed("ERR resulting score is not a number (NaN)");
const NEW_AND_PRESENT: ReplyError =
    ReplyError::fixed("ERR XX and NX options at the same time are not compatible");
const CONTRADICTION: ReplyError =
    ReplyError::fixed("ERR GT, LT, and/or NX options at the same time are not compatible");
const SEVERAL_INCREMENTS: ReplyError =
    ReplyError::fixed("ERR INCR option supports a single increment-element pair");

static ZADD: CommandSpec = family::SORTED_SET
    .command(
        "zadd",
        "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        zadd,
    )
    .element(3)
    .summary("Gives members of a sorted set scores, and returns how many are new.")
    .since("1.2.0")
    .cost("O(number of members * log(size))")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE_UNTOLD)
    .divides(zadd_division, Joined::Sum)
    .checks_rows(Checked {
        check: check_scores,
        run: zadd,
    });

fn zadd_division(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let (rule, index) = Rule::read(args);
    rule.check((args.len() - index) / 2).ok()?;
    Division::from(args, index, 2)
}

/// Scores are all read before the first of them is given.
fn check_scores(_: &mut Context<'_>, args: Args<'_>) -> Result<bool, ReplyError> {
    let (_, index) = Rule::read(args);
    for index in (index..args.len()).step_by(2) {
        read_score(args.get(index))?;
    }
    Ok(true)
}

fn zadd(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (rule, index) = Rule::read(args);
    let pairs = args.skip(index);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    rule.check(pairs.len() / 2)?;
    let key = context.key(args, 1);
    add(context, key, pairs, rule)
}

static ZINCRBY: CommandSpec = family::SORTED_SET
    .command("zincrby", "key increment member", zincrby)
    .element(3)
    .summary("Counts the score of a member of a sorted set up or down, and returns it.")
    .since("1.2.0")
    .cost("O(log(size))")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE);

fn zincrby(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let rule = Rule {
        counts_up: true,
        ..Rule::default()
    };
    if Rule::default().take(args.get(2)) {
        // An option of ZADD is no number, and Redis takes it for what it is.
        return Err(ReplyError::SYNTAX);
    }
    let key = context.key(args, 1);
    add(context, key, args.skip(2), rule)
}

/// When a member gets a score, which one, and what is replied.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::command) struct Rule {
    /// Only if it is not there (NX).
    needs_absence: bool,
    /// Only if it is there (XX).
    needs_presence: bool,
    /// Only a greater one than it has (GT).
    needs_more: bool,
    /// Only a lesser one than it has (LT).
    needs_less: bool,
    /// Members with another score are counted, too (CH).
    tells_changes: bool,
    /// The score is added to what it has, and the sum is told (INCR).
    counts_up: bool,
}

impl Rule {
    /// Reads the options of ZADD; where the pairs begin that follow.
    fn read(args: Args<'_>) -> (Self, usize) {
        let mut rule = Self::default();
        let mut index = 2;
        while index < args.len() && rule.take(args.get(index)) {
            index += 1;
        }
        (rule, index)
    }

    /// Takes an option; false if it is none.
    fn take(&mut self, name: &[u8]) -> bool {
        let options: [(&[u8], &mut bool); 6] = [
            (b"nx", &mut self.needs_absence),
            (b"xx", &mut self.needs_presence),
            (b"gt", &mut self.needs_more),
            (b"lt", &mut self.needs_less),
            (b"ch", &mut self.tells_changes),
            (b"incr", &mut self.counts_up),
        ];
        for (known, option) in options {
            if name.eq_ignore_ascii_case(known) {
                *option = true;
                return true;
            }
        }
        false
    }

    /// Takes an option that GEOADD has, too; false if it is none.
    pub(in crate::command) fn take_of_places(&mut self, name: &[u8]) -> bool {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        (is(b"nx") || is(b"xx") || is(b"ch")) && self.take(name)
    }

    /// Whether no member can meet it.
    pub(in crate::command) fn contradicts_itself(&self) -> bool {
        self.needs_absence && self.needs_presence
    }

    /// Refuses options that contradict each other.
    fn check(&self, pair_count: usize) -> Result<(), ReplyError> {
        let conditions = [self.needs_absence, self.needs_more, self.needs_less];
        if self.contradicts_itself() {
            Err(NEW_AND_PRESENT)
        } else if conditions.iter().filter(|is_asked| **is_asked).count() > 1 {
            Err(CONTRADICTION)
        } else if self.counts_up && pair_count > 1 {
            Err(SEVERAL_INCREMENTS)
        } else {
            Ok(())
        }
    }

    /// The score that a member gets, if any; it may be NaN.
    fn decide(&self, old: Option<f64>, score: f64) -> Option<f64> {
        let Some(old) = old else {
            return (!self.needs_presence).then_some(score);
        };
        let new = if self.counts_up { old + score } else { score };
        let is_refused =
            self.needs_absence || self.needs_less && new >= old || self.needs_more && new <= old;
        (!is_refused).then_some(new)
    }
}

fn read_score(text: &[u8]) -> Result<f64, ReplyError> {
    parse_f64(text).ok_or(ReplyError::NOT_FLOAT)
}

/// Gives members scores as `rule` says, and replies. There is at least one pair.
pub(in crate::command) fn add(
    context: &mut Context<'_>,
    key: Key<'_>,
    pairs: Args<'_>,
    rule: Rule,
) -> Outcome {
    let first_score = read_score(pairs.get(0))?;
    // All scores are looked at before the first member changes.
    for index in (2..pairs.len()).step_by(2) {
        read_score(pairs.get(index))?;
    }
    let missing = match rule.needs_presence {
        true => Missing::Skip,
        false => Missing::Create,
    };
    let event = match rule.counts_up {
        true => Event::SortedIncrement,
        false => Event::SortedAdd,
    };
    let sum = context.change::<SortedSet, _>(key, missing, |set| {
        if pairs.len() > 2 && set.read().is_empty() {
            set.reserve(pairs.len() / 2, elements_len(pairs)?);
        }
        let mut sum = Sum::default();
        for index in (0..pairs.len()).step_by(2) {
            let score = match index {
                0 => first_score,
                _ => read_score(pairs.get(index))?,
            };
            let update = set.update(pairs.get(index + 1), |old| {
                sum.last_score = rule.decide(old, score);
                sum.last_score.filter(|score| !score.is_nan())
            });
            sum.added += i64::from(update == Update::Added);
            sum.changed += i64::from(update == Update::Changed);
        }
        if sum.last_score.is_some_and(f64::is_nan) {
            return Err(NOT_A_NUMBER);
        }
        Ok(Changed::when(sum.added + sum.changed > 0, event, sum))
    })?;
    let sum = sum.unwrap_or_default();
    match sum.last_score {
        Some(score) if rule.counts_up => context.reply.double(score),
        None if rule.counts_up => context.reply.null(),
        _ if rule.tells_changes => context.reply.integer(sum.added + sum.changed),
        _ => context.reply.integer(sum.added),
    }
    Ok(())
}

/// What a request has changed.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    added: i64,
    changed: i64,
    /// The score that the last member got, or has still.
    last_score: Option<f64>,
}

/// Bytes that pairs take in a small set.
fn elements_len(pairs: Args<'_>) -> Result<usize, ReplyError> {
    (0..pairs.len())
        .step_by(2)
        .map(|index| {
            let score = Code::of_score(read_score(pairs.get(index))?);
            Ok(score.byte_len() + Code::of_text(pairs.get(index + 1)).byte_len())
        })
        .sum()
}
