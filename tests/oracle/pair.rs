//! Two servers side by side: the same requests to both, over as many connections each.
//!
//! Consecutive requests of one connection travel as one pipeline, as long as they are short; those
//! whose replies chance decides travel alone. Replies of both servers are read
//! before the next connection sends, so the order of effects is the same on both.
//!
//! Not here: what counts as agreement (`compare.rs`), what chance decided (`settle.rs`), making a
//! failure small (`shrink.rs`).

use crate::compare::Exchange;
use crate::settle::{Answer, Settling, settling};
use crate::support::client::{Address, Client, encode};
use crate::support::value::Value;
use crate::support::words;
use crate::tally::Tally;

/// A pipeline takes no further request beyond so many bytes: a server may stop reading while its
/// replies wait, and these fit the buffers between.
const PIPELINE_BYTES_MAX: usize = 16 * 1024;

/// How many connections a run uses; odd ones start in RESP3.
pub(crate) const CONNECTIONS: usize = 4;

/// One thing to do on both servers.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// A request over one of the connections.
    Request {
        /// Which connection.
        connection: usize,
        /// The request.
        words: Vec<Vec<u8>>,
    },
    /// A whole SCAN of the first databases with this COUNT; the keys found must be the same.
    ScanAll {
        /// The COUNT of each call.
        count: u32,
    },
    /// Every key of every database with its value, encoding and deadline must be the same.
    CompareKeyspaces,
}

/// Where the servers parted.
#[derive(Debug)]
pub(crate) struct Mismatch {
    /// Index of the operation.
    pub(crate) index: usize,
    /// What was asked.
    pub(crate) request: String,
    /// The reply of the server under test.
    pub(crate) subject: String,
    /// The reply of redis-server.
    pub(crate) reference: String,
}

/// The addresses compared.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// The server under test.
    pub(crate) subject: Address,
    /// redis-server.
    pub(crate) reference: Address,
}

/// Connections to both servers.
pub(crate) struct Pair {
    subject: Side,
    reference: Side,
    /// The requests queued by MULTI, for each connection that is in a transaction.
    queued: Vec<Option<Vec<Vec<Vec<u8>>>>>,
    tally: Tally,
}

struct Side {
    control: Client,
    clients: Vec<Client>,
}

impl Side {
    fn new(address: &Address) -> Side {
        let mut control = Client::connect(address);
        control.line("FLUSHALL");
        control.line("CONFIG SET timeout 0 client-query-buffer-limit 1gb");
        // Redis has no such parameter, and nothing to choose: it always answers in the protocol.
        control.line("CONFIG SET inline-replies resp");
        let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| Client::connect(address)).collect();
        for client in clients.iter_mut().skip(1).step_by(2) {
            client.line("HELLO 3");
        }
        Side { control, clients }
    }

    /// Sends requests over the control connection and reads the replies.
    fn ask(&mut self, requests: &[Vec<Vec<u8>>]) -> Vec<Value> {
        let mut bytes = Vec::new();
        for request in requests {
            encode(request, &mut bytes);
        }
        self.control
            .send_raw(&bytes)
            .expect("a server takes the pipeline");
        let mut read = || self.control.read_reply().expect("a server replies");
        requests
            .iter()
            .map(|_| Value::parse(&read()).expect("a reply is complete"))
            .collect()
    }
}

impl Pair {
    /// Empties both servers and connects to them.
    pub(crate) fn new(addresses: &Addresses) -> Pair {
        Pair {
            subject: Side::new(&addresses.subject),
            reference: Side::new(&addresses.reference),
            queued: vec![None; CONNECTIONS],
            tally: Tally::default(),
        }
    }

    /// What was run.
    pub(crate) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Runs the operations in order up to the first disagreement.
    pub(crate) fn run(&mut self, operations: &[Operation]) -> Result<(), Box<Mismatch>> {
        let mut start = 0;
        while start < operations.len() {
            let count = pipeline_length(&operations[start..]);
            self.run_pipeline(start, &operations[start..start + count])?;
            start += count;
        }
        Ok(())
    }

    fn run_pipeline(&mut self, start: usize, pipeline: &[Operation]) -> Result<(), Box<Mismatch>> {
        let connection = match &pipeline[0] {
            Operation::Request { connection, .. } => *connection,
            Operation::ScanAll { count } => return self.scan_all(start, *count),
            Operation::CompareKeyspaces => return self.compare_keyspaces(start),
        };
        let requests: Vec<&[Vec<u8>]> = pipeline.iter().filter_map(Operation::words).collect();
        // What a transaction pops by chance could not be settled before its later commands.
        if self.queued[connection].is_some() && settling(requests[0]) == Some(Settling::Popped) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for request in &requests {
            encode(request, &mut bytes);
        }
        for side in [&mut self.subject, &mut self.reference] {
            side.clients[connection]
                .send_raw(&bytes)
                .expect("a server takes the pipeline");
        }
        for (offset, request) in requests.iter().enumerate() {
            let subject = self.subject.clients[connection].read_reply();
            let reference = self.reference.clients[connection]
                .read_reply()
                .unwrap_or_else(|error| {
                    panic!("redis-server: {error} to {}", words::join(request))
                });
            let reference_value = Value::parse(&reference).expect("redis-server replies correctly");
            let subject_value = match &subject {
                Ok(subject) => Value::parse(subject),
                Err(error) => Err(error.to_string()),
            };
            let is_equal = subject.as_ref().is_ok_and(|subject| *subject == reference);
            let agreeing = subject_value.ok().filter(|subject| {
                is_equal || self.agree(connection, request, subject, &reference_value)
            });
            let Some(subject_value) = agreeing else {
                return Err(Box::new(Mismatch {
                    index: start + offset,
                    request: words::join(request),
                    subject: subject.map_or_else(|error| error.to_string(), |b| print(&b)),
                    reference: print(&reference),
                }));
            };
            let index = start + offset;
            self.settle(
                index,
                connection,
                request,
                [&subject_value, &reference_value],
            )?;
            self.follow_transaction(connection, request, &reference_value);
        }
        Ok(())
    }

    /// Checks what chance decided, unless it is only queued.
    fn settle(
        &mut self,
        index: usize,
        connection: usize,
        request: &[Vec<u8>],
        [subject, reference]: [&Value; 2],
    ) -> Result<(), Box<Mismatch>> {
        let Some(settling) = settling(request).filter(|_| self.queued[connection].is_none()) else {
            return Ok(());
        };
        let subject = Answer {
            client: &mut self.subject.clients[connection],
            reply: subject,
        };
        let reference = Answer {
            client: &mut self.reference.clients[connection],
            reply: reference,
        };
        settling
            .settle(request, subject, reference)
            .map_err(|disagreement| {
                Box::new(Mismatch {
                    index,
                    request: disagreement.request,
                    subject: disagreement.subject.print().join("\n    "),
                    reference: disagreement.reference.print().join("\n    "),
                })
            })
    }

    /// Compares one reply; that of EXEC member by member with the queued requests.
    fn agree(
        &self,
        connection: usize,
        request: &[Vec<u8>],
        subject: &Value,
        reference: &Value,
    ) -> bool {
        let exchange = Exchange {
            words: request,
            subject,
            reference,
        };
        let (Some(queued), "exec") = (&self.queued[connection], exchange.name().as_str()) else {
            return exchange.agrees();
        };
        let (subject, reference) = (subject.members(), reference.members());
        subject.len() == queued.len()
            && reference.len() == queued.len()
            && queued.iter().zip(subject.iter().zip(reference)).all(
                |(words, (subject, reference))| {
                    Exchange {
                        words,
                        subject,
                        reference,
                    }
                    .agrees()
                },
            )
    }

    fn follow_transaction(&mut self, connection: usize, request: &[Vec<u8>], reply: &Value) {
        let name = request
            .first()
            .map(|word| word.to_ascii_lowercase())
            .unwrap_or_default();
        let queued = &mut self.queued[connection];
        if !matches!(reply, Value::Simple(text) if text == b"QUEUED") {
            self.tally.count(request, reply);
        }
        match (name.as_slice(), reply) {
            (b"multi", Value::Simple(text)) if text == b"OK" => *queued = Some(Vec::new()),
            (b"exec", _) => {
                let queued = queued.take().unwrap_or_default();
                for (request, reply) in queued.iter().zip(reply.members()) {
                    self.tally.count(request, reply);
                }
            }
            (b"discard" | b"reset", Value::Simple(_)) => *queued = None,
            (_, Value::Simple(text)) if text == b"QUEUED" => {
                if let Some(queued) = queued {
                    queued.push(request.to_vec());
                }
            }
            _ => {}
        }
    }

    fn scan_all(&mut self, index: usize, count: u32) -> Result<(), Box<Mismatch>> {
        let subject = scan(&mut self.subject.control, count);
        let reference = scan(&mut self.reference.control, count);
        if subject == reference {
            return Ok(());
        }
        Err(Box::new(Mismatch {
            index,
            request: format!("a whole SCAN with COUNT {count}"),
            subject: words::join(&subject),
            reference: words::join(&reference),
        }))
    }

    /// The type of every key, then its value as its type has it.
    fn compare_keyspaces(&mut self, index: usize) -> Result<(), Box<Mismatch>> {
        for database in 0..16 {
            let select = vec![b"SELECT".to_vec(), database.to_string().into_bytes()];
            let keys = vec![b"KEYS".to_vec(), b"*".to_vec()];
            let replies = self.compare_control(index, &[select, keys])?;
            let keys: Vec<_> = replies[1]
                .members()
                .iter()
                .filter_map(Value::bytes)
                .collect();
            // Bounded pipelines, so that neither side waits for replies to be read.
            for part in keys.chunks(20) {
                self.compare_keys(index, part)?;
            }
        }
        self.compare_control(index, &[vec![b"SELECT".to_vec(), b"0".to_vec()]])
            .map(|_| ())
    }

    fn compare_keys(&mut self, index: usize, keys: &[&[u8]]) -> Result<(), Box<Mismatch>> {
        let types: Vec<_> = keys.iter().map(|key| question("TYPE $", key)).collect();
        let types = self.compare_control(index, &types)?;
        let types: Vec<_> = types.iter().map(Value::text).collect();
        let values = (keys.iter().zip(&types)).flat_map(|(key, kind)| {
            let questions = questions_about(kind).iter();
            questions.map(|line| question(line, key))
        });
        self.compare_control(index, &values.collect::<Vec<_>>())?;
        for (key, kind) in keys.iter().zip(&types) {
            let Some(size) = size_of(kind) else { continue };
            let sizes = self.compare_control(index, &[question(size, key)])?;
            if let [Value::Integer(size)] = sizes[..] {
                self.tally.note_size(kind, size);
            }
        }
        // Small hashes have had the same encoding in all versions.
        let hashes = (keys.iter().zip(&types)).filter(|(_, kind)| *kind == "hash");
        let encodings = hashes.map(|(key, _)| question("OBJECT ENCODING $", key));
        let is_equal = |exchange: &Exchange<'_>| exchange.subject == exchange.reference;
        self.compare_control_by(index, &encodings.collect::<Vec<_>>(), is_equal)?;
        Ok(())
    }

    /// Asks both over the control connection; returns the reference's replies.
    fn compare_control(
        &mut self,
        index: usize,
        requests: &[Vec<Vec<u8>>],
    ) -> Result<Vec<Value>, Box<Mismatch>> {
        self.compare_control_by(index, requests, |exchange| exchange.agrees())
    }

    fn compare_control_by(
        &mut self,
        index: usize,
        requests: &[Vec<Vec<u8>>],
        agrees: impl Fn(&Exchange<'_>) -> bool,
    ) -> Result<Vec<Value>, Box<Mismatch>> {
        let subject = self.subject.ask(requests);
        let reference = self.reference.ask(requests);
        for (words, (subject, reference)) in requests.iter().zip(subject.iter().zip(&reference)) {
            let exchange = Exchange {
                words,
                subject,
                reference,
            };
            // A server may have a type without every command on it: it is asked what it lists.
            let is_unknown = matches!(
                subject, Value::Error(text) if text.starts_with(b"ERR unknown command")
            );
            if !is_unknown && !agrees(&exchange) {
                return Err(Box::new(Mismatch {
                    index,
                    request: format!("{} (comparing whole keyspaces)", words::join(words)),
                    subject: subject.print().join("\n    "),
                    reference: reference.print().join("\n    "),
                }));
            }
        }
        Ok(reference)
    }
}

impl Operation {
    fn words(&self) -> Option<&[Vec<u8>]> {
        match self {
            Operation::Request { words, .. } => Some(words),
            Operation::ScanAll { .. } | Operation::CompareKeyspaces => None,
        }
    }

    /// One printable line.
    pub(crate) fn print(&self) -> String {
        match self {
            Operation::Request { connection, words } => {
                format!("[{connection}] {}", words::join(words))
            }
            Operation::ScanAll { count } => format!("a whole SCAN with COUNT {count}"),
            Operation::CompareKeyspaces => "compare whole keyspaces".to_owned(),
        }
    }
}

/// What shows a key of a type in full; `$` stands for the key.
fn questions_about(kind: &str) -> &'static [&'static str] {
    const OF_STRINGS: &[&str] = &["GET $", "OBJECT ENCODING $", "PEXPIRETIME $"];
    const OF_HASHES: &[&str] = &["HGETALL $", "PEXPIRETIME $"];
    const OF_LISTS: &[&str] = &["LRANGE $ 0 -1", "OBJECT ENCODING $", "PEXPIRETIME $"];
    const OF_SETS: &[&str] = &["SMEMBERS $", "OBJECT ENCODING $", "PEXPIRETIME $"];
    const OF_SORTED_SETS: &[&str] = &[
        "ZRANGE $ 0 -1",
        "ZRANGE $ 0 -1 WITHSCORES",
        "OBJECT ENCODING $",
        "PEXPIRETIME $",
    ];
    const OF_STREAMS: &[&str] = &["XRANGE $ - +", "XINFO GROUPS $", "PEXPIRETIME $"];
    match kind {
        "stream" => OF_STREAMS,
        "hash" => OF_HASHES,
        "list" => OF_LISTS,
        "set" => OF_SETS,
        "zset" => OF_SORTED_SETS,
        _ => OF_STRINGS,
    }
}

/// What counts the elements of a type.
fn size_of(kind: &str) -> Option<&'static str> {
    match kind {
        "stream" => Some("XLEN $"),
        "hash" => Some("HLEN $"),
        "list" => Some("LLEN $"),
        "set" => Some("SCARD $"),
        "zset" => Some("ZCARD $"),
        _ => None,
    }
}

/// A request of words, in which `$` stands for the key.
fn question(line: &str, key: &[u8]) -> Vec<Vec<u8>> {
    let word = |word: &str| match word {
        "$" => key.to_vec(),
        _ => word.as_bytes().to_vec(),
    };
    line.split(' ').map(word).collect()
}

/// How many operations from the start travel as one pipeline; 1 for what is no request or must
/// travel alone.
fn pipeline_length(operations: &[Operation]) -> usize {
    let connection_of = |operation: &Operation| match operation {
        Operation::Request { connection, .. } => Some(*connection),
        Operation::ScanAll { .. } | Operation::CompareKeyspaces => None,
    };
    let first = connection_of(&operations[0]);
    let mut length_bytes = 0;
    let fits = |operation: &&Operation| {
        let words = operation.words().unwrap_or_default();
        length_bytes += words.iter().map(Vec::len).sum::<usize>();
        first.is_some()
            && connection_of(operation) == first
            && settling(words).is_none()
            && length_bytes <= PIPELINE_BYTES_MAX
    };
    operations.iter().take_while(fits).count().max(1)
}

/// The keys that a whole iteration finds, sorted, each once; what is not a reply of SCAN is
/// returned as it is, to be seen in the comparison.
fn scan(client: &mut Client, count: u32) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let mut cursor = "0".to_owned();
    // More calls than a correct server can need for the few keys of a run.
    for _ in 0..10_000 {
        let reply = client.line(&format!("SCAN {cursor} COUNT {count}"));
        let [next, found] = reply.members() else {
            return vec![reply.print().join(" ").into_bytes()];
        };
        cursor = next.text();
        keys.extend(
            found
                .members()
                .iter()
                .filter_map(|key| key.bytes().map(<[u8]>::to_vec)),
        );
        if cursor == "0" {
            keys.sort();
            keys.dedup();
            return keys;
        }
    }
    vec![b"SCAN does not end".to_vec()]
}

fn print(reply: &[u8]) -> String {
    let printed = Value::parse(reply).map(|value| value.print().join("\n    "));
    printed.unwrap_or_else(|_| words::quote(reply))
}
