//! One set of rights: commands, keys and channels.
//!
//! ```text
//!  ~cache:* %R~shared:* &news.* -@all +@read
//!  └─ keys ───────────┘ └chan.┘ └ commands ┘
//! ```
//!
//! Not here: users and passwords (`user.rs`).

use super::RuleError;
use super::commands::{Catalogue, Commands};
use crate::base::command_id::CommandId;
use crate::base::glob::Pattern;

/// What a request does to a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// The value, or a part of it, is told or copied.
    pub reads: bool,
    /// The value may change, come or go.
    pub writes: bool,
}

/// Text with wildcards, compiled.
#[derive(Clone, Debug)]
struct Glob {
    text: Box<[u8]>,
    pattern: Pattern,
    /// It is plain text with a star at its end, as most are.
    is_beginning: bool,
}

impl Glob {
    /// A pattern without spaces: rules are separated by them.
    fn new(text: &[u8]) -> Result<Self, RuleError> {
        if text
            .iter()
            .any(|byte| byte.is_ascii_whitespace() || *byte == 0)
        {
            return Err(RuleError::Syntax);
        }
        let pattern = Pattern::new(text, false).map_err(|_| RuleError::Syntax)?;
        let is_plain = |text: &[u8]| !text.iter().any(|byte| b"*?[\\".contains(byte));
        Ok(Self {
            text: text.into(),
            pattern,
            is_beginning: text.strip_suffix(b"*").is_some_and(is_plain),
        })
    }

    #[inline]
    fn matches(&self, name: &[u8]) -> bool {
        match self.is_beginning {
            true => name.starts_with(&self.text[..self.text.len() - 1]),
            false => self.pattern.matches(name),
        }
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Keys that may be used, and how.
#[derive(Clone, Debug, PartialEq)]
struct KeyRule {
    glob: Glob,
    allows: KeyUse,
}

impl KeyRule {
    fn text(&self) -> Vec<u8> {
        let sign: &[u8] = match (self.allows.reads, self.allows.writes) {
            (true, false) => b"%R~",
            (false, true) => b"%W~",
            _ => b"~",
        };
        [sign, &self.glob.text].concat()
    }
}

/// One set of rights; a new one has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    commands: Commands,
    has_all_keys: bool,
    keys: Vec<KeyRule>,
    has_all_channels: bool,
    channels: Vec<Glob>,
}

impl Selector {
    /// A selector that allows everything.
    pub(super) fn unlimited() -> Self {
        let mut selector = Self::with_channels(true);
        selector.commands.set_all(true);
        selector.has_all_keys = true;
        selector
    }

    /// A selector that allows nothing, but perhaps all channels (`acl-pubsub-default`).
    pub(super) fn with_channels(has_all_channels: bool) -> Self {
        Self {
            has_all_channels,
            ..Self::default()
        }
    }

    /// Whether it allows everything.
    pub(super) fn is_unlimited(&self) -> bool {
        self.commands.are_all() && self.has_all_keys && self.has_all_channels
    }

    /// Whether a command is allowed whatever its arguments.
    #[inline]
    pub fn allows_whole(&self, command: CommandId) -> bool {
        self.commands.allow_whole(command)
    }

    /// Whether a command is allowed with this first argument.
    #[inline]
    pub fn allows_command(&self, command: CommandId, first_argument: Option<&[u8]>) -> bool {
        self.commands.allow(command, first_argument)
    }

    /// Whether a key may be used so. O(patterns).
    #[inline]
    pub fn allows_key(&self, key: &[u8], wanted: KeyUse) -> bool {
        self.has_all_keys
            || self.keys.iter().any(|rule| {
                (rule.allows.reads || !wanted.reads)
                    && (rule.allows.writes || !wanted.writes)
                    && rule.glob.matches(key)
            })
    }

    /// Whether all keys may be used so.
    pub fn allows_all_keys(&self, wanted: KeyUse) -> bool {
        let allows = |rule: &KeyRule| {
            *rule.glob.text == *b"*"
                && (rule.allows.reads || !wanted.reads)
                && (rule.allows.writes || !wanted.writes)
        };
        self.has_all_keys || self.keys.iter().any(allows)
    }

    /// Whether a channel may be used; a pattern of channels must be that of a rule, to the letter.
    /// O(patterns).
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.has_all_channels
            || self.channels.iter().any(|glob| match is_pattern {
                true => *glob.text == *channel,
                false => glob.matches(channel),
            })
    }

    /// Applies one rule about commands, keys or channels.
    ///
    /// # Errors
    /// [`RuleError`]; the selector is then as it was.
    pub(super) fn apply(
        &mut self,
        rule: &[u8],
        catalogue: &dyn Catalogue,
    ) -> Result<(), RuleError> {
        let word = rule.to_ascii_lowercase();
        match &word[..] {
            b"allkeys" | b"~*" => {
                self.has_all_keys = true;
                self.keys.clear();
            }
            b"resetkeys" => {
                self.has_all_keys = false;
                self.keys.clear();
            }
            b"allchannels" | b"&*" => {
                self.has_all_channels = true;
                self.channels.clear();
            }
            b"resetchannels" => {
                self.has_all_channels = false;
                self.channels.clear();
            }
            b"allcommands" | b"+@all" => self.commands.set_all(true),
            b"nocommands" | b"-@all" => self.commands.set_all(false),
            _ => return self.add(rule, catalogue),
        }
        Ok(())
    }

    /// Applies a rule that begins with a sign.
    fn add(&mut self, rule: &[u8], catalogue: &dyn Catalogue) -> Result<(), RuleError> {
        let both = KeyUse {
            reads: true,
            writes: true,
        };
        match rule {
            [b'~', pattern @ ..] => self.add_keys(pattern, both),
            [b'%', rest @ ..] => {
                if self.has_all_keys {
                    return Err(RuleError::KeysAfterAll);
                }
                let (letters, pattern) = split_at_tilde(rest).ok_or(RuleError::Syntax)?;
                self.add_keys(pattern, key_use_of(letters)?)
            }
            [b'&', pattern @ ..] => self.add_channels(pattern),
            [sign @ (b'+' | b'-'), name @ ..] => {
                let name = str::from_utf8(name).map_err(|_| RuleError::UnknownCommand)?;
                let is_allowed = *sign == b'+';
                match name.strip_prefix('@') {
                    Some(category) => (self.commands).set_category(catalogue, category, is_allowed),
                    None => self.commands.set_command(catalogue, name, is_allowed),
                }
            }
            _ => Err(RuleError::Syntax),
        }
    }

    fn add_keys(&mut self, pattern: &[u8], allows: KeyUse) -> Result<(), RuleError> {
        if self.has_all_keys {
            return Err(RuleError::KeysAfterAll);
        }
        let glob = Glob::new(pattern)?;
        match self.keys.iter_mut().find(|rule| rule.glob == glob) {
            Some(rule) => {
                rule.allows.reads |= allows.reads;
                rule.allows.writes |= allows.writes;
            }
            None => self.keys.push(KeyRule { glob, allows }),
        }
        let is_all =
            |rule: &KeyRule| *rule.glob.text == *b"*" && rule.allows.reads && rule.allows.writes;
        if self.keys.iter().any(is_all) {
            // Its text is `~*`, which is read as all keys.
            self.has_all_keys = true;
            self.keys.clear();
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.has_all_channels {
            return Err(RuleError::ChannelsAfterAll);
        }
        let glob = Glob::new(pattern)?;
        if !self.channels.contains(&glob) {
            self.channels.push(glob);
        }
        Ok(())
    }

    /// The rules about commands.
    pub fn commands_text(&self) -> String {
        self.commands.text()
    }

    /// The rules about keys.
    pub fn keys_text(&self) -> Vec<u8> {
        match self.has_all_keys {
            true => b"~*".to_vec(),
            false => joined(self.keys.iter().map(KeyRule::text)),
        }
    }

    /// The rules about channels, without the word that there are none.
    pub fn channels_text(&self) -> Vec<u8> {
        let text = |glob: &Glob| [b"&", &glob.text[..]].concat();
        match self.has_all_channels {
            true => b"&*".to_vec(),
            false => joined(self.channels.iter().map(text)),
        }
    }

    /// All rules that make this of a new selector.
    pub(super) fn text(&self) -> Vec<u8> {
        let no_channels: &[u8] = match self.has_all_channels {
            true => b"",
            false => b"resetchannels",
        };
        let parts = [
            self.keys_text(),
            no_channels.to_vec(),
            self.channels_text(),
            self.commands.text().into_bytes(),
        ];
        joined(parts.into_iter().filter(|part| !part.is_empty()))
    }
}

fn joined(texts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    texts.collect::<Vec<_>>().join(&b' ')
}

/// What stands before the first `~`, and after it.
fn split_at_tilde(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = rest.iter().position(|byte| *byte == b'~')?;
    Some((&rest[..at], &rest[at + 1..]))
}

fn key_use_of(letters: &[u8]) -> Result<KeyUse, RuleError> {
    let mut allows = KeyUse::default();
    for letter in letters {
        match letter.to_ascii_uppercase() {
            b'R' if !allows.reads => allows.reads = true,
            b'W' if !allows.writes => allows.writes = true,
            _ => return Err(RuleError::Syntax),
        }
    }
    match letters {
        [] => Err(RuleError::Syntax),
        _ => Ok(allows),
    }
}
