//! FCALL, FCALL_RO, and FUNCTION: libraries of functions.
//!
//! Not here: what a library is (`script/function_libraries.rs`), running a function
//! (`engine/scripts.rs`).

use super::eval::{COST, FLAGS, KEYS};
use super::script::end_running;
use crate::base::glob;
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::rdb::{function_codes, function_payload};
use crate::script::{Asked, Kind, Libraries, Library};

pub(super) const COMMANDS: &[&CommandSpec] = &[&FCALL, &FCALL_RO, &FUNCTION];

static FCALL: CommandSpec = family::SCRIPTING
    .command(
        "fcall",
        "function numkeys [key [key ...]] [arg [arg ...]]",
        fcall,
    )
    .summary("Runs a function of a library.")
    .since("7.0.0")
    .cost(COST)
    .keys(KEYS)
    .access(Access::CHANGE)
    .flags(FLAGS);

fn fcall(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    run(context, args, false)
}

static FCALL_RO: CommandSpec = family::SCRIPTING
    .command(
        "fcall_ro",
        "function numkeys [key [key ...]] [arg [arg ...]]",
        fcall_ro,
    )
    .summary("Runs a function of a library that only reads.")
    .since("7.0.0")
    .cost(COST)
    .keys(KEYS)
    .flags(FLAGS.and(Flags::READ_ONLY));

fn fcall_ro(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    run(context, args, true)
}

fn run(context: &mut Context<'_>, args: Args<'_>, is_read_only: bool) -> Outcome {
    const NOT_FOUND: ReplyError = ReplyError::fixed("ERR Function not found");
    const BAD_COUNT: ReplyError = ReplyError::fixed("ERR Bad number of keys provided");
    let name = args.get(1);
    let function = context.scripts.libraries().find(name).ok_or(NOT_FOUND)?;
    let mut asked = Asked {
        kind: Kind::Function,
        function: function.function,
        flags: function.flags,
        is_read_only,
        first_key: 3,
        key_count: 0,
    };
    parse_i64(args.get(2)).ok_or(BAD_COUNT)?;
    asked.key_count = super::eval::key_count(args)?;
    context.scripts.ask(asked, name);
    Ok(())
}

static FUNCTION: CommandSpec = family::SCRIPTING
    .container(
        "function",
        &[
            &DELETE, &DUMP, &FLUSH, &HELP, &KILL, &LIST, &LOAD, &RESTORE, &STATS,
        ],
    )
    .summary("A container of commands about libraries of functions.")
    .since("7.0.0");

help_of!(FUNCTION, SCRIPTING, "7.0.0");

const WRITE: Flags = Flags::NO_SCRIPT.and(Flags::WRITE);

static LOAD: CommandSpec = family::SCRIPTING
    .subcommand("load", "[REPLACE] function-code", load)
    .summary("Adds a library.")
    .since("7.0.0")
    .cost("O(length of the code), and what it does")
    .flags(WRITE.and(Flags::DENY_OOM))
    .ignores_more();

fn load(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut replaces = false;
    for option in args.iter().take(args.len() - 1).skip(2) {
        if !option.eq_ignore_ascii_case(b"replace") || replaces {
            return Err(ReplyError::from_bytes(
                [b"ERR Unknown option given: ", option].concat(),
            ));
        }
        replaces = true;
    }
    let code = args.get(args.len() - 1);
    let name = context.scripts.load_library(code, replaces)?;
    context.keyspace.note_other_change();
    context.reply.bulk(&name);
    Ok(())
}

static DELETE: CommandSpec = family::SCRIPTING
    .subcommand("delete", "library-name", delete)
    .summary("Removes a library.")
    .since("7.0.0")
    .flags(WRITE);

fn delete(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !context.scripts.delete_library(args.get(2)) {
        return Err(ReplyError::fixed("ERR Library not found"));
    }
    context.keyspace.note_other_change();
    context.reply.ok();
    Ok(())
}

static FLUSH: CommandSpec = family::SCRIPTING
    .subcommand("flush", "[ASYNC | SYNC]", flush)
    .summary("Removes all libraries.")
    .since("7.0.0")
    .cost("O(number of functions)")
    .flags(WRITE)
    .ignores_more();

fn flush(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const BAD_MODE: ReplyError =
        ReplyError::fixed("ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    if args.len() > 3 {
        let word = args.get(1);
        return Err(ReplyError::unknown_subcommand_or_arity("function", word));
    }
    let is_mode =
        |word: &[u8]| word.eq_ignore_ascii_case(b"sync") || word.eq_ignore_ascii_case(b"async");
    if args.iter().skip(2).any(|word| !is_mode(word)) {
        return Err(BAD_MODE);
    }
    context.scripts.flush_libraries();
    context.keyspace.note_other_change();
    context.reply.ok();
    Ok(())
}

static LIST: CommandSpec = family::SCRIPTING
    .subcommand(
        "list",
        "[LIBRARYNAME library-name-pattern] [WITHCODE]",
        list,
    )
    .summary("Tells which libraries there are.")
    .since("7.0.0")
    .cost("O(number of functions)")
    .flags(Flags::NO_SCRIPT);

fn list(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const NO_NAME: ReplyError = ReplyError::fixed("ERR library name argument was not given");
    let (mut pattern, mut is_with_code) = (None, false);
    let mut options = args.iter().skip(2);
    while let Some(option) = options.next() {
        if !is_with_code && option.eq_ignore_ascii_case(b"withcode") {
            is_with_code = true;
        } else if pattern.is_none() && option.eq_ignore_ascii_case(b"libraryname") {
            pattern = Some(options.next().ok_or(NO_NAME)?);
        } else {
            return Err(ReplyError::from_bytes(
                [b"ERR Unknown argument ", option].concat(),
            ));
        }
    }
    let Context { scripts, reply, .. } = context;
    let is_listed = |name: &[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name, false));
    let libraries = scripts.libraries().iter();
    let libraries: Vec<(&[u8], &Library)> = libraries.filter(|(name, _)| is_listed(name)).collect();
    reply.array(libraries.len());
    for (name, library) in libraries {
        reply.map(3 + usize::from(is_with_code));
        reply.bulk(b"library_name");
        reply.bulk(name);
        reply.bulk(b"engine");
        reply.bulk(b"LUA");
        reply.bulk(b"functions");
        reply.array(library.functions.len());
        for function in &library.functions {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&function.name);
            reply.bulk(b"description");
            match &function.description {
                Some(text) => reply.bulk(text),
                None => reply.null(),
            }
            reply.bulk(b"flags");
            reply.set(function.flags.names().count());
            function.flags.names().for_each(|flag| reply.simple(flag));
        }
        if is_with_code {
            reply.bulk(b"library_code");
            reply.bulk(&library.code);
        }
    }
    Ok(())
}

static STATS: CommandSpec = family::SCRIPTING
    .subcommand("stats", "", stats)
    .summary("Tells what runs, and how many libraries and functions there are.")
    .since("7.0.0")
    .flags(Flags::NO_SCRIPT.and(Flags::ALLOW_BUSY));

fn stats(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let now_ms = context.now.monotonic_ms();
    let figures = context.scripts.figures();
    let Context {
        scripts,
        reply,
        job,
        ..
    } = context;
    reply.map(2);
    reply.bulk(b"running_script");
    match (scripts.running(), &**job) {
        (Some(running), Some(job)) => {
            let inner = job.script.as_ref().and_then(|script| script.inner.as_ref());
            let underway = inner.unwrap_or(&job.outer);
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&running.name);
            reply.bulk(b"command");
            let args = underway.args.args();
            reply.array(args.len());
            args.iter().for_each(|argument| reply.bulk(argument));
            reply.bulk(b"duration_ms");
            let began_ms = running.began.monotonic_ms();
            reply.integer(now_ms.saturating_sub(began_ms) as i64);
        }
        _ => reply.null(),
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.integer(figures.library_count as i64);
    reply.bulk(b"functions_count");
    reply.integer(figures.function_count as i64);
    Ok(())
}

static KILL: CommandSpec = family::SCRIPTING
    .subcommand("kill", "", kill)
    .summary("Ends the function that runs, unless it has written.")
    .since("7.0.0")
    .flags(Flags::NO_SCRIPT.and(Flags::ALLOW_BUSY));

fn kill(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    end_running(context, Kind::Function)
}

static DUMP: CommandSpec = family::SCRIPTING
    .subcommand("dump", "", dump)
    .summary("Returns all libraries as one value.")
    .since("7.0.0")
    .cost("O(length of their code)")
    .flags(Flags::NO_SCRIPT);

fn dump(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let libraries = context.scripts.libraries().iter();
    let payload = function_payload(libraries.map(|(_, library)| &*library.code));
    context.reply.bulk(&payload);
    Ok(())
}

static RESTORE: CommandSpec = family::SCRIPTING
    .subcommand(
        "restore",
        "serialized-value [FLUSH | APPEND | REPLACE]",
        restore,
    )
    .summary("Adds libraries of a value that FUNCTION DUMP has returned.")
    .since("7.0.0")
    .cost("O(length of their code), and what it does")
    .flags(WRITE.and(Flags::DENY_OOM))
    .ignores_more();

/// What becomes of the libraries that are there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    Flush,
    Append,
    Replace,
}

fn restore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const DAMAGED: ReplyError = ReplyError::fixed("ERR DUMP payload version or checksum are wrong");
    const BAD_POLICY: ReplyError = ReplyError::fixed(
        "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
    );
    const POLICIES: [(&[u8], Policy); 3] = [
        (b"flush", Policy::Flush),
        (b"append", Policy::Append),
        (b"replace", Policy::Replace),
    ];
    if args.len() > 4 {
        let word = args.get(1);
        return Err(ReplyError::unknown_subcommand_or_arity("function", word));
    }
    let policy = match args.iter().nth(3) {
        None => Policy::Append,
        Some(word) => {
            let mut policies = POLICIES.into_iter();
            let policy = policies.find(|(name, _)| name.eq_ignore_ascii_case(word));
            policy.ok_or(BAD_POLICY)?.1
        }
    };
    let codes = function_codes(args.get(2)).ok_or(DAMAGED)?;
    // All of them anew beside those there are, so that a failure changes nothing.
    let limit_bytes = context.scripts.limit_bytes();
    let mut libraries = Libraries::default();
    if policy != Policy::Flush {
        for (_, library) in context.scripts.libraries().iter() {
            if library.functions.is_empty() {
                libraries.keep(&library.code);
            } else {
                libraries.load(&library.code, false, limit_bytes)?;
            }
        }
    }
    for code in codes {
        libraries
            .load(&code, policy == Policy::Replace, limit_bytes)
            .map_err(without_quotes)?;
    }
    context.scripts.replace_libraries(libraries);
    context.keyspace.note_other_change();
    context.reply.ok();
    Ok(())
}

/// RESTORE names a library without quotes, as Redis does.
fn without_quotes(error: ReplyError) -> ReplyError {
    let text = error.as_bytes();
    let is_of_library = text.starts_with(b"ERR Library '") && text.ends_with(b"' already exists");
    if !is_of_library {
        return error;
    }
    let bytes = text.iter().copied().filter(|&byte| byte != b'\'');
    ReplyError::from_bytes(bytes.collect())
}
