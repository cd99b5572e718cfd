//! Runs a script: what it passes at its beginning, and each command it calls.
//!
//! ```text
//!  asked for ─▶ may it begin? ─▶ its machine ─┬─ Host::call ─▶ resolve ─▶ gates ─▶ call ─▶ reply
//!                                             ├─ Step::Slice ─▶ the budget
//!                                             └─ Step::Done ─▶ its reply
//! ```
//!
//! A command runs on the stack of the script. Its reply is written where the client's goes, read
//! from there, and taken back.
//!
//! Invariant: each call passes the gates as one of a client does, but for those that EVAL has
//! passed as a whole: authentication, the pause, claims.
//!
//! Not here: the script itself (`script/`), jobs (`jobs.rs`).

use super::CacheEngine;
use super::budget::{Budget, CALL_UNITS, SLICE_UNITS};
use super::full;
use super::gates;

use crate::command::call::{Resolved, call, find_named, reply_error, resolve, resolve_plain};
use crate::command::declare::names::CommandNames;
use crate::command::declare::spec::Flags;
use crate::command::permission;
use crate::context::Context;
use crate::context::job::ScriptUnderway;
use crate::keyspace::Room;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;
use crate::script::flags::ScriptFlags;
use crate::script::{Asked, Call, Host, LogLine, Step};

const UNKNOWN: ReplyError = ReplyError::fixed("ERR Unknown Redis command called from script");
const WRONG_ARITY: ReplyError =
    ReplyError::fixed("ERR Wrong number of args calling Redis command from script");
const NOT_FROM_SCRIPT: ReplyError =
    ReplyError::fixed("ERR This Redis command is not allowed from script");
const READ_ONLY: ReplyError =
    ReplyError::fixed("ERR Write commands are not allowed from read-only scripts.");
const WRITES_IN_READING: ReplyError =
    ReplyError::fixed("ERR Can not execute a script with write flag using *_ro command.");
const OOM_AT_BEGIN: ReplyError = ReplyError::fixed(
    "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
);
const REPLY_TOO_LONG: ReplyError =
    ReplyError::fixed("ERR the reply is longer than one client's may be");

/// The most that a machine takes where nothing is configured.
const MACHINE_BYTES_MAX: u64 = 256 << 20;

impl CacheEngine {
    /// Puts `lua-memory-limit` into force.
    pub(crate) fn apply_script_limits(&mut self) {
        let limit_bytes = match (
            self.config.lua_memory_limit_bytes,
            self.memory_limit_bytes(),
        ) {
            (0, 0) => MACHINE_BYTES_MAX,
            (0, memory_bytes) => MACHINE_BYTES_MAX.min(memory_bytes / 4).max(1 << 20),
            (limit_bytes, _) => limit_bytes,
        };
        let limit_bytes = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        self.scripts.set_limit_bytes(limit_bytes);
    }
}

/// Begins a script and runs it until it ends, or the budget is used up: then it goes on later.
pub(super) fn run(
    context: &mut Context<'_>,
    names: &CommandNames,
    asked: Asked,
    command: Resolved,
    args: Args<'_>,
    budget: &mut Budget,
) -> Option<ScriptUnderway> {
    if let Err(error) = may_begin(context, asked) {
        reply_error(context, &error);
        context.stats.count_failure(command.number);
        return None;
    }
    let database = context.database();
    let dialect = context.reply.dialect();
    let reply_bytes_max = context.reply.ceiling().saturating_sub(context.reply.len());
    (context.scripts).begin(asked, dialect, reply_bytes_max, context.now);
    if drive(context, names, Some(args), budget) {
        end(context, command, database);
        return None;
    }
    Some(ScriptUnderway {
        inner: None,
        database,
    })
}

/// What a script passes that says of itself what it does.
fn may_begin(context: &mut Context<'_>, asked: Asked) -> Result<(), ReplyError> {
    if asked.flags.has(ScriptFlags::UNDECLARED) {
        return Ok(());
    }
    if !asked.flags.has(ScriptFlags::NO_WRITES) {
        if !gates::may_write(context) {
            return Err(gates::write_refusal(context));
        }
        if asked.is_read_only {
            return Err(WRITES_IN_READING);
        }
    }
    let needs_memory = !(asked.flags).has(ScriptFlags::NO_WRITES.and(ScriptFlags::ALLOW_OOM));
    if needs_memory && context.room_for(0) == Room::Exhausted {
        return Err(OOM_AT_BEGIN);
    }
    Ok(())
}

/// Goes on with a script that stopped for a slice; true if it has ended.
pub(super) fn go_on(context: &mut Context<'_>, names: &CommandNames, budget: &mut Budget) -> bool {
    drive(context, names, None, budget)
}

/// Starts the script with the arguments of its request, or goes on with it; true if it has ended.
fn drive(
    context: &mut Context<'_>,
    names: &CommandNames,
    args: Option<Args<'_>>,
    budget: &mut Budget,
) -> bool {
    let mut machine = context.scripts.lend();
    let mark = context.reply.len();
    let mut caller = Caller {
        context,
        names,
        budget,
        mark,
    };
    let mut step = match args {
        Some(args) => machine.start(args, &mut caller),
        None => machine.go_on(&mut caller),
    };
    let has_ended = loop {
        match step {
            Step::Done => break true,
            Step::Slice if caller.budget.spend(SLICE_UNITS) => break false,
            Step::Slice => step = machine.go_on(&mut caller),
        }
    };
    context.reply.truncate_to(mark);
    context.scripts.take_back(machine);
    has_ended
}

/// Writes the reply of a script that has ended, and lets the session be as it was.
pub(super) fn end(context: &mut Context<'_>, command: Resolved, database: usize) {
    context.session().database = database;
    if context.scripts.has_log() {
        write_log(context.scripts.take_log());
    }
    let has_new_error = context.scripts.has_new_error();
    let Context {
        scripts,
        reply,
        stats,
        ..
    } = context;
    match scripts.reply() {
        Some(bytes) => {
            if let Some(error) = bytes.strip_prefix(b"-") {
                stats.count_failure(command.number);
                if has_new_error {
                    stats.count_error(ReplyError::from_bytes(error.to_vec()).code());
                }
            }
            reply.raw(bytes);
        }
        None => reply.give_up(),
    }
    scripts.end();
}

#[cold]
fn write_log(lines: Vec<LogLine>) {
    for line in lines {
        let text = String::from_utf8_lossy(&line.text);
        match line.level {
            // `loglevel debug` lets everything pass, `verbose` what the library calls debug.
            0 => log::trace!("{text}"),
            1 => log::debug!("{text}"),
            2 => log::info!("{text}"),
            _ => log::warn!("{text}"),
        }
    }
}

/// Runs the commands that a script calls.
struct Caller<'a, 'c> {
    context: &'a mut Context<'c>,
    names: &'a CommandNames,
    budget: &'a mut Budget,
    /// Where their replies begin in the output; each takes the place of the last.
    mark: usize,
}

impl Host for Caller<'_, '_> {
    fn call(&mut self, call: Call<'_>) -> &[u8] {
        self.budget.spend(CALL_UNITS);
        let context = &mut *self.context;
        context.reply.truncate_to(self.mark);
        let dialect = context.reply.dialect();
        context.reply.set_dialect(if call.is_resp3 {
            Dialect::Resp3
        } else {
            Dialect::Resp2
        });
        context.is_scripted = true;
        let outcome = if call.asks_for_right {
            let command = find_named(self.names, call.args).ok_or(UNKNOWN);
            command.map(|command| {
                let may_call = permission::may_call(context, command, call.args);
                context.reply.integer(may_call.into());
            })
        } else {
            pass_and_call(context, self.names, call.args)
        };
        if let Err(error) = outcome {
            reply_error(context, &error);
        }
        context.is_scripted = false;
        if context.reply.is_over() {
            context.reply.truncate_to(self.mark);
            context.reply.error(&REPLY_TOO_LONG);
        }
        context.reply.set_dialect(dialect);
        context.reply.since(self.mark)
    }
}

#[inline]
fn find(names: &CommandNames, args: Args<'_>) -> Result<Resolved, ReplyError> {
    resolve_plain(names, args).map_or_else(|| find_slowly(names, args), Ok)
}

#[cold]
fn find_slowly(names: &CommandNames, args: Args<'_>) -> Result<Resolved, ReplyError> {
    resolve(names, args).map_err(|error| {
        if error.as_bytes().starts_with(b"ERR wrong number") {
            WRONG_ARITY
        } else {
            UNKNOWN
        }
    })
}

fn pass_and_call(
    context: &mut Context<'_>,
    names: &CommandNames,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    let command = find(names, args)?;
    if let Err(error) = pass(context, command, args) {
        context.stats.count_rejection(command.number);
        return Err(error);
    }
    call(context, command, args);
    Ok(())
}

/// Whether a command that is not for scripts may be called by those of tests, once DEBUG has said
/// so: what is answered at once, and changes no session.
fn is_for_tests(command: Resolved, args: Args<'_>) -> bool {
    let is_list = || args.get(0).eq_ignore_ascii_case(b"client") && command.spec.name == "list";
    command.spec.name == "debug" || is_list()
}

/// The gates, in Redis's order.
fn pass(context: &mut Context<'_>, command: Resolved, args: Args<'_>) -> Result<(), ReplyError> {
    let flags = command.spec.flags;
    if flags.has(Flags::NO_SCRIPT) && !(context.scripts.may_debug && is_for_tests(command, args)) {
        return Err(NOT_FROM_SCRIPT);
    }
    if !context.is_unrestricted() {
        permission::check_called(context, command, args)?;
    }
    let running = context.scripts.running().expect("it has called");
    let (has_written, allows_oom) = (running.has_written, running.allows_oom);
    let is_write = flags.has(Flags::WRITE);
    if is_write && running.is_read_only {
        return Err(READ_ONLY);
    }
    // What has begun to write can't stop in between.
    if is_write && !has_written && !gates::may_write(context) {
        return Err(gates::write_refusal(context));
    }
    full::check(context, command.spec, args)?;
    if flags.has(Flags::DENY_OOM) {
        let is_exhausted = context.room_for(args.span_bytes()) == Room::Exhausted;
        if is_exhausted && !has_written && !allows_oom {
            return Err(ReplyError::OOM);
        }
    }
    if is_write {
        let running = context.scripts.running_mut().expect("it has called");
        running.has_written = true;
    }
    Ok(())
}
