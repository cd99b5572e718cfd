//! Comparing short texts: keys, fields, members.

/// Whether two slices of N to 2 N bytes, equally long, are the same.
#[inline]
fn have_same_ends<const N: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<N>() == other.first_chunk() && one.last_chunk::<N>() == other.last_chunk()
}

/// Whether two slices are the same. Those of 8 to 32 bytes, most keys, are compared in two words.
#[inline]
pub fn are_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        8..=16 => have_same_ends::<8>(one, other),
        17..=32 => have_same_ends::<16>(one, other),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts_at_every_length() {
        for len in 0..70 {
            let text: Vec<u8> = (0..len).collect();
            assert!(are_same(&text, &text.clone()));
            assert!(!are_same(&text, &[&text[..], b"x"].concat()));
            for position in 0..text.len() {
                let mut other = text.clone();
                other[position] ^= 0x80;
                assert!(!are_same(&text, &other), "byte {position} of {len}");
            }
        }
    }
}
