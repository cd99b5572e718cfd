//! Channels: SUBSCRIBE and its kin, PUBLISH, PUBSUB.
//!
//! A confirmation is a message itself: RESP3 marks it as one, and CLIENT REPLY does not concern it.
//!
//! Not here: who listens to what (`messages/`), the way of a message (`node/delivery.rs`).

use super::declare::family;
use super::declare::help::help_of;
use super::declare::spec::{ChannelArguments, CommandSpec, Flags, Outcome};
use crate::base::glob::Pattern;
use crate::base::link::Link;
use crate::context::Context;
use crate::messages::{Channels, Kind, Messages, Subscriptions};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &SUBSCRIBE,
    &UNSUBSCRIBE,
    &PSUBSCRIBE,
    &PUNSUBSCRIBE,
    &SSUBSCRIBE,
    &SUNSUBSCRIBE,
    &PUBLISH,
    &SPUBLISH,
    &PUBSUB,
];

const LISTEN: Flags = Flags::PUBSUB
    .and(Flags::NO_SCRIPT)
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::PUSHES)
    .and(Flags::LISTENING);

const SEND: Flags = Flags::PUBSUB
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::FAST)
    .and(Flags::SHORT);

const ASK: Flags = Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE);

const ALL: ChannelArguments = ChannelArguments {
    first: 1,
    are_many: true,
    are_patterns: false,
};
const PATTERNS: ChannelArguments = ChannelArguments {
    are_patterns: true,
    ..ALL
};
const ONE: ChannelArguments = ChannelArguments {
    are_many: false,
    ..ALL
};

const NO_CONNECTION: ReplyError =
    ReplyError::fixed("ERR a session without a connection can't receive messages");

static SUBSCRIBE: CommandSpec = family::PUBSUB
    .command("subscribe", "channel [channel ...]", |context, args| {
        subscribe(context, args, Kind::Channel)
    })
    .summary("Listens to the messages of channels.")
    .since("2.0.0")
    .cost("O(number of channels)")
    .flags(LISTEN)
    .channels(ALL);

static UNSUBSCRIBE: CommandSpec = family::PUBSUB
    .command("unsubscribe", "[channel [channel ...]]", |context, args| {
        unsubscribe(context, args, Kind::Channel)
    })
    .summary("Listens no more to these channels, or to none.")
    .since("2.0.0")
    .cost("O(number of channels)")
    .flags(LISTEN);

static PSUBSCRIBE: CommandSpec = family::PUBSUB
    .command("psubscribe", "pattern [pattern ...]", |context, args| {
        subscribe(context, args, Kind::Pattern)
    })
    .summary("Listens to the messages of all channels that match patterns.")
    .since("2.0.0")
    .cost("O(number of patterns)")
    .flags(LISTEN)
    .channels(PATTERNS);

static PUNSUBSCRIBE: CommandSpec = family::PUBSUB
    .command(
        "punsubscribe",
        "[pattern [pattern ...]]",
        |context, args| unsubscribe(context, args, Kind::Pattern),
    )
    .summary("Listens no more to these patterns, or to none.")
    .since("2.0.0")
    .cost("O(number of patterns)")
    .flags(LISTEN);

static SSUBSCRIBE: CommandSpec = family::PUBSUB
    .command(
        "ssubscribe",
        "shardchannel [shardchannel ...]",
        |context, args| subscribe(context, args, Kind::ShardChannel),
    )
    .summary("Listens to the messages of channels of the shard.")
    .since("7.0.0")
    .cost("O(number of channels)")
    .flags(LISTEN)
    .channels(ALL);

static SUNSUBSCRIBE: CommandSpec = family::PUBSUB
    .command(
        "sunsubscribe",
        "[shardchannel [shardchannel ...]]",
        |context, args| unsubscribe(context, args, Kind::ShardChannel),
    )
    .summary("Listens no more to these channels of the shard, or to none.")
    .since("7.0.0")
    .cost("O(number of channels)")
    .flags(LISTEN);

fn subscribe(context: &mut Context<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    context.tell_changes();
    let word: &[u8] = match kind {
        Kind::Channel => b"subscribe",
        Kind::Pattern => b"psubscribe",
        Kind::ShardChannel => b"ssubscribe",
    };
    let session = context.sessions.get_mut(context.key);
    let link = session.link.ok_or(NO_CONNECTION)?;
    for name in args.iter().skip(1) {
        let own = &mut session.subscriptions;
        context.messages.subscribe(kind, name, link, own);
        context.reply.push(3);
        context.reply.bulk(word);
        context.reply.bulk(name);
        context
            .reply
            .integer(session.subscriptions.counted(kind) as i64);
    }
    context.follow_listeners();
    Ok(())
}

fn unsubscribe(context: &mut Context<'_>, args: Args<'_>, kind: Kind) -> Outcome {
    context.tell_changes();
    let session = context.sessions.get_mut(context.key);
    let (own, reply) = (&mut session.subscriptions, &mut context.reply);
    let word: &[u8] = match kind {
        Kind::Channel => b"unsubscribe",
        Kind::Pattern => b"punsubscribe",
        Kind::ShardChannel => b"sunsubscribe",
    };
    let mut confirm = |name: Option<&[u8]>, count: i64| {
        reply.push(3);
        reply.bulk(word);
        match name {
            Some(name) => reply.bulk(name),
            None => reply.null(),
        }
        reply.integer(count);
    };
    let count_of = |own: &Subscriptions| own.counted(kind) as i64;
    // Who has no connection listens to nothing.
    let link = session.link;
    let mut leave = |own: &mut _, name: &[u8]| {
        link.is_some_and(|link| context.messages.unsubscribe(kind, name, link, own))
    };
    if args.len() > 1 {
        for name in args.iter().skip(1) {
            leave(own, name);
            confirm(Some(name), count_of(own));
        }
    } else if own.len(kind) == 0 {
        confirm(None, count_of(own));
    } else {
        while let Some(name) = own.first(kind) {
            leave(own, &name);
            confirm(Some(&name), count_of(own));
        }
    }
    context.follow_listeners();
    Ok(())
}

static PUBLISH: CommandSpec = family::PUBSUB
    .command("publish", "channel message", |context, args| {
        publish(context, args, Messages::publish)
    })
    .summary("Sends a message to all who listen to a channel; returns how many they are.")
    .since("2.0.0")
    .cost("O(log N + M), N being the lengths of beginnings of patterns and M the listeners")
    .flags(SEND)
    .channels(ONE);

static SPUBLISH: CommandSpec = family::PUBSUB
    .command("spublish", "shardchannel message", |context, args| {
        publish(context, args, Messages::publish_in_shard)
    })
    .summary("Sends a message to all who listen to a channel of the shard.")
    .since("7.0.0")
    .cost("O(N), N being the listeners")
    .flags(SEND)
    .channels(ONE);

/// Sends the second argument to whoever listens to the first; returns how many they are.
fn publish(
    context: &mut Context<'_>,
    args: Args<'_>,
    send: fn(&mut Messages, &[u8], &[u8], Option<Link>) -> usize,
) -> Outcome {
    context.tell_changes();
    let own = context.sessions.get(context.key).link;
    let count = send(context.messages, args.get(1), args.get(2), own);
    context.reply.integer(count as i64);
    Ok(())
}

static PUBSUB: CommandSpec = family::PUBSUB
    .container(
        "pubsub",
        &[
            &CHANNELS,
            &HELP,
            &NUMPAT,
            &NUMSUB,
            &SHARDCHANNELS,
            &SHARDNUMSUB,
        ],
    )
    .summary("A container of commands about channels.")
    .since("2.8.0");

static CHANNELS: CommandSpec = family::PUBSUB
    .subcommand("channels", "[pattern]", |context, args| {
        reply_names(context, args, |context| &context.messages.channels)
    })
    .summary("Lists the channels that somebody listens to.")
    .since("2.8.0")
    .cost("O(N log N), N being the number of channels")
    .flags(ASK);

static SHARDCHANNELS: CommandSpec = family::PUBSUB
    .subcommand("shardchannels", "[pattern]", |context, args| {
        reply_names(context, args, |context| &context.messages.shard_channels)
    })
    .summary("Lists the channels of the shard that somebody listens to.")
    .since("7.0.0")
    .cost("O(N log N), N being the number of channels")
    .flags(ASK);

fn reply_names(
    context: &mut Context<'_>,
    args: Args<'_>,
    channels: impl for<'c> Fn(&'c Context<'_>) -> &'c Channels,
) -> Outcome {
    if args.len() > 3 {
        return Err(ReplyError::unknown_subcommand_or_arity(
            "pubsub",
            args.get(1),
        ));
    }
    let pattern = (args.len() == 3).then(|| Pattern::new(args.get(2), false));
    let names: Vec<Box<[u8]>> = channels(context)
        .names(|name| match &pattern {
            None => true,
            Some(pattern) => (pattern.as_ref()).is_ok_and(|pattern| pattern.matches(name)),
        })
        .into_iter()
        .map(Into::into)
        .collect();
    context.reply.array(names.len());
    names.iter().for_each(|name| context.reply.bulk(name));
    Ok(())
}

static NUMSUB: CommandSpec = family::PUBSUB
    .subcommand("numsub", "[channel [channel ...]]", |context, args| {
        reply_counts(context, args, |context| &context.messages.channels)
    })
    .summary("Returns how many listen to each of these channels.")
    .since("2.8.0")
    .cost("O(number of channels)")
    .flags(ASK);

static SHARDNUMSUB: CommandSpec = family::PUBSUB
    .subcommand(
        "shardnumsub",
        "[shardchannel [shardchannel ...]]",
        |context, args| reply_counts(context, args, |context| &context.messages.shard_channels),
    )
    .summary("Returns how many listen to each of these channels of the shard.")
    .since("7.0.0")
    .cost("O(number of channels)")
    .flags(ASK);

fn reply_counts(
    context: &mut Context<'_>,
    args: Args<'_>,
    channels: impl for<'c> Fn(&'c Context<'_>) -> &'c Channels,
) -> Outcome {
    context.reply.array(2 * (args.len() - 2));
    for name in args.iter().skip(2) {
        let count = (channels(context).get(name)).map_or(0, |subscribers| subscribers.len());
        context.reply.bulk(name);
        context.reply.integer(count as i64);
    }
    Ok(())
}

static NUMPAT: CommandSpec = family::PUBSUB
    .subcommand("numpat", "", |context, _| {
        let count = context.messages.patterns.len();
        context.reply.integer(count as i64);
        Ok(())
    })
    .summary("Returns how many patterns somebody listens to.")
    .since("2.8.0")
    .flags(ASK);

help_of!(PUBSUB, PUBSUB, "6.2.0");
