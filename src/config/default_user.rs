//! `user default …`, a line that Redis writes by itself: taken where it says no more than
//! `requirepass` does.
//!
//! ```text
//! user default on nopass sanitize-payload ~* &* +@all     no password
//! user default on #9f86d081… ~* &* +@all                  the password with this digest, SHA-256
//! user default on >secret ~* &* +@all                     the same as  requirepass secret
//! ```
//!
//! 1. Only all rights are taken: a server that ignored a limit would be open.
//! 2. A digest does not tell the password, so it must be that of `requirepass`, wherever that
//!    stands (`Notes::agree_with`).
//!
//! Cost: a digest for each password that is given.
//!
//! Not here: users with rights of their own, which are refused.

use super::error::Fault;
use super::text;
use sha2::{Digest, Sha256};

/// A SHA-256 digest.
type PasswordDigest = [u8; 32];

/// What one line says of the user `default`, who has all rights.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DefaultUser {
    /// Digests of its passwords; none if it has no password.
    digests: Vec<PasswordDigest>,
    /// The last password that was given in plain text.
    plain: Option<Vec<u8>>,
}

/// What the rules of a line come to.
#[derive(Default)]
struct Rules {
    is_on: bool,
    has_keys: bool,
    has_commands: bool,
    needs_no_password: bool,
    user: DefaultUser,
}

impl DefaultUser {
    /// Reads the words after `user`.
    pub(super) fn read(words: &[&[u8]]) -> Result<Self, Fault> {
        let (name, rules) = words.split_first().ok_or(Fault::UserWithoutName)?;
        if *name != b"default" {
            return Err(Fault::OtherUser(text::shown(name)));
        }
        let mut sum = Rules::default();
        for rule in rules {
            sum.add(rule).ok_or(Fault::LimitedUser)?;
        }
        let has_password = !sum.user.digests.is_empty();
        let may_enter = sum.is_on && (sum.needs_no_password || has_password);
        if may_enter && sum.has_keys && sum.has_commands {
            Ok(sum.user)
        } else {
            Err(Fault::LimitedUser)
        }
    }

    /// The password, if it was given in plain text.
    pub(super) fn plain_password(&self) -> Option<&[u8]> {
        self.plain.as_deref()
    }

    /// Whether this is the only password; an empty one is none.
    pub(super) fn has_password(&self, requirepass: &[u8]) -> bool {
        let digest = digest_of(requirepass);
        self.digests.is_empty() == requirepass.is_empty()
            && self.digests.iter().all(|own| *own == digest)
    }

    /// What is wrong where [`DefaultUser::has_password`] does not hold.
    pub(super) fn fault(&self, requirepass: &[u8]) -> Fault {
        if requirepass.is_empty() {
            Fault::UnknownPassword
        } else {
            Fault::OtherPassword
        }
    }
}

impl Rules {
    /// Applies one rule; `None` if it is not one of a user with all rights.
    fn add(&mut self, rule: &[u8]) -> Option<()> {
        match rule {
            b"on" => self.is_on = true,
            b"off" => self.is_on = false,
            b"~*" | b"allkeys" => self.has_keys = true,
            b"+@all" | b"allcommands" => self.has_commands = true,
            // There are no channels, one set of databases, and nothing that could be sanitised.
            b"&*" | b"allchannels" | b"resetchannels" | b"alldbs" => {}
            b"sanitize-payload" | b"skip-sanitize-payload" | b"clearselectors" => {}
            b"nopass" => {
                self.needs_no_password = true;
                self.user = DefaultUser::default();
            }
            b"resetpass" => {
                self.needs_no_password = false;
                self.user = DefaultUser::default();
            }
            b"reset" => *self = Rules::default(),
            [b'>', password @ ..] => {
                self.add_password(digest_of(password));
                self.user.plain = Some(password.to_vec());
            }
            [b'#', digits @ ..] => self.add_password(digest_from(digits)?),
            _ => return None,
        }
        Some(())
    }

    fn add_password(&mut self, digest: PasswordDigest) {
        self.needs_no_password = false;
        self.user.digests.push(digest);
    }
}

fn digest_of(password: &[u8]) -> PasswordDigest {
    Sha256::digest(password).into()
}

/// The digest that these hexadecimal digits write.
fn digest_from(digits: &[u8]) -> Option<PasswordDigest> {
    let mut digest = PasswordDigest::default();
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        // Both are digits, or `from_str_radix` would take a sign.
        let pair = pair.iter().all(u8::is_ascii_hexdigit).then_some(pair)?;
        let pair = str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    /// `printf s3cret | sha256sum`
    const DIGEST: &str = "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0";

    /// The password after these lines, or what is wrong.
    fn password(text: &str) -> Result<String, String> {
        let mut config = Config::default();
        let notes = config.apply_file("a", text.as_bytes());
        let notes = notes.map_err(|error| error.to_string())?;
        notes
            .agree_with(&config)
            .map_err(|error| error.to_string())?;
        Ok(String::from_utf8(config.requirepass).unwrap())
    }

    #[test]
    fn a_default_user_with_all_rights_is_as_requirepass() {
        for rules in [
            "on nopass ~* &* +@all",
            "on nopass sanitize-payload ~* &* +@all",
            "on nopass skip-sanitize-payload ~* resetchannels +@all",
            "reset on nopass allkeys allchannels allcommands",
        ] {
            assert_eq!(
                password(&format!("user default {rules}")),
                Ok(String::new())
            );
        }
        for rules in ["on", "on sanitize-payload"] {
            let line = format!("user default {rules} #{DIGEST} ~* &* +@all");
            let expected = Ok("s3cret".to_owned());
            assert_eq!(password(&format!("requirepass s3cret\n{line}")), expected);
            assert_eq!(password(&format!("{line}\nrequirepass s3cret")), expected);
        }
        let plain = "USER default on >s3cret ~* +@all";
        assert_eq!(password(plain), Ok("s3cret".to_owned()));
    }

    #[test]
    fn another_password_is_an_error_of_its_line() {
        let digest = format!("user default on #{DIGEST} ~* +@all");
        assert_eq!(
            password(&format!("\n{digest}")).unwrap_err(),
            "a:2: the password of user default is known only by its digest: give it with \
             requirepass, too"
        );
        let other = "a:1: user default has another password than requirepass";
        assert_eq!(
            password(&format!("{digest}\nrequirepass other")).unwrap_err(),
            other
        );
        assert_eq!(
            password("user default on nopass ~* +@all\nrequirepass other").unwrap_err(),
            other
        );
        assert_eq!(
            password(&format!(
                "user default on #{DIGEST} >other ~* +@all\nrequirepass s3cret"
            ))
            .unwrap_err(),
            other
        );
    }

    #[test]
    fn other_users_and_rights_are_refused() {
        let limited = "a:1: user default is taken only with all rights: \
                       on, ~*, +@all, and nopass or a password";
        for rules in [
            "",
            "nopass ~* +@all",
            "off nopass ~* +@all",
            "on nopass ~* +@all -@dangerous",
            "on nopass ~app:* +@all",
            "on nopass ~* +get",
            "on ~* +@all",
            "on >s3cret resetpass ~* +@all",
            "on nopass ~* +@all (+get ~x)",
            "on #12 ~* +@all",
            &format!("on #{}+1 ~* +@all", &DIGEST[2..]),
        ] {
            let error = password(&format!("user default {rules}")).unwrap_err();
            assert_eq!(error, limited, "{rules}");
        }
        assert_eq!(
            password("user alice on nopass ~* +@all").unwrap_err(),
            "a:1: there are no users but default: 'alice'"
        );
        assert_eq!(password("user").unwrap_err(), "a:1: 'user' takes a name");
    }
}
