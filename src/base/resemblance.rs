//! Which of some names a misspelt one was meant to be.
//!
//! Method: the name at the least Damerau–Levenshtein distance (letters that are missing, too many,
//! wrong or swapped), if that is at most a third of the name that was given.
//!
//! Cost: the length of the name, at most [`NAME_BYTES_MAX`], times all names; only after an error.
//!
//! Not here: which names there are, the words around the answer.

/// Names longer than this resemble none: the longest parameter has about 40 bytes.
const NAME_BYTES_MAX: usize = 64;

/// The known name that resembles `name` most, whatever its case; none where all are too far from
/// it. Known names are in small letters.
pub fn closest<'a>(name: &[u8], known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = str::from_utf8(name).ok()?;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let distances = known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, known), known));
    let (distance, closest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.len()).then_some(closest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_a_few_letters_are_recognised() {
        let known = ["maxmemory", "max-memory-clients", "bind", "port"];
        let closest = |name: &str| closest(name.as_bytes(), known);
        assert_eq!(closest("maxmemry"), Some("maxmemory"));
        assert_eq!(closest("MAX-memory"), Some("maxmemory"));
        assert_eq!(closest("bidn"), Some("bind"));
        assert_eq!(closest("prot"), Some("port"));
        assert_eq!(closest("foo"), None);
        assert_eq!(closest(""), None);
        assert_eq!(closest(&"port".repeat(1000)), None);
        assert_eq!(super::closest(b"por\xff", known), None);
        assert_eq!(super::closest(b"port", []), None);
    }
}
