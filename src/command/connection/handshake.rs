//! HELLO and AUTH: who the client is, and which protocol it speaks.

use super::client::{CLIENT_NAME, check_name};
use crate::acl::{Reason, UserId};
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::permission;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::Dialect;
use crate::stats::REDIS_VERSION;

pub(super) const COMMANDS: &[&CommandSpec] = &[&HELLO, &AUTH];

const FLAGS: Flags = Flags::LOADING
    .and(Flags::STALE)
    .and(Flags::FAST)
    .and(Flags::NO_SCRIPT)
    .and(Flags::NO_AUTH)
    .and(Flags::ALLOW_BUSY);

/// The user whose password may be given alone.
const DEFAULT_USER: &[u8] = b"default";

static HELLO: CommandSpec = family::CONNECTION
    .command(
        "hello",
        "[protover [AUTH username password] [SETNAME clientname]]",
        hello,
    )
    .summary(
        "Chooses the protocol, authenticates and names the client, and tells what the server is.",
    )
    .since("6.0.0")
    .flags(FLAGS)
    .secrets(follows_auth);

/// Whether an argument is the name or the password after the word AUTH. The version comes before.
fn follows_auth(args: Args<'_>, index: usize) -> bool {
    let is_auth = |at: usize| at > 1 && args.get(at).eq_ignore_ascii_case(b"auth");
    index > 1 && (is_auth(index - 1) || is_auth(index - 2))
}

const BAD_PROTOCOL: ReplyError =
    ReplyError::fixed("ERR Protocol version is not an integer or out of range");
const HELLO_NEEDS_AUTH: ReplyError = ReplyError::fixed(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
);

#[derive(Default)]
struct HelloOptions<'a> {
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn parse_hello_options(args: Args<'_>) -> Result<HelloOptions<'_>, ReplyError> {
    let mut options = HelloOptions::default();
    let mut index = 2;
    while index < args.len() {
        let option = args.get(index);
        let rest = args.len() - index - 1;
        if option.eq_ignore_ascii_case(b"auth") && rest >= 2 {
            options.credentials = Some((args.get(index + 1), args.get(index + 2)));
            index += 3;
        } else if option.eq_ignore_ascii_case(b"setname") && rest >= 1 {
            let name = args.get(index + 1);
            check_name(CLIENT_NAME, name)?;
            options.name = Some(name);
            index += 2;
        } else {
            let text = [b"ERR Syntax error in HELLO option '", option, b"'"].concat();
            return Err(ReplyError::from_bytes(text));
        }
    }
    Ok(options)
}

fn hello(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut wanted = None;
    if args.len() > 1 {
        wanted = Some(match parse_i64(args.get(1)).ok_or(BAD_PROTOCOL)? {
            2 => Dialect::Resp2,
            3 => Dialect::Resp3,
            _ => return Err(ReplyError::NOPROTO),
        });
    }
    let options = parse_hello_options(args)?;
    if let Some((user, password)) = options.credentials {
        authenticate(context, user, password, args)?;
    }
    let session = context.sessions.get(context.key);
    if session.is_stranger(context.users) {
        return Err(HELLO_NEEDS_AUTH);
    }
    let session = context.session();
    if let Some(name) = options.name {
        session.name = name.into();
    }
    // Whoever says HELLO is a program, even if it began with a bare line feed.
    let kept = match session.dialect {
        Dialect::Plain | Dialect::Resp2 => Dialect::Resp2,
        Dialect::Resp3 => Dialect::Resp3,
    };
    session.dialect = wanted.unwrap_or(kept);
    let (dialect, id) = (session.dialect, session.id);
    context.reply.set_dialect(dialect);
    reply_hello(context, dialect, id);
    Ok(())
}

fn reply_hello(context: &mut Context<'_>, dialect: Dialect, id: u64) {
    let role: &[u8] = match context.host.following {
        Some(_) => b"replica",
        None => b"master",
    };
    let reply = &mut context.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(if dialect == Dialect::Resp3 { 3 } else { 2 });
    reply.bulk(b"id");
    reply.integer(id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(role);
    reply.bulk(b"modules");
    reply.array(0);
}

static AUTH: CommandSpec = family::CONNECTION
    .command("auth", "[username] password", auth)
    .summary("Authenticates the client.")
    .since("1.0.0")
    .flags(FLAGS)
    .secrets(|_, index| index > 0);

const NO_PASSWORD_SET: ReplyError = ReplyError::fixed(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
);

fn auth(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (user, password) = match args.len() {
        2 if context.users.get(UserId::DEFAULT).needs_no_password() => return Err(NO_PASSWORD_SET),
        2 => (DEFAULT_USER, args.get(1)),
        3 => (args.get(1), args.get(2)),
        _ => return Err(ReplyError::SYNTAX),
    };
    authenticate(context, user, password, args)?;
    context.reply.ok();
    Ok(())
}

/// Makes the session this user, if the password is one of its own.
fn authenticate(
    context: &mut Context<'_>,
    user: &[u8],
    password: &[u8],
    args: Args<'_>,
) -> Outcome {
    let Some(id) = context.users.enter(user, password) else {
        let what = (Reason::Authentication, permission::circumstance(context));
        permission::note(context, what, args.name(), user, args);
        let session = context.session();
        let (client, address) = (session.id, &session.peer.address);
        log::debug!("client {client} at {address} gave no right name and password");
        return Err(ReplyError::WRONGPASS);
    };
    context
        .sessions
        .get_mut(context.key)
        .enter(id, context.users);
    Ok(())
}
