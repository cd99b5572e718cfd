//! Two servers side by side: the same requests to both, over as many connections each.
//!
//! Consecutive requests of one connection travel as one pipeline. Replies of both servers are read
//! before the next connection sends, so the order of effects is the same on both.
//!
//! Not here: what counts as agreement (`compare.rs`), making a failure small (`shrink.rs`).

use crate::compare::Exchange;
use crate::support::client::{Address, Client, encode};
use crate::support::value::Value;
use crate::support::words;

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
        }
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
            let agrees = match &subject {
                Ok(subject) if *subject == reference => true,
                Ok(subject) => Value::parse(subject).is_ok_and(|subject| {
                    self.agree(connection, request, &subject, &reference_value)
                }),
                Err(_) => false,
            };
            if !agrees {
                return Err(Box::new(Mismatch {
                    index: start + offset,
                    request: words::join(request),
                    subject: subject.map_or_else(|error| error.to_string(), |b| print(&b)),
                    reference: print(&reference),
                }));
            }
            self.follow_transaction(connection, request, &reference_value);
        }
        Ok(())
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
        match (name.as_slice(), reply) {
            (b"multi", Value::Simple(text)) if text == b"OK" => *queued = Some(Vec::new()),
            (b"exec", _) => *queued = None,
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

    fn compare_keyspaces(&mut self, index: usize) -> Result<(), Box<Mismatch>> {
        for database in 0..16 {
            let select = vec![b"SELECT".to_vec(), database.to_string().into_bytes()];
            let keys = vec![b"KEYS".to_vec(), b"*".to_vec()];
            let replies = self.compare_control(index, &[select, keys])?;
            let mut requests = Vec::new();
            for key in replies[1].members() {
                for command in ["TYPE", "GET", "OBJECT ENCODING", "PEXPIRETIME"] {
                    let mut request: Vec<Vec<u8>> = command
                        .split(' ')
                        .map(|word| word.as_bytes().to_vec())
                        .collect();
                    request.push(key.bytes().unwrap_or_default().to_vec());
                    requests.push(request);
                }
            }
            // Bounded pipelines, so that neither side waits for replies to be read.
            for part in requests.chunks(100) {
                self.compare_control(index, part)?;
            }
        }
        self.compare_control(index, &[vec![b"SELECT".to_vec(), b"0".to_vec()]])
            .map(|_| ())
    }

    /// Asks both over the control connection; returns the reference's replies.
    fn compare_control(
        &mut self,
        index: usize,
        requests: &[Vec<Vec<u8>>],
    ) -> Result<Vec<Value>, Box<Mismatch>> {
        let subject = self.subject.ask(requests);
        let reference = self.reference.ask(requests);
        for (words, (subject, reference)) in requests.iter().zip(subject.iter().zip(&reference)) {
            if !(Exchange {
                words,
                subject,
                reference,
            })
            .agrees()
            {
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

/// How many operations from the start are requests of one connection; 1 for other operations.
fn pipeline_length(operations: &[Operation]) -> usize {
    let connection_of = |operation: &Operation| match operation {
        Operation::Request { connection, .. } => Some(*connection),
        Operation::ScanAll { .. } | Operation::CompareKeyspaces => None,
    };
    let first = connection_of(&operations[0]);
    let same = |operation: &&Operation| first.is_some() && connection_of(operation) == first;
    operations.iter().take_while(same).count().max(1)
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
