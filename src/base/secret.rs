//! Comparison of secrets in a time that does not tell where they differ.

use subtle::ConstantTimeEq;

/// Whether `given` equals `secret`. Takes a time that depends on the length of `given` only: the
/// time must not tell how long the secret is, either, so a longer input is compared on against the
/// secret from its beginning. (The slices of `subtle` return at once if their lengths differ.)
pub fn equals_secret(given: &[u8], secret: &[u8]) -> bool {
    let mut is_equal = given.len().ct_eq(&secret.len());
    for (byte, against) in given.iter().zip(secret.iter().cycle()) {
        is_equal &= byte.ct_eq(against);
    }
    is_equal.into()
}

#[cfg(test)]
mod tests {
    use super::equals_secret;

    #[test]
    fn only_the_secret_equals_itself() {
        assert!(equals_secret(b"hunter2", b"hunter2"));
        assert!(equals_secret(b"", b""));
        for wrong in [
            &b"hunter3"[..],
            b"Hunter2",
            b"hunter",
            b"hunter22",
            b"",
            b"hunter2hunter2",
        ] {
            assert!(!equals_secret(wrong, b"hunter2"), "{wrong:?}");
        }
        assert!(!equals_secret(b"x", b""));
    }
}
