//! One user: whether it may enter, its passwords, its rights.
//!
//! ```text
//!  user app on sanitize-payload #2bb8… ~cache:* resetchannels -@all +@read (~log:* … +append)
//! ```
//!
//! Not here: rights (`selector.rs`), all users (`users.rs`).

use super::RuleError;
use super::commands::Catalogue;
use super::password::Digest;
use super::selector::Selector;

/// One user; a new one may not enter and has no right.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    is_on: bool,
    needs_no_password: bool,
    sanitizes: bool,
    passwords: Vec<Digest>,
    /// The root, and those in brackets.
    selectors: Vec<Selector>,
}

impl User {
    /// A user without rights, but perhaps with all channels (`acl-pubsub-default`).
    pub fn new(has_all_channels: bool) -> Self {
        Self {
            is_on: false,
            needs_no_password: false,
            sanitizes: true,
            passwords: Vec::new(),
            selectors: vec![Selector::with_channels(has_all_channels)],
        }
    }

    /// The user that everybody is at first: it needs no password and may do everything.
    pub fn unlimited() -> Self {
        Self {
            is_on: true,
            needs_no_password: true,
            sanitizes: true,
            passwords: Vec::new(),
            selectors: vec![Selector::unlimited()],
        }
    }

    /// Whether it may do everything.
    pub fn is_unlimited(&self) -> bool {
        self.selectors.iter().any(Selector::is_unlimited)
    }

    /// Whether it may enter at all.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether it may enter without a password.
    pub fn is_open(&self) -> bool {
        self.is_on && self.needs_no_password
    }

    /// Whether it may enter with a password, and any password will do.
    pub fn needs_no_password(&self) -> bool {
        self.needs_no_password
    }

    /// Whether this user may enter with this password. All passwords are compared, so that the
    /// time tells nothing.
    pub fn may_enter(&self, password: &[u8]) -> bool {
        let given = Digest::of(password);
        let is_known =
            (self.passwords.iter()).fold(false, |found, known| found | (*known == given));
        self.is_on && (self.needs_no_password || is_known)
    }

    /// Its sets of rights, the root first.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Whether one of its sets of rights allows a channel, or a pattern of channels. O(patterns).
    pub fn allows_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        let mut selectors = self.selectors.iter();
        selectors.any(|selector| selector.allows_channel(channel, is_pattern))
    }

    /// Sets the password; an empty one is none (`requirepass`).
    pub fn set_password(&mut self, password: &[u8]) {
        self.needs_no_password = password.is_empty();
        self.passwords.clear();
        if !password.is_empty() {
            self.passwords.push(Digest::of(password));
        }
    }

    /// Applies one rule, as ACL SETUSER takes it.
    ///
    /// # Errors
    /// [`RuleError`]; what the rule is about is then as it was.
    pub fn apply(
        &mut self,
        rule: &[u8],
        has_all_channels: bool,
        catalogue: &dyn Catalogue,
    ) -> Result<(), RuleError> {
        let word = rule.to_ascii_lowercase();
        match &word[..] {
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"nopass" => {
                self.needs_no_password = true;
                self.passwords.clear();
            }
            b"resetpass" => {
                self.needs_no_password = false;
                self.passwords.clear();
            }
            b"sanitize-payload" => self.sanitizes = true,
            b"skip-sanitize-payload" => self.sanitizes = false,
            b"clearselectors" => self.selectors.truncate(1),
            b"reset" => *self = Self::new(has_all_channels),
            _ => return self.apply_marked(rule, has_all_channels, catalogue),
        }
        Ok(())
    }

    /// Applies a rule about a password, a selector in brackets, or the rights of the root.
    fn apply_marked(
        &mut self,
        rule: &[u8],
        has_all_channels: bool,
        catalogue: &dyn Catalogue,
    ) -> Result<(), RuleError> {
        match rule {
            [b'>', password @ ..] => self.add_password(Digest::of(password)),
            [b'#', digits @ ..] => self.add_password(digest(digits)?),
            [b'<', password @ ..] => self.remove_password(Digest::of(password))?,
            [b'!', digits @ ..] => self.remove_password(digest(digits)?)?,
            [b'(', rules @ .., b')'] => {
                let mut selector = Selector::with_channels(has_all_channels);
                let rules = rules.split(u8::is_ascii_whitespace);
                for rule in rules.filter(|rule| !rule.is_empty()) {
                    if rule.ends_with(b")") {
                        // As a word of its own, as in a file, it would end the selector.
                        return Err(RuleError::Syntax);
                    }
                    selector.apply(rule, catalogue)?;
                }
                self.selectors.push(selector);
            }
            _ => self.selectors[0].apply(rule, catalogue)?,
        }
        Ok(())
    }

    fn add_password(&mut self, password: Digest) {
        self.needs_no_password = false;
        if !self.passwords.contains(&password) {
            self.passwords.push(password);
        }
    }

    fn remove_password(&mut self, password: Digest) -> Result<(), RuleError> {
        let place = self.passwords.iter().position(|known| *known == password);
        self.passwords
            .remove(place.ok_or(RuleError::UnknownPassword)?);
        Ok(())
    }

    /// The words that ACL GETUSER calls flags.
    pub fn flags(&self) -> impl Iterator<Item = &'static str> {
        let sanitizing = match self.sanitizes {
            true => "sanitize-payload",
            false => "skip-sanitize-payload",
        };
        let words = [
            Some(if self.is_on { "on" } else { "off" }),
            self.needs_no_password.then_some("nopass"),
            Some(sanitizing),
        ];
        words.into_iter().flatten()
    }

    /// Its passwords.
    pub fn passwords(&self) -> &[Digest] {
        &self.passwords
    }

    /// The line that describes it under this name, as files and ACL LIST have it.
    pub fn line(&self, name: &[u8]) -> Vec<u8> {
        [b"user ", name, b" ", &self.text()].concat()
    }

    /// All rules that make this of a new user.
    pub fn text(&self) -> Vec<u8> {
        let flags = self.flags().map(|flag| flag.as_bytes().to_vec());
        let passwords = self.passwords.iter();
        let passwords = passwords.map(|digest| format!("#{digest}").into_bytes());
        let (root, others) = self.selectors.split_first().expect("a user has a root");
        let others = others
            .iter()
            .map(|selector| [b"(", &selector.text()[..], b")"].concat());
        let words = flags.chain(passwords).chain([root.text()]).chain(others);
        words.collect::<Vec<_>>().join(&b' ')
    }
}

fn digest(digits: &[u8]) -> Result<Digest, RuleError> {
    Digest::read(digits).ok_or(RuleError::BadDigest)
}

/// Joins the words of selectors: `(+get ~a)` comes as two arguments of ACL SETUSER.
///
/// # Errors
/// The word at which a selector begins that does not end.
pub fn joined_selectors<'a>(
    words: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<Vec<u8>>, &'a [u8]> {
    let mut rules = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for word in words {
        let is_end = word.last() == Some(&b')');
        open = match open.take() {
            None if word.first() == Some(&b'(') && !is_end => Some((word, word.to_vec())),
            None => {
                rules.push(word.to_vec());
                None
            }
            Some((begin, joined)) => {
                let joined = [&joined[..], b" ", word].concat();
                match is_end {
                    true => {
                        rules.push(joined);
                        None
                    }
                    false => Some((begin, joined)),
                }
            }
        };
    }
    match open {
        Some((begin, _)) => Err(begin),
        None => Ok(rules),
    }
}
