//! Which parameter a misspelt name was meant to be.
//!
//! Method: the name at the least Damerau–Levenshtein distance (letters that are missing, too many,
//! wrong or swapped), if that is at most a third of the name that was given.
//!
//! Cost: the length of the name, at most [`NAME_BYTES_MAX`], times all names; only after an error.
//!
//! Not here: the words around it (`error.rs`).

use super::error::UnknownName;
use super::row::{Row, every_row};
use super::text;

/// Names longer than this resemble none: the longest parameter has about 40 bytes.
const NAME_BYTES_MAX: usize = 64;

/// The parameter that resembles `name` most; none where all are too far from it.
pub(super) fn closest_parameter(name: &[u8]) -> Option<&'static str> {
    let name = str::from_utf8(name).ok()?;
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let shown = every_row().filter(|row| row.is_shown_to_clients());
    let distances = shown
        .flat_map(Row::names)
        .map(|known| (strsim::damerau_levenshtein(&name, known), known));
    let (distance, closest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= name.len()).then_some(closest)
}

/// The fault of a name that no parameter has.
pub(super) fn unknown(name: &[u8]) -> UnknownName {
    UnknownName {
        shown: text::shown(name),
        closest: closest_parameter(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_a_few_letters_are_recognised() {
        let closest = |name: &str| closest_parameter(name.as_bytes());
        assert_eq!(closest("maxmemry"), Some("maxmemory"));
        assert_eq!(closest("MAX-memory"), Some("maxmemory"));
        assert_eq!(closest("bidn"), Some("bind"));
        assert_eq!(closest("prot"), Some("port"));
        assert_eq!(closest("requirepas"), Some("requirepass"));
        assert_eq!(closest("foo"), None);
        assert_eq!(closest("help"), None);
        assert_eq!(closest(""), None);
        assert_eq!(closest(&"port".repeat(1000)), None);
        assert_eq!(closest_parameter(b"por\xff"), None);
    }
}
