//! DEBUG: what tests need to know and to bring about.
//!
//! Allowed as `enable-debug-command` says. As in Redis it is one command for all tools that count
//! and describe commands, and looks for its subcommands itself.
//!
//! Cost: DIGEST and RELOAD are O(keys) in one go; they are for tests.
//!
//! Not here: digests (`digest.rs`), replies for the tests of client libraries (`debug_replies.rs`).

use super::debug_replies;
use super::digest::Digest;
use crate::base::numbers::{parse_f64, parse_i64};
use crate::command::declare::family;
use crate::command::declare::help::{Usage, reply_usages};
use crate::command::declare::spec::{CommandSpec, Flags, Handler, Outcome};
use crate::config::EnableDebug;
use crate::context::Context;
use crate::context::outbox::{Effect, Wait};
use crate::keyspace::{DeadlineChange, EntryRef};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::kind::WrongType;
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] = &[&DEBUG];

static DEBUG: CommandSpec = family::SERVER
    .command("debug", "subcommand [argument ...]", debug)
    .summary("Serves tests; `DEBUG HELP` lists the subcommands.")
    .since("1.0.0")
    .cost("Depends on the subcommand")
    .flags(
        Flags::ADMIN
            .and(Flags::NO_SCRIPT)
            .and(Flags::LOADING)
            .and(Flags::STALE),
    );

/// What DEBUG can do: how it is called, and what runs it.
struct Subcommand {
    usage: Usage<'static>,
    /// How many arguments it takes, both names included: exactly, or at least that many if
    /// negative.
    arity: i8,
    run: Handler,
}

impl Subcommand {
    fn accepts(&self, args: Args<'_>) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        let takes_count = args.len() == wanted || (self.arity < 0 && args.len() > wanted);
        takes_count && args.get(1).eq_ignore_ascii_case(self.usage.name.as_bytes())
    }
}

const fn subcommand(
    name: &'static str,
    syntax: &'static str,
    arity: i8,
    run: Handler,
    summary: &'static str,
) -> Subcommand {
    let usage = Usage {
        name,
        syntax,
        summary,
    };
    Subcommand { usage, arity, run }
}

#[rustfmt::skip] // A table.
static SUBCOMMANDS: &[Subcommand] = &[
    subcommand("advance-time", "milliseconds", 3, advance_time,
        "Moves the server's clock forward, so that tests need not wait."),
    subcommand("digest", "", 2, digest,
        "Returns 40 hexadecimal digits that stand for all keys of all databases."),
    subcommand("digest-value", "key [key ...]", -3, digest_value,
        "Returns 40 hexadecimal digits that stand for the value of each key."),
    subcommand("error", "text", 3, debug_replies::error,
        "Replies an error with this text, its code included."),
    subcommand("help", "", 2, help,
        "Lists the subcommands of DEBUG."),
    subcommand("htstats-key", "key [FULL]", -3, accept,
        "Accepted: there are no tables of buckets in a value."),
    subcommand("listpack", "key", 3, accept,
        "Accepted: nothing is printed."),
    subcommand("log", "text", 3, log,
        "Writes a text to the log, as a warning."),
    subcommand("object", "key", 3, object,
        "Describes how a key is kept."),
    subcommand("pause-cron", "<0 | 1>", 3, accept,
        "Accepted: nothing is done from time to time that could be paused."),
    subcommand("populate", "count [prefix] [size]", -3, populate,
        "Makes keys `prefix:0` and on, unless they exist, with values of a size in bytes."),
    subcommand("protocol", debug_replies::PROTOCOL_SYNTAX, 3, debug_replies::protocol,
        "Replies a value of a type, as the protocol of the connection has it."),
    subcommand("quicklist-packed-threshold", "bytes", 3, accept,
        "Accepted: an element of a list has a block for itself when it would not fit another."),
    subcommand("reload", "[NOFLUSH] [MERGE]", -2, reload,
        "Saves all keys to memory and loads them again, into what is there after NOFLUSH."),
    subcommand("replybuffer", "<PEAK-RESET-TIME milliseconds | RESIZING <0 | 1>>", 4, replybuffer,
        "Accepted: no buffer for replies outlives them."),
    subcommand("set-active-expire", "<0 | 1>", 3, set_active_expire,
        "Decides whether due keys are removed by themselves, or only when somebody meets them."),
    subcommand("sleep", "seconds", 3, sleep,
        "Lets the whole server stand still for some seconds."),
];

fn debug(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_allowed(context)?;
    let subcommand = SUBCOMMANDS.iter().find(|each| each.accepts(args));
    let unknown = || ReplyError::unknown_subcommand_or_arity("debug", args.get(1));
    (subcommand.ok_or_else(unknown)?.run)(context, args)
}

fn help(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    reply_usages(context, "debug", SUBCOMMANDS.iter().map(|each| each.usage));
    Ok(())
}

const NOT_ALLOWED: ReplyError = ReplyError::fixed(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);

/// Whether this client may call DEBUG.
fn check_allowed(context: &Context<'_>) -> Outcome {
    let is_allowed = match context.config.enable_debug_command {
        EnableDebug::No => false,
        EnableDebug::Yes => true,
        EnableDebug::Local => context.sessions.get(context.key).peer.is_local(),
    };
    if is_allowed { Ok(()) } else { Err(NOT_ALLOWED) }
}

/// Longer sleeps are cut to this: an hour.
const SLEEP_SECONDS_MAX: f64 = 3600.0;

fn sleep(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let seconds = parse_f64(args.get(2))
        .unwrap_or(0.0)
        .clamp(0.0, SLEEP_SECONDS_MAX);
    let duration_us = (seconds * 1_000_000.0) as u64;
    // Carried out before this reply, and any later one, leaves.
    context.outbox.push(Effect::Sleep { duration_us });
    context.timing.extra_ns = duration_us * 1_000;
    context.reply.ok();
    Ok(())
}

/// Refuses what is answered later, or changes the ground under the other commands, where the reply
/// can't come later.
fn check_may_wait(context: &Context<'_>) -> Outcome {
    const ALONE: ReplyError =
        ReplyError::fixed("ERR this can't be done in a transaction, or without a server");
    if context.may_wait { Ok(()) } else { Err(ALONE) }
}

fn advance_time(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let span_ms = positive(args.get(2))? as u64;
    check_may_wait(context)?;
    // The reply comes when it is done.
    context.answer_later(Wait::Clock { span_ms });
    Ok(())
}

fn digest(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let digest = Digest::of_all(context.keyspace, context.now_ms());
    context.reply.simple(&digest.to_string());
    Ok(())
}

fn digest_value(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (database, now_ms) = (context.database(), context.now_ms());
    context.reply.array(args.len() - 2);
    for key in args.iter().skip(2) {
        let key = context.keyspace.key(key);
        let entry = context.keyspace.find(database, key, now_ms);
        let digest = entry.map_or_else(Digest::default, |entry| {
            Digest::of_value(context.keyspace, database, entry, now_ms)
        });
        context.reply.simple(&digest.to_string());
    }
    Ok(())
}

const BAD_RELOAD: ReplyError =
    ReplyError::fixed("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
const NOSAVE: ReplyError = ReplyError::fixed(
    "ERR DEBUG RELOAD NOSAVE is not supported: snapshots are loaded at the start",
);

fn reload(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (mut flushes, mut merges) = (true, false);
    for option in args.iter().skip(2) {
        match option {
            _ if option.eq_ignore_ascii_case(b"noflush") => flushes = false,
            _ if option.eq_ignore_ascii_case(b"merge") => merges = true,
            _ if option.eq_ignore_ascii_case(b"nosave") => return Err(NOSAVE),
            _ => return Err(BAD_RELOAD),
        }
    }
    check_may_wait(context)?;
    let database_count = context.keyspace.database_count();
    let has_keys = (0..database_count).any(|database| context.keyspace.size(database).keys > 0);
    if !flushes && !merges && has_keys {
        return Err(ReplyError::fixed("ERR Error trying to load the RDB dump"));
    }
    // The reply comes when it is done.
    context.answer_later(Wait::Reload { flushes });
    Ok(())
}

fn log(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    // One line, whatever the text is.
    let text = String::from_utf8_lossy(args.get(2)).replace(char::is_control, " ");
    log::warn!("DEBUG LOG: {text}");
    context.reply.ok();
    Ok(())
}

/// For what has nothing to act on here.
fn accept(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.reply.ok();
    Ok(())
}

fn replybuffer(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let value = args.get(3);
    let is = |name: &[u8]| args.get(2).eq_ignore_ascii_case(name);
    let is_word = |word: &[u8]| value.eq_ignore_ascii_case(word);
    if is(b"peak-reset-time") {
        if !is_word(b"never") && !is_word(b"reset") {
            parse_i64(value).ok_or(ReplyError::NOT_INTEGER)?;
        }
    } else if !is(b"resizing") {
        return Err(ReplyError::unknown_subcommand_or_arity(
            "debug",
            args.get(1),
        ));
    }
    context.reply.ok();
    Ok(())
}

fn set_active_expire(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let number = parse_i64(args.get(2)).unwrap_or(0);
    context.keyspace.set_active_expiry(number != 0);
    context.reply.ok();
    Ok(())
}

fn positive(text: &[u8]) -> Result<usize, ReplyError> {
    let number = parse_i64(text).and_then(|number| usize::try_from(number).ok());
    number.ok_or(ReplyError::NOT_POSITIVE)
}

fn populate(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 5 {
        return Err(ReplyError::unknown_subcommand_or_arity(
            "debug",
            args.get(1),
        ));
    }
    let count = positive(args.get(2))?;
    let prefix = if args.len() > 3 { args.get(3) } else { b"key" };
    let size = match args.len() {
        5 => Some(positive(args.get(4))?),
        _ => None,
    };
    if size.unwrap_or(0) as u64 > context.config.proto_max_bulk_bytes {
        return Err(ReplyError::NOT_POSITIVE);
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

fn object(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.keyspace.key(args.get(2));
    let (database, now_ms) = (context.database(), context.now_ms());
    let entry = context.keyspace.find(database, key, now_ms);
    let entry = entry.ok_or(ReplyError::NO_SUCH_KEY)?;
    let idle_time_s = context.keyspace.idle_time_s(entry.access_bits(), now_ms);
    let encoding = match context.keyspace.body(entry, now_ms) {
        Some(body) => body.encoding_name(entry.kind()),
        None => (entry.as_string()?).encoding_name(entry.is_modified_in_place()),
    };
    // No address: it would tell where memory is, and differ from run to run.
    let text = format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{} lru:{} lru_seconds_idle:{idle_time_s}",
        serialized_bytes(entry),
        (now_ms / 1_000).saturating_sub(idle_time_s),
    );
    context.reply.simple(&text);
    Ok(())
}

/// About the bytes that a value takes where it is written to a file.
fn serialized_bytes(entry: EntryRef<'_>) -> usize {
    match entry.as_string() {
        Ok(value) => value.len() + 1,
        Err(WrongType) => entry.value_bytes(),
    }
}
