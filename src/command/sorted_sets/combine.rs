//! Union, intersection and difference of several keys, told, counted or stored.
//!
//! ```text
//!  numkeys key … ─▶ types are looked at ─▶ options ─▶ sources ─▶ members in order ─▶ reply
//!                                                                               └─▶ copy ─▶ key
//! ```
//!
//! Not here: how they are combined (`value/sorted_set/combine.rs`).

use super::layout::Layout;
use super::stored::StoredMembers;
use crate::base::numbers::{parse_f64, parse_i64};
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::WHOLE_ARGUMENTS_MAX;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::build::{Target, may_take_steps};
use crate::command::long_work::finding;
use crate::command::long_work::several::{self, Several};
use crate::context::Context;
use crate::context::job::Steps;
use crate::keyspace::{Event, Key, Keyspace, Memory};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::sorted_set::combine::{
    Aggregate, Combination, Source, combine, intersection_count, may_be_combined,
};
use std::ops::Range;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &ZUNION,
    &ZINTER,
    &ZDIFF,
    &ZUNIONSTORE,
    &ZINTERSTORE,
    &ZDIFFSTORE,
    &ZINTERCARD,
];

const WEIGHT: ReplyError = ReplyError::fixed("ERR weight value is not a float");
const LIMIT: ReplyError = ReplyError::fixed("ERR LIMIT can't be negative");

const READ: Flags = Flags::READ_ONLY.and(Flags::MOVABLE_KEYS);
const STORE: Flags = (Flags::WRITE.and(Flags::DENY_OOM)).and(Flags::MOVABLE_KEYS);
const SOURCES: Keys = Keys::of(&[Part::counted(1)]);
const TARGET_AND_SOURCES: Keys = Keys::of(&[
    Part::at(1).access(Access::REPLACE),
    Part::counted(2).access(Access::READ),
]);

const UNION_COST: &str = "O(n log(n)) for the n members of all keys";
const INTERSECTION_COST: &str =
    "O(n * keys * log(size) + m log(m)) for the n members of the smallest key and m of the result";
const DIFFERENCE_COST: &str = "O(n * keys * log(size)) for the n members of the first key";

static ZUNION: CommandSpec = family::SORTED_SET
    .command(
        "zunion",
        "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
        zunion,
    )
    .summary("Returns the members that are in any of several sorted sets.")
    .since("6.2.0")
    .cost(UNION_COST)
    .flags(READ)
    .keys(SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_tell(context, args, Combination::Union)
    });

fn zunion(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    tell(context, args, Combination::Union, "zunion")
}

static ZINTER: CommandSpec = family::SORTED_SET
    .command(
        "zinter",
        "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
        zinter,
    )
    .summary("Returns the members that are in all of several sorted sets.")
    .since("6.2.0")
    .cost(INTERSECTION_COST)
    .flags(READ)
    .keys(SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_tell(context, args, Combination::Intersection)
    });

fn zinter(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    tell(context, args, Combination::Intersection, "zinter")
}

static ZDIFF: CommandSpec = family::SORTED_SET
    .command("zdiff", "numkeys key [key ...] [WITHSCORES]", zdiff)
    .summary("Returns the members of a sorted set that are in none of others.")
    .since("6.2.0")
    .cost(DIFFERENCE_COST)
    .flags(READ)
    .keys(SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_tell(context, args, Combination::Difference)
    });

fn zdiff(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    tell(context, args, Combination::Difference, "zdiff")
}

static ZUNIONSTORE: CommandSpec = family::SORTED_SET
    .command(
        "zunionstore",
        "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
        zunionstore,
    )
    .summary("Stores the members that are in any of several sorted sets.")
    .since("2.0.0")
    .cost(UNION_COST)
    .flags(STORE)
    .keys(TARGET_AND_SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_store(context, args, Combination::Union, Event::SortedUnite)
    });

fn zunionstore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let event = Event::SortedUnite;
    store(context, args, Combination::Union, "zunionstore", event)
}

static ZINTERSTORE: CommandSpec = family::SORTED_SET
    .command(
        "zinterstore",
        "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
        zinterstore,
    )
    .summary("Stores the members that are in all of several sorted sets.")
    .since("2.0.0")
    .cost(INTERSECTION_COST)
    .flags(STORE)
    .keys(TARGET_AND_SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_store(
            context,
            args,
            Combination::Intersection,
            Event::SortedIntersect,
        )
    });

fn zinterstore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let event = Event::SortedIntersect;
    store(
        context,
        args,
        Combination::Intersection,
        "zinterstore",
        event,
    )
}

static ZDIFFSTORE: CommandSpec = family::SORTED_SET
    .command(
        "zdiffstore",
        "destination numkeys key [key ...]",
        zdiffstore,
    )
    .summary("Stores the members of a sorted set that are in none of others.")
    .since("6.2.0")
    .cost(DIFFERENCE_COST)
    .flags(STORE)
    .keys(TARGET_AND_SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_store(
            context,
            args,
            Combination::Difference,
            Event::SortedSubtract,
        )
    });

fn zdiffstore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let event = Event::SortedSubtract;
    store(context, args, Combination::Difference, "zdiffstore", event)
}

static ZINTERCARD: CommandSpec = family::SORTED_SET
    .command(
        "zintercard",
        "numkeys key [key ...] [LIMIT limit]",
        zintercard,
    )
    .summary("Returns how many members several sorted sets have in common.")
    .since("7.0.0")
    .cost(INTERSECTION_COST)
    .flags(READ)
    .keys(SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, find_to_count);

fn zintercard(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let keys = look_at_keys(context, args, 1, "zintercard")?;
    let limit = parse_limit(args.skip(keys.end))?;
    let options = Options::default();
    if let Some(several) = hold_if_long(
        context,
        args,
        keys.clone(),
        Combination::Intersection,
        &options,
    )? {
        several::tell_count(context, several, limit as u64);
        return Ok(());
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let sources = sources(context.keyspace, database, now_ms, args, keys, &[]);
    let count = intersection_count(&sources, limit);
    context.reply.integer(count as i64);
    Ok(())
}

/// `[LIMIT limit]`: how many members are counted.
fn parse_limit(mut words: Args<'_>) -> Result<usize, ReplyError> {
    let mut limit = 0;
    while !words.is_empty() {
        if words.len() < 2 || !words.get(0).eq_ignore_ascii_case(b"limit") {
            return Err(ReplyError::SYNTAX);
        }
        let number = parse_i64(words.get(1)).and_then(|limit| usize::try_from(limit).ok());
        limit = number.ok_or(LIMIT)?;
        words = words.skip(2);
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}

fn find_to_count(context: &mut Context<'_>, args: Args<'_>) -> Option<Box<dyn Steps>> {
    let keys = parse_keys(args, 1, "zintercard").ok()?;
    let limit = parse_limit(args.skip(keys.end)).ok()?;
    let end = move |context: &mut Context<'_>, _: Args<'_>, several| {
        several::tell_count(context, several, limit as u64);
    };
    let options = Options::default();
    find(context, keys, Combination::Intersection, options, true, end)
}

fn find_to_tell(
    context: &Context<'_>,
    args: Args<'_>,
    combination: Combination,
) -> Option<Box<dyn Steps>> {
    let keys = parse_keys(args, 1, "").ok()?;
    let options = Options::read(args.skip(keys.end), keys.len(), combination, true).ok()?;
    let has_scores = options.has_scores;
    let end = move |context: &mut Context<'_>, _: Args<'_>, several| {
        tell_held(context, several, has_scores);
    };
    find(context, keys, combination, options, true, end)
}

fn find_to_store(
    context: &Context<'_>,
    args: Args<'_>,
    combination: Combination,
    event: Event,
) -> Option<Box<dyn Steps>> {
    let keys = parse_keys(args, 2, "").ok()?;
    let options = Options::read(args.skip(keys.end), keys.len(), combination, false).ok()?;
    let end = move |context: &mut Context<'_>, args: Args<'_>, several| {
        store_held(context, args, several, event);
    };
    find(context, keys, combination, options, false, end)
}

/// The steps of a request that names very many keys; `end` gets what they hold.
fn find(
    context: &Context<'_>,
    keys: Range<usize>,
    combination: Combination,
    options: Options,
    is_read: bool,
    end: impl FnOnce(&mut Context<'_>, Args<'_>, Several) + Send + 'static,
) -> Option<Box<dyn Steps>> {
    let request = finding::Request {
        keys,
        may_be: may_be_combined,
        is_idempotent: false,
        is_read,
    };
    let operation = several::Operation {
        combination,
        aggregate: options.aggregate,
        weights: options.weights,
    };
    finding::find(context, request, operation, end)
}

/// Replies a combination of what is held, in slices.
fn tell_held(context: &mut Context<'_>, several: Several, has_scores: bool) {
    let layout = Layout::new(has_scores, context.reply.dialect());
    several::tell_sorted_set(context, several, layout.range_form());
}

/// Stores a combination of what is held, in slices.
fn store_held(context: &mut Context<'_>, args: Args<'_>, several: Several, event: Event) {
    let (database, key) = (context.database(), context.key(args, 1));
    let target = Target::new(database, key, event, |reply, count| {
        reply.integer(count as i64);
    });
    several::store_sorted_set(context, several, target);
}

/// Replies a combination.
fn tell(
    context: &mut Context<'_>,
    args: Args<'_>,
    combination: Combination,
    command: &str,
) -> Outcome {
    let keys = look_at_keys(context, args, 1, command)?;
    let options = Options::read(args.skip(keys.end), keys.len(), combination, true)?;
    if let Some(several) = hold_if_long(context, args, keys.clone(), combination, &options)? {
        tell_held(context, several, options.has_scores);
        return Ok(());
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let Context {
        keyspace, reply, ..
    } = context;
    let sources = sources(keyspace, database, now_ms, args, keys, &options.weights);
    let members = combine(combination, &sources, options.aggregate);
    let layout = Layout::new(options.has_scores, reply.dialect());
    layout.write_all(reply, members.len(), members.into_iter());
    Ok(())
}

/// Stores a combination.
fn store(
    context: &mut Context<'_>,
    args: Args<'_>,
    combination: Combination,
    command: &str,
    event: Event,
) -> Outcome {
    let keys = look_at_keys(context, args, 2, command)?;
    let options = Options::read(args.skip(keys.end), keys.len(), combination, false)?;
    if let Some(several) = hold_if_long(context, args, keys.clone(), combination, &options)? {
        store_held(context, args, several, event);
        return Ok(());
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let weights = &options.weights;
    let sources = sources(context.keyspace, database, now_ms, args, keys, weights);
    let members = combine(combination, &sources, options.aggregate);
    let members = StoredMembers::copy(members.into_iter());
    let target = context.key(args, 1);
    members.store(context, target, event);
    Ok(())
}

/// The indexes of the keys, how many of which the argument at `count_index` says. Each of them has
/// been looked up for a read.
///
/// # Errors
/// If there are not as many, or one of them holds another type.
fn look_at_keys(
    context: &mut Context<'_>,
    args: Args<'_>,
    count_index: usize,
    command: &str,
) -> Result<Range<usize>, ReplyError> {
    let keys = parse_keys(args, count_index, command)?;
    for index in keys.clone() {
        let key = context.key(args, index);
        let kind = context.read(key, |_, entry| entry.map(|entry| entry.kind()));
        if kind.is_some_and(|kind| !may_be_combined(kind)) {
            return Err(ReplyError::WRONGTYPE);
        }
    }
    Ok(keys)
}

/// The indexes of the keys, how many of which the argument at `count_index` says.
///
/// # Errors
/// If there are not as many.
fn parse_keys(
    args: Args<'_>,
    count_index: usize,
    command: &str,
) -> Result<Range<usize>, ReplyError> {
    let count = parse_i64(args.get(count_index)).ok_or(ReplyError::NOT_INTEGER)?;
    if count < 1 {
        let text = format!("ERR at least 1 input key is needed for '{command}' command");
        return Err(ReplyError::new(text));
    }
    let first = count_index + 1;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > args.len() - first {
        return Err(ReplyError::SYNTAX);
    }
    Ok(first..first + count)
}

/// Holds what keys hold that were looked at, if it takes long to combine it and the client can wait
/// for that.
fn hold_if_long(
    context: &mut Context<'_>,
    args: Args<'_>,
    keys: Range<usize>,
    combination: Combination,
    options: &Options,
) -> Result<Option<Several>, ReplyError> {
    if !may_take_steps(context) {
        return Ok(None);
    }
    let keys: Vec<Key<'_>> = keys.map(|index| context.key(args, index)).collect();
    let operation = several::Operation {
        combination,
        aggregate: options.aggregate,
        weights: options.weights.clone(),
    };
    Several::hold_if_long(context, &keys, operation)
}

/// What keys hold that were looked at.
fn sources<'k>(
    keyspace: &'k Keyspace,
    database: usize,
    now_ms: u64,
    args: Args<'_>,
    keys: Range<usize>,
    weights: &[f64],
) -> Vec<Option<Source<'k, Memory>>> {
    let mut weights = weights.iter();
    let source = |index| {
        let weight = weights.next().copied().unwrap_or(1.0);
        let entry = keyspace.find(database, keyspace.key(args.get(index)), now_ms)?;
        let source = Source::new(entry.kind(), keyspace.body(entry, now_ms)?)?;
        Some(source.weighing(weight))
    };
    keys.map(source).collect()
}

/// `[WEIGHTS weight …] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]`
#[derive(Debug, Default)]
struct Options {
    /// Of all keys, or none for 1.
    weights: Vec<f64>,
    aggregate: Aggregate,
    has_scores: bool,
}

impl Options {
    fn read(
        mut words: Args<'_>,
        key_count: usize,
        combination: Combination,
        may_have_scores: bool,
    ) -> Result<Self, ReplyError> {
        let mut options = Self::default();
        let folds = combination != Combination::Difference;
        while !words.is_empty() {
            let is = |name: &[u8]| words.get(0).eq_ignore_ascii_case(name);
            let taken = if folds && words.len() > key_count && is(b"weights") {
                let weights = words.skip(1).iter().take(key_count);
                let weights = weights.map(|text| parse_f64(text).ok_or(WEIGHT));
                options.weights = weights.collect::<Result<_, _>>()?;
                1 + key_count
            } else if folds && words.len() >= 2 && is(b"aggregate") {
                options.aggregate = read_aggregate(words.get(1))?;
                2
            } else if may_have_scores && is(b"withscores") {
                options.has_scores = true;
                1
            } else {
                return Err(ReplyError::SYNTAX);
            };
            words = words.skip(taken);
        }
        Ok(options)
    }
}

fn read_aggregate(word: &[u8]) -> Result<Aggregate, ReplyError> {
    let names: [(&[u8], Aggregate); 3] = [
        (b"sum", Aggregate::Sum),
        (b"min", Aggregate::Min),
        (b"max", Aggregate::Max),
    ];
    let found = names
        .iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name));
    found
        .map(|&(_, aggregate)| aggregate)
        .ok_or(ReplyError::SYNTAX)
}
