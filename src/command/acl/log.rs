//! ACL LOG: who was refused what.
//!
//! Not here: what is noted (`command/permission.rs`), how it is kept (`acl/log.rs`).

use super::OPERATOR;
use crate::acl::Entry;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;

pub(super) static LOG: CommandSpec = family::SERVER
    .subcommand("log", "[count | RESET]", log)
    .summary("Lists what was refused for lack of rights, the last first, or forgets it.")
    .since("6.0.0")
    .cost("O(entries shown)")
    .flags(OPERATOR);

/// Entries shown if nothing else is asked for.
const COUNT: usize = 10;

fn log(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let count = match args.len() {
        2 => COUNT,
        3 if args.get(2).eq_ignore_ascii_case(b"reset") => {
            context.users.log.clear();
            context.reply.ok();
            return Ok(());
        }
        3 => {
            let count = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
            usize::try_from(count).unwrap_or(0)
        }
        _ => return Err(ReplyError::unknown_subcommand_or_arity("acl", args.get(1))),
    };
    let now_ms = context.now_ms();
    let entries = context.users.log.entries();
    context.reply.array(count.min(entries.len()));
    for entry in entries.take(count) {
        reply_entry(&mut context.reply, entry, now_ms);
    }
    Ok(())
}

fn reply_entry(reply: &mut ReplyWriter<'_>, entry: &Entry, now_ms: u64) {
    reply.map(10);
    reply.bulk(b"count");
    reply.integer(entry.count as i64);
    let texts: [(&[u8], &[u8]); 4] = [
        (b"reason", entry.reason.word().as_bytes()),
        (b"context", entry.circumstance.word().as_bytes()),
        (b"object", &entry.object),
        (b"username", &entry.user),
    ];
    for (name, text) in texts {
        reply.bulk(name);
        reply.bulk(text);
    }
    reply.bulk(b"age-seconds");
    reply.double(now_ms.saturating_sub(entry.updated_ms) as f64 / 1000.0);
    reply.bulk(b"client-info");
    reply.bulk(entry.client.as_bytes());
    let numbers: [(&[u8], u64); 3] = [
        (b"entry-id", entry.id),
        (b"timestamp-created", entry.created_ms),
        (b"timestamp-last-updated", entry.updated_ms),
    ];
    for (name, number) in numbers {
        reply.bulk(name);
        reply.integer(number as i64);
    }
}
