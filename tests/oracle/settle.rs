//! Replies that chance decides, and walks whose cursors belong to one server: what they say is
//! checked by asking further, and both servers are brought to the same state.
//!
//! ```text
//! SPOP          subject popped {a}, reference {b}   SREM b there, SREM a here: each must find it
//! SRANDMEMBER   subject picked {a, a}               the reference must have a
//! SSCAN         subject has cursor 7, reference 0   both walk to the end, then all is compared
//! BITFIELD      a step fails                        both tell those who watch the key: APPEND
//! ```
//! Further questions go over the connection that asked, so the database is the same. Within a
//! transaction only the shape of such replies is compared, and nothing is popped by chance.
//!
//! Not here: the shapes (`compare.rs`).

use std::collections::BTreeSet;

use crate::compare::{Exchange, same_numbers};
use crate::support::client::Client;
use crate::support::value::Value;
use crate::support::words;

/// A SPOP of so many is one of all: no set of a run is as large.
const ALL_POPPED: i64 = 1_000_000_000;

/// Elements asked for in one further request.
const ASKED_AT_ONCE: usize = 500;

/// After so many calls a walk goes on in larger steps.
const SMALL_STEPS: usize = 30;

/// No walk of a correct server takes as many calls.
const STEPS_MAX: usize = 20_000;

/// What is to be done after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settling {
    /// Members were removed by chance.
    Popped,
    /// Elements were chosen by chance.
    Picked,
    /// A walk began.
    Walked,
    /// A step of BITFIELD may have failed and changed its key all the same.
    Overflown,
}

/// One server's connection and reply.
pub(crate) struct Answer<'a> {
    /// The connection.
    pub(crate) client: &'a mut Client,
    /// The reply.
    pub(crate) reply: &'a Value,
}

/// What was asked further, and what both servers said.
pub(crate) struct Disagreement {
    /// The question.
    pub(crate) request: String,
    /// The answer of the server under test.
    pub(crate) subject: Value,
    /// What it should have been.
    pub(crate) reference: Value,
}

/// Whether a request's reply needs settling. Such a request travels alone.
pub(crate) fn settling(words: &[Vec<u8>]) -> Option<Settling> {
    match words.first()?.to_ascii_lowercase().as_slice() {
        b"spop" if !pops_all(words) => Some(Settling::Popped),
        b"srandmember" | b"hrandfield" | b"zrandmember" => Some(Settling::Picked),
        b"hscan" | b"sscan" | b"zscan" => Some(Settling::Walked),
        b"bitfield" if words.iter().any(|word| word.eq_ignore_ascii_case(b"fail")) => {
            Some(Settling::Overflown)
        }
        _ => None,
    }
}

/// Whether a SPOP leaves nothing to chance.
pub(crate) fn pops_all(words: &[Vec<u8>]) -> bool {
    words.len() > 2 && number(&words[2]).is_none_or(|count| count <= 0 || count >= ALL_POPPED)
}

impl Settling {
    /// Checks what the replies say, and makes both servers' states equal again.
    pub(crate) fn settle(
        self,
        words: &[Vec<u8>],
        subject: Answer<'_>,
        reference: Answer<'_>,
    ) -> Result<(), Disagreement> {
        if matches!(reference.reply, Value::Error(_)) {
            return Ok(());
        }
        match self {
            Settling::Popped => settle_popped(words, subject, reference),
            Settling::Picked => settle_picked(words, subject.reply, reference.client),
            Settling::Walked => settle_walked(words, subject, reference),
            Settling::Overflown => {
                if reference.reply.members().contains(&Value::Nil) {
                    settle_overflown(&words[1], [subject.client, reference.client]);
                }
                Ok(())
            }
        }
    }
}

/// Redis tells nobody of a key that a failed step made or lengthened; see the row
/// `failed-steps-are-changes-too` of `docs/DIFFERENCES.md`.
fn settle_overflown(key: &[u8], clients: [&mut Client; 2]) {
    for client in clients {
        client.call(&[b"APPEND", key, b""]);
    }
}

fn settle_popped(
    words: &[Vec<u8>],
    subject: Answer<'_>,
    reference: Answer<'_>,
) -> Result<(), Disagreement> {
    let key = &words[1];
    let (ours, theirs) = (elements(subject.reply), elements(reference.reply));
    for (client, missing) in [
        (&mut *subject.client, &theirs - &ours),
        (&mut *reference.client, &ours - &theirs),
    ] {
        let missing: Vec<_> = missing.into_iter().collect();
        for part in missing.chunks(ASKED_AT_ONCE) {
            let request = request("SREM", key, part);
            let removed = client.call(&request);
            let expected = Value::Integer(i64::try_from(part.len()).unwrap_or(i64::MAX));
            if removed != expected {
                return Err(Disagreement {
                    request: format!("{} after {}", words::join(&request), words::join(words)),
                    subject: removed,
                    reference: expected,
                });
            }
        }
    }
    // Redis makes a new set of what is left where that is little, in an encoding that chance
    // decides, too.
    let encoding = [b"OBJECT".to_vec(), b"ENCODING".to_vec(), key.clone()];
    let agrees = Exchange {
        words: &encoding,
        subject: &subject.client.call(&encoding),
        reference: &reference.client.call(&encoding),
    }
    .agrees();
    if words.len() > 2 && !agrees {
        for client in [subject.client, reference.client] {
            client.call(&[b"DEL", key.as_slice()]);
        }
    }
    Ok(())
}

/// Each pick of the subject must be an element of the reference's collection.
fn settle_picked(
    words: &[Vec<u8>],
    reply: &Value,
    reference: &mut Client,
) -> Result<(), Disagreement> {
    let has_pairs = words.len() > 3;
    let picks = picks(reply, has_pairs);
    let count = words.get(2).and_then(|count| number(count)).unwrap_or(1);
    let distinct: BTreeSet<_> = picks.iter().map(|pick| pick.0.clone()).collect();
    let disagreement = |request: String, subject: &Value, reference: Value| Disagreement {
        request,
        subject: subject.clone(),
        reference,
    };
    if count > 0 && distinct.len() != picks.len() {
        let request = format!("{}: distinct elements", words::join(words));
        let expected = Value::Array(distinct.into_iter().map(Value::Bulk).collect());
        return Err(disagreement(request, reply, expected));
    }
    let lookup = match words[0].to_ascii_lowercase().as_slice() {
        b"srandmember" => "SMISMEMBER",
        b"hrandfield" => "HMGET",
        _ => "ZMSCORE",
    };
    for part in picks.chunks(ASKED_AT_ONCE) {
        let asked: Vec<_> = part.iter().map(|pick| pick.0.clone()).collect();
        let request = request(lookup, &words[1], &asked);
        let found = reference.call(&request);
        let agrees = |(found, (_, value)): (&Value, &(Vec<u8>, Option<Value>))| match value {
            Some(value) => same_numbers(value, found),
            None => !matches!(found, Value::Nil | Value::Integer(0)),
        };
        if !found.members().iter().zip(part).all(agrees) {
            let request = format!("{}, of the reference", words::join(&request));
            return Err(disagreement(request, reply, found));
        }
    }
    Ok(())
}

fn settle_walked(
    words: &[Vec<u8>],
    subject: Answer<'_>,
    reference: Answer<'_>,
) -> Result<(), Disagreement> {
    let is_whole = |reply: &Value| reply.members().first().is_some_and(is_zero);
    let is_start = words.get(2).is_some_and(|cursor| cursor == b"0");
    if !is_start || is_whole(subject.reply) && is_whole(reference.reply) {
        return Ok(());
    }
    let subject = walk(words, subject);
    let reference = walk(words, reference);
    let exchange = Exchange {
        words,
        subject: &subject,
        reference: &reference,
    };
    if exchange.agrees() {
        return Ok(());
    }
    Err(Disagreement {
        request: format!("{} to its end", words::join(words)),
        subject,
        reference,
    })
}

/// The reply of one call that walks all, made of those of many; what is no such reply is returned
/// as it is.
fn walk(words: &[Vec<u8>], answer: Answer<'_>) -> Value {
    let mut request = words.to_vec();
    let mut reply = answer.reply.clone();
    let mut found = Vec::new();
    for step in 1..STEPS_MAX {
        let [cursor, elements] = reply.members() else {
            return reply;
        };
        found.extend_from_slice(elements.members());
        if is_zero(cursor) {
            return Value::Array(vec![cursor.clone(), Value::Array(found)]);
        }
        request[2] = cursor.bytes().unwrap_or_default().to_vec();
        if step == SMALL_STEPS {
            request.extend([b"COUNT".to_vec(), b"500".to_vec()]);
        }
        reply = answer.client.call(&request);
    }
    Value::Error(b"the walk does not end".to_vec())
}

fn is_zero(cursor: &Value) -> bool {
    cursor.bytes() == Some(b"0")
}

fn request(name: &str, key: &[u8], elements: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut request = vec![name.as_bytes().to_vec(), key.to_vec()];
    request.extend_from_slice(elements);
    request
}

/// The elements of an aggregate, or the one that a reply is.
fn elements(reply: &Value) -> BTreeSet<Vec<u8>> {
    picks(reply, false).into_iter().map(|pick| pick.0).collect()
}

/// Elements with their values or scores, whether flat, nested or a single one.
fn picks(reply: &Value, has_pairs: bool) -> Vec<(Vec<u8>, Option<Value>)> {
    let bytes = |value: &Value| value.bytes().unwrap_or_default().to_vec();
    let pair = |pair: &[Value]| (bytes(&pair[0]), pair.get(1).cloned());
    let members = reply.members();
    let is_nested = members.iter().any(|member| !member.members().is_empty());
    match (reply, has_pairs) {
        (Value::Bulk(element), _) => vec![(element.clone(), None)],
        (_, true) if is_nested => members
            .iter()
            .map(|member| pair(member.members()))
            .collect(),
        (_, true) => members.chunks(2).map(pair).collect(),
        (_, false) => members.iter().map(|member| (bytes(member), None)).collect(),
    }
}

fn number(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_of(line: &str) -> Vec<Vec<u8>> {
        words::split(line).expect("the line is well formed")
    }

    #[test]
    fn what_chance_decides_is_settled_and_nothing_else() {
        for (line, expected) in [
            ("SPOP s", Some(Settling::Popped)),
            ("spop s 3", Some(Settling::Popped)),
            ("SPOP s 1000000000", None),
            ("SPOP s 0", None),
            ("SPOP s abc", None),
            ("HRANDFIELD h 2 WITHVALUES", Some(Settling::Picked)),
            ("zscan z 0", Some(Settling::Walked)),
            (
                "BITFIELD k OVERFLOW FAIL INCRBY u2 0 4",
                Some(Settling::Overflown),
            ),
            ("BITFIELD k OVERFLOW SAT INCRBY u2 0 4", None),
            ("SCAN 0", None),
            ("COMMAND GETKEYS SPOP s", None),
        ] {
            assert_eq!(settling(&request_of(line)), expected, "{line}");
        }
    }

    #[test]
    fn picks_are_read_from_flat_and_nested_pairs() {
        let bulk = |text: &str| Value::Bulk(text.as_bytes().to_vec());
        let expected = vec![
            (b"a".to_vec(), Some(bulk("1"))),
            (b"b".to_vec(), Some(bulk("2"))),
        ];
        let flat = Value::Array(vec![bulk("a"), bulk("1"), bulk("b"), bulk("2")]);
        let nested = Value::Array(vec![
            Value::Array(vec![bulk("a"), bulk("1")]),
            Value::Array(vec![bulk("b"), bulk("2")]),
        ]);
        assert_eq!(picks(&flat, true), expected);
        assert_eq!(picks(&nested, true), expected);
        assert_eq!(picks(&flat, false).len(), 4);
        assert_eq!(picks(&Value::Nil, false), Vec::new());
    }
}
