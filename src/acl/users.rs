//! All users by name, and the log of what they were refused.
//!
//! Invariants: the user `default` is there; the ids of users that are there differ. An id is given
//! out again when its user is gone, so a caller who removes one ends the sessions of that user.
//!
//! Not here: sessions (`session/`), files (`file.rs`).

use super::log::Log;
use super::password::Digest;
use super::user::User;
use slab::Slab;
use std::collections::BTreeMap;

/// Name of the user that every client is at first.
const DEFAULT_NAME: &[u8] = b"default";

/// A user that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserId(usize);

impl UserId {
    /// The user `default`.
    pub const DEFAULT: Self = Self(0);
}

#[derive(Debug)]
struct Row {
    name: Box<[u8]>,
    user: User,
}

/// All users.
#[derive(Debug)]
pub struct Users {
    rows: Slab<Row>,
    by_name: BTreeMap<Box<[u8]>, UserId>,
    /// The digest of `requirepass` as it was last.
    requirepass: Digest,
    /// Whether the user `default` may enter without a password; asked before every command.
    is_open: bool,
    /// Who was refused what.
    pub log: Log,
}

impl Users {
    /// The user `default` alone, who may do everything; an empty password is none.
    pub fn new(password: &[u8]) -> Self {
        let mut users = Self {
            rows: Slab::new(),
            by_name: BTreeMap::new(),
            requirepass: Digest::of(password),
            is_open: true,
            log: Log::default(),
        };
        let mut default = User::unlimited();
        default.set_password(password);
        users.set(DEFAULT_NAME, default);
        users
    }

    /// The user of a name.
    pub fn find(&self, name: &[u8]) -> Option<UserId> {
        self.by_name.get(name).copied()
    }

    /// A user that is there.
    pub fn get(&self, id: UserId) -> &User {
        &self.rows[id.0].user
    }

    /// The name of a user that is there.
    pub fn name(&self, id: UserId) -> &[u8] {
        &self.rows[id.0].name
    }

    /// All users in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &User)> {
        let ids = self.by_name.iter();
        ids.map(|(name, id)| (&name[..], self.get(*id)))
    }

    /// Whether clients may enter without a word, as the user `default`.
    #[inline]
    pub fn are_open(&self) -> bool {
        self.is_open
    }

    /// The user of a name, if it may enter with this password. An unknown name takes the time of a
    /// known one.
    pub fn enter(&self, name: &[u8], password: &[u8]) -> Option<UserId> {
        let known = self.find(name);
        let may_enter = self
            .get(known.unwrap_or(UserId::DEFAULT))
            .may_enter(password);
        known.filter(|_| may_enter)
    }

    /// Puts a user in place of the one of its name, or adds it.
    pub fn set(&mut self, name: &[u8], user: User) -> UserId {
        let id = match self.find(name) {
            Some(id) => {
                self.rows[id.0].user = user;
                id
            }
            None => {
                let name: Box<[u8]> = name.into();
                let id = UserId(self.rows.insert(Row {
                    name: name.clone(),
                    user,
                }));
                self.by_name.insert(name, id);
                id
            }
        };
        self.note_change();
        id
    }

    /// Sets the password of the user `default` if `requirepass` is another one than it was; an
    /// empty one is none.
    pub fn follow_requirepass(&mut self, password: &[u8]) {
        let password_digest = Digest::of(password);
        if self.requirepass != password_digest {
            self.requirepass = password_digest;
            self.rows[UserId::DEFAULT.0].user.set_password(password);
            self.note_change();
        }
    }

    /// Removes a user other than `default`; sessions must not be it any more.
    pub fn remove(&mut self, name: &[u8]) -> Option<UserId> {
        if name == DEFAULT_NAME {
            return None;
        }
        let id = self.by_name.remove(name)?;
        self.rows.remove(id.0);
        self.note_change();
        Some(id)
    }

    fn note_change(&mut self) {
        self.is_open = self.get(UserId::DEFAULT).is_open();
    }
}
