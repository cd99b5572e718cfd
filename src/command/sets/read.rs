//! Members of sets, told.

use crate::command::arguments::scan::{PageWay, ScanOptions, ScanPage, read_cursor, reply_empty};
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Joined, elements};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::range::{RangeForm, RangeOrder, reply_range};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::value::replied::Told;
use crate::value::set::Set;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SMEMBERS, &SISMEMBER, &SMISMEMBER, &SCARD, &SSCAN];

const FAST: Flags = Flags::READ_ONLY.and(Flags::FAST_ON_KEYS);

static SMEMBERS: CommandSpec = family::SET
    .command("smembers", "key", smembers)
    .summary("Returns all members of a set.")
    .since("1.0.0")
    .cost("O(number of members)")
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn smembers(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    reply_range::<Set>(context, key, MEMBERS, |set| RangeOrder::all(set.len()))
}

/// Members as a set.
pub(super) const MEMBERS: RangeForm = RangeForm {
    header: |reply, count| reply.set(count),
    told: Told::Key,
};

static SISMEMBER: CommandSpec = family::SET
    .command("sismember", "key member", sismember)
    .element(2)
    .summary("Tells whether a set has a member.")
    .since("1.0.0")
    .flags(FAST)
    .access(Access::LOOK);

fn sismember(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<Set>(key)?;
    let is_member = set.is_some_and(|set| set.contains(args.get(2)));
    reply.integer(i64::from(is_member));
    Ok(())
}

static SMISMEMBER: CommandSpec = family::SET
    .command("smismember", "key member [member ...]", smismember)
    .summary("Tells of each of several members whether a set has it.")
    .since("6.2.0")
    .cost("O(number of members asked for)")
    .flags(FAST)
    .divides(elements, Joined::Array);

fn smismember(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<Set>(key)?;
    reply.array(args.len() - 2);
    for member in args.skip(2).iter() {
        let is_member = set.is_some_and(|set| set.contains(member));
        reply.integer(i64::from(is_member));
    }
    Ok(())
}

static SCARD: CommandSpec = family::SET
    .command("scard", "key", scard)
    .summary("Returns how many members a set has.")
    .since("1.0.0")
    .flags(FAST)
    .access(Access::LOOK);

fn scard(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<Set>(key)?;
    reply.integer(set.map_or(0, |set| set.len()) as i64);
    Ok(())
}

static SSCAN: CommandSpec = family::SET
    .command("sscan", "key cursor [MATCH pattern] [COUNT count]", sscan)
    .summary("Returns some of the members of a set and a cursor to go on with.")
    .since("2.8.0")
    .cost("O(count) for a call, O(number of members) for a whole walk")
    .flags(Flags::READ_ONLY);

fn sscan(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let cursor = read_cursor(args.get(2))?;
    let way = PageWay::of(context);
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<Set>(key)?;
    // A missing key is told before the options are looked at, as Redis does.
    let Some(set) = set else {
        reply_empty(reply);
        return Ok(());
    };
    let options = ScanOptions::read(args.skip(3), |_, _| 0)?;
    let mut page = ScanPage::new(cursor, options, 1, way)?;
    page.fill(|page, cursor| {
        set.scan(cursor, |member| {
            page.show(member, |reply| reply.item(member));
        })
    });
    page.answer(context);
    Ok(())
}
