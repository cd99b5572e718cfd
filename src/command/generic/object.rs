//! OBJECT: how a key is kept.

use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::EntryRef;
use crate::protocol::args::Args;
use crate::protocol::reply::ReplyWriter;

pub(super) const COMMANDS: &[&CommandSpec] = &[&OBJECT];

static OBJECT: CommandSpec = family::GENERIC
    .container("object", &[&ENCODING, &FREQ, &HELP, &IDLETIME, &REFCOUNT])
    .summary("A container of commands about how keys are kept.")
    .since("2.2.3")
    .keys(Keys::NONE);

static ENCODING: CommandSpec = family::GENERIC
    .subcommand("encoding", "key", encoding)
    .summary("Returns how the value of a key is encoded.")
    .since("2.2.3")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND)
    .access(Access::LOOK);

fn encoding(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    look(context, args, |reply, entry, facts| {
        let name = match facts.encoding {
            Some(name) => name,
            None => (entry.as_string()?).encoding_name(entry.is_modified_in_place()),
        };
        reply.bulk(name.as_bytes());
        Ok(())
    })
}

static FREQ: CommandSpec = family::GENERIC
    .subcommand("freq", "key", freq)
    .summary("Returns how often a key was used lately, from 0 to 255 on a logarithmic scale.")
    .since("4.0.0")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND)
    .access(Access::LOOK);

fn freq(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    look(context, args, |reply, _, facts| {
        reply.integer(i64::from(facts.frequency));
        Ok(())
    })
}

static IDLETIME: CommandSpec = family::GENERIC
    .subcommand("idletime", "key", idletime)
    .summary("Returns the seconds since a key was last used.")
    .since("2.2.3")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND)
    .access(Access::LOOK);

fn idletime(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    look(context, args, |reply, _, facts| {
        reply.integer(facts.idle_time_s as i64);
        Ok(())
    })
}

static REFCOUNT: CommandSpec = family::GENERIC
    .subcommand("refcount", "key", refcount)
    .summary("Returns how many places refer to the value of a key: always 1.")
    .since("2.2.3")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND)
    .access(Access::LOOK);

fn refcount(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    look(context, args, |reply, _, _| {
        reply.integer(1);
        Ok(())
    })
}

/// What is known of a key beside its entry.
struct Facts {
    /// What the encoding of a collection is called.
    encoding: Option<&'static str>,
    idle_time_s: u64,
    frequency: u8,
}

/// Looks at the key in argument 2 without noting a use; replies null for a missing one.
fn look(
    context: &mut Context<'_>,
    args: Args<'_>,
    answer: impl FnOnce(&mut ReplyWriter<'_>, EntryRef<'_>, Facts) -> Outcome,
) -> Outcome {
    let key = context.key(args, 2);
    let now_ms = context.now_ms();
    context.inspect(key, |reply, keyspace, entry| match entry {
        Some(entry) => {
            let bits = entry.access_bits();
            let facts = Facts {
                idle_time_s: keyspace.idle_time_s(bits, now_ms),
                frequency: keyspace.frequency(bits),
                encoding: (keyspace.body(entry, now_ms))
                    .map(|body| body.encoding_name(entry.kind())),
            };
            answer(reply, entry, facts)
        }
        None => {
            reply.null();
            Ok(())
        }
    })
}

help_of!(OBJECT, GENERIC, "6.2.0");
