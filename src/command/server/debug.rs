//! DEBUG: what tests need to know and to bring about.
//!
//! Allowed as `enable-debug-command` says. The digests are those of Redis: the SHA-1 of each part,
//! mixed so that neither the order of keys nor how they are kept makes a difference.
//!
//! Cost: DIGEST and RELOAD are O(keys) in one go; they are for tests.

use crate::base::numbers::{parse_f64, parse_i64};
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::config::EnableDebug;
use crate::context::Context;
use crate::context::outbox::Effect;
use crate::keyspace::{DeadlineChange, EntryRef, Keyspace};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::Transport;
use crate::value::string::StringValue;
use sha1_smol::Sha1;

pub(super) const COMMANDS: &[&CommandSpec] = &[&DEBUG];

const OPERATOR: Flags = Flags::ADMIN
    .and(Flags::NO_SCRIPT)
    .and(Flags::LOADING)
    .and(Flags::STALE);

static DEBUG: CommandSpec = family::SERVER
    .container(
        "debug",
        &[
            &ADVANCE_TIME,
            &DIGEST,
            &DIGEST_VALUE,
            &HELP,
            &OBJECT,
            &POPULATE,
            &RELOAD,
            &SET_ACTIVE_EXPIRE,
            &SLEEP,
        ],
    )
    .summary("A container of commands for tests.")
    .since("1.0.0")
    .flags(OPERATOR);

const NOT_ALLOWED: ReplyError = ReplyError::fixed(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);

/// Whether this client may call DEBUG.
fn check_allowed(context: &Context<'_>) -> Outcome {
    let peer = &context.sessions.get(context.key).peer;
    let is_loopback = || peer.address.starts_with("127.") || peer.address.starts_with("[::1]");
    let is_allowed = match context.config.enable_debug_command {
        EnableDebug::No => false,
        EnableDebug::Yes => true,
        EnableDebug::Local => match peer.transport {
            Transport::Unix | Transport::Embedded => true,
            Transport::Tcp => is_loopback(),
        },
    };
    if is_allowed { Ok(()) } else { Err(NOT_ALLOWED) }
}

static SLEEP: CommandSpec = family::SERVER
    .subcommand("sleep", "seconds", sleep)
    .summary("Lets the whole server stand still for some seconds.")
    .since("1.0.0")
    .flags(OPERATOR);

/// Longer sleeps are cut to this: an hour.
const SLEEP_SECONDS_MAX: f64 = 3600.0;

fn sleep(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_allowed(context)?;
    let seconds = parse_f64(args.get(2))
        .unwrap_or(0.0)
        .clamp(0.0, SLEEP_SECONDS_MAX);
    let duration_us = (seconds * 1_000_000.0) as u64;
    context.outbox.push(Effect::Sleep { duration_us });
    context.timing.extra_ns = duration_us * 1_000;
    context.reply.ok();
    Ok(())
}

static ADVANCE_TIME: CommandSpec = family::SERVER
    .subcommand("advance-time", "milliseconds", advance_time)
    .summary("Moves the server's clock forward, so that tests need not wait.")
    .since("1.0.0")
    .flags(OPERATOR.and(Flags::NO_MULTI));

fn advance_time(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_allowed(context)?;
    let span_ms = positive(args.get(2))? as u64;
    // The reply comes when it is done.
    context.outbox.push(Effect::AdvanceTime { span_ms });
    Ok(())
}

static DIGEST: CommandSpec = family::SERVER
    .subcommand("digest", "", digest)
    .summary("Returns 40 hexadecimal digits that stand for all keys of all databases.")
    .since("1.0.0")
    .cost("O(number of keys)")
    .flags(OPERATOR);

/// A digest in the making.
type Digest = [u8; 20];

/// Adds bytes to a digest, in any order.
fn combine(digest: &mut Digest, bytes: &[u8]) {
    let hash = Sha1::from(bytes).digest().bytes();
    digest
        .iter_mut()
        .zip(hash)
        .for_each(|(sum, byte)| *sum ^= byte);
}

/// Adds bytes to a digest so that their place matters.
fn append(digest: &mut Digest, bytes: &[u8]) {
    combine(digest, bytes);
    *digest = Sha1::from(&digest[..]).digest().bytes();
}

/// Adds a value and whether it has a deadline.
fn append_value(digest: &mut Digest, entry: EntryRef<'_>, has_deadline: bool) {
    // Redis's number of the type.
    append(digest, &(entry.kind() as u32).to_be_bytes());
    if let Ok(value) = entry.as_string() {
        append(digest, value.text(&mut itoa::Buffer::new()));
    }
    if has_deadline {
        combine(digest, b"!!expire!!");
    }
}

fn digest_of_all(keyspace: &Keyspace, now_ms: u64) -> Digest {
    let mut all = Digest::default();
    for database in 0..keyspace.database_count() {
        if keyspace.size(database).keys == 0 {
            continue;
        }
        append(&mut all, &(database as u32).to_be_bytes());
        let mut cursor = 0;
        loop {
            cursor = keyspace.scan(database, cursor, now_ms, |entry| {
                let mut one = Digest::default();
                append(&mut one, entry.key());
                let has_deadline = keyspace.deadline_ms(database, entry).is_some();
                append_value(&mut one, entry, has_deadline);
                combine(&mut all, &one);
            });
            if cursor == 0 {
                break;
            }
        }
    }
    all
}

fn hexadecimal(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    check_allowed(context)?;
    let digest = digest_of_all(context.keyspace, context.now_ms());
    context.reply.simple(&hexadecimal(&digest));
    Ok(())
}

static DIGEST_VALUE: CommandSpec = family::SERVER
    .subcommand("digest-value", "key [key ...]", digest_value)
    .summary("Returns 40 hexadecimal digits that stand for the value of each key.")
    .since("1.0.0")
    .cost("O(number of keys)")
    .flags(OPERATOR);

fn digest_value(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_allowed(context)?;
    let (database, now_ms) = (context.database(), context.now_ms());
    context.reply.array(args.len() - 2);
    for key in args.iter().skip(2) {
        let mut digest = Digest::default();
        let key = context.keyspace.key(key);
        if let Some(entry) = context.keyspace.find(database, key, now_ms) {
            let has_deadline = context.keyspace.deadline_ms(database, entry).is_some();
            append_value(&mut digest, entry, has_deadline);
        }
        context.reply.bulk(hexadecimal(&digest).as_bytes());
    }
    Ok(())
}

static RELOAD: CommandSpec = family::SERVER
    .subcommand("reload", "", reload)
    .summary("Saves all keys to memory and loads them again.")
    .since("1.0.0")
    .cost("O(number of keys)")
    .flags(OPERATOR.and(Flags::NO_MULTI));

fn reload(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    check_allowed(context)?;
    // The reply comes when it is done.
    context.outbox.push(Effect::Reload);
    Ok(())
}

static SET_ACTIVE_EXPIRE: CommandSpec = family::SERVER
    .subcommand("set-active-expire", "<0 | 1>", set_active_expire)
    .summary(
        "Decides whether due keys are removed by themselves, or only when somebody meets them.",
    )
    .since("1.0.0")
    .flags(OPERATOR);

fn set_active_expire(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_allowed(context)?;
    let number = parse_i64(args.get(2)).unwrap_or(0);
    context.keyspace.set_active_expiry(number != 0);
    context.reply.ok();
    Ok(())
}

static POPULATE: CommandSpec = family::SERVER
    .subcommand("populate", "count [prefix] [size]", populate)
    .summary("Makes keys `prefix:0` and on, unless they exist, with values of a size in bytes.")
    .since("1.0.0")
    .cost("O(count)")
    .flags(OPERATOR);

const NOT_POSITIVE: ReplyError = ReplyError::fixed("ERR value is out of range, must be positive");

fn positive(text: &[u8]) -> Result<usize, ReplyError> {
    let number = parse_i64(text).and_then(|number| usize::try_from(number).ok());
    number.ok_or(NOT_POSITIVE)
}

fn populate(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_allowed(context)?;
    if args.len() > 5 {
        return Err(ReplyError::SYNTAX);
    }
    let count = positive(args.get(2))?;
    let prefix = if args.len() > 3 { args.get(3) } else { b"key" };
    let size = match args.len() {
        5 => Some(positive(args.get(4))?),
        _ => None,
    };
    if size.unwrap_or(0) as u64 > context.config.proto_max_bulk_bytes {
        return Err(NOT_POSITIVE);
    }
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        let mut value = format!("value:{number}").into_bytes();
        value.resize(size.unwrap_or(value.len()), 0);
        let key = context.keyspace.key(&key);
        let mut mutation = context.keyspace.mutate(
            context.sessions.get(context.key).database,
            context.now.unix_ms(),
        );
        if !mutation.exists(key) {
            mutation.set(key, StringValue::compact(&value), DeadlineChange::Clear);
        }
    }
    context.reply.ok();
    Ok(())
}

static OBJECT: CommandSpec = family::SERVER
    .subcommand("object", "key", object)
    .summary("Describes how a key is kept.")
    .since("1.0.0")
    .flags(OPERATOR);

const NO_SUCH_KEY: ReplyError = ReplyError::fixed("ERR no such key");

fn object(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_allowed(context)?;
    let key = context.keyspace.key(args.get(2));
    let (database, now_ms) = (context.database(), context.now_ms());
    let entry = context.keyspace.find(database, key, now_ms);
    let entry = entry.ok_or(NO_SUCH_KEY)?;
    let idle_time_s = context.keyspace.idle_time_s(entry.access_bits(), now_ms);
    let value = entry.as_string()?;
    // No address: it would tell where memory is, and differ from run to run.
    let text = format!(
        "Value at:0x0 refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle_time_s}",
        value.encoding_name(entry.is_modified_in_place()),
        value.len() + 1,
        (now_ms / 1_000).saturating_sub(idle_time_s),
    );
    context.reply.simple(&text);
    Ok(())
}

help_of!(DEBUG, SERVER, "5.0.0");
