//! CLIENT LIST, INFO and KILL: the clients as an operator sees them.

use super::ANYTIME;
use super::tracking::redirection;
use crate::acl::{UserId, Users};
use crate::base::clock::Timestamp;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::declare::table::table;
use crate::context::Context;
use crate::context::outbox::Effect;
use crate::messages::Kind;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;
use crate::session::trackers::TrackingMode;
use crate::session::{Session, Transport};
use std::fmt::Write;

pub(super) static LIST: CommandSpec = family::CONNECTION
    .subcommand(
        "list",
        "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        list,
    )
    .summary("Lists the connections.")
    .since("2.4.0")
    .cost("O(number of clients)")
    .flags(ANYTIME.and(Flags::ADMIN));

const BAD_ID: ReplyError = ReplyError::fixed("ERR Invalid client ID");

/// A kind of client that a request names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientType {
    /// It asks and is answered.
    Normal,
    /// It listens to channels.
    PubSub,
    /// The primary that is followed.
    Primary,
    /// A replica: there is none.
    Replica,
}

impl ClientType {
    fn of(session: &Session) -> Self {
        if session.is_primary {
            Self::Primary
        } else if session.is_subscriber() {
            Self::PubSub
        } else {
            Self::Normal
        }
    }
}

fn parse_type(name: &[u8]) -> Result<ClientType, ReplyError> {
    let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
    if is(b"normal") {
        Ok(ClientType::Normal)
    } else if is(b"pubsub") {
        Ok(ClientType::PubSub)
    } else if is(b"master") {
        Ok(ClientType::Primary)
    } else if is(b"replica") || is(b"slave") {
        Ok(ClientType::Replica)
    } else {
        let text = [b"ERR Unknown client type '", name, b"'"].concat();
        Err(ReplyError::from_bytes(text))
    }
}

fn list(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut ids = None;
    let mut wanted_type = None;
    if args.len() == 4 && args.get(2).eq_ignore_ascii_case(b"type") {
        wanted_type = Some(parse_type(args.get(3))?);
    } else if args.len() > 3 && args.get(2).eq_ignore_ascii_case(b"id") {
        let texts = args.iter().skip(3);
        ids = Some(
            texts
                .map(|text| parse_i64(text).ok_or(BAD_ID))
                .collect::<Result<Vec<_>, _>>()?,
        );
    } else if args.len() != 2 {
        return Err(ReplyError::SYNTAX);
    }
    let mut sessions: Vec<&Session> = context
        .sessions
        .iter()
        .map(|(_, session)| session)
        .filter(|session| {
            wanted_type.is_none_or(|wanted| wanted == ClientType::of(session))
                && ids
                    .as_ref()
                    .is_none_or(|ids| ids.contains(&(session.id as i64)))
        })
        .collect();
    sessions.sort_unstable_by_key(|session| session.id);
    let mut text = String::new();
    let view = View::of(context, args);
    for session in sessions {
        view.write_line(&mut text, session);
    }
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(super) static INFO: CommandSpec = family::CONNECTION
    .subcommand("info", "", info)
    .summary("Describes this connection as CLIENT LIST does.")
    .since("6.2.0")
    .flags(ANYTIME);

fn info(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut text = String::new();
    View::of(context, args).write_line(&mut text, context.sessions.get(context.key));
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The own client as CLIENT INFO describes it, without a line feed.
pub(in crate::command) fn client_text(context: &Context<'_>, args: Args<'_>) -> String {
    let mut text = String::new();
    View::of(context, args).write_line(&mut text, context.sessions.get(context.key));
    text.truncate(text.trim_end().len());
    text
}

fn seconds_since(then_us: u64, now_us: u64) -> u64 {
    now_us.saturating_sub(then_us) / 1_000_000
}

/// The letters of CLIENT LIST for what is special about a client, in Redis's order; `N` for
/// nothing.
fn flags_of(session: &Session) -> String {
    let tracking = session.tracking.as_ref();
    let letters = [
        ('M', session.is_primary),
        ('O', session.is_monitor),
        ('P', session.is_subscriber()),
        ('x', session.transaction.is_open()),
        ('b', session.is_blocked()),
        ('t', tracking.is_some()),
        ('R', tracking.is_some_and(|tracking| tracking.is_broken)),
        (
            'B',
            tracking.is_some_and(|tracking| tracking.mode == TrackingMode::Broadcast),
        ),
        ('c', session.closes_after_reply),
        ('U', session.peer.transport == Transport::Unix),
        ('e', session.is_kept),
        ('T', session.is_untouching),
    ];
    let set = letters.into_iter().filter(|&(_, is_set)| is_set);
    let flags: String = set.map(|(letter, _)| letter).collect();
    if flags.is_empty() { "N".into() } else { flags }
}

/// Who looks at the clients, and when.
struct View<'a> {
    users: &'a Users,
    now: Timestamp,
    own_id: u64,
    /// Bytes of the arguments of the request that asks.
    own_argument_bytes: usize,
}

impl<'a> View<'a> {
    fn of(context: &'a Context<'_>, args: Args<'_>) -> Self {
        Self {
            users: context.users,
            now: context.now,
            own_id: context.sessions.get(context.key).id,
            own_argument_bytes: args.iter().map(<[u8]>::len).sum(),
        }
    }

    /// One line of CLIENT LIST: every field that Redis 7.2 has, in its order; those that have no
    /// meaning here are 0.
    fn write_line(&self, text: &mut String, session: &Session) {
        let transaction = &session.transaction;
        let buffers = &session.buffers;
        let now_us = self.now.monotonic_us;
        let argument_bytes = match session.id == self.own_id {
            true => self.own_argument_bytes,
            false => 0,
        };
        let written = writeln!(
            text,
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} \
             ssub={} multi={} qbuf={} qbuf-free={} argv-mem={argument_bytes} multi-mem={} rbs={} \
             rbp={} obl={} oll=0 omem={} tot-mem={} events={} cmd={} user={} redir={} resp={} \
             lib-name={} lib-ver={}",
            session.id,
            session.peer.address,
            session.peer.local_address,
            session.peer.descriptor,
            String::from_utf8_lossy(&session.name),
            seconds_since(session.created.monotonic_us, now_us),
            seconds_since(session.last_active_us, now_us),
            flags_of(session),
            session.database,
            session.subscriptions.len(Kind::Channel),
            session.subscriptions.len(Kind::Pattern),
            session.subscriptions.len(Kind::ShardChannel),
            transaction.queue_len().map_or(-1, |len| len as i64),
            buffers.input_bytes,
            buffers.input_spare_bytes,
            transaction.queue_bytes(),
            buffers.output_allocated_bytes,
            buffers.output_allocated_bytes,
            buffers.output_bytes,
            buffers.output_allocated_bytes,
            session.used_bytes(),
            if buffers.output_bytes > 0 { "rw" } else { "r" },
            session
                .last_command
                .map_or("NULL", |number| table().full_name(number)),
            String::from_utf8_lossy(self.users.name(session.user)),
            redirection(session),
            if session.dialect == Dialect::Resp3 {
                3
            } else {
                2
            },
            String::from_utf8_lossy(&session.library_name),
            String::from_utf8_lossy(&session.library_version),
        );
        written.expect("writing to a String never fails");
    }
}

pub(super) static KILL: CommandSpec = family::CONNECTION
    .subcommand("kill", "<ip:port | [ID client-id] [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME <YES | NO>] [MAXAGE maxage]>", kill)
    .summary("Closes connections.")
    .since("2.4.0")
    .cost("O(number of clients)")
    .flags(ANYTIME.and(Flags::ADMIN));

const NO_SUCH_CLIENT: ReplyError = ReplyError::fixed("ERR No such client");
const ID_NOT_POSITIVE: ReplyError = ReplyError::fixed("ERR client-id should be greater than 0");

const AGE_NOT_POSITIVE: ReplyError = ReplyError::fixed("ERR maxage should be greater than 0");

/// What a client must be like to be closed.
struct KillFilter<'a> {
    id: Option<i64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    user: Option<UserId>,
    client_type: Option<ClientType>,
    /// For how long it must have been there.
    age_min_s: i64,
    skips_self: bool,
}

impl KillFilter<'_> {
    fn accepts(&self, session: &Session, own_id: u64, now_us: u64) -> bool {
        let is = |wanted: Option<&[u8]>, address: &str| {
            wanted.is_none_or(|wanted| wanted == address.as_bytes())
        };
        self.client_type
            .is_none_or(|wanted| wanted == ClientType::of(session))
            && self.id.is_none_or(|id| id == session.id as i64)
            && is(self.address, &session.peer.address)
            && is(self.local_address, &session.peer.local_address)
            && self.user.is_none_or(|user| user == session.user)
            && seconds_since(session.created.monotonic_us, now_us) as i64 >= self.age_min_s
            && !(self.skips_self && session.id == own_id)
    }
}

fn parse_kill_filter<'a>(args: Args<'a>, users: &Users) -> Result<KillFilter<'a>, ReplyError> {
    let mut filter = KillFilter {
        id: None,
        address: None,
        local_address: None,
        user: None,
        client_type: None,
        age_min_s: 0,
        skips_self: true,
    };
    let mut index = 2;
    while index < args.len() {
        if index + 1 == args.len() {
            return Err(ReplyError::SYNTAX);
        }
        let (name, value) = (args.get(index), args.get(index + 1));
        if name.eq_ignore_ascii_case(b"id") {
            let id = parse_i64(value)
                .filter(|&id| id > 0)
                .ok_or(ID_NOT_POSITIVE)?;
            filter.id = Some(id);
        } else if name.eq_ignore_ascii_case(b"type") {
            filter.client_type = Some(parse_type(value)?);
        } else if name.eq_ignore_ascii_case(b"addr") {
            filter.address = Some(value);
        } else if name.eq_ignore_ascii_case(b"laddr") {
            filter.local_address = Some(value);
        } else if name.eq_ignore_ascii_case(b"user") {
            let Some(user) = users.find(value) else {
                let text = [b"ERR No such user '", value, b"'"].concat();
                return Err(ReplyError::from_bytes(text));
            };
            filter.user = Some(user);
        } else if name.eq_ignore_ascii_case(b"maxage") {
            let age_min_s = parse_i64(value).ok_or(ReplyError::NOT_INTEGER)?;
            filter.age_min_s = Some(age_min_s)
                .filter(|&age| age > 0)
                .ok_or(AGE_NOT_POSITIVE)?;
        } else if name.eq_ignore_ascii_case(b"skipme") {
            filter.skips_self = match value {
                value if value.eq_ignore_ascii_case(b"yes") => true,
                value if value.eq_ignore_ascii_case(b"no") => false,
                _ => return Err(ReplyError::SYNTAX),
            };
        } else {
            return Err(ReplyError::SYNTAX);
        }
        index += 2;
    }
    Ok(filter)
}

fn kill(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let is_old_form = args.len() == 3;
    let filter = if is_old_form {
        KillFilter {
            id: None,
            address: Some(args.get(2)),
            local_address: None,
            user: None,
            client_type: None,
            age_min_s: 0,
            skips_self: false,
        }
    } else {
        parse_kill_filter(args, context.users)?
    };
    let (own_id, now_us) = (context.session().id, context.now.monotonic_us);
    let victims: Vec<_> = context
        .sessions
        .iter()
        .filter(|(_, session)| filter.accepts(session, own_id, now_us))
        .map(|(_, session)| (session.id, session.link))
        .collect();
    if is_old_form && victims.is_empty() {
        return Err(NO_SUCH_CLIENT);
    }
    for &(id, link) in &victims {
        if id == own_id {
            context.session().closes_after_reply = true;
        } else if let Some(link) = link {
            context.outbox.push(Effect::Close { link });
        }
    }
    if is_old_form {
        context.reply.ok();
    } else {
        context.reply.integer(victims.len() as i64);
    }
    Ok(())
}
