//! From a request to its command, and running it.
//!
//! Not here: the gates a request passes before it is called (`engine/gates.rs`).

use super::declare::names::CommandNames;
use super::declare::spec::{Action, CommandSpec, Flags, Handler, Outcome};
use super::declare::table::table;
use super::observe;
use crate::base::command_id::CommandId;
use crate::context::Context;
use crate::keyspace::Key;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

/// A command that a request names, with as many arguments as it takes.
#[derive(Clone, Copy)]
pub struct Resolved {
    /// Its number: the subcommand's, if there is one.
    pub number: CommandId,
    /// Its declaration.
    pub spec: &'static CommandSpec,
    /// What runs it.
    pub handler: Handler,
}

impl Resolved {
    /// A command that is no container, if it takes this number of arguments.
    #[inline]
    fn new(number: CommandId, spec: &'static CommandSpec, args: Args<'_>) -> Option<Self> {
        match spec.action {
            Action::Run(handler) if spec.accepts(args.len()) => Some(Self {
                number,
                spec,
                handler,
            }),
            _ => None,
        }
    }
}

/// The command of a request if it can run at once: its name is known and no container's, and the
/// number of arguments fits. All others are left to [`resolve`], which finds the error, too.
#[inline]
pub fn resolve_plain(names: &CommandNames, args: Args<'_>) -> Option<Resolved> {
    let (number, spec) = names.find_for(args)?;
    Resolved::new(number, spec, args)
}

/// Finds the command of a request by its name. O(1) beside the subcommands of a container.
///
/// # Errors
/// Redis's words for an unknown name, an unknown subcommand or a wrong number of arguments.
#[inline]
pub fn resolve(names: &CommandNames, args: Args<'_>) -> Result<Resolved, ReplyError> {
    match names.find(args.get(0)) {
        Some(number) => resolve_number(number, args),
        None => Err(ReplyError::unknown_command(
            args.name(),
            args.skip(1).iter(),
        )),
    }
}

/// As [`resolve`] for a command whose number is known.
#[inline]
pub fn resolve_number(number: CommandId, args: Args<'_>) -> Result<Resolved, ReplyError> {
    let spec = table().spec(number);
    if let Some(resolved) = Resolved::new(number, spec, args) {
        return Ok(resolved);
    }
    match spec.action {
        Action::Run(_) => Err(ReplyError::wrong_arity(table().full_name(number))),
        Action::Container(_, bare) => resolve_container(number, spec, bare, args),
    }
}

fn resolve_container(
    number: CommandId,
    spec: &'static CommandSpec,
    bare: Option<Handler>,
    args: Args<'_>,
) -> Result<Resolved, ReplyError> {
    if args.len() == 1 {
        let handler = bare.ok_or_else(|| ReplyError::wrong_arity(spec.name))?;
        return Ok(Resolved {
            number,
            spec,
            handler,
        });
    }
    let Some(number) = table().find_subcommand(number, args.get(1)) else {
        return Err(ReplyError::unknown_subcommand(spec.name, args.get(1)));
    };
    Resolved::new(number, table().spec(number), args)
        .ok_or_else(|| ReplyError::wrong_arity(table().full_name(number)))
}

/// The command that a request names, whatever the number of its arguments; only to be asked about.
/// O(1) beside the subcommands of a container.
pub fn find_named(names: &CommandNames, args: Args<'_>) -> Option<Resolved> {
    let mut number = names.find(args.get(0))?;
    if let Action::Container(..) = table().spec(number).action
        && args.len() > 1
    {
        number = table().find_subcommand(number, args.get(1))?;
    }
    let spec = table().spec(number);
    let handler = match spec.action {
        Action::Run(handler) => handler,
        Action::Container(_, bare) => bare.unwrap_or(|_, _| Ok(())),
    };
    Some(Resolved {
        number,
        spec,
        handler,
    })
}

/// Runs a resolved command, counts it and lets its time be known. An error is written as the reply.
#[inline]
pub fn call(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    if context.sessions.get(context.key).tracking.is_some() {
        remember(context, command, args);
    }
    if context.timing.is_exact || !command.spec.flags.is_timed_in_groups() {
        return call_singly(context, command, args);
    }
    call_in_group(context, command, args);
}

/// Notes the keys of a command that reads them, if its client wants to be told of them: before it
/// runs, so that a value which is read and changes meanwhile is told of, too.
#[inline]
pub fn remember(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    let tracking = &context.sessions.get(context.key).tracking;
    if let Some(tracking) = tracking.as_ref().filter(|tracking| tracking.remembers())
        && command.spec.flags.has(Flags::READ_ONLY)
    {
        let number = tracking.number;
        let keys_max = context.config.tracking_table_max_keys;
        if let Some(index) = command.spec.keys.only_index() {
            let key = context.key(args, index);
            context.keyspace.remember(key, number, keys_max);
            return;
        }
        for (index, _) in command.spec.keys.find(args).into_iter().flatten() {
            let key = context.key(args, index);
            context.keyspace.remember(key, number, keys_max);
        }
    }
}

/// Notes a key that is read, if the client wants to be told of it.
#[inline]
pub fn remember_key(context: &mut Context<'_>, key: Key<'_>) {
    let tracking = &context.sessions.get(context.key).tracking;
    if let Some(tracking) = tracking.as_ref().filter(|tracking| tracking.remembers()) {
        let number = tracking.number;
        let keys_max = context.config.tracking_table_max_keys;
        context.keyspace.remember(key, number, keys_max);
    }
}

/// As [`call`], for a command that is timed in groups while nothing is timed singly.
#[inline(always)] // Into both kinds of groups.
pub fn call_in_group(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    debug_assert!(!context.timing.is_exact && command.spec.flags.is_timed_in_groups());
    run(context, command, args);
    if context.timing.add(command.number, context.reply.len()) {
        end_group(context, command, args);
    }
}

/// Ends a group of fast commands early; the last is the one that had the large reply, if any.
#[cold]
fn end_group(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    let duration_ns = (context.timing).end_group(context.reply.len(), context.stats);
    observe::note(context, command, args, duration_ns);
}

/// Runs a command between two readings of the stopwatch.
#[inline(never)]
fn call_singly(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    let (begin_ns, begin_bytes) = (begin_single(context), context.reply.len());
    run(context, command, args);
    end_single(context, command, args, begin_ns);
    if context.timing.hot_session.is_some() {
        let reply_bytes = context.reply.len() - begin_bytes;
        observe::note_keys(
            context,
            command,
            args,
            context.timing.lasted_ns(begin_ns),
            reply_bytes,
        );
    }
}

/// The first reading, for a command that ends with [`end_single`].
pub fn begin_single(context: &mut Context<'_>) -> u64 {
    (context.timing).split(context.reply.len(), context.stats)
}

/// The second reading: counts the command and lets its time be known.
pub fn end_single(context: &mut Context<'_>, command: Resolved, args: Args<'_>, begin_ns: u64) {
    let output_bytes = context.reply.len();
    let duration_ns =
        (context.timing).end_single(command.number, begin_ns, output_bytes, context.stats);
    observe::note(context, command, args, duration_ns);
}

/// Runs the handler of a resolved command, and nothing besides.
#[inline]
pub fn run(context: &mut Context<'_>, command: Resolved, args: Args<'_>) {
    let begin = context.reply.len();
    let outcome: Outcome = (command.handler)(context, args);
    if let Err(reply) = outcome {
        debug_assert_eq!(context.reply.len(), begin, "who fails has replied nothing");
        fail(context, command, &reply);
    }
}

/// Replies the error with which a command fails, and counts both.
#[cold]
pub fn fail(context: &mut Context<'_>, command: Resolved, reply: &ReplyError) {
    context.stats.count_failure(command.number);
    reply_error(context, reply);
}

/// Replies an error and counts it.
#[cold]
pub fn reply_error(context: &mut Context<'_>, reply: &ReplyError) {
    context.stats.count_error(reply.code());
    if context.session().is_primary {
        context.stats.counters.unexpected_error_replies += 1;
        let text = reply.as_bytes().escape_ascii();
        log::error!("what the primary sent could not be carried out: {text}");
    }
    context.reply.error(reply);
}
