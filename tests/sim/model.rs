//! A naive cache: what every request should be answered, in the order in which it is executed.
//!
//! One [`Store`] for all clients, one [`Session`] for each. The world tells what was executed when,
//! so keys may be shared: nothing is left to chance. A key is present while its deadline is ahead.
//!
//! Not here: which requests are made (`requests.rs`).

use evenkeel::Timestamp;
use std::collections::{HashMap, VecDeque};

/// The words of one request.
pub(crate) type Words = Vec<Vec<u8>>;

/// Databases that requests choose from.
pub(crate) const DATABASES: usize = 2;

#[derive(Clone, Debug)]
struct Value {
    bytes: Vec<u8>,
    deadline_ms: Option<u64>,
}

/// All keys, and the pause.
#[derive(Debug, Default)]
pub(crate) struct Store {
    databases: [HashMap<Vec<u8>, Value>; DATABASES],
    /// Whether the pause is of everything, and when it ends on the monotonic clock.
    pause: Option<(bool, u64)>,
    /// A fault put in on purpose: SET leaves the deadline as it was.
    pub(crate) forgets_to_clear_deadlines: bool,
}

/// What the model knows of one client.
#[derive(Debug, Default)]
pub(crate) struct Session {
    database: usize,
    queue: Option<Vec<Words>>,
    is_broken: bool,
    skips_next: bool,
    /// The client asked to be disconnected.
    pub(crate) is_over: bool,
}

const SYNTAX: &[u8] = b"-ERR syntax error\r\n";

impl Store {
    /// Keys present at `now_ms`.
    pub(crate) fn live_keys(&self, database: usize, now_ms: u64) -> usize {
        let values = self.databases[database].values();
        values.filter(|value| value.is_live(now_ms)).count()
    }

    /// The earliest deadline ahead.
    pub(crate) fn next_deadline_ms(&self, now_ms: u64) -> Option<u64> {
        let values = self.databases.iter().flat_map(HashMap::values);
        let live = values.filter(|value| value.is_live(now_ms));
        live.filter_map(|value| value.deadline_ms).min()
    }

    /// How long the pause still keeps all keys, be they due or not.
    pub(crate) fn pause_rest_ms(&self, now: Timestamp) -> u64 {
        let until_ms = self.pause.map_or(0, |(_, until_ms)| until_ms);
        until_ms.saturating_sub(now.monotonic_ms())
    }

    /// What the request is answered at `now`; an error if it should not have been executed.
    pub(crate) fn execute(
        &mut self,
        session: &mut Session,
        words: &Words,
        now: Timestamp,
    ) -> Result<Vec<u8>, String> {
        if session.is_over {
            return Err("executed behind the last request".into());
        }
        if self.holds(session, words, now.monotonic_ms()) {
            return Err(format!("executed in a pause: {:?}", self.pause));
        }
        let is_skipped = std::mem::take(&mut session.skips_next);
        let reply = self.answer(session, words, now);
        Ok(if is_skipped { Vec::new() } else { reply })
    }

    fn holds(&self, session: &Session, words: &Words, now_ms: u64) -> bool {
        let name = words[0].as_slice();
        // Errors need not wait; and when a request without reply was executed nobody can tell.
        let is_error = name == b"NOSUCH" || words.len() == 1 && name == b"GET";
        let is_silent = session.skips_next || is_silencing(words);
        match self.pause {
            Some((is_all, until_ms)) if now_ms < until_ms && !is_error && !is_silent => {
                let queue = session.queue.as_deref().unwrap_or_default();
                let may_write = |name: &[u8]| is_write(name);
                let has_write = queue.iter().any(|words| may_write(&words[0]));
                is_all || may_write(name) || (name == b"EXEC" && has_write && !session.is_broken)
            }
            _ => false,
        }
    }

    fn answer(&mut self, session: &mut Session, words: &Words, now: Timestamp) -> Vec<u8> {
        let name = words[0].as_slice();
        if name == b"NOSUCH" {
            session.is_broken |= session.queue.is_some();
            return b"-ERR unknown command 'NOSUCH', with args beginning with: \r\n".to_vec();
        }
        match (name, &mut session.queue) {
            (b"MULTI", Some(_)) => b"-ERR MULTI calls can not be nested\r\n".to_vec(),
            (b"MULTI", queue) => {
                *queue = Some(Vec::new());
                session.is_broken = false;
                ok()
            }
            (b"DISCARD", Some(_)) => {
                session.queue = None;
                ok()
            }
            (b"EXEC", Some(_)) => self.exec(session, now),
            (b"EXEC" | b"DISCARD", None) => {
                format!("-ERR {} without MULTI\r\n", text(name)).into_bytes()
            }
            (b"QUIT", _) => {
                session.is_over = true;
                ok()
            }
            (_, Some(queue)) => {
                queue.push(words.clone());
                b"+QUEUED\r\n".to_vec()
            }
            (_, None) => self.run(session, words, now),
        }
    }

    fn exec(&mut self, session: &mut Session, now: Timestamp) -> Vec<u8> {
        let queue = session.queue.take().unwrap_or_default();
        if session.is_broken {
            return b"-EXECABORT Transaction discarded because of previous errors.\r\n".to_vec();
        }
        let mut reply = format!("*{}\r\n", queue.len()).into_bytes();
        for words in &queue {
            reply.extend(self.run(session, words, now));
        }
        reply
    }

    fn run(&mut self, session: &mut Session, words: &Words, now: Timestamp) -> Vec<u8> {
        let database = session.database;
        let argument = |index: usize| words[index].as_slice();
        match argument(0) {
            b"PING" => b"+PONG\r\n".to_vec(),
            b"ECHO" => bulk(Some(argument(1))),
            b"SELECT" => {
                session.database = number(argument(1)).unwrap_or_default() as usize;
                ok()
            }
            b"CLIENT" => self.client(session, words, now.monotonic_ms()),
            b"FLUSHALL" => {
                self.databases = Default::default();
                ok()
            }
            b"FLUSHDB" => {
                self.databases[database].clear();
                ok()
            }
            _ => {
                let keys = &mut self.databases[database];
                let now_ms = now.unix_ms();
                keys.retain(|_, value| value.is_live(now_ms));
                let forgets = self.forgets_to_clear_deadlines;
                run_on_keys(keys, words, now_ms, forgets)
            }
        }
    }

    fn client(&mut self, session: &mut Session, words: &Words, now_ms: u64) -> Vec<u8> {
        match words[1].as_slice() {
            b"REPLY" => {
                session.skips_next = true;
                return Vec::new();
            }
            b"PAUSE" => {
                let until_ms = now_ms + number(&words[2]).unwrap_or_default() as u64;
                let is_all = words[3] == b"ALL";
                self.pause = Some(match self.pause {
                    Some((old_all, old_ms)) if now_ms < old_ms => {
                        (is_all || old_all, until_ms.max(old_ms))
                    }
                    _ => (is_all, until_ms),
                });
            }
            b"UNPAUSE" => self.pause = None,
            _ => return SYNTAX.to_vec(),
        }
        ok()
    }
}

impl Value {
    fn is_live(&self, now_ms: u64) -> bool {
        self.deadline_ms
            .is_none_or(|deadline_ms| deadline_ms > now_ms)
    }
}

/// Whether this request and the next have no reply.
pub(crate) fn is_silencing(words: &Words) -> bool {
    words.len() == 3 && words[0] == b"CLIENT" && words[1] == b"REPLY"
}

fn is_write(name: &[u8]) -> bool {
    const WRITES: [&[u8]; 10] = [
        b"SET",
        b"GETDEL",
        b"DEL",
        b"INCRBY",
        b"APPEND",
        b"MSET",
        b"PEXPIRE",
        b"PERSIST",
        b"FLUSHALL",
        b"FLUSHDB",
    ];
    WRITES.contains(&name)
}

/// Commands on the keys of one database, all of which are live.
fn run_on_keys(
    keys: &mut HashMap<Vec<u8>, Value>,
    words: &Words,
    now_ms: u64,
    forgets_to_clear_deadlines: bool,
) -> Vec<u8> {
    let key = words.get(1).cloned().unwrap_or_default();
    let present = keys.get(&key).cloned();
    let bytes = present.as_ref().map(|value| value.bytes.as_slice());
    match words[0].as_slice() {
        b"GETDEL" => {
            keys.remove(&key);
            bulk(bytes)
        }
        b"SET" => set(keys, words, now_ms, forgets_to_clear_deadlines),
        b"DEL" => {
            let removed = words[1..].iter().filter(|&key| keys.remove(key).is_some());
            integer(removed.count() as i64)
        }
        b"MSET" => {
            for pair in words[1..].chunks(2) {
                let (bytes, deadline_ms) = (pair[1].clone(), None);
                keys.insert(pair[0].clone(), Value { bytes, deadline_ms });
            }
            ok()
        }
        b"INCRBY" => {
            let Some(old) = number(bytes.unwrap_or(b"0")) else {
                return b"-ERR value is not an integer or out of range\r\n".to_vec();
            };
            let new = old + number(&words[2]).unwrap_or_default();
            let entry = keys.entry(key).or_insert_with(Value::empty);
            entry.bytes = new.to_string().into_bytes();
            integer(new)
        }
        b"APPEND" => {
            let entry = keys.entry(key).or_insert_with(Value::empty);
            entry.bytes.extend_from_slice(&words[2]);
            integer(entry.bytes.len() as i64)
        }
        b"PEXPIRE" => {
            let duration_ms = number(&words[2]).unwrap_or_default();
            match keys.get_mut(&key) {
                None => return integer(0),
                Some(_) if duration_ms <= 0 => drop(keys.remove(&key)),
                Some(value) => value.deadline_ms = Some(now_ms + duration_ms as u64),
            }
            integer(1)
        }
        b"PERSIST" => {
            let value = keys.get_mut(&key);
            let had_deadline = value.and_then(|value| value.deadline_ms.take());
            integer(i64::from(had_deadline.is_some()))
        }
        _ => read_keys(keys, words, now_ms),
    }
}

fn read_keys(keys: &HashMap<Vec<u8>, Value>, words: &Words, now_ms: u64) -> Vec<u8> {
    let present = words.get(1).and_then(|key| keys.get(key));
    let bytes = present.map(|value| value.bytes.as_slice());
    match words[0].as_slice() {
        b"GET" if words.len() == 1 => {
            b"-ERR wrong number of arguments for 'get' command\r\n".to_vec()
        }
        b"GET" => bulk(bytes),
        b"STRLEN" => integer(bytes.unwrap_or_default().len() as i64),
        b"EXISTS" => {
            let found = words[1..].iter().filter(|&key| keys.contains_key(key));
            integer(found.count() as i64)
        }
        b"MGET" => {
            let mut reply = format!("*{}\r\n", words.len() - 1).into_bytes();
            for key in &words[1..] {
                reply.extend(bulk(keys.get(key).map(|value| value.bytes.as_slice())));
            }
            reply
        }
        b"PTTL" => integer(match present.map(|value| value.deadline_ms) {
            None => -2,
            Some(None) => -1,
            Some(Some(deadline_ms)) => (deadline_ms - now_ms) as i64,
        }),
        other => unreachable!("no request says {}", text(other)),
    }
}

/// `SET key value [PX duration | NX | XX | KEEPTTL] [GET]`, at most one of the first group.
fn set(
    keys: &mut HashMap<Vec<u8>, Value>,
    words: &Words,
    now_ms: u64,
    forgets_to_clear_deadlines: bool,
) -> Vec<u8> {
    let options: VecDeque<&[u8]> = words[3..].iter().map(Vec::as_slice).collect();
    let old = keys.get(&words[1]).cloned();
    let has = |name: &[u8]| options.contains(&name);
    let old_bytes = old.as_ref().map(|value| value.bytes.as_slice());
    let is_refused = (has(b"NX") && old.is_some()) || (has(b"XX") && old.is_none());
    if !is_refused {
        let keeps = has(b"KEEPTTL") || forgets_to_clear_deadlines;
        let deadline_ms = match options.front() {
            Some(&b"PX") => Some(now_ms + number(options[1]).unwrap_or_default() as u64),
            _ => old
                .as_ref()
                .filter(|_| keeps)
                .and_then(|value| value.deadline_ms),
        };
        let bytes = words[2].clone();
        keys.insert(words[1].clone(), Value { bytes, deadline_ms });
    }
    match (has(b"GET"), is_refused) {
        (true, _) => bulk(old_bytes),
        (false, true) => bulk(None),
        (false, false) => ok(),
    }
}

impl Value {
    fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            deadline_ms: None,
        }
    }
}

fn ok() -> Vec<u8> {
    b"+OK\r\n".to_vec()
}

fn integer(value: i64) -> Vec<u8> {
    format!(":{value}\r\n").into_bytes()
}

fn bulk(bytes: Option<&[u8]>) -> Vec<u8> {
    let Some(bytes) = bytes else {
        return b"$-1\r\n".to_vec();
    };
    let mut reply = format!("${}\r\n", bytes.len()).into_bytes();
    reply.extend_from_slice(bytes);
    reply.extend_from_slice(b"\r\n");
    reply
}

/// A number in the only form that counts as one: no sign or zero too many.
fn number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
