//! HOTKEYS: which keys are used most, in the words of Valkey and of Redis.
//!
//! ```text
//!  HOTKEYS GET                       what is known all the time: key, database, uses a second
//!  HOTKEYS START METRICS … ─▶ GET    what commands on keys cost since, until RESET
//! ```
//!
//! The two servers give GET different replies. Who has started a session, as Redis wants it, gets
//! that of Redis; who has not gets that of Valkey, which has no sessions.
//!
//! Not here: the counting (`keyspace/insight/`, `context/hot_session.rs`).

use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::hot_session::{HotSession, Wanted};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::structures::heavy_hitters::HeavyHitters;

pub(super) const COMMANDS: &[&CommandSpec] = &[&HOTKEYS];

const FLAGS: Flags = Flags::ADMIN.and(Flags::NO_SCRIPT);

/// Keys that are told unless another number is asked for.
const COUNT_DEFAULT: usize = 10;

/// Keys that may be asked for.
const COUNT_MAX: i64 = 64;

/// Largest distance of samples, and longest session in seconds.
const NUMBER_MAX: i64 = 1_000_000;

const ACTIVE: ReplyError = ReplyError::fixed("ERR a hotkeys tracking session is already active");
const NOT_ACTIVE: ReplyError = ReplyError::fixed("ERR no hotkeys tracking session is active");
const STILL_ACTIVE: ReplyError =
    ReplyError::fixed("ERR stop the hotkeys tracking session before you reset it");
const METRICS: ReplyError =
    ReplyError::fixed("ERR METRICS takes how many follow, then CPU or NET or both");
const NO_CLUSTER: ReplyError = ReplyError::fixed("ERR SLOTS needs a cluster");

static HOTKEYS: CommandSpec = family::SERVER
    .container("hotkeys", &[&GET, &HELP, &RESET, &START, &STOP])
    .summary("A container of commands about keys that are used much.")
    .since("8.6.0");

static GET: CommandSpec = family::SERVER
    .subcommand("get", "", get)
    .summary("Returns the keys that are used most, or what commands on keys have cost since HOTKEYS START.")
    .since("8.6.0")
    .cost("O(number of keys returned)")
    .flags(FLAGS);

fn get(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let now_ms = context.now.unix_ms();
    if let Some(session) = context.timing.hot_session.take() {
        reply_session(context, &session, now_ms);
        context.timing.hot_session = Some(session);
        return Ok(());
    }
    let keys = context.keyspace.hot_keys(COUNT_DEFAULT, now_ms);
    let reply = &mut context.reply;
    reply.array(keys.len());
    for key in keys {
        reply.map(3);
        reply.bulk(b"key");
        reply.bulk(&key.name);
        reply.bulk(b"db");
        reply.integer(i64::from(key.database));
        reply.bulk(b"qps");
        reply.integer(key.per_second as i64);
    }
    Ok(())
}

fn reply_session(context: &mut Context<'_>, session: &HotSession, now_ms: u64) {
    let wanted = session.wanted;
    let gauges = &context.stats.gauges;
    let (user_us, system_us) = session.began_cpu_us;
    let used_ms = |now_us: u64, began_us: u64| (now_us.saturating_sub(began_us) / 1_000) as i64;
    let user_ms = used_ms(gauges.cpu_user_usec, user_us);
    let system_ms = used_ms(gauges.cpu_system_usec, system_us);
    let reply = &mut context.reply;
    reply.map(7 + 3 * usize::from(wanted.has_cpu) + 2 * usize::from(wanted.has_net));
    let mut number = |name: &[u8], value: i64| {
        reply.bulk(name);
        reply.integer(value);
    };
    number(b"tracking-active", i64::from(session.is_active(now_ms)));
    number(b"sample-ratio", wanted.sample_ratio as i64);
    reply.bulk(b"selected-slots");
    reply.array(0);
    let mut number = |name: &[u8], value: i64| {
        reply.bulk(name);
        reply.integer(value);
    };
    number(
        b"all-commands-all-slots-us",
        (session.all_ns / 1_000) as i64,
    );
    number(
        b"net-bytes-all-commands-all-slots",
        session.all_bytes as i64,
    );
    number(b"collection-start-time-unix-ms", session.began_ms as i64);
    number(b"collection-duration-ms", session.span_ms(now_ms) as i64);
    if wanted.has_cpu {
        number(b"total-cpu-time-user-ms", user_ms);
        number(b"total-cpu-time-sys-ms", system_ms);
    }
    if wanted.has_net {
        number(b"total-net-bytes", session.all_bytes as i64);
    }
    if wanted.has_cpu {
        reply_keys(
            context,
            b"by-cpu-time-us",
            &session.by_time_ns,
            wanted.count,
            1_000,
        );
    }
    if wanted.has_net {
        reply_keys(context, b"by-net-bytes", &session.by_bytes, wanted.count, 1);
    }
}

/// Keys and their figures in units of so many.
fn reply_keys(
    context: &mut Context<'_>,
    name: &[u8],
    hitters: &HeavyHitters,
    count: usize,
    unit: u64,
) {
    let heaviest = hitters.heaviest(count);
    let reply = &mut context.reply;
    reply.bulk(name);
    reply.array(2 * heaviest.len());
    for hitter in heaviest {
        reply.bulk(&hitter.name);
        reply.integer((hitter.weight_min() / unit) as i64);
    }
}

static START: CommandSpec = family::SERVER
    .subcommand(
        "start",
        "METRICS count [CPU] [NET] [COUNT k] [DURATION seconds] [SAMPLE ratio]",
        start,
    )
    .summary("Begins to note what commands on each key cost, by time, by bytes or both.")
    .since("8.6.0")
    .flags(FLAGS);

fn start(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let wanted = wanted(args)?;
    let now_ms = context.now.unix_ms();
    let session = context.timing.hot_session.as_ref();
    if session.is_some_and(|session| session.is_active(now_ms)) {
        return Err(ACTIVE);
    }
    let gauges = &context.stats.gauges;
    let began_cpu_us = (gauges.cpu_user_usec, gauges.cpu_system_usec);
    let session = HotSession::new(wanted, now_ms, began_cpu_us);
    context.timing.hot_session = Some(Box::new(session));
    context.reply.ok();
    Ok(())
}

fn wanted(args: Args<'_>) -> Result<Wanted, ReplyError> {
    let mut wanted = Wanted {
        has_cpu: false,
        has_net: false,
        count: COUNT_DEFAULT,
        sample_ratio: 1,
        duration_ms: 0,
    };
    let is = |index: usize, word: &str| args.get(index).eq_ignore_ascii_case(word.as_bytes());
    if !is(2, "metrics") {
        return Err(ReplyError::SYNTAX);
    }
    let metric_count = number(args, 3, NUMBER_MAX)? as usize;
    let metrics_end = 4 + metric_count;
    if metrics_end > args.len() {
        return Err(METRICS);
    }
    for index in 4..metrics_end {
        match index {
            _ if is(index, "cpu") && !wanted.has_cpu => wanted.has_cpu = true,
            _ if is(index, "net") && !wanted.has_net => wanted.has_net = true,
            _ => return Err(METRICS),
        }
    }
    let mut index = metrics_end;
    while index < args.len() {
        if is(index, "slots") {
            return Err(NO_CLUSTER);
        }
        if index + 1 >= args.len() {
            return Err(ReplyError::SYNTAX);
        }
        if is(index, "count") {
            wanted.count = number(args, index + 1, COUNT_MAX)? as usize;
        } else if is(index, "duration") {
            wanted.duration_ms = number(args, index + 1, NUMBER_MAX)? * 1_000;
        } else if is(index, "sample") {
            wanted.sample_ratio = number(args, index + 1, NUMBER_MAX)?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 2;
    }
    Ok(wanted)
}

/// A number from 1 on.
fn number(args: Args<'_>, index: usize, most: i64) -> Result<u64, ReplyError> {
    let number = parse_i64(args.get(index)).filter(|number| (1..=most).contains(number));
    number
        .map(|number| number as u64)
        .ok_or(ReplyError::NOT_INTEGER)
}

static STOP: CommandSpec = family::SERVER
    .subcommand("stop", "", stop)
    .summary("Ends what HOTKEYS START began; HOTKEYS GET tells what was noted.")
    .since("8.6.0")
    .flags(FLAGS);

fn stop(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let now_ms = context.now.unix_ms();
    let session = context.timing.hot_session.as_mut();
    let session = session.filter(|session| session.is_active(now_ms));
    session.ok_or(NOT_ACTIVE)?.stop(now_ms);
    context.reply.ok();
    Ok(())
}

static RESET: CommandSpec = family::SERVER
    .subcommand("reset", "", reset)
    .summary("Forgets which keys are used much, and what was noted since HOTKEYS START.")
    .since("8.6.0")
    .flags(FLAGS);

fn reset(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let now_ms = context.now.unix_ms();
    let session = context.timing.hot_session.as_ref();
    if session.is_some_and(|session| session.is_active(now_ms)) {
        return Err(STILL_ACTIVE);
    }
    context.timing.hot_session = None;
    context.keyspace.forget_hot_keys();
    context.reply.ok();
    Ok(())
}

help_of!(HOTKEYS, SERVER, "8.6.0");
