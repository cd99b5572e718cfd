//! Whether a user may do what a request asks for.
//!
//! ```text
//!  stranger ─▶ NOAUTH, but for the commands by which one enters
//!  user     ─▶ a selector that allows the command, each key and each channel ─▶ runs
//!                 none ─▶ ACL LOG, NOPERM
//! ```
//!
//! Commands by which one enters or leaves are allowed to everybody. A request whose keys can't be
//! found is refused to whoever may not use all keys.
//!
//! Cost: O(keys · patterns), and nothing for a user who may do everything, who is not asked.
//!
//! Not here: rules (`acl/`), when a request is asked (`engine/gates.rs`, `transactions.rs`).

use super::call::Resolved;
use super::connection::client_text;
use super::declare::categories;
use super::declare::keys::Part;
use super::declare::spec::{Categories, CommandSpec, Flags};
use super::declare::table::table;
use crate::acl::{Catalogue, Circumstance, KeyUse, Reason, Selector, User, UserId, Users};
use crate::base::command_id::CommandId;
use crate::config::{ChannelDefault, Config};
use crate::context::Context;
use crate::context::outbox::{Effect, Outbox};
use crate::messages::{Kind, Subscriptions};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::{Session, Sessions};

/// What rules must know of commands, from their declarations.
pub(crate) struct CommandRights;

impl Catalogue for CommandRights {
    fn command_count(&self) -> usize {
        table().len()
    }

    fn find(&self, name: &[u8]) -> Option<CommandId> {
        table().find(name)
    }

    fn find_subcommand(&self, container: CommandId, name: &[u8]) -> Option<CommandId> {
        table().find_subcommand(container, name)
    }

    fn subcommands(&self, command: CommandId) -> Vec<CommandId> {
        table().subcommands(command).collect()
    }

    fn in_category(&self, category: &[u8]) -> Option<Vec<CommandId>> {
        let category = str::from_utf8(category).ok()?.to_ascii_lowercase();
        let is_in = |id: &CommandId| {
            let mut names = categories::of(table().spec(*id)).names();
            names.any(|name| name == category)
        };
        let is_known = Categories::ALL_NAMES.contains(&&category[..]);
        is_known.then(|| table().all().filter(is_in).collect())
    }
}

/// Whether a new user may use all channels.
pub(crate) fn has_all_channels(config: &Config) -> bool {
    config.acl_pubsub_default == ChannelDefault::Allchannels
}

/// What a user is refused: the whole command, or the argument at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// The command.
    Command,
    /// A key.
    Key(usize),
    /// A channel.
    Channel(usize),
}

impl Refusal {
    /// Redis's words for it. Only who asks for it (ACL DRYRUN) is told which key or channel.
    pub(super) fn text(self, user: &[u8], command: CommandId, told: Option<Args<'_>>) -> Vec<u8> {
        let (to, object, kind) = match (self, told) {
            (Self::Command, _) => ("run", table().full_name(command).as_bytes(), "command"),
            (Self::Key(index), Some(args)) => ("access", args.get(index), "key"),
            (Self::Channel(index), Some(args)) => ("access", args.get(index), "channel"),
            (Self::Key(_), None) => return b"No permissions to access a key".to_vec(),
            (Self::Channel(_), None) => return b"No permissions to access a channel".to_vec(),
        };
        let middle = format!(" has no permissions to {to} the '");
        let end = format!("' {kind}");
        [b"User ", user, middle.as_bytes(), object, end.as_bytes()].concat()
    }

    fn reason(self) -> Reason {
        match self {
            Self::Command => Reason::Command,
            Self::Key(_) => Reason::Key,
            Self::Channel(_) => Reason::Channel,
        }
    }
}

/// What a user is refused of a request, if anything: of several selectors' refusals the one that
/// comes furthest.
pub(super) fn refusal(user: &User, command: Resolved, args: Args<'_>) -> Option<Refusal> {
    let mut furthest = Refusal::Command;
    for selector in user.selectors() {
        furthest = furthest.max(refusal_of(selector, command, args)?);
    }
    Some(furthest)
}

fn refusal_of(selector: &Selector, command: Resolved, args: Args<'_>) -> Option<Refusal> {
    if is_refused_command(selector, command, args) {
        return Some(Refusal::Command);
    }
    let spec = command.spec;
    refused_key(selector, spec, args)
        .map(Refusal::Key)
        .or_else(|| refused_channel(selector, spec, args).map(Refusal::Channel))
}

#[inline]
fn is_refused_command(selector: &Selector, command: Resolved, args: Args<'_>) -> bool {
    !selector.allows_whole(command.number)
        && !command.spec.flags.has(Flags::NO_AUTH)
        && !selector.allows_command(command.number, args.iter().nth(1))
}

fn refused_key(selector: &Selector, spec: &CommandSpec, args: Args<'_>) -> Option<usize> {
    let both = KeyUse {
        reads: true,
        writes: true,
    };
    if spec.keys.is_none() || selector.allows_all_keys(both) {
        return None;
    }
    let Some(mut keys) = spec.keys.find(args) else {
        return Some(0);
    };
    let refused = keys
        .find(|&(index, part)| !selector.allows_key(args.get(index), key_use(spec, part, args)));
    refused.map(|(index, _)| index)
}

#[inline]
fn key_use(spec: &CommandSpec, part: &Part, args: Args<'_>) -> KeyUse {
    let access = spec.access_of(part, args);
    KeyUse {
        reads: access.reads(),
        writes: access.writes(),
    }
}

/// Whether a user with rights of its own may make this request, which is a short work on keys;
/// whoever it is refused is to be asked by [`check`].
#[inline]
pub(crate) fn may_work(context: &Context<'_>, command: Resolved, args: Args<'_>) -> bool {
    let session = context.sessions.get(context.key);
    let selectors = context.users.get(session.user).selectors();
    if let Some((index, part)) = command.spec.keys.single()
        && index < args.len()
        && command.spec.channels.is_none()
    {
        let wanted = key_use(command.spec, part, args);
        return selectors.iter().any(|selector| {
            !is_refused_command(selector, command, args)
                && selector.allows_key(args.get(index), wanted)
        });
    }
    let mut selectors = selectors.iter();
    selectors.any(|selector| refusal_of(selector, command, args).is_none())
}

/// Whether the session's user may make this request and read any key with it.
pub(super) fn may_read_all_keys(context: &Context<'_>, args: Args<'_>) -> bool {
    let reading = KeyUse {
        reads: true,
        writes: false,
    };
    let session = context.sessions.get(context.key);
    let may = |selector: &Selector| {
        let command = table().find(args.name());
        selector.allows_all_keys(reading)
            && command.is_some_and(|command| selector.allows_command(command, None))
    };
    context.is_unrestricted() || context.users.get(session.user).selectors().iter().any(may)
}

fn refused_channel(selector: &Selector, spec: &CommandSpec, args: Args<'_>) -> Option<usize> {
    let channels = spec.channels?;
    let mut indexes = channels.indexes(args.len());
    indexes.find(|&index| !selector.allows_channel(args.get(index), channels.are_patterns))
}

/// Checks a request of a session that is a stranger or whose user may not do everything.
///
/// # Errors
/// NOAUTH or NOPERM; the refusal is in ACL LOG and counted.
#[cold]
pub(crate) fn check(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    let circumstance = circumstance(context);
    check_in(context, circumstance, command, args, b"NOPERM ")
}

/// The same for a command of a transaction whose EXEC runs now.
pub(crate) fn check_queued(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    const CHANGED: &[u8] = b"NOPERM ACLs rules changed between the moment the transaction was \
        accumulated and the EXEC call. This command is no longer allowed for the following reason: ";
    check_in(context, Circumstance::Multi, command, args, CHANGED)
}

/// The same for a command that a script calls.
pub(crate) fn check_called(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    const IN_SCRIPT: &[u8] = b"ERR ACL failure in script: ";
    check_in(context, Circumstance::Script, command, args, IN_SCRIPT)
}

/// Whether a script that runs might call a command; a refusal is not noted.
pub(crate) fn may_call(context: &Context<'_>, command: Resolved, args: Args<'_>) -> bool {
    let session = context.sessions.get(context.key);
    context.is_unrestricted()
        || (!session.is_stranger(context.users)
            && refusal(context.users.get(session.user), command, args).is_none())
}

/// Where a request of the session stands that comes now.
pub(super) fn circumstance(context: &Context<'_>) -> Circumstance {
    let session = context.sessions.get(context.key);
    match session.transaction.is_open() {
        true => Circumstance::Multi,
        false => Circumstance::TopLevel,
    }
}

/// Checks a request that stands in this circumstance; `beginning` is that of the error if the user
/// may not do it.
fn check_in(
    context: &mut Context<'_>,
    circumstance: Circumstance,
    command: Resolved,
    args: Args<'_>,
    beginning: &[u8],
) -> Result<(), ReplyError> {
    let session = context.sessions.get(context.key);
    if session.is_stranger(context.users) {
        let is_entering = command.spec.flags.has(Flags::NO_AUTH);
        return if is_entering {
            Ok(())
        } else {
            Err(ReplyError::NOAUTH)
        };
    }
    let id = session.user;
    let Some(refusal) = refusal(context.users.get(id), command, args) else {
        return Ok(());
    };
    let text = refusal.text(context.users.name(id), command.number, None);
    let name = context.users.name(id).to_vec();
    let object = match refusal {
        Refusal::Command => table().full_name(command.number).as_bytes(),
        Refusal::Key(index) | Refusal::Channel(index) => args.get(index),
    };
    let what = (refusal.reason(), circumstance);
    note(context, what, object, &name, args);
    Err(ReplyError::from_bytes([beginning, &text[..]].concat()))
}

/// Notes that somebody was refused something.
pub(super) fn note(
    context: &mut Context<'_>,
    what: (Reason, Circumstance),
    object: &[u8],
    user: &[u8],
    args: Args<'_>,
) {
    let counters = &mut context.stats.counters;
    *match what.0 {
        Reason::Authentication => &mut counters.acl_access_denied_auth,
        Reason::Command => &mut counters.acl_access_denied_cmd,
        Reason::Key => &mut counters.acl_access_denied_key,
        Reason::Channel => &mut counters.acl_access_denied_channel,
    } += 1;
    let client = client_text(context, args);
    let entries_max = context.config.acl_log_entries_max as usize;
    let now_ms = context.now_ms();
    (context.users.log).add(what, (object, user, client), now_ms, entries_max);
}

/// Gives the sessions of a user that is no longer `old` its present rights, and closes those that
/// listen to what it may not hear any more; the own one after its reply. O(sessions).
pub(super) fn user_changed(context: &mut Context<'_>, user: UserId, old: &User) {
    let own_id = context.session().id;
    let new = context.users.get(user);
    let sessions = context.sessions.iter_mut();
    for session in sessions.filter(|session| session.user == user) {
        follow(session, old, new, context.outbox, own_id);
    }
}

/// Has a session follow the change of its user from `old` to `new`.
fn follow(session: &mut Session, old: &User, new: &User, outbox: &mut Outbox, own_id: u64) {
    session.is_limited = !new.is_unlimited() && !session.is_primary;
    if session.is_limited && loses_a_channel(&session.subscriptions, old, new) {
        close(session, outbox, own_id);
    }
}

/// Whether one of the names may be listened to by `old`, and not by `new`. O(names · patterns).
fn loses_a_channel(names: &Subscriptions, old: &User, new: &User) -> bool {
    let kinds = [Kind::Channel, Kind::ShardChannel, Kind::Pattern];
    kinds.into_iter().any(|kind| {
        let may_hear = |user: &User, name: &[u8]| user.allows_channel(name, kind == Kind::Pattern);
        let mut names = names.iter(kind);
        names.any(|name| may_hear(old, name) && !may_hear(new, name))
    })
}

/// Ends the sessions of a user that is gone; the own session after its reply. O(sessions).
pub(super) fn end_sessions_of(context: &mut Context<'_>, user: UserId) {
    let own_id = context.session().id;
    for session in context
        .sessions
        .iter_mut()
        .filter(|session| session.user == user)
    {
        end(session, context.users, context.outbox, own_id);
    }
}

/// The number of no session.
const NOBODY_ID: u64 = 0;

/// Lets sessions follow a change of users from `old` to `new`: those whose user is gone end, the
/// others have their user's present rights, and are closed if they listen to what it may not hear
/// any more. O(sessions).
pub(crate) fn users_changed(
    old: &Users,
    new: &Users,
    sessions: &mut Sessions,
    outbox: &mut Outbox,
) {
    for session in sessions.iter_mut() {
        match new.find(old.name(session.user)) {
            Some(user) => {
                let before = old.get(session.user);
                session.user = user;
                follow(session, before, new.get(user), outbox, NOBODY_ID);
            }
            None => end(session, new, outbox, NOBODY_ID),
        }
    }
}

/// Ends a session whose user is gone: at once, or after its reply if it is the one with `own_id`.
fn end(session: &mut Session, users: &Users, outbox: &mut Outbox, own_id: u64) {
    session.leave(users);
    session.is_authenticated = false;
    close(session, outbox, own_id);
}

/// Closes a session: at once, or after its reply if it is the one with `own_id`.
fn close(session: &mut Session, outbox: &mut Outbox, own_id: u64) {
    match session.link {
        Some(link) if session.id != own_id => outbox.push(Effect::Close { link }),
        _ => session.closes_after_reply = true,
    }
}
