//! Which commands a selector allows.
//!
//! ```text
//!  +@all  +@read  +get  +config|get     bits, one for each command and subcommand
//!  +select|0                            a first argument of a command that is not allowed whole
//!  text: "-@all +@read -hget"           the rules as they were given, without those overruled
//! ```
//!
//! 1. A command has the bit of its own rule or of its category's; the last rule decides. A rule
//!    about a container is one about all of its subcommands, too.
//! 2. The text, given as rules to a new selector, makes an equal one.
//!
//! Not here: names and categories of commands, which the [`Catalogue`] knows.

use super::RuleError;
use crate::base::command_id::CommandId;
use std::collections::BTreeMap;

/// What rules must know of commands.
pub trait Catalogue {
    /// How many commands and subcommands there are: one more than the highest id.
    fn command_count(&self) -> usize;
    /// The command of a name in any letter case; none for a subcommand.
    fn find(&self, name: &[u8]) -> Option<CommandId>;
    /// The subcommand of a container by name.
    fn find_subcommand(&self, container: CommandId, name: &[u8]) -> Option<CommandId>;
    /// Ids of a command's subcommands.
    fn subcommands(&self, command: CommandId) -> Vec<CommandId>;
    /// The commands and subcommands of a category; `None` if there is no such category.
    fn in_category(&self, category: &[u8]) -> Option<Vec<CommandId>>;
}

/// The commands that a selector allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Commands {
    bits: Vec<u64>,
    /// All are allowed: no rule since `+@all` has taken one away.
    are_all: bool,
    /// `+@all` was said last of all commands, so the text begins with it.
    begins_with_all: bool,
    /// First arguments with which commands are allowed that are not allowed whole, in lower case.
    first_arguments: BTreeMap<CommandId, Vec<Box<[u8]>>>,
    /// Rules after the first, each with its sign.
    rules: Vec<Box<str>>,
}

impl Commands {
    /// Whether every command is allowed.
    #[inline]
    pub(super) fn are_all(&self) -> bool {
        self.are_all
    }

    /// Whether a command is allowed whatever its arguments.
    #[inline]
    pub(super) fn allow_whole(&self, command: CommandId) -> bool {
        self.are_all || self.has_bit(command)
    }

    /// Whether a command is allowed with this first argument: that after its name, and after its
    /// container's.
    #[inline]
    pub(super) fn allow(&self, command: CommandId, first_argument: Option<&[u8]>) -> bool {
        if self.allow_whole(command) {
            return true;
        }
        let known = self.first_arguments.get(&command);
        let (Some(known), Some(first)) = (known, first_argument) else {
            return false;
        };
        known.iter().any(|known| known.eq_ignore_ascii_case(first))
    }

    /// `+@all` or `-@all`.
    pub(super) fn set_all(&mut self, is_allowed: bool) {
        *self = Self {
            are_all: is_allowed,
            begins_with_all: is_allowed,
            ..Self::default()
        };
    }

    /// `+@category` or `-@category`.
    pub(super) fn set_category(
        &mut self,
        catalogue: &dyn Catalogue,
        category: &str,
        is_allowed: bool,
    ) -> Result<(), RuleError> {
        let commands = catalogue.in_category(category.as_bytes());
        for command in commands.ok_or(RuleError::UnknownCommand)? {
            self.set_one(catalogue, command, is_allowed);
        }
        self.note(&format!("@{category}"), is_allowed);
        Ok(())
    }

    /// `+command`, `-command`, `+container|subcommand`, `-container|subcommand`, or
    /// `+command|argument`.
    pub(super) fn set_command(
        &mut self,
        catalogue: &dyn Catalogue,
        rule: &str,
        is_allowed: bool,
    ) -> Result<(), RuleError> {
        let unknown = RuleError::UnknownCommand;
        let Some((name, rest)) = rule.split_once('|') else {
            let command = catalogue.find(rule.as_bytes()).ok_or(unknown)?;
            self.set_with_subcommands(catalogue, command, is_allowed);
            self.note(rule, is_allowed);
            return Ok(());
        };
        let command = catalogue.find(name.as_bytes()).ok_or(unknown)?;
        let has_subcommands = !catalogue.subcommands(command).is_empty();
        if let Some((subcommand, _)) = rest.split_once('|') {
            let is_known = catalogue.find_subcommand(command, subcommand.as_bytes());
            let is_refused = is_allowed && is_known.is_some();
            return Err(if is_refused {
                RuleError::ArgumentOfSubcommand
            } else {
                unknown
            });
        }
        let is_no_word =
            |text: &str| text.contains(|part: char| part == '\0' || part.is_ascii_whitespace());
        if is_allowed && (rest.is_empty() || is_no_word(rest)) {
            return Err(RuleError::Syntax);
        }
        if has_subcommands {
            let found = catalogue.find_subcommand(command, rest.as_bytes());
            self.set_one(catalogue, found.ok_or(unknown)?, is_allowed);
        } else if is_allowed {
            let known = self.first_arguments.entry(command).or_default();
            let argument = rest.as_bytes().to_ascii_lowercase();
            if !known.iter().any(|known| **known == argument[..]) {
                known.push(argument.into());
            }
        } else {
            return Err(unknown);
        }
        self.note(rule, is_allowed);
        Ok(())
    }

    /// The rules that make this of a new selector: `-@all +get`.
    pub(super) fn text(&self) -> String {
        let mut text = String::from(if self.begins_with_all {
            "+@all"
        } else {
            "-@all"
        });
        for rule in &self.rules {
            text.push(' ');
            text.push_str(rule);
        }
        text
    }

    fn set_with_subcommands(
        &mut self,
        catalogue: &dyn Catalogue,
        command: CommandId,
        is_allowed: bool,
    ) {
        self.set_one(catalogue, command, is_allowed);
        for subcommand in catalogue.subcommands(command) {
            self.set_one(catalogue, subcommand, is_allowed);
        }
    }

    /// Sets the bit of a command and forgets its first arguments.
    fn set_one(&mut self, catalogue: &dyn Catalogue, command: CommandId, is_allowed: bool) {
        let word_count = catalogue.command_count().div_ceil(64);
        if self.are_all && !is_allowed {
            self.bits = vec![u64::MAX; word_count];
            self.are_all = false;
        }
        self.bits.resize(word_count, 0);
        let (word, bit) = (command.index() / 64, 1 << (command.index() % 64));
        if is_allowed {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
        }
        self.first_arguments.remove(&command);
    }

    fn has_bit(&self, command: CommandId) -> bool {
        let word = self.bits.get(command.index() / 64).copied();
        word.unwrap_or(0) & 1 << (command.index() % 64) != 0
    }

    /// Adds a rule to the text and takes out those about the same, or about a part of it.
    fn note(&mut self, rule: &str, is_allowed: bool) {
        let rule = rule.to_ascii_lowercase();
        self.rules.retain(|earlier| {
            let rest = earlier[1..].strip_prefix(&rule);
            !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        });
        let sign = if is_allowed { '+' } else { '-' };
        self.rules.push(format!("{sign}{rule}").into());
    }
}
