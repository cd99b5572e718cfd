//! ACL SETUSER, GETUSER, DELUSER, LIST, USERS and WHOAMI.
//!
//! Not here: what rules mean (`acl/`).

use super::{ANYBODY, OPERATOR};
use crate::acl::{RuleError, Selector, User, joined_selectors};
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Outcome};
use crate::command::permission::{CommandRights, end_sessions_of, has_all_channels, user_changed};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;

pub(super) static SETUSER: CommandSpec = family::SERVER
    .subcommand("setuser", "username [rule [rule ...]]", set_user)
    .summary("Makes a user, or changes its rights and passwords.")
    .since("6.0.0")
    .cost("O(rules)")
    .flags(OPERATOR)
    .secrets(|_, index| index > 1);

const BAD_NAME: ReplyError =
    ReplyError::fixed("ERR Usernames can't contain spaces or null characters");

fn set_user(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let name = args.get(2);
    let is_bad = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    if name.is_empty() || name.iter().any(is_bad) {
        return Err(BAD_NAME);
    }
    let rules = joined_selectors(args.iter().skip(3)).map_err(|begin| {
        let text = [
            &b"ERR Unmatched parenthesis in acl selector starting at '"[..],
            begin,
            b"'.",
        ];
        ReplyError::from_bytes(text.concat())
    })?;
    let has_all_channels = has_all_channels(context.config);
    let known = context
        .users
        .find(name)
        .map(|id| context.users.get(id).clone());
    let mut user = known.clone().unwrap_or_else(|| User::new(has_all_channels));
    for rule in rules {
        user.apply(&rule, has_all_channels, &CommandRights)
            .map_err(|error| refused_rule(&rule, error))?;
    }
    let id = context.users.set(name, user);
    if let Some(old) = known {
        user_changed(context, id, &old);
    }
    context.reply.ok();
    Ok(())
}

fn refused_rule(rule: &[u8], error: RuleError) -> ReplyError {
    let beginning = &b"ERR Error in ACL SETUSER modifier '"[..];
    let text = [beginning, rule, b"': ", error.text().as_bytes()];
    ReplyError::from_bytes(text.concat())
}

pub(super) static GETUSER: CommandSpec = family::SERVER
    .subcommand("getuser", "username", get_user)
    .summary("Tells the rights of a user, and the digests of its passwords.")
    .since("6.0.0")
    .cost("O(rules of the user)")
    .flags(OPERATOR)
    .secrets(|_, index| index > 1);

fn get_user(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let Some(id) = context.users.find(args.get(2)) else {
        context.reply.null_array();
        return Ok(());
    };
    let user = context.users.get(id);
    let reply = &mut context.reply;
    reply.map(6);
    reply.bulk(b"flags");
    let flags: Vec<_> = user.flags().collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords().len());
    for digest in user.passwords() {
        reply.bulk(digest.to_string().as_bytes());
    }
    let (root, others) = user.selectors().split_first().expect("a user has a root");
    reply_selector(reply, root);
    reply.bulk(b"selectors");
    reply.array(others.len());
    for selector in others {
        reply.map(3);
        reply_selector(reply, selector);
    }
    Ok(())
}

fn reply_selector(reply: &mut ReplyWriter<'_>, selector: &Selector) {
    reply.bulk(b"commands");
    reply.bulk(selector.commands_text().as_bytes());
    reply.bulk(b"keys");
    reply.bulk(&selector.keys_text());
    reply.bulk(b"channels");
    reply.bulk(&selector.channels_text());
}

pub(super) static DELUSER: CommandSpec = family::SERVER
    .subcommand("deluser", "username [username ...]", delete_users)
    .summary("Removes users and closes their connections.")
    .since("6.0.0")
    .cost("O(names + clients)")
    .flags(OPERATOR)
    .secrets(|_, index| index > 1);

const DEFAULT_STAYS: ReplyError = ReplyError::fixed("ERR The 'default' user cannot be removed");

fn delete_users(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.iter().skip(2).any(|name| name == b"default") {
        return Err(DEFAULT_STAYS);
    }
    let mut removed = 0;
    for name in args.iter().skip(2) {
        if let Some(id) = context.users.remove(name) {
            end_sessions_of(context, id);
            removed += 1;
        }
    }
    context.reply.integer(removed);
    Ok(())
}

pub(super) static LIST: CommandSpec = family::SERVER
    .subcommand("list", "", list)
    .summary("Lists the users as lines of a configuration file.")
    .since("6.0.0")
    .cost("O(rules of all users)")
    .flags(OPERATOR);

fn list(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let users = context.users.iter();
    context.reply.array(users.len());
    users.for_each(|(name, user)| context.reply.bulk(&user.line(name)));
    Ok(())
}

pub(super) static USERS: CommandSpec = family::SERVER
    .subcommand("users", "", names)
    .summary("Lists the names of the users.")
    .since("6.0.0")
    .cost("O(users)")
    .flags(OPERATOR);

fn names(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let users = context.users.iter();
    context.reply.array(users.len());
    users.for_each(|(name, _)| context.reply.bulk(name));
    Ok(())
}

pub(super) static WHOAMI: CommandSpec = family::SERVER
    .subcommand("whoami", "", who_am_i)
    .summary("Tells which user the connection is.")
    .since("6.0.0")
    .flags(ANYBODY);

fn who_am_i(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let user = context.sessions.get(context.key).user;
    context.reply.bulk(context.users.name(user));
    Ok(())
}
