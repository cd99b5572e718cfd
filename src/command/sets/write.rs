//! Members of sets that come and go.

use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Joined, elements};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::structures::item::Code;
use crate::value::set::Set;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SADD, &SREM, &SMOVE];

static SADD: CommandSpec = family::SET
    .command("sadd", "key member [member ...]", sadd)
    .element(2)
    .summary("Adds members to a set and returns how many are new.")
    .since("1.0.0")
    .cost("O(number of members given)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::EXTEND)
    .divides(elements, Joined::Sum);

fn sadd(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let added = context.change::<Set, _>(key, Missing::Create, |set| {
        let members = args.skip(2);
        let first = || Code::of_text(members.get(0)).item();
        set.expect(first, members.len() as u64);
        if members.len() > 1 {
            set.reserve(members.len(), members.total_bytes());
        }
        let mut added = 0;
        for member in members.iter() {
            added += i64::from(set.add(member));
        }
        Ok(Changed::when(added > 0, Event::SetAdd, added))
    })?;
    context.reply.integer(added.expect("a missing set is made"));
    Ok(())
}

static SREM: CommandSpec = family::SET
    .command("srem", "key member [member ...]", srem)
    .element(2)
    .summary("Removes members from a set and returns how many there were.")
    .since("1.0.0")
    .cost("O(number of members given)")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::REDUCE)
    .divides(elements, Joined::Sum);

fn srem(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let removed = context.change::<Set, _>(key, Missing::Skip, |set| {
        let members = args.skip(2);
        let removed: i64 = members
            .iter()
            .map(|member| i64::from(set.remove(member)))
            .sum();
        Ok(Changed::when(removed > 0, Event::SetRemove, removed))
    })?;
    context.reply.integer(removed.unwrap_or(0));
    Ok(())
}

static SMOVE: CommandSpec = family::SET
    .command("smove", "source destination member", smove)
    .summary("Moves a member from one set to another.")
    .since("1.0.0")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .keys(Keys::of(&[
        Part::at(1).access(Access::TAKE),
        Part::at(2).access(Access::EXTEND),
    ]));

fn smove(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (source, target) = (context.key(args, 1), context.key(args, 2));
    let (database, now_ms) = (context.database(), context.now_ms());
    let member = args.get(3);
    let from = context.keyspace.peek::<Set>(database, source, now_ms)?;
    let is_member = from.map(|set| set.contains(member));
    // Without a source, nobody looks at the type of the target.
    if is_member.is_some() {
        context.keyspace.peek::<Set>(database, target, now_ms)?;
    }
    let is_member = is_member == Some(true);
    if is_member && source.bytes != target.bytes {
        context.change::<Set, _>(source, Missing::Skip, |set| {
            let is_removed = set.remove(member);
            Ok(Changed::when(is_removed, Event::SetRemove, ()))
        })?;
        context.change::<Set, _>(target, Missing::Create, |set| {
            set.expect(|| Code::of_text(member).item(), 1);
            let is_added = set.add(member);
            Ok(Changed::when(is_added, Event::SetAdd, ()))
        })?;
    }
    context.reply.integer(i64::from(is_member));
    Ok(())
}
