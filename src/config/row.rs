//! The shape of one parameter's row, and the macro that turns the table into `Config` and `ROWS`.
//!
//! ```text
//! /// doc comment                                   → field's rustdoc, --help, docs/CONFIG.md
//! "name" field: Type = "default", Kind, Group, Access;
//! "name" ["old-name"] field: Type = …
//! ```
//!
//! 1. Every default is a value of its row and its range is documented (`tests.rs`).
//! 2. Names and aliases are unique, lower case, and found whatever their case (`tests.rs`).
//!
//! Cost: `find` is linear in the number of rows; it is called per setting, never per command.
//!
//! Not here: the rows (`table.rs`); kinds of values (`kind.rs`), parsing and printing them
//! (`value.rs`).

use super::error::BadValue;
use super::kind::Kind;
use super::table::{Config, ROWS};
use super::without_effect::WITHOUT_EFFECT;

/// Part of the documentation a parameter is listed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Addresses and sockets.
    Network,
    /// Connections and what each may hold.
    Clients,
    /// Requests and replies.
    Protocol,
    /// Who may connect.
    Security,
    /// Databases and keys.
    Keyspace,
    /// How much memory may be used, and what happens when it is.
    Memory,
    /// Snapshots.
    Persistence,
    /// The server whose keys are taken over.
    Replication,
    /// What is logged, and where.
    Logging,
    /// How the process is run.
    Service,
    /// Parameters of Redis that mean nothing here; they are listed apart from the others.
    WithoutEffect,
}

impl Group {
    /// The groups of parameters that have an effect, in the order they are documented.
    pub const ALL: [Group; 10] = [
        Group::Network,
        Group::Clients,
        Group::Protocol,
        Group::Security,
        Group::Keyspace,
        Group::Memory,
        Group::Persistence,
        Group::Replication,
        Group::Logging,
        Group::Service,
    ];

    /// Heading for documentation.
    pub fn title(self) -> &'static str {
        match self {
            Group::Network => "Network",
            Group::Clients => "Clients",
            Group::Protocol => "Protocol",
            Group::Security => "Security",
            Group::Keyspace => "Keyspace",
            Group::Memory => "Memory",
            Group::Persistence => "Persistence",
            Group::Replication => "Replication",
            Group::Logging => "Logging",
            Group::Service => "Service",
            Group::WithoutEffect => "Without effect",
        }
    }
}

/// When a parameter may change, and whether its value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Set at start only.
    Fixed,
    /// Also set with `CONFIG SET`.
    Mutable,
    /// Also set with `CONFIG SET`; never written to logs, debug output or the sample file.
    MutableSecret,
    /// Set at start only; never shown, not even to clients.
    FixedSecret,
    /// Taken and shown, and without effect: a hint about something that does not exist here.
    Kept,
    /// As [`Access::Kept`], and shown by `CONFIG GET` to who asks for the name, not for a pattern.
    KeptHidden,
    /// Promises something that is not offered here. A file may say anything, and the warning names
    /// it; the value stays the default, which is the truth.
    Absent,
    /// The same, of a password: what was asked for is never written to logs.
    AbsentSecret,
}

/// Prints one field of the configuration.
type GetField = fn(&Config, &Kind) -> Vec<u8>;
/// Parses words into one field of the configuration; on an error the field keeps its value.
type SetField = fn(&mut Config, &Kind, &[&[u8]]) -> Result<(), BadValue>;
/// Prints what follows the name on the lines of a file that set one field.
type GetFileValues = fn(&Config, &Kind) -> Vec<Vec<u8>>;

/// One parameter: everything the file, the command line, `CONFIG` and the documentation need.
#[derive(Debug)]
pub struct Row {
    /// Canonical name, as in a configuration file.
    pub name: &'static str,
    /// Other names that work everywhere the canonical one does.
    pub aliases: &'static [&'static str],
    /// Values taken.
    pub kind: Kind,
    /// Value used when none is given, written as one word of a configuration file.
    pub default: &'static str,
    /// Part of the documentation.
    pub group: Group,
    /// When it may change and who may see it.
    pub access: Access,
    /// One paragraph for users; `doc()` trims it.
    pub(super) raw_doc: &'static str,
    /// Prints the field.
    pub(super) get: GetField,
    /// Parses the words into the field.
    pub(super) set: SetField,
    /// Prints the field for a file.
    pub(super) file_values: GetFileValues,
}

impl Row {
    /// The parameter's value in `config`, as `CONFIG GET` answers it.
    pub fn get(&self, config: &Config) -> Vec<u8> {
        (self.get)(config, &self.kind)
    }

    /// Sets the parameter from the words of a file line or a `CONFIG SET` value.
    ///
    /// Leaves `config` as it was when the words are not a value of the parameter.
    pub fn set(&self, config: &mut Config, words: &[&[u8]]) -> Result<(), BadValue> {
        (self.set)(config, &self.kind, words)
    }

    /// Lines of a configuration file that together set the parameter to its value in `config`.
    pub fn file_lines(&self, config: &Config) -> Vec<Vec<u8>> {
        let values = (self.file_values)(config, &self.kind).into_iter();
        values
            .map(|value| [self.name.as_bytes(), b" ", &value].concat())
            .collect()
    }

    /// The parameter's paragraph of documentation.
    pub fn doc(&self) -> &'static str {
        self.raw_doc.trim()
    }

    /// Whether `CONFIG SET` may change it.
    pub fn is_mutable(&self) -> bool {
        match self.access {
            Access::Mutable | Access::MutableSecret | Access::Kept | Access::KeptHidden => true,
            Access::Fixed | Access::FixedSecret | Access::Absent | Access::AbsentSecret => false,
        }
    }

    /// Whether its value must stay out of logs.
    pub fn is_sensitive(&self) -> bool {
        match self.access {
            Access::MutableSecret | Access::FixedSecret | Access::AbsentSecret => true,
            Access::Fixed
            | Access::Mutable
            | Access::Kept
            | Access::KeptHidden
            | Access::Absent => false,
        }
    }

    /// Whether it promises something that is not offered here.
    pub fn is_absent(&self) -> bool {
        matches!(self.access, Access::Absent | Access::AbsentSecret)
    }

    /// Whether it decides who reaches the server, and may change while it runs. Only a value takes
    /// such a value back: a file that does not name it any more may be one that is being written.
    pub(super) fn is_guard(&self) -> bool {
        const GUARDS: [&str; 4] = ["bind", "port", "protected-mode", "requirepass"];
        GUARDS.contains(&self.name)
    }

    /// Whether clients may know that it is there.
    pub fn is_shown_to_clients(&self) -> bool {
        self.access != Access::FixedSecret
    }

    /// Whether a pattern of `CONFIG GET` finds this name of the parameter.
    pub fn is_found_by_patterns(&self, name: &str) -> bool {
        self.access != Access::KeptHidden && !name.starts_with(FOREIGN_PREFIX)
    }

    /// The canonical name, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// What the names of Valkey begin with by which tools take a server for one: other names of
/// parameters that Redis has, too.
const FOREIGN_PREFIX: &str = "commandlog-";

/// Every parameter that is known: those that have an effect, then those of Redis that have none.
pub fn every_row() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(WITHOUT_EFFECT)
}

/// The row with this name or alias, whatever its case.
pub(super) fn find<'r>(rows: impl IntoIterator<Item = &'r Row>, name: &[u8]) -> Option<&'r Row> {
    let is_named = |row: &&Row| {
        row.names()
            .any(|own| own.as_bytes().eq_ignore_ascii_case(name))
    };
    rows.into_iter().find(is_named)
}

/// Declares `Config`, its defaults and `ROWS` from one list; the grammar is in the file header.
macro_rules! parameters {
    ($(
        $(#[doc = $doc:literal])+
        $name:literal $([$($alias:literal),+])? $field:ident: $type:ty = $default:literal,
        $kind:expr, $group:ident, $access:ident;
    )+) => {
        /// The value of every parameter. `Config::default()` holds the documented defaults.
        ///
        /// Embedders may set fields directly; a value outside its documented range is theirs to
        /// answer for, because only text is checked.
        #[derive(Clone, PartialEq, Eq)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $field: $type,)+
            /// What was said about parameters of Redis that mean nothing here.
            pub without_effect: WithoutEffect,
            /// What lines about users said.
            pub users: Vec<UserLine>,
        }

        impl Default for Config {
            fn default() -> Config {
                Config {
                    $($field: value::of_default(&$kind, $default),)+
                    without_effect: WithoutEffect::default(),
                    users: Vec::new(),
                }
            }
        }

        /// One row per parameter, in the order they are documented.
        pub static ROWS: &[Row] = &[$(Row {
            name: $name,
            aliases: &[$($($alias),+)?],
            kind: $kind,
            default: $default,
            group: Group::$group,
            access: Access::$access,
            raw_doc: concat!($($doc),+),
            get: |config, kind| config.$field.print(kind),
            set: |config, kind, words| config.$field.update(kind, words),
            file_values: |config, kind| config.$field.file_values(kind),
        },)+];
    };
}
pub(super) use parameters;
