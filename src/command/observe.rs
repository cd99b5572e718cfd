//! What is noted of a command that has run: slow log, latency samples, MONITOR, HOTKEYS.
//!
//! None of this runs for a fast command while nobody watches, unless its reply is large.
//!
//! Not here: how long it took (`context/timing.rs`); SLOWLOG, LATENCY and MONITOR themselves
//! (`diagnostics/`).

use super::call::Resolved;
use super::declare::spec::Flags;
use crate::context::Context;
use crate::context::hot_session::Cost;
use crate::protocol::args::Args;
use crate::stats::{LatencyEvent, SlowEntry, shorten};

/// What is shown in place of secrets.
const REDACTED: &[u8] = b"(redacted)";

/// Notes a command that took `duration_ns`, alone or with a few fast ones before it.
pub(crate) fn note(context: &mut Context<'_>, command: Resolved, args: Args<'_>, duration_ns: u64) {
    let flags = command.spec.flags;
    let event = if flags.has(Flags::FAST) {
        LatencyEvent::FastCommand
    } else {
        LatencyEvent::Command
    };
    note_latency(context, event, duration_ns);
    let threshold_us = u64::try_from(context.config.slowlog_slower_than_us);
    let is_slow = threshold_us.is_ok_and(|threshold_us| duration_ns / 1_000 >= threshold_us);
    if let Some(blocked) = &mut context.session().blocked {
        // It is logged when it is over.
        blocked.spent_ns = duration_ns;
    } else if is_slow && !flags.has(Flags::SKIP_SLOW_LOG) {
        note_slow(context, command, args, duration_ns);
    }
    if context.outbox.is_monitored && !flags.has(Flags::ADMIN) && !flags.has(Flags::SKIP_MONITOR) {
        show(context, command, args);
    }
}

/// Logs a command that waited for a key and is over now, if it was slow; `duration_ns` is what it
/// took without the time that it waited.
pub(crate) fn note_unblocked(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
    duration_ns: u64,
) {
    let threshold_us = u64::try_from(context.config.slowlog_slower_than_us);
    if threshold_us.is_ok_and(|threshold_us| duration_ns / 1_000 >= threshold_us) {
        note_slow(context, command, args, duration_ns);
    }
}

/// Notes for HOTKEYS what a command cost, shared among its keys.
#[cold]
pub(crate) fn note_keys(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
    duration_ns: u64,
    reply_bytes: usize,
) {
    let now_ms = context.now.unix_ms();
    let database = context.sessions.get(context.key).database;
    let Some(session) = &mut context.timing.hot_session else {
        return;
    };
    if !session.is_active(now_ms) || command.spec.flags.has(Flags::ADMIN) {
        return;
    }
    let argument_bytes: usize = (0..args.len()).map(|index| args.get(index).len()).sum();
    let bytes = (argument_bytes + reply_bytes) as u64;
    session.note_command(Cost { duration_ns, bytes });
    let keys = || command.spec.keys.find(args).into_iter().flatten();
    let count = keys().count() as u64;
    for (index, _) in keys() {
        let key = context.keyspace.key(args.get(index));
        let part = Cost {
            duration_ns: duration_ns / count,
            bytes: bytes / count,
        };
        session.note_key(key.hash(), database as u32, key.bytes, part);
    }
}

/// Adds a latency sample if the duration is above `latency-monitor-threshold`.
#[inline]
pub(crate) fn note_latency(context: &mut Context<'_>, event: LatencyEvent, duration_ns: u64) {
    let threshold_ms = context.config.latency_monitor_threshold_ms;
    if threshold_ms > 0 && duration_ns / 1_000_000 >= threshold_ms {
        let unix_seconds = context.now.unix_ms() / 1_000;
        (context.stats.latency).add(event, unix_seconds, duration_ns / 1_000_000);
    }
}

fn note_slow(context: &mut Context<'_>, command: Resolved, args: Args<'_>, duration_ns: u64) {
    let entries_max = usize::try_from(context.config.slowlog_max_len).unwrap_or(usize::MAX);
    let session = context.sessions.get(context.key);
    let entry = SlowEntry {
        id: 0,
        unix_seconds: context.now.unix_ms() / 1_000,
        duration_us: duration_ns / 1_000,
        arguments: shorten(shown(command, args)),
        address: session.peer.address.clone(),
        name: session.name.clone(),
    };
    context.stats.slow_log.add(entry, entries_max);
}

/// Shows a command that runs a script to monitors, before those that the script calls.
#[inline]
pub(crate) fn show_script(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    if context.outbox.is_monitored && command.spec.flags.has(Flags::RUNS_SCRIPT) {
        show(context, command, args);
    }
}

fn show(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    let session = context.sessions.get(context.key);
    let arguments = shown(command, args);
    let address = match context.is_scripted {
        true => "lua",
        false => &session.peer.address,
    };
    (context.outbox.feed).add(context.now, session.database, address, arguments);
}

/// The arguments of a request with its secrets replaced.
fn shown<'a>(command: Resolved, args: Args<'a>) -> impl ExactSizeIterator<Item = &'a [u8]> {
    let secrets = command.spec.secrets;
    let shown = move |index| {
        if secrets.is_some_and(|is_secret| is_secret(args, index)) {
            REDACTED
        } else {
            args.get(index)
        }
    };
    (0..args.len()).map(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::call::resolve;
    use crate::command::declare::names::CommandNames;
    use crate::protocol::args::OwnedArgs;

    fn shown_line(line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        let request = OwnedArgs::from_slices(&words);
        let Ok(command) = resolve(&CommandNames::new(&[]), request.args()) else {
            panic!("the request is whole");
        };
        let parts: Vec<_> = shown(command, request.args())
            .map(|word| std::str::from_utf8(word).unwrap())
            .collect();
        parts.join(" ")
    }

    #[test]
    fn secrets_are_not_shown() {
        let hidden = [
            ("AUTH a", "AUTH (redacted)"),
            ("auth u b", "auth (redacted) (redacted)"),
            ("HELLO 3 AUTH x y", "HELLO 3 AUTH (redacted) (redacted)"),
            (
                "HELLO 3 SETNAME n AUTH x y",
                "HELLO 3 SETNAME n AUTH (redacted) (redacted)",
            ),
            (
                "CONFIG SET timeout 1 RequirePass foo",
                "CONFIG SET timeout 1 RequirePass (redacted)",
            ),
            // What is not offered is the same password elsewhere, and so is what is misspelled.
            (
                "CONFIG SET masterauth a MasterUser b primaryauth c tls-key-file-pass d",
                "CONFIG SET masterauth (redacted) MasterUser (redacted) primaryauth (redacted) \
                 tls-key-file-pass (redacted)",
            ),
            (
                "CONFIG SET requirepas a hz 10",
                "CONFIG SET requirepas (redacted) hz 10",
            ),
        ];
        for (line, expected) in hidden {
            assert_eq!(shown_line(line), expected);
        }
        for line in ["ACL SETUSER u >p", "ACL DELUSER u u", "ACL GETUSER u"] {
            let shown = shown_line(line);
            assert!(!shown.contains(" u") && !shown.contains('p'), "{shown}");
        }
        for line in ["SET auth b", "ECHO requirepass", "HELLO 3", "PING"] {
            assert_eq!(shown_line(line), line);
        }
    }
}
