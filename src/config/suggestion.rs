//! Which parameter a misspelt name was meant to be.
//!
//! Not here: how names are compared (`base/resemblance.rs`), the words around the answer
//! (`error.rs`).

use super::error::UnknownName;
use super::row::{Row, every_row};
use super::text;
use crate::base::resemblance;

/// The parameter that resembles `name` most; none where all are too far from it.
pub(super) fn closest_parameter(name: &[u8]) -> Option<&'static str> {
    let shown = every_row().filter(|row| row.is_shown_to_clients());
    resemblance::closest(name, shown.flat_map(Row::names))
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
    fn parameters_are_what_is_known() {
        assert_eq!(closest_parameter(b"maxmemry"), Some("maxmemory"));
        assert_eq!(closest_parameter(b"requirepas"), Some("requirepass"));
        assert_eq!(closest_parameter(b"help"), None);
    }
}
