//! SORT and SORT_RO: how requests are read, and who may make them.
//!
//! Not here: sorting (`long_work/sorting.rs`).

use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::command::long_work::sort_pattern::Pattern;
use crate::command::long_work::sorting::{By, Plan, store, tell};
use crate::command::permission::may_read_all_keys;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::kind::Kind;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SORT, &SORT_RO];

const BY_DENIED: ReplyError =
    ReplyError::fixed("ERR BY option of SORT denied due to insufficient ACL permissions.");
const GET_DENIED: ReplyError =
    ReplyError::fixed("ERR GET option of SORT denied due to insufficient ACL permissions.");

const COST: &str = "O(N + M*log(M)) with N elements of which M are returned";

/// SORT works on these three types, and is as dangerous as they are large.
const CATEGORIES: Categories = Categories::SET
    .and(Categories::SORTED_SET)
    .and(Categories::LIST)
    .and(Categories::DANGEROUS);

static SORT: CommandSpec = family::GENERIC
    .command(
        "sort",
        "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
        sort,
    )
    .summary("Returns or stores the elements of a list, a set or a sorted set in another order.")
    .since("1.0.0")
    .cost(COST)
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::MOVABLE_KEYS))
    .instead_of_group(CATEGORIES)
    .keys(Keys::of(&[
        Part::at(1).access(Access::READ),
        Part::after("STORE", 2)
            .besides(&[("LIMIT", 2), ("GET", 1), ("BY", 1)])
            .last()
            .access(Access::REPLACE)
            .optional(),
    ]));

fn sort(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, true)
}

static SORT_RO: CommandSpec = family::GENERIC
    .command(
        "sort_ro",
        "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
        sort_ro,
    )
    .summary("Returns the elements of a list, a set or a sorted set in another order.")
    .since("7.0.0")
    .cost(COST)
    .flags(Flags::READ_ONLY.and(Flags::MOVABLE_KEYS))
    .instead_of_group(CATEGORIES);

fn sort_ro(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, false)
}

/// Reads the options; returns the argument that names the target, too.
fn parse(
    context: &Context<'_>,
    args: Args<'_>,
    may_store: bool,
) -> Result<(Plan, Option<usize>), ReplyError> {
    let mut plan = Plan {
        by: By::Element,
        is_alphabetic: false,
        is_descending: false,
        limit: (0, -1),
        gets: Vec::new(),
    };
    let mut target = None;
    let may_read_all = may_read_all_keys(context, args);
    let mut index = 2;
    while index < args.len() {
        let is = |name: &[u8]| args.get(index).eq_ignore_ascii_case(name);
        let left = args.len() - index - 1;
        let mut taken = 1;
        if is(b"asc") {
            plan.is_descending = false;
            taken = 0;
        } else if is(b"desc") {
            plan.is_descending = true;
            taken = 0;
        } else if is(b"alpha") {
            plan.is_alphabetic = true;
            taken = 0;
        } else if is(b"limit") && left >= 2 {
            let number = |at| parse_i64(args.get(at)).ok_or(ReplyError::NOT_INTEGER);
            plan.limit = (number(index + 1)?, number(index + 2)?);
            taken = 2;
        } else if is(b"store") && left >= 1 && may_store {
            target = Some(index + 1);
        } else if is(b"by") && left >= 1 {
            plan.by = match Pattern::read(args.get(index + 1)) {
                Pattern::Itself | Pattern::Nothing => By::Nothing,
                Pattern::Key { .. } if !may_read_all => return Err(BY_DENIED),
                pattern @ Pattern::Key { .. } => By::Pattern(pattern),
            };
        } else if is(b"get") && left >= 1 {
            if !may_read_all {
                return Err(GET_DENIED);
            }
            plan.gets.push(Pattern::read(args.get(index + 1)));
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 1 + taken;
    }
    Ok((plan, target))
}

/// What can be sorted.
const SORTABLE: [Kind; 3] = [Kind::List, Kind::Set, Kind::SortedSet];

fn answer(context: &mut Context<'_>, args: Args<'_>, may_store: bool) -> Outcome {
    let (mut plan, target) = parse(context, args, may_store)?;
    let key = context.key(args, 1);
    let kind = context.read(key, |_, entry| entry.map(|entry| entry.kind()));
    if kind.is_some_and(|kind| !SORTABLE.contains(&kind)) {
        return Err(ReplyError::WRONGTYPE);
    }
    if kind == Some(Kind::Set) && matches!(plan.by, By::Nothing) {
        if target.is_some() || context.is_scripted {
            // A result that is kept, or that a script sees, must not depend on chance.
            plan.by = By::Element;
            plan.is_alphabetic = true;
        } else {
            plan.is_descending = false;
        }
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let entry = context.keyspace.find(database, key, now_ms);
    let body = entry.and_then(|entry| context.keyspace.body(entry, now_ms));
    let len = body.map_or(0, |body| body.len());
    match target {
        Some(index) => {
            let target = context.key(args, index);
            store(context, (key, target), plan, len)?;
        }
        None => tell(context, key, plan, len),
    }
    Ok(())
}
