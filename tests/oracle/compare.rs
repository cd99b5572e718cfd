//! Whether two replies to the same request mean the same.
//!
//! Equal bytes always do. Otherwise the command decides: unordered replies are sorted, clock
//! readings may differ by [`CLOCK_TOLERANCE_MS`], replies about the server itself need only the
//! same shape, and what is meant to differ is a row of [`DIFFERENCES`].
//!
//! Every row's id is a heading or cell of `docs/DIFFERENCES.md`; a test in `main.rs` checks it.
//!
//! Not here: which requests are sent (`grammar.rs`), the state of a connection (`pair.rs`).

use crate::grammar::FIRST_ABSOLUTE_DEADLINE_SECONDS;
use crate::support::value::Value;

/// How far apart the two servers may read their clocks, in milliseconds.
const CLOCK_TOLERANCE_MS: i64 = 10_000;

/// A request and both replies.
pub(crate) struct Exchange<'a> {
    /// The request.
    pub(crate) words: &'a [Vec<u8>],
    /// The reply of the server under test.
    pub(crate) subject: &'a Value,
    /// The reply of redis-server.
    pub(crate) reference: &'a Value,
}

/// One intended difference.
pub(crate) struct Difference {
    /// Its name in `docs/DIFFERENCES.md`.
    pub(crate) id: &'static str,
    /// Whether an exchange is an instance of it.
    matches: fn(&Exchange<'_>) -> bool,
}

/// All intended differences that random requests can meet.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        // Redis ends what it repeats of a request at a zero byte.
        id: "zero-bytes-in-error-texts",
        matches: |exchange| {
            exchange.words.iter().any(|word| word.contains(&0)) && exchange.has_two_errors()
        },
    },
    Difference {
        // Redis does not look at the unit of an empty range.
        id: "bit-units-are-always-checked",
        matches: |exchange| {
            matches!(exchange.name().as_str(), "bitcount" | "bitpos")
                && matches!(exchange.subject, Value::Error(_))
                && matches!(exchange.reference, Value::Integer(_))
        },
    },
    Difference {
        // Redis counts uses only under a policy that needs them.
        id: "uses-are-counted-under-every-policy",
        matches: |exchange| {
            let [name, subcommand, ..] = exchange.words else {
                return false;
            };
            name.eq_ignore_ascii_case(b"object")
                && subcommand.eq_ignore_ascii_case(b"freq")
                && matches!(exchange.subject, Value::Integer(0..=255))
                && matches!(exchange.reference, Value::Error(_))
        },
    },
    Difference {
        // Redis looks at the value first; here any other than the true one is refused.
        id: "what-is-not-offered-keeps-its-value",
        matches: |exchange| {
            let Value::Error(text) = exchange.subject else {
                return false;
            };
            exchange.name() == "config"
                && text.ends_with(b"- can't set immutable config")
                && matches!(exchange.reference, Value::Error(_))
        },
    },
    Difference {
        // A cursor is a place in the server's own table; Redis takes any text for some place.
        id: "cursors-belong-to-their-server",
        matches: |exchange| {
            exchange.name() == "scan"
                && exchange.words.get(1).is_some_and(|cursor| cursor != b"0")
                && (*exchange.subject == Value::Error(b"ERR invalid cursor".to_vec())
                    || same_shape(exchange.subject, exchange.reference))
        },
    },
    Difference {
        // Redis reads an empty amount of memory as 0.
        id: "empty-amounts-of-memory-are-refused",
        matches: |exchange| {
            exchange.name() == "config"
                && exchange.words.iter().any(Vec::is_empty)
                && exchange.has_two_errors()
        },
    },
];

/// What must agree when the bytes do not.
enum Rule {
    Exact,
    Unordered,
    /// The cursor exactly, the keys in any order.
    Scan,
    Seconds,
    Milliseconds,
    DeadlineSeconds,
    DeadlineMilliseconds,
    /// The kind of reply and whether it is nil.
    Shape,
}

impl Exchange<'_> {
    /// The command's name in lower case.
    pub(crate) fn name(&self) -> String {
        word(self.words, 0)
    }

    fn has_two_errors(&self) -> bool {
        matches!(
            (self.subject, self.reference),
            (Value::Error(_), Value::Error(_))
        )
    }

    /// Whether the replies mean the same or differ as intended.
    pub(crate) fn agrees(&self) -> bool {
        self.subject == self.reference
            || self.follows_rule()
            || DIFFERENCES
                .iter()
                .any(|difference| (difference.matches)(self))
    }

    fn follows_rule(&self) -> bool {
        let near = |tolerance: i64, exact_from: i64| match (self.subject, self.reference) {
            (Value::Integer(subject), Value::Integer(reference)) => {
                *reference >= 0
                    && *reference < exact_from
                    && subject.abs_diff(*reference) <= tolerance.unsigned_abs()
            }
            _ => false,
        };
        let first_absolute = i64::try_from(FIRST_ABSOLUTE_DEADLINE_SECONDS).unwrap_or(i64::MAX);
        match rule_for(self.words) {
            Rule::Exact => false,
            Rule::Unordered => self.subject.clone().sorted() == self.reference.clone().sorted(),
            Rule::Scan => match (self.subject.members(), self.reference.members()) {
                ([cursor, keys], [reference_cursor, reference_keys]) => {
                    cursor == reference_cursor
                        && keys.clone().sorted() == reference_keys.clone().sorted()
                }
                _ => false,
            },
            Rule::Seconds => near(CLOCK_TOLERANCE_MS / 1000, i64::MAX),
            Rule::Milliseconds => near(CLOCK_TOLERANCE_MS, i64::MAX),
            Rule::DeadlineSeconds => near(CLOCK_TOLERANCE_MS / 1000, first_absolute),
            Rule::DeadlineMilliseconds => near(CLOCK_TOLERANCE_MS, first_absolute * 1000),
            Rule::Shape => same_shape(self.subject, self.reference),
        }
    }
}

fn rule_for(words: &[Vec<u8>]) -> Rule {
    let second = word(words, 1);
    match word(words, 0).as_str() {
        "keys" => Rule::Unordered,
        "scan" => Rule::Scan,
        "ttl" => Rule::Seconds,
        "pttl" => Rule::Milliseconds,
        "expiretime" => Rule::DeadlineSeconds,
        "pexpiretime" => Rule::DeadlineMilliseconds,
        "randomkey" | "time" | "info" | "hello" => Rule::Shape,
        "object" if matches!(second.as_str(), "idletime" | "freq" | "refcount") => Rule::Shape,
        "client" if matches!(second.as_str(), "id" | "info" | "list") => Rule::Shape,
        // Declarations are compared field by field in a test of their own.
        "command" if matches!(second.as_str(), "" | "count" | "docs" | "info") => Rule::Shape,
        "command" if second == "list" => Rule::Unordered,
        _ => Rule::Exact,
    }
}

/// The same kind of reply; an error only agrees with the very same error.
fn same_shape(subject: &Value, reference: &Value) -> bool {
    !matches!(subject, Value::Error(_))
        && std::mem::discriminant(subject) == std::mem::discriminant(reference)
}

fn word(words: &[Vec<u8>], index: usize) -> String {
    words.get(index).map_or_else(String::new, |word| {
        String::from_utf8_lossy(word).to_ascii_lowercase()
    })
}
