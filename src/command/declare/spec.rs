//! What a command declares about itself; everything else is made from this.
//!
//! A [`CommandSpec`] stands directly above its handler. From it come dispatch and arity checks
//! (`table.rs`, `call.rs`), COMMAND and its subcommands (`introspection.rs`, `syntax.rs`), and
//! `docs/COMMANDS.md` (`markdown.rs`).

use super::access::Access;
pub use super::handler::{Handler, Outcome};
use super::keys::{Keys, Part};
use super::portions::Portions;
use crate::context::Context;
use crate::context::job::Steps;
use crate::protocol::args::Args;
use crate::value::list::End;

/// The chapter of the documentation that a command belongs to, named as Redis names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Any kind of key.
    Generic,
    /// String values.
    String,
    /// Strings as arrays of bits.
    Bitmap,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Streams.
    Stream,
    /// Strings that count different elements.
    HyperLogLog,
    /// Sorted sets of places.
    Geo,
    /// MULTI and what belongs to it.
    Transactions,
    /// Messages between clients.
    PubSub,
    /// Scripts and functions.
    Scripting,
    /// The client's own connection.
    Connection,
    /// The server as a whole.
    Server,
}

impl Group {
    /// The name in COMMAND DOCS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::Bitmap => "bitmap",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::Transactions => "transactions",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Connection => "connection",
            Self::Server => "server",
        }
    }
}

/// Properties of a command, as a set of the constants below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// May change keys.
    pub const WRITE: Self = Self(1);
    /// Reads keys and changes none.
    pub const READ_ONLY: Self = Self(1 << 1);
    /// May need more memory; refused when there is none.
    pub const DENY_OOM: Self = Self(1 << 2);
    /// For operators.
    pub const ADMIN: Self = Self(1 << 3);
    /// O(1) or O(log n).
    pub const FAST: Self = Self(1 << 4);
    /// Not from scripts.
    pub const NO_SCRIPT: Self = Self(1 << 5);
    /// Allowed while a snapshot is being loaded.
    pub const LOADING: Self = Self(1 << 6);
    /// Allowed on a replica that lost its master; kept for clients that read it.
    pub const STALE: Self = Self(1 << 7);
    /// Allowed before authentication.
    pub const NO_AUTH: Self = Self(1 << 8);
    /// Not inside MULTI.
    pub const NO_MULTI: Self = Self(1 << 9);
    /// Executed inside MULTI at once instead of being queued.
    pub const NOT_QUEUED: Self = Self(1 << 10);
    /// Keys are found by looking at the arguments.
    pub const MOVABLE_KEYS: Self = Self(1 << 11);
    /// Not in the slow log: the commands it runs are.
    pub const SKIP_SLOW_LOG: Self = Self(1 << 12);
    /// Short work on keys that leaves the session, the configuration and the server as they are, so
    /// that the next command passes the same gates; timed with its neighbours. What would take long
    /// is left to a long read.
    pub const SHORT: Self = Self(1 << 13);
    /// Runs what its transaction has queued, and passes the gates of all of that.
    pub const RUNS_QUEUE: Self = Self(1 << 14);
    /// Its reply may be as large as a database.
    pub const LARGE_REPLY: Self = Self(1 << 15);

    /// May wait until one of its keys is there.
    pub const BLOCKING: Self = Self(1 << 16);
    /// About messages between clients.
    pub const PUBSUB: Self = Self(1 << 17);
    /// Answers by messages, which are written whatever CLIENT REPLY says.
    pub const PUSHES: Self = Self(1 << 18);
    /// Allowed for a client that does nothing but listen.
    pub const LISTENING: Self = Self(1 << 19);
    /// Its handler asks for a script to be run.
    pub const RUNS_SCRIPT: Self = Self(1 << 20);
    /// Runs while a script has the keyspace to itself, in Redis, too.
    pub const ALLOW_BUSY: Self = Self(1 << 21);
    /// Touches no key, so it runs while a script has the keyspace to itself.
    pub const BESIDE_JOBS: Self = Self(1 << 22);
    /// Not shown by MONITOR: the commands it runs are.
    pub const SKIP_MONITOR: Self = Self(1 << 23);
    /// May be called without keys.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 24);
    /// Sent by a node of a cluster for keys that are on their way; kept for who reads it.
    pub const ASKING: Self = Self(1 << 25);

    /// What Redis calls fast, on keys and on nothing else.
    pub const FAST_ON_KEYS: Self = Self::FAST.and(Self::SHORT);

    /// This set and another.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in this set.
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether a command's time is measured together with that of its neighbours.
    #[inline]
    pub const fn is_timed_in_groups(self) -> bool {
        self.0 & (Self::FAST.0 | Self::SHORT.0) != 0
    }

    /// Whether it runs other commands.
    #[inline]
    pub const fn runs_others(self) -> bool {
        self.0 & (Self::RUNS_QUEUE.0 | Self::RUNS_SCRIPT.0) != 0
    }

    /// The names of the flags that COMMAND INFO lists, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(Flags, &str); 18] = [
            (Flags::WRITE, "write"),
            (Flags::READ_ONLY, "readonly"),
            (Flags::DENY_OOM, "denyoom"),
            (Flags::ADMIN, "admin"),
            (Flags::PUBSUB, "pubsub"),
            (Flags::NO_SCRIPT, "noscript"),
            (Flags::BLOCKING, "blocking"),
            (Flags::LOADING, "loading"),
            (Flags::STALE, "stale"),
            (Flags::SKIP_MONITOR, "skip_monitor"),
            (Flags::SKIP_SLOW_LOG, "skip_slowlog"),
            (Flags::ASKING, "asking"),
            (Flags::FAST, "fast"),
            (Flags::NO_AUTH, "no_auth"),
            (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
            (Flags::MOVABLE_KEYS, "movablekeys"),
            (Flags::NO_MULTI, "no_multi"),
            (Flags::ALLOW_BUSY, "allow_busy"),
        ];
        NAMES
            .into_iter()
            .filter(move |&(flag, _)| self.has(flag))
            .map(|(_, name)| name)
    }
}

/// ACL categories, as a set of the constants below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Categories(u32);

impl Categories {
    /// In none.
    pub const NONE: Self = Self(0);
    /// Keys of any kind, and whole databases.
    pub const KEYSPACE: Self = Self(1);
    /// Reads keys.
    pub const READ: Self = Self(1 << 1);
    /// May change keys.
    pub const WRITE: Self = Self(1 << 2);
    /// String values.
    pub const STRING: Self = Self(1 << 3);
    /// Strings as arrays of bits.
    pub const BITMAP: Self = Self(1 << 4);
    /// For operators.
    pub const ADMIN: Self = Self(1 << 5);
    /// O(1) or O(log n).
    pub const FAST: Self = Self(1 << 6);
    /// All that is not fast.
    pub const SLOW: Self = Self(1 << 7);
    /// Not for everybody: it may take long, tell secrets, or destroy much.
    pub const DANGEROUS: Self = Self(1 << 8);
    /// The client's own connection.
    pub const CONNECTION: Self = Self(1 << 9);
    /// MULTI and what belongs to it.
    pub const TRANSACTION: Self = Self(1 << 10);
    /// Sets.
    pub const SET: Self = Self(1 << 11);
    /// Sorted sets.
    pub const SORTED_SET: Self = Self(1 << 12);
    /// Lists.
    pub const LIST: Self = Self(1 << 13);
    /// Hashes.
    pub const HASH: Self = Self(1 << 14);
    /// Scripts and functions.
    pub const SCRIPTING: Self = Self(1 << 18);
    /// Messages between clients.
    pub const PUBSUB: Self = Self(1 << 17);
    /// Streams.
    pub const STREAM: Self = Self(1 << 16);
    /// May wait until one of its keys is there.
    pub const BLOCKING: Self = Self(1 << 15);
    /// HyperLogLogs.
    pub const HYPER_LOG_LOG: Self = Self(1 << 19);
    /// Sorted sets of places.
    pub const GEO: Self = Self(1 << 20);

    /// The names of all categories, in Redis's order.
    pub const ALL_NAMES: [&'static str; 21] = [
        "keyspace",
        "read",
        "write",
        "set",
        "sortedset",
        "list",
        "hash",
        "string",
        "bitmap",
        "hyperloglog",
        "geo",
        "stream",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
    ];

    /// This set and another.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set, and another if that is asked for.
    #[must_use]
    pub const fn and_if(self, is_asked_for: bool, other: Self) -> Self {
        if is_asked_for { self.and(other) } else { self }
    }

    /// The names without `@`, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(Categories, &str); 21] = [
            (Categories::KEYSPACE, "keyspace"),
            (Categories::READ, "read"),
            (Categories::WRITE, "write"),
            (Categories::SET, "set"),
            (Categories::SORTED_SET, "sortedset"),
            (Categories::LIST, "list"),
            (Categories::HASH, "hash"),
            (Categories::STRING, "string"),
            (Categories::BITMAP, "bitmap"),
            (Categories::HYPER_LOG_LOG, "hyperloglog"),
            (Categories::GEO, "geo"),
            (Categories::STREAM, "stream"),
            (Categories::PUBSUB, "pubsub"),
            (Categories::ADMIN, "admin"),
            (Categories::FAST, "fast"),
            (Categories::SLOW, "slow"),
            (Categories::BLOCKING, "blocking"),
            (Categories::DANGEROUS, "dangerous"),
            (Categories::CONNECTION, "connection"),
            (Categories::TRANSACTION, "transaction"),
            (Categories::SCRIPTING, "scripting"),
        ];
        NAMES
            .into_iter()
            .filter(move |&(category, _)| self.0 & category.0 != 0)
            .map(|(_, name)| name)
    }
}

/// Arguments that name channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelArguments {
    /// The first.
    pub first: u8,
    /// All that follow are channels, too.
    pub are_many: bool,
    /// They are patterns of channels.
    pub are_patterns: bool,
}

impl ChannelArguments {
    /// Their indexes in a request of so many arguments.
    pub fn indexes(self, argument_count: usize) -> std::ops::Range<usize> {
        let first = usize::from(self.first);
        let end = if self.are_many {
            argument_count
        } else {
            first + 1
        };
        first..end.min(argument_count)
    }
}

/// Tells what a request does to its keys.
pub type AccessByRequest = fn(Args<'_>) -> Access;

/// Tells whether the argument at an index is secret: never shown in the slow log or by MONITOR.
pub type Secrets = fn(Args<'_>, usize) -> bool;

/// Makes the steps in which a request is done; `None` if it is short or wrong, so that its handler
/// answers it at once.
pub type BeginSteps = fn(&mut Context<'_>, Args<'_>) -> Option<Box<dyn Steps>>;

/// What a command does.
#[derive(Clone, Copy)]
pub enum Action {
    /// It runs a handler.
    Run(Handler),
    /// Its first argument names one of these; the handler answers the bare name, if it may stand
    /// alone.
    Container(&'static [&'static CommandSpec], Option<Handler>),
}

/// The declaration of a command or subcommand.
pub struct CommandSpec {
    /// Its name in lower case; a subcommand's own name only.
    pub name: &'static str,
    /// Its arguments in the notation of `syntax.rs`, without the name.
    pub syntax: &'static str,
    /// One sentence of what it does.
    pub summary: &'static str,
    /// The first Redis version that had it; for ours, the Evenkeel version.
    pub since: &'static str,
    /// Its chapter.
    pub group: Group,
    /// Its cost.
    pub complexity: &'static str,
    /// How many arguments it takes, names included: exactly, or at least that many if negative.
    pub arity: i8,
    /// Its properties.
    pub flags: Flags,
    /// The ACL categories it is in besides those of its group and flags.
    pub also: Categories,
    /// The ACL categories it is in instead of that of its group, if that is not its own.
    pub instead_of_group: Option<Categories>,
    /// Its secret arguments, if it has any.
    pub secrets: Option<Secrets>,
    /// Its keys.
    pub keys: Keys,
    /// The argument that names an element of the collection of its first key, if one does: it is
    /// looked up ahead in batches.
    pub element: Option<u8>,
    /// Whether the element is looked for by its score, too, in a sorted set: that is done ahead as
    /// well.
    pub is_element_ranked: bool,
    /// At which end of the list of its first key it works, if it does: that is asked for ahead in
    /// batches.
    pub list_end: Option<End>,
    /// Its arguments that are channels, if it has any.
    pub channels: Option<ChannelArguments>,
    /// What it does to all of its keys, if its flags do not say it.
    pub access: Option<Access>,
    /// What a request does to its keys, if that depends on the request.
    pub access_by_request: Option<AccessByRequest>,
    /// How requests that name very many keys or elements are done, if there can be such.
    pub portions: Option<Portions>,
    /// The steps in which its requests are done, if some take long.
    pub steps: Option<BeginSteps>,
    /// Requests of more arguments may be done in portions, or in steps.
    pub whole_arguments_max: u16,
    /// Requests of more arguments are no short work: `whole_arguments_max`, or none at all.
    pub(super) short_arguments_max: u16,
    /// What it does.
    pub action: Action,
}

impl CommandSpec {
    /// Whether `count` arguments, names included, are as many as the command takes.
    #[inline]
    pub fn accepts(&self, count: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        count == wanted || (self.arity < 0 && count > wanted)
    }

    /// Whether a request of so many arguments is short work on keys: see [`Flags::SHORT`].
    #[inline]
    pub fn is_short_work(&self, argument_count: usize) -> bool {
        argument_count <= usize::from(self.short_arguments_max)
    }

    /// What it does to a part of its keys. Without a word about it, a command reads and tells the
    /// value, or changes it and may tell it, as its flags say.
    pub fn access_to(&self, part: &Part) -> Access {
        let usual = match self.flags.has(Flags::WRITE) {
            true => Access::CHANGE,
            false => Access::READ,
        };
        part.access.or(self.access).unwrap_or(usual)
    }

    /// What this request does to a part of its keys.
    pub fn access_of(&self, part: &Part, request: Args<'_>) -> Access {
        match self.access_by_request {
            Some(access_of) => access_of(request),
            None => self.access_to(part),
        }
    }

    /// Whether it touches no key, and so runs while another command has the keyspace to itself:
    /// what concerns the connection only, and what says so.
    pub fn is_beside_jobs(&self) -> bool {
        self.group == Group::Connection
            || self.flags.has(Flags::ALLOW_BUSY)
            || self.flags.has(Flags::BESIDE_JOBS)
    }

    /// Its subcommands.
    pub fn subcommands(&self) -> &'static [&'static CommandSpec] {
        match self.action {
            Action::Run(_) => &[],
            Action::Container(subcommands, _) => subcommands,
        }
    }
}
