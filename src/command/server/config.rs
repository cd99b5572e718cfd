//! CONFIG: parameters at run time.
//!
//! Not here: the parameters themselves (`config/table.rs`).

use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::config::{Config, PATTERNS_MAX, is_sensitive, set_failed};
use crate::context::Context;
use crate::context::outbox::{Effect, Wait};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&CONFIG];

const FLAGS: Flags = Flags::ADMIN
    .and(Flags::NO_SCRIPT)
    .and(Flags::LOADING)
    .and(Flags::STALE);

static CONFIG: CommandSpec = family::SERVER
    .container("config", &[&GET, &HELP, &RESETSTAT, &REWRITE, &SET])
    .summary("A container of commands about the configuration.")
    .since("2.0.0");

static GET: CommandSpec = family::SERVER
    .subcommand("get", "parameter [parameter ...]", get)
    .summary("Returns the parameters that match the patterns, with their values.")
    .since("2.0.0")
    .cost("O(patterns * parameters)")
    .flags(FLAGS);

fn get(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let patterns: Vec<&[u8]> = args.iter().skip(2).collect();
    if patterns.len() > PATTERNS_MAX {
        let text = format!("ERR CONFIG GET takes at most {PATTERNS_MAX} patterns at once");
        return Err(ReplyError::new(text));
    }
    let found = context.config.matching(&patterns);
    context.reply.map(found.len());
    for (name, value) in found {
        context.reply.bulk(name.as_bytes());
        if value == b"auto" && name.eq_ignore_ascii_case("maxmemory") {
            // Tools expect a number here, so `auto` is answered as what it has come to.
            let limit_bytes = context.keyspace.limit_bytes();
            context.reply.bulk(limit_bytes.to_string().as_bytes());
        } else {
            context.reply.bulk(&value);
        }
    }
    Ok(())
}

static SET: CommandSpec = family::SERVER
    .subcommand("set", "parameter value [parameter value ...]", set)
    .summary("Changes parameters: all of them, or none if one can't be changed.")
    .since("2.0.0")
    .cost("O(number of parameters)")
    .flags(FLAGS)
    .secrets(is_value_of_a_secret);

fn is_value_of_a_secret(args: Args<'_>, index: usize) -> bool {
    index > 2 && index % 2 == 1 && is_sensitive(args.get(index - 1))
}

fn set(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let pairs: Vec<&[u8]> = args.iter().skip(2).collect();
    if !pairs.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    let mut changed = context.config.clone();
    changed
        .set(&pairs)
        .map_err(|error| ReplyError::new(format!("ERR {error}")))?;
    check_maxclients(context, &changed)?;
    if !changed.listens_as(context.config) {
        return listen(context, &changed, &pairs);
    }
    *context.config = changed;
    (context.users).follow_requirepass(&context.config.requirepass);
    context.outbox.push(Effect::ConfigChanged);
    context.reply.ok();
    Ok(())
}

/// Refuses more clients than the process may have sockets, in Redis's words.
fn check_maxclients(context: &Context<'_>, changed: &Config) -> Outcome {
    let possible = context.host.clients_possible;
    if possible == 0 || changed.maxclients <= possible {
        return Ok(());
    }
    let reason = format!(
        "The operating system is not able to handle the specified number of clients, try with \
         {possible}"
    );
    Err(ReplyError::new(format!(
        "ERR {}",
        set_failed("maxclients", &reason)
    )))
}

/// Lets the server open other sockets. The reply comes when they are open, or can't be.
fn listen(context: &mut Context<'_>, changed: &Config, pairs: &[&[u8]]) -> Outcome {
    let refusal = if !context.host.owns_listeners {
        Some("the server was given its sockets and opens no others")
    } else if !context.may_wait {
        Some("sockets are not opened within a transaction")
    } else {
        None
    };
    if let Some(reason) = refusal {
        let name = changed.differing_listener(context.config);
        return Err(ReplyError::new(format!(
            "ERR {}",
            set_failed(name, &reason)
        )));
    }
    let pairs = pairs.iter().map(|word| word.to_vec()).collect();
    context.answer_later(Wait::Sockets { pairs });
    Ok(())
}

static RESETSTAT: CommandSpec = family::SERVER
    .subcommand("resetstat", "", resetstat)
    .summary("Sets the counters of INFO to zero.")
    .since("2.0.0")
    .flags(FLAGS);

fn resetstat(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.stats.reset();
    context.timing.reset();
    context.keyspace.reset_expiry_report();
    context.keyspace.reset_eviction_report();
    context.turns.reset();
    context.reply.ok();
    Ok(())
}

static REWRITE: CommandSpec = family::SERVER
    .subcommand("rewrite", "", rewrite)
    .summary("Writes what CONFIG SET changed into the configuration file.")
    .since("2.8.0")
    .cost("O(size of the file)")
    .flags(FLAGS.and(Flags::NO_MULTI));

fn rewrite(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    if context.host.config_file.is_empty() {
        return Err(ReplyError::fixed(
            "ERR The server is running without a config file",
        ));
    }
    // The reply comes when the file is durable.
    context.answer_later(Wait::ConfigFile);
    Ok(())
}

help_of!(CONFIG, SERVER, "5.0.0");
