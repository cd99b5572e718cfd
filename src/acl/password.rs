//! Passwords as SHA-256 digests.
//!
//! ```text
//!  >secret      #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b
//! ```
//!
//! The digest is plain SHA-256, without salt, because Redis's files and `#` rules have it so. It
//! suits passwords that are long and random (ACL GENPASS), not those that can be guessed.
//!
//! Not here: whose passwords they are (`user.rs`).

use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// The SHA-256 digest of a password. Two are compared in a time that does not tell where they
/// differ.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a password.
    pub fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// The digest that 64 lower-case hexadecimal digits write.
    pub fn read(digits: &[u8]) -> Option<Self> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut digest = [0; 32];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != digest.len() || !rest.is_empty() {
            return None;
        }
        for (byte, &[high, low]) in digest.iter_mut().zip(pairs) {
            *byte = value(high)? << 4 | value(low)?;
        }
        Some(Self(digest))
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Digest {}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// A digest is a secret, too: short passwords can be found from it.
impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Digest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf s3cret | sha256sum`
    const TEXT: &str = "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0";

    #[test]
    fn a_digest_is_written_and_read_as_sha256sum_writes_it() {
        let digest = Digest::of(b"s3cret");
        assert_eq!(digest.to_string(), TEXT);
        assert_eq!(Digest::read(TEXT.as_bytes()), Some(digest));
        assert_ne!(Digest::of(b"s3cret "), digest);
        assert_eq!(format!("{digest:?}"), "Digest(…)");
    }

    #[test]
    fn other_digits_are_none() {
        for wrong in [
            "",
            "12",
            &TEXT[1..],
            &format!("{TEXT}0"),
            &TEXT.to_uppercase(),
            &format!("+{}", &TEXT[1..]),
        ] {
            assert_eq!(Digest::read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
