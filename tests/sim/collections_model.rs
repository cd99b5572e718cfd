//! Naive collections: what requests of `collections.rs` are answered, each done at once.
//!
//! Replies whose order is the server's choice are compared in the order of their texts.

use super::reply::Reply;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A fault put into the model on purpose, which must not go unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// A read is of a moment one request after its own.
    ReadsLate,
    /// Of many elements that come, the last is lost.
    LosesTheLast,
    /// What is stored is combined one request later.
    StoresLate,
    /// A copy loses its last element.
    ForgetsCopies,
    /// Fields stay when they are due.
    KeepsDueFields,
    /// What was taken by chance stays.
    PopsAgain,
}

/// The value of a field, and when it is due.
#[derive(Clone, Debug)]
struct Field {
    value: String,
    deadline_ms: Option<u64>,
}

#[derive(Clone, Debug)]
enum Value {
    Set(BTreeSet<String>),
    List(VecDeque<String>),
    Sorted(BTreeMap<String, usize>),
    Hash(BTreeMap<String, Field>),
}

/// See the module header.
pub(crate) struct Model {
    keys: BTreeMap<String, Value>,
    /// As they were one request ago, for faults.
    before: BTreeMap<String, Value>,
    fault: Fault,
    /// Time that has passed.
    now_ms: u64,
}

impl Model {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            keys: BTreeMap::new(),
            before: BTreeMap::new(),
            fault,
            now_ms: 0,
        }
    }

    /// Time passes, and fields that are due go.
    pub(crate) fn pass_time(&mut self, duration_ms: u64) {
        self.now_ms += duration_ms;
        let now_ms = self.now_ms;
        if self.fault == Fault::KeepsDueFields {
            return;
        }
        for value in self.keys.values_mut() {
            if let Value::Hash(fields) = value {
                fields.retain(|_, field| {
                    field
                        .deadline_ms
                        .is_none_or(|deadline_ms| deadline_ms > now_ms)
                });
            }
        }
        self.keys.retain(|_, value| !value.is_empty());
    }

    /// Takes what was taken of a set by chance, which was to be so many members.
    pub(crate) fn pop(&mut self, key: &str, count: usize, members: &[Reply]) -> Result<(), String> {
        let is_faulty = self.fault == Fault::PopsAgain;
        let set = self.set(key);
        let wanted_count = count.min(set.len());
        let before = set.clone();
        let taken = members.iter().filter_map(Reply::as_text);
        let taken_count = taken.filter(|member| set.remove(*member)).count();
        if is_faulty {
            *set = before;
        }
        self.keys.retain(|_, value| !value.is_empty());
        match taken_count == wanted_count && members.len() == wanted_count {
            true => Ok(()),
            false => Err(format!(
                "{taken_count} of {} members that were taken of {wanted_count} were there",
                members.len()
            )),
        }
    }

    /// A reply as it is compared, to the request that is shown.
    pub(crate) fn in_order(shown: &str, reply: Reply) -> Reply {
        let requests = shown.strip_prefix("exec; ");
        if let (Some(requests), Reply::List(replies)) = (requests, &reply) {
            let pairs = requests.split("; ").zip(replies);
            let ordered = pairs.map(|(shown, reply)| Self::in_order(shown, reply.clone()));
            return Reply::List(ordered.collect());
        }
        let name = shown.split(' ').next().unwrap_or_default();
        match (name.to_ascii_uppercase().as_str(), reply) {
            ("SMEMBERS" | "SUNION" | "SPOP", Reply::List(mut items)) => {
                items.sort();
                Reply::List(items)
            }
            ("HGETALL", Reply::List(items)) => {
                let mut pairs: Vec<&[Reply]> = items.chunks(2).collect();
                pairs.sort();
                Reply::List(pairs.concat())
            }
            (_, reply) => reply,
        }
    }

    /// Executes a request.
    pub(crate) fn execute(&mut self, words: &[String]) -> Reply {
        let is_faulty = match self.fault {
            Fault::ReadsLate => ["smembers", "lrange", "hgetall", "zrange"].as_slice(),
            Fault::StoresLate => ["sunionstore", "sinterstore", "zunionstore"].as_slice(),
            Fault::None
            | Fault::LosesTheLast
            | Fault::ForgetsCopies
            | Fault::KeepsDueFields
            | Fault::PopsAgain => &[],
        };
        let name = words[0].to_ascii_lowercase();
        let now = self.keys.clone();
        if is_faulty.contains(&name.as_str()) {
            self.keys = std::mem::take(&mut self.before);
        }
        let reply = self.answer(&name, &words[1..]);
        if is_faulty.contains(&name.as_str()) {
            let stored = self.keys.remove(&words[1]);
            self.keys = now.clone();
            if name.ends_with("store") {
                match stored {
                    Some(value) => drop(self.keys.insert(words[1].clone(), value)),
                    None => drop(self.keys.remove(&words[1])),
                }
            }
        }
        if self.fault != Fault::None {
            self.before = now;
        }
        self.keys.retain(|_, value| !value.is_empty());
        reply
    }

    fn answer(&mut self, name: &str, words: &[String]) -> Reply {
        match name {
            "flushall" => {
                self.keys.clear();
                Reply::Line("+OK".into())
            }
            "del" => Reply::integer(usize::from(self.keys.remove(&words[0]).is_some())),
            "exists" => {
                let are_there = words.iter().filter(|key| self.keys.contains_key(*key));
                Reply::integer(are_there.count())
            }
            "copy" if words[0] == words[1] => {
                Reply::Line("-ERR source and destination objects are the same".into())
            }
            "copy" => {
                let Some(mut value) = self.keys.get(&words[0]).cloned() else {
                    return Reply::integer(0);
                };
                match (self.fault, &mut value) {
                    (Fault::ForgetsCopies, Value::List(items)) => drop(items.pop_back()),
                    (Fault::ForgetsCopies, Value::Set(members)) => drop(members.pop_last()),
                    _ => {}
                }
                self.keys.insert(words[1].clone(), value);
                Reply::integer(1)
            }
            "rename" => {
                let Some(value) = self.keys.remove(&words[0]) else {
                    return Reply::Line("-ERR no such key".into());
                };
                self.keys.insert(words[1].clone(), value);
                Reply::Line("+OK".into())
            }
            "lmpop" => {
                let found = words[1..3].iter().find(|key| self.keys.contains_key(*key));
                let Some(key) = found.cloned() else {
                    return Reply::Null;
                };
                let count = number(&words[5]);
                let items = self.list(&key);
                let count = count.min(items.len());
                // At least one is taken, or the request is wrong.
                if number(&words[5]) == 0 {
                    return Reply::Line("-ERR count should be greater than 0".into());
                }
                let taken = items.drain(..count).map(Reply::Text).collect();
                Reply::List(vec![Reply::Text(key), Reply::List(taken)])
            }
            _ => match words[0].as_bytes()[0] {
                b's' => self.answer_set(name, &words[0], &words[1..]),
                b'l' => self.answer_list(name, &words[0], &words[1..]),
                b'z' => self.answer_sorted(name, &words[0], &words[1..]),
                _ => self.answer_hash(name, &words[0], &words[1..]),
            },
        }
    }

    /// Elements that come, but for what a fault loses.
    fn coming<'w>(&self, words: &'w [String], row: usize) -> &'w [String] {
        match self.fault == Fault::LosesTheLast && words.len() > 1_024 {
            true => &words[..words.len() - row],
            false => words,
        }
    }

    fn set(&mut self, key: &str) -> &mut BTreeSet<String> {
        let empty = || Value::Set(BTreeSet::new());
        match self.keys.entry(key.into()).or_insert_with(empty) {
            Value::Set(members) => members,
            other => panic!("{key} is {other:?}"),
        }
    }

    fn answer_set(&mut self, name: &str, key: &str, words: &[String]) -> Reply {
        match name {
            "sadd" => {
                let words = self.coming(words, 1);
                let members = self.set(key);
                Reply::integer(
                    words
                        .iter()
                        .filter(|word| members.insert((*word).clone()))
                        .count(),
                )
            }
            "srem" => {
                let members = self.set(key);
                Reply::integer(words.iter().filter(|word| members.remove(*word)).count())
            }
            "smismember" => {
                let members = self.set(key);
                let are = words.iter().map(|word| usize::from(members.contains(word)));
                Reply::List(are.map(Reply::integer).collect())
            }
            "smembers" => texts(self.set(key).iter()),
            // As many as there may be.
            "spop" => texts(std::mem::take(self.set(key)).iter()),
            "scard" => Reply::integer(self.set(key).len()),
            "sunion" => {
                let mut union = self.set(key).clone();
                words
                    .iter()
                    .for_each(|key| union.extend(self.set(key).clone()));
                texts(union.iter())
            }
            _ => {
                let (one, other) = (self.set(&words[0]).clone(), self.set(&words[1]).clone());
                let result: BTreeSet<String> = match name {
                    "sinterstore" => one.intersection(&other).cloned().collect(),
                    "sunionstore" => one.union(&other).cloned().collect(),
                    "sdiffstore" => one.difference(&other).cloned().collect(),
                    _ => panic!("{name} is not known"),
                };
                *self.set(key) = result;
                Reply::integer(self.set(key).len())
            }
        }
    }

    fn list(&mut self, key: &str) -> &mut VecDeque<String> {
        let empty = || Value::List(VecDeque::new());
        match self.keys.entry(key.into()).or_insert_with(empty) {
            Value::List(items) => items,
            other => panic!("{key} is {other:?}"),
        }
    }

    fn answer_list(&mut self, name: &str, key: &str, words: &[String]) -> Reply {
        let is_there = self.keys.contains_key(key);
        let coming = self.coming(words, 1);
        let items = self.list(key);
        match name {
            "rpush" => {
                items.extend(coming.iter().cloned());
                Reply::integer(items.len())
            }
            "lpush" => {
                coming
                    .iter()
                    .for_each(|item| items.push_front(item.clone()));
                Reply::integer(items.len())
            }
            "lpop" | "rpop" if !is_there => Reply::Null,
            "lpop" => {
                let count = number(&words[0]).min(items.len());
                Reply::List(items.drain(..count).map(Reply::Text).collect())
            }
            "rpop" => {
                let count = number(&words[0]).min(items.len());
                let taken = items.split_off(items.len() - count);
                Reply::List(taken.into_iter().rev().map(Reply::Text).collect())
            }
            "lrange" => texts(items.iter().skip(number(&words[0]))),
            "lrem" => {
                let len = items.len();
                items.retain(|item| *item != words[1]);
                Reply::integer(len - items.len())
            }
            "linsert" if !is_there => Reply::integer(0),
            "linsert" => match items.iter().position(|item| *item == words[1]) {
                Some(at) => {
                    items.insert(at, words[2].clone());
                    Reply::integer(items.len())
                }
                None => Reply::Line(":-1".into()),
            },
            "ltrim" => {
                let count = number(&words[0]).min(items.len());
                items.drain(..count);
                Reply::Line("+OK".into())
            }
            "llen" => Reply::integer(items.len()),
            _ => panic!("{name} is not known"),
        }
    }

    fn sorted(&mut self, key: &str) -> &mut BTreeMap<String, usize> {
        let empty = || Value::Sorted(BTreeMap::new());
        match self.keys.entry(key.into()).or_insert_with(empty) {
            Value::Sorted(members) => members,
            other => panic!("{key} is {other:?}"),
        }
    }

    fn answer_sorted(&mut self, name: &str, key: &str, words: &[String]) -> Reply {
        match name {
            "zadd" => {
                let words = self.coming(words, 2);
                let members = self.sorted(key);
                let len = members.len();
                for pair in words.chunks(2) {
                    members.insert(pair[1].clone(), number(&pair[0]));
                }
                Reply::integer(members.len() - len)
            }
            "zrem" => {
                let members = self.sorted(key);
                let removed = words.iter().filter(|word| members.remove(*word).is_some());
                Reply::integer(removed.count())
            }
            "zmscore" => {
                let members = self.sorted(key);
                let scores = words.iter().map(|word| members.get(word));
                let scores = scores.map(|score| match score {
                    Some(score) => Reply::Text(score.to_string()),
                    None => Reply::Null,
                });
                Reply::List(scores.collect())
            }
            "zrange" => texts(by_score(self.sorted(key)).iter().map(|(_, member)| member)),
            "zpopmin" => {
                let members = self.sorted(key);
                let taken = by_score(members);
                let taken = taken.into_iter().take(number(&words[0]));
                let mut told = Vec::new();
                for (score, member) in taken {
                    members.remove(&member);
                    told.extend([Reply::Text(member), Reply::Text(score.to_string())]);
                }
                Reply::List(told)
            }
            "zremrangebyscore" => {
                let members = self.sorted(key);
                let (len, range) = (members.len(), number(&words[0])..=number(&words[1]));
                members.retain(|_, score| !range.contains(score));
                Reply::integer(len - members.len())
            }
            "zunionstore" => {
                let mut union = self.sorted(&words[1]).clone();
                for (member, score) in self.sorted(&words[2]).clone() {
                    let kept = union.entry(member).or_insert(score);
                    *kept = (*kept).max(score);
                }
                *self.sorted(key) = union;
                Reply::integer(self.sorted(key).len())
            }
            "zrangestore" => {
                let range = by_score(self.sorted(&words[0]));
                let range = range.into_iter().skip(number(&words[1]));
                *self.sorted(key) = range.map(|(score, member)| (member, score)).collect();
                Reply::integer(self.sorted(key).len())
            }
            _ => panic!("{name} is not known"),
        }
    }

    fn answer_hash(&mut self, name: &str, key: &str, words: &[String]) -> Reply {
        let coming = self.coming(words, 2);
        let now_ms = self.now_ms;
        let empty = || Value::Hash(BTreeMap::new());
        let Value::Hash(fields) = self.keys.entry(key.into()).or_insert_with(empty) else {
            panic!("{key} is no hash");
        };
        match name {
            "hset" => {
                let len = fields.len();
                for pair in coming.chunks(2) {
                    let field = Field {
                        value: pair[1].clone(),
                        deadline_ms: None,
                    };
                    fields.insert(pair[0].clone(), field);
                }
                Reply::integer(fields.len() - len)
            }
            "hdel" => {
                let removed = words.iter().filter(|word| fields.remove(*word).is_some());
                Reply::integer(removed.count())
            }
            "hmget" => {
                let values = words.iter().map(|word| fields.get(word));
                let values = values
                    .map(|value| value.map_or(Reply::Null, |field| Reply::text(&field.value)));
                Reply::List(values.collect())
            }
            "hgetall" => texts(fields.iter().flat_map(|(name, field)| [name, &field.value])),
            "hpexpire" => {
                let deadline_ms = now_ms + number(&words[0]) as u64;
                let set = |field: &mut Field| {
                    field.deadline_ms = Some(deadline_ms);
                    1
                };
                each_field(fields, &words[3..], set)
            }
            "hpersist" => {
                let persist = |field: &mut Field| match field.deadline_ms.take() {
                    Some(_) => 1,
                    None => -1,
                };
                each_field(fields, &words[2..], persist)
            }
            "hlen" => Reply::integer(fields.len()),
            _ => panic!("{name} is not known"),
        }
    }
}

impl Value {
    fn is_empty(&self) -> bool {
        match self {
            Self::Set(members) => members.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Sorted(members) => members.is_empty(),
            Self::Hash(fields) => fields.is_empty(),
        }
    }
}

/// The answers of fields by their names; that of one that is not there is -2.
fn each_field(
    fields: &mut BTreeMap<String, Field>,
    names: &[String],
    mut answer: impl FnMut(&mut Field) -> i64,
) -> Reply {
    let answers = names
        .iter()
        .map(|name| fields.get_mut(name).map_or(-2, &mut answer));
    Reply::List(
        answers
            .map(|answer| Reply::Line(format!(":{answer}")))
            .collect(),
    )
}

fn number(text: &str) -> usize {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is a number"))
}

fn texts<'t>(texts: impl Iterator<Item = &'t String>) -> Reply {
    Reply::List(texts.map(|text| Reply::text(text)).collect())
}

/// Members in the order of their scores.
fn by_score(members: &BTreeMap<String, usize>) -> Vec<(usize, String)> {
    let mut ordered: Vec<(usize, String)> = members
        .iter()
        .map(|(member, score)| (*score, member.clone()))
        .collect();
    ordered.sort();
    ordered
}
