//! Patterns that lead from an element to another value: BY and GET of SORT.
//!
//! ```text
//!  #                 the element itself
//!  weight_*          the string of the key in which the element stands for the star
//!  object_*->field   a field of the hash of that key
//!  weight            nothing: without a star there is no way from an element
//! ```
//!
//! Not here: sorting (`sorting.rs`).

use crate::keyspace::Keyspace;
use crate::value::hash::Hash;

/// Where and when values are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) database: usize,
    pub(super) now_ms: u64,
}

/// See the module header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::command) enum Pattern {
    /// `#`
    Itself,
    /// Without a star.
    Nothing,
    /// With one.
    Key {
        /// Before the star.
        prefix: Box<[u8]>,
        /// After it.
        suffix: Box<[u8]>,
        /// The field, unless the key is a string.
        field: Option<Box<[u8]>>,
    },
}

impl Pattern {
    /// Reads a pattern.
    pub(in crate::command) fn read(text: &[u8]) -> Self {
        const ARROW: &[u8] = b"->";
        if text == b"#" {
            return Self::Itself;
        }
        let Some(star) = memchr::memchr(b'*', text) else {
            return Self::Nothing;
        };
        let (prefix, rest) = (&text[..star], &text[star + 1..]);
        let arrow = memchr::memmem::find(rest, ARROW);
        let field = arrow.map(|at| (at, &rest[at + ARROW.len()..]));
        let (suffix, field) = match field.filter(|(_, field)| !field.is_empty()) {
            Some((at, field)) => (&rest[..at], Some(field.into())),
            None => (rest, None),
        };
        Self::Key {
            prefix: prefix.into(),
            suffix: suffix.into(),
            field,
        }
    }

    /// Lends the value that it leads to from an element.
    pub(super) fn look_up<R>(
        &self,
        keyspace: &Keyspace,
        Place { database, now_ms }: Place,
        element: &[u8],
        see: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        let mut buffer = itoa::Buffer::new();
        let (prefix, suffix, field) = match self {
            Self::Itself => return see(Some(element)),
            Self::Nothing => return see(None),
            Self::Key {
                prefix,
                suffix,
                field,
            } => (prefix, suffix, field),
        };
        let key = [prefix, element, suffix].concat();
        let key = keyspace.key(&key);
        match field {
            Some(field) => {
                let hash = keyspace.peek::<Hash>(database, key, now_ms).ok().flatten();
                let value = hash.as_ref().and_then(|hash| hash.get(field));
                see(value.as_ref().map(|value| value.text(&mut buffer)))
            }
            None => {
                let entry = keyspace.find(database, key, now_ms);
                let value = entry.and_then(|entry| entry.as_string().ok());
                see(value.as_ref().map(|value| value.text(&mut buffer)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_taken_apart_as_in_redis() {
        let key = |prefix: &str, suffix: &str, field: Option<&str>| Pattern::Key {
            prefix: prefix.as_bytes().into(),
            suffix: suffix.as_bytes().into(),
            field: field.map(|field| field.as_bytes().into()),
        };
        for (text, pattern) in [
            ("#", Pattern::Itself),
            ("", Pattern::Nothing),
            ("##", Pattern::Nothing),
            ("a->b", Pattern::Nothing),
            ("*", key("", "", None)),
            ("w_*", key("w_", "", None)),
            ("w_*_x*", key("w_", "_x*", None)),
            ("w_*->f", key("w_", "", Some("f"))),
            ("w_*_x->f->g", key("w_", "_x", Some("f->g"))),
            ("w_*->", key("w_", "->", None)),
            ("a->*->f*", key("a->", "", Some("f*"))),
        ] {
            assert_eq!(Pattern::read(text.as_bytes()), pattern, "{text}");
        }
    }
}
