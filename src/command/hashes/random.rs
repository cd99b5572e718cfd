//! Fields of hashes, drawn at random.

use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::random_read::{RandomForm, reply_random};
use crate::context::Context;
use crate::keyspace::Memory;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::structures::item::Item;
use crate::value::hash::{Hash, HashRef};
use crate::value::replied::Told;
use fastrand::Rng;

pub(super) const COMMANDS: &[&CommandSpec] = &[&HRANDFIELD];

/// Said of the least integer, which has no positive counterpart.
const NOT_NEGATABLE: ReplyError = ReplyError::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
const OUT_OF_RANGE: ReplyError = ReplyError::fixed("ERR value is out of range");

static HRANDFIELD: CommandSpec = family::HASH
    .command("hrandfield", "key [count [WITHVALUES]]", hrandfield)
    .summary("Returns one or more fields of a hash chosen at random.")
    .since("6.2.0")
    .cost("O(number of fields returned), O(number of fields) where many of them are")
    .flags(Flags::READ_ONLY)
    .ignores_more();

/// How many fields are wanted: a negative count allows a field more than once.
struct Wanted {
    count: i64,
    has_values: bool,
}

impl Wanted {
    fn parse(args: Args<'_>) -> Result<Self, ReplyError> {
        let count = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
        if count == i64::MIN {
            return Err(NOT_NEGATABLE);
        }
        let has_values = match args.len() {
            3 => false,
            4 if args.get(3).eq_ignore_ascii_case(b"withvalues") => true,
            _ => return Err(ReplyError::SYNTAX),
        };
        if has_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(OUT_OF_RANGE);
        }
        Ok(Self { count, has_values })
    }

    /// How fields are told that are told in slices.
    fn form(&self, reply: &ReplyWriter<'_>) -> RandomForm {
        match (self.has_values, nests_pairs(reply)) {
            (false, _) => RandomForm {
                header: |reply, count| reply.array(count),
                tell: |reply, field| Told::Key.write(reply, field),
            },
            (true, false) => RandomForm {
                header: |reply, count| reply.array(2 * count),
                tell: |reply, field| Told::Pair.write(reply, field),
            },
            (true, true) => RandomForm {
                header: |reply, count| reply.array(count),
                tell: |reply, field| {
                    reply.array(2);
                    Told::Pair.write(reply, field);
                },
            },
        }
    }

    fn begin_reply(&self, reply: &mut ReplyWriter<'_>, count: usize) {
        let is_flat = self.has_values && !nests_pairs(reply);
        reply.array(if is_flat { 2 * count } else { count });
    }

    fn reply_field(&self, reply: &mut ReplyWriter<'_>, field: Item<'_>, value: Item<'_>) {
        if self.has_values && nests_pairs(reply) {
            reply.array(2);
        }
        reply.item(field);
        if self.has_values {
            reply.item(value);
        }
    }

    fn reply_all(&self, reply: &mut ReplyWriter<'_>, hash: &HashRef<'_, Memory>, random: &mut Rng) {
        let present_count = hash.present_len();
        let count = self.count.unsigned_abs();
        if self.count >= 0 || present_count == 0 {
            let count = count.min(present_count);
            self.begin_reply(reply, count as usize);
            hash.sample(count, random, |field, value| {
                self.reply_field(reply, field, value);
            });
            return;
        }
        self.begin_reply(reply, count as usize);
        for _ in 0..count {
            // What is longer than may be is not sent, so nobody misses the rest.
            if reply.is_over() {
                return;
            }
            let (field, value) = hash.draw(random).expect("a field is present");
            self.reply_field(reply, field, value);
        }
    }
}

fn nests_pairs(reply: &ReplyWriter<'_>) -> bool {
    reply.dialect() == Dialect::Resp3
}

fn hrandfield(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    if args.len() == 2 {
        let mut random = context.keyspace.fork_random();
        let (reply, hash) = context.read_as::<Hash>(key)?;
        match hash.and_then(|hash| hash.draw(&mut random)) {
            Some((field, _)) => reply.item(field),
            None => reply.null(),
        }
        return Ok(());
    }
    let wanted = Wanted::parse(args)?;
    let form = wanted.form(&context.reply);
    if reply_random::<Hash>(context, key, wanted.count, form)? {
        return Ok(());
    }
    let mut random = context.keyspace.fork_random();
    let (reply, hash) = context.read_as::<Hash>(key)?;
    match hash {
        Some(hash) => wanted.reply_all(reply, &hash, &mut random),
        None => reply.array(0),
    }
    Ok(())
}
