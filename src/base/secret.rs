//! Comparison of secrets in a time that does not tell where they differ.

/// Whether `given` equals `secret`. Takes a time that depends on the lengths only.
pub fn equals_secret(given: &[u8], secret: &[u8]) -> bool {
    let mut difference = given.len() ^ secret.len();
    for (index, &byte) in given.iter().enumerate() {
        // A longer input is compared on against the secret from its beginning: the time must not
        // tell how long the secret is, either.
        let against = secret
            .get(index % secret.len().max(1))
            .copied()
            .unwrap_or(0);
        difference |= usize::from(std::hint::black_box(byte ^ against));
    }
    difference == 0
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
