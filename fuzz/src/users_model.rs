//! A user of ACL as a list of rules that is walked for every question.
//!
//! ```text
//!  command: the last rule that is about it decides    keys, channels: any pattern
//! ```
//!
//! Not here: who compares it with the server (`users.rs`).

use evenkeel::base::glob;
use std::collections::BTreeMap;

/// Categories, and the commands in each by full name.
pub(crate) struct Names {
    categories: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
}

impl Names {
    pub(crate) fn new(categories: Vec<(Vec<u8>, Vec<Vec<u8>>)>) -> Self {
        let categories = categories.into_iter().collect();
        Self { categories }
    }

    fn has(&self, name: &[u8]) -> bool {
        self.categories
            .values()
            .any(|commands| commands.iter().any(|command| command == name))
    }

    fn has_subcommands(&self, name: &[u8]) -> bool {
        let beginning = [name, b"|"].concat();
        let is_one = |command: &Vec<u8>| command.starts_with(&beginning);
        self.categories
            .values()
            .any(|commands| commands.iter().any(is_one))
    }
}

/// What a request needs.
pub(crate) struct Rights {
    command: Vec<u8>,
    first_argument: Vec<u8>,
    /// Each with whether it is read, and whether it is written.
    keys: Vec<(Vec<u8>, bool, bool)>,
    channels: Vec<Vec<u8>>,
    are_patterns: bool,
}

impl Rights {
    /// Of one of the requests that are asked for.
    pub(crate) fn of(command: &str, arguments: &[Vec<u8>]) -> Self {
        let uses: &[(bool, bool)] = match command {
            "GET" => &[(true, false)],
            "MGET" => &[(true, false), (true, false)],
            "SET" | "DEL" => &[(false, true)],
            "COPY" => &[(true, false), (false, true)],
            "EXISTS" => &[(false, false), (false, false)],
            _ => &[],
        };
        let channel_count = match command {
            "PUBLISH" | "PSUBSCRIBE" => 1,
            "SUBSCRIBE" => 2,
            _ => 0,
        };
        let keys = arguments.iter().zip(uses);
        Self {
            command: command.to_ascii_lowercase().replace(' ', "|").into(),
            first_argument: match command.split_once(' ') {
                Some((_, subcommand)) => subcommand.as_bytes().to_vec(),
                None => arguments[0].clone(),
            },
            keys: keys
                .map(|(key, &(reads, writes))| (key.clone(), reads, writes))
                .collect(),
            channels: arguments[..channel_count].to_vec(),
            are_patterns: command == "PSUBSCRIBE",
        }
    }
}

/// What a rule about commands is about.
#[derive(Clone)]
enum Scope {
    All,
    These(Vec<Vec<u8>>),
    WithArgument(Vec<u8>, Vec<u8>),
}

#[derive(Clone, Default)]
struct Selector {
    commands: Vec<(bool, Scope)>,
    has_all_keys: bool,
    /// Pattern, may be read, may be written.
    keys: Vec<(Vec<u8>, bool, bool)>,
    has_all_channels: bool,
    channels: Vec<Vec<u8>>,
}

/// One user, but for what ACL GETUSER calls flags: no question is about them.
#[derive(Clone)]
pub(crate) struct User {
    passwords: Vec<Vec<u8>>,
    /// The root first.
    selectors: Vec<Selector>,
}

fn is_plain(text: &[u8]) -> bool {
    !text
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || *byte == 0)
}

impl User {
    pub(crate) fn new() -> Self {
        Self {
            passwords: Vec::new(),
            selectors: vec![Selector::default()],
        }
    }

    /// The user after these words; none if they are refused.
    pub(crate) fn with(&self, words: &[Vec<u8>], names: &Names) -> Option<Self> {
        let mut user = self.clone();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if !word.starts_with(b"(") {
                user.take(word, names)?;
                continue;
            }
            let mut text = word.clone();
            while !text.ends_with(b")") {
                text = [&text[..], b" ", words.next()?].concat();
            }
            let inner = text[1..].strip_suffix(b")")?;
            let mut selector = Selector::default();
            for rule in inner.split(u8::is_ascii_whitespace) {
                if rule.ends_with(b")") {
                    return None;
                }
                if !rule.is_empty() {
                    selector.take(rule, names)?;
                }
            }
            user.selectors.push(selector);
        }
        Some(user)
    }

    fn take(&mut self, word: &[u8], names: &Names) -> Option<()> {
        let digest = |digits: &[u8]| {
            let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            (digits.len() == 64 && digits.iter().all(is_digit)).then(|| digits.to_vec())
        };
        match &word.to_ascii_lowercase()[..] {
            b"on" | b"off" | b"sanitize-payload" | b"skip-sanitize-payload" => {}
            b"nopass" | b"resetpass" => self.passwords.clear(),
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => *self = Self::new(),
            [b'>', ..] => self.add_password(digest_of(&word[1..])),
            [b'#', ..] => self.add_password(digest(&word[1..])?),
            [b'<', ..] => self.remove_password(&digest_of(&word[1..]))?,
            [b'!', ..] => self.remove_password(&digest(&word[1..])?)?,
            _ => self.selectors[0].take(word, names)?,
        }
        Some(())
    }

    fn add_password(&mut self, digest: Vec<u8>) {
        if !self.passwords.contains(&digest) {
            self.passwords.push(digest);
        }
    }

    fn remove_password(&mut self, digest: &[u8]) -> Option<()> {
        let place = self.passwords.iter().position(|known| known == digest)?;
        self.passwords.remove(place);
        Some(())
    }

    /// Whether one of its selectors allows all of it.
    pub(crate) fn may(&self, wanted: &Rights) -> bool {
        self.selectors.iter().any(|selector| selector.may(wanted))
    }
}

fn digest_of(password: &[u8]) -> Vec<u8> {
    evenkeel::acl::Digest::of(password).to_string().into_bytes()
}

impl Selector {
    fn take(&mut self, rule: &[u8], names: &Names) -> Option<()> {
        match &rule.to_ascii_lowercase()[..] {
            b"allkeys" | b"~*" => (self.has_all_keys, self.keys) = (true, Vec::new()),
            b"resetkeys" => (self.has_all_keys, self.keys) = (false, Vec::new()),
            b"allchannels" | b"&*" => (self.has_all_channels, self.channels) = (true, Vec::new()),
            b"resetchannels" => (self.has_all_channels, self.channels) = (false, Vec::new()),
            b"allcommands" | b"+@all" => self.commands = vec![(true, Scope::All)],
            b"nocommands" | b"-@all" => self.commands.clear(),
            [b'~', ..] => self.take_keys(&rule[1..], true, true)?,
            [b'%', ..] => {
                let at = rule.iter().position(|byte| *byte == b'~')?;
                let (reads, writes) = match &rule[1..at].to_ascii_uppercase()[..] {
                    b"R" => (true, false),
                    b"W" => (false, true),
                    b"RW" | b"WR" => (true, true),
                    _ => return None,
                };
                self.take_keys(&rule[at + 1..], reads, writes)?;
            }
            [b'&', ..] => {
                let pattern = checked_pattern(&rule[1..])?;
                if self.has_all_channels {
                    return None;
                }
                self.channels.push(pattern);
            }
            [sign @ (b'+' | b'-'), name @ ..] => {
                let is_allowed = *sign == b'+';
                let scope = scope(name, is_allowed, names)?;
                self.commands.push((is_allowed, scope));
            }
            _ => return None,
        }
        Some(())
    }

    fn take_keys(&mut self, pattern: &[u8], reads: bool, writes: bool) -> Option<()> {
        let pattern = checked_pattern(pattern)?;
        if self.has_all_keys {
            return None;
        }
        // Two rules of one pattern are one.
        let same = self.keys.iter().filter(|(known, ..)| *known == pattern);
        let (may_read, may_write) = same.fold((reads, writes), |(reads, writes), rule| {
            (reads || rule.1, writes || rule.2)
        });
        if pattern == b"*" && may_read && may_write {
            (self.has_all_keys, self.keys) = (true, Vec::new());
        } else {
            self.keys.retain(|(known, ..)| *known != pattern);
            self.keys.push((pattern, may_read, may_write));
        }
        Some(())
    }

    fn may(&self, wanted: &Rights) -> bool {
        let may_use = |(key, reads, writes): &(Vec<u8>, bool, bool)| {
            self.keys.iter().any(|(pattern, may_read, may_write)| {
                (*may_read || !reads)
                    && (*may_write || !writes)
                    && glob::matches(pattern, key, false)
            })
        };
        let may_hear = |channel: &Vec<u8>| {
            self.channels
                .iter()
                .any(|pattern| match wanted.are_patterns {
                    true => pattern == channel,
                    false => glob::matches(pattern, channel, false),
                })
        };
        self.may_run(wanted)
            && (self.has_all_keys || wanted.keys.iter().all(may_use))
            && (self.has_all_channels || wanted.channels.iter().all(may_hear))
    }

    fn may_run(&self, wanted: &Rights) -> bool {
        let mut is_allowed = false;
        let mut with_argument = false;
        for (sign, scope) in &self.commands {
            match scope {
                Scope::All => (is_allowed, with_argument) = (*sign, false),
                Scope::These(commands) if commands.contains(&wanted.command) => {
                    (is_allowed, with_argument) = (*sign, false);
                }
                Scope::These(_) => {}
                Scope::WithArgument(command, argument) => {
                    with_argument |= *command == wanted.command
                        && wanted.first_argument.eq_ignore_ascii_case(argument);
                }
            }
        }
        is_allowed || with_argument
    }
}

fn checked_pattern(pattern: &[u8]) -> Option<Vec<u8>> {
    let is_good = is_plain(pattern) && glob::Pattern::new(pattern, false).is_ok();
    is_good.then(|| pattern.to_vec())
}

/// What the rest of a rule after its sign is about, in lower case.
fn scope(name: &[u8], is_allowed: bool, names: &Names) -> Option<Scope> {
    if let [b'@', category @ ..] = name {
        return names.categories.get(category).cloned().map(Scope::These);
    }
    let mut parts = name.splitn(2, |byte| *byte == b'|');
    let command = parts.next()?;
    if !names.has(command) && !names.has_subcommands(command) {
        return None;
    }
    let Some(rest) = parts.next() else {
        let beginning = [command, b"|"].concat();
        let all = names.categories.values().flatten();
        let is_part = |known: &&Vec<u8>| *known == command || known.starts_with(&beginning);
        return Some(Scope::These(all.filter(is_part).cloned().collect()));
    };
    if names.has_subcommands(command) {
        return names.has(name).then(|| Scope::These(vec![name.to_vec()]));
    }
    let is_argument = is_allowed && !rest.is_empty() && is_plain(rest) && !rest.contains(&b'|');
    let is_text = str::from_utf8(rest).is_ok();
    (is_argument && is_text).then(|| Scope::WithArgument(command.to_vec(), rest.to_vec()))
}
