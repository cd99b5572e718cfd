//! LZF, undone.
//!
//! ```text
//!  000nnnnn                n + 1 bytes follow
//!  lllddddd dddddddd       l + 2 bytes from d + 1 bytes before the end of what there is
//!  111ddddd l dddddddd     l + 9 bytes
//! ```
//!
//! The format is that of Marc Lehmann's LibLZF.

/// Bytes that one of the compressed ones makes at most: three make 264.
const GAIN_MAX: usize = 88;

/// Unpacks to exactly `len` bytes; `None` if that is not what it is.
pub(super) fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > packed.len().checked_mul(GAIN_MAX)? {
        return None;
    }
    let mut bytes = Vec::with_capacity(len);
    let mut rest = packed;
    while let Some((&control, after)) = rest.split_first() {
        let control = usize::from(control);
        if control < 32 {
            let (literal, after) = after.split_at_checked(control + 1)?;
            bytes.extend_from_slice(literal);
            rest = after;
        } else {
            let (count, after) = match control >> 5 {
                7 => {
                    let (&more, after) = after.split_first()?;
                    (9 + usize::from(more), after)
                }
                count => (count + 2, after),
            };
            let (&low, after) = after.split_first()?;
            let distance = ((control & 31) << 8 | usize::from(low)) + 1;
            repeat(&mut bytes, distance, count)?;
            rest = after;
        }
        if bytes.len() > len {
            return None;
        }
    }
    (bytes.len() == len).then_some(bytes)
}

/// Appends `count` bytes that stand `distance` before the end, some of which may only come.
fn repeat(bytes: &mut Vec<u8>, distance: usize, count: usize) -> Option<()> {
    let begin = bytes.len().checked_sub(distance)?;
    if distance == 1 {
        bytes.resize(bytes.len() + count, bytes[begin]);
        return Some(());
    }
    // What repeats is there twice after the first copy, four times after the second …
    let mut left = count;
    while left > 0 {
        let there = left.min(bytes.len() - begin);
        bytes.extend_from_within(begin..begin + there);
        left -= there;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_references_are_unpacked() {
        assert_eq!(unpack(b"\x02abc", 3), Some(b"abc".to_vec()));
        // A reference that overlaps what it makes, short and long.
        assert_eq!(unpack(b"\x00a\x80\x00", 7), Some(b"aaaaaaa".to_vec()));
        assert_eq!(unpack(b"\x00a\xe0\x0a\x00", 20), Some(vec![b'a'; 20]));
        assert_eq!(unpack(b"", 0), Some(Vec::new()));
    }

    #[test]
    fn what_does_not_unpack_to_its_length_is_refused() {
        assert_eq!(unpack(b"\x02abc", 4), None);
        assert_eq!(unpack(b"\x02abc", 2), None);
        assert_eq!(unpack(b"\x02ab", 3), None);
        assert_eq!(unpack(b"\x00a\x20\x05", 4), None, "before the beginning");
        assert_eq!(unpack(b"\x00a\xe0", 4), None);
        assert_eq!(unpack(b"\x00", 1 << 40), None, "nothing is reserved for it");
    }
}
