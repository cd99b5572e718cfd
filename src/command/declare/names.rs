//! By what names clients may call the commands: those of the table but for `rename-command`.
//!
//! ```text
//!  table: get config flushall …        rename-command config c0nf1g
//!                 │                    rename-command flushall ""
//!                 ▼
//!  slots: get c0nf1g …                 (open addressing, as in `table.rs`)
//!  short: names of up to seven bytes as one word, with their numbers
//! ```
//!
//! A short name, as nearly all hot ones are, is hashed and compared as one number.
//!
//! Each engine has its own. A renamed command keeps its number, so statistics, error texts and
//! COMMAND call it what it is. A request costs the same lookup, whether anything is renamed or not.
//!
//! Not here: reading `rename-command` (`config/rename.rs`).

use super::spec::CommandSpec;
use super::table::{SLOT_COUNT, Slots, slot_of, table};
use crate::base::command_id::CommandId;
use crate::base::resemblance;
use crate::config::Rename;
use crate::protocol::args::{Args, short_name_of};
use std::fmt;

/// Why commands can't be renamed so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenameError {
    /// No command has this name, or it has lost it to an earlier rename.
    NoSuchCommand(String),
    /// Another command has this name.
    NameTaken(String),
}

impl fmt::Display for RenameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchCommand(name) => {
                write!(formatter, "rename-command: there is no command '{name}'")
            }
            Self::NameTaken(name) => write!(
                formatter,
                "rename-command: there is a command '{name}' already"
            ),
        }
    }
}

impl std::error::Error for RenameError {}

const SHORT_SLOT_COUNT: usize = 512;

#[inline]
fn short_slot_of(word: u64) -> usize {
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize % SHORT_SLOT_COUNT
}

/// A name of up to seven bytes as one word, and what it names.
#[derive(Clone, Copy)]
struct ShortName {
    word: u64,
    number: CommandId,
    spec: &'static CommandSpec,
}

/// The names of all commands.
pub struct CommandNames {
    slots: Slots,
    /// The same for short names.
    short: [Option<ShortName>; SHORT_SLOT_COUNT],
    /// By number; empty for a command that nobody may call, and for subcommands.
    names: Vec<Box<[u8]>>,
}

impl CommandNames {
    /// The names after these changes, made one after the other. One that can't be made takes the
    /// old name away if there is such a command, and gives no new one; see [`CommandNames::check`].
    pub fn new(renames: &[Rename]) -> Self {
        Self::build(renames).0
    }

    /// Whether all changes can be made.
    ///
    /// # Errors
    /// The first that can't.
    pub fn check(renames: &[Rename]) -> Result<(), RenameError> {
        Self::build(renames).1.map_or(Ok(()), Err)
    }

    /// The command whose name resembles `name` most, if one does and it was not renamed: other
    /// names are secrets.
    pub fn closest(&self, name: &[u8]) -> Option<&'static str> {
        let commands = table().commands();
        let known = commands.filter(|number| {
            let own = table().spec(*number).name.as_bytes();
            *self.names[number.index()] == *own
        });
        resemblance::closest(name, known.map(|number| table().spec(number).name))
    }

    fn build(renames: &[Rename]) -> (Self, Option<RenameError>) {
        let mut names: Vec<Box<[u8]>> = vec![Box::default(); table().len()];
        for number in table().commands() {
            names[number.index()] = table().spec(number).name.as_bytes().into();
        }
        let mut first_error = None;
        let shown = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        for Rename { from, to } in renames {
            let is = |wanted: &[u8]| {
                let mut all = names.iter();
                all.position(|name| !wanted.is_empty() && name.eq_ignore_ascii_case(wanted))
            };
            let error = match (is(from), is(to)) {
                (None, _) => RenameError::NoSuchCommand(shown(from)),
                (Some(number), Some(_)) => {
                    names[number] = Box::default();
                    RenameError::NameTaken(shown(to))
                }
                (Some(number), None) => {
                    names[number] = to.as_slice().into();
                    continue;
                }
            };
            first_error.get_or_insert(error);
        }
        let mut slots = [None; SLOT_COUNT];
        let mut short = [None; SHORT_SLOT_COUNT];
        for (number, name) in table().all().zip(&names) {
            if name.is_empty() {
                continue;
            }
            let mut slot = slot_of(name);
            while slots[slot].is_some() {
                slot = (slot + 1) % SLOT_COUNT;
            }
            slots[slot] = Some(number);
            if let Some(word) = short_name_of(name) {
                let mut slot = short_slot_of(word);
                while short[slot].is_some() {
                    slot = (slot + 1) % SHORT_SLOT_COUNT;
                }
                let spec = table().spec(number);
                short[slot] = Some(ShortName { word, number, spec });
            }
        }
        let names = Self {
            slots,
            short,
            names,
        };
        (names, first_error)
    }

    /// The command that a request names, and its declaration.
    #[inline(always)] // Into the batch, for every request.
    pub fn find_for(&self, args: Args<'_>) -> Option<(CommandId, &'static CommandSpec)> {
        let Some(word) = args.short_name() else {
            let number = self.find(args.name())?;
            return Some((number, table().spec(number)));
        };
        let mut slot = short_slot_of(word);
        while let Some(known) = &self.short[slot] {
            if known.word == word {
                return Some((known.number, known.spec));
            }
            slot = (slot + 1) % SHORT_SLOT_COUNT;
        }
        None
    }

    /// The command of a name, whatever its letter case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let mut slot = slot_of(name);
        while let Some(number) = self.slots[slot] {
            if self.names[number.index()].eq_ignore_ascii_case(name) {
                return Some(number);
            }
            slot = (slot + 1) % SLOT_COUNT;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::args::OwnedArgs;

    fn renames(pairs: &[(&str, &str)]) -> Vec<Rename> {
        pairs
            .iter()
            .map(|(from, to)| Rename {
                from: from.as_bytes().to_vec(),
                to: to.as_bytes().to_vec(),
            })
            .collect()
    }

    #[test]
    fn without_renames_every_command_is_called_what_it_is() {
        let names = CommandNames::new(&[]);
        for number in table().commands() {
            let name = table().full_name(number);
            assert_eq!(names.find(name.to_uppercase().as_bytes()), Some(number));
            for name in [name.to_string(), name.to_uppercase()] {
                // With and without bytes behind the name.
                for rest in ["", "k", "some more arguments"] {
                    let request = OwnedArgs::from_slices(&[name.as_bytes(), rest.as_bytes()]);
                    let found = names.find_for(request.args());
                    assert_eq!(found.map(|(number, _)| number), Some(number));
                }
            }
            for other in [format!("{name}\0"), format!("{name}s1")] {
                let request = OwnedArgs::from_slices(&[other.as_bytes(), b"argument"]);
                assert!(names.find_for(request.args()).is_none(), "{other:?}");
            }
        }
        assert_eq!(names.find(b""), None);
        assert_eq!(names.find(b"nosuch"), None);
    }

    #[test]
    fn a_renamed_command_has_its_new_name_only() {
        let chain = renames(&[
            ("CONFIG", "secret"),
            ("flushall", ""),
            ("get", "set2"),
            ("set2", "fetch"),
        ]);
        assert_eq!(CommandNames::check(&chain), Ok(()));
        let names = CommandNames::new(&chain);
        for gone in ["config", "flushall", "get", "set2", ""] {
            assert_eq!(names.find(gone.as_bytes()), None, "{gone}");
        }
        assert_eq!(names.find(b"SECRET"), table().find(b"config"));
        assert_eq!(names.find(b"fetch"), table().find(b"get"));
        assert_eq!(names.find(b"set"), table().find(b"set"));
    }

    #[test]
    fn a_misspelt_name_resembles_one_that_was_not_renamed() {
        let names = CommandNames::new(&renames(&[("flushall", ""), ("getex", "gett")]));
        assert_eq!(names.closest(b"GTE"), Some("get"));
        assert_eq!(names.closest(b"zrange_"), Some("zrange"));
        assert_eq!(
            names.closest(b"flushal"),
            Some("flushdb"),
            "the other is gone"
        );
        assert_eq!(names.closest(b"gett"), Some("get"), "not the secret name");
        assert_eq!(
            names.closest(b"getexx"),
            Some("setex"),
            "getex has another name"
        );
        assert_eq!(names.closest(b"frobnicate"), None);
    }

    #[test]
    fn what_cannot_be_renamed_is_named_and_gives_no_access() {
        let check = |pairs: &[(&str, &str)]| CommandNames::check(&renames(pairs)).unwrap_err();
        let unknown = RenameError::NoSuchCommand("nosuch".into());
        assert_eq!(check(&[("nosuch", "x")]), unknown);
        let taken = [("config", "GET"), ("nosuch", "x")];
        assert_eq!(check(&taken), RenameError::NameTaken("GET".into()));
        assert_eq!(
            check(&[("get", ""), ("get", "x")]).to_string(),
            "rename-command: there is no command 'get'"
        );
        let names = CommandNames::new(&renames(&taken));
        assert_eq!(names.find(b"config"), None);
        assert_eq!(names.find(b"get"), table().find(b"get"));
    }
}
