//! Whether two replies to the same request mean the same.
//!
//! Equal bytes always do. Otherwise the command decides: unordered replies are sorted, clock
//! readings may differ by [`CLOCK_TOLERANCE_MS`], replies about the server itself and those that
//! chance decides need only the same shape, and what is meant to differ is a row of
//! [`DIFFERENCES`].
//!
//! Every row's id is a heading or cell of `docs/DIFFERENCES.md`; a test in `main.rs` checks it.
//!
//! Not here: which requests are sent (`grammar.rs`), the state of a connection (`pair.rs`), what
//! chance decided (`settle.rs`).

use crate::grammar::FIRST_ABSOLUTE_DEADLINE_SECONDS;
use crate::settle;
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
        // An error of the C library that something before has left behind is taken for one of now.
        id: "numbers-sorted-after-others",
        matches: |exchange| {
            matches!(exchange.name().as_str(), "sort" | "sort_ro")
                && !matches!(exchange.subject, Value::Error(_))
                && *exchange.reference
                    == Value::Error(
                        b"ERR One or more scores can't be converted into double".to_vec(),
                    )
        },
    },
    Difference {
        // Redis makes a skiplist of any sorted set that is sorted.
        id: "sorting-changes-no-encoding",
        matches: |exchange| {
            let [name, subcommand, ..] = exchange.words else {
                return false;
            };
            name.eq_ignore_ascii_case(b"object")
                && subcommand.eq_ignore_ascii_case(b"encoding")
                && *exchange.subject == Value::Bulk(b"listpack".to_vec())
                && *exchange.reference == Value::Bulk(b"skiplist".to_vec())
        },
    },
    Difference {
        // A cursor is a place in the server's own table; Redis takes any text for some place.
        id: "cursors-belong-to-their-server",
        matches: |exchange| {
            let position = match exchange.name().as_str() {
                "scan" => 1,
                "hscan" | "sscan" | "zscan" => 2,
                _ => return false,
            };
            (exchange.words.get(position)).is_some_and(|cursor| cursor != b"0")
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
    Difference {
        // Redis before 7.2 writes seventeen digits, and has no -0 in a small encoding.
        id: "scores-with-the-fewest-digits",
        matches: |exchange| {
            (exchange.name().starts_with('z') || exchange.name().starts_with("bz"))
                && match rule_for(exchange.words) {
                    Rule::Walk(_) => exchange
                        .walks_sorted()
                        .is_some_and(|[subject, reference]| same_numbers(&subject, &reference)),
                    _ => same_numbers(exchange.subject, exchange.reference),
                }
        },
    },
    Difference {
        // Redis before 7.2 has one encoding for all lists, and none for small sets of texts. Which
        // type it is about is seen when whole keyspaces are compared.
        id: "encodings-of-small-lists-and-sets",
        matches: |exchange| {
            word(exchange.words, 0) == "object"
                && word(exchange.words, 1) == "encoding"
                && exchange.subject.bytes() == Some(b"listpack")
                && matches!(
                    exchange.reference.bytes(),
                    Some(b"quicklist" | b"hashtable" | b"intset")
                )
        },
    },
    Difference {
        // Redis before 7.2 counts the integers that are there, not those that a request names.
        id: "sets-of-many-named-integers",
        matches: |exchange| {
            word(exchange.words, 0) == "object"
                && word(exchange.words, 1) == "encoding"
                && exchange.subject.bytes() == Some(b"hashtable")
                && exchange.reference.bytes() == Some(b"intset")
        },
    },
    Difference {
        // Redis before 7.2 negates the least number, which leaves it as it is.
        id: "ranks-that-cannot-be-negated",
        matches: |exchange| {
            let least = i64::MIN.to_string().into_bytes();
            exchange.name() == "lpos"
                && exchange.words.contains(&least)
                && matches!(
                    exchange.subject,
                    Value::Error(text) if text.starts_with(b"ERR value is out of range")
                )
                && !matches!(exchange.reference, Value::Error(_))
        },
    },
];

/// What must agree when the bytes do not.
enum Rule {
    Exact,
    Unordered,
    /// Fields and values, alternating, in any order.
    UnorderedPairs,
    /// As many elements.
    Picks,
    /// If both walked all at once: so many words an element, in any order. Else the shape.
    Walk(usize),
    /// The cursor exactly, the keys in any order.
    Scan,
    Seconds,
    Milliseconds,
    DeadlineSeconds,
    DeadlineMilliseconds,
    /// The kind of reply and whether it is nil.
    Shape,
    /// All but how long entries have been pending.
    Pending,
    /// All but these fields of what is told of a thing or of several.
    AllBut(&'static [&'static str]),
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
            Rule::UnorderedPairs => {
                same_shape(self.subject, self.reference)
                    && grouped(self.subject, 2) == grouped(self.reference, 2)
            }
            Rule::Picks => {
                same_shape(self.subject, self.reference)
                    && self.subject.members().len() == self.reference.members().len()
            }
            Rule::Walk(_) => self
                .walks_sorted()
                .is_some_and(|[subject, reference]| subject == reference),
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
            Rule::Pending => {
                same_shape(self.subject, self.reference)
                    && without_idle(self.subject) == without_idle(self.reference)
            }
            Rule::AllBut(fields) => {
                same_shape(self.subject, self.reference)
                    && without(self.subject, fields) == without(self.reference, fields)
            }
        }
    }
}

/// Pending entries without how long they have been so.
fn without_idle(pending: &Value) -> Vec<Vec<Value>> {
    let entries = pending.members().iter();
    let kept = entries.map(|entry| match entry.members() {
        [id, consumer, _, count] => vec![id.clone(), consumer.clone(), count.clone()],
        other => other.to_vec(),
    });
    kept.collect()
}

/// Fields and values, of one thing or of several, without some fields.
fn without(told: &Value, fields: &[&str]) -> Vec<Vec<Value>> {
    let members = told.members();
    let is_one = members.first().is_some_and(|first| first.bytes().is_some());
    let of_one = |words: &[Value]| -> Vec<Value> {
        let pairs = words.chunks(2).filter(|pair| {
            let name = pair[0].bytes().unwrap_or_default();
            !fields.iter().any(|field| field.as_bytes() == name)
        });
        pairs.flatten().cloned().collect()
    };
    match is_one {
        true => vec![of_one(members)],
        false => members.iter().map(|one| of_one(one.members())).collect(),
    }
}

impl Exchange<'_> {
    /// What two walks found, in a fixed order. Of walks that are not whole, each by itself, there
    /// is nothing to compare but the shape; `None` if that differs.
    fn walks_sorted(&self) -> Option<[Value; 2]> {
        let Rule::Walk(size) = rule_for(self.words) else {
            return None;
        };
        let ([cursor, found], [reference_cursor, reference_found]) =
            (self.subject.members(), self.reference.members())
        else {
            return None;
        };
        if !same_shape(found, reference_found) {
            return None;
        }
        let is_whole = [cursor, reference_cursor].map(|cursor| cursor.bytes() == Some(b"0"));
        Some(match is_whole {
            [true, true] => {
                [found, reference_found].map(|found| Value::Array(grouped(found, size)))
            }
            _ => [Value::Nil, Value::Nil],
        })
    }
}

/// The members of an aggregate in groups of this size: sorted, each once.
fn grouped(aggregate: &Value, size: usize) -> Vec<Value> {
    let groups = aggregate.members().chunks(size);
    let mut groups: Vec<_> = groups.map(|group| Value::Array(group.to_vec())).collect();
    groups.sort();
    groups.dedup();
    groups
}

/// Equal, or numbers of the same value where the bytes differ; members of aggregates one by one.
pub(crate) fn same_numbers(subject: &Value, reference: &Value) -> bool {
    let number =
        |value: &Value| -> Option<f64> { std::str::from_utf8(value.bytes()?).ok()?.parse().ok() };
    let (members, reference_members) = (subject.members(), reference.members());
    if subject == reference {
        return true;
    }
    if std::mem::discriminant(subject) != std::mem::discriminant(reference)
        || matches!(subject, Value::Error(_) | Value::Simple(_))
    {
        return false;
    }
    if members.is_empty() || members.len() != reference_members.len() {
        return number(subject).is_some() && number(subject) == number(reference);
    }
    (members.iter().zip(reference_members))
        .all(|(subject, reference)| same_numbers(subject, reference))
}

fn rule_for(words: &[Vec<u8>]) -> Rule {
    let second = word(words, 1);
    match word(words, 0).as_str() {
        "keys" | "smembers" | "sinter" | "sunion" | "sdiff" | "hkeys" | "hvals" => Rule::Unordered,
        "hgetall" => Rule::UnorderedPairs,
        "spop" if settle::pops_all(words) => Rule::Unordered,
        "spop" | "srandmember" | "hrandfield" | "zrandmember" => Rule::Picks,
        "sscan" => Rule::Walk(1),
        "hscan" | "zscan" => Rule::Walk(2),
        "scan" => Rule::Scan,
        "ttl" => Rule::Seconds,
        "pttl" => Rule::Milliseconds,
        "expiretime" => Rule::DeadlineSeconds,
        "pexpiretime" => Rule::DeadlineMilliseconds,
        "randomkey" | "time" | "info" | "hello" => Rule::Shape,
        "xpending" if words.len() > 3 => Rule::Pending,
        // Nodes of a tree that is each server's own.
        "xinfo" if second == "stream" => Rule::AllBut(&["radix-tree-keys", "radix-tree-nodes"]),
        "xinfo" if second == "consumers" => Rule::AllBut(&["idle", "inactive"]),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::words;

    /// Whether two replies, given as the protocol has them, agree.
    fn agree(request: &str, subject: &str, reference: &str) -> bool {
        let parse = |text: &str| {
            let lines = text.replace(' ', "\r\n") + "\r\n";
            Value::parse(lines.as_bytes()).expect("the reply is complete")
        };
        let exchange = Exchange {
            words: &words::split(request).expect("the line is well formed"),
            subject: &parse(subject),
            reference: &parse(reference),
        };
        exchange.agrees()
    }

    #[test]
    fn order_counts_where_redis_promises_one() {
        let (one, other) = ("*2 $1 a $1 b", "*2 $1 b $1 a");
        assert!(agree("SMEMBERS s", one, other));
        assert!(!agree("LRANGE l 0 -1", one, other));
        assert!(!agree("SMEMBERS s", one, "~2 $1 b $1 a"));
        assert!(!agree("SMEMBERS s", one, "*2 $1 b $1 b"));
        let pairs = "*4 $1 a $1 1 $1 b $1 2";
        assert!(agree("HGETALL h", pairs, "*4 $1 b $1 2 $1 a $1 1"));
        assert!(!agree("HGETALL h", pairs, "*4 $1 b $1 1 $1 a $1 2"));
    }

    #[test]
    fn scores_are_numbers_and_members_are_not() {
        let (short, long) = ("$3 0.1", "$19 0.10000000000000001");
        assert!(agree("ZSCORE z a", short, long));
        assert!(!agree("ZSCORE z a", short, "$3 0.2"));
        assert!(!agree("HGET h a", short, long));
        assert!(agree("ZSCORE z a", ",0.1", ",0.10000000000000001"));
        assert!(!agree("ZSCORE z a", short, ",0.1"));
        assert!(!agree("ZRANGE z 0 -1", "*1 $1 a", "*1 $1 b"));
        assert!(!agree("ZRANGE z 0 -1", "*0", "*1 $1 b"));
    }

    #[test]
    fn a_set_may_leave_its_integers_sooner_and_never_later() {
        let (hash, integers) = ("$9 hashtable", "$6 intset");
        assert!(agree("OBJECT ENCODING s", hash, integers));
        assert!(!agree("OBJECT ENCODING s", integers, hash));
        assert!(!agree("GET s", hash, integers));
    }

    #[test]
    fn a_rank_that_cannot_be_negated_may_be_refused_and_no_other() {
        let refused = Value::Error(b"ERR value is out of range, value must be".to_vec());
        let agree = |request: &str, reference: &Value| {
            let words = &words::split(request).expect("the line is well formed");
            let exchange = Exchange {
                words,
                subject: &refused,
                reference,
            };
            exchange.agrees()
        };
        assert!(agree("LPOS l x RANK -9223372036854775808", &Value::Nil));
        assert!(!agree("LPOS l x RANK -9223372036854775807", &Value::Nil));
        let other = Value::Error(b"ERR syntax error".to_vec());
        assert!(!agree("LPOS l x RANK -9223372036854775808", &other));
    }

    #[test]
    fn walks_are_compared_when_both_are_whole() {
        let (one, other) = ("*2 $1 0 *2 $1 a $1 b", "*2 $1 0 *2 $1 b $1 a");
        assert!(agree("SSCAN s 0", one, other));
        assert!(!agree("HSCAN h 0", one, other));
        assert!(!agree("SSCAN s 0", one, "*2 $1 0 *1 $1 a"));
        assert!(agree("SSCAN s 0", one, "*2 $1 7 *1 $1 a"));
        let number = "*2 $1 0 *4 $1 b $1 1 $1 a $3 0.1";
        let digits = "*2 $1 0 *4 $1 a $19 0.10000000000000001 $1 b $1 1";
        assert!(agree("ZSCAN z 0", number, digits));
        assert!(!agree("HSCAN z 0", number, digits));
    }

    #[test]
    fn picks_need_be_as_many() {
        assert!(agree("SRANDMEMBER s 2", "*2 $1 a $1 b", "*2 $1 c $1 d"));
        assert!(!agree("SRANDMEMBER s 2", "*2 $1 a $1 b", "*1 $1 c"));
        assert!(!agree("SPOP s", "$-1", "$1 a"));
        assert!(!agree("SPOP s 1000000000", "*1 $1 a", "*1 $1 b"));
    }
}
