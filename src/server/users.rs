//! The users that a server begins with: lines of the configuration, or a file of their own.
//!
//! Not here: what the lines mean (`acl/`), ACL LOAD and SAVE (`node/users_file.rs`).

use crate::acl::{FaultyUsers, lines_of_file};
use crate::config::{Config, Files, UserLine};
use crate::engine::check_users;
use crate::persistence::FileSystem;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

/// Why a server does not begin with the users it is told.
#[derive(Debug)]
pub enum UsersError {
    /// Both the configuration and a file of their own name users.
    Both,
    /// The file can't be read.
    Unreadable {
        /// Its path.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// Lines are faulty.
    Faulty(FaultyUsers),
}

impl fmt::Display for UsersError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Both => out.write_str(
                "users stand in the configuration and in aclfile: say them in one place only",
            ),
            Self::Unreadable { path, reason } => {
                write!(out, "cannot read aclfile {path}: {reason}")
            }
            Self::Faulty(faulty) => write!(out, "faulty users: {faulty}"),
        }
    }
}

impl std::error::Error for UsersError {}

impl From<FaultyUsers> for UsersError {
    fn from(faulty: FaultyUsers) -> Self {
        Self::Faulty(faulty)
    }
}

/// The lines about users that a configuration names, checked. Reads `aclfile`.
///
/// # Errors
/// [`UsersError`].
pub(super) fn lines(config: &Config) -> Result<Vec<UserLine>, UsersError> {
    let mut checked = config.clone();
    if !config.acl_file.is_empty() {
        if !config.users.is_empty() {
            return Err(UsersError::Both);
        }
        let path = config.path_in_dir(&config.acl_file);
        let text = FileSystem::again().read(path.as_os_str().as_bytes());
        let text = text.map_err(|reason| UsersError::Unreadable {
            path: path.display().to_string(),
            reason,
        })?;
        checked.users = lines_of_file(&String::from_utf8_lossy(&config.acl_file), &text)?;
    }
    check_users(&checked)?;
    Ok(checked.users)
}
