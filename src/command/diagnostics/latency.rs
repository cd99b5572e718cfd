//! LATENCY: what took long, and how long commands take.
//!
//! Not here: the samples (`stats/latency.rs`), the durations (`context/timing.rs`), the texts of
//! GRAPH and DOCTOR (`latency_text.rs`).

use super::latency_text;
use crate::base::command_id::CommandId;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::declare::table::table;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::stats::LatencyEvent;
use crate::structures::histogram::Histogram;

pub(super) const COMMANDS: &[&CommandSpec] = &[&LATENCY];

const FLAGS: Flags = Flags::ADMIN
    .and(Flags::NO_SCRIPT)
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::BESIDE_JOBS);

static LATENCY: CommandSpec = family::SERVER
    .container(
        "latency",
        &[
            &DOCTOR, &GRAPH, &HELP, &HISTOGRAM, &HISTORY, &LATEST, &RESET,
        ],
    )
    .summary("A container of commands about latency.")
    .since("2.8.13");

static LATEST: CommandSpec = family::SERVER
    .subcommand("latest", "", latest)
    .summary("Returns the latest sample of every event.")
    .since("2.8.13")
    .flags(FLAGS);

fn latest(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let monitor = &context.stats.latency;
    context.reply.array(monitor.iter().count());
    for (event, series) in monitor.iter() {
        let latest = series.latest().expect("a series has samples");
        context.reply.array(4);
        context.reply.bulk(event.name().as_bytes());
        context.reply.integer(latest.unix_seconds as i64);
        context.reply.integer(latest.duration_ms as i64);
        context.reply.integer(series.worst_ms() as i64);
    }
    Ok(())
}

static HISTORY: CommandSpec = family::SERVER
    .subcommand("history", "event", history)
    .summary("Returns the samples of an event.")
    .since("2.8.13")
    .flags(FLAGS);

fn history(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let event = LatencyEvent::find(args.get(2));
    let series = event.and_then(|event| context.stats.latency.series(event));
    let samples = series.map(|series| series.iter());
    context
        .reply
        .array(samples.as_ref().map_or(0, |samples| samples.len()));
    for sample in samples.into_iter().flatten() {
        context.reply.array(2);
        context.reply.integer(sample.unix_seconds as i64);
        context.reply.integer(sample.duration_ms as i64);
    }
    Ok(())
}

static RESET: CommandSpec = family::SERVER
    .subcommand("reset", "[event [event ...]]", reset)
    .summary("Forgets the samples of some events, or of all.")
    .since("2.8.13")
    .flags(FLAGS);

fn reset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let is_meant = |event: &LatencyEvent| {
        let name = event.name().as_bytes();
        args.len() == 2
            || args
                .iter()
                .skip(2)
                .any(|word| word.eq_ignore_ascii_case(name))
    };
    let events = LatencyEvent::ALL.into_iter().filter(is_meant);
    let count = events
        .filter(|&event| context.stats.latency.reset(event))
        .count();
    context.reply.integer(count as i64);
    Ok(())
}

static HISTOGRAM: CommandSpec = family::SERVER
    .subcommand("histogram", "[command [command ...]]", histogram)
    .summary("Returns how many calls of commands took how many microseconds.")
    .since("7.0.0")
    .cost("O(number of commands)")
    .flags(FLAGS);

fn histogram(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let all = table().all();
    let numbers: Vec<CommandId> = if args.len() == 2 {
        all.collect()
    } else {
        args.iter()
            .skip(2)
            .flat_map(find_with_subcommands)
            .collect()
    };
    let timing = &*context.timing;
    let durations = numbers
        .into_iter()
        .filter_map(|number| Some((number, timing.durations(number)?)));
    let durations: Vec<(CommandId, &Histogram)> = durations.collect();
    let reply = &mut context.reply;
    reply.map(durations.len());
    for (number, durations) in durations {
        let buckets = cumulative_us(durations);
        reply.bulk(table().full_name(number).as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(durations.count() as i64);
        reply.bulk(b"histogram_usec");
        reply.map(buckets.len());
        for (bound_us, count) in buckets {
            reply.integer(bound_us as i64);
            reply.integer(count as i64);
        }
    }
    Ok(())
}

/// The command of a name and its subcommands; a subcommand is named `parent|name`.
fn find_with_subcommands(name: &[u8]) -> Vec<CommandId> {
    let mut parts = name.splitn(2, |&byte| byte == b'|');
    let Some(number) = parts.next().and_then(|parent| table().find(parent)) else {
        return Vec::new();
    };
    match parts.next() {
        Some(own) => table().find_subcommand(number, own).into_iter().collect(),
        None => std::iter::once(number)
            .chain(table().subcommands(number))
            .collect(),
    }
}

/// How many durations are at most 1, 2, 4 … microseconds, where the number grows.
fn cumulative_us(durations: &Histogram) -> Vec<(u64, u64)> {
    let mut buckets: Vec<(u64, u64)> = Vec::new();
    let mut total = 0;
    for (bound_ns, count) in durations.iter() {
        total += count;
        let bound_us = bound_ns.div_ceil(1_000).max(1);
        let bound_us = bound_us.checked_next_power_of_two().unwrap_or(1 << 63);
        match buckets.last_mut() {
            Some(last) if last.0 == bound_us => last.1 = total,
            _ => buckets.push((bound_us, total)),
        }
    }
    buckets
}

static GRAPH: CommandSpec = family::SERVER
    .subcommand("graph", "event", graph)
    .summary("Draws the samples of an event.")
    .since("2.8.13")
    .flags(FLAGS);

fn graph(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let event = LatencyEvent::find(args.get(2));
    let series = event.and_then(|event| Some((event, context.stats.latency.series(event)?)));
    let Some((event, series)) = series else {
        let text = [b"ERR No samples available for event '", args.get(2), b"'"].concat();
        return Err(ReplyError::from_bytes(text));
    };
    let text = latency_text::graph(event, series, context.now_ms() / 1_000);
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

static DOCTOR: CommandSpec = family::SERVER
    .subcommand("doctor", "", doctor)
    .summary("Says in words what took long.")
    .since("2.8.13")
    .flags(FLAGS);

fn doctor(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let is_on = context.config.latency_monitor_threshold_ms > 0;
    let text = latency_text::report(&context.stats.latency, is_on);
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

help_of!(LATENCY, SERVER, "2.8.13");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_up_to_powers_of_two() {
        let mut durations = Histogram::new();
        for duration_ns in [100, 900, 1_900, 7_000, 7_500] {
            durations.record(duration_ns);
        }
        assert_eq!(cumulative_us(&durations), [(1, 2), (2, 3), (8, 5)]);
        durations.record(u64::MAX);
        assert_eq!(cumulative_us(&durations)[3].1, 6);
    }

    #[test]
    fn names_are_found_with_their_subcommands() {
        let names = |name: &str| -> Vec<&str> {
            let numbers = find_with_subcommands(name.as_bytes());
            numbers
                .into_iter()
                .map(|number| table().full_name(number))
                .collect()
        };
        assert_eq!(names("GET"), ["get"]);
        assert_eq!(names("Slowlog|LEN"), ["slowlog|len"]);
        assert_eq!(names("slowlog").len(), 5);
        assert_eq!(names("nosuch|x"), [""; 0]);
    }
}
