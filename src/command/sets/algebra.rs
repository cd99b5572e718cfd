//! Several sets at once: what they have in common, together, or one alone; told or stored.
//!
//! ```text
//!  keys ─▶ each read once: counted, its type checked ─▶ the sets ─▶ members ─┬▶ the reply
//!                                                                            └▶ a new set
//! ```
//!
//! Not here: how sets are walked (`value/set_algebra.rs`).

use super::read::MEMBERS;
use crate::base::numbers::parse_i64;
use crate::command::arguments::many_keys::for_each_key;
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
use crate::structures::item::Item;
use crate::value::kind::Kind;
use crate::value::set::{Set, SetRef};
use crate::value::set_algebra::{self, Members};
use crate::value::sorted_set::combine::Combination;
use std::collections::HashSet;
use std::ops::{ControlFlow, Range};

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &SINTER,
    &SINTERCARD,
    &SUNION,
    &SDIFF,
    &SINTERSTORE,
    &SUNIONSTORE,
    &SDIFFSTORE,
];

/// What is made of several sets.
#[derive(Clone, Copy)]
enum Operation {
    Intersect,
    Unite,
    Subtract,
}

impl Operation {
    /// Tells each member of the result, until `each` breaks.
    fn each_member<'a>(
        self,
        sets: &[Option<SetRef<'a, Memory>>],
        mut each: impl FnMut(Item<'a>) -> ControlFlow<()>,
    ) {
        let there: Vec<SetRef<'a, Memory>> = sets.iter().copied().flatten().collect();
        match self {
            Self::Intersect if there.len() == sets.len() => {
                set_algebra::intersect(&there, each);
            }
            Self::Unite => set_algebra::unite(&there, |member| {
                let _ = each(member);
            }),
            Self::Subtract if matches!(sets, [Some(_), ..]) => {
                set_algebra::subtract(there[0], &there[1..], |member| {
                    let _ = each(member);
                });
            }
            // A missing key is an empty set.
            Self::Intersect | Self::Subtract => {}
        }
    }

    /// The same as of sorted sets.
    fn combination(self) -> Combination {
        match self {
            Self::Intersect => Combination::Intersection,
            Self::Unite => Combination::Union,
            Self::Subtract => Combination::Difference,
        }
    }

    /// What happened to the key that the result was stored in.
    fn event(self) -> Event {
        match self {
            Self::Intersect => Event::SetIntersect,
            Self::Unite => Event::SetUnite,
            Self::Subtract => Event::SetSubtract,
        }
    }
}

/// The sets of a request, each once, the first one first.
struct Sources<'k> {
    keys: Vec<Key<'k>>,
    database: usize,
    now_ms: u64,
}

impl<'k> Sources<'k> {
    /// Reads the keys in `range`: counts hits and misses, notes the use.
    ///
    /// # Errors
    /// WRONGTYPE if one of them holds another type.
    fn read(
        context: &mut Context<'_>,
        args: Args<'k>,
        range: Range<usize>,
    ) -> Result<Self, ReplyError> {
        let mut keys = Vec::with_capacity(range.len());
        let mut is_wrong = false;
        for_each_key(context, args, range, 1, |context, _, key| {
            if !is_wrong {
                context.read(key, |_, entry| {
                    is_wrong = entry.is_some_and(|entry| entry.kind() != Kind::Set);
                });
                keys.push(key);
            }
        });
        if is_wrong {
            return Err(ReplyError::WRONGTYPE);
        }
        // A key that is named often is walked once: it would need memory each time.
        if keys.len() > 2 {
            let mut seen = HashSet::new();
            let (first, others) = keys.split_at(1);
            let others = others.iter().filter(|key| seen.insert(key.bytes));
            keys = [first, &others.copied().collect::<Vec<_>>()].concat();
        }
        Ok(Self {
            keys,
            database: context.database(),
            now_ms: context.now_ms(),
        })
    }

    /// Holds the sets if it takes long to combine them, and the client can wait for that.
    fn hold_if_long(
        &self,
        context: &mut Context<'_>,
        operation: Operation,
    ) -> Result<Option<Several>, ReplyError> {
        if !may_take_steps(context) {
            return Ok(None);
        }
        let operation = several::Operation::of_sets(operation.combination());
        Several::hold_if_long(context, &self.keys, operation)
    }

    fn sets<'a>(&self, keyspace: &'a Keyspace) -> Vec<Option<SetRef<'a, Memory>>> {
        let sets = self.keys.iter().map(|&key| {
            let set = keyspace.peek::<Set>(self.database, key, self.now_ms);
            set.expect("types were checked when the keys were read")
        });
        sets.collect()
    }
}

/// The steps of a request that names very many sets; `end` gets what they hold.
fn find(
    context: &Context<'_>,
    keys: Range<usize>,
    operation: Operation,
    is_read: bool,
    end: impl FnOnce(&mut Context<'_>, Args<'_>, Several) + Send + 'static,
) -> Option<Box<dyn Steps>> {
    let request = finding::Request {
        keys,
        may_be: |kind| kind == Kind::Set,
        is_idempotent: true,
        is_read,
    };
    let operation = several::Operation::of_sets(operation.combination());
    finding::find(context, request, operation, end)
}

fn find_to_reply(
    context: &Context<'_>,
    args: Args<'_>,
    operation: Operation,
) -> Option<Box<dyn Steps>> {
    find(
        context,
        1..args.len(),
        operation,
        true,
        |context, _, several| {
            several::tell_set(context, several, MEMBERS);
        },
    )
}

fn find_to_store(
    context: &Context<'_>,
    args: Args<'_>,
    operation: Operation,
) -> Option<Box<dyn Steps>> {
    let end = move |context: &mut Context<'_>, args: Args<'_>, several| {
        store_held(context, args, operation, several);
    };
    find(context, 2..args.len(), operation, false, end)
}

/// Stores what is made of held sets, in slices.
fn store_held(context: &mut Context<'_>, args: Args<'_>, operation: Operation, several: Several) {
    let (database, key) = (context.database(), context.key(args, 1));
    let target = Target::new(database, key, operation.event(), |reply, count| {
        reply.integer(count as i64);
    });
    several::store_set(context, several, target);
}

fn reply_result(context: &mut Context<'_>, args: Args<'_>, operation: Operation) -> Outcome {
    let sources = Sources::read(context, args, 1..args.len())?;
    if let Some(several) = sources.hold_if_long(context, operation)? {
        several::tell_set(context, several, MEMBERS);
        return Ok(());
    }
    let mut members = Vec::new();
    operation.each_member(&sources.sets(context.keyspace), |member| {
        members.push(member);
        ControlFlow::Continue(())
    });
    context.reply.set(members.len());
    for member in members {
        context.reply.item(member);
    }
    Ok(())
}

fn store_result(context: &mut Context<'_>, args: Args<'_>, operation: Operation) -> Outcome {
    let sources = Sources::read(context, args, 2..args.len())?;
    if let Some(several) = sources.hold_if_long(context, operation)? {
        store_held(context, args, operation, several);
        return Ok(());
    }
    let mut members = Members::default();
    operation.each_member(&sources.sets(context.keyspace), |member| {
        members.push(member);
        ControlFlow::Continue(())
    });
    let target = context.key(args, 1);
    context.room_to_grow(target, members.byte_len())?;
    let count = members.count() as i64;
    let mut all = members.iter();
    match all.next() {
        None => {
            context.mutate().remove(target);
        }
        Some(first) => context
            .mutate()
            .store::<Set>(target, operation.event(), |set| {
                set.expect(|| first, 1);
                set.add_item(first);
                for member in all {
                    set.add_item(member);
                }
            }),
    }
    context.reply.integer(count);
    Ok(())
}

static SINTER: CommandSpec = family::SET
    .command("sinter", "key [key ...]", sinter)
    .summary("Returns the members that several sets have in common.")
    .since("1.0.0")
    .cost("O(N * M) at worst, with N members in the smallest of M sets")
    .flags(Flags::READ_ONLY)
    .keys(Keys::ALL)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_reply(context, args, Operation::Intersect)
    });

fn sinter(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_result(context, args, Operation::Intersect)
}

static SUNION: CommandSpec = family::SET
    .command("sunion", "key [key ...]", sunion)
    .summary("Returns the members that any of several sets has.")
    .since("1.0.0")
    .cost("O(number of members in all sets)")
    .flags(Flags::READ_ONLY)
    .keys(Keys::ALL)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_reply(context, args, Operation::Unite)
    });

fn sunion(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_result(context, args, Operation::Unite)
}

static SDIFF: CommandSpec = family::SET
    .command("sdiff", "key [key ...]", sdiff)
    .summary("Returns the members of a set that others do not have.")
    .since("1.0.0")
    .cost("O(number of members in all sets)")
    .flags(Flags::READ_ONLY)
    .keys(Keys::ALL)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_reply(context, args, Operation::Subtract)
    });

fn sdiff(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_result(context, args, Operation::Subtract)
}

static SINTERSTORE: CommandSpec = family::SET
    .command("sinterstore", "destination key [key ...]", sinterstore)
    .summary("Stores the members that several sets have in common.")
    .since("1.0.0")
    .cost("O(N * M) at worst, with N members in the smallest of M sets")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[
        Part::at(1).access(Access::CHANGE_UNTOLD),
        Part::at(2).through(-1, 1).access(Access::READ),
    ]))
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_store(context, args, Operation::Intersect)
    });

fn sinterstore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    store_result(context, args, Operation::Intersect)
}

/// A set that is replaced, and those it is made of.
const TARGET_AND_SOURCES: Keys = Keys::of(&[
    Part::at(1).access(Access::REPLACE),
    Part::at(2).through(-1, 1).access(Access::READ),
]);

static SUNIONSTORE: CommandSpec = family::SET
    .command("sunionstore", "destination key [key ...]", sunionstore)
    .summary("Stores the members that any of several sets has.")
    .since("1.0.0")
    .cost("O(number of members in all sets)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(TARGET_AND_SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_store(context, args, Operation::Unite)
    });

fn sunionstore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    store_result(context, args, Operation::Unite)
}

static SDIFFSTORE: CommandSpec = family::SET
    .command("sdiffstore", "destination key [key ...]", sdiffstore)
    .summary("Stores the members of a set that others do not have.")
    .since("1.0.0")
    .cost("O(number of members in all sets)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(TARGET_AND_SOURCES)
    .takes_steps(WHOLE_ARGUMENTS_MAX, |context, args| {
        find_to_store(context, args, Operation::Subtract)
    });

fn sdiffstore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    store_result(context, args, Operation::Subtract)
}

static SINTERCARD: CommandSpec = family::SET
    .command(
        "sintercard",
        "numkeys key [key ...] [LIMIT limit]",
        sintercard,
    )
    .summary("Returns how many members several sets have in common.")
    .since("7.0.0")
    .cost("O(N * M) at worst, with N members in the smallest of M sets")
    .flags(Flags::READ_ONLY.and(Flags::MOVABLE_KEYS))
    .keys(Keys::of(&[Part::counted(1)]))
    .takes_steps(WHOLE_ARGUMENTS_MAX, find_to_count);

/// The keys of SINTERCARD, and the greatest number that is wanted.
fn parse_count_request(args: Args<'_>) -> Result<(Range<usize>, u64), ReplyError> {
    let key_count = parse_i64(args.get(1)).and_then(|count| usize::try_from(count).ok());
    let key_count = key_count.filter(|&count| count > 0).ok_or(BAD_KEY_COUNT)?;
    if key_count > args.len() - 2 {
        return Err(TOO_FEW_KEYS);
    }
    let keys_end = 2 + key_count;
    let mut limit = 0;
    let mut index = keys_end;
    while index < args.len() {
        if !args.get(index).eq_ignore_ascii_case(b"limit") || index + 1 == args.len() {
            return Err(ReplyError::SYNTAX);
        }
        let wanted = parse_i64(args.get(index + 1));
        limit = wanted
            .and_then(|limit| u64::try_from(limit).ok())
            .ok_or(NEGATIVE_LIMIT)?;
        index += 2;
    }
    let limit = if limit == 0 { u64::MAX } else { limit };
    Ok((2..keys_end, limit))
}

fn find_to_count(context: &mut Context<'_>, args: Args<'_>) -> Option<Box<dyn Steps>> {
    let (keys, limit) = parse_count_request(args).ok()?;
    let end = move |context: &mut Context<'_>, _: Args<'_>, several| {
        several::tell_count(context, several, limit);
    };
    find(context, keys, Operation::Intersect, true, end)
}

fn sintercard(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (keys, limit) = parse_count_request(args)?;
    let sources = Sources::read(context, args, keys)?;
    if let Some(several) = sources.hold_if_long(context, Operation::Intersect)? {
        several::tell_count(context, several, limit);
        return Ok(());
    }
    let mut count = 0;
    let sets = sources.sets(context.keyspace);
    Operation::Intersect.each_member(&sets, |_| {
        count += 1;
        match count < limit {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    context.reply.integer(count as i64);
    Ok(())
}

const BAD_KEY_COUNT: ReplyError = ReplyError::fixed("ERR numkeys should be greater than 0");
const TOO_FEW_KEYS: ReplyError =
    ReplyError::fixed("ERR Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT: ReplyError = ReplyError::fixed("ERR LIMIT can't be negative");
