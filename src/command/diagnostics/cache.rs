//! CACHE: what only a cache is asked: how large it should be, what became of a key, what is large.
//!
//! Not here: how that is known (`keyspace/insight/`, `structures/small_caches.rs`).

use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::Fate;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&CACHE];

const FLAGS: Flags = Flags::ADMIN.and(Flags::NO_SCRIPT);

/// Keys that CACHE BIGKEYS tells unless another number is asked for, and at most.
const COUNT_DEFAULT: usize = 10;
const COUNT_MAX: i64 = 32;

static CACHE: CommandSpec = family::SERVER
    .container("cache", &[&BIGKEYS, &HELP, &MRC, &WHY])
    .summary("A container of commands about the cache as a cache; only here.")
    .since("7.2.0");

static BIGKEYS: CommandSpec = family::SERVER
    .subcommand("bigkeys", "[count]", big_keys)
    .summary("Returns the largest keys by bytes and by elements, known without a scan.")
    .since("7.2.0")
    .cost("O(1)")
    .flags(FLAGS);

fn big_keys(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let count = match args.len() {
        2 => COUNT_DEFAULT,
        _ => {
            let count = parse_i64(args.get(2)).filter(|count| (1..=COUNT_MAX).contains(count));
            count.ok_or(ReplyError::NOT_INTEGER)? as usize
        }
    };
    let keys = context.keyspace.big_keys(count, context.now.unix_ms());
    let reply = &mut context.reply;
    reply.array(keys.len());
    for key in keys {
        reply.map(4);
        reply.bulk(b"key");
        reply.bulk(&key.name);
        reply.bulk(b"db");
        reply.integer(i64::from(key.database));
        reply.bulk(b"elements");
        reply.integer(key.elements as i64);
        reply.bulk(b"bytes");
        reply.integer(key.bytes as i64);
    }
    Ok(())
}

static MRC: CommandSpec = family::SERVER
    .subcommand("mrc", "", mrc)
    .summary("Returns which share of reads the cache would answer with half of its memory up to four times as much.")
    .since("7.2.0")
    .cost("O(1)")
    .flags(FLAGS);

fn mrc(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let curve = context.keyspace.miss_ratio_curve();
    let reply = &mut context.reply;
    reply.map(4);
    reply.bulk(b"reads");
    reply.integer(curve.reads as i64);
    reply.bulk(b"sampled-keys");
    reply.integer(curve.sampled_keys as i64);
    reply.bulk(b"sample-rate");
    reply.double(curve.sample_rate);
    reply.bulk(b"curve");
    reply.array(curve.points.len());
    for point in curve.points {
        reply.array(2);
        reply.integer(point.bytes as i64);
        reply.double((point.ratio * 10_000.0).round() / 10_000.0);
    }
    Ok(())
}

static WHY: CommandSpec = family::SERVER
    .subcommand("why", "key", why)
    .summary("Returns why a key is not there: expired, evicted, deleted, flushed or never seen, as far as that is remembered.")
    .since("7.2.0")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND)
    .access(Access::LOOK);

fn why(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.keyspace.key(args.get(2));
    let database = context.sessions.get(context.key).database;
    let entry = context.keyspace.find(database, key, context.now.unix_ms());
    let (word, at_seconds, frequency) = match entry {
        Some(entry) => {
            let frequency = context.keyspace.frequency(entry.access_bits());
            (&b"here"[..], 0, frequency)
        }
        None => {
            let remembered = context.keyspace.fate_of(database, key);
            let word: &[u8] = match remembered.fate {
                Fate::Expired => b"expired",
                Fate::Evicted => b"evicted",
                Fate::Deleted => b"deleted",
                Fate::Flushed => b"flushed",
                Fate::Unknown => b"never-seen",
            };
            (word, remembered.at_seconds, remembered.frequency)
        }
    };
    let reply = &mut context.reply;
    reply.map(3);
    reply.bulk(b"reason");
    reply.bulk(word);
    reply.bulk(b"at");
    reply.integer(at_seconds as i64);
    reply.bulk(b"frequency");
    reply.integer(i64::from(frequency));
    Ok(())
}

help_of!(CACHE, SERVER, "7.2.0");
