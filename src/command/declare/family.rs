//! What the commands of one chapter have in common, and how each of them is declared.
//!
//! ```text
//!  static GETRANGE: CommandSpec = family::STRING          group, usual keys
//!      .command("getrange", "key start end", getrange)    name, syntax, handler
//!      .summary("Returns the bytes of a string …")
//!      .since("2.4.0")
//!      .flags(Flags::READ_ONLY)                           then what is not usual:
//!      .cost("O(length of the answer)");                  cost, keys, flags, what is
//!                                                          done to keys, secrets …
//! ```
//!
//! What is left out has its usual value: no flags, no secrets, the keys of the family, cost O(1),
//! the ACL categories that follow from group and flags. The arity
//! follows from the syntax (`arity.rs`). A subcommand has no keys unless it says so.
//!
//! Not here: what the parts of a declaration mean (`spec.rs`).

use super::access::Access;
use super::arity;
use super::keys::Keys;
use super::portions::{Checked, Divide, Joined, Portions, WHOLE_ARGUMENTS_MAX};
use super::spec::{
    AccessByRequest, Action, BeginSteps, Categories, ChannelArguments, CommandSpec, Flags, Group,
    Handler, Secrets,
};
use crate::value::list::End;

/// Commands on keys of any kind.
pub(in crate::command) const GENERIC: Family = Family::of_keys(Group::Generic);
/// Commands on strings.
pub(in crate::command) const STRING: Family = Family::of_keys(Group::String);
/// Commands on strings as arrays of bits.
pub(in crate::command) const BITMAP: Family = Family::of_keys(Group::Bitmap);
/// Commands on lists.
pub(in crate::command) const LIST: Family = Family::of_keys(Group::List);
/// Commands on sets.
pub(in crate::command) const SET: Family = Family::of_keys(Group::Set);
/// Commands on sorted sets.
pub(in crate::command) const SORTED_SET: Family = Family::of_keys(Group::SortedSet);
/// Commands on hashes.
pub(in crate::command) const HASH: Family = Family::of_keys(Group::Hash);
/// Commands on streams.
pub(in crate::command) const STREAM: Family = Family::of_keys(Group::Stream);
/// Commands on HyperLogLogs.
pub(in crate::command) const HYPER_LOG_LOG: Family = Family::of_keys(Group::HyperLogLog);
/// Commands on places.
pub(in crate::command) const GEO: Family = Family::of_keys(Group::Geo);
/// MULTI and what belongs to it.
pub(in crate::command) const TRANSACTIONS: Family = Family::without_keys(Group::Transactions);
/// Messages between clients.
pub(in crate::command) const PUBSUB: Family = Family::without_keys(Group::PubSub);
/// Scripts and functions.
pub(in crate::command) const SCRIPTING: Family = Family::without_keys(Group::Scripting);
/// Commands about the client's own connection.
pub(in crate::command) const CONNECTION: Family = Family::without_keys(Group::Connection);
/// Commands about the server as a whole.
pub(in crate::command) const SERVER: Family = Family::without_keys(Group::Server);

/// COMMAND, which Redis counts among the server's, and for rights among the connection's.
pub(in crate::command) const INTROSPECTION: Family = SERVER.also(Categories::CONNECTION);

/// What the commands of one chapter have in common.
#[derive(Clone, Copy)]
pub(in crate::command) struct Family {
    group: Group,
    keys: Keys,
    also: Categories,
}

impl Family {
    /// A family whose commands take one key, as their first argument.
    const fn of_keys(group: Group) -> Self {
        Self::new(group, Keys::FIRST)
    }

    const fn without_keys(group: Group) -> Self {
        Self::new(group, Keys::NONE)
    }

    const fn new(group: Group, keys: Keys) -> Self {
        let also = Categories::NONE;
        Self { group, keys, also }
    }

    const fn also(mut self, categories: Categories) -> Self {
        self.also = categories;
        self
    }

    /// Begins the declaration of a command.
    pub(in crate::command) const fn command(
        self,
        name: &'static str,
        syntax: &'static str,
        handler: Handler,
    ) -> CommandSpec {
        let arity = arity::of(syntax, 1);
        self.declare(name, syntax, arity, Action::Run(handler))
            .keys(self.keys)
    }

    /// Begins the declaration of a subcommand.
    pub(in crate::command) const fn subcommand(
        self,
        name: &'static str,
        syntax: &'static str,
        handler: Handler,
    ) -> CommandSpec {
        let arity = arity::of(syntax, 2);
        self.declare(name, syntax, arity, Action::Run(handler))
    }

    /// Begins the declaration of a command that only names its subcommands.
    pub(in crate::command) const fn container(
        self,
        name: &'static str,
        subcommands: &'static [&'static CommandSpec],
    ) -> CommandSpec {
        self.declare(name, "", -2, Action::Container(subcommands, None))
            .cost("Depends on the subcommand")
    }

    const fn declare(
        self,
        name: &'static str,
        syntax: &'static str,
        arity: i8,
        action: Action,
    ) -> CommandSpec {
        CommandSpec {
            name,
            syntax,
            summary: "",
            since: "",
            group: self.group,
            complexity: "O(1)",
            arity,
            flags: Flags::NONE,
            also: self.also,
            instead_of_group: None,
            secrets: None,
            keys: Keys::NONE,
            element: None,
            is_element_ranked: false,
            list_end: None,
            channels: None,
            access: None,
            access_by_request: None,
            portions: None,
            steps: None,
            whole_arguments_max: u16::MAX,
            short_arguments_max: 0,
            action,
        }
    }
}

/// The parts of a declaration that are not given at its beginning.
impl CommandSpec {
    /// One sentence of what it does.
    pub(in crate::command) const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// The first Redis version that had it; for ours, the Evenkeel version.
    pub(in crate::command) const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }

    /// Its cost, if that is not O(1).
    pub(in crate::command) const fn cost(mut self, complexity: &'static str) -> Self {
        self.complexity = complexity;
        self
    }

    /// Its properties.
    pub(in crate::command) const fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self.with_short_work()
    }

    /// Its keys, if they are not those of its family.
    pub(in crate::command) const fn keys(mut self, keys: Keys) -> Self {
        self.keys = keys;
        self
    }

    /// Which argument names an element of its key's collection, if it is kept by hash: members of
    /// sets and sorted sets, fields of hashes.
    pub(in crate::command) const fn element(mut self, index: u8) -> Self {
        self.element = Some(index);
        self
    }

    /// The same of a command that looks for the element by its score, too.
    pub(in crate::command) const fn ranked_element(mut self, index: u8) -> Self {
        self.is_element_ranked = true;
        self.element(index)
    }

    /// At which end of its key's list items come or go.
    pub(in crate::command) const fn at_end(mut self, end: End) -> Self {
        self.list_end = Some(end);
        self
    }

    /// Which of its arguments are channels.
    pub(in crate::command) const fn channels(mut self, channels: ChannelArguments) -> Self {
        self.channels = Some(channels);
        self
    }

    /// More words than the syntax names may follow; they are ignored.
    pub(in crate::command) const fn ignores_more(mut self) -> Self {
        if self.arity > 0 {
            self.arity = -self.arity;
        }
        self
    }

    /// What it does to its keys, if that does not follow from its flags.
    pub(in crate::command) const fn access(mut self, access: Access) -> Self {
        self.access = Some(access);
        self
    }

    /// What a request does to its keys, which is [`Access::CHANGE`] or less.
    pub(in crate::command) const fn access_by_request(mut self, of: AccessByRequest) -> Self {
        self.access = Some(Access::CHANGE_OR_LESS);
        self.access_by_request = Some(of);
        self
    }

    /// How requests that name very many keys are done.
    pub(in crate::command) const fn divides_keys(mut self, divide: Divide, joined: Joined) -> Self {
        self.portions = Some(Portions::of_keys(divide, joined));
        self.whole_arguments_max = WHOLE_ARGUMENTS_MAX;
        self.with_short_work()
    }

    /// How requests that name very many elements of a key are done.
    pub(in crate::command) const fn divides(mut self, divide: Divide, joined: Joined) -> Self {
        self.portions = Some(Portions::of_elements(divide, joined));
        self.whole_arguments_max = WHOLE_ARGUMENTS_MAX;
        self.with_short_work()
    }

    /// The rows of a divided request are checked before any of them is done.
    pub(in crate::command) const fn checks_rows(mut self, checked: Checked) -> Self {
        self.portions = match self.portions {
            Some(portions) => Some(portions.checked(checked)),
            None => panic!("only a request that is divided has rows"),
        };
        self
    }

    /// How requests are done that are about very many elements; those of more arguments than
    /// `whole_arguments_max` say how many.
    pub(in crate::command) const fn divides_counted(
        mut self,
        whole_arguments_max: u16,
        divide: Divide,
        joined: Joined,
    ) -> Self {
        self.portions = Some(Portions::of_elements(divide, joined));
        self.whole_arguments_max = whole_arguments_max;
        self.with_short_work()
    }

    /// The steps in which requests are done that take long; none does that has no more arguments
    /// than `whole_arguments_max`.
    pub(in crate::command) const fn takes_steps(
        mut self,
        whole_arguments_max: u16,
        begin: BeginSteps,
    ) -> Self {
        self.steps = Some(begin);
        self.whole_arguments_max = whole_arguments_max;
        self.with_short_work()
    }

    /// Says anew which requests are short work, after what that follows from has changed.
    const fn with_short_work(mut self) -> Self {
        let is_short = self.flags.has(Flags::SHORT);
        self.short_arguments_max = if is_short {
            self.whole_arguments_max
        } else {
            0
        };
        self
    }

    /// ACL categories that do not follow from its group and flags.
    pub(in crate::command) const fn also(mut self, categories: Categories) -> Self {
        self.also = categories;
        self
    }

    /// ACL categories in place of that of its group.
    pub(in crate::command) const fn instead_of_group(mut self, categories: Categories) -> Self {
        self.instead_of_group = Some(categories);
        self
    }

    /// Which of its arguments are secret.
    pub(in crate::command) const fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// What answers the bare name of a container.
    pub(in crate::command) const fn bare(mut self, handler: Handler) -> Self {
        if let Action::Container(subcommands, _) = self.action {
            self.action = Action::Container(subcommands, Some(handler));
            self.arity = -1;
        }
        self
    }
}
