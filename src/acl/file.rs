//! Users as lines of text: in the configuration and in a file of their own (`aclfile`).
//!
//! ```text
//! user default on nopass ~* &* +@all
//! user app on #2bb8… ~cache:* +@read
//! ```
//!
//! All lines are taken, or none.
//!
//! Not here: reading and writing files (`server/`), lines of the configuration (`config/file.rs`).

use super::commands::Catalogue;
use super::user::{User, joined_selectors};
use super::users::Users;
use crate::config::UserLine;
use std::fmt;

/// What is wrong with lines about users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyUsers(String);

impl fmt::Display for FaultyUsers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for FaultyUsers {}

/// The users that lines describe, by name, in their order.
///
/// # Errors
/// Every faulty line with its place, in one text. No password is in it.
pub fn read_users(
    lines: &[UserLine],
    has_all_channels: bool,
    catalogue: &dyn Catalogue,
) -> Result<Vec<(Vec<u8>, User)>, FaultyUsers> {
    let mut users: Vec<(Vec<u8>, User)> = Vec::new();
    let mut faults = Vec::new();
    for line in lines {
        match read_user(line, has_all_channels, catalogue) {
            Ok((name, _)) if users.iter().any(|(known, _)| *known == name) => {
                let place = &line.place;
                let name = name.escape_ascii();
                faults.push(format!(
                    "{place}: Duplicate user '{name}' found. A user can only be defined once in \
                     config files"
                ));
            }
            Ok(user) => users.push(user),
            Err(fault) => faults.push(fault),
        }
    }
    match faults[..] {
        [] => Ok(users),
        _ => Err(FaultyUsers(faults.join(". "))),
    }
}

fn read_user(
    line: &UserLine,
    has_all_channels: bool,
    catalogue: &dyn Catalogue,
) -> Result<(Vec<u8>, User), String> {
    let place = &line.place;
    let Some((name, rules)) = line.words.split_first() else {
        return Err(format!("{place}: 'user' takes a name"));
    };
    let is_bad = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    if name.is_empty() || name.iter().any(is_bad) {
        let name = name.escape_ascii();
        return Err(format!(
            "{place}: username '{name}' contains invalid characters"
        ));
    }
    let rules = joined_selectors(rules.iter().map(Vec::as_slice))
        .map_err(|_| format!("{place}: Unmatched parenthesis in selector definition."))?;
    let mut user = User::new(has_all_channels);
    for rule in rules {
        user.apply(&rule, has_all_channels, catalogue)
            .map_err(|error| {
                let rule = shown_rule(&rule);
                format!("{place}: rule '{rule}': {}", error.text())
            })?;
    }
    Ok((name.clone(), user))
}

/// A rule as an error shows it: without a password.
fn shown_rule(rule: &[u8]) -> String {
    match rule {
        [sign @ (b'>' | b'<' | b'#' | b'!'), ..] => format!("{}…", char::from(*sign)),
        _ => rule.escape_ascii().to_string(),
    }
}

/// The lines of a file of users. `name` is the file's, for errors.
///
/// # Errors
/// A line that is about something else, with its place.
pub fn lines_of_file(name: &str, text: &[u8]) -> Result<Vec<UserLine>, FaultyUsers> {
    let mut lines = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let words = line.split(u8::is_ascii_whitespace);
        let mut words = words.filter(|word| !word.is_empty()).map(<[u8]>::to_vec);
        let place = format!("{name}:{}", index + 1);
        match words.next() {
            None => {}
            Some(word) if word.starts_with(b"#") => {}
            Some(word) if word == b"user" => lines.push(UserLine {
                words: words.collect(),
                place,
            }),
            Some(_) => {
                return Err(FaultyUsers(format!(
                    "{place} should start with user keyword followed by the username."
                )));
            }
        }
    }
    Ok(lines)
}

/// All users as lines.
pub fn written_users(users: &Users) -> Vec<UserLine> {
    let written = users.iter().map(|(name, user)| UserLine {
        words: [name.to_vec()].into_iter().chain(words_of(user)).collect(),
        place: String::new(),
    });
    written.collect()
}

fn words_of(user: &User) -> impl Iterator<Item = Vec<u8>> {
    let text = user.text();
    let words = text.split(|byte| *byte == b' ').map(<[u8]>::to_vec);
    words.collect::<Vec<_>>().into_iter()
}

/// All users as a file of their own.
pub fn file_of_users(users: &Users) -> Vec<u8> {
    let lines = users.iter().map(|(name, user)| user.line(name));
    lines.flat_map(|line| [&line[..], b"\n"].concat()).collect()
}
