//! The users of this cache: taken from the configuration, and read again.
//!
//! Not here: what users may do (`acl/`), ACL and its subcommands (`command/acl/`).

use super::CacheEngine;
use crate::acl::{FaultyUsers, KeyUse, User, UserId, Users, read_users, written_users};
use crate::command::declare::table::table;
use crate::command::permission::{CommandRights, has_all_channels, users_changed};
use crate::config::{Config, UserLine};

/// Checks the `user` lines of a configuration.
///
/// # Errors
/// Every faulty line.
pub(crate) fn check_users(config: &Config) -> Result<(), FaultyUsers> {
    read_users(&config.users, has_all_channels(config), &CommandRights).map(|_| ())
}

/// What somebody without a session wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Figures, as INFO tells them.
    Figures,
    /// Names of keys and slow commands, too.
    Everything,
}

impl CacheEngine {
    /// The user of a name who may enter with this password, for somebody without a session; a
    /// refusal is counted.
    pub(crate) fn find_viewer(&mut self, name: &[u8], password: &[u8]) -> Option<UserId> {
        let found = self.users.enter(name, password);
        self.stats.counters.acl_access_denied_auth += u64::from(found.is_none());
        found
    }

    /// Whether a user may see that.
    pub(crate) fn may_see(&self, user: UserId, sight: Sight) -> bool {
        const READS: KeyUse = KeyUse {
            reads: true,
            writes: false,
        };
        let command = |name: &[u8]| table().find(name).expect("it is declared");
        let info = command(b"info");
        let slow_log = table().find_subcommand(command(b"slowlog"), b"get");
        let slow_log = slow_log.expect("it is declared");
        let mut selectors = self.users.get(user).selectors().iter();
        selectors.any(|selector| match sight {
            Sight::Figures => selector.allows_command(info, None),
            Sight::Everything => {
                selector.allows_command(info, None)
                    && selector.allows_command(slow_log, None)
                    && selector.allows_all_keys(READS)
            }
        })
    }

    /// All users.
    pub(crate) fn users(&self) -> &Users {
        &self.users
    }

    /// Gives the user `default` the password `requirepass`, if that has changed.
    pub(crate) fn follow_requirepass(&mut self) {
        self.users.follow_requirepass(&self.config.requirepass);
    }

    /// Takes the users that the configuration names. If they are faulty, which [`check_users`]
    /// tells before, nobody may enter.
    pub(super) fn take_configured_users(&mut self) {
        let lines = std::mem::take(&mut self.config.users);
        if lines.is_empty() {
            return;
        }
        if let Err(error) = self.set_users(&lines) {
            log::error!("nobody may enter, because the users are faulty: {error}");
            self.users.set(b"default", User::new(false));
        }
    }

    /// Replaces all users by those that lines describe. Without a line about `default` that user
    /// has all rights and the password `requirepass`. Sessions of users that are gone end.
    ///
    /// # Errors
    /// Every faulty line; the users stay as they are.
    pub(crate) fn set_users(&mut self, lines: &[UserLine]) -> Result<(), FaultyUsers> {
        let read = read_users(lines, has_all_channels(&self.config), &CommandRights)?;
        let mut users = Users::new(&self.config.requirepass);
        users.log = std::mem::take(&mut self.users.log);
        for (name, user) in read {
            users.set(&name, user);
        }
        users_changed(&self.users, &users, &mut self.sessions, &mut self.outbox);
        self.users = users;
        Ok(())
    }

    /// The users as a configuration file has to name them; none if `requirepass` says it all, or
    /// if they have a file of their own.
    pub(crate) fn users_to_write(&self) -> Vec<UserLine> {
        let lines = written_users(&self.users);
        let is_said = lines == written_users(&Users::new(&self.config.requirepass));
        match is_said || !self.config.acl_file.is_empty() {
            true => Vec::new(),
            false => lines,
        }
    }
}
